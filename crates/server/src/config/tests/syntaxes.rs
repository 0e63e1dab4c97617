//! One project in each syntax, and what becomes of each key.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{JSONC, TOML, project};
use crate::config::problem::Findings;
use crate::config::project::{
    Assets, Build, Class, DurableObjectBinding, Html, Limits, Migration, ModuleKind, NotFound, Origin, Project, Rename,
    Rule, RunWorkerFirst, Secrets, Service, Storage, Transfer,
};
use crate::config::source::Source;
use crate::config::syntax;

#[test]
fn the_three_syntaxes_give_one_project() {
    let source = Source::new("whole.jsonc", JSONC);
    let json = syntax::parse(&source, &mut Findings::default()).unwrap().to_json();
    let json = serde_json::to_string_pretty(&json).unwrap();
    for environment in [None, Some("staging"), Some("production")] {
        let files = [("wrangler.jsonc", JSONC), ("wrangler.json", &json), ("wrangler.toml", TOML)];
        let projects = files.map(|(name, text)| {
            let project = project(name, text, environment).unwrap();
            assert_eq!(project.file, Some(Path::new("w").join(name)));
            let mut notices: Vec<_> = project.notices.iter().map(|n| (n.key.clone(), n.message.clone())).collect();
            notices.sort();
            (Project { file: None, notices: Vec::new(), unserved: Vec::new(), ..project }, notices)
        });
        assert_eq!(projects[0], projects[1], "{environment:?}");
        assert_eq!(projects[0], projects[2], "{environment:?}");
    }
}

#[test]
fn each_key_becomes_a_field() {
    let mut project = project("wrangler.jsonc", JSONC, None).unwrap();
    let notices: Vec<String> = std::mem::take(&mut project.notices).iter().map(ToString::to_string).collect();
    let expected = [
        "w/wrangler.jsonc:3:3: `$schema` changes nothing here",
        "w/wrangler.jsonc:53:3: `observability` changes nothing here",
    ];
    assert_eq!(notices, expected);
    let unserved: Vec<_> =
        std::mem::take(&mut project.unserved).into_iter().filter_map(|problem| problem.key).collect();
    let keys = ["services[0].props", "assets", "triggers", "find_additional_modules", "base_dir"];
    assert_eq!(unserved, keys);
    assert_eq!(project, whole());
}

#[test]
fn a_small_file_has_defaults() {
    let least = project("wrangler.json", r#"{ "main": "index.js" }"#, None).unwrap();
    let expected = Project {
        root: PathBuf::from("w"),
        file: Some(PathBuf::from("w/wrangler.json")),
        name: "worker".to_owned(),
        main: Some(PathBuf::from("w/index.js")),
        ..Project::default()
    };
    assert_eq!(least, expected);
    let assets = project("wrangler.toml", "assets.directory = 'a'\nassets.run_worker_first = false", None).unwrap();
    let expected = Assets {
        directory: PathBuf::from("w/a"),
        binding: None,
        not_found_handling: NotFound::None,
        html_handling: Html::AutoTrailingSlash,
        run_worker_first: RunWorkerFirst::Never,
    };
    assert_eq!((assets.main, assets.assets), (None, Some(expected)));
}

#[test]
fn each_choice_has_its_meaning() {
    let assets = |key: &str, value: &str| {
        let text = format!(r#"{{"main": "a.js", "assets": {{"directory": "a", "{key}": {value}}}}}"#);
        project("w.json", &text, None).unwrap().assets.unwrap()
    };
    let cases = [("none", NotFound::None), ("404-page", NotFound::Page)];
    for (text, expected) in cases {
        assert_eq!(assets("not_found_handling", &format!("\"{text}\"")).not_found_handling, expected);
    }
    let cases = [
        ("auto-trailing-slash", Html::AutoTrailingSlash),
        ("force-trailing-slash", Html::ForceTrailingSlash),
        ("none", Html::None),
    ];
    for (text, expected) in cases {
        assert_eq!(assets("html_handling", &format!("\"{text}\"")).html_handling, expected);
    }
    for (text, expected) in [("true", RunWorkerFirst::Always), ("[]", RunWorkerFirst::Routes(Vec::new()))] {
        assert_eq!(assets("run_worker_first", text).run_worker_first, expected);
    }
    let kinds = [("ESModule", ModuleKind::EsModule), ("CommonJS", ModuleKind::CommonJs), ("Data", ModuleKind::Data)];
    for (text, expected) in kinds {
        let text = format!(r#"{{"main": "a.js", "rules": [{{"type": "{text}", "globs": []}}]}}"#);
        assert_eq!(project("w.json", &text, None).unwrap().rules[0].kind, expected);
    }
    let one = project("w.json", r#"{"main": "a.js", "build": {"watch_dir": "b"}}"#, None).unwrap();
    assert_eq!(one.build.watch_dir, [PathBuf::from("w/b")]);
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

fn path(path: &str) -> PathBuf {
    Path::new("w").join(path)
}

/// What whole.jsonc says without an environment.
fn whole() -> Project {
    Project {
        root: PathBuf::from("w"),
        file: Some(path("wrangler.jsonc")),
        environment: None,
        name: "room".to_owned(),
        main: Some(path("src/index.ts")),
        compatibility_date: Some("2025-06-01".to_owned()),
        compatibility_flags: texts(["nodejs_compat", "web_socket_compression"]),
        durable_objects: durable_objects(),
        migrations: migrations(),
        classes: classes(),
        vars: serde_json::from_value(json!({
            "TEXT": "a \"b\" é", "NUMBER": 1.5, "ON": true, "TABLE": {"list": [1, [2], "x"], "empty": {}},
        }))
        .unwrap(),
        secrets: Secrets::default(),
        services: services(),
        assets: Some(Assets {
            directory: path("./public"),
            binding: Some("ASSETS".to_owned()),
            not_found_handling: NotFound::SinglePageApplication,
            html_handling: Html::DropTrailingSlash,
            run_worker_first: RunWorkerFirst::Routes(texts(["/api/*", "!/api/docs/*"])),
        }),
        crons: texts(["*/5 * * * *", "0 0 * * 1"]),
        rules: vec![
            Rule { kind: ModuleKind::Text, globs: texts(["**/*.md", "**/*.txt"]), fallthrough: true },
            Rule { kind: ModuleKind::CompiledWasm, globs: texts(["**/*.wasm"]), fallthrough: false },
        ],
        define: [("VERSION".to_owned(), "'1'".to_owned())].into(),
        alias: [("fs".to_owned(), "./fs.js".to_owned())].into(),
        build: build(),
        limits: Limits { cpu_ms: Some(50), subrequests: Some(0) },
        notices: Vec::new(),
        unserved: Vec::new(),
    }
}

fn durable_objects() -> Vec<DurableObjectBinding> {
    let binding = |name: &str, class_name: &str| DurableObjectBinding {
        name: name.to_owned(),
        class_name: class_name.to_owned(),
        script_name: None,
        environment: None,
    };
    let lobby = DurableObjectBinding {
        script_name: Some("lobby".to_owned()),
        environment: Some("live".to_owned()),
        ..binding("LOBBY", "Lobby")
    };
    vec![binding("ROOM", "Room"), lobby, binding("SELF", "Room")]
}

fn migrations() -> Vec<Migration> {
    let first = Migration {
        tag: "v1".to_owned(),
        new_sqlite_classes: texts(["Chat"]),
        new_classes: texts(["Old", "Older"]),
        ..Migration::default()
    };
    let transfer = Transfer { from: "Game".to_owned(), from_script: "games".to_owned(), to: "Play".to_owned() };
    let second = Migration {
        tag: "v2".to_owned(),
        renamed_classes: vec![Rename { from: "Chat".to_owned(), to: "Room".to_owned() }],
        deleted_classes: texts(["Older"]),
        transferred_classes: vec![transfer],
        ..Migration::default()
    };
    vec![first, second]
}

fn classes() -> Vec<Class> {
    let class = |name: &str, storage, script: Option<&str>, class: &str| Class {
        name: name.to_owned(),
        storage,
        origin: Origin { script: script.map(str::to_owned), class: class.to_owned(), generation: 0 },
        migrated: true,
    };
    vec![
        class("Old", Storage::KeyValue, None, "Old"),
        class("Play", Storage::AsTransferred, Some("games"), "Game"),
        class("Room", Storage::Sqlite, None, "Chat"),
    ]
}

fn services() -> Vec<Service> {
    let service = |binding: &str, service: &str| Service {
        binding: binding.to_owned(),
        service: service.to_owned(),
        entrypoint: None,
        props: serde_json::Map::new(),
    };
    let auth = Service {
        entrypoint: Some("Admin".to_owned()),
        props: serde_json::from_value(json!({"level": 3})).unwrap(),
        ..service("AUTH", "auth")
    };
    vec![auth, service("LOG", "log")]
}

fn build() -> Build {
    Build {
        command: Some("make".to_owned()),
        cwd: Some(path("build")),
        watch_dir: vec![path("src"), path("lib")],
        no_bundle: Some(false),
        find_additional_modules: Some(true),
        base_dir: Some(path("src")),
        preserve_file_names: Some(true),
        tsconfig: Some(path("tsconfig.worker.json")),
        jsx_factory: Some("h".to_owned()),
        jsx_fragment: Some("Fragment".to_owned()),
        keep_names: Some(false),
    }
}
