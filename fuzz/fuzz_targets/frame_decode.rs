//! Any bytes, cut anywhere: the codec never panics, what comes out does not depend on the cuts, memory follows the
//! input, an error fits a Close frame, and what was accepted can be sent and is accepted again.

#![no_main]

use dormouse_fuzz::decode;
use dormouse_runtime::sockets::frame::{Decoder, FrameError, Item, Role, encode};
use libfuzzer_sys::fuzz_target;

const LEN_MAX: usize = 1000;

fuzz_target!(|data: &[u8]| {
    // Two bytes are the lengths of the pieces, by turns.
    let [flags, len_a, len_b, wire @ ..] = data else { return };
    let role = if flags & 1 == 0 { Role::Server } else { Role::Client };
    let len_max = if flags & 2 == 0 { LEN_MAX } else { usize::MAX };

    let outcomes = decode(&mut Decoder::new(role, len_max), wire, &[]);
    for lens in [&[*len_a, *len_b][..], &[1]] {
        let in_pieces = decode(&mut Decoder::new(role, len_max), wire, lens);
        assert_eq!(in_pieces, outcomes, "in pieces of {lens:?}");
    }
    for outcome in &outcomes {
        match outcome {
            Ok(item) => check_item(item, len_max),
            Err(error) => check_error(error),
        }
    }
});

fn check_item(item: &Item, len_max: usize) {
    let wire = match item {
        Item::Message(message) => {
            assert!(message.len() <= len_max);
            encode::message(message)
        }
        Item::Ping(payload) => encode::ping(payload),
        Item::Pong(payload) => encode::pong(payload),
        Item::Close(None) => encode::close(None),
        Item::Close(Some(frame)) => encode::close(Some((frame.code, &frame.reason))),
    };
    let again = decode(&mut Decoder::new(Role::Client, len_max), &wire, &[]);
    assert_eq!(again, [Ok(item.clone())]);
}

fn check_error(error: &FrameError) {
    assert!(matches!(error.code, 1002 | 1007 | 1009));
    assert!(error.reason.len() <= encode::CLOSE_REASON_LEN_MAX);
}
