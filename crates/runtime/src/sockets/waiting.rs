//! A socket that has no connection yet: what was sent on it waits for one.
//!
//! The client is not there before the response has left that brings it, and what was agreed with it about compression is not
//! known. Invariant: the connection begins with all of this, in its order, as if it had been there from the start.

use bytes::Bytes;
use dormouse_object::outbox::{After, Close};
use dormouse_object::sockets::SlowClients;

use crate::sockets::frame::encode;
use crate::sockets::queue::{SendQueue, TooSlow};

/// What was sent on a socket before it had a connection.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(super) queue: SendQueue,
    pub(super) close_sent: bool,
    pub(super) forgotten: bool,
    /// Whether the connection is to end at once.
    pub(super) cut: bool,
}

impl Waiting {
    /// Queues a message.
    pub(crate) fn send(&mut self, frame: Bytes, len_max: usize, rule: SlowClients) -> Result<(), TooSlow> {
        match rule {
            _ if self.close_sent => return Ok(()),
            SlowClients::Close => self.queue.push(frame, len_max)?,
            SlowClients::DropOldest => self.queue.push_dropping(frame, len_max),
        }
        Ok(())
    }

    /// Queues a Close frame, if none was sent.
    pub(crate) fn close(&mut self, close: &Close, after: After) {
        if !self.close_sent {
            self.queue.push_close(close.code, encode::close(parts(close)));
        }
        self.close_sent = true;
        self.forgotten |= after == After::Forget;
    }

    /// Ends the connection as soon as it is there, once what waits was written, if that is taken at once.
    pub(crate) fn cut(&mut self) {
        self.cut = true;
    }
}

/// What a Close frame says.
pub(super) fn parts(close: &Close) -> Option<(u16, &str)> {
    close.code.map(|code| (code, &*close.reason))
}
