//! A real Prometheus, which scrapes this process.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;
use tests::Server;

const PATIENCE: Duration = Duration::from_secs(30);

/// A program of Prometheus, from `./tests/prometheus`. `None`, which is said on the test's output: it is not to
/// be had on this machine.
///
/// # Panics
///
/// If there is none in continuous integration.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../prometheus");
    let told = Command::new(script).stderr(Stdio::inherit()).output();
    let told = told.expect("the script can be run");
    if !told.status.success() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "continuous integration needs Prometheus"
        );
        println!("skipped: no {name} to be had on this machine");
        return None;
    }
    let folder = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    Some(Path::new(&folder).join(name))
}

/// It ends with this value.
#[derive(Debug)]
pub struct Prometheus {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl Prometheus {
    /// Scrapes what `exporter` gives, each second. `None` if it is not to be had.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start(exporter: PrometheusHandle) -> Option<Self> {
        let program = program("prometheus")?;
        let target = serve(exporter);
        let (folder, port) = (Server::folder(), Server::free_port());
        let settings = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: locks\n    static_configs:\n      \
             - targets: [\"127.0.0.1:{target}\"]\n"
        );
        let file = folder.join("prometheus.yml");
        fs::write(&file, settings).expect("a file of our own");
        let process = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let started = Self {
            process,
            port,
            folder,
        };
        let patience = Instant::now() + PATIENCE;
        while started
            .get("/-/ready")
            .is_none_or(|told| !told.contains("200 OK"))
        {
            assert!(Instant::now() < patience, "it does not start");
            thread::sleep(Duration::from_millis(50));
        }
        // It is ready some seconds before it begins.
        while started.ask("up") != [1.0] {
            assert!(Instant::now() < patience, "it does not scrape");
            thread::sleep(Duration::from_millis(50));
        }
        Some(started)
    }

    /// What a query is answered: one value for each set of labels.
    ///
    /// # Panics
    ///
    /// If the query is refused.
    #[must_use]
    pub fn ask(&self, query: &str) -> Vec<f64> {
        let mut escaped = String::new();
        for byte in query.bytes() {
            let _ = write!(escaped, "%{byte:02X}");
        }
        let told = self.get(&format!("/api/v1/query?query={escaped}"));
        let told = told.expect("it answers");
        let (_, body) = told.split_once("\r\n\r\n").expect("a body");
        let answer: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(answer["status"], "success", "{query}: {body}");
        let results = answer["data"]["result"].as_array().expect("a vector");
        let value = |result: &Value| result["value"][1].as_str()?.parse().ok();
        results.iter().filter_map(value).collect()
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut told = String::new();
        stream.read_to_string(&mut told).ok()?;
        Some(told)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Serves the exported text for as long as the process lives; gives the port.
fn serve(exporter: PrometheusHandle) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("its number").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = BufReader::new(&stream);
            let mut line = String::new();
            while request.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let text = exporter.render();
            let head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n";
            // Whoever asked may be gone.
            let _ = stream.write_all(format!("{head}{text}").as_bytes());
        }
    });
    port
}
