//! What a registry and docs.rs are told of a package.

use published::{Package, root};
use serde_json::Value;

fn words(package: &Package, field: &str) -> Vec<String> {
    let list = package.manifest[field].as_array().expect("a list").iter();
    list.map(|word| word.as_str().expect("text").to_owned())
        .collect()
}

fn text<'a>(package: &'a Package, field: &str) -> &'a str {
    let text = package.manifest[field].as_str();
    text.unwrap_or_else(|| panic!("{} has no {field}", package.name()))
}

#[test]
fn a_package_can_be_found() {
    for package in Package::all() {
        let name = package.name();
        let description = text(&package, "description");
        assert!((20..=200).contains(&description.len()), "{description}");
        assert!(!description.ends_with('.'), "{name}: {description}");
        assert_eq!(text(&package, "license"), "MIT OR Apache-2.0");
        assert!(text(&package, "readme").ends_with("README.md"));
        // The registry's own rules.
        let keywords = words(&package, "keywords");
        assert!((1..=5).contains(&keywords.len()), "{name}: {keywords:?}");
        for word in &keywords {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "_-+".contains(c);
            assert!(word.len() <= 20 && word.chars().all(allowed), "{word}");
        }
        let categories = words(&package, "categories");
        assert!(
            (1..=5).contains(&categories.len()),
            "{name}: {categories:?}"
        );
    }
}

#[test]
fn what_has_features_is_documented_with_all_of_them() {
    for package in Package::all() {
        if package.features().is_empty() {
            continue;
        }
        let name = package.name();
        let settings = &package.manifest["metadata"]["docs"]["rs"];
        assert_eq!(settings["all-features"], Value::Bool(true), "{name}");
    }
}

/// With another one, what a newer compiler allows could come in unseen.
#[test]
fn the_toolchain_is_the_oldest_that_is_promised() {
    let pinned = std::fs::read_to_string(root().join("rust-toolchain.toml")).expect("text");
    for package in Package::all() {
        let promised = text(&package, "rust_version");
        let channel = format!("channel = \"{promised}.0\"");
        assert!(pinned.contains(&channel), "{}: {pinned}", package.name());
    }
}
