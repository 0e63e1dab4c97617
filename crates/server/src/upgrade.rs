//! The server's half of the WebSocket handshake (RFC 6455, section 4.2; within HTTP/2 RFC 8441).
//!
//! A request that says `Upgrade: websocket`, or within HTTP/2 a CONNECT with that protocol, and does not keep the rules of the handshake is refused here, before
//! user code sees it. One that says nothing of the kind is an ordinary request: what to answer to it on a route
//! that wants a socket is the user's decision.

mod deflate;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dormouse_runtime::request::Uncompressed;
use dormouse_runtime::sockets::frame::agreement::{Agreement, Reserved};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, StatusCode, Version, request};
use hyper::ext::Protocol;
use sha1::{Digest, Sha1};

pub use self::deflate::Compression;
pub(crate) use self::deflate::{Asked, Offers};

/// What every key is joined with before it is hashed (RFC 6455, section 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A handshake that keeps the rules.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// The answer to the client's key; within HTTP/2 there is none.
    accept: Option<HeaderValue>,
    offers: Offers,
}

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("a WebSocket handshake must be a GET request")]
    Method,
    #[error("a WebSocket handshake must use HTTP/1.1")]
    Version,
    #[error("a WebSocket handshake must have the header `Connection: Upgrade`")]
    Connection,
    #[error("a WebSocket handshake must have the header `Sec-WebSocket-Version: 13`")]
    WebSocketVersion,
    #[error("a WebSocket handshake must have one `Sec-WebSocket-Key` of 16 bytes in base64")]
    Key,
    #[error("this server connects to nothing but its own WebSockets")]
    Connect,
}

impl Refused {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Refused::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refused::WebSocketVersion => StatusCode::UPGRADE_REQUIRED,
            // As RFC 9220, section 3, has it for protocols that are not known.
            Refused::Connect => StatusCode::NOT_IMPLEMENTED,
            Refused::Version | Refused::Connection | Refused::Key => StatusCode::BAD_REQUEST,
        }
    }

    /// What the refusal says beside its text.
    pub(crate) fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Refused::Method => Some((http::header::ALLOW, HeaderValue::from_static("GET"))),
            Refused::WebSocketVersion => Some((SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))),
            Refused::Version | Refused::Connection | Refused::Key | Refused::Connect => None,
        }
    }
}

impl Handshake {
    /// Reads the handshake in a request's head; `None` when it is an ordinary request. A handshake within HTTP/2 is
    /// made what user code knows: a GET that asks for an upgrade.
    pub(crate) fn read(head: &mut request::Parts) -> Result<Option<Self>, Refused> {
        if head.method == Method::CONNECT {
            return Self::read_connect(head).map(Some);
        }
        if !has_token(&head.headers, &UPGRADE, "websocket") {
            return Ok(None);
        }
        if head.method != Method::GET {
            return Err(Refused::Method);
        }
        if head.version != Version::HTTP_11 {
            return Err(Refused::Version);
        }
        if !has_token(&head.headers, &CONNECTION, "upgrade") {
            return Err(Refused::Connection);
        }
        check_version(&head.headers)?;
        let mut keys = head.headers.get_all(SEC_WEBSOCKET_KEY).iter();
        let (Some(key), None) = (keys.next(), keys.next()) else { return Err(Refused::Key) };
        if STANDARD.decode(key).map_or(0, |key| key.len()) != 16 {
            return Err(Refused::Key);
        }
        let accept = HeaderValue::from_str(&accept(key.as_bytes())).map_err(|_| Refused::Key)?;
        Ok(Some(Self { accept: Some(accept), offers: offers(&head.headers) }))
    }

    fn read_connect(head: &mut request::Parts) -> Result<Self, Refused> {
        let protocol = head.extensions.remove::<Protocol>().ok_or(Refused::Connect)?;
        if !protocol.as_str().eq_ignore_ascii_case("websocket") {
            return Err(Refused::Connect);
        }
        check_version(&head.headers)?;
        head.method = Method::GET;
        head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        head.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        Ok(Self { accept: None, offers: offers(&head.headers) })
    }

    /// The same for a socket whose messages are compressed already, as its client is `told`; `None` when it cannot be told
    /// that.
    pub(crate) fn complete_as<T>(self, response: &mut http::Response<T>, told: &str) -> Option<()> {
        let value = HeaderValue::from_str(told).ok().filter(|_| self.offers.permit(told))?;
        self.complete(response, Compression::Off, |_| None);
        response.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, value);
        Some(())
    }

    /// Completes the head of a response with status 101, which within HTTP/2 becomes 200, and tells how the socket's
    /// messages are compressed. Headers that user code set stay, but for the ones that are the handshake's own; of these
    /// the extensions are heard as a wish, as workerd has it. `reserve` sets memory aside for what messages refer to.
    pub(crate) fn complete<T>(
        self,
        response: &mut http::Response<T>,
        compression: Compression,
        reserve: impl FnOnce(usize) -> Option<Reserved>,
    ) -> Option<Agreement> {
        let is_refused = response.extensions().get::<Uncompressed>().is_some();
        let headers = response.headers_mut();
        let offered = match (is_refused, headers.contains_key(SEC_WEBSOCKET_EXTENSIONS)) {
            (true, _) => Offers::default(),
            (false, true) => self.offers.restricted_by(&offers(headers)),
            (false, false) => self.offers,
        };
        headers.remove(SEC_WEBSOCKET_EXTENSIONS);
        headers.remove(CONTENT_LENGTH);
        headers.remove(TRANSFER_ENCODING);
        match self.accept {
            Some(accept) => {
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
            }
            None => {
                // The headers of an upgrade have no place in HTTP/2 (RFC 9113, section 8.2.2).
                for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
                    headers.remove(name);
                }
                *response.status_mut() = StatusCode::OK;
            }
        }
        let headers = response.headers_mut();
        let (answer, agreement) = offered.accept(compression, reserve)?;
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(&answer).ok()?);
        Some(agreement)
    }
}

fn check_version(headers: &HeaderMap) -> Result<(), Refused> {
    match headers.get(SEC_WEBSOCKET_VERSION) {
        Some(version) if version == "13" => Ok(()),
        _ => Err(Refused::WebSocketVersion),
    }
}

/// What a server answers to a key, to prove that it has seen it.
pub(crate) fn accept(key: &[u8]) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(KEY_SUFFIX).finalize())
}

/// What a request offers.
pub(crate) fn offers(headers: &HeaderMap) -> Offers {
    Offers::read(headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().map(|value| value.to_str().ok()))
}

/// Whether a header's list of tokens has this one, whatever its case.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|have| have.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use dormouse_runtime::request::Uncompressed;
    use http::{Method, Request};
    use hyper::ext::Protocol;

    use super::{Compression, Handshake, Refused};

    /// The example of RFC 6455, section 1.3, with these lines put over it.
    fn read(changes: &[(&str, &str)]) -> Result<Option<Handshake>, Refused> {
        let mut request = Request::get("/chat");
        let mut headers: Vec<(&str, &str)> = vec![
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
        ];
        for (name, value) in changes {
            headers.retain(|(have, _)| have != name);
            if !value.is_empty() {
                headers.push((name, value));
            }
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Handshake::read(&mut request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        let mut response = http::Response::new(());
        let headers = response.headers_mut();
        headers.insert("content-length", "0".parse().unwrap());
        headers.insert("sec-websocket-protocol", "chat".parse().unwrap());
        let handshake = read(&[]).unwrap().unwrap();
        assert!(handshake.complete(&mut response, Compression::default(), |_| None).is_none());
        let headers = response.headers();
        assert!(!headers.contains_key("sec-websocket-extensions"), "nothing was offered");
        assert_eq!(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(headers["connection"], "Upgrade");
        assert_eq!(headers["sec-websocket-protocol"], "chat");
        assert!(!headers.contains_key("content-length"));
    }

    #[test]
    fn a_handshake_within_http_2_becomes_a_get_and_is_answered_with_200() {
        let request = Request::connect("https://test/chat").extension(Protocol::from_static("websocket"));
        let request = request.header("sec-websocket-version", "13").header("sec-websocket-protocol", "chat, other");
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        let handshake = Handshake::read(&mut head).unwrap().unwrap();
        assert_eq!((&head.method, &head.headers["upgrade"]), (&Method::GET, &"websocket".parse().unwrap()));
        assert_eq!(head.headers["sec-websocket-protocol"], "chat, other");
        let mut response = http::Response::builder().status(101).body(()).unwrap();
        for (name, value) in [("sec-websocket-protocol", "chat"), ("upgrade", "websocket"), ("content-length", "0")] {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        assert!(handshake.complete(&mut response, Compression::default(), |_| None).is_none());
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().len(), 1, "the headers of an upgrade have no place there");
        assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    }

    /// The extensions of the response to one who offers compression, when user code says this.
    fn extensions(wish: Option<&str>, refused: bool) -> Option<String> {
        let handshake = read(&[("sec-websocket-extensions", "permessage-deflate")]).unwrap().unwrap();
        let mut response = http::Response::new(());
        if let Some(wish) = wish {
            response.headers_mut().insert("sec-websocket-extensions", wish.parse().unwrap());
        }
        if refused {
            response.extensions_mut().insert(Uncompressed);
        }
        let agreement = handshake.complete(&mut response, Compression::default(), |_| None);
        let mut answers = response.headers().get_all("sec-websocket-extensions").iter();
        let answer = answers.next().map(|answer| answer.to_str().unwrap().to_owned());
        assert_eq!(agreement.is_some(), answer.is_some());
        assert!(answers.next().is_none());
        answer
    }

    #[test]
    fn user_code_can_ask_for_less_compression_and_not_for_more() {
        let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(extensions(None, false).as_deref(), Some(both));
        assert_eq!(extensions(Some("permessage-deflate"), false).as_deref(), Some(both));
        let wish = "permessage-deflate; server_max_window_bits=9";
        assert_eq!(extensions(Some(wish), false), Some(format!("{both}; server_max_window_bits=9")));
        assert_eq!(extensions(Some("none"), false), None);
        assert_eq!(extensions(Some("permessage-deflate"), true), None);
        assert_eq!(extensions(None, true), None);
    }

    #[test]
    fn tokens_are_found_in_lists_and_in_any_case() {
        assert!(read(&[("upgrade", "h2c, WebSocket"), ("connection", "keep-alive, upgrade")]).unwrap().is_some());
    }

    #[test]
    fn what_asks_for_no_socket_is_an_ordinary_request() {
        assert!(read(&[("upgrade", "")]).unwrap().is_none());
        assert!(read(&[("upgrade", "h2c")]).unwrap().is_none());
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        for (change, refused) in [
            (("connection", ""), Refused::Connection),
            (("connection", "close"), Refused::Connection),
            (("sec-websocket-version", ""), Refused::WebSocketVersion),
            (("sec-websocket-version", "8"), Refused::WebSocketVersion),
            (("sec-websocket-key", ""), Refused::Key),
            (("sec-websocket-key", "short"), Refused::Key),
            (("sec-websocket-key", "bm90IHNpeHRlZW4="), Refused::Key),
        ] {
            assert_eq!(read(&[change]).unwrap_err(), refused, "{change:?}");
        }
    }
}
