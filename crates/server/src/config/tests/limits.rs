//! The bounds, at their edges, through the whole module. Those of files, of nesting and of lists stand with their code.

use super::project;
use crate::config::limits::{BINDINGS_MAX, NAME_LEN_MAX, PROBLEMS_MAX};

#[test]
fn names_are_bounded() {
    let places = [
        r#"{"main": "a.js", "name": "NAME"}"#,
        r#"{"main": "a.js", "vars": {"NAME": 1}}"#,
        r#"{"main": "a.js", "env": {"NAME": {}}}"#,
        r#"{"main": "a.js", "compatibility_flags": ["NAME"]}"#,
        r#"{"main": "a.js", "services": [{"binding": "NAME", "service": "a"}]}"#,
        r#"{"main": "a.js", "durable_objects": {"bindings": [{"name": "A", "class_name": "NAME"}]}}"#,
        r#"{"main": "a.js", "migrations": [{"tag": "NAME"}]}"#,
        r#"{"main": "a.js", "migrations": [{"tag": "1", "new_classes": ["NAME"]}]}"#,
    ];
    for text in places {
        let with = |len: usize| project("w.json", &text.replace("NAME", &"n".repeat(len)), None);
        assert!(with(NAME_LEN_MAX).is_ok(), "{text}");
        for (len, expected) in [(0, "is an empty name; write a name"), (NAME_LEN_MAX + 1, "more than 255; write a")] {
            let error = with(len).unwrap_err();
            assert_eq!(error.problems().len(), 1, "{error}");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}

#[test]
fn bindings_are_bounded() {
    let text = |count: usize| {
        let vars: Vec<String> = (1..count).map(|index| format!("\"V{index}\": {index}")).collect();
        let vars = vars.join(", ");
        format!(r#"{{"main": "a.js", "vars": {{{vars}}}, "services": [{{"binding": "S", "service": "s"}}]}}"#)
    };
    assert!(project("w.json", &text(BINDINGS_MAX), None).is_ok());
    let error = project("w.json", &text(BINDINGS_MAX + 1), None).unwrap_err().to_string();
    let expected =
        "w/w.json:1:1: there are 1025 bindings, more than 1024; take some out; one variable can hold a table";
    assert_eq!(error, expected);
}

#[test]
fn problems_are_bounded() {
    let text = |count: usize| {
        let keys: Vec<String> = (0..count).map(|index| format!("\"unknown{index}\": 1")).collect();
        format!("{{\"main\": \"a.js\", {}}}", keys.join(", "))
    };
    let error = project("w.json", &text(PROBLEMS_MAX), None).unwrap_err();
    assert_eq!((error.problems().len(), error.unreported()), (PROBLEMS_MAX, 0));
    let error = project("w.json", &text(PROBLEMS_MAX + 2), None).unwrap_err();
    assert_eq!((error.problems().len(), error.unreported()), (PROBLEMS_MAX, 2));
    assert!(error.to_string().ends_with("\nand 2 more"), "{error}");
}

#[test]
fn a_message_repeats_no_long_text() {
    let long = "n".repeat(100_000);
    let texts = [
        format!(r#"{{"main": "a.js", "{long}": 1}}"#),
        format!(r#"{{"main": "a.js", "vars": {{"{long}": 1}}}}"#),
        format!(r#"{{"main": "a.js", "rules": [{{"type": "{long}", "globs": []}}]}}"#),
        format!(r#"{{"main": "a.js", "migrations": [{{"tag": "{long}"}}, {{"tag": "{long}"}}]}}"#),
    ];
    for text in texts {
        let error = project("w.json", &text, None).unwrap_err().to_string();
        assert!(error.lines().all(|line| line.len() < 500), "{}", error.len());
    }
}
