//! Many clients at once, some of whom do not stay for their answer.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::chance::Chance;

/// Makes all calls at once, and leaves a random half of them after a random time, of at most `longest`:
/// those are dropped, wherever they are. The answers of all that came to their end, by their numbers.
///
/// Who leaves when comes from the seed; how far it has come by then, from the machine.
///
/// # Panics
///
/// If a call does.
pub async fn crowd<T, Call>(
    seed: u64,
    size: usize,
    longest: Duration,
    call: impl Fn(usize) -> Call,
) -> Vec<(usize, T)>
where
    T: Send + 'static,
    Call: Future<Output = T> + Send + 'static,
{
    let mut calls = JoinSet::new();
    for (number, stays) in shuffled(seed, size) {
        let call = call(number);
        calls.spawn(async move {
            let answer = match stays {
                None => Some(call.await),
                Some(share) => timeout(longest.mul_f64(share), call).await.ok(),
            };
            answer.map(|answer| (number, answer))
        });
    }
    let answers = calls.join_all().await;
    answers.into_iter().flatten().collect()
}

/// All numbers, in an order of their own, and of every second one how long it stays.
fn shuffled(seed: u64, size: usize) -> Vec<(usize, Option<f64>)> {
    let mut chance = Chance::new(seed);
    let mut order: Vec<(u64, usize)> = (0..size).map(|number| (chance.number(), number)).collect();
    order.sort_unstable();
    let numbers = order.into_iter().map(|(_, number)| number);
    let stay = |leaves: bool| leaves.then(|| chance.fraction());
    let stays: Vec<_> = (0..size).map(|place| place % 2 == 0).map(stay).collect();
    numbers.zip(stays).collect()
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn half_of_them_leave() {
        let longest = Duration::from_millis(5);
        let stays = |number| shuffled(7, 100).contains(&(number, None));
        let call = move |number| async move {
            if !stays(number) {
                pending::<()>().await;
            }
        };
        let answers = crowd(7, 100, longest, call).await;
        assert_eq!(answers.len(), 50);
        assert!(answers.iter().any(|(number, ())| number % 2 == 0));
        assert!(answers.iter().any(|(number, ())| number % 2 == 1));
    }
}
