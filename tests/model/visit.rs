//! The whole protocol: every world is visited to its end.

use std::env;
use std::time::Instant;

use stateright::{Checker, Expectation, Model};

use crate::world::World;
use crate::worlds::{large, small};

fn visit(world: World) -> Vec<String> {
    let name = world.name;
    let start = Instant::now();
    let checker = world.checker().spawn_bfs().join();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "model {name}: states={} unique={} depth={} seconds={seconds:.1}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
    );
    let found = checker.discoveries();
    let mut objections = Vec::new();
    for property in checker.model().properties() {
        let path = found.get(property.name).cloned();
        let steps = path.map(stateright::Path::into_actions);
        match (&property.expectation, steps) {
            (Expectation::Sometimes, Some(_)) => println!("    happens: {}", property.name),
            (Expectation::Sometimes, None) => {
                objections.push(format!("{name}: never happens: {}", property.name));
            }
            (_, None) => println!("    holds:   {}", property.name),
            (_, Some(steps)) => {
                objections.push(format!("{name}: not: {}: {steps:?}", property.name));
            }
        }
    }
    objections
}

#[test]
fn whatever_is_delayed_lost_or_dies_every_promise_holds() {
    let long = env::var("MODEL").is_ok_and(|model| model == "long");
    let mut worlds = small();
    if long {
        worlds.extend(large());
    } else {
        println!("MODEL=long visits larger worlds");
    }
    let start = Instant::now();
    let count = worlds.len();
    let objections: Vec<String> = worlds.into_iter().flat_map(visit).collect();
    println!(
        "model worlds={count} seconds={:.1}",
        start.elapsed().as_secs_f64()
    );
    assert!(objections.is_empty(), "{objections:#?}");
}
