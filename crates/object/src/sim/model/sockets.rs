//! What is true of every socket that was ever made: a plain list, looked through from front to back.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::error::SocketError;
use crate::limits::{ATTACHMENT_LEN_MAX, SOCKETS_MAX, TAG_LEN_MAX, TAGS_MAX};
use crate::outbox::Close;
use crate::sockets::{AutoResponse, Mode, ReadyState, SocketId};

/// What came from the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Open,
    SaidClose,
    Gone,
}

/// The object's own Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    No,
    Waits,
    Left,
}

/// The close or error event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    No,
    Waits,
    Handled,
    Over,
}

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) id: SocketId,
    /// Whether the object still knows it.
    pub(crate) here: bool,
    pub(crate) mode: Mode,
    pub(crate) peer: Peer,
    pub(crate) own: Own,
    pub(crate) farewell: Farewell,
    /// Whether the object closed it without asking for its close event.
    pub(crate) dismissed: bool,
    /// Messages and farewells delivered.
    pub(crate) farewells_delivered: u32,
    /// Whether its farewell was the price of a guest that broke down before its first event.
    pub(crate) farewell_charged: bool,
    listed: bool,
    /// Whether a Close of the peer is the guest's to answer.
    pub(crate) half_open: bool,
    tags: Vec<String>,
    attachment: Option<Bytes>,
    auto_at: Option<u64>,
    accepted: u64,
    pub(crate) answer: Close,
}

impl Socket {
    /// Whether it ended while the object lived and no event told the guest so.
    pub(crate) fn is_owed_farewell(&self) -> bool {
        self.mode != Mode::New && !self.dismissed && self.farewells_delivered == 0 && !self.farewell_charged
    }
}

#[derive(Debug, Default)]
pub(crate) struct Sockets {
    pub(crate) all: Vec<Socket>,
    index: BTreeMap<SocketId, usize>,
    accepts: u64,
    hibernatable: usize,
    pub(crate) auto_response: Option<AutoResponse>,
    /// Own Close frames and when they must be answered, in the order of the calls.
    unanswered: Vec<(u64, SocketId)>,
}

impl Sockets {
    pub(crate) fn at(&self, id: SocketId) -> Option<usize> {
        self.index.get(&id).copied()
    }

    /// The socket, if the object still knows it.
    pub(crate) fn get(&self, id: SocketId) -> Option<&Socket> {
        self.at(id).map(|at| &self.all[at]).filter(|socket| socket.here)
    }

    pub(crate) fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.at(id).map(|at| &mut self.all[at]).filter(|socket| socket.here)
    }

    pub(crate) fn count(&self) -> usize {
        self.all.iter().filter(|socket| socket.here).count()
    }

    /// Sockets that the object knows.
    pub(crate) fn here(&self) -> Vec<SocketId> {
        self.all.iter().filter(|socket| socket.here).map(|socket| socket.id).collect()
    }

    /// Whether some socket would not outlive the guest.
    pub(crate) fn bind(&self) -> bool {
        self.all.iter().any(|socket| socket.here && socket.mode != Mode::Hibernatable)
    }

    /// False when the id was given before.
    pub(crate) fn insert(&mut self, id: SocketId) -> bool {
        let new = self.index.insert(id, self.all.len()).is_none();
        self.all.push(Socket {
            id,
            here: true,
            mode: Mode::New,
            peer: Peer::Open,
            own: Own::No,
            farewell: Farewell::No,
            dismissed: false,
            farewells_delivered: 0,
            farewell_charged: false,
            listed: false,
            half_open: false,
            tags: Vec::new(),
            attachment: None,
            auto_at: None,
            accepted: 0,
            answer: Close::default(),
        });
        new
    }

    pub(crate) fn accept_hibernatable(&mut self, id: SocketId, tags: &[&str]) -> Result<(), SocketError> {
        match self.get(id).map(|socket| socket.mode) {
            Some(Mode::New) => {}
            Some(Mode::Standard) => return Err(SocketError::AcceptedAsStandard),
            Some(Mode::Hibernatable) | None => return Err(SocketError::IncompatibleState),
        }
        if self.hibernatable >= SOCKETS_MAX {
            return Err(SocketError::TooManySockets);
        }
        if let Some(tag) = tags.iter().find(|tag| tag.len() > TAG_LEN_MAX) {
            return Err(SocketError::TagTooLong((*tag).into()));
        }
        let mut kept: Vec<String> = Vec::new();
        for tag in tags {
            if !kept.iter().any(|have| have == tag) {
                kept.push((*tag).to_owned());
            }
        }
        if kept.len() > TAGS_MAX {
            return Err(SocketError::TooManyTags);
        }
        self.accepts += 1;
        self.hibernatable += 1;
        let accepted = self.accepts;
        if let Some(socket) = self.get_mut(id) {
            socket.mode = Mode::Hibernatable;
            socket.listed = true;
            socket.accepted = accepted;
            socket.tags = kept;
        }
        Ok(())
    }

    pub(crate) fn accept_standard(&mut self, id: SocketId, half_open: bool) -> Result<(), SocketError> {
        let Some(socket) = self.get_mut(id) else { return Err(SocketError::IncompatibleState) };
        if socket.mode == Mode::Hibernatable {
            return Err(SocketError::AcceptedAsHibernatable);
        }
        if socket.mode == Mode::New {
            socket.half_open = half_open;
        }
        socket.mode = Mode::Standard;
        Ok(())
    }

    /// `getWebSockets`.
    pub(crate) fn list(&self, tag: Option<&str>) -> Vec<SocketId> {
        let carries = |socket: &Socket| tag.is_none_or(|tag| socket.tags.iter().any(|have| have == tag));
        let mut listed: Vec<&Socket> = self.all.iter().filter(|s| s.here && s.listed && carries(s)).collect();
        listed.sort_unstable_by_key(|socket| socket.accepted);
        if tag.is_none() {
            listed.reverse();
        }
        listed.into_iter().map(|socket| socket.id).collect()
    }

    /// Those that a broadcast goes to, in no order.
    pub(crate) fn receivers(&self, tag: Option<&str>, except: &[SocketId]) -> Vec<SocketId> {
        let gets = |socket: &&Socket| {
            let open = socket.here && socket.mode != Mode::New && socket.peer == Peer::Open && socket.own == Own::No;
            open && tag.is_none_or(|tag| socket.tags.iter().any(|have| have == tag)) && !except.contains(&socket.id)
        };
        self.all.iter().filter(gets).map(|socket| socket.id).collect()
    }

    pub(crate) fn tags(&self, id: SocketId) -> Result<&[String], SocketError> {
        match self.get(id) {
            Some(socket) if socket.mode == Mode::Hibernatable => Ok(&socket.tags),
            Some(socket) if socket.mode == Mode::Standard => Err(SocketError::TagsOfStandard),
            _ => Err(SocketError::NoTags),
        }
    }

    pub(crate) fn attach(&mut self, id: SocketId, value: Option<Bytes>) -> Result<(), SocketError> {
        if let Some(bytes) = &value
            && bytes.len() > ATTACHMENT_LEN_MAX
        {
            return Err(SocketError::AttachmentTooLarge(bytes.len()));
        }
        if let Some(socket) = self.get_mut(id) {
            socket.attachment = value;
        }
        Ok(())
    }

    pub(crate) fn attachment(&self, id: SocketId) -> Option<&Bytes> {
        self.get(id)?.attachment.as_ref()
    }

    pub(crate) fn auto_at(&self, id: SocketId) -> Option<u64> {
        self.get(id)?.auto_at
    }

    /// The text that is answered to `text` without the guest.
    pub(crate) fn auto_respond(&mut self, id: SocketId, text: &str, now: u64) -> Option<bytestring::ByteString> {
        let response = self.auto_response.as_ref().filter(|pair| &*pair.request == text)?.response.clone();
        let socket = self.get_mut(id)?;
        if socket.mode != Mode::Hibernatable || socket.own != Own::No {
            return None;
        }
        socket.auto_at = Some(now);
        Some(response)
    }

    pub(crate) fn ready_state(&self, id: SocketId) -> ReadyState {
        let Some(socket) = self.get(id) else { return ReadyState::Closed };
        match (socket.peer != Peer::Open, socket.own != Own::No) {
            (false, false) => ReadyState::Open,
            (true, true) => ReadyState::Closed,
            _ if socket.peer == Peer::Gone => ReadyState::Closed,
            _ => ReadyState::Closing,
        }
    }

    pub(crate) fn await_answer(&mut self, id: SocketId, deadline: u64) {
        self.unanswered.push((deadline, id));
    }

    /// The own Close of a socket was taken back.
    pub(crate) fn reopen(&mut self, id: SocketId) {
        self.unanswered.retain(|(_, have)| *have != id);
        if let Some(socket) = self.get_mut(id) {
            socket.own = Own::No;
        }
    }

    /// The own Close frame whose answer is missing first.
    pub(crate) fn first_unanswered(&mut self) -> Option<(u64, SocketId)> {
        let mut unanswered = std::mem::take(&mut self.unanswered);
        unanswered.retain(|(_, id)| self.get(*id).is_some_and(|s| s.peer == Peer::Open && s.own != Own::No));
        self.unanswered = unanswered;
        self.unanswered.iter().min_by_key(|(deadline, _)| *deadline).copied()
    }

    /// The close event of a socket was delivered.
    pub(crate) fn unlist(&mut self, id: SocketId) {
        if let Some(socket) = self.get_mut(id) {
            socket.listed = false;
        }
    }

    /// Takes a socket away if nothing is to come of it any more.
    pub(crate) fn drop_if_over(&mut self, id: SocketId) {
        let over = |s: &Socket| match s.mode {
            Mode::New => s.peer == Peer::Gone,
            _ => s.farewell == Farewell::Over && (s.own == Own::Left || s.peer == Peer::Gone),
        };
        if self.get(id).is_some_and(over) {
            self.drop(id);
        }
    }

    pub(crate) fn drop(&mut self, id: SocketId) {
        if let Some(socket) = self.get_mut(id) {
            socket.here = false;
            let hibernatable = socket.mode == Mode::Hibernatable;
            self.hibernatable -= usize::from(hibernatable);
        }
    }
}
