//! How a shard ends.
//!
//! What is under way may end: requests, and whatever they ask of objects, on this shard or another one. So a
//! shard that has nothing left to do goes on answering until no shard of its node has. An object's sockets are
//! closed as soon as nothing is under way in it.
//!
//! Invariant: a shard ends within the grace and [`SHUTDOWN_LINGER`], whatever guests and peers do.

use std::rc::Rc;
use std::time::Duration;

use dormouse_object::object::Object;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Post, Shard};
use crate::limits::SHUTDOWN_LINGER;

/// How often a stopping shard looks whether it can end.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

impl Shard {
    /// Lets what is under way end within `grace`, closes all sockets, and waits a little for their peers.
    pub(super) async fn stop(self: &Rc<Self>, grace: Duration, mut inbox: mpsc::Receiver<Post>) {
        *self.closing.borrow_mut() = Some(self.hosts.borrow().values().cloned().collect());
        let patience = Instant::now() + grace;
        let mut tick = tokio::time::interval(LOOK_INTERVAL);
        let mut busy = true;
        loop {
            let now = Instant::now();
            let is_over = now >= patience;
            let may_end = self.close_quiet(is_over) && (self.is_alone() || now >= patience + SHUTDOWN_LINGER);
            if busy == may_end {
                busy = !may_end;
                self.node.note_busy(busy);
            }
            if !busy && (is_over || !self.node.is_busy()) {
                // What another shard sent before it had nothing left to do has come by now.
                let Ok(post) = inbox.try_recv() else { break };
                self.handle_post(post);
                continue;
            }
            tokio::select! {
                Some(post) = inbox.recv() => self.handle_post(post),
                () = self.signals().wait() => self.look(),
                () = self.look.notified() => self.look(),
                _ = tick.tick() => self.look(),
            }
        }
        let hosts: Vec<_> = self.hosts.borrow().values().cloned().collect();
        hosts.iter().for_each(|host| host.dismantle());
    }

    /// Closes the sockets of objects in which nothing is under way; of all, when time is over. Whether none is
    /// left to close.
    fn close_quiet(self: &Rc<Self>, is_over: bool) -> bool {
        // To close sockets lets frames out and no guest run: nothing is added meanwhile.
        let mut closing = self.closing.take().unwrap_or_default();
        closing.retain(|host| {
            let is_due = is_over || host.object.borrow().is_quiet();
            if is_due {
                host.with_object(Object::handle_shutdown);
                host.enter();
            }
            !is_due
        });
        let all_closed = closing.is_empty();
        *self.closing.borrow_mut() = Some(closing);
        all_closed
    }

    /// Whether it has no connection any more.
    fn is_alone(&self) -> bool {
        Rc::strong_count(&self.connections) == 1
    }
}
