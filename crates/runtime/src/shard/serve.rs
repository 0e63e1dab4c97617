//! The thread of a shard: what wakes it, and what it does then.
//!
//! Invariant: it deals with one thing at a time, and reads the clock before. What other threads and wakers say makes objects
//! wait to be run; none is run in the middle of another one.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dormouse_object::id::ObjectId;
use dormouse_object::time::Time;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Entered, Post, Shard};
use crate::code::Code;
use crate::host::{Host, HostKey};
use crate::limits::{KEEP_ALIVE_PARTS, KEEP_ALIVE_TICK_MIN, OBJECTS_IN_A_ROW_MAX, RELOAD_GRACE};
use crate::loan::{LoanRequest, Residence, lend_files};
use crate::pair::PairEnd;
use crate::signals::Signal;
use crate::sockets::frame::agreement::Agreement;
use crate::sockets::stream::Travelling;

/// All that can wake the thread of a shard, connections apart.
enum Happening {
    Post(Option<Post>),
    Signals,
    /// A deadline has passed, has moved, or objects wait to be run.
    Look,
    KeepAlive,
}

/// The thread of a shard.
impl Shard {
    /// Deals with what happens until the node stops.
    pub(crate) async fn serve(self: &Rc<Self>, mut inbox: mpsc::Receiver<Post>) {
        let mut keep_alive = self
            .options()
            .ping_interval
            .map(|interval| tokio::time::interval((interval / KEEP_ALIVE_PARTS).max(KEEP_ALIVE_TICK_MIN)));
        loop {
            let happening = self.next(&mut inbox, &mut keep_alive).await;
            self.look_at_clock();
            match happening {
                Happening::Post(Some(Post::Stop(grace))) => return self.stop(grace, inbox).await,
                Happening::Post(None) => return self.stop(Duration::ZERO, inbox).await,
                Happening::Post(Some(post)) => self.handle_post(post),
                Happening::Signals | Happening::Look => self.look(),
                Happening::KeepAlive => self.keep_alive(),
            }
        }
    }

    async fn next(
        &self,
        inbox: &mut mpsc::Receiver<Post>,
        keep_alive: &mut Option<tokio::time::Interval>,
    ) -> Happening {
        let deadline = self.timers.borrow().next().map(|at| self.instant(at));
        let deadline = async move {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let keep_alive = async move {
            match keep_alive {
                Some(interval) => interval.tick().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            post = inbox.recv() => Happening::Post(post),
            () = self.signals().wait() => Happening::Signals,
            () = self.look.notified() => Happening::Look,
            () = deadline => Happening::Look,
            _ = keep_alive => Happening::KeepAlive,
        }
    }

    fn instant(&self, at: Time) -> Instant {
        let (instant, wall) = self.started;
        instant + at.since(wall)
    }

    pub(super) fn handle_post(self: &Rc<Self>, post: Post) {
        match post {
            Post::Fetch(stub, request, reply) => self.deliver(&stub, request, reply),
            Post::Connect(client, stream, read_ahead, deflate) => {
                self.take_connection(client, stream, read_ahead, deflate);
            }
            Post::Alarm(class, id) => self.wake_for_alarm(class, id),
            Post::Lend(request) => self.lend(request),
            Post::Replace(code) => self.replace(code),
            // The first one counts.
            Post::Stop(_) => {}
        }
    }

    /// Runs an object whose alarm is due; one that is in memory knows it by itself.
    fn wake_for_alarm(self: &Rc<Self>, class: usize, id: ObjectId) {
        let host = self.host(class, id);
        host.find_alarm();
        host.enter();
    }

    /// Lends the database of an object, whether it is in memory or not.
    fn lend(&self, request: LoanRequest) {
        let class = self.node.class_of(&request.key.class);
        let key = class.and_then(|class| self.by_id.borrow().get(&(class, request.key.id)).copied());
        match key.and_then(|key| self.get(key)) {
            Some(host) => host.lend(request),
            None => lend_files(&self.node, request, Residence::default()),
        }
    }

    /// From now on guests are built from `code`; those that live retire.
    fn replace(self: &Rc<Self>, code: Arc<Code>) {
        *self.code.borrow_mut() = code;
        // What the old guests share ends with them.
        self.shared.borrow_mut().clear();
        let by = self.now().after(RELOAD_GRACE);
        let hosts: Vec<_> = self.hosts.borrow().values().cloned().collect();
        for host in hosts {
            host.with_object(|object| object.handle_new_code(by));
            self.schedule(host.key());
        }
    }

    fn take_connection(&self, client: PairEnd, stream: Travelling, read_ahead: Bytes, deflate: Option<Agreement>) {
        match stream.arrive() {
            Ok(stream) => self.attach(client, stream, read_ahead, deflate),
            Err(error) => tracing::error!(%error, "a connection could not move to its object's shard"),
        }
    }

    /// Tells objects what other threads and wakers have to say to them; they wait to be run.
    pub(crate) fn take_signals(&self) {
        for signal in self.signals().take() {
            match signal {
                Signal::Wake(waker) => {
                    let task = waker.unqueue();
                    if let Some(host) = self.get(waker.host).filter(|host| host.epoch() == waker.epoch) {
                        host.with_object(|object| object.handle_wake(task));
                        self.schedule(waker.host);
                    }
                }
                Signal::ClientDropped(key, socket) => {
                    if let Some(host) = self.get(key) {
                        host.unlink(socket);
                        host.with_object(|object| object.handle_gone(socket));
                        self.schedule(key);
                    }
                }
                Signal::Durable(key, attempt, pos) => self.tell(key, |host| host.handle_durable(attempt, pos)),
                Signal::NotDurable(key, attempt, failure) => {
                    self.tell(key, |host| host.handle_not_durable(attempt, &failure));
                }
                Signal::FilesFree(key) => self.tell(key, Host::handle_files_free),
                Signal::LoanLost(key, failure) => self.tell(key, |host| host.handle_loan_lost(&failure)),
                Signal::Tidy(key) => self.tell(key, Host::handle_tidy),
                Signal::Tell(key) => self.tell(key, Host::handle_tell),
                Signal::Checkpointed(key, db, result) => {
                    self.tell(key, |host| host.handle_checkpointed(db, result));
                }
            }
        }
    }

    /// Tells an object something; it waits to be run.
    fn tell(&self, key: HostKey, tell: impl FnOnce(&Host)) {
        if let Some(host) = self.get(key) {
            tell(&host);
            self.schedule(key);
        }
    }

    /// Runs the objects whose deadline has passed, that were told something, or that wait to be run.
    pub(super) fn look(self: &Rc<Self>) {
        loop {
            let now = self.look_at_clock();
            let Some(key) = self.timers.borrow_mut().pop_due(now) else { break };
            let Some(host) = self.get(key) else { continue };
            if host.timer.get().is_some_and(|at| at <= now) {
                host.timer.set(None);
            }
            host.with_object(|object| object.handle_timeout(now));
            self.schedule(key);
        }
        self.take_signals();
        if let Some(_entered) = Entered::enter(self) {
            self.run_ready();
        }
    }

    pub(super) fn run_ready(&self) {
        for _ in 0..OBJECTS_IN_A_ROW_MAX {
            let Some(key) = self.ready.borrow_mut().pop_front() else { return };
            if let Some(host) = self.get(key) {
                host.scheduled.set(false);
                host.run();
            }
        }
        self.look.notify_one();
    }

    /// Looks at the connections whose turn it is.
    fn keep_alive(&self) {
        let parts = u64::from(KEEP_ALIVE_PARTS);
        let part = self.keep_alive_part.replace((self.keep_alive_part.get() + 1) % parts);
        let mut connections = Vec::new();
        for host in self.hosts.borrow().values() {
            host.collect_connections(part, parts, &mut connections);
        }
        connections.iter().for_each(|conn| conn.keep_alive());
    }
}
