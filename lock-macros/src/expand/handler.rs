//! Writes what becomes of a failed lock.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Token};

use super::{Expansion, own};
use crate::bindings::{self, Bindings, Bound};
use crate::function::mention;

impl Expansion<'_> {
    /// What comes before the lock is taken, and the handler.
    pub(super) fn handler(&self) -> (Option<TokenStream>, TokenStream) {
        let mut name = own("or_else");
        let Some(handler) = &self.model.or_else else {
            return (None, self.report());
        };
        let given = self.prepared(handler.clone());
        name.set_span(handler.span().resolved_at(name.span()));
        (Some(quote!(let #name = #given;)), name.into_token_stream())
    }

    // Input:  |error| refused(cart, error)
    // Output: { let cart = Clone::clone(&cart); or_else(move |error| refused(cart, error)) }
    fn prepared(&self, mut handler: Expr) -> TokenStream {
        let tokens = handler.to_token_stream();
        let mut own_names = Vec::new();
        if let Expr::Closure(closure) = &mut handler {
            for input in &closure.inputs {
                bindings::names(input, &mut own_names);
            }
            // The clones live in this block only.
            closure.capture = Some(Token![move](closure.inputs_begin.span));
        }
        let names = Bindings::of(self.function).names;
        let clones = names.iter().filter_map(|Bound { ident, cfg }| {
            if own_names.contains(ident) {
                return None;
            }
            let span = mention(tokens.clone(), ident)?;
            let clone = located(quote!(::core::clone::Clone::clone(&#ident)), span);
            Some(quote!(#(#cfg)* #[allow(clippy::shadow_reuse)] let #ident = #clone;))
        });
        let clones: TokenStream = clones.collect();
        let private = &self.private;
        let given = match handler {
            // Called in a closure: given by its name, a function that does not fit is complained about twice.
            Expr::Path(path) => {
                let (error, span) = (own("error"), path.span());
                let error = located(error.into_token_stream(), span);
                quote_spanned!(span=> move |#error| #path(#error))
            }
            handler => {
                let typed = located(quote!(#private::or_else), handler.span());
                quote_spanned!(handler.span()=> #typed(#handler))
            }
        };
        if clones.is_empty() {
            return given;
        }
        quote!({ #clones #given })
    }

    /// Without `or_else`: into the function's own error.
    fn report(&self) -> TokenStream {
        let (private, error) = (&self.private, own("error"));
        let sig = &self.function.sig;
        // A type that cannot tell of a failure is complained about where it stands.
        let span = match &sig.output {
            syn::ReturnType::Default => sig.ident.span(),
            syn::ReturnType::Type(_, ty) => ty.span(),
        };
        located(quote!(|#error| #private::report(#error)), span)
    }
}

/// The same tokens, shown at `span`.
fn located(tokens: TokenStream, span: Span) -> TokenStream {
    let shown = |token| {
        let mut token = match token {
            TokenTree::Group(group) => {
                Group::new(group.delimiter(), located(group.stream(), span)).into()
            }
            token => token,
        };
        let span = span.resolved_at(TokenTree::span(&token));
        token.set_span(span);
        token
    };
    tokens.into_iter().map(shown).collect()
}
