//! A client's stream to the server, whose writes are told in the history.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

use crate::server::line::Entry;
use crate::server::{self, resp};
use crate::world::{self, World};

pub(crate) struct Told {
    stream: TcpStream,
    name: String,
    written: Vec<u8>,
}

impl Told {
    pub(crate) async fn connect(host: &'static str) -> io::Result<Self> {
        let opened = TcpStream::connect(("server", server::PORT)).await;
        let stream = opened.inspect_err(|_| world::tell(host, format_args!("cannot connect")))?;
        let name = format!("{host}:{}", stream.local_addr()?.port() - 49_151);
        world::tell(host, format_args!("connects as {name}"));
        Ok(Self {
            stream,
            name,
            written: Vec::new(),
        })
    }

    fn tell(&mut self, bytes: &[u8]) {
        self.written.extend_from_slice(bytes);
        while let Some(command) = resp::command(&mut self.written) {
            if server::is_told(&command) {
                world::with(|world| {
                    note(&command, &self.name, world);
                    let command = server::told(&command, &mut world.history);
                    world.tell(&self.name, format_args!("-> {command}"));
                });
            }
        }
    }
}

/// Notes where a token goes, and whether its release goes there, too.
fn note(command: &[String], name: &str, world: &mut World) {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let tokens = match words.as_slice() {
        ["EVALSHA", _, keys, rest @ ..] => {
            let keys = keys.parse().unwrap_or(0);
            called(rest.get(keys..).unwrap_or_default())
        }
        ["DELIFEQ", _, token] => (Some(*token), None),
        ["SET", _, token, ..] => (None, Some(*token)),
        // EVAL is the second half of what EVALSHA began.
        _ => return,
    };
    let (released, sent) = tokens;
    if let Some(token) = released.filter(|token| server::is_token(token)) {
        let behind = world.carriers.get(token).is_some_and(|own| own == name);
        let sent = world.releases.entry(token.to_owned()).or_default();
        sent.push(behind);
    }
    if let Some(token) = sent.filter(|token| server::is_token(token)) {
        world.carriers.insert(token.to_owned(), name.to_owned());
    }
}

/// The token that a script gives back and the one that it may put there, by its arguments.
fn called<'a>(arguments: &[&'a str]) -> (Option<&'a str>, Option<&'a str>) {
    match arguments {
        // A head that joins says its ttl, one that passes on who leaves.
        [old, leaving, joining, _] if leaving.parse::<u64>().is_err() => {
            (Some(old), Entry::read(joining).map(|entry| entry.token))
        }
        [old, new, _] => (Some(old), Some(new)),
        [old] => (Some(old), None),
        [token, ..] => (None, Some(token)),
        [] => (None, None),
    }
}

impl AsyncRead for Told {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Told {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = written {
            self.tell(&bytes[..count]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
