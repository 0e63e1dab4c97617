//! The way from a caller to one object, and what it knows of the instance that it has reached.
//!
//! A stub that has reached an instance belongs to it: when the instance breaks, the stub fails for good, with the same
//! failure, and a new stub reaches the next one. An instance outlives hibernation and new code: it ends when it breaks,
//! or unnoticed, with an object that is forgotten because nothing is left of it in memory.
//!
//! Invariant: whoever hears that an instance broke finds its stubs broken.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use dormouse_object::failure::Failure;
use dormouse_object::id::ObjectId;

/// What stubs share with the object that they have reached.
#[derive(Debug, Default)]
pub(crate) struct Instance(Mutex<Option<Arc<Failure>>>);

impl Instance {
    /// The instance has broken; the first failure counts.
    pub(crate) fn break_down(&self, failure: Failure) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| Arc::new(failure));
    }

    fn broken(&self) -> Option<Arc<Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The way to one object; its clones are the same stub. See [`crate::ctx::Namespace::stub`].
#[derive(Clone)]
pub struct Stub {
    pub(crate) class: usize,
    pub(crate) id: ObjectId,
    reached: Arc<Mutex<Option<Arc<Instance>>>>,
}

impl Stub {
    pub(crate) fn new(class: usize, id: ObjectId) -> Self {
        Self { class, id, reached: Arc::default() }
    }

    /// How the instance broke that it has reached, if that did.
    pub(crate) fn broken(&self) -> Option<Arc<Failure>> {
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.as_ref().and_then(|instance| instance.broken())
    }

    /// It reaches an instance now. One that it reached before has not broken, so its object was forgotten and is found
    /// again.
    pub(crate) fn reach(&self, instance: Arc<Instance>) {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(instance);
    }
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stub({:?})", self.id)
    }
}
