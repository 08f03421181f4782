//! What must hold for every answer of the attribute.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use proptest::prelude::*;
use quote::quote;

use crate::expand::attribute;
use crate::function::untouched;

/// Arguments and item as tokens of one source text, so that each span tells whether it is from
/// there. `None`: no tokens at all, which rustc reports before any macro is called.
pub(super) fn source(arguments: &str, item: &str) -> Option<(TokenStream, TokenStream)> {
    // Every text ever parsed is kept for the sake of spans.
    proc_macro2::extra::invalidate_current_thread_spans();
    let tokens = TokenStream::from_str(&format!("({arguments}\n) {item}")).ok()?;
    let mut tokens = tokens.into_iter();
    match tokens.next()? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
            Some((group.stream(), tokens.collect()))
        }
        _ => None,
    }
}

/// The file of the first text parsed, which is that of `source`.
const SOURCE: &str = "<parsed string 1>";

/// Says whether it expanded; an error is what broke a promise.
pub(super) fn judge(arguments: &TokenStream, item: &TokenStream) -> Result<bool, TestCaseError> {
    let output = attribute(arguments.clone(), item.clone());
    let shown = || format!("#[distributed_lock({arguments})]\n{item}\n=>\n{output}");
    if syn::parse2::<syn::File>(item.clone()).is_ok() {
        let parsed = syn::parse2::<syn::File>(output.clone());
        prop_assert!(parsed.is_ok(), "{:?}: no item: {}", parsed.err(), shown());
    }
    let tokens: Vec<TokenTree> = output.clone().into_iter().collect();
    let errors = trailing_errors(&tokens);
    if errors.is_empty() {
        prop_assert!(!speaks_of_errors(&output), "an error inside: {}", shown());
        return Ok(true);
    }
    let rest: TokenStream = tokens[..tokens.len() - errors.len() * ERROR]
        .iter()
        .cloned()
        .collect();
    prop_assert!(is_untouched(&rest, item), "not the item: {}", shown());
    for error in errors {
        let message = message(&error[ERROR - 1]);
        prop_assert!(message.is_some(), "no message: {}", shown());
        let message = message.unwrap_or_default();
        prop_assert!(
            !message.contains("could not read"),
            "not told why: {}",
            shown()
        );
        for token in error {
            let file = token.span().file();
            let call_site = token.span().byte_range() == (0..0);
            prop_assert!(
                file == SOURCE || call_site,
                "{} at {}: {}",
                message,
                file,
                shown()
            );
        }
    }
    Ok(false)
}

/// The item as it was; only another copy of the attribute may have gone.
fn is_untouched(rest: &TokenStream, item: &TokenStream) -> bool {
    // Parsed and written again, a token may stand closer to the next.
    let shown = |tokens: &TokenStream| tokens.to_string().replace([' ', '\n'], "");
    let (rest, written) = (shown(rest), shown(item));
    let written = if written.contains("distributed_lock") {
        shown(&untouched(item.clone()))
    } else {
        written
    };
    let allowed = shown(&quote!(#[allow(unused)]));
    rest == written || rest.strip_prefix(&allowed) == Some(&written)
}

/// `:: core :: compile_error ! { "…" }`
const ERROR: usize = 8;

fn trailing_errors(tokens: &[TokenTree]) -> Vec<&[TokenTree]> {
    let mut errors = Vec::new();
    let mut rest = tokens;
    while let Some((before, error)) = rest.len().checked_sub(ERROR).map(|at| rest.split_at(at)) {
        let text: String = error[..ERROR - 1].iter().map(ToString::to_string).collect();
        if text != "::core::compile_error!" {
            break;
        }
        errors.push(error);
        rest = before;
    }
    errors
}

fn message(token: &TokenTree) -> Option<String> {
    let TokenTree::Group(group) = token else {
        return None;
    };
    let text: syn::LitStr = syn::parse2(group.stream()).ok()?;
    Some(text.value())
}

fn speaks_of_errors(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Group(group) => speaks_of_errors(&Group::stream(&group)),
        TokenTree::Ident(ident) => ident == "compile_error",
        _ => false,
    })
}
