//! What a person reads when a project does not bundle.

use crate::project::Project;

/// Bundles in vain and compares the whole report.
#[track_caller]
fn check(files: &[(&str, &str)], expected: &str) {
    let error = Project::new(files).fail();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_missing_package_is_named_with_its_place_and_its_way_in() {
    check(
        &[
            ("index.ts", "import './src/app';"),
            ("src/app.ts", "import { room } from './room';\nconsole.log(room);"),
            ("src/room.ts", "// A comment.\nimport { z } from 'zod/v4';\nexport const room = z;"),
        ],
        "src/room.ts:2:19: cannot find the package \"zod\"
  2 | import { z } from 'zod/v4';
    |                   ^
  imported through: index.ts
    -> src/app.ts
    -> src/room.ts
  hint: npm install zod",
    );
}

#[test]
fn a_syntax_error_shows_its_line() {
    let files = [("index.ts", "import './b'"), ("b.ts", "export const a = 1;\n\tconst b: = 2;\n")];
    let text = Project::new(&files).fail().to_string();
    assert!(text.starts_with("b.ts:2:11: "), "{text}");
    assert!(text.contains("\n  2 | \tconst b: = 2;\n    | \t         ^\n"), "{text}");
    assert!(text.ends_with("imported through: index.ts\n    -> b.ts"), "{text}");
}

#[test]
fn all_problems_are_reported_in_their_order() {
    let files = [
        (
            "index.ts",
            "import './gone';\nimport 'https://esm.sh/x';\nimport w from './w.wasm'; import p from './p.png';\nimport './b';\nexport default [w, p];",
        ),
        ("b.ts", "import { nothing } from '@a/b'; import q from '@/q'; const c = ; export default [nothing, q];"),
        ("w.wasm", ""),
        ("p.png", ""),
    ];
    let error = Project::new(&files).fail();
    let found: Vec<_> = error
        .problems
        .iter()
        .map(|problem| {
            let place = problem.place.as_ref().unwrap();
            format!("{}:{}: {}", place.file.display(), place.line, problem.message)
        })
        .collect();
    let (syntax, others) = found.split_first().unwrap();
    assert!(syntax.starts_with("b.ts:1: "), "{syntax}");
    assert_eq!(
        others,
        [
            "index.ts:1: cannot find \"./gone\"",
            "index.ts:2: imports from the network, as of \"https://esm.sh/x\", are not supported",
            "index.ts:3: w.wasm is WebAssembly, which the engine does not have",
            "index.ts:3: no rule says how to load p.png",
        ]
    );
    assert!(error.problems[4].hint.as_ref().unwrap().contains("**/*.png"));
}

#[test]
fn names_that_are_no_packages_get_another_hint() {
    let text = Project::new(&[("index.ts", "import q from '@/q'; export default q;")]).fail().to_string();
    assert!(text.starts_with("index.ts:1:15: cannot find \"@/q\"\n"), "{text}");
    assert!(text.contains("hint: ") && !text.contains("npm install"), "{text}");
}

#[test]
fn a_path_that_an_installed_package_does_not_have() {
    let exports = r#"{ "exports": { ".": "./i.js" } }"#;
    let files = [
        ("index.ts", "import 'p/hidden';\nimport 'q/gone';"),
        ("node_modules/p/package.json", exports),
        ("node_modules/p/i.js", ""),
        ("node_modules/q/index.js", ""),
    ];
    let error = Project::new(&files).fail();
    assert_eq!(error.problems.len(), 2, "{error}");
    assert!(error.problems[0].message.starts_with("cannot resolve \"p/hidden\": "), "{error}");
    assert_eq!(error.problems[1].message, "cannot find \"q/gone\", though the package \"q\" is installed");
}

#[test]
fn a_required_or_awaited_package_that_is_missing() {
    for code in ["export default () => require('nope')", "export default () => import('nope')"] {
        let error = Project::new(&[("index.ts", code)]).fail();
        assert_eq!(error.problems.len(), 1, "{error}");
        assert!(error.to_string().ends_with("hint: npm install nope"), "{error}");
    }
}

#[test]
fn a_missing_export_is_named() {
    let files = [("index.ts", "import { b } from './a'; export default b;"), ("a.ts", "export const a = 1;")];
    let text = Project::new(&files).fail().to_string();
    assert!(text.starts_with("index.ts:1:10: \"b\" is not exported by \"a.ts\""), "{text}");
}

#[test]
fn an_alias_that_leads_nowhere() {
    let project = Project::new(&[("index.ts", "import a from 'a'; export default a;")]);
    let mut options = project.options();
    options.alias.insert("a".into(), "./shims/a.ts".into());
    let error = dormouse_bundle::bundle(&options).unwrap_err();
    assert_eq!(error.problems[0].message, "cannot find \"./shims/a.ts\", which is the alias of \"a\"");
    assert!(error.problems[0].place.is_some());
}

#[test]
fn json_that_is_none() {
    let files = [("index.ts", "import j from './j.json'; export default j;"), ("j.json", "{ \"a\": }")];
    let text = Project::new(&files).fail().to_string();
    assert!(text.starts_with("j.json:1:8: expected value\n"), "{text}");
}

#[test]
fn a_missing_entry() {
    let error = Project::new(&[]).fail();
    assert!(error.to_string().starts_with("cannot find the entry index.ts\n  hint: "), "{error}");
    let error = Project::new(&[("index.ts", "")]);
    let mut options = error.options();
    options.root = options.root.join("gone");
    assert!(dormouse_bundle::bundle(&options).unwrap_err().to_string().starts_with("cannot find the project's folder"));
}

#[test]
fn a_configuration_that_cannot_be_read() {
    let text = Project::new(&[("index.ts", "export default 1"), ("tsconfig.json", "{ nonsense")]).fail().to_string();
    assert!(text.contains("tsconfig.json"), "{text}");
}

#[test]
fn a_definition_that_is_no_expression() {
    let project = Project::new(&[("index.ts", "export default X")]);
    let mut options = project.options();
    options.define.insert("X".into(), "{ not code".into());
    assert!(dormouse_bundle::bundle(&options).is_err());
}

#[test]
fn what_was_read_is_watched_after_a_failure_too() {
    let error = Project::new(&[("index.ts", "import './a'; import './gone';"), ("a.ts", "")]).fail();
    let names: Vec<_> = error.watched.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a.ts", "index.ts"]);
}
