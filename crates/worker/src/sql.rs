//! Values of SQL: parameters of statements and columns of rows, and how serde reads rows.
//!
//! Invariant: integers are exact up to 64 bits, also where they would be numbers of JavaScript in the original.

use std::marker::PhantomData;

use serde::de::value::StringDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::Result;
use crate::error::Error;

/// What a parameter of a statement or a column of a row can hold.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlStorageValue {
    /// `NULL`.
    Null,
    /// SQL has none: as a parameter it is the text `true` or `false`, as on Cloudflare. No column is read as one.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// `TEXT`.
    String(String),
    /// `BLOB`.
    Blob(Vec<u8>),
}

/// The largest integer that JavaScript's numbers count to.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

impl SqlStorageValue {
    /// An integer that JavaScript can hold too.
    ///
    /// # Errors
    /// When it is beyond ±(2^53 - 1).
    pub fn try_from_i64(value: i64) -> Result<Self> {
        if value.unsigned_abs() <= SAFE_INTEGER_MAX {
            return Ok(SqlStorageValue::Integer(value));
        }
        Err(Error::from("Value outside JavaScript safe integer range"))
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            SqlStorageValue::Null => Unexpected::Unit,
            SqlStorageValue::Boolean(value) => Unexpected::Bool(*value),
            SqlStorageValue::Integer(value) => Unexpected::Signed(*value),
            SqlStorageValue::Float(value) => Unexpected::Float(*value),
            SqlStorageValue::String(text) => Unexpected::Str(text),
            SqlStorageValue::Blob(bytes) => Unexpected::Bytes(bytes),
        }
    }
}

impl From<bool> for SqlStorageValue {
    fn from(value: bool) -> Self {
        SqlStorageValue::Boolean(value)
    }
}

impl From<i32> for SqlStorageValue {
    fn from(value: i32) -> Self {
        SqlStorageValue::Integer(value.into())
    }
}

impl From<i64> for SqlStorageValue {
    fn from(value: i64) -> Self {
        SqlStorageValue::Integer(value)
    }
}

impl From<f64> for SqlStorageValue {
    fn from(value: f64) -> Self {
        SqlStorageValue::Float(value)
    }
}

impl From<String> for SqlStorageValue {
    fn from(value: String) -> Self {
        SqlStorageValue::String(value)
    }
}

impl From<&str> for SqlStorageValue {
    fn from(value: &str) -> Self {
        SqlStorageValue::String(value.to_owned())
    }
}

impl From<Vec<u8>> for SqlStorageValue {
    fn from(value: Vec<u8>) -> Self {
        SqlStorageValue::Blob(value)
    }
}

impl<T: Into<SqlStorageValue>> From<Option<T>> for SqlStorageValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(SqlStorageValue::Null, Into::into)
    }
}

/// Reads a column, as it is part of a row that serde reads.
#[derive(Debug)]
pub struct SqlValueDeserializer<E> {
    value: SqlStorageValue,
    error: PhantomData<E>,
}

impl<'de, E: serde::de::Error> IntoDeserializer<'de, E> for SqlStorageValue {
    type Deserializer = SqlValueDeserializer<E>;

    fn into_deserializer(self) -> Self::Deserializer {
        SqlValueDeserializer { value: self, error: PhantomData }
    }
}

/// Integers are asked for where a column without a type may hold `2.0`: to JavaScript that is the same.
macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
            match self.value {
                #[expect(clippy::cast_precision_loss, reason = "so small a number has its own f64")]
                SqlStorageValue::Float(float)
                    if float.fract() == 0.0 && float.abs() <= SAFE_INTEGER_MAX as f64 =>
                {
                    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
                    visitor.visit_i64(float as i64)
                }
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de, E: serde::de::Error> Deserializer<'de> for SqlValueDeserializer<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.value {
            SqlStorageValue::Null => visitor.visit_unit(),
            SqlStorageValue::Boolean(value) => visitor.visit_bool(value),
            SqlStorageValue::Integer(value) => visitor.visit_i64(value),
            SqlStorageValue::Float(value) => visitor.visit_f64(value),
            SqlStorageValue::String(text) => visitor.visit_string(text),
            SqlStorageValue::Blob(bytes) => visitor.visit_byte_buf(bytes),
        }
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.value {
            SqlStorageValue::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        match self.value {
            SqlStorageValue::String(text) => {
                let text: StringDeserializer<E> = text.into_deserializer();
                visitor.visit_enum(text)
            }
            value => Err(E::invalid_type(value.unexpected(), &"the name of a variant")),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.value {
            SqlStorageValue::Blob(bytes) => {
                let mut items = serde::de::value::SeqDeserializer::new(bytes.into_iter());
                let value = visitor.visit_seq(&mut items)?;
                items.end().map(|()| value)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, E> {
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf unit unit_struct tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::value::{Error, MapDeserializer};

    use super::SqlStorageValue as Value;

    /// Reads a row, as a cursor does.
    fn row<'a, T: Deserialize<'a>, const N: usize>(columns: [(&'a str, Value); N]) -> Result<T, Error> {
        T::deserialize(MapDeserializer::new(columns.into_iter()))
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        id: i64,
        count: u8,
        ratio: f32,
        name: String,
        note: Option<String>,
        state: State,
        bytes: Vec<u8>,
        pair: [u8; 2],
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum State {
        Open,
        Closed,
    }

    #[test]
    fn rows_are_structs() {
        let read: Row = row([
            ("id", Value::Integer(i64::MIN)),
            ("count", Value::Float(2.0)),
            ("ratio", Value::Integer(3)),
            ("name", "é".into()),
            ("note", None::<String>.into()),
            ("state", "closed".into()),
            ("bytes", vec![1, 2].into()),
            ("pair", vec![3, 4].into()),
            ("more", Value::Null),
        ])
        .unwrap();
        let name = "é".to_owned();
        let state = State::Closed;
        let (bytes, pair) = (vec![1, 2], [3, 4]);
        assert_eq!(read, Row { id: i64::MIN, count: 2, ratio: 3.0, name, note: None, state, bytes, pair });
    }

    #[test]
    fn what_a_column_does_not_hold_is_an_error() {
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "only whether it is read matters")]
        struct One<T> {
            a: T,
        }
        assert!(row::<One<u8>, _>([("a", Value::Integer(256))]).is_err());
        assert!(row::<One<u8>, _>([("a", Value::Float(1.5))]).is_err());
        assert!(row::<One<u64>, _>([("a", Value::Float(1e300))]).is_err());
        assert!(row::<One<String>, _>([("a", Value::Null)]).is_err());
        assert!(row::<One<bool>, _>([("a", Value::Integer(1))]).is_err());
        assert!(row::<One<[u8; 2]>, _>([("a", vec![1, 2, 3].into())]).is_err());
        assert!(row::<One<State>, _>([("a", "ajar".into())]).is_err());
        assert!(row::<One<State>, _>([("a", Value::Null)]).is_err());
        assert!(row::<One<u8>, _>([("b", Value::Integer(1))]).unwrap_err().to_string().contains("missing field `a`"));
    }

    #[test]
    fn values_are_made_of_rust_s_own() {
        assert_eq!(Value::from(Some(5)), Value::Integer(5));
        assert_eq!(Value::from(None::<f64>), Value::Null);
        assert_eq!(Value::from(true), Value::Boolean(true));
        let max = (1 << 53) - 1;
        for safe in [max, -max] {
            assert_eq!(Value::try_from_i64(safe).unwrap(), Value::Integer(safe));
        }
        for unsafe_ in [max + 1, -max - 1, i64::MIN, i64::MAX] {
            assert_eq!(
                Value::try_from_i64(unsafe_).unwrap_err().to_string(),
                "Value outside JavaScript safe integer range"
            );
        }
    }
}
