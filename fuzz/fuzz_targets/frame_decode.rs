//! Any bytes, cut anywhere: the codec never panics, what comes out does not depend on the cuts, memory follows the
//! input, an error fits a Close frame, and what was accepted can be sent and is accepted again. What comes out
//! compressed is a message within the limit or is refused, and the codecs are none the worse for it.

#![no_main]

use dormouse_fuzz::decode;
use dormouse_object::message::Message;
use dormouse_runtime::sockets::frame::agreement::History;
use dormouse_runtime::sockets::frame::deflate::Codecs;
use dormouse_runtime::sockets::frame::{Decoder, Deflated, FrameError, Item, Role, encode};
use libfuzzer_sys::fuzz_target;

const LEN_MAX: usize = 1000;

fuzz_target!(|data: &[u8]| {
    // Two bytes are the lengths of the pieces, by turns.
    let [flags, len_a, len_b, wire @ ..] = data else { return };
    let role = if flags & 1 == 0 { Role::Server } else { Role::Client };
    let len_max = if flags & 2 == 0 { LEN_MAX } else { usize::MAX };

    let decoder = || {
        let decoder = Decoder::new(role, len_max);
        if flags & 4 == 0 { decoder } else { decoder.with_deflate() }
    };
    let mut codecs = Codecs::default();
    let mut history = (flags & 8 != 0).then(|| History::new(9));

    let outcomes = decode(&mut decoder(), wire, &[]);
    for lens in [&[*len_a, *len_b][..], &[1]] {
        let in_pieces = decode(&mut decoder(), wire, lens);
        assert_eq!(in_pieces, outcomes, "in pieces of {lens:?}");
    }
    for outcome in &outcomes {
        match outcome {
            Ok(Item::Deflated(deflated)) => check_deflated(&mut codecs, deflated, history.as_mut()),
            Ok(item) => check_item(item, len_max),
            Err(error) => check_error(error),
        }
    }
});

fn check_deflated(codecs: &mut Codecs, deflated: &Deflated, history: Option<&mut History>) {
    match codecs.inflate(deflated, history, LEN_MAX) {
        Ok(message) => assert!(message.len() <= LEN_MAX),
        Err(error) => check_error(&error),
    }
    let message = Message::Text("as ever and ".repeat(50).into());
    let mut wire = codecs.deflate(&message, 15, None).expect("it gets shorter").to_vec();
    let again = Decoder::new(Role::Client, LEN_MAX).with_deflate().decode(&mut &mut wire[..]);
    let Ok(Some(Item::Deflated(deflated))) = again else { panic!("{again:?}") };
    assert_eq!(codecs.inflate(&deflated, None, LEN_MAX), Ok(message));
}

fn check_item(item: &Item, len_max: usize) {
    let wire = match item {
        Item::Message(message) => {
            assert!(message.len() <= len_max);
            encode::message(message)
        }
        Item::Deflated(_) => unreachable!("looked at elsewhere"),
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
