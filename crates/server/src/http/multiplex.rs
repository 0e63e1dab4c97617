//! HTTP/2: many requests and sockets on one connection.
//!
//! A socket is a stream of its connection (RFC 8441). It goes to its object's shard while the connection stays where
//! it was accepted; bytes cross over.
//!
//! Invariant: a stopping server waits for the requests on a connection, and for the connection itself no longer than
//! for sockets. A connection on which nothing is under way is closed, and so is one whose client has work done that it
//! does not wait for. One stream that is not read, by its object or by its client, holds up no other.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use dormouse_runtime::Counted;
use dormouse_runtime::body::{Body, BodyError};
use dormouse_runtime::sockets::stream::Io;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::Http;
use super::head::Origin;
use crate::limits::{
    HEAD_LEN_MAX, HTTP2_CANCELLED_MAX, HTTP2_CONNECTION_WINDOW, HTTP2_FAULTS_MAX, HTTP2_RESETS_UNSEEN_MAX,
    HTTP2_SEND_BUFFER_LEN_MAX, HTTP2_STREAM_WINDOW, HTTP2_STREAMS_MAX, HTTP2_WRITE_LEN_MAX,
};
use crate::wire::Wire;

/// Runs what HTTP/2 has to do on the thread that it is on.
#[derive(Clone)]
pub(super) struct Local;

impl<F: Future + 'static> Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

/// How HTTP/2 is spoken. With an interval, silent clients are pinged, and must answer within two: that is as long as a
/// client of a socket has, and the answer of one that reads slowly comes after all that was sent before.
pub(super) fn builder(ping_interval: Option<Duration>) -> http2::Builder<Local> {
    let mut http2 = http2::Builder::new(Local);
    http2
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
        .max_send_buf_size(HTTP2_SEND_BUFFER_LEN_MAX)
        .max_header_list_size(u32::try_from(HEAD_LEN_MAX).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(HTTP2_RESETS_UNSEEN_MAX)
        .max_local_error_reset_streams(HTTP2_FAULTS_MAX)
        .keep_alive_interval(ping_interval);
    if let Some(interval) = ping_interval {
        http2.keep_alive_timeout(interval * 2);
    }
    http2
}

/// What requests and sockets of one connection share.
pub(super) struct Multiplex {
    uses: Arc<Uses>,
    /// Requests that the client has taken back, less those that it waited for.
    cancelled: Cell<u32>,
    is_abused: Notify,
    /// The connection's place among those of HTTP, until it is a socket's.
    place: RefCell<Option<OwnedSemaphorePermit>>,
}

/// How many requests and sockets are on a connection.
#[derive(Default)]
struct Uses {
    count: AtomicUsize,
    changed: Notify,
}

/// Counts a request or a socket while it is held.
pub(super) struct Use(Arc<Uses>);

impl Use {
    fn new(uses: &Arc<Uses>) -> Self {
        uses.count.fetch_add(1, Ordering::AcqRel);
        uses.changed.notify_one();
        Self(uses.clone())
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_one();
    }
}

impl Uses {
    /// Waits until there was none for this long.
    async fn idle(&self, patience: Duration) {
        loop {
            let changed = self.changed.notified();
            if self.count.load(Ordering::Acquire) > 0 {
                changed.await;
            } else if tokio::time::timeout(patience, changed).await.is_err() {
                return;
            }
        }
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(http: &Rc<Http>, wire: Wire, origin: Origin, place: OwnedSemaphorePermit) {
    let _counted = http.shard.count_socket();
    let peer = origin.peer;
    let multiplex = Rc::new(Multiplex::new(place));
    let service = {
        let (http, multiplex, origin) = (http.clone(), multiplex.clone(), Rc::new(origin));
        service_fn(move |request| {
            let (http, multiplex, origin) = (http.clone(), multiplex.clone(), origin.clone());
            async move { Ok::<_, Infallible>(multiplex.answer(&http, request, &origin).await) }
        })
    };
    let mut connection = pin!(http.http2.serve_connection(TokioIo::new(wire), service));
    let mut stopping = http.stopping.clone();
    let (mut is_stopping, mut is_told) = (false, false);
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%peer, %error, "connection ended early");
                }
                return;
            }
            _ = stopping.wait_for(|stopping| *stopping), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = multiplex.uses.idle(http.head_timeout) => {
                if is_told {
                    tracing::debug!(%peer, "an idle connection is cut");
                    return;
                }
                is_told = true;
                connection.as_mut().graceful_shutdown();
            }
            () = multiplex.is_abused.notified() => {
                tracing::debug!(%peer, "a client takes back too many requests");
                return;
            }
        }
    }
}

impl Multiplex {
    fn new(place: OwnedSemaphorePermit) -> Self {
        let place = RefCell::new(Some(place));
        Self { uses: Arc::default(), cancelled: Cell::new(0), is_abused: Notify::new(), place }
    }

    async fn answer(
        &self,
        http: &Rc<Http>,
        request: http::Request<Incoming>,
        origin: &Origin,
    ) -> http::Response<Tracked> {
        let (counted, used) = (http.shard.count_connection(), Use::new(&self.uses));
        let unanswered = Unanswered(self);
        let response = http.answer(request, origin, Some(self)).await;
        unanswered.settle();
        response.map(|body| Tracked { body, _counted: counted, _used: used })
    }

    /// Notes that it carries one more socket.
    pub(super) fn carry_socket(&self) -> Use {
        self.place.take();
        Use::new(&self.uses)
    }
}

/// Held while a request has no answer; dropped when its client takes it back.
struct Unanswered<'a>(&'a Multiplex);

impl Unanswered<'_> {
    fn settle(self) {
        let cancelled = &self.0.cancelled;
        cancelled.set(cancelled.get().saturating_sub(1));
        std::mem::forget(self);
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let cancelled = &self.0.cancelled;
        cancelled.set(cancelled.get() + 1);
        if cancelled.get() > HTTP2_CANCELLED_MAX {
            self.0.is_abused.notify_one();
        }
    }
}

/// A body whose request is under way until it is sent.
pub(super) struct Tracked {
    body: Body,
    _counted: Counted,
    _used: Use,
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        http_body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The stream of a socket within HTTP/2.
///
/// Frames are gathered into pieces of a limited length: each is a frame of HTTP/2 and crosses to the connection's
/// thread by itself, and what the connection holds for a slow client is bounded by them.
pub(super) struct Socket {
    stream: TokioIo<Upgraded>,
    _used: Use,
}

impl Socket {
    pub(super) fn new(upgraded: Upgraded, used: Use) -> Self {
        Self { stream: TokioIo::new(upgraded), _used: used }
    }
}

/// It belongs to no reactor.
impl Io for Socket {}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let len = bytes.len().min(HTTP2_WRITE_LEN_MAX);
        Pin::new(&mut self.stream).poll_write(context, &bytes[..len])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [one] = slices {
            return self.poll_write(context, one);
        }
        // Ready when a piece would be taken: before that there is no use in gathering one.
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        let len = slices.iter().map(|slice| slice.len()).sum::<usize>().min(HTTP2_WRITE_LEN_MAX);
        let mut piece = Vec::with_capacity(len);
        for slice in slices {
            let room = len - piece.len();
            piece.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        Pin::new(&mut self.stream).poll_write(context, &piece)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::Multiplex;

    #[test]
    fn a_connection_counts_as_one_of_http_until_it_carries_a_socket() {
        let places = Arc::new(Semaphore::new(1));
        let multiplex = Multiplex::new(places.clone().try_acquire_owned().unwrap());
        assert_eq!(places.available_permits(), 0);
        drop([multiplex.carry_socket(), multiplex.carry_socket()]);
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_nothing_was_on_it_for_so_long() {
        const PATIENCE: Duration = Duration::from_secs(10);
        let places = Arc::new(Semaphore::new(1));
        let multiplex = Multiplex::new(places.try_acquire_owned().unwrap());
        let began = tokio::time::Instant::now();
        let first = multiplex.carry_socket();
        let work = async {
            tokio::time::sleep(PATIENCE * 3).await;
            let second = multiplex.carry_socket();
            drop(first);
            tokio::time::sleep(PATIENCE * 3).await;
            drop(second);
            tokio::time::sleep(PATIENCE / 2).await;
            drop(multiplex.carry_socket());
        };
        tokio::join!(multiplex.uses.idle(PATIENCE), work);
        assert_eq!(began.elapsed(), PATIENCE * 7 + PATIENCE / 2);
    }
}
