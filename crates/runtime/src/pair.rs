//! The end of a WebSocket that has no owner yet, on its way to one: to a client's connection, or to an object.
//!
//! It is the client end of a pair, whose server end never leaves its object, or the connection to a server outside that
//! agreed to a WebSocket. Both may cross threads.
//!
//! What bears on the connection, wherever it comes to, goes with it: its ties.
//!
//! Invariant: it is used once or, when it is dropped, the other end hears that its peer is gone. A place that was taken
//! for a connection is given back when the connection has ended, and not before.

use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use dormouse_object::sockets::SocketId;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::host::HostKey;
use crate::signals::{Signal, Signals};
use crate::sockets::conn::Wire;
use crate::sockets::frame::Role;
use crate::sockets::frame::agreement::Agreement;
use crate::sockets::stream::{Stream, Travelling};

/// The end of a WebSocket that has no owner yet. [`crate::Shard::connect`] gives it a connection,
/// [`crate::ctx::Ctx::adopt`] an object.
#[derive(Debug)]
pub enum ClientEnd {
    /// The client end of a pair.
    Pair(PairEnd),
    /// The client's end of a connection to a server outside.
    Remote(Remote),
}

impl ClientEnd {
    /// An end whose peer has gone.
    pub fn broken() -> Self {
        let (ours, _) = tokio::io::duplex(1);
        let stream = Travelling::Other(Box::new(ours));
        Self::Remote(Remote { stream, read_ahead: Bytes::new(), deflate: None, told: None, ties: Ties::default() })
    }

    /// Lets the leash cut the WebSocket, whatever becomes of this end.
    pub fn tie(&mut self, leash: &Leash) {
        let ties = match self {
            Self::Pair(pair) => &mut pair.ties,
            Self::Remote(remote) => &mut remote.ties,
        };
        ties.0.get_or_insert_default().leashes.push(leash.0.subscribe());
    }

    /// Whether a leash has cut the WebSocket.
    pub fn is_cut(&self) -> bool {
        match self {
            Self::Pair(pair) => pair.ties.is_cut(),
            Self::Remote(remote) => remote.ties.is_cut(),
        }
    }
}

/// What ends WebSockets from outside: their connections are cut without another word, wherever they have come to. One
/// that is dropped leaves them alone.
#[derive(Debug)]
pub struct Leash(watch::Sender<bool>);

impl Default for Leash {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Leash {
    /// Cuts all that is tied to it, now or later.
    pub fn cut(&self) {
        self.0.send_replace(true);
    }
}

/// The client end of a pair.
pub struct PairEnd {
    signals: Arc<Signals>,
    /// The shard of the object.
    pub(crate) shard: usize,
    pub(crate) host: HostKey,
    pub(crate) socket: SocketId,
    connected: bool,
    ties: Ties,
}

impl PairEnd {
    pub(crate) fn new(signals: Arc<Signals>, shard: usize, host: HostKey, socket: SocketId) -> Self {
        Self { signals, shard, host, socket, connected: false, ties: Ties::default() }
    }

    /// Notes that it has found its connection, which its ties go to.
    pub(crate) fn mark_connected(&mut self) -> Ties {
        self.connected = true;
        std::mem::take(&mut self.ties)
    }
}

impl Drop for PairEnd {
    fn drop(&mut self) {
        if !self.connected {
            self.signals.push(Signal::ClientDropped(self.host, self.socket));
        }
    }
}

impl fmt::Debug for PairEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PairEnd({:?})", self.socket)
    }
}

/// A connection to a server outside, after its handshake. It belongs to no thread until it is used.
pub struct Remote {
    stream: Travelling,
    read_ahead: Bytes,
    deflate: Option<Agreement>,
    /// How messages are compressed, in the words of the handshake.
    told: Option<String>,
    ties: Ties,
}

/// What bears on a connection for as long as it lasts. Most connections have none.
#[derive(Debug, Default)]
pub(crate) struct Ties(Option<Box<Tied>>);

#[derive(Debug, Default)]
struct Tied {
    /// The place of the connection among those that there may be at a time, which is given back when it is dropped.
    place: Option<OwnedSemaphorePermit>,
    /// What cuts the connection when it becomes true.
    leashes: Vec<watch::Receiver<bool>>,
}

impl Ties {
    /// Whether the connection was cut.
    pub(crate) fn is_cut(&self) -> bool {
        self.0.as_ref().is_some_and(|tied| tied.leashes.iter().any(|leash| *leash.borrow()))
    }

    /// Works until that is done or the connection was cut.
    pub(crate) async fn until_cut(&self, work: impl Future<Output = ()>) {
        match &self.0 {
            Some(tied) if !tied.leashes.is_empty() => Box::pin(tied.until_cut(work)).await,
            Some(_) | None => work.await,
        }
    }
}

impl Tied {
    async fn until_cut(&self, work: impl Future<Output = ()>) {
        let cut = |leash: &watch::Receiver<bool>| {
            let mut leash = leash.clone();
            Box::pin(async move {
                if leash.wait_for(|is_cut| *is_cut).await.is_err() {
                    // Nobody has the leash any more.
                    pending::<()>().await;
                }
            })
        };
        let mut cuts: Vec<Pin<Box<dyn Future<Output = ()>>>> =
            self.leashes.iter().map(|leash| cut(leash) as Pin<Box<dyn Future<Output = ()>>>).collect();
        let is_cut = poll_fn(|context| match cuts.iter_mut().any(|cut| cut.as_mut().poll(context).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        tokio::select! {
            biased;
            () = is_cut => {}
            () = work => {}
        }
    }
}

impl Remote {
    /// Takes a connection away from this thread. `read_ahead` was read from it already; `deflate` says how messages are
    /// compressed.
    ///
    /// # Errors
    ///
    /// When it cannot leave this thread's reactor; it is then dropped.
    pub fn new(stream: impl Into<Stream>, read_ahead: Bytes, deflate: Option<Agreement>) -> io::Result<Self> {
        Ok(Self { stream: stream.into().leave()?, read_ahead, deflate, told: None, ties: Ties::default() })
    }

    /// Notes how messages are compressed, as a client must be told that it is passed on to.
    #[must_use]
    pub fn telling(mut self, told: Option<String>) -> Self {
        self.told = told;
        self
    }

    /// What a client must be told of compression that it is passed on to; nothing when nothing is compressed.
    pub fn told(&self) -> Option<&str> {
        self.told.as_deref()
    }

    /// Holds a place among the connections that there may be at a time until this one has ended.
    #[must_use]
    pub fn holding(mut self, place: OwnedSemaphorePermit) -> Self {
        self.ties.0.get_or_insert_default().place = Some(place);
        self
    }

    /// Makes it a connection of this thread.
    pub(crate) fn arrive(self) -> io::Result<Wire> {
        let stream = self.stream.arrive()?;
        Ok(Wire { stream, role: Role::Client, read_ahead: self.read_ahead, deflate: self.deflate, ties: self.ties })
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remote")
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{Future, pending};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::{ClientEnd, Leash, Ties};

    fn ties_of(leashes: &[&Leash]) -> Ties {
        let mut end = ClientEnd::broken();
        leashes.iter().for_each(|leash| end.tie(leash));
        let ClientEnd::Remote(remote) = end else { panic!("an end without a pair") };
        remote.ties
    }

    fn poll(future: impl Future<Output = ()>) -> Poll<()> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn any_leash_cuts_and_one_that_is_dropped_does_not() {
        let (one, two) = (Leash::default(), Leash::default());
        let ties = ties_of(&[&one, &two]);
        assert_eq!((poll(ties.until_cut(pending())), ties.is_cut()), (Poll::Pending, false));
        drop(one);
        assert_eq!((poll(ties.until_cut(pending())), ties.is_cut()), (Poll::Pending, false));
        two.cut();
        drop(two);
        assert_eq!((poll(ties.until_cut(pending())), ties.is_cut()), (Poll::Ready(()), true));
    }

    #[test]
    fn what_is_tied_to_a_leash_that_has_cut_is_cut() {
        let leash = Leash::default();
        leash.cut();
        let (ties, is_polled) = (ties_of(&[&leash]), Cell::new(false));
        assert_eq!(poll(ties.until_cut(async { is_polled.set(true) })), Poll::Ready(()));
        assert!(!is_polled.get(), "nothing is done any more");
    }

    #[test]
    fn work_that_is_done_ends_without_a_cut() {
        assert_eq!(poll(ties_of(&[]).until_cut(async {})), Poll::Ready(()));
        assert_eq!(poll(ties_of(&[&Leash::default()]).until_cut(async {})), Poll::Ready(()));
    }
}
