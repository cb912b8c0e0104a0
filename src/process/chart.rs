//! A smooth coordinate on any domain, in which its ends are infinitely far: `sinh u` on the line, `e^u` from one end, the
//! logistic function between two.
//!
//! What is integrable becomes exponentially small at both ends, so that evenly spaced points integrate it (Takahasi & Mori
//! 1974).

use super::diffusion::State;
use crate::base::math;

/// The coordinate of one domain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Chart {
    Line,
    Above(f64),
    Below(f64),
    Between(f64, f64),
}

/// Largest size of a state, and the inverse of the smallest distance from zero.
const HUGE: f64 = 1e290;

impl Chart {
    /// The coordinate of a state's domain, by which of its ends are finite.
    pub fn of(state: &State) -> Chart {
        match (state.lower.is_finite(), state.upper.is_finite()) {
            (false, false) => Chart::Line,
            (true, false) => Chart::Above(state.lower),
            (false, true) => Chart::Below(state.upper),
            (true, true) => Chart::Between(state.lower, state.upper),
        }
    }

    /// The state at a coordinate; increasing.
    pub fn x(self, u: f64) -> f64 {
        match self {
            Chart::Line => math::sinh(u),
            Chart::Above(end) => end + math::exp(u),
            Chart::Below(end) => end - math::exp(-u),
            Chart::Between(lower, upper) if u < 0.0 => lower + (upper - lower) * logistic(u),
            Chart::Between(lower, upper) => upper - (upper - lower) * logistic(-u),
        }
    }

    /// dx/du
    pub fn slope(self, u: f64) -> f64 {
        match self {
            Chart::Line => math::cosh(u),
            Chart::Above(_) => math::exp(u),
            Chart::Below(_) => math::exp(-u),
            Chart::Between(lower, upper) => (upper - lower) * logistic(u) * logistic(-u),
        }
    }

    /// d ln(dx/du) / du
    pub fn bend(self, u: f64) -> f64 {
        match self {
            Chart::Line => math::tanh(u),
            Chart::Above(_) => 1.0,
            Chart::Below(_) => -1.0,
            Chart::Between(..) => logistic(-u) - logistic(u),
        }
    }

    /// The coordinate of a state, clamped to [`Chart::limits`].
    pub fn u(self, x: f64) -> f64 {
        let (low, high) = self.limits();
        let u = match self {
            Chart::Line => {
                let a = x.abs();
                // asinh, also where the square would overflow.
                let u = if a > 1e150 {
                    math::ln(a) + std::f64::consts::LN_2
                } else {
                    math::ln_1p(a + a * a / (1.0 + (1.0 + a * a).sqrt()))
                };
                if x < 0.0 { -u } else { u }
            }
            Chart::Above(end) => math::ln((x - end).max(0.0)),
            Chart::Below(end) => -math::ln((end - x).max(0.0)),
            Chart::Between(lower, upper) => math::ln((x - lower).max(0.0)) - math::ln((upper - x).max(0.0)),
        };
        u.clamp(low, high)
    }

    /// Coordinates between which states are finite and can be told from the ends.
    pub fn limits(self) -> (f64, f64) {
        let huge = math::ln(HUGE);
        // Distance from an end, not zero, of which the difference still has six digits.
        let near = |end: f64| math::ln((1e-10 * end.abs()).max(1.0 / HUGE));
        match self {
            Chart::Line => (-huge, huge),
            Chart::Above(end) => (near(end), huge),
            Chart::Below(end) => (-huge, -near(end)),
            Chart::Between(lower, upper) => {
                let width = math::ln(upper - lower);
                (near(lower) - width, width - near(upper))
            }
        }
    }
}

/// Positive places and weights of Gauss and Legendre's eight points on [-1, 1] (Abramowitz & Stegun 1964, table 25.4).
pub(crate) const GAUSS: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_47),
    (0.960_289_856_497_536_2, 0.101_228_536_290_376_26),
];

/// ∫ f over `[from, to]` by [`GAUSS`].
pub(crate) fn gauss(from: f64, to: f64, f: &mut impl FnMut(f64) -> f64) -> f64 {
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    half * GAUSS.iter().map(|(x, w)| w * (f(middle - half * x) + f(middle + half * x))).sum::<f64>()
}

fn logistic(u: f64) -> f64 {
    1.0 / (1.0 + math::exp(-u))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_undone_and_their_slopes_are_right() {
        for chart in
            [Chart::Line, Chart::Above(2.0), Chart::Below(-1.0), Chart::Between(0.0, 1.0), Chart::Between(-3.0, 5.0)]
        {
            for u in [-9.0, -1.3, -1e-3, 0.0, 0.4, 7.0] {
                let x = chart.x(u);
                assert!((chart.u(x) - u).abs() < 1e-10 * (1.0 + u.abs()), "{chart:?} {u}");
                let h = 1e-5;
                let slope = (chart.x(u + h) - chart.x(u - h)) / (2.0 * h);
                assert!((chart.slope(u) / slope - 1.0).abs() < 1e-6, "{chart:?} {u}");
                let bend = (math::ln(chart.slope(u + h)) - math::ln(chart.slope(u - h))) / (2.0 * h);
                assert!((chart.bend(u) - bend).abs() < 1e-6, "{chart:?} {u}");
            }
            let (low, high) = chart.limits();
            assert!(chart.x(low) < chart.x(low + 1.0) && chart.x(high - 1.0) < chart.x(high), "{chart:?}");
            assert!(chart.x(high).is_finite() && chart.x(low).is_finite());
        }
    }
}
