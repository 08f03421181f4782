//! Calls that end before their body does.

use std::time::Duration;

use lock_runtime::{LockClient, LockError, distributed_lock};
use tests::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;

use crate::{connect, drain, keys, until, until_empty};

#[distributed_lock(key = "job:<id>", ttl = "10m", client = client.clone())]
async fn job(
    client: &LockClient,
    id: u32,
    begun: UnboundedSender<()>,
    panics: bool,
) -> Result<(), LockError> {
    // Whoever listens may have gone.
    let _ = begun.send(());
    assert!(!panics, "as asked for");
    std::future::pending().await
}

#[tokio::test]
async fn an_aborted_task_gives_its_lock_back() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), Duration::from_secs(2)).await;
    let (begun, mut starts) = tokio::sync::mpsc::unbounded_channel();
    for id in 0..50 {
        let (client, begun) = (client.clone(), begun.clone());
        let task = tokio::spawn(async move { job(&client, id, begun, false).await });
        starts.recv().await.expect("it begins");
        task.abort();
    }
    drain(&client).await;
    assert_eq!(keys(&server).await, 0);
}

#[tokio::test]
async fn a_panicking_body_gives_its_lock_back() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), Duration::from_secs(2)).await;
    let (begun, _starts) = tokio::sync::mpsc::unbounded_channel();
    let caller = client.clone();
    let task = tokio::spawn(async move { job(&caller, 1, begun, true).await });
    assert!(task.await.expect_err("panics").is_panic());
    drain(&client).await;
    assert_eq!(keys(&server).await, 0);
}

/// Answers one request by a job, and drops that when its client hangs up, as web frameworks do.
async fn serve(client: &LockClient, mut stream: TcpStream, id: u32, begun: UnboundedSender<()>) {
    let mut head = [0; 1024];
    let read = stream.read(&mut head).await;
    assert!(matches!(read, Ok(1..)), "a request");
    let hung_up = async { while let Ok(1..) = stream.read(&mut head).await {} };
    tokio::select! {
        _ = job(client, id, begun, false) => panic!("it has no end"),
        () = hung_up => {}
    }
}

#[tokio::test]
async fn an_http_client_that_disconnects_frees_the_lock_of_its_request() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), Duration::from_secs(2)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its number");
    let (begun, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let locks = client.clone();
    tokio::spawn(async move {
        for id in 0.. {
            let (stream, _) = listener.accept().await.expect("a browser");
            serve(&locks, stream, id, begun.clone()).await;
        }
    });
    for _ in 0..10 {
        let mut browser = TcpStream::connect(address).await.expect("listens");
        let request = b"POST /orders HTTP/1.1\r\nHost: shop\r\n\r\n";
        browser.write_all(request).await.expect("is sent");
        starts.recv().await.expect("the body begins");
        until(Duration::from_secs(5), async || keys(&server).await == 1).await;
        drop(browser);
        until_empty(&server, Duration::from_secs(5)).await;
    }
    drain(&client).await;
}
