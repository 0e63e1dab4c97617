//! Both floors under the load generator: nothing is lost, doubled or reordered, whatever the sizes and thread counts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use dormouse_bench::{frame, handshake};
use serde_json::Value;

/// A floor that ends with the test.
struct Floor {
    child: Child,
    addr: String,
}

impl Floor {
    fn start(runtime: &str, threads: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_floor"))
            .args(["--listen", "127.0.0.1:0", "--runtime", runtime, "--threads", threads])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, addr }
    }

    fn load(&self, arguments: &str) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_load"))
            .args(["--json", "--addr", &self.addr, "--pid", &self.child.id().to_string()])
            .args(arguments.split(' '))
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {talk} {}", String::from_utf8_lossy(&output.stdout));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn check(arguments: &str, figures: impl Fn(&Value)) {
    for (runtime, threads) in [("epoll", "1"), ("epoll", "3"), ("tokio", "1"), ("tokio", "3")] {
        let report = Floor::start(runtime, threads).load(arguments);
        eprintln!("{runtime} {threads}: {report}");
        figures(&report);
    }
}

#[test]
fn every_socket_gets_its_echoes() {
    check("echo --sockets 16 --objects 5 --window 4 --seconds 0.3 --warmup 0.1", |report| {
        assert!(report["deliveries"].as_f64() > Some(100.0));
        assert!(report["server_us"].as_f64() > Some(0.0));
    });
}

#[test]
fn every_other_socket_gets_each_message() {
    check("relay --sockets 20 --objects 3 --senders 4 --window 3 --seconds 0.3 --warmup 0.1", |report| {
        let deliveries = report["deliveries"].as_f64().unwrap();
        assert!(deliveries > 100.0 && deliveries % 19.0 == 0.0, "whole messages only: {deliveries}");
    });
}

/// Frames that do not fit into one read, a socket's buffers or the short length forms.
#[test]
fn large_messages_and_full_buffers() {
    check("echo --sockets 2 --window 200 --size 65535 --seconds 0.3 --warmup 0", |_| {});
    check("relay --sockets 4 --senders 4 --window 100 --size 40000 --seconds 0.3 --warmup 0", |_| {});
}

#[test]
fn openings_and_first_answers_are_timed() {
    check("open --count 50 --warmup 5 --answer", |report| {
        assert!(report["answer_p50_us"].as_f64() > report["p50_us"].as_f64());
    });
    check("wake --objects 10 --sleep 0.1", |report| assert!(report["wake_p50_us"].as_f64() > Some(0.0)));
}

#[test]
fn memory_of_idle_sockets_is_read() {
    check("idle --sockets 300 --objects 7 --settle 0.1 --touch", |report| {
        assert!(report["idle_rss_b"].as_f64() < Some(20_000.0));
    });
}

/// The checker must find a fault that was put in on purpose: a server that answers each message twice.
#[test]
fn doubled_answers_fail_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut input = vec![0; 65_536];
        let length = stream.read(&mut input).unwrap();
        let request = handshake::read_request(&input[..length]).unwrap();
        stream.write_all(request.response.as_bytes()).unwrap();
        while let Ok(length @ 1..) = stream.read(&mut input) {
            let (mut taken, mut output) = (0, Vec::new());
            while let Some(frame) = frame::decode(&mut input[..length], taken) {
                taken = frame.payload.end;
                let answer = &input[frame.payload][b"echo:".len()..];
                frame::encode_server(&mut output, frame::TEXT, answer);
                frame::encode_server(&mut output, frame::TEXT, answer);
            }
            // The load generator may have had enough.
            let _ = stream.write_all(&output);
        }
    });
    let output = Command::new(env!("CARGO_BIN_EXE_load"))
        .args(["--json", "--addr", &addr, "echo", "--sockets", "1", "--window", "1", "--seconds", "0.1"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["wrong"].as_f64() > Some(0.0), "{report}");
}

#[test]
fn a_closed_door_is_an_error() {
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_load")).args(["--addr", &addr, "echo"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("failed to connect"));
}
