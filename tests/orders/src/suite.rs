//! All that an order service must do, as the tests of a program.

/// The tests of an order service, from the path of its program.
#[macro_export]
macro_rules! order_service {
    ($program:expr) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn a_crowd_of_which_half_leaves_orders_nothing_twice() {
            $crate::crowd($program).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn without_the_lock_the_same_crowd_orders_twice() {
            $crate::crowd_without_a_lock($program).await;
        }

        #[tokio::test]
        async fn told_to_end_it_finishes_what_runs_and_leaves_no_key() {
            $crate::ending($program).await;
        }

        #[tokio::test]
        async fn no_name_reaches_anothers_lock() {
            $crate::hostile($program).await;
        }

        #[tokio::test]
        async fn the_page_shows_who_holds_and_who_waits() {
            $crate::watching($program).await;
        }

        #[tokio::test]
        async fn the_page_goes_on_while_the_server_stands_still() {
            $crate::watching_a_silent_server($program).await;
        }

        #[tokio::test]
        async fn two_instances_take_turns() {
            $crate::two_instances($program).await;
        }

        #[tokio::test]
        async fn without_any_server_it_says_how_to_get_one() {
            $crate::without_any_server($program).await;
        }
    };
}
