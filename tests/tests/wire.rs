//! What goes over the wire.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use lock_runtime::{LockClient, LockError, distributed_lock};
use redis::aio::MultiplexedConnection;
use tests::Server;

#[distributed_lock(key = "order:<user_id>", ttl = 10)]
async fn place_order(user_id: u64) -> Result<u64, LockError> {
    Ok(user_id)
}

/// The server's own account of what it was told.
struct Monitor(BufReader<TcpStream>);

impl Monitor {
    fn start(server: &Server) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("connects");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout");
        stream.write_all(b"MONITOR\r\n").expect("is sent");
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).expect("answers");
        assert_eq!(line, "+OK\r\n");
        Self(lines)
    }

    /// The commands up to one that names `end`, as (from a script, name).
    fn until(&mut self, end: &str) -> Vec<(bool, String)> {
        let mut commands = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("the end is seen");
            if line.contains(end) {
                return commands;
            }
            let name = line.split('"').nth(1).unwrap_or_default().to_uppercase();
            commands.push((line.contains(" lua]"), name));
        }
    }
}

async fn mark(stranger: &mut MultiplexedConnection, end: &str) {
    let _: String = redis::cmd("ECHO")
        .arg(end)
        .query_async(stranger)
        .await
        .expect("echoes");
}

#[tokio::test]
async fn a_call_is_one_set_and_one_release() {
    let server = Server::start(&[]);
    let client = LockClient::connect(&server.url())
        .await
        .expect("the server answers");
    let own = Server::compare_and_delete();
    // The first release brings the script's text, and asks what the server has of its own.
    client.scope(place_order(0)).await.expect("free");
    let mut stranger = server.raw().await;
    let mut monitor = Monitor::start(&server);
    for user_id in 0..100 {
        assert_eq!(
            client.scope(place_order(user_id)).await.expect("free"),
            user_id
        );
    }
    mark(&mut stranger, "the end").await;
    let commands = monitor.until("the end");
    let told = commands
        .iter()
        .filter(|(script, _)| !script)
        .map(|(_, name)| name.as_str());
    // Behind a command of the server's own it is asked whether somebody stands in line.
    let release: &[&str] = match own {
        Some(own) => &[own, "ZCARD"],
        None => &["EVALSHA"],
    };
    let expected: Vec<&str> = (0..100)
        .flat_map(|_| [&["SET"], release].concat())
        .collect();
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let scripted = commands
        .iter()
        .filter(|(script, _)| *script)
        .map(|(_, name)| name.as_str());
    let expected: Vec<&str> = (0..if own.is_some() { 0 } else { 100 })
        .flat_map(|_| ["GET", "ZCARD", "DEL"])
        .collect();
    assert_eq!(scripted.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_flushed_script_is_sent_again() {
    let server = Server::start(&[]);
    let client = LockClient::connect(&server.url())
        .await
        .expect("the server answers");
    client.scope(place_order(0)).await.expect("free");
    let mut stranger = server.raw().await;
    let _: String = redis::cmd("SCRIPT")
        .arg("FLUSH")
        .query_async(&mut stranger)
        .await
        .expect("flushes");
    let mut monitor = Monitor::start(&server);
    client.scope(place_order(1)).await.expect("free");
    client.scope(place_order(2)).await.expect("free");
    mark(&mut stranger, "the end").await;
    let commands = monitor.until("the end");
    let told: Vec<_> = commands
        .iter()
        .filter(|(script, _)| !script)
        .map(|(_, name)| name.as_str())
        .collect();
    match Server::compare_and_delete() {
        Some(own) => assert_eq!(told, ["SET", own, "ZCARD", "SET", own, "ZCARD"]),
        None => assert_eq!(told, ["SET", "EVALSHA", "EVAL", "SET", "EVALSHA"]),
    }
}
