//! Rows as serde sees them: maps from the names of their columns.
//!
//! A number is any type of number that it fits exactly, as in JavaScript; that a database has no booleans and no bytes
//! apart from its own is bridged as far as nothing else could be meant.

use serde::de::value::{Error as Fault, SeqDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::whole;
use crate::Result;
use crate::error::Error;
use crate::native::Value;

/// The columns of a result.
pub(super) struct Columns {
    names: Vec<String>,
    /// Of columns with the same name a map has the last; these are not.
    hidden: Vec<bool>,
}

impl Columns {
    pub(super) fn new(names: Vec<String>) -> Self {
        let hidden = names.iter().enumerate().map(|(at, name)| names[at + 1..].contains(name)).collect();
        Self { names, hidden }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }
}

/// The `T` that a row stands for.
pub(super) fn from_row<T: DeserializeOwned>(columns: &Columns, row: Vec<Value>) -> Result<T> {
    let names = columns.names.iter().zip(&columns.hidden).zip(row);
    let fields = names.filter(|((_, hidden), _)| !**hidden).map(|((name, _), value)| (name.as_str(), value));
    let row = Row { fields, value: None };
    T::deserialize(row).map_err(|fault| Error::RustError(format!("TypeError: {fault}")))
}

struct Row<'de, I> {
    fields: I,
    /// Whose name was given last.
    value: Option<(&'de str, Value)>,
}

impl<'de, I: Iterator<Item = (&'de str, Value)>> MapAccess<'de> for Row<'de, I> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.value = self.fields.next();
        let Some((name, _)) = &self.value else { return Ok(None) };
        let name: StrDeserializer<'_, Fault> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((name, value)) = self.value.take() else {
            return Err(Fault::custom("a column was asked for before its name"));
        };
        seed.deserialize(Field(value)).map_err(|fault| Fault::custom(format!("column `{name}`: {fault}")))
    }
}

impl<'de, I: Iterator<Item = (&'de str, Value)>> Deserializer<'de> for Row<'de, I> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// A value of a row.
struct Field(Value);

/// Methods for the floats.
macro_rules! floats {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.0 {
                #[expect(clippy::cast_precision_loss, reason = "what is asked for is a float")]
                Value::Integer(value) => visitor.visit_f64(value as f64),
                Value::Real(value) => visitor.visit_f64(value),
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

/// Methods for sequences, which bytes can be.
macro_rules! sequences {
    ($($method:ident($($argument:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* visitor: V) -> Result<V::Value, Fault> {
            match self.0 {
                Value::Blob(bytes) => {
                    let mut items = SeqDeserializer::new(bytes.into_iter());
                    let value = visitor.visit_seq(&mut items)?;
                    items.end()?;
                    Ok(value)
                }
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Field {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Integer(value) => visitor.visit_i64(value),
            Value::Real(value) => match whole(value) {
                Some(value) => visitor.visit_i64(value),
                None => visitor.visit_f64(value),
            },
            Value::Text(value) => visitor.visit_string(value),
            Value::Blob(value) => visitor.visit_byte_buf(value),
        }
    }

    /// What SQL has for a boolean is 0 or 1, and what a boolean is bound as is a text.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0 {
            Value::Integer(value @ (0 | 1)) => visitor.visit_bool(*value == 1),
            Value::Text(text) if text == "true" => visitor.visit_bool(true),
            Value::Text(text) if text == "false" => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }

    floats! { deserialize_f32 deserialize_f64 }

    sequences! {
        deserialize_seq();
        deserialize_tuple(usize);
        deserialize_tuple_struct(&'static str, usize);
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Text(text) => visitor.visit_enum(text.into_deserializer()),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit unit_struct map struct identifier
        ignored_any
    }
}
