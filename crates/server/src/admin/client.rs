//! The other end: asks a running server, or opens the data folder when none runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dormouse_runtime::ctx::Ctx;
use dormouse_runtime::guest::{Guest, GuestError, GuestFactory};
use dormouse_runtime::node::{Application, Node, Options, WorkerSource};
use dormouse_runtime::operator::Objects;
use dormouse_runtime::store::{OpenError, REGISTRY};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::runtime::{self, Runtime};

use super::control::{PATH, SOCKET};
use super::{Answer, Ask, answer};

/// Why an operator is not told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// There is no such folder.
    #[error("there is no data folder {}; --data names another one", .0.display())]
    NoFolder(PathBuf),
    /// There is, and it is another one's.
    #[error("{} is no data folder: it has no {REGISTRY}", .0.display())]
    OtherFolder(PathBuf),
    /// The folder cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is used, and nobody answers there.
    #[error(
        "the data folder {} is in use by a server that cannot be asked: it has no {SOCKET}, for a reason that its log tells, \
         or it just starts or stops", .0.display()
    )]
    Unreachable(PathBuf),
    /// The connection to the server, or a thread.
    #[error("cannot ask the server: {0}")]
    Io(#[from] io::Error),
    /// What was asked for cannot be done.
    #[error("{0}")]
    Refused(String),
}

/// The objects of a data folder.
pub struct Admin(Way);

enum Way {
    /// Its server answers on this socket.
    Running { socket: PathBuf, reactor: Runtime },
    /// Nobody else uses it.
    Stopped { node: Option<Node>, objects: Objects },
}

impl Admin {
    /// Finds out how the folder is reached. One that no server uses is this process's until the result is dropped.
    ///
    /// # Errors
    ///
    /// When it is not there, or cannot be used.
    pub fn open(data: &Path) -> Result<Self, AdminError> {
        if !data.is_dir() {
            return Err(AdminError::NoFolder(data.into()));
        }
        if !data.join(REGISTRY).exists() {
            return Err(AdminError::OtherFolder(data.into()));
        }
        let reactor = runtime::Builder::new_current_thread().enable_io().build()?;
        let socket = data.join(SOCKET);
        // Who asks is looked at there; here it is only found out whether somebody listens.
        if reactor.block_on(UnixStream::connect(&socket)).is_ok() {
            return Ok(Self(Way::Running { socket, reactor }));
        }
        let mut options = Options { shards: 1, ..Options::default() };
        options.storage.data = Some(data.into());
        let node = match Node::start(nobody(), options, Arc::new(|_| Box::pin(async {}))) {
            Ok(node) => node,
            Err(error) => {
                return Err(match error.downcast::<OpenError>() {
                    Ok(OpenError::InUse(folder)) => AdminError::Unreachable(folder),
                    Ok(error) => error.into(),
                    Err(error) => error.into(),
                });
            }
        };
        match Objects::of(node.handle()) {
            Some(objects) => Ok(Self(Way::Stopped { node: Some(node), objects })),
            None => Err(AdminError::NoFolder(data.into())),
        }
    }

    /// Asks.
    ///
    /// # Errors
    ///
    /// When what is asked for cannot be done, or the server has gone.
    pub fn ask(&self, ask: &Ask) -> Result<Answer, AdminError> {
        match &self.0 {
            Way::Running { socket, reactor } => reactor.block_on(post(socket, ask)),
            Way::Stopped { objects, .. } => answer(objects, ask).map_err(AdminError::Refused),
        }
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        if let Way::Stopped { node, .. } = &mut self.0
            && let Some(node) = node.take()
        {
            node.stop(Duration::ZERO);
        }
    }
}

async fn post(socket: &Path, ask: &Ask) -> Result<Answer, AdminError> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let body = serde_json::to_vec(ask).map_err(io::Error::other)?;
    let request = Request::builder().method(Method::POST).uri(PATH).header(http::header::HOST, "dormouse");
    let request = request.body(Full::new(Bytes::from(body))).map_err(io::Error::other)?;
    // Ends with the connection, whose failure the sender tells.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    match status {
        StatusCode::OK => Ok(serde_json::from_slice(&body).map_err(io::Error::other)?),
        _ => Err(AdminError::Refused(String::from_utf8_lossy(&body).into_owned())),
    }
}

/// An application that nobody asks anything: no class of the folder has code here, so no alarm runs.
fn nobody() -> Application {
    let worker = WorkerSource { name: "nobody".into(), factory: Arc::new(Nobody) };
    Application { workers: vec![worker], classes: Vec::new() }
}

struct Nobody;

impl GuestFactory for Nobody {
    fn build(&self, _ctx: Ctx) -> Result<Box<dyn Guest>, GuestError> {
        Err(GuestError::new("there is no code here"))
    }
}
