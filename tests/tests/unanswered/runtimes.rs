//! Releases in the hands of a worker whose runtime ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use lock_runtime::testing::{Command, Fault};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use crate::{request, world};

const MOMENT: Duration = Duration::from_millis(50);

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

#[test]
fn a_runtime_that_ends_in_a_panic_puts_its_releases_back() {
    let (double, client) = world();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        runtime().block_on(async {
            let guard = request(&client).acquire().await.expect("free");
            double.next(Command::Release, Fault::Swallow);
            drop(guard);
            sleep(MOMENT).await;
            panic!("a test fails, say");
        });
    }));
    assert!(panicked.is_err());
    let rest = runtime().block_on(client.shutdown(Duration::from_secs(5)));
    assert!(rest.is_empty(), "{rest:?}");
    assert!(double.memory().keys().is_empty());
}

#[test]
fn a_release_that_is_put_back_when_the_client_is_gone_finds_a_worker() {
    let (double, client) = world();
    let (first, second) = (runtime(), runtime());
    first.block_on(async {
        let guard = request(&client).acquire().await.expect("free");
        double.next(Command::Release, Fault::Swallow);
        drop(guard);
        sleep(MOMENT).await;
    });
    second.block_on(async {
        let other = client.lock("b").acquire().await.expect("free");
        other.release().await.expect("ours");
        drop(client);
        sleep(MOMENT).await;
    });
    drop(first);
    let asked = Instant::now();
    while !double.memory().keys().is_empty() {
        assert!(asked.elapsed() < Duration::from_secs(8), "nobody finds it");
        second.block_on(async { sleep(MOMENT).await });
    }
}
