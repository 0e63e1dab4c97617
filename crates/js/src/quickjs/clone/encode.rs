//! From values to bytes. What has begun is a stack of frames of its own, so a deep value does not use up the thread's
//! stack; getters of user code may run at any step and change whatever they like.

mod binary;
mod frames;

use std::collections::HashMap;
use std::rc::Rc;
use std::slice;

use dormouse_runtime::clone::{ERRORS, REG_EXP_FLAGS, Writer, tag};
use rquickjs::qjs;

use self::frames::{End, Frame, Properties, is_index, write_string};
use super::super::Engine;
use super::super::object::Which;
use super::super::value::JsRef;
use super::describe::{constructor_name, detail};
use super::intrinsics::{Held, Intrinsics, Kind};
use super::{Encoded, PlatformClass};
use crate::engine::Fault;
use crate::limits::{CLONE_DEPTH_MAX, CLONE_LEN_MAX};

/// Whether buffers may be handed over or shared instead of copied.
#[derive(Clone, Copy)]
pub(super) enum Reach<'a> {
    /// The bytes stand alone.
    Stored,
    /// They are read at once, in the same engine; these buffers are handed over.
    Here(&'a [JsRef]),
}

pub(super) struct Encoder<'e> {
    engine: &'e Engine,
    intrinsics: &'e Intrinsics,
    reach: Reach<'e>,
    out: Writer,
    /// The number of each object that has begun, by its address.
    numbers: HashMap<usize, u32>,
    /// Keeps those objects, so that no other one gets an address again.
    begun: Vec<JsRef>,
    shared: Vec<JsRef>,
    frames: Vec<Frame<'e>>,
}

impl<'e> Encoder<'e> {
    pub(super) fn new(engine: &'e Engine, intrinsics: &'e Intrinsics, reach: Reach<'e>) -> Self {
        Self {
            engine,
            intrinsics,
            reach,
            out: Writer::new(),
            numbers: HashMap::new(),
            begun: Vec::new(),
            shared: Vec::new(),
            frames: Vec::new(),
        }
    }

    pub(super) fn encode(mut self, value: JsRef) -> Result<Encoded, Fault> {
        self.value(value)?;
        while let Some(frame) = self.frames.last_mut() {
            match frame.next(self.engine, &mut self.out)? {
                Some(value) => self.value(value)?,
                None => drop(self.frames.pop()),
            }
            if self.out.0.len() > CLONE_LEN_MAX {
                return Err(too_large());
            }
        }
        Ok(Encoded { bytes: self.out.0, shared: self.shared })
    }

    fn value(&mut self, value: JsRef) -> Result<(), Fault> {
        let raw = value.raw();
        // SAFETY: the part of a value is read that its tag tells of.
        unsafe {
            match qjs::JS_VALUE_GET_NORM_TAG(raw) {
                qjs::JS_TAG_UNDEFINED => self.out.byte(tag::UNDEFINED),
                qjs::JS_TAG_NULL => self.out.byte(tag::NULL),
                qjs::JS_TAG_BOOL => self.out.byte(if qjs::JS_VALUE_GET_BOOL(raw) { tag::TRUE } else { tag::FALSE }),
                qjs::JS_TAG_INT => self.out.number(qjs::JS_VALUE_GET_INT(raw).into()),
                qjs::JS_TAG_FLOAT64 => self.out.number(qjs::JS_VALUE_GET_FLOAT64(raw)),
                qjs::JS_TAG_BIG_INT | qjs::JS_TAG_SHORT_BIG_INT => {
                    self.out.byte(tag::BIG_INT);
                    self.big_int(&value)?;
                }
                qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE => self.string(&value)?,
                qjs::JS_TAG_OBJECT => return self.object(value),
                _ => return Err(self.refused(&value)),
            }
        }
        Ok(())
    }

    fn big_int(&mut self, value: &JsRef) -> Result<(), Fault> {
        let engine = self.engine;
        let base = JsRef::owned(engine, qjs::JS_MKVAL(qjs::JS_TAG_INT, 16));
        let text = engine.invoke(&self.intrinsics.big_int_to_string.get(engine), value, &[&base])?;
        let text = engine.whole_text(&text)?;
        match text.strip_prefix('-') {
            Some(digits) => self.out.big_int(true, digits),
            None => self.out.big_int(false, &text),
        }
        Ok(())
    }

    fn string(&mut self, value: &JsRef) -> Result<(), Fault> {
        write_string(self.engine, &mut self.out, value)
    }

    fn refused(&self, value: &JsRef) -> Fault {
        let detail = detail(self.engine, self.intrinsics, value);
        Fault::new("DataCloneError", format!("{detail} could not be cloned."))
    }

    fn object(&mut self, object: JsRef) -> Result<(), Fault> {
        if let Some(number) = self.numbers.get(&object.address()) {
            self.out.byte(tag::REFERENCE);
            self.out.varint((*number).into());
            return Ok(());
        }
        if self.frames.len() >= CLONE_DEPTH_MAX {
            return Err(Fault::range_error("Maximum call stack size exceeded"));
        }
        let kind = self.intrinsics.kind(&object);
        if kind == Kind::Other || self.is_global(&object) {
            return Err(self.refused(&object));
        }
        let number = u32::try_from(self.begun.len()).map_err(|_| too_large())?;
        self.numbers.insert(object.address(), number);
        self.begun.push(object.clone());
        let known = self.intrinsics;
        match kind {
            Kind::Plain => self.plain(object),
            Kind::Array => self.array(object),
            Kind::Error => self.error(&object),
            Kind::Map => self.collection(tag::MAP, &known.map_for_each, &object),
            Kind::Set => self.collection(tag::SET, &known.set_for_each, &object),
            Kind::Buffer => self.buffer(&object),
            Kind::Shared => self.shared(object),
            Kind::Typed => self.typed(&object),
            Kind::DataView => self.data_view(&object),
            Kind::Number | Kind::String | Kind::Boolean | Kind::BigInt | Kind::Date | Kind::RegExp => {
                self.boxed(kind, &object)
            }
            Kind::Other => Err(self.refused(&object)),
        }
    }

    fn is_global(&self, object: &JsRef) -> bool {
        self.engine.global().address() == object.address()
    }

    /// An object that holds one value of the language and nothing else.
    fn boxed(&mut self, kind: Kind, object: &JsRef) -> Result<(), Fault> {
        let (engine, known) = (self.engine, self.intrinsics);
        let read = |function: &Held| engine.invoke(&function.get(engine), object, &[]);
        match kind {
            Kind::Number => {
                self.out.byte(tag::BOXED_NUMBER);
                self.out.f64(engine.number(&read(&known.number_value)?).unwrap_or(f64::NAN));
            }
            Kind::Boolean => {
                let value = engine.number(&read(&known.boolean_value)?) == Some(1.0);
                self.out.byte(if value { tag::BOXED_TRUE } else { tag::BOXED_FALSE });
            }
            Kind::BigInt => {
                self.out.byte(tag::BOXED_BIG_INT);
                self.big_int(&read(&known.big_int_value)?)?;
            }
            Kind::Date => {
                self.out.byte(tag::DATE);
                self.out.f64(engine.number(&read(&known.date_value)?).unwrap_or(f64::NAN));
            }
            Kind::RegExp => {
                self.out.byte(tag::REG_EXP);
                self.string(&read(&known.reg_exp_source)?)?;
                let flags = engine.whole_text(&read(&known.reg_exp_flags)?)?;
                let bits = REG_EXP_FLAGS.char_indices().filter(|(_, flag)| flags.contains(*flag));
                self.out.varint(bits.map(|(bit, _)| 1 << bit).sum());
            }
            _ => {
                self.out.byte(tag::BOXED_STRING);
                self.string(&read(&known.string_value)?)?;
            }
        }
        Ok(())
    }

    fn plain(&mut self, object: JsRef) -> Result<(), Fault> {
        if let Some(class) = self.platform_class(&object) {
            return self.platform(&class, &object);
        }
        let keys = self.engine.keys(&object, Which::Enumerable)?;
        self.out.byte(tag::OBJECT);
        self.frames.push(Frame::Properties(Properties { object, keys, at: 0, dense: 0, written: 0, len: None }));
        Ok(())
    }

    /// The class of the platform that an object is an instance of.
    fn platform_class(&self, object: &JsRef) -> Option<Rc<PlatformClass>> {
        let ordinary = self.intrinsics.object_prototype.get(self.engine);
        let mut object = object.clone();
        loop {
            object = self.engine.prototype(&object)?;
            if object.address() == ordinary.address() || object.is_proxy() {
                return None;
            }
            if let Some(class) = self.engine.clone_class(&object) {
                return Some(class);
            }
        }
    }

    fn platform(&mut self, class: &PlatformClass, object: &JsRef) -> Result<(), Fault> {
        let engine = self.engine;
        let Some(functions) = &class.functions else {
            let name = constructor_name(engine, object).unwrap_or_else(|| class.name.clone());
            return Err(Fault::new(
                "DataCloneError",
                format!("Could not serialize object of type \"{name}\". This type does not support serialization."),
            ));
        };
        let value = engine.invoke(&functions[0].get(engine), &engine.undefined(), &[object])?;
        self.out.byte(tag::PLATFORM);
        self.out.bytes(class.name.as_bytes());
        self.frames.push(Frame::Items { items: vec![value], at: 0, end: End::Nothing });
        Ok(())
    }

    fn array(&mut self, object: JsRef) -> Result<(), Fault> {
        let engine = self.engine;
        let mut len = 0;
        // SAFETY: the array is alive.
        if unsafe { qjs::JS_GetLength(engine.raw(), object.raw(), &raw mut len) } < 0 {
            return Err(Fault::pending());
        }
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let keys = engine.keys(&object, Which::Enumerable)?;
        // Indices come first and in order: without holes the last one of the array stands at its own place.
        let is_dense = len == 0 || keys.len() >= len && keys.get(len - 1).is(&engine.index_key(len - 1));
        self.out.byte(if is_dense { tag::DENSE } else { tag::SPARSE });
        self.out.varint(len.into());
        let dense = if is_dense { len } else { 0 };
        self.frames.push(Frame::Properties(Properties { object, keys, at: 0, dense, written: 0, len: Some(len) }));
        Ok(())
    }

    /// A map or a set, as it is now.
    fn collection(&mut self, tag: u8, for_each: &Held, object: &JsRef) -> Result<(), Fault> {
        let engine = self.engine;
        let list = engine.new_array(0)?;
        let collect = engine.collector(&list, if tag == tag::MAP { Collect::Pairs } else { Collect::Values })?;
        engine.invoke(&for_each.get(engine), object, &[&collect])?;
        let keys = engine.keys(&list, Which::Enumerable)?;
        let mut items = Vec::with_capacity(keys.len() as usize);
        for at in 0..keys.len() {
            items.extend(engine.own(&list, &keys.get(at))?);
        }
        self.out.byte(tag);
        self.frames.push(Frame::Items { items, at: 0, end: End::Count });
        Ok(())
    }

    /// Name, message, then all other own properties, as workerd's `Serializer::WriteHostObject` takes them.
    fn error(&mut self, object: &JsRef) -> Result<(), Fault> {
        let engine = self.engine;
        let (name_key, message_key) = (engine.key(c"name"), engine.key(c"message"));
        let name = engine.property(object, &name_key)?;
        let text = if name.is_string() { engine.whole_text(&name)? } else { String::new() };
        let class = ERRORS.iter().position(|have| *have == text).map_or(0, |at| at + 1);
        let message = engine.property(object, &message_key)?;
        let keys = engine.keys(object, Which::Strings)?;
        let mut pairs = Vec::new();
        for at in 0..keys.len() {
            let key = keys.get(at);
            if key.is(&name_key) || key.is(&message_key) || is_index(engine, &key)? {
                continue;
            }
            if let Some(value) = engine.own(object, &key)? {
                pairs.push((key.to_value()?, value));
            }
        }
        self.out.byte(tag::ERROR);
        self.out.varint(class as u64);
        let items = if class == 0 { vec![name, message] } else { vec![message] };
        self.frames.push(Frame::Pairs { pairs, at: 0 });
        self.frames.push(Frame::Items { items, at: 0, end: End::Nothing });
        Ok(())
    }
}

/// What a collector keeps of the arguments of `forEach`.
#[derive(Clone, Copy)]
enum Collect {
    Pairs = 0,
    Values = 1,
}

impl Engine {
    /// A function for `forEach` that appends to a list.
    fn collector(&self, list: &JsRef, what: Collect) -> Result<JsRef, Fault> {
        let mut data = [list.raw()];
        // SAFETY: the engine adds a count of its own to the list.
        self.got(unsafe { qjs::JS_NewCFunctionData(self.raw(), Some(collect), 2, what as i32, 1, data.as_mut_ptr()) })
    }
}

/// Appends key and value of an entry, or the value alone, to the list that is its data.
unsafe extern "C" fn collect(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    argc: i32,
    argv: *mut qjs::JSValue,
    what: i32,
    data: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine gives `argc` live arguments, and the data that the function was made with.
    unsafe {
        let list = *data;
        let args = slice::from_raw_parts(argv, usize::try_from(argc).unwrap_or(0));
        let mut len = 0;
        if args.len() < 2 || qjs::JS_GetLength(ctx, list, &raw mut len) < 0 {
            return qjs::JS_EXCEPTION;
        }
        let entry = [args[1], args[0]];
        for (at, value) in entry[what.unsigned_abs().min(1) as usize..].iter().enumerate() {
            let index = u32::try_from(len).unwrap_or(u32::MAX).saturating_add(u32::from(at == 1));
            let value = qjs::JS_DupValue(ctx, *value);
            let flags = qjs::JS_PROP_C_W_E.cast_signed();
            if qjs::JS_DefinePropertyValueUint32(ctx, list, index, value, flags) < 0 {
                return qjs::JS_EXCEPTION;
            }
        }
    }
    qjs::JS_UNDEFINED
}

fn too_large() -> Fault {
    Fault::new(
        "DataCloneError",
        format!("Data cannot be cloned, out of memory: it has more than {CLONE_LEN_MAX} bytes."),
    )
}
