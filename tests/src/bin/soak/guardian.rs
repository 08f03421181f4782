//! A process that ends all others of the soak when the parent ends, however that comes.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A shell that sees its standard input close, which the end of the parent does. Everybody whom
/// the parent starts is in its process group, stopped or not; the server's files go when it has ended.
/// HUP is what a group with stopped processes gets when nobody is left who could continue them.
const SCRIPT: &str = "trap '' HUP TERM; cat >/dev/null; kill -TERM 0; kill -CONT 0; sleep 0.3; \
                      rm -rf \"$1\"; kill -9 0";

#[derive(Debug)]
pub(crate) struct Guardian {
    shell: Child,
    folder: PathBuf,
}

impl Guardian {
    /// Makes a folder for sockets and the server's data, which ends with the soak.
    pub(crate) fn start() -> io::Result<Self> {
        let name = format!("lock-soak-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { shell, folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process group to start others in.
    pub(crate) fn group(&self) -> i32 {
        i32::try_from(self.shell.id()).unwrap_or_default()
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // It ends by its own signal, together with the others.
        let _ = self.shell.wait();
    }
}
