use lock_runtime::{FencedRegister, Release};

use crate::world::World;

pub(crate) async fn tokens_grow(world: World) {
    let mut last = None;
    for round in 0..20 {
        let request = if round % 2 == 0 {
            world.lock("a")
        } else {
            world.others("a")
        };
        let guard = request.fenced().acquire().await.expect("free");
        let drawn = guard.fencing_token();
        assert!(drawn > last, "{drawn:?} after {last:?}");
        last = drawn;
        assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    }
}

pub(crate) async fn an_unfenced_lock_has_none(world: World) {
    let guard = world.client.lock("a").acquire().await.expect("free");
    assert_eq!(guard.fencing_token(), None);
}

pub(crate) async fn a_stolen_lock_draws_a_newer_one(world: World) {
    let register = FencedRegister::new(1);
    let early = world.lock("a").fenced().acquire().await.expect("free");
    world.delete("a").await;
    let late = world.others("a").fenced().acquire().await.expect("free");
    let tokens = early.fencing_token().zip(late.fencing_token());
    let (early, late) = tokens.expect("both were asked for");
    assert_eq!(register.read(late), Ok(1));
    assert!(register.write(early, 2).is_err());
    assert_eq!(register.write(late, 3), Ok(()));
}
