//! Jobs: a lock that stays for a while after its call, and calls that are left out while another runs.

mod ends;
mod renewed;
mod skewed;
mod skipped;
