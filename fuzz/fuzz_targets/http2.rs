//! What a client does on one connection of HTTP/2 to a server that runs: streams with requests and WebSockets, whose bytes
//! come cut anywhere, and now and then what breaks the rules. Nothing panics; who keeps the rules gets back all that it has
//! said, in order, and whole; who does not, takes nothing from others; and after the connection nothing is left of it.

#![no_main]

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use dormouse_fuzz::echo::{self, PATIENCE, ROOMS, World};
use dormouse_fuzz::http2::{
    CONNECTION_WINDOW, CONTINUATION, Client, DATA, END_HEADERS, END_STREAM, FRAME_LEN_MAX, GOAWAY, HEADERS, Heard,
    PADDED, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, header, websocket_frame,
};
use dormouse_object::message::Message;
use dormouse_runtime::sockets::frame::deflate::Codecs;
use dormouse_runtime::sockets::frame::{Decoder, FrameError, Item, Role};
use dormouse_server::limits::HTTP2_STREAM_WINDOW;
use libfuzzer_sys::arbitrary::{self, Unstructured};
use libfuzzer_sys::fuzz_target;

/// Streams of one script: half of what the server allows at a time.
const STREAMS_MAX: usize = 60;
/// Streams that a script that keeps the rules takes back: fewer than what the server takes for abuse.
const RESETS_MAX: usize = 10;
/// Bytes of data on one stream of a script that keeps the rules: what a stream may carry before it is read.
const SENT_MAX: usize = HTTP2_STREAM_WINDOW as usize;
/// Room that a client gives in the end, for all that was said.
const ROOM: u32 = 1 << 24;

thread_local! {
    /// One server for all inputs. Not stopped with the thread: nothing of a thread works then.
    static WORLD: RefCell<Option<ManuallyDrop<World>>> = const { RefCell::new(None) };
    static CODECS: RefCell<Codecs> = RefCell::default();
    static H2_HAS_ASSERTED: Arc<AtomicBool> = echo::prepare();
}

fuzz_target!(|data: &[u8]| {
    let [first, script @ ..] = data else { return };
    let h2_has_asserted = H2_HAS_ASSERTED.with(Arc::clone);
    WORLD.with_borrow_mut(|place| {
        let world = place.get_or_insert_with(|| ManuallyDrop::new(World::start()));
        let mut connection = Connection::begin(world.address);
        // An error means that the script has ended early, and what there is of it has been said.
        let _ = connection.play(&mut Unstructured::new(script));
        connection.end(first & 1 == 0);
        if !world.forgets(&h2_has_asserted) {
            // It may wait for what was ended in the middle, and nobody waits for that.
            let world = place.take().map(ManuallyDrop::into_inner).expect("it was there");
            std::thread::spawn(move || world.give_up());
        } else if first & 0xfe == 0 {
            // A server that stops waits for all that is under way, so it tells whether anything is.
            place.take().map(ManuallyDrop::into_inner).expect("it was there").stop();
        }
    });
});

/// What a stream was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hello,
    /// Its body comes back.
    Echo,
    /// A WebSocket; or one that offers compression.
    Socket,
    Compressed,
    /// What the server refuses.
    Refused,
}

/// What a client has said on one stream.
struct Said {
    kind: Kind,
    id: u32,
    /// Bytes of data, with padding.
    len: usize,
    /// The body of a request.
    body: Vec<u8>,
    /// Those that were said before anything else was.
    messages: Vec<Message>,
    /// Whether nothing more can be said.
    is_ended: bool,
    /// Whether all of it can be expected to be answered.
    is_sound: bool,
}

/// A connection and what a script has said on it.
struct Connection {
    client: Client,
    said: Vec<Said>,
    /// Whether the script has kept the rules of HTTP/2.
    is_honest: bool,
    resets: usize,
    pings: u64,
}

impl Connection {
    fn begin(address: SocketAddr) -> Self {
        let mut client = Client::connect(address, PATIENCE);
        client.begin();
        Self { client, said: Vec::new(), is_honest: true, resets: 0, pings: 0 }
    }

    fn play(&mut self, script: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        self.settings(script)?;
        // It need not wait for what the server says first.
        if script.ratio(3, 4)? {
            assert!(self.client.hear_until(|client| client.is_settled), "the server says nothing: {:?}", self.client);
        }
        while !script.is_empty() {
            match script.int_in_range(0..=17)? {
                0..=3 => self.open(script)?,
                4..=8 => self.say(script)?,
                9 => self.say_anything(script)?,
                10 => self.take_back(script)?,
                11 => self.give_room(script)?,
                12 => self.ping(script)?,
                13 => self.finish(script)?,
                14 => self.settings(script)?,
                15 => self.client.flush(),
                16 => self.listen(),
                _ => self.break_rules(script)?,
            }
        }
        Ok(())
    }

    /// What this client can do.
    fn settings(&mut self, script: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        let mut payload = Vec::new();
        for _ in 0..script.int_in_range(0..=3)? {
            let (id, value): (u16, u32) = match script.int_in_range(0..=3)? {
                0 => (1, *script.choose(&[0, 1, 4_096, 65_536])?),
                1 => (2, 0),
                2 => (3, script.arbitrary()?),
                _ => (4, *script.choose(&[0, 1, 100, 65_535, 1 << 20])?),
            };
            payload.extend(id.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        self.client.frame(SETTINGS, 0, 0, &payload);
        Ok(())
    }

    fn open(&mut self, script: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        if self.said.len() >= STREAMS_MAX {
            return Ok(());
        }
        let kind = *script.choose(&[Kind::Hello, Kind::Echo, Kind::Socket, Kind::Compressed, Kind::Refused])?;
        let path = match kind {
            Kind::Hello => "/hello".to_owned(),
            Kind::Echo => "/echo".to_owned(),
            _ => format!("/{}/socket", script.choose(&ROOMS)?),
        };
        let mut block = Vec::new();
        let mut say = |name: &str, value: &str| header(&mut block, name.as_bytes(), value.as_bytes());
        let is_handshake = matches!(kind, Kind::Socket | Kind::Compressed | Kind::Refused);
        let (method, protocol, version) = match kind {
            Kind::Hello => ("GET", None, None),
            Kind::Echo => ("POST", None, None),
            Kind::Socket | Kind::Compressed => ("CONNECT", Some("websocket"), Some("13")),
            Kind::Refused => *script.choose(&[
                ("CONNECT", Some("websocket"), Some("8")),
                ("CONNECT", Some("websocket"), None),
                ("CONNECT", Some("x-other"), Some("13")),
                ("GET", None, Some("13")),
                ("DELETE", None, None),
            ])?,
        };
        say(":method", method);
        say(":scheme", "http");
        say(":path", &path);
        say(":authority", "test");
        protocol.inspect(|protocol| say(":protocol", protocol));
        version.inspect(|version| say("sec-websocket-version", version));
        if kind == Kind::Compressed {
            say("sec-websocket-extensions", "permessage-deflate");
        }
        if is_handshake && script.ratio(1, 4)? {
            // A header of any length, which may make the head too long.
            let name = "x-".to_owned() + &"a".repeat(script.int_in_range(0..=40)?);
            say(&name, &"b".repeat(usize::from(script.arbitrary::<u16>()?)));
        }
        let is_ended = script.ratio(1, 8)?;
        let id = 2 * u32::try_from(self.said.len()).expect("a few") + 1;
        self.head(script, id, &block, is_ended)?;
        // A head that is too long is refused, as one stream's matter or, if it is very long, as the connection's.
        self.is_honest &= block.len() < 16_000;
        self.said.push(Said { kind, id, len: 0, body: Vec::new(), messages: Vec::new(), is_ended, is_sound: true });
        Ok(())
    }

    /// Says a head in a frame, or in several.
    fn head(
        &mut self,
        script: &mut Unstructured<'_>,
        stream: u32,
        block: &[u8],
        is_ended: bool,
    ) -> arbitrary::Result<()> {
        let cut = script.int_in_range(0..=block.len().min(FRAME_LEN_MAX - 600))?;
        let mut pieces = block[cut..].chunks(FRAME_LEN_MAX).peekable();
        let (mut payload, mut flags) = (Vec::new(), if is_ended { END_STREAM } else { 0 });
        let padding: u8 = if script.ratio(1, 8)? { script.arbitrary()? } else { 0 };
        if padding > 0 {
            flags |= PADDED;
            payload.push(padding);
        }
        if script.ratio(1, 8)? {
            flags |= PRIORITY;
            payload.extend([0, 0, 0, 0, script.arbitrary()?]);
        }
        payload.extend(&block[..cut]);
        payload.resize(payload.len() + usize::from(padding), 0);
        if pieces.peek().is_none() {
            flags |= END_HEADERS;
        }
        self.client.frame(HEADERS, flags, stream, &payload);
        while let Some(piece) = pieces.next() {
            let flags = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            self.client.frame(CONTINUATION, flags, stream, piece);
        }
        Ok(())
    }

    /// A stream on which something can be said.
    fn stream(&self, script: &mut Unstructured<'_>) -> arbitrary::Result<Option<usize>> {
        let open: Vec<usize> = (0..self.said.len()).filter(|at| !self.said[*at].is_ended).collect();
        if open.is_empty() { Ok(None) } else { script.choose(&open).map(|at| Some(*at)) }
    }

    /// Says something that comes back.
    fn say(&mut self, script: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        let Some(at) = self.stream(script)? else { return Ok(()) };
        let message = message(script)?;
        let wire = match self.said[at].kind {
            Kind::Socket => frames(script, &message)?,
            Kind::Compressed if script.arbitrary()? => {
                let key = script.arbitrary()?;
                let deflated = CODECS.with_borrow_mut(|codecs| codecs.deflate_masked(&message, 15, key));
                match deflated {
                    Some(deflated) => deflated.to_vec(),
                    None => frames(script, &message)?,
                }
            }
            Kind::Compressed => frames(script, &message)?,
            Kind::Hello | Kind::Echo | Kind::Refused => message.as_bytes().to_vec(),
        };
        if self.data(script, at, &wire)? {
            let said = &mut self.said[at];
            said.body.extend_from_slice(&wire);
            if said.is_sound {
                said.messages.push(message);
            }
        }
        Ok(())
    }

    /// Says something that is no message.
    fn say_anything(&mut self, script: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        let Some(at) = self.stream(script)? else { return Ok(()) };
        let (wire, is_sound) = match script.int_in_range(0..=3)? {
            0 => (websocket_frame(0x89, b"ping", script.arbitrary()?), true),
            1 => (websocket_frame(0x8a, b"pong", script.arbitrary()?), true),
            2 => (websocket_frame(0x88, &[3, 232], script.arbitrary()?), false),
            _ => (script.arbitrary::<&[u8]>()?.to_vec(), false),
        };
        let is_body = matches!(self.said[at].kind, Kind::Hello | Kind::Echo | Kind::Refused);
        if self.data(script, at, &wire)? {
            self.said[at].body.extend_from_slice(&wire);
            self.said[at].is_sound &= is_sound || is_body;
        }
        Ok(())
    }

    /// Says these bytes on a stream, cut anywhere, if there is room; tells whether there was.
    fn data(&mut self, script: &mut Unstructured<'_>, at: usize, wire: &[u8]) -> arbitrary::Result<bool> {
        let said = &mut self.said[at];
        let cut = (*script.choose(&[1, 2, 7, 100, 1_000, FRAME_LEN_MAX - 256])?).max(wire.len() / 64);
        let padding: u8 = if script.ratio(1, 8)? { script.arbitrary()? } else { 0 };
        let frames = wire.len().div_ceil(cut);
        let len = wire.len() + frames * (usize::from(padding) + 1);
        let len_max = if self.client.is_settled { SENT_MAX } else { CONNECTION_WINDOW as usize };
        if said.len + len > len_max || len as u64 > self.client.room {
            return Ok(false);
        }
        said.len += len;
        for piece in wire.chunks(cut) {
            if padding == 0 {
                self.client.frame(DATA, 0, said.id, piece);
            } else {
                let payload = [&[padding][..], piece, &vec![0; usize::from(padding)]].concat();
                self.client.frame(DATA, PADDED, said.id, &payload);
            }
        }
        Ok(true)
    }

    /// Ends a stream without a word.
    fn take_back(&mut self, script: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        let Some(at) = self.stream(script)? else { return Ok(()) };
        if self.resets < RESETS_MAX {
            self.resets += 1;
            let said = &mut self.said[at];
            (said.is_ended, said.is_sound) = (true, false);
            let code = u32::from(script.int_in_range(0..=13u8)?);
            self.client.frame(RST_STREAM, 0, said.id, &code.to_be_bytes());
        }
        Ok(())
    }

    fn give_room(&mut self, script: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        let stream = if script.arbitrary()? { self.stream(script)?.map_or(0, |at| self.said[at].id) } else { 0 };
        let more = u32::from(script.arbitrary::<u16>()?) + 1;
        self.client.frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes());
        Ok(())
    }

    fn ping(&mut self, script: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        self.client.frame(PING, 0, 0, &script.arbitrary::<[u8; 8]>()?);
        Ok(())
    }

    /// Ends our direction of a stream.
    fn finish(&mut self, script: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        let Some(at) = self.stream(script)? else { return Ok(()) };
        let id = self.said[at].id;
        self.said[at].is_ended = true;
        if script.ratio(3, 4)? {
            self.client.frame(DATA, END_STREAM, id, &[]);
        } else {
            let mut trailers = Vec::new();
            header(&mut trailers, b"x-trailer", b"mine");
            self.head(script, id, &trailers, true)?;
        }
        Ok(())
    }

    /// Hears what the server has said until now.
    fn listen(&mut self) {
        if self.is_honest {
            self.pings += 1;
            let ping = u64::MAX - self.pings;
            self.client.frame(PING, 0, 0, &ping.to_be_bytes());
            let is_heard = self.client.hear_until(|client| client.answered == Some(ping));
            assert!(is_heard, "the server has ended the connection: {:?}", self.client);
        } else {
            self.client.flush();
        }
    }

    fn break_rules(&mut self, script: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        self.is_honest = false;
        match script.int_in_range(0..=3)? {
            0 => self.client.raw(script.arbitrary()?),
            1 => {
                let payload: &[u8] = script.arbitrary()?;
                self.client.frame(script.int_in_range(0..=10)?, script.arbitrary()?, script.arbitrary()?, payload);
            }
            2 => {
                let stream = self.said.last().map_or(1, |said| said.id) + 2 * u32::from(script.arbitrary::<u8>()?);
                self.client.frame(HEADERS, script.arbitrary()?, stream, script.arbitrary()?);
            }
            _ => {
                let stream = u32::from(script.int_in_range(0..=31u8)?);
                let (kind, payload): (u8, &[u8]) = *script.choose(&[
                    (RST_STREAM, &[0, 0, 0, 8][..]),
                    (WINDOW_UPDATE, &[127, 255, 255, 255]),
                    (WINDOW_UPDATE, &[0, 0, 0, 0]),
                    (GOAWAY, &[0; 8]),
                    (DATA, b"x"),
                    (SETTINGS, &[0, 4, 255, 255, 255, 255]),
                    (PING, b"short"),
                ])?;
                self.client.frame(kind, script.arbitrary()?, stream, payload);
            }
        }
        Ok(())
    }

    /// Hears all that can be expected, and ends.
    fn end(mut self, in_order: bool) {
        if self.is_honest {
            self.client.frame(SETTINGS, 0, 0, &[&[0, 4][..], &ROOM.to_be_bytes()].concat());
            self.client.frame(WINDOW_UPDATE, 0, 0, &ROOM.to_be_bytes());
            self.listen();
            for said in &self.said {
                said.check(&mut self.client);
            }
        }
        if in_order {
            self.client.end();
        } else {
            self.client.flush();
        }
    }
}

impl Said {
    /// Whether the server has answered to all, and to nothing else.
    fn check(&self, client: &mut Client) {
        let id = self.id;
        let heard = |client: &Client, holds: &dyn Fn(&Heard) -> bool| client.streams.get(&id).is_some_and(holds);
        match self.kind {
            Kind::Hello | Kind::Echo if self.is_sound => {
                if self.kind == Kind::Echo && !self.is_ended {
                    return;
                }
                assert!(client.hear_until(|client| heard(client, &|heard| heard.is_ended)), "{id}: {client:?}");
                let expected = if self.kind == Kind::Echo { &self.body[..] } else { b"hello" };
                assert!(heard(client, &|heard| heard.is_ok && heard.data == expected), "{id}: {client:?}");
            }
            Kind::Hello | Kind::Echo | Kind::Refused => {
                assert!(!self.is_sound || client.hear_until(|client| heard(client, &|heard| heard.is_answered)));
            }
            Kind::Socket | Kind::Compressed => {
                if self.is_sound && !self.is_ended {
                    let all = self.messages.len();
                    let whole = |client: &Client| heard(client, &|heard| said_by_server(&heard.data).0.len() >= all);
                    assert!(client.hear_until(whole), "{id}: {all} messages, {client:?}");
                    assert!(heard(client, &|heard| heard.is_ok && !heard.is_ended && heard.reset.is_none()));
                }
                let Some(heard) = client.streams.get(&id) else { return };
                let (messages, error) = if heard.is_ok { said_by_server(&heard.data) } else { Default::default() };
                assert_eq!(error, None, "{id}: the server breaks the rules of WebSockets");
                // What was said before anything else comes back first; and nothing that was not said.
                let len = messages.len().min(self.messages.len());
                assert_eq!(messages[..len], self.messages[..len], "{id}");
                assert!(!self.is_sound || messages.len() == len, "{id}: {messages:?}");
            }
        }
    }
}

/// The messages that a server has sent on a socket.
fn said_by_server(wire: &[u8]) -> (Vec<Message>, Option<FrameError>) {
    let mut wire = wire.to_vec();
    let mut input = &mut wire[..];
    let mut decoder = Decoder::new(Role::Client, usize::MAX).with_deflate();
    let mut messages = Vec::new();
    loop {
        match decoder.decode(&mut input) {
            Ok(None) => return (messages, None),
            Ok(Some(Item::Message(message))) => messages.push(message),
            Ok(Some(Item::Deflated(deflated))) => {
                match CODECS.with_borrow_mut(|codecs| codecs.inflate(&deflated, None, usize::MAX)) {
                    Ok(message) => messages.push(message),
                    Err(error) => return (messages, Some(error)),
                }
            }
            Ok(Some(Item::Ping(_) | Item::Pong(_) | Item::Close(_))) => {}
            Err(error) => return (messages, Some(error)),
        }
    }
}

fn message(script: &mut Unstructured<'_>) -> arbitrary::Result<Message> {
    let times = if script.ratio(1, 4)? { usize::from(script.arbitrary::<u16>()?) } else { 1 };
    let len_max = SENT_MAX / 4;
    if script.arbitrary()? {
        let unit: &str = script.arbitrary()?;
        Ok(Message::Text(unit.repeat(times.min(len_max / unit.len().max(1))).into()))
    } else {
        let unit: &[u8] = script.arbitrary()?;
        Ok(Message::Binary(unit.repeat(times.min(len_max / unit.len().max(1))).into()))
    }
}

/// A message in one frame or several, between which there may be others.
fn frames(script: &mut Unstructured<'_>, message: &Message) -> arbitrary::Result<Vec<u8>> {
    let opcode = if matches!(message, Message::Text(_)) { 1 } else { 2 };
    let (mut rest, mut wire, mut opcode) = (message.as_bytes(), Vec::new(), opcode);
    for _ in 0..script.int_in_range(0..=3)? {
        let (piece, after) = rest.split_at(script.int_in_range(0..=rest.len())?);
        wire.extend(websocket_frame(opcode, piece, script.arbitrary()?));
        (rest, opcode) = (after, 0);
        if script.ratio(1, 4)? {
            wire.extend(websocket_frame(0x89, b"between", script.arbitrary()?));
        }
    }
    wire.extend(websocket_frame(0x80 | opcode, rest, script.arbitrary()?));
    Ok(wire)
}
