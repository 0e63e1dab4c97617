//! What other threads, and wakers, tell a shard without waiting for it.
//!
//! Invariant: the queue is bounded by what exists: a waker stands in it once, a client end once, a commit once. So `push` never
//! fails and never blocks for longer than the copy of a few words, and it may be called from a `Drop`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use dormouse_object::TaskId;
use dormouse_object::outbox::WritePos;
use dormouse_object::sockets::SocketId;
use dormouse_storage::Db;
use slotmap::{Key, KeyData};
use tokio::sync::Notify;

use crate::host::HostKey;
use crate::store::Known;

/// One thing that a shard is told.
pub(crate) enum Signal {
    /// A task can go on.
    Wake(Arc<TaskWaker>),
    /// The client end of a pair was dropped unused.
    ClientDropped(HostKey, SocketId),
    /// A commit of this attempt is durable, and all before it.
    Durable(HostKey, u32, WritePos),
    /// A commit of this attempt will never be durable, and why.
    NotDurable(HostKey, u32, Arc<str>),
    /// The files of an object are free that its host wanted.
    FilesFree(HostKey),
    /// The keeper wants the database of an object, to write its log into it.
    Tidy(HostKey),
    /// The keeper wants to know what the registry must know of an object.
    Tell(HostKey),
    /// The keeper, or whoever borrowed it, gives back the database of an object; one that has to be closed, when it failed.
    Checkpointed(HostKey, Box<Db>, Result<(), Known>),
    /// What was written to the database of an object while it was lent is lost, and why.
    LoanLost(HostKey, String),
}

/// The queue of one shard.
#[derive(Default)]
pub(crate) struct Signals {
    /// Held for a push or a swap, never while anything is awaited.
    queue: Mutex<Vec<Signal>>,
    /// Whether the queue may hold something.
    pending: AtomicBool,
    notify: Notify,
}

impl Signals {
    pub(crate) fn push(&self, signal: Signal) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(signal);
        self.pending.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Returns when something may be in the queue. Cancel safe.
    pub(crate) async fn wait(&self) {
        self.notify.notified().await;
    }

    /// Takes all that is in the queue. Costs one load when there is nothing.
    pub(crate) fn take(&self) -> Vec<Signal> {
        if !self.pending.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.pending.store(false, Ordering::Release);
        std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Wakes one task of one guest, by way of its shard.
pub(crate) struct TaskWaker {
    signals: Arc<Signals>,
    pub(crate) host: HostKey,
    /// Which guest of that host: a wake for one that is gone is for nobody.
    pub(crate) epoch: u64,
    task: AtomicU64,
    /// Whether it stands in the queue.
    queued: AtomicBool,
}

impl TaskWaker {
    pub(crate) fn new(signals: Arc<Signals>, host: HostKey, epoch: u64, task: TaskId) -> Arc<Self> {
        let task = AtomicU64::new(task.data().as_ffi());
        Arc::new(Self { signals, host, epoch, task, queued: AtomicBool::new(false) })
    }

    /// Makes a waker that nobody else holds serve another task.
    pub(crate) fn reuse(&self, task: TaskId) {
        self.task.store(task.data().as_ffi(), Ordering::Relaxed);
    }

    /// Notes that it has left the queue, and tells whom it wakes.
    pub(crate) fn unqueue(&self) -> TaskId {
        self.queued.store(false, Ordering::Release);
        TaskId::from(KeyData::from_ffi(self.task.load(Ordering::Relaxed)))
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(self.clone())
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.signals.push(Signal::Wake(self.clone()));
        }
    }
}
