//! A body under a lock, watched at every poll.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use lock_runtime::{FencingToken, LockGuard};
use tokio::time::{Instant, sleep};

use crate::actor::Turn;
use crate::invariants::{self, Watch};
use crate::world;

/// How a lock was held.
pub(crate) struct Holding {
    pub(crate) token: String,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    /// Whether the lease was over at the end.
    pub(crate) late: bool,
    /// When it ended, by the host's clock.
    pub(crate) ended: Instant,
}

/// Works under the lock. `cut_off`: must not be polled when it is lost; no body may begin then.
pub(crate) async fn hold(turn: &Turn, lock: &LockGuard, cut_off: bool) {
    let from = world::with(|world| world.now);
    let watch = Watch::over(turn.who, lock);
    invariants::stays(turn, &watch.token);
    let mut first = true;
    let mut work = pin!(work(turn, lock));
    poll_fn(|context| {
        let remaining = lock.remaining();
        watch.polled(remaining);
        if remaining.is_zero() && (cut_off || first) {
            world::object(format!("the body of {} was polled too late", turn.who));
        }
        first = false;
        work.as_mut().poll(context)
    })
    .await;
    *turn.held.borrow_mut() = Some(Holding {
        token: watch.token.clone(),
        from,
        to: world::with(|world| world.now),
        late: lock.remaining().is_zero(),
        ended: Instant::now(),
    });
}

async fn work(turn: &Turn, lock: &LockGuard) {
    let fence = lock.fencing_token();
    let read = fence.map(|fence| (fence, read(turn, fence)));
    let began = Instant::now();
    while began.elapsed() < turn.hold {
        sleep(world::chance(|chance| chance.millis(1..6))).await;
    }
    if let Some((fence, Some(read))) = read {
        write(turn, fence, read + 1);
    }
}

fn read(turn: &Turn, fence: FencingToken) -> Option<u64> {
    world::with(|world| {
        let read = world.resources[turn.key].counter.read(fence);
        let told = read.as_ref().map_or("refused".to_owned(), u64::to_string);
        world.tell(turn.who, format_args!("reads under fence {fence}: {told}"));
        read.ok()
    })
}

/// An accepted write must not overwrite another.
fn write(turn: &Turn, fence: FencingToken, value: u64) {
    world::with(|world| {
        let resource = &mut world.resources[turn.key];
        let accepted = resource.counter.write(fence, value).is_ok();
        resource.accepted += u64::from(accepted);
        let wrong = accepted && resource.accepted != value;
        let told = if accepted { "accepted" } else { "refused" };
        world.tell(
            turn.who,
            format_args!("writes {value} under fence {fence}: {told}"),
        );
        if wrong {
            world.object(format!("an update of {} was lost", turn.key));
        }
    });
}
