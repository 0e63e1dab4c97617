//! What the fuzzer feeds: handshakes, configurations, operators. Only with the feature `fuzz`, and no part of the interface.

use std::collections::BTreeMap;

use dormouse_runtime::operator::Objects;
use dormouse_runtime::sockets::frame::agreement::{Agreement, Reserved};
use http::{HeaderMap, Response, StatusCode, request};
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

/// The client's half of a handshake.
#[derive(Debug)]
pub struct ClientHandshake(crate::outbound::Handshake);

impl ClientHandshake {
    /// Makes a handshake of a guest's request; `random` is what the server is to prove that it has seen.
    pub fn begin<T>(request: &mut http::Request<T>, random: [u8; 16], compression: Compression) -> Self {
        Self(crate::outbound::begin(request, random, compression))
    }

    /// Checks the answer of a server that switches protocols, and tells what was agreed on, and what that is in words
    /// for a client that the socket is passed on to.
    ///
    /// # Errors
    ///
    /// Says why there is no socket.
    pub fn check(
        &self,
        headers: &HeaderMap,
        reserve: impl FnOnce(usize) -> Option<Reserved>,
    ) -> Result<Option<(Agreement, String)>, String> {
        self.0.check(headers, reserve).map_err(|broken| broken.to_string())
    }
}

/// Whether a client with these headers can be told this of compression.
pub fn permits(headers: &HeaderMap, told: &str) -> bool {
    crate::upgrade::offers(headers).permit(told)
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
