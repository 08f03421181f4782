//! What can be asked of the service.

use std::convert::Infallible;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Bytes, Data, Form, Path, ReqData, ServiceConfig};
use actix_web::{Error, HttpMessage, HttpResponse, get, post, web};
use futures_util::StreamExt;
use lock_runtime::{LockClient, distributed_lock};
use shop::{FILES, Order, POLICY, Shop, Visit, news};

use crate::failure::Failure;

/// One order of a user at a time: here, and on all other instances.
#[post("/users/{user_id}/orders", wrap = "from_fn(noted)")]
#[distributed_lock(key = "order:<user_id>", ttl = 10, wait = "3s")]
async fn place_order(
    shop: Data<Shop>,
    visit: ReqData<Arc<Visit>>,
    user_id: Path<String>,
    order: Form<Order>,
) -> Result<HttpResponse, Failure> {
    place(&shop, &visit, &user_id, &order).await
}

/// The same without a lock, to see what that does.
#[post("/users/{user_id}/orders", wrap = "from_fn(noted)")]
async fn place_unguarded(
    shop: Data<Shop>,
    visit: ReqData<Arc<Visit>>,
    user_id: Path<String>,
    order: Form<Order>,
) -> Result<HttpResponse, Failure> {
    place(&shop, &visit, &user_id, &order).await
}

async fn place(
    shop: &Shop,
    visit: &Visit,
    user_id: &str,
    order: &Order,
) -> Result<HttpResponse, Failure> {
    visit.holds();
    let receipt = shop.place(user_id, order).await?;
    let mut response = if receipt.known {
        HttpResponse::Ok()
    } else {
        HttpResponse::Created()
    };
    Ok(response.json(receipt))
}

/// Notes who comes and who goes. A client that hangs up drops this future, and with it the visit.
async fn noted(
    shop: Data<Shop>,
    user_id: Path<String>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let visit = shop.board.arrives(&user_id);
    request.extensions_mut().insert(visit.clone());
    let response = next.call(request).await?;
    visit.ends(response.status().as_u16());
    Ok(response)
}

#[get("/events")]
async fn events(shop: Data<Shop>, locks: Data<LockClient>) -> HttpResponse {
    let news = news(shop.into_inner(), LockClient::clone(&locks));
    let events = news.map(|board| Ok::<_, Infallible>(Bytes::from(format!("data: {board}\n\n"))));
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-cache"))
        .streaming(events)
}

pub(crate) fn configure(config: &mut ServiceConfig, unguarded: bool) {
    if unguarded {
        config.service(place_unguarded);
    } else {
        config.service(place_order);
    }
    config.service(events);
    for file in &FILES {
        let answer = move || async move {
            HttpResponse::Ok()
                .content_type(file.kind)
                .insert_header((CONTENT_SECURITY_POLICY, POLICY))
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .body(file.text)
        };
        config.route(file.path, web::get().to(answer));
    }
}
