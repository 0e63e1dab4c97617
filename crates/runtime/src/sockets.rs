//! Connections and the frames on them.
//!
//! What a socket means to its object is in `dormouse_object::sockets`; here is what happens on the wire.

pub mod frame;
pub mod stream;

pub(crate) mod conn;
pub(crate) mod queue;
pub(crate) mod splice;
pub(crate) mod waiting;
