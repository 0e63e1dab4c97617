//! A project in a folder of its own, and what comes of bundling it.

use std::fs;
use std::path::Path;

use dormouse_bundle::error::Error;
use dormouse_bundle::options::Options;
use dormouse_bundle::{Bundle, bundle};
use tempfile::TempDir;

/// Files that are gone when the test is over.
pub(crate) struct Project(TempDir);

impl Project {
    /// Writes files, given as paths and contents.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(TempDir::new().unwrap());
        for (path, text) in files {
            project.write(path, text.as_bytes());
        }
        project
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    /// The options for an entry `index.ts`, or `index.js` or `index.tsx` where that is there.
    pub(crate) fn options(&self) -> Options {
        let entries = ["index.ts", "index.tsx", "index.js"];
        let entry = entries.into_iter().find(|entry| self.root().join(entry).exists()).unwrap_or("index.ts");
        Options::new(self.root().join(entry))
    }

    pub(crate) fn bundle(&self) -> Bundle {
        self.bundle_with(|_| ())
    }

    pub(crate) fn bundle_with(&self, change: impl FnOnce(&mut Options)) -> Bundle {
        let mut options = self.options();
        change(&mut options);
        bundle(&options).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn fail(&self) -> Error {
        bundle(&self.options()).expect_err("it should not bundle")
    }
}

/// Bundles one file.
pub(crate) fn one(name: &str, code: &str) -> Bundle {
    Project::new(&[(name, code)]).bundle()
}

/// Whether the code has `part`, whatever the white space.
#[track_caller]
pub(crate) fn has(bundle: &Bundle, part: &str) {
    assert!(squeezed(&bundle.code).contains(&squeezed(part)), "no {part:?} in\n{}", bundle.code);
}

#[track_caller]
pub(crate) fn lacks(bundle: &Bundle, part: &str) {
    assert!(!squeezed(&bundle.code).contains(&squeezed(part)), "{part:?} is in\n{}", bundle.code);
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}
