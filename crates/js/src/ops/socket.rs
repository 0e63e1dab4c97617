//! Sockets: pairs, accepting, sending, closing, and what the host keeps with them.
//!
//! Code holds a small number for each socket; the object's table has the truth. A number is given back only when its
//! socket has ended and its `WebSocket` was told so, so no `WebSocket` ever means another one's connection. An end of a
//! pair that has no object yet has a number too, which none of the isolate has had before: code may let go of it while
//! another guest's runs.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use dormouse_runtime::object::error::SocketError;
use dormouse_runtime::object::message::Message;
use dormouse_runtime::object::outbox::{Close, Payload};
use dormouse_runtime::object::sockets::{AutoResponse, SlowClients, SocketId};
use dormouse_runtime::pair::{ClientEnd, Leash};
use slab::Slab;
use slotmap::SecondaryMap;

use super::body::{number, numbered};
use crate::engine::{Call, Fault, JsRef, Op, Out};
use crate::isolate::Numbers;
use crate::limits::{CLIENTS_UNUSED_MAX, TEXT_KEPT_LEN_MIN};
use crate::tasks::{GuestState, count};

pub(crate) const OPS: &[Op] = &[
    Op { name: "socket_pair", run: pair },
    Op { name: "socket_accept", run: accept },
    Op { name: "socket_accept_standard", run: accept_standard },
    Op { name: "socket_adopt", run: adopt },
    Op { name: "socket_tie", run: tie },
    Op { name: "socket_cut", run: cut },
    Op { name: "socket_untie", run: untie },
    Op { name: "socket_disconnect", run: disconnect },
    Op { name: "socket_send", run: send },
    Op { name: "socket_broadcast", run: broadcast },
    Op { name: "socket_slow_clients", run: slow_clients },
    Op { name: "socket_close", run: close },
    Op { name: "socket_check", run: check_owner },
    Op { name: "socket_state", run: state },
    Op { name: "socket_list", run: list },
    Op { name: "socket_tags", run: tags },
    Op { name: "socket_attach", run: attach },
    Op { name: "socket_attachment", run: attachment },
    Op { name: "socket_forget", run: forget },
    Op { name: "socket_abandon", run: abandon },
    Op { name: "socket_forsake", run: forsake },
    Op { name: "socket_set_auto_response", run: set_auto_response },
    Op { name: "socket_auto_response", run: auto_response },
    Op { name: "socket_auto_responded", run: auto_responded },
];

/// The sockets that a guest's code has numbers for.
pub(crate) struct Sockets {
    ids: RefCell<Slab<SocketId>>,
    handles: RefCell<SecondaryMap<SocketId, usize>>,
    numbers: Numbers,
    clients: RefCell<HashMap<u64, ClientEnd>>,
    /// Server ends that were not accepted, by the numbers of the client ends that they were made with.
    servers: RefCell<HashMap<u64, SocketId>>,
    /// Client ends at which to look for those that code has forgotten.
    crowd: Cell<usize>,
}

impl Sockets {
    pub(crate) fn new(numbers: Numbers) -> Self {
        Self {
            ids: RefCell::default(),
            handles: RefCell::default(),
            numbers,
            clients: RefCell::default(),
            servers: RefCell::default(),
            crowd: Cell::new(CLIENTS_UNUSED_MAX),
        }
    }

    /// Whether there are so many unused client ends that code may have forgotten some.
    pub(crate) fn are_crowded(&self) -> bool {
        self.clients.borrow().len() >= self.crowd.get()
    }

    /// As for bodies: what is left after a search is in use.
    pub(crate) fn note_search(&self) {
        self.crowd.set(CLIENTS_UNUSED_MAX.max(2 * self.clients.borrow().len()));
    }

    /// The number of a socket, a new one if it has none.
    pub(crate) fn handle(&self, id: SocketId) -> usize {
        if let Some(handle) = self.handles.borrow().get(id) {
            return *handle;
        }
        let handle = self.ids.borrow_mut().insert(id);
        self.handles.borrow_mut().insert(id, handle);
        handle
    }

    fn id(&self, handle: u32) -> Result<SocketId, Fault> {
        let id = self.ids.borrow().get(handle as usize).copied();
        id.ok_or_else(|| Fault::error("the WebSocket is not of this object"))
    }

    fn forget(&self, handle: u32) {
        if let Some(id) = self.ids.borrow_mut().try_remove(handle as usize) {
            self.handles.borrow_mut().remove(id);
        }
    }

    /// The number of a client end.
    pub(crate) fn put_client(&self, client: ClientEnd) -> u64 {
        let number = self.numbers.next();
        self.clients.borrow_mut().insert(number, client);
        number
    }

    /// The server end of a pair is a socket of its object from now on.
    fn accepted(&self, pair: u64) {
        self.servers.borrow_mut().remove(&pair);
    }

    /// Lets go of the client ends that were cut: what uses them finds that their peer is gone.
    fn drop_cut(&self) {
        let mut clients = self.clients.borrow_mut();
        for client in clients.values_mut().filter(|client| client.is_cut()) {
            *client = ClientEnd::broken();
        }
    }

    /// Takes the client end of a pair, for a response or to accept it.
    pub(crate) fn take_client(&self, number: u64) -> Option<ClientEnd> {
        self.clients.borrow_mut().remove(&number)
    }
}

/// The long text that was sent last in the turn under way: a loop that sends it to many converts it once.
#[derive(Default)]
pub(crate) struct LastText(RefCell<Option<(JsRef, Message)>>);

impl LastText {
    /// Sends an argument that is a text.
    fn with<T>(&self, call: &Call<'_>, index: usize, send: impl FnOnce(Payload<'_>) -> T) -> Result<T, Fault> {
        let mut last = self.0.borrow_mut();
        if let Some((_, message)) = last.as_ref().filter(|(text, _)| call.is_same_text(index, text)) {
            return Ok(send(Payload::Shared(message)));
        }
        call.with_text(index, |text| {
            if text.len() < TEXT_KEPT_LEN_MIN {
                return send(Payload::Text(text));
            }
            let (_, message) = last.insert((call.value(index), Message::Text(text.into())));
            send(Payload::Shared(message))
        })
    }

    /// The turn has ended.
    pub(crate) fn forget(&self) {
        *self.0.borrow_mut() = None;
    }
}

fn fault(error: SocketError) -> Fault {
    let name = match &error {
        SocketError::InvalidCloseCode(_) => "InvalidAccessError",
        SocketError::CloseReasonTooLong => "SyntaxError",
        SocketError::AutoResponseTooLong { .. } => "RangeError",
        SocketError::AcceptedAsHibernatable
        | SocketError::IncompatibleState
        | SocketError::NotAccepted
        | SocketError::SendAfterClose => "TypeError",
        _ => "Error",
    };
    Fault::new(name, error.to_string())
}

/// The guest that code names as the owner of what it uses; it must be the one that runs.
pub(crate) fn owner(call: &Call<'_>, index: usize) -> Result<Rc<GuestState>, Fault> {
    let guest = call.isolate().current()?;
    if number(call, index)? == guest.number() {
        return Ok(guest);
    }
    Err(foreign())
}

/// Code uses what another guest holds. The words at the end are workerd's for all that is no stream.
pub(crate) fn foreign() -> Fault {
    Fault::error(
        "Cannot perform I/O on behalf of a different Durable Object. I/O objects (such as streams, request/response \
         bodies, and others) created in the context of one Durable Object cannot be accessed from a different Durable \
         Object in the same isolate. This is a limitation of Cloudflare Workers which allows us to improve overall \
         performance. (I/O type: Native)",
    )
}

/// `()`: the numbers of the two ends, server and client.
fn pair(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let Some((id, client)) = guest.ctx().new_pair() else { return Ok(Out::Null) };
    let number = guest.sockets.put_client(client);
    guest.sockets.servers.borrow_mut().insert(number, id);
    Ok(Out::List(vec![count(guest.sockets.handle(id)), numbered(number)]))
}

/// `(guest, socket, tags, client)`
fn accept(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    let tags = call.texts(2)?;
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    guest.ctx().accept_hibernatable(guest.sockets.id(call.index(1)?)?, &tags).map_err(fault)?;
    guest.sockets.accepted(number(call, 3)?);
    Ok(Out::Undefined)
}

/// `(guest, socket, whether it stays open when its peer closes, client)`
fn accept_standard(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    guest.ctx().accept_standard(guest.sockets.id(call.index(1)?)?, call.flag(2)).map_err(fault)?;
    guest.sockets.accepted(number(call, 3)?);
    Ok(Out::Undefined)
}

/// `(guest, client)`: the number of the socket that the client end becomes
fn adopt(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    let client = guest.sockets.take_client(number(call, 1)?).ok_or_else(foreign)?;
    let id = guest.ctx().adopt(client).ok_or_else(foreign)?;
    Ok(count(guest.sockets.handle(id)))
}

/// `(client, leash or null for a new one)`: the leash, which can cut the socket from now on.
fn tie(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let mut leashes = call.isolate().leashes.borrow_mut();
    let number = number(call, 0)?;
    let leash = if call.is_nullish(1) { leashes.insert(Leash::default()) } else { call.index(1)? as usize };
    if let (Some(client), Some(leash)) = (guest.sockets.clients.borrow_mut().get_mut(&number), leashes.get(leash)) {
        client.tie(leash);
    }
    Ok(count(leash))
}

/// `(leash)`: the connections of all sockets that it is tied to end without a Close frame.
fn cut(call: &Call<'_>) -> Result<Out, Fault> {
    if let Some(leash) = call.isolate().leashes.borrow().get(call.index(0)? as usize) {
        leash.cut();
    }
    if let Ok(guest) = call.isolate().current() {
        guest.sockets.drop_cut();
    }
    Ok(Out::Undefined)
}

/// `(leash)`: nobody can use it any more.
fn untie(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().leashes.borrow_mut().try_remove(call.index(0)? as usize);
    Ok(Out::Undefined)
}

/// `(guest, socket)`: its connection ends without a Close frame.
fn disconnect(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    guest.ctx().disconnect(guest.sockets.id(call.index(1)?)?);
    Ok(Out::Undefined)
}

/// `(guest, socket, text or bytes)`
fn send(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    let id = guest.sockets.id(call.index(1)?)?;
    let sent = match call.is_text(2) {
        true => call.isolate().last_text.with(call, 2, |text| guest.ctx().send(id, text))?,
        false => guest.ctx().send(id, Payload::Binary(call.bytes(2)?)),
    };
    sent.map_err(fault)?;
    Ok(Out::Undefined)
}

/// `(guest, text or bytes, tag or null, sockets to leave out)`: to how many it was sent
fn broadcast(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    let tag = call.optional_text(2)?;
    let except = call.indices(3)?.into_iter().map(|handle| guest.sockets.id(handle)).collect::<Result<Vec<_>, _>>()?;
    let send = |payload: Payload<'_>| guest.ctx().broadcast(payload, tag.as_deref(), &except);
    let sent = match call.is_text(1) {
        true => call.isolate().last_text.with(call, 1, send)?,
        false => send(Payload::Binary(call.bytes(1)?)),
    };
    Ok(count(sent.map_err(fault)?))
}

/// `(whether the oldest messages are dropped, or null)`
fn slow_clients(call: &Call<'_>) -> Result<Out, Fault> {
    let rule = match call.is_nullish(0) {
        true => None,
        false if call.flag(0) => Some(SlowClients::DropOldest),
        false => Some(SlowClients::Close),
    };
    call.isolate().current()?.ctx().set_slow_clients(rule);
    Ok(Out::Undefined)
}

/// `(guest, socket, code or null, reason)`
fn close(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    let id = guest.sockets.id(call.index(1)?)?;
    let code = if call.is_nullish(2) { None } else { Some(call.index(2)?) };
    let code = code.map(|code| u16::try_from(code).unwrap_or(u16::MAX));
    guest.ctx().close(id, Close { code, reason: call.text(3)?.into() }).map_err(fault)?;
    Ok(Out::Undefined)
}

/// `(guest)`: throws unless it is the one that runs.
fn check_owner(call: &Call<'_>) -> Result<Out, Fault> {
    owner(call, 0).map(|_| Out::Undefined)
}

/// `(guest, socket)`: `readyState`
fn state(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    let id = guest.sockets.id(call.index(1)?)?;
    Ok((guest.ctx().ready_state(id) as u32).into())
}

/// `(tag or null)`: numbers
fn list(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let tag = call.optional_text(0)?;
    let ids = guest.ctx().sockets(tag.as_deref());
    Ok(Out::List(ids.into_iter().map(|id| count(guest.sockets.handle(id))).collect()))
}

/// `(guest, socket)`
fn tags(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    let tags = guest.ctx().tags(guest.sockets.id(call.index(1)?)?).map_err(fault)?;
    Ok(Out::List(tags.iter().map(|tag| Out::from(&**tag)).collect()))
}

/// `(guest, socket, bytes or null)`
fn attach(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    let id = guest.sockets.id(call.index(1)?)?;
    let value = if call.is_nullish(2) { None } else { Some(call.bytes(2)?.to_vec().into()) };
    guest.ctx().set_attachment(id, value).map_err(fault)?;
    Ok(Out::Undefined)
}

/// `(guest, socket)`: bytes or null
fn attachment(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    Ok(guest.ctx().attachment(guest.sockets.id(call.index(1)?)?).into())
}

/// `(socket)`: it has ended, and its number is given back.
fn forget(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().current()?.sockets.forget(call.index(0)?);
    Ok(Out::Undefined)
}

/// `(guest, client)`: nobody can use it any more. Another guest's code may run, and this one may be gone.
fn abandon(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().guest(number(call, 0)?);
    let number = number(call, 1)?;
    drop(guest.and_then(|guest| guest.sockets.take_client(number)));
    Ok(Out::Undefined)
}

/// `(guest, client)`: nobody can accept the server end of its pair any more. As above.
fn forsake(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().guest(number(call, 0)?);
    let number = number(call, 1)?;
    if let Some(guest) = guest {
        let id = guest.sockets.servers.borrow_mut().remove(&number);
        id.into_iter().for_each(|id| guest.ctx().forsake(id));
    }
    Ok(Out::Undefined)
}

/// `(request or null, response)`
fn set_auto_response(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let pair = match call.optional_text(0)? {
        None => None,
        Some(request) => Some(AutoResponse::new(&request, &call.text(1)?).map_err(fault)?),
    };
    guest.ctx().set_auto_response(pair);
    Ok(Out::Undefined)
}

/// `()`: request and response, or null
fn auto_response(call: &Call<'_>) -> Result<Out, Fault> {
    let pair = call.isolate().current()?.ctx().auto_response();
    Ok(pair.map(|pair| vec![Out::Shared(pair.request), Out::Shared(pair.response)]).into())
}

/// `(guest, socket)`: milliseconds or null
fn auto_responded(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = owner(call, 0)?;
    let time = guest.ctx().auto_responded(guest.sockets.id(call.index(1)?)?);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a date stay below 2^53")]
    let time = time.map(|time| time.as_millis() as f64);
    Ok(time.into())
}
