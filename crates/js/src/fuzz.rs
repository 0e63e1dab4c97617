//! What the fuzzer feeds: stored values. Only with the feature `fuzz`, and no part of the interface.

use std::rc::Rc;

use crate::engine::Fault;
use crate::limits::MEMORY_MAX;
use crate::modules::{Loaded, Loader};
use crate::quickjs::Engine;

/// An engine that makes values of bytes, and bytes of values.
pub struct Cloner(Engine);

/// Values need no modules.
struct Nothing;

impl Loader for Nothing {
    fn resolve(&self, _: &str, specifier: &str) -> Result<String, String> {
        Err(specifier.to_owned())
    }

    fn load(&self, _: &str) -> Option<Loaded<'_>> {
        None
    }
}

impl Cloner {
    /// With nothing in it but the language; none when there is no memory for one.
    pub fn new() -> Option<Self> {
        Engine::new(MEMORY_MAX, Rc::from([]), Rc::new(Nothing)).ok().map(Self)
    }

    /// The bytes of the value that bytes stand for; none when they stand for none, or it can be read and not be stored.
    pub fn there_and_back(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let value = self.forget(self.0.decode(bytes))?;
        self.forget(self.0.encode(&value))
    }

    fn forget<T>(&self, result: Result<T, Fault>) -> Option<T> {
        let is_pending = result.as_ref().is_err_and(|fault| fault.pending);
        if is_pending {
            self.0.forget_exception();
        }
        result.ok()
    }
}
