#![cfg_attr(not(doctest), doc = include_str!("axum.md"))]

use axum_core::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::Problem;
use crate::error::LockError;

/// The answer of [`Problem`]. The error itself is among the response's extensions, for a layer that logs
/// it; it does not go over the wire.
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl IntoResponse for LockError {
    fn into_response(self) -> Response {
        let problem = Problem::answer(&self);
        let mut response = problem.to_json().into_response();
        // A status of the table always is one.
        *response.status_mut() =
            StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = HeaderValue::from_static(Problem::CONTENT_TYPE);
        response.headers_mut().insert(CONTENT_TYPE, json);
        if let Some(seconds) = problem.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}
