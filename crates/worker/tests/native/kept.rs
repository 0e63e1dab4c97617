//! A server with a data folder, which can be started anew on it.

use std::path::Path;
use std::time::{Duration, Instant};

use worker::App;

use crate::harness::Server;

/// Longer than any alarm here takes, a first retry among them.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Kept {
    app: fn() -> App,
    server: Option<Server>,
    folder: tempfile::TempDir,
}

impl Kept {
    pub(crate) fn new(app: fn() -> App) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Some(start(app(), folder.path()));
        Self { app, server, folder }
    }

    /// Ends the server and starts another one with its data.
    pub(crate) fn restart(&mut self) {
        // The folder is one server's at a time.
        self.stop();
        self.start();
    }

    pub(crate) fn stop(&mut self) {
        self.server = None;
    }

    pub(crate) fn start(&mut self) {
        self.server = Some(start((self.app)(), self.folder.path()));
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn ask(&self, path: &str) -> String {
        let (status, text) = self.server().ask(path);
        assert_eq!(status, 200, "{text}");
        text
    }

    /// What a request that fails is told.
    pub(crate) fn fail(&self, path: &str) -> String {
        let (status, text) = self.server().ask(path);
        assert_eq!(status, 500, "{text}");
        text
    }

    /// Asks until the answer is this one.
    pub(crate) fn wait_for(&self, path: &str, expected: &str) {
        let end = Instant::now() + PATIENCE;
        while self.ask(path) != expected && Instant::now() < end {
            std::thread::yield_now();
        }
        assert_eq!(self.ask(path), expected);
    }
}

/// Objects fall asleep as soon as they may.
fn start(app: App, folder: &Path) -> Server {
    Server::with(app, |options| {
        options.storage.data = Some(folder.to_owned());
        options.object.hibernate_after = Some(Duration::ZERO);
    })
}
