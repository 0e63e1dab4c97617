//! Which connections have something to be written, and when that happens.
//!
//! Messages that one read brought are handled one turn after the other, but their answers are written together:
//! while the cork is in, connections only note that something waits, and each is written once when it comes out.
//! A system call costs more than a whole turn. Invariant: nothing waits longer than one read's worth of turns,
//! nor behind more than [`CORKED_FRAMES_MAX`] frames.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::limits::CORKED_FRAMES_MAX;
use crate::sockets::conn::Conn;

/// Takes the cork out and writes what waits, when it is dropped.
pub(crate) struct PutIn<'a>(&'a Cork);

impl Drop for PutIn<'_> {
    fn drop(&mut self) {
        self.0.is_in.set(false);
        self.0.flush();
    }
}

/// The connections of one shard that have something to be written.
#[derive(Default)]
pub(crate) struct Cork {
    is_in: Cell<bool>,
    frames: Cell<usize>,
    touched: RefCell<Vec<Rc<Conn>>>,
}

impl Cork {
    /// Lets what is written wait until the result is dropped.
    pub(crate) fn put_in(&self) -> PutIn<'_> {
        self.is_in.set(true);
        PutIn(self)
    }

    /// Writes what waits, unless the cork is in and holds.
    pub(crate) fn flush_unless_in(&self) {
        if !self.is_in.get() || self.frames.get() > CORKED_FRAMES_MAX {
            self.flush();
        }
    }

    /// Notes that a frame was queued on some connection.
    pub(crate) fn count_frame(&self) {
        self.frames.set(self.frames.get() + 1);
    }

    /// Notes that something waits on a connection that is not noted yet.
    pub(crate) fn touch(&self, conn: Rc<Conn>) {
        self.touched.borrow_mut().push(conn);
    }

    fn flush(&self) {
        self.frames.set(0);
        // Writing notes nothing here: a connection that is in trouble wakes its own task.
        for conn in self.touched.borrow_mut().drain(..) {
            conn.flush_touched();
        }
    }
}
