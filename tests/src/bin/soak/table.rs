//! The figures of a run, and what each of them means.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::changes::Changes;
use crate::ledger::Ledger;
use crate::nemesis::Deeds;
use crate::orphans::Orphans;

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) count: u64,
    pub(crate) means: String,
}

pub(crate) fn figure(deeds: &AtomicU64) -> u64 {
    deeds.load(Ordering::Relaxed)
}

fn row(name: &'static str, count: u64, means: impl Into<String>) -> Row {
    let means = means.into();
    Row { name, count, means }
}

/// `found` are overlaps, overlaps after data loss, and orphans.
pub(crate) fn rows(
    ledger: &Ledger,
    deeds: &Deeds,
    found: [usize; 3],
    seen: &Orphans,
    changes: &Changes,
) -> Vec<Row> {
    let [overlaps, after_loss, orphans] =
        found.map(|count| u64::try_from(count).unwrap_or(u64::MAX));
    let mut rows = vec![
        row(
            "sections",
            ledger.sections,
            "bodies that began under a lock",
        ),
        row(
            "acknowledged",
            ledger.counters.iter().map(|one| one.acknowledged).sum(),
            "updates that a counter said it had taken",
        ),
        row(
            "lost",
            ledger.lost(),
            "acknowledged updates that the counters do not contain at the end",
        ),
        row(
            "refused",
            ledger.refused,
            "reads and writes that a counter refused because it had seen a newer fence",
        ),
        intruders(ledger),
        row(
            "overlaps",
            overlaps,
            "two that held one lock, each from its grant to the earlier of its release and its deadline",
        ),
        row(
            "overlaps_after_data_loss",
            after_loss,
            "the same where the server had died with its data after the first one's lease began: the \
             first cannot know yet, and only the fence helps",
        ),
        row(
            "late_polls",
            ledger.late_polls,
            "polls of a body that began after its deadline",
        ),
        row(
            "overtaken polls",
            ledger.overtaken_polls,
            "the same where the library had looked in time: the deadline came, or a stop, in the very moment \
             between that and the body; nothing in the process can help that, and only the fence does",
        ),
        row(
            "orphans",
            orphans,
            "locks without an expiry, or still there the longest ttl and a second after their body, or \
             after all workers, had ended",
        ),
        row(
            "stuck",
            ledger.stuck,
            "calls that took longer than their wait and the command deadline allow, not counting stops, \
             and workers that did not end",
        ),
    ];
    rows.extend(changed_hands(changes, seen));
    rows.extend(befell(deeds));
    let ended: Vec<String> = ledger
        .ended
        .iter()
        .map(|(how, count)| format!("{how} {count}"))
        .collect();
    let means = format!("how they ended: {}", ended.join(", "));
    rows.push(row("calls", ledger.ended.values().sum(), means));
    rows
}

fn changed_hands(changes: &Changes, seen: &Orphans) -> [Row; 3] {
    let (most, left) = (seen.lines, seen.lines_left);
    [
        row(
            "handed over",
            figure(&changes.handed_over),
            "locks that went from one waiter of a worker to the next, by the server's MONITOR",
        ),
        row(
            "passed on",
            figure(&changes.passed_on),
            "locks that went from one worker to the first in line of another, by the same",
        ),
        row(
            "lines",
            u64::try_from(most).unwrap_or(u64::MAX),
            format!(
                "lines of waiters on the server at one moment, at most; {left} were left at the end, of heads that \
                 were killed or cut off, until they expire"
            ),
        ),
    ]
}

fn intruders(ledger: &Ledger) -> Row {
    let by = ledger.intruders;
    row(
        "intruders",
        by.late + by.gone + by.after_loss,
        format!(
            "writes taken from those who held the lock no more: {} after the deadline, {} from a body that was \
             gone, {} after the server had forgotten the lock",
            by.late, by.gone, by.after_loss
        ),
    )
}

fn befell(deeds: &Deeds) -> [Row; 5] {
    let (cuts, delays) = (figure(&deeds.cuts), figure(&deeds.delays));
    let losses = figure(&deeds.losses);
    let flushes = figure(&deeds.flushes);
    [
        row(
            "pauses",
            figure(&deeds.pauses),
            "workers stopped for 0.1 to 1 s, half of them while they held a lock",
        ),
        row("kills", figure(&deeds.kills), "workers killed and replaced"),
        row(
            "restarts",
            figure(&deeds.restarts),
            format!("the server killed and started again, {losses} of them without its data"),
        ),
        row(
            "server pauses",
            figure(&deeds.server_pauses),
            "the server stopped for 0.1 to 1 s",
        ),
        row(
            "cuts, delays",
            cuts + delays,
            format!(
                "connections: {cuts} cut, {delays} slowed down; scripts flushed {flushes} times"
            ),
        ),
    ]
}
