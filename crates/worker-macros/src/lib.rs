//! The attributes of `dormouse-worker`: `#[event(fetch)]` and `#[durable_object]`.
//!
//! They take the arguments that the macros of the `worker` crate take, and check at compile time what would
//! otherwise fail far from its cause. They export nothing: an application lists its handler and its classes
//! itself, with `worker::App`.

use proc_macro::TokenStream;

mod durable_object;
mod event;

/// Marks the handler of a Worker.
///
/// `#[event(fetch)]` takes an async function of a request, the `Env` and the `Context`, and leaves it as it is,
/// to be given to `worker::App::new`. With `respond_with_errors` a client sees the text of an error instead of
/// a plain 500. `#[event(start)]` takes a function of nothing, to be given to `worker::App::start`.
///
/// ```text
/// #[event(fetch)]
/// async fn fetch(req: Request, env: Env, ctx: Context) -> Result<Response> {
///     env.durable_object("ROOM")?.get_by_name("lobby")?.fetch_with_request(req).await
/// }
/// ```
#[proc_macro_attribute]
pub fn event(attr: TokenStream, item: TokenStream) -> TokenStream {
    event::expand(attr.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Marks the class of a durable object: a struct that implements `worker::DurableObject`.
///
/// The arguments `fetch`, `alarm` and `websocket`, which tell the `worker` crate what to export, are accepted
/// and change nothing: a handler that a class does not have is not missed.
///
/// ```text
/// #[durable_object]
/// struct Room {
///     state: State,
/// }
/// ```
#[proc_macro_attribute]
pub fn durable_object(attr: TokenStream, item: TokenStream) -> TokenStream {
    durable_object::expand(attr.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
