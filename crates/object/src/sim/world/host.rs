//! The host: it polls, runs turns, commits, makes positions durable, keeps the time and drops guests.
//!
//! It does all this out of step, as a busy machine would, within the contract of [`crate::object::Object`]: a
//! turn and a constructor are run in one go, a commit stands at the end of each that wrote.

use bytes::Bytes;

use crate::TaskId;
use crate::failure::Failure;
use crate::object::{Progress, Reset, Step};
use crate::outbox::{Out, WritePos};
use crate::sim::limits;
use crate::sim::model::{Broken, Guest, Job};
use crate::sim::report::Counter;
use crate::sim::swarm::End;
use crate::sim::world::World;
use crate::time::Time;

/// A reason that fits in no Close frame, and whose characters end where a frame does not.
const LONG_REASON: &str = "so genug, genug, genug, genug, genug, genug, genug, genug, genug, genug, genug, genug, genug, \
    genug, genug, genug, genug, äääääääääääääääääääää";

/// Turns of one go of [`World::do_everything`]: a task that never rests would keep it busy for ever.
const TURNS_MAX: u32 = 200;

/// What a guest threw.
fn thrown(text: &'static str) -> Failure {
    Failure { thrown: Bytes::from_static(b"as the guest has it"), ..Failure::new(text) }
}

impl World<'_> {
    /// Takes a few steps.
    pub(super) fn poll_some(&mut self) -> Result<(), Broken> {
        for _ in 0..=self.random.below(4) {
            if !self.poll()? {
                break;
            }
        }
        Ok(())
    }

    /// Takes one step, if there is one.
    pub(crate) fn poll(&mut self) -> Result<bool, Broken> {
        self.pin_alarm()?;
        let step = self.object.poll_step(self.time());
        self.model.step(step.as_ref(), self.now)?;
        let Some(step) = step else { return Ok(false) };
        self.note(|| format!("step: {step:?}"));
        match step {
            Step::Start if self.random.percent(70) => self.construct()?,
            Step::Stop if self.random.percent(70) => self.drop_guest()?,
            Step::Start | Step::Stop => {}
            Step::Deliver(task, event) => {
                self.tasks.push(task);
                self.turn(task, Some(&event))?;
            }
            Step::Resume(task) => self.turn(task, None)?,
        }
        Ok(true)
    }

    /// Does all that is to be done now.
    pub(super) fn do_everything(&mut self) -> Result<(), Broken> {
        self.time_out()?;
        let mut turns = 0;
        loop {
            let stepped = self.poll()?;
            let flushed = self.flush(u64::MAX)?;
            if !stepped && !flushed {
                break;
            }
            turns += 1;
            if turns > TURNS_MAX && !self.drains {
                return Ok(());
            }
        }
        // With nothing left to do, the next thing to do lies ahead.
        match self.object.poll_timeout() {
            Some(at) if at <= self.time() => Err(Broken(format!("nothing is left to do, yet it is due at {at:?}"))),
            _ => Ok(()),
        }
    }

    /// Runs the constructor of the guest that is being started.
    pub(crate) fn construct(&mut self) -> Result<(), Broken> {
        if self.model.guest != Guest::Starting {
            return Ok(());
        }
        self.model.constructs();
        let fills = self.fills.take();
        if let Some(full) = fills {
            limits::fill(full, self)?;
        } else if !self.drains && self.random.percent(self.swarm.start_acts) {
            self.act_as_guest(None)?;
        }
        let fails = !self.drains && fills.is_none() && self.random.percent(self.swarm.start_fails);
        if !fails && self.commit()? {
            self.note(|| "guest is built".to_owned());
            self.object.handle_started(self.time());
            self.model.started(self.now);
            return Ok(());
        }
        if fails && self.random.percent(20) {
            self.reset(Reset::Aborted("not like this"))?;
        }
        self.pin_alarm()?;
        self.note(|| "constructor fails".to_owned());
        let failure = thrown("no luck");
        let got = self.object.handle_start_failed(&failure, self.time());
        let expected = self.model.start_failed(&failure, self.now);
        self.agree("the event that a failed constructor costs", &got, &expected)
    }

    /// Drops the guest that must go.
    pub(super) fn drop_guest(&mut self) -> Result<(), Broken> {
        if self.model.guest == Guest::Leaves && self.stop_was_said() {
            self.note(|| "guest is dropped".to_owned());
            self.object.handle_stopped();
            self.model.stopped();
        }
        Ok(())
    }

    fn stop_was_said(&self) -> bool {
        !self.model.stop_is_due()
    }

    /// One turn of one task.
    fn turn(&mut self, task: TaskId, event: Option<&crate::mailbox::Event>) -> Result<(), Broken> {
        let Some(job) = self.model.tasks.get(&task).map(|task| task.job) else {
            return Err(Broken(format!("a turn of {task:?}, which is no more")));
        };
        if self.drains {
            self.act_well(task, job)?;
        } else {
            self.act_as_guest(Some((task, event)))?;
        }
        let end = self.end_of(job);
        self.note(|| format!("{task:?} of {job:?}: {end:?}"));
        let failure = thrown("thrown");
        let progress = match end {
            End::Crash => {
                self.model.report.count(Counter::Crashes);
                let failure = Failure::new("panicked");
                self.object.handle_crash(&failure, self.time());
                self.model.crash(&failure, self.now);
                return Ok(());
            }
            End::Abort => {
                let reason = self.random.pick(["", "enough", LONG_REASON]);
                return self.reset(Reset::Aborted(reason));
            }
            End::Done => Progress::Done(Ok(())),
            End::Failed => Progress::Done(Err(&failure)),
            End::Pending => Progress::Pending,
            End::Spin => {
                self.wake(task);
                Progress::Pending
            }
        };
        if end == End::Done {
            self.object.handle_ran(task, self.time());
            self.model.ran(job, self.now);
        }
        if self.commit()? {
            self.object.handle_turn_end(task, progress, self.time());
            self.model.turn_end(task, progress, self.now);
        }
        Ok(())
    }

    fn end_of(&mut self, job: Job) -> End {
        if self.drains {
            return End::Done;
        }
        let fails = match job {
            Job::Section(_) => self.swarm.section_fails,
            Job::Alarm => self.swarm.alarm_fails,
            _ => 0,
        };
        if self.random.percent(fails) { End::Failed } else { self.swarm.end(&mut self.random) }
    }

    /// Commits what a turn wrote; false when that failed, and the object was reset.
    fn commit(&mut self) -> Result<bool, Broken> {
        let dirty = self.model.outbox.is_dirty();
        self.agree("is_dirty", &self.object.is_dirty(), &dirty)?;
        if !dirty {
            return Ok(true);
        }
        if !self.drains && self.random.percent(self.swarm.commit_fails) {
            self.model.report.count(Counter::CommitFailures);
            self.reset(Reset::GateBroken("the disk is full"))?;
            return Ok(false);
        }
        let got = self.object.handle_commit();
        let expected = WritePos(self.model.committed());
        self.note(|| format!("commit: {got:?}"));
        self.agree("the position of a commit", &got, &expected)?;
        let stored = self.object.alarm_record().map(|record| (record.scheduled.as_millis(), record.failed));
        self.agree("the alarm to be stored", &stored, &self.model.alarm.stored())?;
        Ok(true)
    }

    fn reset(&mut self, reset: Reset<'_>) -> Result<(), Broken> {
        self.pin_alarm()?;
        self.note(|| format!("reset: {reset:?}"));
        self.object.handle_reset(reset, self.time());
        self.model.reset(reset, self.now);
        Ok(())
    }

    /// A write that was committed cannot be made durable.
    pub(super) fn break_gate(&mut self) -> Result<(), Broken> {
        let (committed, durable) = self.model.outbox.positions();
        if committed > durable || self.random.percent(10) {
            self.reset(Reset::GateBroken("the disk is gone"))?;
        }
        Ok(())
    }

    /// The guest breaks down, but not in a turn of this object.
    pub(super) fn crash_between(&mut self) -> Result<(), Broken> {
        if self.model.guest == Guest::Lives {
            self.note(|| "crash between turns".to_owned());
            self.model.report.count(Counter::CrashesBetween);
            let failure = Failure::new("out of memory");
            self.object.handle_crash(&failure, self.time());
            self.model.crash(&failure, self.now);
        }
        Ok(())
    }

    /// The guest goes with something that it shared with others.
    pub(super) fn lose_guest(&mut self) -> Result<(), Broken> {
        if self.model.guest == Guest::Lives {
            self.note(|| "guest is lost".to_owned());
            self.model.report.count(Counter::Losses);
            let failure = Failure::new("the engine is gone");
            self.object.handle_lost(&failure, self.time());
            self.model.lost(&failure, self.now);
        }
        Ok(())
    }

    /// The code is replaced.
    pub(super) fn replace_code(&mut self) -> Result<(), Broken> {
        let by = self.now + self.random.pick([0, 1, 50, 5_000]);
        self.note(|| format!("new code, by {by}"));
        self.object.handle_new_code(Time::from_millis(by));
        self.model.new_code(by);
        Ok(())
    }

    pub(super) fn shut_down(&mut self) -> Result<(), Broken> {
        // Once in a while only: little happens afterwards.
        if self.random.percent(10) {
            self.note(|| "shutdown".to_owned());
            self.object.handle_shutdown();
            self.model.shutdown();
        }
        Ok(())
    }

    pub(super) fn confirm_some(&mut self) -> Result<(), Broken> {
        let (committed, durable) = self.model.outbox.positions();
        if committed > 0 {
            // Now and then an old one once more.
            let from = if self.random.percent(80) { durable } else { 0 };
            let pos = from + self.random.below(committed - from + 1);
            self.confirm(pos);
        }
        Ok(())
    }

    pub(crate) fn confirm_all(&mut self) -> Result<(), Broken> {
        let (committed, durable) = self.model.outbox.positions();
        if committed > durable {
            self.confirm(committed);
        }
        Ok(())
    }

    fn confirm(&mut self, pos: u64) {
        self.note(|| format!("durable up to {pos}"));
        self.object.handle_durable(WritePos(pos));
        self.model.durable(pos);
    }

    pub(super) fn flush_some(&mut self) -> Result<(), Broken> {
        let most = if self.random.percent(50) { u64::MAX } else { 1 + self.random.below(3) };
        self.flush(most).map(|_| ())
    }

    /// Lets out what may leave, at most so much; true when something did.
    pub(crate) fn flush(&mut self, most: u64) -> Result<bool, Broken> {
        self.hear_of_broken()?;
        let mut any = false;
        for _ in 0..most {
            let Some(out) = self.object.poll_out() else {
                self.model.leave(None)?;
                if !self.model.outbox.is_empty() {
                    self.model.report.count(Counter::Held);
                }
                break;
            };
            any = true;
            let counter = self.leaves(out)?;
            self.model.report.count(counter);
        }
        Ok(any)
    }

    /// Something leaves the object.
    fn leaves(&mut self, out: Out) -> Result<Counter, Broken> {
        self.note(|| format!("out: {out:?}"));
        if let Out::Broadcast(broadcast) = out {
            for socket in broadcast.sockets {
                let frame = Out::Frame { socket, message: broadcast.message.clone() };
                self.model.leave(Some(&frame))?;
                self.arrives(&frame)?;
            }
            return Ok(Counter::FramesOfBroadcasts);
        }
        self.model.leave(Some(&out))?;
        self.arrives(&out)?;
        Ok(match out {
            Out::Frame { .. } | Out::Broadcast(_) => Counter::Frames,
            Out::Close { after: crate::outbox::After::KeepReading, .. } => Counter::CloseFrames,
            Out::Close { .. } => Counter::CloseFramesForget,
            Out::Cut(_) => Counter::Cuts,
            Out::Respond(request) => {
                self.answered(request, true)?;
                Counter::Responses
            }
            Out::Fail(request, _) => {
                self.answered(request, false)?;
                Counter::Failures
            }
            Out::Subrequest(_) => Counter::Subrequests,
        })
    }

    /// Whoever has reached an instance hears how it broke.
    fn hear_of_broken(&mut self) -> Result<(), Broken> {
        let expected = self.model.broken.take().map(Box::new);
        if let Some(failure) = &expected {
            self.model.report.count(Counter::Broken);
            self.note(|| format!("broken: {failure:?}"));
        }
        let got = self.object.poll_broken();
        self.agree("poll_broken", &got, &expected)
    }

    pub(super) fn wake(&mut self, task: TaskId) {
        self.note(|| format!("wake {task:?}"));
        self.object.handle_wake(task);
        self.model.wake(task);
    }

    /// Wakes some task, living or not.
    pub(super) fn wake_some(&mut self) -> Result<(), Broken> {
        let living = self.model.tasks.len();
        let task = match self.random.index(living) {
            Some(at) if self.random.percent(90) => self.model.tasks.keys().nth(at).copied(),
            _ => self.some_task(),
        };
        if let Some(task) = task {
            self.wake(task);
        }
        Ok(())
    }

    /// Some task that was made at some time.
    pub(super) fn some_task(&mut self) -> Option<TaskId> {
        let at = self.random.index(self.tasks.len())?;
        Some(self.tasks[at])
    }

    /// Wakes all tasks; true when there was one.
    pub(super) fn wake_all(&mut self) -> Result<bool, Broken> {
        let tasks: Vec<TaskId> = self.model.tasks.keys().copied().collect();
        for task in &tasks {
            self.wake(*task);
        }
        Ok(!tasks.is_empty())
    }

    pub(super) fn set_clock(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.note(|| "time passes".to_owned());
    }

    pub(super) fn pass_time(&mut self) -> Result<(), Broken> {
        let by = match self.random.below(8) {
            0 => 0,
            1..=3 => self.random.below(100),
            4..=5 => self.random.below(3_000),
            6 => self.random.below(40_000),
            _ => self.random.below(1_000_000),
        };
        self.set_clock(self.now + by);
        Ok(())
    }

    /// To the next timeout, or just before it, or a little after.
    pub(super) fn pass_time_to_timeout(&mut self) -> Result<(), Broken> {
        if let Some(at) = self.object.poll_timeout() {
            let at = at.as_millis();
            let to = self.random.pick([at.saturating_sub(1), at, at, at + 1, at + 700]);
            self.set_clock(to);
        }
        Ok(())
    }

    /// Tells the time, whether something is due or not.
    pub(super) fn time_out(&mut self) -> Result<(), Broken> {
        self.object.handle_timeout(Time::from_millis(self.now));
        self.model.time_passed(self.now);
        Ok(())
    }
}
