//! What an object's constructor gets: the object's id, its storage, its sockets and its gates.
//!
//! Some methods of the `worker` crate panic when the runtime refuses. Here they let the handler that called
//! them end in that error, as an exception would, though not at once; each has a `try_` sibling that returns
//! the error where it happens.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::Result;
use crate::broadcast::{BroadcastMessage, BroadcastOptions, SlowClients};
use crate::date::{Date, DateInit};
use crate::error::Error;
use crate::namespace::ObjectId;
use crate::native::{self, Host};
use crate::storage::Storage;
use crate::websocket::{WebSocket, WebSocketRequestResponsePair};

/// The object's own view of itself.
#[derive(Clone, Debug)]
pub struct State {
    host: Host,
    id: native::ObjectId,
}

impl State {
    pub(crate) fn new(host: Host, id: native::ObjectId) -> Self {
        Self { host, id }
    }

    /// The id of this object; its [`name`](ObjectId::name) is there if it was addressed by name.
    pub fn id(&self) -> ObjectId<'_> {
        ObjectId::own(self.id.clone())
    }

    /// What the object keeps: keys with values, SQL tables, and its alarm.
    pub fn storage(&self) -> Storage {
        Storage::new(self.host.clone())
    }

    /// Runs `future` on after the handler has ended. The object stays in memory until it is done.
    pub fn wait_until<F>(&self, future: F)
    where
        F: Future<Output = ()> + 'static,
    {
        self.host.spawn(future);
    }

    /// Runs `future` while nothing else happens to this object: no event is delivered, no other handler goes
    /// on.
    ///
    /// The gate closes with this call, not with the first poll of what it returns. So a constructor calls it
    /// and lets the returned future go; it is only there to hand the value to whoever wants it.
    ///
    /// ```
    /// # use worker::*;
    /// # use std::{cell::Cell, rc::Rc};
    /// # async fn load() -> Result<u32> { Ok(1) }
    /// # fn example(state: State) {
    /// let limit = Rc::new(Cell::new(0));
    /// let loaded = limit.clone();
    /// let _loading = state.block_concurrency_while(async move {
    ///     loaded.set(load().await?);
    ///     Ok(())
    /// });
    /// # }
    /// ```
    ///
    /// An error of `future` resets the object: callers see it, sockets that were accepted with `accept()`
    /// close. So does a `future` that takes longer than 30 seconds.
    ///
    /// # Errors
    /// When critical sections are nested too deeply. If `future` fails, the object is gone before anyone could
    /// see its error here.
    ///
    /// # Cancel safety
    /// Dropping the returned future changes nothing.
    pub fn block_concurrency_while<F, T>(&self, future: F) -> impl Future<Output = Result<T>> + use<F, T>
    where
        F: Future<Output = Result<T>> + 'static,
        T: 'static,
    {
        critical_section(&self.host, future)
    }

    /// Takes the server end of a pair: its events go to the `websocket_` handlers, and it stays open while the
    /// object hibernates.
    ///
    /// When the runtime refuses, the handler that called this ends in that error; see
    /// [`try_accept_web_socket`](Self::try_accept_web_socket).
    pub fn accept_web_socket(&self, ws: &WebSocket) {
        self.host.fail(self.try_accept_web_socket(ws));
    }

    /// The regular name of [`accept_web_socket`](Self::accept_web_socket).
    pub fn accept_websocket(&self, ws: &WebSocket) {
        self.accept_web_socket(ws);
    }

    /// Like [`accept_web_socket`](Self::accept_web_socket).
    ///
    /// # Errors
    /// When the socket was accepted before, is a client end that was not accepted, or the object holds as many as it may.
    pub fn try_accept_web_socket(&self, ws: &WebSocket) -> Result<()> {
        self.try_accept_websocket_with_tags(ws, &[])
    }

    /// Like [`accept_web_socket`](Self::accept_web_socket), with tags to find the socket by.
    pub fn accept_websocket_with_tags(&self, ws: &WebSocket, tags: &[&str]) {
        self.host.fail(self.try_accept_websocket_with_tags(ws, tags));
    }

    /// Like [`accept_websocket_with_tags`](Self::accept_websocket_with_tags).
    ///
    /// # Errors
    /// When the socket was accepted before, is a client end that was not accepted, the object holds as many as it may, or a tag is
    /// not allowed.
    pub fn try_accept_websocket_with_tags(&self, ws: &WebSocket, tags: &[&str]) -> Result<()> {
        Ok(self.host.ctx().accept_hibernatable(ws.id()?, tags)?)
    }

    /// The sockets that [`accept_web_socket`](Self::accept_web_socket) took and that have not closed, newest
    /// first.
    pub fn get_websockets(&self) -> Vec<WebSocket> {
        self.list(None)
    }

    /// Of [`get_websockets`](Self::get_websockets) those with this tag, oldest first.
    pub fn get_websockets_with_tag(&self, tag: &str) -> Vec<WebSocket> {
        self.list(Some(tag))
    }

    fn list(&self, tag: Option<&str>) -> Vec<WebSocket> {
        let sockets = self.host.ctx().sockets(tag);
        sockets.into_iter().map(|id| WebSocket::server(self.host.clone(), id)).collect()
    }

    /// Sends a message to every open socket of this object, or to those that the options choose, hibernatable or
    /// taken with `accept()`: to all of them or, with an error, to none. Returns to how many. It is as good as sending
    /// to one after the other, in order with other messages, and costs less: the message is encoded once, and no
    /// [`WebSocket`] is made.
    ///
    /// Ours: the `worker` crate has no such method.
    ///
    /// ```
    /// # use worker::*;
    /// # fn example(state: State, from: WebSocket) -> Result<()> {
    /// state.broadcast("to all", &BroadcastOptions::new())?;
    /// let count = state.broadcast("to the others in red", &BroadcastOptions::new().tag("red").except(&from))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When too much waits to leave the object, or an excepted socket is another object's.
    pub fn broadcast<'a>(
        &self,
        message: impl Into<BroadcastMessage<'a>>,
        options: &BroadcastOptions<'_>,
    ) -> Result<usize> {
        let (tag, except) = options.parts(&self.host)?;
        Ok(self.host.ctx().broadcast(message.into().as_outgoing(), tag, &except)?)
    }

    /// What becomes of clients that read too slowly, from now on and while the object hibernates, so the constructor is
    /// the place for it. `None` is what the operator has set, as a rule to close them.
    ///
    /// Ours: the `worker` crate has no such method.
    pub fn set_slow_clients(&self, rule: Option<SlowClients>) {
        self.host.ctx().set_slow_clients(rule.map(Into::into));
    }

    /// The tags of a socket.
    ///
    /// When the runtime refuses, there are none, and the handler that called this ends in that error; see
    /// [`try_get_tags`](Self::try_get_tags).
    pub fn get_tags(&self, websocket: &WebSocket) -> Vec<String> {
        self.try_get_tags(websocket).unwrap_or_else(|error| {
            self.host.fail(Err(error));
            Vec::new()
        })
    }

    /// Like [`get_tags`](Self::get_tags).
    ///
    /// # Errors
    /// When the socket is not one that [`accept_web_socket`](Self::accept_web_socket) took.
    pub fn try_get_tags(&self, websocket: &WebSocket) -> Result<Vec<String>> {
        let tags = self.host.ctx().tags(websocket.id()?)?;
        Ok(tags.iter().map(|tag| (**tag).to_owned()).collect())
    }

    /// Lets the runtime answer one text by itself, on every socket of this object, without waking it.
    pub fn set_websocket_auto_response(&self, pair: &WebSocketRequestResponsePair) {
        self.host.ctx().set_auto_response(Some(pair.inner().clone()));
    }

    /// Like [`set_websocket_auto_response`](Self::set_websocket_auto_response); `None` turns it off.
    ///
    /// # Errors
    /// Never yet: the pair was checked when it was made.
    pub fn try_set_websocket_auto_response(&self, pair: Option<&WebSocketRequestResponsePair>) -> Result<()> {
        self.host.ctx().set_auto_response(pair.map(|pair| pair.inner().clone()));
        Ok(())
    }

    /// The text that the runtime answers by itself, and its answer.
    pub fn get_websocket_auto_response(&self) -> Option<WebSocketRequestResponsePair> {
        self.host.ctx().auto_response().map(WebSocketRequestResponsePair::from_inner)
    }

    /// When the runtime last answered by itself on this socket.
    pub fn get_websocket_auto_response_timestamp(&self, ws: &WebSocket) -> Option<Date> {
        let time = self.host.ctx().auto_responded(ws.id().ok()?)?;
        Some(Date::new(DateInit::Millis(time.as_millis())))
    }

    /// Resets the object: its memory is gone, callers get `reason` as an error, and every socket closes with
    /// 1012. It happens when the code that runs now awaits or ends; what this turn wrote is rolled back.
    pub fn abort(&self, reason: &str) {
        self.host.ctx().abort(reason);
        // The handler under way must not answer any more: its caller hears of the reset.
        self.host.fail(Err(Error::from(reason)));
    }
}

/// Runs `future` in a critical section, which begins with this call.
pub(crate) fn critical_section<F, T>(host: &Host, future: F) -> impl Future<Output = Result<T>> + use<F, T>
where
    F: Future<Output = Result<T>> + 'static,
    T: 'static,
{
    let slot = Rc::new(Slot { value: RefCell::new(None), reader: RefCell::new(None) });
    let blocked = host.block({
        let slot = slot.clone();
        async move {
            slot.put(future.await?);
            Ok(())
        }
    });
    async move {
        blocked?;
        Ok(slot.take().await)
    }
}

/// Where a critical section leaves its value.
struct Slot<T> {
    value: RefCell<Option<T>>,
    reader: RefCell<Option<Waker>>,
}

impl<T> Slot<T> {
    fn put(&self, value: T) {
        *self.value.borrow_mut() = Some(value);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    async fn take(&self) -> T {
        poll_fn(|cx| match self.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                *self.reader.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}
