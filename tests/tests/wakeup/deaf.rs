//! Servers and proxies that speak of nothing unasked, or do not speak the protocol that it takes.

use std::time::Duration;

use lock_runtime::LockClient;
use tests::{Fault, Proxy};
use tokio::time::{Instant, sleep};

use crate::waiting::{Waiting, got, wait};
use crate::world::{KEY, LINE, LONG, NAME, SECOND, SOON, World, connect, drain, take, until};

/// The longest pause between two polls of one who thinks that it is told.
const QUIET: Duration = Duration::from_secs(2);

struct Deaf {
    world: World,
    proxy: Proxy,
    holder: LockClient,
    waiter: LockClient,
}

/// A waiter behind a proxy, and a holder that is not.
async fn deaf(prepare: impl FnOnce(&Proxy)) -> Deaf {
    let world = World::start().await;
    let proxy = Proxy::start(world.server.port()).await;
    prepare(&proxy);
    let holder = world.client("holder").await;
    let waiter = connect(&proxy.url()).await;
    Deaf {
        world,
        proxy,
        holder,
        waiter,
    }
}

impl Deaf {
    /// All that the waiter has asked.
    fn asked(&self) -> usize {
        let names = [
            "SET",
            "GET",
            "PTTL",
            "EVALSHA",
            "EVAL",
            "HELLO",
            "SUBSCRIBE",
        ];
        names.into_iter().map(|name| self.proxy.count(name)).sum()
    }

    async fn over(self) {
        drain(&self.holder).await;
        drain(&self.waiter).await;
        self.world.until_empty().await;
    }
}

#[tokio::test]
async fn a_server_that_tracks_and_never_pushes_costs_a_poll() {
    for lost in ["", "invalidate"] {
        let deaf = deaf(|proxy| proxy.lose_pushes(lost)).await;
        for stolen in [false, true] {
            let held = take(&deaf.holder, NAME).await;
            let waiting = wait(&deaf.waiter);
            deaf.world.until_in_line(1).await;
            let asked = deaf.asked();
            sleep(SECOND / 2).await;
            assert!(!waiting.is_finished());
            let freed = Instant::now();
            let next = if stolen {
                let _: usize = deaf.world.run(&["DEL", KEY]).await;
                let next = got(waiting).await;
                held.release().await.expect_err("stolen");
                next
            } else {
                held.release().await.expect("ours");
                got(waiting).await
            };
            println!("{lost:?} lost, {stolen}: {:?}", freed.elapsed());
            assert!(freed.elapsed() < QUIET + SOON, "{:?}", freed.elapsed());
            assert!(deaf.asked() - asked < 15, "{}", deaf.asked() - asked);
            next.release().await.expect("ours");
        }
        deaf.over().await;
    }
}

#[tokio::test]
async fn a_wait_ends_in_time_where_nothing_is_pushed() {
    let deaf = deaf(|proxy| proxy.lose_pushes("")).await;
    let held = take(&deaf.holder, NAME).await;
    for wait in [SECOND / 20, SECOND / 2] {
        let asked = Instant::now();
        let error = deaf.waiter.lock(NAME).wait(wait).acquire().await;
        error.expect_err("held");
        let took = asked.elapsed();
        assert!(took >= wait && took < wait + SOON, "{took:?}");
    }
    until(SECOND, async || {
        deaf.world.run::<usize>(&["EXISTS", LINE]).await == 0
    })
    .await;
    held.release().await.expect("ours");
    deaf.over().await;
}

/// Waits, and sees that the lock comes about as soon as polls can bring it.
async fn polls(deaf: &Deaf) {
    let held = take(&deaf.holder, NAME).await;
    let waiting: Waiting = wait(&deaf.waiter);
    sleep(SECOND / 2).await;
    let asked = deaf.asked();
    sleep(SECOND).await;
    let often = deaf.asked() - asked;
    assert!((8..100).contains(&often), "{often} questions in a second");
    let freed = Instant::now();
    held.release().await.expect("ours");
    let next = got(waiting).await;
    assert!(
        freed.elapsed() < SECOND / 10 + SOON / 2,
        "{:?}",
        freed.elapsed()
    );
    next.release().await.expect("ours");
}

#[tokio::test]
async fn a_server_without_the_third_protocol_is_polled() {
    for refusal in [
        "-ERR unknown command 'HELLO'\r\n",
        "-NOPROTO unsupported protocol version\r\n",
    ] {
        let replace = Fault::Replace(refusal.into());
        let deaf = deaf(|proxy| proxy.always("HELLO", replace)).await;
        polls(&deaf).await;
        let hellos = deaf.proxy.count("HELLO");
        assert!((1..4).contains(&hellos), "{hellos} attempts");
        deaf.over().await;
    }
}

#[tokio::test]
async fn a_server_that_knows_no_tracking_is_polled_by_the_first_in_line() {
    let refusal = Fault::Replace(b"-ERR unknown subcommand 'TRACKING'\r\n".to_vec());
    let deaf = deaf(|proxy| proxy.always("CLIENT", refusal)).await;
    // Its turn is told all the same.
    let held = take(&deaf.holder, NAME).await;
    let waiting = wait(&deaf.waiter);
    deaf.world.until_in_line(1).await;
    held.release().await.expect("ours");
    got(waiting).await.release().await.expect("ours");
    polls(&deaf).await;
    deaf.over().await;
}

#[tokio::test]
async fn who_could_not_look_once_does_not_poll_for_the_rest_of_its_wait() {
    for fault in [Fault::Reset, Fault::DelayAnswer(2 * SECOND)] {
        let deaf = deaf(|_| {}).await;
        let held = take(&deaf.holder, NAME).await;
        deaf.proxy.plan("GET", fault.clone());
        let waiting = wait(&deaf.waiter);
        until(LONG, async || deaf.proxy.met() == 1).await;
        let asked = deaf.asked();
        until(LONG, async || deaf.asked() > asked).await;
        // Whoever polls asks at least five times in half a second.
        until(5 * SECOND, async || {
            let asked = deaf.asked();
            sleep(SECOND / 2).await;
            deaf.asked() - asked < 4
        })
        .await;
        let freed = Instant::now();
        held.release().await.expect("ours");
        let next = got(waiting).await;
        println!("{fault:?}: {:?}", freed.elapsed());
        assert!(freed.elapsed() < QUIET + SOON, "{:?}", freed.elapsed());
        next.release().await.expect("ours");
        deaf.over().await;
    }
}

#[tokio::test]
async fn a_connection_for_news_that_goes_silent_is_replaced() {
    let deaf = deaf(|_| {}).await;
    let held = take(&deaf.holder, NAME).await;
    // What was asked of the silent connection is given back until its ttl is over.
    let request = deaf.waiter.lock(NAME).ttl(2 * SECOND).wait(LONG);
    let waiting = tokio::spawn(request.acquire());
    let entry = deaf.world.until_in_line(1).await.remove(0);
    let listeners = async || {
        let told: (String, usize) = deaf.world.run(&["PUBSUB", "NUMSUB", &entry.address]).await;
        told.1
    };
    assert_eq!(listeners().await, 1);
    // Nobody is told that it broke.
    deaf.proxy.silence();
    until(LONG, async || {
        deaf.proxy.count("SUBSCRIBE") == 2 && listeners().await == 1
    })
    .await;
    held.release().await.expect("ours");
    let freed = Instant::now();
    let next = got(waiting).await;
    assert!(freed.elapsed() < QUIET + SOON, "{:?}", freed.elapsed());
    next.release().await.expect("ours");
    drain(&deaf.waiter).await;
}
