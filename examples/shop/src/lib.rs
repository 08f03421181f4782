//! What the order services of `axum_orders/` and `actix_orders/` share, and what has nothing to do with their
//! frameworks: orders in a database, a board of who is here, and the page that shows it.

mod board;
mod cart;
mod news;
mod orders;
mod page;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

pub use board::{Board, Visit};
pub use cart::Order;
pub use news::news;
pub use orders::{Orders, Receipt};
pub use page::{FILES, File, POLICY};
pub use rusqlite::Error as DatabaseError;
pub use settings::Settings;

/// A shop that sells each cart once.
#[derive(Debug)]
pub struct Shop {
    /// Who is here.
    pub board: Arc<Board>,
    orders: Orders,
    payment: Duration,
}

impl Shop {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// If the database cannot be opened.
    pub fn open(settings: &Settings) -> Result<Arc<Self>, DatabaseError> {
        Ok(Arc::new(Self {
            board: Board::new(),
            orders: Orders::open(settings.database.as_deref())?,
            payment: settings.payment,
        }))
    }

    /// The order of this cart: the one that is there already, or a new one that is paid first.
    ///
    /// It looks before it writes, and nothing in the database forbids a second order of a cart: that nobody
    /// else writes in between is what the lock of the caller is for.
    ///
    /// Cancellation safety: dropped while it is being paid it has ordered nothing. What the database is told
    /// is not waited for, but done between two awaits: a task for it would outlive a client that hangs up, and
    /// with it the lock, and would write what somebody else has written meanwhile.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn place(&self, user: &str, order: &Order) -> Result<Receipt, DatabaseError> {
        if let Some(receipt) = self.orders.find(user, order.cart())? {
            return Ok(receipt);
        }
        // The bank says that it would pay; it does so when the order is shipped.
        sleep(self.payment).await;
        self.orders.write(user, order.cart())
    }

    /// How it went, for the last line of a program.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn summary(&self) -> Result<String, DatabaseError> {
        let (orders, twice) = (self.orders.count()?, self.orders.twice()?);
        Ok(format!("{orders} orders, {twice} carts ordered twice"))
    }
}
