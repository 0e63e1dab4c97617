//! WebSockets, and the pairs that they come in.
//!
//! The runtime holds every socket; a [`WebSocket`] is its number. So a clone is the same socket, and one that
//! has closed does nothing. The server end of a pair is accepted in one of two ways:
//! [`State::accept_web_socket`](crate::State::accept_web_socket) leaves it with the runtime, so that the object
//! may hibernate; [`WebSocket::accept`] keeps it with this instance of the object, whose code reads its events
//! as a stream. The client end goes into a response, or is accepted too, also by another object or Worker that has
//! it from a response: then the runtime joins it to the server end. When the last handle of an end is dropped and it was
//! not used, the other end closes.

mod connect;

use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;
use crate::attachment;
use crate::error::Error;
use crate::native::listeners::Feed;
use crate::native::{AutoResponse, ClientEnd, Close, Host, Outgoing, SocketId, convert};
use crate::ws_events::WebsocketEvent;

/// Two ends of one socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketPair {
    /// The end for [`Response::from_websocket`](crate::Response::from_websocket), or for [`WebSocket::accept`].
    pub client: WebSocket,
    /// The end that the object accepts.
    pub server: WebSocket,
}

impl WebSocketPair {
    /// A new pair, of the object or Worker whose code is running.
    ///
    /// # Errors
    /// When none is, or the object was reset.
    pub fn new() -> Result<Self> {
        let host = Host::current()?;
        let pair = host.ctx().new_pair().ok_or_else(|| Error::from("the object is gone"))?;
        let (id, end) = pair;
        Ok(Self { client: WebSocket::client(host.clone(), end), server: WebSocket::made(host, id) })
    }
}

/// One end of a socket.
#[derive(Clone)]
pub struct WebSocket {
    host: Host,
    end: End,
}

#[derive(Clone)]
enum End {
    /// With a claim when it is of a pair that code has made itself.
    Server(SocketId, #[expect(dead_code, reason = "what matters is when the last one is dropped")] Option<Rc<Claim>>),
    Client(Rc<RefCell<Client>>),
}

/// What all handles of a server end share. No other can be had before it is accepted, so it ends with them if it was not.
struct Claim {
    host: Host,
    id: SocketId,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.host.ctx().forsake(self.id);
    }
}

/// What has become of a client end.
enum Client {
    /// Nothing yet; some wait for what comes once it is accepted.
    New(ClientEnd, Vec<Rc<Feed>>),
    /// A socket of the object that took it.
    Accepted(SocketId),
    /// A response has taken it.
    Responded,
}

impl WebSocket {
    pub(crate) fn server(host: Host, id: SocketId) -> Self {
        Self { host, end: End::Server(id, None) }
    }

    /// The server end of a new pair.
    fn made(host: Host, id: SocketId) -> Self {
        let claim = Claim { host: host.clone(), id };
        Self { host, end: End::Server(id, Some(Rc::new(claim))) }
    }

    pub(crate) fn client(host: Host, end: ClientEnd) -> Self {
        Self { host, end: End::Client(Rc::new(RefCell::new(Client::New(end, Vec::new())))) }
    }

    /// Accepts the socket for this instance of the object, which then does not hibernate while it is open. A
    /// second call does nothing.
    ///
    /// # Errors
    /// When it is hibernatable, closed, or a client end that a response has taken.
    pub fn accept(&self) -> Result<()> {
        let id = match &self.end {
            End::Server(id, _) => *id,
            End::Client(end) => self.adopt(&mut end.borrow_mut())?,
        };
        self.host.ctx().accept_standard(id, false)?;
        self.host.listeners().accept(id);
        Ok(())
    }

    /// Makes a client end a socket of this object.
    fn adopt(&self, client: &mut Client) -> Result<SocketId> {
        match std::mem::replace(client, Client::Responded) {
            Client::New(end, feeds) => {
                let id = self.host.ctx().adopt(end).ok_or_else(|| Error::from("the object is gone"))?;
                feeds.into_iter().for_each(|feed| self.host.listeners().add(id, feed));
                *client = Client::Accepted(id);
                Ok(id)
            }
            Client::Accepted(id) => {
                *client = Client::Accepted(id);
                Ok(id)
            }
            Client::Responded => {
                Err(Error::JsError("Can't accept() WebSocket that was already used in a response.".to_owned()))
            }
        }
    }

    /// Sends `data` as JSON text.
    ///
    /// # Errors
    /// When `data` does not serialize, and as [`send_with_str`](Self::send_with_str).
    pub fn send<T: Serialize>(&self, data: &T) -> Result<()> {
        self.send_with_str(serde_json::to_string(data)?)
    }

    /// Sends text. The same text sent to many sockets in a row is held once.
    ///
    /// # Errors
    /// Before the socket was accepted, after its own close, or when too much waits to leave the object. A
    /// client that has gone is no error.
    pub fn send_with_str<S: AsRef<str>>(&self, data: S) -> Result<()> {
        Ok(self.host.ctx().send(self.accepted_id()?, Outgoing::Text(data.as_ref()))?)
    }

    /// Sends bytes. The same bytes sent to many sockets in a row are held once.
    ///
    /// # Errors
    /// As [`send_with_str`](Self::send_with_str).
    pub fn send_with_bytes<D: AsRef<[u8]>>(&self, bytes: D) -> Result<()> {
        Ok(self.host.ctx().send(self.accepted_id()?, Outgoing::Binary(bytes.as_ref()))?)
    }

    /// Closes the socket, with a code and a reason, a code alone, or neither. A reason without a code is
    /// ignored. A second call does nothing.
    ///
    /// # Errors
    /// When the socket was not accepted, or the code or the reason may not be sent.
    pub fn close<S: AsRef<str>>(&self, code: Option<u16>, reason: Option<S>) -> Result<()> {
        let reason = code.and(reason).map_or_else(Default::default, |reason| reason.as_ref().into());
        Ok(self.host.ctx().close(self.accepted_id()?, Close { code, reason })?)
    }

    /// The events of a socket that [`accept`](Self::accept) took or will take, from now on.
    ///
    /// # Errors
    /// When it is a client end that a response has taken.
    pub fn events(&self) -> Result<EventStream<'_>> {
        let feed = Rc::new(Feed::default());
        match &self.end {
            End::Client(end) if let Client::New(_, feeds) = &mut *end.borrow_mut() => feeds.push(feed.clone()),
            _ => self.host.listeners().add(self.id()?, feed.clone()),
        }
        Ok(EventStream { ws: self, feed, closed: false })
    }

    /// Keeps a value with the socket, also while the object hibernates. `None` and `()` take it away. Classes in
    /// JavaScript read it too: `docs/values.md` says as what.
    ///
    /// # Errors
    /// When `value` does not serialize, or is larger than 16 KiB.
    pub fn serialize_attachment<T: Serialize>(&self, value: T) -> Result<()> {
        let bytes = attachment::encode(&value)?;
        Ok(self.host.ctx().set_attachment(self.id()?, bytes)?)
    }

    /// The value that was kept with the socket.
    ///
    /// # Errors
    /// When it is not a `T`.
    pub fn deserialize_attachment<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let bytes = self.host.ctx().attachment(self.id()?);
        bytes.map(|bytes| attachment::decode(&bytes)).transpose()
    }

    /// The state of the connection, as in JavaScript: 1 while it is open, 2 while it closes, 3 when it has
    /// closed.
    pub fn ready_state(&self) -> u16 {
        self.known_id().map_or(1, |id| self.host.ctx().ready_state(id) as u16)
    }

    /// The runtime's number of a server end, or of a client end that was accepted.
    pub(crate) fn id(&self) -> Result<SocketId> {
        self.known_id().ok_or_else(|| Error::from("the client end of a WebSocket pair was not accepted"))
    }

    fn known_id(&self) -> Option<SocketId> {
        match &self.end {
            End::Server(id, _) => Some(*id),
            End::Client(end) => match &*end.borrow() {
                Client::Accepted(id) => Some(*id),
                Client::New(..) | Client::Responded => None,
            },
        }
    }

    /// The same, if there is one, of a socket that must be of this object.
    pub(crate) fn known_id_of(&self, host: &Host) -> Result<Option<SocketId>> {
        match self.host.is(host) {
            true => Ok(self.known_id()),
            false => Err(Error::from("the WebSocket is not of this object")),
        }
    }

    fn accepted_id(&self) -> Result<SocketId> {
        self.known_id().ok_or_else(convert::not_accepted)
    }

    /// Takes the client end out, for a response that leaves.
    pub(crate) fn take_client(&self) -> Result<ClientEnd> {
        let End::Client(end) = &self.end else {
            return Err(Error::from("a response carries the client end of a WebSocket pair, not the server end"));
        };
        let mut client = end.borrow_mut();
        match std::mem::replace(&mut *client, Client::Responded) {
            Client::New(end, _) => Ok(end),
            Client::Accepted(id) => {
                *client = Client::Accepted(id);
                Err(Error::JsError("Can't return WebSocket in a Response after calling accept().".to_owned()))
            }
            Client::Responded => {
                Err(Error::JsError("Can't return WebSocket that was already used in a response.".to_owned()))
            }
        }
    }
}

impl PartialEq for WebSocket {
    fn eq(&self, other: &Self) -> bool {
        match (&self.end, &other.end) {
            (End::Server(one, _), End::Server(other, _)) => one == other,
            (End::Client(one), End::Client(other)) => Rc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for WebSocket {}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.end {
            End::Server(id, _) => f.debug_tuple("WebSocket").field(id).finish(),
            End::Client(_) => f.write_str("WebSocket(client)"),
        }
    }
}

/// The events of a socket, as a stream. It ends after the close.
///
/// ```
/// # use worker::*;
/// use futures_util::StreamExt;
///
/// # fn example(ws: WebSocket) -> Result<()> {
/// ws.accept()?;
/// spawn_local(async move {
///     let Ok(mut events) = ws.events() else { return };
///     while let Some(Ok(WebsocketEvent::Message(message))) = events.next().await {
///         if let Some(text) = message.text() {
///             let _ = ws.send_with_str(text);
///         }
///     }
/// });
/// # Ok(())
/// # }
/// ```
pub struct EventStream<'ws> {
    ws: &'ws WebSocket,
    feed: Rc<Feed>,
    closed: bool,
}

impl Stream for EventStream<'_> {
    type Item = Result<WebsocketEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.closed {
            return Poll::Ready(None);
        }
        let event = std::task::ready!(self.feed.poll(cx));
        self.closed = matches!(event, Ok(WebsocketEvent::Close(_)));
        Poll::Ready(Some(event))
    }
}

impl Drop for EventStream<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.ws.known_id() {
            return self.ws.host.listeners().unlisten(id, &self.feed);
        }
        if let End::Client(end) = &self.ws.end
            && let Client::New(_, feeds) = &mut *end.borrow_mut()
        {
            feeds.retain(|feed| !Rc::ptr_eq(feed, &self.feed));
        }
    }
}

impl fmt::Debug for EventStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("ws", self.ws).finish_non_exhaustive()
    }
}

/// A text that the runtime answers by itself, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketRequestResponsePair(AutoResponse);

impl WebSocketRequestResponsePair {
    /// Answers `request`, compared byte by byte, with `response`.
    ///
    /// # Errors
    /// When one of them is longer than 2,048 bytes.
    pub fn new(request: &str, response: &str) -> Result<Self> {
        Ok(Self(AutoResponse::new(request, response)?))
    }

    /// The text that is answered.
    pub fn request(&self) -> String {
        self.0.request.to_string()
    }

    /// The answer.
    pub fn response(&self) -> String {
        self.0.response.to_string()
    }

    pub(crate) fn from_inner(pair: AutoResponse) -> Self {
        Self(pair)
    }

    pub(crate) fn inner(&self) -> &AutoResponse {
        &self.0
    }
}
