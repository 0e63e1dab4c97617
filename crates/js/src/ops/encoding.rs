//! Texts and bytes: the encodings of the web, and base64.
//!
//! The crates `encoding_rs` and `base64` do it. A decoder in the middle of a text is the isolate's, because code may
//! make one at a module's top level, which is no guest's.

use std::cell::RefCell;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding, REPLACEMENT, UTF_8};
use slab::Slab;

use crate::engine::{Call, Fault, Op, Out};
use crate::limits::DECODERS_MAX;
use crate::tasks::count;

pub(crate) const OPS: &[Op] = &[
    Op { name: "text_encode", run: encode },
    Op { name: "text_encode_into", run: encode_into },
    Op { name: "encoding_name", run: name },
    Op { name: "utf8_decode", run: decode_utf8 },
    Op { name: "text_decode", run: decode },
    Op { name: "decoder_new", run: decoder_new },
    Op { name: "decoder_push", run: decoder_push },
    Op { name: "decoder_drop", run: decoder_drop },
    Op { name: "base64_encode", run: base64_encode },
    Op { name: "base64_decode", run: base64_decode },
];

/// Decoders in the middle of a text, by the numbers that code has for them.
#[derive(Default)]
pub(crate) struct Decoders(RefCell<Slab<Decoder>>);

/// What `atob` forgives besides white space and missing padding: bits that mean nothing.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// `(text)`: its UTF-8
fn encode(call: &Call<'_>) -> Result<Out, Fault> {
    call.with_text(0, |text| call.new_bytes(text.as_bytes()))?
}

/// `(text, length)`: how many UTF-16 units fit into that many bytes of UTF-8, and those bytes
fn encode_into(call: &Call<'_>) -> Result<Out, Fault> {
    let len_max = call.index(1)? as usize;
    call.with_text(0, |text| {
        let fitting = &text[..text.floor_char_boundary(len_max)];
        let units = fitting.chars().map(char::len_utf16).sum();
        Ok(Out::List(vec![count(units), call.new_bytes(fitting.as_bytes())?]))
    })?
}

/// `(label)`: the name of the encoding, or null
fn name(call: &Call<'_>) -> Result<Out, Fault> {
    let encoding = call.with_text(0, |label| Encoding::for_label(label.as_bytes()))?;
    let encoding = encoding.filter(|encoding| *encoding != REPLACEMENT);
    Ok(encoding.map(|encoding| encoding.name().to_ascii_lowercase()).into())
}

/// `(bytes, fatal, keep the byte order mark)`: the text
fn decode_utf8(call: &Call<'_>) -> Result<Out, Fault> {
    let bytes = call.bytes(0)?;
    let bytes = if call.flag(2) { bytes } else { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) };
    match std::str::from_utf8(bytes) {
        Ok(text) => call.new_text(text),
        Err(_) if call.flag(1) => Err(malformed()),
        Err(_) => call.new_text(&String::from_utf8_lossy(bytes)),
    }
}

/// `(encoding, bytes, fatal, keep the byte order mark)`: the text
fn decode(call: &Call<'_>) -> Result<Out, Fault> {
    let mut decoder = decoder(call, 0, 3)?;
    let text = run(&mut decoder, call.bytes(1)?, call.flag(2), true).ok_or_else(malformed)?;
    call.new_text(&text)
}

/// `(encoding, keep the byte order mark)`: a number
fn decoder_new(call: &Call<'_>) -> Result<Out, Fault> {
    let decoder = decoder(call, 0, 1)?;
    let mut decoders = call.isolate().decoders.0.borrow_mut();
    if decoders.len() >= DECODERS_MAX {
        return Err(Fault::range_error("too many texts are being decoded at once"));
    }
    Ok(count(decoders.insert(decoder)))
}

/// `(decoder, bytes, fatal, last)`: the text. The decoder is gone after the last bytes and after a fault.
fn decoder_push(call: &Call<'_>) -> Result<Out, Fault> {
    let (handle, last) = (call.index(0)? as usize, call.flag(3));
    let mut decoders = call.isolate().decoders.0.borrow_mut();
    let decoder = decoders.get_mut(handle).ok_or_else(|| Fault::type_error("the decoder is gone"))?;
    let text = run(decoder, call.bytes(1)?, call.flag(2), last);
    if last || text.is_none() {
        decoders.remove(handle);
    }
    call.new_text(&text.ok_or_else(malformed)?)
}

/// `(decoder)`
fn decoder_drop(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().decoders.0.borrow_mut().try_remove(call.index(0)? as usize);
    Ok(Out::Undefined)
}

fn malformed() -> Fault {
    Fault::type_error("Failed to decode input.")
}

fn decoder(call: &Call<'_>, name: usize, keeps_mark: usize) -> Result<Decoder, Fault> {
    let encoding = call.with_text(name, |name| Encoding::for_label(name.as_bytes()))?.unwrap_or(UTF_8);
    Ok(match call.flag(keeps_mark) {
        true => encoding.new_decoder_without_bom_handling(),
        false => encoding.new_decoder_with_bom_removal(),
    })
}

/// Decodes all of `bytes`; `None` when they are faulty and that is fatal.
fn run(decoder: &mut Decoder, mut bytes: &[u8], fatal: bool, last: bool) -> Option<String> {
    // Most text is no longer than its bytes; what is makes room below.
    let mut text = String::with_capacity(bytes.len() + 16);
    loop {
        let (is_done, read) = match fatal {
            true => match decoder.decode_to_string_without_replacement(bytes, &mut text, last) {
                (DecoderResult::Malformed(..), _) => return None,
                (result, read) => (result == DecoderResult::InputEmpty, read),
            },
            false => {
                let (result, read, _) = decoder.decode_to_string(bytes, &mut text, last);
                (result == CoderResult::InputEmpty, read)
            }
        };
        bytes = &bytes[read..];
        if is_done {
            return Some(text);
        }
        text.reserve(bytes.len() * 2 + 16);
    }
}

/// `(text)`: base64 of its characters as Latin-1
fn base64_encode(call: &Call<'_>) -> Result<Out, Fault> {
    let encoded = call.with_text(0, |text| {
        if text.is_ascii() {
            return Some(base64::prelude::BASE64_STANDARD.encode(text));
        }
        let bytes = text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect::<Option<Vec<u8>>>()?;
        Some(base64::prelude::BASE64_STANDARD.encode(bytes))
    })?;
    let outside = "btoa() can only operate on characters in the Latin1 (ISO/IEC 8859-1) range.";
    call.new_text(&encoded.ok_or_else(|| Fault::new("InvalidCharacterError", outside))?)
}

/// `(base64)`: the bytes as characters of Latin-1
fn base64_decode(call: &Call<'_>) -> Result<Out, Fault> {
    let bytes = call.with_text(0, forgiving_decode)?.ok_or_else(|| {
        Fault::new(
            "InvalidCharacterError",
            "atob() called with invalid base64-encoded data. (Only whitespace, '+', '/', alphanumeric ASCII, and up to \
             two terminal '=' signs when the input data length is divisible by 4 are allowed.)",
        )
    })?;
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.is_ascii() => call.new_text(text),
        _ => call.new_text(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>()),
    }
}

/// <https://infra.spec.whatwg.org/#forgiving-base64-decode>
fn forgiving_decode(text: &str) -> Option<Vec<u8>> {
    let is_space = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
    let stripped: Vec<u8>;
    let mut data = text.as_bytes();
    if data.iter().any(is_space) {
        stripped = data.iter().copied().filter(|byte| !is_space(byte)).collect();
        data = &stripped;
    }
    if data.len().is_multiple_of(4) {
        data = data.strip_suffix(b"==").or_else(|| data.strip_suffix(b"=")).unwrap_or(data);
    }
    FORGIVING.decode(data).ok()
}
