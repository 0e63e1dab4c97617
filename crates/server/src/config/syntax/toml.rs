//! TOML 1.1, with every syntax error that the parser can tell apart.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Reader, fragment};
use crate::config::tree::{Entry, Node, Value};

pub(super) fn parse(reader: &mut Reader<'_>) -> Option<Node> {
    let (table, errors) = DeTable::parse_recoverable(reader.source.text());
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        reader.error(at, fragment(error.message()), "mend the TOML at this place");
    }
    // What a parser recovers after an error is its guess: to judge it would only add noise.
    if errors.is_empty() { reader.table(table.get_ref(), 0, 0) } else { None }
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, at: usize, depth: usize) -> Option<Node> {
        if !self.enter(at, depth, table.len()) {
            return None;
        }
        let mut entries: Vec<Entry> = Vec::new();
        for (key, value) in table {
            if let Some(node) = self.value(value, depth + 1) {
                entries.push(Entry { key: key.get_ref().to_string(), at: key.span().start, node });
            }
        }
        // The parser's map is ordered by the keys.
        entries.sort_by_key(|entry| entry.at);
        Some(Node { value: Value::Table(entries), at })
    }

    fn value(&mut self, spanned: &Spanned<DeValue<'_>>, depth: usize) -> Option<Node> {
        let at = spanned.span().start;
        let value = match spanned.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Integer(integer) => {
                let Ok(integer) = i64::from_str_radix(integer.as_str(), integer.radix()) else {
                    self.error(at, "a whole number must fit in 64 bits", "write a smaller number, or a string");
                    return None;
                };
                Value::Number(integer.into())
            }
            DeValue::Float(float) => {
                let float = float.as_str().parse().ok().and_then(serde_json::Number::from_f64);
                let Some(float) = float else {
                    self.error(at, "a number must be finite", "write another number, or a string");
                    return None;
                };
                Value::Number(float)
            }
            DeValue::Datetime(_) => {
                self.error(at, "a date is no value here", "put it in quotes");
                return None;
            }
            DeValue::Array(array) => {
                if !self.enter(at, depth, array.len()) {
                    return None;
                }
                Value::List(array.iter().filter_map(|value| self.value(value, depth + 1)).collect())
            }
            DeValue::Table(table) => return self.table(table, at, depth),
        };
        Some(Node { value, at })
    }
}
