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

#[tokio::test]
async fn place_order_on_a_server_leaves_no_key_and_lets_none_expire() {
    let server = Server::start(&[]);
    let output = example("place_order", Some(&server.url()));
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("REDIS_URL"), "{}", text(&output));
    let mut stranger = server.raw().await;
    let keys: usize = redis::cmd("DBSIZE")
        .query_async(&mut stranger)
        .await
        .expect("answers");
    assert_eq!(keys, 0);
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
