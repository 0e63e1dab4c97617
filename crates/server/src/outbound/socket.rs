//! WebSockets to servers outside: a connection of its own for each, which leaves HTTP when the server agrees.
//!
//! A server that answers anything but 101 gives an ordinary response. One that breaks the rules of the handshake gives
//! one with status 502 that says so, as workerd does.
//!
//! Invariant: an attempt ends within its time, and takes nothing with it: dropping it ends its connection. A socket has a
//! place among those that the node may have from the attempt on until its connection has ended.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use dormouse_runtime::body::Body;
use dormouse_runtime::pair::{ClientEnd, Remote};
use dormouse_runtime::request::{Request, Response};
use dormouse_runtime::sockets::frame::agreement::{Agreement, Reserved};
use http::header::{HOST, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{StatusCode, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::handshake::{Broken, Handshake};
use crate::limits::{HEAD_LEN_MAX, HEADERS_MAX, OUTBOUND_HANDSHAKES_MAX};
use crate::upgrade::{Compression, Offers};
use crate::wire::{Movable, Wire, notice_unanswered};

/// What makes WebSockets on one shard.
pub(super) struct Sockets {
    http: HttpConnector,
    tls: TlsConnector,
    http1: http1::Builder,
    settings: Settings,
    /// Attempts that may be under way.
    places: Semaphore,
}

/// How a shard opens its sockets.
pub(super) struct Settings {
    /// How long an attempt may take.
    pub(super) patience: Duration,
    /// What is offered to servers.
    pub(super) compression: Compression,
    /// Sets memory aside for what messages refer to.
    pub(super) reserve: Box<dyn Fn(usize) -> Option<Reserved>>,
    /// Where sockets have their places.
    pub(super) room: Room,
}

/// How many more sockets a node may have. Clones share it.
#[derive(Clone)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    places_max: usize,
}

impl Room {
    pub(super) fn new(places_max: usize) -> Self {
        let places_max = places_max.min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(places_max)), places_max }
    }

    fn take(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.places.clone().try_acquire_owned().map_err(|_| Error::Full(self.places_max))
    }
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
    #[error(
        "Too many outgoing WebSockets are open: this server allows {0} at a time (--outgoing-sockets). Close some first."
    )]
    Full(usize),
}

impl Sockets {
    pub(super) fn new(http: HttpConnector, tls: &ClientConfig, settings: Settings) -> Rc<Self> {
        // Within HTTP/2 a WebSocket is another thing, and not every server knows it.
        let mut tls = tls.clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut http1 = http1::Builder::new();
        http1.max_headers(HEADERS_MAX).max_buf_size(HEAD_LEN_MAX);
        let places = Semaphore::new(OUTBOUND_HANDSHAKES_MAX);
        Rc::new(Self { http, tls: TlsConnector::from(Arc::new(tls)), http1, settings, places })
    }

    /// Asks for a WebSocket, with what user code offers of compression.
    pub(super) async fn open(&self, request: Request, offers: &Offers) -> Result<Response, Error> {
        let place = self.settings.room.take()?;
        let attempt = async {
            // The semaphore is never closed; without a place, the attempt would do no harm either.
            let _place = self.places.acquire().await;
            self.attempt(request, offers, place).await
        };
        let patience = self.settings.patience;
        timeout(patience, attempt).await.unwrap_or(Err(Error::Late(patience)))
    }

    async fn attempt(
        &self,
        mut request: Request,
        offers: &Offers,
        place: OwnedSemaphorePermit,
    ) -> Result<Response, Error> {
        let uri = without_alias(request.uri())?;
        let wire = self.connect(uri.clone()).await?;
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let handshake = Handshake::begin(&mut request, random, offers.asked(self.settings.compression));
        *request.body_mut() = Body::empty();
        address(&mut request, &uri)?;
        let (mut sender, connection) = self.http1.handshake::<_, Body>(TokioIo::new(wire)).await?;
        // It ends with what it was made for: the request, the body of its response, or HTTP.
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to the outside ended early");
            }
        });
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response.map(Body::stream).into());
        }
        match handshake.check(response.headers(), &self.settings.reserve) {
            Ok(deflate) => switch(response, deflate, place).await,
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
        notice_unanswered(&stream);
        if !is_secure {
            return Ok(Wire::plain(stream));
        }
        let name = ServerName::try_from(host).map_err(|error| Error::Tls(io::Error::other(error)))?;
        let stream = self.tls.connect(name, Movable::Attached(stream)).await.map_err(Error::Tls)?;
        Ok(Wire::secure(stream))
    }
}

/// Takes the connection out of HTTP.
async fn switch(
    mut response: http::Response<Incoming>,
    deflate: Option<(Agreement, String)>,
    place: OwnedSemaphorePermit,
) -> Result<Response, Error> {
    let upgraded = hyper::upgrade::on(&mut response).await?;
    let parts = upgraded
        .downcast::<TokioIo<Wire>>()
        .map_err(|_| Error::Stream(io::Error::other("it is not the stream that it was made from")))?;
    let (stream, read_ahead) = parts.io.into_inner().into_stream(parts.read_buf);
    let (deflate, told) = deflate.unzip();
    let remote = Remote::new(stream, read_ahead, deflate).map_err(Error::Stream)?.holding(place).telling(told);
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::rc::Rc;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use dormouse_runtime::body::Body;
    use dormouse_runtime::request::{Request, Response};
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
    use tokio::sync::Semaphore;
    use tokio::task::LocalSet;

    use super::super::connector;
    use super::{Error, Room, Settings, Sockets};
    use crate::upgrade::{Compression, Offers};
    use crate::wire::Wire;

    /// So short that no test waits for it where it should not.
    const SOON: Duration = Duration::from_millis(50);
    /// Longer than anything takes.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn sockets(patience: Duration, roots: RootCertStore) -> Rc<Sockets> {
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let tls =
            tls.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
        let room = Room::new(2);
        let settings = Settings { patience, compression: Compression::Off, reserve: Box::new(|_| None), room };
        Sockets::new(connector(), &tls, settings)
    }

    fn request(url: &str) -> Request {
        http::Request::get(url).body(Body::empty()).unwrap()
    }

    /// Runs on a thread as a shard's is.
    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, work)
    }

    fn open(sockets: &Sockets, url: &str) -> Result<Response, Error> {
        run(sockets.open(request(url), &Offers::default()))
    }

    #[test]
    fn silence_ends_an_attempt_wherever_it_is() {
        // The kernel takes the connection; nobody says anything on it.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let sockets = sockets(SOON, RootCertStore::empty());
        for scheme in ["http", "https"] {
            let answer = open(&sockets, &format!("{scheme}://{address}/"));
            assert!(matches!(answer, Err(Error::Late(SOON))), "{answer:?}");
        }
    }

    /// A server that reads a head and refuses.
    fn refuse(mut stream: impl Read + Write) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.extend(byte);
        }
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")?;
        stream.flush()
    }

    /// Serves one connection.
    fn serve(serve: impl FnOnce(TcpStream) -> std::io::Result<()> + Send + 'static) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // A client that does not trust the server hangs up on it.
        thread::spawn(move || listener.accept().map(|(stream, _)| drop(serve(stream))));
        port
    }

    #[test]
    fn an_attempt_waits_for_a_place_within_its_time() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let hanging = format!("http://{}/", silent.local_addr().unwrap());
        let mut soon = sockets(SOON, RootCertStore::empty());
        Rc::get_mut(&mut soon).unwrap().places = Semaphore::new(1);
        run(async {
            let first = soon.places.acquire().await.unwrap();
            assert!(
                matches!(soon.open(request(&hanging), &Offers::default()).await, Err(Error::Late(_))),
                "there is no place"
            );
            drop(first);
            assert_eq!(soon.places.available_permits(), 1, "one that waited takes none");
        });

        let mut patient = sockets(PATIENCE, RootCertStore::empty());
        Rc::get_mut(&mut patient).unwrap().places = Semaphore::new(1);
        let port = serve(refuse);
        run(async {
            let none = Offers::default();
            let first = patient.open(request(&hanging), &none);
            let second = patient.open(request(&format!("http://127.0.0.1:{port}/")), &none);
            tokio::pin!(second);
            tokio::select! {
                biased;
                _ = first => panic!("nobody answers"),
                _ = &mut second => panic!("the place is taken"),
                () = silent_has_a_client(&silent) => {}
            }
            // The first one is given up.
            assert_eq!(second.await.unwrap().http.status(), 403);
        });
    }

    async fn silent_has_a_client(silent: &TcpListener) {
        silent.set_nonblocking(true).unwrap();
        let silent = tokio::net::TcpListener::from_std(silent.try_clone().unwrap()).unwrap();
        drop(silent.accept().await.unwrap());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_asks_after_a_server_and_gives_one_up_that_answers_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let sockets = sockets(PATIENCE, RootCertStore::empty());
        let wire = run(sockets.connect(uri)).unwrap();
        let Wire::Plain(_, stream) = wire else { panic!("no plain connection") };
        let stream = socket2::SockRef::from(&stream);
        assert!(stream.keepalive().unwrap());
        let times = (stream.tcp_keepalive_time().unwrap(), stream.tcp_user_timeout().unwrap());
        assert_eq!(times, (Duration::from_secs(60), Some(Duration::from_secs(120))));
    }

    #[test]
    fn a_server_is_believed_when_its_certificate_is() {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (cert, key) = (cert.der().clone(), signing_key.serialize_der());
        let mut roots = RootCertStore::empty();
        roots.add(cert.clone()).unwrap();
        let (trusting, doubting) = (sockets(PATIENCE, roots), sockets(PATIENCE, RootCertStore::empty()));
        for (sockets, host, is_trusted) in
            [(&trusting, "127.0.0.1", true), (&trusting, "localhost", false), (&doubting, "127.0.0.1", false)]
        {
            let config = server_config(cert.clone(), &key);
            let port = serve(move |stream| {
                let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
                refuse(StreamOwned::new(connection, stream))
            });
            match open(sockets, &format!("wss://{host}:{port}/")) {
                Ok(answer) => assert!(is_trusted && answer.http.status() == 403),
                Err(Error::Tls(_)) => assert!(!is_trusted),
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn server_config(cert: CertificateDer<'static>, key: &[u8]) -> Arc<ServerConfig> {
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let key = PrivateKeyDer::try_from(key.to_vec()).unwrap();
        let mut config = config.with_single_cert(vec![cert], key).unwrap();
        // It would rather speak HTTP/2.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}
