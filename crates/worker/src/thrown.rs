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
        None => {
            let name = Some("Error".to_owned());
            Error::UnknownJsError { original: told, name, message: text.to_owned(), code: None, cause: None }
        }
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

#[cfg(test)]
mod tests {
    use super::{Told, from_bytes, to_bytes};
    use crate::error::Error;
    use crate::native::wire::{Writer, tag};

    fn unknown(name: &str, message: &str, code: Option<&str>, cause: Option<Error>) -> Error {
        let (name, code) = (Some(name.to_owned()), code.map(str::to_owned));
        Error::UnknownJsError {
            original: Told::default(),
            name,
            message: message.to_owned(),
            code,
            cause: cause.map(Box::new),
        }
    }

    /// There and back.
    fn crossed(error: &Error) -> String {
        format!("{:?}", from_bytes(&to_bytes(error), "nothing", Told::default()))
    }

    #[test]
    fn errors_of_a_stub_are_passed_on_as_they_came() {
        let below = unknown("Mine", "bélow ☃", Some("E2"), Some(Error::JsError("last".into())));
        let error = unknown("TypeError", "on purpose", Some("E1"), Some(below));
        let last = "cause: Some(UnknownJsError { original: Told { remote: false, retryable: false, overloaded: false, \
                    durable_object_reset: false }, name: Some(\"Error\"), message: \"last\", code: None, cause: None })";
        let expected = format!("{error:?}").replace("cause: Some(JsError(\"last\"))", last);
        assert_eq!(crossed(&error), expected);
    }

    #[test]
    fn errors_of_rust_are_texts_with_their_causes() {
        let io = Error::Io(std::io::Error::other("no disk"));
        assert!(crossed(&io).contains("name: Some(\"Error\"), message: \"input or output error: no disk\""));
        assert!(crossed(&Error::from("plain")).contains("message: \"plain\""));
    }

    #[test]
    fn what_was_told_stays_told() {
        let told = Told { remote: true, overloaded: true, durable_object_reset: true, ..Told::default() };
        let bytes = to_bytes(&Error::UnknownJsError {
            original: told,
            name: None,
            message: "x".into(),
            code: None,
            cause: None,
        });
        let Error::UnknownJsError { original, .. } = from_bytes(&bytes, "", Told::default()) else { panic!() };
        // Where it comes from is for this stub to say.
        assert_eq!(original, Told { remote: false, ..told });
    }

    #[test]
    fn causes_are_bounded() {
        let deep =
            |depth| (0..depth).fold(unknown("Error", "first", None, None), |e, _| unknown("Error", "x", None, Some(e)));
        assert!(crossed(&deep(16)).contains("first"));
        assert!(!crossed(&deep(17)).contains("first"));
    }

    #[test]
    fn what_javascript_writes_is_read() {
        let read = |write: &dyn Fn(&mut Writer)| {
            let mut out = Writer::new();
            write(&mut out);
            from_bytes(&out.0, "the text", Told::default()).to_string()
        };
        let shape = |out: &mut Writer| {
            out.error("RangeError", "far");
            for (key, value) in [("stack", "at"), ("code", "E"), ("details", "")] {
                out.text(key);
                match value {
                    "" => [tag::OBJECT, tag::END, 0].into_iter().for_each(|byte| out.byte(byte)),
                    value => out.text(value),
                }
            }
            out.end(3);
        };
        assert_eq!(read(&shape), "RangeError [E]: far");
        let exception = |out: &mut Writer| {
            out.byte(tag::PLATFORM);
            out.bytes(b"DOMException");
            out.byte(tag::DENSE);
            out.varint(3);
            ["gone", "AbortError", "at"].iter().for_each(|text| out.text(text));
            out.end(0);
            out.varint(3);
        };
        assert_eq!(read(&exception), "AbortError: gone");
        // What is no error, and what is nothing at all.
        assert_eq!(
            read(&|out| [tag::OBJECT, tag::END, 0].into_iter().for_each(|byte| out.byte(byte))),
            "Error: the text"
        );
        assert_eq!(read(&|out| out.byte(0x7f)), "Error: the text");
        assert_eq!(from_bytes(&[], "the text", Told::default()).to_string(), "Error: the text");
    }

    #[test]
    fn any_bytes_are_an_error() {
        let bytes =
            to_bytes(&unknown("Mine", "on purpose", Some("E1"), Some(unknown("TypeError", "below", None, None))));
        for at in 0..bytes.len() {
            for byte in 0..=u8::MAX {
                let mut damaged = bytes.clone();
                damaged[at] = byte;
                assert!(!from_bytes(&damaged, "the text", Told::default()).to_string().is_empty());
            }
            assert_eq!(from_bytes(&bytes[..at], "the text", Told::default()).to_string(), "Error: the text");
        }
    }
}
