//! Packages of `node_modules`, written by hand in the forms that npm has.

use crate::project::{Project, has, lacks};

#[test]
fn conditions_choose_the_build_for_workers() {
    let exports = r#"{ "name": "p", "exports": { ".": { "node": "./node.js", "workerd": { "import": "./workerd.mjs", "require": "./workerd.cjs" }, "default": "./default.js" },
        "./worker": { "deno": "./deno.js", "worker": "./worker.js", "browser": "./browser.js" }, "./browser": { "browser": "./browser.js", "default": "./default.js" }, "./types": { "types": "./a.d.ts", "default": "./default.js" } } }"#;
    let file = |name: &str| (format!("node_modules/p/{name}"), format!("export default '{name}';"));
    let names = ["node.js", "workerd.mjs", "default.js", "deno.js", "worker.js", "browser.js"].map(file);
    let project = Project::new(&[
        ("node_modules/p/package.json", exports),
        ("node_modules/p/workerd.cjs", "module.exports = 'workerd.cjs'"),
        (
            "index.ts",
            "import a from 'p'; import b from 'p/worker'; import c from 'p/browser'; import d from 'p/types'; const e = require('p'); export default [a, b, c, d, e];",
        ),
    ]);
    names.iter().for_each(|(path, text)| project.write(path, text.as_bytes()));
    let bundle = project.bundle();
    for name in ["workerd.mjs", "worker.js", "browser.js", "default.js", "workerd.cjs"] {
        has(&bundle, &format!("\"{name}\""));
    }
    lacks(&bundle, "\"node.js\"");
    lacks(&bundle, "\"deno.js\"");
}

#[test]
fn main_fields_are_those_of_browsers() {
    let file = |path, text| (path, text);
    let project = Project::new(&[
        file("node_modules/a/package.json", r#"{ "main": "m.js", "module": "e.mjs", "browser": "b.js" }"#),
        file("node_modules/a/b.js", "module.exports = 'browser of a'"),
        file("node_modules/b/package.json", r#"{ "main": "m.js", "module": "e.mjs" }"#),
        file("node_modules/b/e.mjs", "export default 'module of b'"),
        file("node_modules/@s/c/package.json", r#"{ "main": "./lib" }"#),
        file("node_modules/@s/c/lib/index.js", "exports.c = 'main of c'"),
        file("node_modules/d/package.json", r#"{ "main": "m.js", "browser": { "fs": false, "./m.js": "./w.js" } }"#),
        file("node_modules/d/w.js", "module.exports = [require('fs'), 'map of d']"),
        file(
            "index.ts",
            "import a from 'a'; import b from 'b'; import { c } from '@s/c'; import d from 'd'; export default [a, b, c, d];",
        ),
    ]);
    let bundle = project.bundle();
    for text in ["browser of a", "module of b", "main of c", "map of d"] {
        has(&bundle, &format!("\"{text}\""));
    }
    assert_eq!(bundle.imports, [""; 0], "a module that is left out is not asked of the platform");
}

#[test]
fn commonjs_works_in_both_directions() {
    let project = Project::new(&[
        (
            "node_modules/c/index.js",
            "const m = require('./more'); exports.__esModule = true; exports.default = m.x; exports.json = require('./d.json');",
        ),
        ("node_modules/c/more.js", "exports.x = require('e').y;"),
        ("node_modules/c/d.json", "{ \"version\": \"1.2.3\" }"),
        ("node_modules/e/package.json", "{ \"type\": \"module\", \"main\": \"e.js\" }"),
        ("node_modules/e/e.js", "export const y = 'from a module'"),
        ("index.ts", "import c, { json } from 'c'; export default [c, json.version];"),
    ]);
    let bundle = project.bundle();
    has(&bundle, "\"from a module\"");
    has(&bundle, "1.2.3");
    lacks(&bundle, "require(\"e\")");
}

#[test]
fn a_worker_in_commonjs_has_a_default_export() {
    assert_eq!(Project::new(&[("index.js", "module.exports = { fetch() {} }")]).bundle().exports, ["default"]);
}

#[test]
fn the_platforms_modules_stay_imports() {
    let project = Project::new(&[
        ("index.ts", "import { DurableObject } from 'cloudflare:workers'; import { AsyncLocalStorage } from 'node:async_hooks'; import 'crypto'; import p from 'fs/promises';
                      export class A extends DurableObject { als = new AsyncLocalStorage(); p = p; lazy = () => import('cloudflare:email'); }"),
    ]);
    let bundle = project.bundle();
    let expected = ["cloudflare:email", "cloudflare:workers", "node:async_hooks", "node:crypto", "node:fs/promises"];
    assert_eq!(bundle.imports, expected);
    has(&bundle, "import { DurableObject } from \"cloudflare:workers\"");
    has(&bundle, "import(\"cloudflare:email\")");
}

#[test]
fn a_package_comes_before_the_built_in_of_its_name() {
    let project = Project::new(&[
        ("node_modules/buffer/index.js", "exports.Buffer = 'of the package'"),
        (
            "index.ts",
            "import { Buffer } from 'buffer'; import { EventEmitter } from 'events'; export default [Buffer, EventEmitter];",
        ),
    ]);
    let bundle = project.bundle();
    has(&bundle, "of the package");
    assert_eq!(bundle.imports, ["node:events"]);
}

#[test]
fn required_built_ins_become_imports() {
    let project = Project::new(&[
        (
            "node_modules/c/index.js",
            "const { EventEmitter } = require('events'); module.exports = class extends EventEmitter { b = require('node:buffer') };",
        ),
        ("index.ts", "import C from 'c'; export default new C();"),
    ]);
    let bundle = project.bundle();
    assert_eq!(bundle.imports, ["node:buffer", "node:events"]);
    lacks(&bundle, "__require(\"");
}

#[test]
fn an_optional_package_may_be_missing() {
    let project = Project::new(&[
        ("node_modules/c/index.js", "let fast; try { fast = require('fast-c') } catch {} exports.fast = fast;"),
        ("index.ts", "import { fast } from 'c'; export default fast;"),
    ]);
    has(&project.bundle(), "\"fast-c\"");
}

#[test]
fn aliases_lead_to_files_packages_and_the_platform() {
    let project = Project::new(&[
        (
            "src/deep/used.ts",
            "import a from 'one'; import b from 'two/sub'; import c from 'three'; export default [a, b, c];",
        ),
        ("index.ts", "export { default } from './src/deep/used';"),
        ("shims/one.ts", "export default 'of the project'"),
        ("node_modules/other/sub.js", "export default 'of another package'"),
    ]);
    let pairs = [("one", "./shims/one.ts"), ("two", "other"), ("three", "node:path")];
    let bundle = project.bundle_with(|options| options.alias = pairs.map(|(from, to)| (from.into(), to.into())).into());
    has(&bundle, "of the project");
    has(&bundle, "of another package");
    assert_eq!(bundle.imports, ["node:path"]);
}

#[test]
fn what_nobody_uses_is_left_out() {
    let project = Project::new(&[
        ("node_modules/p/package.json", "{ \"sideEffects\": false, \"module\": \"i.js\" }"),
        ("node_modules/p/i.js", "export { a } from './a.js'; export { b } from './b.js';"),
        ("node_modules/p/a.js", "export const a = 'used'"),
        ("node_modules/p/b.js", "console.log('unused'); export const b = 1"),
        ("index.ts", "import { a } from 'p'; export default a; import text from './unused.txt';"),
        ("unused.txt", "never seen"),
    ]);
    let bundle = project.bundle();
    has(&bundle, "\"used\"");
    lacks(&bundle, "unused");
    lacks(&bundle, "never seen");
}
