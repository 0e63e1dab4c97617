//! Requests of guests to the outside: HTTP/1.1 and HTTP/2, with TLS, over connections that are kept for a while.
//!
//! It sends what it is given and returns what comes: redirects, caches and decoding are the guest's matter. Each shard
//! has a client of its own, so no connection crosses a thread. A request for a WebSocket goes over a connection that is
//! for it alone, and of those the node has a limited number at a time.

mod handshake;
mod socket;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use dormouse_runtime::Shard;
use dormouse_runtime::body::Body;
use dormouse_runtime::request::{OffersCompression, Outbound, Request, Response, StubError};
use http::header::{CONNECTION, HOST, HeaderName, SEC_WEBSOCKET_EXTENSIONS, TRANSFER_ENCODING, UPGRADE};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

#[cfg(feature = "fuzz")]
pub(crate) use self::handshake::Handshake;
use self::socket::{Room, Settings, Sockets};
use crate::limits::{
    OUTBOUND_CONNECT_TIMEOUT, OUTBOUND_HANDSHAKE_TIMEOUT, OUTBOUND_IDLE_PER_HOST_MAX, OUTBOUND_IDLE_TIMEOUT,
    TCP_KEEPALIVE_IDLE, TCP_KEEPALIVE_INTERVAL, TCP_KEEPALIVE_RETRIES,
};
use crate::upgrade::{Compression, Offers, offers};

/// Headers that are one connection's own matter and are not sent on (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 5] =
    [CONNECTION, TRANSFER_ENCODING, UPGRADE, SEC_WEBSOCKET_EXTENSIONS, HeaderName::from_static("keep-alive")];

/// The client of one shard.
pub(crate) struct Outside {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    sockets: Rc<Sockets>,
}

/// What all shards share.
pub(crate) struct Shared {
    tls: Arc<ClientConfig>,
    compression: Compression,
    room: Room,
}

impl Shared {
    /// Messages of WebSockets are compressed like those of clients; of WebSockets there are at most `sockets_max`.
    pub(crate) fn new(compression: Compression, sockets_max: usize) -> Self {
        Self { tls: tls(), compression, room: Room::new(sockets_max) }
    }
}

fn tls() -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("ring speaks TLS 1.2 and 1.3");
    let builder = match builder.clone().with_native_roots() {
        Ok(rooted) => rooted,
        Err(error) => {
            tracing::debug!(%error, "no certificates of authorities on this system: no HTTPS server is trusted");
            builder.with_root_certificates(rustls::RootCertStore::empty())
        }
    };
    Arc::new(builder.with_no_client_auth())
}

/// What makes TCP connections.
fn connector() -> HttpConnector {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(OUTBOUND_CONNECT_TIMEOUT));
    http.set_keepalive(Some(TCP_KEEPALIVE_IDLE));
    http.set_keepalive_interval(Some(TCP_KEEPALIVE_INTERVAL));
    http.set_keepalive_retries(Some(TCP_KEEPALIVE_RETRIES));
    http
}

impl Outside {
    pub(crate) fn new(shared: &Shared, shard: &Rc<Shard>) -> Self {
        let Shared { tls, compression, room } = shared;
        let http = connector();
        // The shard holds what is made here.
        let shard = Rc::downgrade(shard);
        let reserve = move |len| shard.upgrade()?.reserve_histories(len);
        let settings = Settings {
            patience: OUTBOUND_HANDSHAKE_TIMEOUT,
            compression: *compression,
            reserve: Box::new(reserve),
            room: room.clone(),
        };
        let sockets = Sockets::new(http.clone(), tls, settings);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config((**tls).clone())
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(OUTBOUND_IDLE_TIMEOUT)
            .pool_max_idle_per_host(OUTBOUND_IDLE_PER_HOST_MAX)
            .build(connector);
        Self { client, sockets }
    }
}

impl Outbound for Outside {
    fn fetch(&self, mut request: Request) -> Pin<Box<dyn Future<Output = Result<Response, StubError>>>> {
        let is_handshake = handshake::is_asked_for(request.headers());
        let offers = leave_connection(&mut request);
        if is_handshake {
            let sockets = self.sockets.clone();
            return Box::pin(async move {
                sockets.open(request, &offers).await.map_err(|error| {
                    tracing::debug!(%error, "no WebSocket to the outside");
                    match error {
                        socket::Error::Full(_) => StubError::Overloaded(error.to_string()),
                        _ => StubError::Disconnected,
                    }
                })
            });
        }
        let sent = self.client.request(request);
        Box::pin(async move {
            match sent.await {
                Ok(response) => Ok(response.map(Body::stream).into()),
                Err(error) => {
                    tracing::debug!(error = causes(&error), "request to the outside failed");
                    Err(StubError::Disconnected)
                }
            }
        })
    }
}

/// The connection that a request came on is another one than it goes on. Returns what it offers of compression.
fn leave_connection<T>(request: &mut http::Request<T>) -> Offers {
    let offers = match request.extensions().get::<OffersCompression>() {
        Some(OffersCompression) => Offers::any(),
        None => offers(request.headers()),
    };
    for name in &HOP_BY_HOP {
        request.headers_mut().remove(name);
    }
    request.headers_mut().remove(HOST);
    *request.version_mut() = http::Version::HTTP_11;
    offers
}

/// The handshake of a request, as it is begun for a guest.
#[cfg(feature = "fuzz")]
pub(crate) fn begin<T>(request: &mut http::Request<T>, random: [u8; 16], compression: Compression) -> Handshake {
    let asked = leave_connection(request).asked(compression);
    Handshake::begin(request, random, asked)
}

/// An error with all that caused it, which alone says what went wrong.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
