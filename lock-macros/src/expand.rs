//! Writes the function that runs its body under the lock.

mod body;
mod handler;
mod key;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::args;
use crate::args::Release;
use crate::check::{self, Model};
use crate::duration::Length;
use crate::errors::Errors;
use crate::function::{self, Form, Function};

/// The whole attribute: tokens to tokens.
pub(crate) fn attribute(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = args::parse(tokens, &mut errors);
    let function = function::parse(item.clone(), &mut errors);
    let model = function
        .as_ref()
        .and_then(|function| check::check(args, function, &mut errors));
    if let Err(errors) = errors.into_result() {
        let item = function::untouched(item);
        return quote!(#item #errors);
    }
    match (function, model) {
        (Some(function), Some(model)) => Expansion::new(&function, &model).write(),
        _ => {
            quote!(::core::compile_error! { "`#[distributed_lock]` could not read its arguments" })
        }
    }
}

/// The names generated code gives to its own values: hygienic, so that no argument meets them.
struct Expansion<'a> {
    function: &'a Function,
    model: &'a Model,
    private: TokenStream,
    krate: TokenStream,
}

fn own(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

impl<'a> Expansion<'a> {
    fn new(function: &'a Function, model: &'a Model) -> Self {
        let krate = model
            .krate
            .as_ref()
            .map_or_else(|| quote!(::lock_runtime), ToTokens::to_token_stream);
        Self {
            function,
            model,
            private: quote!(#krate::__private),
            krate,
        }
    }

    // Input:  async fn f(id: u64) -> R { BODY }
    // Output: async fn f(id: u64) -> R { request; or_else; slot; body; run and settle }
    fn write(&self) -> TokenStream {
        let Function {
            attrs, vis, sig, ..
        } = self.function;
        let steps = self.steps();
        match &self.function.form {
            Form::Async { .. } => quote!(#(#attrs)* #vis #sig { #steps }),
            Form::Boxed { .. } => {
                quote!(#(#attrs)* #vis #sig { ::std::boxed::Box::pin(async move { #steps }) })
            }
        }
    }

    fn steps(&self) -> TokenStream {
        let private = &self.private;
        let (slot, body, request, output) =
            (own("slot"), own("body"), own("request"), own("output"));
        let asked = self.request();
        let (prepared, or_else) = self.handler();
        let guarded = self.guarded_body();
        // A function that never returns has no output to look at.
        let failed = if matches!(self.function.output, Type::Never(_)) {
            quote!(|_| false)
        } else {
            quote!(|#output| #private::Probe(#output).is_failure())
        };
        quote! {
            #asked
            #prepared
            let #slot = &#private::Slot::new();
            #guarded
            let #body = ::core::pin::pin!(::core::option::Option::Some(#body));
            #private::run(#request, #slot, #body).await.settle(#failed, #or_else)
        }
    }

    // Input:  client = self.locks, ttl = 10, wait = "2s", key = "order:<id>"
    // Output: let mut request = Request::new(&(self.locks), "…", "order:<id>"); request.ttl(…); … request.key(…);
    fn request(&self) -> TokenStream {
        let Model {
            ttl,
            wait,
            renew,
            min_hold,
            finish,
            release,
            fence,
            client,
            template,
            ..
        } = self.model;
        let (private, request) = (&self.private, own("request"));
        let name = format!("::{}", self.function.sig.ident.unraw());
        let name = quote!(::core::concat!(::core::module_path!(), #name));
        let made = if let Some(client) = client {
            let reference = quote_spanned!(client.span()=> &(#client));
            quote!(#private::Request::new(#reference, #name, #template))
        } else {
            quote!(#private::Request::ambient(#name, #template))
        };
        let ttl = length(ttl);
        let wait = wait.as_ref().map(|wait| {
            let wait = length(wait);
            quote!(#request.wait(#wait);)
        });
        let renew = renew.as_ref().map(|renew| {
            if let Some(hold) = &renew.hold {
                let hold = length(hold);
                quote!(#request.longest_hold(#hold);)
            } else {
                quote!(#request.renew();)
            }
        });
        let min_hold = min_hold.as_ref().map(|min_hold| {
            let min_hold = length(min_hold);
            quote!(#request.min_hold(#min_hold);)
        });
        let finish = finish.then(|| quote!(#request.finish_when_lost();));
        let release = release.map(|release| match release {
            Release::Answered => quote!(#request.release_answered();),
            Release::Background => quote!(#request.release_in_background();),
        });
        let fence = fence.then(|| quote!(#request.fence();));
        let key = self.key();
        quote! {
            let mut #request = #made;
            #request.ttl(#ttl);
            #wait
            #renew
            #min_hold
            #finish
            #release
            #fence
            #request.key(#key);
        }
    }

    /// The `self` of the signature: one made here would be another.
    fn receiver(&self) -> Ident {
        let span = self
            .function
            .sig
            .receiver()
            .map_or_else(Span::call_site, |receiver| receiver.self_token.span);
        Ident::new("self", span)
    }
}

fn length(length: &Length) -> TokenStream {
    match length {
        Length::Value(value) => value.to_token_stream(),
        Length::Millis(millis, _) => {
            // Checked to lie far below the limit.
            let millis = Literal::u64_unsuffixed(u64::try_from(*millis).unwrap_or(u64::MAX));
            quote!(::core::time::Duration::from_millis(#millis))
        }
    }
}
