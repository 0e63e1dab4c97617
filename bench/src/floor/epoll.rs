//! The floor on bare system calls: `epoll_wait`, `recv`, `send`.
//!
//! Level-triggered; a connection is registered for reading only, and for writing as well while it has unsent bytes. A
//! failed write is left for the connection's own next event to find, so that only one place closes connections.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::rooms::{ConnId, RoomId, Rooms};
use super::session::{Replies, handle_frames};
use super::{HANDOVERS_MAX, SCRATCH_LEN, home};
use crate::handshake;

const LISTENER: u64 = u64::MAX;
const INBOX: u64 = u64::MAX - 1;
const EVENTS_MAX: usize = 256;

/// One thread of the floor: its listener, its connections and its rooms.
pub(super) struct Thread {
    index: usize,
    epoll: OwnedFd,
    listener: TcpListener,
    inbox: Receiver<Handover>,
    doors: Arc<[Door]>,
    conns: Conns,
    rooms: Rooms,
    scratch: Box<[u8]>,
    replies: Replies,
}

/// The way into another thread.
struct Door {
    tx: SyncSender<Handover>,
    bell: OwnedFd,
}

/// A connection whose room lives on another thread.
struct Handover {
    stream: TcpStream,
    account: String,
    rest: Vec<u8>,
}

struct Conn {
    stream: TcpStream,
    room: Option<RoomId>,
    /// The start of a frame or of a request that is not complete yet.
    input: Vec<u8>,
    /// What the kernel did not take yet.
    output: Vec<u8>,
}

/// Makes one thread per listener, each with a way into every other.
pub(super) fn threads(listeners: Vec<TcpListener>) -> io::Result<Vec<Thread>> {
    let mut doors = Vec::new();
    let mut inboxes = VecDeque::new();
    for _ in &listeners {
        let (tx, rx) = sync_channel(HANDOVERS_MAX);
        doors.push(Door { tx, bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? });
        inboxes.push_back(rx);
    }
    let doors: Arc<[Door]> = doors.into();
    listeners
        .into_iter()
        .zip(inboxes)
        .enumerate()
        .map(|(index, (listener, inbox))| Thread::new(index, listener, inbox, Arc::clone(&doors)))
        .collect()
}

impl Thread {
    fn new(index: usize, listener: TcpListener, inbox: Receiver<Handover>, doors: Arc<[Door]>) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        epoll::add(&epoll, &doors[index].bell, EventData::new_u64(INBOX), EventFlags::IN)?;
        Ok(Self {
            index,
            epoll,
            listener,
            inbox,
            doors,
            conns: Conns::default(),
            rooms: Rooms::default(),
            scratch: vec![0; SCRATCH_LEN].into(),
            replies: Replies::default(),
        })
    }

    /// Waits and works, until `epoll` or the listener fails.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        loop {
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), None) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            for event in events.drain(..) {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    INBOX => self.take_handovers()?,
                    id => self.handle_conn(id as ConnId, event.flags),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    // A peer that is gone already is found by the first read.
                    let _ = stream.set_nonblocking(true);
                    let _ = stream.set_nodelay(true);
                    self.register(stream)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn register(&mut self, stream: TcpStream) -> io::Result<ConnId> {
        let id = self.conns.insert(Conn { stream, room: None, input: Vec::new(), output: Vec::new() });
        if let Some(conn) = self.conns.get(id) {
            epoll::add(&self.epoll, &conn.stream, EventData::new_u64(u64::from(id)), EventFlags::IN)?;
        }
        Ok(id)
    }

    fn take_handovers(&mut self) -> io::Result<()> {
        rustix::io::read(&self.doors[self.index].bell, &mut [0; 8])?;
        while let Ok(Handover { stream, account, rest }) = self.inbox.try_recv() {
            let id = self.register(stream)?;
            self.join(id, &account);
            self.handle_input(id, rest);
        }
        Ok(())
    }

    fn handle_conn(&mut self, id: ConnId, flags: EventFlags) {
        if flags.contains(EventFlags::OUT) {
            self.flush(id);
        }
        // An event of a connection that was closed earlier in this batch, whose place may be taken again: reading finds
        // nothing and does no harm.
        let Some(conn) = self.conns.get(id) else { return };
        match recv(&conn.stream, &mut *self.scratch, RecvFlags::empty()) {
            Ok((0, _)) => self.close(id),
            Ok((length, _)) => self.handle_scratch(id, length),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(_) => self.close(id),
        }
    }

    /// Handles a read of `length` bytes, in place when nothing was left over from the read before.
    fn handle_scratch(&mut self, id: ConnId, length: usize) {
        let Some(conn) = self.conns.get(id) else { return };
        if conn.room.is_some() && conn.input.is_empty() {
            self.replies.clear();
            let taken = handle_frames(&mut self.scratch[..length], &mut self.replies);
            conn.input.extend_from_slice(&self.scratch[taken..length]);
            self.write_replies(id);
        } else {
            let mut input = std::mem::take(&mut conn.input);
            input.extend_from_slice(&self.scratch[..length]);
            self.handle_input(id, input);
        }
    }

    fn handle_input(&mut self, id: ConnId, mut input: Vec<u8>) {
        let Some(conn) = self.conns.get(id) else { return };
        if conn.room.is_some() {
            self.replies.clear();
            let taken = handle_frames(&mut input, &mut self.replies);
            input.drain(..taken);
            // An empty vector that keeps its memory would cost an idle connection its largest message.
            conn.input = if input.is_empty() { Vec::new() } else { input };
            self.write_replies(id);
            return;
        }
        let Some(request) = handshake::read_request(&input) else {
            conn.input = input;
            return;
        };
        if conn.stream.write_all(request.response.as_bytes()).is_err() || !request.upgraded {
            self.close(id);
            return;
        }
        input.drain(..request.length);
        let home = home(&request.account, self.doors.len());
        if home == self.index {
            self.join(id, &request.account);
            self.handle_input(id, input);
        } else {
            self.hand_over(id, home, request.account, input);
        }
    }

    fn join(&mut self, id: ConnId, account: &str) {
        let room = self.rooms.join(account, id);
        if let Some(conn) = self.conns.get(id) {
            conn.room = Some(room);
        }
    }

    fn hand_over(&mut self, id: ConnId, home: usize, account: String, rest: Vec<u8>) {
        let Some(Conn { stream, .. }) = self.conns.remove(id) else { return };
        let door = &self.doors[home];
        let _ = epoll::delete(&self.epoll, &stream);
        // Two threads with full inboxes would wait for each other; a floor rather drops the connection.
        if door.tx.try_send(Handover { stream, account, rest }).is_ok() {
            let _ = rustix::io::write(&door.bell, &1_u64.to_ne_bytes());
        }
    }

    fn write_replies(&mut self, id: ConnId) {
        let Some(Conn { room: Some(room), .. }) = self.conns.get(id) else { return };
        let room = *room;
        if !self.replies.own.is_empty() {
            self.conns.write(&self.epoll, id, &self.replies.own);
        }
        if !self.replies.others.is_empty() {
            for other in self.rooms.members(room).iter().copied().filter(|other| *other != id) {
                self.conns.write(&self.epoll, other, &self.replies.others);
            }
        }
        if self.replies.close {
            self.close(id);
        }
    }

    fn flush(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get(id) else { return };
        let output = std::mem::take(&mut conn.output);
        let _ = epoll::modify(&self.epoll, &conn.stream, EventData::new_u64(u64::from(id)), EventFlags::IN);
        self.conns.write(&self.epoll, id, &output);
    }

    fn close(&mut self, id: ConnId) {
        if let Some(Conn { room: Some(room), .. }) = self.conns.remove(id) {
            self.rooms.leave(room, id);
        }
    }
}

/// The connections of a thread; a free place is taken again.
#[derive(Default)]
struct Conns {
    places: Vec<Option<Conn>>,
    free: Vec<ConnId>,
}

impl Conns {
    fn insert(&mut self, conn: Conn) -> ConnId {
        if let Some(id) = self.free.pop() {
            self.places[id as usize] = Some(conn);
            return id;
        }
        self.places.push(Some(conn));
        (self.places.len() - 1) as ConnId
    }

    fn get(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.places.get_mut(id as usize)?.as_mut()
    }

    fn remove(&mut self, id: ConnId) -> Option<Conn> {
        let conn = self.places.get_mut(id as usize)?.take();
        self.free.extend(conn.is_some().then_some(id));
        conn
    }

    /// Sends now what the kernel takes and keeps the rest.
    fn write(&mut self, epoll: &OwnedFd, id: ConnId, bytes: &[u8]) {
        let Some(conn) = self.get(id) else { return };
        if !conn.output.is_empty() {
            conn.output.extend_from_slice(bytes);
            return;
        }
        let sent = match send(&conn.stream, bytes, SendFlags::NOSIGNAL) {
            Ok(sent) => sent,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => 0,
            Err(_) => return,
        };
        if sent < bytes.len() {
            conn.output.extend_from_slice(&bytes[sent..]);
            let interest = EventFlags::IN | EventFlags::OUT;
            let _ = epoll::modify(epoll, &conn.stream, EventData::new_u64(u64::from(id)), interest);
        }
    }
}
