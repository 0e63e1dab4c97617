//! Compressed messages of one connection, with and without context takeover: what was compressed comes back, for us and
//! for an inflater of another make; any bytes give what that other inflater makes of them, or are refused; no message is
//! longer than its limit, and a refused one leaves no trace in what the next may refer to.

#![no_main]

use std::cell::RefCell;

use bytes::Bytes;
use dormouse_object::message::Message;
use dormouse_runtime::limits::DEFLATED_LEN_MAX;
use dormouse_runtime::sockets::frame::agreement::History;
use dormouse_runtime::sockets::frame::deflate::Codecs;
use dormouse_runtime::sockets::frame::{Decoder, Deflated, Item, Role};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// Large enough for a message that reaches beyond every window, small enough for thousands of runs a second.
const LEN_MAX: usize = 70_000;

/// What is put behind a message to see that it ended with a block (RFC 7692, section 7.2.2): the tail that its sender took
/// off, and an empty last block.
const END: [u8; 9] = [0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];

/// Messages in one direction of a connection: what both ends may refer to, and the other inflater.
struct Direction {
    sent: Option<History>,
    received: Option<History>,
    /// All that was said, as far as it may be referred to.
    said: Option<Vec<u8>>,
    window: usize,
}

thread_local! {
    /// Those of a shard outlive its connections too, and are dear to make.
    static CODECS: RefCell<Codecs> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    // An error means that the script has ended early, and what there is of it has been checked.
    let _ = CODECS.with_borrow_mut(|codecs| run(&mut Unstructured::new(data), codecs));
});

fn run(script: &mut Unstructured<'_>, codecs: &mut Codecs) -> Result<()> {
    let bits = script.int_in_range(9..=15)?;
    let has_context: bool = script.arbitrary()?;
    let direction = || Direction {
        sent: has_context.then(|| History::new(bits)),
        received: has_context.then(|| History::new(bits)),
        said: has_context.then(Vec::new),
        window: 1 << bits,
    };
    // Both use the same codecs, as the connections of a shard do.
    let (mut from_us, mut from_peer) = (direction(), direction());
    while !script.is_empty() {
        let len_max = if script.arbitrary()? { LEN_MAX } else { usize::from(script.arbitrary::<u16>()?) };
        if script.arbitrary()? {
            honest(script, codecs, &mut from_us, bits)?;
        } else {
            hostile(script, codecs, &mut from_peer, len_max)?;
        }
    }
    Ok(())
}

/// What we compress comes back, whoever reads it.
fn honest(script: &mut Unstructured<'_>, codecs: &mut Codecs, direction: &mut Direction, bits: u8) -> Result<()> {
    let message = message(script)?;
    let Some(frame) = codecs.deflate(&message, bits, direction.sent.as_mut()) else { return Ok(()) };
    assert!(message.len() <= DEFLATED_LEN_MAX);
    let mut wire = frame.to_vec();
    let item = Decoder::new(Role::Client, usize::MAX).with_deflate().decode(&mut &mut wire[..]);
    let Ok(Some(Item::Deflated(deflated))) = item else { panic!("{item:?}") };
    assert_eq!(other_inflate(&deflated.data, direction.before(), LEN_MAX).as_deref(), Some(message.as_bytes()));
    assert_eq!(codecs.inflate(&deflated, direction.received.as_mut(), message.len()), Ok(message.clone()));
    direction.say(&message);
    Ok(())
}

/// What a peer sends that need not keep the rules.
fn hostile(
    script: &mut Unstructured<'_>,
    codecs: &mut Codecs,
    direction: &mut Direction,
    len_max: usize,
) -> Result<()> {
    let deflated = Deflated { is_text: false, data: Bytes::copy_from_slice(script.arbitrary()?) };
    let ours = codecs.inflate(&deflated, direction.received.as_mut(), len_max);
    let theirs = other_inflate(&deflated.data, direction.before(), len_max);
    match (&ours, theirs) {
        (Ok(message), theirs) => {
            assert!(message.len() <= len_max);
            // A message in several streams, or without a byte, is more than the other one is asked for.
            if let Some(theirs) = theirs {
                assert_eq!(message.as_bytes(), theirs);
            }
            direction.say(message);
        }
        (Err(error), theirs) => {
            assert!(matches!(error.code, 1007 | 1009), "{error:?}");
            assert_eq!(theirs, None, "{error:?}");
        }
    }
    Ok(())
}

fn message(script: &mut Unstructured<'_>) -> Result<Message> {
    // A unit repeated reaches beyond the windows with a short script.
    let times = if script.arbitrary()? { usize::from(script.arbitrary::<u16>()?) } else { 1 };
    if script.arbitrary()? {
        let unit: &str = script.arbitrary()?;
        Ok(Message::Text(unit.repeat(times.min(LEN_MAX / unit.len().max(1))).into()))
    } else {
        let unit: &[u8] = script.arbitrary()?;
        Ok(Message::Binary(unit.repeat(times.min(LEN_MAX / unit.len().max(1))).into()))
    }
}

impl Direction {
    /// What the next message may refer to.
    fn before(&self) -> &[u8] {
        let said = self.said.as_deref().unwrap_or_default();
        &said[said.len().saturating_sub(self.window)..]
    }

    fn say(&mut self, message: &Message) {
        if let Some(said) = &mut self.said {
            said.extend_from_slice(message.as_bytes());
        }
    }
}

/// What the other inflater makes of a message in one stream; nothing when it refuses it or it becomes too long.
fn other_inflate(data: &[u8], before: &[u8], len_max: usize) -> Option<Vec<u8>> {
    let mut out = before.to_vec();
    out.resize(before.len() + len_max.min(LEN_MAX) + 1, 0);
    let input = [data, &END].concat();
    let mut inflater = Box::<DecompressorOxide>::default();
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, taken, made) = decompress(&mut inflater, &input, &mut out, before.len(), flags);
    // The last block must be the one that was put behind it.
    let is_whole = status == TINFLStatus::Done && taken == input.len() && !data.is_empty() && made <= len_max;
    is_whole.then(|| out[before.len()..before.len() + made].to_vec())
}
