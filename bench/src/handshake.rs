//! The opening handshake, both sides, with no more HTTP than it takes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest as _, Sha1};

/// The one path that is served.
pub const PATH: &str = "/client-socket";
/// The header that names the object.
pub const ACCOUNT_HEADER: &str = "account-id";

/// Fixed, and so is the answer to it: the client need not hash. Key and answer are the example of RFC 6455, section
/// 1.3.
const CLIENT_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const CLIENT_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What the floor needs to know of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The room that the socket joins: the value of `account-id`.
    pub account: String,
    /// The whole answer: a 101, or a 404 for anything that is not an upgrade.
    pub response: String,
    /// Whether the connection is a WebSocket from here on.
    pub upgraded: bool,
    /// How many bytes the request took.
    pub length: usize,
}

/// Reads a request; `None` as long as its head is not complete.
pub fn read_request(bytes: &[u8]) -> Option<Request> {
    let (text, length) = head(bytes)?;
    let account = header(&text, ACCOUNT_HEADER).unwrap_or("default").to_owned();
    let key = header(&text, "sec-websocket-key");
    let response = match key {
        Some(key) => format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
        ),
        None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    };
    Some(Request { account, upgraded: key.is_some(), response, length })
}

/// The client's request for a socket to `account`, with further header lines (`Name: value`).
pub fn write_request(host: &str, path: &str, account: &str, headers: &[String]) -> String {
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {CLIENT_KEY}\r\n{ACCOUNT_HEADER}: {account}\r\n"
    );
    for line in headers {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request
}

/// Reads the server's answer: `Ok(Some(length))` of an upgrade, `Ok(None)` as long as it is incomplete.
///
/// # Errors
/// The first line of an answer that is not the upgrade asked for.
pub fn read_response(bytes: &[u8]) -> Result<Option<usize>, String> {
    let Some((text, length)) = head(bytes) else {
        return Ok(None);
    };
    let status = text.lines().next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 101") {
        return Err(status.to_owned());
    }
    match header(&text, "sec-websocket-accept") {
        Some(CLIENT_ACCEPT) => Ok(Some(length)),
        other => Err(format!("wrong sec-websocket-accept {other:?}")),
    }
}

fn head(bytes: &[u8]) -> Option<(String, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 4))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_sides_agree() {
        let bytes = write_request("127.0.0.1:1", PATH, "anna", &["X-One: 1".to_owned()]);
        for end in 0..bytes.len() {
            assert_eq!(read_request(&bytes.as_bytes()[..end]), None);
        }
        let request = read_request(bytes.as_bytes()).unwrap();
        assert_eq!((request.account.as_str(), request.upgraded, request.length), ("anna", true, bytes.len()));
        let response = request.response.as_bytes();
        assert_eq!(read_response(&response[..response.len() - 1]), Ok(None));
        assert_eq!(read_response(response), Ok(Some(response.len())));
    }

    #[test]
    fn a_plain_request_is_refused() {
        let request = read_request(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert!(!request.upgraded);
        assert_eq!(read_response(request.response.as_bytes()), Err("HTTP/1.1 404 Not Found".to_owned()));
    }
}
