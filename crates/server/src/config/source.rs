//! A file that was read, and where in it an offset is.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::limits::FILE_LEN_MAX;
use super::problem::{Position, Problem};

/// The text of a file. A byte order mark is not part of it.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    pub(crate) fn new(path: impl Into<PathBuf>, text: &str) -> Self {
        Self { path: path.into(), text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned() }
    }

    /// Reads a file of at most [`FILE_LEN_MAX`] bytes of UTF-8.
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        let unreadable = |error: std::io::Error| {
            Problem::of_file(path, format!("cannot be read: {error}"), "give the path of a file that can be read")
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(FILE_LEN_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > FILE_LEN_MAX {
            let message = format!("is longer than {FILE_LEN_MAX} bytes");
            return Err(Problem::of_file(path, message, "move large values out of it"));
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Self::new(path, text)),
            Err(error) => {
                let message = format!("is not UTF-8 at byte {}", error.valid_up_to());
                Err(Problem::of_file(path, message, "save it as UTF-8"))
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The line and column of an offset; one past the end, or inside a character, is taken for what is before it.
    pub(crate) fn position(&self, at: usize) -> Position {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Position { line, column: before[start..].chars().count() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let source = Source::new("a", "\u{feff}aé\nb");
        let cases = [(0, (1, 1)), (1, (1, 2)), (2, (1, 2)), (3, (1, 3)), (4, (2, 1)), (5, (2, 2)), (99, (2, 2))];
        for (at, (line, column)) in cases {
            assert_eq!(source.position(at), Position { line, column }, "{at}");
        }
    }

    #[test]
    fn the_length_of_a_file_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wrangler.json");
        for (len, good) in [(FILE_LEN_MAX, true), (FILE_LEN_MAX + 1, false)] {
            std::fs::write(&path, " ".repeat(usize::try_from(len).unwrap())).unwrap();
            assert_eq!(Source::read(&path).is_ok(), good, "{len}");
        }
        std::fs::write(&path, b"ab\xff").unwrap();
        assert!(Source::read(&path).unwrap_err().message.contains("not UTF-8 at byte 2"));
        assert!(Source::read(folder.path()).is_err());
    }
}
