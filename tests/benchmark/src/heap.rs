//! An allocator that counts.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Blocks asked for so far, moved ones included.
pub(crate) fn allocations() -> usize {
    let stats = HEAP.stats();
    stats.allocations + stats.reallocations
}

/// Bytes in use.
pub(crate) fn live() -> usize {
    let stats = HEAP.stats();
    // A block that grows or shrinks is counted by the difference.
    stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated)
}
