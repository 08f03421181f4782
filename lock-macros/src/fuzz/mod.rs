//! Whatever is written, the attribute answers with an expansion or with errors at the user's own
//! tokens. `PROPTEST_CASES=1000000 cargo test --release -p lock-macros fuzz` asks for longer.

mod arguments;
mod functions;
mod mutation;
mod oracle;
mod templates;

use proptest::prelude::*;

use self::mutation::{Mutation, mutated, mutation};
use self::oracle::{judge, source};

/// Judges the attribute over the item, after mutations of each.
fn check(
    arguments: &str,
    item: &str,
    changes: &[Mutation],
    changes_of_item: &[Mutation],
) -> Result<Option<bool>, TestCaseError> {
    let Some((arguments, item)) = source(arguments, item) else {
        return Ok(None);
    };
    let arguments = mutated(arguments, changes);
    let item = mutated(item, changes_of_item);
    judge(&arguments, &item).map(Some)
}

proptest! {
    #[test]
    fn valid_attributes_expand(
        (arguments, function) in arguments::valid().prop_flat_map(|arguments| {
            (Just(arguments), functions::valid())
        })
    ) {
        let expanded = check(&arguments, &function, &[], &[])?;
        prop_assert_eq!(expanded, Some(true), "{}\n{}", arguments, function);
    }

    #[test]
    fn mutated_attributes(
        arguments in arguments::valid(),
        function in functions::valid(),
        changes in prop::collection::vec(mutation(), 1..6),
    ) {
        check(&arguments, &function, &changes, &[])?;
    }

    #[test]
    fn hostile_attributes(
        arguments in arguments::hostile(),
        function in functions::valid(),
        changes in prop::collection::vec(mutation(), 0..3),
    ) {
        check(&arguments, &function, &changes, &[])?;
    }

    #[test]
    fn nearly_valid_attributes(
        arguments in arguments::near(),
        function in functions::valid(),
        changes in prop::collection::vec(mutation(), 0..2),
    ) {
        check(&arguments, &function, &changes, &[])?;
    }

    #[test]
    fn hostile_items(
        arguments in prop_oneof![
            4 => Just("key = \"order\", ttl = 10".to_owned()),
            2 => arguments::valid(),
            1 => arguments::hostile(),
        ],
        item in functions::hostile(),
        changes in prop::collection::vec(mutation(), 0..4),
    ) {
        check(&arguments, &item, &[], &changes)?;
    }

    #[test]
    fn any_tokens(
        arguments in "(key|ttl|with|[a-z0-9_.,:;=<>!?&|+*/#$@ -]|\"[^\"\\\\]{0,3}\"|\\(\\)|\\{\\}){0,30}",
        item in "(async |fn |pub |[a-z0-9_.,:;=<>!?&|+*/#$@ -]|\"[^\"\\\\]{0,3}\"|\\(\\)|\\{\\}){0,30}",
    ) {
        check(&arguments, &item, &[], &[])?;
    }
}

/// Beyond what people write, within what they generate.
#[test]
fn long_input() -> Result<(), TestCaseError> {
    let function = "async fn f(id: u64) -> Result<(), E> { Ok(()) }";
    let many = 500;
    let texts = [
        format!("key = \"{}\", ttl = 10", "a".repeat(1 << 20)),
        format!("key = \"{}\", ttl = 10", "<id>:".repeat(many)),
        format!("key = \"{}\", ttl = 10", "<".repeat(many)),
        format!("key = \"{}\", ttl = 10", "<x>".repeat(many)),
        format!("key = \"a:<id>\", ttl = {}", "9".repeat(many)),
        format!("key = \"a:<id>\", ttl = \"{}s\"", "9".repeat(many)),
        format!(
            "key = \"a:<id>\", ttl = {}1{}",
            "(".repeat(100),
            ")".repeat(100)
        ),
        format!(
            "key = \"a:<id>\", ttl = 10, or_else = |e| {}",
            "x + ".repeat(300) + "1"
        ),
        format!("key = \"a\", ttl = 10, with({})", "a = 1, ".repeat(many)),
        "ttl = 10, ".repeat(many),
        "tll ".repeat(many),
        ", ".repeat(many),
    ];
    for text in &texts {
        check(text, function, &[], &[])?;
    }
    let parameters: Vec<String> = (0..many).map(|at| format!("a{at}: u8, ")).collect();
    let function = format!("async fn f({}) {{}}", parameters.concat());
    let key: Vec<String> = (0..many).map(|at| format!("<a{at}>:")).collect();
    let expanded = check(
        &format!("key = \"{}\", ttl = 10", key.concat()),
        &function,
        &[],
        &[],
    )?;
    assert_eq!(expanded, Some(true));
    Ok(())
}
