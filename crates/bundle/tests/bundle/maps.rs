//! From places in the bundle to places in the sources.

use std::path::Path;

use dormouse_bundle::Bundle;
use dormouse_bundle::map::Position;

use crate::project::Project;

/// What the source has at the place of the bundle where `part` begins.
#[track_caller]
fn lookup(bundle: &Bundle, part: &str) -> Position {
    let at = bundle.code.find(part).unwrap_or_else(|| panic!("no {part:?} in\n{}", bundle.code));
    let before = &bundle.code[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().encode_utf16().count() + 1;
    bundle.source_map.lookup(line as u32, column as u32).unwrap_or_else(|| panic!("{part:?} has no source"))
}

fn project() -> Project {
    Project::new(&[
        (
            "index.ts",
            "import { boom } from './src/boom';\nimport legacy from 'legacy';\n\ninterface Env {}\n\nexport default {\n  fetch(request: Request, env: Env) {\n    return boom(legacy);\n  },\n};\n",
        ),
        (
            "src/boom.ts",
            "type A = number;\n\nexport function boom(a: A) {\n  throw new Error('😀', { cause: a });\n}\n",
        ),
        ("node_modules/legacy/index.js", "module.exports = function legacy() {\n  return unknownThing;\n};\n"),
    ])
}

#[test]
fn places_lead_back_to_the_source() {
    let bundle = project().bundle();
    let at = lookup(&bundle, "throw new Error");
    assert_eq!((at.source.as_path(), at.line, at.column), (Path::new("src/boom.ts"), 4, 3));
    let at = lookup(&bundle, "{ cause");
    assert_eq!((at.line, at.column), (4, 25), "columns are in UTF-16 units");
    let at = lookup(&bundle, "return boom(");
    assert_eq!((at.source.as_path(), at.line, at.column), (Path::new("index.ts"), 8, 5));
    let at = lookup(&bundle, "unknownThing");
    assert_eq!((at.source.as_path(), at.line, at.column), (Path::new("node_modules/legacy/index.js"), 2, 10));
}

#[test]
fn minified_places_lead_back_too() {
    let bundle = project().bundle_with(|options| options.minify = true);
    assert!(bundle.code.lines().count() < 5, "{}", bundle.code);
    let at = lookup(&bundle, "Error(");
    assert_eq!((at.source.as_path(), at.line), (Path::new("src/boom.ts"), 4));
    let at = lookup(&bundle, "unknownThing");
    assert_eq!((at.source.as_path(), at.line), (Path::new("node_modules/legacy/index.js"), 2));
}

#[test]
fn the_bundlers_own_code_has_no_source() {
    let bundle = project().bundle();
    assert_eq!(bundle.source_map.lookup(1, 1), None);
    assert_eq!(bundle.source_map.lookup(0, 0), None);
    assert_eq!(bundle.source_map.lookup(1_000_000, 1), None);
}

#[test]
fn the_sources_are_in_the_map() {
    let bundle = project().bundle();
    let text = bundle.source_map.source_text(Path::new("src/boom.ts")).unwrap();
    assert!(text.starts_with("type A = number;"), "{text}");
    let json = bundle.source_map.to_json();
    assert!(json.starts_with("{\"version\":3,") && json.contains("\"sourcesContent\":["), "{json}");
}

#[test]
fn sources_above_the_projects_folder_are_named_from_it() {
    let project = Project::new(&[
        ("app/index.ts", "export { a } from '../shared/a';"),
        ("shared/a.ts", "export const a = () => here();"),
    ]);
    let mut options = project.options();
    options.root = project.root().join("app");
    let bundle = dormouse_bundle::bundle(&options).unwrap();
    assert_eq!(lookup(&bundle, "here()").source, Path::new("../shared/a.ts"));
}
