//! The house rules that a machine can check.

mod examples;
mod links;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LONGEST: usize = 400;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    files(folder, "rs", found);
}

fn files(folder: &Path, wanted: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files(&path, wanted, found);
        } else if path.extension().is_some_and(|ending| ending == wanted) {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let mut files = Vec::new();
    for folder in [
        "lock-macros",
        "lock-runtime",
        "lock-inspect",
        "examples",
        "tests",
    ] {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 50, "{files:?}");
    for file in files {
        let lines = fs::read_to_string(&file).expect("text").lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", file.display());
    }
}

/// A sabotage that cannot be put in proves nothing, and is run by hand alone.
#[test]
fn every_mutant_fits_the_code() {
    let folder = root().join("tests/mutants");
    let patches: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("a folder of the workspace")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "patch"))
        .collect();
    assert!(patches.len() > 10, "{patches:?}");
    for name in patches.iter().filter_map(|path| path.to_str()) {
        let checked = Command::new("git")
            .args(["apply", "--check", name])
            .current_dir(root())
            .output()
            .expect("git, as the patches are applied by it");
        let why = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "write {name} anew: {why}");
    }
}

#[test]
fn no_wall_clock_but_in_the_label_for_people() {
    let source = root().join("lock-runtime/src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    let reads = |file: &PathBuf| {
        let text = fs::read_to_string(file).expect("text");
        text.contains("SystemTime") || text.contains("std::time::Instant")
    };
    let found: Vec<String> = files
        .iter()
        .filter(|file| reads(file))
        .map(|file| module(&source, file))
        .collect();
    assert_eq!(found, ["chance", "token"]);
}

#[test]
fn the_handler_of_the_readme_is_that_of_the_example() {
    let readme = fs::read_to_string(root().join("README.md")).expect("text");
    let example = fs::read_to_string(root().join("examples/place_order.rs")).expect("text");
    let start = readme.find("#[distributed_lock(key").expect("a handler");
    let end = readme[start..].find("```").expect("its end");
    let handler = &readme[start..start + end];
    assert!(handler.lines().count() == 6, "{handler}");
    assert!(example.contains(handler), "{handler}");
}

/// `a::b` for `src/a/b.rs` and `a` for `src/a/mod.rs`.
fn module(source: &Path, file: &Path) -> String {
    let inside = file
        .strip_prefix(source)
        .expect("inside")
        .with_extension("");
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    let name = parts.join("::");
    name.strip_suffix("::mod").unwrap_or(&name).to_owned()
}

/// Which modules a file names, after `crate::` or `super::`, outside its tests.
fn named(text: &str, own: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let is_mod = modules
        .iter()
        .any(|other| other.starts_with(&format!("{own}::")));
    let parent = match own.rsplit_once("::") {
        _ if is_mod => own.to_owned(),
        Some((parent, _)) => parent.to_owned(),
        None => String::new(),
    };
    let code = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = BTreeSet::new();
    for (start, base) in [("crate::", ""), ("super::", parent.as_str())] {
        for (at, _) in code.match_indices(start) {
            let rest = &code[at + start.len()..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let path = [
                base,
                rest[..end.unwrap_or(rest.len())].trim_end_matches(':'),
            ];
            let path = path.join("::");
            let path = path.trim_start_matches("::");
            let deepest = modules
                .iter()
                .filter(|module| path == **module || path.starts_with(&format!("{module}::")))
                .max_by_key(|module| module.len());
            found.extend(deepest.filter(|module| *module != own).cloned());
        }
    }
    found
}

#[test]
fn modules_have_no_circles() {
    for package in ["lock-runtime", "lock-macros", "lock-inspect"] {
        let source = root().join(package).join("src");
        let mut files = Vec::new();
        sources(&source, &mut files);
        let modules: BTreeSet<String> = files.iter().map(|file| module(&source, file)).collect();
        let mut edges: BTreeMap<String, BTreeSet<String>> = files
            .iter()
            .map(|file| {
                let text = fs::read_to_string(file).expect("text");
                let own = module(&source, file);
                let named = named(&text, &own, &modules);
                (own, named)
            })
            .collect();
        let count: usize = edges.values().map(BTreeSet::len).sum();
        assert!(count > modules.len(), "too few uses found: {edges:?}");
        // Take away whoever uses nobody that is left, until nobody is left.
        while !edges.is_empty() {
            let left: BTreeSet<String> = edges.keys().cloned().collect();
            edges.retain(|_, uses| uses.iter().any(|used| left.contains(used)));
            assert!(edges.len() < left.len(), "a circle among {edges:#?}");
        }
        println!(
            "{package}: {} modules, {count} uses, no circle",
            modules.len()
        );
    }
}
