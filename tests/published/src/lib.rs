//! The published crates, as cargo and rustdoc tell of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn run(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().expect("cargo starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    String::from_utf8(output.stdout).expect("text")
}

/// What `cargo` prints.
///
/// # Panics
///
/// If it fails.
#[must_use]
pub fn cargo(arguments: &[&str]) -> String {
    run(Command::new(env!("CARGO")).args(arguments))
}

fn metadata() -> Value {
    let printed = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    serde_json::from_str(&printed).expect("JSON")
}

/// A package of the workspace that is published.
#[derive(Debug)]
pub struct Package {
    /// As `cargo metadata` has it.
    pub manifest: Value,
}

impl Package {
    /// All of them.
    ///
    /// # Panics
    ///
    /// If there are fewer than three.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let metadata = metadata();
        let packages = metadata["packages"].as_array().expect("packages").iter();
        let published = packages.filter(|package| package["publish"].is_null());
        let found: Vec<_> = published
            .map(|package| Self {
                manifest: package.clone(),
            })
            .collect();
        assert!(found.len() >= 3, "{found:?}");
        found
    }

    /// The one of that name.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let found = Self::all()
            .into_iter()
            .find(|package| package.name() == name);
        found.expect("a published package")
    }

    /// Its name.
    ///
    /// # Panics
    ///
    /// If cargo does not say.
    #[must_use]
    pub fn name(&self) -> &str {
        self.manifest["name"].as_str().expect("a name")
    }

    /// Where it lies.
    ///
    /// # Panics
    ///
    /// If cargo does not say.
    #[must_use]
    pub fn folder(&self) -> &Path {
        let manifest = self.manifest["manifest_path"].as_str().expect("a path");
        Path::new(manifest).parent().expect("a folder")
    }

    /// What its users can choose, `default` left out.
    ///
    /// # Panics
    ///
    /// If cargo does not say.
    #[must_use]
    pub fn features(&self) -> Vec<&str> {
        let features = self.manifest["features"].as_object().expect("features");
        let names = features.keys().map(String::as_str);
        names.filter(|name| *name != "default").collect()
    }

    /// Documents it by rustdoc with all its features or with none, into a folder of that `name`, which is
    /// given back.
    ///
    /// # Panics
    ///
    /// If it cannot be documented.
    #[must_use]
    pub fn documented(&self, name: &str, all_features: bool, arguments: &[&str]) -> PathBuf {
        let built = metadata();
        let built = built["build_directory"].as_str().expect("a folder");
        let folder = Path::new(built).join("published").join(name);
        let features = if all_features {
            "--all-features"
        } else {
            "--no-default-features"
        };
        let mut command = Command::new(env!("CARGO"));
        command
            .args(["rustdoc", "--lib", "--quiet", "-p", self.name(), features])
            .arg("--")
            .args(arguments)
            .env("RUSTDOC", root().join("tests/published/rustdoc"))
            // What is built for it is shared with everything else, what it writes is its own.
            .env("CARGO_BUILD_BUILD_DIR", built)
            .env("CARGO_TARGET_DIR", &folder);
        run(&mut command);
        folder.join("doc")
    }
}
