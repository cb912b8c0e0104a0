//! What the fit left over: whether one residual tells the next, and whether they are spread as they should be.

use super::super::error::ReportError;
use super::super::format::num;
use super::axis::Scale;
use super::canvas::{Frame, Ink, Size, figure, no_data};
use crate::base::math;
use crate::stats::{self, local_level, ordered_range};

/// Lags shown.
const LAGS: usize = 20;
/// Points of the quantile plot: more would lie on each other.
const POINTS: usize = 101;

/// Autocorrelations of residuals and of their squares.
#[derive(Debug, Clone, PartialEq)]
pub struct Acf {
    /// `[lag - 1]`
    pub residuals: Vec<f64>,
    pub squares: Vec<f64>,
    /// 95 of 100 autocorrelations of independent values lie between minus and plus this, `1.96/√n` (Bartlett 1946).
    pub band: f64,
}

impl Acf {
    /// `None` where there are too few values.
    pub fn of(residuals: &[f64]) -> Option<Acf> {
        let squares: Vec<f64> = residuals.iter().map(|z| z * z).collect();
        Some(Acf {
            residuals: stats::autocorrelations(residuals, LAGS)?,
            squares: stats::autocorrelations(&squares, LAGS)?,
            band: 1.959964 / (residuals.len() as f64).sqrt(),
        })
    }

    /// Lags at which the residuals, and their squares, leave the band.
    pub fn beyond(&self) -> (usize, usize) {
        let count = |r: &[f64]| r.iter().filter(|r| r.abs() > self.band).count();
        (count(&self.residuals), count(&self.squares))
    }
}

/// Does one surprise tell the next?
pub fn acf(found: Option<&Acf>, size: Size) -> Result<String, ReportError> {
    let alt = "Autocorrelations of the residuals and of their squares by lag";
    let Some(acf) = found else { return no_data(size, alt) };
    let all = acf.residuals.iter().chain(&acf.squares).copied().chain([-acf.band, acf.band]);
    let Some(y) = Scale::values(all, 4) else { return no_data(size, alt) };
    let lags = acf.residuals.len();
    let frame = Frame {
        size: size.lower(),
        x: Scale::whole(0.3, lags as f64 + 0.7, if size.width > 600 { 10 } else { 5 }),
        y,
        y_title: "autocorrelation".into(),
        x_title: Some("rows apart".into()),
        right: 112.0,
        alt: alt.into(),
    };
    figure(&frame, |plot| {
        let (lo, hi) = (frame.x.lo, frame.x.hi);
        plot.rect((lo, -acf.band), (hi, acf.band), Ink::Tolerance)?;
        for edge in [-acf.band, acf.band] {
            plot.line(&[(lo, edge), (hi, edge)], Ink::Tolerance, 1.0)?;
        }
        plot.line(&[(lo, 0.0), (hi, 0.0)], Ink::Rule, 1.0)?;
        for (values, shift, ink) in [(&acf.residuals, -0.16, Ink::Chosen), (&acf.squares, 0.16, Ink::Model(0))] {
            for (k, r) in values.iter().enumerate() {
                let at = k as f64 + 1.0 + shift;
                plot.line(&[(at, 0.0), (at, *r)], ink, if size.width > 600 { 4.0 } else { 3.0 })?;
            }
        }
        let told = |k: usize| {
            let text = format!("{} apart: {}, of squares {}", k + 1, num(acf.residuals[k]), num(acf.squares[k]));
            (k as f64 + 1.0, text)
        };
        plot.hovers(&(0..lags).map(told).collect::<Vec<_>>());
        plot.labels_right(&[(acf.band, "95 % by chance".into(), Ink::Muted)])
    })
}

/// Ordered residuals beside the quantiles of the standard normal law.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantiles {
    pub n: usize,
    /// Normal quantile, residual, and the range that holds the whole plot of 95 of 100 normal samples. The ranges of all ordered values
    /// are left with the same chance (Aldor-Noiman, Brown, Buja, Rolke & Stine 2013), so that tails show as well as the middle.
    pub points: Vec<(f64, f64, f64, f64)>,
}

impl Quantiles {
    /// At most [`POINTS`] of the residuals, the first and the last among them; `None` of fewer than five. O(n log n).
    pub fn of(residuals: &[f64]) -> Option<Quantiles> {
        let mut sorted: Vec<f64> = residuals.iter().copied().filter(|z| super::usable(*z)).collect();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        if n < 5 {
            return None;
        }
        let level = local_level(n);
        let point = |i: usize| {
            let (low, high) = ordered_range(n, i + 1, level);
            // Plotting positions of Hazen (1914).
            let p = (i as f64 + 0.5) / n as f64;
            (math::normal_quantile(p), sorted[i], math::normal_quantile(low), math::normal_quantile(high))
        };
        let m = POINTS.min(n);
        let mut ranks: Vec<usize> = (0..m).map(|k| k * (n - 1) / (m - 1)).collect();
        // The tails are what such a plot is for: their ten outermost values on each side.
        ranks.extend((0..n.min(10)).chain(n.saturating_sub(10)..n));
        ranks.sort_unstable();
        ranks.dedup();
        Some(Quantiles { n, points: ranks.into_iter().map(point).collect() })
    }

    /// Points outside the band.
    pub fn beyond(&self) -> usize {
        self.points.iter().filter(|(_, z, low, high)| z < low || z > high).count()
    }
}

/// Are the surprises as large as the model says they may be?
pub fn quantiles(found: Option<&Quantiles>, size: Size) -> Result<String, ReportError> {
    let alt = "Ordered residuals against normal quantiles";
    let Some(found) = found else { return no_data(size, alt) };
    let x = Scale::values(found.points.iter().map(|p| p.0), if size.width > 600 { 8 } else { 5 });
    let ys = found.points.iter().flat_map(|p| [p.1, p.2, p.3]);
    let (Some(x), Some(y)) = (x, Scale::values(ys, 5)) else { return no_data(size, alt) };
    let frame = Frame {
        size,
        x,
        y,
        y_title: "residual".into(),
        x_title: Some("what a normal law would give".into()),
        right: 62.0,
        alt: alt.into(),
    };
    figure(&frame, |plot| {
        let mut ring: Vec<(f64, f64)> = found.points.iter().map(|p| (p.0, p.2)).collect();
        ring.extend(found.points.iter().rev().map(|p| (p.0, p.3)));
        plot.area(&ring, Ink::Tolerance)?;
        let (a, b) = (frame.x.lo.max(frame.y.lo), frame.x.hi.min(frame.y.hi));
        plot.line(&[(a, a), (b, b)], Ink::Target, 1.4)?;
        for (z, residual, low, high) in &found.points {
            let ink = if residual < low || residual > high { Ink::BarOut } else { Ink::Median };
            plot.dot((*z, *residual), 2.2, ink)?;
        }
        let told = |p: &(f64, f64, f64, f64)| (p.0, format!("residual {}, normal {}", num(p.1), num(p.0)));
        plot.hovers(&found.points.iter().map(told).collect::<Vec<_>>());
        plot.labels_right(&[(b, "normal".into(), Ink::Target)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    fn normals(n: usize, window: u64) -> Vec<f64> {
        let mut stream = Seed(3).key(Purpose::Scores, 0, window).stream(0);
        (0..n).map(|_| stream.normal()).collect()
    }

    #[test]
    fn independent_values_stay_in_the_bands_as_often_as_these_say() {
        let lags: usize = (0..400).map(|run| Acf::of(&normals(400, run)).unwrap().beyond().0).sum();
        // 5 % of 400 × 20 autocorrelations, down to 4.4 % at the last lag, which has fewer products; within four standard errors.
        let (all, se) = (400.0 * LAGS as f64, (400.0 * LAGS as f64 * 0.95 * 0.05).sqrt());
        let found = f64::from(u32::try_from(lags).unwrap());
        assert!(found > 0.044 * all - 4.0 * se && found < 0.05 * all + 4.0 * se, "{lags}");
        let whole = (0..60).filter(|run| Quantiles::of(&normals(150, 1000 + run)).unwrap().beyond() == 0).count();
        assert!(whole >= 50, "{whole} of 60, where fewer than 50 have chance 0.1 %");
    }

    #[test]
    fn clustered_volatility_shows_in_the_squares_and_fat_tails_leave_the_line() {
        let z = normals(4000, 1);
        let clustered: Vec<f64> =
            z.iter().enumerate().map(|(i, z)| z * if i / 50 % 2 == 0 { 0.5 } else { 1.5 }).collect();
        let acf_of = Acf::of(&clustered).unwrap();
        // Variances of 1/4 and 9/4 in turns of 50: 0.16 (1 - k/25) at lag k, twice the band up to lag 15.
        assert!(acf_of.squares[..15].iter().all(|r| *r > acf_of.band), "{:?}", acf_of.squares);
        assert!(acf_of.beyond().0 < 5);
        let found = Quantiles::of(&clustered).unwrap();
        assert!(found.beyond() > 10);
        let svg = quantiles(Some(&found), Size::WIDE).unwrap();
        assert!(svg.contains("f-barout") && svg.contains("f-tolerance"), "{svg}");
        assert!(acf(Some(&acf_of), Size::NARROW).unwrap().contains("s-chosen"));
    }

    #[test]
    fn too_few_or_broken_residuals_are_no_figure() {
        assert!(Acf::of(&[0.0; 40]).is_none() && Acf::of(&[f64::NAN; 40]).is_none());
        assert!(Quantiles::of(&[f64::INFINITY; 40]).is_none());
        assert!(acf(None, Size::WIDE).unwrap().contains("no data"));
        assert!(quantiles(None, Size::WIDE).unwrap().contains("no data"));
    }
}
