//! What can be asked of the service.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Json, Router, debug_handler};
use futures_util::StreamExt;
use lock_runtime::web::tower::LockScopeLayer;
use lock_runtime::{LockClient, distributed_lock};
use shop::{FILES, Order, POLICY, Receipt, Shop, Visit, news};

use crate::failure::Failure;

type Placed = Result<(StatusCode, Json<Receipt>), Failure>;

/// One order of a user at a time: here, and on all other instances.
#[distributed_lock(key = "order:<user_id>", ttl = 10, wait = "3s")]
#[debug_handler]
async fn place_order(
    State(shop): State<Arc<Shop>>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(user_id): Path<String>,
    Form(order): Form<Order>,
) -> Placed {
    place(&shop, &visit, &user_id, &order).await
}

/// The same without a lock, to see what that does.
async fn place_unguarded(
    State(shop): State<Arc<Shop>>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(user_id): Path<String>,
    Form(order): Form<Order>,
) -> Placed {
    place(&shop, &visit, &user_id, &order).await
}

async fn place(shop: &Shop, visit: &Visit, user_id: &str, order: &Order) -> Placed {
    visit.holds();
    let receipt = shop.place(user_id, order).await?;
    let status = if receipt.known {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(receipt)))
}

/// Notes who comes and who goes. A client that hangs up drops this future, and with it the visit.
async fn noted(
    State(shop): State<Arc<Shop>>,
    Path(user_id): Path<String>,
    mut request: Request,
    next: Next,
) -> Response {
    let visit = shop.board.arrives(&user_id);
    request.extensions_mut().insert(visit.clone());
    let response = next.run(request).await;
    visit.ends(response.status().as_u16());
    response
}

pub(crate) fn router(shop: Arc<Shop>, locks: &LockClient, unguarded: bool) -> Router {
    let place = if unguarded {
        post(place_unguarded)
    } else {
        post(place_order)
    };
    let place = place.layer(from_fn_with_state(shop.clone(), noted));
    let (shown, asked) = (shop.clone(), locks.clone());
    let events = move || async move {
        let news = news(shown, asked);
        Sse::new(news.map(|board| Ok::<_, Infallible>(Event::default().data(board))))
    };
    let pages = FILES.iter().fold(Router::new(), |router, file| {
        let headers = [
            (CONTENT_TYPE, file.kind),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        router.route(
            file.path,
            get(move || async move { (headers, file.text).into_response() }),
        )
    });
    pages
        .route("/users/{user_id}/orders", place)
        .route("/events", get(events))
        .layer(LockScopeLayer::new(locks.clone()))
        .with_state(shop)
}
