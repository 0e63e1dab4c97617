//! The object itself, its tasks, and how it reaches other objects and Workers.

use std::borrow::Cow;
use std::cell::RefCell;
use std::time::Duration;

use dormouse_runtime::body::Body;
use dormouse_runtime::ctx::{Namespace, PendingResponse};
use dormouse_runtime::node::WorkerIndex;
use dormouse_runtime::object::failure::Kind;
use dormouse_runtime::object::id::ObjectId;
use dormouse_runtime::request::{OffersCompression, Request, Response, StatusText, StubError, Uncompressed};
use http::header::{HeaderValue, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{Method, StatusCode, Uri};
use slab::Slab;
use tokio::sync::watch;

use super::body::{Cf, frame, headers_in, headers_out, number, numbered};
use crate::engine::{Call, Fault, Op, Out};
use crate::tasks::{GuestState, count};

pub(crate) const OPS: &[Op] = &[
    Op { name: "guest_adopt", run: adopt },
    Op { name: "guest_record", run: record },
    Op { name: "task_settled", run: settled },
    Op { name: "task_background", run: background },
    Op { name: "task_section", run: section },
    Op { name: "object_respond", run: respond },
    Op { name: "object_abort", run: abort },
    Op { name: "object_set_event_timeout", run: set_event_timeout },
    Op { name: "object_event_timeout", run: event_timeout },
    Op { name: "id_from_name", run: id_from_name },
    Op { name: "id_from_string", run: id_from_string },
    Op { name: "id_unique", run: id_unique },
    Op { name: "stub_new", run: stub_new },
    Op { name: "stub_drop", run: stub_drop },
    Op { name: "fetch_object", run: fetch_object },
    Op { name: "fetch_worker", run: fetch_worker },
    Op { name: "fetch_outside", run: fetch_outside },
    Op { name: "fetch_socket", run: fetch_socket },
    Op { name: "fetch_abortable", run: fetch_abortable },
    Op { name: "fetch_abort", run: fetch_abort },
];

/// `(record)`: what the platform knows the guest by that is being made.
fn adopt(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().current()?.adopt(call.value(0));
    Ok(Out::Undefined)
}

/// `()`: the record of the guest whose code runs.
fn record(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(call.isolate().current()?.record().into())
}

/// `(guest, call, whether it was rejected, error)`: the promise of a handler was settled.
fn settled(call: &Call<'_>) -> Result<Out, Fault> {
    let result = if call.flag(2) { Err(call.fault_for_callers(3)) } else { Ok(()) };
    if let Some(guest) = call.isolate().guest(number(call, 0)?) {
        guest.settle_call(call.index(1)? as usize, result);
    }
    Ok(Out::Undefined)
}

/// `()`: a call for a promise that keeps the object in memory.
fn background(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(call.isolate().current()?.open_background().map_or(Out::Null, count))
}

/// `()`: a call for a critical section.
fn section(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(call.isolate().current()?.open_section()?.map_or(Out::Null, count))
}

/// `(call, status, headers, body, client or null, text of the status)`
fn respond(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let Some(task) = guest.task_of(call.index(0)? as usize) else { return Ok(Out::Undefined) };
    let status = u16::try_from(call.index(1)?).ok().and_then(|status| StatusCode::from_u16(status).ok());
    // First what code has given away, so that a fault in the rest does not leave it behind.
    let body = guest.bodies.body_out(call, 3)?;
    let client = if call.is_nullish(4) { None } else { guest.sockets.take_client(number(call, 4)?) };
    let status = status.ok_or_else(|| Fault::range_error("a status is a number from 100 to 999"))?;
    let headers = headers_out(&call.texts(2)?)?;
    let mut http = http::Response::new(body);
    *http.status_mut() = status;
    *http.headers_mut() = headers;
    if !call.isolate().compresses() {
        http.extensions_mut().insert(Uncompressed);
    }
    let text = call.text(5)?;
    if !text.is_empty() {
        http.extensions_mut().insert(StatusText(text));
    }
    guest.ctx().respond(task, Response { http, client });
    Ok(Out::Undefined)
}

/// `(reason)`: the object is reset when the turn has ended.
fn abort(call: &Call<'_>) -> Result<Out, Fault> {
    let reason = call.text(0)?;
    call.isolate().current()?.ctx().abort(&reason);
    Err(Fault::uncatchable(reason))
}

/// `(milliseconds, 0 for none)`
fn set_event_timeout(call: &Call<'_>) -> Result<Out, Fault> {
    let timeout = Some(call.index(0)?).filter(|ms| *ms > 0).map(|ms| Duration::from_millis(ms.into()));
    let set = call.isolate().current()?.ctx().set_event_timeout(timeout);
    set.map_err(|error| Fault::error(error.to_string()))?;
    Ok(Out::Undefined)
}

/// `()`: milliseconds or null
fn event_timeout(call: &Call<'_>) -> Result<Out, Fault> {
    let timeout = call.isolate().current()?.ctx().event_timeout();
    Ok(timeout.map(|timeout| timeout.as_secs_f64() * 1000.0).into())
}

fn namespace(guest: &GuestState, call: &Call<'_>) -> Result<Namespace, Fault> {
    let class = call.text(0)?;
    guest.ctx().namespace(&class).ok_or_else(|| Fault::error(format!("there is no class {class}")))
}

/// `(class, name)`: hex
fn id_from_name(call: &Call<'_>) -> Result<Out, Fault> {
    let namespace = namespace(&*call.isolate().current()?, call)?;
    Ok(namespace.id_from_name(&call.text(1)?).to_string().into())
}

/// `(class, hex)`: hex
fn id_from_string(call: &Call<'_>) -> Result<Out, Fault> {
    let namespace = namespace(&*call.isolate().current()?, call)?;
    let id = namespace.id_from_string(&call.text(1)?).map_err(|error| Fault::type_error(error.to_string()))?;
    Ok(id.to_string().into())
}

/// `(class)`: hex
fn id_unique(call: &Call<'_>) -> Result<Out, Fault> {
    let namespace = namespace(&*call.isolate().current()?, call)?;
    let id = namespace.unique_id().map_err(|error| Fault::error(error.to_string()))?;
    Ok(id.to_string().into())
}

/// `(class, hex, name or null)`: a number for a stub
fn stub_new(call: &Call<'_>) -> Result<Out, Fault> {
    let namespace = namespace(&*call.isolate().current()?, call)?;
    let id: ObjectId = match call.optional_text(2)? {
        Some(name) => namespace.id_from_name(&name),
        None => namespace.id_from_string(&call.text(1)?).map_err(|error| Fault::type_error(error.to_string()))?,
    };
    Ok(count(call.isolate().stubs.borrow_mut().insert(namespace.stub(id))))
}

/// `(stub)`: nobody has it any more.
fn stub_drop(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().stubs.borrow_mut().try_remove(call.index(0)? as usize);
    Ok(Out::Undefined)
}

/// `(stub, method, url, headers, body, cf)`: a promise of a response's parts
fn fetch_object(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let request = request(&guest, call, 1)?;
    let stub = call.isolate().stubs.borrow().get(call.index(0)? as usize).cloned();
    let stub = stub.ok_or_else(|| Fault::error("there is no such stub"))?;
    response(call, guest.ctx().fetch(&stub, request))
}

/// `(worker, method, url, headers, body, cf)`: a promise of a response's parts
fn fetch_worker(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let request = request(&guest, call, 1)?;
    let worker = WorkerIndex(call.index(0)? as usize);
    response(call, guest.ctx().fetch_worker(worker, request))
}

/// `(method, url, headers, body, cf, token or null)`: a promise of a response's parts, never kept once the token is
/// aborted
fn fetch_outside(call: &Call<'_>) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let mut request = request(&guest, call, 0)?;
    if !call.isolate().compresses() {
        request.headers_mut().remove(SEC_WEBSOCKET_EXTENSIONS);
    }
    abortable(call, 5, request)
}

/// `(url, protocols or null, token)`: a promise of a response's parts, whose client end is the socket
fn fetch_socket(call: &Call<'_>) -> Result<Out, Fault> {
    let url = call.text(0)?;
    let uri: Uri = url.parse().map_err(|_| Fault::type_error(format!("Invalid URL: {url}")))?;
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri;
    if call.isolate().compresses() {
        request.extensions_mut().insert(OffersCompression);
    }
    let headers = request.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Some(protocols) = call.optional_text(1)? {
        let protocols = HeaderValue::from_str(&protocols).map_err(|_| Fault::type_error("Invalid protocols"))?;
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocols);
    }
    abortable(call, 2, request)
}

/// Sends a request to the outside, which is given up when the token among the arguments is aborted.
fn abortable(call: &Call<'_>, token: usize, request: Request) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    let aborted = if call.is_nullish(token) { None } else { guest.aborts.listen(call.index(token)?) };
    let response = response(call, guest.ctx().fetch_outside(request))?;
    match (response, aborted) {
        (Out::Later(response), Some(mut aborted)) => Out::later(async move {
            tokio::select! {
                response = response => response,
                _ = aborted.changed() => Err(Fault::new("AbortError", "The operation was aborted")),
            }
        }),
        (response, _) => Ok(response),
    }
}

/// `()`: a token by which requests can be given up.
fn fetch_abortable(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(count(call.isolate().current()?.aborts.open()))
}

/// `(token)`: what is under way with it is given up, and the token is given back.
fn fetch_abort(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().current()?.aborts.abort(call.index(0)?);
    Ok(Out::Undefined)
}

/// Requests that can be given up, by token.
#[derive(Default)]
pub(crate) struct Aborts(RefCell<Slab<watch::Sender<()>>>);

impl Aborts {
    fn open(&self) -> usize {
        self.0.borrow_mut().insert(watch::channel(()).0)
    }

    fn listen(&self, token: u32) -> Option<watch::Receiver<()>> {
        self.0.borrow().get(token as usize).map(watch::Sender::subscribe)
    }

    fn abort(&self, token: u32) {
        // Whoever listens sees the sender go.
        let sender = self.0.borrow_mut().try_remove(token as usize);
        drop(sender);
    }
}

/// A request from the arguments method, url, headers, body and `cf`.
pub(crate) fn request(guest: &GuestState, call: &Call<'_>, first: usize) -> Result<Request, Fault> {
    let body = guest.bodies.body_out(call, first + 3)?;
    let method = call.text(first)?;
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| Fault::type_error(format!("Invalid HTTP method string: {method}")))?;
    let url = call.text(first + 1)?;
    // A fragment is the client's own and is not sent (RFC 9110, section 7.1).
    let sent = url.split('#').next().unwrap_or_default();
    let sent = without_user(sent);
    let uri: Uri = sent.parse().map_err(|_| Fault::type_error(format!("Invalid URL: {url}")))?;
    let mut headers = headers_out(&call.texts(first + 2)?)?;
    if !call.is_nullish(first + 3) {
        frame(&mut headers, &body);
    }
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    if let Some(cf) = call.optional_text(first + 4)? {
        request.extensions_mut().insert(Cf(cf));
    }
    Ok(request)
}

/// A URL without the name and the password in it, which are not sent: as in workerd nobody is told them.
fn without_user(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]).into(),
        None => url.into(),
    }
}

/// Status, headers, body, client end and text of the status of a response that is on its way; or null and what its failure is made of.
fn response(call: &Call<'_>, pending: PendingResponse) -> Result<Out, Fault> {
    let guest = call.isolate().current()?;
    Out::later(async move {
        let response = match pending.await {
            Ok(response) => response,
            Err(error) => return Ok(failure(&error)),
        };
        let (mut head, body) = response.http.into_parts();
        let text = head.extensions.remove::<StatusText>().map(|StatusText(text)| text);
        let client = response.client.map(|client| numbered(guest.sockets.put_client(client)));
        Ok(Out::List(vec![
            u32::from(head.status.as_u16()).into(),
            headers_in(&head.headers),
            guest.bodies.body_in(body),
            client.into(),
            text.into(),
        ]))
    })
}

/// Null; then what the caller of a stub makes its error of: a text, what was thrown if anything was, and the names of
/// properties that are true of it (reference 2.8).
fn failure(error: &StubError) -> Out {
    let (failure, is_remote) = error.failure();
    let flags = [
        ("remote", is_remote),
        ("retryable", failure.kind == Kind::Disconnected),
        ("overloaded", failure.kind == Kind::Overloaded),
        ("durableObjectReset", failure.reset),
    ];
    let names: Vec<&str> = flags.iter().filter(|(_, is_true)| *is_true).map(|(name, _)| *name).collect();
    let thrown = Some(failure.thrown.clone()).filter(|thrown| !thrown.is_empty());
    Out::List(vec![Out::Null, Out::Shared(failure.text.clone()), thrown.into(), names.into()])
}
