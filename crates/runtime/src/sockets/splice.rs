//! Two connections joined to one: what comes on the one goes out on the other, byte by byte.
//!
//! That is a Worker which returns the WebSocket of another server to its own client. The direction of a frame tells
//! whether it is masked, and that is the same on both sides, so nothing is decoded, and nothing is limited but memory:
//! what one side does not take holds up the other one. Only where frames end is known, so that both sides can be told
//! when the shard stops. They are not pinged: the answers would go to the other side. TCP notices a peer that vanished.
//!
//! Invariant: a direction holds at most what one read brought, and between reads nothing. Once one direction has ended,
//! the other one has a limited time: half a connection is of no use to a WebSocket. Nothing of ours is said within a
//! frame, nor after a Close frame.

mod bounds;

use std::future::{Future, poll_fn};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use dormouse_object::object::SHUTDOWN_REASON;
use tokio::io::ReadBuf;
use tokio::time::sleep;

use self::bounds::Bounds;
use crate::limits::LINGER;
use crate::pair::Ties;
use crate::shard::Shard;
use crate::sockets::frame::encode;
use crate::sockets::stream::Stream;

/// One side, with what was read from it in advance.
pub(crate) struct Side {
    pub(crate) stream: Stream,
    pub(crate) read_ahead: Bytes,
}

/// What goes in one direction.
struct Way {
    /// What was read and not yet written.
    rest: Bytes,
    state: State,
    /// Where the frames end that were written.
    bounds: Bounds,
    /// The Close frame that is said as soon as it may be.
    farewell: Option<Bytes>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// All has been written, but the stream may still hold some of it.
    Written,
    /// The source has ended.
    Ending,
    /// We have said goodbye, though the source has not ended.
    Leaving,
    /// The target was told that nothing more comes. What the source still says must be read, or its connection would be
    /// reset and could lose what it was told.
    Draining,
    Ended,
}

/// Starts to pass on what comes, in a task of its own, until both sides have ended. `ties` are those of the far one.
pub(crate) fn start(shard: &Rc<Shard>, near: Side, far: Side, ties: Ties) {
    let shard = shard.clone();
    tokio::task::spawn_local(async move {
        let _counted = shard.count_socket();
        let passed_on = async {
            if let Err(error) = splice(&shard, near, far).await {
                tracing::debug!(%error, "a socket that was passed on has ended early");
            }
        };
        ties.until_cut(passed_on).await;
    });
}

async fn splice(shard: &Shard, near: Side, far: Side) -> io::Result<()> {
    let (mut near_stream, mut far_stream) = (near.stream, far.stream);
    let (mut there, mut back) = (Way::new(near.read_ahead), Way::new(far.read_ahead));
    let mut stopping = shard.stopping();
    let mut stop = Some(Box::pin(async move { stopping.wait_for(|is_stopping| *is_stopping).await.is_ok() }));
    let mut patience = None;
    poll_fn(|context| {
        if stop.as_mut().is_some_and(|stop| stop.as_mut().poll(context).is_ready()) {
            stop = None;
            let reason = Some((1001, SHUTDOWN_REASON));
            there.leave_with(encode::close_masked(reason, shard.masking_key()));
            back.leave_with(encode::close(reason));
        }
        let there_ended = there.poll(shard, &mut near_stream, &mut far_stream, context)?.is_ready();
        let back_ended = back.poll(shard, &mut far_stream, &mut near_stream, context)?.is_ready();
        match (there_ended, back_ended) {
            (true, true) => Poll::Ready(Ok(())),
            (false, false) => Poll::Pending,
            (true, false) | (false, true) => {
                let patience = patience.get_or_insert_with(|| Box::pin(sleep(LINGER)));
                patience.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
        }
    })
    .await
}

impl Way {
    fn new(read_ahead: Bytes) -> Self {
        Self { rest: read_ahead, state: State::Open, bounds: Bounds::default(), farewell: None }
    }

    /// Says goodbye to the target, unless it was told already that nothing more comes.
    fn leave_with(&mut self, farewell: Bytes) {
        if let State::Open | State::Written = self.state {
            self.farewell = Some(farewell);
        }
    }

    /// Ready when the source has ended and the target was told so.
    fn poll(
        &mut self,
        shard: &Shard,
        from: &mut Stream,
        to: &mut Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_write(to, context))?;
            match self.state {
                State::Open => ready!(self.poll_read(shard, from, context))?,
                State::Written => {
                    ready!(to.poll_flush(context))?;
                    self.state = State::Open;
                }
                State::Ending | State::Leaving => {
                    ready!(to.poll_shutdown(context))?;
                    self.state = if self.state == State::Ending { State::Ended } else { State::Draining };
                }
                State::Draining => {
                    ready!(self.poll_read(shard, from, context))?;
                    self.rest = Bytes::new();
                    self.state = if self.state == State::Ending { State::Ended } else { State::Draining };
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Writes what waits; the farewell comes after the frame that is under way, and instead of what would follow.
    fn poll_write(&mut self, to: &mut Stream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let is_leaving = self.farewell.is_some() && !self.bounds.is_closed();
            if is_leaving && self.bounds.is_between_frames() {
                self.rest = self.farewell.take().unwrap_or_default();
                self.state = State::Leaving;
                continue;
            }
            if self.rest.is_empty() {
                // Its buffer is not kept while nothing comes.
                self.rest = Bytes::new();
                return Poll::Ready(Ok(()));
            }
            let len = if is_leaving { self.bounds.rest_of_frame(&self.rest) } else { self.rest.len() };
            let len = ready!(to.poll_write(context, &self.rest[..len]))?;
            if len == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.bounds.pass(&self.rest[..len]);
            self.rest.advance(len);
            if self.state == State::Open {
                self.state = State::Written;
            }
        }
    }

    fn poll_read(&mut self, shard: &Shard, from: &mut Stream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut buffer = shard.read_buffer();
        let mut read = ReadBuf::new(&mut buffer);
        ready!(from.poll_read(context, &mut read))?;
        match read.filled() {
            [] => self.state = State::Ending,
            some => self.rest = Bytes::copy_from_slice(some),
        }
        Poll::Ready(Ok(()))
    }
}
