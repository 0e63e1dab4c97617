//! Plain requests to objects, on one connection, with no more HTTP than it takes.
//!
//! Sending and receiving are two steps, so that a caller can have many connections wait at once, or time what lies
//! between them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::handshake::ACCOUNT_HEADER;

/// How long to wait for an answer: filling a database with megabytes, or a node's start, takes its time.
const PATIENCE: Duration = Duration::from_secs(120);
const SCRATCH_LEN: usize = 16 * 1024;

/// A connection that stays open from request to request.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    /// The text of the body.
    pub body: String,
    /// When its first byte, that of the status line, was here.
    pub first_byte: Instant,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nothing listens there.
    pub fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).with_context(|| format!("failed to connect to {addr}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream })
    }

    /// Asks the object `account` to do what `path` says.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn send(&mut self, path: &str, account: &str) -> Result<()> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\n{ACCOUNT_HEADER}: {account}\r\nContent-Length: 0\r\n\r\n"
        );
        self.stream.write_all(request.as_bytes()).context("failed to send a request")
    }

    /// Waits for the answer to the oldest request without one.
    ///
    /// # Errors
    /// It did not come, cannot be understood, or says that something failed.
    pub fn receive(&mut self) -> Result<Answer> {
        let mut scratch = [0; SCRATCH_LEN];
        let (mut input, mut first_byte) = (Vec::new(), None);
        loop {
            let read = self.stream.read(&mut scratch).context("failed to read an answer")?;
            ensure!(read > 0, "the server closed a connection instead of answering");
            let first_byte = *first_byte.get_or_insert_with(Instant::now);
            input.extend_from_slice(&scratch[..read]);
            if let Some(body) = body(&input)? {
                return Ok(Answer { body, first_byte });
            }
        }
    }
}

/// The body of an answer; `None` as long as it is incomplete.
fn body(bytes: &[u8]) -> Result<Option<String>> {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, rest)) = text.split_once("\r\n\r\n") else { return Ok(None) };
    let status = head.lines().next().unwrap_or_default();
    let header = |name: &str| {
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    };
    let body = match header("content-length") {
        Some(length) => {
            let length: usize = length.parse().context("failed to understand the length of an answer")?;
            rest.get(..length).map(str::to_owned)
        }
        None if header("transfer-encoding") == Some("chunked") => unchunk(rest),
        None => bail!("an answer has no length: {status}"),
    };
    match body {
        Some(body) if !status.starts_with("HTTP/1.1 200") => bail!("the server refused a request: {status}\n{body}"),
        body => Ok(body),
    }
}

/// The text of all chunks; `None` as long as the last one is missing.
fn unchunk(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (length, after) = rest.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        body.push_str(after.get(..length)?);
        rest = after.get(length..)?.strip_prefix("\r\n")?;
        if length == 0 {
            return Some(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_complete_or_not() {
        let plain = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
        for answer in [plain, chunked] {
            for end in 0..answer.len() {
                assert_eq!(body(&answer.as_bytes()[..end]).unwrap(), None, "{end}");
            }
            assert_eq!(body(answer.as_bytes()).unwrap().as_deref(), Some("hello"));
        }
        let error = body(b"HTTP/1.1 500 Oh\r\ncontent-length: 3\r\n\r\nwhy").unwrap_err().to_string();
        assert!(error.contains("500") && error.contains("why"), "{error}");
    }
}
