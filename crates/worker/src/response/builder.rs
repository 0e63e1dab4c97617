//! [`ResponseBuilder`]: status, headers and the rest, to which a body is added last.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::{Stream, TryStream};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::Value;

use super::{EncodeBody, Response, ResponseBody};
use crate::Result;
use crate::cors::Cors;
use crate::error::Error;
use crate::headers::Headers;
use crate::streams::ByteStream;
use crate::websocket::WebSocket;

/// Makes a [`Response`].
#[derive(Debug, Clone)]
pub struct ResponseBuilder {
    pub(super) status_code: u16,
    pub(super) headers: Headers,
    pub(super) websocket: Option<WebSocket>,
    pub(super) encode_body: EncodeBody,
    /// Only for readers in this object.
    pub(super) cf: Option<Value>,
}

#[expect(clippy::new_without_default, reason = "the original has none")]
impl ResponseBuilder {
    /// Status 200 and nothing else.
    pub fn new() -> Self {
        Self {
            status_code: 200,
            headers: Headers::new(),
            websocket: None,
            encode_body: EncodeBody::default(),
            cf: None,
        }
    }

    /// Sets the status. One outside 200 to 599 fails when the response is sent.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status_code = status;
        self
    }

    /// Sets all headers.
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// Sets one header.
    ///
    /// # Errors
    /// When the name or the value is malformed.
    pub fn with_header(self, key: &str, value: &str) -> Result<Self> {
        self.headers.set(key, value)?;
        Ok(self)
    }

    /// Adds the headers of `cors`.
    ///
    /// # Errors
    /// When `cors` holds something that no header can hold.
    pub fn with_cors(mut self, cors: &Cors) -> Result<Self> {
        cors.apply_headers(&mut self.headers)?;
        Ok(self)
    }

    /// Sets the client's end of a WebSocket pair. Needs status 101.
    pub fn with_websocket(mut self, websocket: WebSocket) -> Self {
        self.websocket = Some(websocket);
        self
    }

    /// Sets whether the runtime may compress the body.
    pub fn with_encode_body(mut self, encode_body: EncodeBody) -> Self {
        self.encode_body = encode_body;
        self
    }

    /// Attaches a structure for whoever reads the response next in this object. It is not sent.
    ///
    /// # Errors
    /// When `cf` is not a structure.
    pub fn with_cf<T: Serialize>(mut self, cf: T) -> Result<Self> {
        let cf = serde_json::to_value(cf)?;
        if !cf.is_object() {
            return Err(Error::from("cf must be an object"));
        }
        self.cf = Some(cf);
        Ok(self)
    }

    /// Bytes, and no content type.
    pub fn fixed(self, body: Vec<u8>) -> Response {
        self.body(ResponseBody::Body(body))
    }

    /// A stream.
    pub fn stream(self, stream: ByteStream) -> Response {
        self.body(ResponseBody::Stream(stream))
    }

    /// Any body.
    pub fn body(self, body: ResponseBody) -> Response {
        Response { body, init: self }
    }

    /// No body.
    pub fn empty(self) -> Response {
        self.body(ResponseBody::Empty)
    }

    /// `value` as JSON, with the content type `application/json`.
    ///
    /// # Errors
    /// When `value` does not serialize.
    pub fn from_json<B: Serialize>(self, value: &B) -> Result<Response> {
        match serde_json::to_vec(value) {
            Ok(json) => Ok(self.typed("application/json", json)),
            Err(_) => Err(Error::Json(("value does not serialize to JSON".to_owned(), 500))),
        }
    }

    /// A page, with the content type `text/html; charset=utf-8`.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn from_html(self, html: impl AsRef<str>) -> Result<Response> {
        Ok(self.typed("text/html; charset=utf-8", html.as_ref().into()))
    }

    /// Bytes, with the content type `application/octet-stream`.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn from_bytes(self, bytes: Vec<u8>) -> Result<Response> {
        Ok(self.typed("application/octet-stream", bytes))
    }

    /// A stream.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn from_stream<S>(self, stream: S) -> Result<Response>
    where
        S: TryStream + 'static,
        S::Ok: Into<Vec<u8>>,
        S::Error: Into<Error>,
    {
        Ok(self.stream(ByteStream::new(Converted(Box::pin(stream)))))
    }

    /// Text, with the content type `text/plain; charset=utf-8`.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn ok(self, body: impl Into<String>) -> Result<Response> {
        Ok(self.typed("text/plain; charset=utf-8", body.into().into()))
    }

    /// Text that tells what went wrong.
    ///
    /// # Errors
    /// When `status` is not in 400 to 599.
    pub fn error(self, msg: impl Into<String>, status: u16) -> Result<Response> {
        if !(400..=599).contains(&status) {
            let text = format!("an error response has a status from 400 to 599, not {status}");
            return Err(Error::Internal(text));
        }
        Ok(self.with_status(status).fixed(msg.into().into()))
    }

    fn typed(mut self, content_type: &'static str, body: Vec<u8>) -> Response {
        self.headers.put(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.fixed(body)
    }
}

/// Any stream of what converts to bytes.
struct Converted<S>(Pin<Box<S>>);

impl<S> Stream for Converted<S>
where
    S: TryStream,
    S::Ok: Into<Vec<u8>>,
    S::Error: Into<Error>,
{
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = std::task::ready!(self.0.as_mut().try_poll_next(cx));
        Poll::Ready(item.map(|chunk| match chunk {
            Ok(chunk) => Ok(Bytes::from(chunk.into())),
            Err(error) => Err(error.into()),
        }))
    }
}
