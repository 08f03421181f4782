//! What a client is told of an order that fails.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lock_runtime::LockError;
use shop::DatabaseError;

/// Why there is no order.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            // By the table of `lock_runtime::web::Problem`.
            Self::Lock(error) => error.into_response(),
            Self::Database(error) => {
                eprintln!("axum_orders: {error}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
