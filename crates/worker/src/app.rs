//! An application: the handler, the classes and the bindings of one Worker, put together for a server.
//!
//! On Cloudflare a configuration file and exported symbols do this. A native program says it in Rust, so that a
//! class that is forgotten or renamed is the compiler's to find.

use std::any::TypeId;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde_json::Value;

use crate::Result;
use crate::context::Context;
use crate::durable::{DurableObject, has_durable_object_attribute};
use crate::env::Env;
use crate::error::Error;
use crate::native::entry::{Answer, EntryFactory, Errors, Handler};
use crate::native::object::ObjectFactory;
use crate::native::{Application, ClassSource, GuestFactory, WorkerSource};
use crate::request::{FromRequest, Request};
use crate::response::IntoResponse;

/// A Worker and its classes, for a server to run.
///
/// ```
/// # use worker::*;
/// # #[durable_object] struct Room;
/// # impl DurableObject for Room { fn new(_: State, _: Env) -> Self { Room } }
/// #[event(fetch)]
/// async fn fetch(req: Request, env: Env, _ctx: Context) -> Result<Response> {
///     env.durable_object("ROOM")?.get_by_name("lobby")?.fetch_with_request(req).await
/// }
///
/// let app = App::new(fetch).object::<Room>("ROOM").var("GREETING", "hello");
/// ```
pub struct App {
    name: String,
    handler: Arc<Handler>,
    classes: Vec<Class>,
    bindings: Bindings,
    errors: Errors,
    /// The first mistake in what was given.
    mistake: Option<Error>,
}

/// What names stand for, shared by all guests.
#[derive(Default)]
pub(crate) struct Bindings {
    /// Variables and secrets.
    pub(crate) vars: HashMap<String, Value>,
    /// Namespaces, by the class of their objects.
    pub(crate) classes: HashMap<String, &'static str>,
}

struct Class {
    name: &'static str,
    type_id: TypeId,
    factory: fn(Arc<Bindings>) -> Arc<dyn GuestFactory>,
}

impl App {
    /// An application whose requests `handler` answers: usually a function with `#[event(fetch)]`.
    pub fn new<H, F, Req, Res, E>(handler: H) -> Self
    where
        H: Fn(Req, Env, Context) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Res, E>> + 'static,
        Req: FromRequest + 'static,
        Res: IntoResponse + 'static,
        E: Into<Box<dyn StdError>> + 'static,
    {
        let handler = Arc::new(handler);
        Self {
            name: "worker".to_owned(),
            handler: Arc::new(move |req, env, ctx| answer(handler.clone(), req, env, ctx)),
            classes: Vec::new(),
            bindings: Bindings::default(),
            errors: Errors::Hidden,
            mistake: None,
        }
    }

    /// The application's name, `worker` unless given. The ids of objects derive from it, so it stays the same
    /// for good.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Binds the class `T`, under this name of the environment.
    pub fn object<T: DurableObject + 'static>(mut self, binding: impl Into<String>) -> Self {
        let name = <T as has_durable_object_attribute>::CLASS_NAME;
        let type_id = TypeId::of::<T>();
        match self.classes.iter().find(|class| class.name == name) {
            Some(class) if class.type_id != type_id => {
                self.note(format!("two classes are called `{name}`"));
            }
            Some(_) => {}
            None => self.classes.push(Class {
                name,
                type_id,
                factory: |bindings| Arc::new(ObjectFactory::<T>::new(bindings)),
            }),
        }
        let binding = binding.into();
        if self.bindings.classes.insert(binding.clone(), name).is_some() {
            self.note(format!("two bindings are called `{binding}`"));
        }
        self
    }

    /// Binds a variable: text, or any JSON value for [`Env::object_var`].
    pub fn var(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.bindings.vars.insert(name.into(), value.into());
        self
    }

    /// Binds a secret.
    pub fn secret(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.var(name, value.into())
    }

    /// Lets clients see the text of an error that [`new`](Self::new)'s handler returns, as
    /// `#[event(fetch, respond_with_errors)]` does.
    pub fn respond_with_errors(mut self) -> Self {
        self.errors = Errors::Shown;
        self
    }

    /// Runs a function with `#[event(start)]`, now.
    pub fn start(self, setup: fn()) -> Self {
        setup();
        self
    }

    /// What a server runs.
    ///
    /// # Errors
    /// When two classes or two bindings have the same name.
    pub fn into_application(self) -> Result<Application> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        if let Some(name) = self.bindings.classes.keys().find(|name| self.bindings.vars.contains_key(*name)) {
            return Err(Error::from(format!("two bindings are called `{name}`")));
        }
        let bindings = Arc::new(self.bindings);
        let classes = self.classes.into_iter().map(|class| ClassSource {
            name: class.name.to_owned(),
            unique_key: format!("{}-{}", self.name, class.name),
            factory: (class.factory)(bindings.clone()),
        });
        let classes = classes.collect();
        let entry = Arc::new(EntryFactory::new(self.handler, bindings, self.errors));
        Ok(Application { workers: vec![WorkerSource { name: self.name, factory: entry }], classes })
    }

    fn note(&mut self, mistake: String) {
        self.mistake.get_or_insert(Error::from(mistake));
    }
}

/// The handler's future with its types taken away.
fn answer<H, F, Req, Res, E>(handler: Arc<H>, req: Request, env: Env, ctx: Context) -> Answer
where
    H: Fn(Req, Env, Context) -> F + 'static,
    F: Future<Output = Result<Res, E>> + 'static,
    Req: FromRequest + 'static,
    Res: IntoResponse + 'static,
    E: Into<Box<dyn StdError>> + 'static,
{
    Box::pin(async move {
        let req = Req::from_raw(req).map_err(Into::into)?;
        let res = handler(req, env, ctx).await.map_err(Into::into)?;
        res.into_raw().map_err(Into::into)
    })
}

impl TryFrom<App> for Application {
    type Error = Error;

    fn try_from(app: App) -> Result<Self> {
        app.into_application()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes: Vec<_> = self.classes.iter().map(|class| class.name).collect();
        f.debug_struct("App").field("name", &self.name).field("classes", &classes).finish_non_exhaustive()
    }
}
