//! The law of a one-dimensional diffusion that does not change with time: `p ∝ exp(∫ 2a/b² dx) / b²` where that is integrable and
//! no probability flows (Karlin & Taylor 1981, section 15.5, eq. 5.34).

use crate::base::{Error, Result, math};
use crate::expr::{Scratch, Tape};
use crate::models::Model;
use crate::predictive::{Density, Predictive};
use crate::process::chart::{Chart, gauss};
use crate::process::{Boundary, Process, Scalar, symbol};

/// Logarithm of the density, below its peak, beyond which nothing is looked at: 2e-22.
pub(super) const DEPTH: f64 = 50.0;
/// First number of cells, for the interpolation between nodes, and the largest.
const CELLS: [usize; 2] = [2_048, 65_536];
/// The widest of the first cells, in the coordinate of the domain: also for the interpolation.
const WIDEST: f64 = 0.03;
/// The slowest exponential decay, in the coordinate of the domain, that counts as one.
const SLOWEST: f64 = 1e-4;
/// Strides of a tail, each of at most two in the logarithm of the density: one that still rises then is of no law.
const STRIDES: usize = 20_000;

/// The stationary law of a component that drives itself alone: its drift and diffusion hang on no other state, and it does not
/// jump.
///
/// The density is integrated on a chart in which the ends of the domain are infinitely far, on as many evenly spaced nodes as
/// settle its mass and mean to 1e-11. At an end that is reached, no probability leaves. Cost: a few thousand evaluations of the
/// coefficients.
///
/// # Errors
/// [`Error::Numerics`] saying why there is none: not integrable (Brownian motion, geometric or not), coefficients that change with
/// time or hang on other states, an absorbing end, a current around a ring.
pub fn stationary(model: &Model, theta: &[f64], component: usize) -> Result<Predictive> {
    let Process::Diffusion(process) = &model.process else {
        return Err(none(model, &format!("it is a {}", model.process.kind())));
    };
    let alone = process.component(component).map_err(|why| none(model, &why))?;
    let Some(scalar) = alone.scalar() else { return Err(none(model, "it is not one-dimensional")) };
    if scalar.is_time_dependent() {
        return Err(none(model, "its coefficients change with time"));
    }
    if scalar.state.boundary == Boundary::Absorbing && Chart::of(scalar.state) != Chart::Line {
        return Err(none(model, "it is absorbed at an end of its domain, so that only the end is stationary"));
    }
    let mut slope = LogSlope::new(&scalar, theta);
    let range = range(&mut slope).map_err(|why| none(model, why))?;
    if scalar.state.boundary == Boundary::Periodic {
        refuse_current(model, &mut slope, &scalar)?;
    }
    let coarse = ((range.ends[1] - range.ends[0]) / WIDEST) as usize;
    let mut cells = coarse.clamp(CELLS[0], CELLS[1] / 4);
    let mut before = table(&mut slope, &range, cells);
    while cells < CELLS[1] {
        cells *= 2;
        let finer = table(&mut slope, &range, cells);
        let same = |a: f64, b: f64, scale: f64| (a - b).abs() <= 1e-11 * scale;
        let settled = same(before.mass, finer.mass, finer.mass) && same(before.mean, finer.mean, finer.size);
        before = finer;
        if settled {
            return before.density(&slope).ok_or_else(|| none(model, "its density is no density here"));
        }
    }
    Err(none(model, "its density is too rough to be integrated"))
}

/// Where the stationary law of a model of one state lies: its first mode, and where to both sides its density, in the coordinate in
/// which the ends of the domain are infinitely far, has fallen by `e^-depth` for good. `None` where there is no such law. Cost: a tenth
/// of [`stationary`].
pub(crate) fn extent(model: &Model, theta: &[f64], depth: f64) -> Option<(f64, [f64; 2])> {
    let scalar = model.scalar().filter(|scalar| !scalar.is_time_dependent())?;
    if matches!(scalar.state.boundary, Boundary::Absorbing | Boundary::Periodic) {
        return None;
    }
    let mut slope = LogSlope::new(&scalar, theta);
    let found = range(&mut slope).ok()?;
    let mut end = |limit: f64| -> Option<f64> {
        let (mut u, mut value) = (found.mode, 0.0);
        let mut last_above = u;
        while u != limit {
            let (next, change) = stride(&mut slope, u, limit)?;
            (u, value) = (next, value + change);
            if value > found.highest - depth {
                last_above = u;
            } else if value < found.highest - depth - 10.0 {
                break;
            }
        }
        Some(last_above)
    };
    let ends = [end(found.ends[0])?, end(found.ends[1])?];
    Some((slope.chart.x(found.mode), ends.map(|u| slope.chart.x(u))))
}

fn none(model: &Model, why: &str) -> Error {
    Error::Numerics {
        what: format!("the stationary law of model '{}'", model.id),
        why: format!("there is none that is known: {why}"),
        hint: "give the state a value to start from: --from x=1, or initial = … in the file".to_string(),
    }
}

/// Derivative of the log density in the chart: `(2a/b² - 2b'/b) dx/du + d ln(dx/du)/du`.
pub(super) struct LogSlope {
    pub chart: Chart,
    domain: [f64; 2],
    tape: Tape,
    scratch: Scratch,
}

impl LogSlope {
    pub fn new(scalar: &Scalar, theta: &[f64]) -> LogSlope {
        let mut pool = scalar.pool().clone();
        let steepness = pool.derivative(scalar.diffusion, symbol::STATE);
        let tape = Tape::compile(&pool, &[scalar.drift, scalar.diffusion, steepness], &[symbol::STATE]);
        let mut scratch = Scratch::default();
        tape.bind(&scalar.symbols(theta, 0.0), &mut scratch);
        let (chart, domain) = (Chart::of(scalar.state), [scalar.state.lower, scalar.state.upper]);
        LogSlope { chart, domain, tape, scratch }
    }

    /// `(2a/b² - 2b'/b)` and `b` at a state.
    fn at_state(&mut self, x: f64) -> (f64, f64) {
        let mut out = [0.0; 3];
        self.tape.run_one(&[x], &mut out, &mut self.scratch);
        let [a, b, steepness] = out;
        (2.0 * (a / b - steepness) / b, b)
    }

    pub fn at(&mut self, u: f64) -> f64 {
        let x = self.chart.x(u);
        self.at_state(x).0 * self.chart.slope(u) + self.chart.bend(u)
    }

    fn integral(&mut self, from: f64, to: f64) -> f64 {
        gauss(from, to, &mut |u| self.at(u))
    }
}

/// Coordinates that hold the probability, a mode among them, and what is left beyond: the log density there against the
/// mode's, and its rate of decay.
#[derive(Debug)]
pub(super) struct Range {
    pub mode: f64,
    /// Of the log density, against the mode's.
    highest: f64,
    pub ends: [f64; 2],
    left: [Option<(f64, f64)>; 2],
}

pub(super) fn range(slope: &mut LogSlope) -> std::result::Result<Range, &'static str> {
    const NOT_INTEGRABLE: &str = "its density would not be integrable";
    let (low, high) = slope.chart.limits();
    const POINTS: usize = 4_000;
    let mut modes: Vec<f64> = Vec::new();
    let mut rising: Option<f64> = None;
    for k in 0..=POINTS {
        let u = low + (high - low) * k as f64 / POINTS as f64;
        let here = slope.at(u);
        if here > 0.0 {
            rising = Some(u);
        } else if here <= 0.0
            && let Some(from) = rising.take()
        {
            modes.push(root(slope, from, u));
        }
    }
    let (Some(first), Some(last)) = (modes.first().copied(), modes.last().copied()) else { return Err(NOT_INTEGRABLE) };
    // From the first mode to the last the highest point is found, then both tails are followed down.
    let mut highest = 0.0f64;
    let mut value = 0.0;
    let mut u = first;
    while u < last {
        let (next, change) = stride(slope, u, last).ok_or(NOT_INTEGRABLE)?;
        value += change;
        highest = highest.max(value);
        u = next;
    }
    let above = tail(slope, last, high, value, &mut highest).ok_or(NOT_INTEGRABLE)?;
    let below = tail(slope, first, low, 0.0, &mut highest).ok_or(NOT_INTEGRABLE)?;
    Ok(Range { mode: first, highest, ends: [below.0, above.0], left: [below.1, above.1] })
}

fn root(slope: &mut LogSlope, mut low: f64, mut high: f64) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if slope.at(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// A step towards `to` over which the log density changes by two or so, and the change.
pub(super) fn stride(slope: &mut LogSlope, from: f64, to: f64) -> Option<(f64, f64)> {
    let mut next = from + (to - from).clamp(-4.0, 4.0);
    for _ in 0..200 {
        let change = slope.integral(from, next);
        if change.abs() <= 2.0 {
            return Some((next, change));
        }
        next = from + 0.5 * (next - from);
        if next == from {
            return None;
        }
    }
    None
}

type Tail = (f64, Option<(f64, f64)>);

/// Where a tail has fallen far enough; at the limit of the chart, what is left.
fn tail(slope: &mut LogSlope, from: f64, limit: f64, mut value: f64, highest: &mut f64) -> Option<Tail> {
    let mut u = from;
    for _ in 0..STRIDES {
        if u == limit {
            break;
        }
        let (next, change) = match stride(slope, u, limit) {
            Some(step) => step,
            // So steep that no step is short enough: it ends here.
            None if value < *highest - 1.0 => return Some((u, None)),
            None => return None,
        };
        value += change;
        *highest = highest.max(value);
        u = next;
        if value < *highest - DEPTH {
            return Some((u, None));
        }
    }
    if u != limit {
        return None;
    }
    let outwards = if limit > from { 1.0 } else { -1.0 };
    let rate = -outwards * slope.at(limit);
    (rate > SLOWEST).then_some((limit, Some((value, rate))))
}

/// The density on evenly spaced nodes.
struct Table {
    edges: Vec<f64>,
    nodes: Vec<f64>,
    widths: Vec<f64>,
    masses: Vec<f64>,
    mass: f64,
    mean: f64,
    /// Root mean square of the state: the size that the mean is told against.
    size: f64,
}

fn table(slope: &mut LogSlope, range: &Range, cells: usize) -> Table {
    let chart = slope.chart;
    let [from, to] = range.ends;
    let h = (to - from) / cells as f64;
    let edge = |i: usize| from + h * i as f64;
    let node = |i: usize| from + h * (i as f64 + 0.5);
    let mut ln = vec![0.0; cells];
    for i in 1..cells {
        ln[i] = ln[i - 1] + slope.integral(node(i - 1), node(i));
    }
    // All are told against the highest point, so that tables of different fineness can be compared.
    let nearest = (((range.mode - from) / h) as usize).min(cells - 1);
    let top = ln[nearest] + slope.integral(node(nearest), range.mode) + range.highest;
    let mut masses: Vec<f64> = ln.iter().map(|l| math::exp(l - top) * h).collect();
    let mut widths: Vec<f64> = (0..cells).map(|i| chart.slope(node(i)) * h).collect();
    // What lies beyond the chart's limits stands in the last cell, which is wider by so much.
    for (left, i) in range.left.iter().zip([0, cells - 1]) {
        if let Some((value, rate)) = left {
            let beyond = math::exp(value - range.highest) / rate;
            widths[i] *= 1.0 + beyond / masses[i];
            masses[i] += beyond;
        }
    }
    let nodes: Vec<f64> = (0..cells).map(|i| chart.x(node(i))).collect();
    let mass: f64 = masses.iter().sum();
    let mean = masses.iter().zip(&nodes).map(|(m, x)| m * x).sum::<f64>() / mass;
    let square = masses.iter().zip(&nodes).map(|(m, x)| m * x * x).sum::<f64>() / mass;
    Table {
        edges: (0..=cells).map(|i| chart.x(edge(i))).collect(),
        nodes,
        widths,
        masses,
        mass,
        mean,
        size: square.sqrt(),
    }
}

impl Table {
    fn density(self, slope: &LogSlope) -> Option<Predictive> {
        let grows = self.edges.windows(2).all(|w| w[0] < w[1]);
        if !grows || !self.mass.is_finite() {
            return None;
        }
        Density::new(self.edges, &self.nodes, &self.widths, &self.masses, slope.domain).map(Predictive::Density)
    }
}

/// Around a ring the drift must do no work on the whole, or probability flows.
fn refuse_current(model: &Model, slope: &mut LogSlope, scalar: &Scalar) -> Result<()> {
    const PARTS: usize = 2_000;
    let (lower, upper) = (scalar.state.lower, scalar.state.upper);
    // The trapezoidal rule of a periodic function is exact to round-off.
    let at = |i: usize| lower + (upper - lower) * (i as f64 + 0.5) / PARTS as f64;
    let values: Vec<f64> = (0..PARTS).map(|i| slope.at_state(at(i)).0).collect();
    let size = values.iter().map(|v| v.abs()).sum::<f64>();
    if values.iter().sum::<f64>().abs() <= 1e-9 * size.max(1e-300) {
        return Ok(());
    }
    Err(none(model, "its drift drives a current around the ring"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{built_in, read};

    fn law(id: &str, theta: &[f64], component: usize) -> Predictive {
        let model = built_in(id).expect(id);
        stationary(&model, theta, component).unwrap_or_else(|e| panic!("{id}: {e}"))
    }

    /// Against a log density (with its constant), a mean and an sd.
    fn assert_law(law: &Predictive, ln_p: impl Fn(f64) -> f64, (mean, sd): (f64, f64), at: &[f64], what: &str) {
        for x in at {
            let (found, wanted) = (law.log_pdf(*x).expect("a density"), ln_p(*x));
            assert!((found - wanted).abs() < 2e-6 * (1.0 + wanted.abs()), "{what} at {x}: {found} {wanted}");
        }
        let (m, s) = (law.mean().expect("a mean"), law.sd().expect("an sd"));
        assert!((m - mean).abs() < 1e-9 * (sd + mean.abs()) && (s / sd - 1.0).abs() < 1e-9, "{what}: {m} {s}");
    }

    #[test]
    fn known_laws_come_out_of_their_equations() {
        let (kappa, theta, sigma) = (1.5f64, 0.7, 0.4);
        let sd = sigma / (2.0 * kappa).sqrt();
        let normal = law("ou", &[kappa, theta, sigma], 0);
        let ln = |x: f64| math::normal_ln_pdf((x - theta) / sd) - sd.ln();
        assert_law(&normal, ln, (theta, sd), &[0.0, 0.7, 1.1], "ou");
        for p in [1e-4, 0.05, 0.5, 0.9] {
            assert!((normal.cdf(normal.quantile(p)) - p).abs() < 1e-10);
            assert!((normal.quantile(p) - theta - sd * math::normal_quantile(p)).abs() < 1e-7 * sd, "{p}");
        }
        // Far from zero, and narrow.
        let far = law("ou", &[kappa, 1e6, sigma], 0);
        assert!((far.sd().expect("an sd") / sd - 1.0).abs() < 1e-7 && (far.quantile(0.5) - 1e6).abs() < 1e-6);
        // Gamma of shape 2κθ/σ² and rate 2κ/σ²; a shape below one is infinite at zero.
        for (kappa, theta, sigma) in [(1.0, 1.0, 0.5), (0.5, 0.04, 0.4), (2.0, 0.02, 0.9)] {
            let (shape, rate) = (2.0 * kappa * theta / (sigma * sigma), 2.0 * kappa / (sigma * sigma));
            let ln = |x: f64| shape * f64::ln(rate) - math::ln_gamma(shape) + (shape - 1.0) * x.ln() - rate * x;
            let gamma = law("cir", &[kappa, theta, sigma], 0);
            assert_law(&gamma, ln, (theta, (theta / rate).sqrt()), &[0.1 * theta, theta, 3.0 * theta], "cir");
            for x in [1e-4, 0.3, 1.0].map(|s| s * theta) {
                assert!((gamma.cdf(x) - math::gamma_p(shape, rate * x)).abs() < 5e-8, "cir {shape} at {x}");
            }
        }
        let v = law("heston", &[2.0, 0.04, 0.3, -0.7, 0.05], 1);
        assert!((v.mean().expect("a mean") - 0.04).abs() < 1e-11);
        // Beta of 2κθ/σ² and 2κ(1-θ)/σ².
        let (kappa, theta, sigma) = (1.0, 0.4, 0.9);
        let (a, b) = (2.0 * kappa * theta / (sigma * sigma), 2.0 * kappa * (1.0 - theta) / (sigma * sigma));
        let ln_beta = math::ln_gamma(a) + math::ln_gamma(b) - math::ln_gamma(a + b);
        let ln = |x: f64| (a - 1.0) * x.ln() + (b - 1.0) * (1.0 - x).ln() - ln_beta;
        let sd = (a * b / (a + b + 1.0)).sqrt() / (a + b);
        assert_law(&law("jacobi", &[kappa, theta, sigma], 0), ln, (theta, sd), &[0.01, 0.4, 0.97], "jacobi");
        // Student of ν = 1 + 1/a degrees of freedom, scale δ/√ν.
        let (theta, a, delta) = (0.3, 0.25, 1.4);
        let nu: f64 = 1.0 + 1.0 / a;
        let scale = delta / nu.sqrt();
        let ln = |x: f64| {
            let z = (x - theta) / scale;
            math::ln_gamma(0.5 * (nu + 1.0))
                - math::ln_gamma(0.5 * nu)
                - 0.5 * (nu * std::f64::consts::PI).ln()
                - scale.ln()
                - 0.5 * (nu + 1.0) * (1.0 + z * z / nu).ln()
        };
        let sd = scale * (nu / (nu - 2.0)).sqrt();
        assert_law(&law("pearson-student", &[1.0, theta, a, delta], 0), ln, (theta, sd), &[-3.0, 0.3, 9.0], "student");
    }

    #[test]
    fn two_wells_hold_half_each_however_far_apart() {
        for (height, width, sigma) in [(1.0, 1.0, 0.8), (40.0, 50.0, 2.0)] {
            let both = law("double-well", &[height, width, sigma], 0);
            assert!((both.cdf(0.0) - 0.5).abs() < 1e-9 && both.mean().expect("a mean").abs() < 1e-8 * width);
            let u = |x: f64| height * ((x / width).powi(2) - 1.0).powi(2);
            let gap = both.log_pdf(width).expect("a density") - both.log_pdf(0.6 * width).expect("a density");
            let wanted = 2.0 * (u(0.6 * width) - u(width)) / (sigma * sigma);
            assert!((gap - wanted).abs() < 2e-6 * (1.0 + wanted), "{height}: {gap} {wanted}");
        }
    }

    #[test]
    fn what_has_no_stationary_law_says_so() {
        let why =
            |id: &str, theta: &[f64], component: usize| match stationary(&built_in(id).expect(id), theta, component) {
                Err(Error::Numerics { why, .. }) => why,
                other => panic!("{id}: {other:?}"),
            };
        for mu in [-0.3, 0.0, 0.02, 0.3] {
            assert!(why("gbm", &[mu, 0.2], 0).contains("not be integrable"));
            assert!(why("bm", &[mu, 0.2], 0).contains("not be integrable"));
        }
        assert!(why("ou", &[-1.0, 0.0, 1.0], 0).contains("not be integrable"));
        assert!(why("heston", &[2.0, 0.04, 0.3, -0.7, 0.05], 0).contains("hangs on v"));
        assert!(why("ou-jump", &[1.0, 0.0, 1.0, 0.5, 0.0, 1.0], 0).contains("jumps"));
        assert!(why("brownian-motor", &[0.25, 1.0, 2.0, 1.0, 0.05], 0).contains("time"));
        assert!(why("tilted-periodic", &[0.5, 1.0, 0.3], 0).contains("current"));
        // A logistic population with too much noise dies out.
        assert!(why("logistic", &[1.0, 1.0, 1.5], 0).contains("not be integrable"));
        assert!(stationary(&built_in("logistic").expect("built in"), &[1.0, 1.0, 1.3], 0).is_ok());
    }

    #[test]
    fn reflecting_ends_and_an_even_ring_keep_their_probability() {
        let text = |boundary: &str, drift: &str| {
            format!(
                "schema = 1\nid = \"r\"\ntitle = \"r\"\nkind = \"diffusion\"\n[state.x]\ndomain = [0.0, 1.0]\nboundary = \"{boundary}\"\n[dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"1\"\n"
            )
        };
        let of =
            |boundary: &str, drift: &str| stationary(&read("r.toml", &text(boundary, drift)).expect("reads"), &[], 0);
        let tilted = of("reflecting", "-3").expect("exponential");
        for x in [0.1, 0.5, 0.9] {
            let wanted = (1.0 - (-6.0f64 * x).exp()) / (1.0 - (-6.0f64).exp());
            assert!((tilted.cdf(x) - wanted).abs() < 1e-8, "{x}: {} {wanted}", tilted.cdf(x));
        }
        let even = of("periodic", "sin(2*pi*x)").expect("von Mises");
        assert!(
            (even.log_pdf(0.5).expect("a density")
                - even.log_pdf(0.25).expect("a density")
                - 1.0 / std::f64::consts::PI)
                .abs()
                < 1e-6
        );
        assert!(of("periodic", "sin(2*pi*x) + 0.1").is_err());
        assert!(of("absorbing", "0").is_err());
    }
}
