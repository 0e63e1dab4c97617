//! Where each object of a clone begins and ends: found in one pass, which also finds what is damaged.
//!
//! Invariant: where an [`Index`] was made, every count, length and end in the bytes agrees with the others, and only
//! objects that began before are referred to. Its memory follows the bytes; it does not recurse.

use std::cell::Cell;

use crate::limits::CLONE_AGAIN_MAX;
use crate::native::wire::{HEADER, Reader, tag};

/// The bytes of a clone, and where its objects are.
pub(super) struct Index<'a> {
    bytes: &'a [u8],
    /// Where each object begins and ends, by its number; the beginnings ascend.
    objects: Vec<(usize, usize)>,
    /// How much may still be read that is not there just once: see [`again`](Self::again).
    spare: Cell<usize>,
}

/// What is still to be read of an object that has begun.
enum Frame {
    /// Properties; an array's length comes again at the end.
    Properties {
        number: usize,
        count: u64,
        len: Option<u64>,
    },
    Dense {
        number: usize,
        left: u64,
        len: u64,
    },
    /// Keys and values of a Map, or values of a Set.
    Values {
        number: usize,
        count: u64,
        of_map: bool,
    },
    Error {
        number: usize,
        has_name: bool,
    },
    /// What a view or an object of the platform is made of, unless that was read.
    Inner {
        number: usize,
        is_read: bool,
    },
}

impl<'a> Index<'a> {
    /// None when the bytes are no clone.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let input = Reader::new(bytes)?;
        let index = Self { bytes, objects: Vec::new(), spare: Cell::new(CLONE_AGAIN_MAX) };
        let mut pass = Pass { index, input, frames: Vec::new() };
        pass.value()?;
        while let Some(frame) = pass.frames.pop() {
            pass.step(frame)?;
        }
        pass.input.is_empty().then_some(pass.index)
    }

    /// The place of the first value.
    pub(super) fn start(&self) -> usize {
        HEADER.len()
    }

    /// What stands at a place.
    pub(super) fn reader(&self, at: usize) -> Reader<'a> {
        Reader::inside(self.bytes.get(at..).unwrap_or_default())
    }

    /// The place that a reader has come to.
    pub(super) fn place(&self, reader: &Reader<'_>) -> usize {
        self.bytes.len() - reader.len()
    }

    /// Where an object begins and ends.
    pub(super) fn object(&self, number: u64) -> Option<(usize, usize)> {
        self.objects.get(usize::try_from(number).ok()?).copied()
    }

    /// Where the value ends that begins at a place.
    pub(super) fn end(&self, at: usize) -> Option<usize> {
        let mut reader = self.reader(at);
        let tag = reader.byte()?;
        if skip_plain(&mut reader, tag)? {
            return Some(self.place(&reader));
        }
        let number = self.objects.binary_search_by_key(&at, |(start, _)| *start).ok()?;
        self.objects.get(number).map(|(_, end)| *end)
    }

    /// Takes note that so many bytes are read again because something refers to them, or that so many holes of an
    /// array are read that no byte stands for. False when it is too much for one value.
    pub(super) fn again(&self, len: usize) -> bool {
        let left = self.spare.get().checked_sub(len);
        self.spare.set(left.unwrap_or(0));
        left.is_some()
    }
}

struct Pass<'a> {
    index: Index<'a>,
    input: Reader<'a>,
    frames: Vec<Frame>,
}

impl Pass<'_> {
    /// Reads a value that is whole at once, or begins one.
    fn value(&mut self) -> Option<()> {
        let start = self.index.place(&self.input);
        let tag = self.input.byte()?;
        if tag == tag::REFERENCE {
            // Nothing may refer to an object that comes later.
            self.index.object(self.input.clone().varint()?)?;
        }
        if skip_plain(&mut self.input, tag)? {
            return Some(());
        }
        let number = self.index.objects.len();
        self.index.objects.push((start, start));
        let input = &mut self.input;
        self.frames.push(match tag {
            tag::OBJECT => Frame::Properties { number, count: 0, len: None },
            tag::DENSE => {
                let len = input.u32()?.into();
                Frame::Dense { number, left: len, len }
            }
            tag::SPARSE => Frame::Properties { number, count: 0, len: Some(input.u32()?.into()) },
            tag::MAP => Frame::Values { number, count: 0, of_map: true },
            tag::SET => Frame::Values { number, count: 0, of_map: false },
            tag::ERROR => Frame::Error { number, has_name: input.varint()? != 0 },
            tag::PLATFORM => {
                input.bytes()?;
                Frame::Inner { number, is_read: false }
            }
            tag::VIEW => {
                for _ in ["kind", "offset", "length", "flags"] {
                    input.varint()?;
                }
                Frame::Inner { number, is_read: false }
            }
            tag => {
                skip_simple(input, tag)?;
                Frame::Inner { number, is_read: true }
            }
        });
        Some(())
    }

    /// Reads the next part of an object, or its end.
    fn step(&mut self, frame: Frame) -> Option<()> {
        let is_end = self.input.peek() == Some(tag::END);
        match frame {
            Frame::Properties { number, count, len } if is_end => {
                self.end(count)?;
                if let Some(len) = len
                    && self.input.varint()? != len
                {
                    return None;
                }
                self.whole(number);
                Some(())
            }
            Frame::Properties { number, count, len } => {
                self.frames.push(Frame::Properties { number, count: count + 1, len });
                skip_key(&mut self.input)?;
                self.value()
            }
            Frame::Dense { number, left: 0, len } => {
                self.frames.push(Frame::Properties { number, count: 0, len: Some(len) });
                Some(())
            }
            Frame::Dense { number, left, len } => {
                self.frames.push(Frame::Dense { number, left: left - 1, len });
                match self.input.peek()? {
                    tag::HOLE => self.input.byte().map(drop),
                    _ => self.value(),
                }
            }
            Frame::Values { number, count, of_map } if is_end => {
                self.end(count)?;
                self.whole(number);
                (!of_map || count.is_multiple_of(2)).then_some(())
            }
            Frame::Values { number, count, of_map } => {
                self.frames.push(Frame::Values { number, count: count + 1, of_map });
                self.value()
            }
            Frame::Error { number, has_name: false } => {
                self.frames.push(Frame::Error { number, has_name: true });
                self.value()
            }
            Frame::Error { number, has_name: true } => {
                self.frames.push(Frame::Properties { number, count: 0, len: None });
                skip_text(&mut self.input)
            }
            Frame::Inner { number, is_read: false } => {
                self.frames.push(Frame::Inner { number, is_read: true });
                self.value()
            }
            Frame::Inner { number, is_read: true } => {
                self.whole(number);
                Some(())
            }
        }
    }

    /// Reads an end, which says how many parts there were.
    fn end(&mut self, count: u64) -> Option<()> {
        self.input.byte();
        (self.input.varint()? == count).then_some(())
    }

    /// An object ends here.
    fn whole(&mut self, number: usize) {
        self.index.objects[number].1 = self.index.place(&self.input);
    }
}

/// Skips what follows the tag of a value that is no object. False when the tag is an object's.
fn skip_plain(input: &mut Reader<'_>, tag: u8) -> Option<bool> {
    match tag {
        tag::UNDEFINED | tag::NULL | tag::FALSE | tag::TRUE => {}
        tag::INT => drop(input.u32()?),
        tag::NUMBER => drop(input.f64()?),
        tag::BIG_INT => skip_big_int(input)?,
        tag::LATIN1 => drop(input.bytes()?),
        tag::UTF16 => return input.bytes()?.len().is_multiple_of(2).then_some(true),
        tag::REFERENCE => drop(input.varint()?),
        _ => return Some(false),
    }
    Some(true)
}

/// Skips what follows the tag of an object without others in it.
fn skip_simple(input: &mut Reader<'_>, tag: u8) -> Option<()> {
    match tag {
        tag::BOXED_FALSE | tag::BOXED_TRUE => {}
        tag::BOXED_NUMBER | tag::DATE => drop(input.f64()?),
        tag::BOXED_BIG_INT => skip_big_int(input)?,
        tag::BOXED_STRING => skip_text(input)?,
        tag::REG_EXP => {
            skip_text(input)?;
            input.varint()?;
        }
        tag::BUFFER => drop(input.bytes()?),
        tag::RESIZABLE => {
            input.varint()?;
            input.bytes()?;
        }
        // Whatever else there is: buffers that are handed over or shared are in no clone that is stored.
        _ => return None,
    }
    Some(())
}

fn skip_text(input: &mut Reader<'_>) -> Option<()> {
    let tag = input.byte().filter(|tag| matches!(*tag, tag::LATIN1 | tag::UTF16))?;
    skip_plain(input, tag).map(drop)
}

fn skip_big_int(input: &mut Reader<'_>) -> Option<()> {
    let bytes = input.varint()? >> 1;
    input.take(bytes)?.len().is_multiple_of(8).then_some(())
}

fn skip_key(input: &mut Reader<'_>) -> Option<()> {
    match input.byte()? {
        tag @ (tag::INT | tag::LATIN1 | tag::UTF16) => skip_plain(input, tag).map(drop),
        _ => None,
    }
}
