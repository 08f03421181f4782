//! What stays on the server: the error itself, for those who log it.

use std::error::Error;

use actix_web::HttpResponse;
use axum::response::IntoResponse;
use lock_runtime::{LockClient, LockError};
use tonic::Status;

async fn busy() -> LockError {
    let client = LockClient::in_memory();
    let _held = client.lock("1").acquire().await.expect("free");
    client.lock("1").acquire().await.expect_err("held")
}

#[tokio::test]
async fn a_layer_of_axum_finds_the_error() {
    let response = busy().await.into_response();
    let error = response.extensions().get::<LockError>();
    assert!(error.is_some_and(LockError::is_busy), "{error:?}");
}

#[tokio::test]
async fn a_middleware_of_actix_finds_the_error() {
    let response = HttpResponse::from_error(busy().await);
    let error = response
        .error()
        .and_then(|error| error.as_error::<LockError>());
    assert!(error.is_some_and(LockError::is_busy), "{error:?}");
}

#[tokio::test]
async fn a_layer_of_tonic_finds_the_error() {
    let status = Status::from(busy().await);
    let error = status
        .source()
        .and_then(|error| error.downcast_ref::<LockError>());
    assert!(error.is_some_and(LockError::is_busy), "{error:?}");
}
