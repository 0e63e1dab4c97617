//! All that a guest may ask of its host.
//!
//! A `Ctx` is valid for the one guest that it was made for. When that guest is gone (hibernation, a crash, a
//! reset), what it left behind may still hold one: its questions then find nothing and its orders do nothing,
//! so that a ghost can never touch its successor.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use dormouse_object::TaskId;
use dormouse_object::error::{EventTimeoutTooLong, NestedTooDeeply, SocketError};
use dormouse_object::id::{IdError, NamespaceKey, ObjectId};
use dormouse_object::object::Object;
use dormouse_object::outbox::{Close, Payload};
use dormouse_object::sockets::{AutoResponse, ReadyState, SlowClients, SocketId};
use dormouse_object::time::Time;
use dormouse_storage::txn::Span;
use dormouse_storage::{Db, Error};
use tokio::sync::oneshot;

use crate::host::{Host, Target};
use crate::node::WorkerIndex;
use crate::pair::ClientEnd;
use crate::request::{Request, Response, StubError};
use crate::stub::Stub;

/// What a guest holds of its host.
#[derive(Clone)]
pub struct Ctx {
    host: Rc<Host>,
    /// Which guest of the host it was made for.
    epoch: u64,
}

/// The objects of one class.
#[derive(Clone, Debug)]
pub struct Namespace {
    pub(crate) class: usize,
    key: NamespaceKey,
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes for a new id: {0}")]
pub struct NoRandomness(#[from] getrandom::Error);

impl Namespace {
    pub(crate) fn new(class: usize, key: NamespaceKey) -> Self {
        Self { class, key }
    }

    /// The id that belongs to a name.
    pub fn id_from_name(&self, name: &str) -> ObjectId {
        self.key.id_from_name(name)
    }

    /// The id that 64 hex digits spell.
    ///
    /// # Errors
    ///
    /// When they are not an id of this namespace.
    pub fn id_from_string(&self, hex: &str) -> Result<ObjectId, IdError> {
        self.key.id_from_string(hex)
    }

    /// A stub of the object with this id. Making one reaches nobody.
    pub fn stub(&self, id: ObjectId) -> Stub {
        Stub::new(self.class, id)
    }

    /// An id that no object has.
    ///
    /// # Errors
    ///
    /// When there is no randomness to make it from.
    pub fn unique_id(&self) -> Result<ObjectId, NoRandomness> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        Ok(self.key.unique_id(random))
    }
}

/// A response on its way.
#[derive(Debug)]
pub struct PendingResponse(pub(crate) oneshot::Receiver<Result<Response, StubError>>);

impl Future for PendingResponse {
    type Output = Result<Response, StubError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|result| result.unwrap_or(Err(StubError::Disconnected)))
    }
}

/// The object and its surroundings.
impl Ctx {
    pub(crate) fn new(host: Rc<Host>, epoch: u64) -> Self {
        Self { host, epoch }
    }

    /// The object's id; `None` for the entry Worker, which is no object.
    pub fn id(&self) -> Option<&ObjectId> {
        self.host.id()
    }

    /// The name of the object's class; empty for the entry Worker.
    pub fn class(&self) -> &str {
        self.host.class_name()
    }

    /// The time by the host's clock.
    pub fn now(&self) -> Time {
        self.host.shard().now()
    }

    /// The objects of the class with this name.
    pub fn namespace(&self, class: &str) -> Option<Namespace> {
        self.host.shard().namespace(class)
    }

    /// Sends a request to an object, as soon as the writes before it are durable.
    pub fn fetch(&self, stub: &Stub, request: Request) -> PendingResponse {
        let (reply, response) = oneshot::channel();
        if self.is_live() {
            self.host.subrequest(Target::Object(stub.clone()), Box::new(request), reply);
        }
        PendingResponse(response)
    }

    /// Resets the object when the turn under way has ended: what the turn wrote is rolled back, callers get
    /// `reason` as an error, sockets close with 1012.
    pub fn abort(&self, reason: &str) {
        if self.is_live() {
            self.host.abort(reason);
        }
    }

    /// Gives the guest up between turns, by no fault of its own, such as when the engine that it shares with others
    /// is gone: it is dropped, its hibernatable sockets stay, and no event is lost.
    pub fn give_up(&self, reason: &str) {
        if self.is_live() {
            self.host.give_up(reason);
        }
    }

    /// What the guests of one application share on this shard, such as an engine; made when there is none. `owner`
    /// tells one application's from another's.
    pub fn shared<T: 'static>(&self, owner: usize, make: impl FnOnce() -> T) -> Rc<T> {
        self.host.shard().shared(owner, make)
    }

    /// What the logs call the object.
    pub fn label(&self) -> String {
        self.host.label()
    }

    /// Sends a request to a Worker of the application, as soon as the writes before it are durable.
    pub fn fetch_worker(&self, worker: WorkerIndex, request: Request) -> PendingResponse {
        let (reply, response) = oneshot::channel();
        if self.is_live() {
            self.host.subrequest(Target::Worker(worker), Box::new(request), reply);
        }
        PendingResponse(response)
    }

    /// Sends a request to whom its URL names, as soon as the writes before it are durable.
    pub fn fetch_outside(&self, request: Request) -> PendingResponse {
        let (reply, response) = oneshot::channel();
        if self.is_live() {
            self.host.subrequest(Target::Outside, Box::new(request), reply);
        }
        PendingResponse(response)
    }

    /// Answers the request of a `fetch` task. False when it has none, or was answered.
    pub fn respond(&self, task: TaskId, response: Response) -> bool {
        self.is_live() && self.host.respond(task, response)
    }

    fn is_live(&self) -> bool {
        self.host.epoch() == self.epoch
    }

    /// Runs `ask` on the object, or answers with `gone` when the guest of this `Ctx` is no more.
    fn with<T>(&self, gone: T, ask: impl FnOnce(&mut Object) -> T) -> T {
        if self.is_live() { self.host.with_object(ask) } else { gone }
    }
}

/// Tasks.
impl Ctx {
    /// A further task of the guest: the host calls `resume` for it soon, and the object stays in memory until it
    /// has ended. `None` when the guest of this `Ctx` is no more.
    pub fn spawn(&self) -> Option<TaskId> {
        self.with(None, |object| Some(object.spawn()))
    }

    /// `blockConcurrencyWhile`: from now on only the returned task runs, and those that it makes, until it has
    /// ended. When it fails, the guest is dropped. `None` when the guest of this `Ctx` is no more.
    ///
    /// # Errors
    ///
    /// When critical sections are nested too deeply.
    pub fn block(&self) -> Result<Option<TaskId>, NestedTooDeeply> {
        let now = self.now();
        self.with(Ok(None), |object| object.block(now).map(Some))
    }

    /// Wakes a task: the host calls `resume` for it, in a turn of its own, when the input gate lets it.
    pub fn waker(&self, task: TaskId) -> Waker {
        self.host.waker(self.epoch, task)
    }
}

/// Sockets.
impl Ctx {
    /// A new pair: its server end, and its client end for a response.
    pub fn new_pair(&self) -> Option<(SocketId, ClientEnd)> {
        self.is_live().then(|| self.host.new_pair())
    }

    /// Takes the client end of a pair, of this object or another one's, as a socket of this object that is still to be
    /// accepted: what is sent on the one arrives at the other. Or the connection to a server outside.
    pub fn adopt(&self, client: ClientEnd) -> Option<SocketId> {
        self.is_live().then(|| self.host.adopt(client))
    }

    /// `acceptWebSocket`: the socket's events go to the handlers, and it outlives the guest.
    ///
    /// # Errors
    ///
    /// When the socket was accepted before, or a limit is met.
    pub fn accept_hibernatable(&self, socket: SocketId, tags: &[&str]) -> Result<(), SocketError> {
        self.with(Ok(()), |object| object.accept_hibernatable(socket, tags))?;
        self.host.wake_connection(socket);
        Ok(())
    }

    /// `accept()`: the socket lives and dies with the guest, which stays in memory meanwhile. When the peer of a
    /// `half_open` one has closed, the guest can still send, and is to close it too.
    ///
    /// # Errors
    ///
    /// When it is hibernatable, or has ended.
    pub fn accept_standard(&self, socket: SocketId, half_open: bool) -> Result<(), SocketError> {
        self.with(Ok(()), |object| object.accept_standard(socket, half_open))?;
        self.host.wake_connection(socket);
        Ok(())
    }

    /// Ends a socket that is not hibernatable without a Close frame, as when a listener of it failed. What was sent
    /// before leaves first, as far as the connection takes it at once; the guest hears no more of it.
    pub fn disconnect(&self, socket: SocketId) {
        self.with((), |object| object.disconnect(socket));
        self.host.shard().schedule(self.host.key());
    }

    /// Ends a socket that was not accepted, because nobody can do so any more; nothing happens to one that was. Can be
    /// called while another guest runs.
    pub fn forsake(&self, socket: SocketId) {
        self.with((), |object| object.forsake(socket));
        self.host.shard().schedule(self.host.key());
    }

    /// Sends a message, as soon as the writes before it are durable.
    ///
    /// # Errors
    ///
    /// Before the socket was accepted, after its own close, or when too much waits to leave.
    pub fn send(&self, socket: SocketId, payload: Payload<'_>) -> Result<(), SocketError> {
        self.with(Ok(()), |object| object.send(socket, payload))
    }

    /// Sends a message to every open socket, or to those with a tag, but for some, as soon as the writes before it are
    /// durable; to all of them or to none. Returns to how many.
    ///
    /// # Errors
    ///
    /// When too much waits to leave.
    pub fn broadcast(
        &self,
        payload: Payload<'_>,
        tag: Option<&str>,
        except: &[SocketId],
    ) -> Result<usize, SocketError> {
        self.with(Ok(0), |object| object.broadcast(payload, tag, except))
    }

    /// What becomes of clients that read too slowly, from now on. Nothing is what the operator has set.
    pub fn set_slow_clients(&self, rule: Option<SlowClients>) {
        self.with((), |object| object.set_slow_clients(rule));
    }

    /// Closes a socket.
    ///
    /// # Errors
    ///
    /// When it was not accepted, or the code or the reason may not be sent.
    pub fn close(&self, socket: SocketId, close: Close) -> Result<(), SocketError> {
        let now = self.now();
        self.with(Ok(()), |object| object.close(socket, close, now))
    }

    /// `readyState`.
    pub fn ready_state(&self, socket: SocketId) -> ReadyState {
        self.with(ReadyState::Closed, |object| object.ready_state(socket))
    }

    /// `getWebSockets`: newest first; with a tag, in the order of acceptance.
    pub fn sockets(&self, tag: Option<&str>) -> Vec<SocketId> {
        self.with(Vec::new(), |object| object.sockets(tag))
    }

    /// `getTags`.
    ///
    /// # Errors
    ///
    /// When the socket is not a hibernatable one of this object.
    pub fn tags(&self, socket: SocketId) -> Result<Vec<Rc<str>>, SocketError> {
        self.with(Err(SocketError::NoTags), |object| object.tags(socket))
    }

    /// Keeps bytes with a socket, or takes them away.
    ///
    /// # Errors
    ///
    /// When they are too many.
    pub fn set_attachment(&self, socket: SocketId, value: Option<Bytes>) -> Result<(), SocketError> {
        self.with(Ok(()), |object| object.set_attachment(socket, value))
    }

    /// The bytes kept with a socket.
    pub fn attachment(&self, socket: SocketId) -> Option<Bytes> {
        self.with(None, |object| object.attachment(socket))
    }

    /// Sets or takes away the text that the host answers by itself on every hibernatable socket.
    pub fn set_auto_response(&self, pair: Option<AutoResponse>) {
        self.with((), |object| object.set_auto_response(pair));
    }

    /// The text that the host answers by itself.
    pub fn auto_response(&self) -> Option<AutoResponse> {
        self.with(None, |object| object.auto_response().cloned())
    }

    /// `setHibernatableWebSocketEventTimeout`.
    ///
    /// # Errors
    ///
    /// When it is too long.
    pub fn set_event_timeout(&self, timeout: Option<Duration>) -> Result<(), EventTimeoutTooLong> {
        self.with(Ok(()), |object| object.set_event_timeout(timeout))
    }

    /// How long a handler of a socket's event may take.
    pub fn event_timeout(&self) -> Option<Duration> {
        self.with(None, |object| object.event_timeout())
    }

    /// When the host last answered by itself on a socket.
    pub fn auto_responded(&self, socket: SocketId) -> Option<Time> {
        self.with(None, |object| object.auto_responded(socket))
    }
}

/// Storage. All that a turn writes is one transaction, committed when the turn ends; what it sends after its first write
/// waits until that is durable. After an error with [`Error::is_fatal`](dormouse_storage::Error::is_fatal) the object is
/// reset when the turn has ended.
impl Ctx {
    /// Uses the object's database, which is opened when it is used first.
    ///
    /// # Errors
    ///
    /// What `ask` returns; and when there is no storage, it cannot be opened, or the guest of this `Ctx` is no more.
    pub fn storage<T>(&self, ask: impl FnOnce(&mut Db) -> Result<T, Error>) -> Result<T, Error> {
        self.check_live()?;
        self.host.with_storage(ask)
    }

    /// Opens a transaction inside of what is open. One that may span turns belongs into a critical section
    /// ([`Ctx::block`]): whatever else writes meanwhile is part of it. What it writes is committed, and waited for, when
    /// the outermost one has ended.
    ///
    /// # Errors
    ///
    /// When too many are open, or as with [`Ctx::storage`].
    pub fn begin_transaction(&self, span: Span) -> Result<(), Error> {
        self.check_live()?;
        self.host.begin_transaction(span)
    }

    /// Ends the innermost transaction and keeps what it wrote.
    ///
    /// # Errors
    ///
    /// As with [`Ctx::storage`].
    pub fn end_transaction(&self) -> Result<(), Error> {
        self.check_live()?;
        self.host.end_transaction()
    }

    /// Ends the innermost transaction and forgets what it wrote, the alarm included.
    ///
    /// # Errors
    ///
    /// As with [`Ctx::storage`].
    pub fn roll_back_transaction(&self) -> Result<(), Error> {
        self.check_live()?;
        self.host.roll_back_transaction()
    }

    /// Resolves when everything that was written so far is durable; never, when it is lost.
    pub fn synced(&self) -> Synced {
        Synced(self.is_live().then(|| self.host.synced()))
    }

    /// Sets the alarm, as one of the turn's writes.
    ///
    /// # Errors
    ///
    /// As with [`Ctx::storage`].
    pub fn set_alarm(&self, at: Time) -> Result<(), Error> {
        self.check_live()?;
        self.host.set_alarm(Some(at))
    }

    /// Takes the alarm away, as one of the turn's writes. A run under way goes on.
    ///
    /// # Errors
    ///
    /// As with [`Ctx::storage`].
    pub fn delete_alarm(&self) -> Result<(), Error> {
        self.check_live()?;
        self.host.set_alarm(None)
    }

    /// When the alarm is set for.
    ///
    /// # Errors
    ///
    /// As with [`Ctx::storage`].
    pub fn alarm(&self) -> Result<Option<Time>, Error> {
        self.check_live()?;
        self.host.alarm()
    }

    fn check_live(&self) -> Result<(), Error> {
        match self.is_live() {
            true => Ok(()),
            false => {
                Err(Error::Guest("The Durable Object's storage can be used no more: the object was reset.".to_owned()))
            }
        }
    }
}

/// Resolves when writes are durable: see [`Ctx::synced`].
#[derive(Debug)]
pub struct Synced(Option<oneshot::Receiver<()>>);

impl Future for Synced {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            // Lost writes never become durable, and whoever wrote them is no more.
            Some(receiver) => match Pin::new(receiver).poll(context) {
                Poll::Ready(Ok(())) => Poll::Ready(()),
                Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
            },
            None => Poll::Pending,
        }
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ctx({} {:?})", self.class(), self.id())
    }
}
