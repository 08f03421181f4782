//! g: processes that compete for one key, against a line with nothing around it, one that asks the
//! server for what ours does, and the race.

use std::time::Duration;

use crate::bench::{Bench, Error};
use crate::monitor::Monitor;
use crate::processes::crew::{Crew, Turns};
use crate::spread::{Spread, mean, percentile, short, time};
use crate::table::Bound;

const ROW: char = 'g';

/// Ours, a bare line, the race after a push, and a line that is checked.
const CONTENDERS: [&str; 4] = ["ours", "line", "race", "checked"];

/// The same tasks in few processes and in many.
const FEW: (usize, usize) = (4, 4);
const MANY: (usize, usize) = (8, 2);

/// A wait is measured in turns of everybody: three times around.
const AROUND: f64 = 3.0;

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    for (section, worst) in [(0, 1.0), (2, 0.75)] {
        crossings(bench, Duration::from_millis(section), worst)?;
    }
    for (processes, tasks) in [FEW, MANY] {
        commands(bench, processes, tasks)?;
    }
    bench.table.note(
        ROW,
        "a bare line has no lease, no check and nobody who is gone: its script asks the server for half of what \
         ours does, whose every step the next holder waits for. Its own longest wait stands beside ours, in \
         its own turns.",
    );
    Ok(())
}

fn crew(bench: &Bench, contender: &'static str, (processes, tasks): (usize, usize)) -> Crew {
    Crew {
        contender,
        processes,
        tasks,
        section: Duration::ZERO,
        length: Duration::from_millis(bench.pick(1_500, 4_000)),
    }
}

fn crossings(bench: &mut Bench, section: Duration, worst: f64) -> Result<(), Error> {
    let said = format!("4 × 4, {} ms", section.as_millis());
    Bench::tell(ROW, &said);
    let mut rounds: [Vec<Turns>; 4] = Default::default();
    for round in 0..bench.pick(3, 7) {
        for at in 0..CONTENDERS.len() {
            let at = (at + round) % CONTENDERS.len();
            let crew = crew(bench, CONTENDERS[at], FEW);
            rounds[at].push(Crew { section, ..crew }.run(&bench.server)?);
        }
    }
    let pooled = |at: usize| -> Vec<f64> { rounds[at].iter().flat_map(Turns::crossings).collect() };
    let each = |at: usize, percent: usize| -> Vec<f64> {
        let rounds = rounds[at].iter();
        rounds
            .filter_map(|turns| percentile(&turns.crossings(), percent))
            .collect()
    };
    let shown = |at: usize, percent| {
        percentile(&pooled(at), percent)
            .map(time)
            .unwrap_or_default()
    };
    for (percent, against, name, most) in [
        (50, 3, "a checked line", None),
        (99, 1, "a bare line", Some(2.0)),
        (50, 1, "a bare line", Some(1.25)),
        (50, 2, "a race", Some(worst)),
    ] {
        let figure = format!("{said}: gap to another process, p{percent}, against {name}");
        bench.table.ratio(
            (ROW, &figure),
            (shown(0, percent), shown(against, percent)),
            Spread::of_ratios(&each(0, percent), &each(against, percent)),
            most.map(Bound::AtMost),
        );
    }
    let shares = |at: usize| -> Vec<f64> {
        let rounds = rounds[at].iter();
        rounds.filter_map(Turns::largest_share).collect()
    };
    let share = |at| percentile(&shares(at), 50);
    let beside = |at: usize| share(at).map(short).unwrap_or_default();
    bench.table.beside(
        (ROW, &format!("{said}: largest share of a process")),
        format!("{} % in line, {} % racing", beside(1), beside(2)),
        share(0),
        " %",
        Some(Bound::AtMost(28.0)),
    );
    let longest = |at: usize| {
        rounds[at]
            .iter()
            .map(Turns::longest_wait)
            .fold(0.0, f64::max)
    };
    let in_turns = |at: usize| {
        let gap = percentile(&pooled(at), 50).unwrap_or_default();
        let sections: Vec<f64> = rounds[at].iter().flat_map(Turns::sections).collect();
        let turn = mean(&sections).unwrap_or_default() + gap;
        longest(at) / ((FEW.0 * FEW.1) as f64 * turn)
    };
    bench.table.beside(
        (
            ROW,
            &format!("{said}: longest wait, in tasks × (section + gap)"),
        ),
        format!(
            "{} ours, {} in line: {}",
            time(longest(0)),
            time(longest(1)),
            short(in_turns(1))
        ),
        Some(in_turns(0)),
        "",
        Some(Bound::AtMost(AROUND)),
    );
    let overlaps = |at: usize| rounds[at].iter().map(Turns::overlaps).sum::<usize>() as f64;
    let turns: usize = rounds[0].iter().map(Turns::count).sum();
    bench.table.beside(
        (ROW, &format!("{said}: sections that overlap")),
        format!("of {turns} turns"),
        Some(overlaps(0)),
        "",
        Some(Bound::AtMost(0.0)),
    );
    for (at, name) in CONTENDERS.iter().enumerate() {
        if section.is_zero() {
            let median = percentile(&pooled(at), 50);
            bench
                .handovers
                .extend(median.map(|median| (ROW, *name, median)));
        }
    }
    Ok(())
}

fn commands(bench: &mut Bench, processes: usize, tasks: usize) -> Result<(), Error> {
    let said = format!("{processes} × {tasks}");
    Bench::tell(ROW, &format!("{said}, commands"));
    let mut each = Vec::new();
    for contender in CONTENDERS {
        let crew = crew(bench, contender, (processes, tasks));
        let monitor = Monitor::start(&bench.server)?;
        let turns = crew.run(&bench.server)?;
        let counted: u64 = monitor.stop()?.values().sum();
        each.push(counted as f64 / turns.count() as f64);
    }
    bench.table.beside(
        (ROW, &format!("{said}: commands an acquisition")),
        format!("{} in line, {} racing", short(each[1]), short(each[2])),
        Some(each[0]),
        "",
        Some(Bound::AtMost(1.5)),
    );
    Ok(())
}
