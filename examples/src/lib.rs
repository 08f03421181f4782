//! Programs that show the lock at work: `place_order.rs` and `two_hours/`.
