//! Streams of bytes: the bodies that do not fit in memory, or do not exist yet.
//!
//! A [`ByteStream`] is a handle, as a `ReadableStream` is in JavaScript: a clone is the same stream, and what
//! one handle reads the other does not see. [`ByteStream::tee`] is what makes two streams of one, for the
//! `clone` of requests and responses.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use crate::Result;
use crate::body::HttpChunks;
use crate::error::Error;
use crate::native;

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes>>>>;

/// The body of a request or a response, chunk by chunk.
#[derive(Clone)]
pub struct ByteStream {
    source: Rc<RefCell<Source>>,
}

/// Where the next chunk comes from.
enum Source {
    Ended,
    Once(Bytes),
    /// The runtime's, whole until it is first read.
    Http(native::Body),
    Chunks(Chunks),
    /// Taken out while it is polled, so that nothing is borrowed while foreign code runs.
    Busy,
}

impl ByteStream {
    pub(crate) fn new(chunks: impl Stream<Item = Result<Bytes>> + 'static) -> Self {
        Self::from_source(Source::Chunks(Box::pin(chunks)))
    }

    pub(crate) fn once(bytes: Bytes) -> Self {
        Self::from_source(match bytes.is_empty() {
            true => Source::Ended,
            false => Source::Once(bytes),
        })
    }

    pub(crate) fn http(body: native::Body) -> Self {
        Self::from_source(Source::Http(body))
    }

    /// The runtime's body, if this is one that nobody has read from.
    pub(crate) fn take_http(&self) -> Option<native::Body> {
        match self.source.replace(Source::Ended) {
            Source::Http(body) => Some(body),
            other => {
                self.source.replace(other);
                None
            }
        }
    }

    fn from_source(source: Source) -> Self {
        Self { source: Rc::new(RefCell::new(source)) }
    }

    /// The next chunk, shared and not copied.
    pub(crate) fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match self.source.replace(Source::Busy) {
            Source::Ended => {
                self.source.replace(Source::Ended);
                Poll::Ready(None)
            }
            Source::Once(bytes) => {
                self.source.replace(Source::Ended);
                Poll::Ready(Some(Ok(bytes)))
            }
            Source::Http(body) => {
                self.source.replace(Source::Chunks(http_chunks(body)));
                self.poll_chunk(cx)
            }
            Source::Chunks(mut chunks) => {
                let item = chunks.as_mut().poll_next(cx);
                self.source.replace(match item {
                    Poll::Ready(None) => Source::Ended,
                    _ => Source::Chunks(chunks),
                });
                item
            }
            Source::Busy => Poll::Ready(Some(Err(Error::from("stream reads itself")))),
        }
    }

    /// All that is left, at most `bytes_max` of it.
    pub(crate) async fn read_to_end(&self, bytes_max: usize) -> Result<Bytes> {
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(chunk) = std::future::poll_fn(|cx| self.poll_chunk(cx)).await {
            let chunk = chunk?;
            if first.len() + all.len() + chunk.len() > bytes_max {
                return Err(Error::from("body is larger than memory allows"));
            }
            if first.is_empty() && all.is_empty() {
                // Most bodies are one chunk, which is then passed on as it is.
                first = chunk;
                continue;
            }
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&chunk);
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }

    /// A second stream of the same bytes. Both read at their own pace; what one has not read yet is kept.
    pub(crate) fn tee(&self) -> Self {
        let chunks = match self.source.replace(Source::Ended) {
            Source::Chunks(chunks) => chunks,
            Source::Http(body) => http_chunks(body),
            Source::Once(bytes) => {
                self.source.replace(Source::Once(bytes.clone()));
                return Self::once(bytes);
            }
            other => {
                self.source.replace(other);
                return Self::from_source(Source::Ended);
            }
        };
        let [ours, theirs] = Branch::pair(chunks);
        self.source.replace(Source::Chunks(Box::pin(ours)));
        Self::new(theirs)
    }
}

impl Stream for ByteStream {
    type Item = Result<Vec<u8>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_chunk(cx).map(|item| item.map(|chunk| chunk.map(Vec::from)))
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream").finish_non_exhaustive()
    }
}

fn http_chunks(body: native::Body) -> Chunks {
    Box::pin(HttpChunks::new(body))
}

/// One of the two streams that read the same source.
struct Branch {
    tee: Rc<RefCell<Tee>>,
    side: usize,
}

struct Tee {
    chunks: Option<Chunks>,
    /// What the other side has read and this one has not.
    ahead: [VecDeque<std::result::Result<Bytes, String>>; 2],
    waiting: [Option<Waker>; 2],
}

impl Branch {
    fn pair(chunks: Chunks) -> [Branch; 2] {
        let tee =
            Rc::new(RefCell::new(Tee { chunks: Some(chunks), ahead: Default::default(), waiting: Default::default() }));
        [0, 1].map(|side| Branch { tee: tee.clone(), side })
    }
}

impl Stream for Branch {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut tee = self.tee.borrow_mut();
        if let Some(item) = tee.ahead[self.side].pop_front() {
            return Poll::Ready(Some(item.map_err(Error::from)));
        }
        let Some(mut chunks) = tee.chunks.take() else {
            return Poll::Ready(None);
        };
        drop(tee);
        let item = chunks.as_mut().poll_next(cx);
        let mut tee = self.tee.borrow_mut();
        let other = 1 - self.side;
        match &item {
            Poll::Pending => {
                tee.waiting[self.side] = Some(cx.waker().clone());
                tee.chunks = Some(chunks);
                return Poll::Pending;
            }
            Poll::Ready(Some(chunk)) => {
                let copy = match chunk {
                    Ok(chunk) => Ok(chunk.clone()),
                    Err(error) => Err(error.to_string()),
                };
                tee.ahead[other].push_back(copy);
                tee.chunks = Some(chunks);
            }
            Poll::Ready(None) => {}
        }
        wake(&mut tee.waiting[other]);
        item
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        // The source may know only this side's waker: the other must poll it again.
        wake(&mut self.tee.borrow_mut().waiting[1 - self.side]);
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// A stream that promises its length, and fails when it turns out to be another.
pub struct FixedLengthStream {
    length: u64,
    bytes_read: u64,
    inner: Pin<Box<dyn Stream<Item = Result<Vec<u8>>>>>,
}

impl FixedLengthStream {
    /// Promises that `stream` has `length` bytes.
    pub fn wrap(stream: impl Stream<Item = Result<Vec<u8>>> + 'static, length: u64) -> Self {
        Self { length, bytes_read: 0, inner: Box::pin(stream) }
    }

    fn wrong_length(&self) -> Error {
        Error::from(format!("stream of {} bytes promised, {} came", self.length, self.bytes_read))
    }
}

impl Stream for FixedLengthStream {
    type Item = Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match std::task::ready!(self.inner.as_mut().poll_next(cx)) {
            Some(Ok(chunk)) => {
                self.bytes_read += chunk.len() as u64;
                Some(match self.bytes_read > self.length {
                    true => Err(self.wrong_length()),
                    false => Ok(chunk),
                })
            }
            None if self.bytes_read != self.length => Some(Err(self.wrong_length())),
            item => item,
        })
    }
}

impl fmt::Debug for FixedLengthStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedLengthStream").field("length", &self.length).field("bytes_read", &self.bytes_read).finish()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::{FutureExt, StreamExt, stream};

    use super::{ByteStream, FixedLengthStream};

    fn chunks(parts: &[&'static str]) -> ByteStream {
        let parts: Vec<_> = parts.iter().map(|part| Ok(Bytes::from(*part))).collect();
        ByteStream::new(stream::iter(parts))
    }

    fn rest(stream: &ByteStream) -> String {
        let all = stream.read_to_end(1000).now_or_never().unwrap().unwrap();
        String::from_utf8(all.to_vec()).unwrap()
    }

    #[test]
    fn collects_in_order_up_to_a_bound() {
        assert_eq!(rest(&chunks(&[])), "");
        assert_eq!(rest(&chunks(&["one"])), "one");
        assert_eq!(rest(&chunks(&["", "one", "", "two", "three"])), "onetwothree");
        assert_eq!(rest(&ByteStream::once(Bytes::from("once"))), "once");
        let bounded = |bytes_max| {
            let stream = chunks(&["one", "two"]);
            stream.read_to_end(bytes_max).now_or_never().unwrap().is_ok()
        };
        assert!(bounded(6));
        assert!(!bounded(5));
    }

    #[test]
    fn a_clone_is_the_same_stream() {
        let mut stream = chunks(&["one", "two"]);
        let clone = stream.clone();
        let first = stream.next().now_or_never().unwrap();
        assert_eq!(first.unwrap().unwrap(), b"one");
        assert_eq!(rest(&clone), "two");
        assert_eq!(rest(&stream), "");
    }

    #[test]
    fn both_sides_of_a_tee_read_everything() {
        let mut one = chunks(&["a", "b", "c"]);
        let two = one.tee();
        let first = one.next().now_or_never().unwrap();
        assert_eq!(first.unwrap().unwrap(), b"a");
        assert_eq!(rest(&two), "abc");
        assert_eq!(rest(&one), "bc");

        let one = chunks(&["a", "b"]);
        let (two, three) = (one.tee(), one.tee());
        drop(one);
        assert_eq!(rest(&two), "ab");
        assert_eq!(rest(&three), "ab");

        let once = ByteStream::once(Bytes::from("x"));
        assert_eq!(rest(&once.tee()), "x");
        assert_eq!(rest(&once), "x");
        assert_eq!(rest(&once.tee()), "");
    }

    #[test]
    fn errors_reach_both_sides_of_a_tee() {
        let one = ByteStream::new(stream::iter([Err("broken".into())]));
        let two = one.tee();
        for side in [one, two] {
            let error = side.read_to_end(9).now_or_never().unwrap().unwrap_err();
            assert_eq!(error.to_string(), "broken");
        }
    }

    #[test]
    fn a_fixed_length_is_held() {
        fn check(length: u64, expected: bool) {
            let parts = stream::iter([Ok(vec![1, 2]), Ok(vec![3])]);
            let items: Vec<_> = FixedLengthStream::wrap(parts, length).take(3).collect().now_or_never().unwrap();
            assert_eq!(items.iter().all(Result::is_ok), expected, "{length}");
        }
        check(3, true);
        check(2, false);
        check(4, false);
    }
}
