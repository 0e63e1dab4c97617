//! The frames of RFC 6455, without IO: the bytes of a connection in, whole messages and control frames out.
//!
//! Invariant: what comes out depends on the bytes alone, never on how reads happened to cut them, and a
//! connection between messages holds no heap. What is wrong is refused at the first byte that shows it.
//!
//! The usual case, one whole frame in the read buffer, is unmasked where it lies and copied once, into an
//! allocation of exactly its size. Anything else goes to `Partial`, whose memory follows the bytes that have
//! arrived and never the length that a header announced.
//!
//! It answers nothing: pongs, close replies and their order are the connection's matter. It unpacks nothing either: a
//! compressed message (RFC 7692) comes out as it came in, whole and within the limit, for [`deflate::Codecs`] to
//! make a message of. `Header::parse` is the one place that judges reserved bits, and `Assembly` the one place where
//! the payloads of a message's frames come together.

pub mod agreement;
pub mod deflate;
pub mod encode;

mod assembly;
mod error;
pub(super) mod header;
pub(crate) mod mask;
mod utf8;

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;
use dormouse_object::message::Message;

use self::assembly::Assembly;
use self::error::Fault;
use self::header::{Expect, HEADER_LEN_MAX, Header, Opcode, Unfinished};

/// Which end of the connection we are (RFC 6455, section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// We serve: frames that arrive must be masked.
    Server,
    /// We dialled: frames that arrive must not be masked.
    Client,
}

/// What a connection has received (RFC 6455, sections 5.5 and 5.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A whole message, whatever the number of its frames.
    Message(Message),
    /// A whole message that is compressed.
    Deflated(Deflated),
    /// A ping and its payload of at most 125 bytes (section 5.5.2). The caller owes a pong.
    Ping(Bytes),
    /// A pong and its payload of at most 125 bytes (section 5.5.3).
    Pong(Bytes),
    /// The peer's Close, `None` without a code (section 5.5.1). Nothing follows it.
    Close(Option<CloseFrame>),
}

/// A compressed message (RFC 7692, section 6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deflated {
    /// Whether it is to be text.
    pub is_text: bool,
    /// Without the tail that ends it. At most [`deflated_len_max`] of the limit.
    pub data: Bytes,
}

/// How long a message of `len` bytes can be once it is compressed: zlib's own bound, whatever its settings.
pub const fn deflated_len_max(len: usize) -> usize {
    len.saturating_add(len / 8 + len / 64 + 64)
}

/// The body of a Close frame that has one (RFC 6455, section 5.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// A code that may be on the wire: 1000–1003, 1007–1014, 3000–4999 (section 7.4).
    pub code: u16,
    /// At most 123 bytes.
    pub reason: ByteString,
}

/// Why a connection must fail (RFC 6455, section 7.1.7), in the form of the Close frame that says so to the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// 1002 protocol error, 1007 invalid UTF-8, 1009 too large (section 7.4.1).
    pub code: u16,
    /// At most 123 bytes, so that it fits a Close frame. Where workerd has a text, this is its text
    /// (capnproto's `c++/src/kj/compat/http.c++`).
    pub reason: Cow<'static, str>,
}

/// Turns the bytes of one connection into items. One per connection, and no heap between messages.
///
/// ```
/// use dormouse_runtime::sockets::frame::{Decoder, Role};
///
/// let mut decoder = Decoder::new(Role::Client, 1 << 20);
/// let mut buffer = *b"\x81\x02hi\x81";
/// let mut input = &mut buffer[..];
/// while let Some(item) = decoder.decode(&mut input)? {
///     println!("{item:?}");
/// }
/// assert!(input.is_empty(), "the second frame's first byte is kept by the decoder");
/// # Ok::<(), dormouse_runtime::sockets::frame::FrameError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    /// Whether compressed messages are accepted.
    deflate: bool,
    /// After a Close or an error.
    finished: bool,
    /// How much of `head` holds the beginning of a header. Headers are kept here and not in `partial`, so that
    /// a peer who sends one byte and waits costs no heap.
    head_len: u8,
    head: [u8; HEADER_LEN_MAX],
    message_len_max: usize,
    /// Between the first byte of payload that came without its end, or the first fragment, and the message.
    partial: Option<Box<Partial>>,
}

/// What an idle connection pays.
const _: () = assert!(size_of::<Decoder>() <= 40);

impl Decoder {
    /// A decoder for a fresh connection. `message_len_max` bounds a message over all its frames; control frames
    /// have a limit of their own (RFC 6455, section 5.5).
    pub fn new(role: Role, message_len_max: usize) -> Self {
        let (head_len, head) = (0, [0; HEADER_LEN_MAX]);
        Self { role, deflate: false, finished: false, head_len, head, message_len_max, partial: None }
    }

    /// Accepts compressed messages too. Their own length is bounded, by [`deflated_len_max`]; what comes of them is
    /// not known here.
    #[must_use]
    pub fn with_deflate(mut self) -> Self {
        self.deflate = true;
        self
    }

    /// Ends this direction of the connection: a message that came out of it whole was found to be wrong.
    pub fn fail(&mut self) {
        self.finished = true;
        self.partial = None;
    }

    /// Takes the next item from the front of `input` and leaves `input` behind it. Payloads are unmasked in place.
    ///
    /// `None` means that all of `input` is used up, an unfinished rest of it being kept here: read more. Call
    /// again until then, since one read may hold many frames.
    ///
    /// After a Close frame or an error the connection has nothing more to say (RFC 6455, sections 5.5.1 and
    /// 7.1.7): the rest of `input`, and all that is offered later, is thrown away unread and the answer is `None`.
    /// So a caller that keeps reading until the peer hangs up needs no special case; [`Self::is_finished`] tells.
    ///
    /// # Errors
    /// The peer broke the protocol, sent text that is not UTF-8, or a message over the limit: see [`FrameError`].
    /// Items that were complete before the offending byte have been handed out first.
    pub fn decode(&mut self, input: &mut &mut [u8]) -> Result<Option<Item>, FrameError> {
        if self.finished {
            *input = &mut [];
            return Ok(None);
        }
        match self.next_item(input) {
            Ok(item) => {
                if matches!(item, Some(Item::Close(_))) {
                    self.finish(input);
                }
                Ok(item)
            }
            Err(fault) => {
                self.finish(input);
                Err(FrameError::from(fault))
            }
        }
    }

    /// Whether a Close frame or an error has ended this direction of the connection.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Bytes of heap held for what is unfinished: of a message at most 64 or twice what has arrived of it, of a
    /// control frame at most 125, and the fixed size of the state. Zero between messages.
    pub fn heap_len(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| size_of::<Partial>() + partial.capacity())
    }

    #[inline]
    fn next_item(&mut self, input: &mut &mut [u8]) -> Result<Option<Item>, Fault> {
        while !input.is_empty() {
            if !self.is_inside_frame() {
                let Some(header) = self.take_header(input)? else { break };
                let alone = header.opcode.is_control() || (header.fin && self.partial.is_none());
                if alone && header.payload_len <= input.len() {
                    let payload = take(input, header.payload_len);
                    mask::apply(payload, header.mask);
                    if header.deflated {
                        let data = Bytes::copy_from_slice(payload);
                        return Ok(Some(Item::Deflated(Deflated { is_text: header.opcode == Opcode::Text, data })));
                    }
                    return item(header.opcode, payload).map(Some);
                }
                self.partial.get_or_insert_default().begin(&header, self.message_len_max);
            }
            if let Some(item) = self.take_partial(input)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    fn is_inside_frame(&self) -> bool {
        self.partial.as_ref().is_some_and(|partial| partial.frame.is_some())
    }

    /// The next header, if its last byte has arrived; else the beginning of it is kept and `input` is empty.
    #[inline]
    fn take_header(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, Fault> {
        if self.head_len == 0
            && let Some((header, header_len)) = Header::parse(input, &self.expect())?
        {
            take(input, header_len);
            return Ok(Some(header));
        }
        self.take_cut_header(input)
    }

    #[cold]
    fn take_cut_header(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, Fault> {
        let kept = usize::from(self.head_len);
        let added = input.len().min(HEADER_LEN_MAX - kept);
        self.head[kept..kept + added].copy_from_slice(&input[..added]);
        match Header::parse(&self.head[..kept + added], &self.expect())? {
            Some((header, header_len)) => {
                // What was kept had no whole header in it, so the header ends in this input.
                take(input, header_len - kept);
                self.head_len = 0;
                Ok(Some(header))
            }
            None => {
                // `HEADER_LEN_MAX` bytes always hold a whole header, so all of `input` has been added.
                take(input, added);
                self.head_len += added as u8;
                Ok(None)
            }
        }
    }

    fn expect(&self) -> Expect {
        let unfinished = self.partial.as_ref().and_then(|partial| partial.message.as_ref());
        Expect {
            role: self.role,
            deflate: self.deflate,
            message_len_max: self.message_len_max,
            unfinished: unfinished.map(|message| Unfinished { len: message.len(), deflated: message.is_deflated() }),
        }
    }

    #[inline(never)] // Keeps the fast path small.
    fn take_partial(&mut self, input: &mut &mut [u8]) -> Result<Option<Item>, Fault> {
        let Some(partial) = &mut self.partial else { return Ok(None) };
        let item = partial.take_payload(input)?;
        if partial.is_empty() {
            self.partial = None;
        }
        Ok(item)
    }

    #[cold]
    fn finish(&mut self, input: &mut &mut [u8]) {
        self.fail();
        *input = &mut [];
    }
}

/// What has arrived of a message or control frame that is not whole yet. A control frame may come between the
/// frames of a message (RFC 6455, section 5.4), so there can be one of each.
#[derive(Debug, Default)]
struct Partial {
    /// The frame whose payload is arriving; `None` between frames.
    frame: Option<Frame>,
    /// The payload, so far, of `frame` when that is a control frame.
    control: Vec<u8>,
    /// The message, so far, whose frames are arriving.
    message: Option<Assembly>,
}

/// A frame whose header has arrived and whose payload has not.
#[derive(Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// The mask for the next byte that arrives: turned as the payload advances.
    mask: [u8; 4],
    remaining: usize,
    /// How long the message can be at this frame's end: the bound of what its buffer may grow to.
    message_len_end: usize,
}

impl Partial {
    fn begin(&mut self, header: &Header, message_len_max: usize) {
        match header.opcode {
            Opcode::Text | Opcode::Binary if header.deflated => {
                self.message = Some(Assembly::deflated(header.opcode == Opcode::Text));
            }
            Opcode::Text => self.message = Some(Assembly::text()),
            Opcode::Binary => self.message = Some(Assembly::binary()),
            Opcode::Continuation => {}
            Opcode::Close | Opcode::Ping | Opcode::Pong => self.control = Vec::with_capacity(header.payload_len),
        }
        let message_len = self.message.as_ref().map_or(0, Assembly::len);
        let is_deflated = self.message.as_ref().is_some_and(Assembly::is_deflated);
        let len_max = if is_deflated { deflated_len_max(message_len_max) } else { message_len_max };
        self.frame = Some(Frame {
            opcode: header.opcode,
            fin: header.fin,
            mask: header.mask,
            remaining: header.payload_len,
            // More fragments may follow one that is not final, so growth beyond it is worth preparing.
            message_len_end: if header.fin { message_len + header.payload_len } else { len_max },
        });
    }

    /// Takes what `input` has of the current frame's payload, and the item if that ends it.
    fn take_payload(&mut self, input: &mut &mut [u8]) -> Result<Option<Item>, Fault> {
        let Some(frame) = &mut self.frame else { return Ok(None) };
        let chunk = take(input, frame.remaining.min(input.len()));
        mask::apply(chunk, frame.mask);
        frame.mask.rotate_left(chunk.len() % 4);
        frame.remaining -= chunk.len();

        match &mut self.message {
            Some(message) if !frame.opcode.is_control() => message.push(chunk, frame.message_len_end)?,
            _ => self.control.extend_from_slice(chunk),
        }
        if frame.remaining > 0 {
            return Ok(None);
        }
        let (opcode, fin) = (frame.opcode, frame.fin);
        self.frame = None;
        if opcode.is_control() {
            let payload = std::mem::take(&mut self.control);
            return item(opcode, &payload).map(Some);
        }
        match self.message.take_if(|_| fin) {
            Some(message) => message.finish().map(Some),
            None => Ok(None),
        }
    }

    fn is_empty(&self) -> bool {
        self.frame.is_none() && self.message.is_none()
    }

    fn capacity(&self) -> usize {
        self.control.capacity() + self.message.as_ref().map_or(0, Assembly::capacity)
    }
}

/// What a frame is that needs no other, its payload whole and unmasked.
#[inline]
fn item(opcode: Opcode, payload: &[u8]) -> Result<Item, Fault> {
    match opcode {
        Opcode::Text => {
            let text = utf8::check(payload).ok_or(Fault::TextNotUtf8)?;
            Ok(Item::Message(Message::Text(ByteString::from(text))))
        }
        // A continuation needs others, and `Header::parse` has refused it where there are none.
        Opcode::Binary | Opcode::Continuation => Ok(Item::Message(Message::Binary(Bytes::copy_from_slice(payload)))),
        Opcode::Close => close_frame(payload).map(Item::Close),
        Opcode::Ping => Ok(Item::Ping(Bytes::copy_from_slice(payload))),
        Opcode::Pong => Ok(Item::Pong(Bytes::copy_from_slice(payload))),
    }
}

/// The body of a Close frame: nothing, or a code and a reason (RFC 6455, section 5.5.1).
fn close_frame(payload: &[u8]) -> Result<Option<CloseFrame>, Fault> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [_] => return Err(Fault::CloseLenOne),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    // 1004 to 1006 and 1015 are never sent, 1016 to 2999 are the protocol's to give out and it has not, and
    // applications have 3000 and up (section 7.4; 1012 to 1014 are in IANA's registry).
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Fault::CloseCode(code));
    }
    let reason = utf8::check(reason).ok_or(Fault::CloseReasonNotUtf8)?;
    Ok(Some(CloseFrame { code, reason: ByteString::from(reason) }))
}

/// The first `len` bytes of `input`, which is left behind them.
///
/// # Panics
/// If `input` is shorter, which its callers have ruled out.
#[inline]
fn take<'a>(input: &mut &'a mut [u8], len: usize) -> &'a mut [u8] {
    input.split_off_mut(..len).expect("callers take no more than there is")
}

#[cfg(test)]
mod tests {
    use super::header::CONTROL_LEN_MAX;
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    const LEN_MAX: usize = 100_000;
    type Outcome = Result<Item, FrameError>;

    /// A frame as the sections of RFC 6455 spell it, independent of `encode`.
    fn frame(first: u8, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
        let masked = if key.is_some() { 0x80 } else { 0 };
        let mut wire = match payload.len() {
            len @ 0..=125 => vec![first, masked | len as u8],
            len @ 126..=65535 => vec![first, masked | 126, (len >> 8) as u8, len as u8],
            len => [&[first, masked | 127][..], &(len as u64).to_be_bytes()].concat(),
        };
        wire.extend(key.into_iter().flatten());
        wire.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ key.map_or(0, |key| key[i % 4])));
        wire
    }

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        frame(first, payload, Some(KEY))
    }

    fn text(text: &str) -> Outcome {
        Ok(Item::Message(Message::Text(text.into())))
    }

    fn binary(bytes: &[u8]) -> Outcome {
        Ok(Item::Message(Message::Binary(Bytes::copy_from_slice(bytes))))
    }

    fn ping(payload: &'static [u8]) -> Outcome {
        Ok(Item::Ping(Bytes::from_static(payload)))
    }

    fn close(code: u16, reason: &str) -> Outcome {
        Ok(Item::Close(Some(CloseFrame { code, reason: reason.into() })))
    }

    fn error(code: u16, reason: &'static str) -> Outcome {
        Err(FrameError { code, reason: reason.into() })
    }

    /// All outcomes of one piece of input, which must be used up.
    fn feed(decoder: &mut Decoder, piece: &[u8], outcomes: &mut Vec<Outcome>) {
        let mut buffer = piece.to_vec();
        let mut input = &mut buffer[..];
        while let Some(outcome) = decoder.decode(&mut input).transpose() {
            outcomes.push(outcome);
        }
        assert!(input.is_empty());
    }

    /// What `role` makes of `wire`, which ends between messages, must be `expected`: whole, byte by byte, and cut
    /// anywhere. Nothing of it stays in memory, and nothing more comes once it has ended the connection.
    #[track_caller]
    fn check(role: Role, wire: &[u8], expected: &[Outcome]) {
        check_by(|| Decoder::new(role, LEN_MAX), wire, expected);
    }

    #[track_caller]
    fn check_by(decoder: impl Fn() -> Decoder, wire: &[u8], expected: &[Outcome]) {
        // Long payloads are cut near their ends and now and then in the middle.
        let dense = if wire.len() < 1000 { wire.len() } else { 20 };
        let cuts = (0..=wire.len()).filter(|cut| *cut <= dense || wire.len() - cut < 5 || cut % 29_989 == 0);
        let mut ways: Vec<Vec<&[u8]>> = cuts.map(|cut| vec![&wire[..cut], &wire[cut..]]).collect();
        ways.push(wire.chunks(1).collect());
        for way in ways {
            let mut decoder = decoder();
            let mut outcomes = Vec::new();
            let mut fed = 0;
            for piece in &way {
                feed(&mut decoder, piece, &mut outcomes);
                fed += piece.len();
                assert!(decoder.heap_len() <= size_of::<Partial>() + 64.max(2 * fed) + CONTROL_LEN_MAX);
            }
            assert!(
                outcomes == expected,
                "in pieces of {:?}: {outcomes:?}",
                way.iter().map(|p| p.len()).collect::<Vec<_>>()
            );

            let ended = matches!(expected.last(), Some(Ok(Item::Close(_)) | Err(_)));
            assert_eq!(decoder.is_finished(), ended);
            assert_eq!(decoder.heap_len(), 0);
            if ended {
                feed(&mut decoder, &masked(0x81, b"late"), &mut outcomes);
                feed(&mut decoder, b"\xff\xff\xff", &mut outcomes);
                assert_eq!(outcomes, expected);
                assert_eq!(decoder.heap_len(), 0);
            }
        }
    }

    #[track_caller]
    fn check_server(frames: &[Vec<u8>], expected: &[Outcome]) {
        check(Role::Server, &frames.concat(), expected);
    }

    /// The number of bytes that a server, fed one by one, takes before it refuses.
    #[track_caller]
    fn check_refused_after(wire: &[u8], len: usize) {
        let mut decoder = Decoder::new(Role::Server, LEN_MAX);
        let mut outcomes = Vec::new();
        let refused = wire.iter().position(|byte| {
            feed(&mut decoder, &[*byte], &mut outcomes);
            outcomes.last().is_some_and(Result::is_err)
        });
        assert_eq!(refused.map(|index| index + 1), Some(len));
    }

    #[test]
    fn examples_of_the_rfc() {
        // Section 5.7.
        check(Role::Client, b"\x81\x05Hello", &[text("Hello")]);
        check(Role::Server, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", &[text("Hello")]);
        check(Role::Client, b"\x01\x03Hel\x80\x02lo", &[text("Hello")]);
        check(Role::Client, b"\x89\x05Hello", &[ping(b"Hello")]);
        check(Role::Server, b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", &[Ok(Item::Pong("Hello".into()))]);
        let payload = [7; 65536];
        check(Role::Client, &[&b"\x82\x7e\x01\x00"[..], &payload[..256]].concat(), &[binary(&payload[..256])]);
        check(Role::Client, &[&b"\x82\x7f\0\0\0\0\0\x01\0\0"[..], &payload].concat(), &[binary(&payload)]);
    }

    #[test]
    fn every_length_encoding_at_its_edges() {
        for len in [0, 1, 2, 3, 4, 5, 7, 8, 9, 124, 125, 126, 127, 128, 255, 256, 65534, 65535, 65536, 65537, LEN_MAX] {
            let letters: String = (0..len).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
            check_server(&[masked(0x81, letters.as_bytes())], &[text(&letters)]);
            check(Role::Client, &frame(0x82, letters.as_bytes(), None), &[binary(letters.as_bytes())]);
            let (head, tail) = letters.as_bytes().split_at(len / 3);
            check_server(&[masked(0x01, head), masked(0x80, tail)], &[text(&letters)]);
        }
    }

    fn deflated(is_text: bool, data: &[u8]) -> Outcome {
        Ok(Item::Deflated(Deflated { is_text, data: Bytes::copy_from_slice(data) }))
    }

    #[track_caller]
    fn check_deflate(frames: &[Vec<u8>], expected: &[Outcome]) {
        check_by(|| Decoder::new(Role::Server, LEN_MAX).with_deflate(), &frames.concat(), expected);
    }

    #[test]
    fn compressed_messages_come_out_as_they_came_in() {
        check_deflate(
            &[masked(0xc1, b"\xff\xfe"), masked(0xc2, b""), masked(0x81, b"plain")],
            &[deflated(true, b"\xff\xfe"), deflated(false, b""), text("plain")],
        );
        check_deflate(
            &[masked(0x41, b"ab"), masked(0x89, b"p"), masked(0x00, b""), masked(0x80, b"c"), masked(0x82, b"d")],
            &[ping(b"p"), deflated(true, b"abc"), binary(b"d")],
        );
        check_deflate(&[masked(0x42, b""), masked(0x80, b"")], &[deflated(false, b"")]);
        let long = vec![0xfe; 70_000];
        check_deflate(
            &[masked(0xc1, &long), masked(0x41, &long[..60_000]), masked(0x80, b"x")],
            &[deflated(true, &long), deflated(true, &[&long[..60_000], b"x"].concat())],
        );
    }

    #[test]
    fn only_the_first_frame_of_a_message_says_that_it_is_compressed() {
        let misplaced = error(1002, "Received frame had RSV bit 1 set, but does not begin a message");
        for first in [0xc8, 0xc9, 0xca] {
            check_deflate(&[masked(first, b"")], std::slice::from_ref(&misplaced));
        }
        for first in [0x40, 0xc0] {
            check_deflate(&[masked(0x41, b"a"), masked(first, b"b")], std::slice::from_ref(&misplaced));
            check_deflate(&[masked(0x01, b"a"), masked(first, b"b")], std::slice::from_ref(&misplaced));
            check_deflate(&[masked(first, b"b")], &[error(1002, "Unexpected continuation frame")]);
        }
        check_deflate(&[masked(0x01, b"a"), masked(0xc1, b"b")], &[error(1002, "Missing continuation frame")]);
        check_deflate(&[masked(0x49, b"")], &[error(1002, "Received fragmented control frame")]);
        for first in [0xe1, 0xd1, 0xa1, 0x91] {
            check_deflate(&[masked(first, b"")], &[error(1002, "Received frame had RSV bits 2 or 3 set")]);
        }
        check_deflate(&[masked(0xc3, b"")], &[error(1002, "Unknown opcode 3")]);
    }

    #[test]
    fn what_is_compressed_may_be_a_little_longer_than_the_limit() {
        let len_max = deflated_len_max(LEN_MAX);
        assert_eq!(len_max, 114_126);
        let full = vec![1; len_max];
        check_deflate(&[masked(0xc2, &full)], &[deflated(false, &full)]);
        check_deflate(&[masked(0x42, &full[..70_000]), masked(0x80, &full[70_000..])], &[deflated(false, &full)]);
        let too_large = error(1009, "Message is too large: 114127 > 114126");
        check_deflate(&[masked(0xc2, &[&full[..], b"x"].concat())], std::slice::from_ref(&too_large));
        check_deflate(&[masked(0x42, &full), masked(0x80, b"x")], std::slice::from_ref(&too_large));
        let plain = error(1009, "Message is too large: 100001 > 100000");
        check_deflate(&[masked(0x82, &full[..100_001])], &[plain]);
        assert_eq!(deflated_len_max(usize::MAX), usize::MAX);
    }

    #[test]
    fn nothing_comes_out_after_a_message_that_was_found_wrong() {
        let mut decoder = Decoder::new(Role::Server, LEN_MAX).with_deflate();
        let mut buffer = [masked(0xc1, b"?"), masked(0x81, b"late")].concat();
        let mut input = &mut buffer[..];
        assert_eq!(decoder.decode(&mut input).transpose(), Some(deflated(true, b"?")));
        decoder.fail();
        assert!(decoder.is_finished());
        assert_eq!(decoder.decode(&mut input), Ok(None));
        assert!(input.is_empty());
    }

    #[test]
    fn many_frames_in_one_read() {
        check_server(
            &[masked(0x81, b"one"), masked(0x82, b"two"), masked(0x89, b""), masked(0x81, "drei ß".as_bytes())],
            &[text("one"), binary(b"two"), ping(b""), text("drei ß")],
        );
    }

    #[test]
    fn fragments_and_control_frames_between_them() {
        check_server(
            &[masked(0x01, b"a"), masked(0x89, b"p"), masked(0x00, b""), masked(0x8a, b""), masked(0x80, b"b")],
            &[ping(b"p"), Ok(Item::Pong(Bytes::new())), text("ab")],
        );
        check_server(&[masked(0x02, b""), masked(0x00, b""), masked(0x80, b"")], &[binary(b"")]);
        check_server(&[masked(0x01, b""), masked(0x80, b"")], &[text("")]);
        // A Close may come there too, and ends the message that will not.
        check_server(&[masked(0x01, b"a"), masked(0x88, b"\x03\xe8"), masked(0x80, b"b")], &[close(1000, "")]);
        // Characters cut by fragments, with a ping inside a character.
        let [a, b, c, d] = "😀".as_bytes() else { panic!() };
        check_server(
            &[masked(0x01, &[*a, *b]), masked(0x89, b""), masked(0x00, &[*c]), masked(0x80, &[*d, b'!'])],
            &[ping(b""), text("😀!")],
        );
        let fragments: Vec<_> = (0..100).map(|i| masked(if i == 0 { 0x02 } else { 0x00 }, &[i; 3])).collect();
        let whole: Vec<u8> = (0..100).flat_map(|i| [i; 3]).collect();
        check_server(&[fragments.concat(), masked(0x80, b"")], &[binary(&whole)]);
    }

    #[test]
    fn first_byte() {
        for first in 0x80..=0xffu8 {
            let expected = match first {
                0x80 => error(1002, "Unexpected continuation frame"),
                0x81 => text(""),
                0x82 => binary(b""),
                0x88 => Ok(Item::Close(None)),
                0x89 => ping(b""),
                0x8a => Ok(Item::Pong(Bytes::new())),
                _ if first & 0x30 != 0 => error(1002, "Received frame had RSV bits 2 or 3 set"),
                _ if first & 0x40 != 0 => {
                    error(1002, "Received frame had RSV bit 1 set, but no compression was negotiated")
                }
                _ => Err(FrameError { code: 1002, reason: format!("Unknown opcode {}", first & 15).into() }),
            };
            check_server(&[masked(0x82, b"before"), masked(first, b"")], &[binary(b"before"), expected]);
        }
        for first in [0x08, 0x09, 0x0a] {
            check_server(&[masked(first, b"")], &[error(1002, "Received fragmented control frame")]);
        }
        check_server(&[masked(0x00, b"")], &[error(1002, "Unexpected continuation frame")]);
        for first in [0x01, 0x02, 0x81, 0x82] {
            let frames = [masked(0x01, b"a"), masked(first, b"b")];
            check_server(&frames, &[error(1002, "Missing continuation frame")]);
        }
        check_server(
            &[masked(0x81, b"a"), masked(0x80, b"b")],
            &[text("a"), error(1002, "Unexpected continuation frame")],
        );
    }

    #[test]
    fn masks() {
        check(Role::Server, &frame(0x81, b"a", None), &[error(1002, "Received unmasked frame from client")]);
        check(Role::Client, &masked(0x81, b"a"), &[error(1002, "Received masked frame from server")]);
        check(Role::Server, &frame(0x81, b"a", Some([0; 4])), &[text("a")]);
        // The mask starts anew with every frame.
        check_server(&[masked(0x01, b"abc"), masked(0x00, b"de"), masked(0x80, b"fgh")], &[text("abcdefgh")]);
    }

    #[test]
    fn lengths_that_are_no_lengths() {
        let not_minimal = error(1002, "Received frame whose length is not minimally encoded");
        for wire in
            [&b"\x82\xfe\0\0"[..], b"\x82\xfe\0\x7d", b"\x82\xff\0\0\0\0\0\0\0\0", b"\x82\xff\0\0\0\0\0\0\xff\xff"]
        {
            check(Role::Server, wire, std::slice::from_ref(&not_minimal));
        }
        let top_bit = error(1002, "Received frame whose length has its most significant bit set");
        for wire in [b"\x82\xff\x80\0\0\0\0\0\0\0", b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"] {
            check(Role::Server, wire, std::slice::from_ref(&top_bit));
        }
        for wire in [b"\x89\xfe", b"\x88\xff", b"\x8a\xfe"] {
            let too_long = error(1002, "Received control frame with more than 125 bytes of payload");
            check(Role::Server, wire, &[too_long]);
        }
        check_server(&[masked(0x89, &[b'x'; 125])], &[ping(&[b'x'; 125])]);
    }

    #[test]
    fn the_limit_is_judged_by_the_header() {
        check(Role::Server, b"\x82\xff\0\0\0\0\0\x01\x86\xa1", &[error(1009, "Message is too large: 100001 > 100000")]);
        let huge = b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff";
        check(Role::Server, huge, &[error(1009, "Message is too large: 9223372036854775807 > 100000")]);

        let first = masked(0x01, &[b'a'; 60_000]);
        check_server(
            &[first.clone(), masked(0x80, &[b'b'; 40_000])],
            &[text(&("a".repeat(60_000) + &"b".repeat(40_000)))],
        );
        // One byte more, in a fragment that is not even the last.
        let expected = [ping(b""), error(1009, "Message is too large: 100001 > 100000")];
        check_server(&[first, masked(0x89, b""), b"\x00\xfe\x9c\x41".to_vec()], &expected);
        // Each message has the whole limit.
        let full = masked(0x82, &[0; LEN_MAX]);
        check_server(&[full.clone(), full], &[binary(&[0; LEN_MAX]), binary(&[0; LEN_MAX])]);

        let mut decoder = Decoder::new(Role::Client, usize::MAX);
        let mut outcomes = Vec::new();
        feed(&mut decoder, b"\x02\x01a\x80\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", &mut outcomes);
        feed(&mut decoder, &[0; 1000], &mut outcomes);
        assert_eq!(outcomes, [], "the largest length there is, of which nothing is allocated ahead");
        assert!(decoder.heap_len() <= size_of::<Partial>() + 2002);
        let mut decoder = Decoder::new(Role::Client, 0);
        feed(&mut decoder, b"\x81\x00\x89\x01x\x81\x01x", &mut outcomes);
        assert_eq!(outcomes, [text(""), ping(b"x"), error(1009, "Message is too large: 1 > 0")]);
    }

    #[test]
    fn text_that_is_not_utf8() {
        let expected = [error(1007, "Text message is not valid UTF-8")];
        for payload in [&b"\xff"[..], b"ab\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"] {
            check_server(&[masked(0x81, payload)], &expected);
            check_server(&[masked(0x01, payload), masked(0x80, b"")], &expected);
            check_server(
                &[masked(0x01, b"ok"), masked(0x89, b""), masked(0x80, payload)],
                &[ping(b""), expected[0].clone()],
            );
        }
        // A character that the next fragment breaks off, and one that nothing completes.
        check_server(&[masked(0x01, b"\xe2\x82"), masked(0x80, b"a")], &expected);
        check_server(&[masked(0x01, b"\xe2\x82\xac"), masked(0x80, b"\xe2")], &expected);
        check_server(&[masked(0x82, b"\xff\xfe")], &[binary(b"\xff\xfe")]);
    }

    #[test]
    fn close_frames() {
        check_server(&[masked(0x88, b"")], &[Ok(Item::Close(None))]);
        check_server(&[masked(0x88, b"\x03")], &[error(1002, "Received Close frame with one byte of payload")]);
        check_server(&[masked(0x88, b"\x03\xe8bye \xc3\x9f")], &[close(1000, "bye ß")]);
        let longest = [&b"\x0f\xa0"[..], &[b'x'; 123]].concat();
        check_server(&[masked(0x88, &longest)], &[close(4000, &"x".repeat(123))]);
        check_server(&[masked(0x88, b"\x03\xe8\xff")], &[error(1007, "Close reason is not valid UTF-8")]);
        check_server(&[masked(0x88, b"\x03\xe8\xe2\x82")], &[error(1007, "Close reason is not valid UTF-8")]);
        check_server(&[masked(0x88, b"\x03\xed\xff")], &[error(1002, "Received Close frame with invalid code 1005")]);
        for code in 0..=u16::MAX {
            let result = close_frame(&code.to_be_bytes());
            let assigned = (1000..=1014).contains(&code) && ![1004, 1005, 1006].contains(&code);
            assert_eq!(result.is_ok(), assigned || (3000..=4999).contains(&code), "{code}");
        }
    }

    #[test]
    fn refusals_come_with_the_first_wrong_byte() {
        check_refused_after(b"\xc1", 1);
        check_refused_after(b"\x83", 1);
        check_refused_after(b"\x09", 1);
        check_refused_after(b"\x80", 1);
        check_refused_after(b"\x81\x05", 2);
        check_refused_after(b"\x89\xfe", 2);
        check_refused_after(b"\x82\xfe\0\x7d", 4);
        check_refused_after(b"\x82\xff\0\0\0\0\0\x01\x86\xa1", 10);
        // The payload begins with the seventh byte.
        check_refused_after(&masked(0x81, b"ab\xffmore"), 9);
        check_refused_after(&masked(0x01, b"\xed\xa0\x80"), 8);
        let before = masked(0x01, b"a\xe2\x82");
        check_refused_after(&[&before[..], &masked(0x00, b"\x41rest")].concat(), before.len() + 7);
        // The first byte of a message's third frame.
        check_refused_after(&[&before[..], &masked(0x00, b"\xac"), &[0x81]].concat(), before.len() + 8);
    }

    #[test]
    fn a_short_read_costs_no_heap_before_payload_arrives() {
        let mut decoder = Decoder::new(Role::Server, LEN_MAX);
        let wire = masked(0x82, &[1; 70_000]);
        feed(&mut decoder, &wire[..13], &mut Vec::new());
        assert_eq!(decoder.heap_len(), 0);
        feed(&mut decoder, &wire[13..14], &mut Vec::new());
        assert_eq!(decoder.heap_len(), size_of::<Partial>());
        feed(&mut decoder, &wire[14..15], &mut Vec::new());
        assert_eq!(decoder.heap_len(), size_of::<Partial>() + 64);
        feed(&mut decoder, &wire[15..69_000], &mut Vec::new());
        feed(&mut decoder, &wire[69_000..70_000], &mut Vec::new());
        assert_eq!(decoder.heap_len(), size_of::<Partial>() + 70_000, "growth stops at the length that is needed");
    }

    #[test]
    fn every_reason_fits_a_close_frame() {
        let faults = [
            Fault::ReservedBit1,
            Fault::ReservedBit1Misplaced,
            Fault::InflatedTooLarge { message_len_max: usize::MAX },
            Fault::NotDeflate,
            Fault::UnknownOpcode(15),
            Fault::ControlTooLong,
            Fault::LengthTopBit,
            Fault::TooLarge { message_len: u64::MAX, message_len_max: u64::MAX },
            Fault::CloseCode(u16::MAX),
        ];
        for fault in faults {
            let error = FrameError::from(fault);
            assert!(error.reason.len() <= encode::CLOSE_REASON_LEN_MAX, "{error}");
        }
    }
}
