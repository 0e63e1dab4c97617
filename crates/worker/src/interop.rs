//! Requests and responses in the types of the `http` crate, for frameworks that speak them.
//!
//! In the `worker` crate this is the feature `http`. Here it is always there; the feature exists and is empty.

use bytes::Bytes;

use crate::Result;
use crate::body::Payload;
use crate::error::Error;
use crate::native::{Body, Host, convert};
use crate::request::{FromRequest, Request};
use crate::response::{IntoResponse, Response};

/// A request in the type of the `http` crate.
pub type HttpRequest = http::Request<Body>;

/// A response in the type of the `http` crate.
pub type HttpResponse = http::Response<Body>;

impl<B> TryFrom<http::Request<B>> for Request
where
    B: http_body::Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Error = Error;

    fn try_from(request: http::Request<B>) -> Result<Self> {
        let (head, body) = request.into_parts();
        Request::from_http(head, Payload::from_http(body)).clone_mut()
    }
}

impl TryFrom<Request> for HttpRequest {
    type Error = Error;

    fn try_from(request: Request) -> Result<Self> {
        let (head, payload) = request.into_http()?;
        Ok(http::Request::from_parts(head, body(payload)?))
    }
}

impl<B> TryFrom<http::Response<B>> for Response
where
    B: http_body::Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Error = Error;

    fn try_from(response: http::Response<B>) -> Result<Self> {
        let (head, body) = response.into_parts();
        Ok(Response::from_http(head, Payload::from_http(body), None))
    }
}

impl TryFrom<Response> for HttpResponse {
    type Error = Error;

    /// Fails for a response with a WebSocket, which this type has no place for.
    fn try_from(response: Response) -> Result<Self> {
        let (status, headers, payload, websocket) = response.into_http()?;
        if websocket.is_some() {
            return Err(Error::from("an http::Response cannot carry a WebSocket"));
        }
        let mut response = http::Response::new(body(payload)?);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

impl FromRequest for HttpRequest {
    fn from_raw(request: Request) -> std::result::Result<Self, impl Into<Box<dyn std::error::Error>>> {
        HttpRequest::try_from(request)
    }
}

impl<B> IntoResponse for http::Response<B>
where
    B: http_body::Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn into_raw(self) -> std::result::Result<Response, impl Into<Box<dyn std::error::Error>>> {
        Response::try_from(self)
    }
}

/// A stream needs a task to read it; everything else is at hand.
fn body(payload: Payload) -> Result<Body> {
    match payload {
        Payload::Empty => Ok(Body::empty()),
        Payload::Full(bytes) => Ok(bytes.into()),
        stream @ Payload::Stream(_) => Ok(convert::body(&Host::current()?, stream)),
    }
}
