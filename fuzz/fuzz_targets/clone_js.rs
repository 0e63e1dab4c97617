//! Any bytes, read as stored values by the JavaScript engine: never a crash, and what was read and written is read and
//! written as the same bytes again.
//!
//! The engine is C, and only as good as what it asks the system for is watched. `clone_decode` is the same for Rust.

#![no_main]

use std::cell::RefCell;

use dormouse_server::js::fuzz::Cloner;
use libfuzzer_sys::fuzz_target;

/// Values that one engine reads: what they leave behind in it must not matter, and may take memory.
const ROUNDS: u32 = 2_000;
/// What values of the kinds with a length of their own take of the engine's memory, it takes from the fuzzer's.
const LEN_MAX: usize = 4_096;

thread_local! {
    static ENGINE: RefCell<(Option<Cloner>, u32)> = const { RefCell::new((None, 0)) };
}

fuzz_target!(|data: &[u8]| {
    if data.len() > LEN_MAX {
        return;
    }
    let bytes = [&[2, 1], data].concat();
    ENGINE.with_borrow_mut(|(engine, rounds)| {
        *rounds += 1;
        if rounds.is_multiple_of(ROUNDS) {
            *engine = None;
        }
        let cloner = engine.get_or_insert_with(|| Cloner::new().expect("there is memory"));
        let Some(written) = cloner.there_and_back(&bytes) else { return };
        // What is read sparsely may be written densely, but only once.
        assert_eq!(cloner.there_and_back(&written).as_ref(), Some(&written));
    });
});
