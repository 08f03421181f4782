//! Medians and how far the rounds lie apart.

use std::fmt;

/// The middle of some figures, and between what four fifths of them lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    low: f64,
    high: f64,
}

impl Spread {
    /// `None` for no figures.
    pub(crate) fn of(figures: &[f64]) -> Option<Self> {
        Some(Self {
            median: percentile(figures, 50)?,
            low: percentile(figures, 10)?,
            high: percentile(figures, 90)?,
        })
    }

    /// Of each round's own ratio: what disturbs a round disturbs both of its parts.
    pub(crate) fn of_ratios(ours: &[f64], theirs: &[f64]) -> Option<Self> {
        let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
        Self::of(&ratios)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} – {}", short(self.low), short(self.high))
    }
}

/// The figure that so many in a hundred do not exceed, to the nearest.
pub(crate) fn percentile(figures: &[f64], percent: usize) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last * percent + 50) / 100).copied()
}

/// The arithmetic mean; `None` for no figures.
pub(crate) fn mean(figures: &[f64]) -> Option<f64> {
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

/// Three digits that count.
pub(crate) fn short(figure: f64) -> String {
    match figure.abs() {
        100.0.. => format!("{figure:.0}"),
        10.0..100.0 => format!("{figure:.1}"),
        1.0..10.0 => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}

/// A time in seconds, in the unit that suits it.
pub(crate) fn time(seconds: f64) -> String {
    if seconds < 1e-3 {
        format!("{} µs", short(seconds * 1e6))
    } else if seconds < 1.0 {
        format!("{} ms", short(seconds * 1e3))
    } else {
        format!("{} s", short(seconds))
    }
}
