//! A Rust file prepared for searching: its code without comments and literals, and which of it is test code.
//!
//! Invariant: `code` has the same length and the same line breaks as `text`, so an offset in one is an offset in the
//! other. This is not a parser: it knows comments, literals and matching braces, which is all that the checks ask.

use std::ops::Range;

/// One Rust file.
pub(crate) struct Source {
    /// Relative to the root of the repository, with `/` between its parts.
    pub(crate) path: String,
    /// The file as it is.
    pub(crate) text: String,
    /// The file with blanks in place of comments and of what literals contain.
    pub(crate) code: String,
    /// The parts that only a test build compiles, in order, as offsets.
    tests: Vec<Range<usize>>,
    /// The offset at which each line begins.
    lines: Vec<usize>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = mask(text);
        let whole = || std::iter::once(0..text.len()).collect();
        let tests = if is_test_file(path) { whole() } else { test_items(&code) };
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { path: path.to_owned(), text: text.to_owned(), code, tests, lines }
    }

    /// The line, counted from 1, of an offset.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// Whether only a test build compiles what is at `at`.
    pub(crate) fn is_test(&self, at: usize) -> bool {
        self.tests.iter().any(|test| test.contains(&at))
    }

    /// How many lines there are outside test code.
    pub(crate) fn len_without_tests(&self) -> usize {
        self.lines.iter().filter(|at| **at < self.text.len() && !self.is_test(**at)).count()
    }

    /// Where `needle` stands in the code as a whole word.
    pub(crate) fn find(&self, needle: &str) -> impl Iterator<Item = usize> {
        let starts_word = needle.starts_with(is_word);
        let ends_word = needle.ends_with(is_word);
        self.code.match_indices(needle).map(|(at, _)| at).filter(move |at| {
            let before = self.code[..*at].ends_with(is_word);
            let after = self.code[at + needle.len()..].starts_with(is_word);
            !(starts_word && before || ends_word && after)
        })
    }
}

/// Whether `c` can be part of an identifier.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The offset just past the bracket that closes the one at `open`, or the end of the code.
pub(crate) fn end_of_group(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// From `start`, the first `{` or `;` that is in no bracket: the body of an item, or its end when it has none.
pub(crate) fn body_or_end(code: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'{' | b';' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

fn is_test_file(path: &str) -> bool {
    let in_tests = path.split('/').any(|part| matches!(part, "tests" | "benches"));
    in_tests || path.ends_with("/tests.rs")
}

/// The items under `#[cfg(test)]` and `#[test]`, attributes included.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items: Vec<Range<usize>> = Vec::new();
    for (start, _) in code.match_indices("#[") {
        if items.last().is_some_and(|item| item.contains(&start)) {
            continue;
        }
        let end_of_attribute = end_of_group(code, start + 1);
        if !is_test_attribute(&code[start + 2..end_of_attribute - 1]) {
            continue;
        }
        let end = match body_or_end(code, end_of_attribute) {
            Some(at) if code[at..].starts_with('{') => end_of_group(code, at),
            Some(at) => at + 1,
            None => code.len(),
        };
        items.push(start..end);
    }
    items
}

/// Whether an attribute, such as `test`, `tokio::test(..)` or `cfg(test)`, marks what follows as test code.
fn is_test_attribute(attribute: &str) -> bool {
    let end_of_path = attribute.find(|c| !is_word(c) && c != ':').unwrap_or(attribute.len());
    let (path, arguments) = attribute.split_at(end_of_path);
    match path {
        "cfg" => !arguments.contains("not(") && arguments.split(|c| !is_word(c)).any(|word| word == "test"),
        _ => path.rsplit("::").next() == Some("test"),
    }
}

/// Blanks comments and the contents of literals; line breaks stay.
fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let blank = match rest {
            [b'/', b'/', ..] => at..at + find(rest, b"\n").unwrap_or(rest.len()),
            [b'/', b'*', ..] => at..at + block_comment_len(rest),
            [b'"', ..] => at + 1..string_end(bytes, at),
            [b'\'', ..] => at + 1..at + char_len(rest),
            _ => at..at,
        };
        at = blank.end.max(at + 1);
        for byte in &mut code[blank] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(code).expect("characters are blanked whole, so what is left is UTF-8")
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

fn block_comment_len(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// The end, closing quote included, of the string whose opening quote is at `open`.
fn string_end(bytes: &[u8], open: usize) -> usize {
    let hashes = bytes[..open].iter().rev().take_while(|byte| **byte == b'#').count();
    let prefix = &bytes[..open - hashes];
    let body = &bytes[open + 1..];
    if is_raw_prefix(prefix) {
        let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
        return find(body, &close).map_or(bytes.len(), |len| open + 1 + len + close.len());
    }
    let mut at = 0;
    while at < body.len() {
        match body[at] {
            b'\\' => at += 2,
            b'"' => return open + 1 + at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Whether what stands before a quote ends in `r`, `br` or `cr` as a word of its own.
fn is_raw_prefix(prefix: &[u8]) -> bool {
    let Some(before) = prefix.strip_suffix(b"r") else { return false };
    let before = before.strip_suffix(b"b").or_else(|| before.strip_suffix(b"c")).unwrap_or(before);
    before.last().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
}

/// The length of a character literal from its opening quote; 1 for the quote of a lifetime.
fn char_len(bytes: &[u8]) -> usize {
    if let [_, b'\\', _, rest @ ..] = bytes {
        return find(rest, b"'").map_or(bytes.len(), |len| len + 4);
    }
    // One character of at most four bytes, then the closing quote.
    let close = bytes.iter().skip(2).take(4).position(|byte| *byte == b'\'').map(|at| at + 2);
    match close {
        Some(close) if std::str::from_utf8(&bytes[1..close]).is_ok_and(|inner| inner.chars().count() == 1) => close + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        // The opening delimiter of a literal stays; the closing one is blanked with the contents.
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("dbg!") g"#, r#"f("     ) g"#),
            (r#"f("a\"b") g"#, r#"f("     ) g"#),
            (r###"f(r#"a"b"#) g"###, r###"f(r#"     ) g"###),
            (r#"f(br"\", x) g"#, r#"f(br"  , x) g"#),
            (r"f('x', '\'', '\u{1f}', 'é') g", "f('  , '   , '       , '   ) g"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("\"no end", "\"      "),
        ];
        for (text, code) in cases {
            assert_eq!(mask(text), code, "{text}");
        }
    }

    #[test]
    fn test_code_is_recognised() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n#[tokio::test(x)]\nasync fn c() {}\nfn d() {}\n";
        let source = Source::new("crates/a/src/lib.rs", text);
        for (needle, expected) in [("a", false), ("b", true), ("c", true), ("d", false)] {
            let at = source.find(needle).next().unwrap();
            assert_eq!(source.is_test(at), expected, "{needle}");
        }
        assert_eq!(source.len_without_tests(), 2);
        let kept = Source::new("crates/a/src/lib.rs", "#[cfg(not(test))]\nfn a() {}\n#[contest]\nfn b() {}\n");
        assert_eq!(kept.len_without_tests(), 4);
        assert_eq!(Source::new("crates/a/tests/b.rs", "fn a() {}\n").len_without_tests(), 0);
    }

    #[test]
    fn words_are_found_whole() {
        let source = Source::new("a.rs", "xdbg!() dbg!()\nOnceLocks OnceLock");
        assert_eq!(source.find("dbg!").map(|at| source.line(at)).collect::<Vec<_>>(), [1]);
        assert_eq!(source.find("OnceLock").collect::<Vec<_>>(), [25]);
    }
}
