//! The Lamperti transform `y = ∫ dx / b(x)`, in which the diffusion is one: `dy = (a/b - ½ b') dt + dW` (Lamperti 1964).
//!
//! Written down where `b` is a constant times a power of the state; otherwise by quadrature at given parameters, in a chart of the
//! domain in which its ends are infinitely far.

use super::chart::{Chart, gauss};
use super::diffusion::Diffusion;
use super::rebuild::rebuild;
use super::scalar::Scalar;
use super::simplify::as_power;
use super::{Frame, symbol};
use crate::base::{Param, math};
use crate::expr::{Binary, Scratch, Tape, Unary};

impl Diffusion {
    /// The process with the numbers `theta[parameter]` in place of its parameters, which stay as names that nothing reads.
    pub fn at(&self, theta: &[f64]) -> Diffusion {
        let mut process = self.clone();
        let first = self.frame.param(0);
        let from = &self.frame.pool;
        let mut to = crate::expr::Pool::new(from.symbols().to_vec());
        let mut bring = |id: crate::expr::Id| {
            rebuild(from, id, &mut to, &mut |pool, s| match s.checked_sub(first).and_then(|k| theta.get(k)) {
                Some(value) => pool.number(*value),
                None => pool.symbol_at(s),
            })
        };
        let mut each = |ids: &mut [crate::expr::Id]| ids.iter_mut().for_each(|id| *id = bring(*id));
        each(&mut process.drift);
        process.diffusion.iter_mut().chain(&mut process.correlation).for_each(|row| each(row));
        each(&mut process.breaks);
        for jump in &mut process.jumps {
            each(std::slice::from_mut(&mut jump.rate));
            each(&mut jump.after);
            jump.marks.iter_mut().for_each(|m| each(&mut m.law.arguments));
        }
        for state in &mut process.states {
            match &mut state.initial {
                Some(super::Initial::Value(id)) => each(std::slice::from_mut(id)),
                Some(super::Initial::Law(law)) => each(&mut law.arguments),
                _ => {}
            }
        }
        process.frame = Frame { pool: to, ..process.frame };
        process
    }

    /// The process in `y = ∫ dx/b`, whose diffusion is one: `dy = (a/b - ½ b') dt + dW` (Lamperti 1964). Where it has one state and noise,
    /// `b = c x^γ` with `c` and `γ` free of the state and of time, and the ends of the domain stay where they are, `y` is `x/c`, `log(x)/c`
    /// or `x^(1-γ)/(c (1-γ))`. A power among the parameters wants [`Diffusion::at`] first; any other `b` wants [`Lamperti`].
    ///
    /// # Errors
    /// Why it cannot be written down, as a sentence.
    pub fn lamperti(&self, params: &[Param]) -> Result<Diffusion, String> {
        let ([state], [row]) = (self.states.as_slice(), self.diffusion.as_slice()) else {
            return Err(format!("it has {} states", self.states.len()));
        };
        let [b] = row.as_slice() else { return Err(format!("it has {} noises", row.len())) };
        let mut with = self.clone();
        let pool = &mut with.frame.pool;
        let place = self.frame.variable(0);
        let lower = state.lower;
        let params_from = self.frame.param(0);
        let positive = |s: usize| match s.checked_sub(params_from) {
            Some(k) => params.get(k).is_some_and(|p| p.lower >= 0.0),
            None => s == place && lower >= 0.0,
        };
        let text = pool.print(*b);
        let (factor, exponent) = as_power(pool, *b, place, &positive)
            .ok_or_else(|| format!("its diffusion {text} is no constant times a power of the state"))?;
        if self.frame.is_timed(*b) {
            return Err(format!("its diffusion {text} changes with time"));
        }
        let x = pool.symbol_at(place);
        let g = match pool.constant(exponent) {
            Some(0.0) => pool.div(x, factor),
            _ if lower < 0.0 => return Err(format!("its diffusion {text} is zero inside the domain")),
            Some(1.0) => {
                let log = pool.unary(Unary::Log, x);
                pool.div(log, factor)
            }
            _ => {
                let one = pool.number(1.0);
                let rest = pool.sub(one, exponent);
                let (power, scale) = (pool.binary(Binary::Pow, x, rest), pool.mul(factor, rest));
                pool.div(power, scale)
            }
        };
        with.in_variable(0, ("y", "√time"), g, params)
    }
}

/// The transform at given parameters, by quadrature: `y(x) = ∫ dx/|b|` from a reference state, its inverse and the drift in `y`.
///
/// Right to 1e-10 of the length of the way from the reference where `b` is smooth inside the domain. Cost: building evaluates `b`
/// some 1e5 times, a value some tens.
#[derive(Debug)]
pub struct Lamperti {
    chart: Chart,
    /// Outputs a, b and b'.
    tape: Tape,
    scratch: Scratch,
    /// (coordinate in the chart, y), both increasing.
    knots: Vec<(f64, f64)>,
    /// dy/du at the first and last knot and its rate of decay outwards, where y ends there at a finite value.
    tails: [Option<(f64, f64)>; 2],
    /// dy/du at the reference: differences far below it are round-off.
    size: f64,
}

/// Spacing of the knots in the chart.
const SPACING: f64 = 0.25;

impl Lamperti {
    /// The transform of `process` at parameters `theta`, its coefficients frozen at `time`, with `y = 0` at the state `reference`.
    ///
    /// # Errors
    /// As a sentence: the reference lies outside the domain, or the diffusion vanishes there.
    pub fn new(process: &Scalar, theta: &[f64], time: f64, reference: f64) -> Result<Lamperti, String> {
        let mut pool = process.pool().clone();
        let steepness = pool.derivative(process.diffusion, symbol::STATE);
        let tape = Tape::compile(&pool, &[process.drift, process.diffusion, steepness], &[symbol::STATE]);
        let mut scratch = Scratch::default();
        tape.bind(&process.symbols(theta, time), &mut scratch);
        let chart = Chart::of(process.state);
        let mut map = Lamperti { chart, tape, scratch, knots: Vec::new(), tails: [None; 2], size: 0.0 };
        if !process.state.holds(reference) {
            return Err(format!("{reference} lies outside the domain"));
        }
        let start = chart.u(reference);
        let speed = map.speed(start);
        if !(speed > 0.0 && speed.is_finite()) {
            return Err(format!("the diffusion vanishes at {reference}, or has no value there"));
        }
        map.size = speed;
        let (low, high) = chart.limits();
        let (below, above) = (map.march(start, low), map.march(start, high));
        map.knots = below.into_iter().rev().chain([(start, 0.0)]).chain(above).collect();
        map.tails = [map.tail(0, -1.0), map.tail(map.knots.len() - 1, 1.0)];
        Ok(map)
    }

    /// Values of `y` at the lower and upper end of the domain; infinite where an end is infinitely far.
    pub fn ends(&self) -> (f64, f64) {
        let end = |k: usize, side: f64| match (self.knots.get(k), self.tails[usize::from(side > 0.0)]) {
            (Some((_, y)), Some((speed, rate))) => y + side * speed / rate,
            _ => side * f64::INFINITY,
        };
        (end(0, -1.0), end(self.knots.len().saturating_sub(1), 1.0))
    }

    /// `y` at a state inside the domain; beyond the last tabulated state by the power of the distance that it ends in. Cost: some tens of evaluations of `b`.
    pub fn y(&mut self, x: f64) -> f64 {
        let u = self.chart.u(x);
        let y = self.y_at(u);
        let Some(near) = self.end_distance(x) else { return y };
        // Nearer to an end than the chart goes: a power of the distance.
        let side = usize::from(near.0 > 0.0);
        match (self.tails[side], self.ends()) {
            (Some((speed, rate)), ends) => {
                let end = if side == 1 { ends.1 } else { ends.0 };
                end - near.0 * speed / rate * math::pow(near.1, rate)
            }
            _ => y,
        }
    }

    /// The side and the distance from the end of the domain, against the last knot's, of a state beyond that knot.
    fn end_distance(&self, x: f64) -> Option<(f64, f64)> {
        let first = self.chart.x(self.knots.first()?.0);
        let last = self.chart.x(self.knots.last()?.0);
        let (lower, upper) = match self.chart {
            Chart::Line => return None,
            Chart::Above(end) => (end, f64::INFINITY),
            Chart::Below(end) => (f64::NEG_INFINITY, end),
            Chart::Between(lower, upper) => (lower, upper),
        };
        if x < first && lower.is_finite() {
            Some((-1.0, (x - lower) / (first - lower)))
        } else if x > last && upper.is_finite() {
            Some((1.0, (upper - x) / (upper - last)))
        } else {
            None
        }
    }

    /// The state where the transform is `y`, by Newton's steps inside a cell of the table; the end of the table where `y` lies beyond it. Cost: that of some
    /// values of [`Lamperti::y`].
    pub fn x(&mut self, y: f64) -> f64 {
        let above = self.knots.partition_point(|k| k.1 <= y);
        let (Some(low), Some(high)) = (above.checked_sub(1).and_then(|k| self.knots.get(k)), self.knots.get(above))
        else {
            let end = if above == 0 { self.knots.first() } else { self.knots.last() };
            return end.map_or(f64::NAN, |k| self.chart.x(k.0));
        };
        let ((mut low, low_y), (mut high, high_y)) = (*low, *high);
        let base = (low, low_y);
        let mut u = low + (high - low) * (y - low_y) / (high_y - low_y);
        // Newton's steps, kept inside the cell.
        for _ in 0..60 {
            let gap = base.1 + self.integral(base.0, u) - y;
            if gap > 0.0 {
                high = u;
            } else {
                low = u;
            }
            let next = u - gap / self.speed(u);
            let next = if next > low && next < high { next } else { 0.5 * (low + high) };
            let settled = (next - u).abs() <= 2e-16 * (1.0 + u.abs());
            u = next;
            if settled {
                break;
            }
        }
        self.chart.x(u)
    }

    /// Drift of `y`, `a/|b| - ½ sign(b) b'` at the state of this `y`; its diffusion is one.
    pub fn drift(&mut self, y: f64) -> f64 {
        let x = self.x(y);
        let [a, b, steepness] = self.coefficients(x);
        a / b.abs() - 0.5 * steepness * b.signum()
    }

    fn coefficients(&mut self, x: f64) -> [f64; 3] {
        let mut out = [0.0; 3];
        self.tape.run_one(&[x], &mut out, &mut self.scratch);
        out
    }

    /// dy/du
    fn speed(&mut self, u: f64) -> f64 {
        let b = self.coefficients(self.chart.x(u))[1];
        self.chart.slope(u) / b.abs()
    }

    fn y_at(&mut self, u: f64) -> f64 {
        let k = self.knots.partition_point(|k| k.0 <= u).saturating_sub(1);
        match self.knots.get(k).copied() {
            Some((from, y)) => y + self.integral(from, u),
            None => f64::NAN,
        }
    }

    /// ∫ dy by eight points of Gauss and Legendre, halved until two agree.
    fn integral(&mut self, from: f64, to: f64) -> f64 {
        let whole = gauss(from, to, &mut |u| self.speed(u));
        self.halved(from, to, whole, 12)
    }

    fn halved(&mut self, from: f64, to: f64, whole: f64, depth: u32) -> f64 {
        let middle = 0.5 * (from + to);
        let left = gauss(from, middle, &mut |u| self.speed(u));
        let right = gauss(middle, to, &mut |u| self.speed(u));
        let both = left + right;
        if depth == 0 || !((both - whole).abs() > 1e-14 * both.abs() + 1e-15 * self.size) {
            return both;
        }
        self.halved(from, middle, left, depth - 1) + self.halved(middle, to, right, depth - 1)
    }

    /// Knots from `start` towards a limit, as far as the transform is a number and still moves.
    fn march(&mut self, start: f64, limit: f64) -> Vec<(f64, f64)> {
        let side = if limit > start { 1.0 } else { -1.0 };
        let mut knots = Vec::new();
        let (mut u, mut y) = (start, 0.0);
        while u != limit {
            let next = if (limit - u).abs() <= SPACING { limit } else { u + side * SPACING };
            let speed = self.speed(next);
            let step = self.integral(u, next);
            if !(speed > 0.0 && step.is_finite() && y + step != y) {
                break;
            }
            (u, y) = (next, y + step);
            knots.push((u, y));
        }
        knots
    }

    /// The decay of dy/du outwards at a knot, where it is one.
    fn tail(&mut self, k: usize, side: f64) -> Option<(f64, f64)> {
        let u = self.knots.get(k)?.0;
        let speed = self.speed(u);
        let [_, b, steepness] = self.coefficients(self.chart.x(u));
        let rate = -side * (self.chart.bend(u) - steepness / b * self.chart.slope(u));
        (rate > 1e-3 && speed.is_finite()).then_some((speed, rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Model, built_in};
    use crate::process::Process;

    fn diffusion(model: &Model) -> &Diffusion {
        match &model.process {
            Process::Diffusion(p) => p,
            other => panic!("a {}", other.kind()),
        }
    }

    #[test]
    fn constants_and_powers_have_their_transform_in_letters() {
        let text = |id: &str| {
            let model = built_in(id).expect(id);
            let y = diffusion(&model).lamperti(&model.params).unwrap_or_else(|why| panic!("{id}: {why}"));
            assert_eq!(y.frame.pool.constant(y.diffusion[0][0]), Some(1.0), "{id}");
            (y.frame.pool.print(y.drift[0]), (y.states[0].lower, y.states[0].upper))
        };
        let line = (f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!(text("gbm"), ("mu/sigma - 0.5*sigma".to_string(), line));
        assert_eq!(text("ou").1, line);
        assert_eq!(text("cir").1, (0.0, f64::INFINITY));
        assert_eq!(text("double-well").1, line);
        assert_eq!(text("logistic").1, line);
        let refused = |id: &str| {
            let model = built_in(id).expect(id);
            diffusion(&model).lamperti(&model.params).expect_err(id)
        };
        assert!(refused("jacobi").contains("no constant times a power"));
        assert!(refused("heston").contains("2 states"));
        assert!(refused("ckls").contains("move with the parameters"), "{}", refused("ckls"));
    }

    #[test]
    fn the_transform_in_letters_is_that_by_quadrature() {
        for (id, theta, x0) in [
            ("cir", vec![1.3, 0.9, 0.4], 1.0),
            ("ckls", vec![0.5, -0.5, 0.3, 0.7], 1.0),
            ("ckls", vec![0.5, -0.5, 0.3, 1.5], 1.0),
            ("ckls", vec![0.5, -0.5, 0.3, 1.0], 1.0),
            ("gbm", vec![0.1, 0.3], 2.0),
            ("hyperbolic", vec![1.2, 0.7], 0.0),
        ] {
            let model = built_in(id).expect(id);
            let fixed = diffusion(&model).at(&theta);
            let y = fixed.lamperti(&model.params).unwrap_or_else(|why| panic!("{id}: {why}"));
            let mut map =
                Lamperti::new(&diffusion(&model).scalar().expect("one state"), &theta, 0.0, x0).expect("builds");
            let mut letters = y.scalar().expect("one state").coefficients(&theta);
            let g = |x: f64| match (id, theta.get(3)) {
                ("cir", _) => 2.0 * x.sqrt() / 0.4,
                ("gbm", _) => x.ln() / 0.3,
                ("ckls", Some(1.0)) => x.ln() / 0.3,
                ("ckls", Some(gamma)) => x.powf(1.0 - gamma) / (0.3 * (1.0 - gamma)),
                _ => x / 0.7,
            };
            for x in [0.003, 0.4, 1.0, 2.7, 90.0] {
                let here = map.y(x);
                assert!((here - (g(x) - g(x0))).abs() < 1e-10 * (1.0 + here.abs()), "{id} {theta:?} y({x}) = {here}");
                let again = map.x(here);
                assert!((again / x - 1.0).abs() < 1e-10, "{id} {theta:?} x(y({x})) = {again}");
                let (drift, one) = letters.at(0.0, g(x));
                assert!((one - 1.0).abs() < 1e-12, "{id}: {one}");
                let numeric = map.drift(here);
                assert!(
                    (numeric - drift).abs() < 1e-9 * (1.0 + drift.abs()),
                    "{id} {theta:?} at {x}: {numeric} {drift}"
                );
            }
        }
    }

    #[test]
    fn a_bounded_domain_has_its_arc_sine_and_its_ends() {
        let model = built_in("jacobi").expect("built in");
        let (kappa, theta, sigma) = (1.0, 0.4, 0.5);
        let scalar = diffusion(&model).scalar().expect("one state");
        let mut map = Lamperti::new(&scalar, &[kappa, theta, sigma], 0.0, 0.5).expect("builds");
        // y = (2/σ) asin √x, measured from x = ½.
        let g = |x: f64| 2.0 / sigma * (x.sqrt().asin() - std::f64::consts::FRAC_PI_4);
        for x in [1e-18, 1e-9, 0.02, 0.5, 0.93, 1.0 - 1e-9, 1.0 - 1e-14] {
            let y = map.y(x);
            assert!((y - g(x)).abs() < 1e-10, "y({x}) = {y}, {}", g(x));
            if (1e-8..0.99).contains(&x) {
                assert!((map.x(y) / x - 1.0).abs() < 1e-10, "x(y({x}))");
                let drift = kappa * (theta - x) / (sigma * (x * (1.0 - x)).sqrt())
                    - 0.25 * sigma * (1.0 - 2.0 * x) / (x * (1.0 - x)).sqrt();
                assert!((map.drift(y) - drift).abs() < 1e-9 * (1.0 + drift.abs()), "drift at {x}");
            }
        }
        let quarter = std::f64::consts::FRAC_PI_2 / sigma;
        let (low, high) = map.ends();
        assert!((low + quarter).abs() < 1e-10 && (high - quarter).abs() < 1e-10, "{low} {high}");
        let gbm = built_in("gbm").expect("built in");
        let map = Lamperti::new(&diffusion(&gbm).scalar().expect("one"), &[0.1, 0.3], 0.0, 1.0).expect("builds");
        assert_eq!(map.ends(), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(Lamperti::new(&scalar, &[1.0, 0.4, 0.5], 0.0, 1.5).is_err());
    }
}
