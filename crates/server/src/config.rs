//! The configuration of a project: its wrangler file and `.dev.vars`, read, checked and typed.
//!
//! [`load`] takes a folder, a wrangler file or one file of code, and gives a [`Project`] or every [`Problem`] at once,
//! each with its place. Whatever is in the files, it answers; it never panics. It reads no other file than those: what
//! `main` or `assets` name is not looked for here, and no engine, bundler or server is known. Keys are data
//! ([`KEYS`]); docs/wrangler.md says the same in prose.
//!
//! ```no_run
//! # fn main() -> Result<(), dormouse_server::config::Error> {
//! let project = dormouse_server::config::load("my-worker".as_ref(), Some("staging"))?;
//! for notice in &project.notices {
//!     eprintln!("{notice}");
//! }
//! # Ok(())
//! # }
//! ```

mod source;
mod syntax;
mod tree;
mod keys;
mod view;
mod check;
mod assemble;
mod migrations;
mod dev_vars;
mod project;
mod problem;
pub mod limits;

use std::path::{Path, PathBuf};

use self::problem::{Findings, Place, shown};
use self::source::Source;
use self::tree::{Node, Value};
use self::view::View;

pub use self::keys::{KEYS, Key, Scope, Support, UNSERVED};
pub use self::problem::{Error, Notice, Position, Problem};
pub use self::project::{
    Assets, Build, Class, DurableObjectBinding, Html, Limits, Migration, ModuleKind, NotFound, Origin, Project, Rename,
    Rule, RunWorkerFirst, Secrets, Service, Storage, Transfer,
};

/// The names of a wrangler file.
pub const FILE_NAMES: [&str; 3] = ["wrangler.jsonc", "wrangler.json", "wrangler.toml"];

/// The endings of a file of code that is a project of its own.
pub const CODE_ENDINGS: [&str; 4] = ["js", "mjs", "ts", "mts"];

/// Loads a project: a folder with a wrangler file in it, a wrangler file of any name, or one file of code.
///
/// `environment` is the one under `env` to use. A single file of code has no configuration: it gets a project with
/// `main` and everything else as by default, and no secrets.
///
/// # Errors
///
/// Everything that is wrong, up to [`limits::PROBLEMS_MAX`] problems.
pub fn load(path: &Path, environment: Option<&str>) -> Result<Project, Error> {
    let path = match locate(path)? {
        Location::Code(path) => return single_file(&path, environment).map_err(Error::from),
        Location::Wrangler(path) => path,
    };
    of_source(&Source::read(&path)?, environment)
}

/// The project of a wrangler file, or what is wrong with it and with the secrets beside it.
fn of_source(source: &Source, environment: Option<&str>) -> Result<Project, Error> {
    let mut findings = Findings::default();
    let project = read(source, environment, &mut findings);
    let unserved = findings.take_unserved();
    let notices = findings.finish()?;
    let project = project.expect("a project when nothing is wrong: each way to none reports a problem");
    Ok(Project { notices, unserved, ..project })
}

/// The project of a text, as if it stood in a file of this name with nothing beside it.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn of_text(name: &str, text: &str, environment: Option<&str>) -> Result<Project, Error> {
    of_source(&Source::new(Path::new("w").join(name), text), environment)
}

/// The secrets of a text, as if it stood in `.dev.vars`.
#[cfg(feature = "fuzz")]
pub(crate) fn secrets_of_text(text: &str) -> Result<std::collections::BTreeMap<String, String>, Error> {
    let mut findings = Findings::default();
    let vars = dev_vars::parse(&Source::new(".dev.vars", text), &mut findings);
    findings.finish().map(|_| vars)
}

enum Location {
    Wrangler(PathBuf),
    Code(PathBuf),
}

fn locate(path: &Path) -> Result<Location, Problem> {
    if path.is_dir() {
        return in_folder(path).map(Location::Wrangler);
    }
    if !path.exists() {
        return Err(Problem::of_file(path, "there is no such file", "give the path of a project"));
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending {
        "json" | "jsonc" | "toml" => Ok(Location::Wrangler(path.to_owned())),
        _ if CODE_ENDINGS.contains(&ending) => Ok(Location::Code(path.to_owned())),
        _ => {
            let advice =
                "give a folder, a wrangler file (.jsonc, .json, .toml) or one file of code (.js, .mjs, .ts, .mts)";
            Err(Problem::of_file(path, "is no project", advice))
        }
    }
}

fn in_folder(folder: &Path) -> Result<PathBuf, Problem> {
    let found: Vec<PathBuf> = FILE_NAMES.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect();
    match found.as_slice() {
        [path] => Ok(path.clone()),
        [] => {
            let message = format!("has no {}", FILE_NAMES.join(", "));
            Err(Problem::of_file(folder, message, "add one, or give the path of one file of code"))
        }
        several => {
            let names: Vec<_> = several.iter().filter_map(|path| path.file_name()?.to_str()).collect();
            let message = format!("has {}, and one of them must count", names.join(" and "));
            Err(Problem::of_file(folder, message, "remove all but one, or give the path of one"))
        }
    }
}

fn single_file(path: &Path, environment: Option<&str>) -> Result<Project, Problem> {
    if let Some(environment) = environment {
        let message = format!("is a single file, which has no environment `{}`", shown(environment));
        return Err(Problem::of_file(path, message, "leave the environment out, or add a wrangler file"));
    }
    Ok(Project {
        root: path.parent().map(Path::to_owned).unwrap_or_default(),
        name: assemble::DEFAULT_NAME.to_owned(),
        main: Some(path.to_owned()),
        ..Project::default()
    })
}

/// The project of a wrangler file and of the secrets beside it. Without one there are problems in `findings`.
fn read(source: &Source, environment: Option<&str>, findings: &mut Findings) -> Option<Project> {
    let secrets = secrets(source.path(), environment, findings);
    let top = syntax::parse(source, findings)?;
    let environment = match environment {
        None => None,
        Some(name) => Some((name, chosen(source, &top, name, findings)?)),
    };
    let view = View { top: &top, environment };
    check::check(source, &view, findings);
    Some(assemble::project(source, &view, secrets, findings))
}

fn chosen<'a>(source: &Source, top: &'a Node, name: &str, findings: &mut Findings) -> Option<&'a Node> {
    let environments = top.get("env").map(Node::entries).unwrap_or_default();
    match environments.iter().find(|entry| entry.key == name) {
        Some(entry) if matches!(entry.node.value, Value::Table(_)) => Some(&entry.node),
        Some(entry) => {
            let message = format!("must be a table, it is {}", entry.node.kind());
            let path = check::path_of("env", name);
            findings.problem(Place { source, at: entry.node.at }, &path, message, "write a table");
            None
        }
        None => {
            let names: Vec<String> = environments.iter().take(20).map(|entry| shown(&entry.key)).collect();
            let advice = match names.as_slice() {
                [] => "leave the environment out: the file has none".to_owned(),
                names if names.len() < environments.len() => format!("there are {}, …", names.join(", ")),
                names => format!("there are {}", names.join(", ")),
            };
            let at = top.get("env").map_or(top.at, |node| node.at);
            findings.problem(Place { source, at }, "env", format!("has no environment `{}`", shown(name)), advice);
            None
        }
    }
}

/// `.dev.vars.ENVIRONMENT` when it is there, else `.dev.vars`, else nothing.
fn secrets(wrangler: &Path, environment: Option<&str>, findings: &mut Findings) -> Secrets {
    let folder = wrangler.parent().unwrap_or(Path::new(""));
    // A name with a separator is no part of a file name; it is refused with the environment itself.
    let own = environment.filter(|name| !name.contains(['/', '\\'])).map(|name| format!(".dev.vars.{name}"));
    let candidates = own.into_iter().chain([".dev.vars".to_owned()]).map(|name| folder.join(name));
    let Some(path) = candidates.into_iter().find(|path| path.is_file()) else { return Secrets::default() };
    match Source::read(&path) {
        Ok(source) => Secrets::new(dev_vars::parse(&source, findings)),
        Err(problem) => {
            findings.push(problem);
            Secrets::default()
        }
    }
}

#[cfg(test)]
mod tests;
