//! What is in the way: servers that cannot be used, and arguments that make no sense.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;

use tests::Server;

use crate::tool::{Said, command, run};

const COMMANDS: [&[&str]; 6] = [
    &["list"],
    &["show", "a"],
    &["leaks"],
    &["watch"],
    &["release", "a", "--token", "b"],
    &["serve", "--listen", "127.0.0.1:0"],
];

#[test]
fn a_server_that_is_not_there_is_said_to_be() {
    let url = format!("redis://me:hunter2@127.0.0.1:{}", Server::free_port());
    for arguments in COMMANDS {
        let said = run(&[&["--url", &url], arguments].concat());
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{said:?}");
        assert!(
            said.err.contains("cannot reach redis://127.0.0.1:"),
            "{said:?}"
        );
        assert!(
            said.err.contains("refused") && said.err.contains("check host"),
            "{said:?}"
        );
        assert!(!said.err.contains("hunter2"), "{said:?}");
        assert_eq!(said.err.lines().count(), 1, "{said:?}");
    }
    let said = run(&["--url", "redis://no-such-host.invalid", "list"]);
    assert_eq!(said.code, 3, "{said:?}");
}

#[test]
fn a_url_that_makes_no_sense_is_not_repeated() {
    for url in [
        "",
        "http://me:hunter2@localhost",
        "redis://:hunter2@",
        "redis://:hunter2@localhost:99999",
        "redis://:hunter2@localhost/notanumber",
        "hunter2@localhost",
    ] {
        let said = run(&["--url", url, "list"]);
        assert_eq!(said.code, 2, "{url}: {said:?}");
        assert!(
            said.err.contains("redis://[user:password@]host"),
            "{said:?}"
        );
        assert!(!said.err.contains("hunter2"), "{said:?}");
    }
    // In the wrong place.
    let said = run(&["list", "redis://me:hunter2@localhost"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(!said.err.contains("hunter2"), "{said:?}");
    #[cfg(not(feature = "tls"))]
    {
        for scheme in ["rediss", "REDISS", "valkeys"] {
            let url = format!("{scheme}://:hunter2@localhost");
            let said = run(&["--url", &url, "list"]);
            assert_eq!(said.code, 2, "{said:?}");
            assert!(said.err.contains("--features tls"), "{said:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_and_never_printed() {
    let server = Server::start(&["--requirepass", "right-one"]);
    let place = format!("127.0.0.1:{}", server.port());
    for (user, remedy) in [
        (":hunter2@", "refused the user name or password"),
        ("me:hunter2@", "refused the user name or password"),
        ("", "wants a password"),
    ] {
        let url = format!("redis://{user}{place}");
        for arguments in COMMANDS {
            let said = run(&[&["--url", &url], arguments].concat());
            assert_eq!((said.code, said.out.as_str()), (3, ""), "{said:?}");
            assert!(said.err.contains(remedy), "{said:?}");
            assert!(!said.err.contains("hunter2"), "{said:?}");
        }
    }
    // By the environment, and shown nowhere.
    let listed = command(&["list"]).env("REDIS_URL", server.url()).output();
    let listed = Said::of(&listed.expect("it starts"));
    assert_eq!(listed.code, 0, "{listed:?}");
    let said = command(&["--help"]).env("REDIS_URL", server.url()).output();
    let said = Said::of(&said.expect("it starts"));
    assert_eq!(said.code, 0);
    assert!(
        said.out.contains("Exit codes") && !said.out.contains("right-one"),
        "{said:?}"
    );
    let said = run(&["--url", &server.url(), "watch", "--times", "1"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.out.contains("right-one"), "{said:?}");
}

#[test]
fn what_does_not_speak_redis_or_does_not_answer_is_said_so() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        // The first is answered as a web server does, the others never.
        let mut kept = Vec::new();
        for (at, connection) in listener.incoming().flatten().enumerate() {
            let mut connection = connection;
            if at == 0 {
                let _ = connection.read(&mut [0; 1024]);
                let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            }
            kept.push(connection);
        }
    });
    let said = run(&["--url", &url, "--timeout", "0.5", "list"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err.contains("does not speak the Redis protocol"),
        "{said:?}"
    );
    let said = run(&["--url", &url, "--timeout", "0.5", "list"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("in time"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_full_is_said_to_be() {
    let server = Server::start(&["--maxclients", "1"]);
    let url = format!("redis://127.0.0.1:{}", server.port());
    let full = || {
        for arguments in COMMANDS {
            let said = run(&[&["--url", &url], arguments].concat());
            assert_eq!((said.code, said.out.as_str()), (3, ""), "{said:?}");
            assert!(said.err.contains("max number of clients"), "{said:?}");
            assert!(said.err.contains("raise its `maxclients`"), "{said:?}");
            assert!(!said.err.contains("check host"), "{said:?}");
        }
    };
    let taken = server.raw().await;
    full();
    drop(taken);
    crate::show::wait_until(|| run(&["--url", &url, "list"]).code == 0);
}

/// As a server in protected mode does with who comes from elsewhere.
#[test]
fn what_a_server_says_that_closes_at_once_is_repeated() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let _ = connection.write_all(b"-DENIED Redis is running in protected mode\r\n");
        }
    });
    let said = run(&["--url", &url, "list"]);
    assert_eq!((said.code, said.out.as_str()), (3, ""), "{said:?}");
    assert!(said.err.contains("does not let us in"), "{said:?}");
    assert!(said.err.contains("in protected mode"), "{said:?}");
}

/// Makes a user, and gives the URL for it.
async fn user(server: &Server, rights: &str) -> String {
    let mut acl = redis::cmd("ACL");
    acl.arg(&["SETUSER", "looker", "on", ">pw"]);
    acl.arg(rights.split_whitespace().collect::<Vec<_>>());
    let made = acl.query_async::<()>(&mut server.raw().await).await;
    made.expect("rights that the server knows");
    format!("redis://looker:pw@127.0.0.1:{}", server.port())
}

async fn plant(server: &Server) {
    let mut set = redis::cmd("SETNX");
    set.arg("lock:a").arg("1");
    let planted = set.query_async::<()>(&mut server.raw().await).await;
    planted.expect("planted");
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let server = Server::start(&[]);
    plant(&server).await;
    let rights = "resetchannels -@all +scan +getrange +pttl +type ~lock:*";
    let url = user(&server, rights).await;
    // Without TIME, DBSIZE and PING it does all the same.
    let said = run(&["--url", &url, "list"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(said.out.contains("foreign: \"1\""), "{said:?}");
    let said = run(&["--url", &url, "show", "a"]);
    assert_eq!(said.code, 0, "{said:?}");
    let said = run(&["--url", &url, "release", "a", "--token", "1"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(
        said.err.contains("NOPERM") && said.err.contains("+eval"),
        "{said:?}"
    );
}

#[tokio::test]
async fn the_rights_of_the_readme_are_enough() {
    let server = Server::start(&[]);
    plant(&server).await;
    let readme = include_str!("../../README.md");
    let mut quoted = readme.split('`');
    let rights = quoted.find(|words| words.starts_with("resetchannels"));
    let url = user(&server, rights.expect("the rights of who looks")).await;
    for (arguments, code) in [
        (&["list"][..], 0),
        (&["show", "a"], 0),
        (&["leaks"], 1),
        (&["watch", "--times", "1"], 0),
        (&["release", "a", "--token", "1"], 4),
    ] {
        let said = run(&[&["--url", &url], arguments].concat());
        assert_eq!(said.code, code, "{said:?}");
    }
    user(&server, "+eval +del").await;
    let said = run(&["--url", &url, "release", "a", "--token", "1"]);
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["show"],
        &["list", "--step", "0"],
        &["watch", "--every", "-1"],
        &["release", "a", "--yes"],
        &["release", "a", "--token", "b", "--force"],
        &["serve", "--listen", "nowhere"],
    ] {
        let said = run(arguments);
        assert_eq!(
            (said.code, said.out.as_str()),
            (2, ""),
            "{arguments:?}: {said:?}"
        );
        assert!(!said.err.is_empty());
    }
    for arguments in [&["--help"][..], &["help", "list"], &["--version"]] {
        let said = run(arguments);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    }
}

/// What it says without a command is its help, whole, and nothing of the surroundings.
#[test]
fn without_a_command_the_help_is_whole() {
    let url = "redis://me:hunter2@localhost";
    let said = command(&[]).env("REDIS_URL", url).output();
    let said = Said::of(&said.expect("it starts"));
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
    assert_eq!(said.err, run(&["-h"]).out);
    assert!(said.err.contains("[user:password@]host"), "{said:?}");
    let said = run(&["--url", url]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(!said.err.contains("hunter2"), "{said:?}");
}

/// Else the password would be taken for host and port, and told.
#[test]
fn a_password_that_ends_early_is_refused_and_not_repeated() {
    for url in [
        "redis://hunter2:6379#word@localhost",
        "redis://me:hunter2/word@localhost",
        "redis://hunter2?@localhost",
        "redis://me:p@hunter2/word@localhost",
        "redis://me:p@hunter2?word@localhost",
        "redis://me:p@hunter2#word@localhost",
    ] {
        let said = run(&["--url", url, "list"]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
        assert!(said.err.contains("%2F"), "{said:?}");
        assert!(!said.err.contains("hunter2"), "{said:?}");
    }
}

/// The README says what `--help` says.
#[test]
fn the_exit_codes_are_those_of_the_readme() {
    let help = run(&["--help"]).out;
    let codes = help.split("Exit codes:\n").nth(1).expect("exit codes");
    let readme = include_str!("../../README.md");
    for line in codes.lines() {
        let (code, meaning) = line
            .trim()
            .split_once("  ")
            .expect("a code and its meaning");
        let row = format!("| {code} | {meaning} |");
        assert!(readme.contains(&row), "{row}");
    }
}

#[tokio::test]
async fn who_reads_no_further_is_no_trouble() {
    let server = Server::start(&[]);
    let mut raw = server.raw().await;
    let plant = "for i = 1, 5000 do redis.call('SET', 'lock:' .. i, i) end";
    let _: () = redis::cmd("EVAL")
        .arg(plant)
        .arg(0)
        .query_async(&mut raw)
        .await
        .expect("planted");
    let mut listing = command(&["--url", &server.url(), "--foreign", "5000", "list"]);
    let mut listing = listing
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(listing.stdout.take());
    let said = Said::of(&listing.wait_with_output().expect("it ends"));
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
}
