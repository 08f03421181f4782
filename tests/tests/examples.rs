//! The examples as a newcomer runs them, beside a real server.

use std::process::{Command, Output};

use tests::Server;

fn example(name: &str, url: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "-p", "examples", "--example", name]);
    match url {
        Some(url) => command.env("REDIS_URL", url),
        None => command.env_remove("REDIS_URL"),
    };
    command.output().expect("cargo starts")
}

fn text(output: &Output) -> String {
    let both = [output.stdout.clone(), output.stderr.clone()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

async fn keys(server: &Server) -> usize {
    let mut stranger = server.raw().await;
    let size = redis::cmd("DBSIZE").query_async(&mut stranger).await;
    size.expect("answers")
}

#[tokio::test]
async fn place_order_on_a_server_leaves_no_key_and_lets_none_expire() {
    let server = Server::start(&[]);
    let output = example("place_order", Some(&server.url()));
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("REDIS_URL"), "{}", text(&output));
    assert_eq!(keys(&server).await, 0);
    let mut stranger = server.raw().await;
    let stats: String = redis::cmd("INFO")
        .arg("stats")
        .query_async(&mut stranger)
        .await
        .expect("answers");
    assert!(stats.contains("expired_keys:0\r\n"), "{stats}");
}

#[test]
fn place_order_without_a_server_says_how_to_name_one() {
    let output = example("place_order", None);
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).contains("REDIS_URL=redis://"),
        "{}",
        text(&output)
    );
}

#[test]
fn place_order_with_a_server_that_is_not_there_says_so() {
    let output = example("place_order", Some("redis://127.0.0.1:1"));
    assert!(!output.status.success());
    assert!(text(&output).contains("127.0.0.1:1"), "{}", text(&output));
}

#[tokio::test]
async fn two_hours_shows_every_fault_and_leaves_no_key() {
    let server = Server::start(&[]);
    let output = example("two_hours", Some(&server.url()));
    let told = text(&output);
    assert!(output.status.success(), "{told}");
    for story in ["The leak", "wrong client", "timed-out SET"] {
        assert_eq!(told.matches(story).count(), 2, "{told}");
    }
    assert_eq!(told.matches("shut out, nobody inside").count(), 5, "{told}");
    assert_eq!(keys(&server).await, 0);
}

#[test]
fn two_hours_without_any_server_says_how_to_get_one() {
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "-p",
            "examples",
            "--example",
            "two_hours",
        ])
        .status()
        .expect("cargo starts");
    assert!(built.success());
    let program = std::env::current_exe().expect("this program");
    let target = program.ancestors().nth(2).expect("its target folder");
    let output = Command::new(target.join("examples/two_hours"))
        .env_remove("REDIS_URL")
        .env_remove("LOCK_TEST_SERVER")
        .env("PATH", "")
        .output()
        .expect("starts");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("apt install redis-server"));
}
