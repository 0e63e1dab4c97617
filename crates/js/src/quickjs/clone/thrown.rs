//! What code threw, as bytes for whoever waits for it elsewhere: in another object, on another thread, in another
//! language.
//!
//! As in workerd an object crosses as its clone. What cannot be cloned, or is too large, crosses as its class and its
//! message; what is no object crosses as an error that says it. Invariant: there are always bytes, and never more than
//! the limit.

use dormouse_runtime::clone::{ERRORS, plain_error};

use super::super::Engine;
use super::super::value::JsRef;
use super::describe::detail;
use super::intrinsics::Kind;
use crate::engine::Fault;
use crate::limits::{TEXT_LEN_MAX, THROWN_LEN_MAX};

const _: () = assert!(4 * TEXT_LEN_MAX <= THROWN_LEN_MAX, "a class and a message always fit");

impl Engine {
    /// What a thrown value says about itself, with what its callers are told of it.
    pub(crate) fn fault_for_callers(&self, value: &JsRef) -> Fault {
        let fault = self.fault_of(value);
        let thrown = self.thrown_bytes(value, &fault).into();
        Fault { thrown, ..fault }
    }

    fn thrown_bytes(&self, value: &JsRef, fault: &Fault) -> Vec<u8> {
        let is_error = value.is_object() && self.is_error(value);
        // An error whose message is no text has bytes that nobody can read.
        let has_bytes = value.is_object() && !(is_error && self.text_at(value, c"message").is_none());
        if has_bytes {
            match self.encode(value) {
                Ok(bytes) if bytes.len() <= THROWN_LEN_MAX => return bytes,
                Ok(_) => {}
                Err(refused) => {
                    if refused.pending {
                        self.forget_exception();
                    }
                }
            }
        }
        if !value.is_object() && !value.is_symbol() {
            return plain_error("Error", &self.text(value));
        }
        if !is_error {
            return plain_error("Error", &detail(self, self.intrinsics(), value));
        }
        match ERRORS.contains(&fault.name.as_str()) {
            true => plain_error(&fault.name, &fault.message),
            false => plain_error("Error", &fault.to_string()),
        }
    }

    /// Whether a value is an error, or stands for one.
    fn is_error(&self, value: &JsRef) -> bool {
        let mut value = value.clone();
        while value.is_proxy() {
            let Some(target) = self.proxied(&value) else { return false };
            value = target;
        }
        self.intrinsics().kind(&value) == Kind::Error
    }
}
