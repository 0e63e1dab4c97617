//! Text that may not stand in a Rust file, and the module comment that must.

use super::Finding;
use super::source::{Source, body_or_end, end_of_group};

/// Text that is forbidden, and what to write in its place.
pub(crate) struct Rule {
    /// The name by which an [`Exception`] refers to the rule.
    pub(crate) name: &'static str,
    /// What is looked for, as whole words, outside comments and literals.
    pub(crate) needles: &'static [&'static str],
    /// Where it is forbidden.
    pub(crate) scope: Scope,
    /// What to do.
    pub(crate) instead: &'static str,
}

/// Where a rule holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// In every file.
    Everywhere,
    /// Where a build without tests sees it.
    OutsideTests,
    /// In test code whose clock is not paused.
    TestsOnRealTime,
}

/// A file in which a rule does not hold.
pub(crate) struct Exception {
    /// The name of the rule.
    pub(crate) rule: &'static str,
    /// The one file.
    pub(crate) path: &'static str,
    /// Why it must be so.
    pub(crate) reason: &'static str,
}

/// What `rules` find in `source`.
pub(crate) fn forbidden(source: &Source, rules: &[Rule], exceptions: &[Exception]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in rules {
        if exceptions.iter().any(|exception| exception.rule == rule.name && exception.path == source.path) {
            continue;
        }
        for (needle, at) in hits(source, rule) {
            let message = format!("`{needle}` is forbidden here; {}", rule.instead);
            findings.push(Finding::error(&source.path, source.line(at), message));
        }
    }
    findings
}

/// Exceptions that nothing needs, and exceptions that give no reason.
pub(crate) fn idle_exceptions(sources: &[Source], rules: &[Rule], exceptions: &[Exception]) -> Vec<Finding> {
    let is_used = |exception: &Exception| {
        let rule = rules.iter().find(|rule| rule.name == exception.rule);
        let source = sources.iter().find(|source| source.path == exception.path);
        rule.zip(source).is_some_and(|(rule, source)| hits(source, rule).next().is_some())
    };
    let idle = exceptions.iter().filter(|exception| !is_used(exception) || exception.reason.is_empty());
    idle.map(|Exception { rule, path, .. }| {
        let message =
            format!("the exception from `{rule}` is not needed, or has no reason; mend `EXCEPTIONS` in tidy.rs");
        Finding::error(path, 1, message)
    })
    .collect()
}

fn hits(source: &Source, rule: &Rule) -> impl Iterator<Item = (&'static str, usize)> {
    let paused = source.code.contains("start_paused") || source.code.contains("time::pause");
    let scope = rule.scope;
    let found = rule.needles.iter().flat_map(|needle| source.find(needle).map(move |at| (*needle, at)));
    found.filter(move |(_, at)| match scope {
        Scope::Everywhere => true,
        Scope::OutsideTests => !source.is_test(*at),
        Scope::TestsOnRealTime => source.is_test(*at) && !paused,
    })
}

/// Lints switched off without a reason, and lints switched off where they could be expected.
pub(crate) fn silenced_lints(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for needle in ["[allow(", "[expect("] {
        for at in source.find(needle) {
            let attribute = &source.code[at..end_of_group(&source.code, at)];
            if !attribute.contains("reason") {
                let message = "a lint is switched off without a reason; write `#[expect(LINT, reason = \"...\")]`";
                findings.push(Finding::error(&source.path, source.line(at), message));
            }
        }
    }
    findings
}

/// State that outlives everything that could own it.
pub(crate) fn global_state(source: &Source) -> Vec<Finding> {
    const CELLS: [&str; 5] = ["Atomic", "Cell<", "Mutex<", "RwLock<", "Lock<"];
    // What is local to a thread has a rule of its own, with exceptions.
    let locals: Vec<_> = source.find("thread_local!").map(|at| at..body_end(source, at)).collect();
    let statics = source.find("static").filter(|at| {
        let declares = !source.code[..*at].ends_with('\'');
        let declaration = source.code[*at..].split(['=', ';', '{', ')']).next().unwrap_or_default();
        let is_local = locals.iter().any(|local| local.contains(at));
        declares && !is_local && !source.is_test(*at) && CELLS.iter().any(|cell| declaration.contains(cell))
    });
    let message = "a `static` that changes is global state; pass the value as an argument or keep it in a field";
    statics.map(|at| Finding::error(&source.path, source.line(at), message)).collect()
}

fn body_end(source: &Source, at: usize) -> usize {
    body_or_end(&source.code, at).map_or(source.code.len(), |open| end_of_group(&source.code, open))
}

/// A `mod.rs`, and a module without its comment.
pub(crate) fn module_form(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if source.path.ends_with("/mod.rs") {
        let message = "a module is `name.rs` beside the folder `name/`; rename the file";
        findings.push(Finding::error(&source.path, 1, message));
    }
    let in_package = ["crates/", "examples/", "xtask/"].iter().any(|folder| source.path.starts_with(folder));
    if in_package && source.path.contains("/src/") && !source.text.starts_with("//!") {
        let message = "the module has no comment; open it with `//!`: what it is for and the invariant it keeps";
        findings.push(Finding::error(&source.path, 1, message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::{EXCEPTIONS, RULES};
    use super::*;

    /// The findings of one check on one file, as `line: what was found` without the advice.
    fn check(find: impl Fn(&Source) -> Vec<Finding>, path: &str, text: &str, expected: &[&str]) {
        let found = find(&Source::new(path, text));
        let found: Vec<_> = found.iter().map(|f| format!("{}: {}", f.line, f.message)).collect();
        let found: Vec<_> = found.iter().map(|f| f.split(';').next().unwrap()).collect();
        assert_eq!(found, expected, "{path}:\n{text}");
    }

    fn rules(source: &Source) -> Vec<Finding> {
        forbidden(source, RULES, EXCEPTIONS)
    }

    const FILE: &str = "crates/object/src/a.rs";

    #[test]
    fn forbidden_text_is_found() {
        let everywhere = ["#[ignore", "#[should_panic", "todo!", "unimplemented!", "dbg!", "static mut"];
        for needle in everywhere {
            let expected = format!("1: `{needle}` is forbidden here");
            check(rules, FILE, needle, &[&expected]);
            check(rules, "crates/object/tests/a.rs", needle, &[&expected]);
            check(rules, FILE, &format!("// {needle}\nf(\"{needle}\")"), &[]);
        }
        let outside_tests = ["use super::*", ".unwrap()", "OnceLock", "LazyLock", "thread_local!"];
        for needle in outside_tests {
            check(rules, FILE, needle, &[&format!("1: `{needle}` is forbidden here")]);
            check(rules, FILE, &format!("#[cfg(test)]\nmod tests {{\n{needle}\n}}"), &[]);
        }
    }

    #[test]
    fn tests_do_not_sleep_on_real_time() {
        let path = "crates/runtime/tests/a.rs";
        check(rules, path, "use std::thread::sleep;", &["1: `thread::sleep` is forbidden here"]);
        check(rules, path, "tokio::time::sleep(x).await", &["1: `time::sleep` is forbidden here"]);
        check(rules, path, "#[tokio::test(start_paused = true)]\nfn f() { tokio::time::sleep(x) }", &[]);
        check(rules, FILE, "tokio::time::sleep(x).await", &[]);
    }

    #[test]
    fn an_exception_holds_for_its_file_and_must_be_needed() {
        let exceptions = [Exception { rule: "thread-local", path: FILE, reason: "a reason" }];
        let text = "thread_local! { static A: Cell<u8> = Cell::new(0); }";
        check(|source| forbidden(source, RULES, &exceptions), FILE, text, &[]);

        let idle = |text| idle_exceptions(&[Source::new(FILE, text)], RULES, &exceptions).len();
        assert_eq!((idle(text), idle("fn f() {}")), (0, 1));
        assert_eq!(idle_exceptions(&[], RULES, &exceptions).len(), 1, "the file is gone");
    }

    #[test]
    fn a_lint_is_silenced_with_a_reason() {
        let found = "1: a lint is switched off without a reason";
        check(silenced_lints, FILE, "#[allow(dead_code)]", &[found]);
        check(silenced_lints, FILE, "#![expect(dead_code)]", &[found]);
        check(silenced_lints, FILE, "#[expect(dead_code, reason = \"so\")]", &[]);
    }

    #[test]
    fn global_state_is_found() {
        let found = "1: a `static` that changes is global state";
        check(global_state, FILE, "pub(crate) static A: AtomicU64 = AtomicU64::new(0);", &[found]);
        check(global_state, FILE, "static A: OnceLock<u8> = OnceLock::new();", &[found]);
        check(global_state, FILE, "static A: &[u8] = &[1];\nfn f(a: &'static Mutex<u8>) {}", &[]);
        check(global_state, FILE, "thread_local! { static A: Cell<u8> = Cell::new(0); }", &[]);
    }

    #[test]
    fn modules_have_a_comment_and_their_own_name() {
        check(module_form, FILE, "use std::fs;", &["1: the module has no comment"]);
        check(module_form, FILE, "//! What it is for.\n", &[]);
        check(
            module_form,
            "crates/a/src/b/mod.rs",
            "//! B.\n",
            &["1: a module is `name.rs` beside the folder `name/`"],
        );
        check(module_form, "crates/a/tests/b.rs", "use a::b;", &[]);
    }
}
