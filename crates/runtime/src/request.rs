//! Requests to objects and Workers, and what comes back.
//!
//! Both can cross threads. A response may carry the client end of a WebSocket pair; whoever drops that end
//! without connecting it to anything closes the pair, so no socket waits for a peer that will never come.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use dormouse_object::failure::{Failure, Kind};
use http::StatusCode;

use crate::body::Body;
use crate::pair::ClientEnd;

/// A request for a `fetch` handler.
pub type Request = http::Request<Body>;

/// A response of a `fetch` handler.
#[derive(Debug)]
pub struct Response {
    /// Status, headers and body.
    pub http: http::Response<Body>,
    /// The client end of a pair; then the status is 101.
    pub client: Option<ClientEnd>,
}

/// An extension of the response that hands over a client end: its messages are not to be compressed.
#[derive(Clone, Copy, Debug)]
pub struct Uncompressed;

/// An extension of a response: the text of its status, where it is not the usual one.
#[derive(Clone, Debug)]
pub struct StatusText(pub String);

/// An extension of a request for a WebSocket to the outside: compression of its messages is to be offered, also when its
/// headers do not.
#[derive(Clone, Copy, Debug)]
pub struct OffersCompression;

impl Response {
    /// A response that hands over the client end of a pair.
    pub fn switching_protocols(client: ClientEnd) -> Self {
        let mut http = http::Response::new(Body::empty());
        *http.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        Self { http, client: Some(client) }
    }
}

impl From<http::Response<Body>> for Response {
    fn from(http: http::Response<Body>) -> Self {
        Self { http, client: None }
    }
}

/// Why a request got no response. Reference 2.8.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StubError {
    /// It could not be done; the text says why.
    #[error("{0}")]
    Failed(String),
    /// The handler failed, or its object was reset meanwhile.
    #[error("{}", .0.text)]
    Thrown(Arc<Failure>),
    /// The object was not asked: the instance that the stub had reached broke before, with this failure.
    #[error("{}", .0.text)]
    Broken(Arc<Failure>),
    /// Too much waits for the object, or too many sockets are open; trying again at once makes it worse.
    #[error("{0}")]
    Overloaded(String),
    /// The object or its node has stopped.
    #[error("Network connection lost.")]
    Disconnected,
}

impl StubError {
    /// What the caller is told, and whether it happened elsewhere (`remote`), which it did not when the stub was broken
    /// before.
    pub fn failure(&self) -> (Arc<Failure>, bool) {
        let unknown = |kind| Arc::new(Failure::new(self.to_string()).of_kind(kind));
        match self {
            Self::Thrown(failure) => (failure.clone(), true),
            Self::Broken(failure) => (failure.clone(), false),
            Self::Failed(_) => (unknown(Kind::Failed), true),
            Self::Overloaded(_) => (unknown(Kind::Overloaded), true),
            Self::Disconnected => (unknown(Kind::Disconnected), true),
        }
    }
}

/// How requests of guests reach the world outside the node; the server has one for each shard.
pub trait Outbound {
    /// Sends a request and returns the head of the response; its body comes bit by bit. Dropping the future gives the
    /// request up.
    fn fetch(&self, request: Request) -> Pin<Box<dyn Future<Output = Result<Response, StubError>>>>;
}
