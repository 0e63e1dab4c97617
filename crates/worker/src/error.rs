//! The one error of the guest API, with the variants of the `worker` crate that mean something without a
//! JavaScript engine.
//!
//! Where the original carries a `JsValue`, the variant here carries text. An error that came from another
//! object through a stub keeps its name, message, code, cause and flags in [`Error::UnknownJsError`], whatever language
//! that object is written in.

use std::error::Error as StdError;
use std::fmt;

use crate::thrown::Told;

/// What can go wrong in a Worker or an object.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The body's content type is not the one asked for.
    BadEncoding,
    /// The body was read before.
    BodyUsed,
    /// JSON could not be produced; the number is the HTTP status that fits.
    Json((String, u16)),
    /// What the runtime refused, in the words that JavaScript code would see.
    JsError(String),
    /// A part of an HTTP message is malformed.
    Http(http::Error),
    /// Never constructed; here for `From<Infallible>`.
    Infallible,
    /// A misuse of this API, such as a status code that does not fit the call.
    Internal(String),
    /// Reading or writing failed.
    Io(std::io::Error),
    /// No binding has this name.
    BindingError(String),
    /// A route pattern is malformed or clashes with another.
    RouteInsertError(matchit::InsertError),
    /// A route asked for shared data that the router does not have.
    RouteNoDataError,
    /// Any other failure, as text. What `From<&str>` and `From<String>` make.
    RustError(String),
    /// JSON could not be parsed or produced.
    SerdeJsonError(serde_json::Error),
    /// Not an HTTP status code.
    StatusCode(http::status::InvalidStatusCode),
    /// Bytes that should be text are not UTF-8.
    Utf8Error(std::str::Utf8Error),
    /// An object or the runtime failed while handling a call of ours.
    UnknownJsError {
        /// What is told of it besides, such as that its object was reset. It stands for the JavaScript value of the
        /// original.
        original: Told,
        /// The error's class, such as `TypeError`.
        name: Option<String>,
        /// The error's text.
        message: String,
        /// A machine-readable code, if the error has one.
        code: Option<String>,
        /// What caused it.
        cause: Option<Box<Error>>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadEncoding => f.write_str("content type does not match"),
            Error::BodyUsed => f.write_str("body has already been used"),
            Error::Infallible => f.write_str("infallible"),
            Error::RouteNoDataError => f.write_str("route has no shared data"),
            Error::JsError(text) | Error::RustError(text) | Error::Internal(text) => f.write_str(text),
            Error::BindingError(name) => write!(f, "no binding named `{name}`"),
            Error::Json((text, status)) => write!(f, "{text} (status {status})"),
            Error::Io(_) => f.write_str("input or output error"),
            Error::Utf8Error(_) => f.write_str("text is not UTF-8"),
            Error::SerdeJsonError(_) => f.write_str("JSON error"),
            Error::RouteInsertError(_) => f.write_str("route cannot be added"),
            Error::Http(_) => f.write_str("malformed HTTP message"),
            Error::StatusCode(_) => f.write_str("not an HTTP status code"),
            Error::UnknownJsError { name, message, code, .. } => {
                f.write_str(name.as_deref().unwrap_or("Error"))?;
                if let Some(code) = code {
                    write!(f, " [{code}]")?;
                }
                write!(f, ": {message}")
            }
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Http(source) => Some(source),
            Error::Io(source) => Some(source),
            Error::SerdeJsonError(source) => Some(source),
            Error::StatusCode(source) => Some(source),
            Error::Utf8Error(source) => Some(source),
            Error::UnknownJsError { cause, .. } => cause.as_deref().map(|cause| cause as &dyn StdError),
            _ => None,
        }
    }
}

/// The text of an error and of all its causes, on one line.
pub(crate) fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl From<&str> for Error {
    fn from(text: &str) -> Self {
        Error::RustError(text.to_owned())
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Error::RustError(text)
    }
}

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        Error::Http(error)
    }
}

impl From<http::status::InvalidStatusCode> for Error {
    fn from(error: http::status::InvalidStatusCode) -> Self {
        Error::StatusCode(error)
    }
}

impl From<http::header::InvalidHeaderName> for Error {
    fn from(_: http::header::InvalidHeaderName) -> Self {
        Error::JsError("Invalid header name.".to_owned())
    }
}

impl From<http::header::InvalidHeaderValue> for Error {
    fn from(_: http::header::InvalidHeaderValue) -> Self {
        Error::JsError("Invalid header value.".to_owned())
    }
}

impl From<std::str::Utf8Error> for Error {
    fn from(error: std::str::Utf8Error) -> Self {
        Error::Utf8Error(error)
    }
}

impl From<std::string::FromUtf8Error> for Error {
    fn from(error: std::string::FromUtf8Error) -> Self {
        Error::Utf8Error(error.utf8_error())
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::Io(error)
    }
}

impl From<url::ParseError> for Error {
    fn from(error: url::ParseError) -> Self {
        Error::RustError(error.to_string())
    }
}

impl From<serde_urlencoded::de::Error> for Error {
    fn from(error: serde_urlencoded::de::Error) -> Self {
        Error::RustError(error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Error::SerdeJsonError(error)
    }
}

impl From<matchit::InsertError> for Error {
    fn from(error: matchit::InsertError) -> Self {
        Error::RouteInsertError(error)
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, Told, with_causes};

    #[test]
    fn errors_read_as_sentences() {
        fn check(error: Error, expected: &str) {
            assert_eq!(with_causes(&error), expected);
        }
        check(Error::from("plain"), "plain");
        check(Error::BodyUsed, "body has already been used");
        check(Error::BindingError("ROOM".into()), "no binding named `ROOM`");
        check(
            Error::from(serde_json::from_str::<u8>("x").unwrap_err()),
            "JSON error: expected value at line 1 column 1",
        );
        check(
            Error::UnknownJsError {
                name: Some("TypeError".into()),
                original: Told::default(),
                message: "no".into(),
                code: Some("E1".into()),
                cause: Some(Box::new(Error::from("why"))),
            },
            "TypeError [E1]: no: why",
        );
        check(
            Error::UnknownJsError {
                original: Told::default(),
                name: None,
                message: "no".into(),
                code: None,
                cause: None,
            },
            "Error: no",
        );
    }
}
