//! A request as short as it can be.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// The body of a response that must be there; `stream` is a connection of its own.
pub(crate) fn get(mut stream: TcpStream, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {response}");
    body.to_owned()
}
