//! The `fetch` handler of a Worker, as the runtime's guest.
//!
//! There is no object behind it: all requests share one guest, and one that panics ends alone. An error becomes
//! a plain 500, as in the `worker` crate.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use dormouse_runtime::TaskId;
use dormouse_runtime::ctx::Ctx;
use dormouse_runtime::guest::{Event, Guest, GuestError, GuestFactory, Progress};

use super::{Host, Kind, Outcome, Owner, convert};
use crate::app::Bindings;
use crate::context::Context;
use crate::env::Env;
use crate::error::with_causes;
use crate::request::Request;
use crate::response::Response;

/// A `fetch` handler, whatever its types are.
pub(crate) type Handler = dyn Fn(Request, Env, Context) -> Answer + Send + Sync;

/// What it returns.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<Response, Box<dyn StdError>>>>>;

/// Makes the entry of each shard.
pub(crate) struct EntryFactory {
    handler: Arc<Handler>,
    bindings: Arc<Bindings>,
    errors: Errors,
}

/// What clients see of an error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errors {
    Hidden,
    Shown,
}

impl EntryFactory {
    pub(crate) fn new(handler: Arc<Handler>, bindings: Arc<Bindings>, errors: Errors) -> Self {
        Self { handler, bindings, errors }
    }
}

impl GuestFactory for EntryFactory {
    fn build(&self, ctx: Ctx) -> Result<Box<dyn Guest>, GuestError> {
        let host = Owner::new(Host::new(ctx, self.bindings.clone(), Kind::Entry));
        if self.errors == Errors::Shown {
            host.show_errors();
        }
        Ok(Box::new(EntryGuest { handler: self.handler.clone(), host }))
    }
}

struct EntryGuest {
    handler: Arc<Handler>,
    host: Owner,
}

impl Guest for EntryGuest {
    fn deliver(&self, task: TaskId, event: Event) -> Progress {
        let Some(Event::Fetch(request)) = self.host.listeners().take(event) else {
            return Progress::Done(Ok(()));
        };
        let request = convert::request_in(*request);
        let (handler, host) = (self.handler.clone(), self.host.clone());
        let answer = async move {
            let answer = handler(request, Env::new(host.clone()), Context::new(host.clone())).await;
            Ok(Outcome::Response(answer.unwrap_or_else(|error| failed(&host, &*error)).into()))
        };
        self.host.start(task, Box::pin(answer))
    }

    fn resume(&self, task: TaskId) -> Progress {
        self.host.resume(task)
    }
}

/// The answer to a request whose handler failed.
pub(crate) fn failed(host: &Host, error: &dyn StdError) -> Response {
    tracing::error!(error = with_causes(error), "Worker failed");
    let text = match host.shows_errors() {
        true => error.to_string(),
        false => "INTERNAL SERVER ERROR".to_owned(),
    };
    Response::builder().with_status(500).fixed(text.into())
}
