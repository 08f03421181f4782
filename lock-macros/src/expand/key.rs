//! Writes the rendering of the key.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::{Expansion, own};
use crate::args::Binding;
use crate::check::{Part, Root};

impl Expansion<'_> {
    // Input:  with(day = order.day()), key = "order:<id>:<day>"
    // Output: match (&(order.day()),) { (with_day,) => { let mut key = Key::new();
    //           key.literal("order:"); key.value("id", &id); … key } }
    pub(super) fn key(&self) -> TokenStream {
        let (private, key) = (&self.private, own("key"));
        let parts = self.model.key.iter().map(|part| match part {
            Part::Literal(text) => quote!(#key.literal(#text);),
            Part::Value {
                text,
                root,
                fields,
                span,
            } => {
                let value = self.value(root, fields, *span);
                quote!(#key.value(#text, #value);)
            }
        });
        let rendered = quote!({
            let mut #key = #private::Key::new();
            #(#parts)*
            #key
        });
        let with = &self.model.with;
        if with.is_empty() {
            return rendered;
        }
        let names = with.iter().map(bound);
        let values = with
            .iter()
            .map(|Binding { value, .. }| quote_spanned!(value.span()=> &(#value)));
        // A match keeps the temporaries of an expression until the key is rendered.
        quote!(match (#(#values,)*) { (#(#names,)*) => #rendered })
    }

    /// A reference to what a placeholder names. Complaints about it point at the template.
    fn value(&self, root: &Root, fields: &[String], span: Span) -> TokenStream {
        let root = match root {
            Root::Receiver => self.receiver(),
            Root::Argument(name) => {
                let mut name = name.clone();
                name.set_span(span.resolved_at(name.span()));
                name
            }
            Root::With(at) if fields.is_empty() => {
                // A reference already, and its expression is the better place to point at.
                return bound(&self.model.with[*at]).into_token_stream();
            }
            Root::With(at) => bound(&self.model.with[*at]),
        };
        let fields = fields.iter().map(|field| member(field, span));
        quote_spanned!(span=> &#root #(.#fields)*)
    }
}

/// The name of a value of `with`: one of its own, since the user's may be that of a constant, which
/// a pattern would compare with.
fn bound(binding: &Binding) -> Ident {
    let span = binding.value.span().resolved_at(Span::mixed_site());
    Ident::new(&format!("with_{}", binding.name.unraw()), span)
}

fn member(field: &str, span: Span) -> TokenStream {
    // Shown at the template, but not as written there: rustc would mend the literal.
    let span = span.resolved_at(Span::call_site());
    if let Ok(index) = field.parse::<u32>() {
        return syn::Index { index, span }.to_token_stream();
    }
    let mut ident = match syn::parse_str::<Ident>(field) {
        Ok(ident) => ident,
        Err(_) => Ident::new_raw(field, span),
    };
    ident.set_span(span);
    ident.to_token_stream()
}
