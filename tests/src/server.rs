//! Real servers on free loopback ports.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

use crate::process::Process;

const PORTS: Range<u16> = 10_000..32_000;
/// For a server to start, or to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that is killed with this value, and with the process of the tests.
///
/// [`Server::stop`] and the like come back when it is done, a few milliseconds later: they block.
#[derive(Debug)]
pub struct Server {
    process: Process,
    port: u16,
    password: Option<String>,
    folder: Option<PathBuf>,
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

    /// A server of one's own, with further arguments. It keeps nothing over a restart.
    ///
    /// # Panics
    ///
    /// If there is no server program, or it does not start.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_in(None, arguments)
    }

    /// A server that keeps what it has answered: it writes every command to disk first.
    ///
    /// # Panics
    ///
    /// As [`Server::start`].
    #[must_use]
    pub fn durable(arguments: &[&str]) -> Self {
        let keep = ["--appendonly", "yes", "--appendfsync", "always"];
        Self::start_in(Some(Self::folder()), &[&keep, arguments].concat())
    }

    /// A fresh folder, which goes with the server it is given to.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    #[must_use]
    pub fn folder() -> PathBuf {
        let name = format!("lock-test-{}-{}", std::process::id(), Self::free_port());
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        folder
    }

    /// As [`Server::start`], working in `folder`.
    ///
    /// # Panics
    ///
    /// As [`Server::start`].
    #[must_use]
    pub fn start_in(folder: Option<PathBuf>, arguments: &[&str]) -> Self {
        Self::start_program(program(), folder, arguments)
    }

    /// One of another program than the tests use.
    ///
    /// # Panics
    ///
    /// As [`Server::start`].
    #[must_use]
    pub fn of(program: &str) -> Self {
        Self::start_program(program.to_owned(), None, &[])
    }

    fn start_program(program: String, folder: Option<PathBuf>, arguments: &[&str]) -> Self {
        let port = Self::free_port();
        let mut words = vec![program, "--port".to_owned(), port.to_string()];
        words
            .extend(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"].map(str::to_owned));
        if let Some(folder) = &folder {
            words.extend(["--dir".to_owned(), folder.to_string_lossy().into_owned()]);
        }
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        let password = arguments.windows(2).find(|pair| pair[0] == "--requirepass");
        let server = Self {
            process: Process::new(&words, false, folder.as_deref()),
            port,
            password: password.map(|pair| pair[1].to_owned()),
            folder,
        };
        server.restart();
        server
    }

    /// SIGSTOP: it stands still while the system goes on taking what is sent to it.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// SIGCONT after [`Server::stop`]: it does all that it was sent meanwhile.
    pub fn go_on(&self) {
        self.process.go_on();
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Starts it again on its port, after a SIGKILL if it runs.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&self) {
        self.restart_only();
        self.wait_until_it_answers();
    }

    /// As [`Server::restart`], without waiting until it serves: it may have to load its data.
    pub fn restart_only(&self) {
        self.process.start();
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
        let patience = Instant::now() + PATIENCE;
        let client = redis::Client::open(self.url()).expect("a URL of our own making");
        loop {
            let answer = client
                .get_connection()
                .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
            match answer {
                Ok(_) => return,
                // A replica that serves nothing while it has no primary.
                Err(error) if error.code() == Some("MASTERDOWN") => return,
                Err(error) if Instant::now() > patience => {
                    panic!("the server does not start: {error}")
                }
                Err(_) => sleep(Duration::from_millis(10)),
            }
        }
    }

    /// The server program: `LOCK_TEST_SERVER`, or what the `PATH` has.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn program() -> String {
        program()
    }

    /// By what name the server program deletes if a value is still there: by its version, not by
    /// what it says to a command. `None`: it needs a script.
    ///
    /// # Panics
    ///
    /// If there is no server program.
    #[must_use]
    pub fn compare_and_delete() -> Option<&'static str> {
        static NAME: LazyLock<Option<&str>> = LazyLock::new(|| {
            let told = Command::new(program()).arg("--version").output();
            let told = told.expect("the server program starts").stdout;
            let told = String::from_utf8_lossy(&told).into_owned();
            let version = told.split("v=").nth(1).expect("a version");
            let mut numbers = version
                .split('.')
                .map_while(|part| part.parse::<u32>().ok());
            let version = (numbers.next()?, numbers.next().unwrap_or(0));
            if told.starts_with("Valkey") {
                return (version >= (9, 0)).then_some("DELIFEQ");
            }
            (version >= (8, 4)).then_some("DELEX")
        });
        *NAME
    }

    /// As [`Server::compare_and_delete`]; says on the test's output that its test proves nothing here.
    ///
    /// # Panics
    ///
    /// As [`Server::compare_and_delete`].
    #[must_use]
    pub fn compare_and_delete_or_skip() -> Option<&'static str> {
        let name = Self::compare_and_delete();
        if name.is_none() {
            let program = program();
            println!("skipped: {program} has no compare-and-delete of its own");
        }
        name
    }

    /// Its port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it works, if it was given a folder.
    #[must_use]
    pub fn works_in(&self) -> Option<&Path> {
        self.folder.as_deref()
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
        connection(&self.url()).await
    }
}

/// A connection that knows nothing of locks. It waits longer for an answer than the half of a second that
/// is usual: a machine that has much to do may stand still for that long.
///
/// # Panics
///
/// If there is no server, or it does not answer.
pub async fn connection(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).expect("a URL of our own making");
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let connection = client.get_multiplexed_async_connection_with_config(&patient);
    connection.await.expect("the server answers")
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
