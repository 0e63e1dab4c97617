//! Keys of entries: values, or the names of properties, which may stand for numbers, as in JSON.

use std::borrow::Cow;

use serde::de::value::CowStrDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::Fault;
use super::de::Value;

pub(super) enum Key<'de> {
    Name(Cow<'de, str>),
    Value(Value<'de>),
}

/// Methods for keys that are numbers: a name that spells one is one.
macro_rules! numbers {
    ($($method:ident $visit:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self {
                Key::Value(value) => value.$method(visitor),
                Key::Name(name) => match name.parse() {
                    Ok(number) => visitor.$visit(number),
                    Err(_) => Key::Name(name).deserialize_any(visitor),
                },
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Key::Name(Cow::Borrowed(name)) => visitor.visit_borrowed_str(name),
            Key::Name(Cow::Owned(name)) => visitor.visit_string(name),
            Key::Value(value) => value.deserialize_any(visitor),
        }
    }

    numbers! {
        deserialize_i8 visit_i8;
        deserialize_i16 visit_i16;
        deserialize_i32 visit_i32;
        deserialize_i64 visit_i64;
        deserialize_i128 visit_i128;
        deserialize_u8 visit_u8;
        deserialize_u16 visit_u16;
        deserialize_u32 visit_u32;
        deserialize_u64 visit_u64;
        deserialize_u128 visit_u128;
        deserialize_f32 visit_f32;
        deserialize_f64 visit_f64;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Key::Name(_) => visitor.visit_some(self),
            Key::Value(value) => value.deserialize_option(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self {
            Key::Name(key) => {
                let key: CowStrDeserializer<'_, Fault> = key.into_deserializer();
                visitor.visit_enum(key)
            }
            Key::Value(value) => value.deserialize_enum(name, variants, visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Key::Name(_) => self.deserialize_any(visitor),
            Key::Value(value) => value.deserialize_seq(visitor),
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

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Key::Name(_) => self.deserialize_any(visitor),
            Key::Value(value) => value.deserialize_bytes(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    forward_to_deserialize_any! {
        bool char str string unit unit_struct map struct identifier ignored_any
    }
}
