//! From bytes to values: what stands at a place, and how serde sees it.

use std::borrow::Cow;

use serde::de::value::CowStrDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::Fault;
use super::access::{Entries, Items, Variant};
use super::index::Index;
use crate::limits::{CLONE_DEPTH_MAX, SAFE_INTEGER_MAX};
use crate::native::wire::{ERRORS, REG_EXP_FLAGS, Reader, VIEW_GROWS, tag, unzigzag};

/// A value: a place in the bytes, or what they only imply.
#[derive(Clone, Copy)]
pub(super) struct Value<'de> {
    pub(super) index: &'de Index<'de>,
    pub(super) place: Place,
    /// How many objects it is inside of.
    pub(super) depth: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Place {
    At(usize),
    /// An item that an array does not have.
    Hole,
    /// An item of a typed array.
    Number(f64),
    /// The same, of 64 bits.
    Integer(i128),
    /// The name of an error of the language.
    Name(&'static str),
}

/// What a value is to serde.
pub(super) enum Shape<'de> {
    Nothing,
    Bool(bool),
    Number(f64),
    BigInt {
        is_negative: bool,
        magnitude: u128,
    },
    Text(Cow<'de, str>),
    /// An ArrayBuffer, or a view whose items are bytes.
    Bytes(&'de [u8]),
    Items(Items<'de>),
    Entries(Entries<'de>),
}

impl<'de> Value<'de> {
    /// The value that all bytes stand for.
    pub(super) fn root(index: &'de Index<'de>) -> Self {
        Self { index, place: Place::At(index.start()), depth: 0 }
    }

    /// A value inside of this one.
    pub(super) fn inside(self, place: Place) -> Self {
        Self { place, depth: self.depth + 1, ..self }
    }

    /// The object that a reference means, and how long it is; none for what is no reference.
    fn referred(self) -> Result<Option<(Self, usize)>, Fault> {
        let Place::At(at) = self.place else { return Ok(None) };
        let mut input = self.index.reader(at);
        if input.byte() != Some(tag::REFERENCE) {
            return Ok(None);
        }
        let (start, end) = input.varint().and_then(|number| self.index.object(number)).ok_or_else(Fault::damaged)?;
        // An object that has ended holds no reference to what begins later, so nothing else is endless.
        if at < end {
            return Err(Fault::new("a value contains itself"));
        }
        Ok(Some((Self { place: Place::At(start), ..self }, end - start)))
    }

    /// An object that was met before stands for itself.
    fn resolved(self) -> Result<Self, Fault> {
        match self.referred()? {
            Some((value, len)) => self.again(len).map(|()| value),
            None => Ok(self),
        }
    }

    /// So many bytes are read that were read before.
    fn again(self, len: usize) -> Result<(), Fault> {
        if self.index.again(len) {
            return Ok(());
        }
        Err(Fault::new("objects that occur many times make the value too large"))
    }

    pub(super) fn shape(self) -> Result<Shape<'de>, Fault> {
        let value = self.resolved()?;
        let at = match value.place {
            Place::At(at) => at,
            Place::Hole => return Ok(Shape::Nothing),
            Place::Number(number) => return Ok(Shape::Number(number)),
            Place::Integer(integer) => return Ok(big_int(integer < 0, integer.unsigned_abs())),
            Place::Name(name) => return Ok(Shape::Text(name.into())),
        };
        let mut input = self.index.reader(at);
        let tag = input.byte().ok_or_else(Fault::damaged)?;
        if self.depth >= CLONE_DEPTH_MAX && tag >= tag::OBJECT {
            return Err(Fault::too_deep());
        }
        match tag {
            tag::OBJECT | tag::MAP | tag::ERROR | tag::DENSE | tag::SPARSE | tag::SET => value.container(tag, input),
            tag::BUFFER | tag::RESIZABLE => {
                let bytes = buffer(&mut input, tag).ok_or_else(Fault::damaged)?;
                Ok(Shape::Bytes(bytes))
            }
            tag::VIEW => value.view(input),
            tag::PLATFORM => {
                let name = String::from_utf8_lossy(input.bytes().ok_or_else(Fault::damaged)?);
                Err(Fault::new(format!("a JavaScript {name} has no counterpart in Rust")))
            }
            tag => plain(tag, &mut input).ok_or_else(Fault::damaged)?,
        }
    }

    fn container(self, tag: u8, mut input: Reader<'de>) -> Result<Shape<'de>, Fault> {
        let mut number = || input.varint().ok_or_else(Fault::damaged);
        let mut entries = Entries::new(self, tag == tag::MAP);
        match tag {
            tag::DENSE | tag::SPARSE => {
                let len = number()?;
                let at = self.index.place(&input);
                return Ok(Shape::Items(Items::of_array(self, at, len, tag == tag::SPARSE)));
            }
            tag::SET => return Ok(Shape::Items(Items::of_set(self, self.index.place(&input)))),
            tag::ERROR => {
                let class = number()?;
                let mut at = self.index.place(&input);
                let name = match usize::try_from(class).ok().and_then(|class| class.checked_sub(1)) {
                    Some(class) => Place::Name(ERRORS.get(class).ok_or_else(Fault::damaged)?),
                    None => {
                        let name = Place::At(at);
                        at = self.index.end(at).ok_or_else(Fault::damaged)?;
                        name
                    }
                };
                entries.begin("name", name);
                entries.begin("message", Place::At(at));
                entries.at = self.index.end(at).ok_or_else(Fault::damaged)?;
            }
            _ => entries.at = self.index.place(&input),
        }
        Ok(Shape::Entries(entries))
    }

    /// A typed array, or a DataView.
    fn view(self, mut input: Reader<'de>) -> Result<Shape<'de>, Fault> {
        let (kind, bytes) = self.viewed(&mut input)?;
        Ok(match kind {
            // DataView, Uint8Array, Uint8ClampedArray.
            0 | 2 | 3 => Shape::Bytes(bytes),
            kind => Shape::Items(Items::of_numbers(self, kind, bytes)),
        })
    }

    /// The number of a view's class, and its bytes.
    fn viewed(self, input: &mut Reader<'de>) -> Result<(u64, &'de [u8]), Fault> {
        let head = [input.varint(), input.varint(), input.varint(), input.varint()];
        let [Some(kind), Some(offset), Some(len), Some(flags)] = head else { return Err(Fault::damaged()) };
        let inside = self.inside(Place::At(self.index.place(input)));
        let referred = inside.referred()?.map(|(value, _)| value);
        let bytes = referred.unwrap_or(inside).window(kind, offset, len, flags).ok_or_else(Fault::damaged)?;
        if referred.is_some() {
            self.again(bytes.len())?;
        }
        Ok((kind, bytes))
    }

    /// What a view of this buffer shows.
    fn window(self, kind: u64, offset: u64, len: u64, flags: u64) -> Option<&'de [u8]> {
        let Place::At(at) = self.place else { return None };
        let mut input = self.index.reader(at);
        let tag = input.byte()?;
        let rest = buffer(&mut input, tag)?.get(usize::try_from(offset).ok()?..)?;
        let size = item_size(kind)?;
        let len = if flags & VIEW_GROWS == 0 { usize::try_from(len).ok()? } else { rest.len() / size * size };
        rest.get(..len).filter(|bytes| bytes.len().is_multiple_of(size))
    }

    /// The bytes of a buffer or of any view.
    fn memory(self) -> Result<Option<&'de [u8]>, Fault> {
        let value = self.resolved()?;
        let Place::At(at) = value.place else { return Ok(None) };
        let mut input = self.index.reader(at);
        match input.byte() {
            Some(tag::VIEW) => value.viewed(&mut input).map(|(_, bytes)| Some(bytes)),
            Some(tag @ (tag::BUFFER | tag::RESIZABLE)) => buffer(&mut input, tag).map(Some).ok_or_else(Fault::damaged),
            _ => Ok(None),
        }
    }

    fn integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.shape()? {
            Shape::Number(number) if number.fract() == 0.0 && number.abs() < EXACT_MAX => {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
                let integer = number as i128;
                visit_integer(integer < 0, integer.unsigned_abs(), visitor)
            }
            shape => shape.visit(visitor),
        }
    }
}

/// Whole numbers below this fit an `i128`.
const EXACT_MAX: f64 = (1_u128 << 127) as f64;

/// Bytes of an item of a class of views.
pub(super) fn item_size(kind: u64) -> Option<usize> {
    match kind {
        0..=3 => Some(1),
        4 | 5 | 10 => Some(2),
        6 | 7 | 11 => Some(4),
        8 | 9 | 12 => Some(8),
        _ => None,
    }
}

fn buffer<'de>(input: &mut Reader<'de>, tag: u8) -> Option<&'de [u8]> {
    match tag {
        tag::BUFFER => input.bytes(),
        tag::RESIZABLE => {
            let max = input.varint()?;
            input.bytes().filter(|bytes| bytes.len() as u64 <= max)
        }
        _ => None,
    }
}

fn big_int<'de>(is_negative: bool, magnitude: u128) -> Shape<'de> {
    Shape::BigInt { is_negative, magnitude }
}

/// A value without others in it.
fn plain<'de>(tag: u8, input: &mut Reader<'de>) -> Option<Result<Shape<'de>, Fault>> {
    Some(Ok(match tag {
        tag::UNDEFINED | tag::NULL => Shape::Nothing,
        tag::FALSE | tag::BOXED_FALSE => Shape::Bool(false),
        tag::TRUE | tag::BOXED_TRUE => Shape::Bool(true),
        tag::INT => Shape::Number(unzigzag(input.u32()?).into()),
        tag::NUMBER | tag::BOXED_NUMBER | tag::DATE => Shape::Number(input.f64()?),
        tag::BIG_INT | tag::BOXED_BIG_INT => {
            let (is_negative, words) = input.big_int()?;
            let [low, high, more @ ..] = &*[&words[..], &[0, 0]].concat() else { return None };
            if more.iter().any(|word| *word != 0) {
                return Some(Err(Fault::new("a BigInt of more than 128 bits")));
            }
            big_int(is_negative, u128::from(*high) << 64 | u128::from(*low))
        }
        tag::LATIN1 | tag::UTF16 => Shape::Text(text(tag, input)?),
        tag::BOXED_STRING => {
            let tag = input.byte()?;
            Shape::Text(text(tag, input)?)
        }
        tag::REG_EXP => {
            let tag = input.byte()?;
            let source = text(tag, input)?;
            let bits = input.varint()?;
            let flags = REG_EXP_FLAGS.char_indices().filter(|(bit, _)| bits >> bit & 1 == 1);
            Shape::Text(format!("/{source}/{}", flags.map(|(_, flag)| flag).collect::<String>()).into())
        }
        _ => return None,
    }))
}

/// A text; what is no scalar value of Unicode is replaced.
pub(super) fn text<'de>(tag: u8, input: &mut Reader<'de>) -> Option<Cow<'de, str>> {
    if tag == tag::UTF16 {
        return Some(String::from_utf16_lossy(&input.units()?).into());
    }
    let bytes = input.bytes()?;
    Some(match str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => text.into(),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    })
}

/// In the smallest of serde's types, because not every type knows the large ones.
fn visit_integer<'de, V: Visitor<'de>>(is_negative: bool, magnitude: u128, visitor: V) -> Result<V::Value, Fault> {
    if !is_negative {
        return match u64::try_from(magnitude) {
            Ok(integer) => visitor.visit_u64(integer),
            Err(_) => visitor.visit_u128(magnitude),
        };
    }
    match 0_i128.checked_sub_unsigned(magnitude) {
        Some(integer) => match i64::try_from(integer) {
            Ok(integer) => visitor.visit_i64(integer),
            Err(_) => visitor.visit_i128(integer),
        },
        None => Err(Fault::new("a BigInt of more than 128 bits")),
    }
}

impl<'de> Shape<'de> {
    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Shape::Nothing => visitor.visit_unit(),
            Shape::Bool(value) => visitor.visit_bool(value),
            Shape::Number(number) => visit_number(number, visitor),
            Shape::BigInt { is_negative, magnitude } => visit_integer(is_negative, magnitude, visitor),
            Shape::Text(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Shape::Text(Cow::Owned(text)) => visitor.visit_string(text),
            Shape::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Shape::Items(items) => items.visit(visitor),
            Shape::Entries(entries) => entries.visit(visitor),
        }
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Shape::Nothing => Unexpected::Unit,
            Shape::Bool(value) => Unexpected::Bool(*value),
            Shape::Number(number) => Unexpected::Float(*number),
            Shape::BigInt { .. } => Unexpected::Other("BigInt"),
            Shape::Text(text) => Unexpected::Str(text),
            Shape::Bytes(bytes) => Unexpected::Bytes(bytes),
            Shape::Items(_) => Unexpected::Seq,
            Shape::Entries(_) => Unexpected::Map,
        }
    }
}

/// JavaScript has one type of numbers: a whole one that is exact is an integer here, so that types that look at what
/// there is (untagged enums, `serde_json::Value`) find one.
fn visit_number<'de, V: Visitor<'de>>(number: f64, visitor: V) -> Result<V::Value, Fault> {
    #[expect(clippy::cast_precision_loss, reason = "so small a number has its own f64")]
    let is_exact = number.fract() == 0.0 && number.abs() <= SAFE_INTEGER_MAX as f64;
    if !is_exact || number == 0.0 && number.is_sign_negative() {
        return visitor.visit_f64(number);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and in range")]
    let magnitude = number.abs() as u128;
    visit_integer(number < 0.0, magnitude, visitor)
}

/// Methods for what may be a whole number.
macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.integer(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.shape()?.visit(visitor)
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let is_nothing = match self.place {
            Place::At(at) => matches!(self.index.reader(at).byte(), Some(tag::UNDEFINED | tag::NULL)),
            Place::Hole => true,
            _ => false,
        };
        if is_nothing { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.memory()? {
            Some(bytes) => visitor.visit_borrowed_bytes(bytes),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.shape()? {
            Shape::Bytes(bytes) => Items::of_numbers(self, super::ser::UINT8, bytes).visit(visitor),
            shape => shape.visit(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.shape()? {
            Shape::Text(text) => {
                let text: CowStrDeserializer<'_, Fault> = text.into_deserializer();
                visitor.visit_enum(text)
            }
            Shape::Entries(entries) => visitor.visit_enum(Variant::new(entries)?),
            shape => Err(serde::de::Error::invalid_type(shape.unexpected(), &"a variant, or an object with one")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool f32 f64 char str string unit unit_struct map struct identifier
    }
}
