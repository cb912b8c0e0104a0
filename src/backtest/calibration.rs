//! Whether probabilities were honest: where outcomes fell in the forecasts' own laws, by probability and by horizon, beside what chance allows.

use super::Row;
use crate::base::math;
use crate::stats::{Berkowitz, berkowitz, binomial_range, histogram_range, overlapping};

/// Bins of a histogram of probability integral transforms.
const BINS: usize = 10;
/// Probability that a right law stays within a band.
const BAND: f64 = 0.95;
/// Probabilities of the central intervals of [`Reliability`].
const NOMINAL: [f64; 11] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

/// Probability integral transforms at the shortest horizon in ten equal bins.
#[derive(Debug, Clone, PartialEq)]
pub struct PitHistogram {
    /// How many transforms fell into each tenth of the unit interval, from zero up; those that are no number between 0 and 1 are left out.
    pub counts: Vec<usize>,
    /// All counts of a right law lie between these together, with 95 %.
    pub low: usize,
    /// See `low`: the most that any bin of a right law holds.
    pub high: usize,
}

/// How often the central interval of one probability held the outcome, over the windows of one horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reliability {
    /// Its probability, as the law says.
    pub nominal: f64,
    /// Share of the windows whose outcome lay inside the interval, its ends included.
    pub observed: f64,
    /// Shares that a right law stays between with 95 %, of this interval by itself: binomial, of as many independent windows as the overlapping
    /// ones are worth ([`overlapping`]). Series that move together are taken as independent.
    pub low: f64,
    /// See `low`: the larger of the two shares.
    pub high: f64,
}

/// Values that are no probabilities are left out.
pub(super) fn histogram(pit: &[f64]) -> PitHistogram {
    let mut counts = vec![0; BINS];
    for u in pit.iter().filter(|u| (0.0..=1.0).contains(*u)) {
        counts[((u * BINS as f64) as usize).min(BINS - 1)] += 1;
    }
    let (low, high) = histogram_range(counts.iter().sum(), BINS, BAND);
    PitHistogram { counts, low, high }
}

/// The test of Berkowitz on the normal scores of the transforms; none where one is 0 or 1.
pub(super) fn of_normal_scores(pit: &[f64]) -> Option<Berkowitz> {
    berkowitz(&pit.iter().map(|u| math::normal_quantile(*u)).collect::<Vec<_>>())
}

/// Of forecasts at one horizon, cutoffs `step` rows apart. A central interval holds what has a transform within half its probability of one half.
pub(super) fn reliability(rows: &[&Row], horizon: usize, step: usize) -> Vec<Reliability> {
    let n = rows.len();
    let worth = (overlapping(n, horizon, step) as usize).max(1);
    let one = |nominal: f64| {
        let held = rows.iter().filter(|r| (2.0 * r.pit - 1.0).abs() <= nominal).count();
        let (low, high) = binomial_range(worth, nominal, BAND);
        let share = |count: usize| count as f64 / worth as f64;
        Reliability { nominal, observed: held as f64 / n as f64, low: share(low), high: share(high) }
    };
    if n == 0 { Vec::new() } else { NOMINAL.map(one).to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::Joint;
    use crate::base::{Purpose, Seed};
    use crate::stats::binomial_range;

    fn row(pit: f64) -> Row {
        let joint: Option<Joint> = None;
        let (mean, sd, log_score, tail) = (None, None, None, None);
        let (window, cutoff, horizon, model) = (0, 0, 1, 0);
        Row {
            model,
            window,
            cutoff,
            horizon,
            actual: 0.0,
            mean,
            sd,
            quantiles: [0.0; 7],
            crps: 0.0,
            log_score,
            pit,
            own: 0.0,
            tail,
            joint,
        }
    }

    fn told(pits: &[f64], horizon: usize) -> Vec<Reliability> {
        let rows: Vec<Row> = pits.iter().map(|u| row(*u)).collect();
        reliability(&rows.iter().collect::<Vec<_>>(), horizon, 1)
    }

    #[test]
    fn uniform_transforms_are_reliable_and_narrow_laws_are_not() {
        let mut stream = Seed(5).key(Purpose::Scores, 0, 0).stream(0);
        let pits: Vec<f64> = (0..1500).map(|_| stream.uniform()).collect();
        let inside = |r: &&Reliability| r.observed >= r.low && r.observed <= r.high;
        let right = told(&pits, 1);
        // Each leaves its band once in twenty times.
        assert!(right.iter().filter(inside).count() >= 9, "{right:?}");
        assert_eq!((right.len(), right[4].nominal), (11, 0.5));
        let (low, high) = binomial_range(1500, 0.5, 0.95);
        assert_eq!((right[4].low, right[4].high), (low as f64 / 1500.0, high as f64 / 1500.0));
        // A law with two thirds of the spread: the outcome's z is larger by a half.
        let narrow: Vec<f64> = pits.iter().map(|u| math::normal_cdf(1.5 * math::normal_quantile(*u))).collect();
        let wrong = told(&narrow, 1);
        assert!(wrong.iter().all(|r| r.observed < r.low), "{wrong:?}");
        // Twenty overlapping rows are worth a thirteenth: the band is wider.
        let wide = told(&pits, 20);
        assert!(wide[4].high - wide[4].low > 3.0 * (right[4].high - right[4].low));
        assert!(told(&[], 1).is_empty());
    }

    #[test]
    fn a_histogram_counts_what_is_a_probability() {
        let found = histogram(&[0.0, 0.05, 0.999, 1.0, f64::NAN, 0.31]);
        assert_eq!(found.counts, [2, 0, 0, 1, 0, 0, 0, 0, 0, 2]);
        assert!(of_normal_scores(&[0.5; 5]).is_none());
        let mut pits: Vec<f64> = (1..200).map(|k| f64::from(k) / 200.0).collect();
        assert!(of_normal_scores(&pits).expect("finite").autocorrelation > 0.9);
        pits.push(1.0);
        assert!(of_normal_scores(&pits).is_none());
    }
}
