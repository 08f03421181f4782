#![cfg_attr(not(doctest), doc = include_str!("tower.md"))]

use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::client::LockClient;
use crate::installed::{Scoped, scoped};

/// A layer whose services handle each request in the scope of a client: what
/// [`LockClient::scope`] does for one future. See [the module](self) for an example.
///
/// The scope ends with the response's head. A body that is a stream is polled outside of it, and tasks that
/// a handler spawns are, too: give those `client = …`.
#[derive(Debug, Clone)]
pub struct LockScopeLayer(LockClient);

impl LockScopeLayer {
    /// Every request is handled in the scope of `client`.
    #[must_use]
    pub const fn new(client: LockClient) -> Self {
        Self(client)
    }
}

impl<S> Layer<S> for LockScopeLayer {
    type Service = LockScope<S>;

    fn layer(&self, inner: S) -> LockScope<S> {
        LockScope {
            client: self.0.clone(),
            inner,
        }
    }
}

/// A service that handles each request in the scope of a client. Made by [`LockScopeLayer`]; see
/// [the module](self) for an example.
///
/// Cancellation safety: that of the service inside.
#[derive(Debug, Clone)]
pub struct LockScope<S> {
    client: LockClient,
    inner: S,
}

impl<S: Service<Request>, Request> Service<Request> for LockScope<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Scoped<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        scoped(self.client.clone(), self.inner.call(request))
    }
}
