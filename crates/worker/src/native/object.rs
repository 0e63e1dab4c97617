//! A durable object written in Rust, as the runtime's guest.

use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use dormouse_runtime::TaskId;
use dormouse_runtime::ctx::Ctx;
use dormouse_runtime::guest::{Event, Guest, GuestError, GuestFactory, Progress};
use dormouse_runtime::object::message::Message;

use super::{Host, Kind, Outcome, Owner, TaskFuture, convert, guest_error};
use crate::app::Bindings;
use crate::durable::{DurableObject, WebSocketIncomingMessage};
use crate::env::Env;
use crate::error::Error;
use crate::state::State;
use crate::storage::AlarmInvocationInfo;
use crate::websocket::WebSocket;

/// Makes the objects of the class `T`.
pub(crate) struct ObjectFactory<T> {
    bindings: Arc<Bindings>,
    /// Makes a `T` and holds none, so it may be shared whatever `T` is.
    class: PhantomData<fn() -> T>,
}

impl<T> ObjectFactory<T> {
    pub(crate) fn new(bindings: Arc<Bindings>) -> Self {
        Self { bindings, class: PhantomData }
    }
}

impl<T: DurableObject + 'static> GuestFactory for ObjectFactory<T> {
    fn build(&self, ctx: Ctx) -> Result<Box<dyn Guest>, GuestError> {
        let Some(id) = ctx.id().cloned() else {
            return Err(GuestError::new("a class of objects cannot be a Worker"));
        };
        let host = Owner::new(Host::new(ctx, self.bindings.clone(), Kind::Object));
        let object = host.enter(|| T::new(State::new(host.clone(), id), Env::new(host.clone())));
        let guest = ObjectGuest { object: Rc::new(object), host };
        match guest.host.take_failure() {
            Some(error) => Err(guest_error(&error)),
            None => Ok(Box::new(guest)),
        }
    }
}

struct ObjectGuest<T> {
    object: Rc<T>,
    host: Owner,
}

impl<T: DurableObject + 'static> Guest for ObjectGuest<T> {
    fn deliver(&self, task: TaskId, event: Event) -> Progress {
        match self.handler(event) {
            Some(handler) => self.host.start(task, handler),
            None => Progress::Done(Ok(())),
        }
    }

    fn resume(&self, task: TaskId) -> Progress {
        self.host.resume(task)
    }
}

impl<T: DurableObject + 'static> ObjectGuest<T> {
    /// The handler of an event; none for what goes to a standard socket's listeners.
    fn handler(&self, event: Event) -> Option<TaskFuture> {
        let event = self.host.listeners().take(event)?;
        let object = self.object.clone();
        let socket = |id| WebSocket::server(self.host.clone(), id);
        Some(match event {
            Event::Fetch(request) => {
                let request = convert::request_in(*request);
                Box::pin(async move { object.fetch(request).await.map(|response| Outcome::Response(response.into())) })
            }
            Event::Message { socket: id, message } => {
                let socket = socket(id);
                let message = match message {
                    Message::Text(text) => WebSocketIncomingMessage::String(text.into()),
                    Message::Binary(bytes) => WebSocketIncomingMessage::Binary(bytes.into()),
                };
                Box::pin(async move { object.websocket_message(socket, message).await.map(|()| Outcome::Done) })
            }
            Event::Close { socket: id, code, reason, was_clean } => {
                let socket = socket(id);
                Box::pin(async move {
                    object.websocket_close(socket, code.into(), reason.into(), was_clean).await.map(|()| Outcome::Done)
                })
            }
            Event::Error { socket: id, error } => {
                let socket = socket(id);
                let error = Error::JsError(error.into());
                Box::pin(async move { object.websocket_error(socket, error).await.map(|()| Outcome::Done) })
            }
            Event::Alarm { scheduled, retry_count } => {
                let info = AlarmInvocationInfo::new(retry_count, scheduled.as_millis());
                Box::pin(async move { object.alarm_with_info(info).await.map(|_| Outcome::Done) })
            }
        })
    }
}
