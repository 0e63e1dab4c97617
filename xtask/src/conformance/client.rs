//! A client of HTTP and WebSockets that shows what is on the wire, for the tests in `conformance`.
//!
//! It answers nothing by itself, neither a Close nor a Ping, checks nothing that it receives, and sends broken frames
//! when it is told to. `cargo xtask conformance` uses it against workerd and a test of `crates/server` against Dormouse.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// How long anything may take that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The key of the handshake in RFC 6455, section 1.3, and its answer.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Clients must mask; which key they take is their own affair.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// Longer payloads are told by their length.
const SHOWN_MAX: usize = 200;

/// An answer over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

/// What a server answers to a GET.
pub(crate) fn get(address: &str, host: &str, path: &str, patience: Duration) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(patience))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut received = Vec::new();
    let mut answer = head(&mut stream, &mut received)?;
    answer.body = body(&mut stream, received, &answer)?;
    Ok(answer)
}

/// Reads the head of an answer; `received` keeps what came after it.
fn head(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<Answer> {
    let end = loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if read(stream, received)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8_lossy(&received[..end]).into_owned();
    received.drain(..end + 4);
    let mut lines = text.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no HTTP: {text}")))?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    Ok(Answer { status, headers, body: String::new() })
}

/// Reads the body that a head announces.
fn body(stream: &mut TcpStream, mut received: Vec<u8>, head: &Answer) -> io::Result<String> {
    let chunked = head.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let len = head.header("content-length").and_then(|len| len.parse().ok());
    let complete = |received: &[u8]| {
        if chunked { received.ends_with(b"0\r\n\r\n") } else { len.is_some_and(|len: usize| received.len() >= len) }
    };
    while !complete(&received) && read(stream, &mut received)? > 0 {}
    let text = String::from_utf8_lossy(&received).into_owned();
    if chunked { unchunk(&text).ok_or_else(|| io::Error::other("a chunk that is cut")) } else { Ok(text) }
}

/// The text of a chunked body (RFC 9112, section 7.1).
fn unchunk(body: &str) -> Option<String> {
    let (mut text, mut rest) = (String::new(), body);
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(text);
        }
        text += after.get(..size)?;
        rest = after.get(size + 2..)?;
    }
}

fn read(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; 16 * 1024];
    let len = stream.read(&mut buffer)?;
    received.extend_from_slice(&buffer[..len]);
    Ok(len)
}

/// A WebSocket whose frames can be written by hand.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// Asks for a WebSocket. A header that is given replaces the handshake's own, and goes when its value is empty.
    pub(crate) fn open(address: &str, path: &str, given: &[(String, String)]) -> io::Result<(Answer, Option<Self>)> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let own = [
            ("Host", address),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", KEY),
        ];
        let mut text = format!("GET {path} HTTP/1.1\r\n");
        let is_given = |name: &str| given.iter().any(|(have, _)| have.eq_ignore_ascii_case(name));
        let own = own.into_iter().filter(|(name, _)| !is_given(name));
        let given = given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(given).filter(|(_, value)| !value.is_empty()) {
            text += &format!("{name}: {value}\r\n");
        }
        stream.write_all((text + "\r\n").as_bytes())?;
        let mut received = Vec::new();
        let mut answer = head(&mut stream, &mut received)?;
        if answer.status != 101 {
            answer.body = body(&mut stream, received, &answer)?;
            return Ok((answer, None));
        }
        if answer.header("sec-websocket-accept") != Some(ACCEPT) {
            return Err(io::Error::other("the accept key is wrong"));
        }
        Ok((answer, Some(Self { stream, received })))
    }

    /// Writes bytes. That the server does not take them shows in what it sends.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends a frame, masked; `first` is its first byte: the end of a message, reserved bits and the opcode.
    pub(crate) fn frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match (u16::try_from(payload.len()), payload.len()) {
            (_, len @ 0..126) => frame.push(0x80 | len.to_le_bytes()[0]),
            (Ok(len), _) => {
                frame.push(0x80 | 126);
                frame.extend(len.to_be_bytes());
            }
            (Err(_), len) => {
                frame.push(0x80 | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.write(&frame);
    }

    /// Sends no more, but goes on reading.
    pub(crate) fn shut_down(&self) {
        // It may have ended by itself.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// What comes next within a time, in words; none if nothing does.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(event) = self.take_frame() {
                return Some(event);
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            let _ = self.stream.set_read_timeout(Some(left));
            match read(&mut self.stream, &mut self.received) {
                Ok(0) => return Some("end".to_owned()),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                // A reset: whether there is one depends on what was still unread.
                Err(_) => return Some("end".to_owned()),
            }
        }
    }

    /// Takes a frame that has come, if it is complete.
    fn take_frame(&mut self) -> Option<String> {
        let (&first, &second) = (self.received.first()?, self.received.get(1)?);
        let (len, start) = match second {
            126 => (usize::from(u16::from_be_bytes(self.received.get(2..4)?.try_into().ok()?)), 4),
            127 => (usize::try_from(u64::from_be_bytes(self.received.get(2..10)?.try_into().ok()?)).ok()?, 10),
            len => (usize::from(len), 2),
        };
        let payload = self.received.get(start..start + len)?.to_vec();
        self.received.drain(..start + len);
        Some(told(first, &payload))
    }
}

/// A frame in words.
fn told(first: u8, payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    match first {
        0x81 | 0x82 if payload.len() > SHOWN_MAX => format!("{} bytes, opcode {}", payload.len(), first & 0xf),
        0x81 => format!("text {text:?}"),
        0x82 => format!("bytes {payload:?}"),
        0x88 if payload.len() < 2 => "close".to_owned(),
        0x88 => {
            let code = u16::from_be_bytes([payload[0], payload[1]]);
            format!("close {code} {:?}", String::from_utf8_lossy(&payload[2..]))
        }
        0x89 => format!("ping {text:?}"),
        0x8a => format!("pong {text:?}"),
        _ => format!("frame {first:#x} {payload:?}"),
    }
}
