//! The one thing that this crate does, from options to a bundle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rolldown::{Bundler, BundlerBuilder};
use rolldown_common::{Output, OutputChunk};
use rolldown_error::BuildDiagnostic;

use crate::error::{Error, Problem};
use crate::limits::{BUNDLE_LEN_MAX, PROBLEMS_MAX, WARNINGS_MAX};
use crate::map::SourceMap;
use crate::options::Options;
use crate::plugin::{State, Workers};
use crate::{config, diagnose, threads};

/// What an engine runs, and what is known about it.
#[derive(Debug)]
pub struct Bundle {
    /// One ES module. What it imports, the platform has.
    pub code: String,
    /// From places in `code` to places in the sources.
    pub source_map: SourceMap,
    /// The names that the entry exports, in order of their names.
    pub exports: Vec<String>,
    /// Modules of the platform that `code` imports, in order of their names.
    pub imports: Vec<String>,
    /// Every file that went in, absolute: when one changes, the bundle is old.
    pub watched: Vec<PathBuf>,
    /// What is doubtful in the project's own code.
    pub warnings: Vec<Problem>,
}

/// Bundles a Worker. Blocks until it is done; an async caller gives it a thread.
///
/// # Errors
///
/// With a list of what is to be mended in the project, or if a file cannot be read.
pub fn bundle(options: &Options) -> Result<Bundle, Error> {
    let (root, entry) = locate(options)?;
    let state = Arc::new(State::new(options, root));
    if let Some(problem) = state.objection(&entry) {
        return Err(Error::new(problem));
    }
    threads::run(|| run(options, &state, &entry))?
}

fn locate(options: &Options) -> Result<(PathBuf, PathBuf), Error> {
    let missing = |what: &str, path: &Path, hint: &str| {
        Error::new(Problem::new(format!("cannot find {what} {}", path.display())).with_hint(hint))
    };
    let root = std::fs::canonicalize(&options.root).ok().filter(|root| root.is_dir());
    let root = root.ok_or_else(|| missing("the project's folder", &options.root, "is the path right?"))?;
    let entry = std::fs::canonicalize(root.join(&options.entry)).ok().filter(|entry| entry.is_file());
    let hint = "`main` in the configuration is the file that exports the Worker";
    let entry = entry.ok_or_else(|| missing("the entry", &options.entry, hint))?;
    Ok((root, entry))
}

async fn run(options: &Options, state: &Arc<State>, entry: &Path) -> Result<Bundle, Error> {
    let bundler = BundlerBuilder::default().with_options(config::bundler(options, &state.root, entry));
    let problems = |diagnostics: &[BuildDiagnostic]| report(diagnostics.iter(), state, entry, PROBLEMS_MAX);
    let failed = |mut problems: Vec<Problem>, watched| {
        let findings = std::mem::take(&mut *state.findings());
        problems.extend(findings.into_iter().map(|finding| diagnose::chained(finding, state, entry)));
        problems.sort_by(|one, other| one.place.cmp(&other.place));
        Error { problems, watched }
    };

    let mut bundler = bundler
        .with_plugins(vec![Arc::new(Workers(Arc::clone(state)))])
        .build()
        .map_err(|errors| failed(problems(&errors), Vec::new()))?;
    let result = bundler.generate().await;
    let watched = watched(&bundler, entry);
    let output = result.map_err(|errors| failed(problems(&errors), watched.clone()))?;

    let (fatal, warnings): (Vec<_>, Vec<_>) = output.warnings.iter().partition(|warning| diagnose::is_fatal(warning));
    if !fatal.is_empty() || !state.findings().is_empty() {
        return Err(failed(report(fatal.into_iter(), state, entry, PROBLEMS_MAX), watched));
    }
    let mut warnings = report(warnings.into_iter(), state, entry, WARNINGS_MAX);
    warnings.retain(|warning| !diagnose::is_foreign(warning));
    finish(&output.assets, warnings, watched)
}

/// The diagnostics as problems, each once, at most `count_max` of them.
fn report<'a>(
    diagnostics: impl Iterator<Item = &'a BuildDiagnostic>,
    state: &State,
    entry: &Path,
    count_max: usize,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for diagnostic in diagnostics {
        let problem = diagnose::problem(diagnostic, state, entry);
        if problems.len() < count_max && !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
}

fn watched(bundler: &Bundler, entry: &Path) -> Vec<PathBuf> {
    let ids = bundler.watch_files().iter().map(|id| PathBuf::from(id.as_str())).collect::<Vec<_>>();
    let mut files: Vec<_> = ids.into_iter().chain([entry.to_path_buf()]).filter(|path| path.is_absolute()).collect();
    files.sort_unstable();
    files.dedup();
    files
}

fn finish(assets: &[Output], warnings: Vec<Problem>, watched: Vec<PathBuf>) -> Result<Bundle, Error> {
    let fail = |message: String| Error { problems: vec![Problem::new(message)], watched: watched.clone() };
    let chunks: Vec<&OutputChunk> = assets
        .iter()
        .filter_map(|asset| match asset {
            Output::Chunk(chunk) => Some(&**chunk),
            Output::Asset(_) => None,
        })
        .collect();
    let [chunk] = chunks[..] else {
        return Err(fail(format!("the bundler gave {} modules in place of one", chunks.len())));
    };
    if chunk.code.len() > BUNDLE_LEN_MAX {
        return Err(fail(format!("the bundle has more than {} MiB", BUNDLE_LEN_MAX >> 20)));
    }
    let map = chunk.map.clone().ok_or_else(|| fail("the bundler gave no source map".to_owned()))?;
    let sorted = |names: Vec<String>| {
        let mut names = names;
        names.sort_unstable();
        names.dedup();
        names
    };
    // An import of a part of the bundle is an import of itself.
    let imports = chunk.imports.iter().chain(&chunk.dynamic_imports).filter(|name| **name != chunk.filename);
    let imports = imports.map(ToString::to_string);
    Ok(Bundle {
        code: chunk.code.clone(),
        source_map: SourceMap::new(map),
        exports: sorted(chunk.exports.iter().map(ToString::to_string).collect()),
        imports: sorted(imports.collect()),
        watched,
        warnings,
    })
}
