//! Counts what the engine's heap holds, and refuses what is too much.
//!
//! The engine has a limit of its own, but code can catch its error and go on. Here it is noted that the limit was met,
//! so that the isolate can be given up when the turn has ended.

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::allocator::Allocator;

/// What one heap holds.
pub(super) struct Usage {
    bytes: Cell<usize>,
    max: usize,
    exceeded: Cell<bool>,
}

impl Usage {
    pub(super) fn new(max: usize) -> Self {
        Self { bytes: Cell::new(0), max, exceeded: Cell::new(false) }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.exceeded.get()
    }

    /// Whether `more` bytes may be had; notes it when not.
    fn admits(&self, more: usize) -> bool {
        let admitted = self.bytes.get().saturating_add(more) <= self.max;
        if !admitted {
            self.exceeded.set(true);
        }
        admitted
    }

    fn exchange(&self, old: usize, new: usize) {
        self.bytes.set(self.bytes.get().saturating_sub(old) + new);
    }
}

/// The C library's allocator, counted.
pub(super) struct Counted(pub(super) Rc<Usage>);

// SAFETY: all memory is the C library's, whose blocks are aligned for every type, and sizes are as it tells them.
unsafe impl Allocator for Counted {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.0.admits(size) {
            return std::ptr::null_mut();
        }
        // SAFETY: any size may be asked for.
        let block = unsafe { libc::malloc(size) };
        // SAFETY: the block is null or was just made.
        self.0.exchange(0, unsafe { usable(block) });
        block.cast()
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        if !self.0.admits(count.saturating_mul(size)) {
            return std::ptr::null_mut();
        }
        // SAFETY: any size may be asked for.
        let block = unsafe { libc::calloc(count, size) };
        // SAFETY: the block is null or was just made.
        self.0.exchange(0, unsafe { usable(block) });
        block.cast()
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        // SAFETY: the caller's blocks come from here.
        unsafe {
            self.0.exchange(usable(block.cast()), 0);
            libc::free(block.cast());
        }
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller's blocks come from here, and when there is no new one the old one stays as it is.
        unsafe {
            let old = usable(block.cast());
            if size > old && !self.0.admits(size - old) {
                return std::ptr::null_mut();
            }
            let new = libc::realloc(block.cast(), size);
            if !new.is_null() || size == 0 {
                self.0.exchange(old, usable(new));
            }
            new.cast()
        }
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        // SAFETY: the caller's blocks come from here.
        unsafe { usable(block.cast()) }
    }
}

/// What a block really holds.
///
/// # Safety
///
/// The block is null or the C library's.
unsafe fn usable(block: *mut libc::c_void) -> usize {
    // SAFETY: as above; null has no bytes.
    unsafe { libc::malloc_usable_size(block) }
}
