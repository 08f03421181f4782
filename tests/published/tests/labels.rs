//! The documentation as docs.rs builds it says which feature a thing needs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use published::Package;

const NEEDS: &str = "crate feature";

/// Pages by their paths, those left out that only lead to another.
fn pages(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder of rustdoc") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "html") {
                let text = fs::read_to_string(&path).expect("text");
                let path = path.strip_prefix(folder).expect("inside").to_owned();
                if !text.contains("http-equiv=\"refresh\"") {
                    found.insert(path, text);
                }
            }
        }
    }
    found
}

#[test]
fn what_needs_a_feature_says_so() {
    let package = Package::named("lock-runtime");
    let settings = &package.manifest["metadata"]["docs"]["rs"];
    let arguments: Vec<&str> = settings["rustdoc-args"]
        .as_array()
        .expect("arguments")
        .iter()
        .map(|word| word.as_str().expect("text"))
        .collect();
    let with = package.documented("docs-rs", true, &arguments);
    let without = package.documented("without-features", false, &arguments);
    let (with, without) = (with.join("lock_runtime"), without.join("lock_runtime"));
    let (with, without) = (pages(&with), pages(&without));
    assert!(without.len() > 30, "{}", without.len());

    let mut labelled = 0;
    for (path, text) in &with {
        if !without.contains_key(path) {
            assert!(text.contains(NEEDS), "{} has no label", path.display());
            labelled += 1;
        }
    }
    println!(
        "{} pages, {labelled} of them with features only",
        with.len()
    );

    let front = &with[Path::new("index.html")];
    for feature in package.features() {
        let code = format!("<code>{feature}</code>");
        assert!(front.contains(&code), "{feature} is not on the front page");
        let label = format!("{NEEDS} {code}");
        let found = with.values().any(|text| text.contains(&label));
        assert!(found, "nothing is labelled with {feature}");
    }
    assert!(labelled >= package.features().len() - 1, "{labelled}");
}
