//! Functions that the attribute accepts, and items near them.

use proptest::prelude::*;
use proptest::sample::select;

/// Names that every valid function binds, for placeholders and expressions.
pub(super) const NAMES: [&str; 4] = ["id", "cart", "r#type", "day"];

pub(super) fn valid() -> impl Strategy<Value = String> {
    let head = select(vec![
        "",
        "pub ",
        "pub(crate) ",
        "pub(in crate::orders) ",
        "#[inline] ",
        "/// Orders.\n ",
        "#[tracing::instrument(skip(cart))] ",
    ]);
    let receiver = select(vec![
        "&self",
        "&mut self",
        "self",
        "mut self",
        "self: Arc<Self>",
        "self: Pin<&mut Self>",
    ]);
    let parameters = select(vec![
        "id: u64, cart: Cart, r#type: &str, day: Day",
        "Id(id): Id, (cart, _): (Cart, u8), r#type: &'static str, mut day: Day",
        "Order { id, cart, r#type, .. }: Order, day: impl Display + 'a",
        "#[cfg(all())] id: u64, cart: &mut Cart, r#type: T, day @ 1..=31: u8",
        "id: [u8; { 4 + 4 }], cart: fn(&u8) -> u8, r#type: impl Fn(u8) -> u8, [day, ..]: [u8; 3]",
    ]);
    let generics = select(vec![
        "",
        "<'a, T>",
        "<'a, T: Display + Clone, const N: usize>",
    ]);
    let output = select(vec![
        "",
        "-> ()",
        "-> Result<u8, E>",
        "-> !",
        "-> impl Iterator<Item = u8> + use<'a, T>",
        "-> Option<impl Display>",
        "-> Box<dyn Fn(u8) -> u8>",
        "-> [u8; N]",
    ]);
    let body = select(vec![
        "{}",
        "{ Ok(id) }",
        "{ #![allow(unused)] cart.take(day)?; Ok(1) }",
        "{ let x = ; half. }",
        "{ format!(\"{id} {cart:?}\") }",
        "{ async move { r#type }.await }",
    ]);
    let rest = (generics, output, select(vec!["", "where T: Copy"]), body);
    (head, select(vec!["async", "async unsafe"]), receiver, parameters, rest).prop_map(
        |(head, kind, receiver, parameters, (generics, output, bounds, body))| {
            format!(
                "{head}{kind} fn place{generics}({receiver}, {parameters}) {output} {bounds} {body}"
            )
        },
    )
}

pub(super) fn hostile() -> impl Strategy<Value = String> {
    let usual = select(vec!["id: u64", "cart: Cart", "r#type: T", "day: Day"]);
    let parameter = prop_oneof![3 => usual, 1 => hostile_parameter()];
    let parameters = prop::collection::vec(parameter, 0..5);
    (hostile_head(), parameters, hostile_tail()).prop_map(|(head, parameters, tail)| {
        let parameters = parameters.join(", ");
        format!("{head}({parameters}) {tail}")
    })
}

/// Now and then one of these.
fn odd(
    strategy: impl Strategy<Value = &'static str>,
    ordinary: &'static str,
) -> impl Strategy<Value = &'static str> {
    prop_oneof![2 => Just(ordinary), 1 => strategy]
}

/// To the name and its generics.
fn hostile_head() -> impl Strategy<Value = String> {
    let head = select(vec![
        "",
        "pub",
        "pub(self)",
        "#[distributed_lock(key = \"a\", ttl = 1)]",
        "#![inner]",
        "default",
        "#[lock_runtime::distributed_lock]",
        "/** doc */",
        "macro_rules!",
        "crate",
    ]);
    let kind = select(vec![
        "async fn",
        "fn",
        "const fn",
        "async const unsafe fn",
        "unsafe extern \"C\" fn",
        "extern fn",
        "gen fn",
        "async",
        "fn fn",
        "struct",
        "enum",
        "union",
        "impl",
        "impl<T>",
        "trait",
        "mod",
        "const",
        "static mut",
        "type",
        "extern crate",
        "use",
        "let",
        "unsafe extern",
    ]);
    let name = select(vec![
        "f", "r#fn", "_", "self", "Self", "über", "f::g", "1", "'a", "",
    ]);
    let generics = select(vec![
        "",
        "<T>",
        "<'a, 'a>",
        "<const N: usize = 3>",
        "<T = u8>",
        "<",
        "<>",
    ]);
    // Otherwise ordinary: what is odd about the rest must not be hidden behind it.
    (
        odd(head, ""),
        odd(kind, "async fn"),
        odd(name, "f"),
        odd(generics, ""),
    )
        .prop_map(|(head, kind, name, generics)| format!("{head} {kind} {name}{generics}"))
}

fn hostile_parameter() -> impl Strategy<Value = &'static str> {
    select(vec![
        "id: u64",
        "cart: &Cart",
        "_: u8",
        "&self",
        "self",
        "mut self: Box<Self>",
        "&'a mut self",
        "self: &self",
        "(a, (b, ..)): T",
        "A { b: [c, ..], .. }: T",
        "x @ 1..=3: u8",
        "ref mut r: u8",
        "r#type: u8",
        "#[cfg(any())] c: u8",
        "#[doc = \"x\"] d: u8",
        "..",
        "...",
        "args: ...",
        "u8",
        "_unused: u8",
        "f: for<'a> fn(&'a str) -> &'a str",
        "n: [u8; {N}]",
        "m!(): u8",
        "id: impl A",
        "a | b: u8",
        "-1: i8",
        "\"x\": &str",
        "box b: u8",
        "id",
        "id: ",
        ":",
        "",
    ])
}

/// From the arrow on.
fn hostile_tail() -> impl Strategy<Value = String> {
    let output = select(vec![
        "",
        "->",
        "-> !",
        "-> _",
        "-> impl Future<Output = u8>",
        "-> Result<(), E>",
        "-> (",
        "-> Pin<Box<dyn Future<Output = u8> + Send + 'a>>",
        "-> Pin<Box<u8>>",
        "-> Pin<Box<dyn Send>>",
        "-> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = R>>>",
        "-> fn() -> u8",
        "-> m!()",
    ]);
    let body = select(vec![
        "{}",
        ";",
        "",
        "{ Ok(id) }",
        "{ Box::pin(async move { let __self = self; id }) }",
        "= 1;",
        "{",
        "{ Box::pin(async {}) }",
        "{ ::std::boxed::Box::pin(async move { let (a, b) = a; a }) }",
        "{ Box::pin() }",
        "{ pin(1) }",
        "{ #![a] #![b] }",
        "{ #! }",
        "{ \"{{id}} {id:?}\" }",
        "{ id. }",
        "{ runtime.block_on(body) }",
        "(A, B);",
        "{ a: u8 }",
        "{} {}",
        "{} fn g() {}",
        "=> 1",
        "{ 'a: }",
    ]);
    let bounds = select(vec!["", "where", "where T: Copy,"]);
    (
        odd(output, "-> R"),
        odd(bounds, ""),
        odd(body, "{ Ok(id) }"),
    )
        .prop_map(|(output, bounds, body)| format!("{output} {bounds} {body}"))
}
