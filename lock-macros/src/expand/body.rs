//! Writes the body's future.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::visit_mut::{self, VisitMut};
use syn::{Local, Pat, ReceiverKind, Stmt, Type};

use super::{Expansion, own};
use crate::bindings::{Bindings, Bound};
use crate::check::{Part, Root};
use crate::duration::Length;
use crate::function::{Form, mention};

impl Expansion<'_> {
    // Input:  BODY
    // Output: let body = async move { if false { return … } let _ = &id; let lock = slot.guard(); BODY };
    pub(super) fn guarded_body(&self) -> TokenStream {
        let (slot, body) = (own("slot"), own("body"));
        let krate = &self.krate;
        let typed = self.typed();
        let moved = self.moved();
        let guard = self.model.guard.as_ref();
        let guard = guard.map(|guard| quote!(let #guard: &#krate::LockGuard = #slot.guard();));
        // What `or_else` can give may itself be a future.
        let allow = self.model.or_else.as_ref();
        let allow = allow.map(|_| quote!(#[allow(clippy::async_yields_async)]));
        let statements = match &self.function.form {
            Form::Async { body } => body.clone(),
            Form::Boxed { statements } => self.boxed(statements),
        };
        quote! {
            #allow
            let #body = async move {
                #typed
                #moved
                #guard
                #statements
            };
        }
    }

    // Input:  let request = request; …
    // Output: #[allow(unused_variables)] let request = request; …
    /// A name that only the attribute uses would be called unused: `#[async_trait]` binds it anew.
    fn boxed(&self, statements: &[Stmt]) -> TokenStream {
        let written = self.written();
        let only = |ident: &Ident| self.in_key(ident) || mention(written.clone(), ident).is_some();
        let statements = statements.iter().map(|statement| match statement {
            Stmt::Local(Local {
                pat: Pat::Ident(pat),
                ..
            }) if only(&pat.ident) => quote!(#[allow(unused_variables)] #statement),
            _ => statement.to_token_stream(),
        });
        statements.collect()
    }

    /// A return of the right type, never reached: it gives the block its type, so that a wrong
    /// value is reported at the user's own expression.
    fn typed(&self) -> Option<TokenStream> {
        let mut output = self.function.output.clone();
        if matches!(output, Type::Never(_)) {
            return None;
        }
        ImplTraits.visit_type_mut(&mut output);
        let value = own("value");
        Some(quote! {
            #[allow(unreachable_code)]
            if false {
                let #value: #output = loop {};
                return #value;
            }
        })
    }

    /// Arguments, and fields of them, that the body does not mention would outlive the lock: all
    /// are moved into it whole. Only what is not used at all stays out, so that rustc can say so.
    fn moved(&self) -> TokenStream {
        let Form::Async { body } = &self.function.form else {
            return TokenStream::new();
        };
        let written = self.written();
        let silent = |Bound { ident, .. }: &&Bound| {
            ident.unraw().to_string().starts_with('_')
                || self.in_key(ident)
                || mention(body.clone(), ident).is_some()
                || mention(written.clone(), ident).is_some()
        };
        let by_value = self
            .function
            .sig
            .receiver()
            .is_some_and(|receiver| !matches!(receiver.kind, ReceiverKind::Reference(..)));
        let receiver = by_value.then(|| {
            let receiver = self.receiver();
            quote!(let _ = &#receiver;)
        });
        let names = Bindings::of(self.function).names;
        let names = names.iter().filter(silent).map(|Bound { ident, cfg }| {
            let underscored = ident.unraw().to_string().starts_with('_');
            let allow = underscored.then(|| quote!(#[allow(clippy::used_underscore_binding)]));
            quote!(#(#cfg)* #allow let _ = &#ident;)
        });
        quote!(#receiver #(#names)*)
    }

    fn in_key(&self, name: &Ident) -> bool {
        self.model.key.iter().any(|part| {
            matches!(part, Part::Value { root: Root::Argument(root), .. } if root.unraw() == name.unraw())
        })
    }

    /// All expressions of the attribute.
    fn written(&self) -> TokenStream {
        let model = self.model;
        let lengths = [
            Some(&model.ttl),
            model.wait.as_ref(),
            model.renew.as_ref().and_then(|renew| renew.hold.as_ref()),
        ];
        let lengths = lengths.into_iter().map(|length| match length {
            Some(Length::Value(value)) => Some(&**value),
            _ => None,
        });
        let values = model.with.iter().map(|binding| Some(&binding.value));
        let others = [model.client.as_ref(), model.or_else.as_ref()];
        let all = values.chain(lengths).chain(others).flatten();
        all.map(ToTokens::to_token_stream).collect()
    }
}

/// `impl Trait` cannot be the type of a local.
struct ImplTraits;

impl VisitMut for ImplTraits {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if matches!(ty, Type::ImplTrait(_)) {
            *ty = syn::parse_quote!(_);
        }
        visit_mut::visit_type_mut(self, ty);
    }
}
