//! The context of a request to the Worker.

use std::fmt;
use std::future::Future;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Result;
use crate::native::Host;

/// What a `fetch` handler can do besides answering.
pub struct Context {
    host: Host,
}

impl Context {
    pub(crate) fn new(host: Host) -> Self {
        Self { host }
    }

    /// Runs `future` on, also after the response has left.
    pub fn wait_until<F>(&self, future: F)
    where
        F: Future<Output = ()> + 'static,
    {
        self.host.spawn(future);
    }

    /// On Cloudflare, lets the origin answer when the handler fails. There is no origin behind this server, so
    /// it changes nothing.
    pub fn pass_through_on_exception(&self) {}

    /// What the caller's service binding was configured with. There are no service bindings yet, so this is an
    /// empty structure.
    ///
    /// # Errors
    /// When a `T` cannot be made of nothing.
    pub fn props<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(T::deserialize(Value::Object(Map::new()))?)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}
