//! `#[event(fetch)]` and `#[event(start)]`: check a handler and leave it in place.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, Result, ReturnType, Token};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Fetch,
    Start,
}

struct Arguments {
    event: Event,
    respond_with_errors: bool,
}

pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments = parse_arguments(attr)?;
    let mut handler: ItemFn = syn::parse2(item)?;
    match arguments.event {
        Event::Start => {
            check_signature(&handler, "start", Asyncness::Sync, 0)?;
            Ok(quote!(#handler))
        }
        Event::Fetch => {
            check_signature(&handler, "fetch", Asyncness::Async, 3)?;
            let checks = fetch_checks(&handler)?;
            if arguments.respond_with_errors {
                let note = syn::parse_quote!(::worker::__macros::respond_with_errors(););
                handler.block.stmts.insert(0, note);
            }
            Ok(quote! {
                #handler
                #checks
            })
        }
    }
}

fn parse_arguments(attr: TokenStream) -> Result<Arguments> {
    let words = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(attr)?;
    let mut event = None;
    let mut respond_with_errors = false;
    for word in words {
        match word.to_string().as_str() {
            "fetch" => event = Some(Event::Fetch),
            "start" => event = Some(Event::Start),
            "respond_with_errors" => respond_with_errors = true,
            name @ ("scheduled" | "queue" | "email" | "connect") => {
                let text = format!("`{name}` handlers are not supported by Dormouse yet");
                return Err(Error::new(word.span(), text));
            }
            _ => return Err(Error::new(word.span(), "expected `fetch`, `start` or `respond_with_errors`")),
        }
    }
    let missing = || Error::new(Span::call_site(), "expected an event, as in #[event(fetch)]");
    Ok(Arguments { event: event.ok_or_else(missing)?, respond_with_errors })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asyncness {
    Async,
    Sync,
}

fn check_signature(handler: &ItemFn, event: &str, asyncness: Asyncness, arguments: usize) -> Result<()> {
    let signature = &handler.sig;
    match (asyncness, &signature.asyncness) {
        (Asyncness::Async, None) => {
            let text = format!("a `{event}` handler is an `async fn`");
            return Err(Error::new_spanned(signature.fn_token, text));
        }
        (Asyncness::Sync, Some(found)) => {
            let text = format!("a `{event}` handler is not `async`");
            return Err(Error::new_spanned(found, text));
        }
        (Asyncness::Async, Some(_)) | (Asyncness::Sync, None) => {}
    }
    let found = signature.inputs.len();
    if found != arguments {
        let takes = match arguments {
            0 => "no arguments".to_owned(),
            _ => format!("{arguments} arguments (request, env, context)"),
        };
        let text = format!("a `{event}` handler takes {takes}, and this one has {found}");
        return Err(Error::new(signature.paren_token.span.join(), text));
    }
    Ok(())
}

/// Items that do not compile unless the handler's types fit, each pointing at the type that does not.
fn fetch_checks(handler: &ItemFn) -> Result<TokenStream> {
    let name = &handler.sig.ident;
    let mut types = Vec::new();
    for input in &handler.sig.inputs {
        match input {
            FnArg::Typed(input) => types.push(&input.ty),
            FnArg::Receiver(receiver) => {
                let text = "a `fetch` handler is a free function";
                return Err(Error::new_spanned(receiver, text));
            }
        }
    }
    let ReturnType::Type(_, output) = &handler.sig.output else {
        let text = "a `fetch` handler returns a `Result<Response>`";
        return Err(Error::new_spanned(&handler.sig, text));
    };
    let mut checks = TokenStream::new();
    if let [request, env, context] = types[..] {
        checks.extend(quote_spanned! {request.span()=> ::worker::__macros::is_request::<#request>(); });
        checks.extend(quote_spanned! {env.span()=> ::worker::__macros::is_env::<#env>(); });
        checks.extend(quote_spanned! {context.span()=> ::worker::__macros::is_context::<#context>(); });
    }
    checks.extend(quote_spanned! {output.span()=> ::worker::__macros::is_fetch_result::<#output>(); });
    Ok(quote! {
        const _: fn() = || {
            #checks
            // Keeps a handler that nothing uses yet from being reported as dead code.
            let _ = #name;
        };
    })
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::expand;

    fn check(attr: TokenStream, item: TokenStream, expected: &str) {
        let got = match expand(attr, item) {
            Ok(tokens) => tokens.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(got.contains(expected), "{got}");
    }

    fn handler() -> TokenStream {
        quote! {
            pub(crate) async fn main(req: Request, _env: Env, _ctx: Context) -> Result<Response> {
                answer(req)
            }
        }
    }

    #[test]
    fn a_handler_keeps_its_name_visibility_and_body() {
        check(quote!(fetch), handler(), &handler().to_string());
        check(quote!(fetch), handler(), "is_request :: < Request >");
        let noted = "{ :: worker :: __macros :: respond_with_errors () ; answer (req) }";
        check(quote!(fetch, respond_with_errors), handler(), noted);
        check(
            quote!(start),
            quote!(
                fn setup() {}
            ),
            "fn setup () { }",
        );
    }

    #[test]
    fn misuse_is_explained() {
        check(quote!(), handler(), "expected an event");
        check(quote!(respond_with_errors), handler(), "expected an event");
        check(quote!(fetsch), handler(), "expected `fetch`, `start` or `respond_with_errors`");
        check(quote!(scheduled), handler(), "`scheduled` handlers are not supported by Dormouse yet");
        check(
            quote!(fetch),
            quote!(
                fn f() {}
            ),
            "is an `async fn`",
        );
        check(
            quote!(fetch),
            quote!(
                async fn f() {}
            ),
            "takes 3 arguments (request, env, context), and this one has 0",
        );
        check(
            quote!(fetch),
            quote!(
                async fn f(&self, a: B, c: D) -> E {}
            ),
            "free function",
        );
        check(
            quote!(fetch),
            quote!(
                async fn f(a: B, c: D, e: F) {}
            ),
            "returns a `Result<Response>`",
        );
        check(
            quote!(start),
            quote!(
                async fn f() {}
            ),
            "is not `async`",
        );
        check(
            quote!(start),
            quote!(
                fn f(a: B) {}
            ),
            "takes no arguments",
        );
        check(
            quote!(fetch),
            quote!(
                struct Room;
            ),
            "expected",
        );
    }
}
