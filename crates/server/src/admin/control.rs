//! The Unix socket on which a server answers operators: HTTP with JSON, one question a request.
//!
//! Whoever may connect may read and delete everything, so only the server's own user may, and root: by the mode of the
//! socket, and by who the system says is at the other end.

use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use dormouse_runtime::operator::Objects;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime;
use tokio::sync::{Semaphore, watch};

use super::{Answer, Ask, answer};
use crate::limits::{ACCEPT_PAUSE, ASK_LEN_MAX, HEAD_TIMEOUT, OPERATORS_MAX};

/// The name of the socket in its data folder.
pub(crate) const SOCKET: &str = "control.sock";
/// The one resource.
pub(crate) const PATH: &str = "/objects";

/// Answers operators on a thread of its own.
pub(crate) struct Control {
    path: PathBuf,
    stopping: watch::Sender<Option<Duration>>,
    thread: JoinHandle<()>,
}

impl Control {
    /// Listens in a data folder that is this process's. A server does without when that cannot be.
    pub(crate) fn listen(data: &Path, objects: Objects) -> Option<Self> {
        let path = data.join(SOCKET);
        match Self::try_listen(&path, objects) {
            Ok((stopping, thread)) => Some(Self { path, stopping, thread }),
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "`dormouse objects` cannot reach this server, only its data when it has stopped");
                None
            }
        }
    }

    fn try_listen(path: &Path, objects: Objects) -> io::Result<(watch::Sender<Option<Duration>>, JoinHandle<()>)> {
        let reactor = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        // Left by a server that was killed: the folder is locked, so it is nobody's.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = {
            let _entered = reactor.enter();
            UnixListener::bind(path)?
        };
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let owner = fs::metadata(path)?.uid();
        let (stopping, stop) = watch::channel(None);
        let thread = std::thread::Builder::new().name("control".into()).spawn(move || {
            let grace = reactor.block_on(serve(listener, owner, objects, stop));
            reactor.shutdown_timeout(grace);
        })?;
        Ok((stopping, thread))
    }

    /// Answers nobody more; what is under way may take `grace`.
    pub(crate) fn stop(self, grace: Duration) {
        // Fails only when the thread has ended.
        let _ = self.stopping.send(Some(grace));
        if self.thread.join().is_err() {
            tracing::error!("the thread that answers operators ended with a panic");
        }
        // It may be gone already.
        let _ = fs::remove_file(self.path);
    }
}

/// Serves until the server stops; returns the grace.
async fn serve(
    listener: UnixListener,
    owner: u32,
    objects: Objects,
    mut stop: watch::Receiver<Option<Duration>>,
) -> Duration {
    let operators = Arc::new(Semaphore::new(OPERATORS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = async {
                let permit = operators.clone().acquire_owned().await.map_err(io::Error::other)?;
                Ok::<_, io::Error>((listener.accept().await?.0, permit))
            } => accepted,
            stopped = stop.wait_for(Option::is_some) => return stopped.ok().and_then(|grace| *grace).unwrap_or_default(),
        };
        match accepted {
            Ok((stream, permit)) if may_ask(&stream, owner) => {
                let objects = objects.clone();
                tokio::spawn(async move {
                    connection(stream, objects).await;
                    drop(permit);
                });
            }
            Ok(_) => tracing::warn!("somebody else than this server's user wanted to be told of its objects"),
            Err(error) => {
                tracing::warn!(%error, "cannot accept an operator");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn may_ask(stream: &UnixStream, owner: u32) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0)
}

async fn connection(stream: UnixStream, objects: Objects) {
    let service = service_fn(move |request| {
        let objects = objects.clone();
        async move { Ok::<_, Infallible>(respond(request, objects).await) }
    });
    let mut http1 = http1::Builder::new();
    let served = http1.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    if let Err(error) = served.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "an operator has left");
    }
}

async fn respond(request: Request<Incoming>, objects: Objects) -> Response<Full<Bytes>> {
    if request.uri().path() != PATH {
        return failure(StatusCode::NOT_FOUND, "there is nothing here but /objects");
    }
    if request.method() != Method::POST {
        return failure(StatusCode::METHOD_NOT_ALLOWED, "questions are posted");
    }
    let body = match Limited::new(request.into_body(), ASK_LEN_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return failure(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let ask: Ask = match serde_json::from_slice(&body) {
        Ok(ask) => ask,
        Err(error) => return failure(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    // It waits for disks and for objects.
    match tokio::task::spawn_blocking(move || answer(&objects, &ask)).await {
        Ok(Ok(answer)) => told(&answer),
        Ok(Err(error)) => failure(StatusCode::UNPROCESSABLE_ENTITY, &error),
        Err(_) => failure(StatusCode::INTERNAL_SERVER_ERROR, "the server broke down over this; its log says more"),
    }
}

fn told(answer: &Answer) -> Response<Full<Bytes>> {
    match serde_json::to_vec(answer) {
        Ok(json) => Response::new(Full::new(json.into())),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// A failure is its text.
fn failure(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *response.status_mut() = status;
    response
}
