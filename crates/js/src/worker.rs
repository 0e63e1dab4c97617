//! A Worker as a server describes it: its modules, its bindings and its classes; and how several of them become one
//! application.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dormouse_runtime::node::{Application, ClassSource, WorkerIndex, WorkerSource};
use serde_json::{Value, json};

use crate::guest::{self, Factory};
use crate::isolate::Isolate;
use crate::limits::{CPU_TIME_MAX, MEMORY_MAX};
use crate::platform::Platform;

/// One Worker.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Its name, by which other Workers' bindings address it.
    pub name: String,
    /// The name of the module that it begins with.
    pub main: String,
    /// All its modules.
    pub modules: Vec<Module>,
    /// A day, `YYYY-MM-DD`: behaviour that changed later is as it was on that day.
    pub compatibility_date: String,
    /// Changes that are taken, or refused, whatever the date.
    pub compatibility_flags: Vec<String>,
    /// What is in `env`.
    pub bindings: Vec<Binding>,
    /// The classes of objects that it exports.
    pub classes: Vec<Class>,
    /// Bytes that its engine may hold on each shard.
    pub memory_max: usize,
    /// How long one turn may compute.
    pub cpu_time_max: Duration,
    /// Where the code of its modules comes from, for the stacks of errors.
    pub source_map: Option<SourceMap>,
}

/// Finds the place in a Worker's sources that a place in one of its modules was made from.
#[derive(Clone)]
pub struct SourceMap(Arc<Find>);

type Find = dyn Fn(&str, u32, u32) -> Option<Position> + Send + Sync;

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The source's name.
    pub source: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

/// One module.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its name: a path, as other modules' relative specifiers mean it.
    pub name: String,
    /// What is in it.
    pub source: ModuleSource,
}

/// What a module is.
#[derive(Clone, Debug)]
pub enum ModuleSource {
    /// An ES module.
    Script(String),
    /// Its default export is this text.
    Text(String),
    /// Its default export is the value that this JSON spells.
    Json(String),
    /// Its default export is an `ArrayBuffer` of these bytes.
    Data(Vec<u8>),
}

/// One property of `env`.
#[derive(Clone, Debug)]
pub enum Binding {
    /// A variable or a secret.
    Var {
        /// The property's name.
        name: String,
        /// A text, or any JSON value.
        value: Value,
    },
    /// The objects of a class.
    Namespace {
        /// The property's name.
        name: String,
        /// The class.
        class: String,
        /// The Worker that has it; none for the Worker itself.
        worker: Option<String>,
    },
    /// Another Worker.
    Service {
        /// The property's name.
        name: String,
        /// The Worker.
        service: String,
        /// One of its named exports; none for the default one.
        entrypoint: Option<String>,
    },
}

/// A class of objects.
#[derive(Clone, Debug)]
pub struct Class {
    /// The name under which the Worker exports it.
    pub name: String,
    /// What the ids of its objects are made from; stays the same when the class is renamed.
    pub unique_key: String,
    /// What its objects are given of storage.
    pub storage: ClassStorage,
}

/// What the objects of a class are given of storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClassStorage {
    /// SQL too.
    #[default]
    Sql,
    /// The asynchronous keys and values alone, as a class has that was created by `new_classes`. It is stored in the same
    /// way.
    KeyValue,
}

/// One export of a Worker's main module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its name; `default` for the default one.
    pub name: String,
    /// What it is.
    pub kind: ExportKind,
}

/// What an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// A class that extends `DurableObject`.
    Object,
    /// A class that extends `WorkerEntrypoint`.
    Entrypoint,
    /// An object, which may have handlers.
    Handlers,
    /// Anything else, among it classes that extend neither.
    Other,
}

/// Why Workers cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("no Worker is given")]
    NoWorker,
    /// Two have the same name.
    #[error("two Workers are called `{0}`")]
    SameName(String),
    /// A binding of a Worker names something that is not there.
    #[error("binding `{binding}` of Worker `{worker}` names {what}, which is not there")]
    Dangling {
        /// The Worker with the binding.
        worker: String,
        /// The binding.
        binding: String,
        /// What it names.
        what: String,
    },
    /// Its code cannot be run.
    #[error("Worker `{worker}` cannot start: {message}")]
    Faulty {
        /// The Worker.
        worker: String,
        /// What was thrown, with its stack.
        message: String,
    },
}

/// A Worker that can run: what all its isolates share.
pub(crate) struct Version {
    pub(crate) worker: Worker,
    pub(crate) platform: Arc<Platform>,
    modules: HashMap<String, usize>,
    /// What `main.js` is told of the Worker: flags, bindings, the address of each.
    pub(crate) description: String,
    /// Whether messages of sockets that it hands to clients may be compressed.
    pub(crate) compresses: bool,
}

impl SourceMap {
    /// `find` gets a module's name, a line and a column, both from 1.
    pub fn new(find: impl Fn(&str, u32, u32) -> Option<Position> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    pub(crate) fn find(&self, module: &str, line: u32, column: u32) -> Option<Position> {
        (self.0)(module, line, column)
    }
}

impl fmt::Debug for SourceMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SourceMap")
    }
}

impl Worker {
    /// A Worker of one module, with the newest behaviour and without bindings.
    pub fn new(name: impl Into<String>, source: impl Into<String>) -> Self {
        let main = Module { name: "worker.js".to_owned(), source: ModuleSource::Script(source.into()) };
        Self {
            name: name.into(),
            main: main.name.clone(),
            modules: vec![main],
            compatibility_date: crate::compat::NEWEST.to_owned(),
            compatibility_flags: Vec::new(),
            bindings: Vec::new(),
            classes: Vec::new(),
            memory_max: MEMORY_MAX,
            cpu_time_max: CPU_TIME_MAX,
            source_map: None,
        }
    }

    /// The name that a class has on its node.
    fn class_on_node(&self, class: &str) -> String {
        format!("{}.{class}", self.name)
    }
}

/// What runs `workers`, on a platform of their own: see [`Platform::application`].
///
/// # Errors
///
/// When a Worker's code is faulty, or a binding names something that is not there.
pub fn application(workers: Vec<Worker>) -> Result<Application, Error> {
    Platform::compile()?.application(workers)
}

impl Platform {
    /// Compiles the platform, which takes longer than all else that a small Worker needs at its start.
    ///
    /// # Errors
    ///
    /// When the engine cannot be made.
    pub fn compile() -> Result<Arc<Self>, Error> {
        Self::of_files().map_err(|fault| Error::Faulty { worker: "platform".to_owned(), message: fault.to_string() })
    }

    /// What runs `workers`; the first one answers requests from outside. Their code is run once, to find its faults before
    /// anybody can connect.
    ///
    /// # Errors
    ///
    /// When a Worker's code is faulty, or a binding names something that is not there.
    pub fn application(self: &Arc<Self>, workers: Vec<Worker>) -> Result<Application, Error> {
        if workers.is_empty() {
            return Err(Error::NoWorker);
        }
        let mut doors = Doors::of(&workers)?;
        for worker in &workers {
            let version = Arc::new(Version::new(worker, &workers, &doors, self.clone())?);
            doors.open(&workers, &worker.name, &parse(&inspect(&version)?))?;
        }
        let mut sources = Vec::new();
        let mut versions = HashMap::new();
        let mut classes = Vec::new();
        for worker in &workers {
            let version = Arc::new(Version::new(worker, &workers, &doors, self.clone())?);
            for class in &worker.classes {
                let factory = Factory::new(version.clone(), guest::Export::Class(class.name.clone()));
                classes.push(ClassSource {
                    name: worker.class_on_node(&class.name),
                    unique_key: class.unique_key.clone(),
                    factory: Arc::new(factory),
                });
            }
            versions.insert(worker.name.as_str(), version);
        }
        for (service, entrypoint) in &doors.0 {
            let Some(version) = versions.get(service.as_str()) else { continue };
            let factory = Factory::new(version.clone(), guest::Export::Entry(entrypoint.clone()));
            sources.push(WorkerSource { name: service.clone(), factory: Arc::new(factory) });
        }
        Ok(Application { workers: sources, classes })
    }

    /// What the main module of a Worker exports. Its code is run once for that.
    ///
    /// # Errors
    ///
    /// When the code is faulty.
    pub fn exports(self: &Arc<Self>, worker: &Worker) -> Result<Vec<Export>, Error> {
        let bare = Worker { bindings: Vec::new(), classes: Vec::new(), ..worker.clone() };
        let workers = [bare];
        let version = Version::new(&workers[0], &workers, &Doors::of(&workers)?, self.clone())?;
        Ok(parse(&inspect(&Arc::new(version))?))
    }
}

/// The exports that `main.js` has told of.
fn parse(inspected: &str) -> Vec<Export> {
    let found: Vec<(String, String)> = serde_json::from_str(inspected).unwrap_or_default();
    let exports = found.into_iter().map(|(name, kind)| Export {
        name,
        kind: match kind.as_str() {
            "object" => ExportKind::Object,
            "entrypoint" => ExportKind::Entrypoint,
            "handlers" => ExportKind::Handlers,
            _ => ExportKind::Other,
        },
    });
    exports.collect()
}

fn inspect(version: &Arc<Version>) -> Result<String, Error> {
    Isolate::inspect(version).map_err(|fault| Error::Faulty {
        worker: version.worker.name.clone(),
        message: if fault.stack.is_empty() { fault.to_string() } else { fault.stack },
    })
}

/// The ways into Workers, by their index on the node: the first is the entry.
struct Doors(Vec<(String, Option<String>)>);

impl Doors {
    fn of(workers: &[Worker]) -> Result<Self, Error> {
        let mut doors = Vec::new();
        for worker in workers {
            let door = (worker.name.clone(), None);
            if doors.contains(&door) {
                return Err(Error::SameName(worker.name.clone()));
            }
            doors.push(door);
        }
        for worker in workers {
            for binding in &worker.bindings {
                let Binding::Service { service, entrypoint: Some(entrypoint), .. } = binding else { continue };
                let door = (service.clone(), Some(entrypoint.clone()));
                if !doors.contains(&door) {
                    doors.push(door);
                }
            }
        }
        Ok(Self(doors))
    }

    /// Adds the ways into the entrypoints that a Worker exports, after all that there are.
    ///
    /// # Errors
    ///
    /// When a binding names one that it does not export.
    fn open(&mut self, workers: &[Worker], name: &str, exports: &[Export]) -> Result<(), Error> {
        for export in exports.iter().filter(|export| export.kind == ExportKind::Entrypoint && export.name != "default")
        {
            let door = (name.to_owned(), Some(export.name.clone()));
            if !self.0.contains(&door) {
                self.0.push(door);
            }
        }
        for worker in workers {
            for binding in &worker.bindings {
                let Binding::Service { name: binding, service, entrypoint: Some(entrypoint) } = binding else {
                    continue;
                };
                if service == name && !exports.iter().any(|export| export.name == *entrypoint) {
                    let what = format!("export `{entrypoint}` of Worker `{service}`");
                    return Err(Error::Dangling { worker: worker.name.clone(), binding: binding.clone(), what });
                }
            }
        }
        Ok(())
    }

    /// The ways into one Worker: the name of each export, and its index.
    fn of_worker(&self, name: &str) -> Vec<(&str, usize)> {
        let doors = self.0.iter().enumerate().filter(|(_, (service, _))| service == name);
        doors.map(|(index, (_, export))| (export.as_deref().unwrap_or("default"), index)).collect()
    }

    fn index(&self, service: &str, entrypoint: Option<&str>) -> Option<WorkerIndex> {
        let at = self.0.iter().position(|(name, export)| name == service && export.as_deref() == entrypoint)?;
        Some(WorkerIndex(at))
    }
}

impl Version {
    fn new(worker: &Worker, all: &[Worker], doors: &Doors, platform: Arc<Platform>) -> Result<Self, Error> {
        let bindings = worker.bindings.iter().map(|binding| describe(worker, binding, all, doors));
        let bindings = bindings.collect::<Result<Vec<Value>, Error>>()?;
        let flags = crate::compat::enabled(&worker.compatibility_date, &worker.compatibility_flags);
        let without_sql = worker.classes.iter().filter(|class| class.storage == ClassStorage::KeyValue);
        let description = json!({
            "name": worker.name,
            "main": worker.main,
            "flags": flags,
            "bindings": bindings,
            "classes": worker.classes.iter().map(|class| &class.name).collect::<Vec<_>>(),
            "classesWithoutSql": without_sql.map(|class| &class.name).collect::<Vec<_>>(),
            "doors": doors.of_worker(&worker.name),
            "hasSourceMap": worker.source_map.is_some(),
        });
        let modules = worker.modules.iter().enumerate().map(|(at, module)| (module.name.clone(), at)).collect();
        let compresses = flags.contains(&"web_socket_compression");
        Ok(Self { worker: worker.clone(), platform, modules, description: description.to_string(), compresses })
    }

    pub(crate) fn module(&self, name: &str) -> Option<&Module> {
        self.modules.get(name).map(|at| &self.worker.modules[*at])
    }
}

/// A binding as `env.js` reads it.
fn describe(worker: &Worker, binding: &Binding, all: &[Worker], doors: &Doors) -> Result<Value, Error> {
    let dangling = |binding: &str, what: String| Error::Dangling {
        worker: worker.name.clone(),
        binding: binding.to_owned(),
        what,
    };
    Ok(match binding {
        Binding::Var { name, value } => json!({ "kind": "var", "name": name, "value": value }),
        Binding::Namespace { name, class, worker: owner } => {
            let owner_name = owner.as_deref().unwrap_or(&worker.name);
            let owner = all.iter().find(|other| other.name == owner_name);
            let owner = owner.ok_or_else(|| dangling(name, format!("Worker `{owner_name}`")))?;
            if !owner.classes.iter().any(|have| have.name == *class) {
                return Err(dangling(name, format!("class `{class}` of Worker `{owner_name}`")));
            }
            json!({ "kind": "namespace", "name": name, "class": owner.class_on_node(class) })
        }
        Binding::Service { name, service, entrypoint } => {
            let index = doors.index(service, entrypoint.as_deref());
            let index = index.filter(|_| all.iter().any(|other| other.name == *service));
            let index = index.ok_or_else(|| dangling(name, format!("Worker `{service}`")))?;
            json!({ "kind": "service", "name": name, "worker": index.0 })
        }
    })
}
