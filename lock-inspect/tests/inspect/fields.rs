//! The fields of what is printed as JSON are those that `--help` and the README have.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tests::Server;

use crate::serve::Page;
use crate::show::wait_until;
use crate::tool::run;
use crate::world::World;

/// The end of the help that tells of JSON.
fn told() -> String {
    let help = run(&["list", "--help"]).out;
    let at = help.find("--json, one object").expect("fields");
    help[at..].trim_end().to_owned()
}

/// The fields below the line that begins so.
fn fields(title: &str) -> BTreeSet<String> {
    let told = told();
    let lines = told.lines().skip_while(|line| !line.starts_with(title));
    let lines = lines.skip_while(|line| !line.starts_with("  "));
    let lines = lines.take_while(|line| line.starts_with("  "));
    let names = lines.flat_map(|line| {
        let (names, _) = line.trim().split_once("  ").expect("a meaning");
        names.split(", ").map(str::to_owned).collect::<Vec<_>>()
    });
    names.collect()
}

/// Of a look, and of each of its locks.
fn of_look() -> (BTreeSet<String>, BTreeSet<String>) {
    let (locks, look): (BTreeSet<_>, _) = fields("--json")
        .into_iter()
        .partition(|name| name.starts_with("locks[]."));
    let locks = locks.iter().map(|name| name["locks[].".len()..].to_owned());
    (look, locks.collect())
}

fn keys(object: &Value) -> BTreeSet<String> {
    object
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect()
}

fn keys_of_all(objects: &Value) -> BTreeSet<String> {
    objects
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(keys)
        .collect()
}

fn holders(objects: &Value) -> BTreeSet<String> {
    let objects = objects.as_array().expect("a list").iter();
    objects.flat_map(|lock| keys(&lock["held_by"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_is_what_is_told() {
    let world = World::new().await;
    let ours = world.client.lock("ours").ttl(Duration::from_mins(1));
    let _held = ours.fenced().acquire().await.expect("free");
    world.does("SET", b"foreign", &[b"1"]).await;
    world.does("SET", b"long", &[&[b'x'; 2000]]).await;
    world.does("HSET", b"hash", &[b"uuid", b"1"]).await;
    let (look, each) = of_look();
    assert!(look.len() >= 5 && each.len() >= 8, "{look:?} {each:?}");
    let holder = fields("held_by:");
    for arguments in [
        &["list", "--json"][..],
        &["watch", "--times", "1", "--json"],
    ] {
        let object = world.run(arguments).json();
        assert_eq!(keys(&object), look);
        assert_eq!(keys_of_all(&object["locks"]), each);
        assert_eq!(holders(&object["locks"]), holder);
    }
    assert_eq!(keys(&world.run(&["leaks", "--json"]).json()), look);

    let beside = fields("show --json");
    for key in ["ours", "free"] {
        assert_eq!(keys(&world.run(&["show", key, "--json"]).json()), beside);
    }
    let shown =
        ["ours", "long"].map(|key| world.run(&["show", key, "--json"]).json()["lock"].take());
    assert_eq!(keys_of_all(&Value::from(shown.to_vec())), each);

    let page = Page::start(&world.here(&["serve", "--listen", "127.0.0.1:0"]));
    let object = page.locks();
    let mut served = &look | &fields("/locks.json");
    assert!(served.remove("error"));
    assert_eq!(keys(&object), served);
    let secret = ["token", "value_begins"].map(str::to_owned).into();
    assert_eq!(keys_of_all(&object["locks"]), &each - &secret);
    assert_eq!(holders(&object["locks"]), holder);
}

#[test]
fn a_page_without_a_server_says_why_and_nothing_else() {
    let server = Server::start(&[]);
    let url = server.url();
    let page = [
        "--url",
        &url,
        "--timeout",
        "1",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--every",
        "0.05",
    ];
    let page = Page::start(&page);
    server.kill();
    wait_until(|| page.gets("/locks.json").0.starts_with("HTTP/1.1 503"));
    assert_eq!(keys(&page.locks()), ["error".to_owned()].into());
}

#[test]
fn the_readme_tells_the_same() {
    let readme = include_str!("../../README.md");
    let told = told();
    assert!(readme.contains(&told), "{told}");
    for command in ["watch", "leaks", "show", "serve"] {
        assert!(run(&[command, "--help"]).out.contains(&told), "{command}");
        assert!(!run(&[command, "-h"]).out.contains(&told), "{command}");
    }
}
