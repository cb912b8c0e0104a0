//! A field in one space dimension, solved by conservative finite volumes: the operator of the Fokker-Planck form, for any
//! unknown.
//!
//! `∂u/∂t = ∂x(D ∂x u) - ∂x(v u) + s`, or `D ∂xx u - v ∂x u + s`, with `D`, `v`, `s` in `x`, `t` and `u`. Space
//! (`problem`): exponentially fitted fluxes, second order where the grid resolves `D/v`, upwind and without oscillation where it
//! does not. Time (`step`): TR-BDF2 with Newton's iteration. `tridiagonal` has the linear algebra.
//!
//! Not for two dimensions (refused by name), nor for shocks to better than first order.

mod problem;
mod step;
mod tridiagonal;

#[cfg(test)]
mod tests;

pub(super) use problem::{Clock, Equation, Problem, Side};
pub(super) use step::{Control, Stopped};

use crate::base::{Error, Result};
use crate::models::Model;
use crate::process::{Axis, End, Field, Process};
use step::March;

/// How finely a field is solved, and from what.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Intervals between nodes, at least 4; the error falls with their square.
    pub cells: usize,
    /// Error a time step may make, against the largest `|u|`.
    pub tolerance: f64,
    /// Instead of the model's initial values.
    pub initial: Option<Profile>,
}

impl Default for Options {
    fn default() -> Options {
        Options { cells: 400, tolerance: 1e-7, initial: None }
    }
}

/// Values along the axis, linear between their places and constant beyond the first and last.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Increasing.
    pub x: Vec<f64>,
    pub u: Vec<f64>,
}

impl Profile {
    fn at(&self, x: f64) -> f64 {
        let last = self.x.len() - 1;
        let k = self.x.partition_point(|p| *p <= x);
        if k == 0 {
            return self.u[0];
        }
        if k > last {
            return self.u[last];
        }
        let share = (x - self.x[k - 1]) / (self.x[k] - self.x[k - 1]);
        self.u[k - 1] + share * (self.u[k] - self.u[k - 1])
    }

    fn is_usable(&self) -> bool {
        !self.x.is_empty()
            && self.x.len() == self.u.len()
            && self.x.windows(2).all(|w| w[0] < w[1])
            && self.x.iter().chain(&self.u).all(|v| v.is_finite())
    }
}

/// Where the stuff of a conservative field went: `total = total at the start - left - right + source`, to round-off.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Balance {
    /// `∫ u dx` by the trapezoidal rule on the nodes.
    pub total: f64,
    /// What has left through each end since the start (negative: come in), diffusing and carried.
    pub left: f64,
    pub right: f64,
    /// What the source has made since the start.
    pub source: f64,
}

/// A field at the asked times.
#[derive(Debug, Clone, PartialEq)]
pub struct Profiles {
    /// Nodes, both ends among them (on a ring the last is the first again).
    pub x: Vec<f64>,
    pub times: Vec<f64>,
    /// `[time][node]`
    pub u: Vec<Vec<f64>>,
    /// `[time]`; empty for the nonconservative form.
    pub balance: Vec<Balance>,
    /// Accepted and rejected time steps.
    pub steps: usize,
    pub rejected: usize,
}

/// Why a field is not answered; `None` where it is.
pub fn why_not(field: &Field) -> Option<String> {
    let axes = field.axes.len();
    (axes != 1).then(|| format!("it has {axes} space dimensions; this version solves fields in one"))
}

/// Solve a field from time zero at `times` (not decreasing, none negative).
///
/// Ends: `dirichlet` gives `u` at the end node exactly, at every time. `neumann` gives the outward *diffusive* flux
/// `g = -D ∂u/∂n`, `n` pointing out of the interval: at the left end `g = D ∂u/∂x`, at the right end `g = -D ∂u/∂x`;
/// positive `g` takes stuff out. What advection carries through the end comes on top: the whole outward flux is
/// `g + (v·n) u`. `robin` gives `a u + b ∂u/∂n = c`; with `b = 0` it is `u = c/a`.
///
/// Units: those of the model file. Values at nodes that hold a jump of the initial text in their volume are its mean over the
/// volume, so the total is right.
///
/// Cost: O(cells) a step, some 10 evaluations of the coefficients each; a few hundred steps.
///
/// # Errors
/// [`Error::FormUnavailable`] for what is no field, or not in one dimension; [`Error::BadOption`] for options or times that
/// make no sense; [`Error::Numerics`] where the interval is empty, coefficients are not finite, the diffusion is negative, or
/// the solution blows up.
///
/// # Examples
/// ```
/// use kramers::form::field::{Options, solve};
/// use kramers::models::built_in;
///
/// let rod = built_in("heat-rod")?; // parameters L, alpha, hot, cold
/// let answer = solve(&rod, &[1.0, 1.0, 100.0, 0.0], &[10.0], &Options::default())?;
/// let middle = answer.u[0][answer.x.len() / 2];
/// assert!((middle - 50.0).abs() < 1e-3);
/// # Ok::<(), kramers::base::Error>(())
/// ```
pub fn solve(model: &Model, theta: &[f64], times: &[f64], options: &Options) -> Result<Profiles> {
    let control = Control { tolerance: options.tolerance, fixed: None };
    solve_with(model, theta, times, options, control)
}

fn solve_with(model: &Model, theta: &[f64], times: &[f64], options: &Options, control: Control) -> Result<Profiles> {
    let field = one_dimensional(model)?;
    check(times, options)?;
    let broken = |why: String| numerics(model, why);
    let mut problem = pose(model, field, theta, options.cells)?;
    let start = match &options.initial {
        Some(profile) => problem.nodes().iter().map(|x| profile.at(*x)).collect(),
        None => initial_values(field, theta, problem.nodes()),
    };
    if let Some(i) = start.iter().position(|u: &f64| !u.is_finite()) {
        return Err(broken(format!("its initial value is {} at {} = {}", start[i], name(field), problem.nodes()[i])));
    }
    let unknowns = problem.widths().len();
    let stopped = |stopped: Stopped| broken(words(stopped));
    let mut march = March::new(&mut problem, start[..unknowns].to_vec(), control).map_err(stopped)?;
    let (mut u, mut balance) = (Vec::with_capacity(times.len()), Vec::new());
    for time in times {
        march.to(&mut problem, *time).map_err(stopped)?;
        let mut row = march.u.clone();
        if problem.is_periodic() {
            row.push(row[0]);
        }
        u.push(row);
        if problem.is_conservative() {
            balance.push(Balance {
                total: march.u.iter().zip(problem.widths()).map(|(u, w)| u * w).sum(),
                left: march.crossed.out[0],
                right: march.crossed.out[1],
                source: march.crossed.source,
            });
        }
    }
    let x = problem.nodes().to_vec();
    Ok(Profiles { x, times: times.to_vec(), u, balance, steps: march.steps, rejected: march.rejected })
}

/// The longest step of explicit time stepping on this grid, `min dx²/(2 D)` at the start: what forward Euler would have to
/// respect, and implicit steps need not. Infinite without diffusion.
///
/// # Errors
/// As [`solve`].
pub fn explicit_limit(model: &Model, theta: &[f64], cells: usize) -> Result<f64> {
    let field = one_dimensional(model)?;
    check(&[], &Options { cells, ..Options::default() })?;
    let mut problem = pose(model, field, theta, cells)?;
    let start = initial_values(field, theta, problem.nodes());
    let dx = problem.nodes()[1] - problem.nodes()[0];
    let unknowns = problem.widths().len();
    let most = problem.most_diffusion(0.0, &start[..unknowns]);
    let limit = dx * dx / (2.0 * most);
    if limit.is_nan() { Err(numerics(model, words(Stopped::NotFinite))) } else { Ok(limit) }
}

/// Step a ready problem (any nodes, any clock) from `u` at its time zero to `duration`; the unknowns' values.
pub(super) fn march(
    problem: &mut Problem,
    u: Vec<f64>,
    duration: f64,
    control: Control,
) -> std::result::Result<Vec<f64>, Stopped> {
    let mut march = March::new(problem, u, control)?;
    march.to(problem, duration)?;
    Ok(march.u)
}

pub(super) fn words(stopped: Stopped) -> String {
    match stopped {
        Stopped::NotFinite => "a coefficient is not finite, or the diffusion is negative, at the start".to_string(),
        Stopped::TooSmall(t) => {
            format!(
                "the time step became too small at t = {t}: the solution blows up, or a coefficient is not finite there"
            )
        }
        Stopped::TooMany(t) => format!("a million steps only reached t = {t}"),
    }
}

fn numerics(model: &Model, why: String) -> Error {
    Error::Numerics {
        what: format!("the field of model '{}'", model.id),
        why,
        hint: "check the parameters with --set, a nearer time, or a looser --tol".to_string(),
    }
}

fn one_dimensional(model: &Model) -> Result<&Field> {
    let form = super::Form::FokkerPlanck;
    match &model.process {
        Process::Field(field) => match why_not(field) {
            None => Ok(field),
            Some(why) => Err(form.unavailable(model, &why)),
        },
        other => Err(form.unavailable(model, &format!("it is a {}", other.kind()))),
    }
}

fn check(times: &[f64], options: &Options) -> Result<()> {
    const MOST_CELLS: usize = 1_000_000;
    let bad = |flag: &str, value: String, expected: &str| {
        Err(Error::BadOption { flag: flag.to_string(), value, expected: expected.to_string(), hint: None })
    };
    if !(4..=MOST_CELLS).contains(&options.cells) {
        return bad("--cells", options.cells.to_string(), "from 4 to a million cells");
    }
    if !(options.tolerance > 0.0 && options.tolerance < 1.0) {
        return bad("--tol", options.tolerance.to_string(), "an error between 0 and 1");
    }
    if let Some(profile) = &options.initial
        && !profile.is_usable()
    {
        return bad("--from", "the initial profile".to_string(), "finite values at increasing places");
    }
    if let Some(time) = times.iter().find(|t| !(**t >= 0.0 && t.is_finite())) {
        return bad("--at", time.to_string(), "times from 0 on");
    }
    match times.windows(2).find(|w| w[1] < w[0]) {
        Some(w) => bad("--at", w[1].to_string(), "times in increasing order"),
        None => Ok(()),
    }
}

fn name(field: &Field) -> &str {
    field.axes.first().map_or("x", |axis: &Axis| &axis.name)
}

/// The problem on evenly spaced nodes.
fn pose(model: &Model, field: &Field, theta: &[f64], cells: usize) -> Result<Problem> {
    let frame = &field.frame;
    let axis = &field.axes[0];
    let (from, to) = (frame.at(axis.from, theta, 0.0), frame.at(axis.to, theta, 0.0));
    if !(from < to && (to - from).is_finite()) {
        return Err(numerics(model, format!("its interval is [{from}, {to}]")));
    }
    let side = |end: End| match end {
        End::Dirichlet(g) => Side::Dirichlet(g),
        End::Neumann(g) => Side::Neumann(g),
        End::Periodic => Side::Periodic,
        End::Robin(a, b, c) => Side::Robin(a, b, c),
    };
    let mut pool = frame.pool.clone();
    let mut sides = [side(axis.left), side(axis.right)];
    for side in &mut sides {
        let Side::Robin(a, b, c) = *side else { continue };
        if frame.at(b, theta, 0.0) == 0.0 {
            if frame.is_timed(b) || frame.at(a, theta, 0.0) == 0.0 {
                let why = "a Robin end has b = 0: then a must not be zero, and b must not change with time";
                return Err(numerics(model, why.to_string()));
            }
            *side = Side::Dirichlet(pool.div(c, a));
        }
    }
    let step = (to - from) / cells as f64;
    let mut nodes: Vec<f64> = (0..=cells).map(|i| from + i as f64 * step).collect();
    nodes[cells] = to;
    let equation = Equation {
        pool: &pool,
        symbols: frame.symbols(theta, 0.0),
        x: frame.variable(0),
        u: frame.variable(1),
        diffusion: field.unknown.diffusion[0],
        advection: field.unknown.advection[0],
        source: field.unknown.source,
        conservative: field.conservative,
        rates: None,
        sides,
        clock: Clock::FORWARD,
    };
    Ok(Problem::new(equation, nodes))
}

/// The initial text at the nodes; where it jumps inside a volume, its mean over the volume.
fn initial_values(field: &Field, theta: &[f64], nodes: &[f64]) -> Vec<f64> {
    let frame = &field.frame;
    let mut symbols = frame.symbols(theta, 0.0);
    let mut at = |x: f64| {
        symbols[frame.variable(0)] = x;
        frame.pool.eval(field.unknown.initial, &symbols)
    };
    let at_nodes: Vec<f64> = nodes.iter().map(|x| at(*x)).collect();
    volume_means(&mut at, nodes, &at_nodes)
}

/// Point values of `f` at nodes, but its mean over a node's volume where the change across the volume happens all at once.
fn volume_means(mut f: impl FnMut(f64) -> f64, nodes: &[f64], at_nodes: &[f64]) -> Vec<f64> {
    const PARTS: usize = 64;
    let last = nodes.len() - 1;
    let range = |values: &[f64]| {
        let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        high - low
    };
    let whole = range(at_nodes);
    (0..=last)
        .map(|i| {
            let (before, after) = (i.saturating_sub(1), (i + 1).min(last));
            if !(range(&at_nodes[before..=after]) > 1e-3 * whole) {
                return at_nodes[i];
            }
            let (from, to) = (0.5 * (nodes[before] + nodes[i]), 0.5 * (nodes[i] + nodes[after]));
            let step = (to - from) / PARTS as f64;
            let parts: Vec<f64> = (0..PARTS).map(|k| f(from + (k as f64 + 0.5) * step)).collect();
            let largest = parts.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max);
            let jumps = largest > 0.5 * range(&parts) && largest > 1e-3 * whole;
            if jumps { parts.iter().sum::<f64>() / PARTS as f64 } else { at_nodes[i] }
        })
        .collect()
}
