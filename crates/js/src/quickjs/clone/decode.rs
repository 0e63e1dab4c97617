//! From bytes to values. Nothing is believed of the bytes: what does not fit is [`damaged`], and nothing is made larger
//! than they are.

use dormouse_runtime::clone::{REG_EXP_FLAGS, Reader, VIEW_GROWS, tag, unzigzag};
use rquickjs::qjs;

use super::super::Engine;
use super::super::value::JsRef;
use super::intrinsics::{Held, Intrinsics, Kind, VIEWS};
use crate::engine::Fault;
use crate::limits::{CLONE_DEPTH_MAX, CLONE_LEN_MAX};

/// What the bytes speak of that is not in them.
#[derive(Default)]
pub(super) struct Given {
    /// Buffers that were handed over.
    pub(super) transferred: Vec<JsRef>,
    /// Memory that is shared.
    pub(super) shared: Vec<JsRef>,
}

pub(super) struct Decoder<'e> {
    engine: &'e Engine,
    intrinsics: &'e Intrinsics,
    input: Reader<'e>,
    given: &'e Given,
    /// By their numbers; none while one is not made yet.
    objects: Vec<Option<JsRef>>,
    frames: Vec<Frame>,
}

/// What is still to be read of an object that has begun.
enum Frame {
    Properties { object: JsRef, key: Option<JsRef>, count: u64, len: Option<u32> },
    Dense { array: JsRef, at: u32, len: u32 },
    Entries { map: JsRef, key: Option<JsRef>, count: u64 },
    Members { set: JsRef, count: u64 },
    View { number: usize, kind: usize, offset: u64, len: u64, flags: u64 },
    Error { number: usize, class: usize, name: Option<JsRef> },
    Platform { number: usize, name: String },
}

/// What comes of bytes that no encoder wrote.
pub(super) fn damaged() -> Fault {
    Fault::error("Unable to deserialize cloned data.")
}

impl<'e> Decoder<'e> {
    pub(super) fn new(
        engine: &'e Engine,
        intrinsics: &'e Intrinsics,
        bytes: &'e [u8],
        given: &'e Given,
    ) -> Result<Self, Fault> {
        let input = Reader::new(bytes).ok_or_else(damaged)?;
        Ok(Self { engine, intrinsics, input, given, objects: Vec::new(), frames: Vec::new() })
    }

    pub(super) fn decode(mut self) -> Result<JsRef, Fault> {
        loop {
            let mut whole = self.read()?;
            while let Some(value) = whole {
                if self.frames.is_empty() {
                    return if self.input.is_empty() { Ok(value) } else { Err(damaged()) };
                }
                whole = self.accept(value)?;
            }
        }
    }

    /// Reads a value that is whole at once, or begins one, or ends the one that was begun last.
    fn read(&mut self) -> Result<Option<JsRef>, Fault> {
        if let Some(frame) = self.frames.last_mut() {
            match self.input.peek() {
                Some(tag::END) => return self.end(),
                Some(tag::HOLE) => {
                    let Frame::Dense { at, len, .. } = frame else { return Err(damaged()) };
                    self.input.byte();
                    *at += 1;
                    if at == len {
                        self.end_dense()?;
                    }
                    return Ok(None);
                }
                _ => {}
            }
        }
        let tag = self.input.byte().ok_or_else(damaged)?;
        self.value(tag)
    }

    fn value(&mut self, tag: u8) -> Result<Option<JsRef>, Fault> {
        let raw = |value| Ok(Some(JsRef::owned(self.engine, value)));
        match tag {
            tag::UNDEFINED => raw(qjs::JS_UNDEFINED),
            tag::NULL => raw(qjs::JS_NULL),
            tag::FALSE => raw(qjs::JS_FALSE),
            tag::TRUE => raw(qjs::JS_TRUE),
            tag::INT => {
                let value = unzigzag(self.input.u32().ok_or_else(damaged)?);
                Ok(Some(JsRef::owned(self.engine, qjs::JS_MKVAL(qjs::JS_TAG_INT, value))))
            }
            tag::NUMBER => self.number().map(Some),
            tag::BIG_INT => self.big_int().map(Some),
            tag::LATIN1 | tag::UTF16 => self.string(tag).map(Some),
            tag::REFERENCE => {
                let number = self.input.u32().ok_or_else(damaged)?;
                let object = self.objects.get(number as usize).cloned().flatten();
                object.map(Some).ok_or_else(damaged)
            }
            tag => self.object(tag),
        }
    }

    fn number(&mut self) -> Result<JsRef, Fault> {
        let value = self.input.f64().ok_or_else(damaged)?;
        // Every NaN is the same one to code.
        let value = if value.is_nan() { f64::NAN } else { value };
        // SAFETY: a number is made.
        Ok(JsRef::owned(self.engine, unsafe { qjs::JS_NewNumber(self.engine.raw(), value) }))
    }

    fn string(&mut self, tag: u8) -> Result<JsRef, Fault> {
        if tag == tag::LATIN1 {
            let bytes = self.input.bytes().ok_or_else(damaged)?;
            return match std::str::from_utf8(bytes) {
                Ok(text) if bytes.is_ascii() => self.engine.new_text(text),
                _ => self.engine.new_text(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>()),
            };
        }
        let units = self.input.units().ok_or_else(damaged)?;
        // SAFETY: pointer and length are those of a live slice, which the engine copies.
        self.engine.got(unsafe { qjs::JS_NewStringUTF16(self.engine.raw(), units.as_ptr(), units.len() as _) })
    }

    /// By its digits: for a negative one those of its two's complement, which the engine folds back.
    fn big_int(&mut self) -> Result<JsRef, Fault> {
        let (is_negative, mut words) = self.input.big_int().ok_or_else(damaged)?;
        if is_negative {
            words.push(0);
            let mut carry = true;
            for word in &mut words {
                (*word, carry) = (!*word).overflowing_add(u64::from(carry));
            }
        }
        let bits = words.len() * 64;
        let mut digits = "0x0".to_owned();
        for word in words.iter().rev() {
            digits += &format!("{word:016x}");
        }
        let (engine, known, none) = (self.engine, self.intrinsics, self.engine.undefined());
        let value = engine.invoke(&known.big_int.get(engine), &none, &[&engine.new_text(&digits)?]);
        let value = value.map_err(|_| self.refused())?;
        if !is_negative {
            return Ok(value);
        }
        let bits = JsRef::owned(engine, qjs::JS_MKVAL(qjs::JS_TAG_INT, i32::try_from(bits).map_err(|_| damaged())?));
        engine.invoke(&known.big_int_as_int_n.get(engine), &none, &[&bits, &value]).map_err(|_| self.refused())
    }

    /// What the engine refused to make; why is not told.
    fn refused(&self) -> Fault {
        self.engine.forget_exception();
        damaged()
    }

    fn object(&mut self, tag: u8) -> Result<Option<JsRef>, Fault> {
        if self.frames.len() >= CLONE_DEPTH_MAX {
            return Err(damaged());
        }
        let number = self.objects.len();
        self.objects.push(None);
        let (engine, known) = (self.engine, self.intrinsics);
        match tag {
            tag::OBJECT => {
                let object = self.known(number, engine.new_object()?);
                self.frames.push(Frame::Properties { object, key: None, count: 0, len: None });
            }
            tag::DENSE => self.begin_dense(number)?,
            tag::SPARSE => {
                let len = self.input.u32().ok_or_else(damaged)?;
                let object = self.known(number, engine.new_array(len)?);
                self.frames.push(Frame::Properties { object, key: None, count: 0, len: Some(len) });
            }
            tag::MAP => {
                let map = self.known(number, engine.construct(&known.map.get(engine), &[])?);
                self.frames.push(Frame::Entries { map, key: None, count: 0 });
            }
            tag::SET => {
                let set = self.known(number, engine.construct(&known.set.get(engine), &[])?);
                self.frames.push(Frame::Members { set, count: 0 });
            }
            tag::ERROR => {
                let class = usize::try_from(self.input.varint().ok_or_else(damaged)?).map_err(|_| damaged())?;
                if class > known.error_prototypes.len() {
                    return Err(damaged());
                }
                self.frames.push(Frame::Error { number, class, name: None });
            }
            tag::PLATFORM => {
                let name = String::from_utf8_lossy(self.input.bytes().ok_or_else(damaged)?).into_owned();
                self.frames.push(Frame::Platform { number, name });
            }
            tag::VIEW => self.begin_view(number)?,
            tag => {
                let value = self.simple(tag)?;
                return Ok(Some(self.known(number, value)));
            }
        }
        Ok(None)
    }

    fn known(&mut self, number: usize, object: JsRef) -> JsRef {
        self.objects[number] = Some(object.clone());
        object
    }

    /// An object without others in it.
    fn simple(&mut self, tag: u8) -> Result<JsRef, Fault> {
        let (engine, known) = (self.engine, self.intrinsics);
        let boxed = |value: JsRef| engine.invoke(&known.object.get(engine), &engine.undefined(), &[&value]);
        match tag {
            tag::BOXED_FALSE => boxed(JsRef::owned(engine, qjs::JS_FALSE)),
            tag::BOXED_TRUE => boxed(JsRef::owned(engine, qjs::JS_TRUE)),
            tag::BOXED_NUMBER => boxed(self.number()?),
            tag::BOXED_BIG_INT => boxed(self.big_int()?),
            tag::BOXED_STRING => {
                let tag = self.input.byte().filter(|tag| matches!(*tag, tag::LATIN1 | tag::UTF16));
                boxed(self.string(tag.ok_or_else(damaged)?)?)
            }
            tag::DATE => {
                let time = self.input.f64().ok_or_else(damaged)?;
                // SAFETY: the result is owned by the new reference; any number is a time or none.
                engine.got(unsafe { qjs::JS_NewDate(engine.raw(), time) })
            }
            tag::REG_EXP => {
                let tag = self.input.byte().filter(|tag| matches!(*tag, tag::LATIN1 | tag::UTF16));
                let source = self.string(tag.ok_or_else(damaged)?)?;
                let bits = self.input.varint().ok_or_else(damaged)?;
                let flags = REG_EXP_FLAGS.char_indices().filter(|(bit, _)| bits >> bit & 1 == 1);
                let flags = engine.new_text(&flags.map(|(_, flag)| flag).collect::<String>())?;
                engine.construct(&known.reg_exp.get(engine), &[&source, &flags]).map_err(|_| self.refused())
            }
            tag::BUFFER => {
                let bytes = self.input.bytes().ok_or_else(damaged)?;
                // SAFETY: pointer and length are those of a live slice, which the engine copies.
                engine.got(unsafe { qjs::JS_NewArrayBufferCopy(engine.raw(), bytes.as_ptr(), bytes.len() as _) })
            }
            tag::RESIZABLE => self.resizable(),
            tag::TRANSFERRED => self.given(|given| &given.transferred),
            tag::SHARED => self.given(|given| &given.shared),
            _ => Err(damaged()),
        }
    }

    fn given(&mut self, which: impl Fn(&Given) -> &Vec<JsRef>) -> Result<JsRef, Fault> {
        let at = self.input.u32().ok_or_else(damaged)?;
        which(self.given).get(at as usize).cloned().ok_or_else(damaged)
    }

    fn resizable(&mut self) -> Result<JsRef, Fault> {
        let max = self.input.varint().ok_or_else(damaged)?;
        let bytes = self.input.bytes().ok_or_else(damaged)?;
        if max < bytes.len() as u64 || max > CLONE_LEN_MAX as u64 {
            return Err(damaged());
        }
        let engine = self.engine;
        #[expect(clippy::cast_precision_loss, reason = "a size is far below 2^53")]
        let count = |count: u64| {
            // SAFETY: a number is made.
            JsRef::owned(engine, unsafe { qjs::JS_NewNumber(engine.raw(), count as f64) })
        };
        let options = engine.new_object()?;
        engine.define(&options, &engine.key(c"maxByteLength"), &count(max))?;
        let args = [&count(bytes.len() as u64), &options];
        let buffer = engine.construct(&self.intrinsics.array_buffer.get(engine), &args)?;
        // SAFETY: the buffer was just made with as many bytes, and nobody else knows it.
        unsafe {
            let mut len = 0;
            let memory = qjs::JS_GetArrayBuffer(engine.raw(), &raw mut len, buffer.raw());
            if !memory.is_null() && len as usize == bytes.len() {
                memory.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            }
        }
        Ok(buffer)
    }

    fn begin_dense(&mut self, number: usize) -> Result<(), Fault> {
        let len = self.input.u32().ok_or_else(damaged)?;
        let array = self.known(number, self.engine.new_array(0)?);
        self.frames.push(Frame::Dense { array, at: 0, len });
        if len == 0 { self.end_dense() } else { Ok(()) }
    }

    /// All items are there; what else the array has follows.
    fn end_dense(&mut self) -> Result<(), Fault> {
        let Some(Frame::Dense { array, len, .. }) = self.frames.pop() else { return Err(damaged()) };
        // The last items may be missing.
        // SAFETY: the array is alive.
        if unsafe { qjs::JS_SetLength(self.engine.raw(), array.raw(), len.into()) } < 0 {
            return Err(Fault::pending());
        }
        self.frames.push(Frame::Properties { object: array, key: None, count: 0, len: Some(len) });
        Ok(())
    }

    fn begin_view(&mut self, number: usize) -> Result<(), Fault> {
        let mut next = || self.input.varint().ok_or_else(damaged);
        let (kind, offset, len, flags) = (next()?, next()?, next()?, next()?);
        let kind = usize::try_from(kind).ok().filter(|kind| *kind < VIEWS.len()).ok_or_else(damaged)?;
        self.frames.push(Frame::View { number, kind, offset, len, flags });
        Ok(())
    }

    /// Gives a whole value to the object that was begun last; returns that one when this made it whole.
    fn accept(&mut self, value: JsRef) -> Result<Option<JsRef>, Fault> {
        let engine = self.engine;
        match self.frames.last_mut().ok_or_else(damaged)? {
            Frame::Properties { object, key, count, .. } => match key.take() {
                None if value.is_string() || engine.number(&value).is_some() => *key = Some(value),
                None => return Err(damaged()),
                Some(key) => {
                    *count += 1;
                    engine.define(object, &engine.key_of(&key)?, &value)?;
                }
            },
            Frame::Dense { array, at, len } => {
                engine.define_index(array, *at, &value)?;
                *at += 1;
                if at == len {
                    self.end_dense()?;
                }
            }
            Frame::Entries { map, key, count } => {
                *count += 1;
                match key.take() {
                    None => *key = Some(value),
                    Some(key) => drop(engine.invoke(&self.intrinsics.map_set.get(engine), map, &[&key, &value])?),
                }
            }
            Frame::Members { set, count } => {
                *count += 1;
                drop(engine.invoke(&self.intrinsics.set_add.get(engine), set, &[&value])?);
            }
            Frame::View { .. } => return self.view(&value).map(Some),
            Frame::Error { .. } => self.error(value)?,
            Frame::Platform { .. } => return self.platform(&value).map(Some),
        }
        Ok(None)
    }

    /// The object that was begun last has all that it has.
    fn end(&mut self) -> Result<Option<JsRef>, Fault> {
        self.input.byte();
        let said = self.input.varint().ok_or_else(damaged)?;
        let (object, count) = match self.frames.pop().ok_or_else(damaged)? {
            Frame::Properties { object, key: None, count, len } => {
                if len.is_some() && self.input.u32() != len {
                    return Err(damaged());
                }
                (object, count)
            }
            Frame::Entries { map, key: None, count } => (map, count),
            Frame::Members { set, count } => (set, count),
            _ => return Err(damaged()),
        };
        if said == count { Ok(Some(object)) } else { Err(damaged()) }
    }

    fn view(&mut self, buffer: &JsRef) -> Result<JsRef, Fault> {
        let Some(Frame::View { number, kind, offset, len, flags }) = self.frames.pop() else { return Err(damaged()) };
        let (engine, known) = (self.engine, self.intrinsics);
        if !buffer.is_object() || !matches!(known.kind(buffer), Kind::Buffer | Kind::Shared) {
            return Err(damaged());
        }
        let view = &VIEWS[kind];
        if len % view.size != 0 {
            return Err(damaged());
        }
        let count = |count: u64| {
            #[expect(clippy::cast_precision_loss, reason = "more than a buffer can hold is refused by the engine")]
            let count = count as f64;
            // SAFETY: a number is made.
            JsRef::owned(engine, unsafe { qjs::JS_NewNumber(engine.raw(), count) })
        };
        let len = if flags & VIEW_GROWS == 0 { count(len / view.size) } else { engine.undefined() };
        let args = [buffer, &count(offset), &len];
        let made = match view.engine {
            None => engine.construct(&known.data_view.get(engine), &args),
            Some(class) => {
                let mut args = args.map(JsRef::raw);
                // SAFETY: the arguments are alive; the result is owned by the new reference.
                engine.got(unsafe { qjs::JS_NewTypedArray(engine.raw(), 3, args.as_mut_ptr(), class) })
            }
        };
        let made = made.map_err(|_| self.refused())?;
        Ok(self.known(number, made))
    }

    /// Takes the name, if there is one, and the message of an error; its other properties follow.
    fn error(&mut self, value: JsRef) -> Result<(), Fault> {
        let engine = self.engine;
        let Some(Frame::Error { number, class, name }) = self.frames.last_mut() else { return Err(damaged()) };
        if *class == 0 && name.is_none() {
            *name = Some(value);
            return Ok(());
        }
        if !value.is_string() {
            return Err(Fault::new("DataCloneError", "Deserialization failed: error message is not a string"));
        }
        let (number, class, name) = (*number, *class, name.take());
        let prototype = self.intrinsics.error_prototypes[class.saturating_sub(1)].get(engine);
        let error = self.known(number, engine.new_error(self.intrinsics.error_class, &prototype, &value)?);
        if let Some(name) = name {
            engine.define(&error, &engine.key(c"name"), &name)?;
        }
        self.frames.pop();
        self.frames.push(Frame::Properties { object: error, key: None, count: 0, len: None });
        Ok(())
    }

    fn platform(&mut self, value: &JsRef) -> Result<JsRef, Fault> {
        let Some(Frame::Platform { number, name }) = self.frames.pop() else { return Err(damaged()) };
        let engine = self.engine;
        let class = engine.clone_class_named(&name).ok_or_else(damaged)?;
        let decode: &Held = &class.functions.as_ref().ok_or_else(damaged)?[1];
        let object = engine.invoke(&decode.get(engine), &engine.undefined(), &[value])?;
        Ok(self.known(number, object))
    }
}
