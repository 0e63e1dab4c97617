//! From a checked tree to a [`Project`].
//!
//! Types are not asked for again: a value that [`super::check`] has refused is left out, and the project is thrown away
//! in the end. What needs more than one key is judged here: names in `env`, classes, what there is to run.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::check::path_of;
use super::keys::{HTML, MODULES, NOT_FOUND};
use super::limits::BINDINGS_MAX;
use super::migrations;
use super::problem::{Findings, Place, shown};
use super::project::{
    Assets, Build, DurableObjectBinding, Html, Limits, ModuleKind, NotFound, Project, Rule, RunWorkerFirst, Secrets,
    Service,
};
use super::source::Source;
use super::tree::Node;
use super::view::View;

/// The name of a Worker that has none, as wrangler calls it while developing.
pub(crate) const DEFAULT_NAME: &str = "worker";

/// The project of a file, without its notices.
pub(crate) fn project(source: &Source, view: &View<'_>, secrets: Secrets, findings: &mut Findings) -> Project {
    let root = source.path().parent().map(Path::to_owned).unwrap_or_default();
    let name = name(view);
    let text = |key| view.node(key).and_then(Node::text).map(str::to_owned);
    let texts = |key| view.node(key).map(Node::texts).unwrap_or_default();

    let durable_objects = durable_objects(source, view, &name, findings);
    let (migrations, classes) = {
        let (path, node) = view.get("migrations").unzip();
        let list = node.map(Node::list).unwrap_or_default();
        let (migrations, mut history) =
            migrations::replay(source, findings, list, path.as_deref().unwrap_or("migrations"));
        for (binding, path, at) in &durable_objects {
            if binding.script_name.is_none() {
                history.bind(*at, &format!("{path}.class_name"), &binding.class_name);
            }
        }
        (migrations, history.into_classes())
    };
    unique_names(source, view, &secrets, findings);
    if view.node("main").is_none() {
        without_code(source, view, &durable_objects, findings);
    }

    Project {
        file: Some(source.path().to_owned()),
        environment: view.environment.map(|(name, _)| name.to_owned()),
        name,
        main: text("main").map(|main| root.join(main)),
        compatibility_date: text("compatibility_date"),
        compatibility_flags: texts("compatibility_flags"),
        durable_objects: durable_objects.into_iter().map(|(binding, ..)| binding).collect(),
        migrations,
        classes,
        vars: map(view.node("vars")),
        secrets,
        services: view.node("services").map(services).unwrap_or_default(),
        assets: view.node("assets").and_then(|node| assets(node, &root)),
        crons: view.node("triggers").and_then(|node| node.get("crons")).map(Node::texts).unwrap_or_default(),
        rules: view.node("rules").map(rules).unwrap_or_default(),
        define: text_map(view.node("define")),
        alias: text_map(view.node("alias")),
        build: build(view, &root),
        limits: limits(view.node("limits")),
        root,
        notices: Vec::new(),
        unserved: Vec::new(),
    }
}

fn name(view: &View<'_>) -> String {
    let top = view.top.text_of("name").unwrap_or_else(|| DEFAULT_NAME.to_owned());
    match view.environment {
        Some((environment, table)) => table.text_of("name").unwrap_or_else(|| format!("{top}-{environment}")),
        None => top,
    }
}

/// A binding, its path, and the place of its class.
type PlacedBinding = (DurableObjectBinding, String, usize);

/// The bindings of durable objects in a Worker that is called `name`.
fn durable_objects(source: &Source, view: &View<'_>, name: &str, findings: &mut Findings) -> Vec<PlacedBinding> {
    let Some((path, node)) = view.get("durable_objects") else { return Vec::new() };
    let list = node.get("bindings").map(Node::list).unwrap_or_default();
    let mut bindings = Vec::new();
    for (index, row) in list.iter().enumerate() {
        let path = format!("{path}.bindings[{index}]");
        if let (Some(environment), None) = (row.get("environment"), row.get("script_name")) {
            let place = Place { source, at: environment.at };
            let (message, advice) = ("is there without `script_name`", "take it out, or add the Worker that it is of");
            findings.problem(place, &format!("{path}.environment"), message, advice);
        }
        let (Some(binding), Some(class)) = (row.text_of("name"), row.get("class_name")) else { continue };
        let Some(class_name) = class.text().map(str::to_owned) else { continue };
        let script_name = row.text_of("script_name").filter(|script| script != name);
        let environment = row.text_of("environment");
        bindings.push((DurableObjectBinding { name: binding, class_name, script_name, environment }, path, class.at));
    }
    bindings
}

/// Reports what cannot be without `main`.
fn without_code(source: &Source, view: &View<'_>, durable_objects: &[PlacedBinding], findings: &mut Findings) {
    let Some((assets_path, assets)) = view.get("assets") else {
        let advice = "add it with the path of the first module, or add `assets` to serve files alone";
        findings.problem(Place { source, at: view.top.at }, "main", "is missing", advice);
        return;
    };
    let mut rows: Vec<(String, usize)> = Vec::new();
    let mut row =
        |path: &str, key, node: Option<&Node>| rows.extend(node.map(|node| (format!("{path}.{key}"), node.at)));
    let first = assets.get("run_worker_first").filter(|node| node.bool() != Some(false));
    row(&assets_path, "binding", assets.get("binding"));
    row(&assets_path, "run_worker_first", first);
    if let Some((path, node)) = view.get("triggers") {
        row(&path, "crons", node.get("crons").filter(|node| !node.list().is_empty()));
    }
    let own = durable_objects.iter().filter(|(binding, ..)| binding.script_name.is_none());
    rows.extend(own.map(|(_, path, at)| (format!("{path}.class_name"), *at)));
    for (path, at) in rows {
        let advice = "add `main`, or take this out";
        findings.problem(Place { source, at }, &path, "needs code, and there is no `main`", advice);
    }
}

/// Reports names in `env` that two bindings have, and too many of them. A secret may have the name of a variable only.
fn unique_names(source: &Source, view: &View<'_>, secrets: &Secrets, findings: &mut Findings) {
    let mut names = bindings(view);
    for (name, path, at) in names.iter().filter(|(name, ..)| secrets.get(name).is_some()) {
        let message = format!("is `{}`, a name in `env` that a secret has already", shown(name));
        findings.problem(Place { source, at: *at }, path, message, "give each binding a name of its own");
    }
    if let Some((path, node)) = view.get("vars") {
        let entries = node.entries().iter();
        names.extend(entries.map(|entry| (entry.key.as_str(), path_of(&path, &entry.key), entry.at)));
    }
    let count = names.len() + secrets.len();
    if count > BINDINGS_MAX {
        let message = format!("there are {count} bindings, more than {BINDINGS_MAX}");
        findings.syntax(Place { source, at: view.top.at }, message, "take some out; one variable can hold a table");
    }
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for (name, path, at) in &names {
        match seen.get(name) {
            Some(first) if first != path => {
                let message = format!("is `{}`, a name in `env` that `{first}` has already", shown(name));
                findings.problem(Place { source, at: *at }, path, message, "give each binding a name of its own");
            }
            // A key that stands twice in `vars` has been reported.
            Some(_) => {}
            None => {
                seen.insert(name, path);
            }
        }
    }
}

/// The names in `env` of all but variables and secrets, each with the path and the place of what gives it.
fn bindings<'a>(view: &View<'a>) -> Vec<(&'a str, String, usize)> {
    let mut rows: Vec<(Option<&'a Node>, String)> = Vec::new();
    if let Some((path, node)) = view.get("durable_objects") {
        let list = node.get("bindings").map(Node::list).unwrap_or_default().iter().enumerate();
        rows.extend(list.map(|(index, row)| (row.get("name"), format!("{path}.bindings[{index}].name"))));
    }
    if let Some((path, node)) = view.get("services") {
        let list = node.list().iter().enumerate();
        rows.extend(list.map(|(index, row)| (row.get("binding"), format!("{path}[{index}].binding"))));
    }
    if let Some((path, node)) = view.get("assets") {
        rows.push((node.get("binding"), format!("{path}.binding")));
    }
    rows.into_iter().filter_map(|(node, path)| Some((node?.text()?, path, node?.at))).collect()
}

fn services(node: &Node) -> Vec<Service> {
    let service = |row: &Node| {
        Some(Service {
            binding: row.text_of("binding")?,
            service: row.text_of("service")?,
            entrypoint: row.text_of("entrypoint"),
            props: map(row.get("props")),
        })
    };
    node.list().iter().filter_map(service).collect()
}

fn assets(node: &Node, root: &Path) -> Option<Assets> {
    let choice = |key, choices| choice(node.get(key), choices);
    Some(Assets {
        directory: root.join(node.text_of("directory")?),
        binding: node.text_of("binding"),
        not_found_handling: match choice("not_found_handling", NOT_FOUND) {
            Some("404-page") => NotFound::Page,
            Some("single-page-application") => NotFound::SinglePageApplication,
            _ => NotFound::None,
        },
        html_handling: match choice("html_handling", HTML) {
            Some("force-trailing-slash") => Html::ForceTrailingSlash,
            Some("drop-trailing-slash") => Html::DropTrailingSlash,
            Some("none") => Html::None,
            _ => Html::AutoTrailingSlash,
        },
        run_worker_first: match node.get("run_worker_first") {
            Some(node) if node.bool() == Some(true) => RunWorkerFirst::Always,
            Some(node) if node.bool().is_none() => RunWorkerFirst::Routes(node.texts()),
            _ => RunWorkerFirst::Never,
        },
    })
}

fn rules(node: &Node) -> Vec<Rule> {
    let rule = |row: &Node| {
        let kind = match choice(row.get("type"), MODULES)? {
            "ESModule" => ModuleKind::EsModule,
            "CommonJS" => ModuleKind::CommonJs,
            "CompiledWasm" => ModuleKind::CompiledWasm,
            "Text" => ModuleKind::Text,
            _ => ModuleKind::Data,
        };
        let fallthrough = row.get("fallthrough").and_then(Node::bool).unwrap_or(false);
        Some(Rule { kind, globs: row.get("globs").map(Node::texts).unwrap_or_default(), fallthrough })
    };
    node.list().iter().filter_map(rule).collect()
}

fn build(view: &View<'_>, root: &Path) -> Build {
    let text = |key| view.node(key).and_then(Node::text).map(str::to_owned);
    let bool = |key| view.node(key).and_then(Node::bool);
    let path = |key| text(key).map(|path: String| root.join(path));
    let inner = |key| view.node("build").and_then(|node| node.get(key));
    let watched = inner("watch_dir").map(Node::texts).unwrap_or_default();
    Build {
        command: inner("command").and_then(Node::text).map(str::to_owned),
        cwd: inner("cwd").and_then(Node::text).map(|path| root.join(path)),
        watch_dir: watched.iter().map(|path| root.join(path)).collect::<Vec<PathBuf>>(),
        no_bundle: bool("no_bundle"),
        find_additional_modules: bool("find_additional_modules"),
        base_dir: path("base_dir"),
        preserve_file_names: bool("preserve_file_names"),
        tsconfig: path("tsconfig"),
        jsx_factory: text("jsx_factory"),
        jsx_fragment: text("jsx_fragment"),
        keep_names: bool("keep_names"),
    }
}

fn limits(node: Option<&Node>) -> Limits {
    let count = |key| node.and_then(|node| node.get(key)).and_then(Node::count);
    Limits { cpu_ms: count("cpu_ms"), subrequests: count("subrequests") }
}

/// The one of `choices` that a string is.
fn choice<'a>(node: Option<&Node>, choices: &[&'a str]) -> Option<&'a str> {
    let text = node?.text()?;
    choices.iter().copied().find(|choice| *choice == text)
}

fn map(node: Option<&Node>) -> Map<String, Value> {
    node.map(Node::to_map).unwrap_or_default()
}

fn text_map(node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = node.map(Node::entries).unwrap_or_default().iter();
    entries.filter_map(|entry| Some((entry.key.clone(), entry.node.text()?.to_owned()))).collect()
}
