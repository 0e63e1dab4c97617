//! The seam between the host and a guest: user code in some language.
//!
//! A guest runs only inside a *turn*: [`Guest::deliver`] or [`Guest::resume`], called by the host on the
//! object's own thread, one at a time. What it asks for meanwhile goes through its [`Ctx`]. A guest that panics
//! in a turn is dropped; its hibernatable sockets stay. No engine and no language is named here.

use bytes::Bytes;
use dormouse_object::TaskId;
use dormouse_object::failure::Failure;
use dormouse_object::mailbox;

use crate::ctx::Ctx;
use crate::request::Request;

/// Makes the guests of one class. Shared by all shards.
pub trait GuestFactory: Send + Sync {
    /// Builds the guest of one object: runs its constructor.
    ///
    /// # Errors
    ///
    /// When the constructor fails. The event that woke the object fails with the same error.
    fn build(&self, ctx: Ctx) -> Result<Box<dyn Guest>, GuestError>;
}

/// One live instance of user code.
pub trait Guest {
    /// Runs a handler's synchronous part.
    fn deliver(&self, task: TaskId, event: Event) -> Progress;

    /// Lets a task go on whose waker was woken, or that [`Ctx::spawn`] or [`Ctx::block`] has just made.
    fn resume(&self, task: TaskId) -> Progress;
}

/// Something that happened to the object. A request is answered with [`Ctx::respond`].
pub type Event = mailbox::Event<Box<Request>>;

/// How a turn left its task.
#[derive(Debug)]
pub enum Progress {
    /// It waits for a wake of [`Ctx::waker`].
    Pending,
    /// It has ended.
    Done(Result<(), GuestError>),
    /// The guest can go on no more, as after a panic: it is dropped, its hibernatable sockets stay.
    Broken(GuestError),
}

/// What user code threw. A guest whose language has classes of errors begins the text with the class: `TypeError: …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct GuestError {
    /// What it says about itself.
    pub message: String,
    /// Where it was thrown, for the log; empty when that is not known.
    pub stack: String,
    /// What was thrown, in the format of [`crate::clone`], for whoever asked; empty when there is only the text.
    pub thrown: Bytes,
}

impl GuestError {
    /// An error with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), stack: String::new(), thrown: Bytes::new() }
    }

    /// What callers hear of it.
    pub(crate) fn failure(&self) -> Failure {
        Failure { thrown: self.thrown.clone(), ..Failure::new(self.message.clone()) }
    }
}
