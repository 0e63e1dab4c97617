//! What Rust reads of JavaScript's values and writes for its own, and that nothing in the bytes can harm.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use super::{from_bytes, to_bytes};
use crate::limits::{CLONE_AGAIN_MAX, CLONE_DEPTH_MAX};

/// A line of the list that the engine's test reads too: bytes, what makes them in JavaScript, and what Rust finds.
fn vectors() -> impl Iterator<Item = (Vec<u8>, &'static str, &'static str)> {
    let lines = include_str!("../../../runtime/src/clone/vectors.txt").lines();
    lines.filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| {
        let [bytes, expression, outcome] = *line.split(" ; ").collect::<Vec<_>>() else { panic!("{line}") };
        let bytes = bytes.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
        (bytes.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect(), expression, outcome)
    })
}

/// The bytes of a value of that list.
fn js(expression: &str) -> Vec<u8> {
    vectors().find(|(_, have, _)| *have == expression).unwrap_or_else(|| panic!("no example {expression}")).0
}

fn read<T: DeserializeOwned>(expression: &str) -> T {
    from_bytes(&js(expression)).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

fn refused<T: DeserializeOwned + Debug>(bytes: &[u8]) -> String {
    from_bytes::<T>(bytes).unwrap_err().to_string()
}

/// Bytes that serde sees as such.
#[derive(Clone, Debug, PartialEq)]
struct Blob(Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Blob;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Box { across: u8, high: Option<u8> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    unit: (),
    flag: bool,
    byte: u8,
    signed: i64,
    large: u64,
    huge: i128,
    largest: u128,
    single: f32,
    double: f64,
    letter: char,
    text: String,
    maybe: Option<String>,
    list: Vec<Option<i16>>,
    set: BTreeSet<u16>,
    pair: (bool, String),
    named: BTreeMap<String, i8>,
    numbered: BTreeMap<i64, Shape>,
    pairs: BTreeMap<(u8, char), ()>,
    shapes: Vec<Shape>,
    blob: Blob,
    free: Free,
}

/// What is told apart by what is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Free {
    Nothing(()),
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(String),
    List(Vec<Free>),
    Named(BTreeMap<String, Free>),
}

#[test]
fn values_of_javascript_are_those_of_rust() {
    // Where another crate of the same program has switched on `arbitrary_precision`, `Value` holds larger integers too.
    let holds_any_number = serde_json::from_str::<Json>("2e400").is_ok();
    for (bytes, expression, outcome) in vectors() {
        let (sign, text) = outcome.split_at(2);
        let got = from_bytes::<Json>(&bytes);
        match (sign, got) {
            ("= " | "> ", Ok(got)) => {
                let expected: Json = serde_json::from_str(text).unwrap();
                assert_eq!(got, expected, "{expression}");
                if sign == "= " {
                    assert_eq!(to_bytes(&expected).unwrap(), bytes, "{expression}");
                }
            }
            ("! ", Err(error)) => assert!(error.to_string().contains(text), "{expression}: {error}"),
            ("! ", Ok(Json::Number(got))) if holds_any_number => {
                assert!(got.to_string().trim_start_matches('-').len() > 19, "{expression}: {got}");
            }
            (_, got) => panic!("{expression}: {got:?}"),
        }
        assert!(from_bytes::<IgnoredAny>(&bytes).is_ok(), "{expression}");
    }
}

#[test]
fn bytes_are_read_from_buffers_and_views() {
    for expression in
        ["new Uint8Array([1, 2, 255]).buffer", "new Uint8Array([1, 2, 255])", "new Uint8ClampedArray([1, 2, 255])"]
    {
        assert_eq!(read::<Blob>(expression), Blob(vec![1, 2, 255]), "{expression}");
        assert_eq!(read::<Vec<u8>>(expression), [1, 2, 255], "{expression}");
        assert_eq!(read::<Vec<Option<u8>>>(expression), [Some(1), Some(2), Some(255)], "{expression}");
        assert_eq!(read::<[u16; 3]>(expression), [1, 2, 255], "{expression}");
    }
    let view = "new DataView(new Uint8Array([1, 2, 255]).buffer, 1)";
    assert_eq!(read::<Blob>(view), Blob(vec![2, 255]));
    let view = "new Uint8Array(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)";
    assert_eq!(read::<Blob>(view), Blob(vec![2, 3]));
    assert_eq!(read::<Blob>("new Uint8Array(new ArrayBuffer(2, { maxByteLength: 4 }))"), Blob(vec![0, 0]));
    assert_eq!(read::<Blob>("new Int16Array([-2, 2])"), Blob(vec![0xfe, 0xff, 2, 0]));
    let both = "((buffer) => [new Uint16Array(buffer), new Int8Array(buffer, 1, 1)])(new Uint8Array([1, 2]).buffer)";
    assert_eq!(read::<(Blob, Blob)>(both), (Blob(vec![1, 2]), Blob(vec![2])));
    assert_eq!(to_bytes(&Blob(vec![1, 2, 255])).unwrap(), js("new Uint8Array([1, 2, 255])"));
}

#[test]
fn numbers_are_integers_where_integers_are_asked_for() {
    assert_eq!(read::<u64>("2 ** 53 - 1"), (1 << 53) - 1);
    assert_eq!(read::<u8>("-0"), 0);
    assert!(read::<f64>("-0").is_sign_negative());
    assert_eq!(read::<u64>("7n"), 7);
    assert_eq!(read::<f64>("7n").to_bits(), 7_f64.to_bits());
    assert_eq!(read::<u128>("2n ** 64n"), 1 << 64);
    assert_eq!(read::<i64>("-(2n ** 63n)"), i64::MIN);
    assert_eq!(read::<u64>("new Date(5)"), 5);
    assert!(read::<f64>("new Date(NaN)").is_nan());
    assert!(read::<f32>("NaN").is_nan());
    assert_eq!(read::<Vec<f32>>("new Float16Array([1.5, -0.25])"), [1.5, -0.25]);
    assert_eq!(to_bytes(&((1_i64 << 53) - 1)).unwrap(), js("2 ** 53 - 1"));
    assert_eq!(to_bytes(&(1_i64 << 53)).unwrap(), js("2n ** 53n"));
    assert_eq!(to_bytes(&(1_u128 << 64)).unwrap(), js("2n ** 64n"));
    assert_eq!(to_bytes(&0_u128).unwrap(), js("0"));
    assert_eq!(to_bytes(&f32::NAN).unwrap(), js("NaN"));
    // 2 to the 60th is a whole number in JavaScript too, but none of those that it counts with.
    assert_eq!(from_bytes::<i64>(&to_bytes(&2_f64.powi(60)).unwrap()).unwrap(), 1 << 60);
    assert!(from_bytes::<i64>(&js("1.5")).is_err());
    assert!(from_bytes::<u8>(&js("-5")).is_err());
    assert!(from_bytes::<i64>(&js("NaN")).is_err());
    assert!(from_bytes::<i128>(&js("1e300")).is_err());
}

#[test]
fn maps_are_read_from_objects_and_from_maps() {
    let numbered = BTreeMap::from([(1, "a".to_owned()), (2, "b".to_owned())]);
    let map = "new Map([[1, \"a\"], [2, \"b\"]])";
    assert_eq!(read::<BTreeMap<u8, String>>(map), numbered);
    assert_eq!(to_bytes(&numbered).unwrap(), js(map));
    let mixed = BTreeMap::from([(Free::Text("a".to_owned()).to_key(), 1), (Free::Whole(5).to_key(), 2)]);
    assert_eq!(from_bytes::<BTreeMap<Key, u8>>(&to_bytes(&mixed).unwrap()).unwrap(), mixed);
    assert_eq!(
        from_bytes::<BTreeMap<i8, u8>>(&to_bytes(&Json::from_iter([("5", 1), ("-1", 2)])).unwrap()).unwrap(),
        BTreeMap::from([(5, 1), (-1, 2)])
    );
    #[derive(Debug, PartialEq, Deserialize)]
    struct Fields {
        a: u8,
        b: BTreeMap<String, u8>,
    }
    let fields = Fields { a: 1, b: BTreeMap::from([("c".to_owned(), 2)]) };
    assert_eq!(read::<Fields>("new Map([[\"a\", 1], [\"b\", { c: 2 }]])"), fields);
    assert_eq!(to_bytes(&BTreeMap::<u8, u8>::new()).unwrap(), js("{}"));
}

/// A key that is a text or a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Number(i64),
    Text(String),
}

impl Free {
    fn to_key(&self) -> Key {
        match self {
            Free::Whole(number) => Key::Number(*number),
            other => Key::Text(format!("{other:?}")),
        }
    }
}

#[test]
fn sequences_are_read_from_arrays_and_sets() {
    assert_eq!(read::<Vec<Option<u8>>>("[1, , 3]"), [Some(1), None, Some(3)]);
    assert_eq!(read::<Vec<Free>>("new Set([1, \"a\"])"), [Free::Whole(1), Free::Text("a".to_owned())]);
    assert_eq!(read::<(u8, Option<u8>, u8)>("[1, , 3]"), (1, None, 3));
    assert!(refused::<(u8, Option<u8>)>(&js("[1, , 3]")).contains("invalid length"));
    struct Unsized;
    impl Serialize for Unsized {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(None)?;
            for item in 0..300 {
                list.serialize_element(&item)?;
            }
            list.end()
        }
    }
    assert_eq!(to_bytes(&Unsized).unwrap(), to_bytes(&(0..300).collect::<Vec<_>>()).unwrap());
}

#[test]
fn enums_are_as_in_json() {
    let shapes = [Shape::Point, Shape::Circle(0.5), Shape::Line(1, -1), Shape::Box { across: 1, high: None }].to_vec();
    let json = serde_json::to_value(&shapes).unwrap();
    assert_eq!(to_bytes(&shapes).unwrap(), to_bytes(&json).unwrap());
    assert_eq!(from_bytes::<Vec<Shape>>(&to_bytes(&json).unwrap()).unwrap(), shapes);
    for wrong in ["{}", "1.5", "{ a: 1, b: { c: [true] } }", "\"abc\""] {
        assert!(from_bytes::<Shape>(&js(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn nothing_is_read_from_null_and_undefined() {
    for nothing in ["null", "undefined"] {
        assert_eq!(read::<Option<u8>>(nothing), None);
        read::<()>(nothing);
    }
    assert_eq!(read::<BTreeMap<String, Option<u8>>>("{ a: undefined }"), BTreeMap::from([("a".to_owned(), None)]));
    assert_eq!(to_bytes(&None::<u8>).unwrap(), js("null"));
}

#[test]
fn what_is_not_looked_at_may_be_anything() {
    #[derive(Debug, Deserialize)]
    struct Some {
        a: u8,
    }
    let cycle = [&js("{}")[..3], b"\x07\x01a\x04\x02\x07\x01b\x10\x00\x07\x01c\x1e\x01X\x01\xff\x03"].concat();
    assert_eq!(from_bytes::<Some>(&cycle).unwrap().a, 1);
    assert!(refused::<Free>(&cycle).contains("a value contains itself"));
    let platform = [&js("{}")[..2], b"\x1e\x04Blob\x01"].concat();
    assert_eq!(refused::<Json>(&platform), "TypeError: a JavaScript Blob has no counterpart in Rust");
}

#[test]
fn what_is_not_there_is_an_error() {
    for bytes in [
        &b""[..],
        b"\x02\x01",
        b"\x01\x01\x00",
        b"\x02\x01\x00\x00",
        b"\x02\x01\x10\x00",
        // A reference to what only comes later.
        b"\x02\x01\x12\x02\x10\x01\x11\xff\x00\xff\x00\x02",
        b"\x02\x01\x22\x00",
        b"\x02\x01\x23\x00",
        // Counts and lengths that are others at the end.
        b"\x02\x01\x11\xff\x01",
        b"\x02\x01\x12\x00\xff\x00\x01",
        b"\x02\x01\x13\x05\xff\x00\x06",
        b"\x02\x01\x15\x01\xff\x02",
        b"\x02\x01\x14\x01\xff\x01",
        b"\x02\x01\x11\x04\x02\xff\x00",
        b"\x02\x01\x11\x01\x01\xff\x01",
        b"\x02\x01\x06\x03\x01",
        b"\x02\x01\x08\x01\x00",
        b"\x02\x01\x1d\x01\x01\xff\x00",
    ] {
        let damaged = "TypeError: the stored bytes are no value, or damaged";
        assert_eq!(refused::<IgnoredAny>(bytes), damaged, "{bytes:x?}");
    }
    for view in [
        &b"\x24\x02\x00\x05\x00\x20\x01\x00"[..],
        b"\x24\x02\x05\x00\x00\x20\x01\x00",
        b"\x24\x04\x00\x01\x00\x20\x02\x00\x00",
        b"\x24\x0d\x00\x01\x00\x20\x01\x00",
        b"\x24\x02\x00\x00\x00\x12\x00\xff\x00\x00",
        b"\x24\x02\x00\x00\x00\x21\x01\x02\x00\x00",
    ] {
        assert!(refused::<Blob>(&[b"\x02\x01", view].concat()).contains("damaged"), "{view:x?}");
    }
    // A view that grows has what its buffer has, whatever its own length was.
    let grown = b"\x02\x01\x24\x04\x01\x63\x01\x21\x09\x06\x01\x02\x03\x04\x05\x06";
    assert_eq!(from_bytes::<Blob>(grown).unwrap(), Blob(vec![2, 3, 4, 5]));
}

#[test]
fn depth_is_bounded_both_ways() {
    let nested = |depth: usize| (1..depth).fold(Json::Array(Vec::new()), |inner, _| Json::Array(vec![inner]));
    let bytes = to_bytes(&nested(CLONE_DEPTH_MAX)).unwrap();
    assert!(from_bytes::<Json>(&bytes).is_ok());
    let error = to_bytes(&nested(CLONE_DEPTH_MAX + 1)).unwrap_err();
    assert_eq!(error.to_string(), "DataCloneError: more than 128 values inside each other");
    let deeper = [&bytes[..2], b"\x12\x01", &bytes[2..], b"\xff\x00\x01"].concat();
    assert_eq!(refused::<Json>(&deeper), "TypeError: more than 128 values inside each other");
    assert!(from_bytes::<IgnoredAny>(&deeper).is_ok());
    assert!(from_bytes::<Json>(&[2, 1].into_iter().chain([0x12, 1].repeat(1_000_000)).collect::<Vec<_>>()).is_err());
}

/// Each of so many arrays holds the one before twice: 2 to that power of values.
fn doubled(levels: u8) -> Vec<u8> {
    let inner = b"\x12\x00\xff\x00\x00".to_vec();
    // The innermost comes first in a list, so that what refers to it comes later.
    let mut bytes = [&[2, 1, 0x12, levels + 1][..], &inner].concat();
    for level in 0..levels {
        bytes.extend([0x12, 2, 0x10, level + 1, 0x10, level + 1, 0xff, 0, 2]);
    }
    bytes.extend([0xff, 0, levels + 1]);
    bytes
}

#[test]
fn what_is_shared_is_read_again_within_reason() {
    let value: Json = from_bytes(&doubled(3)).unwrap();
    assert_eq!(value[2], serde_json::json!([[[], []], [[], []]]));
    assert!(refused::<Json>(&doubled(60)).contains("objects that occur many times"));
    assert!(from_bytes::<IgnoredAny>(&doubled(60)).is_ok());
}

#[test]
fn holes_are_read_within_reason() {
    let sparse = |len: usize| {
        let mut writer = crate::native::wire::Writer::new();
        writer.byte(0x13);
        writer.varint(len as u64);
        writer.0.extend([0xff, 0]);
        writer.varint(len as u64);
        writer.0
    };
    assert_eq!(from_bytes::<Vec<()>>(&sparse(CLONE_AGAIN_MAX)).unwrap().len(), CLONE_AGAIN_MAX);
    assert!(refused::<Vec<()>>(&sparse(CLONE_AGAIN_MAX + 1)).contains("too many holes"));
}

fn everything() -> impl Strategy<Value = Everything> {
    let shape = prop_oneof![
        Just(Shape::Point),
        any::<i32>().prop_map(|value| Shape::Circle(value.into())),
        any::<(i32, i32)>().prop_map(|(a, b)| Shape::Line(a, b)),
        any::<(u8, Option<u8>)>().prop_map(|(across, high)| Shape::Box { across, high }),
    ];
    let plain = (any::<(bool, u8, i64, u64, i128, u128)>(), any::<(f32, f64, char, String, Option<String>)>());
    let lists = (any::<Vec<Option<i16>>>(), any::<BTreeSet<u16>>(), any::<(bool, String)>());
    let maps = (
        any::<BTreeMap<String, i8>>(),
        proptest::collection::btree_map(any::<i64>(), shape.clone(), 0..5),
        any::<BTreeMap<(u8, char), ()>>(),
    );
    let more = (proptest::collection::vec(shape, 0..5), any::<Vec<u8>>(), free());
    (plain, lists, maps, more).prop_map(|((a, b), lists, maps, more)| Everything {
        unit: (),
        flag: a.0,
        byte: a.1,
        signed: a.2,
        large: a.3,
        huge: a.4,
        largest: a.5,
        single: b.0,
        double: b.1,
        letter: b.2,
        text: b.3,
        maybe: b.4,
        list: lists.0,
        set: lists.1,
        pair: lists.2,
        named: maps.0,
        numbered: maps.1,
        pairs: maps.2,
        shapes: more.0,
        blob: Blob(more.1),
        free: more.2,
    })
}

fn free() -> impl Strategy<Value = Free> {
    let leaf = prop_oneof![
        Just(Free::Nothing(())),
        any::<bool>().prop_map(Free::Flag),
        any::<i64>().prop_map(Free::Whole),
        any::<f64>().prop_filter("an integer", |number| number.fract() != 0.0).prop_map(Free::Number),
        any::<String>().prop_map(Free::Text),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Free::List),
            proptest::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Free::Named),
        ]
    })
}

/// Bytes that look like a clone.
fn alike() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => 0_u8..0x26, 2 => 0xfe_u8..=0xff, 1 => any::<u8>()];
    proptest::collection::vec(byte, 0..64).prop_map(|bytes| [&[2, 1][..], &bytes].concat())
}

proptest! {
    #[test]
    fn any_value_comes_back(value in everything()) {
        let bytes = to_bytes(&value).unwrap();
        prop_assert_eq!(from_bytes::<Everything>(&bytes).unwrap(), value);
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in alike()) {
        let _ = from_bytes::<Free>(&bytes);
        let _ = from_bytes::<Blob>(&bytes);
        if let Ok(value) = from_bytes::<Json>(&bytes) {
            prop_assert_eq!(from_bytes::<Json>(&to_bytes(&value).unwrap()).unwrap(), value);
        }
    }

    #[test]
    fn a_changed_byte_is_a_value_or_an_error(value in everything(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = to_bytes(&value).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = from_bytes::<Everything>(&bytes);
        let _ = from_bytes::<Free>(&bytes);
        prop_assert!(from_bytes::<Json>(&bytes[..at]).is_err());
    }
}
