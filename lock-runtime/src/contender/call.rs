//! What one call wants of the store, and what it is told.

use std::sync::Arc;

use crate::lease::Lease;
use crate::lock_key::LockKey;
use crate::observe::Name;
use crate::options::LockOptions;
use crate::shared::Shared;
use crate::token::Holder;
use crate::wait::Expiry;

/// What one call wants.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) key: &'a LockKey,
    pub(crate) fence_key: Option<&'a str>,
    pub(crate) options: &'a LockOptions,
    pub(crate) name: Name,
}

pub(crate) enum Answer {
    Held(Lease),
    /// Somebody holds it, until when the answer says.
    Busy(Holder, Expiry),
}
