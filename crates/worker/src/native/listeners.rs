//! Who listens to the standard sockets of a guest, those taken with `accept()`.
//!
//! Every event of such a socket goes to each stream that is open at that moment, as to each listener in
//! JavaScript; with none, it is dropped. A stream that is not read has a bound, past which its socket is
//! closed.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytestring::ByteString;
use dormouse_runtime::guest::Event;
use dormouse_runtime::object::message::Message;

use super::SocketId;
use crate::Result;
use crate::error::Error;
use crate::limits::SOCKET_EVENTS_MAX;
use crate::ws_events::{CloseEvent, MessageEvent, WebsocketEvent};

#[derive(Default)]
pub(crate) struct Listeners {
    /// A standard socket has an entry from its `accept()` to its end, another one while somebody listens.
    sockets: RefCell<HashMap<SocketId, Socket>>,
}

#[derive(Default)]
struct Socket {
    mode: Mode,
    feeds: Vec<Rc<Feed>>,
}

#[derive(Default, PartialEq, Eq)]
enum Mode {
    /// Not accepted, or hibernatable: its events are not for listeners.
    #[default]
    Other,
    Standard,
}

/// The events that one stream has not yielded yet.
#[derive(Default)]
pub(crate) struct Feed {
    events: RefCell<VecDeque<Result<WebsocketEvent>>>,
    reader: RefCell<Option<Waker>>,
}

impl Listeners {
    /// From now on the socket's events go to its listeners.
    pub(crate) fn accept(&self, id: SocketId) {
        self.sockets.borrow_mut().entry(id).or_default().mode = Mode::Standard;
    }

    pub(crate) fn add(&self, id: SocketId, feed: Rc<Feed>) {
        self.sockets.borrow_mut().entry(id).or_default().feeds.push(feed);
    }

    pub(crate) fn unlisten(&self, id: SocketId, feed: &Rc<Feed>) {
        let mut sockets = self.sockets.borrow_mut();
        let Some(socket) = sockets.get_mut(&id) else { return };
        socket.feeds.retain(|other| !Rc::ptr_eq(other, feed));
        if socket.feeds.is_empty() && socket.mode == Mode::Other {
            sockets.remove(&id);
        }
    }

    /// Passes an event of a standard socket on; returns any other.
    pub(crate) fn take(&self, event: Event) -> Option<Event> {
        let mut sockets = self.sockets.borrow_mut();
        if sockets.is_empty() {
            return Some(event);
        }
        let id = match &event {
            Event::Message { socket, .. } | Event::Close { socket, .. } | Event::Error { socket, .. } => *socket,
            Event::Fetch(_) | Event::Alarm { .. } => return Some(event),
        };
        let Some(socket) = sockets.get(&id).filter(|socket| socket.mode == Mode::Standard) else {
            return Some(event);
        };
        match event {
            Event::Message { message: Message::Text(text), .. } => {
                socket.push(|| Ok(WebsocketEvent::Message(MessageEvent::from_text(text.clone()))));
            }
            Event::Message { message: Message::Binary(bytes), .. } => {
                socket.push(|| Ok(WebsocketEvent::Message(MessageEvent::from_binary(bytes.clone()))));
            }
            Event::Close { code, reason, was_clean, .. } => {
                socket.push(|| Ok(WebsocketEvent::Close(CloseEvent::new(code, reason.clone(), was_clean))));
                sockets.remove(&id);
            }
            Event::Error { error, .. } => {
                socket.push(|| Err(Error::JsError(error.to_string())));
                // Nothing more comes from the runtime, and a stream ends with a close.
                socket.push(|| Ok(WebsocketEvent::Close(CloseEvent::new(1006, ByteString::new(), false))));
                sockets.remove(&id);
            }
            Event::Fetch(_) | Event::Alarm { .. } => {}
        }
        None
    }

    pub(crate) fn clear(&self) {
        self.sockets.borrow_mut().clear();
    }
}

impl Socket {
    fn push(&self, event: impl Fn() -> Result<WebsocketEvent>) {
        for feed in &self.feeds {
            feed.push(event());
        }
    }
}

impl Feed {
    fn push(&self, event: Result<WebsocketEvent>) {
        let mut events = self.events.borrow_mut();
        match events.len() {
            0..SOCKET_EVENTS_MAX => events.push_back(event),
            // The last thing that the stream says; what comes after is lost with it.
            SOCKET_EVENTS_MAX => events.push_back(Err(Error::from("event stream was not read, and events were lost"))),
            _ => return,
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<WebsocketEvent>> {
        match self.events.borrow_mut().pop_front() {
            Some(event) => Poll::Ready(event),
            None => {
                *self.reader.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
