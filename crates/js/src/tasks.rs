//! One guest's side of its tasks: what each waits for, and the handles that its code holds.
//!
//! A handler that has not ended, an op that has not, a timer and a critical section are each one task of the object,
//! so the object stays in memory as long as one of them lives and its rules say when each may go on. Dropping the guest
//! drops them all.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dormouse_runtime::TaskId;
use dormouse_runtime::clone;
use dormouse_runtime::ctx::Ctx;
use dormouse_runtime::guest::{GuestError, Progress};
use slab::Slab;

use crate::engine::{Engine, Fault, JsRef, Later, Out, Settled};
use crate::isolate::Isolate;
use crate::ops::body::Bodies;
use crate::ops::object::Aborts;
use crate::ops::socket::Sockets;

/// What a task waits for.
enum Work {
    /// The promise of a handler, under this call.
    Handler(usize),
    /// Work of an op, and the functions that settle its promise.
    Op(Later, [JsRef; 2]),
    Timer(Pin<Box<tokio::time::Sleep>>, usize),
    /// A critical section that has not begun.
    Section(usize),
    Cancelled,
}

/// A handler's promise that is not settled, or was while another task ran.
struct Call {
    task: TaskId,
    result: Option<Result<(), Fault>>,
}

/// What one guest's code holds of its host.
pub(crate) struct GuestState {
    ctx: Ctx,
    isolate: Rc<Isolate>,
    /// Its place in the isolate, by which its code names it.
    number: Cell<u64>,
    /// What the platform knows the guest by.
    record: RefCell<Option<JsRef>>,
    tasks: RefCell<HashMap<TaskId, Work>>,
    calls: RefCell<Slab<Call>>,
    timers: RefCell<Slab<TaskId>>,
    pub(crate) sockets: Sockets,
    pub(crate) bodies: Bodies,
    pub(crate) aborts: Aborts,
}

impl GuestState {
    pub(crate) fn new(ctx: Ctx, isolate: Rc<Isolate>) -> Rc<Self> {
        let (bodies, sockets) = (Bodies::new(isolate.numbers()), Sockets::new(isolate.numbers()));
        let state = Rc::new(Self {
            ctx,
            isolate,
            number: Cell::new(0),
            record: RefCell::new(None),
            tasks: RefCell::default(),
            calls: RefCell::default(),
            timers: RefCell::default(),
            sockets,
            aborts: Aborts::default(),
            bodies,
        });
        state.number.set(state.isolate.admit(&state));
        state
    }

    pub(crate) fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    pub(crate) fn isolate(&self) -> &Rc<Isolate> {
        &self.isolate
    }

    /// What code names the guest by.
    pub(crate) fn number(&self) -> u64 {
        self.number.get()
    }

    pub(crate) fn adopt(&self, record: JsRef) {
        *self.record.borrow_mut() = Some(record);
    }

    pub(crate) fn record(&self) -> Option<JsRef> {
        self.record.borrow().clone()
    }

    /// A number under which code answers for `task`.
    pub(crate) fn open_call(&self, task: TaskId) -> usize {
        self.calls.borrow_mut().insert(Call { task, result: None })
    }

    pub(crate) fn task_of(&self, call: usize) -> Option<TaskId> {
        self.calls.borrow().get(call).map(|call| call.task)
    }

    /// What becomes of a task whose code has returned `value`. Runs within the turn of that code.
    pub(crate) fn conclude(&self, engine: &Engine, call: usize, value: Result<JsRef, Fault>) -> Progress {
        engine.run_jobs();
        let outcome = value.and_then(|value| match engine.settled(&value) {
            Settled::Pending => {
                let doors = self.isolate.doors()?;
                engine.call(&doors.watch, &[Out::Value(value), count(call)])?;
                Ok(false)
            }
            Settled::Fulfilled(_) => Ok(true),
            Settled::Rejected(reason) => {
                self.isolate.hear(&value);
                Err(engine.fault_for_callers(&reason))
            }
        });
        match outcome {
            Ok(false) => {
                if let Some(task) = self.task_of(call) {
                    self.tasks.borrow_mut().insert(task, Work::Handler(call));
                }
                Progress::Pending
            }
            Ok(true) => self.end(call, Ok(())),
            Err(fault) => self.end(call, Err(fault)),
        }
    }

    fn end(&self, call: usize, result: Result<(), Fault>) -> Progress {
        self.calls.borrow_mut().try_remove(call);
        Progress::Done(result.map_err(|fault| guest_error(&fault)))
    }

    /// The promise of a handler was settled.
    pub(crate) fn settle_call(&self, call: usize, result: Result<(), Fault>) {
        if let Some(call) = self.calls.borrow_mut().get_mut(call) {
            call.result = Some(result);
            self.ctx.waker(call.task).wake_by_ref();
        }
    }

    /// A task for a promise that user code hands over.
    pub(crate) fn open_background(&self) -> Option<usize> {
        let task = self.ctx.spawn()?;
        let call = self.open_call(task);
        self.tasks.borrow_mut().insert(task, Work::Handler(call));
        Some(call)
    }

    /// A critical section; its code runs when the gate lets it.
    pub(crate) fn open_section(&self) -> Result<Option<usize>, Fault> {
        let task = self.ctx.block().map_err(|error| Fault::error(error.to_string()))?;
        let Some(task) = task else { return Ok(None) };
        let call = self.open_call(task);
        self.tasks.borrow_mut().insert(task, Work::Section(call));
        Ok(Some(call))
    }

    /// Runs the work of an op. What is ready at once costs no task.
    pub(crate) fn spawn(&self, engine: &Engine, mut work: Later, settle: [JsRef; 2]) {
        if let Poll::Ready(result) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return engine.settle(&settle, result);
        }
        if let Some(task) = self.ctx.spawn() {
            self.tasks.borrow_mut().insert(task, Work::Op(work, settle));
        }
    }

    /// A timer; `None` when the guest is gone.
    pub(crate) fn start_timer(&self, after: Duration) -> Option<usize> {
        let task = self.ctx.spawn()?;
        let timer = self.timers.borrow_mut().insert(task);
        self.tasks.borrow_mut().insert(task, Work::Timer(Box::pin(tokio::time::sleep(after)), timer));
        Some(timer)
    }

    pub(crate) fn cancel_timer(&self, timer: usize) {
        let Some(task) = self.timers.borrow_mut().try_remove(timer) else { return };
        let cancelled = self.tasks.borrow_mut().insert(task, Work::Cancelled);
        drop(cancelled);
        self.ctx.waker(task).wake_by_ref();
    }

    /// Lets a task go on.
    pub(crate) fn resume(self: &Rc<Self>, task: TaskId) -> Progress {
        let work = self.tasks.borrow_mut().remove(&task);
        match work {
            None | Some(Work::Cancelled) => Progress::Done(Ok(())),
            Some(Work::Handler(call)) => self.resume_handler(task, call),
            Some(Work::Section(call)) => self.progress(|engine| {
                let value = self.isolate.doors().and_then(|doors| engine.call(&doors.section, &[count(call)]));
                self.conclude(engine, call, value)
            }),
            Some(Work::Op(work, settle)) => self.resume_op(task, work, settle),
            Some(Work::Timer(sleep, timer)) => self.resume_timer(task, sleep, timer),
        }
    }

    fn resume_handler(&self, task: TaskId, call: usize) -> Progress {
        let result = self.calls.borrow_mut().get_mut(call).and_then(|call| call.result.take());
        match result {
            Some(result) => self.end(call, result),
            None => {
                self.tasks.borrow_mut().insert(task, Work::Handler(call));
                Progress::Pending
            }
        }
    }

    fn resume_op(self: &Rc<Self>, task: TaskId, mut work: Later, settle: [JsRef; 2]) -> Progress {
        let waker = self.ctx.waker(task);
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => {
                self.tasks.borrow_mut().insert(task, Work::Op(work, settle));
                Progress::Pending
            }
            Poll::Ready(result) => self.progress(|engine| {
                engine.settle(&settle, result);
                drop(settle);
                Progress::Done(Ok(()))
            }),
        }
    }

    fn resume_timer(self: &Rc<Self>, task: TaskId, mut sleep: Pin<Box<tokio::time::Sleep>>, timer: usize) -> Progress {
        let waker = self.ctx.waker(task);
        if sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.tasks.borrow_mut().insert(task, Work::Timer(sleep, timer));
            return Progress::Pending;
        }
        self.timers.borrow_mut().try_remove(timer);
        self.progress(|engine| {
            let args = [self.record().into(), count(timer)];
            let fired = self.isolate.doors().and_then(|doors| engine.call(&doors.timer, &args));
            if let Err(fault) = fired {
                tracing::error!(object = self.ctx.label(), error = %fault, stack = fault.stack, "uncaught in a timer");
            }
            Progress::Done(Ok(()))
        })
    }

    /// Runs code of this guest that tells what becomes of its task.
    pub(crate) fn progress(self: &Rc<Self>, run: impl FnOnce(&Engine) -> Progress) -> Progress {
        self.isolate.turn(self, run).unwrap_or_else(Progress::Broken)
    }

    /// Forgets all that waits; each may hold this state.
    pub(crate) fn clear(&self) {
        let (tasks, calls, record) = (self.tasks.take(), self.calls.take(), self.record.take());
        self.timers.take();
        self.isolate.dismiss(self.number());
        drop((tasks, calls, record));
    }
}

/// A handle as the engine's code holds it.
pub(crate) fn count(handle: usize) -> Out {
    #[expect(clippy::cast_precision_loss, reason = "a handle is far below 2^53")]
    Out::Number(handle as f64)
}

/// What the runtime and other guests hear of a fault.
pub(crate) fn guest_error(fault: &Fault) -> GuestError {
    let thrown = match fault.thrown.is_empty() {
        true => clone::plain_error(&fault.name, &fault.message).into(),
        false => fault.thrown.clone(),
    };
    GuestError { message: fault.to_string(), stack: fault.stack.clone(), thrown }
}
