//! The bindings of a Worker: its variables, its secrets and the namespaces of its objects.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Result;
use crate::error::Error;
use crate::namespace::ObjectNamespace;
use crate::native::Host;

/// The bindings, by name.
#[derive(Clone)]
pub struct Env {
    host: Host,
}

impl Env {
    pub(crate) fn new(host: Host) -> Self {
        Self { host }
    }

    /// The binding called `name`, as a `T`.
    ///
    /// # Errors
    /// When there is no such binding, or it is something else.
    pub fn get_binding<T: EnvBinding>(&self, name: &str) -> Result<T> {
        T::get(Binding { env: self, name })
    }

    /// A secret. Secrets and variables have the same names.
    ///
    /// # Errors
    /// When there is no such secret.
    pub fn secret(&self, binding: &str) -> Result<Secret> {
        self.get_binding(binding)
    }

    /// A variable that is text.
    ///
    /// # Errors
    /// When there is no such variable, or it is not text.
    pub fn var(&self, binding: &str) -> Result<Var> {
        self.get_binding(binding)
    }

    /// A variable that is structured.
    ///
    /// # Errors
    /// When there is no such variable, or it is not a `T`.
    pub fn object_var<T: DeserializeOwned>(&self, binding: &str) -> Result<T> {
        Ok(T::deserialize(self.value(binding)?)?)
    }

    /// A namespace of objects.
    ///
    /// # Errors
    /// When there is no such namespace.
    pub fn durable_object(&self, binding: &str) -> Result<ObjectNamespace> {
        self.get_binding(binding)
    }

    fn value(&self, name: &str) -> Result<&Value> {
        let bindings = self.host.bindings();
        match bindings.vars.get(name) {
            Some(value) => Ok(value),
            None if bindings.classes.contains_key(name) => Err(wrong_type("String", ObjectNamespace::TYPE_NAME)),
            None => Err(undefined(name)),
        }
    }
}

impl fmt::Debug for Env {
    /// Names only: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("vars", &self.host.bindings().vars.keys()).finish_non_exhaustive()
    }
}

/// A type that a binding can have. The types are those of this crate: what a binding is made of is not visible
/// outside.
pub trait EnvBinding: Sized {
    /// What such a binding is called in errors.
    const TYPE_NAME: &'static str;

    /// Makes one of what the environment has.
    ///
    /// # Errors
    /// When there is nothing, or something else.
    fn get(binding: Binding<'_>) -> Result<Self>;
}

/// One name in an [`Env`], to be made into a type by [`EnvBinding::get`].
#[derive(Debug)]
pub struct Binding<'a> {
    env: &'a Env,
    name: &'a str,
}

impl EnvBinding for ObjectNamespace {
    const TYPE_NAME: &'static str = "DurableObjectNamespace";

    fn get(binding: Binding<'_>) -> Result<Self> {
        let host = &binding.env.host;
        let Some(class) = host.bindings().classes.get(binding.name) else {
            return Err(wrong_type(Self::TYPE_NAME, type_name(binding.env.value(binding.name)?)));
        };
        match host.ctx().namespace(class) {
            Some(objects) => Ok(ObjectNamespace::new(host.clone(), objects)),
            None => Err(Error::BindingError(binding.name.to_owned())),
        }
    }
}

/// Text: a variable or a secret. It prints as its value, and its debug form hides it.
pub struct StringBinding(String);

/// A secret.
#[doc(inline)]
pub use StringBinding as Secret;

/// A variable.
pub type Var = StringBinding;

impl EnvBinding for StringBinding {
    const TYPE_NAME: &'static str = "String";

    fn get(binding: Binding<'_>) -> Result<Self> {
        match binding.env.value(binding.name)? {
            Value::String(text) => Ok(Self(text.clone())),
            other => Err(wrong_type(Self::TYPE_NAME, type_name(other))),
        }
    }
}

impl fmt::Display for StringBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for StringBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StringBinding(..)")
    }
}

fn undefined(name: &str) -> Error {
    Error::RustError(format!("Binding `{name}` is undefined."))
}

fn wrong_type(asked: &str, found: &str) -> Error {
    Error::RustError(format!("Binding cannot be cast to the type {asked} from {found}"))
}

/// The class that such a value has in JavaScript.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "Boolean",
        Value::Number(_) => "Number",
        Value::String(_) => "String",
        Value::Array(_) => "Array",
        Value::Object(_) => "Object",
    }
}
