//! Bodies of requests and responses: read chunk by chunk or whole, made of bytes, or written by user code.
//!
//! Code gets bodies that are at hand as bytes, and others as a number. A body that code passes on unread goes as it is,
//! and never through the engine. Numbers are never given twice in an isolate, because code may let go of one long after
//! its guest is gone. A body that code writes ends well only when code says so: if its guest goes before that, its
//! reader gets an error and not a shorter body.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use dormouse_runtime::body::{Body, BodyError};
use dormouse_runtime::request::Request;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::{mpsc, oneshot};

use super::socket::foreign;
use crate::engine::{Call, Fault, Op, Out};
use crate::isolate::Numbers;
use crate::limits::{BODIES_UNREAD_MAX, BODY_CHUNKS_MAX, BODY_LEN_MAX};

pub(crate) const OPS: &[Op] = &[
    Op { name: "body_read", run: read },
    Op { name: "body_collect", run: collect },
    Op { name: "body_drop", run: drop_body },
    Op { name: "body_abandon", run: abandon },
    Op { name: "body_neuter", run: neuter },
    Op { name: "body_pipe", run: pipe },
    Op { name: "body_write", run: write },
    Op { name: "body_gone", run: gone },
    Op { name: "body_end", run: end },
    Op { name: "body_encode", run: |call| Ok(call.text(0)?.into_bytes().into()) },
    Op { name: "body_text", run: text },
];

/// `request.cf`, as JSON: an extension of a request.
#[derive(Clone, Debug)]
pub struct Cf(pub String);

type Broken = Box<dyn Error + Send + Sync>;
type Chunk = Result<Bytes, Broken>;

/// The bodies that a guest's code has numbers for.
pub(crate) struct Bodies {
    numbers: Numbers,
    readers: RefCell<HashMap<u64, Rc<Reader>>>,
    writers: RefCell<HashMap<u64, Writer>>,
    /// How many make it worth while to look for those that code cannot reach any more.
    crowd: Cell<usize>,
}

/// A body that code may read.
struct Reader {
    /// None when its time has passed.
    body: RefCell<Option<Body>>,
    /// Whoever waits for its next chunk.
    waker: RefCell<Option<Waker>>,
}

/// The end of a body that code writes.
struct Writer {
    chunks: mpsc::Sender<Chunk>,
    has_ended: Arc<AtomicBool>,
    /// Kept by nobody any more when the reader goes.
    gone: Option<oneshot::Receiver<()>>,
}

impl Bodies {
    pub(crate) fn new(numbers: Numbers) -> Self {
        let crowd = Cell::new(BODIES_UNREAD_MAX);
        Self { numbers, readers: RefCell::default(), writers: RefCell::default(), crowd }
    }

    /// Whether there are so many unread bodies that code may have forgotten some.
    pub(crate) fn are_crowded(&self) -> bool {
        self.readers.borrow().len() >= self.crowd.get()
    }

    /// What is left after a search is in use. So the next one comes when there are twice as many, and their cost does
    /// not grow with every body.
    pub(crate) fn note_search(&self) {
        self.crowd.set(BODIES_UNREAD_MAX.max(2 * self.readers.borrow().len()));
    }

    fn put(&self, body: Body) -> u64 {
        let number = self.numbers.next();
        let reader = Reader { body: RefCell::new(Some(body)), waker: RefCell::new(None) };
        self.readers.borrow_mut().insert(number, Rc::new(reader));
        number
    }

    fn reader(&self, number: u64) -> Result<Rc<Reader>, Fault> {
        self.readers.borrow().get(&number).cloned().ok_or_else(foreign)
    }

    /// Takes a body away from code, which will not name it again. A read that waits for it ends.
    fn take(&self, number: u64) -> Result<Body, Fault> {
        let reader = self.readers.borrow_mut().remove(&number).ok_or_else(foreign)?;
        reader.take().ok_or_else(too_late)
    }

    /// A body as code gets it: null, bytes, or a number.
    pub(crate) fn body_in(&self, body: Body) -> Out {
        match body.as_bytes() {
            Some(bytes) => Out::Bytes(bytes.clone()),
            None if body.is_empty() => Out::Null,
            None => numbered(self.put(body)),
        }
    }

    /// A body as code gives it: null, text, bytes, or a number.
    pub(crate) fn body_out(&self, call: &Call<'_>, index: usize) -> Result<Body, Fault> {
        if call.is_nullish(index) {
            return Ok(Body::empty());
        }
        if call.is_text(index) {
            return Ok(call.text(index)?.into());
        }
        match number(call, index) {
            Ok(number) => self.take(number),
            Err(_) => Ok(call.bytes(index)?.to_vec().into()),
        }
    }
}

/// The number of a body, an end of a pair or a guest, as code holds it.
pub(crate) fn numbered(number: u64) -> Out {
    #[expect(clippy::cast_precision_loss, reason = "an isolate has fewer than 2^53 of them")]
    Out::Number(number as f64)
}

pub(crate) fn number(call: &Call<'_>, index: usize) -> Result<u64, Fault> {
    let number = call.number(index)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is no such number names nothing")]
    Ok(number as u64)
}

/// Method, URL, headers, body and `cf` of a request as code gets them.
pub(crate) fn request_parts(bodies: &Bodies, request: Request) -> [Out; 5] {
    let (head, body) = request.into_parts();
    let cf = head.extensions.get::<Cf>().map(|cf| cf.0.as_str().into());
    let uri = head.uri.to_string();
    [head.method.as_str().into(), uri.into(), headers_in(&head.headers), bodies.body_in(body), cf.unwrap_or(Out::Null)]
}

/// Says in a request's headers how long its body is, as HTTP does: so its receiver tells no body from an empty one.
pub(crate) fn frame(headers: &mut HeaderMap, body: &Body) {
    if headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING) {
        return;
    }
    match body.size_hint().exact() {
        Some(len) => headers.insert(CONTENT_LENGTH, len.into()),
        None => headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
    };
}

/// Headers as code gets them: names and values in turn. Bytes that are no UTF-8 are read as Latin-1 (RFC 9110, 5.5).
pub(crate) fn headers_in(headers: &HeaderMap) -> Out {
    let mut flat = Vec::with_capacity(headers.len() * 2);
    for (name, value) in headers {
        flat.push(name.as_str().into());
        flat.push(match std::str::from_utf8(value.as_bytes()) {
            Ok(text) => text.into(),
            Err(_) => value.as_bytes().iter().map(|byte| char::from(*byte)).collect::<String>().into(),
        });
    }
    Out::List(flat)
}

/// Headers as code gives them.
pub(crate) fn headers_out(flat: &[String]) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::with_capacity(flat.len() / 2);
    for pair in flat.chunks_exact(2) {
        let name = HeaderName::from_bytes(pair[0].as_bytes())
            .map_err(|_| Fault::type_error(format!("Invalid header name: {}", pair[0])))?;
        let value = HeaderValue::from_bytes(pair[1].as_bytes())
            .map_err(|_| Fault::type_error(format!("Invalid header value: {}", pair[1])))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// `(body)`: a promise of the next chunk; null at the end.
fn read(call: &Call<'_>) -> Result<Out, Fault> {
    let reader = call.isolate().current()?.bodies.reader(number(call, 0)?)?;
    Out::later(async move {
        match poll_fn(|context| reader.poll_chunk(context)).await {
            None => Ok(Out::Null),
            Some(Ok(bytes)) => Ok(Out::Bytes(bytes)),
            Some(Err(fault)) => Err(fault),
        }
    })
}

impl Reader {
    fn take(&self) -> Option<Body> {
        let body = self.body.take();
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        body
    }

    fn poll_chunk(&self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        loop {
            let mut body = self.body.borrow_mut();
            let Some(body) = &mut *body else { return Poll::Ready(Some(Err(too_late()))) };
            match Pin::new(body).poll_frame(context) {
                Poll::Pending => {
                    *self.waker.borrow_mut() = Some(context.waker().clone());
                    return Poll::Pending;
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(fault_of(&error)))),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    // Trailers have no place in a fetch body.
                    Err(_) => {}
                },
            }
        }
    }
}

/// `(body, whether as text)`: a promise of all of it.
fn collect(call: &Call<'_>) -> Result<Out, Fault> {
    let body = call.isolate().current()?.bodies.take(number(call, 0)?)?;
    let as_text = call.flag(1);
    Out::later(async move {
        let bytes = body.collect(BODY_LEN_MAX).await.map_err(|error| fault_of(&error))?;
        Ok(if as_text { decoded(&bytes, true).into() } else { Out::Bytes(bytes) })
    })
}

/// What code sees of a body that broke: what other code has thrown, or that a connection is gone.
fn fault_of(error: &BodyError) -> Fault {
    if let BodyError::TooLong(_) = error {
        return Fault::type_error("Memory limit exceeded before EOF.");
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(Thrown(text)) = error.downcast_ref() {
            return Fault::new("remote", text.as_str());
        }
        cause = error.source();
    }
    Fault::new("disconnected", "Network connection lost.")
}

/// `(body)`: it will not be read.
fn drop_body(call: &Call<'_>) -> Result<Out, Fault> {
    let body = call.isolate().current()?.bodies.take(number(call, 0)?);
    drop(body);
    Ok(Out::Undefined)
}

/// `(guest, body)`: nobody can read it any more. Another guest's code may run, and this one may be gone.
fn abandon(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().guest(number(call, 0)?);
    let number = number(call, 1)?;
    let body = guest.and_then(|guest| guest.bodies.take(number).ok());
    drop(body);
    Ok(Out::Undefined)
}

/// `(guest, body)`: it belongs to a request that has been answered, and nobody sends the rest of it.
fn neuter(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().guest(number(call, 0)?);
    let number = number(call, 1)?;
    let body = guest.and_then(|guest| guest.bodies.reader(number).ok()?.take());
    drop(body);
    Ok(Out::Undefined)
}

/// The time of a body has passed.
fn too_late() -> Fault {
    Fault::type_error("Can't read from request stream after response has been sent.")
}

/// `(length or null)`: the numbers of a writer and of the body that it writes.
fn pipe(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let len = if call.is_nullish(0) { None } else { Some(number(call, 0)?) };
    let (sender, chunks) = mpsc::channel(BODY_CHUNKS_MAX);
    let (stays, gone) = oneshot::channel();
    let has_ended = Arc::new(AtomicBool::new(false));
    let body = Written { chunks, len, has_ended: has_ended.clone(), is_over: false, _stays: stays };
    let writer = guest.bodies.numbers.next();
    let body = guest.bodies.put(Body::stream(body));
    let ends = Writer { chunks: sender, has_ended, gone: Some(gone) };
    guest.bodies.writers.borrow_mut().insert(writer, ends);
    Ok(Out::List(vec![numbered(writer), numbered(body)]))
}

/// `(writer, bytes)`: a promise of whether the reader is still there, kept when there is room.
fn write(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let writer = guest.bodies.writers.borrow().get(&number(call, 0)?).map(|writer| writer.chunks.clone());
    let chunk = Bytes::copy_from_slice(call.bytes(1)?);
    Out::later(async move {
        match writer {
            Some(writer) if chunk.is_empty() => Ok((!writer.is_closed()).into()),
            Some(writer) => Ok(writer.send(Ok(chunk)).await.is_ok().into()),
            None => Ok(Out::Bool(false)),
        }
    })
}

/// `(writer)`: a promise that is kept when the reader has gone, at the end or before.
fn gone(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let gone = guest.bodies.writers.borrow_mut().get_mut(&number(call, 0)?).and_then(|writer| writer.gone.take());
    Out::later(async move {
        if let Some(gone) = gone {
            // Nothing is ever sent: it fails when the other end is dropped.
            let _ = gone.await;
        }
        Ok(Out::Undefined)
    })
}

/// `(writer, error or null)`: nothing more is written. With an error, a promise that is kept when it is on its way.
fn end(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let writer = guest.bodies.writers.borrow_mut().remove(&number(call, 0)?);
    let (Some(writer), error) = (writer, call.optional_text(1)?) else { return Ok(Out::Undefined) };
    let Some(error) = error else {
        writer.has_ended.store(true, Ordering::Release);
        return Ok(Out::Undefined);
    };
    Out::later(async move {
        // Fails when the reader has gone, who does not care any more.
        let _ = writer.chunks.send(Err(Thrown(error).into())).await;
        Ok(Out::Undefined)
    })
}

/// `(bytes, whether a mark at the beginning is left out)`: the text that they are (Encoding, section 6).
fn text(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(decoded(call.bytes(0)?, call.flag(1)).into())
}

fn decoded(bytes: &[u8], without_mark: bool) -> String {
    let bytes = if without_mark { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
    String::from_utf8_lossy(bytes).into_owned()
}

/// What code has thrown while it wrote a body: the name of its class and its message.
#[derive(Debug)]
struct Thrown(String);

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Thrown {}

/// A body that user code writes.
struct Written {
    chunks: mpsc::Receiver<Chunk>,
    /// The bytes that are still to come, if that is known; its stream sees to it.
    len: Option<u64>,
    has_ended: Arc<AtomicBool>,
    is_over: bool,
    _stays: oneshot::Sender<()>,
}

impl http_body::Body for Written {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let chunk = match self.chunks.poll_recv(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(chunk) => chunk,
        };
        let cut = chunk.is_none() && !self.has_ended.load(Ordering::Acquire) && !self.is_over;
        self.is_over |= cut || matches!(chunk, Some(Err(_)));
        if let (Some(Ok(data)), Some(len)) = (&chunk, &mut self.len) {
            *len = len.saturating_sub(data.len() as u64);
        }
        Poll::Ready(match chunk {
            Some(chunk) => Some(chunk.map(Frame::data)),
            None if cut => Some(Err("the writer of the body has gone".into())),
            None => None,
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.len.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
