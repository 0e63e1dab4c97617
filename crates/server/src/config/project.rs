//! What a project says, typed. Nothing here has been looked for on the disk but the files of the configuration itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::problem::{Notice, Problem};

/// One Worker as its files describe it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// The folder that paths in the file are relative to.
    pub root: PathBuf,
    /// The wrangler file; none for a single file of code.
    pub file: Option<PathBuf>,
    /// The environment that was chosen.
    pub environment: Option<String>,
    /// The Worker's name, as other Workers' `services` have it. In an environment without a name of its own it is the
    /// top level's with `-` and the environment behind.
    pub name: String,
    /// The module that the Worker begins with, under `root`; none when there are only assets.
    pub main: Option<PathBuf>,
    /// A day, `YYYY-MM-DD`.
    pub compatibility_date: Option<String>,
    /// In the order of the file.
    pub compatibility_flags: Vec<String>,
    /// Bindings of durable objects.
    pub durable_objects: Vec<DurableObjectBinding>,
    /// As the file has them, in its order.
    pub migrations: Vec<Migration>,
    /// What the migrations come to, and the bound classes that none of them creates; sorted by name.
    pub classes: Vec<Class>,
    /// Variables; a secret of the same name goes before.
    pub vars: Map<String, Value>,
    /// What `.dev.vars` has.
    pub secrets: Secrets,
    /// Bindings of other Workers.
    pub services: Vec<Service>,
    /// Static files.
    pub assets: Option<Assets>,
    /// `triggers.crons`, unparsed.
    pub crons: Vec<String>,
    /// Which files are modules of which kind, in the order of the file.
    pub rules: Vec<Rule>,
    /// Expressions that stand for names at build time.
    pub define: BTreeMap<String, String>,
    /// Modules that stand for others.
    pub alias: BTreeMap<String, String>,
    /// How the code is built.
    pub build: Build,
    /// Limits that the project sets itself.
    pub limits: Limits,
    /// What there is to say, in the order of the file.
    pub notices: Vec<Notice>,
    /// Keys in effect that are understood and that no server serves yet ([`super::UNSERVED`]).
    pub unserved: Vec<Problem>,
}

/// A durable object namespace in `env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurableObjectBinding {
    /// The name in `env`.
    pub name: String,
    /// The class.
    pub class_name: String,
    /// The Worker that has the class, when it is another one.
    pub script_name: Option<String>,
    /// The environment of that Worker.
    pub environment: Option<String>,
}

/// One step in the history of a Worker's classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migration {
    /// Its name, the only one of that name.
    pub tag: String,
    /// Classes that begin here and store in SQLite.
    pub new_sqlite_classes: Vec<String>,
    /// Classes that begin here and have the old key-value storage.
    pub new_classes: Vec<String>,
    /// Classes that go on under another name.
    pub renamed_classes: Vec<Rename>,
    /// Classes that end here, with their objects.
    pub deleted_classes: Vec<String>,
    /// Classes that come from another Worker, with their objects.
    pub transferred_classes: Vec<Transfer>,
}

/// A class that gets another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The name until here.
    pub from: String,
    /// The name from here on.
    pub to: String,
}

/// A class that comes from another Worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The name there.
    pub from: String,
    /// The other Worker.
    pub from_script: String,
    /// The name here.
    pub to: String,
}

/// A class of durable objects of this Worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The name under which the code exports it.
    pub name: String,
    /// What its objects store in.
    pub storage: Storage,
    /// What the class was when its first object could be made.
    pub origin: Origin,
    /// Whether a migration creates it; one that is only bound has none.
    pub migrated: bool,
}

/// What the objects of a class store in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// SQLite.
    Sqlite,
    /// The old key-value storage; also that of a class without a migration, as in wrangler.
    KeyValue,
    /// That of the class it was in another Worker.
    AsTransferred,
}

/// What stays the same about a class through renames: a unique key for its storage is made of this.
///
/// Two classes of one project never have the same origin. A migration that is added at the end changes no origin that
/// there was, and neither does a first migration for a class that was bound without one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The Worker that a transfer took it from; none for this one, whatever its name.
    pub script: Option<String>,
    /// Its first name, in that Worker.
    pub class: String,
    /// How many classes of that first name were there before it in these migrations.
    pub generation: u32,
}

/// Another Worker in `env`.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The name in `env`.
    pub binding: String,
    /// The other Worker's name.
    pub service: String,
    /// The class it is entered by; none for the default export.
    pub entrypoint: Option<String>,
    /// What the other Worker finds as `ctx.props`.
    pub props: Map<String, Value>,
}

/// Static files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    /// Their folder, under the root of the project.
    pub directory: PathBuf,
    /// The name in `env`.
    pub binding: Option<String>,
    /// What answers a path without a file.
    pub not_found_handling: NotFound,
    /// How paths and HTML files correspond.
    pub html_handling: Html,
    /// When the code is asked before the files.
    pub run_worker_first: RunWorkerFirst,
}

/// What answers a path without a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotFound {
    /// The Worker, or an empty 404.
    #[default]
    None,
    /// The nearest `404.html`.
    Page,
    /// `index.html`.
    SinglePageApplication,
}

/// How paths and HTML files correspond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Html {
    /// With a slash at the end for folders, without for files.
    #[default]
    AutoTrailingSlash,
    /// With a slash at the end.
    ForceTrailingSlash,
    /// Without a slash at the end.
    DropTrailingSlash,
    /// As the path says.
    None,
}

/// When the code is asked before the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RunWorkerFirst {
    /// When no file answers.
    #[default]
    Never,
    /// Always.
    Always,
    /// For these patterns of paths.
    Routes(Vec<String>),
}

/// Which files are modules of which kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The kind.
    pub kind: ModuleKind,
    /// Patterns of paths.
    pub globs: Vec<String>,
    /// Whether later rules and the default ones for the kind still count.
    pub fallthrough: bool,
}

/// What a file becomes when it is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleKind {
    /// An ECMAScript module.
    EsModule,
    /// A CommonJS module.
    CommonJs,
    /// A `WebAssembly.Module`.
    CompiledWasm,
    /// A string.
    Text,
    /// An `ArrayBuffer`.
    Data,
}

/// How the code is built. Each field is none when the file does not have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// A shell command to run before.
    pub command: Option<String>,
    /// The folder in which it runs, under the root of the project.
    pub cwd: Option<PathBuf>,
    /// Folders whose changes start it again, under the root of the project.
    pub watch_dir: Vec<PathBuf>,
    /// Whether the code is taken as it is.
    pub no_bundle: Option<bool>,
    /// Whether files that `rules` match are modules without being imported.
    pub find_additional_modules: Option<bool>,
    /// The folder in which `rules` match, under the root of the project.
    pub base_dir: Option<PathBuf>,
    /// Whether modules keep their file names.
    pub preserve_file_names: Option<bool>,
    /// Another `tsconfig.json`, under the root of the project.
    pub tsconfig: Option<PathBuf>,
    /// The function for JSX elements.
    pub jsx_factory: Option<String>,
    /// The function for JSX fragments.
    pub jsx_fragment: Option<String>,
    /// Whether functions keep their names.
    pub keep_names: Option<bool>,
}

/// Limits that a project sets itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// CPU time of one event, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Requests that one event may make.
    pub subrequests: Option<u64>,
}

/// Secrets by name. Their `Debug` has the names only, so that no log gets a value by accident.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    pub(crate) fn new(secrets: BTreeMap<String, String>) -> Self {
        Self(secrets)
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
