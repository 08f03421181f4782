//! The program over the wire: what every order service must do.

order_tests::order_service!(env!("CARGO_BIN_EXE_axum_orders"));
