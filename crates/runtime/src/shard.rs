//! One thread and the objects that live on it.
//!
//! A shard is a current-thread runtime with a `LocalSet`. Its connections have a task each; with everything else that can
//! wake the thread [`Shard::serve`] deals, one thing at a time. An object is run through [`Host::enter`], which also runs
//! those that it has addressed on the same shard.
//!
//! Invariant: nothing here is shared with another thread but the inbox and the signals, and both are bounded.

mod encoded;
mod serve;
mod stop;

use std::any::{Any, TypeId};
use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dormouse_object::id::ObjectId;
use dormouse_object::object::Object;
use dormouse_object::time::Time;
use slotmap::SlotMap;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use crate::code::Code;
use crate::cork::Cork;
use crate::ctx::{Namespace, PendingResponse};
use crate::guest::GuestFactory;
use crate::host::{Host, HostKey, Identity, Reply, Target};
use crate::limits::{HISTORIES_LEN_MAX, READ_LEN_MAX};
use crate::loan::LoanRequest;
use crate::node::{Handle, Options, WorkerIndex};
use crate::pair::{ClientEnd, PairEnd, Remote};
use crate::request::{Outbound, Request, StubError};
use crate::shard::encoded::Encoded;
use crate::signals::Signals;
use crate::sockets::conn::{Conn, Wire, turn_away};
use crate::sockets::frame::Role;
use crate::sockets::frame::agreement::{Agreement, Reserved};
use crate::sockets::frame::deflate::Codecs;
use crate::sockets::frame::mask::Keys;
use crate::sockets::splice::{self, Side};
use crate::sockets::stream::{Stream, Travelling};
use crate::store::Store;
use crate::stub::Stub;
use crate::timers::Timers;

/// What other threads send to a shard.
pub(crate) enum Post {
    /// A request for an object of this shard.
    Fetch(Stub, Box<Request>, Reply),
    /// A connection for the client end of a pair of this shard, what was read from it already, and how its messages
    /// are compressed.
    Connect(PairEnd, Travelling, Bytes, Option<Agreement>),
    /// The alarm of an object of this shard is due, by the registry.
    Alarm(usize, ObjectId),
    /// Somebody wants the database of an object of this shard.
    Lend(LoanRequest),
    /// New code for all objects.
    Replace(Arc<Code>),
    /// The node stops: what is under way may take this long.
    Stop(Duration),
}

/// One thread and the objects that live on it.
pub struct Shard {
    index: usize,
    node: Handle,
    code: RefCell<Arc<Code>>,
    started: (Instant, Time),
    now: Cell<Time>,
    hosts: RefCell<SlotMap<HostKey, Rc<Host>>>,
    by_id: RefCell<HashMap<(usize, [u8; 32]), HostKey>>,
    workers: RefCell<HashMap<WorkerIndex, Rc<Host>>>,
    /// What guests share, by its owner and its type.
    shared: RefCell<HashMap<(usize, TypeId), Rc<dyn Any>>>,
    outbound: RefCell<Option<Rc<dyn Outbound>>>,
    /// Objects that wait to be run.
    ready: RefCell<VecDeque<HostKey>>,
    /// Whether an object is being run: another one then waits in `ready`.
    entered: Cell<bool>,
    timers: RefCell<Timers>,
    look: Notify,
    read_buffer: RefCell<Box<[u8]>>,
    /// The message sent last and its frames: the next one with the same payload shares them.
    encoded: RefCell<Option<Encoded>>,
    codecs: RefCell<Codecs>,
    masking: Keys,
    cork: Cork,
    /// Which connections the keep-alive looks at next.
    keep_alive_part: Cell<u64>,
    /// Held, as a clone, by each connection that is no socket.
    connections: Rc<()>,
    /// Held, as a clone, by each connection of a socket, or of several.
    socket_connections: Rc<()>,
    /// Whether the shard stops, for connections that belong to no object.
    stopping: watch::Sender<bool>,
    /// While the shard stops: objects whose sockets are to be closed as soon as nothing is under way in them.
    closing: RefCell<Option<Vec<Rc<Host>>>>,
}

/// What counts a connection while it is held.
pub struct Counted(#[expect(dead_code, reason = "its reference count is the count")] Rc<()>);

impl Shard {
    pub(crate) fn new(index: usize, node: Handle, code: Arc<Code>) -> Rc<Self> {
        let started = node.started();
        Rc::new(Self {
            index,
            node,
            code: RefCell::new(code),
            started,
            now: Cell::new(started.1),
            hosts: RefCell::default(),
            by_id: RefCell::default(),
            workers: RefCell::default(),
            shared: RefCell::default(),
            outbound: RefCell::new(None),
            ready: RefCell::default(),
            entered: Cell::new(false),
            timers: RefCell::default(),
            look: Notify::new(),
            read_buffer: RefCell::new(vec![0; READ_LEN_MAX].into()),
            encoded: RefCell::new(None),
            codecs: RefCell::default(),
            masking: Keys::default(),
            cork: Cork::default(),
            keep_alive_part: Cell::new(0),
            connections: Rc::new(()),
            socket_connections: Rc::new(()),
            stopping: watch::Sender::new(false),
            closing: RefCell::new(None),
        })
    }

    /// Which of the node's shards it is.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The node that the shard belongs to.
    pub fn node(&self) -> &Handle {
        &self.node
    }

    /// Gives a request to the entry Worker.
    pub fn fetch(self: &Rc<Self>, request: Request) -> PendingResponse {
        self.look_at_clock();
        let (reply, response) = oneshot::channel();
        self.dispatch(Target::Worker(WorkerIndex::ENTRY), Box::new(request), reply);
        PendingResponse(response)
    }

    /// Lets guests of this shard send requests to the outside.
    pub fn set_outbound(&self, outbound: Rc<dyn Outbound>) {
        *self.outbound.borrow_mut() = Some(outbound);
    }

    /// Gives a connection to the client end of a pair. It moves to the shard where the object lives; from then
    /// on its frames never leave that thread. `read_ahead` is what was read from it already, `deflate` how its
    /// messages are compressed.
    ///
    /// A connection to a server outside is joined to it instead, on this thread. Its client compresses then as it was
    /// told: [`Remote::told`].
    ///
    /// # Errors
    ///
    /// When a stream cannot change its thread, or the object's shard takes no more. The connection is then dropped,
    /// and the other end hears that its peer is gone.
    pub fn connect(
        self: &Rc<Self>,
        client: ClientEnd,
        stream: impl Into<Stream>,
        read_ahead: Bytes,
        deflate: Option<Agreement>,
    ) -> std::io::Result<()> {
        let stream = stream.into();
        let client = match client {
            ClientEnd::Pair(client) => client,
            ClientEnd::Remote(remote) => return self.join(remote, Side { stream, read_ahead }),
        };
        if client.shard == self.index {
            self.attach(client, stream, read_ahead, deflate);
            return Ok(());
        }
        let shard = client.shard;
        let post = Post::Connect(client, stream.leave()?, read_ahead, deflate);
        self.node.post(shard, post).map_err(|_| std::io::Error::other("the object's shard is overloaded"))
    }

    pub(crate) fn options(&self) -> &Options {
        self.node.options()
    }

    pub(crate) fn signals(&self) -> &Arc<Signals> {
        self.node.signals(self.index)
    }

    pub(crate) fn store(&self) -> Option<&Store> {
        self.node.store()
    }

    /// The time by the shard's clock, which never goes back: as of the last [`Shard::look_at_clock`].
    pub(crate) fn now(&self) -> Time {
        self.now.get()
    }

    /// Reads the clock. Done where the thread has waited or guest code has run; nothing else takes long.
    pub(crate) fn look_at_clock(&self) -> Time {
        let (instant, wall) = self.started;
        let elapsed = u64::try_from(instant.elapsed().as_millis()).unwrap_or(u64::MAX);
        let now = Time::from_millis(wall.as_millis().saturating_add(elapsed));
        self.now.set(now);
        now
    }

    pub(crate) fn code(&self) -> Ref<'_, Arc<Code>> {
        self.code.borrow()
    }

    pub(crate) fn namespace(&self, class: &str) -> Option<Namespace> {
        self.code.borrow().namespace(class)
    }

    pub(crate) fn factory(&self, identity: &Identity) -> Arc<dyn GuestFactory> {
        match identity {
            Identity::Worker(worker) => self.code.borrow().worker(*worker).factory.clone(),
            // Its class may have got new code since it was found.
            Identity::Object(class, _) => self.code.borrow().class(class.index).factory.clone(),
        }
    }

    pub(crate) fn shared<T: 'static>(&self, owner: usize, make: impl FnOnce() -> T) -> Rc<T> {
        let key = (owner, TypeId::of::<T>());
        let have = self.shared.borrow().get(&key).cloned();
        if let Some(Ok(have)) = have.map(Rc::downcast) {
            return have;
        }
        let made = Rc::new(make());
        self.shared.borrow_mut().insert(key, made.clone());
        made
    }

    /// Sends a request to the shard of its object, or to a Worker on this one.
    pub(crate) fn dispatch(self: &Rc<Self>, target: Target, request: Box<Request>, reply: Reply) {
        let stub = match target {
            Target::Object(stub) => stub,
            Target::Worker(worker) => {
                let worker = self.worker(worker);
                worker.handle_request(request, reply);
                return worker.enter();
            }
            Target::Outside => return self.send_outside(*request, reply),
        };
        let shard = self.node.shard_of(&stub.id);
        if shard == self.index {
            self.deliver(&stub, request, reply);
        } else if let Err(Post::Fetch(_, _, reply)) = self.node.post(shard, Post::Fetch(stub, request, reply)) {
            let text = "Durable Object is overloaded. Too many requests queued.";
            // Nobody is left to hear it when this fails.
            let _ = reply.send(Err(StubError::Overloaded(text.into())));
        }
    }

    fn send_outside(&self, request: Request, mut reply: Reply) {
        let outbound = self.outbound.borrow().clone();
        tokio::task::spawn_local(async move {
            let sent = async {
                match outbound {
                    Some(outbound) => outbound.fetch(request).await,
                    None => Err(StubError::Failed("this server sends no requests to the outside".into())),
                }
            };
            tokio::select! {
                // Nobody is left to hear it when this fails.
                response = sent => drop(reply.send(response)),
                () = reply.closed() => {}
            }
        });
    }

    fn deliver(self: &Rc<Self>, stub: &Stub, request: Box<Request>, reply: Reply) {
        if let Some(failure) = stub.broken() {
            // Nobody is left to hear it when this fails.
            let _ = reply.send(Err(StubError::Broken(failure)));
            return;
        }
        let host = self.host(stub.class, stub.id.clone());
        stub.reach(host.instance());
        if let Some(closing) = &mut *self.closing.borrow_mut() {
            closing.push(host.clone());
        }
        host.handle_request(request, reply);
        host.enter();
    }

    /// The host of an object, made when there is none.
    fn host(self: &Rc<Self>, class: usize, id: ObjectId) -> Rc<Host> {
        let name = (class, *id.as_bytes());
        if let Some(host) = self.by_id.borrow().get(&name).and_then(|key| self.hosts.borrow().get(*key).cloned()) {
            return host;
        }
        let identity = Identity::Object(self.code.borrow().class(class), id);
        let host = self.insert(identity, Object::new(self.options().object, seed(&name.1)));
        self.by_id.borrow_mut().insert(name, host.key());
        host
    }

    /// A Worker: a guest without a name that never sleeps.
    fn worker(self: &Rc<Self>, worker: WorkerIndex) -> Rc<Host> {
        if let Some(host) = self.workers.borrow().get(&worker) {
            return host.clone();
        }
        let mut options = self.options().object;
        options.hibernate_after = None;
        let host = self.insert(Identity::Worker(worker), Object::new(options, 1));
        self.workers.borrow_mut().insert(worker, host.clone());
        host
    }

    fn insert(self: &Rc<Self>, identity: Identity, object: Object) -> Rc<Host> {
        let mut hosts = self.hosts.borrow_mut();
        let key = hosts.insert_with_key(|key| Host::new(self.clone(), key, identity, object));
        hosts[key].clone()
    }

    fn get(&self, key: HostKey) -> Option<Rc<Host>> {
        self.hosts.borrow().get(key).cloned()
    }

    pub(crate) fn forget_if_evictable(&self, host: &Host) {
        if let Identity::Object(class, id) = host.identity()
            && host.is_evictable()
        {
            self.by_id.borrow_mut().remove(&(class.index, *id.as_bytes()));
            self.hosts.borrow_mut().remove(host.key());
        }
    }

    /// Joins the connection of a client to one to a server outside.
    fn join(self: &Rc<Self>, remote: Remote, near: Side) -> std::io::Result<()> {
        let Wire { stream, read_ahead, ties, .. } = remote.arrive()?;
        near.stream.send_at_once();
        splice::start(self, near, Side { stream, read_ahead }, ties);
        Ok(())
    }

    /// Gives a connection to the client end of a pair of this shard.
    fn attach(&self, mut client: PairEnd, stream: Stream, read_ahead: Bytes, deflate: Option<Agreement>) {
        let ties = client.mark_connected();
        stream.send_at_once();
        let wire = Wire { stream, role: Role::Server, read_ahead, deflate, ties };
        let socket = client.socket;
        match self.get(client.host).and_then(|host| host.take_waiting(socket).map(|waiting| (host, waiting))) {
            Some((host, waiting)) => Conn::start(host, socket, wire, waiting),
            None => turn_away(wire.stream),
        }
    }
}

/// What hosts and connections use of their shard.
impl Shard {
    pub(crate) fn schedule(&self, key: HostKey) {
        if let Some(host) = self.get(key)
            && !host.scheduled.replace(true)
        {
            self.ready.borrow_mut().push_back(key);
            self.look.notify_one();
        }
    }

    pub(crate) fn set_timer(&self, at: Time, host: HostKey) {
        let mut timers = self.timers.borrow_mut();
        let moved = timers.next().is_none_or(|next| at < next);
        timers.set(at, host);
        if moved {
            self.look.notify_one();
        }
    }

    /// The buffer that all connections of the shard read into.
    pub(crate) fn read_buffer(&self) -> RefMut<'_, Box<[u8]>> {
        self.read_buffer.borrow_mut()
    }

    /// What compresses and decompresses the messages of all connections of the shard.
    pub(crate) fn codecs(&self) -> RefMut<'_, Codecs> {
        self.codecs.borrow_mut()
    }

    /// Sets memory aside for a connection with context takeover, if there is some.
    pub fn reserve_histories(&self, len: usize) -> Option<Reserved> {
        self.node.histories().reserve(len, HISTORIES_LEN_MAX)
    }

    /// A key that nobody can foresee, for one frame.
    pub(crate) fn masking_key(&self) -> [u8; 4] {
        self.masking.next()
    }

    /// Becomes true when the shard begins to stop.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// What waits to be written.
    pub(crate) fn cork(&self) -> &Cork {
        &self.cork
    }

    /// Counts a connection that requests come on, until the result is dropped: a stopping shard waits for it as
    /// long as for a request.
    pub fn count_connection(&self) -> Counted {
        Counted(self.connections.clone())
    }

    /// Counts a connection that carries sockets, until the result is dropped: for it, a stopping shard waits only as
    /// long as their closing handshakes may take.
    pub fn count_socket(&self) -> Counted {
        Counted(self.socket_connections.clone())
    }
}

/// Held while an object of the shard is being run.
struct Entered<'a>(&'a Shard);

impl<'a> Entered<'a> {
    /// `None` when one is being run already.
    fn enter(shard: &'a Shard) -> Option<Self> {
        // Not `then_some`: its argument would be made, and dropped, in either case.
        (!shard.entered.replace(true)).then(|| Self(shard))
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.entered.set(false);
    }
}

impl Host {
    /// Runs the object, and then those of the shard that it has given something to do. While an object is being
    /// run, another one waits for its turn.
    pub(crate) fn enter(self: &Rc<Self>) {
        let shard = self.shard();
        let Some(_entered) = Entered::enter(shard) else { return shard.schedule(self.key()) };
        self.run();
        shard.run_ready();
    }
}

/// Spreads an object's alarm retries: any number that differs between objects.
fn seed(id: &[u8; 32]) -> u64 {
    id.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
