//! The optional record of everything, to find out why.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Error, Write};
use std::path::Path;

use crate::clock::now;

#[derive(Debug)]
pub(crate) struct Log(Option<BufWriter<File>>);

impl Log {
    pub(crate) fn open(path: Option<&Path>) -> std::io::Result<Self> {
        let create = |path: &Path| {
            let named =
                |error: Error| Error::new(error.kind(), format!("{}: {error}", path.display()));
            File::create(path).map_err(named)
        };
        let file = path.map(create).transpose()?;
        Ok(Self(file.map(BufWriter::new)))
    }

    pub(crate) fn line(&mut self, who: impl Display, what: impl Display) {
        if let Some(file) = &mut self.0 {
            // A full disk costs the record, not the run.
            let _ = writeln!(file, "{} {who} {what}", now());
        }
    }
}
