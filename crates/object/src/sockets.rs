//! Every socket of one object: the whole truth about it, kept by the host.
//!
//! Tags, attachment, order of acceptance, close state, auto-response: all that a guest knows of a socket lives
//! here and outlives the guest. That is what hibernation is. The guest holds ids.
//!
//! Invariants: a socket is accepted at most once; it is listed from its acceptance until its close or error
//! event has been delivered; at most one such event is made; the entry goes when both that event is settled and
//! the object's own Close has left (or the connection is gone). Connections and frames are not here.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use bytes::Bytes;
use bytestring::ByteString;
use slotmap::{Key, SlotMap};

use crate::error::SocketError;
use crate::limits::{ATTACHMENT_LEN_MAX, AUTO_RESPONSE_LEN_MAX, SOCKETS_MAX, TAG_LEN_MAX, TAGS_MAX};
use crate::outbox::Close;
use crate::time::Time;

slotmap::new_key_type! {
    /// One socket of one object. Never used again for another one.
    pub struct SocketId;
}

/// How an object took a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Not yet: the server end of a new pair.
    New,
    /// `acceptWebSocket`: it outlives the guest, its events go to the handlers.
    Hibernatable,
    /// `accept()`: it lives and dies with the guest.
    Standard,
}

/// What is known of the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Open,
    /// It sent a Close frame.
    Closed,
    /// The connection has ended, or is being ended for an error.
    Gone,
}

/// Where the object's own Close frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    Open,
    /// In the outbox.
    Queued,
    /// It has left.
    Sent,
}

/// Where the one close or error event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    None,
    Queued,
    /// Its handler runs.
    Delivered,
    /// Its handler has ended.
    Settled,
}

/// Values of `WebSocket.readyState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReadyState {
    /// Both directions are open.
    Open = 1,
    /// One direction is closed.
    Closing = 2,
    /// Both directions are closed, or the connection has ended.
    Closed = 3,
}

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) mode: Mode,
    pub(crate) peer: Peer,
    pub(crate) own: Own,
    pub(crate) farewell: Farewell,
    listed: bool,
    /// Whether the guest answers the peer's Close frame itself. Reference 2.5.
    half_open: bool,
    /// Messages of this socket in the mailbox.
    pub(crate) queued: u32,
    tags: Box<[Rc<str>]>,
    attachment: Option<Bytes>,
    auto_responded: Option<Time>,
    /// What the peer's Close frame said, for the answer.
    pub(crate) answer: Option<Box<Close>>,
    older: SocketId,
    newer: SocketId,
}

impl Socket {
    pub(crate) fn ready_state(&self) -> ReadyState {
        match (self.peer, self.own) {
            (Peer::Open, Own::Open) => ReadyState::Open,
            (Peer::Gone, _) | (Peer::Closed, Own::Queued | Own::Sent) => ReadyState::Closed,
            (Peer::Closed, Own::Open) | (Peer::Open, Own::Queued | Own::Sent) => ReadyState::Closing,
        }
    }

    /// Whether the host answers the peer's Close frame when the guest does not.
    pub(crate) fn answers(&self) -> bool {
        self.peer == Peer::Closed && self.own == Own::Open && !self.half_open
    }

    fn is_over(&self) -> bool {
        let said_goodbye = self.own == Own::Sent || self.peer == Peer::Gone;
        match self.mode {
            Mode::New => self.peer == Peer::Gone,
            _ => self.farewell == Farewell::Settled && said_goodbye,
        }
    }
}

/// What becomes of a client that reads more slowly than it is sent to, once as much waits for it as may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowClients {
    /// Its socket is closed with 1013, and what waited for it is dropped.
    #[default]
    Close,
    /// It stays, and the messages that have waited longest are dropped.
    DropOldest,
}

/// A text that the host answers by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoResponse {
    /// The text that is answered.
    pub request: ByteString,
    /// The answer.
    pub response: ByteString,
}

impl AutoResponse {
    /// A pair within the limits.
    ///
    /// # Errors
    ///
    /// When one of the two is too long.
    pub fn new(request: &str, response: &str) -> Result<Self, SocketError> {
        for (what, text) in [("Request", request), ("Response", response)] {
            if text.len() > AUTO_RESPONSE_LEN_MAX {
                return Err(SocketError::AutoResponseTooLong { what, len: text.len() });
            }
        }
        Ok(Self { request: request.into(), response: response.into() })
    }
}

/// The sockets of one object.
#[derive(Debug)]
pub(crate) struct SocketTable {
    sockets: SlotMap<SocketId, Socket>,
    /// Ends of the list of sockets in the order of their acceptance.
    oldest: SocketId,
    newest: SocketId,
    by_tag: HashMap<Rc<str>, Vec<SocketId>>,
    hibernatable: usize,
    /// Sockets that need the guest: all but the hibernatable ones.
    bound: usize,
    auto_response: Option<Box<AutoResponse>>,
    /// Own Close frames that wait for an answer, oldest first.
    unanswered: VecDeque<(Time, SocketId)>,
}

impl Default for SocketTable {
    fn default() -> Self {
        Self {
            // Most objects hold one socket or very many; left alone, the map makes room for several at once.
            sockets: SlotMap::with_capacity_and_key(1),
            oldest: SocketId::null(),
            newest: SocketId::null(),
            by_tag: HashMap::new(),
            hibernatable: 0,
            bound: 0,
            auto_response: None,
            unanswered: VecDeque::new(),
        }
    }
}

impl SocketTable {
    pub(crate) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Whether some socket would not survive the guest.
    pub(crate) fn bind_guest(&self) -> bool {
        self.bound > 0
    }

    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    pub(crate) fn get(&self, id: SocketId) -> Option<&Socket> {
        self.sockets.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.sockets.get_mut(id)
    }

    pub(crate) fn ids(&self) -> Vec<SocketId> {
        self.sockets.keys().collect()
    }

    /// The server end of a new pair.
    pub(crate) fn insert(&mut self) -> SocketId {
        self.bound += 1;
        self.sockets.insert(Socket {
            mode: Mode::New,
            peer: Peer::Open,
            own: Own::Open,
            farewell: Farewell::None,
            listed: false,
            half_open: false,
            queued: 0,
            tags: Box::default(),
            attachment: None,
            auto_responded: None,
            answer: None,
            older: SocketId::null(),
            newer: SocketId::null(),
        })
    }

    /// `acceptWebSocket`.
    pub(crate) fn accept_hibernatable(&mut self, id: SocketId, tags: &[&str]) -> Result<(), SocketError> {
        match self.sockets.get(id).map(|socket| socket.mode) {
            Some(Mode::New) => {}
            Some(Mode::Standard) => return Err(SocketError::AcceptedAsStandard),
            Some(Mode::Hibernatable) | None => return Err(SocketError::IncompatibleState),
        }
        if self.hibernatable >= SOCKETS_MAX {
            return Err(SocketError::TooManySockets);
        }
        let mut unique: Vec<Rc<str>> = Vec::new();
        for tag in tags {
            if tag.len() > TAG_LEN_MAX {
                return Err(SocketError::TagTooLong((*tag).into()));
            }
            if unique.iter().all(|have| **have != **tag) {
                unique.push(self.by_tag.get_key_value(*tag).map_or_else(|| Rc::from(*tag), |(have, _)| have.clone()));
            }
        }
        if unique.len() > TAGS_MAX {
            return Err(SocketError::TooManyTags);
        }
        for tag in &unique {
            self.by_tag.entry(tag.clone()).or_default().push(id);
        }
        self.hibernatable += 1;
        self.bound -= 1;
        let older = std::mem::replace(&mut self.newest, id);
        match self.sockets.get_mut(older) {
            Some(socket) => socket.newer = id,
            None => self.oldest = id,
        }
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.mode = Mode::Hibernatable;
            socket.listed = true;
            socket.tags = unique.into();
            socket.older = older;
        }
        Ok(())
    }

    /// `accept()`.
    pub(crate) fn accept_standard(&mut self, id: SocketId, half_open: bool) -> Result<(), SocketError> {
        let socket = self.sockets.get_mut(id).ok_or(SocketError::IncompatibleState)?;
        match socket.mode {
            Mode::New => (socket.mode, socket.half_open) = (Mode::Standard, half_open),
            Mode::Standard => {}
            Mode::Hibernatable => return Err(SocketError::AcceptedAsHibernatable),
        }
        Ok(())
    }

    /// Listed sockets, newest first; with a tag, those that carry it, oldest first. Reference 1.3.
    pub(crate) fn list(&self, tag: Option<&str>) -> Vec<SocketId> {
        match tag {
            Some(tag) => self.by_tag.get(tag).cloned().unwrap_or_default(),
            None => {
                let mut ids = Vec::with_capacity(self.hibernatable);
                let mut id = self.newest;
                while let Some(socket) = self.sockets.get(id) {
                    ids.push(id);
                    id = socket.older;
                }
                ids
            }
        }
    }

    /// Open sockets that were accepted, but for some: with a tag, those of [`SocketTable::list`]; without one, the
    /// standard ones too.
    pub(crate) fn receivers(&self, tag: Option<&str>, except: &[SocketId]) -> Box<[SocketId]> {
        let mut except = except.to_vec();
        except.sort_unstable();
        let mut ids = self.list(tag);
        if tag.is_none() && self.bound > 0 {
            ids.extend(self.sockets.iter().filter(|(_, socket)| socket.mode == Mode::Standard).map(|(id, _)| id));
        }
        let is_open = |id| self.sockets.get(id).is_some_and(|socket| socket.ready_state() == ReadyState::Open);
        ids.retain(|id| is_open(*id) && except.binary_search(id).is_err());
        ids.into()
    }

    pub(crate) fn tags(&self, id: SocketId) -> Result<Vec<Rc<str>>, SocketError> {
        let socket = self.sockets.get(id).ok_or(SocketError::NoTags)?;
        match socket.mode {
            Mode::Hibernatable => Ok(socket.tags.to_vec()),
            Mode::New => Err(SocketError::NoTags),
            Mode::Standard => Err(SocketError::TagsOfStandard),
        }
    }

    pub(crate) fn set_attachment(&mut self, id: SocketId, value: Option<Bytes>) -> Result<(), SocketError> {
        let len = value.as_ref().map_or(0, Bytes::len);
        if len > ATTACHMENT_LEN_MAX {
            return Err(SocketError::AttachmentTooLarge(len));
        }
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.attachment = value;
        }
        Ok(())
    }

    pub(crate) fn attachment(&self, id: SocketId) -> Option<Bytes> {
        self.sockets.get(id)?.attachment.clone()
    }

    pub(crate) fn set_auto_response(&mut self, pair: Option<AutoResponse>) {
        self.auto_response = pair.map(Box::new);
    }

    pub(crate) fn auto_response(&self) -> Option<&AutoResponse> {
        self.auto_response.as_deref()
    }

    pub(crate) fn auto_responded(&self, id: SocketId) -> Option<Time> {
        self.sockets.get(id)?.auto_responded
    }

    /// The answer that the host gives to this text by itself, if it does.
    pub(crate) fn auto_respond(&mut self, id: SocketId, text: &str, now: Time) -> Option<ByteString> {
        let pair = self.auto_response.as_deref().filter(|pair| &*pair.request == text)?;
        let socket = self.sockets.get_mut(id)?;
        if socket.mode != Mode::Hibernatable || socket.own != Own::Open {
            return None;
        }
        socket.auto_responded = Some(now);
        Some(pair.response.clone())
    }

    /// Notes that an own Close was queued and must be answered by `deadline`.
    pub(crate) fn await_answer(&mut self, id: SocketId, deadline: Time) {
        self.unanswered.push_back((deadline, id));
    }

    /// Notes that an own Close will not leave: it is as if it had not been asked for.
    pub(crate) fn reopen(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.own = Own::Open;
        }
        self.unanswered.retain(|(_, have)| *have != id);
    }

    /// When the first unanswered own Close will have waited too long.
    pub(crate) fn deadline(&mut self) -> Option<Time> {
        while let Some((deadline, id)) = self.unanswered.front() {
            if self.sockets.get(*id).is_some_and(|socket| socket.peer == Peer::Open) {
                return Some(*deadline);
            }
            self.unanswered.pop_front();
        }
        None
    }

    /// The next socket whose peer has left a Close unanswered for too long.
    pub(crate) fn expire(&mut self, now: Time) -> Option<SocketId> {
        if self.deadline()? > now {
            return None;
        }
        self.unanswered.pop_front().map(|(_, id)| id)
    }

    /// Takes a socket off the list: its close or error event has been delivered.
    pub(crate) fn unlist(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if !std::mem::replace(&mut socket.listed, false) {
            return;
        }
        let (older, newer) = (socket.older, socket.newer);
        let tags = socket.tags.clone();
        match self.sockets.get_mut(older) {
            Some(socket) => socket.newer = newer,
            None => self.oldest = newer,
        }
        match self.sockets.get_mut(newer) {
            Some(socket) => socket.older = older,
            None => self.newest = older,
        }
        for tag in &tags {
            if let Some(ids) = self.by_tag.get_mut(tag) {
                ids.retain(|have| *have != id);
                if ids.is_empty() {
                    self.by_tag.remove(tag);
                }
            }
        }
    }

    /// Removes a socket that nothing is to come of any more.
    pub(crate) fn remove_if_over(&mut self, id: SocketId) {
        if self.sockets.get(id).is_some_and(Socket::is_over) {
            self.remove(id);
        }
    }

    /// Removes a socket, whatever its state.
    pub(crate) fn remove(&mut self, id: SocketId) {
        self.unlist(id);
        match self.sockets.remove(id).map(|socket| socket.mode) {
            Some(Mode::Hibernatable) => self.hibernatable -= 1,
            Some(Mode::New | Mode::Standard) => self.bound -= 1,
            None => {}
        }
    }
}
