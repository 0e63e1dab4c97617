//! The client's half of a handshake for a WebSocket: any answer to what it asks for, and the answers of our own server's
//! half to any headers of user code on both sides.
//!
//! An answer that breaks RFC 6455 is refused, and so is one about compression that was not offered; of compression the
//! client does what was answered, and sets aside the memory that this takes. Our own two halves understand each other: the
//! server's half refuses nothing that the client's half has made, the client's half refuses an answer of it only when
//! there is no memory for it, and messages come through in both directions.

#![no_main]

use std::cell::{Cell, RefCell};

use dormouse_object::message::Message;
use dormouse_runtime::request::{OffersCompression, Uncompressed};
use dormouse_runtime::sockets::frame::agreement::{
    Agreement, Budget, History, Reserved, WINDOW_BITS_MAX, WINDOW_BITS_MIN,
};
use dormouse_runtime::sockets::frame::deflate::Codecs;
use dormouse_runtime::sockets::frame::{Decoder, Item, Role, encode};
use dormouse_server::Compression;
use dormouse_server::fuzz::{ClientHandshake, handshake, permits};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

const EXTENSIONS: &str = "sec-websocket-extensions";
const ACCEPT: &str = "sec-websocket-accept";
/// Headers that user code may have on a request or a response, right or wrong.
const NAMES: &[&str] = &[
    "upgrade",
    "connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    ACCEPT,
    "content-length",
    "content-type",
    "transfer-encoding",
    "keep-alive",
    "te",
    "trailer",
    "host",
    "cookie",
    "x-mine",
];
/// What extensions are made of.
const PARAMETERS: &[&str] = &[
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits",
    "client_max_window_bits",
    "Server_No_Context_Takeover",
    "unknown",
];
const VALUES: &[&str] = &["8", "9", "10", "12", "14", "15", "7", "16", "010", "+9", "", "x"];
const LEN_MAX: usize = 40_000;

thread_local! {
    static CODECS: RefCell<Codecs> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let script = &mut Unstructured::new(data);
    // An error means that the script has ended early: there is nothing more to look at.
    let _ = match script.ratio(1, 2) {
        Ok(true) => any_answer(script),
        _ => our_answer(script),
    };
});

/// What a client asks for.
struct Asked {
    handshake: ClientHandshake,
    request: Request<()>,
    /// What was offered of compression.
    offer: Option<Said>,
    /// What user code offered, if the offer is its own.
    wish: Option<HeaderMap>,
}

/// What is said of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    server_context: bool,
    client_context: bool,
    server_bits: Option<u8>,
}

impl Asked {
    /// With any headers of user code.
    fn draw(script: &mut Unstructured<'_>) -> Result<Self> {
        let mut request = Request::new(());
        *request.method_mut() = script.choose(&[Method::GET, Method::POST, Method::HEAD, Method::CONNECT])?.clone();
        headers(request.headers_mut(), script)?;
        for _ in 0..script.int_in_range(0..=2)? {
            let (text, _) = extensions(script)?;
            append(request.headers_mut(), EXTENSIONS, &text);
        }
        if script.arbitrary()? {
            request.extensions_mut().insert(OffersCompression);
        }
        let is_own = request.extensions().get::<OffersCompression>().is_none();
        let wish = is_own.then(|| request.headers().clone());
        let compression = *script.choose(&[Compression::Off, Compression::Messages, Compression::Streams])?;
        let handshake = ClientHandshake::begin(&mut request, script.arbitrary()?, compression);
        let offers: Vec<_> = request.headers().get_all(EXTENSIONS).iter().collect();
        assert!(offers.len() <= 1 && (offers.is_empty() || compression != Compression::Off), "{offers:?}");
        let offer = offers.first().map(|offer| Said::read(offer.to_str().expect("names and numbers")));
        if let (Some(offer), Compression::Messages) = (&offer, compression) {
            assert!(!offer.server_context && !offer.client_context, "{offer:?}");
        }
        Ok(Self { handshake, request, offer, wish })
    }

    /// What our own server's half makes of it.
    fn answered(
        &self,
        response: &mut Response<()>,
        compression: Compression,
        reserve: impl FnOnce(usize) -> Option<Reserved>,
    ) -> Option<Agreement> {
        let mut head = self.request.clone().into_parts().0;
        let answer = handshake(&mut head, None, response, compression, reserve);
        answer
            .expect("our server refuses what our client asks for")
            .expect("our server sees that a socket is asked for")
    }
}

impl Said {
    /// What we say, which is nothing but what may be said of a client that was not asked (RFC 7692, section 7.1).
    fn read(text: &str) -> Self {
        let mut parts = text.split("; ");
        assert_eq!(parts.next(), Some("permessage-deflate"));
        let mut said = Self { server_context: true, client_context: true, server_bits: None };
        for part in parts {
            let is_first = match part.split_once('=') {
                None if part == "server_no_context_takeover" => std::mem::replace(&mut said.server_context, false),
                None if part == "client_no_context_takeover" => std::mem::replace(&mut said.client_context, false),
                Some(("server_max_window_bits", bits)) => {
                    said.server_bits.replace(bits.parse().expect("a number")).is_none()
                }
                _ => panic!("{text}"),
            };
            assert!(is_first, "{text}");
        }
        assert!(said.server_bits.is_none_or(|bits| (8..=WINDOW_BITS_MAX).contains(&bits)), "{text}");
        said
    }
}

/// An extension, as a script has it.
#[derive(Debug)]
struct Extension {
    name: &'static str,
    parameters: Vec<(&'static str, Option<&'static str>)>,
}

impl Extension {
    /// What it says as an answer to an offer, if it is alone; `None` when it is to be refused.
    fn read(&self, offer: &Said) -> Option<Said> {
        let mut said = Said { server_context: true, client_context: true, server_bits: None };
        for (name, value) in &self.parameters {
            let is_first = match (*name, value) {
                ("server_no_context_takeover", None) => std::mem::replace(&mut said.server_context, false),
                ("client_no_context_takeover", None) => std::mem::replace(&mut said.client_context, false),
                ("server_max_window_bits", Some(bits)) => {
                    let bits = ["8", "9", "10", "11", "12", "13", "14", "15"].iter().position(|known| known == bits)?;
                    said.server_bits.replace(u8::try_from(bits).ok()? + 8).is_none()
                }
                _ => false,
            };
            if !is_first {
                return None;
            }
        }
        // Who has asked for a window must be told one that is no larger.
        let is_within = offer.server_bits.is_none_or(|max| said.server_bits.is_some_and(|bits| bits <= max));
        // What the client has said of itself holds, whether it is said again or not.
        said.client_context &= offer.client_context;
        (self.name == "permessage-deflate" && is_within).then_some(said)
    }
}

/// An answer of any server.
fn any_answer(script: &mut Unstructured<'_>) -> Result<()> {
    let asked = Asked::draw(script)?;
    let mut right = Response::new(());
    let _ = asked.answered(&mut right, Compression::Off, |_| None);
    let mut answer = HeaderMap::new();
    headers(&mut answer, script)?;
    for name in ["upgrade", ACCEPT] {
        let right = right.headers()[name].as_bytes();
        let value = match script.arbitrary::<u8>()? {
            0 => continue,
            1 => script.arbitrary::<&[u8]>()?.to_vec(),
            2 => right.to_ascii_uppercase(),
            3 => right[..script.int_in_range(0..=right.len())?].to_vec(),
            4 => [right, b", x"].concat(),
            _ => right.to_vec(),
        };
        append(&mut answer, name, &value);
    }
    // Without a line that is any bytes it is known what the answer is.
    let (mut known, mut lines) = (Some(Vec::new()), 0);
    for _ in 0..script.int_in_range(0..=2)? {
        let (text, extensions) = extensions(script)?;
        if append(&mut answer, EXTENSIONS, &text) {
            lines += 1;
            known = known.zip(extensions).map(|(known, more)| known.into_iter().chain(more).collect());
        }
    }

    let memory = Memory::draw(script)?;
    let outcome = asked.handshake.check(&answer, |len| memory.reserve(len));
    let first = |name: &str| answer.get(name).map(HeaderValue::as_bytes);
    let keeps_rules = first("upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
        && first(ACCEPT) == Some(right.headers()[ACCEPT].as_bytes())
        && (asked.offer.is_some() || lines == 0);
    if !keeps_rules {
        let text = outcome.expect_err("it breaks a rule");
        assert!(text.starts_with("Server failed WebSocket handshake: "), "{text}");
        return Ok(());
    }
    if let Ok(Some((agreement, told))) = &outcome {
        memory.check(agreement);
        let told = Said::read(told);
        assert_eq!(matches!(agreement, Agreement::Streams(_)), told.server_context, "{told:?}");
        let text = String::from_utf8_lossy(first(EXTENSIONS).unwrap_or_default()).into_owned();
        assert!(lines == 2 || text.contains("permessage-deflate"), "{text}");
        // We were not asked what we can be told.
        assert!(!text.contains("client_max_window_bits"), "{text}");
    }
    match (known.as_deref(), &asked.offer) {
        (None, _) => {}
        (Some([]), _) | (Some(_), None) => assert!(matches!(outcome, Ok(None)), "{outcome:?}"),
        (Some([extension]), Some(offer)) => match (extension.read(offer), outcome) {
            (Some(said), Ok(Some((agreement, told)))) => {
                assert_eq!(Said::read(&told), said, "{extension:?}");
                if let Agreement::Streams(streams) = agreement {
                    let len = 1 << said.server_bits.unwrap_or(WINDOW_BITS_MAX);
                    assert_eq!(streams.received.map(|received| received.len_max()), Some(len), "{extension:?}");
                }
            }
            (Some(said), Err(_)) => assert!(said.server_context && memory.is_short.get(), "{extension:?} is refused"),
            (None, Err(_)) => {}
            (said, outcome) => panic!("{outcome:?} of {extension:?}, which says {said:?}, to {offer:?}"),
        },
        (Some(_), Some(_)) => assert!(outcome.is_err(), "{outcome:?}"),
    }
    Ok(())
}

/// An answer of our own server.
fn our_answer(script: &mut Unstructured<'_>) -> Result<()> {
    let asked = Asked::draw(script)?;
    let mut response = Response::new(());
    headers(response.headers_mut(), script)?;
    for _ in 0..script.int_in_range(0..=1)? {
        let (text, _) = extensions(script)?;
        append(response.headers_mut(), EXTENSIONS, &text);
    }
    if script.ratio(1, 8)? {
        response.extensions_mut().insert(Uncompressed);
    }
    let compression = *script.choose(&[Compression::Off, Compression::Messages, Compression::Streams])?;
    let (servers, clients) = (Memory::draw(script)?, Memory::draw(script)?);
    let server = asked.answered(&mut response, compression, |len| servers.reserve(len));
    let client = match asked.handshake.check(response.headers(), |len| clients.reserve(len)) {
        Ok(client) => client,
        Err(text) => {
            assert!(clients.is_short.get(), "our client refuses our server's answer: {text}");
            return Ok(());
        }
    };
    let (client, told) = client.unzip();
    if let (Some(wish), Some(told)) = (&asked.wish, &told) {
        assert!(permits(wish, told), "who the socket is passed on to cannot be told {told}: {wish:?}");
    }
    server.iter().for_each(|agreement| servers.check(agreement));
    client.iter().for_each(|agreement| clients.check(agreement));
    assert_eq!(server.is_some(), client.is_some());
    let (mut server, mut client) = (End::new(server), End::new(client));
    // Whoever is referred back to has kept what may be meant; who has kept it need not be.
    for (one, other) in [(&server, &client), (&client, &server)] {
        let kept = other.received.as_ref().map_or(0, History::len_max);
        assert!(one.sent.as_ref().map_or(0, History::len_max) <= kept);
    }
    while !script.is_empty() {
        let message = message(script)?;
        let (from, to, key) = match script.arbitrary()? {
            true => (&mut server, &mut client, None),
            false => (&mut client, &mut server, Some(script.arbitrary()?)),
        };
        let wire = from.send(&message, key);
        assert_eq!(to.receive(wire, if key.is_some() { Role::Server } else { Role::Client }), message);
    }
    Ok(())
}

/// One end of a connection after the handshake.
struct End {
    /// The window that it may compress with, if it may.
    bits: Option<u8>,
    sent: Option<History>,
    received: Option<History>,
    _reserved: Option<Reserved>,
}

impl End {
    fn new(agreement: Option<Agreement>) -> Self {
        let bits = agreement.as_ref().map(Agreement::bits);
        match agreement {
            Some(Agreement::Streams(streams)) => {
                Self { bits, sent: streams.sent, received: streams.received, _reserved: Some(streams.reserved) }
            }
            None | Some(Agreement::Messages { .. }) => Self { bits, sent: None, received: None, _reserved: None },
        }
    }

    /// The frame of a message; a client has a key.
    fn send(&mut self, message: &Message, key: Option<[u8; 4]>) -> Vec<u8> {
        let deflated = self.bits.and_then(|bits| {
            CODECS.with_borrow_mut(|codecs| match key {
                None => codecs.deflate(message, bits, self.sent.as_mut()),
                Some(key) => codecs.deflate_masked(message, bits, key),
            })
        });
        let frame = deflated.unwrap_or_else(|| match key {
            None => encode::message(message),
            Some(key) => encode::message_masked(message, key),
        });
        frame.to_vec()
    }

    fn receive(&mut self, mut wire: Vec<u8>, role: Role) -> Message {
        let decoder = Decoder::new(role, usize::MAX);
        let mut decoder = if self.bits.is_some() { decoder.with_deflate() } else { decoder };
        match decoder.decode(&mut &mut wire[..]) {
            Ok(Some(Item::Message(message))) => message,
            Ok(Some(Item::Deflated(deflated))) => {
                let inflated =
                    CODECS.with_borrow_mut(|codecs| codecs.inflate(&deflated, self.received.as_mut(), LEN_MAX));
                inflated.expect("it was compressed as agreed")
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The memory that an end has for what messages refer to.
struct Memory {
    budget: Budget,
    room: usize,
    reserved: Cell<usize>,
    is_short: Cell<bool>,
}

impl Memory {
    fn draw(script: &mut Unstructured<'_>) -> Result<Self> {
        let room = if script.ratio(1, 4)? { usize::from(script.arbitrary::<u16>()?) } else { usize::MAX };
        Ok(Self { budget: Budget::default(), room, reserved: Cell::new(0), is_short: Cell::new(false) })
    }

    fn reserve(&self, len: usize) -> Option<Reserved> {
        let reserved = self.budget.reserve(len, self.room);
        self.is_short.set(reserved.is_none());
        self.reserved.set(if reserved.is_some() { len } else { 0 });
        reserved
    }

    /// What was set aside is what it takes.
    fn check(&self, agreement: &Agreement) {
        let needed = match agreement {
            Agreement::Messages { .. } => 0,
            Agreement::Streams(streams) => {
                [&streams.sent, &streams.received].into_iter().flatten().map(History::len_max).sum()
            }
        };
        assert_eq!(self.reserved.get(), needed);
        assert!((WINDOW_BITS_MIN..=WINDOW_BITS_MAX).contains(&agreement.bits()));
    }
}

/// Headers of user code.
fn headers(headers: &mut HeaderMap, script: &mut Unstructured<'_>) -> Result<()> {
    for _ in 0..script.int_in_range(0..=4)? {
        let name = *script.choose(NAMES)?;
        let value: &[u8] = match script.arbitrary()? {
            true => script.arbitrary()?,
            false => *script.choose(&[&b"websocket"[..], b"Upgrade", b"13", b"close", b"chunked", b"0", b"h2c, x"])?,
        };
        append(headers, name, value);
    }
    Ok(())
}

/// Tells whether it is a value of a header.
fn append(headers: &mut HeaderMap, name: &'static str, value: &[u8]) -> bool {
    let value = HeaderValue::from_bytes(value);
    value.is_ok_and(|value| {
        headers.append(HeaderName::from_static(name), value);
        true
    })
}

/// A line of extensions, and what it says if that is known.
fn extensions(script: &mut Unstructured<'_>) -> Result<(Vec<u8>, Option<Vec<Extension>>)> {
    if script.ratio(1, 4)? {
        return Ok((script.arbitrary::<&[u8]>()?.to_vec(), None));
    }
    let (mut text, mut extensions) = (String::new(), Some(Vec::new()));
    let count = *script.choose(&[1, 1, 1, 0, 2])?;
    for index in 0..count {
        if index > 0 {
            text += *script.choose(&[",", ", ", " ,\t", ",,"])?;
        }
        let name = *script.choose(&["permessage-deflate", "permessage-deflate", "permessage-deflate", "x-other"])?;
        text += name;
        let mut parameters = Vec::new();
        for _ in 0..script.int_in_range(0..=3)? {
            let name = *script.choose(PARAMETERS)?;
            text += *script.choose(&[";", "; ", " ;\t"])?;
            text += name;
            let value = if script.arbitrary()? { Some(*script.choose(VALUES)?) } else { None };
            if let Some(value) = value {
                let is_quoted = script.ratio(1, 4)?;
                text += &if is_quoted { format!("=\"{value}\"") } else { format!("={value}") };
            }
            parameters.push((name, value));
        }
        extensions = extensions.map(|mut all: Vec<_>| {
            all.push(Extension { name, parameters });
            all
        });
    }
    Ok((text.into_bytes(), extensions))
}

fn message(script: &mut Unstructured<'_>) -> Result<Message> {
    // A unit repeated reaches beyond the windows with a short script.
    let times = if script.arbitrary()? { usize::from(script.arbitrary::<u16>()?) } else { 1 };
    let unit: &str = script.arbitrary()?;
    let text = unit.repeat(times.min(LEN_MAX / unit.len().max(1)));
    Ok(if script.arbitrary()? { Message::Text(text.into()) } else { Message::Binary(text.into_bytes().into()) })
}
