//! Waiting for the process to be asked to stop.

use std::io;

use tokio::runtime::{self, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM: while it exists, they are waited for and no longer end the process at once.
pub(crate) struct Signals {
    reactor: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        let reactor = runtime::Builder::new_current_thread().enable_io().build()?;
        let entered = reactor.enter();
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        drop(entered);
        Ok(Self { reactor, interrupt, terminate })
    }

    /// Blocks until one comes, and names it.
    pub(crate) fn wait(mut self) -> &'static str {
        self.reactor.block_on(async {
            tokio::select! {
                _ = self.interrupt.recv() => "SIGINT",
                _ = self.terminate.recv() => "SIGTERM",
            }
        })
    }
}
