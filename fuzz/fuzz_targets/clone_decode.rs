//! Any bytes, read as stored values of several types: never a panic nor more memory than the limits allow, and what was
//! read is written and read again as the same.
//!
//! `crates/runtime/src/clone/vectors.txt` has values to begin with; the header need not be in the input.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use worker::__fuzz::{from_bytes, to_bytes};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(i64),
    Line(Option<u8>, String),
    Box { across: u128, named: BTreeMap<String, Shape> },
}

fuzz_target!(|data: &[u8]| {
    let bytes = [&[2, 1], data].concat();
    let is_whole = from_bytes::<IgnoredAny>(&bytes).is_ok();
    let read = [
        there_and_back::<serde_json::Value>(&bytes),
        there_and_back::<Vec<Shape>>(&bytes),
        there_and_back::<BTreeMap<i32, Option<String>>>(&bytes),
        there_and_back::<Vec<i64>>(&bytes),
        there_and_back::<(bool, Option<char>)>(&bytes),
    ];
    assert!(is_whole || !read.contains(&true), "a part of what is damaged was read");
});

fn there_and_back<T: Serialize + for<'a> Deserialize<'a> + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> bool {
    let Ok(value) = from_bytes::<T>(bytes) else { return false };
    let again = to_bytes(&value).expect("what was read is no deeper than what may be written");
    assert_eq!(from_bytes::<T>(&again).expect("what was written can be read"), value);
    true
}
