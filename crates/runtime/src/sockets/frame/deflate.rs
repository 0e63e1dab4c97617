//! Compression of messages (permessage-deflate, RFC 7692): the codecs.
//!
//! Invariant: codecs belong to a shard and know nothing of a connection between two messages; what a message may
//! refer to is handed in each time. So the 320 kB of a compressor exist a few times, not once a connection. What comes
//! of a message is bounded before it is produced, both ways: one that becomes too long is given up there.

use bytes::Bytes;
use bytestring::ByteString;
use dormouse_object::message::Message;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::agreement::{History, WINDOW_BITS_MAX, WINDOW_BITS_MIN};
use super::error::Fault;
use super::{Deflated, FrameError, deflated_len_max, encode, utf8};
use crate::limits::{
    DEFLATED_LEN_MAX, DEFLATED_LEN_MIN, DEFLATED_LEN_MIN_STREAM, INFLATED_STREAMS_MAX, SCRATCH_LEN_KEPT,
};

/// zlib's level, from 1 to 9: the first. A message of 1 KiB takes it 7 µs, half of what the second takes, on the
/// thread that serves everybody.
const LEVEL: u32 = 1;

/// What ends each compressed message and is not sent (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// What is put behind a message to read it: the tail, and an empty last block. That is one only where the tail has
/// ended a block, so a message that was cut off is found out.
const END: [u8; 9] = [0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];

/// Bytes by which a message may become longer to be referred to later: what text takes of which nothing comes twice.
const HISTORY_SLACK: usize = 16;

/// Bytes of the empty last block.
const LAST_BLOCK_LEN: usize = 5;

/// The codecs of one shard.
#[derive(Debug, Default)]
pub struct Codecs {
    inflater: Option<Decompress>,
    /// One for each window, made when it is first needed.
    deflaters: [Option<Compress>; (WINDOW_BITS_MAX - WINDOW_BITS_MIN + 1) as usize],
    /// What becomes of a message goes here first, so that it gets an allocation of its size.
    scratch: Vec<u8>,
}

impl Codecs {
    /// The message that `deflated` was made from. `history` is what it may refer to, and is carried forward.
    ///
    /// # Errors
    ///
    /// The peer sent what is no compressed message, a text that is not UTF-8, or a message of more than `len_max`.
    pub fn inflate(
        &mut self,
        deflated: &Deflated,
        history: Option<&mut History>,
        len_max: usize,
    ) -> Result<Message, FrameError> {
        let inflater = self.inflater.get_or_insert_with(|| Decompress::new(false));
        let dictionary = history.as_deref().map_or(&[][..], History::as_bytes);
        let inflated = inflate(inflater, &deflated.data, dictionary, &mut self.scratch, len_max);
        let message = inflated.and_then(|()| match deflated.is_text {
            true => {
                utf8::check(&self.scratch).map(|text| Message::Text(ByteString::from(text))).ok_or(Fault::TextNotUtf8)
            }
            false => Ok(Message::Binary(Bytes::copy_from_slice(&self.scratch))),
        });
        self.trim();
        let message = message?;
        if let Some(history) = history {
            history.push(message.as_bytes());
        }
        Ok(message)
    }

    /// The frame of a message, compressed with a window of `bits`; `None` when it is to be sent as it is: too short
    /// or too long to be worth the time, or no shorter afterwards. `history` is what the message may refer to, and is
    /// carried forward: so with one, a message may also become a little longer, for the sake of those after it.
    ///
    /// # Panics
    ///
    /// If there is no such window.
    pub fn deflate(&mut self, message: &Message, bits: u8, history: Option<&mut History>) -> Option<Bytes> {
        self.deflate_with(message, bits, history, None)
    }

    /// The same as a client sends it, masked with a key, with nothing to refer to.
    ///
    /// # Panics
    ///
    /// As [`Codecs::deflate`].
    pub fn deflate_masked(&mut self, message: &Message, bits: u8, key: [u8; 4]) -> Option<Bytes> {
        self.deflate_with(message, bits, None, Some(key))
    }

    fn deflate_with(
        &mut self,
        message: &Message,
        bits: u8,
        history: Option<&mut History>,
        key: Option<[u8; 4]>,
    ) -> Option<Bytes> {
        let payload = message.as_bytes();
        let len_min = if history.is_some() { DEFLATED_LEN_MIN_STREAM } else { DEFLATED_LEN_MIN };
        if !(len_min..=DEFLATED_LEN_MAX).contains(&payload.len()) {
            return None;
        }
        let deflater = &mut self.deflaters[usize::from(bits - WINDOW_BITS_MIN)];
        let dictionary = history.as_deref().map_or(&[][..], History::as_bytes);
        let slack = if history.is_some() { HISTORY_SLACK } else { 0 };
        let is_worth_it = deflate(deflater, bits, payload, dictionary, &mut self.scratch)
            && self.scratch.len() < payload.len() + slack;
        let frame = is_worth_it.then(|| encode::message_deflated(message, &self.scratch, key));
        self.trim();
        let frame = frame?;
        if let Some(history) = history {
            history.push(payload);
        }
        Some(frame)
    }

    /// Gives back what only a long message needed.
    fn trim(&mut self) {
        if self.scratch.capacity() > SCRATCH_LEN_KEPT {
            self.scratch = Vec::new();
        }
    }
}

/// Puts what `data` was made from into `out`.
fn inflate(
    inflater: &mut Decompress,
    data: &[u8],
    dictionary: &[u8],
    out: &mut Vec<u8>,
    len_max: usize,
) -> Result<(), Fault> {
    out.clear();
    out.reserve(SCRATCH_LEN_KEPT.min(len_max.saturating_add(1)));
    if data.is_empty() {
        // Not what RFC 7692 says of an empty message (section 7.2.3.6), but what a zlib gives that is flushed twice.
        return Ok(());
    }
    start(inflater, [dictionary, &[]])?;
    let mut input = data;
    let mut streams = 1;
    while !input.is_empty() {
        if inflate_some(inflater, &mut input, out, len_max)? {
            if input.is_empty() {
                // Its own last block, and nothing behind it, not even what would make room for the tail.
                return Ok(());
            }
            streams += 1;
            if streams > INFLATED_STREAMS_MAX {
                return Err(Fault::NotDeflate);
            }
            start(inflater, [dictionary, out])?;
        }
    }
    let mut input = &END[..];
    while !inflate_some(inflater, &mut input, out, len_max)? {}
    // When the tail was taken off its own last block, ours is left.
    if input.is_empty() || input.len() == LAST_BLOCK_LEN { Ok(()) } else { Err(Fault::NotDeflate) }
}

/// One call of the inflater: takes some of `input` or makes some of `out`. Whether the last block has ended.
fn inflate_some(
    inflater: &mut Decompress,
    input: &mut &[u8],
    out: &mut Vec<u8>,
    len_max: usize,
) -> Result<bool, Fault> {
    if out.len() == out.capacity() {
        // A byte over the limit is enough to see that there is more.
        out.reserve_exact(out.len().min(len_max.saturating_add(1) - out.len()));
    }
    let (len, taken) = (out.len(), inflater.total_in());
    let status = inflater.decompress_vec(input, out, FlushDecompress::None).map_err(|_| Fault::NotDeflate)?;
    let taken = usize::try_from(inflater.total_in() - taken).expect("no more than there is in memory");
    *input = &input[taken..];
    if out.len() > len_max {
        return Err(Fault::InflatedTooLarge { message_len_max: len_max });
    }
    match status {
        Status::StreamEnd => Ok(true),
        Status::Ok | Status::BufError if taken > 0 || out.len() > len => Ok(false),
        Status::Ok | Status::BufError => Err(Fault::NotDeflate),
    }
}

/// Begins a stream that may refer to what these end with.
fn start(inflater: &mut Decompress, before: [&[u8]; 2]) -> Result<(), Fault> {
    inflater.reset(false);
    let window = before.map(|bytes| &bytes[bytes.len().saturating_sub(1 << WINDOW_BITS_MAX)..]).concat();
    if !window.is_empty() {
        inflater.set_dictionary(&window).map_err(|_| Fault::NotDeflate)?;
    }
    Ok(())
}

/// Puts the compressed `payload` into `out`, without its tail; false if it could not.
fn deflate(place: &mut Option<Compress>, bits: u8, payload: &[u8], dictionary: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    // All that it can need, so that one call does it all.
    out.reserve(deflated_len_max(payload.len()) + TAIL.len());
    let level = Compression::new(LEVEL);
    let deflater = place.get_or_insert_with(|| Compress::new_with_window_bits(level, false, bits));
    deflater.reset();
    if !dictionary.is_empty() && deflater.set_dictionary(dictionary).is_err() {
        return false;
    }
    let done = deflater.compress_vec(payload, out, FlushCompress::Sync);
    if done.is_err() || out.len() == out.capacity() || !out.ends_with(&TAIL) {
        // With output pending, zlib-rs 0.6 is not to be used again: `reset` forgets to reset where that begins, and the
        // next message panics.
        *place = None;
        return false;
    }
    out.truncate(out.len() - TAIL.len());
    true
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use dormouse_object::message::Message;

    use super::super::agreement::{History, WINDOW_BITS_MAX, WINDOW_BITS_MIN};
    use super::super::{Decoder, Deflated, Item, Role};
    use super::Codecs;
    use crate::limits::{
        DEFLATED_LEN_MAX, DEFLATED_LEN_MIN, DEFLATED_LEN_MIN_STREAM, INFLATED_STREAMS_MAX, SCRATCH_LEN_KEPT,
    };

    const LEN_MAX: usize = 100_000;

    fn inflate_as(is_text: bool, data: &[u8]) -> Result<Message, (u16, String)> {
        let deflated = Deflated { is_text, data: Bytes::copy_from_slice(data) };
        let inflated = Codecs::default().inflate(&deflated, None, LEN_MAX);
        inflated.map_err(|error| (error.code, error.reason.into_owned()))
    }

    fn text(text: &str) -> Message {
        Message::Text(text.into())
    }

    /// What is in a frame of ours that must be a compressed one.
    fn deflated(frame: &Bytes) -> Deflated {
        let mut wire = frame.to_vec();
        match Decoder::new(Role::Client, LEN_MAX).with_deflate().decode(&mut &mut wire[..]) {
            Ok(Some(Item::Deflated(deflated))) => deflated,
            other => panic!("{other:?}"),
        }
    }

    /// Text of which no part comes twice.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(len).collect()
    }

    #[test]
    fn examples_of_the_rfc() {
        // Section 7.2.3: one block, no compression, a last block, two blocks.
        for data in [
            &b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..],
            b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
            b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
            b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
        ] {
            assert_eq!(inflate_as(true, data), Ok(text("Hello")), "{data:x?}");
            assert_eq!(inflate_as(false, data), Ok(Message::Binary("Hello".into())), "{data:x?}");
        }
        // Section 7.2.3.2: the second message refers to the first.
        let mut codecs = Codecs::default();
        let mut history = History::new(WINDOW_BITS_MAX);
        for data in [&b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..], b"\xf2\x00\x11\x00\x00"] {
            let deflated = Deflated { is_text: true, data: Bytes::copy_from_slice(data) };
            assert_eq!(codecs.inflate(&deflated, Some(&mut history), LEN_MAX), Ok(text("Hello")));
        }
        let alone = inflate_as(true, b"\xf2\x00\x11\x00\x00");
        assert_eq!(alone, Err((1007, "Compressed message is not valid DEFLATE data".into())));
    }

    #[test]
    fn empty_messages() {
        // Section 7.2.3.6, and other ways of saying nothing.
        for data in [&b"\x00"[..], b"", b"\x02\x00", b"\x01", b"\x03\x00", b"\x03\x00\x00", b"\x01\x00\x00\xff\xff\x00"]
        {
            assert_eq!(inflate_as(true, data), Ok(text("")), "{data:x?}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let broken = Err((1007, "Compressed message is not valid DEFLATE data".to_owned()));
        let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
        for data in [&b"\x07"[..], b"\xff", b"\xff\xff\xff\xff", b"\x00\x05\x00\xfa\xfe\x48", b"\x01\x02"] {
            assert_eq!(inflate_as(false, data), broken, "{data:x?}");
        }
        for len in 1..hello.len() {
            assert_eq!(inflate_as(false, &hello[..len]), broken, "cut after {len}");
        }
        let not_utf8 = b"\x00\x02\x00\xfd\xff\xff\xfe\x00";
        assert_eq!(inflate_as(true, not_utf8), Err((1007, "Text message is not valid UTF-8".into())));
        assert_eq!(inflate_as(false, not_utf8), Ok(Message::Binary(vec![0xff, 0xfe].into())));
    }

    #[test]
    fn last_blocks_within_a_message_are_few() {
        let check = |streams: usize| inflate_as(true, &[b"\x03\x00".repeat(streams - 1), b"\x00".to_vec()].concat());
        assert_eq!(check(INFLATED_STREAMS_MAX), Ok(text("")));
        assert_eq!(check(INFLATED_STREAMS_MAX + 1).unwrap_err().0, 1007);
        // What comes after one may refer to what came before it: `Hello`, and five bytes from five back.
        assert_eq!(inflate_as(true, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x02\x13\x00\x00"), Ok(text("HelloHello")));
    }

    #[test]
    fn a_message_that_becomes_too_long_is_given_up_there() {
        let mut codecs = Codecs::default();
        let full = Message::Binary(vec![7; LEN_MAX].into());
        let more = Message::Binary(vec![7; LEN_MAX + 1].into());
        let [full_data, more_data] =
            [&full, &more].map(|message| deflated(&codecs.deflate(message, 15, None).expect("shorter")));
        assert_eq!(codecs.inflate(&full_data, None, LEN_MAX), Ok(full));
        let error = codecs.inflate(&more_data, None, LEN_MAX).unwrap_err();
        assert_eq!((error.code, &*error.reason), (1009, "Message is too large: more than 100000 when decompressed"));

        // 4 KB that would become 4 MB, and many times that.
        let bomb = deflated(&codecs.deflate(&Message::Binary(vec![0; 4 << 20].into()), 15, None).expect("shorter"));
        let bomb = Deflated { data: bomb.data.repeat(8).into(), ..bomb };
        let mut out = Vec::new();
        let mut inflater = flate2::Decompress::new(false);
        let given_up = super::inflate(&mut inflater, &bomb.data, &[], &mut out, LEN_MAX);
        assert!(matches!(given_up, Err(super::Fault::InflatedTooLarge { .. })), "{given_up:?}");
        assert!(out.capacity() <= LEN_MAX + 1, "{} bytes were made room for", out.capacity());
        assert!(inflater.total_in() < 1000, "{} bytes were looked at", inflater.total_in());
        assert_eq!(codecs.inflate(&Deflated { is_text: true, data: "\0".into() }, None, 0), Ok(text("")));
        assert_eq!(codecs.inflate(&bomb, None, 0).unwrap_err().code, 1009);
    }

    #[test]
    fn only_what_gets_shorter_is_compressed() {
        let mut codecs = Codecs::default();
        assert_eq!(codecs.deflate(&text(&"a".repeat(DEFLATED_LEN_MIN - 1)), 15, None), None);
        assert!(codecs.deflate(&text(&"a".repeat(DEFLATED_LEN_MIN)), 15, None).is_some());
        assert!(codecs.deflate(&Message::Binary(vec![1; DEFLATED_LEN_MAX].into()), 15, None).is_some());
        assert_eq!(codecs.deflate(&Message::Binary(vec![1; DEFLATED_LEN_MAX + 1].into()), 15, None), None);
        for len in [DEFLATED_LEN_MIN, 1000, 70_000, DEFLATED_LEN_MAX] {
            assert_eq!(codecs.deflate(&Message::Binary(noise(len).into()), 15, None), None);
        }
        let mut history = History::new(12);
        assert_eq!(codecs.deflate(&Message::Binary(noise(1000).into()), 15, Some(&mut history)), None);
        let short = text(&"b".repeat(DEFLATED_LEN_MIN_STREAM));
        assert!(codecs.deflate(&short, 15, Some(&mut history)).is_some());
        assert_eq!(codecs.deflate(&text(&"b".repeat(DEFLATED_LEN_MIN_STREAM - 1)), 15, Some(&mut history)), None);
        assert_eq!(history.as_bytes(), short.as_bytes(), "what was not compressed is not referred to");
    }

    #[test]
    fn no_more_is_kept_than_said() {
        let mut codecs = Codecs::default();
        let message = Message::Binary(vec![9; 1 << 20].into());
        let data = deflated(&codecs.deflate(&message, 15, None).expect("shorter"));
        assert!(codecs.scratch.capacity() <= SCRATCH_LEN_KEPT);
        codecs.inflate(&data, None, 1 << 20).unwrap();
        assert!(codecs.scratch.capacity() <= SCRATCH_LEN_KEPT);
    }

    #[test]
    fn nothing_refers_further_back_than_was_agreed() {
        // Each part of it comes again 1,000 bytes later; zlib does not look at the last 262 of a window.
        let period = noise(1000);
        let message = Message::Binary(period.repeat(4).into());
        for bits in WINDOW_BITS_MIN..=WINDOW_BITS_MAX {
            let frame = Codecs::default().deflate(&message, bits, None);
            assert_eq!(frame.is_some(), 1 << bits > 1000 + 262, "with {bits} bits");
        }
        // A peer that only keeps what was agreed can read it all.
        let mut codecs = Codecs::default();
        let (mut sent, mut received) = (History::new(9), History::new(9));
        for number in 0..200 {
            let message = text(&format!("{number} is like {}, only a little longer than that was", number * 7 % 11));
            let frame = codecs.deflate(&message, 15, Some(&mut sent)).expect("even the first, which is no shorter");
            assert!(number < 20 || frame.len() * 2 < message.len(), "{} of {}", frame.len(), message.len());
            assert_eq!(codecs.inflate(&deflated(&frame), Some(&mut received), LEN_MAX), Ok(message));
        }
    }
}
