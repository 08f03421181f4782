//! The account: a row in `SQLite` that checks, or does not check, who comes late.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use lock_runtime::FencingToken;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, named_params};

/// In every account at the beginning.
pub(crate) const OPENING: i64 = 100;

/// From here on a read shuts out everybody who comes with an older fence. No row: we are the older.
const READ: &str = "UPDATE account SET fence = :fence \
                    WHERE id = :id AND fence <= :fence RETURNING balance";
/// No row: somebody with a newer fence was here already.
const WRITE: &str = "UPDATE account SET balance = :balance, fence = :fence \
                     WHERE id = :id AND fence <= :fence";

const UNCHECKED_READ: &str = "SELECT balance FROM account WHERE id = :id";
const UNCHECKED_WRITE: &str = "UPDATE account SET balance = :balance WHERE id = :id";

/// The witness changes nothing: it sees which fences read, whatever is checked, and so knows which
/// writes are late.
const SCHEMA: &str = "
    CREATE TABLE account (
        id INTEGER PRIMARY KEY,
        balance INTEGER NOT NULL,
        fence INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE witness (id INTEGER PRIMARY KEY, newest INTEGER NOT NULL DEFAULT 0);";
const WITNESS_READ: &str = "UPDATE witness SET newest = max(newest, :fence) WHERE id = :id";
const WITNESS_WRITE: &str = "SELECT newest > :fence FROM witness WHERE id = :id";

/// Longer than anybody is stopped: it may be in a transaction.
const PATIENCE: Duration = Duration::from_secs(5);

/// When the fence is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    ReadAndWrite,
    WriteOnly,
    Never,
}

impl Check {
    pub(crate) const ALL: [Self; 3] = [Self::ReadAndWrite, Self::WriteOnly, Self::Never];

    /// Every way has an account of its own.
    pub(crate) fn id(self) -> i64 {
        self as i64 + 1
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ReadAndWrite => "read and write",
            Self::WriteOnly => "write only",
            Self::Never => "never",
        })
    }
}

impl FromStr for Check {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let named = Self::ALL.into_iter().find(|way| way.to_string() == text);
        named.ok_or(())
    }
}

/// What the database said to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) accepted: bool,
    /// A later holder of the lock has read the balance already.
    pub(crate) late: bool,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.accepted { "accepts" } else { "refuses" })
    }
}

/// One connection to one account.
pub(crate) struct Account {
    connection: Connection,
    check: Check,
}

impl Account {
    /// Makes the database.
    pub(crate) fn create(database: &Path) -> rusqlite::Result<()> {
        let connection = Connection::open(database)?;
        // Readers and the one writer do not wait for each other. It stays with the file.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.execute_batch(SCHEMA)?;
        for check in Check::ALL {
            let id = check.id();
            connection.execute(
                "INSERT INTO account (id, balance) VALUES (?1, ?2)",
                [id, OPENING],
            )?;
            connection.execute("INSERT INTO witness (id) VALUES (?1)", [id])?;
        }
        Ok(())
    }

    pub(crate) fn open(database: &Path, check: Check) -> rusqlite::Result<Self> {
        let connection = Connection::open(database)?;
        connection.busy_timeout(PATIENCE)?;
        // With WAL this is safe from the end of a process.
        connection.pragma_update(None, "synchronous", "normal")?;
        Ok(Self { connection, check })
    }

    /// The first transaction of a deposit: the balance, or `None` if the fence is stale.
    pub(crate) fn read(&mut self, fence: FencingToken) -> rusqlite::Result<Option<i64>> {
        let (id, check, fence) = (self.check.id(), self.check, number(fence));
        let transaction = self.begin()?;
        let balance = match check {
            Check::ReadAndWrite => {
                let names = named_params! { ":id": id, ":fence": fence };
                transaction.query_one(READ, names, |row| row.get(0))
            }
            Check::WriteOnly | Check::Never => {
                transaction.query_one(UNCHECKED_READ, named_params! { ":id": id }, |row| {
                    row.get(0)
                })
            }
        };
        let balance = balance.optional()?;
        if balance.is_some() {
            transaction.execute(WITNESS_READ, named_params! { ":id": id, ":fence": fence })?;
        }
        transaction.commit()?;
        Ok(balance)
    }

    /// The second transaction of a deposit.
    pub(crate) fn write(&mut self, fence: FencingToken, balance: i64) -> rusqlite::Result<Answer> {
        let (id, check, fence) = (self.check.id(), self.check, number(fence));
        let transaction = self.begin()?;
        let names = named_params! { ":id": id, ":fence": fence };
        let late = transaction.query_one(WITNESS_WRITE, names, |row| row.get(0))?;
        let rows = match check {
            Check::ReadAndWrite | Check::WriteOnly => transaction.execute(
                WRITE,
                named_params! { ":id": id, ":fence": fence, ":balance": balance },
            ),
            Check::Never => transaction.execute(
                UNCHECKED_WRITE,
                named_params! { ":id": id, ":balance": balance },
            ),
        }?;
        transaction.commit()?;
        let accepted = rows == 1;
        Ok(Answer { accepted, late })
    }

    /// The balance for somebody who only looks on.
    pub(crate) fn balance(&self) -> rusqlite::Result<i64> {
        let names = named_params! { ":id": self.check.id() };
        self.connection
            .query_one(UNCHECKED_READ, names, |row| row.get(0))
    }

    /// `BEGIN IMMEDIATE`: whoever begins with a read and then wants to write may be told that the
    /// database is busy at once, without the patience asked for.
    fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
    }
}

/// Tokens are below 2^53.
fn number(fence: FencingToken) -> i64 {
    i64::try_from(fence.get()).unwrap_or(i64::MAX)
}
