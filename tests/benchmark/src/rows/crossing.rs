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
const OURS: usize = 0;
const LINE: usize = 1;
const RACE: usize = 2;
const CHECKED: usize = 3;

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
        "a bare line has no lease, no check and nobody who is gone, and who stops in it stops everybody; a \
         checked line asks the server for what ours does, which no lock that is to be safe can leave out. A \
         race gives the lock to whoever is quickest, and pays with its commands and its shares. How the bare \
         and the checked line stand beside these, and how long a bare line makes somebody wait in the same \
         rounds, is what the machine and the server leave room for.",
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
    gaps(bench, &said, &rounds, worst);
    shares(bench, &said, &rounds);
    waits(bench, &said, &rounds);
    let overlaps: usize = rounds[OURS].iter().map(Turns::overlaps).sum();
    let turns: usize = rounds[OURS].iter().map(Turns::count).sum();
    bench.table.beside(
        (ROW, &format!("{said}: sections that overlap")),
        format!("of {turns} turns"),
        Some(overlaps as f64),
        "",
        Some(Bound::AtMost(0.0)),
    );
    let failures = |rounds: &[Turns]| rounds.iter().map(Turns::failures).sum::<usize>();
    let others = rounds[LINE..].iter().map(|rounds| failures(rounds));
    bench.table.beside(
        (
            ROW,
            &format!("{said}: calls that failed, which a machine that stands still can cause"),
        ),
        format!("{} of the others", others.sum::<usize>()),
        Some(failures(&rounds[OURS]) as f64),
        "",
        Some(Bound::AtMost(0.0)),
    );
    if section.is_zero() {
        for (rounds, name) in rounds.iter().zip(CONTENDERS) {
            let median = percentile(&gaps_of(rounds), 50);
            bench
                .handovers
                .extend(median.map(|median| (ROW, name, median)));
        }
    }
    Ok(())
}

/// Of all rounds.
fn gaps_of(rounds: &[Turns]) -> Vec<f64> {
    rounds.iter().flat_map(Turns::crossings).collect()
}

fn gaps(bench: &mut Bench, said: &str, rounds: &[Vec<Turns>; 4], worst: f64) {
    let each = |at: usize, percent: usize| -> Vec<f64> {
        let gaps = rounds[at].iter().map(Turns::crossings);
        gaps.filter_map(|gaps| percentile(&gaps, percent)).collect()
    };
    let shown = |at: usize, percent| {
        let figure = percentile(&gaps_of(&rounds[at]), percent);
        figure.map(time).unwrap_or_default()
    };
    for (percent, against, name, most) in [
        (50, CHECKED, "a checked line", None),
        (99, LINE, "a bare line", Some(2.0)),
        (50, LINE, "a bare line", Some(1.25)),
        (50, RACE, "a race", Some(worst)),
    ] {
        let figure = format!("{said}: gap to another process, p{percent}, against {name}");
        bench.table.ratio(
            (ROW, &figure),
            (shown(OURS, percent), shown(against, percent)),
            Spread::of_ratios(&each(OURS, percent), &each(against, percent)),
            most.map(Bound::AtMost),
        );
    }
    for (figure, at, against) in [
        ("a checked line, against a bare line", CHECKED, LINE),
        ("a bare line, against a race", LINE, RACE),
    ] {
        bench.table.ratio(
            (ROW, &format!("{said}: {figure}")),
            (
                String::new(),
                format!("{}, {}", shown(at, 50), shown(against, 50)),
            ),
            Spread::of_ratios(&each(at, 50), &each(against, 50)),
            None,
        );
    }
}

fn shares(bench: &mut Bench, said: &str, rounds: &[Vec<Turns>; 4]) {
    let share = |at: usize| {
        let shares = rounds[at].iter().filter_map(Turns::largest_share);
        percentile(&shares.collect::<Vec<_>>(), 50)
    };
    let beside = |at: usize| share(at).map(short).unwrap_or_default();
    bench.table.beside(
        (ROW, &format!("{said}: largest share of a process")),
        format!("{} % in line, {} % racing", beside(LINE), beside(RACE)),
        share(OURS),
        " %",
        Some(Bound::AtMost(28.0)),
    );
}

fn waits(bench: &mut Bench, said: &str, rounds: &[Vec<Turns>; 4]) {
    let each = |at: usize| -> Vec<f64> { rounds[at].iter().map(Turns::longest_wait).collect() };
    let longest = |at: usize| each(at).into_iter().fold(0.0, f64::max);
    let in_turns = |at: usize| {
        let gap = percentile(&gaps_of(&rounds[at]), 50).unwrap_or_default();
        let sections: Vec<f64> = rounds[at].iter().flat_map(Turns::sections).collect();
        let turn = mean(&sections).unwrap_or_default() + gap;
        longest(at) / ((FEW.0 * FEW.1) as f64 * turn)
    };
    let figure = format!("{said}: longest wait, in tasks × (section + gap)");
    bench.table.beside(
        (ROW, &figure),
        format!("{} in line", short(in_turns(LINE))),
        Some(in_turns(OURS)),
        "",
        Some(Bound::AtMost(AROUND)),
    );
    bench.table.ratio(
        (ROW, &format!("{said}: longest wait, against a bare line's")),
        (time(longest(OURS)), time(longest(LINE))),
        Spread::of_ratios(&each(OURS), &each(LINE)),
        None,
    );
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
        format!(
            "{} in line, {} racing",
            short(each[LINE]),
            short(each[RACE])
        ),
        Some(each[OURS]),
        "",
        Some(Bound::AtMost(1.5)),
    );
    Ok(())
}
