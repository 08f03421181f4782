//! The orders, in `SQLite`.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Result, Row};
use serde::Serialize;

/// No cart is unique: the service looks before it writes.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS orders (
        id INTEGER PRIMARY KEY,
        user TEXT NOT NULL,
        cart TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS by_cart ON orders (user, cart);";

const FIND: &str = "SELECT id FROM orders WHERE user = ?1 AND cart = ?2 ORDER BY id LIMIT 1";
const WRITE: &str = "INSERT INTO orders (user, cart) VALUES (?1, ?2) RETURNING id";
const COUNT: &str = "SELECT count(*) FROM orders";
const TWICE: &str = "SELECT count(*) FROM \
                     (SELECT 1 FROM orders GROUP BY user, cart HAVING count(*) > 1)";

/// For another process that writes.
const PATIENCE: Duration = Duration::from_secs(2);

/// All orders. Several processes may open the same file.
#[derive(Debug)]
pub struct Orders(Mutex<Connection>);

/// What a user is told of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Its number.
    pub order: i64,
    /// Whether it was there before.
    pub known: bool,
}

impl Orders {
    /// Those of a file, or none yet, kept in memory.
    ///
    /// # Errors
    ///
    /// If it cannot be opened or is no database.
    pub fn open(database: Option<&Path>) -> Result<Self> {
        let connection = match database {
            Some(file) => Connection::open(file)?,
            None => Connection::open_in_memory()?,
        };
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // With WAL this is safe from the end of a process.
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// The order of a cart, if there is one.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn find(&self, user: &str, cart: &str) -> Result<Option<Receipt>> {
        let found = |row: &Row| receipt(row, true);
        self.connection()
            .query_one(FIND, [user, cart], found)
            .optional()
    }

    /// A new order of a cart, whether there is one or not.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn write(&self, user: &str, cart: &str) -> Result<Receipt> {
        self.connection()
            .query_one(WRITE, [user, cart], |row| receipt(row, false))
    }

    /// How many orders there are.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn count(&self) -> Result<usize> {
        self.number(COUNT)
    }

    /// How many carts were ordered more than once.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn twice(&self) -> Result<usize> {
        self.number(TWICE)
    }

    fn number(&self, question: &str) -> Result<usize> {
        let number: i64 = self
            .connection()
            .query_one(question, [], |row| row.get(0))?;
        Ok(usize::try_from(number).unwrap_or_default())
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn receipt(row: &Row<'_>, known: bool) -> Result<Receipt> {
    let order = row.get(0)?;
    Ok(Receipt { order, known })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_who_looks_first_keeps_a_cart_from_being_ordered_twice() {
        let orders = Orders::open(None).expect("memory");
        assert_eq!(orders.find("1", "a"), Ok(None));
        let first = orders.write("1", "a").expect("room");
        let known = Receipt {
            known: true,
            ..first
        };
        assert_eq!(orders.find("1", "a"), Ok(Some(known)));
        assert_eq!(orders.find("2", "a"), Ok(None));
        assert_eq!(orders.twice(), Ok(0));
        assert_ne!(orders.write("1", "a").expect("room").order, first.order);
        assert_eq!((orders.count(), orders.twice()), (Ok(2), Ok(1)));
    }
}
