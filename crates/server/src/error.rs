//! What can keep a server from starting.

use std::io;
use std::path::PathBuf;

use dormouse_runtime::store::OpenError;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address to listen on is not one.
    #[error("the address to listen on, `{address}`, is not of the form IP:PORT, such as 127.0.0.1:8787")]
    BadAddress {
        /// What was given.
        address: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A certificate or a key cannot be used.
    #[error("cannot use `{}` for TLS: {problem}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A thread or its reactor cannot be made.
    #[error("cannot start the server's threads")]
    Threads(#[source] io::Error),
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] OpenError),
    /// Signals cannot be listened for.
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
    /// The log cannot be set up.
    #[error("cannot set up the log: {0}")]
    Logging(String),
}

impl Error {
    /// Why a node did not start.
    pub(crate) fn of_node(error: io::Error) -> Self {
        match error.downcast::<OpenError>() {
            Ok(error) => Self::Data(error),
            Err(error) => Self::Threads(error),
        }
    }
}
