//! Log densities of observed transitions of any smooth one-dimensional diffusion, exact to what numbers hold.
//!
//! The Fokker-Planck equation is solved in Laplace's domain, where it is an ordinary one whose Green's function is a product: with
//! `r = f'/f` of the solutions of `½ f'' + μ f' = λ f` that vanish below (φ) and above (ψ),
//! `G(y0, y1) = 2/(r_φ - r_ψ)(y1) · exp(∫_{y1}^{y0} r dy)` (Borodin & Salminen 2002, section II.10). One sweep each way gives it for
//! every pair of states at sixteen values of `λ`, and a contour through the saddle point of each distance brings it back to time
//! ([`contour`]). There is no start to place on a grid and no density table, so nothing is interpolated: every observed state is a node. The
//! derivatives in the parameters are those of the very recursion that gives the value.
//!
//! Cost: O(nodes) for every group of step lengths, more with derivatives; nodes are the observed states, and some eight a standard
//! deviation of a step between and beyond them.

pub(super) mod bridges;
#[cfg(test)]
mod bridges_tests;
mod contour;
mod grid;
mod kinks;
mod lanes;
mod riccati;
mod tapes;
#[cfg(test)]
mod tests;

pub use bridges::{Simulated, simulated_log_transitions};

use super::{Batch, Form, Pairs};
use crate::base::{Error, Result, math};
use crate::models::Model;
use crate::process::{Boundary, Scalar};
use contour::{Contour, TOGETHER, class, sum};
use grid::{Grid, Laying, Refusal};
use lanes::Lane;
use riccati::Sweep;
pub(super) use tapes::Tapes;

/// Nodes a standard deviation of the shortest step of a group, and a unit of the potential's own scale.
const FINENESS: f64 = 1.0 / 8.0;

/// A process prepared for densities at many parameters.
#[derive(Debug)]
pub(super) struct Resolvent {
    pub tapes: Tapes,
}

/// One transition's answer.
struct Found {
    ln_p: f64,
    /// `[parameter]`
    slopes: Vec<f64>,
    /// The probability beyond `x1` on the side away from `x0`.
    tail: f64,
}

/// Why no such density is computed; `None` where it is.
pub(super) fn why_not(process: &Scalar) -> Option<String> {
    if process.is_time_dependent() {
        return Some("its coefficients change with time, and its density is solved in Laplace's domain".to_string());
    }
    match process.state.boundary {
        b @ (Boundary::Absorbing | Boundary::Periodic) => Some(super::ends_are(b)),
        _ => None,
    }
}

impl Resolvent {
    pub fn new(process: &Scalar) -> Resolvent {
        Resolvent { tapes: Tapes::new(process) }
    }

    /// Log densities, and their gradients where asked. Minus infinity where a coefficient is not finite among the data.
    pub fn log_density(&self, process: &Scalar, theta: &[f64], pairs: &Pairs, gradient: bool) -> Batch {
        self.batch(process, theta, pairs, gradient, FINENESS)
    }

    fn batch(&self, process: &Scalar, theta: &[f64], pairs: &Pairs, gradient: bool, fineness: f64) -> Batch {
        let params = if gradient { process.n_params() } else { 0 };
        let mut batch =
            Batch { value: vec![f64::NEG_INFINITY; pairs.len()], gradient: vec![vec![0.0; pairs.len()]; params] };
        self.each(process, theta, pairs, gradient, fineness, &mut |i, found| {
            if found.ln_p.is_finite() && found.slopes.iter().all(|s| s.is_finite()) {
                batch.value[i] = found.ln_p;
                for (column, slope) in batch.gradient.iter_mut().zip(&found.slopes) {
                    column[i] = *slope;
                }
            }
        });
        batch
    }

    /// Why there is no density of some transitions at these parameters, and what to do instead; `None` where there is.
    pub fn refusal(&self, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Option<(String, &'static str)> {
        let refused = groups(&pairs.dt).into_iter().find_map(|group| {
            let [shortest, longest] = [group[0], group[group.len() - 1]].map(|i| pairs.dt[i]);
            let laying = Laying { fineness: FINENESS, shortest, longest };
            self.grid(process, theta, &pairs.at(&group), laying, false).err()
        });
        refused.map(|refusal| (refusal.why(), refusal.hint())).or_else(|| {
            let values = self.log_density(process, theta, pairs, false).value;
            let row = values.iter().position(|v| !v.is_finite())?;
            let why = format!("there is no number for the step from {:.6e} to {:.6e}", pairs.x0[row], pairs.x1[row]);
            Some((why, "use --form schroedinger"))
        })
    }

    /// Nodes of the grids, all groups of steps together; `None` where one is refused.
    fn nodes(&self, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Option<usize> {
        let each = groups(&pairs.dt).into_iter().map(|group| {
            let [shortest, longest] = [group[0], group[group.len() - 1]].map(|i| pairs.dt[i]);
            let laying = Laying { fineness: FINENESS, shortest, longest };
            self.grid(process, theta, &pairs.at(&group), laying, false).ok().map(|grid| grid.x.len())
        });
        each.sum()
    }

    fn grid(
        &self,
        process: &Scalar,
        theta: &[f64],
        pairs: &Pairs,
        laying: Laying,
        gradient: bool,
    ) -> std::result::Result<Grid, Refusal> {
        let mut observed: Vec<f64> = pairs.x0.iter().chain(&pairs.x1).copied().collect();
        observed.sort_by(f64::total_cmp);
        observed.dedup();
        Grid::new(&self.tapes, process, theta, &observed, laying, gradient)
    }

    /// `Φ⁻¹` of the distribution function, from the tail beyond `x1`: the flux through it, `(g ± μ)/(2λ)` times the density.
    pub fn normal_scores(&self, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Vec<f64> {
        let mut scores = vec![f64::NAN; pairs.len()];
        self.each(process, theta, pairs, false, FINENESS, &mut |i, found| {
            let away = -math::normal_quantile(found.tail.clamp(f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON));
            scores[i] = if pairs.x1[i] >= pairs.x0[i] { away } else { -away };
        });
        scores
    }

    fn each(
        &self,
        process: &Scalar,
        theta: &[f64],
        pairs: &Pairs,
        gradient: bool,
        fineness: f64,
        visit: &mut dyn FnMut(usize, Found),
    ) {
        for group in groups(&pairs.dt) {
            let [shortest, longest] = [group[0], group[group.len() - 1]].map(|i| pairs.dt[i]);
            let laying = Laying { fineness, shortest, longest };
            let Ok(grid) = self.grid(process, theta, &pairs.at(&group), laying, gradient) else { continue };
            let mut classes: Vec<(usize, usize)> =
                group.iter().map(|i| (class(distance(&grid, pairs, *i)), *i)).collect();
            classes.sort_unstable();
            for members in classes.chunk_by(|a, b| a.0 == b.0) {
                let contour = Contour::new(members[0].0, (shortest * longest).sqrt());
                let s2 = contour.lambda.scale(2.0);
                let [up, down] =
                    [0, 1].map(|side| grid.with_path(side, |path, begin| riccati::sweep(path, &s2, begin)));
                let solved = Solved { grid: &grid, contour: &contour, sweeps: [&up, &down] };
                for (_, i) in members {
                    visit(*i, solved.at(pairs, *i));
                }
            }
        }
    }
}

/// Transitions by their step, those within a quarter together, each from the shortest to the longest.
fn groups(dt: &[f64]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..dt.len()).filter(|i| dt[*i] > 0.0 && dt[*i].is_finite()).collect();
    order.sort_by(|a, b| dt[*a].total_cmp(&dt[*b]));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for i in order {
        match groups.last_mut() {
            Some(group) if dt[i] <= TOGETHER * dt[group[0]] => group.push(i),
            _ => groups.push(vec![i]),
        }
    }
    groups
}

/// How far a transition went in standard deviations, less what the potential on the way takes off: its saddle is at `λ = z²/(2t)`.
fn distance(grid: &Grid, pairs: &Pairs, i: usize) -> f64 {
    let (from, to) = (grid.place(pairs.x0[i]), grid.place(pairs.x1[i]));
    let (dy, t) = (grid.y[to] - grid.y[from], pairs.dt[i]);
    let mean = if dy == 0.0 { 0.0 } else { (grid.height[to] - grid.height[from]) / dy };
    (dy * dy / t - 2.0 * mean * t).max(0.0).sqrt()
}

/// Both solutions on one contour.
struct Solved<'a> {
    grid: &'a Grid,
    contour: &'a Contour,
    /// Upwards from the lower end, downwards from the upper.
    sweeps: [&'a Sweep; 2],
}

impl Solved<'_> {
    fn at(&self, pairs: &Pairs, i: usize) -> Found {
        let (grid, contour) = (self.grid, self.contour);
        let (from, to) = (grid.place(pairs.x0[i]), grid.place(pairs.x1[i]));
        let last = grid.x.len() - 1;
        let side = usize::from(from > to);
        // A sweep counts its nodes from where it began.
        let index = |sweep: usize, node: usize| if sweep == 0 { node } else { last - node };
        let one = self.sweeps[side];
        let (a, b) = (index(side, from), index(side, to));
        let way = one.l[b] - one.l[a];
        let (up, down) = (index(0, to), index(1, to));
        let per = (self.sweeps[0].g[up] + self.sweeps[1].g[down]).inverse();
        let (e, top) = contour.exponentials(pairs.dt[i], &way);
        let terms = (contour.weight * e * per).scale(2.0);
        let total = sum(&terms);
        let work = grid.work[to] - grid.work[from];
        let ln_p = work + top + math::ln(total) - math::ln(grid.noise[to]);
        let params = grid.d_noise.len();
        let slopes = (0..params)
            .map(|k| {
                let moved = one.d_l[b * params + k] - one.d_l[a * params + k];
                let jump = (self.sweeps[0].d_g[up * params + k] + self.sweeps[1].d_g[down * params + k]) * per;
                grid.d_work[k][to]
                    - grid.d_work[k][from]
                    - grid.d_noise[k][to] / grid.noise[to]
                    - sum(&(terms * (moved + jump))) / total
            })
            .collect();
        let beyond = 1 - side;
        let sign = if side == 0 { 1.0 } else { -1.0 };
        let flux: Lane = self.sweeps[beyond].g[index(beyond, to)].plus(sign * grid.drift[to]);
        let tail = math::exp(work + top) * sum(&(terms * flux * contour.lambda.scale(2.0).inverse()));
        Found { ln_p, slopes, tail }
    }
}

/// Log densities of transitions by the Fokker-Planck equation.
#[derive(Debug, Clone, PartialEq)]
pub struct LogTransitions {
    /// `[transition]`
    pub value: Vec<f64>,
    /// The largest change of a log density from a grid with half the nodes, an eighth of it: the rule is of fourth order.
    pub error: f64,
}

/// `ln p(x1 | x0, dt)` of every pair, in the units of the model file, by the Fokker-Planck equation.
///
/// Of five sets of closed laws the largest relative error was 1e-9 at months and less, 9e-8 at a year, out to five standard
/// deviations. Cost: O(nodes), of which there are `range/(√dt/8)` and one an observed state; half as much again for the error. Not across kinks or jumps of
/// the coefficients: the drift's slope is part of the equation that is solved. Not near an end that is reached where the diffusion
/// vanishes (`cir` where Feller's condition fails, `cev` near zero): the spectrum has those with a density.
///
/// # Errors
/// [`Error::FormUnavailable`] where the process has other than one state, jumps, coefficients that change in time, or ends that absorb
/// or are one; [`Error::OutsideDomain`] for a state that is; [`Error::Numerics`] where a kink, an end or a coefficient that is not
/// finite lies within six standard deviations of a step from the data.
///
/// # Examples
/// ```
/// use kramers::form::{Pairs, likelihood};
/// use kramers::models::built_in;
///
/// let ou = built_in("ou")?; // kappa, theta, sigma
/// let pairs = Pairs { x0: vec![-1.0], x1: vec![0.2], dt: vec![0.7], t0: vec![0.0] };
/// let found = likelihood::log_transitions(&ou, &[1.5, 0.5, 0.8], &pairs)?;
/// assert!((found.value[0] + 0.2162719324140839).abs() < 1e-9);
/// # Ok::<(), kramers::base::Error>(())
/// ```
pub fn log_transitions(model: &Model, theta: &[f64], pairs: &Pairs) -> Result<LogTransitions> {
    let process = Form::FokkerPlanck.line(model)?;
    let why = why_not(&process).or_else(|| (!process.process.jumps.is_empty()).then(|| "it jumps".to_string()));
    if let Some(why) = why {
        return Err(Form::FokkerPlanck.unavailable(model, &why));
    }
    check_states(model, &process, pairs)?;
    let resolvent = Resolvent::new(&process);
    if let Some((why, hint)) = resolvent.refusal(&process, theta, pairs) {
        let what = format!("the Fokker-Planck density of model '{}'", model.id);
        return Err(Error::Numerics { what, why, hint: hint.to_string() });
    }
    let coarse = resolvent.batch(&process, theta, pairs, false, 2.0 * FINENESS).value;
    let value = resolvent.log_density(&process, theta, pairs, false).value;
    let change = coarse.iter().zip(&value).filter(|(_, v)| v.is_finite()).map(|(c, v)| (c - v).abs());
    let error = change.fold(0.0, f64::max) / 8.0;
    Ok(LogTransitions { value, error })
}

/// Nodes that [`log_transitions`] would solve on: its cost before it is paid. `None` where it refuses.
pub fn nodes(model: &Model, theta: &[f64], pairs: &Pairs) -> Option<usize> {
    let process = Form::FokkerPlanck.line(model).ok()?;
    if why_not(&process).is_some() || !process.process.jumps.is_empty() {
        return None;
    }
    Resolvent::new(&process).nodes(&process, theta, pairs)
}

/// Every state must lie in the domain.
pub(super) fn check_states(model: &Model, process: &Scalar, pairs: &Pairs) -> Result<()> {
    let state = process.state;
    match pairs.x0.iter().chain(&pairs.x1).enumerate().find(|(_, x)| !state.holds(**x)) {
        None => Ok(()),
        Some((row, x)) => Err(Error::OutsideDomain {
            model: model.id.clone(),
            series: "transitions".to_string(),
            row: row % pairs.len(),
            value: *x,
            lower: state.lower,
            upper: state.upper,
        }),
    }
}
