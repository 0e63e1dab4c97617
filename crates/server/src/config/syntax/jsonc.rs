//! JSON with comments and trailing commas, as wrangler reads both `.json` and `.jsonc`.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::{Reader, fragment};
use crate::config::tree::{Entry, Node, Value};

const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub(super) fn parse(reader: &mut Reader<'_>) -> Option<Node> {
    match parse_to_ast(reader.source.text(), &CollectOptions::default(), &OPTIONS) {
        Ok(parsed) => match parsed.value {
            Some(value) => reader.node(&value, 0),
            None => {
                reader.error(0, "the file is empty", "write at least `{ \"main\": \"src/index.ts\" }`");
                None
            }
        },
        Err(error) => {
            let message = fragment(&error.kind().to_string());
            reader.error(error.range().start, message, "mend the JSON at this place");
            None
        }
    }
}

impl Reader<'_> {
    fn node(&mut self, value: &ast::Value<'_>, depth: usize) -> Option<Node> {
        let at = value.start();
        let value = match value {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
            ast::Value::StringLit(literal) => Value::Text(literal.value.clone().into_owned()),
            ast::Value::NumberLit(literal) => match serde_json::from_str::<serde_json::Number>(literal.value) {
                // Whether serde itself refuses an infinite one depends on its features.
                Ok(number) if number.as_f64().is_some_and(f64::is_finite) => Value::Number(number),
                _ => {
                    self.error(at, "a number must be finite and in JSON's form", "write another number, or a string");
                    return None;
                }
            },
            ast::Value::Array(array) => {
                if !self.enter(at, depth, array.elements.len()) {
                    return None;
                }
                Value::List(array.elements.iter().filter_map(|value| self.node(value, depth + 1)).collect())
            }
            ast::Value::Object(object) => {
                if !self.enter(at, depth, object.properties.len()) {
                    return None;
                }
                Value::Table(object.properties.iter().filter_map(|property| self.entry(property, depth)).collect())
            }
        };
        Some(Node { value, at })
    }

    fn entry(&mut self, property: &ast::ObjectProp<'_>, depth: usize) -> Option<Entry> {
        let node = self.node(&property.value, depth + 1)?;
        Some(Entry { key: property.name.as_str().to_owned(), at: property.range.start, node })
    }
}
