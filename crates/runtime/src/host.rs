//! One object on its shard: its rules, its guest, its connections, and the requests that it holds.
//!
//! Invariant: `object` is never borrowed while guest code runs; only [`crate::turn`] enters a guest, and only
//! [`Host::release`] lets things out. The host outlives the guest and dies when the object is evictable and has
//! no connection left.

mod storage;
mod files;
mod lend;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use dormouse_object::TaskId;
use dormouse_object::failure::Failure;
use dormouse_object::id::ObjectId;
use dormouse_object::mailbox::RequestId;
use dormouse_object::message::Message;
use dormouse_object::object::{Object, Reading};
use dormouse_object::outbox::{After, Close, Out, SubrequestId};
use dormouse_object::sockets::SocketId;
use dormouse_object::time::Time;
use slotmap::{Key, SecondaryMap};
use tokio::sync::oneshot;

use crate::code::Class;
use crate::guest::Guest;
use crate::host::storage::HostStorage;
use crate::limits::PIPE_LEN;
use crate::node::WorkerIndex;
use crate::pair::{ClientEnd, PairEnd};
use crate::request::{Request, Response, StubError};
use crate::shard::Shard;
use crate::signals::TaskWaker;
use crate::sockets::conn::{Conn, Wire};
use crate::sockets::queue::{TOO_SLOW, TooSlow};
use crate::sockets::waiting::Waiting;
use crate::stub::{Instance, Stub};

slotmap::new_key_type! {
    /// One object on one shard. Never used again for another one.
    pub(crate) struct HostKey;
}

/// Where the answer to a request goes.
pub(crate) type Reply = oneshot::Sender<Result<Response, StubError>>;

/// A request that the object has not answered.
struct Incoming {
    /// Until it is delivered.
    request: Option<Box<Request>>,
    /// From the handler's answer until it may leave.
    response: Option<Response>,
    reply: Reply,
}

/// Whom a request is for.
pub(crate) enum Target {
    /// An object.
    Object(Stub),
    /// A Worker, on the shard of the one who asks.
    Worker(WorkerIndex),
    /// Whoever the request's URL names.
    Outside,
}

/// A request of the object that may not leave yet.
struct Outgoing {
    target: Target,
    request: Box<Request>,
    reply: Reply,
}

/// The wire side of a socket.
enum Link {
    /// The pair's client end has no connection yet.
    Waiting(Waiting),
    Connected(Rc<Conn>),
}

/// What a host is.
#[derive(Clone)]
pub(crate) enum Identity {
    /// A Worker, which has no name and never sleeps.
    Worker(WorkerIndex),
    Object(Arc<Class>, ObjectId),
}

/// One object on its shard.
pub(crate) struct Host {
    shard: Rc<Shard>,
    key: HostKey,
    identity: Identity,
    pub(crate) object: RefCell<Object>,
    pub(crate) guest: RefCell<Option<Rc<dyn Guest>>>,
    /// Counts guests: a [`crate::ctx::Ctx`] of an earlier one is void.
    epoch: Cell<u64>,
    /// What the guest gave as its reason for a reset after this turn.
    abort: RefCell<Option<String>>,
    /// What the stubs that have reached the object hold; none as long as there are none.
    instance: RefCell<Option<Arc<Instance>>>,
    links: RefCell<SecondaryMap<SocketId, Link>>,
    /// Boxed, because the table stays with the object when its last request has gone.
    incoming: RefCell<HashMap<RequestId, Box<Incoming>>>,
    outgoing: RefCell<HashMap<SubrequestId, Outgoing>>,
    next_number: Cell<u64>,
    /// A waker that was used before; used again when nobody holds it any more.
    spare_waker: RefCell<Option<Arc<TaskWaker>>>,
    /// None as long as the object stores nothing.
    storage: RefCell<Option<Box<HostStorage>>>,
    /// Whether the guest is to be built as soon as the object's files are free.
    pub(crate) start_waits: Cell<bool>,
    /// Whether it stands in the shard's list of objects to run.
    pub(crate) scheduled: Cell<bool>,
    /// The deadline that stands in the shard's timers.
    pub(crate) timer: Cell<Option<Time>>,
}

impl Host {
    pub(crate) fn new(shard: Rc<Shard>, key: HostKey, identity: Identity, object: Object) -> Rc<Self> {
        Rc::new(Self {
            shard,
            key,
            identity,
            object: RefCell::new(object),
            guest: RefCell::new(None),
            epoch: Cell::new(0),
            abort: RefCell::new(None),
            instance: RefCell::new(None),
            links: RefCell::default(),
            incoming: RefCell::default(),
            outgoing: RefCell::default(),
            next_number: Cell::new(0),
            spare_waker: RefCell::new(None),
            storage: RefCell::new(None),
            start_waits: Cell::new(false),
            scheduled: Cell::new(false),
            timer: Cell::new(None),
        })
    }

    pub(crate) fn shard(&self) -> &Rc<Shard> {
        &self.shard
    }

    pub(crate) fn key(&self) -> HostKey {
        self.key
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn id(&self) -> Option<&ObjectId> {
        match &self.identity {
            Identity::Worker(_) => None,
            Identity::Object(_, id) => Some(id),
        }
    }

    pub(crate) fn class_name(&self) -> &str {
        match &self.identity {
            Identity::Worker(_) => "",
            Identity::Object(class, _) => &class.name,
        }
    }

    /// What the logs call it.
    pub(crate) fn label(&self) -> String {
        match &self.identity {
            Identity::Worker(worker) => self.shard.code().worker(*worker).name.clone(),
            Identity::Object(class, id) => match id.name() {
                Some(name) => format!("{}/{name}", class.name),
                None => format!("{}/{id}", class.name),
            },
        }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.get()
    }

    /// Makes every `Ctx` that exists void, and waits for no wake of theirs.
    pub(crate) fn begin_epoch(&self) -> u64 {
        self.epoch.set(self.epoch.get() + 1);
        *self.spare_waker.borrow_mut() = None;
        self.epoch.get()
    }

    pub(crate) fn with_object<T>(&self, ask: impl FnOnce(&mut Object) -> T) -> T {
        ask(&mut self.object.borrow_mut())
    }

    pub(crate) fn abort(&self, reason: &str) {
        *self.abort.borrow_mut() = Some(reason.to_owned());
    }

    pub(crate) fn give_up(&self, reason: &str) {
        let now = self.shard.now();
        self.roll_back_storage();
        self.with_object(|object| object.handle_lost(&Failure::new(reason), now));
        self.shard.schedule(self.key);
    }

    pub(crate) fn take_abort(&self) -> Option<String> {
        self.abort.borrow_mut().take()
    }

    pub(crate) fn waker(&self, epoch: u64, task: TaskId) -> Waker {
        let mut spare = self.spare_waker.borrow_mut();
        match &mut *spare {
            Some(waker) if waker.epoch == epoch && Arc::strong_count(waker) == 1 => {
                waker.reuse(task);
                waker.waker()
            }
            spare => {
                let waker = TaskWaker::new(self.shard.signals().clone(), self.key, epoch, task);
                spare.insert(waker).waker()
            }
        }
    }

    fn number(&self) -> u64 {
        self.next_number.set(self.next_number.get() + 1);
        self.next_number.get()
    }
}

/// Requests.
impl Host {
    /// Queues a request for the guest; the caller runs the host afterwards.
    pub(crate) fn handle_request(&self, request: Box<Request>, reply: Reply) {
        let id = RequestId(self.number());
        if let Err(overloaded) = self.with_object(|object| object.handle_request(id)) {
            // Nobody is left to hear it when this fails.
            let _ = reply.send(Err(StubError::Overloaded(overloaded.to_string())));
            return;
        }
        self.incoming.borrow_mut().insert(id, Box::new(Incoming { request: Some(request), response: None, reply }));
    }

    /// The request that is to be delivered.
    pub(crate) fn take_request(&self, id: RequestId) -> Option<Box<Request>> {
        self.incoming.borrow_mut().get_mut(&id)?.request.take()
    }

    pub(crate) fn respond(&self, task: TaskId, response: Response) -> bool {
        if self.abort.borrow().is_some() {
            return false;
        }
        let Some(id) = self.with_object(|object| object.respond(task)) else { return false };
        if let Some(incoming) = self.incoming.borrow_mut().get_mut(&id) {
            incoming.response = Some(response);
        }
        true
    }

    pub(crate) fn subrequest(&self, target: Target, request: Box<Request>, reply: Reply) {
        let number = SubrequestId(self.number());
        self.outgoing.borrow_mut().insert(number, Outgoing { target, request, reply });
        self.with_object(|object| object.request(number));
    }

    fn answer(&self, id: RequestId, failure: Option<Box<Failure>>) {
        let Some(incoming) = self.incoming.borrow_mut().remove(&id) else { return };
        let result = match (failure, incoming.response) {
            (None, Some(response)) => Ok(response),
            (Some(failure), _) => Err(StubError::Thrown((*failure).into())),
            (None, None) => Err(StubError::Disconnected),
        };
        // The caller may have given up; then the response is dropped, and a client end in it says so.
        let _ = incoming.reply.send(result);
    }
}

/// Stubs.
impl Host {
    /// The instance that a stub reaches now.
    pub(crate) fn instance(&self) -> Arc<Instance> {
        self.tell_stubs();
        self.instance.borrow_mut().get_or_insert_default().clone()
    }

    /// Tells the stubs of an instance that has broken.
    fn tell_stubs(&self) {
        let Some(failure) = self.with_object(Object::poll_broken) else { return };
        if let Some(instance) = self.instance.take() {
            instance.break_down(*failure);
        }
    }
}

/// Connections.
impl Host {
    pub(crate) fn new_pair(&self) -> (SocketId, ClientEnd) {
        let socket = self.with_object(Object::new_socket);
        self.links.borrow_mut().insert(socket, Link::Waiting(Waiting::default()));
        let signals = self.shard.signals().clone();
        (socket, ClientEnd::Pair(PairEnd::new(signals, self.shard.index(), self.key, socket)))
    }

    /// Takes the end of a WebSocket as a socket of this object. To the client end of a pair, of whatever object, a pipe
    /// joins it, and this end has the part of the client.
    pub(crate) fn adopt(self: &Rc<Self>, client: ClientEnd) -> SocketId {
        let socket = self.with_object(Object::new_socket);
        let wire = match client {
            ClientEnd::Pair(_) => self.pipe_to(client),
            ClientEnd::Remote(remote) => remote.arrive().unwrap_or_else(|error| {
                tracing::error!(object = self.label(), %error, "a connection to a server could not come to its object");
                Wire::broken()
            }),
        };
        Conn::start(self.clone(), socket, wire, Waiting::default());
        socket
    }

    fn pipe_to(&self, client: ClientEnd) -> Wire {
        let (ours, theirs) = tokio::io::duplex(PIPE_LEN);
        if let Err(error) = self.shard.connect(client, Box::new(theirs), Bytes::new(), None) {
            // The pipe has ended with it, so both ends hear that their peer is gone.
            tracing::error!(object = self.label(), %error, "a socket could not be joined to the other end of its pair");
        }
        Wire::pipe(ours)
    }

    /// What was sent on a socket before it had a connection; `None` when the object has dropped it meanwhile.
    pub(crate) fn take_waiting(&self, socket: SocketId) -> Option<Waiting> {
        match self.links.borrow_mut().get_mut(socket) {
            Some(Link::Waiting(waiting)) => Some(std::mem::take(waiting)),
            Some(Link::Connected(_)) | None => None,
        }
    }

    pub(crate) fn link(&self, socket: SocketId, conn: Rc<Conn>) {
        self.links.borrow_mut().insert(socket, Link::Connected(conn));
    }

    /// Forgets the wire side of a socket.
    pub(crate) fn unlink(&self, socket: SocketId) {
        self.links.borrow_mut().remove(socket);
    }

    /// Forgets a connection that has ended, unless the socket's place is another one's by now.
    pub(crate) fn unlink_connection(&self, socket: SocketId, conn: &Conn) {
        let mut links = self.links.borrow_mut();
        if matches!(links.get(socket), Some(Link::Connected(have)) if std::ptr::eq(&**have, conn)) {
            links.remove(socket);
        }
    }

    /// Gives memory back that only a busy object needs.
    pub(crate) fn shrink(&self) {
        // Only here a stub gets hold of it.
        self.instance.borrow_mut().take_if(|instance| Arc::strong_count(instance) == 1);
        self.incoming.borrow_mut().shrink_to_fit();
        self.outgoing.borrow_mut().shrink_to_fit();
    }

    /// Drops the guest and the connections for good: the shard ends.
    pub(crate) fn dismantle(&self) {
        self.drop_guest();
        self.close_storage();
        self.links.take();
        self.incoming.take();
        self.outgoing.take();
    }

    /// Adds one of every `parts` connections to a list, another one for each `part`.
    pub(crate) fn collect_connections(&self, part: u64, parts: u64, list: &mut Vec<Rc<Conn>>) {
        // The lower half of a key is its place in its table, and those are dense.
        let place = |key: slotmap::KeyData| key.as_ffi() & u64::from(u32::MAX);
        let host = place(self.key.data());
        for (socket, link) in self.links.borrow().iter() {
            if let Link::Connected(conn) = link
                && (host + place(socket.data())) % parts == part
            {
                list.push(conn.clone());
            }
        }
    }

    /// Lets the connection of a socket read on, if it waits for that.
    pub(crate) fn wake_connection(&self, socket: SocketId) {
        if let Some(Link::Connected(conn)) = self.links.borrow().get(socket) {
            conn.wake_if_paused();
        }
    }

    pub(crate) fn reading(&self, socket: SocketId) -> Reading {
        self.object.borrow().reading(socket)
    }

    /// Whether the host itself can be forgotten.
    pub(crate) fn is_evictable(&self) -> bool {
        let is_bare = self.links.borrow().is_empty() && self.incoming.borrow().is_empty();
        self.object.borrow().is_evictable() && is_bare && !self.storage_is_busy()
    }
}

/// The way out.
impl Host {
    /// Lets out all that may leave.
    pub(crate) fn release(&self) {
        self.tell_stubs();
        let mut has_sent = false;
        loop {
            let Some(out) = self.object.borrow_mut().poll_out() else { break };
            match out {
                Out::Frame { socket, message } => {
                    self.send(socket, &message);
                    self.shard.note_sent(message);
                    has_sent = true;
                }
                Out::Broadcast(broadcast) => {
                    self.shard.note_sent(broadcast.message.clone());
                    broadcast.sockets.iter().for_each(|socket| self.send(*socket, &broadcast.message));
                    has_sent = true;
                }
                Out::Close { socket, close, after } => self.close(socket, &close, after),
                Out::Cut(socket) => self.cut(socket),
                Out::Respond(request) => self.answer(request, None),
                Out::Fail(request, failure) => self.answer(request, Some(failure)),
                Out::Subrequest(number) => {
                    let outgoing = self.outgoing.borrow_mut().remove(&number);
                    if let Some(Outgoing { target, request, reply }) = outgoing {
                        self.shard.dispatch(target, request, reply);
                    }
                }
            }
        }
        if has_sent {
            self.shard.forget_sent();
        }
        self.shard.cork().flush_unless_in();
    }

    fn send(&self, socket: SocketId, message: &Message) {
        let len_max = self.shard.options().send_queue_bytes_max;
        let rule = self.object.borrow().slow_clients();
        let sent = match self.links.borrow_mut().get_mut(socket) {
            Some(Link::Connected(conn)) => conn.send(message, len_max, rule),
            // What was agreed with its client is not known yet; no message has to be compressed.
            Some(Link::Waiting(waiting)) => waiting.send(self.shard.encode(message), len_max, rule),
            None => Ok(()),
        };
        if sent == Err(TooSlow) {
            let reason = format!("The client reads too slowly: more than {len_max} bytes waited to be sent.");
            tracing::warn!(object = self.label(), "client reads too slowly, closing its socket");
            let close = Close { code: Some(TOO_SLOW), reason: reason.into() };
            self.object.borrow_mut().handle_protocol_error(socket, close);
            self.shard.schedule(self.key);
        }
    }

    fn cut(&self, socket: SocketId) {
        let mut links = self.links.borrow_mut();
        match links.get_mut(socket) {
            Some(Link::Connected(conn)) => {
                conn.cut();
                links.remove(socket);
            }
            // Stays until its connection comes, which ends then.
            Some(Link::Waiting(waiting)) => waiting.cut(),
            None => {}
        }
    }

    fn close(&self, socket: SocketId, close: &Close, after: After) {
        let mut links = self.links.borrow_mut();
        match links.get_mut(socket) {
            Some(Link::Connected(conn)) => {
                conn.close(close, after);
                if after == After::Forget {
                    links.remove(socket);
                }
            }
            // Stays until its connection comes: the peer shall be told.
            Some(Link::Waiting(waiting)) => waiting.close(close, after),
            None => {}
        }
    }
}
