//! Writes the function that runs its body under the lock.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ReceiverKind, Type};

use crate::args;
use crate::bindings::{self, Bindings, Bound};
use crate::check::{self, Model, Part, Root};
use crate::duration::Length;
use crate::errors::Errors;
use crate::function::{self, Form, Function, mentions};

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
    // Output: async fn f(id: u64) -> R { request; or_else; slot; body; run }
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
        let handler = self.or_else();
        let guarded = self.guarded_body();
        let settle = own("or_else");
        quote! {
            #asked
            #handler
            let #slot = #private::Slot::new();
            #guarded
            let #body = ::core::pin::pin!(::core::option::Option::Some(#body));
            #private::run(#request, &#slot, #body).await.settle(
                |#output| {
                    #[allow(unused_imports)]
                    use #private::NotAResult as _;
                    #private::Probe(#output).is_failure()
                },
                #settle,
            )
        }
    }

    // Input:  client = self.locks, ttl = 10, wait = "2s", key = "order:<id>"
    // Output: let mut request = Request::new(&(self.locks), "…"); request.ttl(…); … request.key(…);
    fn request(&self) -> TokenStream {
        let Model {
            ttl,
            wait,
            renew,
            finish,
            client,
            ..
        } = self.model;
        let (private, request) = (&self.private, own("request"));
        let name = self.function.sig.ident.unraw().to_string();
        let name = quote!(::core::concat!(::core::module_path!(), "::", #name));
        let made = if let Some(client) = client {
            let reference = quote_spanned!(client.span()=> &(#client));
            quote!(#private::Request::new(#reference, #name))
        } else {
            quote!(#private::Request::ambient(#name))
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
        let finish = finish.then(|| quote!(#request.finish_when_lost();));
        let key = self.key();
        quote! {
            let mut #request = #made;
            #request.ttl(#ttl);
            #wait
            #renew
            #finish
            #request.key(#key);
        }
    }

    // Input:  with(day = order.day()), key = "order:<id>:<day>"
    // Output: match (&(order.day()),) { (day,) => { let mut key = Key::new();
    //           key.literal("order:"); key.value("id", &id); … key } }
    fn key(&self) -> TokenStream {
        let (private, key) = (&self.private, own("key"));
        // Complaints about a value's type point at the template.
        let span = self.model.key_span;
        let parts = self.model.key.iter().map(|part| match part {
            Part::Literal(text) => quote!(#key.literal(#text);),
            Part::Value { text, root, fields } => {
                let root = match root {
                    Root::Receiver => self.receiver(),
                    Root::Name(name) => {
                        let mut name = name.clone();
                        name.set_span(span.resolved_at(name.span()));
                        name
                    }
                };
                let fields = fields.iter().map(|field| member(field, span));
                let value = quote_spanned!(span=> &#root #(.#fields)*);
                quote!(#key.value(#text, #value);)
            }
        });
        let rendered = quote!({
            let mut #key = #private::Key::new();
            #(#parts)*
            #key
        });
        // A match keeps the temporaries of an expression until the key is rendered.
        self.model
            .with
            .iter()
            .rev()
            .fold(rendered, |inner, binding| {
                let (name, value) = (&binding.name, &binding.value);
                let reference = quote_spanned!(value.span()=> &(#value));
                quote!(match (#reference,) { (#name,) => #inner })
            })
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

    // Input:  or_else = |error| refused(cart, error)
    // Output: let or_else = { let cart = Clone::clone(&cart); or_else(move |error| refused(cart, error)) };
    fn or_else(&self) -> TokenStream {
        let Some(mut handler) = self.model.or_else.clone() else {
            return self.report();
        };
        let tokens = handler.to_token_stream();
        let private = &self.private;
        let name = own("or_else");
        let mut own_names = Vec::new();
        if let Expr::Closure(closure) = &handler {
            closure
                .inputs
                .iter()
                .for_each(|input| bindings::names(input, &mut own_names));
        }
        let names = Bindings::of(self.function).names;
        let used = |name: &&Bound| {
            !own_names.contains(&name.ident) && mentions(tokens.clone(), &name.ident)
        };
        let clones = names.iter().filter(used).map(|Bound { ident, cfg }| {
            quote!(#(#cfg)* let #ident = ::core::clone::Clone::clone(&#ident);)
        });
        if let Expr::Closure(closure) = &mut handler {
            // The clones live in this block only.
            closure.capture.get_or_insert_with(Default::default);
        }
        let span = handler.span();
        let given = quote_spanned!(span=> #private::or_else(#handler));
        quote! {
            #[allow(clippy::clone_on_copy, clippy::redundant_clone)]
            let #name = {
                #(#clones)*
                #given
            };
        }
    }

    /// Without `or_else`: into the function's own error.
    fn report(&self) -> TokenStream {
        let (private, name, error) = (&self.private, own("or_else"), own("error"));
        let sig = &self.function.sig;
        // A type that cannot tell of a failure is complained about where it stands.
        let span = match &sig.output {
            syn::ReturnType::Default => sig.ident.span(),
            syn::ReturnType::Type(_, ty) => ty.span(),
        };
        let report = located(quote!(|#error| #private::report(#error)), span);
        quote! {
            #[allow(clippy::redundant_closure)]
            let #name = #report;
        }
    }

    // Input:  BODY
    // Output: let body = async move { if false { return … } let _ = &id; let lock = slot.guard(); BODY };
    fn guarded_body(&self) -> TokenStream {
        let (slot, filled, body) = (own("slot"), own("filled"), own("body"));
        let krate = &self.krate;
        let typed = self.typed();
        let moved = self.moved();
        let (borrow, bind) = match &self.model.guard {
            None => (None, None),
            Some(guard) => (
                Some(quote!(let #filled = &#slot;)),
                Some(quote!(let #guard: &#krate::LockGuard = #filled.guard();)),
            ),
        };
        let statements = match &self.function.form {
            Form::Async { body } | Form::Boxed { body, .. } => body,
        };
        quote! {
            #borrow
            let #body = async move {
                #typed
                #moved
                #bind
                #statements
            };
        }
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
            #[allow(
                unreachable_code,
                unknown_lints,
                clippy::diverging_sub_expression,
                clippy::empty_loop,
                clippy::let_unit_value,
                clippy::let_with_type_underscore,
                clippy::needless_return
            )]
            if false {
                let #value: #output = loop {};
                return #value;
            }
        })
    }

    /// Arguments, and fields of them, that the body does not mention would outlive the lock: all
    /// are moved into it whole. Only what is not used at all stays out, so that rustc can say so.
    fn moved(&self) -> TokenStream {
        let in_key = |name: &Ident| {
            let part = |part: &Part| matches!(part, Part::Value { root: Root::Name(root), .. } if root.unraw() == name.unraw());
            let with = |value: &Expr| mentions(value.to_token_stream(), name);
            self.model.key.iter().any(part)
                || self.model.with.iter().any(|binding| with(&binding.value))
        };
        let Form::Async { body } = &self.function.form else {
            return TokenStream::new();
        };
        let silent = |Bound { ident, .. }: &&Bound| {
            ident.unraw().to_string().starts_with('_')
                || in_key(ident)
                || mentions(body.clone(), ident)
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
            quote!(#(#cfg)* #[allow(clippy::used_underscore_binding)] let _ = &#ident;)
        });
        quote!(#receiver #(#names)*)
    }
}

/// The same tokens, shown at `span`.
fn located(tokens: TokenStream, span: Span) -> TokenStream {
    let shown = |mut token: TokenTree| {
        token.set_span(span.resolved_at(token.span()));
        token
    };
    tokens.into_iter().map(shown).collect()
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

fn length(length: &Length) -> TokenStream {
    match length {
        Length::Value(value) => value.to_token_stream(),
        Length::Millis(millis, _) => {
            // Checked to lie far below the limit.
            let millis = u64::try_from(*millis).unwrap_or(u64::MAX);
            quote!(::core::time::Duration::from_millis(#millis))
        }
    }
}

fn member(field: &str, span: Span) -> TokenStream {
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
