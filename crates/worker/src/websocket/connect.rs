//! Sockets to servers outside.
//!
//! As in the `worker` crate, it is a `fetch` with `Upgrade: websocket` whose response has a socket, so redirects are
//! followed, and what comes back is a client end that is still to be accepted. Which protocol the server has chosen is
//! not checked. No compression is offered: what comes back may be passed on to a client that does not know it.

use http::header::{HeaderValue, LOCATION, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use url::Url;

use super::WebSocket;
use crate::Result;
use crate::error::Error;
use crate::limits::REDIRECTS_MAX;
use crate::native::{Body, Host, convert};

impl WebSocket {
    /// Opens a socket to a server outside. It is to be [accepted](Self::accept) before it is used.
    ///
    /// ```
    /// # use worker::*;
    /// use futures_util::StreamExt;
    ///
    /// # async fn example() -> Result<()> {
    /// let ws = WebSocket::connect("wss://echo.example/".parse()?).await?;
    /// let mut events = ws.events()?;
    /// ws.accept()?;
    /// ws.send_with_str("hello")?;
    /// while let Some(event) = events.next().await {
    ///     if let WebsocketEvent::Message(message) = event? {
    ///         console_log!("{:?}", message.text());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the server cannot be reached, or does not agree to a socket.
    ///
    /// # Cancel safety
    /// Dropping the future ends the connection.
    pub async fn connect(url: Url) -> Result<WebSocket> {
        Self::connect_with_protocols(url, None).await
    }

    /// As [`connect`](Self::connect), with what is asked for in `Sec-WebSocket-Protocol`, the most wanted first.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and when a protocol cannot stand in a header.
    pub async fn connect_with_protocols(url: Url, protocols: Option<Vec<&str>>) -> Result<WebSocket> {
        let host = Host::current()?;
        let protocols = protocols.filter(|list| !list.is_empty()).map(|list| HeaderValue::from_str(&list.join(", ")));
        let protocols = protocols.transpose().map_err(|error| Error::Http(error.into()))?;
        let mut url = url;
        for _ in 0..=REDIRECTS_MAX {
            let mut request = http::Request::get(with_scheme_of_http(url.clone()).as_str()).body(Body::empty())?;
            request.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
            if let Some(protocols) = &protocols {
                request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocols.clone());
            }
            let response = host.ctx().fetch_outside(request).await.map_err(|error| convert::stub_error(&error))?;
            if let Some(end) = response.client {
                return Ok(WebSocket::client(host, end));
            }
            let location = response.http.headers().get(LOCATION).filter(|_| response.http.status().is_redirection());
            let Some(location) = location.and_then(|location| location.to_str().ok()) else {
                return Err(Error::from("server did not accept"));
            };
            url = url.join(location).map_err(|error| Error::from(format!("redirect to no URL: {error}")))?;
        }
        Err(Error::from("too many redirects"))
    }
}

/// The URL by which HTTP knows a WebSocket.
fn with_scheme_of_http(mut url: Url) -> Url {
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        _ => return url,
    };
    // These four are of one kind, so that the change is always possible.
    let _ = url.set_scheme(scheme);
    url.set_fragment(None);
    url
}
