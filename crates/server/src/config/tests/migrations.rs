//! The history of classes, right and wrong.

use super::{notices, problems, project};
use crate::config::project::{Class, Storage};

const NEW_A: &str = r#"{"tag": "1", "new_sqlite_classes": ["A"]}"#;

/// A file with these migrations, one a line from line 2, and bindings of these classes behind them.
fn text(migrations: &[&str], bound: &[&str]) -> String {
    let bindings = bound
        .iter()
        .enumerate()
        .map(|(index, class)| format!("{{\"name\": \"B{index}\", \"class_name\": \"{class}\"}}"));
    let bindings: Vec<String> = bindings.collect();
    format!(
        "{{\"main\": \"a.js\", \"migrations\": [\n{}],\n\"durable_objects\": {{\"bindings\": [\n{}]}}}}",
        migrations.join(",\n"),
        bindings.join(",\n"),
    )
}

/// A class as `Name storage origin`, with `?` when no migration creates it.
fn shown(class: &Class) -> String {
    let storage = match class.storage {
        Storage::Sqlite => "sqlite",
        Storage::KeyValue => "kv",
        Storage::AsTransferred => "transferred",
    };
    let script = class.origin.script.as_ref().map(|script| format!("{script}/")).unwrap_or_default();
    let mark = if class.migrated { "" } else { "?" };
    format!("{}{mark} {storage} {script}{}#{}", class.name, class.origin.class, class.origin.generation)
}

#[test]
fn classes_are_what_the_migrations_come_to() {
    let cases: &[(&[&str], &[&str], &[&str])] = &[
        (&[], &[], &[]),
        (&[], &["A", "A"], &["A? kv A#0"]),
        (&[NEW_A], &["A", "B"], &["A sqlite A#0", "B? kv B#0"]),
        (&[r#"{"tag": "1", "new_classes": ["B", "A"]}"#], &[], &["A kv A#0", "B kv B#0"]),
        (
            &[NEW_A, r#"{"tag": "2", "renamed_classes": [{"from": "A", "to": "B"}, {"from": "B", "to": "C"}]}"#],
            &["C"],
            &["C sqlite A#0"],
        ),
        (&[NEW_A, r#"{"tag": "2", "deleted_classes": ["A"]}"#], &[], &[]),
        // One migration ends a class and begins another under its name.
        (&[NEW_A, r#"{"tag": "2", "deleted_classes": ["A"], "new_classes": ["A"]}"#], &["A"], &["A kv A#1"]),
        (
            &[NEW_A, r#"{"tag": "2", "renamed_classes": [{"from": "A", "to": "B"}], "new_sqlite_classes": ["A"]}"#],
            &["A", "B"],
            &["A sqlite A#1", "B sqlite A#0"],
        ),
        // A name goes around and comes back.
        (
            &[
                NEW_A,
                r#"{"tag": "2", "renamed_classes": [{"from": "A", "to": "B"}]}"#,
                r#"{"tag": "3", "renamed_classes": [{"from": "B", "to": "A"}]}"#,
            ],
            &["A"],
            &["A sqlite A#0"],
        ),
        (
            &[
                r#"{"tag": "1", "transferred_classes": [{"from": "A", "from_script": "s", "to": "B"}], "new_classes": ["A"]}"#,
            ],
            &["B"],
            &["A kv A#0", "B transferred s/A#0"],
        ),
    ];
    for (migrations, bound, expected) in cases {
        let text = text(migrations, bound);
        let project = project("w.json", &text, None).expect(&text);
        assert_eq!(project.classes.iter().map(shown).collect::<Vec<_>>(), *expected, "{text}");
    }
}

#[test]
fn a_class_of_another_worker_needs_no_migration() {
    let text = r#"{"main": "a.js", "name": "w", "env": {"x": {"durable_objects": {"bindings": [
        {"name": "A", "class_name": "A", "script_name": "w"}, {"name": "B", "class_name": "B", "script_name": "w-x"}
    ]}}}}"#;
    let project = project("w.json", text, Some("x")).unwrap();
    assert_eq!(project.classes.iter().map(shown).collect::<Vec<_>>(), ["B? kv B#0"]);
    let scripts: Vec<_> = project.durable_objects.iter().map(|binding| binding.script_name.as_deref()).collect();
    assert_eq!(scripts, [Some("w"), None]);
}

/// Checks a list of migrations and bound classes, each with its problems.
fn check(cases: &[(&[&str], &[&str], &str)]) {
    for (migrations, bound, expected) in cases {
        let text = text(migrations, bound);
        assert_eq!(problems(&text, None), *expected, "{text}");
    }
}

#[test]
fn a_class_begins_once() {
    check(&[
        (
            &[r#"{"tag": "1", "new_sqlite_classes": ["A", "A"], "new_classes": ["A"]}"#],
            &[],
            "2:42: `migrations[0].new_sqlite_classes[1]` creates `A`, which is there already; name each class once, in \
             the migration that begins it\n\
             2:64: `migrations[0].new_classes[0]` creates `A`, which is there already; name each class once, in the \
             migration that begins it",
        ),
        (
            &[NEW_A, r#"{"tag": "2", "transferred_classes": [{"from": "X", "from_script": "s", "to": "A"}]}"#],
            &[],
            "3:38: `migrations[1].transferred_classes[0]` creates `A`, which is there already; name each class once, \
             in the migration that begins it",
        ),
    ]);
}

#[test]
fn only_a_class_that_is_there_ends_or_is_renamed() {
    check(&[
        (
            &[r#"{"tag": "1", "deleted_classes": ["A"]}"#],
            &[],
            "2:34: `migrations[0].deleted_classes[0]` deletes `A`, which is not there; name a class that an earlier \
             migration creates",
        ),
        (
            &[NEW_A, r#"{"tag": "2", "deleted_classes": ["A", "A"]}"#],
            &["A"],
            "3:39: `migrations[1].deleted_classes[1]` deletes `A`, which is not there; migration `2` has deleted it; \
             take this out\n\
             5:30: `durable_objects.bindings[0].class_name` is `A`, which migration `2` deletes; take the binding out, \
             or create the class again",
        ),
        (
            &[NEW_A, r#"{"tag": "2", "renamed_classes": [{"from": "A", "to": "B"}, {"from": "A", "to": "C"}]}"#],
            &["A"],
            "3:60: `migrations[1].renamed_classes[1]` renames `A`, which is not there; migration `2` has renamed it; \
             write `B`\n\
             5:30: `durable_objects.bindings[0].class_name` is `A`, which migration `2` renames; bind `B`",
        ),
        (
            &[
                r#"{"tag": "1", "new_classes": ["A", "B"]}"#,
                r#"{"tag": "2", "renamed_classes": [{"from": "A", "to": "B"}]}"#,
            ],
            &[],
            "3:34: `migrations[1].renamed_classes[0]` gives `A` the name `B`, which a class has already; choose \
             another name, or delete that class first",
        ),
    ]);
}

#[test]
fn a_migration_is_whole() {
    check(&[
        (
            &[NEW_A, r#"{"tag": "1"}"#],
            &[],
            "3:9: `migrations[1].tag` is `1`, which migration 0 already has; give each migration a tag of its own",
        ),
        (
            &[r#"{"new_classes": ["A"]}"#, "{}"],
            &[],
            "2:1: `migrations[0].tag` is missing; add it\n3:1: `migrations[1].tag` is missing; add it",
        ),
        (
            &[r#"{"tag": "1", "renamed_classes": [{"from": "A"}], "transferred_classes": [{"from": "A"}]}"#],
            &[],
            "2:34: `migrations[0].renamed_classes[0].to` is missing; add it\n\
             2:74: `migrations[0].transferred_classes[0].from_script` is missing; add it\n\
             2:74: `migrations[0].transferred_classes[0].to` is missing; add it",
        ),
        (
            &[r#"{"tag": "1", "new_sqlite_class": ["A"]}"#],
            &[],
            "2:14: `migrations[0].new_sqlite_class` is not a known key; did you mean `new_sqlite_classes`?",
        ),
    ]);
}

#[test]
fn a_class_without_a_migration_is_mentioned() {
    let expected = "3:30: `durable_objects.bindings[0].class_name` is `A`, which no migration creates: it gets key-value \
                    storage; name it in `new_sqlite_classes` of a migration for SQLite";
    assert_eq!(notices(&text(&[], &["A"]).replace("[\n]", "[]"), None), expected);
}

#[test]
fn problems_of_an_environment_have_its_path() {
    let text = r#"{"main": "a.js", "env": {"x": {"migrations": [{"tag": "1", "deleted_classes": ["A"]}]}}}"#;
    let expected = "1:80: `env.x.migrations[0].deleted_classes[0]` deletes `A`, which is not there; name a class that an \
                    earlier migration creates";
    assert_eq!(problems(text, Some("x")), expected);
}
