//! Real servers on free loopback ports.

use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;

/// A shell that sees its standard input close, which the end of this process does however it
/// comes, and kills the server.
const WATCHDOG: &str =
    "\"$@\" >/dev/null 2>&1 & server=$!; cat >/dev/null; kill -9 $server; wait $server";

const PORTS: Range<u16> = 10_000..32_000;

/// A server that is killed with this value, and with the process of the tests.
#[derive(Debug)]
pub struct Server {
    watchdog: Child,
    port: u16,
    password: Option<String>,
}

impl Server {
    /// The one server of a test binary. Tests that share it use keys of their own.
    ///
    /// # Panics
    ///
    /// As [`Server::start`].
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Server> = LazyLock::new(|| Server::start(&[]));
        &SHARED
    }

    /// A server of one's own, with further arguments.
    ///
    /// # Panics
    ///
    /// If there is no server program, or it does not start.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let program = program();
        let port = Self::free_port();
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "sh", &program])
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What a terminal sends to this process does not reach the shell, which has to
            // outlive it.
            .process_group(0)
            .spawn()
            .expect("a shell to start the server with");
        let password = arguments.windows(2).find(|pair| pair[0] == "--requirepass");
        let password = password.map(|pair| pair[1].to_owned());
        let server = Self {
            watchdog,
            port,
            password,
        };
        server.wait_until_it_answers();
        server
    }

    /// Whether the server program was built with TLS.
    ///
    /// # Panics
    ///
    /// If there is no server program.
    #[must_use]
    pub fn speaks_tls() -> bool {
        // Without a certificate it ends at once: it misses that, or TLS as a whole.
        let port = Self::free_port().to_string();
        let told = Command::new(program())
            .args(["--port", "0", "--tls-port", &port, "--save", ""])
            .output()
            .expect("the server program starts");
        String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).contains("tls-cert-file")
    }

    /// A port that was free a moment ago, and that no other call of this process gets. Below those
    /// that the system gives to outgoing connections, which could take it meanwhile.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn free_port() -> u16 {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let first = std::process::id().wrapping_mul(97);
        (0..PORTS.len())
            .map(|_| first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)))
            .filter_map(|n| PORTS.clone().nth(usize::try_from(n).ok()? % PORTS.len()))
            .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
            .expect("a free port")
    }

    fn wait_until_it_answers(&self) {
        let patience = Instant::now() + Duration::from_secs(20);
        let client = redis::Client::open(self.url()).expect("a URL of our own making");
        loop {
            let answer = client
                .get_connection()
                .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
            match answer {
                Ok(_) => return,
                Err(error) if Instant::now() > patience => {
                    panic!("the server does not start: {error}")
                }
                Err(_) => sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Its port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, with the password if it was started with one.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{}", self.port),
            None => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    /// A connection for what strangers do.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub async fn raw(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).expect("a URL of our own making");
        let connection = client.get_multiplexed_async_connection().await;
        connection.expect("the server answers")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // The shell ends when it has killed the server.
        let _ = self.watchdog.wait();
    }
}

fn program() -> String {
    if let Ok(program) = env::var("LOCK_TEST_SERVER") {
        return program;
    }
    let path = env::var_os("PATH").unwrap_or_default();
    ["redis-server", "valkey-server"]
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
        .expect("put a redis-server or valkey-server on the PATH, or run ./tests/run, which installs one")
        .to_string_lossy()
        .into_owned()
}
