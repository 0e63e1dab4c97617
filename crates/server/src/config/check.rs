//! A tree against the table of keys: unknown keys, refused keys, and values of the wrong type.
//!
//! Every environment is checked for form, the chosen one for support as well: a Worker that runs without
//! `env.production` is not stopped by what only production needs. What passes here can be read without asking for
//! types again.

use std::collections::HashSet;

use super::keys::{Key, Scope, Shape, Support, UNSERVED, keys_in};
use super::limits::NAME_LEN_MAX;
use super::problem::{Findings, Place, shown};
use super::source::Source;
use super::tree::{Entry, Node, Value};
use super::view::View;

/// Checks a whole file; what is wrong goes into `findings`.
pub(crate) fn check(source: &Source, view: &View<'_>, findings: &mut Findings) {
    let mut checker = Checker { source, findings, noted: HashSet::new() };
    checker.table(view.top, At { pattern: "", path: "", in_environment: false }, &|key| view.top_is_in_effect(key));
    for entry in view.top.get("env").map(Node::entries).unwrap_or_default() {
        checker.name(&entry.key, entry.at, &path_of("env", &entry.key));
        if !matches!(entry.node.value, Value::Table(_)) {
            continue;
        }
        let chosen = view.environment.is_some_and(|(name, _)| name == entry.key);
        let path = path_of("env", &entry.key);
        checker.table(&entry.node, At { pattern: "", path: &path, in_environment: true }, &|_| chosen);
    }
    if let Some((name, environment)) = view.environment {
        checker.not_inherited(view.top, name, environment);
    }
}

/// `key` under `path` as messages show it.
pub(crate) fn path_of(path: &str, key: &str) -> String {
    let key = shown(key);
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// Where in the table of keys, and where in the file, a table is.
struct At<'a> {
    pattern: &'a str,
    path: &'a str,
    in_environment: bool,
}

struct Checker<'a> {
    source: &'a Source,
    findings: &'a mut Findings,
    /// Harmless keys that have been mentioned.
    noted: HashSet<&'static str>,
}

impl Checker<'_> {
    fn table(&mut self, table: &Node, at: At<'_>, in_effect: &dyn Fn(&Key) -> bool) {
        let mut seen = HashSet::new();
        for entry in table.entries() {
            let path = path_of(at.path, &entry.key);
            if !seen.insert(entry.key.as_str()) {
                self.problem(entry.at, &path, "stands here a second time", "keep one of them");
                continue;
            }
            match keys_in(at.pattern).find(|key| key.split().1 == entry.key) {
                None => self.unknown(entry, &at, &path),
                Some(key) if at.in_environment && key.scope == Scope::TopLevel => {
                    self.problem(entry.at, &path, "may only stand at the top level", "move it out of the environment");
                }
                Some(key) => self.entry(key, entry, &path, in_effect(key)),
            }
        }
        for key in keys_in(at.pattern).filter(|key| key.required) {
            let (_, name) = key.split();
            if !seen.contains(name) {
                self.problem(table.at, &path_of(at.path, name), "is missing", "add it");
            }
        }
    }

    fn entry(&mut self, key: &'static Key, entry: &Entry, path: &str, in_effect: bool) {
        match key.support {
            Support::Supported => {
                let wants = entry.node.bool() != Some(false);
                if in_effect && wants && UNSERVED.contains(&key.path) {
                    self.findings.unserved(Place { source: self.source, at: entry.at }, path);
                }
                self.value(key, &entry.node, path, in_effect);
            }
            Support::Harmless if in_effect && self.noted.insert(key.path) => {
                self.findings.notice(Place { source: self.source, at: entry.at }, path, "changes nothing here");
            }
            Support::NotYet if in_effect => {
                let advice = "take it out, or run this Worker on Cloudflare; docs/wrangler.md lists what is supported";
                self.problem(entry.at, path, "is not supported yet by Dormouse", advice);
            }
            Support::Harmless | Support::NotYet => {}
        }
    }

    fn unknown(&mut self, entry: &Entry, at: &At<'_>, path: &str) {
        let usable =
            |key: &&Key| key.support != Support::NotYet && !(at.in_environment && key.scope == Scope::TopLevel);
        let names: Vec<&str> = keys_in(at.pattern).filter(usable).map(|key| key.split().1).collect();
        // Thousands of keys are not worth the comparisons when nobody reads the advice.
        let nearest = if self.findings.is_full() { None } else { nearest(&entry.key, &names) };
        let advice = match nearest {
            Some(name) => format!("did you mean `{name}`?"),
            // Sixty keys are no help; a few are.
            None if at.pattern.is_empty() => "take it out; docs/wrangler.md lists the keys that there are".to_owned(),
            None => format!("take it out; the keys here are {}", names.join(", ")),
        };
        self.problem(entry.at, path, "is not a known key", advice);
    }

    /// Says which keys of the top level the environment does without: wrangler warns of them too, since it is rarely
    /// meant.
    fn not_inherited(&mut self, top: &Node, name: &str, environment: &Node) {
        let lost = |key: &&Key| key.scope == Scope::Own && key.support == Support::Supported;
        for key in keys_in("").filter(lost).filter(|key| environment.get(key.path).is_none()) {
            if let Some(entry) = top.entries().iter().find(|entry| entry.key == key.path) {
                let message =
                    format!("is not inherited by `{}`; repeat it there when it is needed", path_of("env", name));
                self.findings.notice(Place { source: self.source, at: entry.at }, key.path, message);
            }
        }
    }

    fn value(&mut self, key: &'static Key, node: &Node, path: &str, in_effect: bool) {
        match (key.shape, &node.value) {
            (Shape::Table, Value::Table(_)) => {
                let at = At { pattern: key.path, path, in_environment: false };
                self.table(node, at, &|_| in_effect);
            }
            (Shape::Rows, Value::List(list)) => {
                let pattern = format!("{}[]", key.path);
                for (index, node) in list.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    if matches!(node.value, Value::Table(_)) {
                        let at = At { pattern: &pattern, path: &path, in_environment: false };
                        self.table(node, at, &|_| in_effect);
                    } else {
                        self.mistyped(node, &path, "a table");
                    }
                }
            }
            (Shape::Names, Value::List(list)) => self.each(list, path, Shape::Name),
            (Shape::Texts | Shape::TextOrTexts | Shape::BoolOrTexts, Value::List(list)) => {
                self.each(list, path, Shape::Text);
            }
            (Shape::TextMap, Value::Table(entries)) => self.map(entries, path, Shape::Text),
            (Shape::Vars, Value::Table(entries)) => {
                self.map(entries, path, Shape::Any);
                for entry in entries {
                    self.name(&entry.key, entry.at, &path_of(path, &entry.key));
                }
            }
            (Shape::Map, Value::Table(entries)) => self.map(entries, path, Shape::Any),
            (Shape::Environments, Value::Table(entries)) => self.map(entries, path, Shape::Map),
            (Shape::TextOrTexts, Value::Text(_)) | (Shape::BoolOrTexts, Value::Bool(_)) => {}
            (shape, _) => self.leaf(shape, node, path),
        }
    }

    fn leaf(&mut self, shape: Shape, node: &Node, path: &str) {
        match (shape, &node.value) {
            (Shape::Any, _)
            | (Shape::Text, Value::Text(_))
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Map, Value::Table(_)) => {}
            (Shape::Name, Value::Text(name)) => self.name(name, node.at, path),
            (Shape::WorkerName, Value::Text(name)) if is_worker_name(name) => self.name(name, node.at, path),
            (Shape::WorkerName, Value::Text(_)) => {
                let message = "must be made of lower-case letters, digits, `_` and `-`, and not begin with `-`";
                self.problem(node.at, path, message, "write it as `my-worker`");
            }
            (Shape::Date, Value::Text(date)) if is_date(date) => {}
            (Shape::Date, Value::Text(_)) => {
                self.problem(node.at, path, "must be a day of the calendar", "write it as `2026-11-24`");
            }
            (Shape::Count, Value::Number(number)) if number.is_u64() => {}
            (Shape::Choice(choices), Value::Text(text)) if choices.contains(&text.as_str()) => {}
            (Shape::Choice(choices), Value::Text(text)) => {
                let message = format!("cannot be `{}`", shown(text));
                let advice = match nearest(text, choices) {
                    Some(choice) => format!("did you mean `{choice}`?"),
                    None => format!("write one of {}", choices.join(", ")),
                };
                self.problem(node.at, path, message, advice);
            }
            (shape, _) => self.mistyped(node, path, expected(shape)),
        }
    }

    fn each(&mut self, list: &[Node], path: &str, shape: Shape) {
        for (index, node) in list.iter().enumerate() {
            self.leaf(shape, node, &format!("{path}[{index}]"));
        }
    }

    fn map(&mut self, entries: &[Entry], path: &str, shape: Shape) {
        let mut seen = HashSet::new();
        for entry in entries {
            let path = path_of(path, &entry.key);
            if !seen.insert(entry.key.as_str()) {
                self.problem(entry.at, &path, "stands here a second time", "keep one of them");
            }
            self.leaf(shape, &entry.node, &path);
        }
    }

    fn name(&mut self, name: &str, at: usize, path: &str) {
        if name.is_empty() {
            self.problem(at, path, "is an empty name", "write a name");
        } else if name.len() > NAME_LEN_MAX {
            let message = format!("is a name of {} bytes, more than {NAME_LEN_MAX}", name.len());
            self.problem(at, path, message, "write a shorter one");
        }
    }

    fn mistyped(&mut self, node: &Node, path: &str, expected: &str) {
        let kind = match &node.value {
            Value::Number(_) if expected.contains("number") => "another number",
            _ => node.kind(),
        };
        let advice = match (expected, &node.value) {
            ("a string", Value::Number(_) | Value::Bool(_)) => "put it in quotes".to_owned(),
            ("a boolean", Value::Text(_)) => "write true or false without quotes".to_owned(),
            ("a list of strings", Value::Text(_)) => "put it between `[` and `]`".to_owned(),
            (_, Value::Null) => "take it out, or give it a value".to_owned(),
            _ => format!("write {expected}"),
        };
        self.problem(node.at, path, format!("must be {expected}, it is {kind}"), advice);
    }

    fn problem(&mut self, at: usize, path: &str, message: impl Into<String>, advice: impl Into<String>) {
        self.findings.problem(Place { source: self.source, at }, path, message, advice);
    }
}

fn expected(shape: Shape) -> &'static str {
    match shape {
        Shape::Name | Shape::WorkerName | Shape::Text | Shape::Date | Shape::Choice(_) => "a string",
        Shape::Bool => "a boolean",
        Shape::Count => "a whole number from 0",
        Shape::Names | Shape::Texts => "a list of strings",
        Shape::TextOrTexts => "a string or a list of strings",
        Shape::BoolOrTexts => "a boolean or a list of strings",
        Shape::Rows => "a list of tables",
        Shape::Table | Shape::TextMap | Shape::Map | Shape::Vars | Shape::Environments => "a table",
        Shape::Any => "a value",
    }
}

/// The candidate that is most like `name`, when it is like enough to be meant. A long name is compared to nothing:
/// it is none of ours.
pub(crate) fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    const LIKENESS_MIN: f64 = 0.75;
    if name.len() > NAME_LEN_MAX {
        return None;
    }
    let likeness = |candidate: &&'a str| {
        let name = name.to_ascii_lowercase().replace('-', "_");
        strsim::normalized_damerau_levenshtein(&name, &candidate.to_ascii_lowercase().replace('-', "_"))
    };
    let scored = candidates.iter().map(|candidate| (likeness(candidate), *candidate));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness >= LIKENESS_MIN).map(|(_, candidate)| candidate)
}

/// Whether a Worker may have this name, by `isValidName` in wrangler's config/validation-helpers.ts.
fn is_worker_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    !name.starts_with('-') && name.chars().all(allowed)
}

/// Whether `date` is a day of the Gregorian calendar as `YYYY-MM-DD`.
fn is_date(date: &str) -> bool {
    let bytes = date.as_bytes();
    let digits = |range: std::ops::Range<usize>| bytes[range].iter().all(u8::is_ascii_digit);
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' || !digits(0..4) || !digits(5..7) || !digits(8..10) {
        return false;
    }
    let number = |range: std::ops::Range<usize>| bytes[range].iter().fold(0, |n, byte| n * 10 + u32::from(byte - b'0'));
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}
