//! A node: its shards, how they are started and stopped, and the handle by which they are reached.
//!
//! Invariant: an object lives on the shard that `Handle::shard_of` names and on no other, so that two threads
//! never make the same object. A node is reached through its [`Handle`], never through a global.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use dormouse_object::id::ObjectId;
use dormouse_object::limits::MESSAGE_LEN_MAX;
use dormouse_object::object;
use dormouse_object::time::Time;
use tokio::runtime;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::Instant;

use crate::code::Code;
use crate::guest::GuestFactory;
use crate::limits::{INBOX_LEN_MAX, PING_INTERVAL, SEND_QUEUE_BYTES_MAX};
use crate::shard::{Post, Shard};
use crate::signals::Signals;
use crate::sockets::frame::agreement::Budget;
use crate::store::{self, Store};

/// What an operator can set for a node.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many shards; at least one.
    pub shards: usize,
    /// What holds for every object.
    pub object: object::Options,
    /// Bytes of a received message.
    pub message_len_max: usize,
    /// Bytes that may wait for one slow client before its socket is closed with 1013, or its oldest messages are
    /// dropped.
    pub send_queue_bytes_max: usize,
    /// How often silent clients are asked for a sign of life; one that gives none until the next time is taken for
    /// vanished: between two and three of these after the last sign of it. `None` never asks.
    pub ping_interval: Option<Duration>,
    /// Where objects keep their data, and how safely.
    pub storage: store::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            object: object::Options::default(),
            message_len_max: MESSAGE_LEN_MAX,
            send_queue_bytes_max: SEND_QUEUE_BYTES_MAX,
            ping_interval: Some(PING_INTERVAL),
            storage: store::Options::default(),
        }
    }
}

/// User code: Workers and classes of objects.
pub struct Application {
    /// The Workers; the first, the entry, answers requests from outside.
    pub workers: Vec<WorkerSource>,
    /// The classes that they can address.
    pub classes: Vec<ClassSource>,
}

/// One Worker, as an application brings it.
#[derive(Clone)]
pub struct WorkerSource {
    /// What the logs call it.
    pub name: String,
    /// What makes its guests.
    pub factory: Arc<dyn GuestFactory>,
}

/// The place of a Worker in its application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkerIndex(pub usize);

impl WorkerIndex {
    /// The one that answers requests from outside.
    pub const ENTRY: Self = Self(0);
}

/// One class of objects, as an application brings it.
pub struct ClassSource {
    /// Its name in the code.
    pub name: String,
    /// What its ids are made from; stays the same when the class is renamed.
    pub unique_key: String,
    /// What makes its guests.
    pub factory: Arc<dyn GuestFactory>,
}

/// What runs on each shard beside its objects: the server's acceptor.
pub type OnShard = Arc<dyn Fn(Rc<Shard>) -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync>;

/// How a node is reached, from any thread.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    options: Options,
    /// The newest code. Held to exchange it, never while anything is awaited.
    code: Mutex<Arc<Code>>,
    inboxes: Vec<mpsc::Sender<Post>>,
    signals: Vec<Arc<Signals>>,
    /// Shards in which something is under way. Counted only while the node stops.
    busy: AtomicUsize,
    /// What connections with context takeover take.
    histories: Budget,
    /// Of a node without a data folder there is none.
    store: Option<Store>,
    /// A moment by both clocks, from which all threads count.
    started: (Instant, Time),
}

/// A running node. Dropping it without [`Node::stop`] leaves its threads running.
pub struct Node {
    handle: Handle,
    threads: Vec<JoinHandle<()>>,
}

impl Node {
    /// Starts the threads of a node.
    ///
    /// # Errors
    ///
    /// When a thread or its reactor cannot be made, the application has no Worker, or the data folder cannot be used.
    pub fn start(application: Application, mut options: Options, on_shard: OnShard) -> io::Result<Self> {
        check(&application)?;
        options.shards = options.shards.max(1);
        let folder = options.storage.data.as_deref();
        let store = folder.map(|folder| Store::open(folder, &options.storage)).transpose().map_err(io::Error::other)?;
        let (inboxes, receivers): (Vec<_>, Vec<_>) = (0..options.shards).map(|_| mpsc::channel(INBOX_LEN_MAX)).unzip();
        let code = Arc::new(Code::new(application));
        let handle = Handle(Arc::new(Shared {
            code: Mutex::new(code.clone()),
            inboxes,
            signals: (0..options.shards).map(|_| Arc::default()).collect(),
            histories: Budget::default(),
            busy: AtomicUsize::new(options.shards),
            store,
            started: (Instant::now(), wall_clock()),
            options,
        }));
        if let Some(store) = handle.store() {
            store.start_keeper(handle.clone())?;
        }
        let mut threads = Vec::new();
        for (index, inbox) in receivers.into_iter().enumerate() {
            // Made here, so that a failure is the caller's to hear.
            let reactor = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
            let (handle, code, on_shard) = (handle.clone(), code.clone(), on_shard.clone());
            let thread = std::thread::Builder::new().name(format!("shard-{index}"));
            threads.push(thread.spawn(move || {
                let shard = Shard::new(index, handle, code);
                LocalSet::new().block_on(&reactor, async {
                    tokio::task::spawn_local(on_shard(shard.clone()));
                    shard.serve(inbox).await;
                });
            })?);
        }
        Ok(Self { handle, threads })
    }

    /// How the node is reached.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Stops the node: events that are under way may take `grace` to end, then sockets are closed with 1001.
    /// Blocks until all its threads have ended.
    pub fn stop(self, grace: Duration) {
        for inbox in &self.handle.0.inboxes {
            // Waits its turn behind what was sent before. A shard that has ended has nothing left to stop.
            let _ = inbox.blocking_send(Post::Stop(grace));
        }
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a shard ended with a panic");
            }
        }
        if let Some(store) = self.handle.store() {
            store.stop();
        }
    }
}

impl Handle {
    /// What was set for the node.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Gives the node new code. Objects get it at their next quiet moment, or after [`RELOAD_GRACE`](crate::limits::RELOAD_GRACE); their
    /// hibernatable sockets stay open. Blocks while a shard's inbox is full.
    ///
    /// # Errors
    ///
    /// When the application has no Worker.
    pub fn replace(&self, application: Application) -> io::Result<()> {
        check(&application)?;
        let mut newest = self.0.code.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = Arc::new(newest.replaced_by(application));
        for inbox in &self.0.inboxes {
            // Fails only when the shard has stopped, which needs no code any more.
            let _ = inbox.blocking_send(Post::Replace(newest.clone()));
        }
        Ok(())
    }

    /// The shard on which an object lives.
    pub(crate) fn shard_of(&self, id: &ObjectId) -> usize {
        let hash = id.as_bytes().iter().take(8).fold(0, |hash: u64, byte| hash << 8 | u64::from(*byte));
        usize::try_from(hash % self.0.options.shards as u64).unwrap_or(0)
    }

    pub(crate) fn store(&self) -> Option<&Store> {
        self.0.store.as_ref()
    }

    /// The number of the class with this unique key.
    pub(crate) fn class_of(&self, unique_key: &str) -> Option<usize> {
        self.0.code.lock().unwrap_or_else(PoisonError::into_inner).class_of(unique_key)
    }

    /// The names and the unique keys of the application's classes.
    pub(crate) fn classes(&self) -> Vec<(String, Arc<str>)> {
        self.0.code.lock().unwrap_or_else(PoisonError::into_inner).classes()
    }

    /// The moment from which all threads of the node count.
    pub(crate) fn started(&self) -> (Instant, Time) {
        self.0.started
    }

    /// The time by the node's clock, in milliseconds since 1970. It never goes back.
    pub(crate) fn now_ms(&self) -> u64 {
        let (instant, wall) = self.0.started;
        let elapsed = u64::try_from(instant.elapsed().as_millis()).unwrap_or(u64::MAX);
        wall.as_millis().saturating_add(elapsed)
    }

    pub(crate) fn signals(&self, shard: usize) -> &Arc<Signals> {
        &self.0.signals[shard]
    }

    /// A stopping shard tells whether something is under way in it.
    pub(crate) fn note_busy(&self, busy: bool) {
        match busy {
            true => self.0.busy.fetch_add(1, Ordering::AcqRel),
            false => self.0.busy.fetch_sub(1, Ordering::AcqRel),
        };
    }

    pub(crate) fn histories(&self) -> &Budget {
        &self.0.histories
    }

    /// Whether something is under way in any shard.
    pub(crate) fn is_busy(&self) -> bool {
        self.0.busy.load(Ordering::Acquire) > 0
    }

    /// Sends something to another shard; gives it back when that one has too much waiting.
    pub(crate) fn post(&self, shard: usize, post: Post) -> Result<(), Post> {
        self.0.inboxes[shard].try_send(post).map_err(|error| match error {
            mpsc::error::TrySendError::Full(post) | mpsc::error::TrySendError::Closed(post) => post,
        })
    }
}

fn wall_clock() -> Time {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX))
}

fn check(application: &Application) -> io::Result<()> {
    match application.workers.is_empty() {
        false => Ok(()),
        true => Err(io::Error::new(io::ErrorKind::InvalidInput, "an application needs a Worker")),
    }
}
