//! One of the processes that deposit.

use std::io::{self, Write, stdin, stdout};
use std::path::PathBuf;
use std::time::Duration;

use examples::Result;
use lock_runtime::{LockClient, LockError, distributed_lock};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::account::{Account, Check};
use crate::message::Message;

/// What a teller deposits at a time.
pub(crate) const AMOUNT: i64 = 10;
/// How long the lock lasts.
pub(crate) const TTL: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_secs(5);
/// Between read and write.
const WORK: Duration = Duration::from_millis(30);

/// What a teller is started with.
pub(crate) struct Orders {
    pub(crate) url: String,
    pub(crate) database: PathBuf,
    pub(crate) check: Check,
    pub(crate) tasks: usize,
    /// Each task deposits once, and again until this is over.
    pub(crate) lasting: Duration,
}

impl Orders {
    const ROLE: &str = "teller";

    pub(crate) fn arguments(&self) -> [String; 6] {
        [
            Self::ROLE.to_owned(),
            self.url.clone(),
            self.database.to_string_lossy().into_owned(),
            self.check.to_string(),
            self.tasks.to_string(),
            self.lasting.as_millis().to_string(),
        ]
    }

    pub(crate) fn parse(arguments: &[String]) -> Option<Self> {
        match arguments {
            [role, url, database, check, tasks, lasting] if role == Self::ROLE => Some(Self {
                url: url.clone(),
                database: database.into(),
                check: check.parse().ok()?,
                tasks: tasks.parse().ok()?,
                lasting: Duration::from_millis(lasting.parse().ok()?),
            }),
            _ => None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum DepositError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("the account has seen a newer fence: this deposit came too late")]
    Stale,
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error("the program that started this teller is gone: {0}")]
    Alone(#[from] io::Error),
}

/// Statements are short and local, so they may block the runtime.
#[distributed_lock(key = "account:<id>", ttl = TTL, wait = PATIENCE, fence, guard = lock)]
async fn deposit(id: i64, account: &mut Account) -> Result<(), DepositError> {
    let fence = lock.fencing_token().ok_or(DepositError::Stale)?;
    let read = account.read(fence)?.ok_or(DepositError::Stale)?;
    sleep(WORK).await;
    // No await from here on: this is one poll, begun when the library last found the lease good.
    // Nor is a transaction open: its lock would shut all others out for as long as we are stopped.
    let new = read + AMOUNT;
    announce(fence.get(), read, new)?;
    let answer = account.write(fence, new)?;
    say(Message::Wrote(answer))?;
    if answer.accepted {
        Ok(())
    } else {
        Err(DepositError::Stale)
    }
}

/// Says that a write comes next, and blocks until the answer: meanwhile this process may be stopped.
fn announce(fence: u64, read: i64, new: i64) -> io::Result<()> {
    say(Message::Writes { fence, read, new })?;
    match stdin().read_line(&mut String::new())? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn say(message: Message) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{message}")?;
    out.flush()
}

pub(crate) async fn work(orders: &Orders) -> Result<()> {
    let client = LockClient::connect(&orders.url).await?;
    let until = Instant::now() + orders.lasting;
    let mut tasks = JoinSet::new();
    for _ in 0..orders.tasks {
        let account = Account::open(&orders.database, orders.check)?;
        tasks.spawn(deposits(client.clone(), orders.check, account, until));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let rest = client.shutdown(Duration::from_secs(2)).await;
    if rest.is_empty() {
        Ok(())
    } else {
        Err(format!("locks were not given back: {rest:?}").into())
    }
}

/// Deposits again and again. One that was not made, or of which that is not certain, is not repeated:
/// the database has said of each whether it counts.
async fn deposits(
    client: LockClient,
    check: Check,
    mut account: Account,
    until: Instant,
) -> Result<(), DepositError> {
    loop {
        match client.scope(deposit(check.id(), &mut account)).await {
            Ok(()) | Err(DepositError::Stale | DepositError::Lock(LockError::Lost { .. })) => {}
            Err(DepositError::Lock(error)) if error.is_busy() => {}
            Err(error) => return Err(error),
        }
        if Instant::now() >= until {
            return Ok(());
        }
    }
}
