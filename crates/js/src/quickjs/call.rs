//! A call of an op: its arguments, and the way back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use rquickjs::qjs;

use super::Engine;
use super::value::{JsRef, as_number, to_text, with_text};
use crate::engine::{Fault, Out};
use crate::isolate::Isolate;

/// The arguments of one call of an op. Those that were not given are `undefined`.
pub(crate) struct Call<'a> {
    ctx: *mut qjs::JSContext,
    args: &'a [qjs::JSValue],
    isolate: &'a Isolate,
}

impl Call<'_> {
    /// Whose op it is.
    pub(crate) fn isolate(&self) -> &Isolate {
        self.isolate
    }

    /// How many arguments were given.
    pub(crate) fn len(&self) -> usize {
        self.args.len()
    }

    /// `String(argument)`, with U+FFFD for lone surrogates.
    pub(crate) fn text(&self, index: usize) -> Result<String, Fault> {
        // SAFETY: arguments are alive during the call.
        unsafe { to_text(self.ctx, self.arg(index)) }.ok_or_else(|| self.thrown())
    }

    /// Reads `String(argument)` without a copy.
    pub(crate) fn with_text<T>(&self, index: usize, read: impl FnOnce(&str) -> T) -> Result<T, Fault> {
        // SAFETY: arguments are alive during the call.
        unsafe { with_text(self.ctx, self.arg(index), read) }.ok_or_else(|| self.thrown())
    }

    /// The text, unless the argument is `null` or `undefined`.
    pub(crate) fn optional_text(&self, index: usize) -> Result<Option<String>, Fault> {
        if self.is_nullish(index) { Ok(None) } else { self.text(index).map(Some) }
    }

    /// A number; booleans are 0 and 1.
    pub(crate) fn number(&self, index: usize) -> Result<f64, Fault> {
        // SAFETY: arguments are alive during the call.
        unsafe { as_number(self.arg(index)) }
            .ok_or_else(|| Fault::type_error(format!("argument {index} of an op must be a number")))
    }

    /// A handle or a count.
    pub(crate) fn index(&self, index: usize) -> Result<u32, Fault> {
        whole(self.number(index)?, index)
    }

    pub(crate) fn flag(&self, index: usize) -> bool {
        // SAFETY: arguments are alive during the call.
        unsafe { as_number(self.arg(index)) }.is_some_and(|number| number != 0.0)
    }

    pub(crate) fn is_text(&self, index: usize) -> bool {
        // SAFETY: a tag is read.
        unsafe { qjs::JS_IsString(self.arg(index)) }
    }

    pub(crate) fn is_nullish(&self, index: usize) -> bool {
        // SAFETY: a tag is read.
        unsafe { qjs::JS_IsNull(self.arg(index)) || qjs::JS_IsUndefined(self.arg(index)) }
    }

    /// The bytes of an `ArrayBuffer` or of a view of one. Not to be held while JavaScript runs.
    pub(crate) fn bytes(&self, index: usize) -> Result<&[u8], Fault> {
        let value = self.arg(index);
        let mut len = 0;
        // SAFETY: the argument keeps its buffer alive during the call, no JavaScript runs while an op does, and the
        // engine checks offset and length of a view against its buffer.
        unsafe {
            let pointer = match qjs::JS_IsArrayBuffer(value) {
                true => qjs::JS_GetArrayBuffer(self.ctx, &raw mut len, value),
                false => {
                    let (mut offset, mut bytes, mut size) = (0, 0, 0);
                    let buffer =
                        qjs::JS_GetTypedArrayBuffer(self.ctx, value, &raw mut offset, &raw mut bytes, &raw mut size);
                    if qjs::JS_IsException(buffer) {
                        return Err(self.thrown());
                    }
                    let pointer = qjs::JS_GetArrayBuffer(self.ctx, &raw mut len, buffer);
                    qjs::JS_FreeValue(self.ctx, buffer);
                    let end = offset as usize + bytes as usize;
                    if pointer.is_null() || end > len as usize {
                        if bytes == 0 {
                            self.forget_exception();
                            return Ok(&[]);
                        }
                        return Err(self.thrown());
                    }
                    len = bytes;
                    pointer.add(offset as usize)
                }
            };
            if pointer.is_null() {
                // An empty buffer has no memory; a detached one has none either.
                self.forget_exception();
                return Ok(&[]);
            }
            Ok(slice::from_raw_parts(pointer, len as usize))
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, index: usize) -> Result<Vec<String>, Fault> {
        let engine = self.engine();
        let mut texts = Vec::new();
        // SAFETY: the array is alive during the call; each item is owned and freed.
        unsafe {
            let mut len = 0;
            if qjs::JS_GetLength(self.ctx, self.arg(index), &raw mut len) < 0 {
                return Err(self.thrown());
            }
            for at in 0..u32::try_from(len).unwrap_or(0) {
                let item = engine.take(qjs::JS_GetPropertyUint32(self.ctx, self.arg(index), at))?;
                texts.push(to_text(self.ctx, item.raw()).ok_or_else(|| self.thrown())?);
            }
        }
        Ok(texts)
    }

    /// A list of handles.
    pub(crate) fn indices(&self, index: usize) -> Result<Vec<u32>, Fault> {
        // SAFETY: the references keep their values alive.
        let number = |value: &JsRef| unsafe { as_number(value.raw()) }.unwrap_or(f64::NAN);
        self.values(index)?.iter().map(|value| whole(number(value), index)).collect()
    }

    /// A list of anything; none for what is no list.
    pub(crate) fn values(&self, index: usize) -> Result<Vec<JsRef>, Fault> {
        let engine = self.engine();
        let mut values = Vec::new();
        // SAFETY: the array is alive during the call; each item is owned.
        unsafe {
            let mut len = 0;
            if !qjs::JS_IsArray(self.arg(index)) || qjs::JS_GetLength(self.ctx, self.arg(index), &raw mut len) < 0 {
                return Ok(values);
            }
            for at in 0..u32::try_from(len).unwrap_or(0) {
                values.push(engine.take(qjs::JS_GetPropertyUint32(self.ctx, self.arg(index), at))?);
            }
        }
        Ok(values)
    }

    /// Whether the argument is the very text that is kept there, not only one like it.
    pub(crate) fn is_same_text(&self, index: usize, kept: &JsRef) -> bool {
        // SAFETY: both are alive. Texts never change, so one that has not moved is the same.
        unsafe {
            let (one, other) = (self.arg(index), kept.raw());
            self.is_text(index)
                && qjs::JS_IsString(other)
                && std::ptr::eq(qjs::JS_VALUE_GET_PTR(one), qjs::JS_VALUE_GET_PTR(other))
        }
    }

    /// The argument itself, for the engine to keep.
    pub(crate) fn value(&self, index: usize) -> JsRef {
        // SAFETY: arguments are alive during the call, and the count that is added is the new reference's.
        let value = unsafe { qjs::JS_DupValue(self.ctx, self.arg(index)) };
        JsRef::owned(self.engine(), value)
    }

    /// A `Uint8Array` of a copy of `bytes`, made without a copy between.
    pub(crate) fn new_bytes(&self, bytes: &[u8]) -> Result<Out, Fault> {
        // SAFETY: the engine copies from a live slice; the result is owned by the new reference.
        let value = unsafe { qjs::JS_NewUint8ArrayCopy(self.ctx, bytes.as_ptr(), bytes.len() as _) };
        self.engine().take(value).map(Out::Value)
    }

    /// A string, made without a copy between.
    pub(crate) fn new_text(&self, text: &str) -> Result<Out, Fault> {
        // SAFETY: the engine copies from a live slice; the result is owned by the new reference.
        let value = unsafe { qjs::JS_NewStringLen(self.ctx, text.as_ptr().cast(), text.len() as _) };
        self.engine().take(value).map(Out::Value)
    }

    /// What the argument says about itself as something that was thrown, and what somebody elsewhere is told of it.
    pub(crate) fn fault_for_callers(&self, index: usize) -> Fault {
        self.engine().fault_for_callers(&self.value(index))
    }

    fn engine(&self) -> &Engine {
        self.isolate.engine()
    }

    fn arg(&self, index: usize) -> qjs::JSValue {
        self.args.get(index).copied().unwrap_or(qjs::JS_UNDEFINED)
    }

    fn thrown(&self) -> Fault {
        self.engine().exception()
    }

    fn forget_exception(&self) {
        // SAFETY: what waits is owned by the caller of this and freed.
        unsafe { qjs::JS_FreeValue(self.ctx, qjs::JS_GetException(self.ctx)) };
    }
}

/// A handle or a count, if it is one.
fn whole(number: f64, index: usize) -> Result<u32, Fault> {
    if number.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&number) {
        return Err(Fault::range_error(format!("argument {index} of an op must be a whole number")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Ok(number as u32)
}

/// What the engine calls for every op; `magic` says which.
pub(super) unsafe extern "C" fn dispatch(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    argc: i32,
    argv: *mut qjs::JSValue,
    magic: i32,
) -> qjs::JSValue {
    let argc = usize::try_from(argc).unwrap_or(0);
    // SAFETY: the engine gives `argc` live arguments, and the opaque pointer is the isolate that runs this engine.
    let (args, isolate) = unsafe {
        let args = if argc == 0 { &[] } else { slice::from_raw_parts(argv, argc) };
        (args, qjs::JS_GetContextOpaque(ctx).cast::<Isolate>().as_ref())
    };
    let Some(isolate) = isolate else { return qjs::JS_UNDEFINED };
    let engine = isolate.engine();
    let op = usize::try_from(magic).ok().and_then(|magic| engine.0.ops.get(magic));
    let Some(op) = op else { return qjs::JS_UNDEFINED };
    let call = Call { ctx, args, isolate };
    // A panic must not unwind through the engine's frames.
    let result = catch_unwind(AssertUnwindSafe(|| match (op.run)(&call) {
        Ok(Out::Later(work)) => isolate.spawn(work).map(Out::Value),
        result => result,
    }));
    let result = result.unwrap_or_else(|_| Err(Fault::error(format!("internal error in op {}", op.name))));
    match result {
        Ok(out) => engine.value_of(&out),
        Err(fault) if fault.pending => qjs::JS_EXCEPTION,
        Err(fault) => engine.throw(&fault),
    }
}

impl Engine {
    /// Leaves `fault` as the exception that waits.
    fn throw(&self, fault: &Fault) -> qjs::JSValue {
        let ctx = self.raw();
        let error = self.error_of(fault);
        // SAFETY: the engine takes the error over.
        unsafe {
            if fault.uncatchable {
                qjs::JS_SetUncatchableError(ctx, error);
            }
            qjs::JS_Throw(ctx, error)
        }
    }

    /// The error object for a fault; owned by the caller.
    pub(super) fn error_of(&self, fault: &Fault) -> qjs::JSValue {
        let ctx = self.raw();
        let name = self.value_of(&fault.name.as_str().into());
        let message = self.value_of(&fault.message.as_str().into());
        let maker = *self.0.fault_maker.borrow();
        // SAFETY: all values are owned here; the maker is alive while the engine is, and the message is given away.
        unsafe {
            let error = match maker {
                Some(maker) => {
                    let mut args = [name, message];
                    let error = qjs::JS_Call(ctx, maker, qjs::JS_UNDEFINED, 2, args.as_mut_ptr());
                    qjs::JS_FreeValue(ctx, message);
                    error
                }
                None => {
                    let error = qjs::JS_NewError(ctx);
                    qjs::JS_SetPropertyStr(ctx, error, c"message".as_ptr(), message);
                    error
                }
            };
            qjs::JS_FreeValue(ctx, name);
            // What the maker threw instead is as good as what it should have made.
            if qjs::JS_IsException(error) { qjs::JS_GetException(ctx) } else { error }
        }
    }

    /// Settles a promise by the functions that came with it.
    pub(crate) fn settle(&self, [resolve, reject]: &[JsRef; 2], result: Result<Out, Fault>) {
        let settled = match result {
            Ok(out) => self.call(resolve, &[out]),
            Err(fault) => self.call(reject, &[Out::Value(JsRef::owned(self, self.error_of(&fault)))]),
        };
        // The functions of a promise do not throw; what stopped them is noted by the limit that did.
        drop(settled);
    }
}
