//! Any conversation, written as frames in any legal way (fragments, control frames between them, masks, cuts),
//! decodes to the conversation.

#![no_main]

use bytes::Bytes;
use dormouse_fuzz::decode;
use dormouse_object::message::Message;
use dormouse_runtime::sockets::frame::{CloseFrame, Decoder, Item, Role, encode};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

/// Enough for the longest length encoding, and for a run of a few milliseconds however it is cut.
const LEN_MAX: usize = 70_000;

fuzz_target!(|data: &[u8]| {
    // An error means that the script has ended early, and what there is of it has been checked.
    let _ = run(&mut Unstructured::new(data));
});

fn run(script: &mut Unstructured<'_>) -> Result<()> {
    let role = if script.arbitrary()? { Role::Server } else { Role::Client };
    let lens: [u8; 3] = script.arbitrary()?;
    let mut wire = Vec::new();
    let mut items = Vec::new();
    while !script.is_empty() && wire.len() < LEN_MAX {
        let key = if role == Role::Server { Some(script.arbitrary()?) } else { None };
        match script.arbitrary::<u8>()? % 8 {
            0 => {
                let frame = close_frame(script)?;
                let parts = frame.as_ref().map(|frame| (frame.code, &*frame.reason));
                wire.extend(key.map_or_else(|| encode::close(parts), |key| encode::close_masked(parts, key)));
                items.push(Item::Close(frame));
                break;
            }
            1 | 2 => control(script, key, &mut wire, &mut items)?,
            3..=5 => {
                let message = message(script)?;
                wire.extend(match key {
                    Some(key) => encode::message_masked(&message, key),
                    None => encode::message(&message),
                });
                items.push(Item::Message(message));
            }
            _ => fragments(script, key, &mut wire, &mut items)?,
        }
    }

    let expected: Vec<_> = items.into_iter().map(Ok).collect();
    assert_eq!(decode(&mut Decoder::new(role, LEN_MAX), &wire, &lens), expected);
    assert_eq!(decode(&mut Decoder::new(role, LEN_MAX), &wire, &[]), expected);
    Ok(())
}

fn message(script: &mut Unstructured<'_>) -> Result<Message> {
    // A unit repeated reaches the longer length encodings with a short script.
    let times = if script.arbitrary()? { usize::from(script.arbitrary::<u16>()?) } else { 1 };
    if script.arbitrary()? {
        let unit: &str = script.arbitrary()?;
        let text = unit.repeat(times.min(LEN_MAX / unit.len().max(1)));
        Ok(Message::Text(text.into()))
    } else {
        let unit: &[u8] = script.arbitrary()?;
        Ok(Message::Binary(unit.repeat(times.min(LEN_MAX / unit.len().max(1))).into()))
    }
}

fn close_frame(script: &mut Unstructured<'_>) -> Result<Option<CloseFrame>> {
    if script.arbitrary()? {
        return Ok(None);
    }
    let code =
        if script.arbitrary()? { script.int_in_range(1007..=1014)? } else { script.int_in_range(3000..=4999)? };
    let reason: &str = script.arbitrary()?;
    let reason = &reason[..reason.floor_char_boundary(encode::CLOSE_REASON_LEN_MAX)];
    Ok(Some(CloseFrame { code, reason: reason.into() }))
}

fn control(
    script: &mut Unstructured<'_>,
    key: Option<[u8; 4]>,
    wire: &mut Vec<u8>,
    items: &mut Vec<Item>,
) -> Result<()> {
    let payload: &[u8] = script.arbitrary()?;
    let payload = &payload[..payload.len().min(125)];
    let is_ping = script.arbitrary()?;
    wire.extend(match (is_ping, key) {
        (true, Some(key)) => encode::ping_masked(payload, key),
        (true, None) => encode::ping(payload),
        (false, Some(key)) => encode::pong_masked(payload, key),
        (false, None) => encode::pong(payload),
    });
    let payload = Bytes::copy_from_slice(payload);
    items.push(if is_ping { Item::Ping(payload) } else { Item::Pong(payload) });
    Ok(())
}

/// A message in several frames, made from single ones by taking `FIN` away and changing the opcode.
fn fragments(
    script: &mut Unstructured<'_>,
    key: Option<[u8; 4]>,
    wire: &mut Vec<u8>,
    items: &mut Vec<Item>,
) -> Result<()> {
    let message = message(script)?;
    let mut rest = Bytes::copy_from_slice(message.as_bytes());
    let count = script.int_in_range(1..=6)?;
    for index in 0..count {
        let is_last = index + 1 == count;
        let len = if is_last { rest.len() } else { script.int_in_range(0..=rest.len())? };
        let payload = Message::Binary(rest.split_to(len));
        let frame = key.map_or_else(|| encode::message(&payload), |key| encode::message_masked(&payload, key));
        let opcode = match (index, &message) {
            (0, Message::Text(_)) => 1,
            (0, Message::Binary(_)) => 2,
            _ => 0,
        };
        wire.push(opcode | if is_last { 0x80 } else { 0 });
        wire.extend_from_slice(&frame[1..]);
        if !is_last && script.arbitrary()? {
            control(script, key, wire, items)?;
        }
    }
    items.push(Item::Message(message));
    Ok(())
}
