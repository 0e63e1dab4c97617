//! One connection: a stream, the frames on it, and the task that waits for it.
//!
//! Reading happens in the connection's task, into a buffer that all connections of the shard share; a message
//! goes straight down the stack to the object and its guest. Writing happens wherever the object lets something
//! out; only what the kernel does not take is kept, and only then does the task wait for the socket to become
//! writable. Between messages a connection holds no buffer.
//!
//! Invariant: the object hears of the end of a connection exactly once, unless it has forgotten the socket.
//! After our Close frame nothing more is sent. Pings and pongs are settled here and never wake an object: a
//! pong carries nothing but what its peer sent, so it need not wait for the object's writes.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use bytestring::ByteString;
use dormouse_object::message::Message;
use dormouse_object::object::Reading;
use dormouse_object::outbox::{After, Close};
use dormouse_object::sockets::{SlowClients, SocketId};
use tokio::io::{DuplexStream, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::host::Host;
use crate::limits::LINGER;
use crate::pair::Ties;
use crate::sockets::frame::agreement::Agreement;
use crate::sockets::frame::{Decoder, Deflated, FrameError, Item, Role, encode};
use crate::sockets::queue::{Flushed, SendQueue, TooSlow};
use crate::sockets::stream::Stream;
use crate::sockets::waiting::{Waiting, parts};

/// One connection of an object's socket.
pub(crate) struct Conn {
    host: Rc<Host>,
    id: SocketId,
    stream: RefCell<Stream>,
    role: Role,
    decoder: RefCell<Decoder>,
    deflate: RefCell<Option<Agreement>>,
    queue: RefCell<SendQueue>,
    /// What was read while the object could not take it.
    unread: RefCell<Vec<u8>>,
    flags: Flags,
    task: RefCell<Option<Waker>>,
    /// When the connection is cut, once nothing more is to be said on it.
    linger: RefCell<Option<Pin<Box<Sleep>>>>,
    /// Given back when the stream is closed.
    ties: Ties,
}

/// Each by itself: most are looked at and few change.
#[derive(Default)]
struct Flags {
    /// The kernel took less than all; the task waits for the socket to become writable.
    blocked: Cell<bool>,
    /// The task waits for the object before it reads on.
    paused: Cell<bool>,
    /// In the list of connections to write to.
    touched: Cell<bool>,
    close_sent: Cell<bool>,
    close_received: Cell<bool>,
    /// The peer broke the protocol: nothing that it says is heard any more, its Close frame neither.
    failed: Cell<bool>,
    /// The peer has been told that nothing more comes.
    shut: Cell<bool>,
    /// The object hears no more of this connection.
    forgotten: Cell<bool>,
    /// The connection has ended, or is to end without another word.
    over: Cell<bool>,
    /// Bytes have come, or more of what waited was taken, since the last look of the keep-alive.
    heard: Cell<bool>,
    /// A ping of the keep-alive has had no sign of life in answer.
    pinged: Cell<bool>,
}

/// What a connection is made of.
pub(crate) struct Wire {
    pub(crate) stream: Stream,
    pub(crate) role: Role,
    /// What was read from the stream already.
    pub(crate) read_ahead: Bytes,
    /// How messages are compressed.
    pub(crate) deflate: Option<Agreement>,
    /// What lasts as long as the connection.
    pub(crate) ties: Ties,
}

impl Wire {
    /// One that has ended.
    pub(crate) fn broken() -> Self {
        let (ours, _) = tokio::io::duplex(1);
        Self::pipe(ours)
    }

    /// Our end of a pipe, which has the part of the client.
    pub(crate) fn pipe(ours: DuplexStream) -> Self {
        Self {
            stream: Box::new(ours).into(),
            role: Role::Client,
            read_ahead: Bytes::new(),
            deflate: None,
            ties: Ties::default(),
        }
    }
}

/// Why decoding stopped.
enum Fed {
    /// All is used up.
    All,
    /// The object must take what waits first.
    Paused,
}

impl Conn {
    /// Connects a stream to a socket, and starts its task. `waiting` was sent to it already.
    pub(crate) fn start(host: Rc<Host>, id: SocketId, wire: Wire, waiting: Waiting) {
        let Wire { stream, role, read_ahead, deflate, ties } = wire;
        let decoder = Decoder::new(role, host.shard().options().message_len_max);
        let decoder = if deflate.is_some() { decoder.with_deflate() } else { decoder };
        let conn = Rc::new(Self {
            id,
            stream: RefCell::new(stream),
            role,
            decoder: RefCell::new(decoder),
            deflate: RefCell::new(deflate),
            queue: RefCell::new(waiting.queue),
            unread: RefCell::new(read_ahead.into()),
            flags: Flags {
                close_sent: waiting.close_sent.into(),
                forgotten: waiting.forgotten.into(),
                // Its handshake was a sign of life.
                heard: true.into(),
                ..Flags::default()
            },
            task: RefCell::new(None),
            linger: RefCell::new(None),
            ties,
            host: host.clone(),
        });
        host.link(id, conn.clone());
        conn.flush();
        if waiting.cut {
            conn.cut();
        }
        let counted = host.shard().count_socket();
        tokio::task::spawn_local(async move {
            let _counted = counted;
            conn.ties.until_cut(poll_fn(|context| conn.poll(context))).await;
            conn.end();
        });
    }

    /// Queues a message, to be written when the cork is out.
    pub(crate) fn send(self: &Rc<Self>, message: &Message, len_max: usize, rule: SlowClients) -> Result<(), TooSlow> {
        if self.flags.close_sent.get() {
            return Ok(());
        }
        let frame = self.encode(message);
        if !self.queue.borrow().takes(&frame, len_max) {
            // Much was sent at once, perhaps, and the kernel has not been asked yet.
            self.flush();
        }
        match rule {
            SlowClients::DropOldest if !self.refers_back() => self.push_dropping(frame, len_max),
            SlowClients::Close | SlowClients::DropOldest => self.queue.borrow_mut().push(frame, len_max)?,
        }
        self.host.shard().cork().count_frame();
        self.touch();
        Ok(())
    }

    /// Whether messages are compressed with reference to those before them: then none can be left out.
    fn refers_back(&self) -> bool {
        matches!(&*self.deflate.borrow(), Some(Agreement::Streams(streams)) if streams.sent.is_some())
    }

    fn push_dropping(&self, frame: Bytes, len_max: usize) {
        let mut queue = self.queue.borrow_mut();
        let before = queue.dropped();
        queue.push_dropping(frame, len_max);
        if before == 0 && queue.dropped() > 0 {
            tracing::warn!(object = self.host.label(), "client reads too slowly, dropping the oldest of its messages");
        }
    }

    /// What a frame of ours is masked with (RFC 6455, section 5.3).
    fn key(&self) -> Option<[u8; 4]> {
        (self.role == Role::Client).then(|| self.host.shard().masking_key())
    }

    fn encode(&self, message: &Message) -> Bytes {
        let shard = self.host.shard();
        if let Some(key) = self.key() {
            return self.encode_masked(message, key);
        }
        match &mut *self.deflate.borrow_mut() {
            None => shard.encode(message),
            Some(Agreement::Messages { server_bits }) => shard.encode_deflated(message, *server_bits),
            Some(Agreement::Streams(streams)) => match &mut streams.sent {
                None => shard.encode_deflated(message, streams.server_bits),
                sent => {
                    let deflated = shard.codecs().deflate(message, streams.server_bits, sent.as_mut());
                    deflated.unwrap_or_else(|| shard.encode(message))
                }
            },
        }
    }

    /// A frame of a client, which is shared with nobody: no two have the same key.
    fn encode_masked(&self, message: &Message, key: [u8; 4]) -> Bytes {
        let bits = self.deflate.borrow().as_ref().map(Agreement::bits);
        let deflated = bits.and_then(|bits| self.host.shard().codecs().deflate_masked(message, bits, key));
        deflated.unwrap_or_else(|| encode::message_masked(message, key))
    }

    /// Queues a Close frame, if none was sent.
    pub(crate) fn close(self: &Rc<Self>, close: &Close, after: After) {
        if !self.flags.close_sent.replace(true) {
            let frame = encode::close_with(parts(close), self.key());
            self.queue.borrow_mut().push_close(close.code, frame);
        }
        if after == After::Forget {
            self.flags.forgotten.set(true);
        }
        self.touch();
        self.wake();
    }

    /// Ends the connection without another word. What was queued before is written, if it is taken at once.
    pub(crate) fn cut(&self) {
        self.flush();
        self.flags.forgotten.set(true);
        self.flags.over.set(true);
        self.wake();
    }

    /// Writes what was queued while the cork was in.
    pub(crate) fn flush_touched(&self) {
        self.flags.touched.set(false);
        self.flush();
    }

    /// Lets the task read on, if it waits for the object.
    pub(crate) fn wake_if_paused(&self) {
        if self.flags.paused.get() {
            self.wake();
        }
    }

    /// One look of the keep-alive: asks a silent peer for a sign of life, and gives up on one that gave none. One on
    /// this node cannot vanish unnoticed, and does not answer while its own object is busy.
    pub(crate) fn keep_alive(&self) {
        let flags = &self.flags;
        if flags.heard.get() || flags.paused.get() || flags.close_sent.get() || self.stream.borrow().is_local() {
            flags.heard.set(false);
            flags.pinged.set(false);
        } else if flags.pinged.replace(true) {
            flags.over.set(true);
            self.wake();
        } else {
            self.queue.borrow_mut().push_unbounded(encode::ping_with(b"", self.key()));
        }
        self.flush();
    }

    fn touch(self: &Rc<Self>) {
        if !self.flags.touched.replace(true) {
            self.host.shard().cork().touch(self.clone());
        }
    }

    fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// Writes what waits, as far as the kernel takes it. The task learns what it has to wait for.
    fn flush(&self) {
        let flags = &self.flags;
        if flags.blocked.get() || flags.over.get() || self.has_nothing_to_flush() || self.ties.is_cut() {
            return;
        }
        let (mut stream, task) = (self.stream.borrow_mut(), self.task.borrow());
        let write = |slices: &[IoSlice<'_>]| stream.try_write(slices, task.as_ref());
        let flushed = self.queue.borrow_mut().flush(write);
        let flushed = match flushed {
            Ok(Flushed::All) => stream.try_flush(task.as_ref()),
            Ok(Flushed::Blocked) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(error),
        };
        drop((stream, task));
        match flushed {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.flags.blocked.set(true),
            Err(_) => self.flags.over.set(true),
        }
        self.wake();
    }

    /// Whether nothing waits, here or in the stream itself.
    fn has_nothing_to_flush(&self) -> bool {
        self.queue.borrow().is_empty() && matches!(*self.stream.borrow(), Stream::Tcp(_))
    }

    /// Waits for whatever comes first, and deals with it. Ready when the connection is over.
    fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            *task = Some(context.waker().clone());
        }
        drop(task);
        while !self.flags.over.get() {
            self.poll_write(context);
            self.hang_up(context);
            if self.is_said_and_done() && self.poll_farewell(context).is_ready() {
                break;
            }
            if self.poll_linger(context).is_ready() {
                break;
            }
            ready!(self.poll_read(context));
        }
        Poll::Ready(())
    }

    fn poll_write(&self, context: &mut Context<'_>) {
        while self.flags.blocked.get() {
            let ready = self.stream.borrow().poll_write_ready(context);
            match ready {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {
                    self.flags.blocked.set(false);
                    let waited = self.queue.borrow().len();
                    self.flush();
                    if self.queue.borrow().len() < waited {
                        // There is room again because the peer has taken something.
                        self.flags.heard.set(true);
                    }
                    if matches!(*self.stream.borrow(), Stream::Other(_)) {
                        // Blocked again or not: the stream has been given the task to wake.
                        return;
                    }
                }
                Poll::Ready(Err(_)) => {
                    self.flags.blocked.set(false);
                    self.flags.over.set(true);
                }
            }
        }
    }

    /// Ends our direction once a peer that broke the protocol has been told so. It waits for us to end the
    /// connection, and what it still sends must be read until it does: to drop the stream with bytes unread in it
    /// would reset the connection, and could take our Close frame from the peer.
    fn hang_up(&self, context: &mut Context<'_>) {
        let flags = &self.flags;
        if flags.failed.get() && flags.close_sent.get() && !flags.shut.get() && self.is_written() {
            // When it fails the connection is gone, and reading from it says so.
            let shut = self.stream.borrow_mut().poll_shutdown(context).is_ready();
            self.flags.shut.set(shut);
        }
    }

    /// Whether nothing waits to be written.
    fn is_written(&self) -> bool {
        !self.flags.blocked.get() && self.queue.borrow().is_empty()
    }

    /// Whether both Close frames have passed and all is written.
    fn is_said_and_done(&self) -> bool {
        self.flags.close_sent.get() && self.flags.close_received.get() && self.is_written()
    }

    /// Ends our direction at the end of all, where that is more than to drop the stream.
    fn poll_farewell(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut stream = self.stream.borrow_mut();
        match *stream {
            Stream::Tcp(_) => Poll::Ready(()),
            Stream::Other(_) => stream.poll_shutdown(context).map(|_| ()),
        }
    }

    /// Once our last word is queued, and nobody waits for the peer's, the connection has a limited time left.
    fn poll_linger(&self, context: &mut Context<'_>) -> Poll<()> {
        let flags = &self.flags;
        if !flags.close_sent.get() || !(flags.forgotten.get() || flags.close_received.get()) {
            return Poll::Pending;
        }
        let mut linger = self.linger.borrow_mut();
        let linger = linger.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + LINGER)));
        linger.as_mut().poll(context)
    }

    fn poll_read(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.must_wait() {
            self.flags.paused.set(true);
            return Poll::Pending;
        }
        self.flags.paused.set(false);
        let mut unread = self.unread.take();
        if !unread.is_empty() {
            self.feed_all(&mut unread);
            return Poll::Ready(());
        }
        let shard = self.host.shard().clone();
        let mut buffer = shard.read_buffer();
        let mut read = ReadBuf::new(&mut buffer);
        let result = ready!(self.stream.borrow_mut().poll_read(context, &mut read));
        let len = read.filled().len();
        match result {
            Ok(()) if len > 0 => {
                self.flags.heard.set(true);
                self.feed_all(&mut buffer[..len]);
            }
            Ok(()) | Err(_) => self.flags.over.set(true),
        }
        Poll::Ready(())
    }

    fn must_wait(&self) -> bool {
        !self.flags.forgotten.get() && self.host.reading(self.id) == Reading::Wait
    }

    fn feed_all(&self, mut input: &mut [u8]) {
        let shard = self.host.shard();
        shard.look_at_clock();
        let cork = shard.cork().put_in();
        if let Fed::Paused = self.feed(&mut input) {
            *self.unread.borrow_mut() = input.to_vec();
        }
        drop(cork);
        self.flush();
    }

    /// Gives the object all items in `input`, one at a time.
    fn feed(&self, input: &mut &mut [u8]) -> Fed {
        loop {
            if self.must_wait() {
                return if input.is_empty() { Fed::All } else { Fed::Paused };
            }
            let item = self.decoder.borrow_mut().decode(input);
            let forgotten = self.flags.forgotten.get();
            let item = match item {
                Ok(Some(Item::Deflated(deflated))) if !forgotten => self.inflate(&deflated),
                item => item,
            };
            match item {
                Ok(None) => return Fed::All,
                Ok(Some(Item::Message(message))) if !forgotten => {
                    let now = self.host.shard().now();
                    self.host.with_object(|object| object.handle_message(self.id, message, now));
                    self.host.enter();
                }
                Ok(Some(Item::Ping(payload))) => self.pong(&payload),
                Ok(Some(Item::Close(frame))) => {
                    self.flags.close_received.set(true);
                    let close = frame
                        .map_or_else(Close::default, |frame| Close { code: Some(frame.code), reason: frame.reason });
                    self.tell(|host| host.with_object(|object| object.handle_close(self.id, close)));
                }
                Err(error) => {
                    self.flags.failed.set(true);
                    let close = Close { code: Some(error.code), reason: ByteString::from(error.reason.into_owned()) };
                    self.tell(|host| host.with_object(|object| object.handle_protocol_error(self.id, close)));
                }
                Ok(Some(Item::Message(_) | Item::Deflated(_) | Item::Pong(_))) => {}
            }
        }
    }

    /// Makes a message of a compressed one; when it is none, nothing more is heard of the peer.
    fn inflate(&self, deflated: &Deflated) -> Result<Option<Item>, FrameError> {
        let shard = self.host.shard();
        let mut deflate = self.deflate.borrow_mut();
        let history = match &mut *deflate {
            Some(Agreement::Streams(streams)) => streams.received.as_mut(),
            Some(Agreement::Messages { .. }) | None => None,
        };
        let inflated = shard.codecs().inflate(deflated, history, shard.options().message_len_max);
        if inflated.is_err() {
            self.decoder.borrow_mut().fail();
        }
        inflated.map(|message| Some(Item::Message(message)))
    }

    fn pong(&self, payload: &[u8]) {
        if !self.flags.close_sent.get() {
            // A peer that pings without reading loses pongs, which is what it asked for.
            let _ = self
                .queue
                .borrow_mut()
                .push(encode::pong_with(payload, self.key()), self.host.shard().options().send_queue_bytes_max);
        }
    }

    /// Tells the object something, unless it has forgotten the socket.
    fn tell(&self, what: impl FnOnce(&Host)) {
        if !self.flags.forgotten.get() {
            what(&self.host);
            self.host.enter();
        }
    }

    /// The connection is over.
    fn end(&self) {
        self.flags.over.set(true);
        let dropped = self.queue.borrow().dropped();
        if dropped > 0 {
            tracing::info!(object = self.host.label(), dropped, "a client that had read too slowly has gone");
        }
        self.host.shard().look_at_clock();
        self.host.unlink_connection(self.id, self);
        self.tell(|host| host.with_object(|object| object.handle_gone(self.id)));
        self.host.shard().forget_if_evictable(&self.host);
    }
}

/// Hands a stream that has no object to come to back to its peer, with a Close frame that says so.
pub(crate) fn turn_away(mut stream: Stream) {
    let close = encode::close(Some((1012, "The Durable Object was reset.")));
    tokio::task::spawn_local(timeout(LINGER, async move {
        let mut rest = &close[..];
        while !rest.is_empty() {
            let written = poll_fn(|context| stream.poll_write(context, rest)).await?;
            rest = &rest[written..];
        }
        poll_fn(|context| stream.poll_shutdown(context)).await
    }));
}
