//! From values to bytes.
//!
//! Nothing is shared in what serde shows of a value, so that no reference is ever written.

use std::fmt;

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant, Serializer,
};

use super::Fault;
use crate::limits::{CLONE_DEPTH_MAX, SAFE_INTEGER_MAX};
use crate::native::wire::{Writer, tag};

/// [`VIEW`](tag::VIEW)'s number of a `Uint8Array`.
pub(super) const UINT8: u64 = 2;

/// The name of the struct that a number of `serde_json` says it is, where some crate of the program has switched on its
/// feature `arbitrary_precision`. Its one field is the number's digits.
const JSON_NUMBER: &str = "$serde_json::private::Number";

#[derive(Default)]
pub(super) struct Encoder {
    out: Writer,
    depth: usize,
}

impl Encoder {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out.0
    }

    fn integer(&mut self, is_negative: bool, magnitude: u128) {
        if magnitude <= u128::from(SAFE_INTEGER_MAX) {
            #[expect(clippy::cast_precision_loss, reason = "so small a number has its own f64")]
            let number = magnitude as f64;
            // Zero has no sign here.
            self.out.number(if is_negative { -number } else { number });
        } else {
            self.out.byte(tag::BIG_INT);
            self.out.big_int(is_negative, &format!("{magnitude:x}"));
        }
    }

    /// Begins an object.
    fn begin(&mut self, tag: u8) -> Result<(), Fault> {
        if self.depth >= CLONE_DEPTH_MAX {
            return Err(Fault::too_deep());
        }
        self.depth += 1;
        self.out.byte(tag);
        Ok(())
    }

    /// Ends an object that has so many parts.
    fn end(&mut self, count: u64) {
        self.depth -= 1;
        self.out.byte(tag::END);
        self.out.varint(count);
    }

    fn list(&mut self, len: Option<usize>, of_variant: bool) -> Result<List<'_>, Fault> {
        self.begin(tag::DENSE)?;
        let at = self.out.0.len();
        let said = len.unwrap_or(0) as u64;
        self.out.varint(said);
        Ok(List { items: self.out.0.len(), encoder: self, at, said, count: 0, of_variant })
    }

    fn fields(&mut self, of_variant: bool) -> Result<Fields<'_>, Fault> {
        let at = self.out.0.len();
        self.begin(tag::OBJECT)?;
        Ok(Fields { encoder: self, at, count: 0, all_text: true, of_variant, is_json_number: false })
    }

    /// Begins `{ variant: … }`.
    fn variant(&mut self, variant: &str) -> Result<(), Fault> {
        self.begin(tag::OBJECT)?;
        self.out.text(variant);
        Ok(())
    }
}

/// An array whose items are being written.
pub(super) struct List<'e> {
    encoder: &'e mut Encoder,
    /// Where its length stands.
    at: usize,
    /// Where its first item stands.
    items: usize,
    /// The length that stands there; a guess, because not every sequence knows its own.
    said: u64,
    count: u64,
    of_variant: bool,
}

impl List<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.count += 1;
        value.serialize(&mut *self.encoder)
    }

    fn finish(self) -> Result<(), Fault> {
        if u32::try_from(self.count).is_err() {
            return Err(Fault::new("more items than an array can have"));
        }
        if self.count != self.said {
            let mut len = Writer(Vec::new());
            len.varint(self.count);
            drop(self.encoder.out.0.splice(self.at..self.items, len.0));
        }
        self.encoder.end(0);
        self.encoder.out.varint(self.count);
        if self.of_variant {
            self.encoder.end(1);
        }
        Ok(())
    }
}

/// An object or a Map whose entries are being written.
pub(super) struct Fields<'e> {
    encoder: &'e mut Encoder,
    /// Where its tag stands.
    at: usize,
    count: u64,
    /// Whether all keys are texts, as those of an object are.
    all_text: bool,
    of_variant: bool,
    is_json_number: bool,
}

impl Fields<'_> {
    /// Writes a number in place of the struct that it came as.
    fn json_number<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let digits = serde_json::to_value(value).map_err(serde::ser::Error::custom)?;
        let digits = digits.as_str().unwrap_or_default();
        self.encoder.out.0.truncate(self.at);
        self.encoder.depth -= 1;
        match (digits.parse::<i128>(), digits.parse::<f64>()) {
            (Ok(integer), _) => self.encoder.integer(integer < 0, integer.unsigned_abs()),
            (_, Ok(number)) => self.encoder.out.number(number),
            (_, Err(error)) => return Err(serde::ser::Error::custom(error)),
        }
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Fault> {
        self.count += 1;
        self.encoder.out.text(key);
        value.serialize(&mut *self.encoder)
    }

    fn finish(self) -> Result<(), Fault> {
        if self.is_json_number {
            return Ok(());
        }
        if self.all_text {
            self.encoder.end(self.count);
        } else {
            self.encoder.out.0[self.at] = tag::MAP;
            self.encoder.end(self.count * 2);
        }
        if self.of_variant {
            self.encoder.end(1);
        }
        Ok(())
    }
}

/// Methods for the integers.
macro_rules! integers {
    ($($signed:ident $unsigned:ident $signed_type:ty, $unsigned_type:ty;)*) => {$(
        fn $signed(self, value: $signed_type) -> Result<(), Fault> {
            self.integer(value < 0, value.unsigned_abs().into());
            Ok(())
        }

        fn $unsigned(self, value: $unsigned_type) -> Result<(), Fault> {
            self.integer(false, value.into());
            Ok(())
        }
    )*};
}

impl<'e> Serializer for &'e mut Encoder {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = List<'e>;
    type SerializeTuple = List<'e>;
    type SerializeTupleStruct = List<'e>;
    type SerializeTupleVariant = List<'e>;
    type SerializeMap = Fields<'e>;
    type SerializeStruct = Fields<'e>;
    type SerializeStructVariant = Fields<'e>;

    integers! {
        serialize_i8 serialize_u8 i8, u8;
        serialize_i16 serialize_u16 i16, u16;
        serialize_i32 serialize_u32 i32, u32;
        serialize_i64 serialize_u64 i64, u64;
        serialize_i128 serialize_u128 i128, u128;
    }

    fn serialize_bool(self, value: bool) -> Result<(), Fault> {
        self.out.byte(if value { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Fault> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Fault> {
        self.out.number(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Fault> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Fault> {
        self.out.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Fault> {
        self.begin(tag::VIEW)?;
        self.out.varint(UINT8);
        self.out.varint(0);
        self.out.varint(value.len() as u64);
        self.out.varint(0);
        self.out.byte(tag::BUFFER);
        self.out.bytes(value);
        self.depth -= 1;
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Fault> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Fault> {
        self.out.byte(tag::NULL);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Fault> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Fault> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.end(1);
        Ok(())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<List<'e>, Fault> {
        self.list(len, false)
    }

    fn serialize_tuple(self, len: usize) -> Result<List<'e>, Fault> {
        self.list(Some(len), false)
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<List<'e>, Fault> {
        self.list(Some(len), false)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<List<'e>, Fault> {
        self.variant(variant)?;
        self.list(Some(len), true)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields<'e>, Fault> {
        self.fields(false)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'e>, Fault> {
        let mut fields = self.fields(false)?;
        fields.is_json_number = name == JSON_NUMBER;
        Ok(fields)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'e>, Fault> {
        self.variant(variant)?;
        self.fields(true)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Fault> {
        self.serialize_str(&value.to_string())
    }
}

/// The traits of sequences, which differ in names.
macro_rules! lists {
    ($($of:ident $item:ident;)*) => {$(
        impl $of for List<'_> {
            type Ok = ();
            type Error = Fault;

            fn $item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
                self.item(value)
            }

            fn end(self) -> Result<(), Fault> {
                self.finish()
            }
        }
    )*};
}

lists! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

impl SerializeMap for Fields<'_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        let at = self.encoder.out.0.len();
        self.count += 1;
        key.serialize(&mut *self.encoder)?;
        self.all_text &= matches!(self.encoder.out.0.get(at), Some(&tag::LATIN1 | &tag::UTF16));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        value.serialize(&mut *self.encoder)
    }

    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

/// The traits of fields, which differ in names.
macro_rules! fields {
    ($($of:ident)*) => {$(
        impl $of for Fields<'_> {
            type Ok = ();
            type Error = Fault;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Fault> {
                match self.is_json_number {
                    true => self.json_number(value),
                    false => self.field(key, value),
                }
            }

            fn end(self) -> Result<(), Fault> {
                self.finish()
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }
