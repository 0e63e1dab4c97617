//! The sockets and the loop around them.
//!
//! Handshakes are done on blocking sockets, which keeps opening simple and its time exact; an open socket then joins
//! the epoll set.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::Target;
use crate::frame::{self, CLOSE, PING, PONG, TEXT};
use crate::handshake;

/// How long to wait for anything that must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Handshakes under way at once while many sockets are opened.
const OPENING_MAX: usize = 32;
const SCRATCH_LEN: usize = 256 * 1024;
const EVENTS_MAX: usize = 512;
/// Any key but zero: a server must not get away without unmasking.
const KEY: [u8; 4] = [0x5A, 0xC3, 0x17, 0xE9];

/// Close code 1000: the work is done.
const GOODBYE: [u8; 2] = 1000_u16.to_be_bytes();

/// A set of open sockets, numbered from 0.
pub(super) struct Clients {
    epoll: OwnedFd,
    conns: Vec<Conn>,
    scratch: Box<[u8]>,
    events: Vec<epoll::Event>,
    spin: bool,
}

struct Conn {
    stream: TcpStream,
    /// The start of a frame that is not complete yet.
    input: Vec<u8>,
    /// Frames not sent yet.
    output: Vec<u8>,
    /// Whether epoll is asked for writability.
    waiting: bool,
}

/// What the frames of one read amount to.
struct Taken {
    bytes: usize,
    pongs: Vec<u8>,
    closed: bool,
}

impl Clients {
    pub(super) fn new(target: &Target) -> Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            conns: Vec::new(),
            scratch: vec![0; SCRATCH_LEN].into(),
            events: Vec::with_capacity(EVENTS_MAX),
            spin: target.spin,
        })
    }

    /// Opens a socket per account and returns when all are open.
    pub(super) fn open_all(&mut self, target: &Target, accounts: impl Iterator<Item = String>) -> Result<()> {
        let mut accounts = accounts.peekable();
        while accounts.peek().is_some() {
            let batch = accounts
                .by_ref()
                .take(OPENING_MAX)
                .map(|account| request(target, &account))
                .collect::<Result<Vec<_>>>()?;
            for stream in batch {
                self.finish(stream)?;
            }
        }
        Ok(())
    }

    /// Opens one socket and returns how long it took from `connect` to the server's answer.
    pub(super) fn open(&mut self, target: &Target, account: &str) -> Result<Duration> {
        let start = Instant::now();
        let stream = request(target, account)?;
        let end = self.finish(stream)?;
        Ok(end - start)
    }

    /// Reads the answer to a request; returns when it was there.
    fn finish(&mut self, mut stream: TcpStream) -> Result<Instant> {
        let mut input = Vec::new();
        let length = loop {
            let read = stream.read(&mut self.scratch).context("failed to read the answer to a handshake")?;
            if read == 0 {
                bail!("the server closed a connection during its handshake");
            }
            input.extend_from_slice(&self.scratch[..read]);
            match handshake::read_response(&input) {
                Ok(None) => {}
                Ok(Some(length)) => break length,
                Err(answer) => bail!("the server refused a socket: {answer}"),
            }
        };
        let end = Instant::now();
        input.drain(..length);
        if !input.is_empty() {
            bail!("the server spoke first, which the protocol does not foresee");
        }
        stream.set_nonblocking(true)?;
        epoll::add(&self.epoll, &stream, EventData::new_u64(self.conns.len() as u64), EventFlags::IN)?;
        self.conns.push(Conn { stream, input: Vec::new(), output: Vec::new(), waiting: false });
        Ok(end)
    }

    /// Adds a message to what socket `index` sends with the next [`flush`](Self::flush).
    pub(super) fn queue(&mut self, index: usize, text: &[u8]) {
        frame::encode_client(&mut self.conns[index].output, TEXT, text, KEY);
    }

    /// Sends what socket `index` has queued, or as much as the kernel takes.
    pub(super) fn flush(&mut self, index: usize) -> Result<()> {
        let conn = &mut self.conns[index];
        match send(&conn.stream, &conn.output, SendFlags::NOSIGNAL) {
            Ok(sent) => drop(conn.output.drain(..sent)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).with_context(|| format!("failed to send on socket {index}")),
        }
        let waiting = !conn.output.is_empty();
        if waiting != conn.waiting {
            conn.waiting = waiting;
            let interest = if waiting { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(&self.epoll, &conn.stream, EventData::new_u64(index as u64), interest)?;
        }
        Ok(())
    }

    /// Waits at most `wait` and hands over all messages that have come.
    pub(super) fn poll(&mut self, wait: Duration, mut on_message: impl FnMut(usize, &[u8])) -> Result<()> {
        let wait = if self.spin { Duration::ZERO } else { wait };
        let wait = wait.try_into().context("failed to express a timeout")?;
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("failed to wait for sockets"),
        }
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            let index = event.data.u64() as usize;
            self.handle(index, event.flags, &mut on_message)?;
        }
        self.events = events;
        Ok(())
    }

    /// Waits until `done`, which is told every message, says so.
    ///
    /// # Errors
    /// It took longer than [`PATIENCE`].
    pub(super) fn poll_until(&mut self, mut done: impl FnMut(usize, &[u8]) -> bool) -> Result<()> {
        let start = Instant::now();
        let mut finished = false;
        while !finished {
            if start.elapsed() > PATIENCE {
                bail!("no answer within {} s", PATIENCE.as_secs());
            }
            self.poll(Duration::from_millis(100), |index, text| finished |= done(index, text))?;
        }
        Ok(())
    }

    fn handle(&mut self, index: usize, flags: EventFlags, on_message: &mut impl FnMut(usize, &[u8])) -> Result<()> {
        if flags.contains(EventFlags::OUT) {
            self.flush(index)?;
        }
        let conn = &mut self.conns[index];
        let length = match recv(&conn.stream, &mut *self.scratch, RecvFlags::empty()) {
            Ok((0, _)) => bail!("the server closed socket {index}"),
            Ok((length, _)) => length,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error).with_context(|| format!("failed to read socket {index}")),
        };
        let taken = if conn.input.is_empty() {
            let taken = take_frames(&mut self.scratch[..length], |text| on_message(index, text));
            conn.input.extend_from_slice(&self.scratch[taken.bytes..length]);
            taken
        } else {
            conn.input.extend_from_slice(&self.scratch[..length]);
            let taken = take_frames(&mut conn.input, |text| on_message(index, text));
            conn.input.drain(..taken.bytes);
            taken
        };
        if taken.closed {
            bail!("the server sent a close frame on socket {index}");
        }
        if !taken.pongs.is_empty() {
            conn.output.extend_from_slice(&taken.pongs);
            self.flush(index)?;
        }
        Ok(())
    }
}

impl Drop for Clients {
    /// Says goodbye on every socket, so that no server takes the end of a run for an accident.
    fn drop(&mut self) {
        let mut goodbye = Vec::new();
        frame::encode_client(&mut goodbye, CLOSE, &GOODBYE, KEY);
        for conn in &self.conns {
            // A socket that takes no more needs no goodbye.
            let _ = send(&conn.stream, &goodbye, SendFlags::NOSIGNAL);
        }
    }
}

fn take_frames(input: &mut [u8], mut on_text: impl FnMut(&[u8])) -> Taken {
    let mut taken = Taken { bytes: 0, pongs: Vec::new(), closed: false };
    while let Some(found) = frame::decode(input, taken.bytes) {
        taken.bytes = found.payload.end;
        let payload = &input[found.payload];
        match found.opcode {
            TEXT => on_text(payload),
            PING => frame::encode_client(&mut taken.pongs, PONG, payload, KEY),
            CLOSE => taken.closed = true,
            _ => {}
        }
    }
    taken
}

fn request(target: &Target, account: &str) -> Result<TcpStream> {
    let mut stream =
        TcpStream::connect(target.addr).with_context(|| format!("failed to connect to {}", target.addr))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = handshake::write_request(&target.addr.to_string(), &target.path, account, &target.header);
    stream.write_all(request.as_bytes()).context("failed to send a handshake")?;
    Ok(stream)
}
