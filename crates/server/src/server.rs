//! A server: listeners on every shard, and the node behind them.
//!
//! Each shard accepts on a listener of its own on the same address (`SO_REUSEPORT`), so that no thread hands
//! connections to others before their object is known.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use dormouse_runtime::Shard;
use dormouse_runtime::node::{self, Application, Node};
use dormouse_runtime::operator::Objects;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::admin::control::Control;
use crate::error::Error;
use crate::http::{self, Http};
use crate::limits::{
    ACCEPT_PAUSE, ACCEPT_QUEUE_LEN, HTTP_CONNECTIONS_MAX, TCP_KEEPALIVE_IDLE, TCP_KEEPALIVE_INTERVAL,
    TCP_KEEPALIVE_RETRIES, TLS_HANDSHAKES_MAX,
};
use crate::options::Builder;
use crate::outbound::{self, Outside};
use crate::tls::{Tls, Watch};
use crate::wire::Wire;

/// Where a server begins.
pub struct Server;

impl Server {
    /// Sets up a server.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// A server that runs. Dropping it without [`Running::stop`] leaves it running.
pub struct Running {
    address: SocketAddr,
    node: Node,
    /// Where operators ask.
    control: Option<Control>,
    stopping: watch::Sender<bool>,
    grace: Duration,
    /// Looks for new certificates for as long as it is here.
    _certificates: Option<Watch>,
}

impl Running {
    pub(crate) fn start(builder: Builder, address: SocketAddr, application: Application) -> Result<Self, Error> {
        let listen = |source| Error::Listen { address, source };
        // Listeners that share an address never find it in use; this one does.
        drop(std::net::TcpListener::bind(address).map_err(listen)?);
        let first = bind(address).map_err(listen)?;
        let address = first.local_addr().map_err(listen)?;
        let mut sockets = vec![first];
        for _ in 1..builder.node.shards.max(1) {
            sockets.push(bind(address).map_err(listen)?);
        }
        let (tls, certificates) = match builder.tls {
            Some(files) => Tls::start(files, builder.tls_look_interval).map(|(tls, watch)| (Some(tls), Some(watch)))?,
            None => (None, None),
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shards = sockets.len();
        let sockets = Arc::new(Mutex::new(sockets));
        let (stopping, stop_seen) = watch::channel(false);
        let options = http::Options {
            head_timeout: builder.head_timeout,
            ping_interval: builder.node.ping_interval,
            compression: builder.compression,
        };
        let (ready, listening) = mpsc::channel();
        let outside = outbound::Shared::new(builder.compression, builder.outgoing_sockets_max);
        let on_shard = Arc::new(move |shard: Rc<Shard>| {
            // Held to take one socket, never while anything is awaited.
            let socket = sockets.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let (tls, stopping, ready) = (tls.clone(), stop_seen.clone(), ready.clone());
            shard.set_outbound(Rc::new(Outside::new(&outside, &shard)));
            Box::pin(async move {
                let Some(socket) = socket else { return };
                let (result, listener) = match socket.listen(ACCEPT_QUEUE_LEN) {
                    Ok(listener) => (Ok(()), Some(listener)),
                    Err(error) => (Err(error), None),
                };
                // Fails only when the start has failed on another shard.
                let _ = ready.send(result);
                if let Some(listener) = listener {
                    let http = Http::new(shard, options, stopping.clone());
                    accept(listener, tls, Rc::new(http), stopping).await;
                }
            }) as _
        });
        let data = builder.node.storage.data.clone();
        let node = Node::start(application, builder.node, on_shard).map_err(Error::of_node)?;
        let control = data.zip(Objects::of(node.handle())).and_then(|(data, objects)| {
            tracing::debug!(folder = %data.display(), "objects keep their data");
            Control::listen(&data, objects)
        });
        let running = Self { address, node, control, stopping, grace: builder.stop_grace, _certificates: certificates };
        // From here on no connection is refused: whoever knows the address may use it.
        if let Err(source) = listening.iter().take(shards).collect::<io::Result<()>>() {
            running.stop();
            return Err(listen(source));
        }
        tracing::info!(%address, url = format!("{scheme}://{address}"), "listening");
        Ok(running)
    }

    /// The address that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// How the server is given new code, from any thread.
    pub fn handle(&self) -> Handle {
        Handle(self.node.handle().clone())
    }

    /// Stops the server: no new connections, what is under way may end within the grace, then sockets are closed
    /// with 1001. Blocks until all is done.
    pub fn stop(self) {
        // Fails only when no shard listens any more.
        let _ = self.stopping.send(true);
        if let Some(control) = self.control {
            control.stop(self.grace);
        }
        self.node.stop(self.grace);
    }
}

/// How a running server is reached, from any thread.
#[derive(Clone)]
pub struct Handle(node::Handle);

impl Handle {
    /// Gives the server new code. Objects get it at their next quiet moment, their hibernatable sockets stay open.
    ///
    /// # Errors
    ///
    /// When the application has no Worker.
    pub fn replace(&self, application: Application) -> Result<(), Error> {
        self.0.replace(application).map_err(Error::Threads)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Running({})", self.address)
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    // Connections take it over from their listener.
    let keepalive = TcpKeepalive::new().with_time(TCP_KEEPALIVE_IDLE).with_interval(TCP_KEEPALIVE_INTERVAL);
    SockRef::from(&socket).set_tcp_keepalive(&keepalive.with_retries(TCP_KEEPALIVE_RETRIES))?;
    socket.bind(address)?;
    Ok(socket)
}

/// Accepts connections on one shard until the server stops.
async fn accept(listener: TcpListener, tls: Option<Tls>, http: Rc<Http>, mut stopping: watch::Receiver<bool>) {
    let room = Room {
        connections: Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX)),
        handshakes: Arc::new(Semaphore::new(TLS_HANDSHAKES_MAX)),
    };
    loop {
        let accepted = tokio::select! {
            accepted = next(&listener, &room) => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        match accepted {
            Ok(accepted) => {
                tokio::task::spawn_local(serve(accepted, tls.clone(), http.clone()));
            }
            Err(error) => {
                // Most often: no more descriptors. Those that are open go on; some will end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// How many more connections and handshakes there may be.
struct Room {
    connections: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
}

struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
    handshake: OwnedSemaphorePermit,
}

/// The next connection, once there is room for it.
async fn next(listener: &TcpListener, room: &Room) -> io::Result<Accepted> {
    let place = room.connections.clone().acquire_owned().await.map_err(io::Error::other)?;
    let handshake = room.handshakes.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok(Accepted { stream, peer, place, handshake })
}

/// Serves one connection to its end.
async fn serve(accepted: Accepted, tls: Option<Tls>, http: Rc<Http>) {
    let Accepted { stream, peer, place, handshake } = accepted;
    // What is written is whole: the end of a handshake, a piece of a stream, the frames of one turn.
    let _ = stream.set_nodelay(true);
    let wire = match tls {
        None => Wire::plain(stream),
        Some(tls) => match tls.accept(stream, http.head_timeout()).await {
            Ok(wire) => wire,
            Err(error) => {
                tracing::debug!(%peer, %error, "no TLS with a client");
                return;
            }
        },
    };
    drop(handshake);
    http.serve(wire, peer, place).await;
}
