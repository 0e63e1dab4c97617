//! `dormouse dev`: projects, loaded again whenever one of their files changes.
//!
//! New code replaces the old one in the running server: objects get it at their next quiet moment and their sockets stay
//! open. Code that cannot be loaded changes nothing, and is tried again at the next change.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::Context as _;
use dormouse_server::js::Platform;
use dormouse_server::{Application, Handle, LogFormat};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::command::Projects;
use crate::flags::ServerFlags;
use crate::project::{Failure, Loaded};

/// How long the files must rest before they are loaded: editors write in several steps.
const REST: Duration = Duration::from_millis(50);

pub(crate) fn run(projects: &Projects, flags: &ServerFlags) -> anyhow::Result<()> {
    flags.init_logging(LogFormat::Pretty)?;
    let platform = Platform::compile()?;
    let (loaded, application) = load(projects, &platform)?;
    for notice in &loaded.notices {
        tracing::info!("{notice}");
    }
    let mut files = Files::watch(&loaded.watched)?;
    let projects = Projects::clone(projects);
    flags.builder(&loaded.root).run_with(application, move |server| {
        std::thread::spawn(move || {
            while files.wait() {
                files = reload(&projects, &platform, &server, files);
            }
        });
    })?;
    Ok(())
}

fn load(projects: &Projects, platform: &Arc<Platform>) -> Result<(Loaded, Application), Failure> {
    let mut loaded = Loaded::load(projects, platform)?;
    let workers = std::mem::take(&mut loaded.workers);
    match platform.application(workers) {
        Ok(application) => Ok((loaded, application)),
        Err(error) => Err(Failure { text: error.to_string(), watched: loaded.watched }),
    }
}

/// Loads the projects again; returns what is to be watched from now on.
fn reload(projects: &Projects, platform: &Arc<Platform>, server: &Handle, files: Files) -> Files {
    let watched = match load(projects, platform) {
        Ok((loaded, application)) => {
            match server.replace(application) {
                Ok(()) => tracing::info!("reloaded; sockets stay open"),
                Err(error) => tracing::error!(%error, "not reloaded"),
            }
            loaded.watched
        }
        Err(failure) => {
            tracing::error!("not reloaded, the code before stays:\n{}", failure.text);
            failure.watched
        }
    };
    // Without a single file that could change, the ones before are still the best guess.
    if watched.is_empty() {
        return files;
    }
    Files::watch(&watched).unwrap_or_else(|error| {
        tracing::error!(error = format!("{error:#}"), "files are no longer all watched");
        files
    })
}

/// Files whose changes are waited for.
struct Files {
    /// Ends with this.
    _watcher: RecommendedWatcher,
    changes: Receiver<()>,
}

impl Files {
    /// Watches files, and folders with all in them. A file is watched by its folder: an editor may replace it by another
    /// one of its name.
    fn watch(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let watched: BTreeSet<PathBuf> = paths.iter().map(|path| absolute(path)).collect();
        let (trees, files): (BTreeSet<_>, BTreeSet<_>) = watched.into_iter().partition(|path| path.is_dir());
        let around: BTreeSet<PathBuf> = files.iter().filter_map(|file| Some(file.parent()?.to_owned())).collect();
        let wholes = trees.clone();
        let concerns = move |path: &PathBuf| {
            let path = absolute(path);
            files.contains(&path) || wholes.iter().any(|tree| path.starts_with(tree))
        };
        let (changed, changes) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(&concerns)) {
                // Fails only when nobody waits any more.
                let _ = changed.send(());
            }
        })
        .context("cannot watch files")?;
        let around = around.iter().map(|folder| (folder, RecursiveMode::NonRecursive));
        for (folder, mode) in around.chain(trees.iter().map(|tree| (tree, RecursiveMode::Recursive))) {
            watcher.watch(folder, mode).with_context(|| format!("cannot watch {}", folder.display()))?;
        }
        Ok(Self { _watcher: watcher, changes })
    }

    /// Waits until a file has changed and all rest again. False when nothing is watched any more.
    fn wait(&self) -> bool {
        if self.changes.recv().is_err() {
            return false;
        }
        while self.changes.recv_timeout(REST).is_ok() {}
        true
    }
}

fn absolute(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
