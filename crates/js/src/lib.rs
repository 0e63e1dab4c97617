//! Durable objects and Workers in JavaScript and TypeScript.
//!
//! What user code sees is written once, in JavaScript, in `platform/`, one file an API. It stands on *ops*: plain
//! Rust functions that take and return numbers, strings, bytes and small handles. Under both is one adapter,
//! `quickjs.rs`, which is the only file that names the engine. So an API reads like its specification and can be
//! tested alone, and another engine would be another adapter.
//!
//! To the rest of the house this crate is a [`GuestFactory`](dormouse_runtime::guest::GuestFactory) like any other:
//! [`application`] is all that a server needs. It is no sandbox against hostile code.

pub mod worker;

mod compat;
mod guest;
mod isolate;
mod tasks;
mod ops;
mod platform;
mod modules;
mod engine;
mod quickjs;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
pub mod limits;

pub use ops::body::Cf;
pub use platform::Platform;
pub use worker::{
    Binding, Class, ClassStorage, Error, Export, ExportKind, Module, ModuleSource, Position, SourceMap, Worker,
    application,
};
