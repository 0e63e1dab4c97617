//! HTTP on one shard: requests in, the entry Worker's responses out, sockets handed on.
//!
//! HTTP/1.1 and the decision what a connection speaks are here, HTTP/2 is in [`multiplex`].
//!
//! Invariant: every request gets a response, whatever user code does, and a fault in user code shows as a plain
//! 500 that tells the client nothing of the inside; the log has the rest.

mod head;
mod multiplex;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use dormouse_runtime::Shard;
use dormouse_runtime::body::Body;
use dormouse_runtime::pair::ClientEnd;
use dormouse_runtime::request::{Response, StatusText, StubError};
use dormouse_runtime::sockets::frame::agreement::Agreement;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use self::head::Origin;
use self::multiplex::{Local, Multiplex, Use};
use crate::limits::{HEAD_LEN_MAX, HEADERS_MAX};
use crate::upgrade::{Compression, Handshake, Refused};
use crate::wire::Wire;

/// How requests are answered.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) head_timeout: Duration,
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) compression: Compression,
}

/// HTTP on one shard.
pub(crate) struct Http {
    shard: Rc<Shard>,
    http1: http1::Builder,
    http2: http2::Builder<Local>,
    head_timeout: Duration,
    compression: Compression,
    stopping: watch::Receiver<bool>,
}

impl Http {
    pub(crate) fn new(shard: Rc<Shard>, options: Options, stopping: watch::Receiver<bool>) -> Self {
        let Options { head_timeout, ping_interval, compression } = options;
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .max_buf_size(HEAD_LEN_MAX)
            .max_headers(HEADERS_MAX);
        Self { shard, http1, http2: multiplex::builder(ping_interval), head_timeout, compression, stopping }
    }

    /// How long a client may send nothing.
    pub(crate) fn head_timeout(&self) -> Duration {
        self.head_timeout
    }

    /// Serves one connection to its end, or until it becomes a socket. It gives up its place when it is none of HTTP
    /// any more.
    pub(crate) async fn serve(self: &Rc<Self>, mut wire: Wire, peer: SocketAddr, place: OwnedSemaphorePermit) {
        let origin = Origin { peer, local: wire.local_addr().ok(), is_secure: wire.is_secure() };
        let mut stopping = self.stopping.clone();
        let speaks_http2 = tokio::select! {
            result = timeout(self.head_timeout, wire.speaks_http2()) => result,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        match speaks_http2 {
            Ok(Ok(true)) => multiplex::serve(self, wire, origin, place).await,
            Ok(Ok(false)) => self.serve_one_by_one(wire, &origin).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "connection ended early"),
            Err(_) => tracing::debug!(%peer, "a client that sends nothing is cut"),
        }
    }

    /// HTTP/1.1.
    async fn serve_one_by_one(&self, wire: Wire, origin: &Origin) {
        let _counted = self.shard.count_connection();
        let service = service_fn(|request| async { Ok::<_, Infallible>(self.answer(request, origin, None).await) });
        let mut connection = pin!(self.http1.serve_connection(TokioIo::new(wire), service).with_upgrades());
        let mut stopping = self.stopping.clone();
        let result = tokio::select! {
            result = connection.as_mut() => result,
            _ = stopping.wait_for(|stopping| *stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(peer = %origin.peer, %error, "connection ended early");
        }
    }

    /// `multiplex` is what the request came by, if that is HTTP/2.
    async fn answer(
        &self,
        mut request: http::Request<Incoming>,
        origin: &Origin,
        multiplex: Option<&Multiplex>,
    ) -> http::Response<Body> {
        let upgrade = hyper::upgrade::on(&mut request);
        let (mut head, body) = request.into_parts();
        let handshake = match Handshake::read(&mut head) {
            Ok(handshake) => handshake,
            Err(refused) => return refuse(refused),
        };
        if let Err((status, text)) = head::complete(&mut head, origin) {
            return plain(status, text);
        }
        let body = if hyper::body::Body::is_end_stream(&body) { Body::empty() } else { Body::stream(body) };
        let path = head.uri.path().to_owned();
        match self.shard.fetch(http::Request::from_parts(head, body)).await {
            Ok(response) => self.respond(response, handshake, (upgrade, multiplex), &path),
            Err(error) => fail(&error, &path),
        }
    }

    fn respond(
        &self,
        response: Response,
        handshake: Option<Handshake>,
        (upgrade, multiplex): (OnUpgrade, Option<&Multiplex>),
        path: &str,
    ) -> http::Response<Body> {
        let Response { mut http, client } = response;
        match (client, handshake) {
            (None, _) if http.status().is_informational() => {
                let error = "Responses may only be constructed with status codes in the range 200 to 599, inclusive.";
                fail(&StubError::Failed(error.into()), path)
            }
            // Within HTTP/2 that would open the socket.
            (None, Some(_)) if multiplex.is_some() && http.status().is_success() => {
                let status = http.status().as_u16();
                let text = format!("this WebSocket handshake was answered with {status} and without a WebSocket");
                plain(StatusCode::BAD_REQUEST, text)
            }
            (None, _) => {
                set_reason(&mut http);
                http
            }
            (Some(client), Some(handshake)) => {
                let Some(deflate) = self.complete(handshake, &mut http, &client) else {
                    let error = "a WebSocket whose messages are compressed cannot be passed on to a client that has not \
                                 offered that";
                    return fail(&StubError::Failed(error.into()), path);
                };
                let used = multiplex.map(Multiplex::carry_socket);
                tokio::task::spawn_local(hand_on(self.shard.clone(), (upgrade, used), client, deflate));
                http
            }
            (Some(_), None) => {
                let error = "Worker tried to return a WebSocket in a response to a request which did not contain the \
                             header \"Upgrade: websocket\".";
                fail(&StubError::Failed(error.into()), path)
            }
        }
    }
}

impl Http {
    /// Completes a handshake: how the messages of the client end are compressed; `None` when it cannot be passed on.
    fn complete(
        &self,
        handshake: Handshake,
        http: &mut http::Response<Body>,
        client: &ClientEnd,
    ) -> Option<Option<Agreement>> {
        match client {
            ClientEnd::Pair(_) => {
                Some(handshake.complete(http, self.compression, |len| self.shard.reserve_histories(len)))
            }
            // Its bytes are passed on as they are.
            ClientEnd::Remote(remote) => match remote.told() {
                None => Some(handshake.complete(http, Compression::Off, |_| None)),
                Some(told) => handshake.complete_as(http, told).map(|()| None),
            },
        }
    }
}

/// Gives the connection to its object once the response that opens the socket is written.
async fn hand_on(
    shard: Rc<Shard>,
    (upgrade, used): (OnUpgrade, Option<Use>),
    client: ClientEnd,
    deflate: Option<Agreement>,
) {
    let _counted = shard.count_connection();
    let result = match upgrade.await {
        Ok(upgraded) => connect(&shard, upgraded, used, client, deflate),
        Err(error) => Err(std::io::Error::other(error)),
    };
    if let Err(error) = result {
        // The client end has been dropped, so the object hears that its peer is gone.
        tracing::debug!(%error, "a client left during its handshake");
    }
}

fn connect(
    shard: &Rc<Shard>,
    upgraded: Upgraded,
    used: Option<Use>,
    client: ClientEnd,
    deflate: Option<Agreement>,
) -> std::io::Result<()> {
    if let Some(used) = used {
        return shard.connect(client, Box::new(multiplex::Socket::new(upgraded, used)), Bytes::new(), deflate);
    }
    let parts = upgraded
        .downcast::<TokioIo<Wire>>()
        .map_err(|_| std::io::Error::other("the connection is not the stream that it was made from"))?;
    let wire = parts.io.into_inner();
    if let ClientEnd::Remote(_) = client {
        // Nobody pings it.
        wire.notice_unanswered();
    }
    let (stream, read_ahead) = wire.into_stream(parts.read_buf);
    shard.connect(client, stream, read_ahead, deflate)
}

/// Says the text of the status that user code has set; one that HTTP/1.1 cannot say is left out.
fn set_reason(response: &mut http::Response<Body>) {
    let text = response.extensions_mut().remove::<StatusText>();
    if let Some(reason) = text.and_then(|StatusText(text)| ReasonPhrase::try_from(text.into_bytes()).ok()) {
        response.extensions_mut().insert(reason);
    }
}

fn refuse(refused: Refused) -> http::Response<Body> {
    let mut response = plain(refused.status(), refused.to_string());
    if let Some((name, value)) = refused.header() {
        response.headers_mut().insert(name, value);
    }
    response
}

fn fail(error: &StubError, path: &str) -> http::Response<Body> {
    tracing::error!(path, %error, "request failed");
    match error {
        StubError::Overloaded(_) => {
            plain(StatusCode::SERVICE_UNAVAILABLE, "The server is overloaded. Try again later.")
        }
        StubError::Failed(_) | StubError::Thrown(_) | StubError::Broken(_) | StubError::Disconnected => {
            plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

fn plain(status: StatusCode, text: impl Into<String>) -> http::Response<Body> {
    let mut text: String = text.into();
    text.push('\n');
    let mut response = http::Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use dormouse_runtime::body::Body;
    use dormouse_runtime::request::StatusText;
    use hyper::ext::ReasonPhrase;

    use super::set_reason;

    #[test]
    fn the_text_of_a_status_is_said_if_it_can_be() {
        for (text, expected) in
            [("Mine", Some("Mine")), ("ü and\ttab", Some("ü and\ttab")), ("two\r\nlines", None), ("\u{7f}", None)]
        {
            let mut response = http::Response::new(Body::empty());
            response.extensions_mut().insert(StatusText(text.to_owned()));
            set_reason(&mut response);
            let said = response.extensions().get::<ReasonPhrase>().map(|reason| reason.as_bytes());
            assert_eq!(said, expected.map(str::as_bytes), "{text:?}");
            assert!(response.extensions().get::<StatusText>().is_none());
        }
    }
}
