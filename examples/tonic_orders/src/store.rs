//! Orders and stock in `SQLite`. Every statement of an order asks for its fence.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lock_runtime::FencingToken;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use crate::messages::{Order, Placed, Stock};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS stock (
        item TEXT PRIMARY KEY,
        pieces INTEGER NOT NULL,
        fence INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS placed (
        number INTEGER PRIMARY KEY,
        request TEXT NOT NULL UNIQUE,
        user TEXT NOT NULL,
        item TEXT NOT NULL,
        pieces INTEGER NOT NULL
    );
    INSERT OR IGNORE INTO stock (item, pieces) VALUES ('tea', 1000), ('coffee', 1000);";

const EARLIER: &str = "SELECT number, (SELECT pieces FROM stock WHERE stock.item = placed.item) \
                       FROM placed WHERE request = ?1";
const IS_SOLD: &str = "SELECT count(*) FROM stock WHERE item = ?1";
/// From here on a read shuts out everybody who comes with an older fence. No row: we are the older.
const READ: &str = "UPDATE stock SET fence = ?2 WHERE item = ?1 AND fence <= ?2 RETURNING pieces";
/// No row: somebody with a newer fence was here already.
const WRITE: &str = "UPDATE stock SET pieces = ?3, fence = ?2 WHERE item = ?1 AND fence <= ?2";
const PLACE: &str = "INSERT INTO placed (request, user, item, pieces) VALUES (?1, ?2, ?3, ?4)";
const SUMS: &str = "SELECT pieces, (SELECT coalesce(sum(pieces), 0) FROM placed WHERE item = ?1), \
                    (SELECT count(*) FROM placed WHERE item = ?1) FROM stock WHERE item = ?1";

/// Other processes write, too.
const PATIENCE: Duration = Duration::from_secs(5);

/// The database, by one connection.
#[derive(Debug)]
pub struct Store(Mutex<Connection>);

/// Why an order was not placed.
#[derive(Debug, thiserror::Error)]
pub enum NotPlaced {
    /// The shop does not have it.
    #[error("this is not sold here")]
    NoSuchItem,
    /// The lock was lost, and somebody else is at work.
    #[error("a later order of this was first, nothing was done; try again")]
    Stale,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
}

/// What stands in the database before an order is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The same request was placed earlier.
    Placed(Placed),
    /// So many pieces are left.
    Stock(u32),
}

impl Store {
    /// Opens the database, and makes it if there is none; without a file it is gone with this value.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn open(file: Option<&Path>) -> rusqlite::Result<Self> {
        let connection = match file {
            Some(file) => Connection::open(file)?,
            None => Connection::open_in_memory()?,
        };
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// The first transaction of an order.
    pub(crate) fn look(&self, order: &Order, fence: FencingToken) -> Result<Found, NotPlaced> {
        let mut connection = self.connection();
        let transaction = begin(&mut connection)?;
        let earlier = transaction.query_one(EARLIER, [&order.request], |row| {
            let (number, left) = (row.get(0)?, row.get(1)?);
            Ok(Placed { number, left })
        });
        if let Some(placed) = earlier.optional()? {
            return Ok(Found::Placed(placed));
        }
        let pieces = transaction.query_one(READ, (&order.item, number(fence)), |row| row.get(0));
        let Some(pieces) = pieces.optional()? else {
            let sold: u32 = transaction.query_one(IS_SOLD, [&order.item], |row| row.get(0))?;
            return Err(if sold == 0 {
                NotPlaced::NoSuchItem
            } else {
                NotPlaced::Stale
            });
        };
        transaction.commit()?;
        Ok(Found::Stock(pieces))
    }

    /// The second transaction, after which so many pieces are left.
    pub(crate) fn place(
        &self,
        order: &Order,
        left: u32,
        fence: FencingToken,
    ) -> Result<Placed, NotPlaced> {
        let mut connection = self.connection();
        let transaction = begin(&mut connection)?;
        if transaction.execute(WRITE, (&order.item, number(fence), left))? == 0 {
            return Err(NotPlaced::Stale);
        }
        let row = (&order.request, &order.user, &order.item, order.pieces);
        transaction.execute(PLACE, row)?;
        let number = transaction.last_insert_rowid();
        transaction.commit()?;
        Ok(Placed { number, left })
    }

    /// What is left, and what was ordered.
    ///
    /// # Errors
    ///
    /// [`NotPlaced::NoSuchItem`], or [`NotPlaced::Database`].
    pub fn stock(&self, item: &str) -> Result<Stock, NotPlaced> {
        let sums = self.connection().query_one(SUMS, [item], |row| {
            Ok(Stock {
                left: row.get(0)?,
                ordered: row.get(1)?,
                orders: row.get(2)?,
            })
        });
        sums.optional()?.ok_or(NotPlaced::NoSuchItem)
    }

    /// A panic under it has rolled its transaction back.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `BEGIN IMMEDIATE`: whoever begins with a read and then wants to write may be told that the database is busy
/// at once, without the patience asked for.
fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Tokens are below 2^53.
fn number(fence: FencingToken) -> i64 {
    fence.get().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: FencingToken = FencingToken::new(1);
    const NEW: FencingToken = FencingToken::new(2);

    fn order(request: &str, item: &str) -> Order {
        Order {
            request: request.to_owned(),
            user: "1".to_owned(),
            item: item.to_owned(),
            pieces: 10,
        }
    }

    #[test]
    fn a_late_order_is_refused_and_nothing_of_it_is_written() {
        let store = Store::open(None).expect("in memory");
        let (early, late) = (order("a", "tea"), order("b", "tea"));
        assert_eq!(store.look(&early, OLD).expect("sold"), Found::Stock(1000));
        assert_eq!(store.look(&late, NEW).expect("sold"), Found::Stock(1000));
        let refused = store.place(&early, 990, OLD);
        assert!(matches!(refused, Err(NotPlaced::Stale)), "{refused:?}");
        let placed = store.place(&late, 990, NEW).expect("the newest");
        assert_eq!(placed.left, 990);
        let refused = store.look(&early, OLD);
        assert!(matches!(refused, Err(NotPlaced::Stale)), "{refused:?}");
        let sums = Stock {
            left: 990,
            ordered: 10,
            orders: 1,
        };
        assert_eq!(store.stock("tea").expect("sold"), sums);
        // Sent again it is found, whatever its fence.
        assert_eq!(
            store.look(&late, OLD).expect("placed"),
            Found::Placed(placed)
        );
    }

    #[test]
    fn what_is_not_sold_has_no_stock() {
        let store = Store::open(None).expect("in memory");
        let refused = store.look(&order("a", "gold"), OLD);
        assert!(matches!(refused, Err(NotPlaced::NoSuchItem)), "{refused:?}");
        assert!(matches!(store.stock("gold"), Err(NotPlaced::NoSuchItem)));
    }
}
