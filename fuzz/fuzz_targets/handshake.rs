//! Any head of a request that asks for a WebSocket, and of the response to it: what breaks RFC 6455 is refused, the answer
//! about compression keeps RFC 7692 and agrees with what is then done, and nothing is promised that was not offered.

#![no_main]

use std::cell::Cell;

use dormouse_runtime::sockets::frame::agreement::{Agreement, Budget, WINDOW_BITS_MAX, WINDOW_BITS_MIN};
use dormouse_server::Compression;
use dormouse_server::fuzz::handshake;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

const EXTENSIONS: &str = "sec-websocket-extensions";
/// What offers are made of.
const WORDS: &[&str] = &[
    "permessage-deflate",
    "; ",
    ", ",
    "=",
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits",
    "client_max_window_bits",
    "8",
    "9",
    "15",
    "16",
    "\"10\"",
    "\"1\\0\"",
    " ",
    "\t",
    "x-other",
];

fuzz_target!(|data: &[u8]| {
    // An error means that the script has ended early: there is nothing to look at.
    let _ = run(&mut Unstructured::new(data));
});

fn run(script: &mut Unstructured<'_>) -> Result<()> {
    let mut request = Request::new(());
    let is_connect = script.ratio(1, 4)?;
    *request.method_mut() = match is_connect {
        true => Method::CONNECT,
        false if script.ratio(1, 16)? => Method::POST,
        false => Method::GET,
    };
    *request.version_mut() = match is_connect {
        true => Version::HTTP_2,
        false if script.ratio(1, 16)? => Version::HTTP_10,
        false => Version::HTTP_11,
    };
    let protocol =
        if is_connect { *script.choose(&[None, Some("websocket"), Some("WebSocket"), Some("x")])? } else { None };
    let headers = request.headers_mut();
    for (name, value) in [
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ] {
        append(headers, name, script, value)?;
    }
    for _ in 0..script.int_in_range(0..=3)? {
        extensions(headers, script)?;
    }
    let mut response = Response::new(());
    for _ in 0..script.int_in_range(0..=1)? {
        extensions(response.headers_mut(), script)?;
    }
    let compression = *script.choose(&[Compression::Off, Compression::Messages, Compression::Streams])?;
    let (budget, room, reserved) = (Budget::default(), usize::from(script.arbitrary::<u16>()?), Cell::new(0));
    let reserve = |len| {
        reserved.set(len);
        budget.reserve(len, room)
    };

    let mut head = request.into_parts().0;
    match handshake(&mut head, protocol, &mut response, compression, reserve) {
        Err(status) => assert!(matches!(
            status,
            StatusCode::BAD_REQUEST
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::UPGRADE_REQUIRED
                | StatusCode::NOT_IMPLEMENTED
        )),
        Ok(None) => assert!(!all(&head.headers, "upgrade").eq_ignore_ascii_case("websocket")),
        Ok(Some(agreement)) => {
            // What user code sees, whatever the version.
            assert_eq!(head.method, Method::GET);
            assert!(all(&head.headers, "upgrade").to_ascii_lowercase().contains("websocket"));
            let accept = response.headers().get("sec-websocket-accept");
            match is_connect {
                true => assert!(accept.is_none() && !response.headers().contains_key("connection")),
                false => assert_eq!((accept.map(HeaderValue::len), head.version), (Some(28), Version::HTTP_11)),
            }
            let answers: Vec<_> = response.headers().get_all(EXTENSIONS).iter().collect();
            assert_eq!(answers.len(), usize::from(agreement.is_some()));
            if let (Some(agreement), [answer]) = (agreement, &answers[..]) {
                let answer = answer.to_str().expect("it is made of parameters");
                check(&agreement, answer, &all(&head.headers, EXTENSIONS), compression);
                assert!(matches!(agreement, Agreement::Messages { .. }) || reserved.get() <= room);
            }
        }
    }
    Ok(())
}

/// Sets a header that a handshake needs, or not, or not only, or another one.
fn append(headers: &mut HeaderMap, name: &'static str, script: &mut Unstructured<'_>, right: &str) -> Result<()> {
    let values = match script.arbitrary::<u8>()? {
        0 => vec![],
        1 => vec![script.arbitrary::<&[u8]>()?],
        2 => vec![right.as_bytes(), script.arbitrary()?],
        _ => vec![right.as_bytes()],
    };
    for value in values {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    Ok(())
}

fn extensions(headers: &mut HeaderMap, script: &mut Unstructured<'_>) -> Result<()> {
    let value = match script.arbitrary()? {
        true => script.arbitrary::<&[u8]>()?.to_vec(),
        false => {
            let count = script.int_in_range(0..=12)?;
            let words: Result<Vec<&str>> = (0..count).map(|_| Ok(*script.choose(WORDS)?)).collect();
            words?.concat().into_bytes()
        }
    };
    if let Ok(value) = HeaderValue::from_bytes(&value) {
        headers.append(EXTENSIONS, value);
    }
    Ok(())
}

fn all(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    values.collect::<Vec<_>>().join(",")
}

/// The answer names each parameter once, with a value that it may have, and is what the agreement says.
fn check(agreement: &Agreement, answer: &str, offered: &str, compression: Compression) {
    let mut parts = answer.split("; ");
    assert_eq!(parts.next(), Some("permessage-deflate"));
    let (mut server_context, mut client_context, mut server_bits, mut client_bits) = (true, true, None, None);
    for part in parts {
        let is_first = match part.split_once('=') {
            None if part == "server_no_context_takeover" => std::mem::replace(&mut server_context, false),
            None if part == "client_no_context_takeover" => std::mem::replace(&mut client_context, false),
            Some(("server_max_window_bits", bits)) => server_bits.replace(bits.parse().expect("a number")).is_none(),
            Some(("client_max_window_bits", bits)) => client_bits.replace(bits.parse().expect("a number")).is_none(),
            _ => panic!("{answer}"),
        };
        assert!(is_first, "{answer}");
    }
    let range = WINDOW_BITS_MIN..=WINDOW_BITS_MAX;
    assert!(server_bits.is_none_or(|bits| range.contains(&bits)), "{answer}");
    assert!(client_bits.is_none_or(|bits: u8| (8..=WINDOW_BITS_MAX).contains(&bits)), "{answer}");
    // A client that has not said that it can be told must not be (RFC 7692, section 7.1.2.2).
    assert!(client_bits.is_none() || offered.contains("client_max_window_bits"), "{answer} for {offered}");
    assert!(offered.contains("permessage-deflate"), "{answer} for {offered}");
    match agreement {
        Agreement::Messages { server_bits: used } => {
            assert!(!server_context && !client_context && range.contains(used), "{answer}");
            assert!(*used <= server_bits.unwrap_or(WINDOW_BITS_MAX));
        }
        Agreement::Streams(streams) => {
            assert_eq!(compression, Compression::Streams);
            assert_eq!((streams.sent.is_some(), streams.received.is_some()), (server_context, client_context));
            let bits = server_bits.unwrap_or(WINDOW_BITS_MAX);
            assert!(range.contains(&streams.server_bits) && streams.server_bits <= bits, "{answer}");
            assert!(streams.sent.as_ref().is_none_or(|sent| sent.len_max() <= 1 << bits));
            let received = streams.received.as_ref().map(|received| received.len_max());
            // What the client may refer to, all of it.
            assert!(received.is_none_or(|len| len >= 1 << client_bits.unwrap_or(WINDOW_BITS_MAX)), "{answer}");
        }
    }
}
