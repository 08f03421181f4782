//! The page of `serve`: three files and a list of locks as JSON, all to be read only.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::arguments::Place;
use crate::history::History;
use crate::json::{self as as_json, Tokens};
use crate::length::millis;
use crate::search::look;
use crate::server::Server;
use crate::trouble::Trouble;

/// A look costs the server something: it rests for so many times as long.
const REST: u32 = 4;

/// The locks as whoever asked last has seen them. However many pages are open, the server is asked once.
pub(crate) struct Watched {
    place: Place,
    address: String,
    every: Duration,
    last: Mutex<Last>,
}

struct Last {
    server: Option<Server>,
    history: History,
    answer: (StatusCode, String),
    next: Instant,
}

impl Watched {
    pub(crate) fn new(place: Place, server: Server, every: Duration) -> Self {
        Self {
            place,
            address: server.address().to_owned(),
            every,
            last: Mutex::new(Last {
                server: Some(server),
                history: History::default(),
                answer: (StatusCode::SERVICE_UNAVAILABLE, String::new()),
                next: Instant::now(),
            }),
        }
    }

    /// Cancellation safety: a look that is left in the middle is begun anew by the next.
    async fn answer(&self) -> (StatusCode, String) {
        let mut last = self.last.lock().await;
        let begun = Instant::now();
        if begun >= last.next {
            last.answer = match self.look(&mut last).await {
                Ok(body) => (StatusCode::OK, body),
                Err(trouble) => {
                    last.server = None;
                    let body = json!({ "error": trouble.to_string() });
                    (StatusCode::SERVICE_UNAVAILABLE, body.to_string())
                }
            };
            last.next = Instant::now() + self.every.max(begun.elapsed() * REST);
        }
        last.answer.clone()
    }

    async fn look(&self, last: &mut Last) -> Result<String, Trouble> {
        let server = match &mut last.server {
            Some(server) => server,
            none => none.insert(Server::connect(&self.place).await?),
        };
        let found = look(server, &self.place, None, |_| true, None).await?;
        let rows = last.history.rows(&found);
        let mut object = as_json::look(&rows, &found, &self.place.prefix, Tokens::Kept);
        object["server"] = self.address.as_str().into();
        object["took_ms"] = millis(found.took).into();
        object["every_ms"] = millis(self.every).into();
        Ok(object.to_string())
    }
}

/// `is_local`: the page is for this machine alone.
pub(crate) fn router(watched: Watched, is_local: bool) -> Router {
    let file =
        |kind: &'static str, text: &'static str| get(move || async move { typed(kind, text) });
    let router = Router::new()
        .route(
            "/",
            file(
                "text/html; charset=utf-8",
                include_str!("../page/index.html"),
            ),
        )
        .route(
            "/page.css",
            file("text/css", include_str!("../page/page.css")),
        )
        .route(
            "/page.js",
            file("text/javascript", include_str!("../page/page.js")),
        )
        .route("/locks.json", get(locks))
        .with_state(Arc::new(watched))
        .layer(middleware::map_response(guarded));
    if is_local {
        router.layer(middleware::from_fn(local_names_only))
    } else {
        router
    }
}

fn typed(kind: &'static str, body: impl IntoResponse) -> Response {
    ([(CONTENT_TYPE, kind)], body).into_response()
}

async fn locks(State(watched): State<Arc<Watched>>) -> Response {
    let (status, body) = watched.answer().await;
    (status, typed("application/json", body)).into_response()
}

/// Keys are what strangers wrote: the page takes nothing from elsewhere, and runs nothing of theirs.
async fn guarded(mut response: Response) -> Response {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                  img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A web page elsewhere may point a name of its own at this machine, and would then read ours.
async fn local_names_only(request: Request, next: Next) -> Response {
    if is_local_name(request.headers()) {
        return next.run(request).await;
    }
    let words = "open this page as http://127.0.0.1 or http://localhost\n";
    (StatusCode::MISDIRECTED_REQUEST, words).into_response()
}

fn is_local_name(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_somebody_elses_is_refused() {
        let is_local = |host: &'static str| {
            let headers = [(HOST, HeaderValue::from_static(host))].into_iter();
            is_local_name(&headers.collect())
        };
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:7390",
            "[::1]:7390",
            "[::1]",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:7390",
            "",
            "10.0.0.1",
        ] {
            assert!(!is_local(host), "{host}");
        }
        assert!(!is_local_name(&HeaderMap::new()));
    }
}
