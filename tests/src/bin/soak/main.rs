//! Workers that increment counters under locks while everything around them fails, for as long as one
//! likes. Knows every acknowledged update, and says at the end which promises were kept.
//!
//! The process that is started keeps the counters and a ledger of all that its workers tell it. The
//! workers are processes of this same program. Between them and the lock server is a relay; what
//! befalls all of these is up to the nemesis.

mod arguments;
mod changes;
mod clock;
mod counter;
mod crew;
mod guardian;
mod interval;
mod ledger;
mod link;
mod lock_server;
mod log;
mod naive;
mod nemesis;
mod orphans;
mod parent;
mod protocol;
mod relay;
mod report;
mod resource;
mod section;
mod stops;
mod table;
mod watched;
mod worker;

use std::process::ExitCode;

use arguments::{Role, USAGE};

fn main() -> ExitCode {
    let arguments = match arguments::parse(std::env::args().skip(1)) {
        Ok(Role::Worker(orders)) => {
            worker::work(&orders);
            return ExitCode::SUCCESS;
        }
        Ok(Role::Parent(arguments)) => arguments,
        Ok(Role::Help) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprintln!("{mistake}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match runtime.block_on(parent::soak(&arguments)) {
        Ok(report) => {
            println!("{report}");
            ExitCode::from(u8::from(!report.failures().is_empty()))
        }
        Err(error) => {
            eprintln!("the soak could not be done: {error}");
            ExitCode::from(2)
        }
    }
}
