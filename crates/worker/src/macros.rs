//! What the macros of this crate expand to. Not part of the API: only expanded code names it.

use std::error::Error as StdError;

use crate::context::Context;
use crate::env::Env;
use crate::native::Host;
use crate::request::FromRequest;
use crate::response::IntoResponse;

/// What `respond_with_errors` puts at the start of a handler.
pub fn respond_with_errors() {
    if let Ok(host) = Host::current() {
        host.show_errors();
    }
}

/// Compiles if `T` can be the first argument of a `fetch` handler.
///
/// ```compile_fail
/// # use worker::*;
/// #[event(fetch)]
/// async fn fetch(req: String, env: Env, ctx: Context) -> Result<Response> {
///     Response::empty()
/// }
/// ```
pub fn is_request<T: FromRequest>() {}

/// Compiles if `T` is the `Env`.
///
/// ```compile_fail
/// # use worker::*;
/// #[event(fetch)]
/// async fn fetch(req: Request, env: Context, ctx: Context) -> Result<Response> {
///     Response::empty()
/// }
/// ```
pub fn is_env<T: IsEnv>() {}

/// Compiles if `T` is the `Context`.
pub fn is_context<T: IsContext>() {}

/// Compiles if a `fetch` handler can return a `T`.
///
/// ```compile_fail
/// # use worker::*;
/// #[event(fetch)]
/// async fn fetch(req: Request, env: Env, ctx: Context) -> Result<String> {
///     Ok(String::new())
/// }
/// ```
pub fn is_fetch_result<T: FetchResult>() {}

/// Only the `Env` is.
#[diagnostic::on_unimplemented(message = "the second argument of a `fetch` handler is `worker::Env`, not `{Self}`")]
pub trait IsEnv {}

impl IsEnv for Env {}

/// Only the `Context` is.
#[diagnostic::on_unimplemented(message = "the third argument of a `fetch` handler is `worker::Context`, not `{Self}`")]
pub trait IsContext {}

impl IsContext for Context {}

/// What a `fetch` handler can return.
#[diagnostic::on_unimplemented(
    message = "a `fetch` handler returns a `Result` of a response, not `{Self}`",
    note = "the response is a `worker::Response` or an `http::Response`, the error anything that converts into a boxed error"
)]
pub trait FetchResult {}

impl<Res: IntoResponse, E: Into<Box<dyn StdError>>> FetchResult for Result<Res, E> {}
