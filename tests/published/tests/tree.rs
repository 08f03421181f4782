//! What a user of the runtime builds who asked for no feature.

use std::collections::BTreeSet;

use published::cargo;

/// Names of crates, or what they begin with before a `-`.
const FAMILIES: [(&str, &[&str]); 6] = [
    (
        "a web framework",
        &[
            "actix", "axum", "h2", "http", "hyper", "poem", "prost", "rocket", "tonic", "tower",
            "warp",
        ],
    ),
    (
        "metrics",
        &["metrics", "opentelemetry", "prometheus", "statsd"],
    ),
    ("a command line", &["argh", "clap", "lexopt", "pico"]),
    (
        "TLS",
        &[
            "aws", "native", "openssl", "ring", "rustls", "schannel", "security", "webpki",
        ],
    ),
    (
        "SQL",
        &[
            "diesel",
            "libsqlite3",
            "mysql",
            "postgres",
            "rusqlite",
            "sea",
            "sqlx",
            "sqlite",
            "tokio-postgres",
        ],
    ),
    ("a runtime beside tokio", &["async-std", "smol"]),
];

fn crates(features: &[&str]) -> BTreeSet<String> {
    let mut arguments = vec![
        "tree",
        "-p",
        "lock-runtime",
        "-e",
        "normal",
        "--target",
        "all",
    ];
    arguments.extend(["--prefix", "none", "--format", "{p}"]);
    arguments.extend(features);
    let printed = cargo(&arguments);
    let names = printed.lines().filter_map(|line| line.split(' ').next());
    names
        .filter(|name| !name.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

fn offenders(crates: &BTreeSet<String>) -> Vec<String> {
    let is = |name: &str, word: &str| {
        name.strip_prefix(word)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let mut found = Vec::new();
    for (family, words) in FAMILIES {
        let of_it = crates
            .iter()
            .filter(|name| words.iter().any(|word| is(name, word)));
        found.extend(of_it.map(|name| format!("{name} ({family})")));
    }
    found
}

#[test]
fn without_features_no_framework_metrics_command_line_tls_or_sql() {
    let crates = crates(&[]);
    println!("{} crates: {crates:?}", crates.len());
    assert!(crates.contains("tokio") && crates.contains("redis"));
    assert_eq!(offenders(&crates), Vec::<String>::new());
}

/// Else the check above would find nothing because it cannot.
#[test]
fn with_features_they_are_found() {
    for (feature, offender) in [
        ("actix", "actix-web (a web framework)"),
        ("axum", "axum-core (a web framework)"),
        ("metrics", "metrics (metrics)"),
        ("tls", "rustls (TLS)"),
        ("tonic", "tonic (a web framework)"),
        ("tower", "tower-layer (a web framework)"),
    ] {
        let found = offenders(&crates(&["--features", feature]));
        assert!(
            found.iter().any(|name| name == offender),
            "{feature}: {found:?}"
        );
    }
}

#[test]
fn without_features_no_crate_comes_twice() {
    let twice = cargo(&[
        "tree",
        "-p",
        "lock-runtime",
        "-e",
        "normal",
        "--target",
        "all",
        "--duplicates",
    ]);
    assert_eq!(twice, "");
}
