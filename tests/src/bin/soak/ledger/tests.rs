//! What the ledger makes of made-up histories.

use super::*;

const SECOND: u64 = 1_000_000;

fn ledger(mode: Mode) -> Ledger {
    Ledger::new(mode, Log::open(None).expect("no file"))
}

/// Worker `serial` asks at `at` and has to be served, or told, within a second.
fn asked(ledger: &mut Ledger, serial: u64, at: u64) {
    let (call, key, limit) = (1, 0, SECOND);
    let asked = Told::Asked {
        call,
        key,
        at,
        limit,
    };
    ledger.note(serial, asked);
}

/// It has the lock from `at` on, for a second.
fn opened(ledger: &mut Ledger, serial: u64, at: u64) {
    let opened = Told::Opened {
        call: 1,
        at,
        since: at - 1_000,
        deadline: at + SECOND,
    };
    ledger.note(serial, opened);
}

fn closed(ledger: &mut Ledger, serial: u64, at: u64) {
    ledger.note(serial, Told::Closed { call: 1, at });
}

fn ended(ledger: &mut Ledger, serial: u64, at: u64, how: How) {
    ledger.note(serial, Told::Ended { call: 1, at, how });
}

#[test]
fn who_waits_for_too_long_is_stuck_however_it_ends() {
    let allowed = SECOND + micros(SLACK);
    for (late, stuck) in [(0, 0), (1, 1)] {
        let until = 10 * SECOND + allowed + late;
        let mut told = ledger(Mode::Fence);
        asked(&mut told, 1, 10 * SECOND);
        ended(&mut told, 1, until, How::WaitTimeout);
        assert_eq!(told.stuck, stuck, "told so");
        let mut served = ledger(Mode::Fence);
        asked(&mut served, 1, 10 * SECOND);
        opened(&mut served, 1, until);
        assert_eq!(served.stuck, stuck, "served");
        let mut killed = ledger(Mode::Fence);
        asked(&mut killed, 1, 10 * SECOND);
        killed.gone(1, until);
        assert_eq!(killed.stuck, stuck, "killed");
        assert_eq!(killed.violations.len(), usize::try_from(stuck).unwrap_or(9));
    }
}

#[test]
fn who_gives_back_for_too_long_is_stuck_however_it_ends() {
    let mut ledger = ledger(Mode::Fence);
    for serial in [1, 2] {
        asked(&mut ledger, serial, 10 * SECOND);
        opened(&mut ledger, serial, 10 * SECOND);
        closed(&mut ledger, serial, 10 * SECOND + 1);
    }
    ended(&mut ledger, 1, 14 * SECOND, How::Done);
    assert_eq!(ledger.stuck, 1);
    ledger.gone(2, 14 * SECOND);
    assert_eq!(ledger.stuck, 2);
}

#[test]
fn the_time_for_which_a_worker_was_stopped_does_not_count() {
    let mut ledger = ledger(Mode::Fence);
    asked(&mut ledger, 1, 10 * SECOND);
    asked(&mut ledger, 2, 10 * SECOND);
    ledger.stops.begin(1, 11 * SECOND);
    ledger.stops.end(1, 14 * SECOND);
    ended(&mut ledger, 1, 15 * SECOND, How::Busy);
    assert_eq!(ledger.stuck, 0);
    ended(&mut ledger, 2, 15 * SECOND, How::Busy);
    assert_eq!(ledger.stuck, 1);
}

#[test]
fn an_accepted_write_counts_whether_or_not_its_worker_hears_of_it() {
    let mut ledger = ledger(Mode::Lease);
    for serial in [1, 2, 3] {
        asked(&mut ledger, serial, now());
        opened(&mut ledger, serial, now());
    }
    let read = ledger.read(1, 1, 0).expect("unchecked");
    ledger.write(1, 1, 0, read + 1).expect("unchecked");
    // Killed before the answer.
    ledger.gone(1, now());
    let read = ledger.read(2, 1, 0).expect("unchecked");
    ledger.read(3, 1, 0).expect("unchecked");
    ledger.write(2, 1, 0, read + 1).expect("unchecked");
    assert_eq!((read, ledger.lost()), (1, 0));
    // Made of what the second one read, too.
    ledger.write(3, 1, 0, read + 1).expect("unchecked");
    assert_eq!((ledger.lost(), ledger.unexplained), (1, 1));
}

#[test]
fn two_holders_overlap_until_the_first_is_killed_unless_its_data_were_lost() {
    for (killed, overlaps) in [(11, 0), (12, 1)] {
        let mut ledger = ledger(Mode::Fence);
        for (serial, at) in [(1, 11 * SECOND - 1), (2, 11 * SECOND + 1)] {
            asked(&mut ledger, serial, at);
            opened(&mut ledger, serial, at);
        }
        closed(&mut ledger, 2, 12 * SECOND);
        ledger.gone(1, killed * SECOND);
        let found = ledger.overlaps();
        assert_eq!(found.len(), overlaps);
        assert!(found.iter().all(|overlap| !overlap.after_loss));
        ledger.data_lost(11 * SECOND, 11 * SECOND);
        assert!(ledger.overlaps().iter().all(|overlap| overlap.after_loss));
    }
}

#[test]
fn a_late_poll_and_an_error_without_a_fault_are_counted() {
    let mut ledger = ledger(Mode::Fence);
    asked(&mut ledger, 1, SECOND);
    opened(&mut ledger, 1, SECOND);
    let (at, deadline) = (2 * SECOND + 1, 2 * SECOND);
    ledger.note(
        1,
        Told::Late {
            call: 1,
            at,
            deadline,
            looked: deadline - 100,
        },
    );
    ended(&mut ledger, 1, at, How::Unexpected);
    assert_eq!((ledger.late_polls, ledger.unexpected), (1, 1));
}

#[test]
fn only_what_comes_between_the_look_and_the_body_excuses_a_late_poll() {
    let (from, to) = (2 * SECOND, 3 * SECOND);
    let (within, after) = (from + SECOND / 2, to + SECOND / 2);
    for (looked, deadline, at, excused) in [
        (from - 900, within, to + 90, true),
        // The look was later than the deadline, or none.
        (within + 3, within, to + 90, false),
        (0, within, to + 90, false),
        // It ran on for too long before or after the stop.
        (from - 1_100, within, to, false),
        (from, within, to + 1_100, false),
        // Nothing but the way from the look to the body, or more.
        (after - 1, after, after + 1, true),
        (after - 1, after, after + 60, false),
    ] {
        let mut ledger = ledger(Mode::Fence);
        ledger.stops.begin(1, from);
        ledger.stops.end(1, to);
        let call = 1;
        ledger.note(
            1,
            Told::Late {
                call,
                at,
                deadline,
                looked,
            },
        );
        let found = (ledger.overtaken_polls, ledger.late_polls);
        assert_eq!(found, (excused.into(), (!excused).into()), "{looked} {at}");
    }
}

#[test]
fn a_key_is_busy_while_a_body_runs_under_it() {
    let mut ledger = ledger(Mode::Fence);
    asked(&mut ledger, 1, SECOND);
    assert_eq!(ledger.busy(), [""; 0]);
    opened(&mut ledger, 1, SECOND);
    assert_eq!(
        (ledger.busy(), ledger.holders()),
        (vec![lock_key(0)], vec![1])
    );
    closed(&mut ledger, 1, SECOND + 1);
    assert_eq!((ledger.busy(), ledger.holders()), (vec![], vec![]));
}
