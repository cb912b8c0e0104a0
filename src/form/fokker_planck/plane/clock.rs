//! The time lattice: short steps while the law is narrow, steps as long as the drift allows later.

/// Steps even in `s(t) = ln(1 + t/τ) + rate·t`, `t` from the start: a constant share of the time gone by, and of the drift's
/// own time. Smooth in `t`, so the scheme's error has an expansion in the number of steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    tau: f64,
    rate: f64,
}

/// Of the horizon, over the coarse cells of an axis: `τ`. The first steps are `τ` times the spacing in `s`, both of which fall with
/// the cells, so that they stay below the time in which a cell spreads over its neighbours. What is as rough as the grid along
/// both axes is damped then; long steps of alternating directions would keep it.
const EARLY: f64 = 0.4;

impl Clock {
    /// `rate` is that at which the drift changes along a path.
    pub fn new(horizon: f64, rate: f64, cells: usize) -> Clock {
        Clock { tau: EARLY * horizon / cells as f64, rate }
    }

    pub fn s(&self, t: f64) -> f64 {
        crate::base::math::ln_1p(t / self.tau) + self.rate * t
    }

    /// Ends of about `(s(to) - s(from))/spacing` steps from `from` to `to`, each cut in `parts`.
    pub fn steps(&self, from: f64, to: f64, spacing: f64, parts: usize) -> Vec<f64> {
        let (first, last) = (self.s(from), self.s(to));
        let n = parts * ((last - first) / spacing).ceil().max(1.0) as usize;
        (1..=n)
            .map(|k| if k == n { to } else { self.invert(first + (last - first) * k as f64 / n as f64, from, to) })
            .collect()
    }

    fn invert(&self, s: f64, mut low: f64, mut high: f64) -> f64 {
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.s(middle) < s {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
}
