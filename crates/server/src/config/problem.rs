//! What is wrong with a configuration, where, and what to do about it; and what is only worth a word.
//!
//! Problems are collected: whoever mends a file sees all of them at once, up to a limit. A text from the file is cut
//! before it is repeated, so that no message is longer than a few lines, and the value of a secret is never repeated.

use std::fmt;
use std::path::{Path, PathBuf};

use super::limits::{PROBLEMS_MAX, SHOWN_LEN_MAX};
use super::source::Source;

/// A place in a file, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, or the path that was asked for when there is no file.
    pub file: PathBuf,
    /// Where in the file; none when the file as a whole is meant.
    pub position: Option<Position>,
    /// The key's full path, such as `env.staging.durable_objects.bindings[0].name`.
    pub key: Option<String>,
    /// What is wrong; after a key it reads as the rest of the sentence.
    pub message: String,
    /// What to do.
    pub advice: String,
}

/// Something that stops nothing: a key that changes nothing here, a class that no migration creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The file.
    pub file: PathBuf,
    /// Where in the file.
    pub position: Position,
    /// The key's full path.
    pub key: String,
    /// What there is to say; it reads as the rest of the sentence.
    pub message: String,
}

/// Why a project cannot be loaded: one or more problems, in the order of their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    problems: Vec<Problem>,
    unreported: usize,
}

impl Error {
    /// The problems, at least one and at most [`PROBLEMS_MAX`].
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many more problems there are.
    pub fn unreported(&self) -> usize {
        self.unreported
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem], unreported: 0 }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        match self.unreported {
            0 => Ok(()),
            unreported => write!(f, "\nand {unreported} more"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        match &self.key {
            Some(key) => write!(f, ": `{key}` {}; {}", self.message, self.advice),
            None => write!(f, ": {}; {}", self.message, self.advice),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        write!(f, "{}:{line}:{column}: `{}` {}", self.file.display(), self.key, self.message)
    }
}

impl Problem {
    /// A problem with a path as a whole.
    pub(crate) fn of_file(file: &Path, message: impl Into<String>, advice: impl Into<String>) -> Self {
        let (file, message, advice) = (file.to_owned(), message.into(), advice.into());
        Self { file, position: None, key: None, message, advice }
    }
}

/// What has been found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    problems: Vec<Problem>,
    unreported: usize,
    notices: Vec<Notice>,
    unserved: Vec<Problem>,
}

impl Findings {
    /// Something that can be read and not be served yet.
    pub(crate) fn unserved(&mut self, place: Place<'_>, key: &str) {
        let Place { source, at } = place;
        self.unserved.push(Problem {
            file: source.path().to_owned(),
            position: Some(source.position(at)),
            key: Some(key.to_owned()),
            message: "is understood, and not served yet by Dormouse".to_owned(),
            advice: "take it out, or run this Worker on Cloudflare".to_owned(),
        });
    }

    /// What can be read and not be served yet.
    pub(crate) fn take_unserved(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.unserved)
    }

    /// A problem with the value of a key.
    pub(crate) fn problem(
        &mut self,
        place: Place<'_>,
        key: &str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.place_problem(place, Some(key.to_owned()), message.into(), advice.into());
    }

    /// A problem with the text itself, where no key is known.
    pub(crate) fn syntax(&mut self, place: Place<'_>, message: impl Into<String>, advice: impl Into<String>) {
        self.place_problem(place, None, message.into(), advice.into());
    }

    fn place_problem(&mut self, place: Place<'_>, key: Option<String>, message: String, advice: String) {
        if self.is_full() {
            self.unreported += 1;
            return;
        }
        let Place { source, at } = place;
        let (file, position) = (source.path().to_owned(), Some(source.position(at)));
        self.problems.push(Problem { file, position, key, message, advice });
    }

    /// Something that stops nothing.
    pub(crate) fn notice(&mut self, place: Place<'_>, key: &str, message: impl Into<String>) {
        let (file, position) = (place.source.path().to_owned(), place.source.position(place.at));
        self.notices.push(Notice { file, position, key: key.to_owned(), message: message.into() });
    }

    /// Adds a problem that carries its place with it.
    pub(crate) fn push(&mut self, problem: Problem) {
        if self.is_full() {
            self.unreported += 1;
        } else {
            self.problems.push(problem);
        }
    }

    /// Whether further problems are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.problems.len() == PROBLEMS_MAX
    }

    /// The notices in the order of the file, unless something is wrong.
    pub(crate) fn finish(mut self) -> Result<Vec<Notice>, Error> {
        if self.problems.is_empty() {
            self.notices.sort_by_key(|notice| notice.position);
            return Ok(self.notices);
        }
        self.problems.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
        Err(Error { problems: self.problems, unreported: self.unreported })
    }
}

/// A place in a file that is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The file.
    pub(crate) source: &'a Source,
    /// The offset in its text.
    pub(crate) at: usize,
}

/// A name from a file as messages repeat it: on one line and not too long.
pub(crate) fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(SHOWN_LEN_MAX).flat_map(char::escape_debug).collect();
    if name.chars().nth(SHOWN_LEN_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_escaped() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"x".repeat(SHOWN_LEN_MAX)), "x".repeat(SHOWN_LEN_MAX));
        assert_eq!(shown(&"x".repeat(SHOWN_LEN_MAX + 1)), format!("{}…", "x".repeat(SHOWN_LEN_MAX)));
    }

    #[test]
    fn problems_past_the_limit_are_counted() {
        for (count, unreported) in [(PROBLEMS_MAX, 0), (PROBLEMS_MAX + 1, 1)] {
            let source = Source::new("a.json", "{}");
            let mut findings = Findings::default();
            for _ in 0..count {
                findings.syntax(Place { source: &source, at: 0 }, "is bad", "mend it");
            }
            let error = findings.finish().unwrap_err();
            assert_eq!((error.problems().len(), error.unreported()), (PROBLEMS_MAX, unreported));
        }
    }
}
