//! Folders, files and secrets as they lie on a disk.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::config::load;
use crate::config::project::{Project, Secrets};

const MAIN: &str = r#"{"main": "a.js", "env": {"x": {}, "y": {}, "a/b": {}}}"#;

fn folder<const N: usize>(files: [(&str, &str); N]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What is wrong, with `DIR` for the folder.
fn error(folder: &TempDir, path: &str, environment: Option<&str>) -> String {
    let error = load(&folder.path().join(path), environment).unwrap_err();
    error.to_string().replace(folder.path().to_str().unwrap(), "DIR")
}

#[test]
fn a_folder_has_one_wrangler_file() {
    for (name, text) in
        [("wrangler.jsonc", "{\"main\": \"a.js\",}"), ("wrangler.json", MAIN), ("wrangler.toml", "main = 'a.js'")]
    {
        let folder = folder([(name, text), ("other.toml", "x = ")]);
        let project = load(folder.path(), None).unwrap();
        assert_eq!(project.file, Some(folder.path().join(name)));
        assert_eq!(project.main, Some(folder.path().join("a.js")));
        assert_eq!(load(&folder.path().join(name), None).unwrap(), project);
    }
    let empty = folder([]);
    assert_eq!(
        error(&empty, "", None).replace("DIR/", "DIR"),
        "DIR: has no wrangler.jsonc, wrangler.json, wrangler.toml; add one, or give the path of one file of code"
    );
    let two = folder([("wrangler.toml", ""), ("wrangler.jsonc", "")]);
    assert_eq!(
        error(&two, "", None).replace("DIR/", "DIR"),
        "DIR: has wrangler.jsonc and wrangler.toml, and one of them must count; remove all but one, or give the path of one"
    );
}

#[test]
fn a_wrangler_file_may_have_any_name() {
    let folder = folder([("staging.toml", "main = 'a.js'"), ("b.jsonc", "{\"main\": /* */ \"b.js\"}")]);
    for (name, main) in [("staging.toml", "a.js"), ("b.jsonc", "b.js")] {
        assert_eq!(load(&folder.path().join(name), None).unwrap().main, Some(folder.path().join(main)));
    }
}

#[test]
fn a_file_of_code_is_a_project() {
    for name in ["a.js", "a.mjs", "a.ts", "a.mts"] {
        // What lies beside it has no effect.
        let folder = folder([(name, "export default {}"), ("wrangler.toml", "x = "), (".dev.vars", "A=1")]);
        let path = folder.path().join(name);
        let expected = Project {
            root: folder.path().to_owned(),
            name: "worker".to_owned(),
            main: Some(path.clone()),
            ..Project::default()
        };
        assert_eq!(load(&path, None).unwrap(), expected);
        let expected = format!(
            "DIR/{name}: is a single file, which has no environment `x`; leave the environment out, or add a wrangler file"
        );
        assert_eq!(error(&folder, name, Some("x")), expected);
    }
}

#[test]
fn other_paths_are_no_project() {
    let folder = folder([("a.txt", ""), ("bad.json", "{}")]);
    fs::write(folder.path().join("bad.json"), b"{\"main\": \"\xff\"}").unwrap();
    let advice = "give a folder, a wrangler file (.jsonc, .json, .toml) or one file of code (.js, .mjs, .ts, .mts)";
    assert_eq!(error(&folder, "a.txt", None), format!("DIR/a.txt: is no project; {advice}"));
    assert_eq!(error(&folder, "b.js", None), "DIR/b.js: there is no such file; give the path of a project");
    assert_eq!(error(&folder, "bad.json", None), "DIR/bad.json: is not UTF-8 at byte 10; save it as UTF-8");
}

#[test]
fn secrets_are_those_of_the_environment_or_else_the_common_ones() {
    let names = |secrets: &Secrets| secrets.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    let folder = folder([("wrangler.json", MAIN), (".dev.vars", "A=1\nB=2"), (".dev.vars.x", "A=x"), (".env", "C=3")]);
    let cases: [(_, &[&str]); 4] =
        [(None, &["A=1", "B=2"]), (Some("x"), &["A=x"]), (Some("y"), &["A=1", "B=2"]), (Some("a/b"), &["A=1", "B=2"])];
    for (environment, expected) in cases {
        let project = load(folder.path(), environment).unwrap();
        assert_eq!(names(&project.secrets), expected, "{environment:?}");
    }
}

#[test]
fn values_of_secrets_are_in_no_output() {
    let folder = folder([("wrangler.json", MAIN), (".dev.vars", "TOKEN=hunter2")]);
    let project = load(folder.path(), None).unwrap();
    assert_eq!((project.secrets.get("TOKEN"), project.secrets.len()), (Some("hunter2"), 1));
    let debug = format!("{project:?}");
    assert!(debug.contains("TOKEN") && !debug.contains("hunter2"), "{debug}");
}

#[test]
fn a_secret_goes_before_a_variable_and_beside_nothing_else() {
    let text = r#"{"main": "a.js", "vars": {"A": "var"}}"#;
    let vars = folder([("wrangler.json", text), (".dev.vars", "A=secret")]);
    let project = load(vars.path(), None).unwrap();
    assert_eq!((project.secrets.get("A"), project.vars["A"].as_str()), (Some("secret"), Some("var")));
    let text = r#"{"main": "a.js", "services": [{"binding": "A", "service": "a"}]}"#;
    let service = folder([("wrangler.json", text), (".dev.vars", "A=secret")]);
    assert_eq!(
        error(&service, "wrangler.json", None),
        "DIR/wrangler.json:1:43: `services[0].binding` is `A`, a name in `env` that a secret has already; give each \
         binding a name of its own"
    );
}

#[test]
fn problems_of_both_files_come_together() {
    let folder = folder([("wrangler.json", "{\"main\": 1}"), (".dev.vars", "A=1\nnonsense\nB='x")]);
    let expected = "DIR/.dev.vars:2:1: a line must have the form NAME=value; put a `#` before a comment
DIR/.dev.vars:3:1: `B` has no closing quote; put quotes around the whole value, and none after it
DIR/wrangler.json:1:10: `main` must be a string, it is a number; put it in quotes";
    assert_eq!(error(&folder, "wrangler.json", None), expected);
}

#[test]
fn the_example_of_the_documentation_is_a_project() {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/wrangler.md")).unwrap();
    let examples: Vec<&str> = docs.split("```jsonc\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        let folder = folder([("wrangler.jsonc", example)]);
        for environment in [None, Some("staging")] {
            let project = load(folder.path(), environment).unwrap();
            assert_eq!(project.durable_objects.len(), 1);
            assert!(project.classes.iter().all(|class| class.migrated), "{environment:?}");
        }
    }
}
