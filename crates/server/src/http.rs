//! HTTP/1.1 on one shard: requests in, the entry Worker's responses out, sockets handed on.
//!
//! Invariant: every request gets a response, whatever user code does, and a fault in user code shows as a plain
//! 500 that tells the client nothing of the inside; the log has the rest.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use dormouse_runtime::Shard;
use dormouse_runtime::body::Body;
use dormouse_runtime::pair::ClientEnd;
use dormouse_runtime::request::{Response, StubError};
use dormouse_runtime::sockets::frame::agreement::Agreement;
use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Uri, request, uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::limits::{HEAD_LEN_MAX, HEADERS_MAX};
use crate::upgrade::{Compression, Handshake, Refused};

/// Where user code finds the address of the client (reference 1.7).
const CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");

/// HTTP on one shard.
pub(crate) struct Http {
    shard: Rc<Shard>,
    http1: http1::Builder,
    compression: Compression,
    stopping: watch::Receiver<bool>,
}

impl Http {
    pub(crate) fn new(
        shard: Rc<Shard>,
        head_timeout: Duration,
        compression: Compression,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .max_buf_size(HEAD_LEN_MAX)
            .max_headers(HEADERS_MAX);
        Self { shard, http1, compression, stopping }
    }

    /// Serves one connection to its end, or until it becomes a socket.
    pub(crate) async fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let _counted = self.shard.count_connection();
        let local = stream.local_addr().ok();
        let service = service_fn(|request| self.answer(request, peer, local));
        let mut connection = pin!(self.http1.serve_connection(TokioIo::new(stream), service).with_upgrades());
        let mut stopping = self.stopping.clone();
        let result = tokio::select! {
            result = connection.as_mut() => result,
            _ = stopping.wait_for(|stopping| *stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(%peer, %error, "connection ended early");
        }
    }

    async fn answer(
        &self,
        mut request: http::Request<Incoming>,
        peer: SocketAddr,
        local: Option<SocketAddr>,
    ) -> Result<http::Response<Body>, Infallible> {
        let upgrade = hyper::upgrade::on(&mut request);
        let (mut head, body) = request.into_parts();
        let handshake = match Handshake::read(&head) {
            Ok(handshake) => handshake,
            Err(refused) => return Ok(refuse(refused)),
        };
        if let Err(text) = make_absolute(&mut head, local) {
            return Ok(plain(StatusCode::BAD_REQUEST, text));
        }
        if let Ok(address) = HeaderValue::from_str(&peer.ip().to_string()) {
            head.headers.insert(CONNECTING_IP, address);
        }
        let body = if hyper::body::Body::is_end_stream(&body) { Body::empty() } else { Body::stream(body) };
        let path = head.uri.path().to_owned();
        Ok(match self.shard.fetch(http::Request::from_parts(head, body)).await {
            Ok(response) => self.respond(response, handshake, upgrade, &path),
            Err(error) => fail(&error, &path),
        })
    }

    fn respond(
        &self,
        response: Response,
        handshake: Option<Handshake>,
        upgrade: OnUpgrade,
        path: &str,
    ) -> http::Response<Body> {
        let Response { mut http, client } = response;
        match (client, handshake) {
            (None, _) if http.status().is_informational() => {
                let error = "Responses may only be constructed with status codes in the range 200 to 599, inclusive.";
                fail(&StubError::Failed(error.into()), path)
            }
            (None, _) => http,
            (Some(client), Some(handshake)) => {
                let deflate = handshake.complete(&mut http, self.compression, |len| self.shard.reserve_histories(len));
                tokio::task::spawn_local(hand_on(self.shard.clone(), upgrade, client, deflate));
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

/// Gives the connection to its object once the response with status 101 is written.
async fn hand_on(shard: Rc<Shard>, upgrade: OnUpgrade, client: ClientEnd, deflate: Option<Agreement>) {
    let _counted = shard.count_connection();
    let result = match upgrade.await {
        Ok(upgraded) => connect(&shard, upgraded, client, deflate),
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
    client: ClientEnd,
    deflate: Option<Agreement>,
) -> std::io::Result<()> {
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| std::io::Error::other("the connection is not the stream that it was made from"))?;
    shard.connect(client, parts.io.into_inner(), parts.read_buf, deflate)
}

/// User code sees whole URLs: scheme and host are added to what the request line says.
fn make_absolute(head: &mut request::Parts, local: Option<SocketAddr>) -> Result<(), &'static str> {
    if head.uri.scheme().is_some() {
        return Ok(());
    }
    let host = match host(&head.headers)? {
        Some(host) => host,
        None => local.map_or_else(|| "localhost".into(), |local| local.to_string()),
    };
    let mut parts = uri::Parts::default();
    parts.scheme = Some(uri::Scheme::HTTP);
    parts.authority = Some(host.parse().map_err(|_| "the Host header is not a host")?);
    parts.path_and_query = head.uri.path_and_query().cloned().or_else(|| Some(uri::PathAndQuery::from_static("/")));
    head.uri = Uri::from_parts(parts).map_err(|_| "the request's target is not a path")?;
    Ok(())
}

fn host(headers: &HeaderMap) -> Result<Option<String>, &'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(None),
        (Some(host), None) => Ok(Some(host.to_str().map_err(|_| "the Host header is not a host")?.to_owned())),
        (Some(_), Some(_)) => Err("a request must have one Host header"),
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
