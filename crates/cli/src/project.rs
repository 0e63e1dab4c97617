//! Projects on the disk, as Workers that can run: configuration, then the bundler.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use dormouse_bundle::options::{Jsx, Options, Rule, RuleKind};
use dormouse_bundle::{Bundle, bundle};
use dormouse_server::config::{self, ModuleKind, Project};
use dormouse_server::js::{Binding, Class, ClassStorage, ExportKind, Platform, Position, SourceMap, Worker};

use crate::command::Projects;
use crate::usage::unsupported;

/// What was loaded.
pub(crate) struct Loaded {
    /// The folder of the first one.
    pub(crate) root: PathBuf,
    /// The first one answers requests.
    pub(crate) workers: Vec<Worker>,
    /// Files whose change makes another result.
    pub(crate) watched: Vec<PathBuf>,
    /// What there is to say.
    pub(crate) notices: Vec<String>,
    /// What the code uses that is not supported, each with its places.
    pub(crate) unsupported: Vec<String>,
}

/// Why projects cannot be loaded.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) text: String,
    /// Files whose change makes it worth another try.
    pub(crate) watched: Vec<PathBuf>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl Loaded {
    pub(crate) fn load(projects: &Projects, platform: &Arc<Platform>) -> Result<Self, Failure> {
        let mut loaded = Self {
            root: PathBuf::new(),
            workers: Vec::new(),
            watched: Vec::new(),
            notices: Vec::new(),
            unsupported: Vec::new(),
        };
        for path in projects.paths() {
            if let Err(mut failure) = loaded.add(&path, projects, platform) {
                failure.watched.append(&mut loaded.watched);
                return Err(failure);
            }
        }
        Ok(loaded)
    }

    fn add(&mut self, path: &Path, projects: &Projects, platform: &Arc<Platform>) -> Result<(), Failure> {
        let project = config::load(path, projects.env.as_deref()).map_err(|error| Failure {
            watched: error.problems().iter().map(|problem| problem.file.clone()).collect(),
            text: error.to_string(),
        })?;
        if self.workers.is_empty() {
            self.root.clone_from(&project.root);
        }
        self.watched.extend(project.file.iter().cloned());
        if project.file.is_some() {
            let own = project.environment.iter().map(|name| format!(".dev.vars.{name}"));
            self.watched.extend(own.chain([".dev.vars".to_owned()]).map(|name| project.root.join(name)));
        }
        self.watched.extend(project.build.watch_dir.iter().cloned());
        self.notices.extend(project.notices.iter().map(ToString::to_string));
        let fail = |text: String| Failure { text, watched: Vec::new() };
        if !project.unserved.is_empty() {
            let lines: Vec<String> = project.unserved.iter().map(ToString::to_string).collect();
            return Err(fail(lines.join("\n")));
        }
        let main = project.main.clone().ok_or_else(|| fail(format!("{}: has no `main`", path.display())))?;
        build(&project).map_err(fail)?;
        let bundle = bundle(&options(&project, &main)).map_err(|error| Failure {
            text: error.to_string(),
            watched: error.watched.iter().map(|file| project.root.join(file)).collect(),
        })?;
        self.watched.extend(bundle.watched.iter().map(|file| project.root.join(file)));
        self.notices.extend(bundle.warnings.iter().map(ToString::to_string));
        self.unsupported.extend(unsupported(&bundle));
        let mut worker = match project.file {
            Some(_) => worker(&project, bundle),
            None => single_file(&project, bundle, platform)?,
        };
        worker.memory_max = usize::from(projects.memory.get()) << 20;
        self.workers.push(worker);
        Ok(())
    }
}

/// Runs the project's own build command.
fn build(project: &Project) -> Result<(), String> {
    let Some(command) = &project.build.command else { return Ok(()) };
    let folder = project.build.cwd.as_ref().unwrap_or(&project.root);
    tracing::info!(command, "building");
    match Command::new("sh").arg("-c").arg(command).current_dir(folder).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the build command `{command}` ended with {status}")),
        Err(error) => Err(format!("the build command `{command}` cannot be started: {error}")),
    }
}

fn options(project: &Project, main: &Path) -> Options {
    let build = &project.build;
    let rules = project.rules.iter().map(|rule| Rule {
        kind: match rule.kind {
            ModuleKind::EsModule | ModuleKind::CommonJs => RuleKind::Code,
            ModuleKind::CompiledWasm => RuleKind::CompiledWasm,
            ModuleKind::Text => RuleKind::Text,
            ModuleKind::Data => RuleKind::Data,
        },
        globs: rule.globs.clone(),
        fallthrough: rule.fallthrough,
    });
    Options {
        root: if project.root.as_os_str().is_empty() { PathBuf::from(".") } else { project.root.clone() },
        rules: rules.collect(),
        define: project.define.clone(),
        alias: project.alias.clone(),
        tsconfig: build.tsconfig.clone(),
        jsx: Jsx { factory: build.jsx_factory.clone(), fragment: build.jsx_fragment.clone() },
        keep_names: build.keep_names.unwrap_or(true),
        entry: std::path::absolute(main).unwrap_or_else(|_| main.to_owned()),
        ..Options::new(main)
    }
}

/// The Worker of a wrangler file.
fn worker(project: &Project, bundle: Bundle) -> Worker {
    let mut worker = bare(project, bundle);
    let vars = project.vars.iter().filter(|(name, _)| project.secrets.get(name).is_none());
    let vars = vars.map(|(name, value)| Binding::Var { name: name.clone(), value: value.clone() });
    let secrets = project.secrets.iter();
    let secrets = secrets.map(|(name, value)| Binding::Var { name: name.to_owned(), value: value.into() });
    let namespaces = project.durable_objects.iter().map(|binding| Binding::Namespace {
        name: binding.name.clone(),
        class: binding.class_name.clone(),
        worker: binding.script_name.clone(),
    });
    let services = project.services.iter().map(|service| Binding::Service {
        name: service.binding.clone(),
        service: service.service.clone(),
        entrypoint: service.entrypoint.clone(),
    });
    worker.bindings = vars.chain(secrets).chain(namespaces).chain(services).collect();
    worker.classes = project.classes.iter().map(|class| bound_class(project, class)).collect();
    worker
}

fn bound_class(project: &Project, class: &config::Class) -> Class {
    let storage = match class.storage {
        // What it has in the other Worker is not known here, and nothing is lost with more.
        config::Storage::Sqlite | config::Storage::AsTransferred => ClassStorage::Sql,
        config::Storage::KeyValue => ClassStorage::KeyValue,
    };
    Class { name: class.name.clone(), unique_key: unique_key(&project.name, &class.origin), storage }
}

/// What the ids of a class are made from: the same for good, whatever the class is called later.
fn unique_key(worker: &str, origin: &config::Origin) -> String {
    let script = origin.script.as_deref().unwrap_or(worker);
    match origin.generation {
        0 => format!("{script}-{}", origin.class),
        generation => format!("{script}-{}-{generation}", origin.class),
    }
}

/// The Worker of one file: each exported class of objects is bound under its own name in upper snake case.
fn single_file(project: &Project, bundle: Bundle, platform: &Arc<Platform>) -> Result<Worker, Failure> {
    let mut worker = bare(project, bundle);
    let found = platform.exports(&worker).map_err(|error| Failure { text: error.to_string(), watched: Vec::new() })?;
    for export in found.into_iter().filter(|export| export.kind == ExportKind::Object) {
        worker.bindings.push(Binding::Namespace {
            name: upper_snake(&export.name),
            class: export.name.clone(),
            worker: None,
        });
        let unique_key = format!("{}-{}", worker.name, export.name);
        worker.classes.push(Class { name: export.name, unique_key, storage: ClassStorage::Sql });
    }
    Ok(worker)
}

fn bare(project: &Project, bundle: Bundle) -> Worker {
    let mut worker = Worker::new(&project.name, bundle.code);
    let map = bundle.source_map;
    worker.source_map = Some(SourceMap::new(move |_, line, column| {
        let place = map.lookup(line, column)?;
        let source = place.source.to_string_lossy().into_owned();
        Some(Position { source, line: place.line, column: place.column })
    }));
    if let Some(date) = &project.compatibility_date {
        worker.compatibility_date = date.clone();
    }
    worker.compatibility_flags = project.compatibility_flags.clone();
    if let Some(ms) = project.limits.cpu_ms {
        worker.cpu_time_max = Duration::from_millis(ms);
    }
    worker
}

/// `ChatRoom` as `CHAT_ROOM`.
fn upper_snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before = None;
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let starts_word = c.is_uppercase()
            && before.is_some_and(|before: char| {
                before.is_lowercase() || before.is_numeric() || rest.peek().is_some_and(|next| next.is_lowercase())
            });
        if starts_word && before != Some('_') {
            snake.push('_');
        }
        snake.extend(c.to_uppercase());
        before = Some(c);
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::upper_snake;

    #[test]
    fn class_names_become_names_of_bindings() {
        for (class, binding) in [
            ("Room", "ROOM"),
            ("ChatRoom", "CHAT_ROOM"),
            ("HTTPServer", "HTTP_SERVER"),
            ("Room2Go", "ROOM2_GO"),
            ("chat_room", "CHAT_ROOM"),
            ("Über", "ÜBER"),
        ] {
            assert_eq!(upper_snake(class), binding);
        }
    }
}
