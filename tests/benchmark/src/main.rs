//! `./tests/bench`: what a call costs, beside hand-written code and other crates, in one run.

mod alarm;
mod arguments;
mod bare_swap;
mod bench;
mod by_hand;
mod careful;
mod contender;
mod floor;
mod heap;
mod monitor;
mod ours;
mod peers;
mod plot;
mod processes;
mod report;
mod round;
mod rows;
mod spread;
mod table;

use std::process::ExitCode;

use arguments::Arguments;
use bench::{Bench, Error};

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if words
        .next_if(|word| word == processes::child::MARK)
        .is_some()
    {
        return match processes::play(words) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                println!("{}{error}", processes::child::FAILED);
                ExitCode::FAILURE
            }
        };
    }
    let arguments = match Arguments::read(words) {
        Ok(arguments) => arguments,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    match measure(&arguments) {
        Ok(missed) if missed > 0 && arguments.check => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the benchmark failed: {error}");
            ExitCode::from(2)
        }
    }
}

/// Measures and prints; tells how many rows miss a bound.
fn measure(arguments: &Arguments) -> Result<usize, Error> {
    let mut bench = Bench::new(arguments.quick);
    for (name, row) in rows::ALL {
        if arguments.wants(name) {
            row(&mut bench).map_err(|error| format!("row {name}: {error}"))?;
        }
    }
    println!("{}", report::tables(&bench));
    // A part of the rows is no report.
    if arguments.only.is_none() {
        report::write(&bench, arguments)?;
    }
    let (rows, missed) = (bench.table.rows(), bench.table.missed());
    println!("bench rows={rows} missed={missed}");
    Ok(missed)
}
