//! What the fuzz targets share. Each file of `fuzz_targets/` says what its target holds true.
//!
//! `cargo xtask fuzz frame_decode` fuzzes, and says what it needs for that; `cargo build --manifest-path fuzz/Cargo.toml`
//! checks on stable that the targets still build. docs/fuzzing.md has the rest.

pub mod echo;
pub mod http2;

use dormouse_runtime::sockets::frame::{Decoder, FrameError, Item};

/// The fixed size of a decoder's state for an unfinished message, generously, and a control frame.
const STATE_LEN_MAX: usize = 256 + 125;

/// Feeds `wire` to `decoder` in pieces whose lengths are taken from `lens`, again and again, and collects what
/// comes out. Checks that each piece is used up, that memory follows the bytes that have arrived, and that
/// nothing comes after the end.
pub fn decode(decoder: &mut Decoder, wire: &[u8], lens: &[u8]) -> Vec<Result<Item, FrameError>> {
    let mut lens = lens.iter().cycle();
    let mut outcomes = Vec::new();
    let mut buffer = wire.to_vec();
    let mut start = 0;
    while start < wire.len() {
        let len = lens.next().map_or(wire.len(), |len| usize::from(*len)).clamp(1, wire.len() - start);
        let mut input = &mut buffer[start..start + len];
        start += len;
        while let Some(outcome) = decoder.decode(&mut input).transpose() {
            let ended = matches!(outcome, Ok(Item::Close(_)) | Err(_));
            assert_eq!(decoder.is_finished(), ended);
            outcomes.push(outcome);
        }
        assert!(input.is_empty(), "input left over");
        assert!(decoder.heap_len() <= STATE_LEN_MAX + 64.max(2 * start), "more memory than input");
    }
    outcomes
}
