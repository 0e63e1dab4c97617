//! Two connections joined to one: what comes on the one goes out on the other, byte by byte.
//!
//! That is a Worker which returns the WebSocket of another server to its own client. The direction of a frame tells
//! whether it is masked, and that is the same on both sides, so nothing is decoded, and nothing is limited but memory:
//! what one side does not take holds up the other one.
//!
//! Invariant: a direction holds at most what one read brought, and between reads nothing. Once one direction has ended,
//! the other one has a limited time: half a connection is of no use to a WebSocket.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::ReadBuf;
use tokio::time::sleep;

use crate::limits::LINGER;
use crate::pair::Ties;
use crate::shard::Shard;
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
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// All has been written, but the stream may still hold some of it.
    Written,
    /// The source has ended.
    Ending,
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
    let mut there = Way { rest: near.read_ahead, state: State::Open };
    let mut back = Way { rest: far.read_ahead, state: State::Open };
    let mut both = |context: &mut Context<'_>| {
        let there_ended = there.poll(shard, &mut near_stream, &mut far_stream, context)?.is_ready();
        let back_ended = back.poll(shard, &mut far_stream, &mut near_stream, context)?.is_ready();
        Poll::Ready(Ok::<_, io::Error>((there_ended, back_ended)))
    };
    let one = poll_fn(|context| match ready!(both(context)) {
        Ok((false, false)) => Poll::Pending,
        result => Poll::Ready(result),
    });
    if one.await? == (true, true) {
        return Ok(());
    }
    let mut patience = pin!(sleep(LINGER));
    poll_fn(|context| match ready!(both(context)) {
        Ok((true, true)) => Poll::Ready(Ok(())),
        Ok(_) => patience.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into())),
        Err(error) => Poll::Ready(Err(error)),
    })
    .await
}

impl Way {
    /// Ready when the source has ended and the target was told so.
    fn poll(
        &mut self,
        shard: &Shard,
        from: &mut Stream,
        to: &mut Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            while !self.rest.is_empty() {
                let len = ready!(to.poll_write(context, &self.rest))?;
                if len == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.rest.advance(len);
                if self.state == State::Open {
                    self.state = State::Written;
                }
            }
            // Its buffer is not kept while nothing comes.
            self.rest = Bytes::new();
            match self.state {
                State::Open => ready!(self.poll_read(shard, from, context))?,
                State::Written => {
                    ready!(to.poll_flush(context))?;
                    self.state = State::Open;
                }
                State::Ending => {
                    ready!(to.poll_shutdown(context))?;
                    self.state = State::Ended;
                }
                State::Ended => return Poll::Ready(Ok(())),
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
