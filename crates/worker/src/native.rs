//! Where this API meets the runtime: the only module, with its parts in `native/`, that knows
//! `dormouse_runtime`.
//!
//! A [`Host`] is what the rest of the crate holds of the runtime: the runtime's `Ctx` for one guest, the tasks
//! of that guest, and whoever listens to its standard sockets. Invariant: user code runs only inside
//! [`Host::poll`] or [`Host::enter`], and nothing of this crate is borrowed meanwhile, so user code may call
//! anything from anywhere.
//!
//! The house has no globals, but the signatures of the `worker` crate have no context argument:
//! `WebSocketPair::new()`, `console_log!` and `spawn_local` must find their object by themselves. So there is
//! one thread-local, the host whose code is running, set by a guard for exactly that long. It names no object
//! between turns and never crosses a thread, because a turn does not either. Everything that can reach its host
//! another way does.

pub(crate) mod convert;
pub(crate) mod entry;
pub(crate) mod listeners;
pub(crate) mod object;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dormouse_runtime::TaskId;
use dormouse_runtime::ctx::Ctx;
use dormouse_runtime::guest::{GuestError, Progress};
use dormouse_runtime::object::error::SocketError;
use dormouse_runtime::storage::Error as StorageError;

use self::listeners::Listeners;
use crate::Result;
use crate::app::Bindings;
use crate::error::{Error, with_causes};
use crate::response::Response;
use crate::thrown;

pub use dormouse_runtime::body::Body;
pub(crate) use dormouse_runtime::clone as wire;
pub(crate) use dormouse_runtime::ctx::Namespace;
pub(crate) use dormouse_runtime::guest::GuestFactory;
pub(crate) use dormouse_runtime::node::{Application, ClassSource, WorkerSource};
pub(crate) use dormouse_runtime::object::id::ObjectId;
pub(crate) use dormouse_runtime::object::outbox::{Close, Payload as Outgoing};
pub(crate) use dormouse_runtime::object::sockets::{AutoResponse, SlowClients, SocketId};
pub(crate) use dormouse_runtime::object::time::Time;
pub(crate) use dormouse_runtime::pair::ClientEnd;
pub(crate) use dormouse_runtime::storage::txn::Span;
pub(crate) use dormouse_runtime::storage::{Batch, End, Executed, List, Value};
pub(crate) use dormouse_runtime::stub::Stub as RuntimeStub;
pub(crate) use tokio::time::Sleep as Timer;

thread_local! {
    /// The host whose code runs on this thread, if any does.
    static CURRENT: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// What the types of this crate hold of the runtime.
#[derive(Clone)]
pub(crate) struct Host(Rc<Inner>);

struct Inner {
    ctx: Ctx,
    bindings: Arc<Bindings>,
    kind: Kind,
    tasks: RefCell<HashMap<TaskId, Task>>,
    listeners: Listeners,
    /// What a call of the turn under way could not report, because its signature has no error.
    failure: RefCell<Option<Error>>,
    /// Whether the entry's clients see the text of an error.
    shows_errors: Cell<bool>,
}

/// Whose code it is, which tells what its failures cost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An object's. Its errors go to its callers; a panic reaches the runtime, which drops the guest: its
    /// fields may be half changed.
    Object,
    /// The entry's, which has no fields and answers many at once. An error, and a panic too, is a 500 for the
    /// one request.
    Entry,
}

/// Work of the guest that has not ended.
struct Task {
    future: TaskFuture,
    failure: Option<Error>,
}

/// How a poll left a task.
enum Polled {
    Waiting(Task),
    Ended(Result<Outcome>),
}

/// A handler or background work, as the runtime's task.
pub(crate) type TaskFuture = Pin<Box<dyn Future<Output = Result<Outcome>>>>;

/// How a task ended well.
pub(crate) enum Outcome {
    /// With nothing to say.
    Done,
    /// With the answer to the request that it handled.
    Response(Box<Response>),
}

impl Host {
    pub(crate) fn new(ctx: Ctx, bindings: Arc<Bindings>, kind: Kind) -> Self {
        Self(Rc::new(Inner {
            ctx,
            bindings,
            kind,
            tasks: RefCell::default(),
            listeners: Listeners::default(),
            failure: RefCell::default(),
            shows_errors: Cell::new(false),
        }))
    }

    /// The host whose code is running.
    ///
    /// # Errors
    /// When no object and no Worker runs on this thread.
    pub(crate) fn current() -> Result<Self> {
        let current = CURRENT.with_borrow(Option::clone);
        current.ok_or_else(|| Error::from("this only works while a Worker or an object handles an event"))
    }

    /// Whether both are the same guest's.
    pub(crate) fn is(&self, other: &Host) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Runs user code as this host's.
    pub(crate) fn enter<T>(&self, run: impl FnOnce() -> T) -> T {
        struct Guard(Option<Host>);
        impl Drop for Guard {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _guard = Guard(CURRENT.replace(Some(self.clone())));
        run()
    }

    /// Lets a new task run, until it has ended or waits.
    pub(crate) fn start(&self, id: TaskId, future: TaskFuture) -> Progress {
        self.poll(id, Task { future, failure: None })
    }

    /// Lets a task go on.
    pub(crate) fn resume(&self, id: TaskId) -> Progress {
        let task = self.0.tasks.borrow_mut().remove(&id);
        match task {
            Some(task) => self.poll(id, task),
            None => Progress::Done(Ok(())),
        }
    }

    fn poll(&self, id: TaskId, mut task: Task) -> Progress {
        // The runtime hands out the same waker again and again while nobody keeps it, so a task that ends at
        // once costs none.
        let waker = self.0.ctx.waker(id);
        let polled = self.run(move || match task.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => Polled::Waiting(task),
            Poll::Ready(result) => Polled::Ended(task.failure.take().map_or(result, Err)),
        });
        let failure = self.0.failure.take();
        match polled {
            Polled::Waiting(mut task) => {
                task.failure = task.failure.or(failure);
                self.0.tasks.borrow_mut().insert(id, task);
                Progress::Pending
            }
            Polled::Ended(result) => Progress::Done(self.finish(id, failure.map_or(result, Err))),
        }
    }

    /// Runs user code as this host's. A panic in the entry ends here.
    fn run(&self, run: impl FnOnce() -> Polled) -> Polled {
        match self.0.kind {
            Kind::Object => self.enter(run),
            Kind::Entry => catch_unwind(AssertUnwindSafe(|| self.enter(run)))
                .unwrap_or_else(|panic| Polled::Ended(Err(Error::from(format!("panicked: {}", panic_text(&*panic)))))),
        }
    }

    fn finish(&self, id: TaskId, result: Result<Outcome>) -> std::result::Result<(), GuestError> {
        let response = match result {
            Ok(Outcome::Done) => return Ok(()),
            Ok(Outcome::Response(response)) => convert::response_out(self, *response),
            Err(error) => Err(error),
        };
        let response = match (response, self.0.kind) {
            (Err(error), Kind::Entry) => convert::response_out(self, entry::failed(self, &error)),
            (response, _) => response,
        };
        match response {
            Ok(response) => {
                // False for background work of the entry that failed: there is nobody to tell but the log.
                self.0.ctx.respond(id, response);
                Ok(())
            }
            Err(error) => Err(guest_error(&error)),
        }
    }

    /// Runs `future` as a task of its own. Its error is logged by the runtime.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        if let Some(id) = self.0.ctx.spawn() {
            self.keep(id, async move {
                future.await;
                Ok(())
            });
        }
    }

    /// Runs `future` in a critical section: from now on nothing else of this object runs until it has ended.
    /// Its error resets the object.
    ///
    /// # Errors
    /// When sections are nested too deeply.
    pub(crate) fn block(&self, future: impl Future<Output = Result<()>> + 'static) -> Result<()> {
        let id = self.0.ctx.block().map_err(|error| Error::JsError(error.to_string()))?;
        if let Some(id) = id {
            self.keep(id, future);
        }
        Ok(())
    }

    /// Keeps a task for its first `resume`.
    fn keep(&self, id: TaskId, future: impl Future<Output = Result<()>> + 'static) {
        let future = Box::pin(async move { future.await.map(|()| Outcome::Done) });
        self.0.tasks.borrow_mut().insert(id, Task { future, failure: None });
    }

    /// Makes the handler under way end in `error`, for a call whose signature has no place for it. The first
    /// error stays.
    pub(crate) fn fail(&self, result: Result<()>) {
        if let Err(error) = result {
            self.0.failure.borrow_mut().get_or_insert(error);
        }
    }

    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.0.failure.take()
    }

    pub(crate) fn ctx(&self) -> &Ctx {
        &self.0.ctx
    }

    pub(crate) fn bindings(&self) -> &Arc<Bindings> {
        &self.0.bindings
    }

    pub(crate) fn listeners(&self) -> &Listeners {
        &self.0.listeners
    }

    /// Lets the entry's clients see the text of an error from now on.
    pub(crate) fn show_errors(&self) {
        self.0.shows_errors.set(true);
    }

    pub(crate) fn shows_errors(&self) -> bool {
        self.0.shows_errors.get()
    }

    /// Forgets all tasks and listeners, which hold this host.
    fn clear(&self) {
        let tasks = self.0.tasks.take();
        self.0.listeners.clear();
        self.enter(|| drop(tasks));
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.ctx.fmt(f)
    }
}

impl From<SocketError> for Error {
    fn from(error: SocketError) -> Self {
        Error::JsError(error.to_string())
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        Error::JsError(error.to_string())
    }
}

/// The guest's hold on its host. When it goes, so does all that user code has left there.
pub(crate) struct Owner(Host);

impl Owner {
    pub(crate) fn new(host: Host) -> Self {
        Self(host)
    }
}

impl Deref for Owner {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.clear();
    }
}

pub(crate) fn guest_error(error: &Error) -> GuestError {
    GuestError { thrown: thrown::to_bytes(error).into(), ..GuestError::new(with_causes(error)) }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

/// A timer of the shard whose code is running.
///
/// # Errors
/// When no code of an object or a Worker runs on this thread: then there may be nothing that keeps time.
pub(crate) fn timer(duration: Duration) -> Result<Timer> {
    Host::current().map(|_| tokio::time::sleep(duration))
}
