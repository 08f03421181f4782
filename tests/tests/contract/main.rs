//! One contract for every store: the same cases in memory, behind the test double's network, and on
//! a real server with either form of the acquire command and with fences.

mod acquire;
mod fence;
mod handover;
mod lease;
mod line;
mod min_hold;
mod refusal;
mod release;
mod waiting;
mod world;

/// Runs each case against every store.
macro_rules! contract {
    ($($room:ident: $($case:ident),+;)+) => {
        mod memory {
            $($(#[tokio::test(start_paused = true)]
            async fn $case() {
                crate::$room::$case(crate::world::World::memory()).await;
            })+)+
        }
        mod redis_set {
            $($(#[tokio::test]
            async fn $case() {
                crate::$room::$case(crate::world::World::redis(lock_runtime::AcquireForm::Set).await).await;
            })+)+
        }
        mod redis_script {
            $($(#[tokio::test]
            async fn $case() {
                crate::$room::$case(crate::world::World::redis(lock_runtime::AcquireForm::Script).await).await;
            })+)+
        }
        mod memory_fenced {
            $($(#[tokio::test(start_paused = true)]
            async fn $case() {
                crate::$room::$case(crate::world::World::memory().fenced()).await;
            })+)+
        }
        mod double {
            $($(#[tokio::test(start_paused = true)]
            async fn $case() {
                crate::$room::$case(crate::world::World::double()).await;
            })+)+
        }
        mod double_fenced {
            $($(#[tokio::test(start_paused = true)]
            async fn $case() {
                crate::$room::$case(crate::world::World::double().fenced()).await;
            })+)+
        }
        mod redis_fenced {
            $($(#[tokio::test]
            async fn $case() {
                let world = crate::world::World::redis(lock_runtime::AcquireForm::Set).await;
                crate::$room::$case(world.fenced()).await;
            })+)+
        }
    };
}

contract! {
    acquire: a_free_lock_is_taken, a_held_lock_is_busy_and_names_its_holder, every_token_is_fresh,
        check_tells_mine_other_and_free, the_prefix_is_part_of_the_key,
        a_cancelled_acquire_leaves_nothing, other_keys_are_free, a_strangers_value_is_busy,
        a_key_of_another_type_is_busy_and_stays;
    release: release_frees, drop_frees, drop_outside_a_runtime_frees, a_stolen_key_is_left_alone,
        a_deleted_key_is_lost, drop_and_retry_is_never_busy, cancel_and_retry_is_never_busy,
        shutdown_drains_and_refuses, shutdown_tells_what_remains;
    lease: an_expired_lease_is_lost, extend_moves_the_deadline, a_lost_lease_cannot_be_extended,
        renewal_outlasts_the_ttl, renewal_ends_at_the_longest_hold, a_stolen_renewed_lease_is_lost,
        check_of_a_stolen_lease_loses_it;
    waiting: a_waiter_gets_the_lock_when_it_is_released, a_waiter_gets_the_lock_when_it_expires,
        a_wait_ends_in_time, local_waiters_are_served_in_order, nobody_overtakes_the_line,
        a_cancelled_head_makes_room,
        a_queued_waiter_gives_up_by_its_own_clock, each_waiter_brings_its_own_options, shutdown_wakes_waiters, two_clients_share_one_counter;
    handover: a_waiter_of_the_same_client_is_handed_the_lock, a_stolen_lock_is_handed_to_nobody,
        a_waiter_that_left_is_handed_nothing;
    line: clients_are_served_in_the_order_in_which_they_came,
        a_waiter_that_left_the_line_gets_nothing_and_the_next_one_does,
        a_strangers_removal_wakes_the_first_in_line, a_lock_that_is_passed_on_has_its_own_ttl_and_fence;
    fence: tokens_grow, an_unfenced_lock_has_none, a_stolen_lock_draws_a_newer_one;
    min_hold: a_lock_stays_for_its_min_hold, it_stays_as_well_when_it_is_dropped,
        a_min_hold_that_is_over_changes_nothing, a_min_hold_of_the_whole_ttl_needs_no_release,
        waiters_of_the_same_client_wait_it_out, a_waiter_of_another_client_waits_it_out,
        a_lock_that_was_passed_on_stays_too, an_extension_is_taken_back,
        a_cancelled_extension_is_taken_back, a_lost_lock_has_no_min_hold,
        a_cancelled_acquire_has_no_min_hold, shutdown_does_not_wait_for_a_min_hold;
    refusal: bad_keys_send_nothing, bad_options_send_nothing;
}
