//! Attachments as bytes: those that JavaScript has for a value, so that a class may be written anew in the other language
//! while its sockets stay open.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;
use crate::clone::{from_bytes, to_bytes};

/// The bytes of `value`; none for what is null in JavaScript.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Option<Bytes>> {
    let bytes = to_bytes(value)?;
    Ok((bytes != to_bytes(&())?).then(|| bytes.into()))
}

/// The value that `bytes` stand for.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use serde::{Deserialize, Serialize};

    use super::{decode, encode};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Session {
        name: String,
        joined: u64,
        rank: Rank,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Rank {
        Guest,
        Member { since: i64 },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Value {
        Number(f64),
        Text(String),
    }

    fn check<T: Serialize + for<'a> Deserialize<'a> + PartialEq + Debug>(value: T) {
        let bytes = encode(&value).unwrap().unwrap();
        assert_eq!(decode::<T>(&bytes).unwrap(), value);
    }

    #[test]
    fn structured_values_come_back() {
        check("text".to_owned());
        check(vec![u64::MAX, 0]);
        check((true, -1.5, 'x', [0_u8; 300].to_vec()));
        check(Some(1));
        check(vec![None, Some(1)]);
        for rank in [Rank::Guest, Rank::Member { since: i64::MIN }] {
            let rest = [("a".to_owned(), Value::Number(0.5)), ("b".to_owned(), Value::Text("x".to_owned()))];
            check(Session { name: "é".to_owned(), joined: 7, rank, rest: rest.into() });
        }
    }

    #[test]
    fn nothing_is_no_attachment() {
        assert!(encode(&None::<u8>).unwrap().is_none());
        assert!(encode(&()).unwrap().is_none());
        assert!(encode(&false).unwrap().is_some());
    }

    #[test]
    fn a_class_may_gain_fields() {
        #[derive(Serialize)]
        struct Old {
            name: String,
        }
        #[derive(Deserialize)]
        struct New {
            name: String,
            #[serde(default)]
            color: Option<String>,
        }
        let bytes = encode(&Old { name: "a".to_owned() }).unwrap().unwrap();
        let new: New = decode(&bytes).unwrap();
        assert_eq!((new.name.as_str(), new.color), ("a", None));
    }

    #[test]
    fn other_bytes_are_refused() {
        for bytes in
            [&b""[..], b"\x00", b"\xff\x0f\"", b"\x01\xa1a", b"\x02\x01", b"\x02\x01\x07\x02a", b"\x02\x01\x04\x02"]
        {
            assert!(decode::<String>(bytes).is_err(), "{bytes:?}");
        }
    }
}
