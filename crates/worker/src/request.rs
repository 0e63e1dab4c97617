//! A request: one that the runtime delivered, or one to send through a stub.
//!
//! What was delivered is immutable, as in the `worker` crate; a [`clone_mut`](Request::clone_mut) may be
//! changed. The URL is parsed only when it is asked for: a router needs the path alone.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Uri};
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::mem;
use url::Url;

use crate::Result;
use crate::body::{Payload, decode};
use crate::cf::Cf;
use crate::error::Error;
use crate::formdata::FormData;
use crate::headers::Headers;
use crate::method::Method;
use crate::request_init::{RequestBody, RequestInit};
use crate::streams::ByteStream;

/// An HTTP request.
#[derive(Debug)]
pub struct Request {
    /// As it arrived, so that a method that [`Method`] does not know passes through.
    method: http::Method,
    /// Absolute.
    url: String,
    path: String,
    headers: Headers,
    cf: Option<Cf>,
    /// In a cell because `clone` takes `&self` and splits a stream.
    body: RefCell<Payload>,
    body_used: bool,
}

impl Request {
    /// A request without headers and body.
    ///
    /// # Errors
    /// When `uri` is not an absolute URL.
    pub fn new(uri: &str, method: Method) -> Result<Self> {
        let mut init = RequestInit::new();
        init.with_method(method);
        Self::new_with_init(uri, &init)
    }

    /// A request as `init` describes it.
    ///
    /// # Errors
    /// When `uri` is not an absolute URL, or there is a body on a `GET` or a `HEAD`.
    pub fn new_with_init(uri: &str, init: &RequestInit) -> Result<Self> {
        let url = Url::parse(uri).map_err(|_| Error::JsError(format!("Invalid URL: {uri}")))?;
        if init.body.is_some() && matches!(init.method, Method::Get | Method::Head) {
            let text = "Request with a GET or HEAD method cannot have a body.";
            return Err(Error::JsError(text.to_owned()));
        }
        let mut headers = init.headers.clone();
        let body = match &init.body {
            None => Payload::Empty,
            Some(RequestBody::Text(text)) => {
                if headers.with_first(&CONTENT_TYPE, |_| ()).is_none() {
                    let text = HeaderValue::from_static("text/plain;charset=UTF-8");
                    headers.put(CONTENT_TYPE, text);
                }
                Payload::Full(Bytes::copy_from_slice(text.as_bytes()))
            }
            Some(RequestBody::Bytes(bytes)) => Payload::Full(bytes.clone()),
            Some(RequestBody::Stream(stream)) => Payload::Stream(stream.clone()),
        };
        Ok(Self {
            method: http::Method::from(&init.method),
            path: path_of(&url),
            url: url.into(),
            headers,
            cf: None,
            body: RefCell::new(body),
            body_used: false,
        })
    }

    /// The body, parsed as JSON.
    ///
    /// # Errors
    /// When the body was used before, broke off, or is not the JSON asked for.
    pub async fn json<B: DeserializeOwned>(&mut self) -> Result<B> {
        Ok(serde_json::from_slice(&self.take_body()?.collect().await?)?)
    }

    /// The body as text. Bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// When the body was used before or broke off.
    pub async fn text(&mut self) -> Result<String> {
        Ok(decode(&self.take_body()?.collect().await?))
    }

    /// The body as bytes.
    ///
    /// # Errors
    /// When the body was used before or broke off.
    pub async fn bytes(&mut self) -> Result<Vec<u8>> {
        Ok(self.take_body()?.collect().await?.into())
    }

    /// The body as a form.
    ///
    /// # Errors
    /// When the body was used before, broke off, or the content type is not that of a form.
    pub async fn form_data(&mut self) -> Result<FormData> {
        let content_type = self.headers.get(CONTENT_TYPE.as_str())?;
        let content_type = content_type.unwrap_or_default();
        FormData::parse(&content_type, self.take_body()?.collect().await?).await
    }

    /// The body as a stream.
    ///
    /// # Errors
    /// When the body was used before, or there is none.
    pub fn stream(&mut self) -> Result<ByteStream> {
        match self.take_body()? {
            Payload::Empty => Err(Error::from("request has no body")),
            Payload::Full(bytes) => Ok(ByteStream::once(bytes)),
            Payload::Stream(stream) => Ok(stream),
        }
    }

    /// The headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers, to be changed.
    ///
    /// # Errors
    /// When the runtime delivered this request: clone it first.
    pub fn headers_mut(&mut self) -> Result<&mut Headers> {
        self.check_mutable()?;
        Ok(&mut self.headers)
    }

    /// What is known about the connection; `None` for a request made here.
    pub fn cf(&self) -> Option<&Cf> {
        self.cf.as_ref()
    }

    /// The method. One that has no name in [`Method`] shows as `GET`, and is still sent as it is.
    pub fn method(&self) -> Method {
        Method::from(&self.method)
    }

    /// The path of the URL.
    pub fn path(&self) -> String {
        self.path.clone()
    }

    /// What [`path`](Self::path) returns, to be changed. The URL stays as it is, so this moves routing and
    /// nothing else.
    ///
    /// # Errors
    /// When the runtime delivered this request: clone it first.
    pub fn path_mut(&mut self) -> Result<&mut String> {
        self.check_mutable()?;
        Ok(&mut self.path)
    }

    /// The URL.
    ///
    /// # Errors
    /// When the client sent something that is no URL.
    pub fn url(&self) -> Result<Url> {
        Ok(Url::parse(&self.url)?)
    }

    /// The query of the URL, parsed.
    ///
    /// # Errors
    /// When the query does not have the fields asked for.
    pub fn query<Q: DeserializeOwned>(&self) -> Result<Q> {
        let url = self.url()?;
        let pairs = serde_urlencoded::Deserializer::new(url.query_pairs());
        Ok(Q::deserialize(pairs)?)
    }

    /// The same request once more, as immutable as this one. A body that is a stream is split in two.
    ///
    /// # Errors
    /// When the body was used.
    #[expect(clippy::should_implement_trait, reason = "the original's name; it can fail")]
    pub fn clone(&self) -> Result<Self> {
        let mut clone = self.clone_mut()?;
        if self.headers.is_immutable() {
            clone.headers = Headers::immutable(clone.headers.into());
        }
        clone.cf = self.cf.clone();
        Ok(clone)
    }

    /// The same request once more, to be changed.
    ///
    /// # Errors
    /// When the body was used.
    pub fn clone_mut(&self) -> Result<Self> {
        if self.body_used {
            return Err(Error::BodyUsed);
        }
        Ok(Self {
            method: self.method.clone(),
            url: self.url.clone(),
            path: self.path.clone(),
            headers: self.headers.clone(),
            cf: None,
            body: RefCell::new(self.body.borrow().tee()),
            body_used: false,
        })
    }

    fn take_body(&mut self) -> Result<Payload> {
        if mem::replace(&mut self.body_used, true) {
            return Err(Error::BodyUsed);
        }
        Ok(mem::take(self.body.get_mut()))
    }

    fn check_mutable(&self) -> Result<()> {
        if self.headers.is_immutable() {
            return Err(Error::JsError("Can't modify an immutable request.".to_owned()));
        }
        Ok(())
    }

    /// A request that the runtime delivered.
    pub(crate) fn from_http(head: http::request::Parts, body: Payload) -> Self {
        let cf = Cf::of(&head);
        Self {
            url: absolute(&head.uri, &head.headers),
            path: head.uri.path().to_owned(),
            method: head.method,
            headers: Headers::immutable(head.headers),
            cf: Some(cf),
            body: RefCell::new(body),
            body_used: false,
        }
    }

    /// This request as it is sent.
    pub(crate) fn into_http(mut self) -> Result<(http::request::Parts, Payload)> {
        let body = self.take_body()?;
        let mut request = http::Request::new(());
        *request.method_mut() = self.method;
        // A fragment is never sent, and `Uri` has no place for one.
        let url = self.url.split('#').next().unwrap_or_default();
        *request.uri_mut() = url.parse().map_err(http::Error::from)?;
        *request.headers_mut() = self.headers.into();
        Ok((request.into_parts().0, body))
    }
}

fn path_of(url: &Url) -> String {
    match url.path() {
        "" => "/".to_owned(),
        path => path.to_owned(),
    }
}

/// The URL of a request whose target may be a path alone, as HTTP/1 sends it.
fn absolute(uri: &Uri, headers: &HeaderMap) -> String {
    if uri.scheme().is_some() {
        return uri.to_string();
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or(uri.authority().map(|authority| authority.as_str()));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("http://{}{path}", host.unwrap_or("localhost"))
}

/// What a `fetch` handler can take as its request.
#[diagnostic::on_unimplemented(message = "the first argument of a `fetch` handler is a request, not `{Self}`")]
pub trait FromRequest: Sized {
    /// Converts what the runtime delivered.
    ///
    /// # Errors
    /// When the request does not fit; the client then gets a 500.
    fn from_raw(request: Request) -> std::result::Result<Self, impl Into<Box<dyn std::error::Error>>>;
}

impl FromRequest for Request {
    fn from_raw(request: Request) -> std::result::Result<Self, impl Into<Box<dyn std::error::Error>>> {
        Ok::<_, Error>(request)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bytes::Bytes;
    use futures_util::FutureExt;

    use super::Request;
    use crate::body::Payload;
    use crate::error::Error;
    use crate::method::Method;
    use crate::request_init::RequestInit;

    fn delivered(builder: http::request::Builder, body: &'static str) -> Request {
        let (head, ()) = builder.body(()).unwrap().into_parts();
        Request::from_http(head, Payload::Full(Bytes::from(body)))
    }

    fn post(body: &str) -> Request {
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(body.into()));
        Request::new_with_init("https://example.com/", &init).unwrap()
    }

    #[test]
    fn urls_become_absolute() {
        fn check(uri: &str, host: Option<&str>, url: &str, path: &str) {
            let mut builder = http::Request::builder().uri(uri);
            if let Some(host) = host {
                builder = builder.header("host", host);
            }
            let request = delivered(builder, "");
            assert_eq!(request.url().unwrap().as_str(), url);
            assert_eq!(request.path(), path);
        }
        check("/a?b=1", Some("x.example:80"), "http://x.example/a?b=1", "/a");
        check("/", None, "http://localhost/", "/");
        check("https://y.example/z", Some("x"), "https://y.example/z", "/z");
        check("https://y.example", None, "https://y.example/", "/");
    }

    #[test]
    fn new_requests_are_checked() {
        fn check(uri: &str, method: Method, expected: Option<&str>) {
            let error = Request::new(uri, method).err().map(|e| e.to_string());
            assert_eq!(error.as_deref(), expected);
        }
        check("https://example.com", Method::Get, None);
        check("/x", Method::Get, Some("Invalid URL: /x"));
        let mut init = RequestInit::new();
        init.with_body(Some("x".into()));
        let error = Request::new_with_init("https://example.com", &init).unwrap_err();
        assert_eq!(error.to_string(), "Request with a GET or HEAD method cannot have a body.");
        assert_eq!(Request::new("https://e.com", Method::Get).unwrap().path(), "/");
    }

    #[test]
    fn a_body_is_read_once_in_any_form() {
        let mut request = post("{\"a\": 1}");
        let map: HashMap<String, u8> = request.json().now_or_never().unwrap().unwrap();
        assert_eq!(map["a"], 1);
        let again = request.text().now_or_never().unwrap();
        assert!(matches!(again, Err(Error::BodyUsed)));
        assert!(matches!(request.clone(), Err(Error::BodyUsed)));

        assert_eq!(post("hi").text().now_or_never().unwrap().unwrap(), "hi");
        assert_eq!(post("hi").bytes().now_or_never().unwrap().unwrap(), b"hi");
        assert!(post("hi").json::<u8>().now_or_never().unwrap().is_err());
        let stream = post("hi").stream().unwrap();
        let all = stream.read_to_end(9).now_or_never().unwrap().unwrap();
        assert_eq!(all, "hi");
        let form = post("a=1").form_data().now_or_never().unwrap();
        assert!(matches!(form, Err(Error::BadEncoding)));
    }

    #[test]
    fn delivered_requests_are_immutable_until_cloned() {
        let builder = http::Request::builder().uri("/a").header("x", "1");
        let mut request = delivered(builder, "body");
        assert!(request.headers_mut().is_err());
        assert!(request.path_mut().is_err());
        assert!(request.cf().is_some());
        assert!(request.clone().unwrap().headers_mut().is_err());

        let mut copy = request.clone_mut().unwrap();
        copy.headers_mut().unwrap().set("x", "2").unwrap();
        copy.path_mut().unwrap().push_str("/b");
        assert_eq!(copy.path(), "/a/b");
        assert_eq!(copy.url().unwrap().path(), "/a");
        assert_eq!(copy.text().now_or_never().unwrap().unwrap(), "body");
        assert_eq!(request.text().now_or_never().unwrap().unwrap(), "body");
        assert_eq!(request.headers().get("x").unwrap().as_deref(), Some("1"));
    }

    #[test]
    fn queries_deserialize() {
        let request = Request::new("https://e.com/?a=1&b=x%20y", Method::Get).unwrap();
        let query: HashMap<String, String> = request.query().unwrap();
        assert_eq!((query["a"].as_str(), query["b"].as_str()), ("1", "x y"));
        assert!(request.query::<HashMap<String, u8>>().is_err());
    }

    #[test]
    fn requests_are_sent_as_they_came() {
        let builder = http::Request::builder().method("BREW").uri("http://e.com/a?b");
        let request = delivered(builder.header("x", "1"), "body");
        assert_eq!(request.method(), Method::Get);
        let (head, body) = request.into_http().unwrap();
        assert_eq!((head.method.as_str(), head.uri.to_string()), ("BREW", "http://e.com/a?b".into()));
        assert_eq!(head.headers["x"], "1");
        assert!(matches!(body, Payload::Full(bytes) if bytes == "body"));

        let request = Request::new("https://e.com/a#part", Method::Put).unwrap();
        assert_eq!(request.into_http().unwrap().0.uri, "https://e.com/a");
    }
}
