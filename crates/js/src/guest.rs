//! Objects and Workers in JavaScript, as the runtime's guests.

use std::rc::Rc;
use std::sync::Arc;

use dormouse_runtime::TaskId;
use dormouse_runtime::ctx::Ctx;
use dormouse_runtime::guest::{Event, Guest, GuestError, GuestFactory, Progress};
use dormouse_runtime::object::message::Message;

use crate::engine::{Engine, Fault, JsRef, Out};
use crate::isolate::{Doors, Slot};
use crate::ops::body::{numbered, request_parts};
use crate::tasks::{GuestState, count, guest_error};
use crate::worker::Version;

/// Which export of a Worker a guest is made from.
#[derive(Clone, Debug)]
pub(crate) enum Export {
    /// A class of objects.
    Class(String),
    /// A Worker's handlers: the default export, or a named one.
    Entry(Option<String>),
}

/// Makes the guests of one export.
pub(crate) struct Factory {
    version: Arc<Version>,
    export: Export,
}

impl Factory {
    pub(crate) fn new(version: Arc<Version>, export: Export) -> Self {
        Self { version, export }
    }
}

impl GuestFactory for Factory {
    fn build(&self, ctx: Ctx) -> Result<Box<dyn Guest>, GuestError> {
        let isolate = Slot::isolate(&ctx, &self.version).map_err(|fault| guest_error(&fault))?;
        let identity = ctx.id().map(|id| (id.to_string(), id.name().map(str::to_owned)));
        let owner = Owner(GuestState::new(ctx, isolate.clone()));
        let (kind, name) = match &self.export {
            Export::Class(name) => ("class", name.as_str()),
            Export::Entry(name) => ("entry", name.as_deref().unwrap_or("default")),
        };
        let (id, id_name) = identity.unzip();
        let args = [kind.into(), name.into(), numbered(owner.0.number()), id.into(), id_name.flatten().into()];
        let built = isolate.turn(&owner.0, |engine| {
            let record = engine.call_for_callers(&isolate.doors()?.construct, &args);
            engine.run_jobs();
            record
        })?;
        built.map_err(|fault: Fault| guest_error(&fault))?;
        Ok(Box::new(JsGuest(owner)))
    }
}

/// The guest's hold on its state. When it goes, so does all that its code has left there.
struct Owner(Rc<GuestState>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.clear();
    }
}

struct JsGuest(Owner);

impl Guest for JsGuest {
    fn deliver(&self, task: TaskId, event: Event) -> Progress {
        let state = &self.0.0;
        let call = state.open_call(task);
        state.progress(|engine| {
            let value = state.isolate().doors().and_then(|doors| self.call(engine, doors, call, event));
            state.conclude(engine, call, value)
        })
    }

    fn resume(&self, task: TaskId) -> Progress {
        self.0.0.resume(task)
    }
}

impl JsGuest {
    fn call(&self, engine: &Engine, doors: &Doors, call: usize, event: Event) -> Result<JsRef, Fault> {
        let state = &self.0.0;
        let record = || Out::from(state.record());
        let socket = |id| count(state.sockets.handle(id));
        match event {
            Event::Fetch(request) => {
                let [method, url, headers, body, cf] = request_parts(&state.bodies, *request);
                engine.call(&doors.fetch, &[record(), count(call), method, url, headers, body, cf])
            }
            Event::Message { socket: id, message } => {
                let data = match message {
                    Message::Text(text) => Out::Shared(text),
                    Message::Binary(bytes) => Out::Bytes(bytes),
                };
                engine.call(&doors.message, &[record(), socket(id), data])
            }
            Event::Close { socket: id, code, reason, was_clean } => {
                let args = [record(), socket(id), u32::from(code).into(), Out::Shared(reason), was_clean.into()];
                engine.call(&doors.close, &args)
            }
            Event::Error { socket: id, error } => {
                engine.call(&doors.error, &[record(), socket(id), Out::Shared(error)])
            }
            Event::Alarm { scheduled, retry_count } => {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of a date stay below 2^53")]
                let scheduled = scheduled.as_millis() as f64;
                engine.call(&doors.alarm, &[record(), scheduled.into(), retry_count.into()])
            }
        }
    }
}
