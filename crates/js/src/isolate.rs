//! One engine of one version of a Worker on one shard, with all the guests that live in it.
//!
//! Every way into JavaScript is [`Isolate::turn`]: it says whose code runs, bounds how long, runs the jobs, and reports
//! rejections that nobody heard. Invariant: after a turn there is no job left and no guest is current. An isolate that
//! met a limit is *spent*: no code runs in it again, its guests are given up, and the next one gets a new isolate.
//!
//! A rejection is reported when the jobs of its turn are done, as in workerd; whoever listens in a later turn is told
//! of by `rejectionhandled`. So the list of those that nobody heard is empty between turns.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use dormouse_runtime::ctx::Ctx;
use dormouse_runtime::guest::GuestError;
use dormouse_runtime::pair::Leash;
use dormouse_runtime::stub::Stub;
use slab::Slab;

use crate::engine::{Engine, Fault, JsRef, Later};
use crate::modules::Modules;
use crate::ops;
use crate::ops::compression::Compressors;
use crate::ops::crypto::Keys;
use crate::ops::encoding::Decoders;
use crate::ops::socket::LastText;
use crate::platform::{MAIN, OPS};
use crate::tasks::{GuestState, guest_error};
use crate::worker::{ModuleSource, SourceMap, Version};

/// The place of a version's isolate on a shard.
#[derive(Default)]
pub(crate) struct Slot(RefCell<Option<Rc<Isolate>>>);

/// One engine and its guests.
pub(crate) struct Isolate {
    // Dropped before the engine that they belong to.
    doors: OnceCell<Doors>,
    rejections: RefCell<VecDeque<Rejection>>,
    pub(crate) last_text: LastText,
    engine: Engine,
    version: Arc<Version>,
    current: RefCell<Option<Rc<GuestState>>>,
    guests: RefCell<HashMap<u64, Weak<GuestState>>>,
    keys: Rc<Keys>,
    spent: Cell<bool>,
    /// What the clock of [`Isolate::now`] goes on from.
    epoch: (Instant, f64),
    /// Of its guests, of their bodies and of their ends of pairs.
    numbers: Numbers,
    /// Stubs of its guests; as many as its heap has objects for.
    pub(crate) stubs: RefCell<Slab<Stub>>,
    /// What cuts the sockets of requests whose signals are aborted; code gives them back when it forgets a signal.
    pub(crate) leashes: RefCell<Slab<Leash>>,
    pub(crate) decoders: Decoders,
    pub(crate) compressors: Compressors,
}

/// What an isolate gives numbers from, each once: code may keep one when what it names is gone. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Numbers(Rc<Cell<u64>>);

impl Numbers {
    pub(crate) fn next(&self) -> u64 {
        self.0.replace(self.0.get() + 1)
    }
}

/// A promise that was rejected while nobody listened.
struct Rejection {
    promise: JsRef,
    reason: JsRef,
    /// Brings the frame back in which it was rejected.
    frame: Option<JsRef>,
}

/// The functions of `main.js` that the host calls.
pub(crate) struct Doors {
    pub(crate) construct: JsRef,
    pub(crate) fetch: JsRef,
    pub(crate) message: JsRef,
    pub(crate) close: JsRef,
    pub(crate) error: JsRef,
    pub(crate) alarm: JsRef,
    pub(crate) section: JsRef,
    pub(crate) timer: JsRef,
    pub(crate) rejection: JsRef,
    pub(crate) watch: JsRef,
}

impl Slot {
    /// The isolate of `version` on the shard of `ctx`.
    pub(crate) fn isolate(ctx: &Ctx, version: &Arc<Version>) -> Result<Rc<Isolate>, Fault> {
        let slot: Rc<Slot> = ctx.shared(Arc::as_ptr(version).addr(), Slot::default);
        let have = slot.0.borrow().as_ref().filter(|isolate| !isolate.spent.get()).cloned();
        if let Some(isolate) = have {
            return Ok(isolate);
        }
        let isolate = Isolate::new(version.clone())?;
        *slot.0.borrow_mut() = Some(isolate.clone());
        Ok(isolate)
    }
}

impl Isolate {
    /// A realm in which the Worker's modules have run.
    pub(crate) fn new(version: Arc<Version>) -> Result<Rc<Self>, Fault> {
        let modules = Modules { version: version.clone(), platform: version.platform.clone() };
        let engine = Engine::new(version.worker.memory_max, ops::all(), Rc::new(modules))?;
        let isolate = Rc::new(Self {
            doors: OnceCell::new(),
            rejections: RefCell::default(),
            last_text: LastText::default(),
            engine,
            version,
            current: RefCell::new(None),
            guests: RefCell::default(),
            keys: Keys::shared(),
            spent: Cell::new(false),
            epoch: (Instant::now(), unix_ms()),
            numbers: Numbers::default(),
            stubs: RefCell::default(),
            leashes: RefCell::default(),
            decoders: Decoders::default(),
            compressors: Compressors::default(),
        });
        isolate.engine.bind(&isolate, OPS)?;
        isolate.engine.track_rejections();
        isolate.engine.set_deadline(Some(isolate.version.worker.cpu_time_max));
        let loaded = isolate.load();
        isolate.end_turn();
        isolate.engine.set_deadline(None);
        if let Some(limit) = isolate.limit_met() {
            return Err(limit);
        }
        loaded?;
        Ok(isolate)
    }

    /// Whether messages of sockets that its Worker hands to clients may be compressed.
    pub(crate) fn compresses(&self) -> bool {
        self.version.compresses
    }

    /// Runs the Worker's code once and tells what is wrong with it, or what it exports, as JSON.
    pub(crate) fn inspect(version: &Arc<Version>) -> Result<String, Fault> {
        let isolate = Self::new(version.clone())?;
        let inspect = isolate.engine.get(&isolate.engine.import(MAIN)?, "inspect")?;
        Ok(isolate.engine.text(&isolate.engine.call(&inspect, &[])?))
    }

    fn load(&self) -> Result<(), Fault> {
        let main = self.engine.import(MAIN)?;
        let door = |name: &str| self.engine.get(&main, name);
        let start = door("start")?;
        let doors = Doors {
            construct: door("construct")?,
            fetch: door("fetch")?,
            message: door("message")?,
            close: door("close")?,
            error: door("error")?,
            alarm: door("alarm")?,
            section: door("section")?,
            timer: door("timer")?,
            rejection: door("rejection")?,
            watch: door("watch")?,
        };
        self.doors.set(doors).map_err(|_| Fault::error("an isolate is loaded once"))?;
        let worker = &self.version.worker;
        // The platform's imports hold the ops by now; user code must not find them.
        let description = [self.version.description.as_str().into()];
        self.engine.call(&start, &description)?;
        let namespace = self.engine.import(&worker.main)?;
        self.engine.call(&door("adopt")?, &[crate::engine::Out::Value(namespace)])?;
        Ok(())
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn doors(&self) -> Result<&Doors, Fault> {
        self.doors.get().ok_or_else(|| Fault::error("the platform is not loaded"))
    }

    /// The keys of `crypto`, which are no guest's.
    pub(crate) fn keys(&self) -> &Rc<Keys> {
        &self.keys
    }

    pub(crate) fn numbers(&self) -> Numbers {
        self.numbers.clone()
    }

    /// Gives a guest its number.
    pub(crate) fn admit(&self, guest: &Rc<GuestState>) -> u64 {
        let number = self.numbers.next();
        self.guests.borrow_mut().insert(number, Rc::downgrade(guest));
        number
    }

    pub(crate) fn dismiss(&self, number: u64) {
        self.guests.borrow_mut().remove(&number);
    }

    /// The guest with this number, if it lives.
    pub(crate) fn guest(&self, number: u64) -> Option<Rc<GuestState>> {
        self.guests.borrow().get(&number)?.upgrade()
    }

    /// The guest whose code runs.
    ///
    /// # Errors
    ///
    /// While a module's top level runs, which is nobody's.
    pub(crate) fn current(&self) -> Result<Rc<GuestState>, Fault> {
        self.current.borrow().clone().ok_or_else(|| {
            Fault::error(
                "Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), setting \
                 a timeout, and generating random values are not allowed within global scope. To fix this error, \
                 perform this operation within a handler. \
                 https://developers.cloudflare.com/workers/runtime-apis/handlers/",
            )
        })
    }

    /// Makes `work` a task of the guest that runs, and returns the promise of its result.
    pub(crate) fn spawn(&self, work: Later) -> Result<JsRef, Fault> {
        let (promise, settle) = self.engine.promise()?;
        self.current()?.spawn(&self.engine, work, settle);
        Ok(promise)
    }

    /// Runs code of a guest.
    ///
    /// # Errors
    ///
    /// When it met a limit: the guest must go.
    pub(crate) fn turn<T>(&self, guest: &Rc<GuestState>, run: impl FnOnce(&Engine) -> T) -> Result<T, GuestError> {
        if self.spent.get() {
            return Err(GuestError::new("the isolate was given up"));
        }
        *self.current.borrow_mut() = Some(guest.clone());
        self.engine.set_deadline(Some(self.version.worker.cpu_time_max));
        let result = run(&self.engine);
        self.engine.run_jobs();
        self.end_turn();
        if guest.bodies.are_crowded() || guest.sockets.are_crowded() || self.compressors.are_crowded() {
            self.engine.collect_garbage();
            self.engine.run_jobs();
            guest.bodies.note_search();
            guest.sockets.note_search();
            self.compressors.note_search();
        }
        self.engine.set_deadline(None);
        *self.current.borrow_mut() = None;
        match self.limit_met() {
            None => Ok(result),
            Some(limit) => {
                drop(result);
                self.give_up(guest, &limit);
                Err(guest_error(&limit))
            }
        }
    }

    /// The source of one of the Worker's modules.
    pub(crate) fn script(&self, module: &str) -> Option<&str> {
        match &self.version.module(module)?.source {
            ModuleSource::Script(source) => Some(source),
            _ => None,
        }
    }

    pub(crate) fn source_map(&self) -> Option<&SourceMap> {
        self.version.worker.source_map.as_ref()
    }

    fn limit_met(&self) -> Option<Fault> {
        if self.engine.ran_too_long() {
            return Some(Fault::error("Worker exceeded CPU time limit."));
        }
        self.engine.ran_out_of_memory().then(|| Fault::error("Worker exceeded memory limit."))
    }

    /// Gives the isolate up; the guest whose turn it was hears of it by the turn's result.
    fn give_up(&self, guest: &Rc<GuestState>, limit: &Fault) {
        tracing::error!(
            worker = self.version.worker.name,
            object = guest.ctx().label(),
            limit = limit.message,
            memory = self.engine.memory(),
            "isolate is given up; its objects wake again in a new one"
        );
        self.spent.set(true);
        let others: Vec<_> = self.guests.borrow().values().filter_map(Weak::upgrade).collect();
        for other in others.iter().filter(|other| !Rc::ptr_eq(other, guest)) {
            other.ctx().give_up(&limit.message);
        }
    }

    /// Reports rejections until there are none: who hears of one may cause another, or listen to one that waits.
    fn end_turn(&self) {
        while let Some(Rejection { promise, reason, frame }) = self.next_rejection() {
            if let Some(restore) = frame {
                // It sets a variable; when it is stopped, so is what follows.
                let _ = self.engine.call(&restore, &[]);
            }
            let told =
                self.doors().and_then(|doors| self.engine.call(&doors.rejection, &[promise.into(), reason.into()]));
            if let Err(fault) = told {
                tracing::error!(error = %fault, "a rejection cannot be reported");
            }
            self.engine.run_jobs();
        }
        self.last_text.forget();
        self.engine.leave_frames();
    }

    fn next_rejection(&self) -> Option<Rejection> {
        self.rejections.borrow_mut().pop_front()
    }

    /// A promise was rejected while nobody listened.
    pub(crate) fn rejected(&self, promise: JsRef, reason: JsRef, frame: Option<JsRef>) {
        self.rejections.borrow_mut().push_back(Rejection { promise, reason, frame });
    }

    /// Takes a promise off the list of those that nobody heard; says whether it was there.
    pub(crate) fn hear(&self, promise: &JsRef) -> bool {
        let heard = {
            let mut list = self.rejections.borrow_mut();
            // Mostly it is one of the last.
            list.iter().rposition(|have| have.promise.is(promise)).and_then(|at| list.remove(at))
        };
        // Let go of after the list is free again: freeing may run the engine.
        heard.is_some()
    }

    /// Milliseconds since 1970, by a clock that never goes back.
    pub(crate) fn now(&self) -> f64 {
        let (start, unix) = self.epoch;
        unix + start.elapsed().as_secs_f64() * 1000.0
    }
}

fn unix_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
