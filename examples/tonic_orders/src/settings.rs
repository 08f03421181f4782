//! What the program is asked for.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tonic_orders::messages::Order;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Serve(Settings),
    /// One order, as a client of the service at this address.
    Place(String, Order),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    /// None: in memory.
    pub(crate) database: Option<PathBuf>,
    /// How long a customer takes to pay.
    pub(crate) payment: Duration,
}

const USAGE: &str = "expected `--listen ADDRESS`, `--database FILE` and `--payment MILLISECONDS`, each or none of \
                     them, or `place URL REQUEST USER ITEM PIECES`";

impl Asked {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, &'static str> {
        if let [word, url, request, user, item, pieces] = arguments
            && word == "place"
        {
            let order = Order {
                request: request.clone(),
                user: user.clone(),
                item: item.clone(),
                pieces: pieces.parse().map_err(|_| USAGE)?,
            };
            return Ok(Self::Place(url.clone(), order));
        }
        let mut settings = Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 50_051)),
            database: None,
            payment: Duration::from_millis(500),
        };
        let mut words = arguments.iter();
        while let Some(name) = words.next() {
            let value = words.next().ok_or(USAGE)?;
            match name.as_str() {
                "--listen" => settings.listen = value.parse().map_err(|_| USAGE)?,
                "--database" => settings.database = Some(value.into()),
                "--payment" => {
                    settings.payment = Duration::from_millis(value.parse().map_err(|_| USAGE)?);
                }
                _ => return Err(USAGE),
            }
        }
        Ok(Self::Serve(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Asked, &'static str> {
        let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        Asked::parse(&words)
    }

    #[test]
    fn what_is_asked_for_is_read_and_nothing_else() {
        let Ok(Asked::Serve(settings)) = parse("--payment 20 --database a.sqlite --listen [::1]:0")
        else {
            panic!("a service");
        };
        assert_eq!(settings.listen, "[::1]:0".parse().expect("an address"));
        assert_eq!(settings.database, Some("a.sqlite".into()));
        assert_eq!(settings.payment, Duration::from_millis(20));
        assert!(matches!(parse(""), Ok(Asked::Serve(_))));
        assert!(
            matches!(parse("place http://[::1]:1 a 42 tea 3"), Ok(Asked::Place(_, order)) if order.pieces == 3)
        );
        for wrong in [
            "--payment",
            "--payment x",
            "help",
            "place",
            "--listen 80",
            "place u a 42 tea some",
        ] {
            assert_eq!(parse(wrong), Err(USAGE), "{wrong}");
        }
    }
}
