//! A client in a few lines: frames as bytes.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Nothing in a test takes longer, unless it is broken.
const PATIENCE: Duration = Duration::from_secs(60);

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;
pub(crate) const FIN: u8 = 0x80;
pub(crate) const DEFLATED: u8 = 0x40;

/// A masked frame with this first byte.
pub(crate) fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut wire = match payload.len() {
        len @ 0..=125 => vec![first, 0x80 | len as u8],
        len @ 126..=65535 => vec![first, 0x80 | 126, (len >> 8) as u8, len as u8],
        len => [&[first, 0x80 | 127][..], &(len as u64).to_be_bytes()].concat(),
    };
    wire.extend(MASK);
    wire.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    wire
}

/// A message in frames of `len` bytes of payload at most; `first` is its opcode and reserved bits.
pub(crate) fn fragments(first: u8, payload: &[u8], len: usize) -> Vec<Vec<u8>> {
    let count = payload.len().div_ceil(len).max(1);
    let part = |index: usize| &payload[index * len..payload.len().min((index + 1) * len)];
    let head = |index: usize| {
        let opcode = if index == 0 { first } else { CONTINUATION };
        if index + 1 == count { FIN | opcode } else { opcode }
    };
    (0..count).map(|index| frame(head(index), part(index))).collect()
}

/// A frame from the server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.payload[..self.payload.len().min(80)];
        write!(f, "{:02x} {} bytes {}", self.first, self.payload.len(), shown.escape_ascii())
    }
}

/// One end of a socket.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// What the server says to the extensions that were offered.
    pub(crate) extensions: Option<String>,
}

impl Client {
    pub(crate) fn open(address: SocketAddr, offer: Option<&str>) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self { stream: BufReader::new(stream), extensions: None };
        let offer = offer.map_or_else(String::new, |offer| format!("Sec-WebSocket-Extensions: {offer}\r\n"));
        client.write(format!(
            "GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
        ));
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.take::<1>().unwrap()[0]);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let mut extensions = fields.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-extensions"));
        client.extensions = extensions.next().map(|(_, value)| value.to_owned());
        client
    }

    /// Writes, unless the server has hung up.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        // What it has said before is what counts.
        let _ = self.stream.get_mut().write_all(bytes.as_ref());
    }

    /// The next frame, or `None` when the connection has ended.
    pub(crate) fn read(&mut self) -> Option<Frame> {
        let [first, second] = self.take()?;
        let len = match second {
            126 => u64::from(u16::from_be_bytes(self.take()?)),
            127 => u64::from_be_bytes(self.take()?),
            len => u64::from(len),
        };
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        Some(Frame { first, payload })
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        match self.stream.read_exact(&mut bytes) {
            Ok(()) => Some(bytes),
            // A reset would mean that the server has thrown away what it was sent, and may have thrown away its own
            // last words with it.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// A second connection to whoever writes while this one reads.
    pub(crate) fn writer(&self) -> TcpStream {
        self.stream.get_ref().try_clone().unwrap()
    }
}
