//! Whether losses beyond a quantile come as often as it says, independently, and as large as the expected shortfall says.

use super::mean;
use crate::base::math;
use nalgebra::{DMatrix, DVector};
use serde::Serialize;

/// Tests of a value at risk: how often it was passed, and p-values, `None` where the record cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ValueAtRisk {
    /// Probability of a value below the quantile, e.g. 0.01.
    pub level: f64,
    /// Rows judged: those in which value, quantile and shortfall are all finite.
    pub observations: usize,
    /// Rows that fell below the quantile.
    pub hits: usize,
    /// As many hits as the level says (Kupiec 1995).
    pub kupiec_p: Option<f64>,
    /// Hits that do not follow each other more than chance (Christoffersen 1998).
    pub independence_p: Option<f64>,
    /// Both together (Christoffersen 1998).
    pub christoffersen_p: Option<f64>,
    /// Hits that neither four past hits nor the quantile itself foretell (Engle & Manganelli 2004).
    pub dynamic_quantile_p: Option<f64>,
    /// `Σ r 1{hit} / (n α ES) + 1`, with the expected shortfall as a positive number: zero expected, below zero where losses beyond the quantile
    /// are too many or too large (Acerbi & Szekely 2014, second test).
    pub acerbi_szekely: Option<f64>,
    /// One-sided, against losses larger than the expected shortfall says, by the normal law of a sum.
    pub acerbi_szekely_p: Option<f64>,
}

/// Judge forecasts of a lower quantile `var` and of the mean below it `es` (both as returns, so usually negative) by what came.
///
/// Lengths agree; what is not finite is left out. Cost O(n).
pub fn value_at_risk(actual: &[f64], var: &[f64], es: &[f64], level: f64) -> ValueAtRisk {
    let rows: Vec<(f64, f64, f64)> = actual
        .iter()
        .zip(var)
        .zip(es)
        .map(|((x, v), e)| (*x, *v, *e))
        .filter(|(x, v, e)| x.is_finite() && v.is_finite() && e.is_finite())
        .collect();
    let hits: Vec<bool> = rows.iter().map(|(x, v, _)| x < v).collect();
    let count = hits.iter().filter(|h| **h).count();
    let n = rows.len();
    let coverage = (n > 0).then(|| likelihood_ratio(count, n, level));
    let independence = independence(&hits);
    let shortfall = shortfall(&rows, level);
    ValueAtRisk {
        level,
        observations: n,
        hits: count,
        kupiec_p: coverage.map(|lr| math::chi_square_sf(lr, 1.0)),
        independence_p: independence.map(|lr| math::chi_square_sf(lr, 1.0)),
        christoffersen_p: coverage.zip(independence).map(|(a, b)| math::chi_square_sf(a + b, 2.0)),
        dynamic_quantile_p: dynamic_quantile(&hits, &rows, level),
        acerbi_szekely: shortfall.map(|s| s.0),
        acerbi_szekely_p: shortfall.map(|s| s.1),
    }
}

/// `k ln p`, zero for no trials whatever the probability.
fn weighted_ln(k: usize, p: f64) -> f64 {
    if k == 0 { 0.0 } else { k as f64 * math::ln(p) }
}

/// Likelihood ratio of `hits` of `n` at the probability observed against `level`.
fn likelihood_ratio(hits: usize, n: usize, level: f64) -> f64 {
    let share = hits as f64 / n as f64;
    let at = |p: f64| weighted_ln(hits, p) + weighted_ln(n - hits, 1.0 - p);
    (2.0 * (at(share) - at(level))).max(0.0)
}

/// Likelihood ratio of a Markov chain of hits against independent ones; `None` without a hit.
fn independence(hits: &[bool]) -> Option<f64> {
    let mut counts = [[0usize; 2]; 2];
    for w in hits.windows(2) {
        counts[usize::from(w[0])][usize::from(w[1])] += 1;
    }
    let [[n00, n01], [n10, n11]] = counts;
    if n01 + n11 == 0 || n10 + n11 == 0 {
        return None;
    }
    let share = |hit: usize, miss: usize| hit as f64 / (hit + miss).max(1) as f64;
    let (p0, p1, p) = (share(n01, n00), share(n11, n10), share(n01 + n11, n00 + n10));
    let at = |miss: usize, hit: usize, p: f64| weighted_ln(miss, 1.0 - p) + weighted_ln(hit, p);
    Some((2.0 * (at(n00, n01, p0) + at(n10, n11, p1) - at(n00 + n10, n01 + n11, p))).max(0.0))
}

/// Wald test of the regression of `hit - α` on a constant, four past hits and the quantile (Engle & Manganelli 2004, section 4.1).
fn dynamic_quantile(hits: &[bool], rows: &[(f64, f64, f64)], level: f64) -> Option<f64> {
    const LAGS: usize = 4;
    const WIDTH: usize = LAGS + 2;
    if hits.len() < 10 * WIDTH || !hits.iter().any(|h| *h) {
        return None;
    }
    let hit = |i: usize| f64::from(u8::from(hits[i])) - level;
    // The quantile in units of its own spread, or the system is badly scaled.
    let var: Vec<f64> = rows.iter().map(|r| r.1).collect();
    let scale = mean(&var.iter().map(|v| v.abs()).collect::<Vec<_>>());
    let design = |i: usize, k: usize| match k {
        0 => 1.0,
        k if k <= LAGS => hit(i - k),
        _ => var[i] / scale,
    };
    let mut products: DMatrix<f64> = DMatrix::zeros(WIDTH, WIDTH);
    let mut with: DVector<f64> = DVector::zeros(WIDTH);
    for i in LAGS..hits.len() {
        for a in 0..WIDTH {
            with[a] += design(i, a) * hit(i);
            for b in 0..WIDTH {
                products[(a, b)] += design(i, a) * design(i, b);
            }
        }
    }
    // A quantile that never moves is the constant again: its direction is left out.
    let eigen = products.symmetric_eigen();
    let largest = eigen.eigenvalues.max();
    let (mut statistic, mut df) = (0.0, 0.0);
    for (value, vector) in eigen.eigenvalues.iter().zip(eigen.eigenvectors.column_iter()) {
        if *value > 1e-10 * largest {
            let part = vector.dot(&with);
            statistic += part * part / value;
            df += 1.0;
        }
    }
    Some(math::chi_square_sf(statistic / (level * (1.0 - level)), df))
}

/// The second statistic of Acerbi & Szekely (2014, eq. 6) and its one-sided p-value. `None` where an expected shortfall is no loss.
fn shortfall(rows: &[(f64, f64, f64)], level: f64) -> Option<(f64, f64)> {
    if rows.len() < 20 || rows.iter().any(|r| r.2 >= 0.0) {
        return None;
    }
    let n = rows.len() as f64;
    // Each row gives zero, or what was lost beyond the quantile in units of α times the expected shortfall.
    let terms: Vec<f64> = rows.iter().map(|(x, v, e)| if x < v { x / (level * e) } else { 0.0 }).collect();
    let statistic = 1.0 - mean(&terms);
    let spread = terms.iter().map(|t| (t - 1.0) * (t - 1.0)).sum::<f64>() / n;
    let p = if spread > 0.0 { math::normal_cdf(statistic / (spread / n).sqrt()) } else { 1.0 };
    Some((statistic, p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn ratios_are_those_worked_out_by_hand() {
        // Kupiec: 10 hits of 250 at 1 %: LR = 2 (10 ln(0.04/0.01) + 240 ln(0.96/0.99)) = 12.9555.
        assert!((likelihood_ratio(10, 250, 0.01) - 12.955_5).abs() < 1e-4, "{}", likelihood_ratio(10, 250, 0.01));
        assert_eq!(likelihood_ratio(0, 10, 0.5), 20.0 * 2f64.ln());
        // Hits 0 1 1 0 0 0 1 1: n00 2, n01 2, n10 1, n11 2.
        let hits = [false, true, true, false, false, false, true, true];
        let ln = f64::ln;
        let free = 2.0 * ln(0.5) + 2.0 * ln(0.5) + ln(1.0 / 3.0) + 2.0 * ln(2.0 / 3.0);
        let tied = 3.0 * ln(3.0 / 7.0) + 4.0 * ln(4.0 / 7.0);
        assert!((independence(&hits).expect("hits") - 2.0 * (free - tied)).abs() < 1e-12);
        assert!(independence(&[false; 9]).is_none());
    }

    #[test]
    fn levels_hold_for_the_true_law_and_a_narrow_one_is_refused() {
        let (alpha, quantile) = (0.05, math::normal_quantile(0.05));
        let es = -math::normal_pdf(quantile) / alpha;
        let one = |seed: u64, narrow: f64| {
            let mut stream = Seed(seed).key(Purpose::Scores, 1, 0).stream(0);
            let (mut x, mut v, mut e) = (Vec::new(), Vec::new(), Vec::new());
            for i in 0..1_000 {
                let sd = 1.0 + 0.5 * math::sin(f64::from(i) / 20.0);
                x.push(sd * stream.normal());
                v.push(narrow * sd * quantile);
                e.push(narrow * sd * es);
            }
            value_at_risk(&x, &v, &e, alpha)
        };
        let count = |f: &dyn Fn(&ValueAtRisk) -> Option<f64>| {
            (0..200).filter(|s| f(&one(*s, 1.0)).is_some_and(|p| p < 0.05)).count()
        };
        // Ten expected, sd 3.1.
        for refused in [
            count(&|t| t.kupiec_p),
            count(&|t| t.independence_p),
            count(&|t| t.christoffersen_p),
            count(&|t| t.dynamic_quantile_p),
            count(&|t| t.acerbi_szekely_p),
        ] {
            assert!(refused <= 23, "{refused}");
        }
        let narrow = one(1, 0.7);
        assert!(
            narrow.kupiec_p.is_some_and(|p| p < 1e-6) && narrow.acerbi_szekely_p.is_some_and(|p| p < 1e-6),
            "{narrow:?}"
        );
        assert!(narrow.dynamic_quantile_p.is_some_and(|p| p < 1e-6));
        // Hits that follow each other.
        let x: Vec<f64> = (0..1_000).map(|i| if i % 40 < 2 { -3.0 } else { 1.0 }).collect();
        let flat = value_at_risk(&x, &[-1.0; 1_000], &[-2.0; 1_000], 0.05);
        assert!(flat.kupiec_p.is_some_and(|p| p > 0.9) && flat.independence_p.is_some_and(|p| p < 1e-6), "{flat:?}");
    }
}
