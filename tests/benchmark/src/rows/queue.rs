//! d and f: tasks that line up for one key, each for one turn, without and with a section.

use std::sync::Arc;
use std::time::Duration;

use crate::bare_swap::BareSwap;
use crate::bench::{Bench, Error};
use crate::contender::{Shared, WAIT};
use crate::monitor::Monitor;
use crate::round::{Figures, alternate, lined_up};
use crate::spread::{Spread, percentile, short, time};
use crate::table::Bound;

const TASKS: usize = 16;
const SLICE: Duration = Duration::from_millis(150);
const SECTION: Duration = Duration::from_millis(5);

pub(crate) fn without_section(bench: &mut Bench) -> Result<(), Error> {
    let row = 'd';
    Bench::tell(row, "16 tasks, one key, rounds");
    let rounds = bench.pick(9, 30);
    let (contenders, figures, commands) = Bench::runtime()?.block_on(async {
        let mut contenders = bench.all(WAIT).await?;
        let url = bench.server.url();
        contenders.insert(2, Arc::new(BareSwap::connect(&url).await?));
        let figures = alternate(&contenders, rounds, async |contender| {
            let (took, _) = lined_up(contender, TASKS, Duration::ZERO, SLICE).await?;
            Ok(took)
        })
        .await;
        let mut commands = Vec::new();
        for (contender, figures) in contenders.iter().zip(&figures) {
            commands.push(match figures {
                Ok(_) => Some(commands_of(bench, contender).await?),
                Err(_) => None,
            });
        }
        Ok::<_, Error>((contenders, figures, commands))
    })?;
    let (ours, floor) = (figures[0].clone()?, figures[1].clone()?);
    let swap = figures[2].clone()?;
    bench.table.ratio(
        (row, "time an acquisition, against the local queue"),
        (shown(&ours), shown(&floor)),
        Spread::of_ratios(&ours, &floor),
        Some(Bound::AtMost(0.65)),
    );
    bench.table.ratio(
        (row, "time an acquisition, against a bare swap"),
        (shown(&ours), shown(&swap)),
        Spread::of_ratios(&ours, &swap),
        None,
    );
    bench.table.ratio(
        (row, "a bare swap, against the local queue"),
        (String::new(), shown(&swap)),
        Spread::of_ratios(&swap, &floor),
        None,
    );
    bench.table.note(
        row,
        "a bare swap is the least that one server allows: one command an acquisition, no lease and no check. \
         Nobody has anything to do but whoever was handed the lock: as in a, the code of what it does of its own \
         comes from memory. In e those who come back keep the cores awake.",
    );
    let asked = commands.iter().map(|asked| asked.map(short));
    let beside: Vec<String> = asked.map(Option::unwrap_or_default).collect();
    let bound = Some(Bound::AtMost(1.3));
    let figure = (row, "commands an acquisition");
    bench
        .table
        .beside(figure, beside[1].clone(), commands[0], "", bound);
    let rslock = contenders.iter().position(|peer| peer.name() == "rslock");
    let rslock = rslock
        .and_then(|at| figures[at].clone().ok())
        .unwrap_or_default();
    bench.table.ratio(
        (row, "time an acquisition, rslock against ours"),
        (shown(&ours), shown(&rslock)),
        Spread::of_ratios(&rslock, &ours),
        Some(Bound::AtLeast(100.0)),
    );
    for (at, contender) in contenders.iter().enumerate() {
        if let Some(median) = median(&figures[at]) {
            bench.handovers.push((row, contender.name(), median));
        }
        if at > 2 {
            let did = match &figures[at] {
                Ok(figures) => format!("{}, {} commands", shown(figures), beside[at]),
                Err(reason) => reason.clone(),
            };
            bench.peer(row, contender.name(), did);
        }
    }
    Ok(())
}

pub(crate) fn with_section(bench: &mut Bench) -> Result<(), Error> {
    let row = 'f';
    Bench::tell(row, "16 tasks, one key, rounds with a section of 5 ms");
    let rounds = bench.pick(15, 60);
    let figures = Bench::runtime()?.block_on(async {
        let contenders = bench.two(WAIT).await?;
        let figures = alternate(&contenders, rounds, async |contender| {
            let (took, _) = lined_up(contender, TASKS, SECTION, SLICE).await?;
            Ok(took)
        });
        Ok::<_, Error>(figures.await)
    })?;
    let (ours, floor) = (figures[0].clone()?, figures[1].clone()?);
    bench.table.ratio(
        (
            row,
            "time an acquisition with a section of 5 ms, against the local queue",
        ),
        (shown(&ours), shown(&floor)),
        Spread::of_ratios(&ours, &floor),
        Some(Bound::AtMost(1.0)),
    );
    Ok(())
}

/// Commands an acquisition, counted apart from what is timed.
async fn commands_of(bench: &Bench, contender: &Shared) -> Result<f64, Error> {
    let monitor = Monitor::start(&bench.server)?;
    let (_, turns) = lined_up(contender, TASKS, Duration::ZERO, SLICE).await?;
    let counted = monitor.stop()?;
    Ok(counted.values().sum::<u64>() as f64 / turns as f64)
}

fn median(figures: &Figures<f64>) -> Option<f64> {
    percentile(figures.as_ref().ok()?, 50)
}

fn shown(figures: &[f64]) -> String {
    percentile(figures, 50).map(time).unwrap_or_default()
}
