//! A client of HTTP/2 (RFC 9113) that writes whatever it is told to, right or wrong, and reads what a server says.
//!
//! It shares no code with the server. Of HPACK it knows what it takes to ask, and of answers whether they are a 200.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// What a client says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames.
pub const DATA: u8 = 0;
/// The head of a request or a response.
pub const HEADERS: u8 = 1;
/// The end of a stream, at once.
pub const RST_STREAM: u8 = 3;
/// What an end can do.
pub const SETTINGS: u8 = 4;
/// A sign of life.
pub const PING: u8 = 6;
/// The last streams of a connection.
pub const GOAWAY: u8 = 7;
/// Room for data.
pub const WINDOW_UPDATE: u8 = 8;
/// More of a head.
pub const CONTINUATION: u8 = 9;

/// Flags of frames.
pub const END_STREAM: u8 = 1;
/// Of settings and pings: an answer.
pub const ACK: u8 = 1;
/// Nothing more of a head follows.
pub const END_HEADERS: u8 = 4;
/// It begins with the length of what it ends with and means nothing.
pub const PADDED: u8 = 8;
/// It begins with five bytes about its priority.
pub const PRIORITY: u8 = 0x20;

/// A frame's header.
const HEADER_LEN: usize = 9;
/// The largest frame that the other end may send unless it is told otherwise; this client never tells it.
pub const FRAME_LEN_MAX: usize = 16_384;
/// Bytes of data that a connection, or a stream, may carry before it is given more room.
pub const CONNECTION_WINDOW: u64 = 65_535;

/// What a server has said on one stream.
#[derive(Debug, Default)]
pub struct Heard {
    /// Whether there is a response.
    pub is_answered: bool,
    /// Whether that is a 200.
    pub is_ok: bool,
    /// All data of it.
    pub data: Vec<u8>,
    /// Whether the server has ended its direction.
    pub is_ended: bool,
    /// Why the server has taken the stream back.
    pub reset: Option<u32>,
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    /// What is written with the next [`Client::flush`].
    out: Vec<u8>,
    read: Vec<u8>,
    /// What was heard, by stream.
    pub streams: BTreeMap<u32, Heard>,
    /// The last ping that was answered.
    pub answered: Option<u64>,
    /// Why the server has announced the end, if it has.
    pub ending: Option<u32>,
    /// Whether nothing more can be heard.
    pub is_over: bool,
    /// Bytes of data that the server may still send.
    window: u64,
    /// Whether it is known what the server can do.
    pub is_settled: bool,
    /// Bytes of data that may still be sent.
    pub room: u64,
}

impl Client {
    /// Connects; nothing is said yet.
    pub fn connect(address: SocketAddr, patience: Duration) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP stream");
        stream.set_read_timeout(Some(patience)).expect("a TCP stream");
        stream.set_write_timeout(Some(patience)).expect("a TCP stream");
        Self {
            stream,
            out: Vec::new(),
            read: Vec::new(),
            streams: BTreeMap::new(),
            answered: None,
            ending: None,
            is_over: false,
            window: CONNECTION_WINDOW,
            is_settled: false,
            room: CONNECTION_WINDOW,
        }
    }

    /// Says the preface.
    pub fn begin(&mut self) {
        self.out.extend_from_slice(PREFACE);
    }

    /// Says these bytes, which may give the server any room.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.window = u64::MAX / 2;
    }

    /// Says a frame.
    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let len = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
        self.out.extend([len[1], len[2], len[3], kind, flags]);
        self.out.extend(stream.to_be_bytes());
        self.out.extend_from_slice(payload);
        if kind == DATA {
            self.room = self.room.saturating_sub(payload.len() as u64);
        }
        if let (WINDOW_UPDATE, 0, Ok(increment)) = (kind, stream, <[u8; 4]>::try_from(payload)) {
            self.window += u64::from(u32::from_be_bytes(increment));
        }
    }

    /// Sends what was said.
    pub fn flush(&mut self) {
        // A server that has ended the connection takes nothing more; what it has said before can still be read.
        let _ = self.stream.write_all(&self.out);
        self.out.clear();
    }

    /// Hears until this holds; tells whether it does.
    pub fn hear_until(&mut self, holds: impl Fn(&Self) -> bool) -> bool {
        self.flush();
        loop {
            if holds(self) {
                return true;
            }
            if self.is_over {
                return false;
            }
            let mut piece = [0; 16_384];
            match self.stream.read(&mut piece) {
                Ok(0) => self.is_over = true,
                Ok(len) => {
                    self.read.extend_from_slice(&piece[..len]);
                    self.understand();
                    self.flush();
                }
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                    panic!("the server says nothing for so long: {self:?}");
                }
                // The fuzzer's own alarm: a read that has a timeout is not begun again by the system.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => self.is_over = true,
            }
        }
    }

    /// Ends our direction, and hears until the server has ended its own.
    pub fn end(mut self) {
        self.flush();
        let _ = self.stream.shutdown(Shutdown::Write);
        self.hear_until(|_| false);
    }

    fn understand(&mut self) {
        let read = std::mem::take(&mut self.read);
        let mut rest = &read[..];
        while let [l1, l2, l3, kind, flags, s1, s2, s3, s4, after @ ..] = rest {
            let len = u32::from_be_bytes([0, *l1, *l2, *l3]) as usize;
            assert!(len <= FRAME_LEN_MAX, "a frame of {len} bytes");
            let Some(payload) = after.get(..len) else { break };
            let stream = u32::from_be_bytes([*s1, *s2, *s3, *s4]) & (u32::MAX >> 1);
            self.take(*kind, *flags, stream, payload);
            rest = &rest[HEADER_LEN + len..];
        }
        self.read = rest.to_vec();
    }

    fn take(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        match kind {
            DATA | HEADERS | RST_STREAM => {
                assert!(stream % 2 == 1, "a server says something on stream {stream}");
                let heard = self.streams.entry(stream).or_default();
                // For what the client still sends on it, a stream may be taken back more than once.
                assert!(
                    heard.reset.is_none() || kind == RST_STREAM,
                    "something comes after the end of stream {stream}"
                );
                match kind {
                    DATA => {
                        let left = self.window.checked_sub(payload.len() as u64);
                        self.window = left.expect("the server sends no more than there is room for");
                        heard.data.extend_from_slice(without_padding(flags, payload));
                    }
                    HEADERS if !heard.is_answered => {
                        heard.is_answered = true;
                        heard.is_ok = is_ok(without_padding(flags, payload));
                    }
                    HEADERS => {}
                    _ => heard.reset = Some(u32::from_be_bytes(payload.try_into().expect("four bytes"))),
                }
                if kind != RST_STREAM {
                    assert!(!heard.is_ended, "something comes after the end of stream {stream}");
                    heard.is_ended = flags & END_STREAM != 0;
                }
            }
            SETTINGS if flags & ACK == 0 => {
                self.is_settled = true;
                self.frame(SETTINGS, ACK, 0, &[]);
            }
            WINDOW_UPDATE if stream == 0 => {
                self.room += u64::from(u32::from_be_bytes(payload.try_into().expect("four bytes")));
            }
            PING if flags & ACK == 0 => self.frame(PING, ACK, 0, payload),
            PING => self.answered = Some(u64::from_be_bytes(payload.try_into().expect("eight bytes"))),
            GOAWAY => {
                let code = payload.get(4..8).and_then(|code| code.try_into().ok()).expect("eight bytes or more");
                self.ending = Some(u32::from_be_bytes(code));
            }
            SETTINGS | WINDOW_UPDATE | CONTINUATION => {}
            _ => panic!("a frame of kind {kind}"),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { streams, ending, is_over, window, .. } = self;
        let streams: Vec<_> = streams
            .iter()
            .map(|(id, heard)| (id, heard.is_ok, heard.data.len(), heard.is_ended, heard.reset))
            .collect();
        write!(f, "streams {streams:?}, ending {ending:?}, over {is_over}, room for {window}")
    }
}

fn without_padding(flags: u8, payload: &[u8]) -> &[u8] {
    match payload {
        [len, rest @ ..] if flags & PADDED != 0 => &rest[..rest.len() - usize::from(*len)],
        _ => payload,
    }
}

/// Whether a response's head says 200, which is a number by itself (RFC 7541, appendix A).
fn is_ok(mut block: &[u8]) -> bool {
    // Before it there may be sizes of the table of headers.
    while let [first, rest @ ..] = block
        && first & 0xe0 == 0x20
    {
        let more =
            if first & 0x1f == 0x1f { rest.iter().position(|byte| byte & 0x80 == 0).map_or(0, |at| at + 1) } else { 0 };
        block = &rest[more..];
    }
    block.first() == Some(&0x88)
}

/// A header, as plainly as HPACK says it (RFC 7541, section 6.2.2).
pub fn header(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    for text in [name, value] {
        match text.len() {
            len @ 0..127 => block.push(len as u8),
            len => {
                block.push(127);
                let mut rest = len - 127;
                while rest >= 128 {
                    block.push((rest % 128) as u8 | 128);
                    rest /= 128;
                }
                block.push(rest as u8);
            }
        }
        block.extend_from_slice(text);
    }
}

/// A frame of a WebSocket as a client sends it (RFC 6455, section 5.2).
pub fn websocket_frame(first: u8, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}
