//! What an engine must do: the waist between what user code sees and what the host does.
//!
//! An [`Op`] is a plain function from JavaScript values to an [`Out`]. What it may ask of its arguments is
//! [`Call`](crate::quickjs::Call), what it may hold of the engine is [`JsRef`](crate::quickjs::JsRef); both are the
//! adapter's. Nothing here, and no op, names an engine.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use bytestring::ByteString;

pub(crate) use crate::quickjs::{Call, Engine, JsRef, Settled};

/// A host function that the platform's JavaScript imports from `dormouse:ops`.
#[derive(Clone, Copy)]
pub(crate) struct Op {
    /// The name under which it is imported.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) run: OpFn,
}

/// The body of an op.
pub(crate) type OpFn = fn(&Call<'_>) -> Result<Out, Fault>;

/// Work whose result settles a promise.
pub(crate) type Later = Pin<Box<dyn Future<Output = Result<Out, Fault>>>>;

/// What an op gives back.
pub(crate) enum Out {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    /// A text that is shared with the host.
    Shared(ByteString),
    /// A `Uint8Array` over a buffer of its own.
    Bytes(Bytes),
    /// An `ArrayBuffer`.
    Buffer(Vec<u8>),
    List(Vec<Out>),
    /// A value that the engine holds already.
    Value(JsRef),
    /// A promise of what the work comes to. It is a task of the guest that runs: the object stays in memory until it
    /// has ended, and dropping the guest drops it.
    Later(Later),
}

impl Out {
    pub(crate) fn later(work: impl Future<Output = Result<Out, Fault>> + 'static) -> Result<Self, Fault> {
        Ok(Self::Later(Box::pin(work)))
    }
}

impl From<()> for Out {
    fn from((): ()) -> Self {
        Out::Undefined
    }
}

impl From<bool> for Out {
    fn from(value: bool) -> Self {
        Out::Bool(value)
    }
}

impl From<f64> for Out {
    fn from(value: f64) -> Self {
        Out::Number(value)
    }
}

impl From<u32> for Out {
    fn from(value: u32) -> Self {
        Out::Number(value.into())
    }
}

impl From<String> for Out {
    fn from(value: String) -> Self {
        Out::Text(value)
    }
}

impl From<&str> for Out {
    fn from(value: &str) -> Self {
        Out::Text(value.to_owned())
    }
}

impl From<Vec<u8>> for Out {
    fn from(value: Vec<u8>) -> Self {
        Out::Bytes(value.into())
    }
}

impl From<Bytes> for Out {
    fn from(value: Bytes) -> Self {
        Out::Bytes(value)
    }
}

impl From<JsRef> for Out {
    fn from(value: JsRef) -> Self {
        Out::Value(value)
    }
}

impl<T: Into<Out>> From<Option<T>> for Out {
    fn from(value: Option<T>) -> Self {
        value.map_or(Out::Null, Into::into)
    }
}

impl<T: Into<Out>> From<Vec<T>> for Out {
    fn from(value: Vec<T>) -> Self {
        Out::List(value.into_iter().map(Into::into).collect())
    }
}

/// What an op throws, or what user code threw: the name of an error's class and its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// `TypeError`, `RangeError`, …, or the name of a `DOMException`.
    pub(crate) name: String,
    pub(crate) message: String,
    /// What user code threw has one.
    pub(crate) stack: String,
    /// What user code threw, as bytes for callers elsewhere; only where somebody may want them.
    pub(crate) thrown: Bytes,
    /// Whether no `catch` of user code sees it.
    pub(crate) uncatchable: bool,
    /// Whether the engine still holds what was thrown: code gets that very value, and the rest here says nothing.
    pub(crate) pending: bool,
}

impl Fault {
    pub(crate) fn new(name: &str, message: impl Into<String>) -> Self {
        let (name, message) = (name.to_owned(), message.into());
        Self { name, message, stack: String::new(), thrown: Bytes::new(), uncatchable: false, pending: false }
    }

    /// What JavaScript threw inside an op goes on as it is. For ops that return it at once.
    pub(crate) fn pending() -> Self {
        Self { pending: true, ..Self::error("an exception that the engine holds") }
    }

    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self::new("Error", message)
    }

    /// Ends the code that runs; no `catch` sees it.
    pub(crate) fn uncatchable(message: impl Into<String>) -> Self {
        Self { uncatchable: true, ..Self::error(message) }
    }

    pub(crate) fn type_error(message: impl Into<String>) -> Self {
        Self::new("TypeError", message)
    }

    pub(crate) fn range_error(message: impl Into<String>) -> Self {
        Self::new("RangeError", message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message.as_str() {
            "" => write!(f, "{}", self.name),
            message => write!(f, "{}: {message}", self.name),
        }
    }
}
