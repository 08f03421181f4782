//! The attribute's arguments as they are written. Parses only; `check` judges.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Path, Token, parenthesized};

use crate::duration::{Length, read, ungrouped};
use crate::errors::Errors;
use crate::names::{NAMES, unknown};

const WITH: &str = "expected `with(name = expression)`";

/// What was written, and what could be read of it.
#[derive(Default)]
pub(crate) struct Args {
    /// Every argument named, whether or not its value could be read.
    named: Vec<String>,
    /// Arguments that a reported mistake was meant to be: they are not missing on top of it.
    meant: Vec<&'static str>,
    pub(crate) key: Option<LitStr>,
    pub(crate) ttl: Option<Length>,
    pub(crate) wait: Option<Length>,
    pub(crate) renew: Option<Renew>,
    pub(crate) min_hold: Option<Length>,
    pub(crate) finish: bool,
    pub(crate) release: Option<Release>,
    pub(crate) with: Vec<Binding>,
    pub(crate) fence: bool,
    pub(crate) guard: Option<Ident>,
    pub(crate) or_else: Option<Expr>,
    pub(crate) client: Option<Expr>,
    pub(crate) krate: Option<Path>,
}

/// `renew`, or `renew = "2h"`.
pub(crate) struct Renew {
    pub(crate) hold: Option<Length>,
    pub(crate) span: Span,
}

/// `release = "answered"` or `release = "background"`.
#[derive(Clone, Copy)]
pub(crate) enum Release {
    Answered,
    Background,
}

/// One `name = expr` of `with(..)`.
pub(crate) struct Binding {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

impl Parse for Binding {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input
            .call(Ident::parse_any)
            .map_err(|error| syn::Error::new(error.span(), WITH))?;
        if !input.peek(Token![=]) {
            let message = format!("expected `=` after `{name}`");
            return Err(syn::Error::new(name.span(), message));
        }
        input.parse::<Token![=]>()?;
        let value = input.parse()?;
        Ok(Self { name, value })
    }
}

/// Reads all arguments, going on behind each mistake.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Args {
    let mut args = Args::default();
    let read = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = args.argument(input, errors) {
                errors.push(error);
                skip(input)?;
            }
            if input.is_empty() {
                break;
            }
            if input.peek(Token![,]) {
                input.parse::<Token![,]>()?;
            } else {
                errors.at(input.span(), "expected `,`");
                while !input.is_empty() && !input.peek(Token![,]) && !at_argument(input) {
                    input.parse::<TokenTree>()?;
                }
                if input.peek(Token![,]) {
                    input.parse::<Token![,]>()?;
                }
            }
        }
        Ok(())
    };
    if let Err(error) = read.parse2(tokens) {
        errors.push(error);
    }
    args
}

/// The text of a string literal; of anything else, none.
fn word(value: &Expr) -> String {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) if text.suffix().is_empty() => text.value(),
        _ => String::new(),
    }
}

/// How an argument is written whose value is missing.
fn such_as(name: &str) -> String {
    let value = match name {
        "ttl" => "10",
        "wait" => "\"2s\"",
        "renew" => "\"2h\"",
        "min_hold" => "\"30s\"",
        "on_lost" => "\"finish\"",
        "release" => "\"background\"",
        "guard" => "lock",
        "or_else" => "|error| …",
        "client" => "self.locks",
        _ => return String::new(),
    };
    format!(", such as `{name} = {value}`")
}

/// To the next comma.
fn skip(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

/// Whether an argument starts here, as behind a forgotten comma.
fn at_argument(input: ParseStream<'_>) -> bool {
    let name = input.fork().call(Ident::parse_any);
    name.is_ok_and(|name| NAMES.contains(&name.to_string().as_str()))
}

impl Args {
    fn names(&self, name: &str) -> bool {
        self.named.iter().any(|named| named == name)
    }

    pub(crate) fn lacks(&self, name: &str) -> bool {
        !self.names(name) && !self.meant.contains(&name)
    }

    fn argument(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if input.peek(Lit) {
            let literal: Lit = input.parse()?;
            self.meant.push("key");
            return Err(syn::Error::new(literal.span(), "expected `key = \"...\"`"));
        }
        let ident = input.call(Ident::parse_any).map_err(|error| {
            syn::Error::new(error.span(), "expected an argument, such as `ttl = 10`")
        })?;
        let name = ident.unraw().to_string();
        if !NAMES.contains(&name.as_str()) {
            let (message, meant) = unknown(&name);
            self.meant.extend(meant);
            return Err(syn::Error::new(ident.span(), message));
        }
        let again = self.names(&name);
        self.named.push(name.clone());
        if again {
            errors.at(ident.span(), format!("duplicate `{name}`"));
            return skip(input);
        }
        match name.as_str() {
            "renew" if input.is_empty() || input.peek(Token![,]) => {
                self.renew = Some(Renew {
                    hold: None,
                    span: ident.span(),
                });
                Ok(())
            }
            "fence" if input.is_empty() || input.peek(Token![,]) => {
                self.fence = true;
                Ok(())
            }
            "fence" => Err(syn::Error::new(
                ident.span(),
                "`fence` takes no value: write `fence` alone, and read `lock.fencing_token()` with `guard = lock`",
            )),
            "with" => self.bindings(&ident, input, errors),
            _ if !input.peek(Token![=]) => {
                let message = format!("expected `=` after `{name}`{}", such_as(&name));
                Err(syn::Error::new(ident.span(), message))
            }
            _ => {
                input.parse::<Token![=]>()?;
                if input.is_empty() || input.peek(Token![,]) {
                    let message = format!("expected a value after `{name} =`{}", such_as(&name));
                    return Err(syn::Error::new(ident.span(), message));
                }
                self.value(&ident, &name, input, errors)
            }
        }
    }

    fn value(
        &mut self,
        ident: &Ident,
        name: &str,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        match name {
            "key" => {
                let value = ungrouped(input.parse()?);
                match value {
                    Expr::Lit(ExprLit {
                        lit: Lit::Str(text),
                        ..
                    }) if text.suffix().is_empty() => self.key = Some(text),
                    _ => errors.on(
                        value,
                        "`key` must be a string literal: interpolate with `<name>`, \
                         bind anything else in `with(…)`",
                    ),
                }
            }
            "ttl" => self.ttl = read(name, input.parse()?, errors),
            "wait" => self.wait = read(name, input.parse()?, errors),
            "min_hold" => self.min_hold = read(name, input.parse()?, errors),
            "renew" => {
                let hold = read(name, input.parse()?, errors);
                self.renew = hold.map(|hold| Renew {
                    hold: Some(hold),
                    span: ident.span(),
                });
            }
            "on_lost" => {
                let value = ungrouped(input.parse()?);
                let text = word(&value);
                self.finish = text == "finish";
                if text != "cancel" && text != "finish" {
                    errors.on(value, "expected `\"cancel\"` or `\"finish\"`");
                }
            }
            "release" => {
                let value = ungrouped(input.parse()?);
                match word(&value).as_str() {
                    "answered" => self.release = Some(Release::Answered),
                    "background" => self.release = Some(Release::Background),
                    _ => errors.on(value, "expected `\"answered\"` or `\"background\"`"),
                }
            }
            "guard" => {
                let mut value = TokenStream::new();
                while !input.is_empty() && !input.peek(Token![,]) {
                    value.extend([input.parse::<TokenTree>()?]);
                }
                match syn::parse2::<Ident>(value.clone()) {
                    Ok(ident) => self.guard = Some(ident),
                    Err(_) => errors.on(
                        value,
                        "expected a name for the guard, such as `guard = lock`",
                    ),
                }
            }
            "or_else" => match ungrouped(input.parse()?) {
                value @ Expr::Lit(_) => {
                    errors.on(
                        value,
                        "expected a closure or a function, such as `or_else = |error| …`",
                    );
                }
                value => self.or_else = Some(value),
            },
            "client" => self.client = Some(input.parse()?),
            _ => {
                let ahead = input.fork();
                let value = input.call(Path::parse_mod_style).or_else(|_| {
                    let value: Expr = ahead.parse()?;
                    let message = "expected a path, such as `crate = crate::lock_runtime`";
                    Err(syn::Error::new_spanned(value, message))
                })?;
                self.krate = Some(value);
            }
        }
        Ok(())
    }

    fn bindings(
        &mut self,
        ident: &Ident,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        if !input.peek(syn::token::Paren) {
            return Err(syn::Error::new(ident.span(), WITH));
        }
        let content;
        parenthesized!(content in input);
        match content.parse_terminated(Binding::parse, Token![,]) {
            Ok(bindings) => {
                for binding in bindings {
                    let twice = self
                        .with
                        .iter()
                        .any(|other| other.name.unraw() == binding.name.unraw());
                    if twice {
                        let message = format!("`with` binds `{}` twice", binding.name);
                        errors.at(binding.name.span(), message);
                    }
                    self.with.push(binding);
                }
            }
            Err(error) => {
                // The rest of the parentheses must not be reported once more.
                content.parse::<TokenStream>()?;
                errors.push(error);
            }
        }
        Ok(())
    }
}
