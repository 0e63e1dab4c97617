//! Each kind of problem in a wrangler file, with its exact words and place.

use super::{problems, project};

/// Checks a list of JSON texts, each with its environment and its problems.
fn check(cases: &[(&str, Option<&str>, &str)]) {
    for (text, environment, expected) in cases {
        assert_eq!(problems(text, *environment), *expected, "{text}");
    }
}

const LISTED: &str = "take it out; docs/wrangler.md lists the keys that there are";
const UNSUPPORTED: &str = "is not supported yet by Dormouse; take it out, or run this Worker on Cloudflare; \
                           docs/wrangler.md lists what is supported";

#[test]
fn unknown_keys_have_the_nearest_known_one() {
    check(&[
        (
            "{\"main\": \"a.js\",\n  \"durable_object\": {}}",
            None,
            "2:3: `durable_object` is not a known key; did you mean `durable_objects`?",
        ),
        (
            r#"{"main": "a.js", "Compatibility-Date": "2025-01-01"}"#,
            None,
            "1:18: `Compatibility-Date` is not a known key; did you mean `compatibility_date`?",
        ),
        (r#"{"main": "a.js", "zzz": 1}"#, None, &format!("1:18: `zzz` is not a known key; {LISTED}")),
        (r#"{"main": "a.js", "a\nb": 1}"#, None, &format!("1:18: `a\\nb` is not a known key; {LISTED}")),
        (r#"{"main": "a.js", "": 1}"#, None, &format!("1:18: `` is not a known key; {LISTED}")),
        (
            r#"{"main": "a.js", "durable_objects": {"binding": []}}"#,
            None,
            "1:38: `durable_objects.binding` is not a known key; did you mean `bindings`?",
        ),
        (
            r#"{"main": "a.js", "durable_objects": {"bindings": [{"name": "A", "class_name": "A", "script": "x"}]}}"#,
            None,
            "1:84: `durable_objects.bindings[0].script` is not a known key; take it out; the keys here are name, \
             class_name, script_name, environment",
        ),
        // Environments are checked whether they are chosen or not; a key of the top level is no help there.
        (
            r#"{"main": "a.js", "env": {"x": {"aliass": {}, "varz": {}}}}"#,
            None,
            &format!(
                "1:32: `env.x.aliass` is not a known key; {LISTED}\n\
                 1:46: `env.x.varz` is not a known key; did you mean `vars`?"
            ),
        ),
    ]);
}

#[test]
fn keys_that_are_not_supported_are_refused() {
    check(&[
        (r#"{"main": "a.js", "d1_databases": []}"#, None, &format!("1:18: `d1_databases` {UNSUPPORTED}")),
        (
            r#"{"main": "a.js", "env": {"x": {"queues": {}}}}"#,
            Some("x"),
            &format!("1:32: `env.x.queues` {UNSUPPORTED}"),
        ),
    ]);
}

#[test]
fn a_key_stands_once() {
    check(&[
        (r#"{"main": "a.js", "main": 1}"#, None, "1:18: `main` stands here a second time; keep one of them"),
        (
            r#"{"main": "a.js", "vars": {"A": 1, "A": 2}}"#,
            None,
            "1:35: `vars.A` stands here a second time; keep one of them",
        ),
        (
            r#"{"main": "a.js", "env": {"x": {}, "x": {}}}"#,
            None,
            "1:35: `env.x` stands here a second time; keep one of them",
        ),
    ]);
    let error = project("w.toml", "main = 'a.js'\nmain = 'b.js'\n", None).unwrap_err().to_string();
    assert_eq!(error, "w/w.toml:2:1: duplicate key; mend the TOML at this place");
}

#[test]
fn values_have_the_type_of_their_key() {
    check(&[
        (r#"{"main": 1}"#, None, "1:10: `main` must be a string, it is a number; put it in quotes"),
        (r#"{"main": null}"#, None, "1:10: `main` must be a string, it is null; take it out, or give it a value"),
        (r#"{"main": ["a"]}"#, None, "1:10: `main` must be a string, it is a list; write a string"),
        (
            r#"{"main": "a.js", "name": "My Worker"}"#,
            None,
            "1:26: `name` must be made of lower-case letters, digits, `_` and `-`, and not begin with `-`; write it as \
             `my-worker`",
        ),
        (r#"{"main": "a.js", "name": true}"#, None, "1:26: `name` must be a string, it is a boolean; put it in quotes"),
        (
            r#"{"main": "a.js", "compatibility_date": 20250228}"#,
            None,
            "1:40: `compatibility_date` must be a string, it is a number; put it in quotes",
        ),
        (
            r#"{"main": "a.js", "compatibility_flags": "x"}"#,
            None,
            "1:41: `compatibility_flags` must be a list of strings, it is a string; put it between `[` and `]`",
        ),
        (
            r#"{"main": "a.js", "compatibility_flags": ["x", 1, ""]}"#,
            None,
            "1:47: `compatibility_flags[1]` must be a string, it is a number; put it in quotes\n\
             1:50: `compatibility_flags[2]` is an empty name; write a name",
        ),
        (
            r#"{"main": "a.js", "no_bundle": "true"}"#,
            None,
            "1:31: `no_bundle` must be a boolean, it is a string; write true or false without quotes",
        ),
        (
            r#"{"main": "a.js", "limits": {"cpu_ms": -1, "subrequests": "1"}}"#,
            None,
            "1:39: `limits.cpu_ms` must be a whole number from 0, it is another number; write a whole number from 0\n\
             1:58: `limits.subrequests` must be a whole number from 0, it is a string; write a whole number from 0",
        ),
        (r#"{"main": "a.js", "vars": []}"#, None, "1:26: `vars` must be a table, it is a list; write a table"),
        (
            r#"{"main": "a.js", "define": {"A": 1}}"#,
            None,
            "1:34: `define.A` must be a string, it is a number; put it in quotes",
        ),
        (
            r#"{"main": "a.js", "services": [{"binding": "A", "service": "b", "props": 1}]}"#,
            None,
            "1:73: `services[0].props` must be a table, it is a number; write a table",
        ),
        (
            r#"{"main": "a.js", "build": {"watch_dir": 1}}"#,
            None,
            "1:41: `build.watch_dir` must be a string or a list of strings, it is a number; write a string or a list \
             of strings",
        ),
        (
            r#"{"main": "a.js", "assets": {"directory": "a", "run_worker_first": "/a"}}"#,
            None,
            "1:67: `assets.run_worker_first` must be a boolean or a list of strings, it is a string; write a boolean \
             or a list of strings",
        ),
    ]);
}

#[test]
fn rows_are_lists_of_tables() {
    check(&[
        (
            r#"{"main": "a.js", "durable_objects": []}"#,
            None,
            "1:37: `durable_objects` must be a table, it is a list; write a table",
        ),
        (
            r#"{"main": "a.js", "durable_objects": {"bindings": {}}}"#,
            None,
            "1:50: `durable_objects.bindings` must be a list of tables, it is a table; write a list of tables",
        ),
        (
            r#"{"main": "a.js", "durable_objects": {"bindings": [1]}}"#,
            None,
            "1:51: `durable_objects.bindings[0]` must be a table, it is a number; write a table",
        ),
        (r#"{"main": "a.js", "env": []}"#, None, "1:25: `env` must be a table, it is a list; write a table"),
        (
            r#"{"main": "a.js", "env": {"x": 1}}"#,
            Some("x"),
            "1:31: `env.x` must be a table, it is a number; write a table",
        ),
    ]);
}

#[test]
fn what_is_needed_is_missed() {
    check(&[
        (
            "{}",
            None,
            "1:1: `main` is missing; add it with the path of the first module, or add `assets` to serve files alone",
        ),
        (
            r#"{"main": "a.js", "durable_objects": {"bindings": [{}]}}"#,
            None,
            "1:51: `durable_objects.bindings[0].name` is missing; add it\n\
             1:51: `durable_objects.bindings[0].class_name` is missing; add it",
        ),
        (r#"{"main": "a.js", "services": [{"binding": "A"}]}"#, None, "1:31: `services[0].service` is missing; add it"),
        (r#"{"main": "a.js", "assets": {}}"#, None, "1:28: `assets.directory` is missing; add it"),
        (
            r#"{"main": "a.js", "rules": [{}]}"#,
            None,
            "1:28: `rules[0].type` is missing; add it\n1:28: `rules[0].globs` is missing; add it",
        ),
        (
            r#"{"main": "a.js", "durable_objects": {"bindings": [
                {"name": "A", "class_name": "A", "environment": "x"}]}}"#,
            None,
            "2:65: `durable_objects.bindings[0].environment` is there without `script_name`; take it out, or add the \
             Worker that it is of",
        ),
    ]);
}

#[test]
fn choices_are_among_those_there_are() {
    check(&[
        (
            r#"{"main": "a.js", "assets": {"directory": "a", "not_found_handling": "404", "html_handling": "non"}}"#,
            None,
            "1:69: `assets.not_found_handling` cannot be `404`; write one of none, 404-page, single-page-application\n\
             1:93: `assets.html_handling` cannot be `non`; did you mean `none`?",
        ),
        (
            r#"{"main": "a.js", "rules": [{"type": "text", "globs": []}]}"#,
            None,
            "1:37: `rules[0].type` cannot be `text`; did you mean `Text`?",
        ),
    ]);
}

#[test]
fn dates_are_days_of_the_calendar() {
    let with = |date: &str| project("w.json", &format!(r#"{{"main": "a.js", "compatibility_date": "{date}"}}"#), None);
    for date in ["2024-02-29", "2000-02-29", "2025-12-31", "2025-04-30"] {
        assert_eq!(with(date).unwrap().compatibility_date.as_deref(), Some(date));
    }
    let bad = [
        "2025-02-29",
        "1900-02-29",
        "2025-13-01",
        "2025-00-01",
        "2025-04-31",
        "2025-01-00",
        "2025-1-1",
        "",
        "é5-01-01",
    ];
    for date in bad {
        let expected = "w/w.json:1:40: `compatibility_date` must be a day of the calendar; write it as `2026-11-24`";
        assert_eq!(with(date).unwrap_err().to_string(), expected, "{date}");
    }
}

#[test]
fn an_environment_must_be_there() {
    check(&[
        (
            r#"{"main": "a.js"}"#,
            Some("x"),
            "1:1: `env` has no environment `x`; leave the environment out: the file has none",
        ),
        (
            "{\"main\": \"a.js\",\n \"env\": {\"prod\": {}, \"staging\": {}}}",
            Some("x"),
            "2:9: `env` has no environment `x`; there are prod, staging",
        ),
    ]);
    let names: Vec<String> = (0..21).map(|index| format!("\"e{index}\": {{}}")).collect();
    let many = problems(&format!(r#"{{"main": "a.js", "env": {{{}}}}}"#, names.join(", ")), Some("x"));
    assert!(many.starts_with("1:25: `env` has no environment `x`; there are e0, e1, "), "{many}");
    assert!(many.ends_with(", e19, …"), "{many}");
}

#[test]
fn a_worker_without_code_has_only_files() {
    check(&[(
        r#"{"triggers": {"crons": ["* * * * *"]}, "durable_objects": {"bindings": [
            {"name": "A", "class_name": "A"}, {"name": "B", "class_name": "B", "script_name": "other"}]},
            "assets": {"directory": "a", "binding": "F", "run_worker_first": true}}"#,
        None,
        "1:24: `triggers.crons` needs code, and there is no `main`; add `main`, or take this out\n\
         2:41: `durable_objects.bindings[0].class_name` needs code, and there is no `main`; add `main`, or take this out\n\
         3:53: `assets.binding` needs code, and there is no `main`; add `main`, or take this out\n\
         3:78: `assets.run_worker_first` needs code, and there is no `main`; add `main`, or take this out",
    )]);
}

#[test]
fn names_in_env_are_unique() {
    let advice = "give each binding a name of its own";
    check(&[
        (
            r#"{"main": "a.js", "vars": {"A": 1}, "services": [{"binding": "A", "service": "b"}]}"#,
            None,
            &format!("1:27: `vars.A` is `A`, a name in `env` that `services[0].binding` has already; {advice}"),
        ),
        (
            r#"{"main": "a.js", "assets": {"directory": "a", "binding": "A"}, "durable_objects": {"bindings": [
                {"name": "A", "class_name": "A"}, {"name": "A", "class_name": "A"}]}}"#,
            None,
            &format!(
                "1:58: `assets.binding` is `A`, a name in `env` that `durable_objects.bindings[0].name` has already; \
                 {advice}\n\
                 2:60: `durable_objects.bindings[1].name` is `A`, a name in `env` that \
                 `durable_objects.bindings[0].name` has already; {advice}"
            ),
        ),
        // An inherited binding meets one of the environment.
        (
            r#"{"main": "a.js", "assets": {"directory": "a", "binding": "A"}, "env": {"x": {"vars": {"A": 1}}}}"#,
            Some("x"),
            &format!("1:87: `env.x.vars.A` is `A`, a name in `env` that `assets.binding` has already; {advice}"),
        ),
    ]);
    let other = r#"{"main": "a.js", "vars": {"A": 1}, "env": {"x": {"services": [{"binding": "A", "service": "b"}]}}}"#;
    assert!(project("w.json", other, None).is_ok());
    assert!(project("w.json", other, Some("x")).is_ok());
}

#[test]
fn tables_of_toml_have_the_place_of_their_head() {
    let cases = [
        (
            "main = 'a'\n[[durable_objects.bindings]]\nname = 'A'\n\n[[durable_objects.bindings]]\nclass_name = 1\nnom = 2\n",
            "2:1: `durable_objects.bindings[0].class_name` is missing; add it
5:1: `durable_objects.bindings[1].name` is missing; add it
6:14: `durable_objects.bindings[1].class_name` must be a string, it is a number; put it in quotes
7:1: `durable_objects.bindings[1].nom` is not a known key; take it out; the keys here are name, class_name, script_name, \
             environment",
        ),
        (
            "main = 'a'\nservices = [{ binding = 'A' }]\n[env.x.kv]\n",
            "2:13: `services[0].service` is missing; add it
3:8: `env.x.kv` is not a known key; take it out; docs/wrangler.md lists the keys that there are",
        ),
    ];
    for (text, expected) in cases {
        let error = project("w.toml", text, None).unwrap_err().to_string();
        assert_eq!(error.replace("w/w.toml:", ""), expected);
    }
}

#[test]
fn a_text_that_is_no_tree_is_not_judged_further() {
    check(&[
        (
            "{\"main\": 1,\n \"x\": 1e999}",
            None,
            "2:7: a number must be finite and in JSON's form; write another number, or a string",
        ),
        ("[1]", None, "1:1: a wrangler file must be a table, it is a list; write the keys between `{` and `}`"),
        (" ", None, "1:1: the file is empty; write at least `{ \"main\": \"src/index.ts\" }`"),
    ]);
    let toml = [
        (
            "main = a.js\nname = 'b\n",
            "1:8: string values must be quoted, expected literal string; mend the TOML at this place
2:10: invalid literal string, expected `'`; mend the TOML at this place",
        ),
        ("x = 99999999999999999999", "1:5: a whole number must fit in 64 bits; write a smaller number, or a string"),
        ("x = nan", "1:5: a number must be finite; write another number, or a string"),
        ("compatibility_date = 2025-01-01", "1:22: a date is no value here; put it in quotes"),
    ];
    for (text, expected) in toml {
        assert_eq!(project("w.toml", text, None).unwrap_err().to_string().replace("w/w.toml:", ""), expected);
    }
}

#[test]
fn what_is_understood_and_not_served_is_told_apart() {
    let text = r#"{"main": "a.js", "assets": {"directory": "a"}, "no_bundle": false, "env": {"x": {"triggers": {}}}}"#;
    let unserved = |environment| {
        let project = project("w.json", text, environment).unwrap();
        project.unserved.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let advice = "is understood, and not served yet by Dormouse; take it out, or run this Worker on Cloudflare";
    assert_eq!(unserved(None), [format!("w/w.json:1:18: `assets` {advice}")]);
    assert_eq!(unserved(Some("x"))[1], format!("w/w.json:1:82: `env.x.triggers` {advice}"));
}
