//! The code of a node, as its shards know it: Workers and classes, by number; and how new code takes their place.
//!
//! Invariant: a number means the same class for the whole life of a node, whatever code comes: objects are found by it.
//! A class that new code does not have keeps its last code, so that its objects can end in peace.

use std::sync::Arc;

use dormouse_object::id::NamespaceKey;

use crate::ctx::Namespace;
use crate::guest::GuestFactory;
use crate::node::{Application, ClassSource, WorkerIndex, WorkerSource};

/// One class of objects on a node.
pub(crate) struct Class {
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) factory: Arc<dyn GuestFactory>,
    pub(crate) unique_key: Arc<str>,
    key: NamespaceKey,
}

/// What one version of an application came to.
pub(crate) struct Code {
    workers: Vec<WorkerSource>,
    classes: Vec<Arc<Class>>,
}

impl Code {
    pub(crate) fn new(application: Application) -> Self {
        Self { workers: Vec::new(), classes: Vec::new() }.replaced_by(application)
    }

    /// The same node with the code of `application`.
    pub(crate) fn replaced_by(&self, application: Application) -> Self {
        let mut classes = self.classes.clone();
        for ClassSource { name, unique_key, factory } in application.classes {
            let have = classes.iter().position(|class| *class.unique_key == *unique_key);
            let index = have.unwrap_or(classes.len());
            let key = NamespaceKey::new(&unique_key);
            let class = Arc::new(Class { index, name, factory, unique_key: unique_key.into(), key });
            match have {
                Some(index) => classes[index] = class,
                None => classes.push(class),
            }
        }
        Self { workers: application.workers, classes }
    }

    /// The objects of the class with this name.
    pub(crate) fn namespace(&self, class: &str) -> Option<Namespace> {
        // The newest first: a name may have been another class's before.
        let class = self.classes.iter().rev().find(|have| have.name == class)?;
        Some(Namespace::new(class.index, class.key.clone()))
    }

    /// The number of the class with this unique key.
    pub(crate) fn class_of(&self, unique_key: &str) -> Option<usize> {
        self.classes.iter().position(|class| *class.unique_key == *unique_key)
    }

    /// The names and the unique keys of all classes.
    pub(crate) fn classes(&self) -> Vec<(String, Arc<str>)> {
        self.classes.iter().map(|class| (class.name.clone(), class.unique_key.clone())).collect()
    }

    pub(crate) fn class(&self, index: usize) -> Arc<Class> {
        self.classes[index].clone()
    }

    /// A Worker; one that is no more is the entry.
    pub(crate) fn worker(&self, index: WorkerIndex) -> &WorkerSource {
        self.workers.get(index.0).unwrap_or(&self.workers[0])
    }
}
