//! The program over the wire: what every order service must do.

const PROGRAM: &str = env!("CARGO_BIN_EXE_axum_orders");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_which_half_leaves_orders_nothing_twice() {
    order_tests::crowd(PROGRAM).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_lock_the_same_crowd_orders_twice() {
    order_tests::crowd_without_a_lock(PROGRAM).await;
}

#[tokio::test]
async fn told_to_end_it_finishes_what_runs_and_leaves_no_key() {
    order_tests::ending(PROGRAM).await;
}

#[tokio::test]
async fn no_name_reaches_anothers_lock() {
    order_tests::hostile(PROGRAM).await;
}

#[tokio::test]
async fn the_page_shows_who_holds_and_who_waits() {
    order_tests::watching(PROGRAM).await;
}

#[tokio::test]
async fn two_instances_take_turns() {
    order_tests::two_instances(PROGRAM).await;
}

#[tokio::test]
async fn the_page_goes_on_while_the_server_stands_still() {
    order_tests::watching_a_silent_server(PROGRAM).await;
}
