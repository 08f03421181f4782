//! From what was written to what is meant; every mistake on the way is reported.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Expr, Ident, LitStr, Path};

use crate::args::{Args, Binding, Renew};
use crate::bindings::Bindings;
use crate::duration::Length;
use crate::errors::{Errors, did_you_mean};
use crate::function::Function;
use crate::template::{self, Fault, Placeholder, Segment};

const MIN_TTL: u128 = 10;
const MIN_RENEWED_TTL: u128 = 300;
const DAY: u128 = 24 * 60 * 60 * 1_000;
const LONGEST_HOLD: u128 = 30 * DAY;

/// A sound attribute.
pub(crate) struct Model {
    pub(crate) key: Vec<Part>,
    pub(crate) key_span: Span,
    pub(crate) ttl: Length,
    pub(crate) wait: Option<Length>,
    pub(crate) renew: Option<Renew>,
    pub(crate) finish: bool,
    pub(crate) with: Vec<Binding>,
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
    },
}

/// What a placeholder begins with.
pub(crate) enum Root {
    Receiver,
    Name(Ident),
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
    let lengths = Lengths::of(&args);
    lengths.check(&args, errors);
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
        key_span: args.key?.span(),
        ttl: args.ttl?,
        wait: args.wait,
        renew: args.renew,
        finish: args.finish,
        with: args.with,
        guard: args.guard,
        or_else: args.or_else,
        client: args.client,
        krate: args.krate,
    })
}

/// The lengths that are known now; the others are checked at each call.
struct Lengths {
    ttl: Option<(u128, Span)>,
    wait: Option<(u128, Span)>,
    hold: Option<(u128, Span)>,
}

impl Lengths {
    fn of(args: &Args) -> Self {
        let known = |length: Option<&Length>| match length {
            Some(Length::Millis(millis, span)) => Some((*millis, *span)),
            _ => None,
        };
        Self {
            ttl: known(args.ttl.as_ref()),
            wait: known(args.wait.as_ref()),
            hold: known(args.renew.as_ref().and_then(|renew| renew.hold.as_ref())),
        }
    }

    fn check(&self, args: &Args, errors: &mut Errors) {
        if let Some((wait, span)) = self.wait
            && wait > DAY
        {
            errors.at(span, "`wait` is too long: at most 24 h");
        }
        if let Some((hold, span)) = self.hold
            && hold > LONGEST_HOLD
        {
            errors.at(span, "the longest hold is too long: at most 30 days");
        }
        let Some((ttl, span)) = self.ttl else { return };
        if ttl < MIN_TTL {
            errors.at(span, "`ttl` must be at least 10 ms");
        } else if ttl > DAY {
            errors.at(
                span,
                "`ttl` is too long: at most 24 h; use `renew` for long work",
            );
        } else if let Some(renew) = &args.renew {
            if ttl < MIN_RENEWED_TTL {
                let message = "`renew` needs `ttl` of at least 300 ms: a third of it must outlast a round trip";
                errors.at(renew.span, message);
            } else if let Some((_, span)) = self.hold.filter(|(hold, _)| *hold <= ttl) {
                errors.at(span, "the longest hold must be longer than `ttl`");
            } else if renew.hold.is_none() && ttl >= DAY {
                errors.at(renew.span, "the longest hold must be longer than `ttl`: add one, such as `renew = \"48h\"`");
            }
        }
    }
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
        let (segments, faults) = template::parse(&text);
        for fault in &faults {
            let message = self.fault(fault);
            self.error(errors, message);
        }
        self.check_braces(&segments, errors);
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

    fn fault(&self, fault: &Fault) -> String {
        match fault {
            Fault::Empty => "empty placeholder: name an argument, such as `<user_id>`".to_owned(),
            Fault::Unclosed(_) => {
                "unclosed `<`: add `>`, or write `<<` for a literal `<`".to_owned()
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

    fn check_braces(&self, segments: &[Segment], errors: &mut Errors) {
        for segment in segments {
            let Segment::Literal(text) = segment else {
                continue;
            };
            for argument in &self.bindings.names {
                let name = argument.ident.unraw();
                if text.contains(&format!("{{{name}}}")) {
                    self.error(
                        errors,
                        format!("placeholders are written `<{name}>`, not `{{{name}}}`"),
                    );
                }
            }
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
                        self.error(errors, message);
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
        let Placeholder { text, root, fields } = placeholder;
        let bound = self
            .args
            .with
            .iter()
            .map(|binding| &binding.name)
            .find(|name| name.unraw() == root);
        let root = if root == "self" {
            if fields.is_empty() {
                self.error(
                    errors,
                    "`self` cannot be a placeholder: use a field, such as `<self.id>`",
                );
                return None;
            }
            if !self.bindings.receiver {
                let name = &self.function.sig.ident;
                self.error(errors, format!("`{name}` has no `self`: name an argument"));
                return None;
            }
            Root::Receiver
        } else if let Some(name) = bound.or_else(|| self.bindings.find(&root)) {
            Root::Name(name.clone())
        } else if self.bindings.hidden.iter().any(|name| name.unraw() == root) {
            self.error(
                errors,
                format!(
                    "`{root}` is bound by a pattern that `#[async_trait]` moves into the body: \
                     take a plain argument"
                ),
            );
            return None;
        } else {
            let near = self.suggestion(&root);
            let name = &self.function.sig.ident;
            self.error(
                errors,
                format!("no argument named `{root}` in `{name}`{near}"),
            );
            return None;
        };
        Some(Part::Value { text, root, fields })
    }
}
