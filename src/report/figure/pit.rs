//! Calibration: where the outcomes fell in the forecasts' own probabilities, in ten bins, beside what chance allows.

use super::super::error::ReportError;
use super::axis::Scale;
use super::canvas::{Frame, Ink, Size, figure, no_data};
use crate::stats::histogram_range;

const BINS: usize = 10;

/// Chance that a uniform law keeps all ten bins inside the band.
const INSIDE: f64 = 0.95;

/// Counts of probability integral transforms and the range that all ten counts of a uniform law keep with probability 95 %.
#[derive(Debug, Clone, PartialEq)]
pub struct PitBins {
    pub counts: [usize; BINS],
    pub n: usize,
    /// Quantiles of Binomial(n, 1/10) that leave each bin a tenth of the 5 % (Bonferroni), so that they hold for all bins together.
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
        PitBins { counts, n, band: histogram_range(n, BINS, INSIDE) }
    }

    fn outside(&self, count: usize) -> bool {
        count < self.band.0 || count > self.band.1
    }

    /// Bins that chance alone would rarely make so low or so high.
    pub fn surprising(&self) -> usize {
        self.counts.iter().filter(|c| self.outside(**c)).count()
    }
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
        right: if size == Size::SMALL { 118.0 } else { 104.0 },
        alt: format!("{alt}; {} of them outside the 95 % range of chance for all together", bins.surprising()),
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
        for (i, &count) in bins.counts.iter().enumerate() {
            let (a, b) = (i as f64 / BINS as f64, (i + 1) as f64 / BINS as f64);
            let text = format!("{a:.1} to {b:.1}: {count} outcomes, {} to {} by chance", bins.band.0, bins.band.1);
            plot.hover((a, b), &text);
        }
        plot.labels_right(&[(high, "95 % by chance".into(), Ink::Muted), (10.0, "uniform".into(), Ink::Target)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn all_bins_of_a_uniform_law_stay_inside_as_often_as_the_band_says() {
        let runs = 2000;
        let inside = (0..runs)
            .filter(|run| {
                let mut stream = Seed(5).key(Purpose::Scores, 0, *run).stream(0);
                let pit: Vec<f64> = (0..300).map(|_| stream.uniform()).collect();
                PitBins::new(&pit).surprising() == 0
            })
            .count() as f64;
        let share = inside / runs as f64;
        let se = (0.95 * 0.05 / runs as f64).sqrt();
        // Bonferroni never holds less; whole counts and bins that hang together make it hold a little more.
        assert!(share > 0.95 - 4.0 * se && share < 0.98, "{share}");
    }

    #[test]
    fn only_probabilities_are_counted() {
        let bins = PitBins::new(&[0.0, 0.05, 1.0, f64::NAN, -0.1, 1.5]);
        assert_eq!((bins.n, bins.counts[0], bins.counts[9]), (3, 2, 1));
        assert!(pit(&PitBins::new(&[f64::NAN]), Size::WIDE).unwrap().contains("no data"));
    }
}
