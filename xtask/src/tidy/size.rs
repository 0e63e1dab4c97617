//! How long modules and functions are.

use super::source::{Source, body_or_end, end_of_group};
use super::{Finding, Level};

/// The lengths, in lines, that are asked for.
pub(crate) struct Limits {
    /// A module longer than this is reported and passes. Test code is not counted.
    pub(crate) module_len_warn: usize,
    /// A module longer than this fails. Test code is not counted.
    pub(crate) module_len_max: usize,
    /// A function longer than this fails, in test code too.
    pub(crate) function_len_max: usize,
}

/// A function that is over the limit and is known to be.
pub(crate) struct LongFunction {
    /// Its file.
    pub(crate) path: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// Its length, beyond which it may not grow.
    pub(crate) len: usize,
}

/// A module that is longer than it should be.
pub(crate) fn module(source: &Source, limits: &Limits) -> Vec<Finding> {
    let len = source.len_without_tests();
    let (level, limit) = if len > limits.module_len_max {
        (Level::Error, limits.module_len_max)
    } else if len > limits.module_len_warn {
        (Level::Warning, limits.module_len_warn)
    } else {
        return Vec::new();
    };
    let message = format!("the module has {len} lines without its tests, more than {limit}; look for a wall inside it");
    vec![Finding { level, ..Finding::error(&source.path, 1, message) }]
}

/// Functions over the limit that `ratchet` does not know, or that have outgrown their entry.
pub(crate) fn functions(source: &Source, limits: &Limits, ratchet: &[LongFunction]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Function { name, line, len } in functions_of(source) {
        let known = ratchet.iter().find(|long| long.path == source.path && long.name == name);
        let limit = known.map_or(limits.function_len_max, |long| long.len);
        if len > limit {
            let message = format!("`{name}` has {len} lines, more than {limit}; move a part of it into a function");
            findings.push(Finding::error(&source.path, line, message));
        }
    }
    findings
}

/// Entries of `ratchet` whose function has become shorter, or is gone.
pub(crate) fn idle_ratchet(sources: &[Source], limits: &Limits, ratchet: &[LongFunction]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for LongFunction { path, name, len } in ratchet {
        let source = sources.iter().find(|source| source.path == *path);
        let functions = source.map(functions_of).unwrap_or_default();
        let now = functions.iter().filter(|function| function.name == *name).map(|function| function.len).max();
        let advice = match now {
            Some(now) if now == *len && now > limits.function_len_max => continue,
            Some(now) if now > *len => continue, // `functions` reports it.
            Some(now) if now > limits.function_len_max => format!("it has {now} lines; lower its entry"),
            _ => "it is not over the limit; remove its entry".to_owned(),
        };
        findings.push(Finding::error(path, 1, format!("`{name}` stands in `RATCHET` in tidy.rs, but {advice}")));
    }
    findings
}

struct Function {
    name: String,
    line: usize,
    len: usize,
}

/// Every function with a body, nested ones too, from the line of `fn` to the line of the closing brace.
fn functions_of(source: &Source) -> Vec<Function> {
    let mut functions = Vec::new();
    for at in source.find("fn") {
        let name: String =
            source.code[at + 2..].trim_start().chars().take_while(|c| super::source::is_word(*c)).collect();
        let Some(open) = body_or_end(&source.code, at) else { continue };
        // `fn(u8)` is a type, and a function that ends in `;` has no body.
        if name.is_empty() || !source.code[open..].starts_with('{') {
            continue;
        }
        let line = source.line(at);
        let len = source.line(end_of_group(&source.code, open) - 1) - line + 1;
        functions.push(Function { name, line, len });
    }
    functions
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/a/src/lib.rs";
    const LIMITS: Limits = Limits { module_len_warn: 5, module_len_max: 8, function_len_max: 3 };

    fn source(text: &str) -> Source {
        Source::new(PATH, text)
    }

    #[test]
    fn long_modules_are_found() {
        let cases = [(5, None), (6, Some(Level::Warning)), (8, Some(Level::Warning)), (9, Some(Level::Error))];
        for (len, expected) in cases {
            let text = "const A: u8 = 1;\n".repeat(len) + "#[cfg(test)]\nmod tests {\n\n\n\n\n\n\n\n\n}\n";
            let found = module(&source(&text), &LIMITS);
            assert_eq!(found.first().map(|finding| finding.level), expected, "{len} lines");
        }
    }

    #[test]
    fn long_functions_are_found() {
        let text =
            "fn short() {\n    1\n}\n\npub fn long(\n    a: u8,\n) -> u8 {\n    a\n}\nfn none();\ntype F = fn(u8);\n";
        let found = functions(&source(text), &LIMITS, &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "crates/a/src/lib.rs:5: `long` has 5 lines, more than 3; move a part of it into a function"
        );
    }

    #[test]
    fn the_ratchet_lets_nothing_grow_and_nothing_stay() {
        let text = "fn long() {\n    1;\n    2;\n    3\n}\n";
        // The length in the entry, findings about the function, findings about the entry.
        for (len, grown, idle) in [(4, 1, 0), (5, 0, 0), (6, 0, 1)] {
            let ratchet = [LongFunction { path: PATH, name: "long", len }];
            assert_eq!(functions(&source(text), &LIMITS, &ratchet).len(), grown, "{len}");
            assert_eq!(idle_ratchet(&[source(text)], &LIMITS, &ratchet).len(), idle, "{len}");
        }
        let gone = [LongFunction { path: PATH, name: "gone", len: 9 }];
        assert_eq!(idle_ratchet(&[source(text)], &LIMITS, &gone).len(), 1);
    }
}
