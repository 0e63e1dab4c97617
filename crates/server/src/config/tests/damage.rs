//! Damaged files: whatever is in them, there is an answer, and every problem has its place.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{JSONC, TOML, project};
use crate::config::dev_vars;
use crate::config::problem::{Error, Findings};
use crate::config::source::Source;

const VARS: &str = "A=1\nexport B = two words # c\nC='x # y'\nD=\"l1\\n\nl2\"\nE: `\"`\nF='it's'\r\n";

/// What is put into a file, by itself or in place of something: the characters and words that mean something in it.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "[[",
    "]]",
    "\"",
    "'",
    "`",
    "\"\"\"",
    ",",
    ":",
    "=",
    ".",
    "#",
    "//",
    "/*",
    "*/",
    "\\",
    "\\u12",
    "\\ud800",
    "\n",
    "\r",
    "\0",
    "\u{feff}",
    "é",
    "💥",
    "-",
    "0x",
    "1e999",
    "99999999999999999999",
    "nan",
    "2024-01-01",
    "null",
    "true",
    "1",
    "\"main\": 1,",
    "\"env\": {},",
    "\"zzz\": 0,",
    "env.x = 1\n",
    "[env.staging]\n",
    "export ",
];

#[derive(Clone, Debug)]
enum Damage {
    Remove(Index, Index),
    Insert(Index, &'static str),
    Replace(Index, &'static str),
    Repeat(Index, Index, Index),
    Truncate(Index),
}

impl Damage {
    fn apply(&self, text: &mut Vec<char>) {
        let span = |a: &Index, b: &Index| {
            let (a, b) = (a.index(text.len() + 1), b.index(text.len() + 1));
            a.min(b)..a.max(b).min(a.min(b) + 40)
        };
        match self {
            Self::Remove(a, b) => drop(text.drain(span(a, b))),
            Self::Insert(at, token) => {
                let at = at.index(text.len() + 1);
                text.splice(at..at, token.chars());
            }
            Self::Replace(at, token) => {
                let at = at.index(text.len() + 1);
                text.splice(at..(at + 1).min(text.len()), token.chars());
            }
            Self::Repeat(a, b, to) => {
                let part: Vec<char> = text[span(a, b)].to_vec();
                let to = to.index(text.len() + 1);
                text.splice(to..to, part);
            }
            Self::Truncate(at) => text.truncate(at.index(text.len() + 1)),
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        3 => (index(), index()).prop_map(|(a, b)| Damage::Remove(a, b)),
        4 => (index(), select(TOKENS)).prop_map(|(at, token)| Damage::Insert(at, token)),
        4 => (index(), select(TOKENS)).prop_map(|(at, token)| Damage::Replace(at, token)),
        3 => (index(), index(), index()).prop_map(|(a, b, to)| Damage::Repeat(a, b, to)),
        1 => index().prop_map(Damage::Truncate),
    ]
}

fn damaged(text: &str, damages: &[Damage]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for damage in damages {
        damage.apply(&mut text);
    }
    text.into_iter().collect()
}

/// Every problem says what, what to do, and where, and that place is in the text.
fn check_places(error: &Error, text: &str) -> Result<(), TestCaseError> {
    prop_assert!(!error.problems().is_empty());
    let lines: Vec<usize> =
        text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').map(|l| l.chars().count()).collect();
    for problem in error.problems() {
        prop_assert!(!problem.message.is_empty() && !problem.advice.is_empty(), "{}", problem);
        prop_assert!(!problem.to_string().contains(['\n', '\r']), "{}", problem);
        let Some(position) = problem.position else { return Err(TestCaseError::fail(problem.to_string())) };
        let len = lines.get(position.line.wrapping_sub(1)).copied();
        prop_assert!(position.column >= 1 && len.is_some_and(|len| position.column <= len + 1), "{}", problem);
    }
    Ok(())
}

proptest! {
    // A regression gets a test of its own, with its text.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn damaged_wrangler_files_are_read_or_refused_with_a_place(
        damages in vec(damage(), 1..5), toml: bool, environment in select(&[None, Some("staging"), Some("x")][..]),
    ) {
        let (name, text) = if toml { ("w.toml", TOML) } else { ("w.jsonc", JSONC) };
        let text = damaged(text, &damages);
        if let Err(error) = project(name, &text, environment) {
            check_places(&error, &text)?;
        }
    }

    #[test]
    fn damaged_secrets_are_read_or_refused_with_a_place(damages in vec(damage(), 1..5)) {
        let text = damaged(VARS, &damages);
        let source = Source::new(".dev.vars", &text);
        let mut findings = Findings::default();
        dev_vars::parse(&source, &mut findings);
        if let Err(error) = findings.finish() {
            check_places(&error, &text)?;
        }
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_place(tokens in vec(select(TOKENS), 0..30), toml: bool) {
        let text = tokens.concat();
        let name = if toml { "w.toml" } else { "w.json" };
        if let Err(error) = project(name, &text, None) {
            check_places(&error, &text)?;
        }
    }
}

#[test]
fn the_worst_files_are_answered_like_others() {
    // The worst that fits in a file: unknown keys that are all compared to the known ones, and quotes without an end.
    let keys: Vec<String> = (0..4_000).map(|n| format!("\"compatibility_flagz{n}\": 0")).collect();
    let error = project("w.json", &format!("{{{}}}", keys.join(",")), None).unwrap_err();
    assert!(error.unreported() > 3_900);
    let quotes = format!("A='{}", "\\'".repeat(300_000));
    let mut findings = Findings::default();
    dev_vars::parse(&Source::new(".dev.vars", &quotes), &mut findings);
}
