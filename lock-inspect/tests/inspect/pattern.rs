//! Some keys of many: a part of them, or a pattern.

use crate::world::World;

/// The keys that are found, by each command that takes a pattern.
fn found(world: &World, pattern: &str) -> Vec<String> {
    let of = |arguments: &[&str]| {
        let said = world.run(&[arguments, &["--json", "--", pattern]].concat());
        assert!(said.code < 2, "{said:?}");
        let object = said.json();
        assert_eq!(object["matching"], pattern);
        let locks = object["locks"].as_array().expect("a list");
        let keys = locks.iter().map(|lock| lock["key"].as_str().expect("text"));
        keys.map(str::to_owned).collect::<Vec<_>>()
    };
    let listed = of(&["list"]);
    assert_eq!(of(&["leaks"]), listed, "none expires");
    assert_eq!(of(&["watch", "--times", "1"]), listed);
    listed
}

#[tokio::test]
async fn a_pattern_or_a_part_is_matched_on_the_server() {
    let world = World::new().await;
    let keys: [&[u8]; 9] = [
        b"order:1",
        b"order:2",
        b"order:33",
        b"reorder",
        b"star*",
        b"star[1]",
        b"back\\slash",
        b"\xff\n",
        "café".as_bytes(),
    ];
    for key in keys {
        world.does("SETNX", key, &[b"1"]).await;
    }
    for (pattern, wanted) in [
        ("order:*", &["order:1", "order:2", "order:33"][..]),
        ("order:?", &["order:1", "order:2"]),
        ("order:[13]*", &["order:1", "order:33"]),
        ("order:[^1]", &["order:2"]),
        ("order", &["order:1", "order:2", "order:33", "reorder"]),
        ("order?", &[]),
        // The server matches bytes.
        ("caf?", &[]),
        ("caf??", &["café"]),
        (r"star\*", &["star*"]),
        (r"star\[*", &["star[1]"]),
        (r"back\\", &[r"back\\slash"]),
        (r"\xff\n", &[r"\xff\n"]),
        (r"\xff*", &[r"\xff\n"]),
    ] {
        assert_eq!(found(&world, pattern), wanted, "{pattern}");
    }
    assert_eq!(found(&world, "").len(), keys.len());

    let said = world.run(&["list", "nothing:*"]);
    assert_eq!(said.code, 0, "{said:?}");
    let words = format!(
        "no locks under `{}` that match `nothing:*` on ",
        world.prefix
    );
    assert!(said.out.starts_with(&words), "{said:?}");
    // As the server has them.
    let whole = format!("{}order:*", world.prefix);
    for command in ["list", "leaks"] {
        let said = world.run(&[command, &whole]);
        assert!(said.out.contains("leave it out"), "{said:?}");
    }
    // Others are not counted as left out.
    let said = world.run(&["list", "--foreign", "1", "order:1"]);
    assert!(!said.out.contains("more"), "{said:?}");
    for wrong in [
        "a[b",
        r"a\q",
        "redis://me:hunter2@localhost",
        "REDIS://me:hunter2@localhost",
        "valkey://me:hunter2@localhost",
        "valkeys://me:hunter2@localhost",
        "redis+unix:///socket?pass=hunter2",
    ] {
        let said = world.run(&["list", wrong]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
        assert!(!said.err.contains("hunter2"), "{said:?}");
    }
}

/// What stands in the prefix is no pattern, whatever pattern comes behind it.
#[tokio::test]
async fn a_prefix_of_signs_stays_itself() {
    let server = tests::Server::shared();
    let world = World::on(server, "signs[*]-:".to_owned()).await;
    world.does("SETNX", b"mine", &[b"1"]).await;
    let other = World::on(server, "signs*x-:".to_owned()).await;
    other.does("SETNX", b"mine too", &[b"1"]).await;
    assert_eq!(found(&world, "mine*"), ["mine"]);
}
