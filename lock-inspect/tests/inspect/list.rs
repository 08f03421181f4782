//! `list`: ours, foreign, hostile, on wide and narrow terminals.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use crate::terminal::Terminal;
use crate::tool::command;
use crate::world::World;

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn ours_and_foreign_ones_are_listed() {
    let world = World::new().await;
    let lock = world.client.lock("order:42").ttl(MINUTE);
    let _held = lock.name("place_order").acquire().await.expect("free");
    let lock = world.client.lock("report").ttl(MINUTE).renew().fenced();
    let _fenced = lock.name("report").acquire().await.expect("free");
    world.does("SET", b"cron", &[b"1", b"PX", b"30000"]).await;
    world.does("HSET", b"redisson", &[b"uuid:1", b"1"]).await;

    let said = world.run(&["list"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines.len(), 6, "with a title and a leak's reason: {said:?}");
    assert!(lines[0].starts_with("KEY"), "{said:?}");
    assert!(lines[1].contains("foreign: \"1\""), "{said:?}");
    let owner = format!("pid {}", std::process::id());
    let ours = lines[2];
    assert!(
        ours.contains("order:42") && ours.contains("place_order on "),
        "{ours}"
    );
    assert!(ours.contains(&owner) && ours.ends_with("  no"), "{ours}");
    assert!(lines[3].contains("foreign: a hash"), "{said:?}");
    assert!(lines[4].contains("no expiry"), "{said:?}");
    assert!(
        lines[5].starts_with("report") && lines[5].ends_with("not yet"),
        "{said:?}"
    );

    let object = world.run(&["list", "--json"]).json();
    assert_eq!(object["prefix"], world.prefix.as_str());
    let locks = object["locks"].as_array().expect("a list");
    assert_eq!(locks.len(), 4, "the fence is none: {object}");
    let ours = &locks[1];
    assert_eq!(ours["key"], "order:42");
    assert_eq!(ours["held_by"]["kind"], "ours");
    assert_eq!(ours["held_by"]["function"], "place_order");
    assert_eq!(ours["held_by"]["ttl_ms"], 60_000);
    let left = ours["remaining_ms"].as_u64().expect("a number");
    assert!((1..=60_000).contains(&left), "{ours}");
    let token = world.value("order:42").await.expect("held");
    assert_eq!(ours["token"].as_str().map(str::as_bytes), Some(&*token));
    assert_eq!(locks[2]["held_by"]["kind"], "foreign");
    assert_eq!(locks[2]["remaining_ms"], serde_json::Value::Null);
}

#[tokio::test]
async fn nothing_is_said_to_be_nothing() {
    let world = World::new().await;
    let said = world.run(&["list"]);
    assert_eq!(said.code, 0);
    let server = world.url.trim_end_matches('/');
    let words = format!("no locks under `{}` on {server}\n", world.prefix);
    assert_eq!(said.out, words);
}

#[tokio::test]
async fn a_prefix_is_no_pattern() {
    let server = tests::Server::shared();
    let world = World::on(server, "stars[*]?:".to_owned()).await;
    world.does("SET", b"mine", &[b"1"]).await;
    let other = World::on(server, "stars*XX:".to_owned()).await;
    other.does("SET", b"not mine", &[b"1"]).await;
    let said = world.run(&["list"]);
    assert!(
        said.out.contains("mine") && !said.out.contains("not"),
        "{said:?}"
    );
}

/// What strangers write must not reach the terminal, or break the table or the JSON.
#[tokio::test]
async fn hostile_keys_and_values_are_escaped() {
    let world = World::new().await;
    let hostile: [&[u8]; 6] = [
        b"\x1b[2J\x1b]0;owned\x07",
        b"two\r\nlines\t\0",
        b"\xff\xfe bytes",
        "\u{202e}desrever\u{200b}\u{85}".as_bytes(),
        b"\\back\"slash\"",
        &[b'k'; 3000],
    ];
    let token = b"0123456789abcdef0123456789abcdef|h|1|f|1|1000|0\n\x1b[31m";
    for (at, key) in hostile.iter().enumerate() {
        let long = [token.as_slice(), &vec![b'x'; 1 << 20]].concat();
        let value = if at == 0 { long.as_slice() } else { key };
        world.does("SET", key, &[value]).await;
    }
    // Numbers beyond all bounds in what looks like ours.
    let huge = format!("{}|h\u{202e}|1|f|{1}|{1}|{1}", "0".repeat(32), u64::MAX);
    world
        .does(
            "SET",
            b"huge",
            &[huge.as_bytes(), b"PX", b"9000000000000000"],
        )
        .await;
    world
        .does("SET", b"cut", &[&[huge.as_bytes(), &[b'0'; 2000]].concat()])
        .await;

    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["leaks"],
        &["leaks", "--json"],
    ] {
        let said = world.run(arguments);
        assert!(said.code < 2, "{said:?}");
        let calm = |c: char| c == '\n' || !(c.is_control() || "\u{202e}\u{200b}".contains(c));
        assert!(said.out.chars().all(calm), "{said:?}");
    }
    let object = world.run(&["list", "--json"]).json();
    let locks = object["locks"].as_array().expect("a list");
    assert_eq!(locks.len(), hostile.len() + 2);
    for lock in locks {
        // Each is found again by the key that was printed.
        let key = lock["key"].as_str().expect("text");
        let shown = world.run(&["show", "--json", "--", key]);
        assert_eq!(shown.code, 0, "{key}");
        assert_eq!(shown.json()["lock"]["key"], key);
    }
    let said = world.run(&["list"]);
    assert!(
        said.out.contains(r"\u{1b}[2J\u{1b}]0;owned\u{7}"),
        "{said:?}"
    );
    assert!(said.out.contains(r"two\r\nlines\t\0"), "{said:?}");
}

#[tokio::test]
async fn foreign_keys_are_counted_beyond_a_number() {
    let world = World::new().await;
    let minute = ["PX", "60000"].map(str::as_bytes);
    for at in 0..7 {
        let key = format!("session:{at}");
        world
            .does("SET", key.as_bytes(), &[b"1", minute[0], minute[1]])
            .await;
    }
    let lock = world.client.lock("zebra").ttl(MINUTE);
    let _held = lock.acquire().await.expect("free");
    let said = world.run(&["list", "--foreign", "3", "--step", "2"]);
    assert_eq!(said.out.matches("session:").count(), 3, "{said:?}");
    assert!(said.out.contains("zebra"), "ours are all listed: {said:?}");
    assert!(said.out.contains("and 4 foreign keys more"), "{said:?}");
    // Those that do not leak do not hide one that does.
    world.does("SET", b"session:leak", &[b"1"]).await;
    for foreign in ["0", "1"] {
        let said = world.run(&["leaks", "--foreign", foreign]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains("session:leak"), "{said:?}");
        assert!(said.out.contains("1 leak listed"), "{said:?}");
        let said = world.run(&["list", "--foreign", foreign]);
        assert!(said.out.contains("session:leak"), "{said:?}");
    }
}

#[tokio::test]
async fn leaks_that_are_not_listed_are_counted() {
    let world = World::new().await;
    for at in 0..1003 {
        world
            .does("SET", format!("leak:{at}").as_bytes(), &[b"1"])
            .await;
    }
    let said = world.run(&["leaks"]);
    assert_eq!(said.code, 1, "{said:?}");
    let words = "1003 leaks, 1000 of them listed";
    assert!(said.out.contains(words), "{said:?}");
    let said = world.run(&["list"]);
    let words = "and 3 foreign keys more, 3 of them leaks";
    assert!(said.out.contains(words), "{said:?}");
    let told = world.run(&["list", "--json"]).json();
    assert_eq!(told["leaks_not_listed"], 3);
}

#[tokio::test]
async fn what_is_too_long_for_a_token_is_not_called_one() {
    let world = World::new().await;
    world.does("SET", b"long", &[&[b'x'; 2000]]).await;
    let said = world.run(&["show", "long"]);
    assert!(said.out.contains("longer than any token"), "{said:?}");
    let listed = world.run(&["list", "--json"]).json()["locks"][0].take();
    let shown = world.run(&["show", "long", "--json"]).json()["lock"].take();
    for lock in [listed, shown] {
        assert_eq!(lock["value_begins"], "x".repeat(1024), "{lock}");
        assert_eq!(lock.get("token"), None, "{lock}");
    }
}

#[tokio::test]
async fn forty_columns_are_enough() {
    let world = World::new().await;
    let key = format!("tenant:注文:{}", "x".repeat(100));
    let name = "a::very::long::path::to::place_order";
    let lock = world.client.lock(&*key).ttl(MINUTE).name(name);
    let _held = lock.acquire().await.expect("free");
    world.does("SET", b"cron", &[b"1"]).await;
    for (columns, table) in [(40, false), (30, false), (100, true), (8, false)] {
        for what in ["list", "leaks", "watch"] {
            let mut arguments = world.here(&[what]);
            if what == "watch" {
                arguments.extend(["--times", "1"]);
            }
            let terminal = Terminal::start(command(&arguments), columns, 50);
            let (code, told) = terminal.end();
            assert!(code < 2, "{told}");
            let told = without_painting(&told);
            for line in told.lines().map(|line| line.trim_end_matches('\r')) {
                assert!(line.width() <= usize::from(columns), "{columns}: {line:?}");
            }
            assert!(columns < 30 || told.contains("foreign"), "{told}");
            assert_eq!(told.contains("HELD BY"), table, "{told}");
        }
    }
    // Where nobody counts columns, nothing is cut.
    assert!(world.run(&["list"]).out.contains(&key));
}

/// What stands on the screen, without the words that put it there.
pub(crate) fn without_painting(told: &str) -> String {
    let mut rest = told;
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        text.push_str(before);
        let end = after
            .find(|c: char| c.is_ascii_alphabetic())
            .map_or(after.len(), |at| at + 1);
        rest = &after[end..];
    }
    text + rest
}
