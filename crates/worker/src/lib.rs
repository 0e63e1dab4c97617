//! Durable objects in Rust: the API of the `worker` crate 0.8, for code that runs natively.
//!
//! A Worker written for Cloudflare compiles here unchanged when its manifest says `worker = { package =
//! "dormouse-worker", … }`. What needs a JavaScript engine is left out; `docs/worker-api.md` lists every item.
//! Where the original panics, this crate returns an error or lets the handler end in one.
//!
//! ```
//! use worker::*;
//!
//! #[event(fetch)]
//! async fn fetch(req: Request, env: Env, _ctx: Context) -> Result<Response> {
//!     env.durable_object("COUNTER")?.get_by_name("one")?.fetch_with_request(req).await
//! }
//!
//! #[durable_object]
//! pub struct Counter {
//!     count: std::cell::Cell<u64>,
//! }
//!
//! impl DurableObject for Counter {
//!     fn new(_state: State, _env: Env) -> Self {
//!         Self { count: Default::default() }
//!     }
//!
//!     async fn fetch(&self, _req: Request) -> Result<Response> {
//!         self.count.set(self.count.get() + 1);
//!         Response::ok(self.count.get().to_string())
//!     }
//! }
//!
//! // What a server takes.
//! let app = App::new(fetch).object::<Counter>("COUNTER");
//! ```

// In the order of a request: the application, its handler, the object, its sockets; then what they are made of.
mod app;
mod attachment;
mod body;
mod broadcast;
mod cf;
mod clone;
mod console;
mod context;
mod cors;
mod date;
mod delay;
pub mod durable;
mod env;
mod error;
mod formdata;
mod headers;
mod interop;
mod limits;
mod macros;
mod method;
mod namespace;
mod native;
mod request;
mod request_init;
mod response;
mod router;
mod sql;
mod state;
mod storage;
mod streams;
mod thrown;
mod websocket;
pub mod ws_events;

/// What the fuzzer feeds.
#[doc(hidden)]
pub mod __fuzz {
    pub use crate::clone::{from_bytes, to_bytes};
}

/// What the macros expand to.
#[doc(hidden)]
pub mod __macros {
    pub use crate::console::{Level, console};
    pub use crate::macros::{is_context, is_env, is_fetch_result, is_request, respond_with_errors};
}

pub use dormouse_worker_macros::{durable_object, event};
pub use url;
pub use url::Url;

pub use crate::app::App;
pub use crate::broadcast::{BroadcastMessage, BroadcastOptions, SlowClients};
pub use crate::cf::{Cf, RequestPriority};
pub use crate::context::Context;
pub use crate::cors::Cors;
pub use crate::date::{Date, DateInit};
pub use crate::delay::Delay;
#[doc(hidden)]
pub use crate::durable::has_durable_object_attribute;
pub use crate::durable::{DurableObject, WebSocketIncomingMessage};
pub use crate::env::{Binding, Env, EnvBinding, Secret, Var};
pub use crate::error::Error;
pub use crate::formdata::{File, FormData, FormEntry};
pub use crate::headers::{HeaderIterator, Headers};
pub use crate::interop::{HttpRequest, HttpResponse};
pub use crate::method::Method;
pub use crate::namespace::{ObjectId, ObjectNamespace, Stub};
pub use crate::native::Body;
pub use crate::request::{FromRequest, Request};
pub use crate::request_init::{
    CacheMode, CfProperties, MinifyConfig, PolishConfig, RequestBody, RequestInit, RequestRedirect,
};
pub use crate::response::{EncodeBody, IntoResponse, Response, ResponseBody, ResponseBuilder};
pub use crate::router::{RouteContext, RouteParams, Router};
pub use crate::sql::{SqlCursor, SqlCursorIterator, SqlCursorRawIterator, SqlStorage, SqlStorageValue};
pub use crate::state::State;
pub use crate::storage::{
    AlarmInvocationInfo, GetAlarmOptions, ListOptions, ScheduledTime, SetAlarmOptions, Storage, StorageMap,
    SyncKvStorage, Transaction,
};
pub use crate::streams::{ByteStream, FixedLengthStream};
pub use crate::thrown::Told;
pub use crate::wasm_bindgen_futures::spawn_local;
pub use crate::websocket::{EventStream, WebSocket, WebSocketPair, WebSocketRequestResponsePair};
pub use crate::ws_events::{CloseEvent, MessageEvent, WebsocketEvent};

/// A result whose error is this crate's, unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// [`ok::Ok`], apart from everything else so that `use worker::*` does not hide the `Ok` of patterns.
pub mod ok {
    /// `Ok(value)`, with this crate's error as the other side.
    #[expect(non_snake_case, reason = "stands in for the variant of that name")]
    #[expect(clippy::missing_errors_doc, reason = "it is never an error")]
    pub fn Ok<T>(value: T) -> crate::Result<T> {
        crate::Result::Ok(value)
    }
}

/// The one function of the crate of this name that Workers call.
pub mod wasm_bindgen_futures {
    use std::future::Future;

    use crate::native::Host;

    /// Runs `future` on its own. The object whose code is running stays in memory until it is done; without
    /// such an object the future is dropped, and that is logged.
    pub fn spawn_local<F>(future: F)
    where
        F: Future<Output = ()> + 'static,
    {
        match Host::current() {
            Ok(host) => host.spawn(future),
            Err(error) => tracing::error!(%error, "future was not spawned"),
        }
    }
}
