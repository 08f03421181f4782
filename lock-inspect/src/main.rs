//! `lock-inspect`: for whoever is called because something is locked.

mod arguments;
mod commands;
mod help;
mod history;
mod json;
mod leak;
mod length;
mod lock;
mod page;
mod pattern;
mod progress;
mod reading;
mod renewal;
mod screen;
mod search;
mod server;
mod shown;
mod signal;
mod table;
#[cfg(feature = "tls")]
mod tls;
mod trouble;

use std::process::ExitCode;

use arguments::{Arguments, Command, without_passwords};
use clap::{CommandFactory, Parser};
use trouble::{Ending, Trouble};

fn main() -> ExitCode {
    if std::env::args_os().len() < 2 {
        // Also where REDIS_URL is an argument already. It repeats nothing that was given.
        eprint!("{}", Arguments::command().render_help());
        return ExitCode::from(2);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            eprint!("{}", without_passwords(&error.to_string()));
            return ExitCode::from(2);
        }
        Err(help) => help.exit(),
    };
    match run(arguments) {
        Ok(ending) => ending.into(),
        Err(trouble) => {
            if !trouble.is_silent() {
                eprintln!("lock-inspect: {trouble}");
            }
            trouble.exit_code()
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(Arguments { place, command }: Arguments) -> Result<Ending, Trouble> {
    match command {
        Command::List { which, form } => commands::list(&place, which.pattern(), form).await,
        Command::Show { key, form } => commands::show(&place, &key, form).await,
        Command::Watch {
            which,
            every,
            times,
            json,
        } => commands::watch(&place, which.pattern(), every, times, json).await,
        Command::Leaks { which, form } => commands::leaks(&place, which.pattern(), form).await,
        Command::Release {
            key,
            token,
            force,
            yes,
        } => {
            let by = commands::By::new(token.as_deref(), force, yes)?;
            commands::release(&place, &key, by).await
        }
        Command::Serve { listen, every } => commands::serve(place, listen, every).await,
    }
}
