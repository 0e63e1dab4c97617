//! The only way into a guest.
//!
//! [`Host::run`] does what the object's rules say next, until they say nothing more: start the guest, deliver
//! an event, let a task go on, drop the guest. After each step it lets out what may leave. What a turn wrote is
//! committed before the object hears that the turn has ended, or rolled back before it hears that it failed. A guest
//! that panics is dropped here; the panic goes no further.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use dormouse_object::TaskId;
use dormouse_object::failure::Failure;
use dormouse_object::mailbox::Event as Due;
use dormouse_object::object::{Object, Progress as Ended, Reset, Step};
use dormouse_object::time::Time;

use crate::ctx::Ctx;
use crate::guest::{Guest, GuestError, Progress};
use crate::host::Host;
use crate::limits::STEPS_IN_A_ROW_MAX;

impl Host {
    /// Does all that is to be done for the object now.
    pub(crate) fn run(self: &Rc<Self>) {
        for _ in 0..STEPS_IN_A_ROW_MAX {
            if self.storage_is_away() {
                // It comes back with a signal.
                self.release();
                return self.set_timer();
            }
            if self.start_waits.take() {
                self.start();
            }
            let step = self.object.borrow_mut().poll_step(self.shard().now());
            match step {
                Some(Step::Start) => self.start(),
                Some(Step::Deliver(task, due)) => self.deliver(task, due),
                Some(Step::Resume(task)) => self.turn(task, |guest| guest.resume(task)),
                Some(Step::Stop) => self.stop_guest(),
                None => {
                    self.store_alarm();
                    self.release();
                    self.close_storage();
                    self.set_timer();
                    return self.shard().forget_if_evictable(self);
                }
            }
            self.release();
            // What the turn has woken comes before the next event, as a microtask would.
            self.shard().take_signals();
        }
        self.shard().schedule(self.key());
    }

    pub(crate) fn stop_guest(&self) {
        self.drop_guest();
        self.abandon_storage();
        self.with_object(Object::handle_stopped);
        self.shrink();
    }

    fn start(self: &Rc<Self>) {
        if !self.claim_storage() {
            return self.start_waits.set(true);
        }
        let epoch = self.begin_epoch();
        let ctx = Ctx::new(self.clone(), epoch);
        let factory = self.shard().factory(self.identity());
        let built = catch_unwind(AssertUnwindSafe(|| factory.build(ctx)));
        let result = match (built, self.take_abort()) {
            (Ok(Ok(guest)), None) => Ok(guest),
            (Ok(_), Some(reason)) => Err(GuestError::new(reason)),
            (Ok(Err(error)), None) => Err(error),
            (Err(panic), _) => Err(GuestError::new(panic_text(&*panic))),
        };
        let now = self.shard().look_at_clock();
        let committed = result.and_then(|guest| match self.commit() {
            Ok(()) => Ok(guest),
            Err(failure) => {
                self.break_gate(&failure);
                Err(GuestError::new(failure))
            }
        });
        match committed {
            Ok(guest) => {
                tracing::debug!(object = self.label(), "object starts");
                *self.guest.borrow_mut() = Some(guest.into());
                self.with_object(|object| object.handle_started(now));
            }
            Err(error) => {
                self.begin_epoch();
                self.roll_back_storage();
                let cost = self.with_object(|object| object.handle_start_failed(&error.failure(), now));
                tracing::error!(
                    object = self.label(),
                    error = %error,
                    stack = error.stack,
                    event = ?cost,
                    "constructor failed"
                );
            }
        }
        self.store_alarm();
    }

    fn deliver(&self, task: TaskId, due: Due) {
        if let Due::Message { socket, .. } = &due {
            self.wake_connection(*socket);
        }
        let event = due.exchange_request(|id| match self.take_request(id) {
            Some(request) => request,
            None => unreachable!("the mailbox names only requests that are held"),
        });
        self.turn(task, |guest| guest.deliver(task, event));
    }

    /// One turn: the guest runs, then the object hears how it ended.
    fn turn(&self, task: TaskId, call: impl FnOnce(&dyn Guest) -> Progress) {
        let guest = self.guest.borrow().clone();
        let Some(guest) = guest else { unreachable!("turns are given only to residents") };
        let result = catch_unwind(AssertUnwindSafe(|| call(&*guest)));
        drop(guest);
        let abort = self.take_abort();
        let now = self.shard().look_at_clock();
        match (result, abort) {
            (Ok(_), Some(reason)) => {
                tracing::warn!(object = self.label(), reason, "object aborted");
                self.roll_back_storage();
                self.with_object(|object| object.handle_reset(Reset::Aborted(&reason), now));
            }
            (Ok(Progress::Pending), None) => self.end_turn(task, Ended::Pending, now),
            (Ok(Progress::Done(Ok(()))), None) => self.end_turn(task, Ended::Done(Ok(())), now),
            (Ok(Progress::Done(Err(error))), None) => {
                tracing::error!(object = self.label(), error = %error, stack = error.stack, "handler failed");
                match self.with_object(|object| object.is_critical(task)) {
                    true => self.crash(&error.failure(), now),
                    false => self.end_turn(task, Ended::Done(Err(&error.failure())), now),
                }
            }
            (Ok(Progress::Broken(error)), None) => {
                tracing::error!(object = self.label(), error = %error, stack = error.stack, "guest broke down");
                self.crash(&error.failure(), now);
            }
            (Err(panic), _) => {
                let text = panic_text(&*panic);
                tracing::error!(object = self.label(), error = text, "guest panicked and is dropped");
                self.crash(&Failure::new(text), now);
            }
        }
        self.store_alarm();
    }

    /// Commits what the turn wrote, and tells the object how it ended.
    fn end_turn(&self, task: TaskId, ended: Ended<'_>, now: Time) {
        if ended == Ended::Done(Ok(())) {
            self.with_object(|object| object.handle_ran(task, now));
        }
        match self.commit() {
            Ok(()) => self.with_object(|object| object.handle_turn_end(task, ended, now)),
            Err(failure) => self.break_gate(&failure),
        }
    }

    fn crash(&self, failure: &Failure, now: Time) {
        self.roll_back_storage();
        self.with_object(|object| object.handle_crash(failure, now));
    }

    /// Drops the guest. What it left behind can do nothing more.
    pub(crate) fn drop_guest(&self) {
        self.begin_epoch();
        let Some(guest) = self.guest.borrow_mut().take() else { return };
        tracing::debug!(object = self.label(), "object leaves memory");
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(guest))) {
            tracing::error!(object = self.label(), error = panic_text(&*panic), "guest panicked while it was dropped");
        }
    }

    /// Makes sure that the shard looks at the object again when something will be due.
    fn set_timer(&self) {
        let Some(at) = self.object.borrow_mut().poll_timeout() else { return };
        if self.timer.get().is_none_or(|set| at < set) {
            self.timer.set(Some(at));
            self.shard().set_timer(at, self.key());
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("with something that is no text"))
}
