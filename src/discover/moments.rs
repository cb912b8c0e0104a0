//! Conditional mean and variance of a step under a formula, by the Itô-Taylor expansion of its generator.
//!
//! `E h(x_dt) = Σ dt^k/k! L^k h(x)`, with `h` the powers of the increment; the variance is the series of the second central
//! moment, so nothing is lost by subtracting squares. What remains is `O(dt^(K+1))` in the moments, `O(dt^K)` in the coefficients.
//! (Florens-Zmirou 1989, Statistics 20, 547; Gottschall & Peinke 2008, New J. Phys. 10, 083034 have K = 2.)

use super::algebra::{Sum, evaluate};
use super::steps::Steps;

/// Coefficients of `dt, dt², …` in the moments of one state's step.
#[derive(Debug, Clone)]
pub(super) struct Expansion {
    pub mean: Vec<Sum>,
    pub variance: Vec<Sum>,
}

/// The expansion of one state under `dx_i = f_i dt + √g_i dW_i`, to `order`.
pub(super) fn expand(drift: &[Sum], noise: &[Sum], state: usize, order: usize) -> Expansion {
    let about = central(drift, noise, state, order, 2);
    let mean = about[0].clone();
    let mut variance = about[1].clone();
    for (total, v) in variance.iter_mut().enumerate() {
        // Orders count from one: (j + 1) + (l + 1) = total + 1.
        for j in 0..total {
            v.add(&mean[j].times(&mean[total - 1 - j]), -1.0);
        }
    }
    Expansion { mean, variance }
}

/// `[power - 1][order - 1]`: moments of the increment up to `most`, not centred at its mean.
fn central(drift: &[Sum], noise: &[Sum], state: usize, order: usize, most: i32) -> Vec<Vec<Sum>> {
    // L^k x^j / k!
    let raw: Vec<Vec<Sum>> = (1..=most)
        .map(|j| {
            let mut h = Sum::power(state, j);
            (1..=order)
                .map(|k| {
                    let mut next = Sum::default();
                    next.add(&Sum::generator(drift, noise, &h), 1.0 / k as f64);
                    h = next;
                    h.clone()
                })
                .collect()
        })
        .collect();
    // (x' - x)^p = Σ_j C(p, j) x'^j (-x)^(p-j)
    (1..=most)
        .map(|p| {
            (0..order)
                .map(|k| {
                    let mut sum = Sum::default();
                    let mut choose = 1.0;
                    for j in (1..=p).rev() {
                        let sign = if (p - j) % 2 == 0 { 1.0 } else { -1.0 };
                        sum.add(&raw[j as usize - 1][k].times(&Sum::power(state, p - j)), sign * choose);
                        choose *= f64::from(j) / f64::from(p - j + 1);
                    }
                    sum
                })
                .collect()
        })
        .collect()
}

/// The fourth cumulant's coefficients of `dt³` and `dt⁴`, the first that are not zero.
pub(super) fn fourth_cumulant(drift: &[Sum], noise: &[Sum], state: usize) -> [Sum; 2] {
    let m = central(drift, noise, state, 4, 4);
    let series = |a: &[Sum], b: &[Sum]| -> Vec<Sum> {
        (0..4)
            .map(|total| {
                let mut sum = Sum::default();
                for j in 0..total {
                    sum.add(&a[j].times(&b[total - 1 - j]), 1.0);
                }
                sum
            })
            .collect()
    };
    let m11 = series(&m[0], &m[0]);
    let parts = [
        (m[3].clone(), 1.0),
        (series(&m[0], &m[2]), -4.0),
        (series(&m[1], &m[1]), -3.0),
        (series(&m11, &m[1]), 12.0),
        (series(&m11, &m11), -6.0),
    ];
    [2, 3].map(|k| {
        let mut sum = Sum::default();
        for (part, scale) in &parts {
            sum.add(&part[k], *scale);
        }
        sum
    })
}

/// Conditional moments of every transition, one entry a state.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    /// `[state][transition]`: mean of the increment.
    pub mean: Vec<Vec<f64>>,
    /// `[state][transition]`; where the formula gives none that is positive, zero.
    pub variance: Vec<Vec<f64>>,
    /// Transitions at which the series was cut short: its terms did not fall.
    pub short: usize,
}

/// Moments of all steps under a formula, to `order`. Cost O(n · terms of the expansion).
///
/// At states where a term is not smaller than half of what it corrects, the step is too long for the series: it is cut there.
pub(super) fn moments(drift: &[Sum], noise: &[Sum], steps: &Steps, order: usize) -> Moments {
    let mut all = Moments { mean: Vec::new(), variance: Vec::new(), short: 0 };
    for state in 0..steps.states() {
        let expansion = expand(drift, noise, state, order);
        let sums: Vec<&Sum> = expansion.mean.iter().chain(&expansion.variance).collect();
        let values = evaluate(&sums, &steps.x0);
        let (mut mean, mut variance) = (vec![0.0; steps.len()], vec![0.0; steps.len()]);
        for i in 0..steps.len() {
            let dt = steps.dt[i];
            let scale = values[0][i].abs() * dt + (values[order][i].max(0.0) * dt).sqrt();
            let (mut power, mut is_short) = (1.0, [false; 2]);
            for k in 0..order {
                power *= dt;
                let (m, v) = (values[k][i] * power, values[order + k][i] * power);
                is_short[0] |= k > 0 && !(m.abs() <= 0.5 * scale);
                is_short[1] |= k > 0 && !(v >= -0.5 * variance[i] && v.is_finite());
                if !is_short[0] {
                    mean[i] += m;
                }
                if !is_short[1] {
                    variance[i] += v;
                }
            }
            all.short += usize::from(is_short[0] || is_short[1]);
            variance[i] = variance[i].max(0.0);
        }
        all.mean.push(mean);
        all.variance.push(variance);
    }
    all
}
