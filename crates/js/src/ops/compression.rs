//! Compression: gzip, zlib and raw deflate (RFC 1952, 1950 and 1951), by the crate `flate2`.
//!
//! A compressor is the isolate's, by its number. Code gives it bytes and takes what comes out piece by piece, so one
//! call never makes more than [`COMPRESSION_CHUNK_LEN`] bytes of whatever it was given.

use std::cell::{Cell, RefCell};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use slab::Slab;

use crate::engine::{Call, Fault, Op, Out};
use crate::limits::{COMPRESSION_CHUNK_LEN, COMPRESSORS_MAX, COMPRESSORS_OPEN_MAX};
use crate::tasks::count;

pub(crate) const OPS: &[Op] = &[
    Op { name: "compression_new", run: new },
    Op { name: "compression_run", run },
    Op { name: "compression_drop", run: drop_one },
];

/// The base-two logarithm of the window, the largest one.
const WINDOW_BITS: u8 = 15;

/// Compressors by the numbers that code has for them.
pub(crate) struct Compressors {
    open: RefCell<Slab<Compressor>>,
    /// How many make it worth while to look for those that code cannot reach any more.
    crowd: Cell<usize>,
}

impl Default for Compressors {
    fn default() -> Self {
        Self { open: RefCell::default(), crowd: Cell::new(COMPRESSORS_OPEN_MAX) }
    }
}

impl Compressors {
    /// Whether there are so many that code may have forgotten some.
    pub(crate) fn are_crowded(&self) -> bool {
        self.open.borrow().len() >= self.crowd.get()
    }

    /// What is left after a search is in use.
    pub(crate) fn note_search(&self) {
        self.crowd.set(COMPRESSORS_OPEN_MAX.max(2 * self.open.borrow().len()));
    }
}

struct Compressor {
    codec: Codec,
    /// What was given and not used.
    input: Vec<u8>,
    used: usize,
    /// Whether the compressed data has come to its end.
    is_ended: bool,
}

enum Codec {
    Pack(Compress),
    Unpack(Decompress),
}

/// `(format, whether it unpacks)`: a number
fn new(call: &Call<'_>) -> Result<Out, Fault> {
    // Like all that is no pure function, it belongs to a handler.
    call.isolate().current()?;
    let format = call.text(0)?;
    let level = Compression::default();
    let codec = match (format.as_str(), call.flag(1)) {
        ("gzip", false) => Codec::Pack(Compress::new_gzip(level, WINDOW_BITS)),
        ("gzip", true) => Codec::Unpack(Decompress::new_gzip(WINDOW_BITS)),
        (format, false) => Codec::Pack(Compress::new(level, format == "deflate")),
        (format, true) => Codec::Unpack(Decompress::new(format == "deflate")),
    };
    let mut compressors = call.isolate().compressors.open.borrow_mut();
    if compressors.len() >= COMPRESSORS_MAX {
        return Err(Fault::range_error("too many compression streams are open at once"));
    }
    Ok(count(compressors.insert(Compressor { codec, input: Vec::new(), used: 0, is_ended: false })))
}

/// `(compressor, bytes or null, whether it is the end)`: a piece of what comes out; null when more must go in first
fn run(call: &Call<'_>) -> Result<Out, Fault> {
    let mut compressors = call.isolate().compressors.open.borrow_mut();
    let compressor = compressors.get_mut(call.index(0)? as usize);
    let compressor = compressor.ok_or_else(|| Fault::type_error("the compression stream has ended"))?;
    if !call.is_nullish(1) {
        compressor.input = call.bytes(1)?.to_vec();
        compressor.used = 0;
    }
    let piece = compressor.run(call.flag(2)).map_err(Fault::type_error)?;
    if piece.is_empty() { Ok(Out::Null) } else { call.new_bytes(&piece) }
}

/// `(compressor)`
fn drop_one(call: &Call<'_>) -> Result<Out, Fault> {
    let compressor = call.isolate().compressors.open.borrow_mut().try_remove(call.index(0)? as usize);
    drop(compressor);
    Ok(Out::Undefined)
}

impl Compressor {
    /// The next piece; an empty one when all input was used and, at the end, all was said.
    fn run(&mut self, is_last: bool) -> Result<Vec<u8>, &'static str> {
        let mut piece = Vec::with_capacity(COMPRESSION_CHUNK_LEN);
        while !self.is_ended && piece.len() < COMPRESSION_CHUNK_LEN {
            let input = &self.input[self.used..];
            let before = piece.len();
            let (status, used) = self.codec.step(input, &mut piece, is_last)?;
            self.used += used;
            self.is_ended = status == Status::StreamEnd;
            let has_moved = used > 0 || piece.len() > before;
            if !has_moved {
                break;
            }
        }
        if !piece.is_empty() {
            return Ok(piece);
        }
        let unpacks = matches!(self.codec, Codec::Unpack(_));
        if unpacks && self.is_ended && self.used < self.input.len() {
            return Err("Trailing bytes after end of compressed data");
        }
        if unpacks && is_last && !self.is_ended {
            return Err("Called close() on a decompression stream with incomplete data");
        }
        // Most compressors wait long for their next bytes.
        self.input = Vec::new();
        self.used = 0;
        Ok(piece)
    }
}

impl Codec {
    /// One call of the crate: its status, and how much of `input` was used.
    fn step(&mut self, input: &[u8], output: &mut Vec<u8>, is_last: bool) -> Result<(Status, usize), &'static str> {
        let before = self.total_in();
        let status = match self {
            Codec::Pack(pack) => {
                let flush = if is_last { FlushCompress::Finish } else { FlushCompress::None };
                pack.compress_vec(input, output, flush).map_err(|_| "Compression failed.")?
            }
            Codec::Unpack(unpack) => {
                unpack.decompress_vec(input, output, FlushDecompress::None).map_err(|_| "Decompression failed.")?
            }
        };
        // No more than the length of `input`.
        let used = usize::try_from(self.total_in() - before).unwrap_or(input.len());
        Ok((status, used))
    }

    fn total_in(&self) -> u64 {
        match self {
            Codec::Pack(pack) => pack.total_in(),
            Codec::Unpack(unpack) => unpack.total_in(),
        }
    }
}
