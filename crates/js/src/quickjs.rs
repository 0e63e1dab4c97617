//! The adapter of the engine, quickjs-ng through `rquickjs`: the only file, with its parts in `quickjs/`, that names
//! it, and the only place for `unsafe`.
//!
//! One [`Engine`] is one realm: global object, modules, job queue. It is single-threaded and never shared.
//! Invariant: a [`JsRef`] keeps its engine alive, so no value is freed after its runtime. Values that cross the border
//! are copied; nothing here hands out a pointer into the engine's heap for longer than one op.

#![expect(unsafe_code, reason = "the engine is C, and the binding's safe calls cost twice the raw ones")]

mod call;
mod clone;
mod loader;
mod memory;
mod promises;
mod object;
mod value;

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::CString;
use std::ptr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::{Context, Module, Runtime, qjs};

use crate::engine::{Fault, Op, Out};
use crate::isolate::Isolate;
use crate::limits::{GC_THRESHOLD, STACK_MAX};
use crate::modules::Loader;

pub(crate) use self::call::Call;
use self::clone::{Intrinsics, PlatformClass};
use self::memory::{Counted, Usage};
pub(crate) use self::value::{JsRef, Settled};

/// One realm with its ops and modules.
#[derive(Clone)]
pub(crate) struct Engine(Rc<Inner>);

struct Inner {
    /// It holds its runtime.
    context: Context,
    usage: Rc<Usage>,
    deadline: Rc<Deadline>,
    /// Makes the errors that ops throw; set by the platform.
    fault_maker: RefCell<Option<qjs::JSValue>>,
    /// Told of promises; set by the platform.
    hooks: promises::Hooks,
    intrinsics: OnceCell<Intrinsics>,
    /// Classes of the platform whose instances the structured clone knows.
    clone_classes: RefCell<Vec<Rc<PlatformClass>>>,
    /// Stays alive until the jobs have run.
    kept: RefCell<Vec<qjs::JSValue>>,
    isolate: OnceCell<*const Isolate>,
    ops: Rc<[Op]>,
}

/// What stops code that runs too long.
#[derive(Default)]
struct Deadline {
    at: Cell<Option<Instant>>,
    passed: Cell<bool>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let ctx = self.context.as_raw().as_ptr();
        // SAFETY: the values are owned by these fields and their runtime is still there.
        unsafe {
            if let Some(maker) = self.fault_maker.take() {
                qjs::JS_FreeValue(ctx, maker);
            }
            if let Some(intrinsics) = self.intrinsics.take() {
                intrinsics.free(ctx);
            }
            for class in self.clone_classes.take() {
                class.free(ctx);
            }
            for value in self.kept.take() {
                qjs::JS_FreeValue(ctx, value);
            }
        }
        self.hooks.free(self.context.as_raw().as_ptr());
    }
}

impl Engine {
    /// A realm without modules, whose heap may hold `memory_max` bytes.
    pub(crate) fn new(memory_max: usize, ops: Rc<[Op]>, loader: Rc<dyn Loader>) -> Result<Self, Fault> {
        let usage = Rc::new(Usage::new(memory_max));
        let no_memory = |_| Fault::range_error("no memory for a JavaScript engine");
        let runtime = Runtime::new_with_alloc(Counted(usage.clone())).map_err(no_memory)?;
        runtime.set_max_stack_size(STACK_MAX);
        runtime.set_gc_threshold(GC_THRESHOLD);
        let deadline = Rc::new(Deadline::default());
        let watched = deadline.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || watched.is_over())));
        let modules = loader::Modules(loader);
        runtime.set_loader(modules.clone(), modules);
        let context = Context::full(&runtime).map_err(no_memory)?;
        let engine = Self(Rc::new(Inner {
            context,
            usage,
            deadline,
            fault_maker: RefCell::new(None),
            hooks: promises::Hooks::default(),
            intrinsics: OnceCell::new(),
            clone_classes: RefCell::default(),
            kept: RefCell::default(),
            isolate: OnceCell::new(),
            ops,
        }));
        let intrinsics = Intrinsics::of(&engine)?;
        // There were none: the engine was just made.
        let _ = engine.0.intrinsics.set(intrinsics);
        Ok(engine)
    }

    /// Makes the ops reachable as properties of the global `name`, and tells them whose they are.
    ///
    /// `isolate` outlives every call of JavaScript in this engine: its owner runs them all.
    pub(crate) fn bind(&self, isolate: &Isolate, name: &str) -> Result<(), Fault> {
        let isolate: *const Isolate = isolate;
        self.0.isolate.set(isolate).map_err(|_| Fault::error("an engine has one isolate"))?;
        let ctx = self.raw();
        // SAFETY: the pointer is read only by `Call`, inside ops, which run only while the isolate runs this engine.
        unsafe { qjs::JS_SetContextOpaque(ctx, isolate.cast_mut().cast()) };
        // SAFETY: each value is owned until it is given to the object that takes it.
        unsafe {
            let ops = qjs::JS_NewObject(ctx);
            for (index, op) in self.0.ops.iter().enumerate() {
                let op_name = c_string(op.name)?;
                let magic = i32::try_from(index).map_err(|_| Fault::error("too many ops"))?;
                let kind = qjs::JSCFunctionEnum_JS_CFUNC_generic_magic;
                // A function with a magic number has one argument more; the engine calls it by its kind.
                let function = std::mem::transmute::<
                    unsafe extern "C" fn(
                        *mut qjs::JSContext,
                        qjs::JSValue,
                        i32,
                        *mut qjs::JSValue,
                        i32,
                    ) -> qjs::JSValue,
                    unsafe extern "C" fn(*mut qjs::JSContext, qjs::JSValue, i32, *mut qjs::JSValue) -> qjs::JSValue,
                >(call::dispatch);
                let function = qjs::JS_NewCFunction2(ctx, Some(function), op_name.as_ptr(), 0, kind, magic);
                qjs::JS_SetPropertyStr(ctx, ops, op_name.as_ptr(), function);
            }
            let global = qjs::JS_GetGlobalObject(ctx);
            qjs::JS_SetPropertyStr(ctx, global, c_string(name)?.as_ptr(), ops);
            qjs::JS_FreeValue(ctx, global);
        }
        Ok(())
    }

    /// Imports a module and runs it to its end; returns its namespace.
    pub(crate) fn import(&self, specifier: &str) -> Result<JsRef, Fault> {
        let promise = self.0.context.with(|ctx| match Module::import(&ctx, specifier) {
            Ok(promise) => Ok(JsRef::from_value(self, promise.as_value())),
            Err(_) => Err(self.exception()),
        })?;
        self.run_jobs();
        match self.settled(&promise) {
            Settled::Fulfilled(namespace) => Ok(namespace),
            Settled::Rejected(error) => Err(self.fault_of(&error)),
            Settled::Pending => Err(Fault::error(format!(
                "Top-level await in module `{specifier}` is unsettled: its promise would never resolve."
            ))),
        }
    }

    /// Compiles a module without running it; the result is what [`Loader`] may give instead of its source.
    pub(crate) fn compile(&self, specifier: &str, source: &str) -> Result<Vec<u8>, Fault> {
        self.0.context.with(|ctx| {
            let module = Module::declare(ctx, specifier, source).map_err(|_| self.exception())?;
            // Without its source a function says `[native code]` of itself, as it should, and takes less room.
            let options = rquickjs::WriteOptions { strip_source: true, ..rquickjs::WriteOptions::default() };
            module.write(options).map_err(|_| self.exception())
        })
    }

    /// Calls a function with `undefined` as `this`.
    pub(crate) fn call(&self, function: &JsRef, args: &[Out]) -> Result<JsRef, Fault> {
        self.try_call(function, args).map_err(|thrown| self.fault_of(&thrown))
    }

    /// The same for code that others wait for: they are told what it threw.
    pub(crate) fn call_for_callers(&self, function: &JsRef, args: &[Out]) -> Result<JsRef, Fault> {
        self.try_call(function, args).map_err(|thrown| self.fault_for_callers(&thrown))
    }

    /// Calls a function with `undefined` as `this`; an error is what it threw.
    fn try_call(&self, function: &JsRef, args: &[Out]) -> Result<JsRef, JsRef> {
        let ctx = self.raw();
        let mut raw: Vec<qjs::JSValue> = args.iter().map(|arg| self.value_of(arg)).collect();
        // SAFETY: function and arguments are alive for the call; the result is owned by the new reference.
        let result = unsafe {
            qjs::JS_UpdateStackTop(qjs::JS_GetRuntime(ctx));
            let argc = i32::try_from(raw.len()).unwrap_or(i32::MAX);
            let result = qjs::JS_Call(ctx, function.raw(), qjs::JS_UNDEFINED, argc, raw.as_mut_ptr());
            for value in raw {
                qjs::JS_FreeValue(ctx, value);
            }
            result
        };
        self.caught(result)
    }

    /// Reads a property.
    pub(crate) fn get(&self, object: &JsRef, name: &str) -> Result<JsRef, Fault> {
        let name = c_string(name)?;
        // SAFETY: the object is alive; the result is owned by the new reference.
        let value = unsafe { qjs::JS_GetPropertyStr(self.raw(), object.raw(), name.as_ptr()) };
        self.take(value)
    }

    /// Runs jobs (reactions of promises) until there are none, and lets go of what was kept until then.
    pub(crate) fn run_jobs(&self) {
        loop {
            self.run_pending_jobs();
            let kept = self.0.kept.take();
            if kept.is_empty() {
                return;
            }
            for value in kept {
                // SAFETY: the count was the list's. Finalizers may leave jobs.
                unsafe { qjs::JS_FreeValue(self.raw(), value) };
            }
        }
    }

    /// Keeps a value until the jobs have run (ECMA-262, 9.10: `AddToKeptObjects`).
    pub(crate) fn keep(&self, value: &JsRef) {
        self.0.kept.borrow_mut().push(value.duplicate());
    }

    fn run_pending_jobs(&self) {
        let mut ctx = ptr::null_mut();
        // SAFETY: the runtime is alive, and no other code of this engine runs meanwhile.
        unsafe {
            let runtime = qjs::JS_GetRuntime(self.raw());
            qjs::JS_UpdateStackTop(runtime);
            loop {
                match qjs::JS_ExecutePendingJob(runtime, &raw mut ctx) {
                    0 => return,
                    1.. => {}
                    _ => {
                        // A job fails only when it was stopped: reactions of promises catch everything else.
                        let exception = qjs::JS_GetException(self.raw());
                        qjs::JS_FreeValue(self.raw(), exception);
                        if self.is_spent() {
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Lets code run until then at most.
    pub(crate) fn set_deadline(&self, within: Option<Duration>) {
        self.0.deadline.at.set(within.map(|within| Instant::now() + within));
    }

    /// Tells whether code has run for as long as it may now, for what it waits for in this turn.
    pub(crate) fn interrupt(&self) -> Box<dyn FnMut() -> bool + Send> {
        let deadline = self.0.deadline.at.get();
        Box::new(move || deadline.is_some_and(|at| at <= Instant::now()))
    }

    /// Whether code has run for as long as it may; if so, it is stopped.
    pub(crate) fn is_over(&self) -> bool {
        self.0.deadline.is_over()
    }

    /// Whether code was stopped because it ran too long.
    pub(crate) fn ran_too_long(&self) -> bool {
        self.0.deadline.passed.get()
    }

    /// Whether code asked for more memory than it may have.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        self.0.usage.is_exceeded()
    }

    /// Whether it met a limit and must not be used any more.
    pub(crate) fn is_spent(&self) -> bool {
        self.ran_too_long() || self.ran_out_of_memory()
    }

    /// Bytes that its heap holds.
    pub(crate) fn memory(&self) -> usize {
        self.0.usage.bytes()
    }

    /// Frees what only cycles hold; its finalizers are jobs.
    pub(crate) fn collect_garbage(&self) {
        // SAFETY: the runtime is alive, and no code of this engine runs meanwhile.
        unsafe { qjs::JS_RunGC(qjs::JS_GetRuntime(self.raw())) };
    }

    /// Lets the platform make the errors that ops throw.
    pub(crate) fn set_fault_maker(&self, maker: &JsRef) {
        let old = self.0.fault_maker.replace(Some(maker.duplicate()));
        if let Some(old) = old {
            // SAFETY: the value was owned by the field.
            unsafe { qjs::JS_FreeValue(self.raw(), old) };
        }
    }

    fn intrinsics(&self) -> &Intrinsics {
        self.0.intrinsics.get().expect("every engine is made with them")
    }

    fn raw(&self) -> *mut qjs::JSContext {
        self.0.context.as_raw().as_ptr()
    }
}

impl Deadline {
    fn is_over(&self) -> bool {
        let over = self.at.get().is_some_and(|at| at <= Instant::now());
        if over {
            self.passed.set(true);
        }
        over
    }
}

fn c_string(text: &str) -> Result<CString, Fault> {
    CString::new(text).map_err(|_| Fault::type_error("a name must not hold a zero byte"))
}
