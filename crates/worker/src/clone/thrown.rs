//! What Rust makes of an error in stored bytes: the parts that every language has.
//!
//! Invariant: any bytes are an error of bounded depth, or none.

use super::de::text;
use super::index::Index;
use crate::limits::CAUSES_MAX;
use crate::native::wire::{ERRORS, Reader, tag};

/// An error.
pub(crate) struct Thrown {
    pub(crate) name: String,
    pub(crate) message: String,
    pub(crate) code: Option<String>,
    /// The properties that are `true`.
    pub(crate) flags: Vec<String>,
    pub(crate) cause: Option<Box<Cause>>,
}

/// What caused an error.
pub(crate) enum Cause {
    Error(Thrown),
    Text(String),
}

/// The error that bytes stand for.
pub(crate) fn thrown(bytes: &[u8]) -> Option<Thrown> {
    let index = Index::new(bytes)?;
    error(&index, index.start(), CAUSES_MAX)
}

fn error(index: &Index<'_>, at: usize, causes_max: usize) -> Option<Thrown> {
    let mut input = index.reader(at);
    match input.byte()? {
        tag::ERROR => {}
        tag::PLATFORM => return dom_exception(&mut input),
        _ => return None,
    }
    let name = match input.varint()?.checked_sub(1) {
        Some(class) => (*ERRORS.get(usize::try_from(class).ok()?)?).to_owned(),
        None => any_text(&mut input)?,
    };
    let mut thrown = Thrown { name, message: any_text(&mut input)?, code: None, flags: Vec::new(), cause: None };
    loop {
        let key = match input.byte()? {
            tag::END => return Some(thrown),
            tag => text(tag, &mut input)?.into_owned(),
        };
        let start = index.place(&input);
        let mut value = index.reader(start);
        match (key.as_str(), value.byte()?) {
            ("code", tag @ (tag::LATIN1 | tag::UTF16)) => thrown.code = Some(text(tag, &mut value)?.into_owned()),
            ("cause", tag @ (tag::LATIN1 | tag::UTF16)) if causes_max > 0 => {
                thrown.cause = Some(Box::new(Cause::Text(text(tag, &mut value)?.into_owned())));
            }
            ("cause", _) if causes_max > 0 => {
                thrown.cause = error(index, start, causes_max - 1).map(|cause| Box::new(Cause::Error(cause)));
            }
            (_, tag::TRUE) => thrown.flags.push(key),
            _ => {}
        }
        input = index.reader(index.end(start)?);
    }
}

/// As the platform writes it: message and name, and more that has no place here.
fn dom_exception(input: &mut Reader<'_>) -> Option<Thrown> {
    if input.bytes()? != b"DOMException" || input.byte()? != tag::DENSE || input.varint()? < 2 {
        return None;
    }
    let (message, name) = (any_text(input)?, any_text(input)?);
    Some(Thrown { name, message, code: None, flags: Vec::new(), cause: None })
}

fn any_text(input: &mut Reader<'_>) -> Option<String> {
    let tag = input.byte()?;
    text(tag, input).map(std::borrow::Cow::into_owned)
}
