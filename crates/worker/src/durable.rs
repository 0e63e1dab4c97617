//! The class of a durable object: what its author implements.
//!
//! Every handler but the constructor has a default. One that a class does not have is not missed: a message, a
//! close or an error without a handler is dropped, as in the reference runtime, and a request is answered with
//! an error.

// The `worker` crate has these here as well as at its root.
pub use crate::namespace::{ObjectId, ObjectNamespace, Stub};
pub use crate::state::State;
pub use crate::storage::{GetAlarmOptions, ListOptions, ScheduledTime, SetAlarmOptions, Storage, Transaction};

use crate::Result;
use crate::env::Env;
use crate::error::Error;
use crate::request::Request;
use crate::response::Response;
use crate::storage::AlarmInvocationInfo;
use crate::websocket::WebSocket;

/// A durable object. The struct that implements it also has the attribute `#[durable_object]`.
///
/// Handlers take `&self` and run on one thread. Where one awaits, another may run, so no borrow of a `RefCell`
/// may be held across an await. A handler's error is logged; only that of [`fetch`](Self::fetch) reaches the
/// caller.
///
/// ```
/// use worker::*;
///
/// #[durable_object]
/// pub struct Room {
///     state: State,
/// }
///
/// impl DurableObject for Room {
///     fn new(state: State, _env: Env) -> Self {
///         Self { state }
///     }
///
///     async fn fetch(&self, _req: Request) -> Result<Response> {
///         let pair = WebSocketPair::new()?;
///         self.state.accept_web_socket(&pair.server);
///         Response::from_websocket(pair.client)
///     }
///
///     async fn websocket_message(&self, ws: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
///         for other in self.state.get_websockets() {
///             match &message {
///                 WebSocketIncomingMessage::String(text) if other != ws => other.send_with_str(text)?,
///                 WebSocketIncomingMessage::Binary(bytes) if other != ws => other.send_with_bytes(bytes)?,
///                 _ => {}
///             }
///         }
///         Ok(())
///     }
/// }
/// ```
#[expect(async_fn_in_trait, reason = "an object never leaves its thread, so its futures need not be `Send`")]
pub trait DurableObject: has_durable_object_attribute {
    /// Makes the object, when the first event wakes it and again after each hibernation. What must be awaited
    /// first goes into [`State::block_concurrency_while`].
    fn new(state: State, env: Env) -> Self;

    /// A request came through a stub.
    async fn fetch(&self, req: Request) -> Result<Response> {
        let _ = req;
        Err(Error::JsError("Handler does not export a fetch() function.".to_owned()))
    }

    /// The alarm is due, which [`Storage::set_alarm`] set. The response is ignored. After an error it is called again,
    /// up to six times, first after about two seconds, then after twice as long each time.
    async fn alarm(&self) -> Result<Response> {
        Response::empty()
    }

    /// Like [`alarm`](Self::alarm), which it calls unless a class has its own: JavaScript's handlers get `info` too.
    async fn alarm_with_info(&self, info: AlarmInvocationInfo) -> Result<Response> {
        let _ = info;
        self.alarm().await
    }

    /// A message came on a socket that [`State::accept_web_socket`] took.
    async fn websocket_message(&self, ws: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let _ = (ws, message);
        Ok(())
    }

    /// The client closed such a socket, or vanished (code 1006). If this does not answer with `ws.close`, the
    /// runtime does.
    async fn websocket_close(&self, ws: WebSocket, code: usize, reason: String, was_clean: bool) -> Result<()> {
        let _ = (ws, code, reason, was_clean);
        Ok(())
    }

    /// Such a socket failed: its client broke the protocol or a limit.
    async fn websocket_error(&self, ws: WebSocket, error: Error) -> Result<()> {
        let _ = (ws, error);
        Ok(())
    }
}

/// What `#[durable_object]` implements.
///
/// ```compile_fail
/// # use worker::*;
/// struct Forgotten;
///
/// impl DurableObject for Forgotten {
///     fn new(_state: State, _env: Env) -> Self {
///         Forgotten
///     }
/// }
/// ```
#[doc(hidden)]
#[expect(non_camel_case_types, reason = "shows the attribute's name where it is missing")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` needs the attribute `#[durable_object]`",
    label = "put `#[durable_object]` on this struct"
)]
pub trait has_durable_object_attribute {
    /// The name of the class, for configuration and logs.
    const CLASS_NAME: &'static str;
}

/// What a client sent.
#[derive(Debug)]
pub enum WebSocketIncomingMessage {
    /// Text.
    String(String),
    /// Bytes.
    Binary(Vec<u8>),
}
