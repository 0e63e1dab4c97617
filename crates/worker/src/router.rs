//! A router: method and path to a handler, with `:name` and `*rest` in patterns.
//!
//! Where the `worker` crate panics on a pattern that is malformed or clashes with another, [`Router::run`]
//! returns that error.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use matchit::{InsertError, Match};

use crate::Result;
use crate::env::{Env, Secret, Var};
use crate::error::Error;
use crate::method::{self, Method};
use crate::namespace::ObjectNamespace;
use crate::request::Request;
use crate::response::Response;

type HandlerFn<D> = fn(Request, RouteContext<D>) -> Result<Response>;
type ResponseFuture<'a> = Pin<Box<dyn Future<Output = Result<Response>> + 'a>>;
type AsyncHandlerFn<'a, D> = Rc<dyn Fn(Request, RouteContext<D>) -> ResponseFuture<'a> + 'a>;
type Routes<'a, D> = matchit::Router<Handler<'a, D>>;

/// Finds the handler of a request.
///
/// ```
/// use worker::{Env, Request, Response, Result, Router};
///
/// async fn fetch(req: Request, env: Env) -> Result<Response> {
///     Router::new()
///         .get("/hello/:name", |_req, ctx| {
///             Response::ok(format!("hello, {}", ctx.param("name").map_or("you", |name| name)))
///         })
///         .get_async("/room/:name", |req, ctx| async move {
///             let name = ctx.param("name").ok_or("no name")?;
///             ctx.durable_object("ROOM")?.get_by_name(name)?.fetch_with_request(req).await
///         })
///         .run(req, env)
///         .await
/// }
/// ```
pub struct Router<'a, D> {
    handlers: HashMap<Method, Routes<'a, D>>,
    or_else_any_method: Routes<'a, D>,
    data: D,
    /// The first route that could not be added.
    refused: Option<InsertError>,
}

enum Handler<'a, D> {
    Async(AsyncHandlerFn<'a, D>),
    Sync(HandlerFn<D>),
}

impl<D> Clone for Handler<'_, D> {
    fn clone(&self) -> Self {
        match self {
            Self::Async(handler) => Self::Async(handler.clone()),
            Self::Sync(handler) => Self::Sync(*handler),
        }
    }
}

impl<D> Handler<'_, D> {
    async fn call(&self, req: Request, ctx: RouteContext<D>) -> Result<Response> {
        match self {
            Self::Async(handler) => handler(req, ctx).await,
            Self::Sync(handler) => handler(req, ctx),
        }
    }
}

impl<D> fmt::Debug for Router<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").finish_non_exhaustive()
    }
}

impl Router<'_, ()> {
    /// A router without routes.
    #[expect(clippy::new_without_default, reason = "the original has none")]
    pub fn new() -> Self {
        Self::with_data(())
    }
}

/// The methods that add a route for one HTTP method, in their two forms.
macro_rules! routes {
    ($($method:ident $sync:ident $async:ident;)*) => {$(
        #[doc = concat!("Handles `", stringify!($sync), "` requests for `pattern`.")]
        pub fn $sync(self, pattern: &str, func: HandlerFn<D>) -> Self {
            self.add(pattern, Handler::Sync(func), &[Method::$method])
        }

        #[doc = concat!("Handles `", stringify!($sync), "` requests for `pattern` with an async function.")]
        pub fn $async<T>(
            self,
            pattern: &str,
            func: impl Fn(Request, RouteContext<D>) -> T + 'a,
        ) -> Self
        where
            T: Future<Output = Result<Response>> + 'a,
        {
            self.add(pattern, boxed(func), &[Method::$method])
        }
    )*};
}

impl<'a, D: 'a> Router<'a, D> {
    /// A router whose handlers get `data` as [`RouteContext::data`].
    pub fn with_data(data: D) -> Self {
        Self { handlers: HashMap::new(), or_else_any_method: Routes::new(), data, refused: None }
    }

    routes! {
        Head head head_async;
        Get get get_async;
        Post post post_async;
        Put put put_async;
        Patch patch patch_async;
        Delete delete delete_async;
        Options options options_async;
        Report report report_async;
    }

    /// Handles requests of every method for `pattern`.
    pub fn on(self, pattern: &str, func: HandlerFn<D>) -> Self {
        self.add(pattern, Handler::Sync(func), method::ALL)
    }

    /// Handles requests of every method for `pattern` with an async function.
    pub fn on_async<T>(self, pattern: &str, func: impl Fn(Request, RouteContext<D>) -> T + 'a) -> Self
    where
        T: Future<Output = Result<Response>> + 'a,
    {
        self.add(pattern, boxed(func), method::ALL)
    }

    /// Handles requests for `pattern` if no other route has that path for any method.
    pub fn or_else_any_method(self, pattern: &str, func: HandlerFn<D>) -> Self {
        self.add_fallback(pattern, Handler::Sync(func))
    }

    /// Like [`or_else_any_method`](Self::or_else_any_method), with an async function.
    pub fn or_else_any_method_async<T>(self, pattern: &str, func: impl Fn(Request, RouteContext<D>) -> T + 'a) -> Self
    where
        T: Future<Output = Result<Response>> + 'a,
    {
        self.add_fallback(pattern, boxed(func))
    }

    /// Answers `req`: with its handler, or 404, or 405 if its path has a handler for another method.
    ///
    /// # Errors
    /// When the handler fails, or a route could not be added.
    pub async fn run(self, req: Request, env: Env) -> Result<Response> {
        if let Some(error) = self.refused {
            return Err(Error::RouteInsertError(error));
        }
        let path = req.path();
        let routes = self.handlers.get(&req.method());
        let found = routes.and_then(|routes| routes.at(&path).ok());
        if found.is_none() && other_method_matches(&self.handlers, &path) {
            return Response::error("Method Not Allowed", 405);
        }
        let found = found.or_else(|| self.or_else_any_method.at(&path).ok());
        let Some(Match { value, params }) = found else {
            return Response::error("Not Found", 404);
        };
        let ctx = RouteContext { data: self.data, env, params: params.into() };
        value.call(req, ctx).await
    }

    fn add(mut self, pattern: &str, handler: Handler<'a, D>, methods: &[Method]) -> Self {
        for method in methods {
            let routes = self.handlers.entry(method.clone()).or_default();
            if let Err(error) = routes.insert(pattern, handler.clone()) {
                self.refused.get_or_insert(error);
            }
        }
        self
    }

    fn add_fallback(mut self, pattern: &str, handler: Handler<'a, D>) -> Self {
        if let Err(error) = self.or_else_any_method.insert(pattern, handler) {
            self.refused.get_or_insert(error);
        }
        self
    }
}

fn boxed<'a, D: 'a, T>(func: impl Fn(Request, RouteContext<D>) -> T + 'a) -> Handler<'a, D>
where
    T: Future<Output = Result<Response>> + 'a,
{
    Handler::Async(Rc::new(move |req, ctx| Box::pin(func(req, ctx))))
}

/// `HEAD`, `OPTIONS` and `TRACE` alone do not make a path known, as in the `worker` crate.
fn other_method_matches<D>(handlers: &HashMap<Method, Routes<'_, D>>, path: &str) -> bool {
    handlers
        .iter()
        .filter(|(method, _)| !matches!(method, Method::Head | Method::Options | Method::Trace))
        .any(|(_, routes)| routes.at(path).is_ok())
}

/// What a route's handler gets besides the request.
#[derive(Debug)]
pub struct RouteContext<D> {
    /// What the router was made with.
    pub data: D,
    /// The bindings.
    pub env: Env,
    params: RouteParams,
}

impl<D> RouteContext<D> {
    /// A secret of the Worker.
    ///
    /// # Errors
    /// When there is no such secret.
    pub fn secret(&self, binding: &str) -> Result<Secret> {
        self.env.secret(binding)
    }

    /// A variable of the Worker.
    ///
    /// # Errors
    /// When there is no such variable.
    pub fn var(&self, binding: &str) -> Result<Var> {
        self.env.var(binding)
    }

    /// A namespace of objects.
    ///
    /// # Errors
    /// When there is no such namespace.
    pub fn durable_object(&self, binding: &str) -> Result<ObjectNamespace> {
        self.env.durable_object(binding)
    }

    /// What the path has in the place of `:key` or `*key`.
    pub fn param(&self, key: &str) -> Option<&String> {
        self.params.0.get(key)
    }
}

/// What a path has in the places of a pattern's names.
#[derive(Debug)]
pub struct RouteParams(HashMap<String, String>);

impl From<matchit::Params<'_, '_>> for RouteParams {
    fn from(params: matchit::Params<'_, '_>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        RouteParams(params.iter().map(owned).collect())
    }
}
