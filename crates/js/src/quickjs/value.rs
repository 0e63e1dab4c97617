//! Values of the engine as the rest of the crate holds them, and how they cross the border.

use std::ffi::CStr;

use rquickjs::{Value, qjs};

use super::Engine;
use crate::engine::{Fault, Out};
use crate::limits::TEXT_LEN_MAX;

/// A value that the engine keeps for us. It keeps its engine alive.
pub(crate) struct JsRef {
    value: qjs::JSValue,
    engine: Engine,
}

/// How a promise stands.
pub(crate) enum Settled {
    Pending,
    Fulfilled(JsRef),
    Rejected(JsRef),
}

impl JsRef {
    /// Takes over a value that the caller owns.
    pub(super) fn owned(engine: &Engine, value: qjs::JSValue) -> Self {
        Self { value, engine: engine.clone() }
    }

    pub(super) fn from_value(engine: &Engine, value: &Value<'_>) -> Self {
        // SAFETY: the value is alive, and the count that is added is the new reference's.
        let value = unsafe { qjs::JS_DupValue(engine.raw(), value.as_raw()) };
        Self::owned(engine, value)
    }

    pub(super) fn raw(&self) -> qjs::JSValue {
        self.value
    }

    /// The same value, for a place in the engine that takes it over.
    pub(super) fn duplicate(&self) -> qjs::JSValue {
        // SAFETY: the value is alive.
        unsafe { qjs::JS_DupValue(self.engine.raw(), self.value) }
    }

    /// Whether both are the same object.
    pub(crate) fn is(&self, other: &JsRef) -> bool {
        // SAFETY: both are alive; objects are told apart by their address.
        unsafe { qjs::JS_IsStrictEqual(self.engine.raw(), self.value, other.value) }
    }

    pub(crate) fn is_function(&self) -> bool {
        // SAFETY: the value is alive.
        unsafe { qjs::JS_IsFunction(self.engine.raw(), self.value) }
    }

    pub(crate) fn is_nullish(&self) -> bool {
        // SAFETY: a tag is read.
        unsafe { qjs::JS_IsNull(self.value) || qjs::JS_IsUndefined(self.value) }
    }
}

impl Clone for JsRef {
    fn clone(&self) -> Self {
        Self::owned(&self.engine, self.duplicate())
    }
}

impl Drop for JsRef {
    fn drop(&mut self) {
        // SAFETY: the reference owns one count, and `engine` is dropped after this.
        unsafe { qjs::JS_FreeValue(self.engine.raw(), self.value) };
    }
}

impl Engine {
    /// Owns a result of the engine, or takes the exception that it stands for.
    pub(super) fn take(&self, value: qjs::JSValue) -> Result<JsRef, Fault> {
        self.caught(value).map_err(|thrown| self.fault_of(&thrown))
    }

    /// The same; an error is the exception itself.
    pub(super) fn caught(&self, value: qjs::JSValue) -> Result<JsRef, JsRef> {
        // SAFETY: a tag is read; the exception is owned by the new reference.
        unsafe {
            match qjs::JS_IsException(value) {
                true => Err(JsRef::owned(self, qjs::JS_GetException(self.raw()))),
                false => Ok(JsRef::owned(self, value)),
            }
        }
    }

    /// Takes the exception that waits.
    pub(super) fn exception(&self) -> Fault {
        // SAFETY: the exception is owned by the new reference.
        let value = JsRef::owned(self, unsafe { qjs::JS_GetException(self.raw()) });
        self.fault_of(&value)
    }

    /// What a thrown value says about itself.
    pub(crate) fn fault_of(&self, value: &JsRef) -> Fault {
        // SAFETY: a tag is read.
        if unsafe { qjs::JS_IsObject(value.raw()) } {
            let name = self.text_at(value, c"name");
            let message = self.text_at(value, c"message");
            if name.is_some() || message.is_some() {
                let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "Error".to_owned());
                let stack = self.text_at(value, c"stack").unwrap_or_default();
                return Fault { stack, ..Fault::new(&name, message.unwrap_or_default()) };
            }
        }
        Fault::error(self.text(value))
    }

    /// `String(value)`, cut to what a log can take; never throws.
    pub(crate) fn text(&self, value: &JsRef) -> String {
        // SAFETY: the value is alive.
        let mut text = unsafe { to_text(self.raw(), value.raw()) }.unwrap_or_else(|| {
            // SAFETY: the exception of the failed conversion is owned here and dropped.
            unsafe { qjs::JS_FreeValue(self.raw(), qjs::JS_GetException(self.raw())) };
            "[object]".to_owned()
        });
        text.truncate(text.floor_char_boundary(TEXT_LEN_MAX));
        text
    }

    /// The number that a value is.
    pub(crate) fn number(&self, value: &JsRef) -> Option<f64> {
        // SAFETY: tags are read before the part that they tell of.
        unsafe { as_number(value.raw()) }
    }

    pub(super) fn text_at(&self, object: &JsRef, name: &CStr) -> Option<String> {
        // SAFETY: the object is alive; what is read is owned and freed.
        unsafe {
            let value = qjs::JS_GetPropertyStr(self.raw(), object.raw(), name.as_ptr());
            if qjs::JS_IsException(value) {
                qjs::JS_FreeValue(self.raw(), qjs::JS_GetException(self.raw()));
                return None;
            }
            let value = JsRef::owned(self, value);
            qjs::JS_IsString(value.raw()).then(|| self.text(&value))
        }
    }

    /// The value for the engine that `out` stands for; the caller owns it. Exceptions stay pending.
    pub(super) fn value_of(&self, out: &Out) -> qjs::JSValue {
        let ctx = self.raw();
        // SAFETY: pointers and lengths are those of live slices, which the engine copies.
        unsafe {
            match out {
                Out::Undefined | Out::Later(_) => qjs::JS_UNDEFINED,
                Out::Null => qjs::JS_NULL,
                Out::Bool(value) => qjs::JS_MKVAL(qjs::JS_TAG_BOOL, i32::from(*value)),
                Out::Number(value) => qjs::JS_NewNumber(ctx, *value),
                Out::Text(text) => qjs::JS_NewStringLen(ctx, text.as_ptr().cast(), text.len() as _),
                Out::Shared(text) => qjs::JS_NewStringLen(ctx, text.as_ptr().cast(), text.len() as _),
                Out::Bytes(bytes) => qjs::JS_NewUint8ArrayCopy(ctx, bytes.as_ptr(), bytes.len() as _),
                Out::Buffer(bytes) => qjs::JS_NewArrayBufferCopy(ctx, bytes.as_ptr(), bytes.len() as _),
                Out::Value(value) => value.duplicate(),
                Out::List(list) => {
                    let array = qjs::JS_NewArray(ctx);
                    for (index, item) in list.iter().enumerate() {
                        let index = u32::try_from(index).unwrap_or(u32::MAX);
                        qjs::JS_SetPropertyUint32(ctx, array, index, self.value_of(item));
                    }
                    array
                }
            }
        }
    }
}

/// `String(value)` as UTF-8; a lone surrogate becomes U+FFFD. `None` when the conversion throws.
///
/// # Safety
///
/// The value is alive and belongs to the context.
pub(super) unsafe fn to_text(ctx: *mut qjs::JSContext, value: qjs::JSValue) -> Option<String> {
    // SAFETY: as above.
    unsafe { with_text(ctx, value, str::to_owned) }
}

/// Reads `String(value)` in place.
///
/// # Safety
///
/// The value is alive and belongs to the context.
pub(super) unsafe fn with_text<T>(
    ctx: *mut qjs::JSContext,
    value: qjs::JSValue,
    read: impl FnOnce(&str) -> T,
) -> Option<T> {
    let mut len = 0;
    // SAFETY: the engine gives a pointer to `len` bytes, valid until it is freed below.
    unsafe {
        let pointer = qjs::JS_ToCStringLen2(ctx, &raw mut len, value, false);
        if pointer.is_null() {
            return None;
        }
        let bytes = std::slice::from_raw_parts(pointer.cast::<u8>(), len as usize);
        let result = match std::str::from_utf8(bytes) {
            Ok(text) => read(text),
            // The engine writes each lone surrogate as three bytes that are no UTF-8.
            Err(_) => read(&lossy(bytes)),
        };
        qjs::JS_FreeCString(ctx, pointer);
        Some(result)
    }
}

/// Replaces each lone surrogate, which stands there in three bytes.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return text;
            }
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to());
                text.push_str(&String::from_utf8_lossy(valid));
                text.push(char::REPLACEMENT_CHARACTER);
                rest = after.get(3..).unwrap_or_default();
            }
        }
    }
}

/// # Safety
///
/// The value is alive.
pub(super) unsafe fn as_number(value: qjs::JSValue) -> Option<f64> {
    // SAFETY: tags are read before the part that they tell of.
    unsafe {
        match qjs::JS_VALUE_GET_NORM_TAG(value) {
            qjs::JS_TAG_INT => Some(qjs::JS_VALUE_GET_INT(value).into()),
            qjs::JS_TAG_FLOAT64 => Some(qjs::JS_VALUE_GET_FLOAT64(value)),
            qjs::JS_TAG_BOOL => Some(f64::from(u8::from(qjs::JS_VALUE_GET_BOOL(value)))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lossy;

    #[test]
    fn a_lone_surrogate_becomes_one_replacement_character() {
        assert_eq!(lossy(b"a\xed\xa0\x80b\xed\xb0\x80"), "a\u{fffd}b\u{fffd}");
    }
}
