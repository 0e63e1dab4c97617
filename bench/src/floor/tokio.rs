//! The floor on a current-thread tokio runtime: one task per socket, which reads; whoever has something to say writes
//! straight to the receiver's socket.
//!
//! No channel, no second task and no read buffer per socket. Only when the kernel takes no more does a short-lived task
//! wait until the socket is writable.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;

use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{LocalSet, spawn_local};

use super::session::{Replies, handle_frames};
use super::{HANDOVERS_MAX, SCRATCH_LEN, home};
use crate::handshake;

/// One thread of the floor, before its runtime exists.
pub(super) struct Thread {
    index: usize,
    listener: TcpListener,
    inbox: Receiver<Handover>,
    doors: Vec<Sender<Handover>>,
}

/// A connection whose room lives on another thread.
struct Handover {
    stream: std::net::TcpStream,
    account: String,
    rest: Vec<u8>,
}

/// What all tasks of a thread share. No borrow is held across an `await`.
struct Shared {
    index: usize,
    doors: Vec<Sender<Handover>>,
    rooms: RefCell<HashMap<Box<str>, Rc<Room>>>,
    scratch: RefCell<Scratch>,
}

struct Scratch {
    read: Box<[u8]>,
    replies: Replies,
}

type Room = RefCell<Vec<Rc<Conn>>>;

struct Conn {
    stream: TcpStream,
    /// What the kernel did not take yet.
    output: RefCell<Vec<u8>>,
    /// Whether a task waits to write `output`.
    flushing: Cell<bool>,
}

/// Makes one thread per listener, each with a way into every other.
pub(super) fn threads(listeners: Vec<TcpListener>) -> Vec<Thread> {
    let (doors, inboxes): (Vec<_>, Vec<_>) = listeners.iter().map(|_| channel(HANDOVERS_MAX)).unzip();
    listeners
        .into_iter()
        .zip(inboxes)
        .enumerate()
        .map(|(index, (listener, inbox))| Thread { index, listener, inbox, doors: doors.clone() })
        .collect()
}

impl Thread {
    /// Runs until the listener fails.
    pub(super) fn run(self) -> io::Result<()> {
        let Thread { index, listener, mut inbox, doors } = self;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        LocalSet::new().block_on(&runtime, async move {
            let scratch = Scratch { read: vec![0; SCRATCH_LEN].into(), replies: Replies::default() };
            let shared = Rc::new(Shared { index, doors, rooms: RefCell::default(), scratch: RefCell::new(scratch) });
            let host = Rc::clone(&shared);
            spawn_local(async move {
                while let Some(Handover { stream, account, rest }) = inbox.recv().await {
                    if let Ok(stream) = TcpStream::from_std(stream) {
                        spawn_local(relay(Rc::clone(&host), stream, account, rest));
                    }
                }
            });
            let listener = tokio::net::TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                // A peer that is gone already is found by the first read.
                let _ = stream.set_nodelay(true);
                spawn_local(greet(Rc::clone(&shared), stream));
            }
        })
    }
}

/// The handshake. It has a task of its own, so that its state costs nothing once the socket is open.
async fn greet(shared: Rc<Shared>, stream: TcpStream) {
    let mut input = Vec::new();
    let request = loop {
        if stream.readable().await.is_err() || !shared.scratch.borrow_mut().read_more(&stream, &mut input) {
            return;
        }
        if let Some(request) = handshake::read_request(&input) {
            break request;
        }
    };
    let written = stream.try_write(request.response.as_bytes());
    if !request.upgraded || !matches!(written, Ok(length) if length == request.response.len()) {
        return;
    }
    input.drain(..request.length);
    let home = home(&request.account, shared.doors.len());
    if home == shared.index {
        spawn_local(relay(shared, stream, request.account, input));
    } else if let Ok(stream) = stream.into_std() {
        // The receiver ends only with the process.
        let _ = shared.doors[home].send(Handover { stream, account: request.account, rest: input }).await;
    }
}

/// An open socket, from joining its room to leaving it.
async fn relay(shared: Rc<Shared>, stream: TcpStream, account: String, rest: Vec<u8>) {
    let conn = Rc::new(Conn { stream, output: RefCell::default(), flushing: Cell::new(false) });
    let room = Rc::clone(shared.rooms.borrow_mut().entry(account.into()).or_default());
    room.borrow_mut().push(Rc::clone(&conn));
    // Bytes of a frame that is not complete yet.
    let mut input = Vec::new();
    let mut open = rest.is_empty() || conn.handle_rest(&shared, &room, &mut input, &rest);
    while open && conn.stream.readable().await.is_ok() {
        open = conn.handle_readable(&shared, &room, &mut input);
    }
    room.borrow_mut().retain(|member| !Rc::ptr_eq(member, &conn));
}

impl Scratch {
    /// Appends one read to `input`; `false` once the connection is over.
    fn read_more(&mut self, stream: &TcpStream, input: &mut Vec<u8>) -> bool {
        match stream.try_read(&mut self.read) {
            Ok(length) => {
                input.extend_from_slice(&self.read[..length]);
                length > 0
            }
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

impl Conn {
    /// Reads once and answers; `false` once the connection is over.
    fn handle_readable(self: &Rc<Self>, shared: &Shared, room: &Room, input: &mut Vec<u8>) -> bool {
        let mut scratch = shared.scratch.borrow_mut();
        let Scratch { read, replies } = &mut *scratch;
        let length = match self.stream.try_read(read) {
            Ok(0) => return false,
            Ok(length) => length,
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        };
        replies.clear();
        if input.is_empty() {
            let taken = handle_frames(&mut read[..length], replies);
            input.extend_from_slice(&read[taken..length]);
        } else {
            input.extend_from_slice(&read[..length]);
            let taken = handle_frames(input, replies);
            input.drain(..taken);
            if input.is_empty() {
                *input = Vec::new();
            }
        }
        self.write_replies(room, replies)
    }

    /// Handles what came in one read with the handshake.
    fn handle_rest(self: &Rc<Self>, shared: &Shared, room: &Room, input: &mut Vec<u8>, rest: &[u8]) -> bool {
        let replies = &mut shared.scratch.borrow_mut().replies;
        replies.clear();
        input.extend_from_slice(rest);
        let taken = handle_frames(input, replies);
        input.drain(..taken);
        self.write_replies(room, replies)
    }

    fn write_replies(self: &Rc<Self>, room: &Room, replies: &Replies) -> bool {
        if !replies.own.is_empty() {
            self.write(&replies.own);
        }
        if !replies.others.is_empty() {
            for other in room.borrow().iter().filter(|other| !Rc::ptr_eq(other, self)) {
                other.write(&replies.others);
            }
        }
        !replies.close
    }

    /// Sends now what the kernel takes; the rest waits for a task of its own.
    fn write(self: &Rc<Self>, bytes: &[u8]) {
        if self.flushing.get() {
            self.output.borrow_mut().extend_from_slice(bytes);
            return;
        }
        let sent = match self.stream.try_write(bytes) {
            Ok(sent) => sent,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            // The socket's own task finds out.
            Err(_) => return,
        };
        if sent < bytes.len() {
            self.output.borrow_mut().extend_from_slice(&bytes[sent..]);
            self.flushing.set(true);
            spawn_local(Rc::clone(self).flush());
        }
    }

    async fn flush(self: Rc<Self>) {
        while self.stream.writable().await.is_ok() {
            let mut output = self.output.borrow_mut();
            match self.stream.try_write(&output) {
                Ok(sent) => drop(output.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
            if output.is_empty() {
                *output = Vec::new();
                break;
            }
        }
        self.flushing.set(false);
    }
}
