//! Projects written to a folder and bundled. No engine runs what comes out; the assertions are on what it must
//! contain, on its exports and imports, and on its source map.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod project;

mod code;
mod packages;
mod files;
mod errors;
mod maps;
