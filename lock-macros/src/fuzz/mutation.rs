//! Changes of single tokens, at any depth.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use proptest::prelude::*;

/// Places count from the front through all groups, modulo the number of tokens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mutation {
    Drop(usize),
    Duplicate(usize),
    Swap(usize, usize),
    Overwrite(usize, usize),
    /// In another delimiter; an invisible one is what `macro_rules!` leaves around an argument.
    Wrap(usize, Delimiter),
    Redelimit(usize, Delimiter),
    Unwrap(usize),
}

fn delimiter() -> impl Strategy<Value = Delimiter> {
    use Delimiter::{Brace, Bracket, None, Parenthesis};
    prop::sample::select(vec![None, None, Parenthesis, Bracket, Brace])
}

pub(super) fn mutation() -> impl Strategy<Value = Mutation> {
    let at = || any::<usize>();
    prop_oneof![
        at().prop_map(Mutation::Drop),
        at().prop_map(Mutation::Duplicate),
        (at(), at()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        (at(), at()).prop_map(|(a, b)| Mutation::Overwrite(a, b)),
        (at(), delimiter()).prop_map(|(at, delimiter)| Mutation::Wrap(at, delimiter)),
        (at(), delimiter()).prop_map(|(at, delimiter)| Mutation::Redelimit(at, delimiter)),
        at().prop_map(Mutation::Unwrap),
    ]
}

pub(super) fn mutated(tokens: TokenStream, mutations: &[Mutation]) -> TokenStream {
    mutations.iter().fold(tokens, |tokens, mutation| {
        let count = flat(&tokens).len();
        if count == 0 {
            return tokens;
        }
        let token = |at: usize| flat(&tokens).swap_remove(at % count);
        let edited = |at: usize, edit: &dyn Fn(TokenTree) -> Vec<TokenTree>| {
            edited(tokens.clone(), &mut (at % count), edit)
        };
        match *mutation {
            Mutation::Drop(at) => edited(at, &|_| vec![]),
            Mutation::Duplicate(at) => edited(at, &|token| vec![token.clone(), token]),
            Mutation::Overwrite(at, by) => edited(at, &|_| vec![token(by)]),
            Mutation::Swap(a, b) => {
                let (first, second) = (token(a), token(b));
                let once = edited(a, &|_| vec![second.clone()]);
                // A group may have taken the other place with it.
                let left = flat(&once).len().max(1);
                self::edited(once, &mut (b % count % left), &|_| vec![first.clone()])
            }
            Mutation::Wrap(at, delimiter) => edited(at, &|token| {
                let span = token.span();
                let mut group = Group::new(delimiter, token.into());
                group.set_span(span);
                vec![group.into()]
            }),
            Mutation::Redelimit(at, delimiter) => edited(at, &|token| match token {
                TokenTree::Group(old) => {
                    let mut group = Group::new(delimiter, old.stream());
                    group.set_span(old.span());
                    vec![group.into()]
                }
                other => vec![other],
            }),
            Mutation::Unwrap(at) => edited(at, &|token| match token {
                TokenTree::Group(group) => group.stream().into_iter().collect(),
                other => vec![other],
            }),
        }
    })
}

/// All tokens, each group before what it holds.
fn flat(tokens: &TokenStream) -> Vec<TokenTree> {
    let mut all = Vec::new();
    for token in tokens.clone() {
        all.push(token.clone());
        if let TokenTree::Group(group) = token {
            all.extend(flat(&group.stream()));
        }
    }
    all
}

/// With the token at `left` places from the front edited.
fn edited(
    tokens: TokenStream,
    left: &mut usize,
    edit: &dyn Fn(TokenTree) -> Vec<TokenTree>,
) -> TokenStream {
    let mut result = TokenStream::new();
    for token in tokens {
        let here = *left == 0;
        *left = left.wrapping_sub(1);
        if here {
            result.extend(edit(token));
        } else if let TokenTree::Group(group) = token {
            let mut inner = Group::new(group.delimiter(), edited(group.stream(), left, edit));
            inner.set_span(group.span());
            result.extend([TokenTree::Group(inner)]);
        } else {
            result.extend([token]);
        }
    }
    result
}
