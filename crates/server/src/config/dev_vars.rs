//! `.dev.vars`: the secrets of a project on this machine.
//!
//! The grammar is that of the npm package `dotenv`, which wrangler reads the file with: `NAME=value`, `export` before
//! it, values without quotes up to a `#`, or in `'`, `"` or `` ` `` over several lines; `\n` and `\r` mean line breaks
//! in `"` only, and a backslash before a quote stays. It is read here and not by a crate because `dotenvy` has another
//! grammar: it refuses a value with a blank outside quotes, and fills `$NAME` from the environment of the process. A
//! line that `dotenv` would skip in silence, or would give its quotes as part of the value, is a problem here. No
//! message repeats a value.

use std::collections::BTreeMap;

use super::limits::{ENTRIES_MAX, NAME_LEN_MAX};
use super::problem::{Findings, Place, shown};
use super::source::Source;

/// The variables of a file. The last of two with one name counts.
pub(crate) fn parse(source: &Source, findings: &mut Findings) -> BTreeMap<String, String> {
    let text = source.text();
    let mut vars = BTreeMap::new();
    let mut next = 0;
    while next < text.len() {
        let start = next;
        let end = line_end(text, start);
        next = end + 1;
        let line = &text[start..end];
        let bare = line.trim_start();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        let place = Place { source, at: end - bare.len() };
        let Some((name, value)) = assignment(bare) else {
            findings.syntax(place, "a line must have the form NAME=value", "put a `#` before a comment");
            continue;
        };
        if name.len() > NAME_LEN_MAX {
            let message = format!("is a name of {} bytes, more than {NAME_LEN_MAX}", name.len());
            findings.problem(place, &shown(name), message, "write a shorter one");
        }
        match value_at(text, end - value.len()) {
            Ok((value, behind)) => {
                vars.insert(name.to_owned(), value);
                next = behind;
            }
            Err(message) => {
                findings.problem(place, &shown(name), message, "put quotes around the whole value, and none after it");
            }
        }
        if vars.len() > ENTRIES_MAX {
            findings.syntax(place, format!("there are more than {ENTRIES_MAX} variables"), "take some out");
            break;
        }
    }
    vars
}

/// Where the line ends that `at` is in.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find(['\n', '\r']).map_or(text.len(), |len| at + len)
}

/// The name that a line begins with, and the rest behind `=` or `:`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let exported = line.strip_prefix("export").filter(|rest| rest.starts_with(char::is_whitespace));
    // Without a name behind it, `export` is one.
    exported.and_then(|rest| unexported(rest.trim_start())).or_else(|| unexported(line))
}

fn unexported(line: &str) -> Option<(&str, &str)> {
    let len = line.find(|c: char| !(c.is_ascii_alphanumeric() || "_.-".contains(c))).unwrap_or(line.len());
    let (name, rest) = line.split_at(len);
    // A colon stands right behind the name, with a blank behind it.
    let colon = || rest.strip_prefix(':').filter(|value| value.starts_with(char::is_whitespace));
    let value = rest.trim_start().strip_prefix('=').or_else(colon)?;
    (!name.is_empty()).then_some((name, value))
}

/// The value that stands at `at`, and where the line behind it begins.
fn value_at(text: &str, at: usize) -> Result<(String, usize), &'static str> {
    let end = line_end(text, at);
    let line = text[at..end].trim_start();
    let plain = line.split('#').next().unwrap_or_default().trim_end();
    let Some(quote) = line.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) else {
        return Ok((plain.to_owned(), end + 1));
    };
    let open = end - line.len() + 1;
    if let Some(len) = closing(&text[open..], quote) {
        let close = open + len;
        return Ok((unquoted(&text[open..close], quote), line_end(text, close) + 1));
    }
    // A line such as 'it's fine' has no closing quote by the rule, and `dotenv` takes it by its ends.
    match plain.strip_prefix(quote).and_then(|plain| plain.strip_suffix(quote)) {
        Some(inner) => Ok((unquoted(inner, quote), end + 1)),
        None if text[open..].contains(quote) => Err("has something behind its closing quote"),
        None => Err("has no closing quote"),
    }
}

/// Where the closing quote is: the first without a backslash before it, or one with a backslash when that is the last
/// with nothing but a comment behind it, as in 'C:\'.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut candidates = Vec::new();
    for (at, _) in text.match_indices(quote) {
        candidates.push(at);
        if !text[..at].ends_with('\\') {
            break;
        }
    }
    candidates.into_iter().rev().find(|at| {
        let rest = text[at + 1..].trim_start_matches(|c: char| c.is_whitespace() && c != '\n' && c != '\r');
        rest.is_empty() || rest.starts_with(['#', '\n', '\r'])
    })
}

/// What is between two quotes, with line breaks as `\n`.
fn unquoted(inner: &str, quote: char) -> String {
    let inner = inner.replace("\r\n", "\n").replace('\r', "\n");
    if quote == '"' { inner.replace("\\n", "\n").replace("\\r", "\r") } else { inner }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let source = Source::new(".dev.vars", text);
        let mut findings = Findings::default();
        let vars = parse(&source, &mut findings);
        findings.finish().map_err(|error| error.to_string())?;
        Ok(vars.into_iter().collect())
    }

    #[test]
    fn values_are_those_of_dotenv() {
        let cases = [
            ("A=1", "1"),
            ("  export A = two words  # c\r\n", "two words"),
            ("A=", ""),
            ("A: x", "x"),
            ("A='x # y' # c", "x # y"),
            ("A=\"l1\\nl2\"", "l1\nl2"),
            ("A='l1\\nl2'", "l1\\nl2"),
            ("A=\"-----BEGIN\nkey\n-----END\"\n# c", "-----BEGIN\nkey\n-----END"),
            ("A=`say \"it's\"`", "say \"it's\""),
            ("A={\"b\": \"c d\"}", "{\"b\": \"c d\"}"),
            ("A=$HOME", "$HOME"),
            ("A=1\nA=2", "2"),
            ("A=a#b", "a"),
            ("A = x", "x"),
            ("A==x", "=x"),
            ("A:\tx", "x"),
            ("\texport\tA=x\r", "x"),
            ("A='it's fine' # c", "it's fine"),
            ("A=\"say \"hi\\n\"\"", "say \"hi\n\""),
            ("A=\"a\\\"b\"", "a\\\"b"),
            ("A='C:\\' # c", "C:\\"),
            ("A='C:\\'\n#'", "C:\\'\n#"),
            ("A=x 'y'", "x 'y'"),
            ("A=''", ""),
            ("A=\"l1\r\nl2\rl3\\r\"", "l1\nl2\nl3\r"),
            ("A='x'#c", "x"),
            ("A=é", "é"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).unwrap(), [("A".to_owned(), expected.to_owned())], "{text}");
        }
        assert_eq!(read("# only\n\n").unwrap(), []);
        let names = read("a.b-c_1=1\nexport = 2\nexport: 3\n").unwrap();
        assert_eq!(names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a.b-c_1", "export"]);
        let lines = read("A='1'\r\nB=2\rC=3\n").unwrap();
        assert_eq!(lines.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
    }

    #[test]
    fn bad_lines_are_reported_without_their_values() {
        let error = read("A=1\n hunter2\nB=\"hunter2\nC='x' hunter2\n").unwrap_err();
        assert!(error.contains(".dev.vars:2:2: a line must have the form NAME=value"), "{error}");
        assert!(error.contains(".dev.vars:3:1: `B` has no closing quote"), "{error}");
        assert!(error.contains(".dev.vars:4:1: `C` has something behind its closing quote"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn names_and_their_number_are_bounded() {
        for (len, good) in [(NAME_LEN_MAX, true), (NAME_LEN_MAX + 1, false)] {
            assert_eq!(read(&format!("{}=1", "A".repeat(len))).is_ok(), good, "{len}");
        }
        for (count, good) in [(ENTRIES_MAX, true), (ENTRIES_MAX + 1, false)] {
            let text: String = (0..count).map(|n| format!("A{n}=1\n")).collect();
            assert_eq!(read(&text).is_ok(), good, "{count}");
        }
    }
}
