//! The bytes of a structured clone (HTML, section 2.7, as V8 and workerd have it), which every guest stores values as,
//! whatever language it is written in: their description, and how numbers and texts stand there.
//!
//! The bytes are kept on disk, so their meaning never changes. All numbers are LEB128 unless said otherwise; `[…]` is a
//! number of bytes and then these; texts are Latin-1 where they can be, and UTF-16 (low byte first) where they cannot,
//! so that a lone surrogate survives. A reader needs nothing but the bytes: no engine is in this module.
//!
//! ```text
//! file     = 02 01 value            the format among all that are stored, and its version
//! value    = 00 undefined | 01 null | 02 false | 03 true
//!          | 04 integer             32 bits, the sign in the lowest (zigzag)
//!          | 05 number              8 bytes, IEEE 754, low byte first
//!          | 06 bigint              bytes×2 + (1 if negative), then the magnitude in words of 8 bytes, lowest first
//!          | text | object
//! text     = 07 [Latin-1] | 08 [UTF-16]
//! object   = 10 number              one that began before: objects are numbered from 0 as their tags come
//!          | 11 property* end                     an ordinary object
//!          | 12 length item* property* end length an array without holes; one that came up while reading is `fe`
//!          | 13 length property* end length       an array with holes
//!          | 14 (value value)* end | 15 value* end  Map, Set; the end counts values
//!          | 16 number              Date: 8 bytes, milliseconds
//!          | 17 text flags          RegExp: bit n of the flags is the n-th letter of `dgimsuvy`
//!          | 18 | 19 | 1a number | 1b bigint | 1c text   boxed: false, true, number, bigint, text
//!          | 1d class (name if class = 0) message property* end   Error: 1 Error, 2 Eval, 3 Range, 4 Reference,
//!                                   5 Syntax, 6 Type, 7 URI, 8 Aggregate, 9 Suppressed; 0 any other, with its name
//!          | 1e [name] value        an object of a class of the platform: the name of the class, and what it makes of it
//!          | 20 [bytes] | 21 max [bytes]   ArrayBuffer: fixed, resizable
//!          | 22 index | 23 index    a buffer handed over, or shared: only where the value is read at once
//!          | 24 kind offset length flags buffer   a view, in bytes: 0 DataView, 1 Int8, 2 Uint8, 3 Uint8Clamped, 4 Int16,
//!                                   5 Uint16, 6 Int32, 7 Uint32, 8 BigInt64, 9 BigUint64, 10 Float16, 11 Float32,
//!                                   12 Float64; flag 1: it grows with its buffer
//! property = (text | 04 integer) value
//! end      = ff count               how many properties or values there were
//! ```
//!
//! Ordinary values have as many bytes as in V8's format, so that limits on size mean the same.
//!
//! Invariant: a [`Reader`] gives `None` for what is not there, whatever the bytes are. What the guests make of the
//! values is their matter; `clone/vectors.txt` has examples that the tests of all of them read.

/// What the bytes begin with: the name of the format among all that the house stores, then its version.
pub const HEADER: [u8; 2] = [2, 1];

/// What a value begins with. A number never gets another meaning; new ones may be added.
pub mod tag {
    /// `undefined`.
    pub const UNDEFINED: u8 = 0x00;
    /// `null`.
    pub const NULL: u8 = 0x01;
    /// `false`.
    pub const FALSE: u8 = 0x02;
    /// `true`.
    pub const TRUE: u8 = 0x03;
    /// A number that is an integer of 32 bits and not minus zero.
    pub const INT: u8 = 0x04;
    /// Any other number.
    pub const NUMBER: u8 = 0x05;
    /// A BigInt.
    pub const BIG_INT: u8 = 0x06;
    /// A text whose units all fit a byte.
    pub const LATIN1: u8 = 0x07;
    /// Any other text.
    pub const UTF16: u8 = 0x08;

    /// An object that began before.
    pub const REFERENCE: u8 = 0x10;
    /// An ordinary object.
    pub const OBJECT: u8 = 0x11;
    /// An array without holes.
    pub const DENSE: u8 = 0x12;
    /// An array with holes.
    pub const SPARSE: u8 = 0x13;
    /// A Map.
    pub const MAP: u8 = 0x14;
    /// A Set.
    pub const SET: u8 = 0x15;
    /// A Date.
    pub const DATE: u8 = 0x16;
    /// A RegExp.
    pub const REG_EXP: u8 = 0x17;
    /// `Object(false)`.
    pub const BOXED_FALSE: u8 = 0x18;
    /// `Object(true)`.
    pub const BOXED_TRUE: u8 = 0x19;
    /// A number as an object.
    pub const BOXED_NUMBER: u8 = 0x1a;
    /// A BigInt as an object.
    pub const BOXED_BIG_INT: u8 = 0x1b;
    /// A text as an object.
    pub const BOXED_STRING: u8 = 0x1c;
    /// An error.
    pub const ERROR: u8 = 0x1d;
    /// An instance of a class of the platform.
    pub const PLATFORM: u8 = 0x1e;

    /// An ArrayBuffer.
    pub const BUFFER: u8 = 0x20;
    /// An ArrayBuffer that can change its size.
    pub const RESIZABLE: u8 = 0x21;
    /// An ArrayBuffer that is handed over.
    pub const TRANSFERRED: u8 = 0x22;
    /// Memory that is shared.
    pub const SHARED: u8 = 0x23;
    /// A typed array or a DataView.
    pub const VIEW: u8 = 0x24;

    /// In place of an item of an array that has none there.
    pub const HOLE: u8 = 0xfe;
    /// Ends the properties or values of an object.
    pub const END: u8 = 0xff;
}

/// A flag of a view: it grows with its buffer.
pub const VIEW_GROWS: u64 = 1;

/// The flags of a regular expression: the n-th letter is bit n.
pub const REG_EXP_FLAGS: &str = "dgimsuvy";

/// The classes of errors: the n-th has the number n + 1, and 0 is any other.
pub const ERRORS: [&str; 9] = [
    "Error",
    "EvalError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
    "AggregateError",
    "SuppressedError",
];

/// Integers, with their sign in the lowest bit.
pub fn zigzag(value: i32) -> u32 {
    (value.cast_unsigned() << 1) ^ (value >> 31).cast_unsigned()
}

/// Undoes [`zigzag`].
pub fn unzigzag(value: u32) -> i32 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// The bytes of an error that is nothing but a class and a message.
pub fn plain_error(name: &str, message: &str) -> Vec<u8> {
    let mut out = Writer::new();
    out.error(name, message);
    out.end(0);
    out.0
}

/// Writes values one after another.
#[derive(Debug)]
pub struct Writer(pub Vec<u8>);

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// The header is there.
    pub fn new() -> Self {
        Self(HEADER.to_vec())
    }

    /// One byte, such as a tag.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// LEB128.
    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    /// An error up to its properties, which follow, and then their end.
    pub fn error(&mut self, name: &str, message: &str) {
        self.byte(tag::ERROR);
        match ERRORS.iter().position(|have| *have == name) {
            Some(class) => self.varint(class as u64 + 1),
            None => {
                self.varint(0);
                self.text(name);
            }
        }
        self.text(message);
    }

    /// The end of so many properties.
    pub fn end(&mut self, count: u64) {
        self.byte(tag::END);
        self.varint(count);
    }

    /// The eight bytes of a number, without a tag.
    pub fn f64(&mut self, value: f64) {
        // Every NaN is the same one.
        let value = if value.is_nan() { f64::NAN } else { value };
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A number with its tag, in the shortest way.
    pub fn number(&mut self, value: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "compared with the original")]
        let int = value as i32;
        // Only zero tells its sign, and minus zero is no integer.
        if f64::from(int).to_bits() == value.to_bits() {
            self.byte(tag::INT);
            self.varint(zigzag(int).into());
        } else {
            self.byte(tag::NUMBER);
            self.f64(value);
        }
    }

    /// Bytes with their number before them.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A text with its tag, in the shortest way.
    pub fn text(&mut self, text: &str) {
        if text.is_ascii() {
            self.ascii(text.as_bytes());
        } else {
            self.units(&text.encode_utf16().collect::<Vec<_>>());
        }
    }

    /// A text of ASCII alone, with its tag.
    pub fn ascii(&mut self, text: &[u8]) {
        self.byte(tag::LATIN1);
        self.bytes(text);
    }

    /// A text of UTF-16, with its tag.
    pub fn units(&mut self, units: &[u16]) {
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
    pub fn big_int(&mut self, is_negative: bool, digits: &str) {
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
#[derive(Clone, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// After the header; none when it is another one.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.strip_prefix(&HEADER).map(Reader)
    }

    /// In the middle of bytes.
    pub fn inside(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The number of bytes that are left.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none are left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// The next byte, which stays.
    pub fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// LEB128 of at most 64 bits.
    pub fn varint(&mut self) -> Option<u64> {
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

    /// LEB128 of at most 32 bits.
    pub fn u32(&mut self) -> Option<u32> {
        self.varint()?.try_into().ok()
    }

    /// The eight bytes of a number.
    pub fn f64(&mut self) -> Option<f64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(f64::from_le_bytes(*bytes))
    }

    /// So many bytes.
    pub fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Bytes with their number before them.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.varint()?;
        self.take(len)
    }

    /// UTF-16, with its number of bytes before it.
    pub fn units(&mut self) -> Option<Vec<u16>> {
        let (units, rest) = self.bytes()?.as_chunks();
        rest.is_empty().then(|| units.iter().map(|unit| u16::from_le_bytes(*unit)).collect())
    }

    /// Sign, and the words of the magnitude, the lowest first.
    pub fn big_int(&mut self) -> Option<(bool, Vec<u64>)> {
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
