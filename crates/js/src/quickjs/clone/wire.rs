//! The bytes of a structured clone: tags, and how numbers and strings stand there. No engine is needed to read them.
//!
//! Invariant: a [`Reader`] gives `None` for what is not there, whatever the bytes are.

/// What the bytes begin with: the name of the format among all that the house stores, then its version.
pub(super) const HEADER: [u8; 2] = [2, 1];

/// What a value begins with. A number never gets another meaning; new ones may be added.
pub(super) mod tag {
    pub(crate) const UNDEFINED: u8 = 0x00;
    pub(crate) const NULL: u8 = 0x01;
    pub(crate) const FALSE: u8 = 0x02;
    pub(crate) const TRUE: u8 = 0x03;
    pub(crate) const INT: u8 = 0x04;
    pub(crate) const NUMBER: u8 = 0x05;
    pub(crate) const BIG_INT: u8 = 0x06;
    pub(crate) const LATIN1: u8 = 0x07;
    pub(crate) const UTF16: u8 = 0x08;

    pub(crate) const REFERENCE: u8 = 0x10;
    pub(crate) const OBJECT: u8 = 0x11;
    pub(crate) const DENSE: u8 = 0x12;
    pub(crate) const SPARSE: u8 = 0x13;
    pub(crate) const MAP: u8 = 0x14;
    pub(crate) const SET: u8 = 0x15;
    pub(crate) const DATE: u8 = 0x16;
    pub(crate) const REG_EXP: u8 = 0x17;
    pub(crate) const BOXED_FALSE: u8 = 0x18;
    pub(crate) const BOXED_TRUE: u8 = 0x19;
    pub(crate) const BOXED_NUMBER: u8 = 0x1a;
    pub(crate) const BOXED_BIG_INT: u8 = 0x1b;
    pub(crate) const BOXED_STRING: u8 = 0x1c;
    pub(crate) const ERROR: u8 = 0x1d;
    pub(crate) const PLATFORM: u8 = 0x1e;

    pub(crate) const BUFFER: u8 = 0x20;
    pub(crate) const RESIZABLE: u8 = 0x21;
    pub(crate) const TRANSFERRED: u8 = 0x22;
    pub(crate) const SHARED: u8 = 0x23;
    pub(crate) const VIEW: u8 = 0x24;

    pub(crate) const HOLE: u8 = 0xfe;
    pub(crate) const END: u8 = 0xff;
}

/// A flag of a view: it grows with its buffer.
pub(super) const VIEW_GROWS: u64 = 1;

/// The flags of a regular expression: the n-th letter is bit n.
pub(super) const REG_EXP_FLAGS: &str = "dgimsuvy";

/// Integers, with their sign in the lowest bit.
pub(super) fn zigzag(value: i32) -> u32 {
    (value.cast_unsigned() << 1) ^ (value >> 31).cast_unsigned()
}

pub(super) fn unzigzag(value: u32) -> i32 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Writes values one after another.
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn new() -> Self {
        Self(HEADER.to_vec())
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// LEB128.
    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    pub(super) fn f64(&mut self, value: f64) {
        // Every NaN is the same one.
        let value = if value.is_nan() { f64::NAN } else { value };
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes with their number before them.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn ascii(&mut self, text: &[u8]) {
        self.byte(tag::LATIN1);
        self.bytes(text);
    }

    pub(super) fn units(&mut self, units: &[u16]) {
        if units.iter().all(|unit| *unit <= 0xff) {
            self.byte(tag::LATIN1);
            self.varint(units.len() as u64);
            self.0.extend(units.iter().map(|unit| unit.to_le_bytes()[0]));
        } else {
            self.byte(tag::UTF16);
            self.varint(units.len() as u64 * 2);
            self.0.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        }
    }

    /// A magnitude in hexadecimal digits, as whole words of 64 bits.
    pub(super) fn big_int(&mut self, is_negative: bool, digits: &str) {
        let words = match digits {
            "0" => 0,
            digits => digits.len().div_ceil(16),
        };
        self.varint((words as u64 * 8) << 1 | u64::from(is_negative));
        let mut rest = digits;
        for _ in 0..words {
            let (left, word) = rest.split_at(rest.len().saturating_sub(16));
            self.0.extend_from_slice(&u64::from_str_radix(word, 16).unwrap_or_default().to_le_bytes());
            rest = left;
        }
    }
}

/// Reads what a [`Writer`] wrote.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// After the header; none when it is another one.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.strip_prefix(&HEADER).map(Reader)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// The next byte, which stays.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return None;
            }
            value |= part << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.varint()?.try_into().ok()
    }

    pub(super) fn f64(&mut self) -> Option<f64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(f64::from_le_bytes(*bytes))
    }

    pub(super) fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Bytes with their number before them.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.varint()?;
        self.take(len)
    }

    pub(super) fn units(&mut self) -> Option<Vec<u16>> {
        let (units, rest) = self.bytes()?.as_chunks();
        rest.is_empty().then(|| units.iter().map(|unit| u16::from_le_bytes(*unit)).collect())
    }

    /// Sign, and the words of the magnitude, the lowest first.
    pub(super) fn big_int(&mut self) -> Option<(bool, Vec<u64>)> {
        let head = self.varint()?;
        let (words, rest) = self.take(head >> 1)?.as_chunks();
        rest.is_empty().then(|| (head & 1 == 1, words.iter().map(|word| u64::from_le_bytes(*word)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER, Reader, Writer, unzigzag, zigzag};

    fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::new();
        write(&mut writer);
        writer.0
    }

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let bytes = written(|writer| writer.varint(value));
            assert_eq!(Reader::new(&bytes).unwrap().varint(), Some(value));
        }
        for value in [0, -1, 1, i32::MIN, i32::MAX] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
    }

    #[test]
    fn magnitudes_are_whole_words() {
        for (digits, words) in [
            ("0", vec![]),
            ("1", vec![1]),
            ("10000000000000000", vec![0, 1]),
            ("123456789abcdef0123456789abcdef", vec![0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef]),
        ] {
            let bytes = written(|writer| writer.big_int(true, digits));
            assert_eq!(Reader::new(&bytes).unwrap().big_int(), Some((true, words)));
        }
    }

    #[test]
    fn numbers_that_are_too_long_are_refused() {
        for bytes in
            [&b"\x80"[..], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"]
        {
            let bytes = [&HEADER, bytes].concat();
            assert_eq!(Reader::new(&bytes).unwrap().varint(), None);
        }
    }

    #[test]
    fn other_formats_are_refused() {
        for bytes in [&b""[..], b"\x02", b"\x01\x01\x00", b"\x02\x02\x00", b"\xff\x0f\x00"] {
            assert!(Reader::new(bytes).is_none());
        }
    }
}
