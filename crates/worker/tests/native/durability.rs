//! What outlives an object, and what waits for it.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dormouse_runtime::storage::file::{Disk, File, FileSystem, Open};
use worker::*;

use crate::harness::Server;
use crate::kept::Kept;

#[durable_object]
struct Notes {
    state: State,
    /// Gone after a sleep.
    awake: Cell<u32>,
}

impl DurableObject for Notes {
    fn new(state: State, _env: Env) -> Self {
        Self { state, awake: Cell::new(0) }
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        let kv = self.state.storage().kv();
        self.awake.set(self.awake.get() + 1);
        match req.path().as_str() {
            "/socket" => {
                let WebSocketPair { client, server } = WebSocketPair::new()?;
                self.state.accept_web_socket(&server);
                return Response::from_websocket(client);
            }
            "/write" => kv.put("count", kv.get("count")?.unwrap_or(0) + 1)?,
            "/write-and-fail" => {
                kv.put("count", kv.get("count")?.unwrap_or(0) + 1)?;
                return Err("after the write".into());
            }
            "/panic" => {
                kv.put("count", 1_000)?;
                self.state.storage().set_alarm(3_600_000).await?;
                panic!("after the write");
            }
            "/await-and-panic" => {
                kv.put("count", kv.get("count")?.unwrap_or(0) + 1)?;
                Delay::from(std::time::Duration::from_millis(1)).await;
                kv.put("count", 1_000)?;
                panic!("in the next turn");
            }
            "/abort" => {
                kv.put("count", 1_000)?;
                self.state.abort("on purpose");
            }
            _ => {}
        }
        let alarm = self.state.storage().get_alarm().await?;
        Response::ok(format!("{:?} {} {alarm:?}", kv.get::<u32>("count")?, self.awake.get()))
    }

    async fn websocket_message(&self, ws: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let kv = self.state.storage().kv();
        ws.send_with_str("before")?;
        if let WebSocketIncomingMessage::String(text) = message {
            kv.put("said", &text)?;
            ws.send_with_str(&text)?;
            if text == "panic" {
                panic!("after the message");
            }
        }
        Ok(())
    }
}

async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
    env.durable_object("NOTES")?.get_by_name("one")?.fetch_with_request(req).await
}

fn app() -> App {
    App::new(entry).object::<Notes>("NOTES").respond_with_errors()
}

#[test]
fn an_object_that_slept_has_its_data() {
    let kept = Kept::new(app);
    for count in 1..=5 {
        assert_eq!(kept.ask("/write"), format!("Some({count}) 1 None"), "it slept in between");
    }
}

#[test]
fn data_survives_a_restart() {
    let mut kept = Kept::new(app);
    for count in 1..=3 {
        assert_eq!(kept.ask("/write"), format!("Some({count}) 1 None"));
        kept.restart();
    }
    assert_eq!(kept.ask("/"), "Some(3) 1 None");
}

#[test]
fn what_a_handler_wrote_before_its_error_is_kept() {
    let kept = Kept::new(app);
    assert_eq!(kept.fail("/write-and-fail"), "Error: after the write");
    assert_eq!(kept.ask("/"), "Some(1) 1 None");
}

#[test]
fn a_panic_rolls_back_what_its_turn_wrote() {
    let kept = Kept::new(app);
    kept.ask("/write");
    assert_eq!(kept.fail("/panic"), "Error: panicked: after the write");
    assert_eq!(kept.ask("/"), "Some(1) 1 None");
    assert_eq!(kept.fail("/await-and-panic"), "Error: panicked: in the next turn");
    assert_eq!(kept.ask("/"), "Some(2) 1 None");
}

#[test]
fn an_abort_rolls_back_what_its_turn_wrote() {
    let kept = Kept::new(app);
    kept.ask("/write");
    assert_eq!(kept.fail("/abort"), "Error: on purpose");
    assert_eq!(kept.ask("/"), "Some(1) 1 None");
}

#[test]
fn what_a_turn_sent_after_a_write_that_is_lost_does_not_leave() {
    let kept = Kept::new(app);
    let mut client = kept.server().connect("/socket");
    client.send("panic");
    assert_eq!(client.next(), "before");
    client.send("hello");
    assert_eq!(client.next(), "before");
    assert_eq!(client.next(), "hello");
}

#[test]
fn an_answer_waits_until_what_its_handler_wrote_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Stubborn::default());
    let server = Server::with(app(), |options| {
        options.storage.data = Some(folder.path().to_owned());
        options.storage.files = disk.clone();
    });
    assert_eq!(server.ask("/write"), (200, "Some(1) 1 None".to_owned()));
    disk.refuses.store(true, Ordering::Relaxed);
    let (status, text) = server.ask("/write");
    assert_eq!(status, 500, "{text}");
    disk.refuses.store(false, Ordering::Relaxed);
    drop(server);
    let server = Server::with(app(), |options| options.storage.data = Some(folder.path().to_owned()));
    assert_eq!(server.ask("/"), (200, "Some(1) 1 None".to_owned()));
}

/// A disk that may refuse to make anything durable.
#[derive(Default)]
struct Stubborn {
    refuses: Arc<AtomicBool>,
}

struct StubbornFile {
    file: Box<dyn File>,
    refuses: Arc<AtomicBool>,
}

impl FileSystem for Stubborn {
    fn open(&self, path: &Path, open: Open) -> io::Result<Box<dyn File>> {
        Ok(Box::new(StubbornFile { file: Disk.open(path, open)?, refuses: self.refuses.clone() }))
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Disk.exists(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        Disk.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Disk.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Disk.sync_dir(path)
    }
}

impl File for StubbornFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        match self.refuses.load(Ordering::Relaxed) {
            true => Err(io::Error::other("refused")),
            false => self.file.sync(),
        }
    }
}
