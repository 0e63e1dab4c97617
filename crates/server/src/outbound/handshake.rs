//! The client's half of the WebSocket handshake (RFC 6455, section 4.1).
//!
//! A server that switches protocols and breaks the rules gives no socket. Which protocol it has chosen is for user code
//! to judge: workerd hands out one that was not asked for too, and does not ask for a `Connection: Upgrade`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dormouse_runtime::sockets::frame::agreement::{Agreement, Reserved};
use http::Method;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};

use crate::upgrade::{Asked, accept, has_token};

/// A handshake that was begun.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// What the server must answer.
    accept: String,
    /// What was offered of compression.
    asked: Option<Asked>,
}

/// Why a server that switches protocols gives no socket, in workerd's words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("Server failed WebSocket handshake: missing Upgrade header.")]
    NoUpgrade,
    #[error("Server failed WebSocket handshake: incorrect Upgrade header: expected 'websocket', got '{0}'.")]
    Upgrade(String),
    #[error("Server failed WebSocket handshake: missing Sec-WebSocket-Accept header.")]
    NoAccept,
    #[error(
        "Server failed WebSocket handshake: incorrect Sec-WebSocket-Accept header: expected '{expected}', got '{got}'."
    )]
    Accept { expected: String, got: String },
    #[error("Server failed WebSocket handshake: added Sec-WebSocket-Extensions when client did not offer any.")]
    Extensions,
    #[error("Server failed WebSocket handshake: Sec-WebSocket-Extensions are not what was offered.")]
    OtherExtensions,
}

/// Whether a request is one for a WebSocket.
pub(super) fn is_asked_for(headers: &HeaderMap) -> bool {
    has_token(headers, &UPGRADE, "websocket")
}

impl Handshake {
    /// Makes a handshake of a request, whatever it was; `random` is what the server is to prove that it has seen. Of
    /// compression it says what is asked for here.
    pub(super) fn begin<T>(request: &mut http::Request<T>, random: [u8; 16], asked: Option<Asked>) -> Self {
        let key = STANDARD.encode(random);
        let accept = accept(key.as_bytes());
        *request.method_mut() = Method::GET;
        let headers = request.headers_mut();
        for name in [CONTENT_LENGTH, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS] {
            headers.remove(name);
        }
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&key).expect("base64 is a header's value"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        if let Some(asked) = &asked {
            let offer = HeaderValue::from_str(&asked.text()).expect("names and numbers are a header's value");
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, offer);
        }
        Self { accept, asked }
    }

    /// Checks the answer of a server that switches protocols: how messages are compressed, and what that is in words for a
    /// client that the socket is passed on to. `reserve` sets memory aside for what messages refer to.
    ///
    /// # Errors
    ///
    /// When it breaks a rule.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        reserve: impl FnOnce(usize) -> Option<Reserved>,
    ) -> Result<Option<(Agreement, String)>, Broken> {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        match headers.get(UPGRADE) {
            None => return Err(Broken::NoUpgrade),
            Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"websocket") => {
                return Err(Broken::Upgrade(text(value)));
            }
            Some(_) => {}
        }
        match headers.get(SEC_WEBSOCKET_ACCEPT) {
            None => return Err(Broken::NoAccept),
            Some(value) if value.as_bytes() != self.accept.as_bytes() => {
                return Err(Broken::Accept { expected: self.accept.clone(), got: text(value) });
            }
            Some(_) => {}
        }
        let Some(asked) = &self.asked else {
            return if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) { Err(Broken::Extensions) } else { Ok(None) };
        };
        let extensions = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().map(|value| value.to_str().ok());
        asked.read_answer(extensions, reserve).map_err(|_| Broken::OtherExtensions)
    }
}

#[cfg(test)]
mod tests {
    use dormouse_runtime::sockets::frame::agreement::{Agreement, Budget};
    use http::header::HeaderMap;
    use http::{HeaderValue, Request};

    use super::Handshake;
    use crate::upgrade::{Compression, Offers};

    /// The key of RFC 6455, section 1.3.
    const RANDOM: [u8; 16] = *b"the sample nonce";

    /// What becomes of an answer with these headers.
    fn check(headers: &[(&'static str, &'static str)]) -> String {
        check_after(None, headers)
    }

    /// The same after user code's offer, where messages may refer to earlier ones and there are 10,000 bytes of memory.
    fn check_after(offer: Option<&'static str>, headers: &[(&'static str, &'static str)]) -> String {
        let asked = offer.map(|offer| Offers::read([Some(offer)].into_iter()).asked(Compression::Streams).unwrap());
        let handshake = Handshake::begin(&mut Request::new(()), RANDOM, asked);
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        match handshake.check(&headers, |len| Budget::default().reserve(len, 10_000)) {
            Ok(None) => "ok".to_owned(),
            Ok(Some((Agreement::Messages { server_bits }, _))) => format!("messages {server_bits}"),
            Ok(Some((Agreement::Streams(streams), _))) => {
                let received = streams.received.map(|history| history.len_max());
                format!("streams {} {:?} {received:?}", streams.server_bits, streams.sent)
            }
            Err(broken) => broken.to_string(),
        }
    }

    const UPGRADE: (&str, &str) = ("upgrade", "WebSocket");
    const ACCEPT: (&str, &str) = ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

    #[test]
    fn a_request_of_any_kind_becomes_a_handshake() {
        let mut request = Request::post("/chat").header("content-length", "5").header("sec-websocket-key", "mine");
        request = request.header("sec-websocket-version", "8").header("sec-websocket-protocol", "chat");
        let mut request = request.header("sec-websocket-extensions", "permessage-deflate").body(()).unwrap();
        Handshake::begin(&mut request, RANDOM, None);
        assert_eq!(request.method(), "GET");
        let mut headers: Vec<String> = Vec::new();
        for (name, value) in request.headers() {
            headers.push(format!("{name}: {}", value.to_str().unwrap()));
        }
        headers.sort();
        let expected = [
            "connection: Upgrade",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
            "sec-websocket-protocol: chat",
            "sec-websocket-version: 13",
            "upgrade: websocket",
        ];
        assert_eq!(headers, expected);
    }

    #[test]
    fn a_server_that_keeps_the_rules_gives_a_socket() {
        assert_eq!(check(&[UPGRADE, ACCEPT]), "ok");
        assert_eq!(check(&[UPGRADE, ACCEPT, ("sec-websocket-protocol", "nobody asked for")]), "ok");
    }

    #[test]
    fn a_server_that_breaks_the_rules_gives_none() {
        let failed = |why: &str| format!("Server failed WebSocket handshake: {why}.");
        assert_eq!(check(&[ACCEPT]), failed("missing Upgrade header"));
        let h2c = "incorrect Upgrade header: expected 'websocket', got 'h2c'";
        assert_eq!(check(&[("upgrade", "h2c"), ACCEPT]), failed(h2c));
        assert_eq!(check(&[UPGRADE]), failed("missing Sec-WebSocket-Accept header"));
        let other = "incorrect Sec-WebSocket-Accept header: expected 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', got 'AAAA'";
        assert_eq!(check(&[UPGRADE, ("sec-websocket-accept", "AAAA")]), failed(other));
        let extensions = "added Sec-WebSocket-Extensions when client did not offer any";
        assert_eq!(check(&[UPGRADE, ACCEPT, ("sec-websocket-extensions", "permessage-deflate")]), failed(extensions));
    }

    #[test]
    fn compression_is_what_was_offered_and_answered() {
        let check =
            |answer| check_after(Some("permessage-deflate"), &[UPGRADE, ACCEPT, ("sec-websocket-extensions", answer)]);
        assert_eq!(check_after(Some("permessage-deflate"), &[UPGRADE, ACCEPT]), "ok");
        assert_eq!(check("permessage-deflate; server_no_context_takeover"), "messages 15");
        assert_eq!(
            check(
                "permessage-deflate; client_no_context_takeover; server_no_context_takeover; server_max_window_bits=9"
            ),
            "messages 15"
        );
        assert_eq!(check("permessage-deflate; server_max_window_bits=12"), "streams 15 None Some(4096)");
        let other = "Server failed WebSocket handshake: Sec-WebSocket-Extensions are not what was offered.";
        for answer in [
            // There is no memory for so large a window.
            "permessage-deflate",
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=15",
            "permessage-deflate; server_no_context_takeover, permessage-deflate",
            "permessage-deflate; nonsense",
            "foo",
            "permessage-deflate;",
        ] {
            assert_eq!(check(answer), other, "{answer}");
        }
        // A client with a small window, as which user code speaks, can be told of no other one.
        let small = Some("permessage-deflate; server_max_window_bits=10");
        let check = |answer| check_after(small, &[UPGRADE, ACCEPT, ("sec-websocket-extensions", answer)]);
        assert_eq!(check("permessage-deflate; server_max_window_bits=10"), "streams 15 None Some(1024)");
        assert_eq!(check("permessage-deflate; server_max_window_bits=9"), "streams 15 None Some(512)");
        assert_eq!(check("permessage-deflate; server_max_window_bits=11"), other);
        assert_eq!(check("permessage-deflate; server_no_context_takeover"), other);
    }
}
