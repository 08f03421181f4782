//! A server as it was before Redis 7.0: `SET … NX GET` is an error of syntax.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Server;

/// Relays to a server of today, and spoils every SET with GET by one word more, so that the
/// server itself answers as an old one would. Gives the address to connect to.
///
/// # Panics
///
/// If there is no free port.
pub async fn old_server(server: &'static Server) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("its number");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", server.port())).await {
                    relay(client, server).await;
                }
            });
        }
    });
    address
}

async fn relay(client: TcpStream, server: TcpStream) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn(async move {
        // Ends with either side, as the relay does.
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
    });
    let mut read = Vec::new();
    while let Ok(1..) = from_client.read_buf(&mut read).await {
        while let Some((words, length)) = command(&read) {
            let has = |word: &[u8]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
            let sent = if has(b"SET") && has(b"GET") {
                let spoiled = words
                    .iter()
                    .copied()
                    .chain([&b"OLD"[..]])
                    .collect::<Vec<_>>();
                to_server.write_all(&written(&spoiled)).await
            } else {
                to_server.write_all(&read[..length]).await
            };
            read.drain(..length);
            if sent.is_err() {
                return;
            }
        }
    }
    answers.abort();
}

/// The words of the first whole command, and its length.
fn command(bytes: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let (count, mut at) = header(bytes, 0, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, start) = header(bytes, at, b'$')?;
        words.push(bytes.get(start..start + length)?);
        at = start + length + 2;
    }
    (at <= bytes.len()).then_some((words, at))
}

/// The number in a line such as `$3`, and where the next line begins.
fn header(bytes: &[u8], at: usize, kind: u8) -> Option<(usize, usize)> {
    let line = bytes.get(at..)?.strip_prefix(&[kind])?;
    let end = line.windows(2).position(|pair| pair == b"\r\n")?;
    let number = std::str::from_utf8(&line[..end]).ok()?.parse().ok()?;
    Some((number, at + 1 + end + 2))
}

fn written(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).into_bytes());
        bytes.extend_from_slice(word);
        bytes.extend(b"\r\n");
    }
    bytes
}
