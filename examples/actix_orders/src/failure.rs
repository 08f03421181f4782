//! What a client is told of an order that fails.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use lock_runtime::LockError;
use shop::DatabaseError;

/// Why there is no order.
#[derive(Debug)]
pub(crate) enum Failure {
    Lock(LockError),
    Database(DatabaseError),
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        Self::Lock(error)
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock(error) => error.fmt(f),
            Self::Database(error) => error.fmt(f),
        }
    }
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
