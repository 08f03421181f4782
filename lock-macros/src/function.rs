//! The annotated item: an async function, or what `#[async_trait]` made of one.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{
    Attribute, Block, Expr, GenericArgument, Ident, LitStr, PathArguments, ReturnType, Signature,
    Stmt, Token, Type, TypeParamBound, Visibility,
};

use crate::errors::Errors;

const NAME: &str = "distributed_lock";

/// A function whose signature is understood and whose body is left as it was typed, so that
/// editors can work on half a body.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) form: Form,
    /// What an awaiting caller gets.
    pub(crate) output: Type,
}

/// Where the body stands.
pub(crate) enum Form {
    /// `async fn`.
    Async { body: TokenStream },
    /// `fn … { Box::pin(async move { … }) }`, as `#[async_trait]` leaves it.
    Boxed { statements: Vec<Stmt> },
}

/// Reads the item, or says what is wrong with it.
pub(crate) fn parse(item: TokenStream, errors: &mut Errors) -> Option<Function> {
    match parser.parse2(item) {
        Ok(Ok(mut function)) => {
            let attrs = std::mem::take(&mut function.attrs);
            let (again, attrs): (Vec<_>, Vec<_>) = attrs.into_iter().partition(is_ours);
            for attr in again {
                errors.on(
                    attr.path(),
                    "duplicate `#[distributed_lock]`: nested locks can deadlock; put both names in one key",
                );
            }
            function.attrs = attrs;
            Some(function)
        }
        Ok(Err(refusal)) | Err(refusal) => {
            errors.push(refusal);
            None
        }
    }
}

/// The item as it is put back beside errors: without another copy of the attribute, whose own
/// errors would only repeat these.
pub(crate) fn untouched(item: TokenStream) -> TokenStream {
    let strip = |input: ParseStream<'_>| {
        let attrs = input.call(Attribute::parse_outer)?;
        let attrs = attrs.into_iter().filter(|attr| !is_ours(attr));
        let rest: TokenStream = input.parse()?;
        Ok(quote!(#[allow(unused)] #(#attrs)* #rest))
    };
    strip.parse2(item.clone()).unwrap_or(item)
}

fn is_ours(attr: &Attribute) -> bool {
    attr.path()
        .segments
        .last()
        .is_some_and(|last| last.ident == NAME)
}

fn parser(input: ParseStream<'_>) -> syn::Result<Result<Function, syn::Error>> {
    let mut attrs = input.call(Attribute::parse_outer)?;
    let vis: Visibility = input.parse()?;
    if let Some(refusal) = not_a_function(input) {
        input.parse::<TokenStream>()?;
        return Ok(Err(refusal));
    }
    let sig: Signature = input.parse()?;
    if input.peek(Token![;]) {
        input.parse::<Token![;]>()?;
        let message = "`#[distributed_lock]` needs a function body: move it to the implementation";
        return Ok(Err(syn::Error::new(sig.ident.span(), message)));
    }
    let body = braced(input.parse()?)?;
    let body = hoisted(body.stream(), &mut attrs);
    if sig.asyncness.is_some() {
        let output = output(&sig.output);
        let form = Form::Async { body };
        return Ok(Ok(Function {
            attrs,
            vis,
            sig,
            form,
            output,
        }));
    }
    if let Some((output, statements)) = boxed(&sig, &body) {
        let form = Form::Boxed { statements };
        return Ok(Ok(Function {
            attrs,
            vis,
            sig,
            form,
            output,
        }));
    }
    let text = body.to_string();
    let message = if let Some(runtime) = blocks_on(&text) {
        let in_test = attrs.iter().any(|attr| {
            attr.path()
                .segments
                .last()
                .is_some_and(|last| last.ident == "test")
        });
        let name = if in_test { "test" } else { "main" };
        format!("put `#[distributed_lock]` above `#[{runtime}::{name}]`, which removes `async`")
    } else if sig.constness.is_some() {
        "`#[distributed_lock]` requires an `async fn`: replace `const` by `async`".to_owned()
    } else {
        "`#[distributed_lock]` requires an `async fn`: add `async`".to_owned()
    };
    Ok(Err(syn::Error::new_spanned(sig.fn_token, message)))
}

/// The crate whose attribute has left this body, of which it made a call that blocks.
fn blocks_on(body: &str) -> Option<&'static str> {
    let names = [("runtime", "tokio"), ("System", "actix_web")];
    let found = names.iter().find(|(name, _)| body.contains(name));
    found
        .filter(|_| body.contains("block_on"))
        .map(|(_, runtime)| *runtime)
}

/// The body; one that came through `macro_rules!` lies in an invisible group.
fn braced(body: TokenTree) -> syn::Result<Group> {
    match body {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Ok(group),
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            braced(syn::parse2(group.stream())?)
        }
        other => Err(syn::Error::new(other.span(), "expected a function body")),
    }
}

/// The complaint about an item that is no function, at its keyword.
fn not_a_function(input: ParseStream<'_>) -> Option<syn::Error> {
    let ahead = input.fork();
    let mut words: Vec<Ident> = Vec::new();
    while let Ok(word) = ahead.call(Ident::parse_any) {
        words.push(word);
        // The ABI of `extern "C" fn`.
        let _: Option<LitStr> = ahead.parse().ok();
    }
    let first = words.first()?;
    let modifiers = ["const", "async", "unsafe", "extern", "default", "safe"];
    let word = words
        .iter()
        .find(|word| !modifiers.iter().any(|modifier| word == modifier));
    let message = match word {
        Some(word) if word == "fn" => return None,
        Some(word) if word == "impl" || word == "trait" => {
            "apply `#[distributed_lock]` to each method, not to the block"
        }
        _ => "`#[distributed_lock]` can only be applied to an `async fn`",
    };
    Some(syn::Error::new(first.span(), message))
}

/// `#![…]` at the head of a body must stay at a head: it becomes an attribute of the function.
fn hoisted(body: TokenStream, attrs: &mut Vec<Attribute>) -> TokenStream {
    let split = |input: ParseStream<'_>| {
        let inner = input.call(Attribute::parse_inner)?;
        Ok((inner, input.parse::<TokenStream>()?))
    };
    let Ok((inner, rest)) = split.parse2(body.clone()) else {
        return body;
    };
    attrs.extend(inner.into_iter().map(|mut attr| {
        attr.style = syn::AttrStyle::Outer;
        attr
    }));
    rest
}

fn output(output: &ReturnType) -> Type {
    match output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    }
}

// Input:  fn f<'a>(&'a self, id: u64) -> Pin<Box<dyn Future<Output = R> + Send + 'a>> {
//             Box::pin(async move { let __self = self; let id = id; … })
//         }
// Output: R, and the statements of the block.
fn boxed(sig: &Signature, body: &TokenStream) -> Option<(Type, Vec<Stmt>)> {
    let output = future_output(&sig.output)?;
    let statements = Block::parse_within.parse2(body.clone()).ok()?;
    let [Stmt::Expr(Expr::Call(call), None)] = statements.as_slice() else {
        return None;
    };
    let Expr::Path(function) = &*call.func else {
        return None;
    };
    if function.path.segments.last()?.ident != "pin" {
        return None;
    }
    let Some(Expr::Async(block)) = call.args.first() else {
        return None;
    };
    Some((output, block.block.stmts.clone()))
}

/// `R` of `Pin<Box<dyn Future<Output = R> + …>>`.
fn future_output(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = output else {
        return None;
    };
    let boxed = type_argument(ty, "Pin")?;
    let Type::TraitObject(object) = type_argument(&boxed, "Box")? else {
        return None;
    };
    object.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return None;
        };
        let last = bound.path.segments.last()?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return None;
        };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(assoc.ty.clone()),
            _ => None,
        })
    })
}

fn type_argument(ty: &Type, name: &str) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path
        .path
        .segments
        .last()
        .filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    })
}

/// Where `name` occurs among the tokens, at any depth, other than as the name of a field; also as
/// `{name}` in a string, which `format!` captures.
pub(crate) fn mention(tokens: TokenStream, name: &Ident) -> Option<Span> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let punct = |at: Option<usize>, c: char| {
        let token = at.and_then(|at| tokens.get(at));
        matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
    };
    tokens
        .iter()
        .enumerate()
        .find_map(|(at, token)| match token {
            TokenTree::Group(group) => mention(group.stream(), name),
            TokenTree::Ident(ident) if ident.unraw() == name.unraw() => {
                let before = |back| at.checked_sub(back);
                let member = punct(before(1), '.') && !punct(before(2), '.');
                let label = punct(Some(at + 1), ':') && !punct(Some(at + 2), ':');
                (!member && !label).then(|| ident.span())
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string().replace("{{", "");
                let captures = |end| text.contains(&format!("{{{}{end}", name.unraw()));
                (captures('}') || captures(':')).then(|| literal.span())
            }
            _ => None,
        })
}
