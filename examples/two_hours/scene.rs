//! One way of telling a story, played and judged.

use std::time::Duration;

use lock_runtime::LockClient;

use crate::Result;
use crate::recording::{Fault, Recording};
use crate::world::World;

pub(crate) struct Scene {
    pub(crate) recording: Recording,
    /// The fault's extent in words.
    pub(crate) measured: String,
    /// What this program's own checks object to.
    pub(crate) objections: Vec<String>,
}

impl Scene {
    /// Without its fault a naive scene proves nothing.
    pub(crate) fn naive(
        recording: Recording,
        fault: Fault,
        at_least: Duration,
        measured: String,
    ) -> Self {
        let shown = recording.total(fault);
        let objections = if shown < at_least {
            vec![format!(
                "the naive commands did not show their fault: {} for {}, expected {}",
                fault.name(),
                Millis(shown),
                Millis(at_least)
            )]
        } else {
            Vec::new()
        };
        Self {
            recording,
            measured,
            objections,
        }
    }

    /// With the attribute: one at a time, nobody shut out for longer than `at_most`, nothing
    /// left behind.
    pub(crate) async fn attribute(
        recording: Recording,
        at_most: Duration,
        measured: String,
        world: &World,
        clients: &[&LockClient],
    ) -> Result<Self> {
        let mut objections = Vec::new();
        let together = recording.total(Fault::TwoInside);
        if !together.is_zero() {
            objections.push(format!("two inside at once for {together:?}"));
        }
        let shut_out = recording.total(Fault::ShutOut);
        if shut_out > at_most {
            objections.push(format!(
                "shut out for {}, at most {} was expected",
                Millis(shut_out),
                Millis(at_most)
            ));
        }
        for client in clients {
            let remaining = client.shutdown(Duration::from_secs(2)).await;
            if !remaining.is_empty() {
                objections.push(format!("a client had not finished: {remaining:?}"));
            }
        }
        let left = world.clear().await?;
        if left > 0 {
            objections.push(format!("{left} keys were left behind"));
        }
        Ok(Self {
            recording,
            measured,
            objections,
        })
    }

    pub(crate) fn expects(&mut self, fact: bool, objection: &str) {
        if !fact {
            self.objections.push(objection.to_owned());
        }
    }
}

/// Milliseconds, or from one second on seconds.
pub(crate) struct Millis(pub(crate) Duration);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 < Duration::from_secs(1) {
            write!(f, "{} ms", self.0.as_millis())
        } else {
            write!(f, "{:.2} s", self.0.as_secs_f64())
        }
    }
}
