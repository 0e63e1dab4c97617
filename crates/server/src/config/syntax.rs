//! From text to a tree, by the name of the file.
//!
//! The grammars are other people's: `jsonc-parser` and `toml`. What is here turns their trees into ours, with the
//! offsets, and bounds their nesting and the length of each list and table.

mod jsonc;
mod toml;

use super::limits::{ENTRIES_MAX, NESTING_MAX};
use super::problem::{Findings, Place};
use super::source::Source;
use super::tree::{Node, Value};

/// The tree of a file, or none with problems in `findings`.
pub(crate) fn parse(source: &Source, findings: &mut Findings) -> Option<Node> {
    let is_toml = source.path().extension().is_some_and(|extension| extension == "toml");
    let mut reader = Reader { source, findings, failed: false };
    let node = if is_toml { toml::parse(&mut reader) } else { jsonc::parse(&mut reader) };
    // A tree with holes would be judged for what is not in it.
    let node = node.filter(|_| !reader.failed)?;
    if !matches!(node.value, Value::Table(_)) {
        let message = format!("a wrangler file must be a table, it is {}", node.kind());
        findings.syntax(Place { source, at: node.at }, message, "write the keys between `{` and `}`");
        return None;
    }
    Some(node)
}

/// What a conversion carries with it.
struct Reader<'a> {
    source: &'a Source,
    findings: &'a mut Findings,
    /// Whether something was reported and left out.
    failed: bool,
}

impl Reader<'_> {
    /// Whether a list or table of `len` entries may stand at this depth. One that may not is reported.
    fn enter(&mut self, at: usize, depth: usize, len: usize) -> bool {
        if depth >= NESTING_MAX {
            let message = format!("lists and tables are nested deeper than {NESTING_MAX}");
            self.error(at, message, "make the value flatter, or keep it in a string");
        } else if len > ENTRIES_MAX {
            let message = format!("a list or table has {len} entries, more than {ENTRIES_MAX}");
            self.error(at, message, "take some out, or keep the value in a string");
        } else {
            return true;
        }
        false
    }

    fn error(&mut self, at: usize, message: impl Into<String>, advice: &str) {
        self.failed = true;
        self.findings.syntax(Place { source: self.source, at }, message, advice);
    }
}

/// A message of a parser as a fragment: it begins in lower case and ends without a full stop.
fn fragment(message: &str) -> String {
    let mut chars = message.trim().trim_end_matches('.').chars();
    chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(path: &str, text: &str) -> Result<serde_json::Value, String> {
        let source = Source::new(path, text);
        let mut findings = Findings::default();
        let node = parse(&source, &mut findings);
        findings.finish().map_err(|error| error.to_string())?;
        Ok(node.expect("a tree when nothing is wrong").to_json())
    }

    #[test]
    fn both_syntaxes_give_the_same_tree() {
        let jsonc = "// c\n{ \"a\": [1, -2.5, true], /* d */ \"b\": {\"c\": \"x\"}, }";
        let toml = "a = [1, -2.5, true] # c\n[b]\nc = \"x\"\n";
        assert_eq!(json_of("a.jsonc", jsonc).unwrap(), json_of("a.toml", toml).unwrap());
        assert_eq!(json_of("a.toml", "a = 0x1_F").unwrap(), serde_json::json!({"a": 31}));
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let cases = [
            ("a.json", "{\n  \"a\": }", "a.json:2:8: "),
            ("a.json", "{'a': 1}", "a.json:1:2: "),
            ("a.json", "{\"a\": 1e999}", "a.json:1:7: "),
            ("a.json", "", "a.json:1:1: the file is empty"),
            ("a.json", "[]", "a.json:1:1: a wrangler file must be a table, it is a list"),
            ("a.toml", "a = 1\nb = \n", "a.toml:2:"),
            ("a.toml", "a = 1\na = 2\n", "a.toml:2:1: "),
            ("a.toml", "a = [inf]", "a.toml:1:6: a number must be finite"),
            ("a.toml", "a = 2024-01-01", "a.toml:1:5: a date is no value here"),
        ];
        for (path, text, expected) in cases {
            let error = json_of(path, text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn the_nesting_is_bounded() {
        // The outermost table counts too.
        for (depth, good) in [(NESTING_MAX - 1, true), (NESTING_MAX, false), (100_000, false)] {
            let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(json_of("a.json", &format!("{{\"a\": {value}}}")).is_ok(), good, "{depth}");
            assert_eq!(json_of("a.toml", &format!("a = {value}")).is_ok(), good, "{depth}");
        }
        let dotted = format!("{}a = 1", "a.".repeat(10_000));
        assert!(json_of("a.toml", &dotted).is_err());
    }

    #[test]
    fn the_length_of_lists_and_tables_is_bounded() {
        for (len, good) in [(ENTRIES_MAX, true), (ENTRIES_MAX + 1, false)] {
            let list = format!("[{}]", vec!["0"; len].join(","));
            assert_eq!(json_of("a.json", &format!("{{\"a\": {list}}}")).is_ok(), good, "{len}");
            assert_eq!(json_of("a.toml", &format!("a = {list}")).is_ok(), good, "{len}");
            let table: Vec<String> = (0..len).map(|n| format!("\"k{n}\": 0")).collect();
            assert_eq!(json_of("a.json", &format!("{{{}}}", table.join(","))).is_ok(), good, "{len}");
            let table: String = (0..len).map(|n| format!("k{n} = 0\n")).collect();
            assert_eq!(json_of("a.toml", &table).is_ok(), good, "{len}");
        }
        let error = json_of("a.json", &format!("{{\"a\":\n [{}]}}", vec!["0"; ENTRIES_MAX + 1].join(","))).unwrap_err();
        assert!(error.starts_with("a.json:2:2: a list or table has 4097 entries, more than 4096; "), "{error}");
    }
}
