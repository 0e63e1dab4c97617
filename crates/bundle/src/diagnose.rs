//! From rolldown's diagnostics to problems that a person can mend.

use std::path::Path;

use rolldown_error::{BuildDiagnostic, DiagnosticOptions, EventKind};

use crate::error::{Place, Problem};
use crate::plugin::State;
use crate::resolve;

/// What `diagnostic` means for the project whose Worker is in `entry`.
pub(crate) fn problem(diagnostic: &BuildDiagnostic, state: &State, entry: &Path) -> Problem {
    let options = DiagnosticOptions { cwd: state.root.clone() };
    let message = diagnostic.to_message_with(&options);
    let mut problem = match diagnostic.kind() {
        EventKind::UnresolvedImport => match diagnostic.exporter().zip(diagnostic.id()) {
            Some((specifier, importer)) => resolve::missing(&specifier, Path::new(&importer)),
            None => plain(&message),
        },
        EventKind::UnloadableDependencyError => state.refusal(&message).unwrap_or_else(|| plain(&message)),
        // The place says where.
        EventKind::JsonParseError => plain(message.split(" at line ").next().unwrap_or_default()),
        _ => plain(&message),
    };
    let place = diagnostic.to_diagnostic_with(&options).get_primary_location();
    if let Some((file, line, column, _)) = place {
        let text = std::fs::read_to_string(state.root.join(&file)).unwrap_or_default();
        problem.place = Some(Place::new(&file, &text, line, column));
    }
    chained(problem, state, entry)
}

/// The problem with the way by which its file came into the bundle.
pub(crate) fn chained(mut problem: Problem, state: &State, entry: &Path) -> Problem {
    let Some(place) = &problem.place else { return problem };
    // Ids of modules are paths without links.
    let file = state.root.join(&place.file);
    let module = std::fs::canonicalize(&file).unwrap_or(file);
    let options = DiagnosticOptions { cwd: state.root.clone() };
    let graph = state.graph();
    let chain = graph.chain(&entry.to_string_lossy(), &module.to_string_lossy());
    problem.chain = chain.into_iter().map(|id| options.stabilize_path(id).into()).collect();
    problem
}

/// Whether a warning means that there is no bundle: rolldown would leave a package out that is not there.
pub(crate) fn is_fatal(warning: &BuildDiagnostic) -> bool {
    matches!(warning.kind(), EventKind::UnresolvedImport | EventKind::UnresolvedEntry)
}

/// Whether a warning is about code that someone else has to mend.
pub(crate) fn is_foreign(problem: &Problem) -> bool {
    problem.place.as_ref().is_some_and(|place| place.file.components().any(|part| part.as_os_str() == "node_modules"))
}

/// A message of rolldown in the form of ours: a fragment.
fn plain(message: &str) -> Problem {
    let message = message.trim().trim_end_matches('.');
    let mut chars = message.chars();
    let (first, second) = (chars.next(), chars.next());
    // What begins with two capitals is a name.
    let is_word = second.is_none_or(|c| !c.is_uppercase());
    let rest = first.map_or("", |first| &message[first.len_utf8()..]);
    let first = first.map(|first| if is_word { first.to_ascii_lowercase() } else { first });
    Problem::new(first.into_iter().chain(rest.chars()).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_fragments() {
        assert_eq!(plain("Expected `;` but found `x`.").message, "expected `;` but found `x`");
        assert_eq!(plain("JSON is not right").message, "JSON is not right");
        assert_eq!(plain("").message, "");
    }
}
