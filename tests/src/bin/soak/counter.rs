//! The resource: a counter that checks fencing tokens, or does not.

use lock_runtime::{FencedRegister, FencingToken};

use crate::arguments::Mode;

#[derive(Debug)]
pub(crate) struct Counter {
    value: Value,
    /// Updates that were acknowledged.
    pub(crate) acknowledged: u64,
}

#[derive(Debug)]
enum Value {
    Fenced(FencedRegister<u64>),
    Unchecked(u64),
}

/// An accepted write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Whether the value had changed since the writer read it.
    pub(crate) blind: bool,
}

/// A newer fence was there before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused;

impl Counter {
    pub(crate) fn new(mode: Mode) -> Self {
        let value = match mode {
            Mode::Fence => Value::Fenced(FencedRegister::new(0)),
            Mode::Lease | Mode::None => Value::Unchecked(0),
        };
        Self {
            value,
            acknowledged: 0,
        }
    }

    pub(crate) fn read(&self, fence: u64) -> Result<u64, Refused> {
        match &self.value {
            Value::Fenced(value) => value.read(FencingToken::new(fence)).map_err(|_| Refused),
            Value::Unchecked(value) => Ok(*value),
        }
    }

    /// Acknowledges `next`, which its writer made of what it had read.
    pub(crate) fn write(&mut self, fence: u64, next: u64) -> Result<Written, Refused> {
        let before = match &mut self.value {
            Value::Fenced(value) => {
                let fence = FencingToken::new(fence);
                let before = value.read(fence).map_err(|_| Refused)?;
                value.write(fence, next).map_err(|_| Refused)?;
                before
            }
            Value::Unchecked(value) => std::mem::replace(value, next),
        };
        self.acknowledged += 1;
        Ok(Written {
            blind: before + 1 != next,
        })
    }

    pub(crate) fn value(&self) -> u64 {
        match &self.value {
            // As newest as a token can be: nobody reads after this.
            Value::Fenced(value) => {
                let newest = value.newest().unwrap_or(FencingToken::new(0));
                value.read(newest).unwrap_or_default()
            }
            Value::Unchecked(value) => *value,
        }
    }

    /// Acknowledged updates that the value does not contain: each write put one more than its writer
    /// had read, so that the value counts those it was made of.
    pub(crate) fn lost(&self) -> u64 {
        self.acknowledged.saturating_sub(self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchecked_counter_loses_the_update_of_a_late_writer() {
        let mut counter = Counter::new(Mode::Lease);
        let early = counter.read(0).expect("unchecked");
        let late = counter.read(0).expect("unchecked");
        assert_eq!(counter.write(0, late + 1), Ok(Written { blind: false }));
        assert_eq!(counter.write(0, early + 1), Ok(Written { blind: true }));
        assert_eq!((counter.value(), counter.lost()), (1, 1));
    }

    #[test]
    fn a_fenced_counter_refuses_the_late_writer() {
        let mut counter = Counter::new(Mode::Fence);
        let early = counter.read(1).expect("the newest");
        let late = counter.read(2).expect("the newest");
        assert_eq!(counter.write(1, early + 1), Err(Refused));
        assert_eq!(counter.write(2, late + 1), Ok(Written { blind: false }));
        assert_eq!((counter.value(), counter.lost()), (1, 0));
    }
}
