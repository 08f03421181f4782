//! HTTP as it goes over a socket: to stop in the middle of a request, and to hang up.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// All that follows them.
    pub body: String,
}

impl Answer {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A request that is sent, and whose answer nobody has read yet; dropped, the client has gone.
///
/// # Panics
///
/// If nobody listens.
pub async fn send(port: u16, request: &str) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
    let mut stream = stream.expect("the service listens");
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream
}

/// Reads an answer to the end of the connection.
///
/// # Panics
///
/// If none comes, or it is no HTTP.
pub async fn answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    // What came before a reset counts: a server need not read all that it refuses.
    if let Err(error) = read.expect("an answer in time") {
        assert!(!bytes.is_empty(), "{error}");
    }
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status: status
            .and_then(|status| status.parse().ok())
            .expect("a status"),
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

/// The whole request `GET path`.
#[must_use]
pub fn getting(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
}

/// The head of a request `POST path` with a form of this length.
#[must_use]
pub fn posting(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// `GET path` and its answer.
///
/// # Panics
///
/// If none comes.
pub async fn get(port: u16, path: &str) -> Answer {
    answer(send(port, &getting(path)).await).await
}
