//! The commands of the guide for the night, as they stand there.

use std::time::Duration;

use lock_runtime::LockError;

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
