//! `console_log!` and its kin: lines in the server's log, with the object that wrote them.

use std::fmt;

use crate::native::Host;

/// Logs a line, at level `info`.
#[macro_export]
macro_rules! console_log {
    ($($text:tt)*) => { $crate::__macros::console($crate::__macros::Level::Info, ::core::format_args!($($text)*)) };
}

/// Logs a line, at level `debug`.
#[macro_export]
macro_rules! console_debug {
    ($($text:tt)*) => { $crate::__macros::console($crate::__macros::Level::Debug, ::core::format_args!($($text)*)) };
}

/// Logs a line, at level `warn`.
#[macro_export]
macro_rules! console_warn {
    ($($text:tt)*) => { $crate::__macros::console($crate::__macros::Level::Warn, ::core::format_args!($($text)*)) };
}

/// Logs a line, at level `error`.
#[macro_export]
macro_rules! console_error {
    ($($text:tt)*) => { $crate::__macros::console($crate::__macros::Level::Error, ::core::format_args!($($text)*)) };
}

/// How much a line matters.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    /// `console_debug!`
    Debug,
    /// `console_log!`
    Info,
    /// `console_warn!`
    Warn,
    /// `console_error!`
    Error,
}

/// What the macros expand to.
pub fn console(level: Level, text: fmt::Arguments<'_>) {
    let host = Host::current().ok();
    let class = host.as_ref().map_or("", |host| host.ctx().class());
    let id = host.as_ref().and_then(|host| host.ctx().id());
    let object = fmt::from_fn(|f| match id {
        Some(id) => match id.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{id}"),
        },
        None => Ok(()),
    });
    // The target and the level of a log line are constants, hence four of the same.
    match level {
        Level::Debug => tracing::debug!(target: "worker::console", class, %object, "{text}"),
        Level::Info => tracing::info!(target: "worker::console", class, %object, "{text}"),
        Level::Warn => tracing::warn!(target: "worker::console", class, %object, "{text}"),
        Level::Error => tracing::error!(target: "worker::console", class, %object, "{text}"),
    }
}
