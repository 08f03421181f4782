//! One late write, directed: the holder is continued when its successor has read, and not yet
//! written.

use std::time::{Duration, Instant};

use examples::Result;

use crate::account::Check;
use crate::figures::Figures;
use crate::worker::{Bank, Worker};

/// `aloud`: tells every step.
pub(crate) async fn play(bank: &Bank, check: Check, aloud: bool) -> Result<Figures> {
    let mut figures = Figures::default();
    let mut began = None;
    let mut tell = |what: String| {
        if aloud {
            let passed = began.get_or_insert_with(Instant::now).elapsed().as_millis();
            println!("{passed:>5} ms  {what}");
        }
    };
    let mut a = Worker::start(bank, check, 1, Duration::ZERO)?;
    let of_a = a.intent().await?;
    a.stop()?;
    // It finds the answer when it is continued.
    a.go().await?;
    figures.stops += 1;
    let (fence, read, new) = (of_a.fence, of_a.read, of_a.new);
    tell(format!(
        "A has fence {fence}, reads {read}, and is stopped before it writes {new}"
    ));

    let mut b = Worker::start(bank, check, 1, Duration::ZERO)?;
    let of_b = b.intent().await?;
    let (fence, read) = (of_b.fence, of_b.read);
    tell(format!(
        "A's lock has expired: B has fence {fence}, reads {read}"
    ));

    a.resume()?;
    let answer = a.answer().await?;
    figures.count(answer);
    tell(format!(
        "A is continued and writes {new}: the database {answer} it"
    ));

    b.go().await?;
    let answer = b.answer().await?;
    figures.count(answer);
    tell(format!("B writes {}: the database {answer} it", of_b.new));
    a.ended().await?;
    b.ended().await?;
    Ok(figures)
}
