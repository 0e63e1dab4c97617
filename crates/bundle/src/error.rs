//! What went wrong, as a person reads it in a terminal.

use std::fmt;
use std::path::PathBuf;

use crate::limits::{CHAIN_LEN_MAX, EXCERPT_LEN_MAX};

/// Why there is no bundle.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Error {
    /// What is to be mended, at least one.
    pub problems: Vec<Problem>,
    /// The files that were read: when one changes, it is worth trying again.
    pub watched: Vec<PathBuf>,
}

/// One thing to mend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// Where, if that is known.
    pub place: Option<Place>,
    /// How the file came into the bundle: from the entry to the file itself. Empty if that is not known.
    pub chain: Vec<PathBuf>,
    /// What may help.
    pub hint: Option<String>,
}

/// A place in a source file. Places are in the order of files, lines and columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, from the project's folder.
    pub file: PathBuf,
    /// The line, from one; zero if only the file is known.
    pub line: u32,
    /// The column, from one, in UTF-16 units.
    pub column: u32,
    /// The part of the line that is worth showing, and where in it the column is, in characters from zero.
    pub excerpt: Option<(String, usize)>,
}

impl Error {
    pub(crate) fn new(problem: Problem) -> Self {
        Self { problems: vec![problem], watched: Vec::new() }
    }
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Place {
    /// The place in a file with this text, at a line from one and a column from zero in UTF-16 units.
    pub(crate) fn new(file: &str, text: &str, line: usize, column: usize) -> Self {
        let excerpt = text.lines().nth(line.saturating_sub(1)).map(|text| excerpt(text, column));
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { file: file.into(), line: number(line), column: number(column + 1), excerpt }
    }

    /// The place at an offset in bytes.
    pub(crate) fn at_offset(file: &str, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        Self::new(file, text, line, before[start..].encode_utf16().count())
    }
}

/// The part of a line around a column in UTF-16 units, and where in it that is in characters.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let mut units = 0;
    let before = line.chars().take_while(|c| {
        units += c.len_utf16();
        units <= column
    });
    let caret = before.count();
    let skipped = caret.saturating_sub(EXCERPT_LEN_MAX / 2);
    (line.chars().skip(skipped).take(EXCERPT_LEN_MAX).collect(), caret - skipped)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write_at(f, place, &self.message)?,
            None => write!(f, "{}", self.message)?,
        }
        // A file that imports itself into the bundle needs no explanation.
        if self.chain.len() > 1 {
            write_chain(f, &self.chain)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

fn write_at(f: &mut fmt::Formatter<'_>, place: &Place, message: &str) -> fmt::Result {
    let Place { file, line, column, excerpt } = place;
    if *line == 0 {
        return write!(f, "{}: {message}", file.display());
    }
    write!(f, "{}:{line}:{column}: {message}", file.display())?;
    let Some((text, caret)) = excerpt else { return Ok(()) };
    let number = line.to_string();
    // Tabs stay tabs, so that the caret stands under its character in every terminal.
    let before: String = text.chars().take(*caret).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    write!(f, "\n  {number} | {text}\n  {:width$} | {before}^", "", width = number.len())
}

fn write_chain(f: &mut fmt::Formatter<'_>, chain: &[PathBuf]) -> fmt::Result {
    write!(f, "\n  imported through: ")?;
    let skipped = chain.len().saturating_sub(CHAIN_LEN_MAX);
    let head = if skipped > 0 { CHAIN_LEN_MAX / 2 } else { chain.len() };
    for (index, file) in chain.iter().enumerate() {
        if index == head && skipped > 0 {
            write!(f, "\n    -> ... {skipped} more ...")?;
        }
        if index >= head && index < head + skipped {
            continue;
        }
        let arrow = if index == 0 { "" } else { "\n    -> " };
        write!(f, "{arrow}{}", file.display())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{EXCERPT_LEN_MAX, Error, Place, Problem, excerpt};

    #[test]
    fn excerpts_are_short_and_carets_count_characters() {
        assert_eq!(excerpt("let x", 4), ("let x".to_owned(), 4));
        assert_eq!(excerpt("'😀' x", 5), ("'😀' x".to_owned(), 4));
        let (text, caret) = excerpt(&"a".repeat(10_000), 5_000);
        assert_eq!((text.len(), caret), (EXCERPT_LEN_MAX, EXCERPT_LEN_MAX / 2));
    }

    #[test]
    fn an_offset_is_a_line_and_a_column() {
        let place = Place::at_offset("a.ts", "let a;\n'😀', @b\n", 14);
        assert_eq!((place.line, place.column), (2, 6));
    }

    #[test]
    fn a_problem_reads_as_one_report() {
        let place = Place { file: "src/b.ts".into(), line: 12, column: 3, excerpt: Some(("\tlet x".into(), 1)) };
        let problem =
            Problem { place: Some(place), chain: vec!["src/a.ts".into(), "src/b.ts".into()], ..Problem::new("no") };
        let error = Error { problems: vec![problem.with_hint("try"), Problem::new("more")], watched: vec![] };
        let expected = "src/b.ts:12:3: no\n  12 | \tlet x\n     | \t^\n  imported through: src/a.ts\n    -> src/b.ts\n  hint: try\n\nmore";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn the_middle_of_a_long_chain_is_left_out() {
        let chain: Vec<_> = (0..20).map(|index| format!("f{index}").into()).collect();
        let text = Problem { chain, ..Problem::new("no") }.to_string();
        assert!(text.contains("-> f5\n    -> ... 8 more ...\n    -> f14\n"), "{text}");
        assert!(text.ends_with("-> f19"), "{text}");
    }
}
