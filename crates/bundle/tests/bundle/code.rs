//! TypeScript, JSX and what is newer than the engine.

use crate::project::{Project, has, lacks, one};

#[test]
fn types_leave_no_trace() {
    let bundle = one(
        "index.ts",
        "import type { Gone } from './gone';
         import { Only } from './only-types';
         interface Env { ROOM: Gone }
         type Id = string & { readonly brand: unique symbol };
         declare const external: number;
         export abstract class Room<T extends Only> { declare x: number; abstract y(): void; constructor(readonly id: Id, private z?: T) {} }
         export default { fetch(request: Request, env: Env): Response { return (<any>request satisfies object) as Response; } };",
    );
    assert_eq!(bundle.exports, ["Room", "default"]);
    assert_eq!(bundle.imports, [""; 0]);
    has(&bundle, "constructor(id, z) { this.id = id; this.z = z; }");
    has(&bundle, "fetch(request, env) { return request; }");
    lacks(&bundle, "interface");
    lacks(&bundle, "declare");
}

#[test]
fn enums_and_namespaces_are_compiled() {
    let project = Project::new(&[
        (
            "index.ts",
            "import { Close, Kind } from './kinds'; export const a = [Close.Normal, Kind.B, Kind[1], Net.port]; namespace Net { export const port = 80 }",
        ),
        ("kinds.ts", "export const enum Close { Normal = 1000 } export enum Kind { A, B = 'b', C = A + 5 }"),
    ]);
    let bundle = project.bundle();
    has(&bundle, "1e3");
    has(&bundle, "[\"C\"] = 5");
    has(&bundle, ".port = 80");
    lacks(&bundle, "enum ");
    lacks(&bundle, "namespace ");
}

#[test]
fn class_fields_follow_the_configuration() {
    let class = "export class A { x; y = 1; constructor(public z: number) {} }";
    let with = |options: &str| {
        let tsconfig = format!("{{ \"compilerOptions\": {options} }} // with a comment");
        Project::new(&[("index.ts", class), ("tsconfig.json", &tsconfig)]).bundle()
    };
    let defined = with("{ \"target\": \"es2022\" }");
    has(&defined, "x; y = 1;");
    let assigned = with("{ \"target\": \"es2022\", \"useDefineForClassFields\": false }");
    has(&assigned, "this.z = z; this.y = 1;");
    lacks(&assigned, "x;");
}

#[test]
fn a_configuration_may_be_named_and_extend_another() {
    let project = Project::new(&[
        ("index.ts", "import { a } from '~/a'; export class A { x; y = a }"),
        ("src/a.ts", "export const a = 'found';"),
        ("config/base.json", "{ \"compilerOptions\": { \"useDefineForClassFields\": false } }"),
        (
            "config/worker.json",
            "{ \"extends\": \"./base.json\", \"compilerOptions\": { \"paths\": { \"~/*\": [\"../src/*\"] } } }",
        ),
    ]);
    let bundle = project.bundle_with(|options| options.tsconfig = Some("config/worker.json".into()));
    has(&bundle, "this.y = a");
    has(&bundle, "\"found\"");
    assert!(bundle.watched.iter().any(|path| path.ends_with("config/worker.json")), "{:?}", bundle.watched);
}

#[test]
fn decorators_of_typescript_are_compiled_and_others_refused() {
    let class = "const mark: any = () => {}; @mark export class A { @mark m(@mark p: string) {} }";
    let tsconfig = "{ \"compilerOptions\": { \"experimentalDecorators\": true, \"emitDecoratorMetadata\": true } }";
    let bundle = Project::new(&[("index.ts", class), ("tsconfig.json", tsconfig)]).bundle();
    has(&bundle, "design:paramtypes");
    lacks(&bundle, "@mark");
    let error = Project::new(&[("index.ts", class)]).fail();
    let place = error.problems[0].place.as_ref().unwrap();
    assert_eq!((place.line, place.column), (1, 29), "{error}");
    assert!(error.to_string().contains("experimentalDecorators"), "{error}");
}

#[test]
fn jsx_is_compiled_as_the_configuration_says() {
    let code = "export const a = <p id='x'>{1}<></></p>;";
    let runtime = ("node_modules/hono/jsx/jsx-runtime.js", "export const jsx = make(), jsxs = jsx, Fragment = 'F';");
    let with = |tsconfig: &str| Project::new(&[("index.tsx", code), ("tsconfig.json", tsconfig), runtime]);

    has(&with("{}").bundle(), "React.createElement(\"p\", { id: \"x\" }, 1, ");
    has(&with("{}").bundle(), "React.Fragment");
    let named = with("{}").bundle_with(|options| {
        options.jsx.factory = Some("h".into());
        options.jsx.fragment = Some("Bits".into());
    });
    has(&named, "h(\"p\", { id: \"x\" }, 1, ");
    has(&named, "h(Bits");
    for mode in ["react-jsx", "preserve"] {
        let tsconfig =
            format!("{{ \"compilerOptions\": {{ \"jsx\": \"{mode}\", \"jsxImportSource\": \"hono/jsx\" }} }}");
        let bundle = with(&tsconfig).bundle();
        has(&bundle, "const jsx = make()");
        has(&bundle, "jsx(\"F\"");
        lacks(&bundle, "<p");
    }
}

#[test]
fn plain_javascript_may_hold_jsx() {
    has(&one("index.js", "/** @jsx h */ export const a = <b/>;"), "h(\"b\"");
}

#[test]
fn what_the_engine_lacks_is_lowered_and_the_rest_stays() {
    let bundle = one(
        "index.ts",
        "using lock = take(); declare function take(): Disposable;
         export class A { #x = 1; static { A.all = []; } static all: A[]; get y() { return this.#x ?? 0; } }
         export const b = [1].at(-1) satisfies number | undefined; export const r = /[\\p{L}--a]/v; await 0;",
    );
    lacks(&bundle, "using lock");
    has(&bundle, "#x = 1");
    has(&bundle, "static {");
    has(&bundle, "/v");
    has(&bundle, "await 0");
}

#[test]
fn dynamic_imports_are_part_of_the_one_module() {
    let project = Project::new(&[
        (
            "index.ts",
            "export const lazy = () => import('./lazy'); const now = await import('./lazy'); console.log(now);",
        ),
        ("lazy.ts", "export default 'inside'; export const more = () => import('./more');"),
        ("more.ts", "await 1; export const x = 'deeper';"),
    ]);
    let bundle = project.bundle();
    has(&bundle, "\"inside\"");
    has(&bundle, "\"deeper\"");
    lacks(&bundle, "import('./");
    assert_eq!(bundle.imports, [""; 0]);
    assert_eq!(bundle.exports, ["lazy"]);
}

#[test]
fn definitions_replace_names() {
    let code = "export default [process.env.NODE_ENV, globalThis.process.env.NODE_ENV, navigator.userAgent, VERSION, process.env.STAGE];
                if (process.env.NODE_ENV === 'production') console.log('only there');";
    let bundle = Project::new(&[("index.ts", code)]).bundle_with(|options| {
        options.define.insert("VERSION".into(), "[4, 2]".into());
        options.define.insert("process.env.STAGE".into(), "\"test\"".into());
    });
    has(&bundle, "[\"development\", \"development\", \"Cloudflare-Workers\", [4, 2], \"test\"]");
    lacks(&bundle, "only there");
    let bundle = Project::new(&[("index.ts", code)]).bundle_with(|options| {
        options.node_env = "production".into();
        options.define.insert("navigator.userAgent".into(), "'mine'".into());
    });
    has(&bundle, "[\"production\", \"production\", \"mine\", VERSION, process.env.STAGE]");
    has(&bundle, "only there");
}

#[test]
fn names_survive_a_collision_unless_told_otherwise() {
    let project = Project::new(&[
        ("index.ts", "import { Room as Other } from './other'; export class Room { other = Other }"),
        ("other.ts", "export class Room {}"),
    ]);
    has(&project.bundle(), ", \"Room\")");
    lacks(&project.bundle_with(|options| options.keep_names = false), ", \"Room\")");
}

#[test]
fn minified_code_is_shorter_and_exports_the_same() {
    let project = Project::new(&[(
        "index.ts",
        "const aVeryLongName = 1; export function f(anArgument: number) { return anArgument + aVeryLongName; }",
    )]);
    let (plain, short) = (project.bundle(), project.bundle_with(|options| options.minify = true));
    assert!(short.code.len() < plain.code.len() / 2, "{}", short.code);
    assert_eq!(short.exports, plain.exports);
}

#[test]
fn the_caller_may_be_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let bundle = runtime.block_on(async { one("index.ts", "export default 1") });
    assert_eq!(bundle.exports, ["default"]);
}
