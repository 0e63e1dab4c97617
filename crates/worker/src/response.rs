//! A response, and in `response/` the builder that it is made with.
//!
//! Nothing is checked while a response is built, as in the `worker` crate. [`Response::into_http`] checks when
//! the response leaves the handler, with the errors that the reference has: a status out of range, a WebSocket
//! without status 101, a body where none may be.

mod builder;

use bytes::Bytes;
use futures_core::TryStream;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

pub use self::builder::ResponseBuilder;
use crate::Result;
use crate::body::Payload;
use crate::cors::Cors;
use crate::error::Error;
use crate::headers::Headers;
use crate::limits::BODY_BYTES_MAX;
use crate::streams::ByteStream;
use crate::websocket::WebSocket;

/// An HTTP response.
#[derive(Debug)]
pub struct Response {
    body: ResponseBody,
    init: ResponseBuilder,
}

/// What a response carries.
#[derive(Debug, Clone)]
pub enum ResponseBody {
    /// Nothing.
    Empty,
    /// Bytes.
    Body(Vec<u8>),
    /// A stream; a clone is the same stream.
    Stream(ByteStream),
}

/// Whether the runtime compresses a body that has a `content-encoding` header. It never does here: what a
/// handler returns is sent as it is, which is what `Manual` means.
#[non_exhaustive]
#[derive(Default, Debug, Clone, Copy)]
pub enum EncodeBody {
    /// Compress as the header says. Not done yet.
    #[default]
    Automatic,
    /// Send the body as it is.
    Manual,
}

impl Response {
    /// A builder, with status 200 and nothing else.
    pub fn builder() -> ResponseBuilder {
        ResponseBuilder::new()
    }

    /// `value` as JSON, with the content type `application/json`.
    ///
    /// # Errors
    /// When `value` does not serialize.
    pub fn from_json<B: Serialize>(value: &B) -> Result<Self> {
        ResponseBuilder::new().from_json(value)
    }

    /// A page, with the content type `text/html; charset=utf-8`.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn from_html(html: impl AsRef<str>) -> Result<Self> {
        ResponseBuilder::new().from_html(html)
    }

    /// Bytes, with the content type `application/octet-stream`.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        ResponseBuilder::new().from_bytes(bytes)
    }

    /// Any body, with status 200 and no headers.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn from_body(body: ResponseBody) -> Result<Self> {
        Ok(ResponseBuilder::new().body(body))
    }

    /// Switches the client to WebSocket: `websocket` is the client's end of a pair. The status is 101.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn from_websocket(websocket: WebSocket) -> Result<Self> {
        let builder = ResponseBuilder::new().with_websocket(websocket);
        Ok(builder.with_status(101).empty())
    }

    /// A stream, with status 200 and no headers.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn from_stream<S>(stream: S) -> Result<Self>
    where
        S: TryStream + 'static,
        S::Ok: Into<Vec<u8>>,
        S::Error: Into<Error>,
    {
        ResponseBuilder::new().from_stream(stream)
    }

    /// Text, with the content type `text/plain; charset=utf-8`.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn ok(body: impl Into<String>) -> Result<Self> {
        ResponseBuilder::new().ok(body)
    }

    /// No body, with status 200.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn empty() -> Result<Self> {
        Ok(ResponseBuilder::new().empty())
    }

    /// Text that tells what went wrong.
    ///
    /// # Errors
    /// When `status` is not in 400 to 599.
    pub fn error(msg: impl Into<String>, status: u16) -> Result<Self> {
        ResponseBuilder::new().error(msg, status)
    }

    /// Sends the client to `url`, with status 302.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn redirect(url: Url) -> Result<Self> {
        Self::redirect_with_status(url, 302)
    }

    /// Sends the client to `url`.
    ///
    /// # Errors
    /// When `status_code` is not one that redirects: 301, 302, 303, 307 or 308.
    pub fn redirect_with_status(url: Url, status_code: u16) -> Result<Self> {
        if !matches!(status_code, 301 | 302 | 303 | 307 | 308) {
            let text = format!("{status_code} is not a redirect status code.");
            return Err(Error::Internal(text));
        }
        let mut builder = ResponseBuilder::new().with_status(status_code);
        let url = HeaderValue::try_from(String::from(url))?;
        builder.headers.put(LOCATION, url);
        Ok(builder.empty())
    }

    /// The status.
    pub fn status_code(&self) -> u16 {
        self.init.status_code
    }

    /// The body.
    pub fn body(&self) -> &ResponseBody {
        &self.body
    }

    /// The body as text.
    ///
    /// # Errors
    /// When the body broke off or is not UTF-8.
    pub async fn text(&mut self) -> Result<String> {
        Ok(String::from_utf8(self.bytes().await?)?)
    }

    /// The body, parsed as JSON.
    ///
    /// # Errors
    /// When the body broke off or is not the JSON asked for.
    pub async fn json<B: DeserializeOwned>(&mut self) -> Result<B> {
        Ok(serde_json::from_slice(&self.bytes().await?)?)
    }

    /// The body as bytes. A stream is empty afterwards.
    ///
    /// # Errors
    /// When the body broke off.
    pub async fn bytes(&mut self) -> Result<Vec<u8>> {
        match &self.body {
            ResponseBody::Empty => Ok(Vec::new()),
            ResponseBody::Body(bytes) => Ok(bytes.clone()),
            ResponseBody::Stream(stream) => Ok(stream.read_to_end(BODY_BYTES_MAX).await?.into()),
        }
    }

    /// The body as a stream. A body in memory is a stream of one chunk.
    ///
    /// # Errors
    /// When there is no body.
    pub fn stream(&mut self) -> Result<ByteStream> {
        match &self.body {
            ResponseBody::Empty => Err(Error::from("response has no body")),
            ResponseBody::Body(bytes) => Ok(ByteStream::once(bytes.clone().into())),
            ResponseBody::Stream(stream) => Ok(stream.clone()),
        }
    }

    /// The client's end of the WebSocket that this response carries.
    pub fn websocket(self) -> Option<WebSocket> {
        self.init.websocket
    }

    /// Sets all headers.
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.init.headers = headers;
        self
    }

    /// Sets the status. One outside 200 to 599 fails when the response is sent.
    pub fn with_status(mut self, status_code: u16) -> Self {
        self.init.status_code = status_code;
        self
    }

    /// Adds the headers of `cors`.
    ///
    /// # Errors
    /// When `cors` holds something that no header can hold.
    pub fn with_cors(mut self, cors: &Cors) -> Result<Self> {
        cors.apply_headers(&mut self.init.headers)?;
        Ok(self)
    }

    /// Sets the client's end of a WebSocket pair. Needs status 101.
    pub fn with_websocket(mut self, websocket: Option<WebSocket>) -> Self {
        self.init.websocket = websocket;
        self
    }

    /// Whether the runtime may compress the body.
    pub fn encode_body(&self) -> &EncodeBody {
        &self.init.encode_body
    }

    /// Sets whether the runtime may compress the body.
    pub fn with_encode_body(mut self, encode_body: EncodeBody) -> Self {
        self.init.encode_body = encode_body;
        self
    }

    /// What [`with_cf`](Self::with_cf) attached.
    ///
    /// # Errors
    /// When that is not a `T`.
    pub fn cf<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let cf = self.init.cf.as_ref();
        Ok(cf.map(T::deserialize).transpose()?)
    }

    /// Attaches a structure for whoever reads this response next in this object. It is not sent.
    ///
    /// # Errors
    /// When `cf` is not a structure.
    pub fn with_cf<T: Serialize>(mut self, cf: Option<T>) -> Result<Self> {
        match cf {
            Some(cf) => self.init = self.init.with_cf(cf)?,
            None => self.init.cf = None,
        }
        Ok(self)
    }

    /// The headers.
    pub fn headers(&self) -> &Headers {
        &self.init.headers
    }

    /// The headers, to be changed.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.init.headers
    }

    /// Takes the response apart, to be built anew.
    pub fn into_parts(self) -> (ResponseBuilder, ResponseBody) {
        (self.init, self.body)
    }

    /// The same response once more. A stream is split in two.
    ///
    /// # Errors
    /// When the response carries a WebSocket.
    pub fn cloned(&mut self) -> Result<Self> {
        if self.init.websocket.is_some() {
            let text = "Cannot clone a response to a WebSocket handshake.";
            return Err(Error::JsError(text.to_owned()));
        }
        let body = match &self.body {
            ResponseBody::Stream(stream) => ResponseBody::Stream(stream.tee()),
            body => body.clone(),
        };
        Ok(self.init.clone().body(body))
    }

    /// A response that came through a stub.
    pub(crate) fn from_http(head: http::response::Parts, body: Payload, websocket: Option<WebSocket>) -> Self {
        let body = match body {
            Payload::Empty => ResponseBody::Empty,
            Payload::Full(bytes) => ResponseBody::Body(bytes.into()),
            Payload::Stream(stream) => ResponseBody::Stream(stream),
        };
        let init = ResponseBuilder {
            status_code: head.status.as_u16(),
            headers: head.headers.into(),
            websocket,
            ..ResponseBuilder::new()
        };
        Self { body, init }
    }

    /// This response as it is sent.
    pub(crate) fn into_http(self) -> Result<(StatusCode, HeaderMap, Payload, Option<WebSocket>)> {
        let ResponseBuilder { status_code, headers, websocket, .. } = self.init;
        match (status_code, &websocket) {
            (101, Some(_)) | (200..=599, None) => {}
            (_, Some(_)) => return Err(refused("Responses with a WebSocket must have status code 101.")),
            (_, None) => {
                return Err(refused(
                    "Responses may only be constructed with status codes in the range 200 to 599, inclusive.",
                ));
            }
        }
        let body = match self.body {
            ResponseBody::Empty => Payload::Empty,
            ResponseBody::Body(bytes) => Payload::Full(Bytes::from(bytes)),
            ResponseBody::Stream(stream) => Payload::Stream(stream),
        };
        let body = match (status_code, body) {
            (101 | 204 | 205 | 304, Payload::Full(bytes)) if bytes.is_empty() => Payload::Empty,
            (101 | 204 | 205 | 304, Payload::Full(_) | Payload::Stream(_)) => {
                return Err(refused("Response with null body status (101, 204, 205, or 304) cannot have a body."));
            }
            (_, body) => body,
        };
        let status = StatusCode::from_u16(status_code)?;
        Ok((status, headers.into(), body, websocket))
    }
}

fn refused(text: &str) -> Error {
    Error::JsError(text.to_owned())
}

/// What a `fetch` handler can return.
#[diagnostic::on_unimplemented(message = "a `fetch` handler returns a response, not `{Self}`")]
pub trait IntoResponse {
    /// Converts into what the runtime sends.
    ///
    /// # Errors
    /// When no response can be made; the client then gets a 500.
    fn into_raw(self) -> std::result::Result<Response, impl Into<Box<dyn std::error::Error>>>;
}

impl IntoResponse for Response {
    fn into_raw(self) -> std::result::Result<Response, impl Into<Box<dyn std::error::Error>>> {
        Ok::<_, Error>(self)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::stream;
    use serde_json::json;

    use super::{EncodeBody, Response, ResponseBody, ResponseBuilder};
    use crate::Result;
    use crate::body::Payload;
    use crate::error::Error;
    use crate::headers::Headers;

    fn text(mut response: Response) -> String {
        response.text().now_or_never().unwrap().unwrap()
    }

    #[test]
    fn constructors_set_status_type_and_body() {
        fn check(response: Result<Response>, status: u16, content_type: Option<&str>, body: &str) {
            let response = response.unwrap();
            assert_eq!(response.status_code(), status);
            assert_eq!(response.headers().get("content-type").unwrap().as_deref(), content_type);
            assert_eq!(text(response), body);
        }
        check(Response::ok("a"), 200, Some("text/plain; charset=utf-8"), "a");
        check(Response::from_html("a"), 200, Some("text/html; charset=utf-8"), "a");
        check(Response::from_json(&json!({ "a": 1 })), 200, Some("application/json"), "{\"a\":1}");
        check(Response::from_bytes(b"a".to_vec()), 200, Some("application/octet-stream"), "a");
        check(Response::from_body(ResponseBody::Body(b"a".to_vec())), 200, None, "a");
        check(Response::from_stream(stream::iter([Ok::<_, Error>("a"), Ok("b")])), 200, None, "ab");
        check(Response::empty(), 200, None, "");
        check(Response::error("a", 404), 404, None, "a");
        check(Response::builder().with_status(201).ok("a"), 201, Some("text/plain; charset=utf-8"), "a");
        check(ResponseBuilder::new().with_header("Content-Type", "a/b").map(|b| b.fixed(vec![])), 200, Some("a/b"), "");
    }

    #[test]
    fn a_status_must_fit_its_constructor() {
        for status in [0, 200, 399, 600] {
            assert!(Response::error("", status).is_err(), "{status}");
        }
        let url = || "https://example.com/a b".parse().unwrap();
        for status in [200, 300, 304, 305, 400] {
            assert!(Response::redirect_with_status(url(), status).is_err(), "{status}");
        }
        for response in [Response::redirect(url()), Response::redirect_with_status(url(), 302)] {
            let response = response.unwrap();
            assert_eq!(response.status_code(), 302);
            let location = response.headers().get("location").unwrap();
            assert_eq!(location.as_deref(), Some("https://example.com/a%20b"));
        }
    }

    #[test]
    fn a_body_in_memory_is_read_again_and_a_stream_is_not() {
        let mut fixed = Response::ok("[1]").unwrap();
        assert_eq!(fixed.json::<Vec<u8>>().now_or_never().unwrap().unwrap(), [1]);
        assert_eq!(fixed.bytes().now_or_never().unwrap().unwrap(), b"[1]");
        assert_eq!(fixed.stream().unwrap().read_to_end(9).now_or_never().unwrap().unwrap(), "[1]");
        assert!(Response::empty().unwrap().stream().is_err());

        let mut stream = Response::from_stream(stream::iter([Ok::<_, Error>(vec![0xff])])).unwrap();
        assert!(matches!(stream.text().now_or_never().unwrap(), Err(Error::Utf8Error(_))));
        assert_eq!(stream.bytes().now_or_never().unwrap().unwrap(), b"");
    }

    #[test]
    fn parts_and_clones_keep_everything() {
        let headers: Headers = [("x-a", "1")].iter().collect();
        let mut response = Response::ok("a").unwrap().with_headers(headers).with_status(299);
        response = response.with_encode_body(EncodeBody::Manual).with_cf(Some(json!({ "a": 1 }))).unwrap();
        let copy = response.cloned().unwrap();
        let (builder, body) = response.into_parts();
        for response in [copy, builder.body(body)] {
            assert_eq!(response.status_code(), 299);
            assert_eq!(response.headers().get("x-a").unwrap().as_deref(), Some("1"));
            assert!(matches!(response.encode_body(), EncodeBody::Manual));
            assert_eq!(response.cf().unwrap(), Some(json!({ "a": 1 })));
            assert_eq!(text(response), "a");
        }
        assert!(Response::empty().unwrap().with_cf(Some(1)).is_err());
    }

    #[test]
    fn a_null_body_status_takes_an_empty_body() {
        for status in [204, 205, 304] {
            let (sent, _, body, _) = Response::ok("").unwrap().with_status(status).into_http().unwrap();
            assert_eq!(sent, status);
            assert!(matches!(body, Payload::Empty));
            assert!(Response::ok("a").unwrap().with_status(status).into_http().is_err());
        }
    }
}
