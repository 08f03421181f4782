//! The commands of the guide for the night, as they stand there.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lock_runtime::LockError;
use tests::Server;

use crate::world::World;

const GUIDE: &str = include_str!("../../../docs/something-is-locked.md");

#[tokio::test]
async fn the_commands_of_the_guide_do_what_it_says() {
    let world = World::new().await;
    let lock = world.client.lock("order:42").ttl(Duration::from_mins(1));
    let held = lock.name("place_order").acquire().await.expect("free");
    let token = held.token().as_str().to_owned();
    // Somebody's, without an expiry.
    world.does("SETNX", b"leaked", &[b"1"]).await;

    let lines = GUIDE.lines();
    let commands: Vec<_> = lines
        .filter_map(|line| line.strip_prefix("lock-inspect "))
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for line in commands {
        let words = line.split('#').next().unwrap_or_default();
        let words = words.replace("'<token>'", &token);
        let said = world.run(
            &words
                .split_whitespace()
                .map(|word| word.trim_matches('\''))
                .collect::<Vec<_>>(),
        );
        let code = i32::from(line.contains("exit code 1"));
        assert_eq!(
            (said.code, said.err.as_str()),
            (code, ""),
            "{line}: {said:?}"
        );
        match words.split(' ').next() {
            Some("show") if line.contains("prints the token") => {
                assert!(said.out.contains(&token), "{said:?}");
            }
            Some("list") => assert!(said.out.contains("order:42"), "{said:?}"),
            Some("leaks") => assert!(said.out.contains("leaked"), "{said:?}"),
            _ => {}
        }
    }
    let told = held.release().await;
    assert!(matches!(told, Err(LockError::Lost { .. })), "{told:?}");
}

/// The line for cron is quiet while nothing is wrong, and tells of leaks and of a server that is away.
#[tokio::test]
async fn the_line_for_cron_speaks_when_something_is_wrong() {
    let line = GUIDE
        .lines()
        .find_map(|line| line.strip_prefix("*/10 * * * * "));
    let line = line.expect("a line for cron");
    assert!(!line.contains('%'), "cron ends a line there");
    let server = Server::start(&[]);
    let programs = Path::new(env!("CARGO_BIN_EXE_lock-inspect")).parent();
    let programs = programs.expect("a folder").display();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let cron = || {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(line).env("PATH", &path);
        let said = shell
            .env("REDIS_URL", server.url())
            .output()
            .expect("it starts");
        assert_eq!(String::from_utf8_lossy(&said.stderr), "");
        String::from_utf8(said.stdout).expect("text")
    };
    assert_eq!(cron(), "");
    let mut leak = redis::cmd("SETNX");
    let leak = leak.arg("lock:leaked").arg("1");
    let leaked = leak.query_async::<()>(&mut server.raw().await).await;
    leaked.expect("planted");
    let told = cron();
    assert!(
        told.contains("leaked") && told.contains("no expiry"),
        "{told}"
    );
    server.kill();
    let told = cron();
    assert!(told.contains("cannot reach"), "{told}");
}
