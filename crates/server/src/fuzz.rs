//! What the fuzzer feeds: handshakes, configurations, operators. Only with the feature `fuzz`, and no part of the interface.

use std::collections::BTreeMap;

use dormouse_runtime::operator::Objects;
use dormouse_runtime::sockets::frame::agreement::{Agreement, Reserved};
use http::{Response, StatusCode, request};
use hyper::ext::Protocol;

use crate::admin::{Answer, Ask};
use crate::config::{Error, Project};
use crate::upgrade::{Compression, Handshake};

/// Answers a handshake, which within HTTP/2 names its protocol: completes the head of the response, and tells what was
/// agreed on. `None` when the request asks for no socket.
///
/// # Errors
///
/// The status with which a handshake is refused that breaks the rules.
pub fn handshake(
    head: &mut request::Parts,
    protocol: Option<&'static str>,
    response: &mut Response<()>,
    compression: Compression,
    reserve: impl FnOnce(usize) -> Option<Reserved>,
) -> Result<Option<Option<Agreement>>, StatusCode> {
    if let Some(protocol) = protocol {
        head.extensions.insert(Protocol::from_static(protocol));
    }
    let handshake = Handshake::read(head).map_err(|refused| refused.status())?;
    Ok(handshake.map(|handshake| handshake.complete(response, compression, reserve)))
}

/// The project of a wrangler file, with nothing beside it.
///
/// # Errors
///
/// All that is wrong with it.
pub fn project(name: &str, text: &str, environment: Option<&str>) -> Result<Project, Error> {
    crate::config::of_text(name, text, environment)
}

/// The variables of a `.dev.vars`.
///
/// # Errors
///
/// All that is wrong with it.
pub fn secrets(text: &str) -> Result<BTreeMap<String, String>, Error> {
    crate::config::secrets_of_text(text)
}

/// What an operator is told.
///
/// # Errors
///
/// The text says what is wrong.
pub fn answer(objects: &Objects, ask: &Ask) -> Result<Answer, String> {
    crate::admin::answer(objects, ask)
}
