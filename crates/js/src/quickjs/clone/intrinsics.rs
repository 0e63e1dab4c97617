//! What the engine's own objects are and how they are read, whatever user code does to the globals: which class an
//! object is of, and the functions and prototypes of the language, taken before any code runs.

use std::ffi::CString;

use dormouse_runtime::clone::ERRORS;
use rquickjs::qjs;

use super::super::Engine;
use super::super::value::JsRef;
use crate::engine::Fault;

/// What an object is to the structured clone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Array,
    Error,
    Number,
    String,
    Boolean,
    BigInt,
    Date,
    RegExp,
    Buffer,
    Shared,
    Typed,
    DataView,
    Map,
    Set,
    /// Nothing that can be cloned.
    Other,
}

/// Classes of objects by the engine's name for them. Plain objects share theirs with others.
const KINDS: &[(&str, Kind)] = &[
    ("Array", Kind::Array),
    ("Error", Kind::Error),
    ("Number", Kind::Number),
    ("String", Kind::String),
    ("Boolean", Kind::Boolean),
    ("BigInt", Kind::BigInt),
    ("Date", Kind::Date),
    ("RegExp", Kind::RegExp),
    ("ArrayBuffer", Kind::Buffer),
    ("SharedArrayBuffer", Kind::Shared),
    ("DataView", Kind::DataView),
    ("Map", Kind::Map),
    ("Set", Kind::Set),
];

/// How many classes the engine may have of its own.
const CLASSES_MAX: u32 = 128;

macro_rules! intrinsics {
    ($($field:ident: $path:literal,)*) => {
        /// Functions and prototypes of the language.
        pub(in crate::quickjs) struct Intrinsics {
            $(pub(super) $field: Held,)*
            pub(super) error_prototypes: [Held; ERRORS.len()],
            /// The engine's number for the class of all errors.
            pub(super) error_class: u32,
            kinds: Vec<Kind>,
        }

        impl Intrinsics {
            /// As they are now: before any code of the user has run.
            pub(in crate::quickjs) fn of(engine: &Engine) -> Result<Self, Fault> {
                let mut error_prototypes = Vec::new();
                for name in ERRORS {
                    error_prototypes.push(Held::find(engine, &format!("{name}.prototype"))?);
                }
                let kinds = kinds(engine)?;
                let is_error = |class: &u32| kinds[*class as usize] == Kind::Error;
                Ok(Self {
                    $($field: Held::find(engine, $path)?,)*
                    error_prototypes: error_prototypes
                        .try_into()
                        .map_err(|_| Fault::error("as many prototypes as names"))?,
                    error_class: (1..CLASSES_MAX)
                        .find(is_error)
                        .ok_or_else(|| Fault::error("the engine has no class of errors"))?,
                    kinds,
                })
            }

            /// Lets go of them all.
            ///
            /// # Safety
            ///
            /// The engine is alive, and none is used again.
            pub(in crate::quickjs) unsafe fn free(&self, ctx: *mut qjs::JSContext) {
                // SAFETY: each owns one count of its value.
                unsafe {
                    $(self.$field.free(ctx);)*
                    for prototype in &self.error_prototypes {
                        prototype.free(ctx);
                    }
                }
            }
        }
    };
}

intrinsics! {
    array_buffer: "ArrayBuffer",
    array_buffer_max_byte_length: "get ArrayBuffer.prototype.maxByteLength",
    array_buffer_resizable: "get ArrayBuffer.prototype.resizable",
    array_buffer_transfer: "ArrayBuffer.prototype.transfer",
    big_int: "BigInt",
    big_int_as_int_n: "BigInt.asIntN",
    big_int_to_string: "BigInt.prototype.toString",
    big_int_value: "BigInt.prototype.valueOf",
    boolean_value: "Boolean.prototype.valueOf",
    data_view: "DataView",
    data_view_buffer: "get DataView.prototype.buffer",
    data_view_byte_length: "get DataView.prototype.byteLength",
    data_view_byte_offset: "get DataView.prototype.byteOffset",
    date_value: "Date.prototype.getTime",
    function_to_string: "Function.prototype.toString",
    map: "Map",
    map_for_each: "Map.prototype.forEach",
    map_set: "Map.prototype.set",
    number_value: "Number.prototype.valueOf",
    object: "Object",
    object_prototype: "Object.prototype",
    object_to_string: "Object.prototype.toString",
    reg_exp: "RegExp",
    reg_exp_flags: "get RegExp.prototype.flags",
    reg_exp_source: "get RegExp.prototype.source",
    set: "Set",
    set_add: "Set.prototype.add",
    set_for_each: "Set.prototype.forEach",
    string_value: "String.prototype.valueOf",
    symbol_to_string: "Symbol.prototype.toString",
    to_string_tag: "Symbol.toStringTag",
    typed_buffer: "get Uint8Array.prototype.__proto__.buffer",
}

impl Intrinsics {
    pub(super) fn kind(&self, object: &JsRef) -> Kind {
        // SAFETY: the value is alive.
        let class = unsafe { qjs::JS_GetClassID(object.raw()) };
        self.kinds.get(class as usize).copied().unwrap_or(Kind::Other)
    }
}

/// A value that lives as long as the engine. It does not keep the engine alive, as it is the engine's own.
pub(in crate::quickjs) struct Held(qjs::JSValue);

impl Held {
    pub(super) fn get(&self, engine: &Engine) -> JsRef {
        // SAFETY: the value is alive while the engine is, and the count that is added is the reference's.
        JsRef::owned(engine, unsafe { qjs::JS_DupValue(engine.raw(), self.0) })
    }

    /// Keeps a value that was found or given for good.
    pub(super) fn keep(value: &JsRef) -> Self {
        Self(value.duplicate())
    }

    /// # Safety
    ///
    /// The engine is alive, and the value is not used again.
    pub(super) unsafe fn free(&self, ctx: *mut qjs::JSContext) {
        // SAFETY: one count of the value is owned here.
        unsafe { qjs::JS_FreeValue(ctx, self.0) };
    }

    /// The value at a path of properties from the global object; after `get `, the getter there.
    fn find(engine: &Engine, path: &str) -> Result<Self, Fault> {
        let (is_getter, names) = match path.strip_prefix("get ") {
            Some(names) => (true, names),
            None => (false, path),
        };
        let missing = || Fault::error(format!("the engine has no {path}"));
        let mut names: Vec<&str> = names.split('.').collect();
        let last = names.pop().ok_or_else(missing)?;
        let mut object = engine.global();
        for name in names {
            object = engine.get(&object, name)?;
        }
        let value = if is_getter {
            let last = CString::new(last).map_err(|_| missing())?;
            engine.getter(&object, &engine.key(&last))?.ok_or_else(missing)?
        } else {
            engine.get(&object, last)?
        };
        if value.is_nullish() { Err(missing()) } else { Ok(Self::keep(&value)) }
    }
}

impl Engine {
    /// The engine's name for the class of an object.
    pub(super) fn class_of(&self, object: &JsRef) -> Option<String> {
        // SAFETY: the value is alive.
        self.class_name(unsafe { qjs::JS_GetClassID(object.raw()) })
    }

    fn class_name(&self, class: u32) -> Option<String> {
        let ctx = self.raw();
        // SAFETY: any number may be asked for; the atom is owned and freed, and its text is owned by the reference.
        unsafe {
            let runtime = qjs::JS_GetRuntime(ctx);
            if !qjs::JS_IsRegisteredClass(runtime, class) {
                return None;
            }
            let atom = qjs::JS_GetClassName(runtime, class);
            let name = self.got(qjs::JS_AtomToString(ctx, atom));
            qjs::JS_FreeAtom(ctx, atom);
            Some(self.text(&name.ok()?))
        }
    }
}

/// What the classes of the engine are to the structured clone, by their number.
fn kinds(engine: &Engine) -> Result<Vec<Kind>, Fault> {
    let mut kinds = vec![Kind::Other; CLASSES_MAX as usize];
    for class in 1..CLASSES_MAX {
        let name = engine.class_name(class);
        if let Some((_, kind)) = KINDS.iter().find(|(have, _)| name.as_deref() == Some(*have)) {
            kinds[class as usize] = *kind;
        }
    }
    let plain = engine.new_object()?;
    let bytes = engine.construct(&engine.get(&engine.global(), "Uint8Array")?, &[])?;
    // SAFETY: both are alive. The classes of typed arrays follow each other, in an order that the engine tells.
    let (plain, bytes, kind) = unsafe {
        let bytes = bytes.raw();
        (qjs::JS_GetClassID(plain.raw()), qjs::JS_GetClassID(bytes), qjs::JS_GetTypedArrayType(bytes))
    };
    kinds[plain as usize] = Kind::Plain;
    let first = bytes - kind.cast_unsigned();
    for class in first..=first + qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_FLOAT64 {
        kinds[class as usize] = Kind::Typed;
    }
    Ok(kinds)
}

/// A kind of view: what the engine calls it, none for a `DataView`; and the bytes of one item.
pub(super) struct View {
    pub(super) engine: Option<qjs::JSTypedArrayEnum>,
    pub(super) size: u64,
}

const fn typed(engine: qjs::JSTypedArrayEnum, size: u64) -> View {
    View { engine: Some(engine), size }
}

/// The kinds of views; the place of each is its number in the bytes.
pub(super) const VIEWS: [View; 13] = [
    View { engine: None, size: 1 },
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_INT8, 1),
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT8, 1),
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT8C, 1),
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_INT16, 2),
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT16, 2),
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_INT32, 4),
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT32, 4),
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_BIG_INT64, 8),
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_BIG_UINT64, 8),
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_FLOAT16, 2),
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_FLOAT32, 4),
    typed(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_FLOAT64, 8),
];
