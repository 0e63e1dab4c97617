//! The values of a wrangler file with their places, whichever syntax it has.
//!
//! A tree holds what the file says and judges nothing; [`super::check`] does that.

use serde_json::{Map, Number};

/// A value and the offset at which it begins.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: usize,
}

/// What JSON and TOML have in common.
#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table, in the order of the file. A key that stands twice is here twice.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// The offset of the key.
    pub(crate) at: usize,
    pub(crate) node: Node,
}

impl Node {
    /// The first entry under `key`, when this is a table.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The entries of a table; none of anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        if let Value::Table(entries) = &self.value { entries } else { &[] }
    }

    /// The elements of a list; none of anything else.
    pub(crate) fn list(&self) -> &[Self] {
        if let Value::List(list) = &self.value { list } else { &[] }
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The value of a boolean.
    pub(crate) fn bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self.value { Some(value) } else { None }
    }

    /// The value of a whole number from 0.
    pub(crate) fn count(&self) -> Option<u64> {
        if let Value::Number(number) = &self.value { number.as_u64() } else { None }
    }

    /// The text under `key`.
    pub(crate) fn text_of(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Self::text).map(str::to_owned)
    }

    /// The strings of a list, or the one string.
    pub(crate) fn texts(&self) -> Vec<String> {
        let one = self.text().into_iter();
        one.chain(self.list().iter().filter_map(Self::text)).map(str::to_owned).collect()
    }

    /// What a message calls the type of this value.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The value as JSON. Its depth is bounded by the nesting of the file.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => number.clone().into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(list) => list.iter().map(Self::to_json).collect(),
            Value::Table(_) => self.to_map().into(),
        }
    }

    /// A table as JSON; anything else is an empty one.
    pub(crate) fn to_map(&self) -> Map<String, serde_json::Value> {
        self.entries().iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect()
    }
}
