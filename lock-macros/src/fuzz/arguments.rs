//! Arguments of the attribute: sound ones, and ones that nobody should write.

use proptest::prelude::*;
use proptest::sample::select;

use super::functions::NAMES;

/// As a literal of Rust, raw or escaped.
fn literal(text: &str, raw: bool) -> String {
    let plain = !text.contains("\"#") && !text.contains('\r');
    if raw && plain {
        format!("r#\"{text}\"#")
    } else {
        format!("{text:?}")
    }
}

/// A sound key: what it names, and whether `<w>` of a `with` is among it.
fn key(with: bool) -> impl Strategy<Value = String> {
    let word = select(vec![
        "order", "é", "日本", "<<x>>", "%", "a b", "\u{202e}", "\\", "\"", "\n",
    ]);
    let mut names: Vec<String> = NAMES.map(str::to_owned).to_vec();
    names.extend(["type", "self.shop", "self.0.r#in", "cart.user.id", "id.0"].map(str::to_owned));
    let placeholders = prop::collection::vec(select(names), 0..4);
    (word, placeholders, any::<bool>(), any::<bool>()).prop_map(
        move |(word, mut names, tagged, raw)| {
            if with {
                names.push("w".to_owned());
            }
            let values: Vec<String> = names.iter().map(|name| format!(":<{name}>")).collect();
            let values = values.concat();
            let text = if tagged {
                format!("{{{word}{values}}}:x")
            } else {
                format!("{word}{values}")
            };
            literal(&text, raw)
        },
    )
}

fn maybe(values: Vec<&'static str>) -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(select(values))
}

pub(super) fn valid() -> impl Strategy<Value = String> {
    (sound(), any::<bool>()).prop_map(|(all, comma)| all.join(", ") + if comma { "," } else { "" })
}

/// Sound but for one value.
pub(super) fn near() -> impl Strategy<Value = String> {
    let value = prop_oneof![hostile_value(), hostile_text()];
    (sound(), any::<prop::sample::Index>(), value).prop_map(|(mut all, at, value)| {
        let argument = at.get_mut(&mut all);
        let name = argument.split([' ', '(']).next().unwrap_or_default();
        *argument = format!("{name} = {value}");
        all.join(", ")
    })
}

/// Sound arguments in any order.
fn sound() -> impl Strategy<Value = Vec<String>> {
    let with = maybe(vec![
        "with(w = id.0 + 1)",
        "with(w = { cart.total() },)",
        "with(w = &&id)",
    ]);
    let key = with.prop_flat_map(|with| (Just(with), key(with.is_some())));
    let ttl = select(vec![
        "10",
        "1_0",
        "0x10",
        "10u64",
        "\"1500ms\"",
        "\"5m\"",
        "r\"1h\"",
        "Duration::from_secs(9)",
        "self.ttl",
        "if id > 3 { A } else { B }",
        "ttl(cart, day)?",
        "3600",
        "{ 5 }",
        "A + B",
    ]);
    let rest = (
        maybe(vec![
            "wait = 0",
            "wait = \"2s\"",
            "wait = 86400",
            "wait = self.wait",
            "wait = \"24h\"",
        ]),
        maybe(vec![
            "renew",
            "renew = \"48h\"",
            "renew = 2592000",
            "renew = HOLD",
        ]),
        maybe(vec![
            "on_lost = \"cancel\"",
            "on_lost = \"finish\"",
            "on_lost = r#\"finish\"#",
        ]),
        maybe(vec![
            "release = \"answered\"",
            "release = \"background\"",
            "release = r\"background\"",
        ]),
        maybe(vec!["guard = lock", "guard = r#gen", "guard = request"]),
        maybe(vec![
            "or_else = |error| refused(id, error)",
            "or_else = crate::refused::<T>",
            "or_else = move |_: LockError| -> Result<u8, E> { Err(day.into()) }",
            "or_else = |LockError::Busy { key, .. }| key",
            "or_else = async |cart| cart",
        ]),
        maybe(vec![
            "client = self.locks",
            "client = &*client()?",
            "client = LockClient::in_memory()",
        ]),
        maybe(vec![
            "crate = crate::locks",
            "crate = ::lock_runtime",
            "crate = r#type",
        ]),
        maybe(vec!["fence"]),
        maybe(vec!["min_hold = 0", "min_hold = self.hold"]),
    );
    (key, ttl, rest).prop_flat_map(|((with, key), ttl, rest)| {
        let (wait, renew, on_lost, release, guard, or_else, client, krate, fence, min_hold) = rest;
        let all = [
            with, wait, renew, on_lost, release, guard, or_else, client, krate, fence, min_hold,
        ];
        let mut all: Vec<String> = all.into_iter().flatten().map(str::to_owned).collect();
        all.push(format!("key = {key}"));
        all.push(format!("ttl = {ttl}"));
        Just(all).prop_shuffle()
    })
}

pub(super) fn hostile() -> impl Strategy<Value = String> {
    let name = select(vec![
        "key", "ttl", "wait", "renew", "min_hold", "on_lost", "release", "with", "fence", "guard",
        "or_else", "client", "crate", "r#key", "kye", "Key", "self", "_", "ttl_ms", "ключ", "1",
        "\"key\"", "",
    ]);
    let equals = select(vec![
        "=", "=", "=", "=", "", ":", "==", "=>", "= =", "+=", "(", ".",
    ]);
    let argument = (name, equals, prop_oneof![hostile_value(), hostile_text()]).prop_map(
        |(name, equals, value)| match equals {
            "(" => format!("{name}({value})"),
            _ => format!("{name} {equals} {value}"),
        },
    );
    let separator = select(vec![", ", ", ", ", ", " ", ",,", "; ", " | ", "\n"]);
    let argument = prop_oneof![4 => argument, 1 => hostile_value()];
    prop::collection::vec((argument, separator), 0..7).prop_map(|arguments| {
        let text = arguments
            .into_iter()
            .map(|(argument, separator)| argument + separator);
        text.collect()
    })
}

/// A string with any template or duration in it.
fn hostile_text() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[<>a.0_ é{}:#r()\\-]{0,24}",
        "(<(id|cart|type|self|x|r#in|)(\\.[a0]{1,3}){0,2}>|[:{}-]|<<|>>|é){0,8}",
        "\\PC{0,12}",
        "[0-9]{0,45}(ms|s|m|h|d|)",
        "fence:.{0,4}",
    ];
    let form = select(vec!["", "", "", "r", "r##", "b", "c", "br#", "suffix", "'"]);
    (text, form).prop_map(|(text, form)| match form {
        "r" | "r##" | "br#" => {
            let hashes = form.trim_start_matches(['b', 'r']);
            format!("{form}\"{}\"{hashes}", text.replace('"', ""))
        }
        "b" => format!(
            "b\"{}\"",
            text.escape_default().to_string().replace("\\u", "u")
        ),
        "c" => format!("c{text:?}"),
        "suffix" => format!("{text:?}s"),
        "'" => format!("{:?}", text.chars().next().unwrap_or('<')),
        _ => format!("{text:?}"),
    })
}

fn hostile_value() -> impl Strategy<Value = String> {
    let known = select(vec![
        "10",
        "0",
        "-5",
        "-0.0",
        "1.5",
        "1e400",
        "10s",
        "10ms",
        "10hours",
        "0x_FF",
        "0b2",
        "1i8",
        "'a'",
        "true",
        "self",
        "Self",
        "_",
        "crate",
        "super::x",
        "::x",
        "x::<T>",
        "<T as U>::V",
        "<id>",
        "a.b.c()",
        "|e| e",
        "|_, _| ()",
        "move || async {}",
        "|id| id",
        "|e: &mut E| -> ! { loop {} }",
        "fn() {}",
        "{ let x = 1; x }",
        "(a, b)",
        "[1; 3]",
        "&mut cart",
        "*id",
        "!id",
        "id?",
        "id.await",
        "return id",
        "break 'a",
        "concat!(\"a\", 1)",
        "format!(\"{id}\")",
        "if let Some(x) = y { x }",
        "..=id",
        "a = b",
        "id = id",
        "id = 1, id = 2",
        "w = , x = 1",
        "w",
        "1 = 2",
        "r#type = 1",
        "=",
        "#[a] b",
        "$x",
        "@",
        "unsafe { *p }",
        "const { 1 }",
        "let x = 1",
        "yield 1",
        "do yeet 1",
        "dyn T",
        "impl T",
        "'a: loop {}",
        "/* c */",
        "// c\n",
        "\u{feff}",
        "r#\"<id>\"#",
        "\"a\" \"b\"",
        "\"\\u{3c}id>\"",
        "\"<id\\x3e\"",
        "\"a\\\n   <id>\"",
        "\"ttl\" = 10",
    ]);
    let known = known.prop_map(str::to_owned);
    prop_oneof![
        6 => known,
        1 => "[0-9_]{1,60}[a-z0-9]{0,6}",
        1 => ("[(\\[{]{1,40}", "[a-z0-9]{0,3}").prop_map(|(open, inside)| {
            let close = open.chars().rev().map(|c| match c {
                '(' => ')',
                '[' => ']',
                _ => '}',
            });
            let close: String = close.collect();
            format!("{open}{inside}{close}")
        }),
    ]
}
