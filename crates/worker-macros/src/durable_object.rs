//! `#[durable_object]`: gives a struct the class name that the trait `DurableObject` asks for.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Ident, ItemImpl, ItemStruct, Result};

pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> Result<TokenStream> {
    check_arguments(attr)?;
    let Ok(class) = syn::parse2::<ItemStruct>(item.clone()) else {
        let text = match syn::parse2::<ItemImpl>(item.clone()) {
            Ok(_) => "#[durable_object] belongs on the struct, not on its `impl`",
            Err(_) => "#[durable_object] belongs on a struct",
        };
        return Err(Error::new_spanned(item, text));
    };
    if !class.generics.params.is_empty() {
        let text = "a durable object's class cannot be generic";
        return Err(Error::new_spanned(class.generics, text));
    }
    let name = &class.ident;
    let text = name.to_string();
    Ok(quote! {
        #class

        impl ::worker::has_durable_object_attribute for #name {
            const CLASS_NAME: &'static str = #text;
        }
    })
}

fn check_arguments(attr: TokenStream) -> Result<()> {
    if attr.is_empty() {
        return Ok(());
    }
    let kind: Ident = syn::parse2(attr)?;
    match kind.to_string().as_str() {
        "fetch" | "alarm" | "websocket" => Ok(()),
        "connect" => Err(Error::new(kind.span(), "`connect` handlers are not supported by Dormouse yet")),
        _ => {
            Err(Error::new(kind.span(), "expected `fetch`, `alarm` or `websocket`, as in #[durable_object(websocket)]"))
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::expand;

    fn check(attr: proc_macro2::TokenStream, item: proc_macro2::TokenStream, expected: &str) {
        let got = match expand(attr, item) {
            Ok(tokens) => tokens.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(got.contains(expected), "{got}");
    }

    #[test]
    fn structs_get_their_class_name() {
        let class = quote! { pub struct Room { state: State } };
        for attr in [quote!(), quote!(fetch), quote!(alarm), quote!(websocket)] {
            check(attr, class.clone(), "const CLASS_NAME : & 'static str = \"Room\"");
        }
        check(quote!(), class.clone(), &class.to_string());
    }

    #[test]
    fn misuse_is_explained() {
        let class = quote! { struct Room; };
        check(quote!(connect), class.clone(), "not supported by Dormouse yet");
        check(quote!(socket), class, "expected `fetch`, `alarm` or `websocket`");
        check(quote!(), quote! { impl DurableObject for Room {} }, "not on its `impl`");
        check(quote!(), quote! { enum Room {} }, "belongs on a struct");
        check(quote!(), quote! { struct Room<T>(T); }, "cannot be generic");
    }
}
