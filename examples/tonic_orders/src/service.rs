//! The methods, and what their callers are told.

use std::sync::Arc;
use std::time::Duration;

use lock_runtime::distributed_lock;
use tokio::time::sleep;
use tonic::{Request, Response, Status};

use crate::messages::{Item, Order, Placed, Stock};
use crate::orders::orders_server::Orders;
use crate::store::{Found, NotPlaced, Store};

/// The service. Its locks are those of the client in whose scope it is called.
#[derive(Debug)]
pub struct Shop {
    store: Arc<Store>,
    payment: Duration,
}

impl Shop {
    /// A shop whose customers take so long to pay.
    #[must_use]
    pub const fn new(store: Arc<Store>, payment: Duration) -> Self {
        Self { store, payment }
    }
}

#[tonic::async_trait]
impl Orders for Shop {
    /// Statements are short and local, so they may block the runtime. No transaction is open while the
    /// customer pays.
    #[distributed_lock(
        key = "stock:<order.item>",
        ttl = 10,
        wait = 30,
        fence,
        guard = lock,
        with(order = request.get_ref()),
    )]
    async fn place(&self, request: Request<Order>) -> Result<Response<Placed>, Status> {
        let fence = lock.fencing_token().ok_or(NotPlaced::Stale)?;
        let order = request.into_inner();
        let stock = match self.store.look(&order, fence)? {
            Found::Placed(placed) => return Ok(Response::new(placed)),
            Found::Stock(stock) => stock,
        };
        let left = stock.checked_sub(order.pieces);
        let left = left.ok_or_else(|| {
            Status::failed_precondition(format!("{stock} of this are left, which is not enough"))
        })?;
        sleep(self.payment).await;
        let placed = self.store.place(&order, left, fence)?;
        Ok(Response::new(placed))
    }

    async fn stock(&self, request: Request<Item>) -> Result<Response<Stock>, Status> {
        let stock = self.store.stock(&request.get_ref().item)?;
        Ok(Response::new(stock))
    }
}

impl From<NotPlaced> for Status {
    fn from(error: NotPlaced) -> Self {
        match error {
            NotPlaced::NoSuchItem => Self::not_found(error.to_string()),
            NotPlaced::Stale => Self::aborted(error.to_string()),
            // Its words are for the log.
            NotPlaced::Database(error) => {
                eprintln!("tonic_orders: {error}");
                Self::internal("the database failed")
            }
        }
    }
}
