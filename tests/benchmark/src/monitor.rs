//! Which commands clients send. `INFO commandstats` counts what scripts call as well, MONITOR tells
//! them apart; it slows the server down, so nothing is timed meanwhile.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread::JoinHandle;

use tests::Server;

/// A command that no contender sends, which ends the counting.
const END: &str = "benchmark-counts-until-here";

/// The commands of all clients since it was started.
pub(crate) struct Monitor {
    port: u16,
    counting: JoinHandle<std::io::Result<BTreeMap<String, u64>>>,
}

impl Monitor {
    pub(crate) fn start(server: &Server) -> std::io::Result<Self> {
        let port = server.port();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.write_all(b"MONITOR\r\n")?;
        let mut lines = BufReader::new(stream);
        let mut answer = String::new();
        lines.read_line(&mut answer)?;
        let counting = std::thread::spawn(move || count(lines));
        Ok(Self { port, counting })
    }

    /// How many commands of each name have come.
    pub(crate) fn stop(self) -> std::io::Result<BTreeMap<String, u64>> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.write_all(format!("PING {END}\r\n").as_bytes())?;
        let counted = self.counting.join();
        counted.unwrap_or_else(|_| Err(std::io::Error::other("the count panicked")))
    }
}

/// A line: `+1339518083.107412 [0 127.0.0.1:60866] "get" "key"`, in scripts `[0 lua]`.
fn count(lines: BufReader<TcpStream>) -> std::io::Result<BTreeMap<String, u64>> {
    let mut counted = BTreeMap::new();
    for line in lines.lines() {
        let line = line?;
        if line.contains(END) {
            break;
        }
        let Some((_, rest)) = line.split_once(" [") else {
            continue;
        };
        let Some((from, command)) = rest.split_once("] \"") else {
            continue;
        };
        if !from.ends_with("lua") {
            let name = command.split('"').next().unwrap_or_default();
            *counted.entry(name.to_uppercase()).or_default() += 1;
        }
    }
    Ok(counted)
}
