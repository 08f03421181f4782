//! What a package consists of: all that its users need, and nothing of the workspace.

use std::fs;
use std::path::Path;

use published::{Package, cargo, root};

/// What cargo writes itself.
const WRITTEN: [&str; 4] = [
    ".cargo_vcs_info.json",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
];
const NEEDED: [&str; 4] = ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];
/// Of sources, and of what they include.
const FOLDERS: [&str; 2] = ["src/", "page/"];

fn contents(package: &Package) -> Vec<String> {
    let listed = cargo(&["package", "--list", "--allow-dirty", "-p", package.name()]);
    listed.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn a_package_is_complete() {
    for package in Package::all() {
        let files = contents(&package);
        for needed in NEEDED {
            let name = package.name();
            assert!(files.iter().any(|file| file == needed), "{name}: {needed}");
        }
    }
}

#[test]
fn the_licences_are_those_of_the_workspace() {
    for package in Package::all() {
        for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let own = fs::read(package.folder().join(name)).expect("a licence");
            assert_eq!(own, fs::read(root().join(name)).expect("a licence"));
        }
    }
}

#[test]
fn a_package_holds_sources_and_what_they_include_alone() {
    for package in Package::all() {
        let files = contents(&package);
        let sources: Vec<String> = files
            .iter()
            .filter(|file| {
                Path::new(file)
                    .extension()
                    .is_some_and(|ending| ending == "rs")
            })
            .map(|file| fs::read_to_string(package.folder().join(file)).expect("text"))
            .collect();
        for file in &files {
            if WRITTEN.contains(&file.as_str()) || NEEDED.contains(&file.as_str()) {
                continue;
            }
            let name = package.name();
            let inside = FOLDERS.iter().any(|folder| file.starts_with(folder));
            assert!(inside, "{name} holds {file}");
            if Path::new(file)
                .extension()
                .is_some_and(|ending| ending == "rs")
            {
                continue;
            }
            let last = Path::new(file).file_name().expect("a name");
            let quoted = format!("{}\")", last.to_string_lossy());
            let included = |source: &String| {
                let mut rest = source.split("include_str!(\"").skip(1);
                rest.any(|after| {
                    let end = after.find("\")").map_or(0, |end| end + 2);
                    after[..end].ends_with(&quoted)
                })
            };
            assert!(sources.iter().any(included), "{name} includes no {file}");
        }
    }
}
