//! Errors on their way from one object to another, which may be written in another language: as bytes, in the format of
//! stored values.
//!
//! A JavaScript error keeps its name, message, code and cause here, and what callers are told of it; its other properties
//! have no place in [`Error`]. What was thrown and is no error is a text, as in the `worker` crate.

use crate::clone::{self, Cause, Thrown};
use crate::error::{Error, with_causes};
use crate::limits::CAUSES_MAX;
use crate::native::wire::{Writer, plain_error, tag};

/// What callers are told of an error that came through a stub: in JavaScript, properties of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// It was thrown by another object or Worker, or on the way there.
    pub remote: bool,
    /// Trying again, with a new stub, may help.
    pub retryable: bool,
    /// Too much waits for the object; trying again makes it worse.
    pub overloaded: bool,
    /// The instance broke that the stub had reached: the stub is of no more use, a new one reaches the next instance.
    pub durable_object_reset: bool,
}

impl Told {
    fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.remote, "remote"),
            (self.retryable, "retryable"),
            (self.overloaded, "overloaded"),
            (self.durable_object_reset, "durableObjectReset"),
        ];
        all.into_iter().filter(|(is_told, _)| *is_told).map(|(_, name)| name)
    }
}

/// An error as callers get it.
pub(crate) fn to_bytes(error: &Error) -> Vec<u8> {
    if !matches!(error, Error::UnknownJsError { .. }) {
        return plain_error("Error", &with_causes(error));
    }
    let mut out = Writer::new();
    write(&mut out, error, CAUSES_MAX);
    out.0
}

fn write(out: &mut Writer, error: &Error, causes_max: usize) {
    let Error::UnknownJsError { original, name, message, code, cause } = error else {
        out.error("Error", &with_causes(error));
        return out.end(0);
    };
    out.error(name.as_deref().unwrap_or("Error"), message);
    let mut count = 0;
    for name in original.names() {
        out.text(name);
        out.byte(tag::TRUE);
        count += 1;
    }
    if let Some(code) = code {
        out.text("code");
        out.text(code);
        count += 1;
    }
    if let Some(cause) = cause.as_deref().filter(|_| causes_max > 0) {
        out.text("cause");
        write(out, cause, causes_max - 1);
        count += 1;
    }
    out.end(count);
}

/// The error that bytes stand for; one with `text` when there are none, or nothing can be made of them.
pub(crate) fn from_bytes(bytes: &[u8], text: &str, told: Told) -> Error {
    match clone::thrown(bytes) {
        Some(thrown) => into_error(thrown, told),
        None => Error::UnknownJsError { original: told, name: None, message: text.to_owned(), code: None, cause: None },
    }
}

fn into_error(thrown: Thrown, told: Told) -> Error {
    let Thrown { name, message, code, flags, cause } = thrown;
    let is = |name| flags.iter().any(|flag| flag == name);
    let original = Told {
        remote: told.remote,
        retryable: told.retryable || is("retryable"),
        overloaded: told.overloaded || is("overloaded"),
        durable_object_reset: told.durable_object_reset || is("durableObjectReset"),
    };
    let cause = cause.map(|cause| match *cause {
        Cause::Error(thrown) => Box::new(into_error(thrown, Told::default())),
        Cause::Text(text) => Box::new(Error::JsError(text)),
    });
    Error::UnknownJsError { original, name: Some(name), message, code, cause }
}
