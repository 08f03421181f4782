//! What a client is told of an order that fails.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
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

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Lock(error) => error.status_code(),
            Self::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        match self {
            // By the table of `lock_runtime::web::Problem`.
            Self::Lock(error) => error.error_response(),
            Self::Database(error) => {
                eprintln!("actix_orders: {error}");
                HttpResponse::InternalServerError().finish()
            }
        }
    }
}
