//! WebSockets to servers outside: a connection of its own for each, which leaves HTTP when the server agrees.
//!
//! A server that answers anything but 101 gives an ordinary response. One that breaks the rules of the handshake gives
//! one with status 502 that says so, as workerd does.
//!
//! Invariant: an attempt ends within its time, and takes nothing with it: dropping it ends its connection.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use dormouse_runtime::body::Body;
use dormouse_runtime::pair::{ClientEnd, Remote};
use dormouse_runtime::request::{Request, Response};
use http::header::{HOST, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{StatusCode, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::handshake::{Broken, Handshake};
use crate::limits::{HEAD_LEN_MAX, HEADERS_MAX, OUTBOUND_HANDSHAKES_MAX};
use crate::wire::{Movable, Wire};

/// What makes WebSockets on one shard.
pub(super) struct Sockets {
    http: HttpConnector,
    tls: TlsConnector,
    http1: http1::Builder,
    /// How long an attempt may take.
    patience: Duration,
    /// Attempts that may be under way.
    places: Semaphore,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the URL has no host")]
    NoHost,
    #[error("no connection: {0}")]
    Connect(String),
    #[error("no TLS: {0}")]
    Tls(io::Error),
    #[error("no response: {0}")]
    Http(#[from] hyper::Error),
    #[error("the connection cannot be used: {0}")]
    Stream(io::Error),
    #[error("no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    #[error("the server has not answered within {0:?}")]
    Late(Duration),
}

impl Sockets {
    pub(super) fn new(http: HttpConnector, tls: &ClientConfig, patience: Duration) -> Rc<Self> {
        // Within HTTP/2 a WebSocket is another thing, and not every server knows it.
        let mut tls = tls.clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut http1 = http1::Builder::new();
        http1.max_headers(HEADERS_MAX).max_buf_size(HEAD_LEN_MAX);
        let places = Semaphore::new(OUTBOUND_HANDSHAKES_MAX);
        Rc::new(Self { http, tls: TlsConnector::from(Arc::new(tls)), http1, patience, places })
    }

    /// Asks for a WebSocket.
    pub(super) async fn open(&self, request: Request) -> Result<Response, Error> {
        let attempt = async {
            // The semaphore is never closed; without a place, the attempt would do no harm either.
            let _place = self.places.acquire().await;
            self.attempt(request).await
        };
        timeout(self.patience, attempt).await.unwrap_or(Err(Error::Late(self.patience)))
    }

    async fn attempt(&self, mut request: Request) -> Result<Response, Error> {
        let uri = without_alias(request.uri())?;
        let wire = self.connect(uri.clone()).await?;
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let handshake = Handshake::begin(&mut request, random);
        *request.body_mut() = Body::empty();
        address(&mut request, &uri)?;
        let (mut sender, connection) = self.http1.handshake::<_, Body>(TokioIo::new(wire)).await?;
        let mut connection = Running(Some(tokio::task::spawn_local(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to the outside ended early");
            }
        })));
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            // It lasts as long as the body.
            connection.0 = None;
            return Ok(response.map(Body::stream).into());
        }
        match handshake.check(response.headers()) {
            Ok(()) => switch(response).await,
            Err(broken) => Ok(bad_gateway(&broken)),
        }
    }

    async fn connect(&self, uri: Uri) -> Result<Wire, Error> {
        let is_secure = uri.scheme() == Some(&Scheme::HTTPS);
        let host = uri.host().ok_or(Error::NoHost)?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let mut http = self.http.clone();
        let refused = |error: <HttpConnector as Service<Uri>>::Error| Error::Connect(super::causes(&error));
        poll_fn(|context| http.poll_ready(context)).await.map_err(refused)?;
        let stream = http.call(uri).await.map_err(refused)?.into_inner();
        if !is_secure {
            return Ok(Wire::plain(stream));
        }
        let name = ServerName::try_from(host).map_err(|error| Error::Tls(io::Error::other(error)))?;
        let stream = self.tls.connect(name, Movable::Attached(stream)).await.map_err(Error::Tls)?;
        Ok(Wire::secure(stream))
    }
}

/// Takes the connection out of HTTP.
async fn switch(mut response: http::Response<Incoming>) -> Result<Response, Error> {
    let upgraded = hyper::upgrade::on(&mut response).await?;
    let parts = upgraded
        .downcast::<TokioIo<Wire>>()
        .map_err(|_| Error::Stream(io::Error::other("it is not the stream that it was made from")))?;
    let (stream, read_ahead) = parts.io.into_inner().into_stream(parts.read_buf);
    let remote = Remote::new(stream, read_ahead, None).map_err(Error::Stream)?;
    Ok(Response { http: response.map(|_| Body::empty()), client: Some(ClientEnd::Remote(remote)) })
}

fn bad_gateway(broken: &Broken) -> Response {
    let mut response = http::Response::new(Body::from(broken.to_string()));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.into()
}

/// The same with the scheme of HTTP: a redirect may name the other one.
fn without_alias(uri: &Uri) -> Result<Uri, Error> {
    let scheme = match uri.scheme_str() {
        Some("wss") => Scheme::HTTPS,
        Some("ws") => Scheme::HTTP,
        _ => return Ok(uri.clone()),
    };
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(scheme);
    Uri::from_parts(parts).map_err(|_| Error::NoHost)
}

/// Says in the request whom it is for, as it is said on a connection (RFC 9112, section 3.2.1).
fn address(request: &mut Request, uri: &Uri) -> Result<(), Error> {
    let authority = uri.authority().ok_or(Error::NoHost)?;
    let is_default = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => authority.port_u16() == Some(443),
        _ => authority.port_u16() == Some(80),
    };
    let host = match authority.port() {
        Some(port) if !is_default => format!("{}:{port}", authority.host()),
        _ => authority.host().to_owned(),
    };
    request.headers_mut().insert(HOST, HeaderValue::from_str(&host).map_err(|_| Error::NoHost)?);
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = path.into();
    Ok(())
}

/// The task of a connection, which ends with this unless it was let go.
struct Running(Option<JoinHandle<()>>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
