//! Clients: HTTP as bytes, frames as bytes, and tungstenite where neither matters.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use tungstenite::protocol::{CloseFrame, Role};
use tungstenite::{Error, Message, WebSocket};

use crate::guest::PATIENCE;

/// The example of RFC 6455, section 1.3, and the answer that it must get.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// One connection, before it becomes a socket.
pub(crate) struct Http(BufReader<TcpStream>);

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Lines, as they came.
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The values of a header, however it is spelt.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Http {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Writes, unless the server has hung up.
    pub(crate) fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.0.get_mut().write_all(bytes.as_ref())
    }

    /// What is read after the head of a response.
    pub(crate) fn reader(&mut self) -> &mut impl Read {
        &mut self.0
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    /// Its connection, before anything was read.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.0.into_inner()
    }

    /// The next response; one without a length ends with the connection.
    pub(crate) fn response(&mut self) -> Response {
        let response = self.head();
        let body = match (response.status, response.header("content-length"), response.header("transfer-encoding")) {
            (100..=199 | 204 | 304, ..) => Vec::new(),
            (_, Some(len), None) => self.take(len.parse().unwrap()),
            (_, None, Some("chunked")) => self.chunks(),
            (_, None, None) => {
                let mut body = Vec::new();
                self.0.read_to_end(&mut body).unwrap();
                body
            }
            other => panic!("{other:?}"),
        };
        Response { body, ..response }
    }

    /// The head of the next response alone.
    pub(crate) fn head(&mut self) -> Response {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "the connection ended after {head:?}");
        }
        let status = head.strip_prefix("HTTP/1.").unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        Response { status, head, body: Vec::new() }
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            let len = usize::from_str_radix(line.trim(), 16).unwrap();
            body.extend(self.take(len));
            assert_eq!(self.take(2), b"\r\n");
            if len == 0 {
                return body;
            }
        }
    }

    /// Whether the server has hung up, waiting for it as long as the read timeout is; what came before is
    /// thrown away.
    pub(crate) fn is_over(&mut self) -> bool {
        match self.0.read_to_end(&mut Vec::new()) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Becomes a socket.
    pub(crate) fn upgrade(mut self, path: &str) -> Socket {
        self.write(handshake(path, &[]));
        let response = self.head();
        assert_eq!(response.status, 101, "{response:?}");
        self.into_socket()
    }

    /// What it is after a response with status 101.
    pub(crate) fn into_socket(self) -> Socket {
        let read = self.0.buffer().to_vec();
        Socket(WebSocket::from_partially_read(self.0.into_inner(), read, Role::Client, None))
    }
}

/// A handshake that keeps the rules, with these headers put over it; an empty one is left out.
pub(crate) fn handshake(path: &str, changes: &[(&str, &str)]) -> String {
    let mut headers =
        vec![("Host", "test"), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")];
    headers.push(("Sec-WebSocket-Key", KEY));
    headers.retain(|(name, _)| changes.iter().all(|(change, _)| change != name));
    headers.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\n{headers}\r\n")
}

/// A masked frame whose first byte is `first`.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let mut frame = match payload.len() {
        len @ 0..126 => vec![first, 0x80 | len as u8],
        len @ 126..65_536 => [&[first, 0x80 | 126][..], &(len as u16).to_be_bytes()].concat(),
        len => [&[first, 0x80 | 127][..], &(len as u64).to_be_bytes()].concat(),
    };
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A WebSocket.
pub(crate) struct Socket(pub(crate) WebSocket<TcpStream>);

impl Socket {
    pub(crate) fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// The next message, which must be text; pings may come before it.
    pub(crate) fn hear(&mut self) -> String {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("{other:?} and no text"),
            }
        }
    }

    pub(crate) fn ask(&mut self, text: &str) -> String {
        self.say(text);
        self.hear()
    }

    pub(crate) fn close(&mut self, code: u16, reason: &'static str) {
        self.0.close(Some(CloseFrame { code: code.into(), reason: reason.into() })).unwrap();
    }

    /// The Close frame that comes next, as `code reason`.
    pub(crate) fn closed(&mut self) -> String {
        match self.0.read().unwrap() {
            Message::Close(Some(close)) => format!("{} {}", u16::from(close.code), close.reason),
            other => panic!("{other:?} and no close"),
        }
    }

    /// Waits until the server has ended the connection; nothing may come before.
    pub(crate) fn ended(&mut self) {
        match self.0.read() {
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => {}
            other => panic!("the connection has not ended: {other:?}"),
        }
    }

    /// Its connection, for what tungstenite would not do.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        self.0.get_mut()
    }
}
