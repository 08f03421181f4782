//! How a service is started.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// What is on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `--listen 127.0.0.1:3000`.
    pub listen: SocketAddr,
    /// `--database orders.db`; without it orders are kept in memory.
    pub database: Option<PathBuf>,
    /// `--payment 800`: how many milliseconds the bank takes.
    pub payment: Duration,
    /// `--unguarded`: without the lock, to see what that does.
    pub unguarded: bool,
}

impl Settings {
    /// Reads the arguments behind the program's name.
    ///
    /// # Errors
    ///
    /// A sentence that says what may stand there.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut settings = Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            database: None,
            payment: Duration::from_millis(800),
            unguarded: false,
        };
        let mut words = arguments.into_iter();
        while let Some(word) = words.next() {
            if word == "--unguarded" {
                settings.unguarded = true;
                continue;
            }
            let value = words.next().unwrap_or_default();
            let understood = match &*word {
                "--listen" => value.parse().map(|listen| settings.listen = listen).is_ok(),
                "--database" => {
                    settings.database = Some(value.clone().into());
                    !value.is_empty()
                }
                "--payment" => {
                    let millis = value.parse().map(Duration::from_millis);
                    millis.map(|payment| settings.payment = payment).is_ok()
                }
                _ => false,
            };
            if !understood {
                return Err(format!(
                    "`{word} {value}`: there is --listen ADDRESS:PORT, --database FILE, --payment \
                     MILLISECONDS and --unguarded"
                ));
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Settings, String> {
        Settings::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_is_on_the_line_is_done() {
        let settings = parse("--payment 5 --unguarded --listen [::1]:80 --database a.db");
        let expected = Settings {
            listen: "[::1]:80".parse().expect("an address"),
            database: Some("a.db".into()),
            payment: Duration::from_millis(5),
            unguarded: true,
        };
        assert_eq!(settings, Ok(expected));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for line in [
            "--payment",
            "--payment -1",
            "--listen 80",
            "--database",
            "--help",
        ] {
            let told = parse(line).expect_err(line);
            assert!(told.contains("--database FILE"), "{told}");
        }
    }
}
