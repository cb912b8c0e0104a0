//! Calibration: where the outcomes fell in the forecasts' own probabilities, in ten bins, beside what chance allows.

use super::super::error::ReportError;
use super::axis::Scale;
use super::canvas::{Frame, Ink, Size, figure, no_data};

const BINS: usize = 10;

/// Counts of probability integral transforms and the 95 % range of a count under a uniform law.
#[derive(Debug, Clone, PartialEq)]
pub struct PitBins {
    pub counts: [usize; BINS],
    pub n: usize,
    /// 2.5 % and 97.5 % quantiles of Binomial(n, 1/10), bin by bin.
    pub band: (usize, usize),
}

impl PitBins {
    /// Values that are not probabilities are left out.
    pub fn new(pit: &[f64]) -> PitBins {
        let mut counts = [0; BINS];
        for &u in pit.iter().filter(|u| (0.0..=1.0).contains(*u)) {
            counts[((u * BINS as f64) as usize).min(BINS - 1)] += 1;
        }
        let n = counts.iter().sum();
        PitBins { counts, n, band: binomial_range(n, 1.0 / BINS as f64) }
    }

    fn outside(&self, count: usize) -> bool {
        count < self.band.0 || count > self.band.1
    }

    /// Bins that chance alone would rarely make so low or so high.
    pub fn surprising(&self) -> usize {
        self.counts.iter().filter(|c| self.outside(**c)).count()
    }
}

/// The 2.5 % and 97.5 % quantiles of a binomial count, by summing outward from the mode; no logarithm, O(n).
fn binomial_range(n: usize, p: f64) -> (usize, usize) {
    let odds = p / (1.0 - p);
    let mode = (((n + 1) as f64 * p) as usize).min(n);
    let mut weight = vec![0.0; n + 1];
    weight[mode] = 1.0;
    for k in mode + 1..=n {
        weight[k] = weight[k - 1] * (n - k + 1) as f64 / k as f64 * odds;
    }
    for k in (0..mode).rev() {
        weight[k] = weight[k + 1] * (k + 1) as f64 / (n - k) as f64 / odds;
    }
    let total: f64 = weight.iter().sum();
    let quantile = |share: f64| {
        let mut sum = 0.0;
        weight.iter().position(|w| {
            sum += w;
            sum >= share * total
        })
    };
    (quantile(0.025).unwrap_or(0), quantile(0.975).unwrap_or(n))
}

/// Are the forecast's probabilities honest?
pub fn pit(bins: &PitBins, size: Size) -> Result<String, ReportError> {
    let alt = "Histogram of probability integral transforms in ten bins";
    if bins.n == 0 {
        return no_data(size, alt);
    }
    let share = |count: usize| 100.0 * count as f64 / bins.n as f64;
    let top = bins.counts.iter().copied().max().unwrap_or(0).max(bins.band.1);
    let frame = Frame {
        size: size.lower(),
        x: Scale::numbers(0.0, 1.0, 5),
        y: Scale::numbers(0.0, share(top) * 1.12, 4),
        y_title: "share of outcomes (%)".into(),
        x_title: Some("probability the forecast gave to a value at or below the outcome".into())
            .filter(|_| size.width > 600)
            .or(Some("forecast probability of the outcome or less".into())),
        right: 104.0,
        alt: format!("{alt}; {} of them outside the 95 % range of chance", bins.surprising()),
    };
    figure(&frame, |plot| {
        let (low, high) = (share(bins.band.0), share(bins.band.1));
        plot.rect((0.0, low), (1.0, high), Ink::Tolerance)?;
        let gap = 0.006;
        for (i, &count) in bins.counts.iter().enumerate() {
            let (a, b) = (i as f64 / BINS as f64 + gap, (i + 1) as f64 / BINS as f64 - gap);
            let ink = if bins.outside(count) { Ink::BarOut } else { Ink::Bar };
            plot.rect((a, 0.0), (b, share(count)), ink)?;
        }
        for edge in [low, high] {
            plot.line(&[(0.0, edge), (1.0, edge)], Ink::Tolerance, 1.0)?;
        }
        plot.line(&[(0.0, 10.0), (1.0, 10.0)], Ink::Target, 1.6)?;
        plot.labels_right(&[(high, "95 % by chance".into(), Ink::Muted), (10.0, "uniform".into(), Ink::Target)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binomial_range_is_the_known_one() {
        // R: qbinom(c(0.025, 0.975), n, 0.1)
        assert_eq!(binomial_range(100, 0.1), (5, 16));
        assert_eq!(binomial_range(10, 0.1), (0, 3));
        assert_eq!(binomial_range(1000, 0.1), (82, 119));
        assert_eq!(binomial_range(0, 0.1), (0, 0));
    }

    #[test]
    fn a_large_sample_does_not_underflow() {
        let (low, high) = binomial_range(100_000, 0.1);
        // Normal approximation: 10,000 ± 1.96 · 94.87 = ± 185.9.
        assert!((9_813..=9_815).contains(&low) && (10_185..=10_187).contains(&high), "{low} {high}");
    }

    #[test]
    fn only_probabilities_are_counted() {
        let bins = PitBins::new(&[0.0, 0.05, 1.0, f64::NAN, -0.1, 1.5]);
        assert_eq!((bins.n, bins.counts[0], bins.counts[9]), (3, 2, 1));
        assert!(pit(&PitBins::new(&[f64::NAN]), Size::WIDE).unwrap().contains("no data"));
    }
}
