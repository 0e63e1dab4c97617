//! Servers outside, played by the tests: what they answer to a handshake is the test's to say.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::guest::PATIENCE;

/// A server that takes connections as they come.
pub(crate) struct Far {
    address: String,
    taken: Receiver<Taken>,
}

/// A connection, and the head of the request on it.
pub(crate) struct Taken {
    pub(crate) stream: TcpStream,
    pub(crate) head: String,
}

impl Far {
    /// Listens; `answer` is done with each connection on a thread of its own, before a test takes it.
    pub(crate) fn new(answer: impl Fn(&mut Taken) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (give, taken) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut taken = Taken::read(stream.unwrap());
                answer(&mut taken);
                if give.send(taken).is_err() {
                    return;
                }
            }
        });
        Self { address, taken }
    }

    /// One that agrees to every socket, and sends this with its answer.
    pub(crate) fn agreeing(first: &'static [u8]) -> Self {
        Self::new(move |taken| taken.agree(first))
    }

    /// One that answers this.
    pub(crate) fn answering(answer: &'static str) -> Self {
        Self::new(move |taken| taken.stream.write_all(answer.as_bytes()).unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/far", self.address)
    }

    pub(crate) fn take(&self) -> Taken {
        self.taken.recv_timeout(PATIENCE).unwrap()
    }
}

impl Taken {
    fn read(mut stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        Self { stream, head: String::from_utf8(head).unwrap() }
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// What proves that the key was seen.
    pub(crate) fn accept(&self) -> String {
        let key = self.header("sec-websocket-key").unwrap();
        STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")))
    }

    /// Agrees to a socket; `first` comes in the same segment.
    pub(crate) fn agree(&mut self, first: &[u8]) {
        self.agree_to("", first);
    }

    /// The same with these extensions.
    pub(crate) fn agree_to(&mut self, extensions: &str, first: &[u8]) {
        let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
        let mut head = format!("{head}Sec-WebSocket-Accept: {}\r\n", self.accept());
        if !extensions.is_empty() {
            head += &format!("Sec-WebSocket-Extensions: {extensions}\r\n");
        }
        head += "\r\n";
        self.stream.write_all(&[head.as_bytes(), first].concat()).unwrap();
    }

    /// The next frame of less than 126 bytes, which must be masked: its first byte and its payload.
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 6];
        self.stream.read_exact(&mut head).unwrap();
        assert!((0x80..0x80 + 126).contains(&head[1]), "masked and short: {head:?}");
        let mut payload = vec![0; usize::from(head[1] & 0x7f)];
        self.stream.read_exact(&mut payload).unwrap();
        payload.iter_mut().zip(head[2..].iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        (head[0], payload)
    }

    /// Waits until the other side has ended the connection, and counts what came before.
    pub(crate) fn ended(&mut self) -> usize {
        let mut rest = Vec::new();
        // A connection that was reset has ended too.
        let _ = self.stream.read_to_end(&mut rest);
        rest.len()
    }
}
