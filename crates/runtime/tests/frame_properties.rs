//! The frame codec against tungstenite, an independent implementation, in both directions and on damaged input.
//!
//! On damaged input both must accept and refuse the same, but for four differences that are meant, all of them
//! named in `Meant`.

use std::io::{self, Cursor, Read, Write};

use bytes::Bytes;
use dormouse_object::message::Message;
use dormouse_runtime::sockets::frame::agreement::{History, WINDOW_BITS_MAX, WINDOW_BITS_MIN};
use dormouse_runtime::sockets::frame::deflate::Codecs;
use dormouse_runtime::sockets::frame::{CloseFrame, Decoder, Deflated, FrameError, Item, Role, encode};
use proptest::collection::vec;
use proptest::prelude::*;
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame as TheirCloseFrame, Frame, FrameHeader};
use tungstenite::protocol::{Role as TheirRole, WebSocketConfig};
use tungstenite::{Error as TheirError, Message as TheirMessage, WebSocket};

/// Small enough that damaged lengths are often over it.
const LEN_MAX: usize = 3000;

/// A message in fragments, or a control frame between messages.
#[derive(Clone, Debug)]
enum Part {
    Message { message: Message, cuts: Vec<prop::sample::Index>, between: Vec<Item> },
    Control(Item),
}

#[derive(Debug, PartialEq)]
enum Verdict {
    WantsMore,
    Closed,
    Refused(u16),
}

proptest! {
    #[test]
    fn we_decode_what_tungstenite_encodes(conversation in conversation(LEN_MAX), role in role(), cuts in cuts()) {
        let (wire, items) = encode_by_tungstenite(&conversation, role);
        let (decoded, verdict) = decode(role, &wire, &cuts);
        prop_assert_eq!(&decoded, &items);
        prop_assert_eq!(verdict, if ends_in_close(&items) { Verdict::Closed } else { Verdict::WantsMore });
    }

    #[test]
    fn tungstenite_decodes_what_we_encode(items in items(), role in role(), key: [u8; 4]) {
        let wire: Vec<u8> = items.iter().flat_map(|item| encode(item, role, key)).collect();
        let (decoded, verdict) = decode_by_tungstenite(role, &wire);
        prop_assert_eq!(&decoded, &items);
        prop_assert_eq!(verdict, if ends_in_close(&items) { Verdict::Closed } else { Verdict::WantsMore });
    }

    #[test]
    fn we_decode_what_we_encode(items in items(), role in role(), key: [u8; 4], cuts in cuts()) {
        let wire: Vec<u8> = items.iter().flat_map(|item| encode(item, role, key)).collect();
        prop_assert_eq!(decode(role, &wire, &cuts).0, items);
    }

    #[test]
    fn compressed_messages_come_back(
        messages in vec(message(LEN_MAX), 1..6), bits in WINDOW_BITS_MIN..=WINDOW_BITS_MAX, takeover: bool, cuts in cuts(),
    ) {
        let mut codecs = Codecs::default();
        let mut sent = takeover.then(|| History::new(bits));
        let mut wire = Vec::new();
        for message in &messages {
            wire.extend(codecs.deflate(message, bits, sent.as_mut()).unwrap_or_else(|| encode::message(message)));
        }
        let mut received = takeover.then(|| History::new(bits));
        let mut decoded = Vec::new();
        let (items, error) = decode_by(&mut Decoder::new(Role::Client, LEN_MAX).with_deflate(), &wire, &cuts);
        prop_assert_eq!(error, None);
        for item in items {
            decoded.push(match item {
                Item::Deflated(deflated) => codecs.inflate(&deflated, received.as_mut(), LEN_MAX).expect("our own"),
                Item::Message(message) => message,
                other => panic!("{other:?}"),
            });
        }
        prop_assert_eq!(decoded, messages);
    }

    #[test]
    fn any_bytes_are_a_compressed_message_or_none(data in vec(any::<u8>(), 0..200), is_text: bool, len_max in 0..5000usize) {
        let mut codecs = Codecs::default();
        let hello = Deflated { is_text: true, data: Bytes::from_static(b"\xf2\x48\xcd\xc9\xc9\x07\x00") };
        match codecs.inflate(&Deflated { is_text, data: data.into() }, None, len_max) {
            Ok(message) => prop_assert!(message.len() <= len_max),
            Err(error) => prop_assert!(matches!(error.code, 1007 | 1009)),
        }
        prop_assert_eq!(codecs.inflate(&hello, None, 5), Ok(Message::Text("Hello".into())), "and the next is read");
    }

    #[test]
    fn close_is_always_acceptable(code: u16, reason in ".{0,200}", key: [u8; 4]) {
        let wire = encode::close_masked(Some((code, &reason)), key);
        let (items, verdict) = decode_by_tungstenite(Role::Server, &wire);
        prop_assert_eq!(items.len(), 1);
        prop_assert_eq!(verdict, Verdict::Closed);
    }
}

proptest! {
    // Cheap cases, of which it takes many to come by the interesting damage.
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn damaged_input_is_accepted_and_refused_alike(
        conversation in conversation(LEN_MAX + 2), role in role(), damages in vec(damage(), 0..4), cuts in cuts(),
    ) {
        let (mut wire, _) = encode_by_tungstenite(&conversation, role);
        for damage in &damages {
            damage.apply(&mut wire);
        }
        compare(role, &wire, &cuts)?;
    }

    #[test]
    fn headers_out_of_the_blue_are_accepted_and_refused_alike(
        frames in vec((header_byte(), any::<u8>(), vec(any::<u8>(), 0..30)), 1..4), role in role(), cuts in cuts(),
    ) {
        let wire: Vec<u8> =
            frames.into_iter().flat_map(|(first, second, rest)| [vec![first, second], rest].concat()).collect();
        compare(role, &wire, &cuts)?;
    }
}

/// Where the two are meant to differ on the same bytes.
#[derive(Debug)]
enum Meant {
    /// We refuse a length in more bytes than it needs (RFC 6455, section 5.2: "MUST"); tungstenite takes it.
    LengthNotMinimal,
    /// We refuse a forbidden close code; tungstenite hands out a Close of its own, 1002 "Protocol violation".
    CloseCode,
    /// We take 1014, bad gateway, from IANA's registry; to tungstenite it is a forbidden code.
    CloseCode1014,
    /// We refuse with the first wrong byte; tungstenite when the header or frame is whole.
    Earlier,
}

fn compare(role: Role, wire: &[u8], cuts: &[prop::sample::Index]) -> Result<(), TestCaseError> {
    let (ours, our_verdict, reason) = decode_with_reason(role, wire, cuts);
    let whole = decode_with_reason(role, wire, &[]);
    prop_assert_eq!((&ours, &our_verdict, &reason), (&whole.0, &whole.1, &whole.2), "cuts change the outcome");

    let (theirs, their_verdict) = decode_by_tungstenite(role, wire);
    if ours == theirs && agree(&our_verdict, &reason, &their_verdict) {
        return Ok(());
    }

    let violation = CloseFrame { code: 1002, reason: "Protocol violation".into() };
    let they_saw_violation = theirs.last() == Some(&Item::Close(Some(violation)));
    let meant = match &our_verdict {
        Verdict::Refused(1002) if is_about_length(&reason) => Meant::LengthNotMinimal,
        Verdict::Refused(1002) if reason.contains("invalid code") && they_saw_violation => Meant::CloseCode,
        Verdict::Closed if they_saw_violation => Meant::CloseCode1014,
        Verdict::Refused(_) if their_verdict == Verdict::WantsMore => Meant::Earlier,
        _ => {
            let message = format!("ours {ours:?} {our_verdict:?} {reason}, theirs {theirs:?} {their_verdict:?}");
            return Err(TestCaseError::fail(message));
        }
    };
    match meant {
        Meant::LengthNotMinimal => prop_assert!(theirs.starts_with(&ours)),
        Meant::CloseCode => prop_assert_eq!(&ours[..], &theirs[..theirs.len() - 1]),
        Meant::CloseCode1014 => {
            let is_1014 = matches!(ours.last(), Some(Item::Close(Some(CloseFrame { code: 1014, .. }))));
            prop_assert!(is_1014);
            prop_assert_eq!(&ours[..ours.len() - 1], &theirs[..theirs.len() - 1]);
        }
        Meant::Earlier => {
            prop_assert_eq!(&ours, &theirs);
            // Whatever follows, it must come to the same: enough bytes to end any header and any frame in the limit.
            for filler in [0x00, b'a', 0xff] {
                let continued = [wire, &[filler; LEN_MAX + 14]].concat();
                let (theirs, their_verdict) = decode_by_tungstenite(role, &continued);
                let refused = matches!(their_verdict, Verdict::Refused(_)) || theirs.last().is_some_and(is_close);
                prop_assert!(refused, "we refused with {reason}, they went on: {theirs:?} {their_verdict:?}");
                prop_assert!(theirs.starts_with(&ours));
            }
        }
    }
    Ok(())
}

/// Whether two verdicts are the same. A frame that is wrong in several ways may be refused for any of them, and
/// only UTF-8 is looked at last by both, unless we have stopped at one of the things that they let pass.
fn agree(ours: &Verdict, reason: &str, theirs: &Verdict) -> bool {
    match (ours, theirs) {
        (Verdict::Refused(ours), Verdict::Refused(theirs)) => {
            let stopped = reason.contains("invalid code") || is_about_length(reason);
            (*ours == 1007) == (*theirs == 1007) || (stopped && *ours == 1002)
        }
        _ => ours == theirs,
    }
}

/// For a control frame, a long form of the length is refused as such, whatever length it then gives.
fn is_about_length(reason: &str) -> bool {
    reason.contains("not minimally encoded") || reason.contains("control frame with more than 125 bytes")
}

fn decode(role: Role, wire: &[u8], cuts: &[prop::sample::Index]) -> (Vec<Item>, Verdict) {
    let (items, verdict, _) = decode_with_reason(role, wire, cuts);
    (items, verdict)
}

fn decode_with_reason(role: Role, wire: &[u8], cuts: &[prop::sample::Index]) -> (Vec<Item>, Verdict, String) {
    let mut decoder = Decoder::new(role, LEN_MAX);
    let (items, error) = decode_by(&mut decoder, wire, cuts);
    match error {
        Some(FrameError { code, reason }) => (items, Verdict::Refused(code), reason.into_owned()),
        None if decoder.is_finished() => (items, Verdict::Closed, String::new()),
        None => (items, Verdict::WantsMore, String::new()),
    }
}

fn decode_by(decoder: &mut Decoder, wire: &[u8], cuts: &[prop::sample::Index]) -> (Vec<Item>, Option<FrameError>) {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
    ends.push(wire.len());
    ends.sort_unstable();

    let mut items = Vec::new();
    let mut error = None;
    let mut start = 0;
    for end in ends {
        let mut piece = wire[start..end].to_vec();
        let mut input = &mut piece[..];
        start = end;
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(first) => assert!(error.replace(first).is_none(), "a second error"),
            }
        }
        assert!(input.is_empty());
    }
    (items, error)
}

fn decode_by_tungstenite(role: Role, wire: &[u8]) -> (Vec<Item>, Verdict) {
    let role = match role {
        Role::Server => TheirRole::Server,
        Role::Client => TheirRole::Client,
    };
    let config = WebSocketConfig::default().max_message_size(Some(LEN_MAX)).max_frame_size(Some(LEN_MAX));
    let mut socket = WebSocket::from_raw_socket(Replay(Cursor::new(wire)), role, Some(config));
    let mut items = Vec::new();
    loop {
        let verdict = match socket.read() {
            Ok(message) => {
                let item = item_of(message);
                items.push(item);
                if items.last().is_some_and(is_close) {
                    return (items, Verdict::Closed);
                }
                continue;
            }
            Err(TheirError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Verdict::WantsMore,
            Err(TheirError::Protocol(_)) => Verdict::Refused(1002),
            Err(TheirError::Utf8(_)) => Verdict::Refused(1007),
            Err(TheirError::Capacity(CapacityError::MessageTooLong { .. })) => Verdict::Refused(1009),
            Err(error) => panic!("{error}"),
        };
        return (items, verdict);
    }
}

/// A peer who has sent these bytes and gone, and to whom anything can be written.
struct Replay<'a>(Cursor<&'a [u8]>);

impl Read for Replay<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Replay<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn item_of(message: TheirMessage) -> Item {
    match message {
        TheirMessage::Text(text) => Item::Message(Message::Text(text.as_str().into())),
        TheirMessage::Binary(bytes) => Item::Message(Message::Binary(bytes)),
        TheirMessage::Ping(payload) => Item::Ping(payload),
        TheirMessage::Pong(payload) => Item::Pong(payload),
        TheirMessage::Close(frame) => {
            Item::Close(frame.map(|frame| CloseFrame { code: frame.code.into(), reason: frame.reason.as_str().into() }))
        }
        TheirMessage::Frame(_) => unreachable!("never read"),
    }
}

/// Our encoding of `item`, as the peer of `role` sends it.
fn encode(item: &Item, role: Role, key: [u8; 4]) -> Bytes {
    let code_and_reason = |frame: &CloseFrame| (frame.code, frame.reason.to_string());
    match (item, role) {
        (Item::Message(message), Role::Server) => encode::message_masked(message, key),
        (Item::Message(message), Role::Client) => encode::message(message),
        (Item::Ping(payload), Role::Server) => encode::ping_masked(payload, key),
        (Item::Ping(payload), Role::Client) => encode::ping(payload),
        (Item::Pong(payload), Role::Server) => encode::pong_masked(payload, key),
        (Item::Pong(payload), Role::Client) => encode::pong(payload),
        (Item::Deflated(_), _) => unreachable!("nothing of a conversation"),
        (Item::Close(frame), _) => {
            let frame = frame.as_ref().map(code_and_reason);
            let frame = frame.as_ref().map(|(code, reason)| (*code, reason.as_str()));
            if role == Role::Server { encode::close_masked(frame, key) } else { encode::close(frame) }
        }
    }
}

/// The frames of a conversation as the peer of `role` sends them, and the items that they are.
fn encode_by_tungstenite(conversation: &[Part], role: Role) -> (Vec<u8>, Vec<Item>) {
    let mut wire = Vec::new();
    let mut items = Vec::new();
    let mut write = |mut frame: Frame| {
        // A mask that differs from frame to frame.
        let len = wire.len() as u32;
        frame.header_mut().mask = (role == Role::Server).then(|| len.wrapping_mul(0x9e37_79b9).to_le_bytes());
        frame.format(&mut wire).expect("writing to a Vec");
    };
    for part in conversation {
        match part {
            Part::Control(item) => {
                write(control_frame(item));
                items.push(item.clone());
            }
            Part::Message { message, cuts, between } => {
                let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(message.len() + 1)).collect();
                ends.push(message.len());
                ends.sort_unstable();
                let mut data = if matches!(message, Message::Text(_)) { Data::Text } else { Data::Binary };
                let mut between = between.iter();
                let mut start = 0;
                for (index, end) in ends.iter().enumerate() {
                    let payload = Bytes::copy_from_slice(&message.as_bytes()[start..*end]);
                    let is_final = index + 1 == ends.len();
                    let header = FrameHeader { is_final, opcode: OpCode::Data(data), ..FrameHeader::default() };
                    write(Frame::from_payload(header, payload));
                    (start, data) = (*end, Data::Continue);
                    if !is_final && let Some(item) = between.next() {
                        write(control_frame(item));
                        items.push(item.clone());
                    }
                }
                items.push(Item::Message(message.clone()));
            }
        }
    }
    (wire, items)
}

fn control_frame(item: &Item) -> Frame {
    match item {
        Item::Ping(payload) => Frame::ping(payload.clone()),
        Item::Pong(payload) => Frame::pong(payload.clone()),
        Item::Close(frame) => Frame::close(
            frame
                .as_ref()
                .map(|frame| TheirCloseFrame { code: frame.code.into(), reason: frame.reason.to_string().into() }),
        ),
        Item::Message(_) | Item::Deflated(_) => unreachable!("no control frame"),
    }
}

fn is_close(item: &Item) -> bool {
    matches!(item, Item::Close(_))
}

fn ends_in_close(items: &[Item]) -> bool {
    items.last().is_some_and(is_close)
}

/// What a line does to bytes, and what an attacker does.
#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Truncate(prop::sample::Index),
    /// The first frame's header: its two bytes say the most.
    Header(u8, u8),
}

impl Damage {
    fn apply(&self, wire: &mut Vec<u8>) {
        let len = wire.len();
        if len < 2 {
            return;
        }
        match self {
            Damage::Set(at, byte) => wire[at.index(len)] = *byte,
            Damage::Flip(at, bit) => wire[at.index(len)] ^= 1 << bit,
            Damage::Insert(at, bytes) => drop(wire.splice(at.index(len)..at.index(len), bytes.iter().copied())),
            Damage::Remove(at, count) => drop(wire.drain(at.index(len)..(at.index(len) + count).min(len))),
            Damage::Truncate(at) => wire.truncate(at.index(len)),
            Damage::Header(first, second) => (wire[0], wire[1]) = (wire[0] ^ first, wire[1] ^ second),
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (at(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (at(), vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (at(), 1..20usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        at().prop_map(Damage::Truncate),
        (0..8u8, prop_oneof![Just(0), any::<u8>()]).prop_map(|(bit, second)| Damage::Header(1 << bit, second)),
    ]
}

/// Mostly legal.
fn header_byte() -> impl Strategy<Value = u8> {
    prop_oneof![6 => prop::sample::select(vec![0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a]), 1 => any::<u8>()]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    vec(any::<prop::sample::Index>(), 0..12)
}

fn message(len_max: usize) -> impl Strategy<Value = Message> {
    // The lengths at which something changes are as likely as all others together.
    let len = move || prop_oneof![0..40usize, Just(125), Just(126), Just(127), 128..=len_max, LEN_MAX - 1..=len_max];
    prop_oneof![
        ".{0,40}".prop_map(|text| Message::Text(text.into())),
        (prop::sample::select(vec!["a", "ß", "€", "😀"]), len())
            .prop_map(|(unit, len)| Message::Text(unit.repeat(len / unit.len()).into())),
        (any::<u8>(), len()).prop_map(|(byte, len)| Message::Binary(vec![byte; len].into())),
        vec(any::<u8>(), 0..60).prop_map(|bytes| Message::Binary(bytes.into())),
    ]
}

fn ping_or_pong() -> impl Strategy<Value = Item> {
    prop_oneof![
        vec(any::<u8>(), 0..=125).prop_map(|payload| Item::Ping(payload.into())),
        vec(any::<u8>(), 0..=125).prop_map(|payload| Item::Pong(payload.into())),
    ]
}

fn close() -> impl Strategy<Value = Item> {
    // 1014 is missing: see `Meant::CloseCode1014`.
    let code = prop_oneof![1000..=1003u16, 1007..=1013u16, 3000..=4999u16];
    prop::option::of((code, ".{0,30}"))
        .prop_map(|frame| Item::Close(frame.map(|(code, reason)| CloseFrame { code, reason: reason.into() })))
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let item = prop_oneof![message(LEN_MAX).prop_map(Item::Message), ping_or_pong()];
    (vec(item, 0..6), prop::option::of(close())).prop_map(|(mut items, close)| {
        items.extend(close);
        items
    })
}

/// Messages are no longer than `len_max`, which is at least `LEN_MAX`.
fn conversation(len_max: usize) -> impl Strategy<Value = Vec<Part>> {
    let message = (message(len_max), vec(any::<prop::sample::Index>(), 0..4), vec(ping_or_pong(), 0..3))
        .prop_map(|(message, cuts, between)| Part::Message { message, cuts, between });
    let part = prop_oneof![3 => message, 1 => ping_or_pong().prop_map(Part::Control)];
    (vec(part, 0..5), prop::option::of(close())).prop_map(|(mut parts, close)| {
        parts.extend(close.map(Part::Control));
        parts
    })
}
