//! The ranges of lengths of time, as far as they are known when a function is compiled.

use proc_macro2::Span;

use crate::args::Args;
use crate::duration::Length;
use crate::errors::Errors;

const MIN_TTL: u128 = 10;
const MIN_RENEWED_TTL: u128 = 300;
const HOUR: u128 = 60 * 60 * 1_000;
const DAY: u128 = 24 * HOUR;
const LONGEST_HOLD: u128 = 30 * DAY;

/// The lengths that are known now; the others are checked at each call.
pub(crate) struct Lengths {
    ttl: Option<(u128, Span)>,
    wait: Option<(u128, Span)>,
    hold: Option<(u128, Span)>,
    min_hold: Option<(u128, Span)>,
}

impl Lengths {
    pub(crate) fn of(args: &Args) -> Self {
        let known = |length: Option<&Length>| match length {
            Some(Length::Millis(millis, span)) => Some((*millis, *span)),
            _ => None,
        };
        Self {
            ttl: known(args.ttl.as_ref()),
            wait: known(args.wait.as_ref()),
            hold: known(args.renew.as_ref().and_then(|renew| renew.hold.as_ref())),
            min_hold: known(args.min_hold.as_ref()),
        }
    }

    pub(crate) fn check(&self, args: &Args, errors: &mut Errors) {
        if let Some((wait, span)) = self.wait
            && wait > DAY
        {
            errors.at(span, "`wait` is too long: at most 24 h");
        }
        if let Some((hold, span)) = self.hold
            && hold > LONGEST_HOLD
        {
            errors.at(span, "the longest hold is too long: at most 30 days");
        }
        let Some((ttl, span)) = self.ttl else { return };
        if let Some((min_hold, span)) = self.min_hold
            && min_hold > ttl
        {
            let message = "`min_hold` must be at most `ttl`, after which the key is gone anyway: shorten it, or lengthen `ttl`";
            errors.at(span, message);
        }
        if ttl < MIN_TTL {
            errors.at(span, "`ttl` must be at least 10 ms");
        } else if ttl > DAY {
            errors.at(
                span,
                "`ttl` is too long: at most 24 h; use `renew` for long work",
            );
        } else if let Some(renew) = &args.renew {
            if ttl < MIN_RENEWED_TTL {
                let message = "`renew` needs `ttl` of at least 300 ms: a third of it must outlast a round trip";
                errors.at(renew.span, message);
            } else if let Some((_, span)) = self.hold.filter(|(hold, _)| *hold <= ttl) {
                let message = if ttl < DAY {
                    let longer = if ttl < 2 * HOUR { "2h" } else { "48h" };
                    format!(
                        "the longest hold must be longer than `ttl`: write `renew` alone, or with a longest hold \
                         such as `renew = \"{longer}\"`"
                    )
                } else {
                    "the longest hold must be longer than `ttl`, such as `renew = \"48h\"`"
                        .to_owned()
                };
                errors.at(span, message);
            } else if renew.hold.is_none() && ttl >= DAY {
                errors.at(renew.span, "the longest hold must be longer than `ttl`: add one, such as `renew = \"48h\"`");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lock_runtime::LockOptions;

    use super::*;

    /// Whether the runtime, which checks what only a call knows, would take it.
    fn taken(ttl: u128, wait: u128, hold: Option<u128>) -> bool {
        let mut options = LockOptions::new(length(ttl));
        options.wait = length(wait);
        options.renew = hold.map(length);
        options.validate().is_ok()
    }

    fn length(millis: u128) -> Duration {
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    #[test]
    fn the_runtime_has_the_same_ranges() {
        assert!(taken(MIN_TTL, DAY, None) && !taken(MIN_TTL - 1, 0, None));
        assert!(taken(DAY, 0, None) && !taken(DAY + 1, 0, None));
        assert!(!taken(MIN_TTL, DAY + 1, None));
        let renewed = MIN_RENEWED_TTL;
        assert!(taken(renewed, 0, Some(LONGEST_HOLD)) && !taken(renewed - 1, 0, Some(DAY)));
        assert!(!taken(renewed, 0, Some(LONGEST_HOLD + 1)));
        assert!(taken(renewed, 0, Some(renewed + 1)) && !taken(renewed, 0, Some(renewed)));
        let held_for = |min_hold| {
            let mut options = LockOptions::new(length(DAY));
            options.min_hold = length(min_hold);
            options.validate().is_ok()
        };
        assert!(held_for(DAY) && !held_for(DAY + 1));
    }
}
