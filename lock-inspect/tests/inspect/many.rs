//! A server with a million keys of others. Slow: run with `LOCK_TEST_LONG=1`.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tests::Server;

use crate::tool::{Said, command};
use crate::world::World;

/// Strings, hashes and lists, a third of them with an expiry, none under the prefix.
const PLANT: &str = "for i = ARGV[1], ARGV[2] do\n\
     if i % 10 == 0 then redis.call('HSET', 'cart:' .. i, 'item', i)\n\
     elseif i % 10 == 1 then redis.call('RPUSH', 'queue:' .. i, i)\n\
     elseif i % 3 == 0 then redis.call('SET', 'session:' .. i, i, 'PX', 3600000)\n\
     else redis.call('SET', 'user:' .. i, i) end\n\
     end";

#[tokio::test(flavor = "multi_thread")]
async fn a_million_foreign_keys() {
    if std::env::var_os("LOCK_TEST_LONG").is_none() {
        println!("skipped: it fills a server with a million keys; set LOCK_TEST_LONG=1 to run it");
        return;
    }
    let server = Server::start(&[]);
    let mut world = World::on(&server, "lock:".to_owned()).await;
    for from in (1..=1_000_000).step_by(10_000) {
        let plant = redis::cmd("EVAL")
            .arg(PLANT)
            .arg(0)
            .arg(from)
            .arg(from + 9_999)
            .query_async::<()>(&mut world.raw)
            .await;
        plant.expect("planted");
    }
    let mut held = Vec::new();
    for at in 0..500 {
        let lock = world.client.lock(format!("order:{at}"));
        let lock = lock.ttl(Duration::from_mins(10));
        held.push(lock.acquire().await.expect("free"));
    }
    world.does("SETNX", b"planted", &[b"worker-7"]).await;

    let list = measured(&world.here(&["list", "--json"]), "list");
    assert_eq!(list.code, 0, "{}", list.err);
    assert_eq!(list.json()["locks"].as_array().map(Vec::len), Some(501));
    let leaks = measured(&world.here(&["leaks"]), "leaks");
    assert_eq!(leaks.code, 1, "{leaks:?}");
    assert!(leaks.out.contains("planted"), "{leaks:?}");
    assert!(leaks.out.contains("1 leak listed"), "{leaks:?}");
    // Without a prefix every one of them is looked at, and most are counted only.
    let url = world.url.as_str();
    let all = measured(
        &["--url", url, "--prefix", "", "list", "--json"],
        "list, no prefix",
    );
    assert_eq!(all.code, 0, "{}", all.err);
    let told = all.json();
    assert_eq!(told["locks"].as_array().map(Vec::len), Some(2500));
    let left_out = told["foreign_not_listed"].as_u64().expect("a number");
    assert!(left_out >= 998_001, "{left_out}");

    // A terminal is told how far it is.
    let arguments = ["--url", url, "--prefix", "", "leaks"];
    let terminal = crate::terminal::Terminal::start(command(&arguments), 40, 20);
    terminal.wait_for("keys,");
    assert_eq!(terminal.end().0, 1);

    // It did so in steps, and asked for nothing else.
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query_async(&mut world.raw)
        .await
        .expect("the server tells");
    assert!(!stats.contains("cmdstat_keys:"), "{stats}");
    let scan = stats.lines().find(|line| line.starts_with("cmdstat_scan:"));
    println!("{}", scan.expect("it scanned"));
}

/// Runs it, and prints how long it took and the most memory it had.
fn measured(arguments: &[&str], what: &str) -> Said {
    let begun = Instant::now();
    let out = Server::folder();
    let (told, said) = (out.join("out"), out.join("err"));
    let mut program = command(arguments)
        .stdout(Stdio::from(fs::File::create(&told).expect("a file")))
        .stderr(Stdio::from(fs::File::create(&said).expect("a file")))
        .spawn()
        .expect("it starts");
    let mut most = 0;
    let status = loop {
        most = most.max(memory(program.id()));
        if let Some(status) = program.try_wait().expect("it is ours") {
            break status;
        }
        sleep(Duration::from_millis(2));
    };
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{what}: {seconds:.2} s, {:.1} MiB at most",
        f64::from(most) / 1024.0
    );
    let read = |path| fs::read_to_string(path).expect("text");
    let said = Said {
        code: status.code().expect("it ends by itself"),
        out: read(&told),
        err: read(&said),
    };
    fs::remove_dir_all(out).expect("it can be removed");
    said
}

/// The most memory of a process so far, in KiB; 0 where the system does not tell.
fn memory(id: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let digits = line.and_then(|line| line.split_whitespace().nth(1));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
