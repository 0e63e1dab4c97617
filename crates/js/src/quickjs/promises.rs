//! Promises: how they stand, and what the engine says of them while code runs.

use std::cell::Cell;
use std::ptr;

use rquickjs::qjs;

use super::Engine;
use super::value::{JsRef, Settled};
use crate::engine::{Fault, Out};
use crate::isolate::Isolate;

/// Functions of the platform that are called while the engine is at work. Each is owned.
#[derive(Default)]
pub(super) struct Hooks {
    /// Is told that a promise was made, and of thenables that are called.
    tell: Cell<Option<qjs::JSValue>>,
    /// Gives a function that brings the frame of the code that runs back.
    frame: Cell<Option<qjs::JSValue>>,
    /// Leaves all frames.
    leave: Cell<Option<qjs::JSValue>>,
    /// Is told that somebody listens at last to a promise whose rejection was reported.
    handled: Cell<Option<qjs::JSValue>>,
}

impl Hooks {
    /// Gives all functions up, before their realm goes.
    pub(super) fn free(&self, ctx: *mut qjs::JSContext) {
        for hook in [&self.tell, &self.frame, &self.leave, &self.handled] {
            if let Some(function) = hook.take() {
                // SAFETY: the value was owned by the field, and its runtime is still there.
                unsafe { qjs::JS_FreeValue(ctx, function) };
            }
        }
    }
}

impl Engine {
    /// How a promise stands; a value that is none is fulfilled with itself. A rejection counts as heard.
    pub(crate) fn settled(&self, value: &JsRef) -> Settled {
        let settled = self.peek(value);
        if matches!(settled, Settled::Rejected(_)) {
            // SAFETY: the value is alive, and it is a promise.
            unsafe { qjs::JS_PromiseMarkAsHandled(self.raw(), value.raw()) };
        }
        settled
    }

    /// How a promise stands, without listening to it.
    pub(crate) fn peek(&self, value: &JsRef) -> Settled {
        let ctx = self.raw();
        // SAFETY: the value is alive; results are owned by their references.
        unsafe {
            if !qjs::JS_IsPromise(value.raw()) {
                return Settled::Fulfilled(value.clone());
            }
            let result = || JsRef::owned(self, qjs::JS_PromiseResult(ctx, value.raw()));
            match qjs::JS_PromiseState(ctx, value.raw()) {
                qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED => Settled::Fulfilled(result()),
                qjs::JSPromiseStateEnum_JS_PROMISE_REJECTED => Settled::Rejected(result()),
                _ => Settled::Pending,
            }
        }
    }

    /// A promise with the functions that settle it.
    pub(crate) fn promise(&self) -> Result<(JsRef, [JsRef; 2]), Fault> {
        let mut functions = [qjs::JS_UNDEFINED; 2];
        // SAFETY: the engine writes two owned values when it returns a promise.
        let promise = unsafe { qjs::JS_NewPromiseCapability(self.raw(), functions.as_mut_ptr()) };
        let promise = self.take(promise)?;
        Ok((promise, functions.map(|function| JsRef::owned(self, function))))
    }

    /// What a proxy stands for, null when it was revoked.
    pub(crate) fn proxy_target(&self, value: &JsRef) -> Option<JsRef> {
        // SAFETY: the value is alive; the target is owned by its reference.
        unsafe {
            if !qjs::JS_IsProxy(value.raw()) {
                return None;
            }
            let target = qjs::JS_GetProxyTarget(self.raw(), value.raw());
            if qjs::JS_IsException(target) {
                qjs::JS_FreeValue(self.raw(), qjs::JS_GetException(self.raw()));
                return Some(JsRef::owned(self, qjs::JS_NULL));
            }
            Some(JsRef::owned(self, target))
        }
    }

    /// Tells the isolate of promises that are rejected while nobody listens to them.
    pub(crate) fn track_rejections(&self) {
        // SAFETY: the runtime is alive; the tracker finds the isolate by the context that it is given.
        unsafe {
            qjs::JS_SetHostPromiseRejectionTracker(qjs::JS_GetRuntime(self.raw()), Some(rejected), ptr::null_mut());
        }
    }

    /// Tells `function` of promises that are listened to after they were reported.
    pub(crate) fn on_handled(&self, function: &JsRef) {
        self.set_hook(&self.0.hooks.handled, function);
    }

    /// From now on `tell` hears of promises, `frame` is asked where a promise is rejected, and `leave` ends each turn.
    pub(crate) fn follow_promises(&self, tell: &JsRef, frame: &JsRef, leave: &JsRef) {
        let hooks = &self.0.hooks;
        self.set_hook(&hooks.tell, tell);
        self.set_hook(&hooks.frame, frame);
        self.set_hook(&hooks.leave, leave);
        // SAFETY: the runtime is alive; the hook finds the isolate by the context that it is given.
        unsafe { qjs::JS_SetPromiseHook(qjs::JS_GetRuntime(self.raw()), Some(followed), ptr::null_mut()) };
    }

    /// Leaves all frames, when promises are followed.
    pub(crate) fn leave_frames(&self) {
        self.call_hook(&self.0.hooks.leave, &[]);
    }

    fn set_hook(&self, hook: &Cell<Option<qjs::JSValue>>, function: &JsRef) {
        if let Some(old) = hook.replace(Some(function.duplicate())) {
            // SAFETY: the value was owned by the field.
            unsafe { qjs::JS_FreeValue(self.raw(), old) };
        }
    }

    /// Calls a function of the platform; what it throws, because it was stopped, is dropped.
    fn call_hook(&self, hook: &Cell<Option<qjs::JSValue>>, args: &[qjs::JSValue]) -> Option<JsRef> {
        let ctx = self.raw();
        let mut args = args.to_vec();
        // SAFETY: the function is duplicated for the call, so that it may be replaced meanwhile; arguments are the
        // caller's and alive.
        unsafe {
            let function = qjs::JS_DupValue(ctx, hook.get()?);
            let argc = i32::try_from(args.len()).unwrap_or(0);
            let result = qjs::JS_Call(ctx, function, qjs::JS_UNDEFINED, argc, args.as_mut_ptr());
            qjs::JS_FreeValue(ctx, function);
            if qjs::JS_IsException(result) {
                qjs::JS_FreeValue(ctx, qjs::JS_GetException(ctx));
                return None;
            }
            Some(JsRef::owned(self, result))
        }
    }
}

/// The isolate that runs a context.
///
/// # Safety
///
/// The context is alive, and was bound by [`Engine::bind`] if code runs in it.
unsafe fn isolate_of<'a>(ctx: *mut qjs::JSContext) -> Option<&'a Isolate> {
    // SAFETY: the opaque pointer is null or the isolate that runs this engine.
    unsafe { qjs::JS_GetContextOpaque(ctx).cast::<Isolate>().as_ref() }
}

/// What the engine calls when a promise is rejected and nobody listens, and when somebody does after that.
unsafe extern "C" fn rejected(
    ctx: *mut qjs::JSContext,
    promise: qjs::JSValue,
    reason: qjs::JSValue,
    is_handled: bool,
    _: *mut std::ffi::c_void,
) {
    // SAFETY: the engine calls this with a context in which code runs.
    let Some(isolate) = (unsafe { isolate_of(ctx) }) else { return };
    let engine = isolate.engine();
    // SAFETY: both values are alive during the call; the counts that are added are the references'.
    let (promise, reason) = unsafe {
        let own = |value| JsRef::owned(engine, qjs::JS_DupValue(ctx, value));
        (own(promise), own(reason))
    };
    if !is_handled {
        let frame = engine.call_hook(&engine.0.hooks.frame, &[]);
        isolate.rejected(promise, reason, frame);
    } else if !isolate.hear(&promise) {
        engine.call_hook(&engine.0.hooks.handled, &[promise.raw()]);
    }
}

/// What the engine calls for what happens to promises.
unsafe extern "C" fn followed(
    ctx: *mut qjs::JSContext,
    what: qjs::JSPromiseHookType,
    _promise: qjs::JSValue,
    parent: qjs::JSValue,
    _: *mut std::ffi::c_void,
) {
    // SAFETY: the engine calls this with a context in which code runs; a tag is read.
    let (isolate, has_parent) = unsafe { (isolate_of(ctx), !qjs::JS_IsUndefined(parent)) };
    let Some(isolate) = isolate else { return };
    let what = match what {
        // What `then` returns has the frame of its callbacks.
        qjs::JSPromiseHookType_JS_PROMISE_HOOK_INIT if !has_parent => 0,
        qjs::JSPromiseHookType_JS_PROMISE_HOOK_BEFORE => 1,
        qjs::JSPromiseHookType_JS_PROMISE_HOOK_AFTER => 2,
        _ => return,
    };
    let engine = isolate.engine();
    engine.call_hook(&engine.0.hooks.tell, &[engine.value_of(&Out::Number(f64::from(what)))]);
}
