//! The public interface of the libraries, so that a change to it is seen in review: `interface` beside this
//! folder. `INTERFACE=overwrite` writes it anew.

use std::fs;

use public_api::Builder;
use published::{Package, root};

/// Of the traits that the compiler implements by itself, those that users rely upon.
const AUTOMATIC: [&str; 3] = ["Send", "Sync", "Unpin"];

fn counts(line: &str) -> bool {
    let Some((_, implemented)) = line.split_once("core::marker::") else {
        return !line.contains("core::panic::unwind_safe::");
    };
    let automatic = line.starts_with("impl") && implemented.contains(" for ");
    let name = implemented.split([' ', '<']).next().unwrap_or_default();
    !automatic || AUTOMATIC.contains(&name) || ["Copy", "StructuralPartialEq"].contains(&name)
}

fn interface(name: &str) -> String {
    let package = Package::named(name);
    let arguments = ["-Zunstable-options", "--output-format", "json"];
    let folder = package.documented("interface", true, &arguments);
    let file = folder.join(name.replace('-', "_")).with_extension("json");
    let items = Builder::from_rustdoc_json(file)
        .omit_blanket_impls(true)
        .build()
        .expect("JSON that this version of public-api can read");
    let features = package.features().into_iter();
    let features = features.map(|feature| format!("feature {feature}"));
    let items = items.items().map(ToString::to_string);
    let lines = features.chain(items.filter(|line| counts(line)));
    lines.map(|line| line + "\n").collect()
}

fn compare(name: &str) {
    let snapshot = root()
        .join("tests/published/interface")
        .join(format!("{name}.txt"));
    let now = interface(name);
    if std::env::var("INTERFACE").as_deref() == Ok("overwrite") {
        fs::write(&snapshot, &now).expect("written");
        return;
    }
    let before = fs::read_to_string(&snapshot).unwrap_or_default();
    let gone = before
        .lines()
        .filter(|line| !now.lines().any(|l| l == *line));
    let new = now
        .lines()
        .filter(|line| !before.lines().any(|l| l == *line));
    let gone = gone.map(|line| format!("- {line}"));
    let changes: Vec<String> = gone.chain(new.map(|line| format!("+ {line}"))).collect();
    assert!(
        now == before,
        "the interface of {name} is another one; if that is meant, say so in CHANGELOG.md, and \
         `INTERFACE=overwrite cargo test -p published --test interface`\n{}",
        changes.join("\n")
    );
}

#[test]
fn of_the_runtime() {
    compare("lock-runtime");
}

#[test]
fn of_the_attribute() {
    compare("lock-macros");
}
