//! The one line that a run prints.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Figures of one run, in the order in which they are printed. The unit is the last part of a key.
#[derive(Debug)]
pub struct Report {
    mode: &'static str,
    fields: Vec<(&'static str, f64)>,
}

/// Keys that must be zero.
const FAILURES: [&str; 3] = ["lost", "wrong", "unstored"];

impl Report {
    pub(super) fn new(mode: &'static str) -> Self {
        Self { mode, fields: Vec::new() }
    }

    pub(super) fn add(&mut self, key: &'static str, value: f64) {
        self.fields.push((key, value));
    }

    /// Adds a figure that is only known with `--pid`.
    pub(super) fn add_some(&mut self, key: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    /// How many messages were missing, doubled or out of order, and how many rows.
    pub fn failures(&self) -> f64 {
        self.fields.iter().filter(|(key, _)| FAILURES.contains(key)).map(|(_, value)| value).sum()
    }

    /// The aligned line for a person.
    pub fn text(&self) -> String {
        let mut line = format!("{:<9}", self.mode);
        for (key, value) in &self.fields {
            let digits = if value.fract() == 0.0 || value.abs() >= 1000.0 { 0 } else { 2 };
            // Writing to a string cannot fail.
            let _ = write!(line, "  {key} {value:>8.digits$}");
        }
        line
    }

    /// The same as a JSON object.
    pub fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("mode".to_owned(), self.mode.into());
        object.extend(self.fields.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))));
        Value::Object(object)
    }
}
