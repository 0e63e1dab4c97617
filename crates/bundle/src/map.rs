//! From a position in the bundle back to the source: what turns a stack trace into one that a person can use.

use std::path::{Path, PathBuf};

use rolldown_sourcemap::SourceMap as Inner;

/// The source map of a bundle. Lookups are a binary search in a table of tokens.
#[derive(Debug)]
pub struct SourceMap {
    inner: Inner,
    /// (line, column) in the bundle of every token of `inner`, in order.
    starts: Vec<(u32, u32)>,
}

/// A place in the source. Lines and columns count from one, as stack traces have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file, from the project's folder.
    pub source: PathBuf,
    /// The line.
    pub line: u32,
    /// The column, in UTF-16 units.
    pub column: u32,
    /// What the name at this place is in the source, where the bundle has another.
    pub name: Option<String>,
}

impl SourceMap {
    pub(crate) fn new(inner: Inner) -> Self {
        let starts = inner.get_tokens().map(|token| (token.get_dst_line(), token.get_dst_col())).collect();
        Self { inner, starts }
    }

    /// The map in the format of source maps, version 3, with the sources themselves.
    pub fn to_json(&self) -> String {
        self.inner.to_json_string()
    }

    /// The place in the source of a place in the bundle, both counted from one. `None` for code that no source
    /// has: helpers of the bundler, modules made of text or data.
    pub fn lookup(&self, line: u32, column: u32) -> Option<Position> {
        let sought = (line.checked_sub(1)?, column.checked_sub(1)?);
        let after = self.starts.partition_point(|start| *start <= sought);
        let index = after.checked_sub(1)?;
        // A token reaches to the end of its line at most.
        if self.starts.get(index)?.0 != sought.0 {
            return None;
        }
        let token = self.inner.get_source_view_token(u32::try_from(index).ok()?)?;
        let source = token.get_source().filter(|source| is_file(source))?;
        Some(Position {
            source: PathBuf::from(source),
            line: token.get_src_line() + 1,
            column: token.get_src_col() + 1,
            name: token.get_name().map(str::to_owned),
        })
    }

    /// The text of a source file as it was bundled, named as [`Position::source`] names it.
    pub fn source_text(&self, source: &Path) -> Option<&str> {
        let index = self.inner.get_sources().position(|name| Path::new(name) == source)?;
        self.inner.get_source_content(u32::try_from(index).ok()?)
    }
}

/// Whether a source of the map is a file and not a synthetic module, whose id begins with a zero byte.
fn is_file(source: &str) -> bool {
    !source.contains('\0') && !source.contains("\\0")
}
