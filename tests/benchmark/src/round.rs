//! Short rounds in turns, so that what disturbs the machine disturbs everybody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tests::clock;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::contender::Shared;

/// What a slice may take before its contender counts as stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the rounds said of one contender: a figure for each, or why it cannot do the row.
pub(crate) type Figures<T> = Result<Vec<T>, String>;

/// Measures each contender once a round, every second round in the opposite order. One that fails
/// is not asked again.
pub(crate) async fn alternate<T>(
    contenders: &[Shared],
    rounds: usize,
    measure: impl AsyncFn(&Shared) -> Result<T, String>,
) -> Vec<Figures<T>> {
    let mut figures: Vec<Figures<T>> = contenders.iter().map(|_| Ok(Vec::new())).collect();
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            let Ok(so_far) = &mut figures[at] else {
                continue;
            };
            match timeout(PATIENCE, measure(&contenders[at])).await {
                Ok(Ok(figure)) => so_far.push(figure),
                Ok(Err(reason)) => figures[at] = Err(reason),
                Err(_) => figures[at] = Err(format!("not done after {PATIENCE:?}")),
            }
        }
    }
    figures
}

/// One task that calls again and again: what each call took, in seconds.
pub(crate) async fn alone(
    contender: &Shared,
    slice: Duration,
    most: usize,
) -> Result<Vec<f64>, String> {
    let contender = contender.clone();
    let calls = tokio::spawn(async move {
        let mut took = Vec::with_capacity(most);
        let end = Instant::now() + slice;
        while took.len() < most && Instant::now() < end {
            let began = Instant::now();
            contender.call("alone", Duration::ZERO).await?;
            took.push(began.elapsed().as_secs_f64());
        }
        Ok(took)
    });
    calls.await.map_err(|error| error.to_string())?
}

/// One task that calls one after the other, again and again: what the calls of each took, in seconds.
/// What a wake-up costs depends on where the scheduler has put the task and the server, and that changes
/// slowly; call by call it is the same for all.
pub(crate) async fn side_by_side(
    contenders: &[Shared],
    calls: usize,
) -> Result<Vec<Vec<f64>>, String> {
    let contenders = contenders.to_vec();
    let task = tokio::spawn(async move {
        let mut took = vec![Vec::with_capacity(calls); contenders.len()];
        for _ in 0..calls {
            for (contender, took) in contenders.iter().zip(&mut took) {
                let began = Instant::now();
                contender.call("alone", Duration::ZERO).await?;
                took.push(began.elapsed().as_secs_f64());
            }
        }
        Ok(took)
    });
    task.await.map_err(|error| error.to_string())?
}

/// Tasks that all line up, each for one turn a round: seconds an acquisition. As many rounds as fit
/// into the slice, at least one.
pub(crate) async fn lined_up(
    contender: &Shared,
    tasks: usize,
    section: Duration,
    slice: Duration,
) -> Result<(f64, usize), String> {
    let end = Instant::now() + slice;
    let mut rounds = 0;
    let mut spent = Duration::ZERO;
    while rounds == 0 || Instant::now() < end {
        // At both ends: whoever measures is woken once a round, not once a turn.
        let barrier = Arc::new(Barrier::new(tasks + 1));
        let mut all = JoinSet::new();
        for _ in 0..tasks {
            let (contender, barrier) = (contender.clone(), barrier.clone());
            all.spawn(async move {
                barrier.wait().await;
                let held = contender.call("line", section).await;
                barrier.wait().await;
                held
            });
        }
        barrier.wait().await;
        let began = Instant::now();
        barrier.wait().await;
        spent += began.elapsed();
        while let Some(ended) = all.join_next().await {
            ended.map_err(|error| error.to_string())??;
        }
        rounds += 1;
    }
    let turns = rounds * tasks;
    Ok((spent.as_secs_f64() / turns as f64, turns))
}

/// Tasks that come straight back until the slice is over: the turns of each that began in it. `key`
/// names the key of a task.
pub(crate) async fn greedy(
    contender: &Shared,
    tasks: usize,
    slice: Duration,
    key: impl Fn(usize) -> String,
) -> Result<Vec<usize>, String> {
    let mut all = JoinSet::new();
    let end = clock() + slice;
    for task in 0..tasks {
        let (contender, key) = (contender.clone(), key(task));
        all.spawn(async move {
            let mut turns = 0;
            while clock() < end {
                let held = contender.call(&key, Duration::ZERO).await?;
                turns += usize::from(held.from < end);
            }
            Ok::<_, String>((task, turns))
        });
    }
    let mut turns = vec![0; tasks];
    while let Some(ended) = all.join_next().await {
        let (task, its) = ended.map_err(|error| error.to_string())??;
        turns[task] = its;
    }
    Ok(turns)
}
