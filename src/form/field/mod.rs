//! A field on an interval or a rectangle, solved by conservative finite volumes: the operator of the Fokker-Planck form, for any
//! unknown.
//!
//! `∂u/∂t = Σ ∂k(D_k ∂k u) - ∂k(v_k u) + s`, or `Σ D_k ∂kk u - v_k ∂k u + s`, with `D`, `v`, `s` in the coordinates, `t` and `u`.
//! Space (`line`): exponentially fitted fluxes, second order where the grid resolves `D/v`, upwind and without oscillation where
//! it does not; one line of nodes is `problem`, a bundle each way `plane`. Time (`scheme`, `step`): TR-BDF2, Crank-Nicolson or
//! explicit Euler, stages by Newton's iteration. `tridiagonal` has the linear algebra, `refine` tells the error.
//!
//! Not for shocks to better than first order, nor for conditions that change along a side of a rectangle.

mod line;
mod plane;
mod pose;
mod problem;
mod refine;
mod scheme;
mod step;
mod system;
mod tridiagonal;

#[cfg(test)]
mod plane_tests;
#[cfg(test)]
mod rod_tests;
#[cfg(test)]
mod tests;

pub use refine::{Estimated, estimate};
pub use scheme::Scheme;

pub(super) use problem::{Clock, Equation, Problem, Side};
pub(super) use step::{Control, Stopped};

use crate::base::{Error, Limit, Result};
use crate::models::Model;
use crate::process::{Field, Process};
use step::March;
use system::System;

/// How finely a field is solved, how, and from what.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Intervals between nodes along each axis, at least 4; the error falls with their square.
    pub cells: usize,
    /// Error a time step of TR-BDF2 may make, against the largest `|u|`.
    pub tolerance: f64,
    /// Instead of the model's initial values; in one dimension.
    pub initial: Option<Profile>,
    /// How it is stepped through time.
    pub scheme: Scheme,
    /// All time steps this long. Without it TR-BDF2 chooses its own, Crank-Nicolson takes a two-hundredth of the last time, and
    /// explicit Euler nine tenths of the longest stable step.
    pub step: Option<f64>,
}

impl Default for Options {
    fn default() -> Options {
        Options { cells: 400, tolerance: 1e-7, initial: None, scheme: Scheme::TrBdf2, step: None }
    }
}

impl Options {
    /// The defaults for a model: 400 cells on an interval, 64 a side on a rectangle, with steps to match.
    pub fn usual(model: &Model) -> Options {
        match &model.process {
            Process::Field(field) if field.axes.len() == 2 => {
                Options { cells: 64, tolerance: 1e-5, ..Options::default() }
            }
            _ => Options::default(),
        }
    }
}

/// Values along the axis, linear between their places and constant beyond the first and last.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Increasing.
    pub x: Vec<f64>,
    /// The unknown there, in its own unit; as many as places.
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

/// Where the stuff of a conservative field went: `total = total at the start - left - right - bottom - top + source`, to
/// round-off.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Balance {
    /// `∫ u dx`, or `∫∫ u dx dy`, by the trapezoidal rule on the nodes.
    pub total: f64,
    /// What has left through each end of the first axis since the start (negative: come in), diffusing and carried.
    pub left: f64,
    /// See `left`.
    pub right: f64,
    /// The same of the second axis; zero without one.
    pub bottom: f64,
    /// See `bottom`.
    pub top: f64,
    /// What the source has made since the start.
    pub source: f64,
}

/// A field at the asked times, in the units of the model file.
#[derive(Debug, Clone, PartialEq)]
pub struct Profiles {
    /// Nodes, both ends among them (on a ring the last is the first again).
    pub x: Vec<f64>,
    /// Nodes of the second axis; empty without one.
    pub y: Vec<f64>,
    /// As they were asked, counted from the start at zero, in the model's unit of time.
    pub times: Vec<f64>,
    /// `[time][node]`, in two dimensions `[time][y × len(x) + x]`.
    pub u: Vec<Vec<f64>>,
    /// `[time]`; empty for the nonconservative form.
    pub balance: Vec<Balance>,
    /// Accepted and rejected time steps.
    pub steps: usize,
    /// See `steps`.
    pub rejected: usize,
}

impl Profiles {
    /// Every `every`th node along each axis; the balance stays that of all.
    pub fn thinned(mut self, every: usize) -> Profiles {
        if every == 1 {
            return self;
        }
        let across = self.x.len();
        for u in &mut self.u {
            let lines = u.chunks(across).step_by(every);
            *u = lines.flat_map(|line| line.iter().copied().step_by(every)).collect();
        }
        for nodes in [&mut self.x, &mut self.y] {
            *nodes = nodes.iter().copied().step_by(every).collect();
        }
        self
    }
}

/// Solve a field from time zero at `times` (not decreasing, none negative).
///
/// Ends: `dirichlet` gives `u` at the end node exactly, at every time. `neumann` gives the outward *diffusive* flux
/// `g = -D ∂u/∂n`, `n` pointing out of the interval: at the left end `g = D ∂u/∂x`, at the right end `g = -D ∂u/∂x`;
/// positive `g` takes stuff out; bottom and top likewise. What advection carries through the end comes on top: the whole outward flux is
/// `g + (v·n) u`. `robin` gives `a u + b ∂u/∂n = c`; with `b = 0` it is `u = c/a`.
///
/// Units: those of the model file. Values at nodes that hold a jump of the initial text in their volume are its mean over the
/// volume, so the total is right.
///
/// Cost: O(cells) a step, some 10 evaluations of the coefficients each; a few hundred steps. On a rectangle O(cells²) a step,
/// times the iterations of BiCGSTAB, five to fifty.
///
/// # Errors
/// [`Error::FormUnavailable`] for what is no field; [`Error::BadOption`] for options or times that make no sense, and explicit
/// steps that would blow up (with the longest that would not); [`Error::Numerics`] where the interval is empty, coefficients are not finite, the diffusion is negative, or
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
    solve_along(model, theta, times, options, None).map(|(profiles, _)| profiles)
}

/// As [`solve`], with the lengths of its time steps; or along given ones, which makes the answer a smooth function of the
/// parameters.
pub(crate) fn solve_along(
    model: &Model,
    theta: &[f64],
    times: &[f64],
    options: &Options,
    steps: Option<&[f64]>,
) -> Result<(Profiles, Vec<f64>)> {
    let field = field_of(model)?;
    check(field, times, options)?;
    if field.axes.len() == 2 {
        let plane = pose::on_plane(model, field, theta, options.cells)?;
        let start = pose::start_on_plane(field, theta, &plane);
        let nodes = [plane.nodes(0).to_vec(), plane.nodes(1).to_vec()];
        let counts = plane.counts();
        run(Posed { model, system: plane, start, nodes, counts }, times, options, steps)
    } else {
        let problem = pose::on_line(model, field, theta, options.cells)?;
        let nodes = problem.nodes().to_vec();
        let mut start = pose::start_on_line(field, theta, &nodes, options.initial.as_ref());
        let unknowns = problem.volumes().len();
        start.truncate(unknowns);
        let posed = Posed { model, system: problem, start, nodes: [nodes, Vec::new()], counts: [unknowns, 1] };
        run(posed, times, options, steps)
    }
}

/// A field on its nodes, ready to march.
struct Posed<'a, S> {
    model: &'a Model,
    system: S,
    /// Values of the unknowns.
    start: Vec<f64>,
    nodes: [Vec<f64>; 2],
    /// Unknowns along each axis.
    counts: [usize; 2],
}

/// March a posed field to its times.
fn run<S: System>(
    posed: Posed<S>,
    times: &[f64],
    options: &Options,
    steps: Option<&[f64]>,
) -> Result<(Profiles, Vec<f64>)> {
    let Posed { model, mut system, start, nodes: [x, y], counts } = posed;
    if let Some(i) = start.iter().position(|u: &f64| !u.is_finite()) {
        let place = match y.is_empty() {
            true => format!("{}", x[i]),
            false => format!("({}, {})", x[i % counts[0]], y[i / counts[0]]),
        };
        return Err(numerics(model, format!("its initial value is {} at {place}", start[i])));
    }
    if let (Some(step), Some(last)) = (options.step, times.last()) {
        Limit::FieldSteps.require((last / step).floor(), &format!("the solution of model '{}'", model.id))?;
    }
    let stopped = |stopped: Stopped| refused(model, options, stopped);
    let mut control = Control { tolerance: options.tolerance, scheme: options.scheme, fixed: options.step };
    if options.step.is_none() && options.scheme == Scheme::CrankNicolson {
        control.fixed = Some(usual_step(times));
    }
    let mut march = March::new(&mut system, start, control).map_err(stopped)?;
    if options.step.is_none() && options.scheme == Scheme::ExplicitEuler {
        march.pace(0.9 * march.explicit_limit(&system));
    }
    march.replay = steps.map(<[f64]>::to_vec);
    let (mut u, mut balance) = (Vec::with_capacity(times.len()), Vec::new());
    for time in times {
        march.to(&mut system, *time).map_err(stopped)?;
        u.push(on_all_nodes(&march.u, counts, x.len(), y.len().max(1)));
        if system.is_conservative() {
            let [left, right, bottom, top] = march.crossed.out;
            let total = march.u.iter().zip(system.volumes()).map(|(u, w)| u * w).sum();
            balance.push(Balance { total, left, right, bottom, top, source: march.crossed.source });
        }
    }
    let profiles =
        Profiles { x, y, times: times.to_vec(), u, balance, steps: march.taken.len(), rejected: march.rejected };
    Ok((profiles, march.taken))
}

/// The unknowns at all nodes: on a ring the first stands at the end again.
fn on_all_nodes(u: &[f64], [nx, ny]: [usize; 2], across: usize, up: usize) -> Vec<f64> {
    (0..up).flat_map(|j| (0..across).map(move |i| u[(j % ny) * nx + i % nx])).collect()
}

/// The step of schemes that choose none.
fn usual_step(times: &[f64]) -> f64 {
    times.last().map_or(1.0, |last| last / 200.0).max(f64::MIN_POSITIVE)
}

/// The longest stable step of explicit Euler at the start, `2/|λ|` with Gershgorin's bound for the fastest rate: `dx²/(2 D)`
/// for diffusion alone. Implicit steps need not respect it. Infinite where nothing moves.
///
/// # Errors
/// As [`solve`].
pub fn explicit_limit(model: &Model, theta: &[f64], cells: usize) -> Result<f64> {
    let field = field_of(model)?;
    check(field, &[], &Options { cells, ..Options::default() })?;
    let control = Control::adaptive(1e-7);
    let broken = |stopped: Stopped| numerics(model, words(stopped));
    if field.axes.len() == 2 {
        let mut plane = pose::on_plane(model, field, theta, cells)?;
        let start = pose::start_on_plane(field, theta, &plane);
        return Ok(March::new(&mut plane, start, control).map_err(broken)?.explicit_limit(&plane));
    }
    let mut problem = pose::on_line(model, field, theta, cells)?;
    let mut start = pose::start_on_line(field, theta, problem.nodes(), None);
    start.truncate(problem.volumes().len());
    Ok(March::new(&mut problem, start, control).map_err(broken)?.explicit_limit(&problem))
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
        Stopped::TooMany(t) => format!("t = {t} was reached with {}", Limit::FieldSteps.told(None)),
        Stopped::Unstable { time, step, limit } => {
            format!("at t = {time} an explicit step of {step} is longer than {limit}, the longest that is stable")
        }
    }
}

/// An unstable step is the user's, and is answered with what to type.
fn refused(model: &Model, options: &Options, stopped: Stopped) -> Error {
    let Stopped::Unstable { time, step, limit } = stopped else { return numerics(model, words(stopped)) };
    let stable = below(limit);
    Error::BadOption {
        flag: "--step".to_string(),
        value: step.to_string(),
        expected: format!(
            "explicit-euler on {} cells would blow up{}: the step is {:.3} of dx²/D, and at most {:.3} is stable; the longest stable step is {stable}",
            options.cells,
            if time > 0.0 { format!(" from t = {time}") } else { String::new() },
            // For diffusion alone the limit is half of dx²/D.
            0.5 * step / limit,
            0.5,
        ),
        hint: Some(format!(
            "--scheme crank-nicolson --step {step} is stable for any step, and so is --scheme tr-bdf2; or --scheme explicit-euler --step {stable}"
        )),
    }
}

/// Three digits of a positive number, rounded down.
fn below(value: f64) -> String {
    let text = format!("{value:.2e}");
    let rounded: f64 = text.parse().unwrap_or(value);
    if rounded <= value { rounded.to_string() } else { (rounded * 0.999).to_string() }
}

fn numerics(model: &Model, why: String) -> Error {
    Error::Numerics {
        what: format!("the field of model '{}'", model.id),
        why,
        hint: "check the parameters with --set, a nearer time, or a looser --tol".to_string(),
    }
}

fn field_of(model: &Model) -> Result<&Field> {
    match &model.process {
        Process::Field(field) => Ok(field),
        other => Err(super::Form::FokkerPlanck.unavailable(model, &format!("it is a {}", other.kind()))),
    }
}

fn check(field: &Field, times: &[f64], options: &Options) -> Result<()> {
    let bad = |flag: &str, value: String, expected: &str| {
        Err(Error::BadOption { flag: flag.to_string(), value, expected: expected.to_string(), hint: None })
    };
    let (most, expected) = match field.axes.len() {
        1 => (1_000_000, "from 4 to a million cells"),
        _ => (2_000, "from 4 to 2000 cells a side of a rectangle"),
    };
    if !(4..=most).contains(&options.cells) {
        return bad("--cells", options.cells.to_string(), expected);
    }
    if !(options.tolerance > 0.0 && options.tolerance < 1.0) {
        return bad("--tol", options.tolerance.to_string(), "an error between 0 and 1");
    }
    if let Some(step) = options.step
        && !(step > 0.0 && step.is_finite())
    {
        return bad("--step", step.to_string(), "a positive step");
    }
    if let Some(profile) = &options.initial {
        if !profile.is_usable() {
            return bad("--profile", "the initial profile".to_string(), "finite values at increasing places");
        }
        if field.axes.len() != 1 {
            return bad("--profile", "the initial profile".to_string(), "a profile is for a field in one dimension");
        }
    }
    if let Some(time) = times.iter().find(|t| !(**t >= 0.0 && t.is_finite())) {
        return bad("--at", time.to_string(), "times from 0 on");
    }
    match times.windows(2).find(|w| w[1] < w[0]) {
        Some(w) => bad("--at", w[1].to_string(), "times in increasing order"),
        None => Ok(()),
    }
}
