//! What is still to be written of objects that have begun, and how keys and texts are written.

use std::slice;

use dormouse_runtime::clone::{Writer, tag, zigzag};
use rquickjs::qjs;

use crate::engine::Fault;
use crate::quickjs::Engine;
use crate::quickjs::object::{Key, Keys};
use crate::quickjs::value::JsRef;

/// What is still to be written of an object that has begun.
pub(super) enum Frame<'e> {
    Properties(Properties<'e>),
    /// Values one after another, then this.
    Items {
        items: Vec<JsRef>,
        at: usize,
        end: End,
    },
    /// Properties that were read already.
    Pairs {
        pairs: Vec<(JsRef, JsRef)>,
        at: usize,
    },
}

pub(super) struct Properties<'e> {
    pub(super) object: JsRef,
    pub(super) keys: Keys<'e>,
    pub(super) at: u32,
    /// So many of the first keys are the items of a dense array.
    pub(super) dense: u32,
    pub(super) written: u64,
    /// The length of an array.
    pub(super) len: Option<u32>,
}

#[derive(Clone, Copy)]
pub(super) enum End {
    Nothing,
    Count,
}

impl Frame<'_> {
    /// The next value to write, or none when all is; then the end was written.
    pub(super) fn next(&mut self, engine: &Engine, out: &mut Writer) -> Result<Option<JsRef>, Fault> {
        match self {
            Frame::Properties(properties) => properties.next(engine, out),
            Frame::Items { items, at, end } => {
                let next = items.get(*at).cloned();
                *at += 1;
                if let (None, End::Count) = (&next, end) {
                    out.byte(tag::END);
                    out.varint(items.len() as u64);
                }
                Ok(next)
            }
            Frame::Pairs { pairs, at } => match pairs.get(*at) {
                Some((key, value)) => {
                    write_string(engine, out, key)?;
                    *at += 1;
                    Ok(Some(value.clone()))
                }
                None => {
                    out.byte(tag::END);
                    out.varint(pairs.len() as u64);
                    Ok(None)
                }
            },
        }
    }
}

impl Properties<'_> {
    fn next(&mut self, engine: &Engine, out: &mut Writer) -> Result<Option<JsRef>, Fault> {
        while self.at < self.keys.len() {
            let (at, key) = (self.at, self.keys.get(self.at));
            self.at += 1;
            // A getter before may have deleted it.
            match engine.own(&self.object, &key)? {
                Some(value) => {
                    if at >= self.dense {
                        write_key(engine, out, &key)?;
                        self.written += 1;
                    }
                    return Ok(Some(value));
                }
                None if at < self.dense => out.byte(tag::HOLE),
                None => {}
            }
        }
        out.byte(tag::END);
        out.varint(self.written);
        if let Some(len) = self.len {
            out.varint(len.into());
        }
        Ok(None)
    }
}

pub(super) fn is_index(engine: &Engine, key: &Key<'_>) -> Result<bool, Fault> {
    let text = engine.whole_text(&key.to_value()?)?;
    Ok(index_of(&text).is_some())
}

/// The index that a key spells, in its only spelling.
fn index_of(text: &str) -> Option<i32> {
    let is_canonical = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    let index = if is_canonical { text.parse().ok() } else { None };
    index.filter(|index: &i32| *index >= 0)
}

fn write_key(engine: &Engine, out: &mut Writer, key: &Key<'_>) -> Result<(), Fault> {
    let value = key.to_value()?;
    let index = engine.whole_text(&value).ok().and_then(|text| index_of(&text));
    match index {
        Some(index) => {
            out.byte(tag::INT);
            out.varint(zigzag(index).into());
            Ok(())
        }
        None => write_string(engine, out, &value),
    }
}

pub(super) fn write_string(engine: &Engine, out: &mut Writer, value: &JsRef) -> Result<(), Fault> {
    let ctx = engine.raw();
    // SAFETY: the engine gives pointers to as many items as it says, valid until they are freed.
    unsafe {
        let mut len = 0;
        let text = qjs::JS_ToCStringLen2(ctx, &raw mut len, value.raw(), false);
        if text.is_null() {
            return Err(Fault::pending());
        }
        let bytes = slice::from_raw_parts(text.cast::<u8>(), len as usize);
        let is_ascii = bytes.is_ascii();
        if is_ascii {
            out.ascii(bytes);
        }
        qjs::JS_FreeCString(ctx, text);
        if is_ascii {
            return Ok(());
        }
        let units = qjs::JS_ToCStringLenUTF16(ctx, &raw mut len, value.raw());
        if units.is_null() {
            return Err(Fault::pending());
        }
        out.units(slice::from_raw_parts(units, len as usize));
        qjs::JS_FreeCStringUTF16(ctx, units);
    }
    Ok(())
}
