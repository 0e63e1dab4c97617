//! Requests and responses between this API and the runtime.
//!
//! The runtime's may cross threads, a guest's may not. Bodies that came from the runtime go back as they are; a
//! stream that user code makes is read by a task of its own, which keeps the object in memory and goes at the
//! client's pace.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use dormouse_runtime::object::error::SocketError;
use dormouse_runtime::object::failure::Kind;
use dormouse_runtime::request::{Request as RuntimeRequest, Response as RuntimeResponse, StubError};
use http_body::Frame;
use tokio::sync::mpsc;

use super::{Body, Host};
use crate::Result;
use crate::body::Payload;
use crate::error::{Error, with_causes};
use crate::limits::STREAM_CHUNKS_MAX;
use crate::request::Request;
use crate::response::Response;
use crate::streams::ByteStream;
use crate::thrown::{self, Told};
use crate::websocket::WebSocket;

/// A request that came.
pub(crate) fn request_in(request: RuntimeRequest) -> Request {
    let (head, body) = request.into_parts();
    Request::from_http(head, payload(body))
}

/// A request to be sent.
pub(crate) fn request_out(host: &Host, request: Request) -> Result<RuntimeRequest> {
    let (head, payload) = request.into_http()?;
    Ok(RuntimeRequest::from_parts(head, body(host, payload)))
}

/// A response that came.
pub(crate) fn response_in(host: &Host, response: RuntimeResponse) -> Response {
    let (head, body) = response.http.into_parts();
    let websocket = response.client.map(|end| WebSocket::client(host.clone(), end));
    Response::from_http(head, payload(body), websocket)
}

/// A response to be sent.
pub(crate) fn response_out(host: &Host, response: Response) -> Result<RuntimeResponse> {
    let (status, headers, payload, websocket) = response.into_http()?;
    let client = websocket.map(|websocket| websocket.take_client()).transpose()?;
    let mut http = http::Response::new(body(host, payload));
    *http.status_mut() = status;
    *http.headers_mut() = headers;
    Ok(RuntimeResponse { http, client })
}

/// What the caller of a stub sees when there is no response.
pub(crate) fn stub_error(error: &StubError) -> Error {
    let (failure, is_remote) = error.failure();
    let told = Told {
        remote: is_remote,
        retryable: failure.kind == Kind::Disconnected,
        overloaded: failure.kind == Kind::Overloaded,
        durable_object_reset: failure.reset,
    };
    thrown::from_bytes(&failure.thrown, &failure.text, told)
}

pub(crate) fn payload(body: Body) -> Payload {
    match body.as_bytes() {
        Some(bytes) => Payload::Full(bytes.clone()),
        None if body.is_empty() => Payload::Empty,
        None => Payload::Stream(ByteStream::http(body)),
    }
}

pub(crate) fn body(host: &Host, payload: Payload) -> Body {
    match payload {
        Payload::Empty => Body::empty(),
        Payload::Full(bytes) => bytes.into(),
        Payload::Stream(stream) => stream.take_http().unwrap_or_else(|| pump(host, stream)),
    }
}

/// A body whose chunks a task of the guest reads from `stream`.
fn pump(host: &Host, stream: ByteStream) -> Body {
    let (chunks, body) = mpsc::channel(STREAM_CHUNKS_MAX);
    host.spawn(async move {
        loop {
            // The client is asked first: a stream that nobody reads stops.
            let Ok(place) = chunks.reserve().await else { return };
            match std::future::poll_fn(|cx| stream.poll_chunk(cx)).await {
                Some(Ok(chunk)) => place.send(Ok(chunk)),
                Some(Err(error)) => return place.send(Err(with_causes(&error).into())),
                None => return,
            }
        }
    });
    Body::stream(Pumped(body))
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

struct Pumped(mpsc::Receiver<std::result::Result<Bytes, Broken>>);

impl http_body::Body for Pumped {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Broken>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

/// What a call on the client end of a pair answers.
pub(crate) fn not_accepted() -> Error {
    SocketError::NotAccepted.into()
}
