//! The protocol with one rule taken out: the model must find what the rule is for.

use stateright::{Checker, HasDiscoveries, Model};

use crate::properties::{
    CLAIM_ENDS, NEVER_BOTH, NO_FALSE_RESULT, NO_OLDER_FENCE, NO_ORPHAN, NO_ROBBERY, TAKEN, TTL,
};
use crate::rules::Rule;
use crate::state::Step;
use crate::world::World;
use crate::worlds::{
    dead_in_line, deadly, delayed, disordered, fenced_in_line, forgetful, handed_in_vain,
    handed_over, joined, joined_again_in_vain, joined_in_vain, passed_on, renewed,
};

/// Steps from the start to a state in which the property does not hold, fewer than `fewer_than`.
fn counter_example(
    world: &World,
    property: &'static str,
    fewer_than: Option<usize>,
) -> Option<Vec<Step>> {
    let finish = HasDiscoveries::AllOf([property].into());
    let mut checker = world.clone().checker().finish_when(finish);
    if let Some(steps) = fewer_than {
        checker = checker.target_max_depth(steps + 1);
    }
    let found = checker.spawn_bfs().join().discovery(property);
    found.map(stateright::Path::into_actions)
}

/// Asserts that without the rule the property does not hold, and shows the shortest way there.
fn breaks(rule: Rule, world: World, property: &'static str) {
    let world = world.without(rule);
    let mut shortest = None;
    // The checker goes on for a while after its first find, and keeps the last one.
    while let Some(steps) = counter_example(&world, property, shortest.as_ref().map(Vec::len)) {
        shortest = Some(steps);
    }
    let steps = shortest.unwrap_or_else(|| panic!("without {rule:?} it still holds: {property}"));
    println!(
        "without {rule:?}, not: {property}\n    {} steps: {steps:?}",
        steps.len()
    );
}

#[test]
fn free_taken_for_final_lets_two_clients_act() {
    breaks(Rule::FreeIsNotFinal, delayed(), NEVER_BOTH);
}

#[test]
fn a_deadline_from_the_answer_lets_two_clients_act() {
    breaks(Rule::DeadlineFromSend, delayed(), NEVER_BOTH);
}

#[test]
fn a_deadline_from_the_last_set_lets_two_clients_act() {
    breaks(Rule::EarliestSetCounts, delayed(), NEVER_BOTH);
}

#[test]
fn a_renewal_without_an_answer_that_counts_lets_two_clients_act() {
    breaks(Rule::AmbiguousMovesNothing, renewed(), NEVER_BOTH);
}

#[test]
fn the_old_token_taken_for_final_lets_two_clients_act() {
    breaks(Rule::OldTokenIsNotFinal, handed_over(), NEVER_BOTH);
}

#[test]
fn a_guard_armed_after_the_swap_leaves_the_lock_to_its_ttl() {
    breaks(Rule::GuardBeforeSwap, handed_in_vain(), NO_ORPHAN);
}

#[test]
fn a_swapped_lease_from_the_answer_lets_two_clients_act() {
    breaks(Rule::SwapCountsFromSend, handed_over(), NEVER_BOTH);
}

#[test]
fn a_swapped_lease_from_the_last_swap_lets_two_clients_act() {
    breaks(Rule::EarliestSwapCounts, handed_over(), NEVER_BOTH);
}

#[test]
fn a_hand_over_of_an_unsettled_token_leaves_the_lock_to_its_ttl() {
    breaks(Rule::SettledHandsOver, handed_in_vain(), NO_ORPHAN);
}

#[test]
fn a_hand_over_by_who_cannot_prove_his_lock_lets_a_late_result_stand() {
    breaks(Rule::LateHandsOverIfMine, handed_over(), NO_FALSE_RESULT);
}

#[test]
fn stale_news_of_an_earlier_turn_let_two_clients_act() {
    breaks(Rule::OneTurnAToken, disordered(), NEVER_BOTH);
}

#[test]
fn a_turn_that_may_have_been_missed_lets_two_clients_act() {
    breaks(Rule::UnheardTurn, passed_on(), NEVER_BOTH);
}

#[test]
fn a_claim_of_a_whole_ttl_keeps_a_lock_that_nobody_has() {
    breaks(Rule::ClaimIsShort, dead_in_line(), CLAIM_ENDS);
}

#[test]
fn a_waiter_that_does_not_leave_the_line_is_passed_a_lock() {
    breaks(Rule::LeavesTheLine, disordered(), NO_ORPHAN);
}

#[test]
fn a_lease_from_the_arrival_of_the_news_lets_two_clients_act() {
    breaks(Rule::NewsStartsNoLease, disordered(), NEVER_BOTH);
}

#[test]
fn a_served_lease_from_the_arrival_of_the_answer_lets_two_clients_act() {
    breaks(Rule::NewsStartsNoLease, joined(), NEVER_BOTH);
}

#[test]
fn a_turn_that_may_have_come_with_an_unanswered_release_lets_two_clients_act() {
    breaks(Rule::UnheardTurn, joined(), NEVER_BOTH);
}

#[test]
fn a_found_lease_that_was_passed_on_lets_two_clients_act() {
    breaks(Rule::FoundIsExtended, passed_on(), NEVER_BOTH);
}

#[test]
fn a_release_that_does_not_compare_passes_on_the_lock_of_another() {
    breaks(Rule::CompareBeforeDelete, passed_on(), NEVER_BOTH);
}

#[test]
fn a_joiner_armed_after_the_release_is_passed_a_lock_that_nobody_wants() {
    breaks(Rule::JoinerBeforePass, joined_in_vain(), NO_ORPHAN);
}

#[test]
fn a_release_sent_again_brings_a_dead_joiner_back_into_line() {
    breaks(
        Rule::JoinerBehindEveryPass,
        joined_again_in_vain(),
        NO_ORPHAN,
    );
}

#[test]
fn a_free_key_given_to_a_joiner_lets_a_late_result_stand() {
    breaks(Rule::ServedProvesNothing, joined(), NO_FALSE_RESULT);
}

#[test]
fn a_passed_lock_under_the_fence_before_lets_a_late_write_through() {
    breaks(Rule::FoundDrawsAfresh, fenced_in_line(), NO_OLDER_FENCE);
}

#[test]
fn a_passed_token_that_settles_a_set_leaves_the_lock_to_its_ttl() {
    breaks(Rule::PassedSettlesNothing, passed_on(), NO_ORPHAN);
}

#[test]
fn a_del_without_comparing_deletes_the_lock_of_another() {
    breaks(Rule::CompareBeforeDelete, delayed(), NO_ROBBERY);
}

#[test]
fn a_check_that_ignores_an_unanswered_set_lets_a_late_result_stand() {
    breaks(Rule::UnansweredSetUnsettles, delayed(), NO_FALSE_RESULT);
}

#[test]
fn a_cad_that_overtakes_its_set_leaves_the_lock_to_its_ttl() {
    breaks(Rule::CadBehindSet, delayed(), NO_ORPHAN);
}

#[test]
fn an_expiry_in_a_command_of_its_own_leaves_a_lock_for_ever() {
    breaks(Rule::ExpiryWithSet, deadly(), TTL);
}

#[test]
fn a_waiter_that_does_not_poll_leaves_the_lock_free() {
    breaks(Rule::WaitersPoll, delayed(), TAKEN);
}

#[test]
fn a_fence_that_only_counts_lets_a_late_write_through_after_a_restart() {
    breaks(Rule::FenceFromTime, forgetful(), NO_OLDER_FENCE);
}

#[test]
fn a_fence_checked_on_write_only_lets_a_late_write_through() {
    breaks(Rule::FenceCheckedOnRead, forgetful(), NO_OLDER_FENCE);
}
