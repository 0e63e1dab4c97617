//! Modules that are no code, and what is to be watched.

use dormouse_bundle::options::{Rule, RuleKind};

use crate::project::{Project, has, lacks};

#[test]
fn text_is_a_string() {
    let project = Project::new(&[
        (
            "index.ts",
            "import a from './a.txt'; import b from './b.html'; import c from './sql/c.sql'; export default [a, b, c];",
        ),
        ("a.txt", "a \"quoted\"\n${line} `tick` </script> \u{2028} ä"),
        ("b.html", "<p>b</p>"),
        ("sql/c.sql", "SELECT 1;"),
    ]);
    let bundle = project.bundle();
    has(&bundle, r#""a \"quoted\"\n${line} `tick` "#);
    has(&bundle, "\"<p>b</p>\"");
    has(&bundle, "\"SELECT 1;\"");
}

#[test]
fn data_is_an_array_buffer_of_its_bytes() {
    let project = Project::new(&[("index.ts", "import d from './d.bin'; export default d.byteLength;")]);
    project.write("d.bin", &[0, 1, 254, 255]);
    let bundle = project.bundle();
    has(&bundle, "decode(\"AAH+/w==\", 4)");
    has(&bundle, "return bytes.buffer");
    lacks(&bundle, "import");
    assert!(!bundle.source_map.to_json().contains("AAH+"), "the bytes are not in the source map too");
}

#[test]
fn json_is_its_value() {
    let project = Project::new(&[
        (
            "index.ts",
            "import j, { name } from './j.json'; import k from './k.json' with { type: 'json' }; import l from './l.conf'; export default [j, name, k, l];",
        ),
        ("j.json", "{ \"name\": \"n\", \"deep\": { \"x-y\": [1, null] } }"),
        ("k.json", "[true]"),
        ("l.conf", "{ \"l\": 5 }"),
    ]);
    let rule = Rule { kind: RuleKind::Json, globs: vec!["**/*.conf".into()], fallthrough: true };
    let bundle = project.bundle_with(|options| options.rules.push(rule));
    has(&bundle, "\"x-y\": [1, null]");
    has(&bundle, "[true]");
    has(&bundle, "l: 5");
}

#[test]
fn rules_say_what_other_files_are() {
    let project = Project::new(&[
        ("index.ts", "import a from './docs/a.md'; import b from './b.txt'; export default [a, b];"),
        ("docs/a.md", "# Title"),
        ("b.txt", "bytes"),
    ]);
    let rule = |kind, glob: &str| Rule { kind, globs: vec![glob.into()], fallthrough: false };
    let rules = vec![rule(RuleKind::Text, "docs/**/*.md"), rule(RuleKind::Data, "**/*.txt")];
    let bundle = project.bundle_with(|options| options.rules = rules);
    has(&bundle, "\"# Title\"");
    has(&bundle, "decode(\"Ynl0ZXM=\", 5)");
}

#[test]
fn every_file_that_went_in_is_watched() {
    let project = Project::new(&[
        ("index.ts", "import './a'; import t from './t.txt'; import 'p'; console.log(t);"),
        ("a.ts", "console.log(1)"),
        ("t.txt", "t"),
        ("tsconfig.json", "{}"),
        ("unrelated.ts", ""),
        ("node_modules/p/index.js", "console.log(2)"),
    ]);
    let bundle = project.bundle();
    let root = project.root().canonicalize().unwrap();
    let names: Vec<_> = bundle.watched.iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a.ts", "index.ts", "node_modules/p/index.js", "t.txt", "tsconfig.json"]);
}

#[test]
fn doubtful_code_of_the_project_is_a_warning() {
    let project = Project::new(&[
        ("index.ts", "import * as ns from './a'; export default ns.nothing; import 'p';"),
        ("a.ts", "export const a = 1"),
        ("node_modules/p/index.js", "import * as b from './b.js'; console.log(b.nothing)"),
        ("node_modules/p/b.js", "export const b = 1"),
    ]);
    let warnings = project.bundle().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].to_string().starts_with("index.ts:1:43: "), "{}", warnings[0]);
}
