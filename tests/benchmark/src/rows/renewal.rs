//! l: many renewed locks.

use std::time::Instant;

use lock_runtime::{LockClient, LockGuard};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::bench::{Bench, Error};
use crate::contender::{TTL, WAIT};
use crate::monitor::Monitor;
use crate::rows::cost::cpu_time;
use crate::table::Bound;

const ROW: char = 'l';
const LOCKS: usize = 10_000;

/// Each lock is extended that many times while one ttl goes by.
const EXTENSIONS: f64 = 3.0;

struct Renewed {
    commands: f64,
    cpu: f64,
    tasks: f64,
}

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "10,000 renewed locks");
    let renewed = Bench::runtime()?.block_on(async {
        let client = LockClient::connect(&bench.server.url()).await?;
        let tasks = Handle::current().metrics().num_alive_tasks();
        let held = hold(&client).await?;
        let tasks = Handle::current().metrics().num_alive_tasks() - tasks;

        let monitor = Monitor::start(&bench.server)?;
        let began = Instant::now();
        // The counting is in this process: its CPU time is measured apart.
        sleep(TTL).await;
        let counted = monitor.stop()?.values().sum::<u64>();
        let due = LOCKS as f64 * EXTENSIONS * began.elapsed().as_secs_f64() / TTL.as_secs_f64();

        let (spent, began) = (cpu_time(), Instant::now());
        sleep(TTL).await;
        let cpu = (cpu_time() - spent) / began.elapsed().as_secs_f64();

        let lost = held
            .iter()
            .filter(|guard| guard.remaining().is_zero())
            .count();
        if lost > 0 {
            return Err(format!("{lost} locks were lost while they were renewed").into());
        }
        drop(held);
        let _ = client.shutdown(WAIT).await;
        Ok::<_, Error>(Renewed {
            commands: counted as f64 / due,
            cpu: cpu * 100.0,
            tasks: tasks as f64 / LOCKS as f64,
        })
    })?;
    let bound = Some(Bound::AtMost(1.1));
    let figure = (ROW, "commands, against one a lock every third of its ttl");
    bench
        .table
        .figure(figure, Some(renewed.commands), "", bound);
    let figure = (ROW, "CPU share of a core, 10,000 locks");
    bench.table.figure(figure, Some(renewed.cpu), " %", None);
    let figure = (ROW, "tasks a lock");
    bench.table.figure(figure, Some(renewed.tasks), "", None);
    Ok(())
}

async fn hold(client: &LockClient) -> Result<Vec<LockGuard>, Error> {
    let mut taking = JoinSet::new();
    let mut held = Vec::with_capacity(LOCKS);
    for key in 0..LOCKS {
        let request = client.lock(format!("renewed:{key}")).ttl(TTL);
        taking.spawn(request.renew().acquire());
        if taking.len() >= 64
            && let Some(taken) = taking.join_next().await
        {
            held.push(taken??);
        }
    }
    while let Some(taken) = taking.join_next().await {
        held.push(taken??);
    }
    Ok(held)
}
