//! From what was written to what is meant; every mistake on the way is reported.

use std::ops::Range;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Expr, Ident, LitStr, Path};

use crate::args::{Args, Binding, Release, Renew};
use crate::bindings::Bindings;
use crate::duration::Length;
use crate::errors::{Errors, did_you_mean};
use crate::function::Function;
use crate::ranges::Lengths;
use crate::template::{self, Fault, Placeholder, Segment};

/// Keys under this name belong to fencing counters; the runtime refuses them, too.
const RESERVED: &str = "fence:";

/// A sound attribute.
pub(crate) struct Model {
    pub(crate) key: Vec<Part>,
    /// The key as written.
    pub(crate) template: String,
    pub(crate) ttl: Length,
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

/// A part of the key whose placeholder is resolved.
pub(crate) enum Part {
    Literal(String),
    Value {
        text: String,
        root: Root,
        fields: Vec<String>,
        span: Span,
    },
}

/// What a placeholder begins with.
pub(crate) enum Root {
    Receiver,
    Argument(Ident),
    /// The index of a binding of `with`.
    With(usize),
}

/// Checks `args` against `function`. `None` if something is missing, which has been reported.
pub(crate) fn check(args: Args, function: &Function, errors: &mut Errors) -> Option<Model> {
    let bindings = Bindings::of(function);
    for binding in &args.with {
        if let Some(argument) = bindings.find(&binding.name.unraw().to_string()) {
            let message = format!("`with` binds `{argument}`, which is already an argument");
            errors.at(binding.name.span(), message);
        }
    }
    if let Some(guard) = &args.guard
        && let Some(argument) = bindings.find(&guard.unraw().to_string())
    {
        let message = format!("`guard` binds `{argument}`, which is already an argument");
        errors.at(guard.span(), message);
    }
    Lengths::of(&args).check(&args, errors);
    let key = args.key.as_ref().map(|key| {
        let template = Template {
            text: key,
            args: &args,
            function,
            bindings: &bindings,
        };
        template.check(errors)
    });
    if args.lacks("key") {
        errors.at(
            Span::call_site(),
            "missing `key`: add `key = \"order:<order_id>\"`",
        );
    }
    if args.lacks("ttl") {
        errors.at(
            Span::call_site(),
            "missing `ttl`: a lock that never expires is never released if its holder dies; \
             add `ttl = 10` (seconds)",
        );
    }
    Some(Model {
        key: key?,
        template: args.key?.value(),
        ttl: args.ttl?,
        wait: args.wait,
        renew: args.renew,
        min_hold: args.min_hold,
        finish: args.finish,
        release: args.release,
        with: args.with,
        fence: args.fence,
        guard: args.guard,
        or_else: args.or_else,
        client: args.client,
        krate: args.krate,
    })
}

/// The key's template with all that its placeholders may name.
struct Template<'a> {
    text: &'a LitStr,
    args: &'a Args,
    function: &'a Function,
    bindings: &'a Bindings,
}

impl Template<'_> {
    fn check(&self, errors: &mut Errors) -> Vec<Part> {
        let text = self.text.value();
        if text.is_empty() {
            self.error(errors, "`key` must not be empty");
        }
        if text.starts_with(RESERVED) {
            let message = format!("keys under `{RESERVED}` are reserved: choose another name");
            self.error(errors, message);
        }
        let (segments, faults) = template::parse(&text);
        for (fault, at) in &faults {
            errors.at(self.span(at), self.fault(fault));
        }
        self.check_braces(&segments, errors);
        if self.args.fence {
            self.check_fence(&segments, errors);
        }
        if faults.is_empty() {
            self.check_separators(&segments, errors);
            self.check_bindings_used(&segments, errors);
        }
        segments
            .into_iter()
            .filter_map(|segment| self.part(segment, errors))
            .collect()
    }

    fn error(&self, errors: &mut Errors, message: impl std::fmt::Display) {
        errors.at(self.text.span(), message);
    }

    /// A part of the literal, where the toolchain can point at one.
    fn span(&self, at: &Range<usize>) -> Span {
        let literal = self.text.token();
        // Behind escapes, places in the value are others than in the source.
        let plain = literal.to_string() == format!("\"{}\"", self.text.value());
        let part = plain.then(|| literal.subspan(at.start + 1..=at.end));
        part.flatten().unwrap_or_else(|| literal.span())
    }

    fn fault(&self, fault: &Fault) -> String {
        match fault {
            Fault::Empty => "empty placeholder: name an argument, such as `<user_id>`".to_owned(),
            Fault::Unclosed(text) => {
                format!("unclosed `<{text}`: add `>`, or write `<<` for a literal `<`")
            }
            Fault::Unmatched => "unmatched `>`: write `>>` for a literal `>`".to_owned(),
            Fault::Underscore => "`_` cannot be a placeholder: name the argument".to_owned(),
            Fault::Call(call) => format!(
                "placeholders cannot call methods: add `with(name = {call})` and write `<name>`"
            ),
            Fault::NotAName(text) => {
                let name: String = text
                    .trim()
                    .chars()
                    .map(|c| if c.is_alphanumeric() { c } else { '_' })
                    .collect();
                let near = self
                    .near(&name)
                    .map_or_else(String::new, |near| format!(", did you mean `<{near}>`?"));
                format!("`{text}` is not an argument name{near}")
            }
        }
    }

    fn near(&self, name: &str) -> Option<String> {
        let names: Vec<String> = self
            .bindings
            .names
            .iter()
            .map(|argument| &argument.ident)
            .chain(self.args.with.iter().map(|binding| &binding.name))
            .map(|ident| ident.unraw().to_string())
            .collect();
        did_you_mean(name, names.iter().map(String::as_str)).map(str::to_owned)
    }

    /// What to name instead of an unknown placeholder.
    fn suggestion(&self, name: &str) -> String {
        if let Some(near) = self.near(name) {
            return format!(", did you mean `{near}`?");
        }
        let generics = &self.function.sig.generics;
        let is_type = generics.type_params().any(|param| param.ident == name);
        // Constants, generic ones too, need only be bound.
        if !name.contains(char::is_lowercase) && !is_type {
            return format!(": add `with({name} = {name})`");
        }
        let names = &self.bindings.names;
        let all: Vec<String> = names
            .iter()
            .map(|argument| format!("`{}`", argument.ident))
            .collect();
        match all.as_slice() {
            [] => format!(": add `with({name} = …)`"),
            all => format!(": name {}, or add `with({name} = …)`", all.join(", ")),
        }
    }

    /// `{user_id}` and `{user_id.name}`, as `format!` has them.
    fn check_braces(&self, segments: &[Segment], errors: &mut Errors) {
        for segment in segments {
            let Segment::Literal(text) = segment else {
                continue;
            };
            for inside in text.split('{').skip(1) {
                let Some((inside, _)) = inside.split_once('}') else {
                    continue;
                };
                let root = inside.split('.').next().unwrap_or_default();
                if self.bindings.find(root).is_some() || (root == "self" && root != inside) {
                    self.error(
                        errors,
                        format!("placeholders are written `<{inside}>`, not `{{{inside}}}`"),
                    );
                }
            }
        }
    }

    /// No value holds a brace, so that the template alone decides where the fence can lie.
    fn check_fence(&self, segments: &[Segment], errors: &mut Errors) {
        let text: String = segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => text,
                Segment::Placeholder(placeholder) => placeholder.text.as_str(),
            })
            .collect();
        let tag = text
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once('}'))
            .map(|(tag, _)| tag);
        if text.contains(['{', '}']) && tag.is_none_or(str::is_empty) {
            self.error(
                errors,
                "the key of a fenced lock has no braces, or one hash tag: write it like `{order:<id>}:x`",
            );
        }
    }

    fn check_separators(&self, segments: &[Segment], errors: &mut Errors) {
        let mut before: Option<&Placeholder> = None;
        let mut between = "";
        for segment in segments {
            match segment {
                Segment::Literal(text) => between = text,
                Segment::Placeholder(placeholder) => {
                    if let Some(before) = before.filter(|_| !between.contains([':', '{', '}'])) {
                        let (a, b) = (&before.text, &placeholder.text);
                        let message = format!(
                            "put `:` between `<{a}>` and `<{b}>`: without it (\"a{between}b\", \"c\") \
                             and (\"a\", \"b{between}c\") are one lock"
                        );
                        errors.at(self.span(&(before.at.start..placeholder.at.end)), message);
                    }
                    before = Some(placeholder);
                    between = "";
                }
            }
        }
    }

    fn check_bindings_used(&self, segments: &[Segment], errors: &mut Errors) {
        for binding in &self.args.with {
            let name = binding.name.unraw().to_string();
            let used = segments
                .iter()
                .any(|segment| matches!(segment, Segment::Placeholder(p) if p.root == name));
            if !used && self.bindings.find(&name).is_none() {
                errors.at(
                    binding.name.span(),
                    format!("`with` binds `{name}`, which the key does not use"),
                );
            }
        }
    }

    fn part(&self, segment: Segment, errors: &mut Errors) -> Option<Part> {
        let placeholder = match segment {
            Segment::Literal(text) => return Some(Part::Literal(text)),
            Segment::Placeholder(placeholder) => placeholder,
        };
        let Placeholder {
            text,
            root,
            fields,
            at,
        } = placeholder;
        let span = self.span(&at);
        let bound = self
            .args
            .with
            .iter()
            .position(|binding| binding.name.unraw() == root);
        let root = if root == "self" {
            if fields.is_empty() {
                errors.at(
                    span,
                    "`self` cannot be a placeholder: use a field, such as `<self.id>`",
                );
                return None;
            }
            if !self.bindings.receiver {
                let name = &self.function.sig.ident;
                errors.at(span, format!("`{name}` has no `self`: name an argument"));
                return None;
            }
            Root::Receiver
        } else if let Some(at) = bound {
            Root::With(at)
        } else if let Some(name) = self.bindings.find(&root) {
            Root::Argument(name.clone())
        } else if self.bindings.hidden.iter().any(|name| name.unraw() == root) {
            errors.at(
                span,
                format!(
                    "`{root}` is bound by a pattern that `#[async_trait]` moves into the body: \
                     take a plain argument"
                ),
            );
            return None;
        } else {
            let near = self.suggestion(&root);
            let name = &self.function.sig.ident;
            errors.at(
                span,
                format!("no argument named `{root}` in `{name}`{near}"),
            );
            return None;
        };
        Some(Part::Value {
            text,
            root,
            fields,
            span,
        })
    }
}
