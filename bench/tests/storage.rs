//! The modes about storage against a server that has objects but no disk: what is answered and not stored is found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use dormouse_bench::{frame, handshake};
use serde_json::Value;

/// How the server errs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It answers every tenth write and forgets it.
    Forgets,
    /// It has no rows to read.
    Empty,
}

#[derive(Debug, Default)]
struct Object {
    rows: u64,
    writes: u64,
    megabytes: u64,
    alarm: bool,
}

/// Objects by name, as `storage/worker.js` would have them.
#[derive(Debug, Clone)]
struct Server {
    fault: Fault,
    objects: Arc<Mutex<HashMap<String, Object>>>,
    addr: String,
}

impl Server {
    fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let server = Self { fault, objects: Arc::default(), addr };
        let accepting = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, stream) = (accepting.clone(), stream.unwrap());
                std::thread::spawn(move || server.serve(stream));
            }
        });
        server
    }

    fn load(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_load"))
            .args(["--json", "--addr", &self.addr, "--account", "it", "--pid", &std::process::id().to_string()])
            .args(arguments.split(' '))
            .output()
            .unwrap()
    }

    /// The figures of a run that must succeed.
    fn figures(&self, arguments: &str) -> Value {
        let output = self.load(arguments);
        assert!(output.status.success(), "{arguments}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn serve(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let (mut input, mut account) = (Vec::new(), None);
        let mut scratch = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut scratch) {
            input.extend_from_slice(&scratch[..length]);
            let mut output = Vec::new();
            if account.is_none() {
                let Some(request) = handshake::read_request(&input) else { continue };
                if request.upgraded {
                    output.extend_from_slice(request.response.as_bytes());
                    account = Some(request.account);
                } else {
                    let path = String::from_utf8_lossy(&input).split(' ').nth(1).unwrap().to_owned();
                    output = self.answer(&path, &request.account).into_bytes();
                }
                input.drain(..request.length);
            }
            if let Some(account) = &account {
                let mut taken = 0;
                while let Some(frame) = frame::decode(&mut input, taken) {
                    taken = frame.payload.end;
                    let text = String::from_utf8_lossy(&input[frame.payload]).into_owned();
                    match self.message(account, &text) {
                        _ if frame.opcode != frame::TEXT => {}
                        Some(answer) => frame::encode_server(&mut output, frame::TEXT, answer.as_bytes()),
                        // What becomes of a socket whose object has thrown.
                        None => return,
                    }
                }
                input.drain(..taken);
            }
            // The load generator may have had enough.
            let _ = stream.write_all(&output);
        }
    }

    fn answer(&self, path: &str, account: &str) -> String {
        let mut objects = self.objects.lock().unwrap();
        let object = objects.entry(account.to_owned()).or_default();
        let row = if self.fault == Fault::Empty { "" } else { "a row" };
        let body = match path {
            "/write" => self.write(object),
            "/alarm" => {
                object.alarm = true;
                self.write(object)
            }
            "/fill" => {
                object.megabytes += 1;
                "ok"
            }
            "/row" if object.megabytes > 0 => row,
            _ => return "HTTP/1.1 500 No row\r\nContent-Length: 0\r\n\r\n".to_owned(),
        };
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    fn message(&self, account: &str, message: &str) -> Option<String> {
        let mut objects = self.objects.lock().unwrap();
        let object = objects.entry(account.to_owned()).or_default();
        let (verb, text) = message.split_once(':')?;
        match verb {
            "write" => drop(self.write(object)),
            "count" => return Some(format!("{} {:010} ", &text[..5], object.rows)),
            "read" if object.megabytes == 0 => return None,
            _ => {}
        }
        Some(text.to_owned())
    }

    fn write(&self, object: &mut Object) -> &'static str {
        object.writes += 1;
        let forgets = self.fault == Fault::Forgets && object.writes.is_multiple_of(10);
        object.rows += u64::from(!forgets);
        "ok"
    }
}

const SHORT: &str = "--seconds 0.2 --warmup 0.1";

#[test]
fn every_answered_row_is_there() {
    let server = Server::start(Fault::None);
    let report = server.figures(&format!("write --objects 5 {SHORT}"));
    assert!(report["deliveries"].as_f64() > Some(10.0), "{report}");
    assert_eq!(report["unstored"].as_f64(), Some(0.0));
    let objects = server.objects.lock().unwrap();
    assert!(objects.len() == 5 && objects.values().all(|object| object.rows > 0), "{objects:?}");
}

#[test]
fn a_row_that_is_answered_and_not_stored_fails_the_run() {
    let output = Server::start(Fault::Forgets).load(&format!("write --objects 3 {SHORT}"));
    assert!(!output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["unstored"].as_f64() > Some(0.0), "{report}");
    assert_eq!(report["wrong"].as_f64(), Some(0.0));
}

#[test]
fn syncs_in_the_log_of_strace_are_counted_per_message() {
    // A log that nobody adds to: no sync is the run's own.
    let log = std::env::temp_dir().join(format!("dormouse-bench-syncs-{}", std::process::id()));
    std::fs::write(&log, "1 fsync(3) = 0\n").unwrap();
    let server = Server::start(Fault::None);
    let output = Command::new(env!("CARGO_BIN_EXE_load"))
        .args(["--json", "--addr", &server.addr, "--syncs", log.to_str().unwrap(), "write"])
        .args(SHORT.split(' '))
        .output()
        .unwrap();
    std::fs::remove_file(&log).unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["syncs"].as_f64(), Some(0.0), "{report}");
    let output = server.load(&format!("--syncs /does/not/exist write {SHORT}"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("log of the server's syncs"), "{output:?}");
}

#[test]
fn prepared_objects_are_read() {
    let server = Server::start(Fault::None);
    server.figures("prepare --objects 70 --megabytes 2 --alarms 66");
    {
        let objects = server.objects.lock().unwrap();
        assert_eq!(objects.len(), 70);
        assert!(objects.values().all(|object| (object.rows, object.megabytes) == (1, 2)), "{objects:?}");
        assert_eq!(objects.values().filter(|object| object.alarm).count(), 66);
    }
    let report = server.figures("cold --objects 70");
    assert!(report["first_us"].as_f64() > Some(0.0) && report["next_p50_us"].as_f64() > Some(0.0), "{report}");
    let report = server.figures(&format!("read --objects 70 {SHORT}"));
    assert!(report["deliveries"].as_f64() > Some(70.0), "{report}");
}

#[test]
fn rows_that_are_not_there_fail_the_run() {
    let server = Server::start(Fault::Empty);
    let error = |output: Output| {
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(error(server.load("cold --objects 2")).contains("500 No row"));
    assert!(error(server.load(&format!("read --objects 2 {SHORT}"))).contains("closed socket"));
    server.figures("prepare --objects 2 --megabytes 1");
    assert!(error(server.load("cold --objects 2")).contains("it-0 answered with an empty row"));
}

#[test]
fn memory_of_databases_is_read() {
    let server = Server::start(Fault::None);
    let report = server.figures("databases --objects 50 --warm 5");
    assert!(report["written_dirty_b"].is_number() && report["silent_rss_b"].is_number(), "{report}");
    assert_eq!(server.objects.lock().unwrap().values().filter(|object| object.rows == 1).count(), 55);
}
