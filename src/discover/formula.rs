//! A sparse formula for drift and squared diffusion, from the transitions themselves.
//!
//! Increments over dt are regressed on the drift's library, squared residuals over dt on that of the squared diffusion, both
//! weighted by the variance of what is regressed. What a finite step adds to them, by the formula found so far, is taken off, and
//! the terms are chosen again until they stay, and those below `√(ln n)` standard errors are dropped. The values of the chosen terms solve the estimating equations
//! `Σ dt φ (Δ - M)/V = 0` and `Σ dt ψ ((Δ - M)² - V)/(2V²) = 0` with mean and variance expanded to the asked order
//! (Bibby & Sørensen 1995; Kessler & Sørensen 1999), whose standard errors are those of martingale estimating functions.

use super::algebra::{Monomial, Sum, evaluate};
use super::library::Library;
use super::moments::{Moments, expand, moments};
use super::steps::Steps;
use super::subset::{Regression, Size};
use crate::base::math;
use nalgebra::{DMatrix, DVector};

/// Rounds of choosing terms before they are taken as they are.
const MOST_ROUNDS: usize = 8;
/// Iterations of the estimating equations; each gains a factor of about dt².
const MOST_ITERATIONS: usize = 30;

/// One term of a formula: a product of powers with its coefficient.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The product of powers that the coefficient multiplies.
    pub monomial: Monomial,
    /// The coefficient, in the data's units and time.
    pub value: f64,
    /// None where the estimating equations could not be solved.
    pub se: Option<f64>,
}

/// A drift or a squared diffusion, as a sum of few terms: of the sizes within one standard error of the best on blocks of time left
/// out, the smallest (Breiman, Friedman, Olshen & Stone 1984).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// The terms chosen, in the order of the library; empty where the part is zero.
    pub terms: Vec<Term>,
    /// What cross-validation saw, by size.
    pub sizes: Vec<Size>,
}

impl Part {
    pub(super) fn sum(&self) -> Sum {
        Sum::from_terms(self.terms.iter().map(|t| (t.monomial, t.value)))
    }

    /// Value at one state, `x[state]`; NaN where a term has none there, such as `log(x)` below zero.
    pub fn at(&self, x: &[f64]) -> f64 {
        self.sum().at(x)
    }

    fn monomials(&self) -> Vec<Monomial> {
        self.terms.iter().map(|t| t.monomial).collect()
    }
}

/// `dx_i = f_i(x) dt + √g_i(x) dW_i`, the noises independent. Coefficients solve martingale estimating equations (Bibby & Sørensen
/// 1995; Kessler & Sørensen 1999), so that a finite step does not bias them, to the order asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// `[state]`: the drifts f.
    pub drift: Vec<Part>,
    /// `[state]`: the squared diffusions g, twice `D2`.
    pub noise: Vec<Part>,
    /// Whether the terms stayed from one round to the next.
    pub is_settled: bool,
    /// Whether the estimating equations were solved.
    pub is_solved: bool,
    /// Share of the transitions whose step is too long for the expansion at their state.
    pub share_short: f64,
}

impl Formula {
    pub(super) fn drifts(&self) -> Vec<Sum> {
        self.drift.iter().map(Part::sum).collect()
    }

    pub(super) fn noises(&self) -> Vec<Sum> {
        self.noise.iter().map(Part::sum).collect()
    }

    fn chosen(&self) -> Vec<Vec<Monomial>> {
        self.drift.iter().chain(&self.noise).map(Part::monomials).collect()
    }
}

/// Find a formula. Cost O(n p²) a round for libraries of p terms.
pub(super) fn find(steps: &Steps, drift: &Library, noise: &Library, order: usize) -> Formula {
    let states = steps.states();
    let columns = (drift.columns(steps), noise.columns(steps));
    let mut formula = Formula {
        drift: vec![Part::default(); states],
        noise: vec![Part::default(); states],
        is_settled: false,
        is_solved: false,
        share_short: 0.0,
    };
    for round in 0..MOST_ROUNDS {
        let before = formula.chosen();
        // A first look takes the step as short; afterwards what the last formula says of a step is taken off.
        let seen = moments(&formula.drifts(), &formula.noises(), steps, if round == 0 { 1 } else { order });
        let (drifts, noises) = (formula.drifts(), formula.noises());
        let at_start = evaluate(&drifts.iter().chain(&noises).collect::<Vec<_>>(), &steps.x0);
        for state in 0..states {
            let (f, g) = (&at_start[state], &at_start[states + state]);
            let increments = steps.increments(state);
            let n = steps.len();
            let weight = grouped(&seen, state, &increments, steps);
            let y: Vec<f64> = (0..n).map(|i| (increments[i] - seen.mean[state][i]) / steps.dt[i] + f[i]).collect();
            let w: Vec<f64> = (0..n).map(|i| steps.dt[i] * steps.dt[i] / weight[i]).collect();
            let chosen = Regression { columns: &columns.0, y: &y, weight: &w }.choose(0);
            let part = part(drift, chosen);
            // The residual about the new drift.
            let new = evaluate(&[&part.sum()], &steps.x0);
            let residual = |i: usize| increments[i] - seen.mean[state][i] - (new[0][i] - f[i]) * steps.dt[i];
            let y: Vec<f64> =
                (0..n).map(|i| (residual(i) * residual(i) - seen.variance[state][i]) / steps.dt[i] + g[i]).collect();
            let w: Vec<f64> = (0..n).map(|i| 0.5 * (steps.dt[i] / weight[i]) * (steps.dt[i] / weight[i])).collect();
            formula.drift[state] = part;
            let chosen = Regression { columns: &columns.1, y: &y, weight: &w }.choose(fewest_of_noise(states));
            formula.noise[state] = self::part(noise, chosen);
        }
        if round > 0 && formula.chosen() == before {
            formula.is_settled = true;
            break;
        }
    }
    solve(&mut formula, steps, order);
    while drop_weakest(&mut formula, math::ln(steps.len() as f64)) {
        formula.is_solved = false;
        solve(&mut formula, steps, order);
    }
    if !formula.is_solved {
        let parts = formula.drift.iter_mut().chain(&mut formula.noise);
        parts.flat_map(|p| &mut p.terms).for_each(|t| t.se = None);
    }
    formula
}

/// Drop the term that is least of its standard error, if its square is below `threshold` (of Schwarz 1978, `ln n`). What the step adds
/// was that of the formula at hand while terms were chosen, which speaks for keeping them; the solved equations do not.
fn drop_weakest(formula: &mut Formula, threshold: f64) -> bool {
    let parts = || formula.drift.iter().chain(&formula.noise).enumerate();
    let all = parts().flat_map(|(at, part)| part.terms.iter().enumerate().map(move |(k, t)| (at, k, t)));
    let states = formula.drift.len();
    let may_go = |at: usize| at < states || formula.noise[at - states].terms.len() > fewest_of_noise(states);
    let scored = all.filter(|(at, ..)| may_go(*at)).filter_map(|(at, k, t)| Some((at, k, t.value / t.se?)));
    let weakest = scored.min_by(|a, b| a.2.abs().total_cmp(&b.2.abs()));
    let Some((at, k, _)) = weakest.filter(|(.., z)| z * z < threshold) else { return false };
    let parts = if at < states { &mut formula.drift } else { &mut formula.noise };
    parts[at % states].terms.remove(k);
    true
}

/// A few large jumps say so little of a squared diffusion that none may look as good as any; of a single state that would be no
/// diffusion. One of two states may be without noise.
fn fewest_of_noise(states: usize) -> usize {
    usize::from(states == 1)
}

fn part(library: &Library, chosen: super::subset::Chosen) -> Part {
    let terms = chosen.terms.iter().zip(&chosen.values);
    Part {
        terms: terms.map(|(j, value)| Term { monomial: library.terms[*j], value: *value, se: None }).collect(),
        sizes: chosen.sizes,
    }
}

/// Variances that squared residuals have in groups of transitions to which the formula gives like variances. Terms are chosen with
/// these: weights of the formula itself would give a tail in which it is too small by mistake all the weight, and keep the mistake.
fn grouped(seen: &Moments, state: usize, increments: &[f64], steps: &Steps) -> Vec<f64> {
    let n = steps.len();
    let variance = &seen.variance[state];
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| variance[*a].total_cmp(&variance[*b]).then(a.cmp(b)));
    let groups = (n / 500).clamp(1, 20);
    let mut weight = vec![0.0; n];
    for group in 0..groups {
        let members = &order[group * n / groups..(group + 1) * n / groups];
        let square = |i: usize| (increments[i] - seen.mean[state][i]) * (increments[i] - seen.mean[state][i]);
        let rate = members.iter().map(|i| square(*i)).sum::<f64>() / members.iter().map(|i| steps.dt[*i]).sum::<f64>();
        // Where nothing moves, any weight serves.
        let rate = if rate > 0.0 { rate } else { 1.0 };
        for i in members {
            weight[*i] = rate * steps.dt[*i];
        }
    }
    weight
}

/// Variances of the formula, kept above a third of the grouped ones, so that no formula that nears zero gives a few transitions all
/// the weight.
fn floored(seen: &Moments, state: usize, increments: &[f64], steps: &Steps) -> Vec<f64> {
    let grouped = grouped(seen, state, increments, steps);
    grouped.iter().zip(&seen.variance[state]).map(|(g, v)| v.max(g / 3.0)).collect()
}

/// Position of a coefficient: state, and whether of the squared diffusion.
fn places(formula: &Formula) -> Vec<(usize, bool, usize)> {
    let of = |parts: &[Part], is_noise: bool| -> Vec<(usize, bool, usize)> {
        let each = parts.iter().enumerate();
        each.flat_map(|(state, part)| (0..part.terms.len()).map(move |k| (state, is_noise, k))).collect()
    };
    [of(&formula.drift, false), of(&formula.noise, true)].concat()
}

fn coefficient(formula: &mut Formula, (state, is_noise, k): (usize, bool, usize)) -> &mut Term {
    let parts = if is_noise { &mut formula.noise } else { &mut formula.drift };
    &mut parts[state].terms[k]
}

/// Solve the estimating equations from the values at hand; where they have no finite solution, the values stay. Standard errors of
/// an iteration that did not end tell only which term is weakest.
fn solve(formula: &mut Formula, steps: &Steps, order: usize) {
    let places = places(formula);
    if places.is_empty() {
        formula.is_solved = true;
        return;
    }
    let mut trial = formula.clone();
    for _ in 0..MOST_ITERATIONS {
        let Some(equations) = equations(&mut trial, &places, steps, order) else { return };
        let Some(inverse) = equations.slope.try_inverse() else { return };
        let step = &inverse * &equations.value;
        let covariance = &inverse * &equations.square * inverse.transpose();
        let mut furthest = 0.0_f64;
        for (k, place) in places.iter().enumerate() {
            let se = covariance[(k, k)].sqrt();
            if !(step[k].is_finite() && se.is_finite()) {
                return;
            }
            furthest = furthest.max((step[k] / se.max(f64::MIN_POSITIVE)).abs());
            let term = coefficient(&mut trial, *place);
            term.value += step[k];
            term.se = Some(se);
        }
        if furthest < 1e-6 {
            trial.is_solved = true;
            break;
        }
    }
    *formula = trial;
}

/// The estimating equations at a formula.
struct Equations {
    value: DVector<f64>,
    /// `-∂value/∂θ`, expected given the state before each step.
    slope: DMatrix<f64>,
    /// Sum of the squares of the summands.
    square: DMatrix<f64>,
}

fn equations(formula: &mut Formula, places: &[(usize, bool, usize)], steps: &Steps, order: usize) -> Option<Equations> {
    let (n, p, states) = (steps.len(), places.len(), steps.states());
    let seen = moments(&formula.drifts(), &formula.noises(), steps, order);
    formula.share_short = seen.short as f64 / (n * states) as f64;
    let terms: Vec<Sum> = places.iter().map(|place| Sum::of(coefficient(formula, *place).monomial, 1.0)).collect();
    let columns = evaluate(&terms.iter().collect::<Vec<_>>(), &steps.x0);
    let mut value = DVector::<f64>::zeros(p);
    let mut slope = DMatrix::<f64>::zeros(p, p);
    let mut instruments = vec![Vec::new(); p];
    let mut summands = vec![Vec::new(); p];
    for state in 0..states {
        let increments = steps.increments(state);
        let weight = floored(&seen, state, &increments, steps);
        for (k, (of, is_noise, _)) in places.iter().enumerate() {
            if *of != state {
                continue;
            }
            let instrument = |i: usize| {
                let relative = steps.dt[i] / weight[i] * columns[k][i];
                if *is_noise { 0.5 * relative / weight[i] } else { relative }
            };
            let error = |i: usize| {
                let r = increments[i] - seen.mean[state][i];
                if *is_noise { r * r - seen.variance[state][i] } else { r }
            };
            instruments[k] = (0..n).map(instrument).collect();
            summands[k] = (0..n).map(|i| instruments[k][i] * error(i)).collect();
            value[k] = summands[k].iter().sum();
        }
    }
    for j in 0..p {
        let slopes = moment_slopes(formula, places[j]);
        for state in 0..states {
            let [mean, variance] = &slopes[state];
            let sums: Vec<&Sum> = mean.iter().chain(variance).collect();
            let values = evaluate(&sums, &steps.x0);
            for (k, (of, is_noise, _)) in places.iter().enumerate() {
                let at = 2 * usize::from(*is_noise);
                if *of == state && !(sums[at].is_zero() && sums[at + 1].is_zero()) {
                    let of_step = |i: usize| steps.dt[i] * (values[at][i] + steps.dt[i] * values[at + 1][i]);
                    slope[(k, j)] = (0..n).map(|i| instruments[k][i] * of_step(i)).sum();
                }
            }
        }
    }
    let mut square = DMatrix::<f64>::zeros(p, p);
    for k in 0..p {
        for j in 0..=k {
            let sum: f64 = summands[k].iter().zip(&summands[j]).map(|(a, b)| a * b).sum();
            square[(k, j)] = sum;
            square[(j, k)] = sum;
        }
    }
    value.iter().all(|v| v.is_finite()).then_some(Equations { value, slope, square })
}

/// `[state][mean, variance][order - 1]`: derivatives of the moments in one coefficient to dt². Their coefficients are quadratic
/// in it, so a central difference is exact.
fn moment_slopes(formula: &mut Formula, place: (usize, bool, usize)) -> Vec<[Vec<Sum>; 2]> {
    let states = formula.drift.len();
    let here = coefficient(formula, place).value;
    let far = here.abs().max(f64::MIN_POSITIVE.sqrt());
    let mut at = |value: f64| {
        coefficient(formula, place).value = value;
        let (drift, noise) = (formula.drifts(), formula.noises());
        (0..states).map(|state| expand(&drift, &noise, state, 2)).collect::<Vec<_>>()
    };
    let (up, down) = (at(here + far), at(here - far));
    coefficient(formula, place).value = here;
    let between = |up: &[Sum], down: &[Sum]| -> Vec<Sum> {
        up.iter()
            .zip(down)
            .map(|(up, down)| {
                let mut slope = Sum::default();
                slope.add(up, 0.5 / far);
                slope.add(down, -0.5 / far);
                slope
            })
            .collect()
    };
    up.iter().zip(&down).map(|(u, d)| [between(&u.mean, &d.mean), between(&u.variance, &d.variance)]).collect()
}
