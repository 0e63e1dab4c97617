//! Objects of the engine: their properties, calls and construction, one step above the C interface.
//!
//! What JavaScript throws meanwhile stays with the engine, and the result is [`Fault::pending`].

use std::ffi::CStr;
use std::{ptr, slice};

use rquickjs::qjs;

use super::Engine;
use super::value::{JsRef, to_text};
use crate::engine::Fault;

/// The key of a property.
pub(super) struct Key<'e> {
    engine: &'e Engine,
    atom: qjs::JSAtom,
}

impl Drop for Key<'_> {
    fn drop(&mut self) {
        // SAFETY: the key owns one count of its atom.
        unsafe { qjs::JS_FreeAtom(self.engine.raw(), self.atom) };
    }
}

/// The own keys of an object, as they were: indices in their order, then the others in theirs.
pub(super) struct Keys<'e> {
    engine: &'e Engine,
    table: *mut qjs::JSPropertyEnum,
    len: u32,
}

impl Drop for Keys<'_> {
    fn drop(&mut self) {
        // SAFETY: the table and its length are as the engine gave them.
        unsafe { qjs::JS_FreePropertyEnum(self.engine.raw(), self.table, self.len) };
    }
}

impl<'e> Keys<'e> {
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// # Panics
    ///
    /// When there are not that many.
    pub(super) fn get(&self, index: u32) -> Key<'e> {
        // SAFETY: the engine gave a table of `len` entries, which lives as long as this.
        let table = unsafe { slice::from_raw_parts(self.table, self.len as usize) };
        // SAFETY: the table owns its atoms; the count that is added is the key's.
        let atom = unsafe { qjs::JS_DupAtom(self.engine.raw(), table[index as usize].atom) };
        Key { engine: self.engine, atom }
    }
}

/// Which keys.
#[derive(Clone, Copy)]
pub(super) enum Which {
    /// Strings of properties that are enumerable.
    Enumerable,
    /// All strings.
    Strings,
}

impl Key<'_> {
    pub(super) fn is(&self, other: &Key<'_>) -> bool {
        self.atom == other.atom
    }

    /// The key as a string value.
    pub(super) fn to_value(&self) -> Result<JsRef, Fault> {
        // SAFETY: the atom is alive.
        self.engine.got(unsafe { qjs::JS_AtomToString(self.engine.raw(), self.atom) })
    }
}

impl Engine {
    /// A value that the engine returned, unless that stands for an exception.
    pub(super) fn got(&self, value: qjs::JSValue) -> Result<JsRef, Fault> {
        // SAFETY: a tag is read.
        if unsafe { qjs::JS_IsException(value) } {
            return Err(Fault::pending());
        }
        Ok(JsRef::owned(self, value))
    }

    fn done(&self, status: i32) -> Result<(), Fault> {
        if status < 0 { Err(Fault::pending()) } else { Ok(()) }
    }

    /// Lets go of the exception that waits, if there is one.
    pub(crate) fn forget_exception(&self) {
        // SAFETY: what waits is owned here and freed.
        unsafe { qjs::JS_FreeValue(self.raw(), qjs::JS_GetException(self.raw())) };
    }

    pub(super) fn undefined(&self) -> JsRef {
        JsRef::owned(self, qjs::JS_UNDEFINED)
    }

    pub(super) fn global(&self) -> JsRef {
        // SAFETY: the result is owned by the new reference.
        JsRef::owned(self, unsafe { qjs::JS_GetGlobalObject(self.raw()) })
    }

    pub(super) fn new_object(&self) -> Result<JsRef, Fault> {
        // SAFETY: the result is owned by the new reference.
        self.got(unsafe { qjs::JS_NewObject(self.raw()) })
    }

    /// An array without items, whose `length` is `len`.
    pub(super) fn new_array(&self, len: u32) -> Result<JsRef, Fault> {
        // SAFETY: the result is owned by the new reference.
        let array = self.got(unsafe { qjs::JS_NewArray(self.raw()) })?;
        if len > 0 {
            // SAFETY: the array is alive.
            self.done(unsafe { qjs::JS_SetLength(self.raw(), array.raw(), len.into()) })?;
        }
        Ok(array)
    }

    pub(super) fn new_text(&self, text: &str) -> Result<JsRef, Fault> {
        // SAFETY: pointer and length are those of a live slice, which the engine copies.
        self.got(unsafe { qjs::JS_NewStringLen(self.raw(), text.as_ptr().cast(), text.len() as _) })
    }

    /// An error with a message and without a stack; `class` is the engine's number for errors.
    pub(super) fn new_error(&self, class: u32, prototype: &JsRef, message: &JsRef) -> Result<JsRef, Fault> {
        let key = self.key(c"message");
        let flags = (qjs::JS_PROP_WRITABLE | qjs::JS_PROP_CONFIGURABLE).cast_signed();
        // SAFETY: all values are alive, and the engine takes over what is added.
        unsafe {
            let error = self.got(qjs::JS_NewObjectProtoClass(self.raw(), prototype.raw(), class))?;
            let status = qjs::JS_DefinePropertyValue(self.raw(), error.raw(), key.atom, message.duplicate(), flags);
            self.done(status)?;
            Ok(error)
        }
    }

    /// `String(value)` with nothing left out.
    pub(super) fn whole_text(&self, value: &JsRef) -> Result<String, Fault> {
        // SAFETY: the value is alive.
        unsafe { to_text(self.raw(), value.raw()) }.ok_or_else(Fault::pending)
    }

    /// What a proxy stands for; none when it was revoked.
    pub(super) fn proxied(&self, proxy: &JsRef) -> Option<JsRef> {
        // SAFETY: the proxy is alive; the result is owned by the new reference.
        let target = self.got(unsafe { qjs::JS_GetProxyTarget(self.raw(), proxy.raw()) });
        match target {
            Ok(target) => target.is_object().then_some(target),
            Err(_) => {
                self.forget_exception();
                None
            }
        }
    }

    pub(super) fn key(&self, name: &CStr) -> Key<'_> {
        // SAFETY: the name ends with a zero byte.
        Key { engine: self, atom: unsafe { qjs::JS_NewAtom(self.raw(), name.as_ptr()) } }
    }

    pub(super) fn index_key(&self, index: u32) -> Key<'_> {
        // SAFETY: the atom is owned by the key.
        Key { engine: self, atom: unsafe { qjs::JS_NewAtomUInt32(self.raw(), index) } }
    }

    /// The key that a string or number names.
    pub(super) fn key_of(&self, value: &JsRef) -> Result<Key<'_>, Fault> {
        // SAFETY: the value is alive; the atom is owned by the key.
        let atom = unsafe { qjs::JS_ValueToAtom(self.raw(), value.raw()) };
        // The engine's name for no atom.
        if atom == 0 { Err(Fault::pending()) } else { Ok(Key { engine: self, atom }) }
    }

    pub(super) fn keys(&self, object: &JsRef, which: Which) -> Result<Keys<'_>, Fault> {
        let flags = match which {
            Which::Enumerable => qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY,
            Which::Strings => qjs::JS_GPN_STRING_MASK,
        };
        let (mut table, mut len) = (ptr::null_mut(), 0);
        // SAFETY: the object is alive; the table is owned by the result.
        let status = unsafe {
            qjs::JS_GetOwnPropertyNames(self.raw(), &raw mut table, &raw mut len, object.raw(), flags.cast_signed())
        };
        self.done(status)?;
        Ok(Keys { engine: self, table, len })
    }

    /// An own property of an object that is no proxy. A getter runs.
    pub(super) fn own(&self, object: &JsRef, key: &Key<'_>) -> Result<Option<JsRef>, Fault> {
        let Some([value, getter]) = self.descriptor(object, key)? else { return Ok(None) };
        if getter.is_function() { self.invoke(&getter, object, &[]).map(Some) } else { Ok(Some(value)) }
    }

    /// Value and getter of an own property; one of them is `undefined`.
    fn descriptor(&self, object: &JsRef, key: &Key<'_>) -> Result<Option<[JsRef; 2]>, Fault> {
        let none = qjs::JS_UNDEFINED;
        let mut found = qjs::JSPropertyDescriptor { flags: 0, value: none, getter: none, setter: none };
        // SAFETY: the object is alive; what is found is owned by the references.
        let status = unsafe { qjs::JS_GetOwnProperty(self.raw(), &raw mut found, object.raw(), key.atom) };
        self.done(status)?;
        if status == 0 {
            return Ok(None);
        }
        drop(JsRef::owned(self, found.setter));
        Ok(Some([JsRef::owned(self, found.value), JsRef::owned(self, found.getter)]))
    }

    pub(super) fn getter(&self, object: &JsRef, key: &Key<'_>) -> Result<Option<JsRef>, Fault> {
        Ok(self.descriptor(object, key)?.map(|[_, getter]| getter).filter(JsRef::is_function))
    }

    /// What a property holds, own or inherited, without running anything: accessors and proxies have none.
    pub(super) fn data(&self, object: &JsRef, key: &Key<'_>) -> Option<JsRef> {
        let mut object = object.clone();
        loop {
            if !object.is_object() || object.is_proxy() {
                return None;
            }
            match self.descriptor(&object, key) {
                Ok(Some([_, getter])) if getter.is_function() => return None,
                Ok(Some([value, _])) => return Some(value),
                Ok(None) => object = self.prototype(&object)?,
                Err(_) => {
                    self.forget_exception();
                    return None;
                }
            }
        }
    }

    /// The prototype of an object that is no proxy.
    pub(super) fn prototype(&self, object: &JsRef) -> Option<JsRef> {
        // SAFETY: the object is alive; the result is owned by the new reference.
        let prototype = self.got(unsafe { qjs::JS_GetPrototype(self.raw(), object.raw()) }).ok()?;
        prototype.is_object().then_some(prototype)
    }

    /// Reads a property, own or inherited; getters run.
    pub(super) fn property(&self, object: &JsRef, key: &Key<'_>) -> Result<JsRef, Fault> {
        // SAFETY: the object is alive; the result is owned by the new reference.
        self.got(unsafe { qjs::JS_GetProperty(self.raw(), object.raw(), key.atom) })
    }

    /// Makes an ordinary own property, whatever is inherited.
    pub(super) fn define(&self, object: &JsRef, key: &Key<'_>, value: &JsRef) -> Result<(), Fault> {
        let flags = qjs::JS_PROP_C_W_E.cast_signed();
        // SAFETY: the object is alive; the engine takes over the count that is added.
        let status =
            unsafe { qjs::JS_DefinePropertyValue(self.raw(), object.raw(), key.atom, value.duplicate(), flags) };
        self.done(status)
    }

    pub(super) fn define_index(&self, object: &JsRef, index: u32, value: &JsRef) -> Result<(), Fault> {
        let flags = qjs::JS_PROP_C_W_E.cast_signed();
        // SAFETY: the object is alive; the engine takes over the count that is added.
        let status =
            unsafe { qjs::JS_DefinePropertyValueUint32(self.raw(), object.raw(), index, value.duplicate(), flags) };
        self.done(status)
    }

    pub(super) fn invoke(&self, function: &JsRef, this: &JsRef, args: &[&JsRef]) -> Result<JsRef, Fault> {
        let mut raw: Vec<qjs::JSValue> = args.iter().map(|arg| arg.raw()).collect();
        let argc = i32::try_from(raw.len()).unwrap_or(i32::MAX);
        // SAFETY: function, receiver and arguments are alive; the result is owned by the new reference.
        self.got(unsafe { qjs::JS_Call(self.raw(), function.raw(), this.raw(), argc, raw.as_mut_ptr()) })
    }

    pub(super) fn construct(&self, constructor: &JsRef, args: &[&JsRef]) -> Result<JsRef, Fault> {
        let mut raw: Vec<qjs::JSValue> = args.iter().map(|arg| arg.raw()).collect();
        let argc = i32::try_from(raw.len()).unwrap_or(i32::MAX);
        // SAFETY: constructor and arguments are alive; the result is owned by the new reference.
        self.got(unsafe { qjs::JS_CallConstructor(self.raw(), constructor.raw(), argc, raw.as_mut_ptr()) })
    }

    /// The bytes of a buffer; none when it is detached.
    ///
    /// # Safety
    ///
    /// The slice is gone before JavaScript runs again and before the buffer is changed.
    pub(super) unsafe fn buffer_bytes<'a>(&self, buffer: &'a JsRef) -> Option<&'a [u8]> {
        let mut len = 0;
        // SAFETY: the buffer is alive, and the caller sees to it that it stays as it is.
        unsafe {
            let pointer = qjs::JS_GetArrayBuffer(self.raw(), &raw mut len, buffer.raw());
            if !pointer.is_null() {
                return Some(slice::from_raw_parts(pointer, len as usize));
            }
            // No memory: it is empty, or it is detached, of which the engine complains.
            if qjs::JS_HasException(self.raw()) {
                self.forget_exception();
                return None;
            }
            Some(&[])
        }
    }
}

impl JsRef {
    pub(super) fn is_object(&self) -> bool {
        // SAFETY: a tag is read.
        unsafe { qjs::JS_IsObject(self.raw()) }
    }

    pub(super) fn is_symbol(&self) -> bool {
        // SAFETY: a tag is read.
        unsafe { qjs::JS_IsSymbol(self.raw()) }
    }

    pub(super) fn is_proxy(&self) -> bool {
        // SAFETY: the value is alive.
        unsafe { qjs::JS_IsProxy(self.raw()) }
    }

    pub(super) fn is_string(&self) -> bool {
        // SAFETY: a tag is read.
        unsafe { qjs::JS_IsString(self.raw()) }
    }

    /// What an object is known by while it lives.
    pub(super) fn address(&self) -> usize {
        // SAFETY: callers ask it of objects, whose value is a pointer.
        unsafe { qjs::JS_VALUE_GET_PTR(self.raw()).addr() }
    }
}
