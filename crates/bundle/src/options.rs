//! What is to be bundled and how: the part of a wrangler configuration that concerns the build.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything that decides what comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The file with the Worker, relative to `root` or absolute: wrangler's `main`.
    pub entry: PathBuf,
    /// The project's folder: aliases and rules are relative to it, and messages name files from here.
    pub root: PathBuf,
    /// Which files are text or data; wrangler's `rules`. They come before wrangler's own rules.
    pub rules: Vec<Rule>,
    /// Expressions that stand for a name, such as `"process.env.STAGE"` to `"\"test\""`; wrangler's `define`.
    pub define: BTreeMap<String, String>,
    /// Modules that stand for others, by the name that is imported; wrangler's `alias`.
    pub alias: BTreeMap<String, String>,
    /// The TypeScript configuration, relative to `root`; else the nearest one above each file.
    pub tsconfig: Option<PathBuf>,
    /// Names for JSX that the TypeScript configuration leaves open.
    pub jsx: Jsx,
    /// What `process.env.NODE_ENV` is, by which packages choose between their builds.
    pub node_env: String,
    /// Whether functions and classes keep their `name` where a collision renames them.
    pub keep_names: bool,
    /// Whether the code is made short.
    pub minify: bool,
}

impl Options {
    /// The options of a project in development whose folder is the entry's, all else as wrangler has it.
    pub fn new(entry: impl Into<PathBuf>) -> Self {
        let entry = entry.into();
        let parent = entry.parent().filter(|parent| !parent.as_os_str().is_empty());
        let root = parent.unwrap_or(Path::new(".")).to_path_buf();
        let entry = entry.file_name().map(PathBuf::from).unwrap_or(entry);
        Self {
            entry,
            root,
            rules: Vec::new(),
            define: BTreeMap::new(),
            alias: BTreeMap::new(),
            tsconfig: None,
            jsx: Jsx::default(),
            node_env: "development".to_owned(),
            keep_names: true,
            minify: false,
        }
    }
}

/// Names that JSX becomes calls of, when it is compiled in the classic way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jsx {
    /// For an element, else `React.createElement`; wrangler's `jsx_factory`.
    pub factory: Option<String>,
    /// For a fragment, else `React.Fragment`; wrangler's `jsx_fragment`.
    pub fragment: Option<String>,
}

/// Files of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What they are.
    pub kind: RuleKind,
    /// Which they are: globs over their paths, from the project's folder.
    pub globs: Vec<String>,
    /// Whether later rules of this kind hold too, wrangler's own among them.
    pub fallthrough: bool,
}

/// What a file is to those who import it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// Code, which is what files are without a rule: wrangler's `ESModule` and `CommonJS`.
    Code,
    /// Its default export is its text.
    Text,
    /// Its default export is an `ArrayBuffer` of its bytes.
    Data,
    /// Its default export is the value that it holds.
    Json,
    /// WebAssembly, which is refused.
    CompiledWasm,
}
