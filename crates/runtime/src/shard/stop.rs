//! How a shard ends.
//!
//! What is under way may end: requests, and whatever they ask of objects, on this shard or another one. So a
//! shard that has nothing left to do goes on answering until no shard of its node has. An object's sockets are
//! closed as soon as nothing is under way in it, those that are passed on at once.
//!
//! Invariant: a shard ends within the grace and [`SHUTDOWN_LINGER`], whatever guests and peers do; a peer alone
//! holds it up for no longer than the latter.

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
        self.stopping.send_replace(true);
        *self.closing.borrow_mut() = Some(self.hosts.borrow().values().cloned().collect());
        let patience = Instant::now() + grace;
        let mut tick = tokio::time::interval(LOOK_INTERVAL);
        let mut busy = true;
        let mut closed_at = None;
        loop {
            let now = Instant::now();
            let is_over = now >= patience;
            closed_at = self.close_quiet(is_over).then(|| closed_at.unwrap_or(now));
            let may_end = closed_at.is_some_and(|at| {
                let peers_gone = is_alone(&self.socket_connections) || now >= at + SHUTDOWN_LINGER;
                peers_gone && (is_over || is_alone(&self.connections))
            });
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
        self.forget_all();
    }

    /// Lets go of all that holds the shard, or the shard would never be dropped, nor the code and the settings of TLS that
    /// it holds: who starts and stops servers in one process would run out of memory.
    fn forget_all(&self) {
        // Taken out before they are dropped: what is dropped may look at the shard.
        drop((self.closing.take(), self.workers.take(), self.by_id.take(), self.shared.take()));
        drop((self.outbound.take(), self.ready.take()));
        drop(self.hosts.take());
    }

    /// Closes the sockets of objects in which nothing is under way; of all, when time is over. Whether no object
    /// is waited for any more.
    fn close_quiet(self: &Rc<Self>, is_over: bool) -> bool {
        // What is under way when time is over may still ask something of an object.
        let mut closing = self.closing.replace(Some(Vec::new())).unwrap_or_default();
        closing.retain(|host| {
            let is_due = is_over || host.object.borrow().is_quiet();
            if is_due {
                host.with_object(Object::handle_shutdown);
                host.enter();
            }
            !is_due
        });
        let mut list = self.closing.borrow_mut();
        let list = list.get_or_insert_default();
        list.append(&mut closing);
        is_over || list.is_empty()
    }
}

/// Whether what counts connections counts none.
fn is_alone(count: &Rc<()>) -> bool {
    Rc::strong_count(count) == 1
}
