#![cfg_attr(not(doctest), doc = include_str!("actix.md"))]

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use actix_web::body::BoxBody;
use actix_web::dev::{Service, Transform};
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};

use super::Problem;
use crate::client::LockClient;
use crate::error::LockError;
use crate::installed::{Scoped, scoped};

/// The answer of [`Problem`]. The error itself is that of `HttpResponse::error`, for a middleware that
/// logs it; it does not go over the wire.
#[cfg_attr(docsrs, doc(cfg(feature = "actix")))]
impl ResponseError for LockError {
    fn status_code(&self) -> StatusCode {
        status(&Problem::of(self))
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let problem = Problem::answer(self);
        let mut response = HttpResponse::build(status(&problem));
        response.content_type(Problem::CONTENT_TYPE);
        if let Some(seconds) = problem.retry_after() {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.body(problem.to_json())
    }
}

/// A status of the table always is one.
fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A middleware that handles each request in the scope of a client: what [`LockClient::scope`] does for
/// one future. See [the module](self) for an example.
///
/// The scope ends with the response's head. A body that is a stream is polled outside of it, and tasks that
/// a handler spawns are, too: give those `client = …`.
#[derive(Debug, Clone)]
pub struct LockScope(LockClient);

impl LockScope {
    /// Every request is handled in the scope of `client`.
    #[must_use]
    pub const fn new(client: LockClient) -> Self {
        Self(client)
    }
}

impl<S: Service<Request>, Request> Transform<S, Request> for LockScope {
    type Response = S::Response;
    type Error = S::Error;
    type Transform = LockScopeService<S>;
    type InitError = ();
    type Future = Ready<Result<LockScopeService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        let client = self.0.clone();
        ready(Ok(LockScopeService { client, inner }))
    }
}

/// The service that [`LockScope`] makes of another, which is how actix names it. See [the module](self) for an
/// example.
///
/// Cancellation safety: that of the service inside.
#[derive(Debug)]
pub struct LockScopeService<S> {
    client: LockClient,
    inner: S,
}

impl<S: Service<Request>, Request> Service<Request> for LockScopeService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Scoped<S::Future>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: Request) -> Self::Future {
        scoped(self.client.clone(), self.inner.call(request))
    }
}
