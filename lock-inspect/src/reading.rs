//! What stands at some keys: value and expiry in one pipeline.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lock_runtime::{Holder, KeyNames};
use redis::{RedisResult, Value};

use crate::lock::{Lock, VALUE_BYTES};
use crate::server::Server;
use crate::trouble::Trouble;

/// Those of the names at which something stands, in their order.
pub(crate) async fn read(
    server: &mut Server,
    names: &KeyNames,
    wanted: &[Vec<u8>],
) -> Result<Vec<Lock>, Trouble> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("TIME");
    for name in wanted {
        let last = VALUE_BYTES - 1;
        pipeline.cmd("GETRANGE").arg(name).arg(0).arg(last);
        pipeline.cmd("PTTL").arg(name);
    }
    let mut answers = server.ask_all(&mut pipeline).await?.into_iter();
    let seen = answers.next().and_then(time).unwrap_or_else(own_time);
    let mut locks = Vec::new();
    let mut others = Vec::new();
    for name in wanted {
        let (Some(value), Some(left)) = (answers.next(), answers.next()) else {
            break;
        };
        let remaining = match left.map_err(|error| server.meaning(&error))? {
            // Gone since it was found.
            Value::Int(-2) => continue,
            Value::Int(left) => u64::try_from(left).ok().map(Duration::from_millis),
            _ => None,
        };
        let value = match value {
            Ok(Value::BulkString(bytes)) => Some(bytes),
            Err(error) if error.code() != Some("WRONGTYPE") => return Err(server.meaning(&error)),
            _ => None,
        };
        if value.is_none() {
            others.push(locks.len());
        }
        locks.push(Lock {
            key: names.key_of(name).unwrap_or(name).to_owned(),
            holder: value.as_deref().map_or(Holder::NotALock, holder),
            value: value.unwrap_or_default(),
            other_type: None,
            remaining,
            seen,
        });
    }
    if !others.is_empty() {
        name_types(server, names, &mut locks, &others).await?;
    }
    Ok(locks)
}

/// What is cut off is no token, whatever it begins with.
fn holder(value: &[u8]) -> Holder {
    if value.len() < VALUE_BYTES {
        return Holder::parse(value);
    }
    match Holder::parse(value) {
        Holder::Owner(_) => Holder::Foreign("a very long value".to_owned()),
        holder => holder,
    }
}

async fn name_types(
    server: &mut Server,
    names: &KeyNames,
    locks: &mut [Lock],
    others: &[usize],
) -> Result<(), Trouble> {
    let mut pipeline = redis::pipe();
    for at in others {
        let name = [names.prefix().as_bytes(), &locks[*at].key].concat();
        pipeline.cmd("TYPE").arg(name);
    }
    let answers = server.ask_all(&mut pipeline).await?;
    for (at, answer) in others.iter().zip(answers) {
        let kind = match answer {
            Ok(Value::SimpleString(kind)) => kind,
            _ => "key of another type".to_owned(),
        };
        locks[*at].other_type = Some(kind);
    }
    Ok(())
}

/// The server's clock: it alone is the same for everybody who looks.
fn time(answer: RedisResult<Value>) -> Option<Duration> {
    let (seconds, micros): (u64, u32) = redis::from_redis_value(answer.ok()?).ok()?;
    Duration::from_secs(seconds).checked_add(Duration::from_micros(micros.into()))
}

/// For a user who may not ask for the server's.
fn own_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
