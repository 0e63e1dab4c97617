//! Buffers and views, as bytes: copied, handed over or shared.

use dormouse_runtime::clone::{VIEW_GROWS, tag};
use rquickjs::qjs;

use super::super::intrinsics::{Held, Kind, VIEWS};
use super::frames::{End, Frame};
use super::{Encoder, Reach, too_large};
use crate::engine::Fault;
use crate::limits::CLONE_LEN_MAX;
use crate::quickjs::value::JsRef;

impl Encoder<'_> {
    pub(super) fn buffer(&mut self, buffer: &JsRef) -> Result<(), Fault> {
        if let Some(at) = self.transferred(buffer) {
            self.out.byte(tag::TRANSFERRED);
            self.out.varint(at as u64);
            return Ok(());
        }
        let (engine, known) = (self.engine, self.intrinsics);
        let resizable = engine.invoke(&known.array_buffer_resizable.get(engine), buffer, &[])?;
        let max = match engine.number(&resizable) {
            Some(1.0) => {
                let max = engine.invoke(&known.array_buffer_max_byte_length.get(engine), buffer, &[])?;
                Some(self.count(&max))
            }
            _ => None,
        };
        // SAFETY: no JavaScript runs while the bytes are copied.
        let bytes = unsafe { engine.buffer_bytes(buffer) }.ok_or_else(detached)?;
        if bytes.len() > CLONE_LEN_MAX {
            return Err(too_large());
        }
        match max {
            None => {
                self.out.byte(tag::BUFFER);
                self.out.bytes(bytes);
            }
            Some(max) => {
                self.out.byte(tag::RESIZABLE);
                self.out.varint(max);
                self.out.bytes(bytes);
            }
        }
        Ok(())
    }

    /// Memory that several have is had by one more; bytes that are kept cannot say so.
    pub(super) fn shared(&mut self, buffer: JsRef) -> Result<(), Fault> {
        match self.reach {
            Reach::Stored => Err(self.refused(&buffer)),
            Reach::Here(_) => {
                self.out.byte(tag::SHARED);
                self.out.varint(self.shared.len() as u64);
                self.shared.push(buffer);
                Ok(())
            }
        }
    }

    pub(super) fn typed(&mut self, view: &JsRef) -> Result<(), Fault> {
        let engine = self.engine;
        let buffer = engine.invoke(&self.intrinsics.typed_buffer.get(engine), view, &[])?;
        self.check_attached(&buffer)?;
        let (mut offset, mut len, mut size) = (0, 0, 0);
        // SAFETY: the view is alive; its buffer is owned by the reference.
        let (kind, found) = unsafe {
            let kind = qjs::JS_GetTypedArrayType(view.raw());
            let buffer =
                qjs::JS_GetTypedArrayBuffer(engine.raw(), view.raw(), &raw mut offset, &raw mut len, &raw mut size);
            (u32::try_from(kind).ok(), engine.got(buffer))
        };
        if found.is_err() {
            engine.forget_exception();
            return Err(self.refused(view));
        }
        let kind = VIEWS.iter().position(|view| view.engine.is_some() && view.engine == kind);
        self.view(kind.unwrap_or(0) as u64, offset, len, buffer)
    }

    pub(super) fn data_view(&mut self, view: &JsRef) -> Result<(), Fault> {
        let (engine, known) = (self.engine, self.intrinsics);
        let read = |getter: &Held| engine.invoke(&getter.get(engine), view, &[]);
        let buffer = read(&known.data_view_buffer)?;
        self.check_attached(&buffer)?;
        match (read(&known.data_view_byte_offset), read(&known.data_view_byte_length)) {
            (Ok(offset), Ok(len)) => self.view(0, self.count(&offset), self.count(&len), buffer),
            _ => {
                engine.forget_exception();
                Err(self.refused(view))
            }
        }
    }

    fn check_attached(&self, buffer: &JsRef) -> Result<(), Fault> {
        if self.transferred(buffer).is_some() {
            return Ok(());
        }
        // SAFETY: the bytes are not looked at.
        unsafe { self.engine.buffer_bytes(buffer) }.map(drop).ok_or_else(detached)
    }

    fn view(&mut self, kind: u64, offset: u64, len: u64, buffer: JsRef) -> Result<(), Fault> {
        let grows = self.grows(kind, offset, len, &buffer)?;
        self.out.byte(tag::VIEW);
        self.out.varint(kind);
        self.out.varint(offset);
        self.out.varint(len);
        self.out.varint(if grows { VIEW_GROWS } else { 0 });
        self.frames.push(Frame::Items { items: vec![buffer], at: 0, end: End::Nothing });
        Ok(())
    }

    /// Whether a view grows with its buffer. The engine does not tell; one that fills the rest of a buffer that can
    /// grow is taken for one that does.
    fn grows(&self, kind: u64, offset: u64, len: u64, buffer: &JsRef) -> Result<bool, Fault> {
        let (engine, known) = (self.engine, self.intrinsics);
        if known.kind(buffer) != Kind::Buffer {
            return Ok(false);
        }
        let resizable = engine.invoke(&known.array_buffer_resizable.get(engine), buffer, &[])?;
        // SAFETY: only the number of bytes is looked at.
        let all = unsafe { engine.buffer_bytes(buffer) }.map_or(0, <[u8]>::len) as u64;
        let size = usize::try_from(kind).ok().and_then(|kind| VIEWS.get(kind)).map_or(1, |view| view.size);
        Ok(engine.number(&resizable) == Some(1.0) && all.saturating_sub(offset) / size * size == len)
    }

    /// A number of bytes.
    fn count(&self, value: &JsRef) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the engine gives whole numbers")]
        let count = self.engine.number(value).unwrap_or(0.0) as u64;
        count
    }
    /// The place of a buffer among those that are handed over.
    fn transferred(&self, buffer: &JsRef) -> Option<usize> {
        let Reach::Here(transfer) = self.reach else { return None };
        transfer.iter().position(|other| other.address() == buffer.address())
    }
}

fn detached() -> Fault {
    Fault::new("DataCloneError", "An ArrayBuffer is detached and could not be cloned.")
}
