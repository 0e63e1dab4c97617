//! Comparisons of all that the object lets be seen with what the model says.

use std::fmt::Debug;

use crate::lifecycle::Phase;
use crate::outbox::WritePos;
use crate::sim::model::{Broken, Guest};
use crate::sim::world::World;
use crate::sim::world::guest::TAGS;
use crate::sockets::SocketId;
use crate::time::Time;

/// Sockets of which all is compared; of more, some are picked.
const SOCKETS_COMPARED_MAX: usize = 64;

impl World<'_> {
    pub(super) fn agree<T: PartialEq + Debug>(&self, what: &str, got: &T, expected: &T) -> Result<(), Broken> {
        if got == expected { Ok(()) } else { Err(Broken(format!("{what} is {got:?}, not {expected:?}"))) }
    }

    /// Learns when the alarm comes again: its spread is the object's choice.
    pub(super) fn pin_alarm(&mut self) -> Result<(), Broken> {
        self.model.alarm.pin(self.object.alarm_due().map(Time::as_millis))
    }

    /// When the object wants to be polled next.
    pub(super) fn compare_timeout(&mut self) -> Result<(), Broken> {
        self.pin_alarm()?;
        let got = self.object.poll_timeout().map(Time::as_millis);
        let expected = self.model.timeout();
        self.agree("poll_timeout", &got, &expected)
    }

    /// Everything.
    pub(super) fn compare_all(&mut self) -> Result<(), Broken> {
        let phase = self.object.phase();
        let sockets = self.model.sockets.count();
        let fits = match self.model.guest {
            Guest::None if sockets == 0 => phase == Phase::Cold,
            Guest::None => phase == Phase::Hibernated,
            Guest::Starting => phase == Phase::Starting,
            Guest::Lives => phase == Phase::Resident,
            Guest::Leaves => phase == Phase::Stopping,
        };
        if !fits {
            return Err(Broken(format!(
                "the phase is {phase:?}, with guest {:?}, {sockets} sockets",
                self.model.guest
            )));
        }
        self.agree("socket_count", &self.object.socket_count(), &sockets)?;
        self.agree("mailbox_len", &self.object.mailbox_len(), &self.model.mailbox.len())?;
        self.agree("is_quiet", &self.object.is_quiet(), &self.model.is_quiet())?;
        let (committed, durable) = self.model.outbox.positions();
        self.agree("positions", &self.object.positions(), &(WritePos(committed), WritePos(durable)))?;
        self.agree("alarm", &self.object.alarm().map(Time::as_millis), &self.model.alarm.get())?;
        self.agree("auto_response", &self.object.auto_response(), &self.model.sockets.auto_response.as_ref())?;
        self.agree("slow_clients", &self.object.slow_clients(), &self.model.slow_clients)?;
        for tag in [None, Some(TAGS[0]), Some(TAGS[1]), Some(TAGS[2]), Some(TAGS[3]), Some("none")] {
            let (got, expected) = (self.object.sockets(tag), self.model.sockets.list(tag));
            self.agree("the list of sockets", &got, &expected)?;
        }
        let len = self.connections.len();
        for offset in 0..len.min(SOCKETS_COMPARED_MAX) {
            let at = if len > SOCKETS_COMPARED_MAX { self.random.below(len as u64) as usize } else { offset };
            self.compare_socket(at)?;
        }
        Ok(())
    }

    fn compare_socket(&mut self, at: usize) -> Result<(), Broken> {
        let connection = &self.connections[at];
        let id: SocketId = connection.socket;
        let socket = self.model.sockets.get(id);
        if socket.is_none() && connection.open && self.model.outbox.is_empty() && !connection.is_over() {
            return Err(Broken(format!("{id:?} is forgotten, and its connection was left open")));
        }
        self.agree("mode", &self.object.mode(id), &socket.map(|socket| socket.mode))?;
        self.agree("ready_state", &self.object.ready_state(id), &self.model.sockets.ready_state(id))?;
        self.agree("reading", &self.object.reading(id), &self.model.reading(id))?;
        self.agree("attachment", &self.object.attachment(id).as_ref(), &self.model.sockets.attachment(id))?;
        let auto = self.object.auto_responded(id).map(Time::as_millis);
        self.agree("auto_responded", &auto, &self.model.sockets.auto_at(id))?;
        match (self.object.tags(id), self.model.sockets.tags(id)) {
            (Ok(got), Ok(expected)) if got.iter().map(|tag| &**tag).eq(expected.iter().map(String::as_str)) => Ok(()),
            (Err(got), Err(expected)) if got == expected => Ok(()),
            (got, expected) => Err(Broken(format!("tags are {got:?}, not {expected:?}"))),
        }
    }

    /// At rest nothing may be left.
    pub(super) fn check_rest(&self) -> Result<(), Broken> {
        if let Some(request) = self.model.open_requests.first() {
            return Err(Broken(format!("request {request} was never answered")));
        }
        if let Some(socket) = self.model.sockets.all.iter().find(|socket| socket.here) {
            return Err(Broken(format!("{:?} is left", socket.id)));
        }
        let silent = |s: &&crate::sim::model::sockets::Socket| s.is_owed_farewell();
        if let Some(socket) = self.model.sockets.all.iter().find(silent) {
            return Err(Broken(format!("{:?} has never said farewell", socket.id)));
        }
        let evictable = self.swarm.options.hibernate_after.is_some();
        if evictable && !self.object.is_evictable() || !self.object.is_quiet() {
            return Err(Broken("something is left of the object".to_owned()));
        }
        Ok(())
    }
}
