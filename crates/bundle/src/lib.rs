//! TypeScript, JavaScript and npm packages to one ES module, in the process.
//!
//! [`bundle`] takes an entry file as wrangler does and gives the code that an engine runs, with its source map,
//! the names of its exports and the files to watch. The bundler behind it is rolldown, which no type of this
//! crate shows. Nothing is written to disk, and nothing is fetched: packages are what `node_modules` holds.
//!
//! Imports of `cloudflare:*` and `node:*` stay imports: the engine's platform answers them. WebAssembly is not
//! supported.
//!
//! ```no_run
//! use dormouse_bundle::{bundle, options::Options};
//!
//! match bundle(&Options::new("src/index.ts")) {
//!     Ok(bundle) => println!("{} exports {:?}", bundle.code.len(), bundle.exports),
//!     Err(error) => eprintln!("{error}"),
//! }
//! ```

pub mod options;

mod bundle;
mod threads;
mod config;
mod plugin;
mod resolve;
mod rules;
mod synthetic;
mod decorators;
mod graph;
mod diagnose;
pub mod error;
pub mod map;
pub mod limits;

pub use bundle::{Bundle, bundle};
