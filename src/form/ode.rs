//! Rate equations `dx/dt = f(x, t)`, stiff or not, by a Rosenbrock method with the symbolic Jacobian.
//!
//! RODAS (Hairer & Wanner 1996, Solving Ordinary Differential Equations II, section VI.4): order 4 with an embedded 3, six stages, L-stable
//! and stiffly accurate, one LU decomposition a step, right for equations that change with time. Steps land on output times,
//! breaks and events. Dense: for up to some hundred variables. Cost: `n³/3` and six evaluations a step.
//!
//! What is solved is deterministic: the limit of many molecules, no fluctuations. An event that watches the state is refused by name.

use crate::base::{Error, Result};
use crate::expr::{Id, Scratch, Tape};
use crate::models::Model;
use crate::process::{Network, Process, RateEquations, symbol};
use nalgebra::{DMatrix, DVector};

const GAMMA: f64 = 0.25;
/// `α` of each stage: where in the step it evaluates.
const ALPHA: [f64; 6] = [0.0, 0.386, 0.21, 0.63, 1.0, 1.0];
/// `γᵢ`: weight of `∂f/∂t`.
const IN_TIME: [f64; 6] = [0.25, -0.1043, 0.1035, -0.036_200_000_000_000_23, 0.0, 0.0];
/// `a` of stages 2 to 5; stage 6 and the solution add the last increment.
const A: [[f64; 4]; 4] = [
    [1.544, 0.0, 0.0, 0.0],
    [0.946_678_528_081_582_6, 0.255_701_169_898_328_4, 0.0, 0.0],
    [3.314_825_187_068_521, 2.896_124_015_972_201, 0.998_641_913_997_781_7, 0.0],
    [1.221_224_509_226_641, 6.019_134_481_288_629, 12.537_083_329_320_87, -0.687_886_036_105_895],
];
/// `c` of stages 2 to 6.
const C: [[f64; 5]; 5] = [
    [-5.6688, 0.0, 0.0, 0.0, 0.0],
    [-2.430_093_356_833_875, -0.206_359_915_709_191_5, 0.0, 0.0, 0.0],
    [-0.107_352_905_815_137_5, -9.594_562_251_023_355, -20.470_286_148_096_16, 0.0, 0.0],
    [7.496_443_313_967_647, -10.246_804_314_643_52, -33.999_903_528_199_05, 11.708_908_932_061_6, 0.0],
    [
        8.083_246_795_921_522,
        -7.981_132_988_064_893,
        -31.521_594_328_743_71,
        16.319_305_431_231_36,
        -6.058_818_238_834_054,
    ],
];
/// Most steps between two stops.
const MOST_STEPS: usize = 1_000_000;

/// States along the solution.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    pub times: Vec<f64>,
    /// `[time][variable]`
    pub states: Vec<Vec<f64>>,
    pub steps: usize,
    pub rejected: usize,
}

/// What to solve.
#[derive(Debug, Clone)]
pub struct Initial<'a> {
    pub theta: &'a [f64],
    /// `[variable]`
    pub start: &'a [f64],
    pub t0: f64,
    /// Increasing, not before `t0`.
    pub times: &'a [f64],
    /// Relative error a step may make; the absolute one is as large times the size of the variable's start, or one.
    pub tolerance: f64,
}

/// The rate equations of a network model.
///
/// # Errors
/// [`Error::FormUnavailable`] where the model is no network or has an event that watches the state; else as [`solve`].
pub fn rate_equations(model: &Model, initial: &Initial) -> Result<Trajectory> {
    let refuse = |why: &str| super::Form::RateEquations.unavailable(model, why);
    let Process::Network(network) = &model.process else {
        return Err(refuse(&format!("it is a {}", model.process.kind())));
    };
    match why_not(network) {
        None => solve(network.rate_equations(), initial),
        Some(why) => Err(refuse(&why)),
    }
}

/// Why a network has no rate equations; `None` where it has.
pub(super) fn why_not(network: &Network) -> Option<String> {
    network.rate_equations().watches.then(|| "an event of it watches the state".to_string())
}

/// Solve to every time asked.
///
/// # Errors
/// [`Error::Numerics`] where the step became too small (a solution that runs off to infinity), the right side is not finite, or
/// there are too many steps.
pub fn solve(equations: RateEquations, initial: &Initial) -> Result<Trajectory> {
    let stops = stops(&equations, initial);
    let mut system = System::new(equations, initial);
    let mut x = DVector::from_column_slice(initial.start);
    let mut now = initial.t0;
    let mut out = Trajectory { times: initial.times.to_vec(), states: Vec::new(), steps: 0, rejected: 0 };
    for (time, events) in stops {
        now = system.advance(&mut x, now, time, &mut out)?;
        for event in &events {
            x = system.after(*event, &x, now);
        }
        while out.times.get(out.states.len()).is_some_and(|t| *t <= now) {
            out.states.push(x.as_slice().to_vec());
        }
    }
    Ok(out)
}

/// Times to land on, with the events that fire there.
fn stops(equations: &RateEquations, initial: &Initial) -> Vec<(f64, Vec<usize>)> {
    let at = |id: Id| equations.frame.at(id, initial.theta, initial.t0);
    let last = initial.times.last().copied().unwrap_or(initial.t0);
    let mut stops: Vec<(f64, Vec<usize>)> = initial.times.iter().map(|t| (*t, Vec::new())).collect();
    stops.extend(equations.breaks.iter().map(|id| (at(*id), Vec::new())));
    stops.extend(equations.events.iter().enumerate().map(|(e, (id, _))| (at(*id), vec![e])));
    stops.retain(|(time, _)| *time >= initial.t0 && *time <= last);
    stops.sort_by(|a, b| a.0.total_cmp(&b.0));
    stops.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same {
            first.1.append(&mut later.1);
        }
        same
    });
    stops
}

/// Right side and slopes, compiled.
struct System {
    equations: RateEquations,
    drift: Tape,
    /// Jacobian by rows, then the slopes in time.
    slopes: Tape,
    symbols: Vec<f64>,
    scratch: [Scratch; 2],
    tolerance: f64,
    /// `[variable]`
    absolute: Vec<f64>,
    /// Step to try next; zero before the first.
    step: f64,
}

impl System {
    fn new(mut equations: RateEquations, initial: &Initial) -> System {
        let (jacobian, in_time) = equations.jacobian();
        let pool = &equations.frame.pool;
        let lanes: Vec<usize> = (0..equations.drift.len()).map(|i| equations.frame.variable(i)).collect();
        let slopes: Vec<Id> = jacobian.into_iter().flatten().chain(in_time).collect();
        System {
            drift: Tape::compile(pool, &equations.drift, &lanes),
            slopes: Tape::compile(pool, &slopes, &lanes),
            symbols: equations.frame.symbols(initial.theta, f64::NAN),
            scratch: [Scratch::default(), Scratch::default()],
            tolerance: initial.tolerance,
            absolute: initial.start.iter().map(|x| initial.tolerance * x.abs().max(1.0)).collect(),
            step: 0.0,
            equations,
        }
    }

    /// `f(x, t)`
    fn right(&mut self, x: &DVector<f64>, time: f64) -> DVector<f64> {
        self.symbols[symbol::TIME] = time;
        self.drift.bind(&self.symbols, &mut self.scratch[0]);
        let mut out = DVector::zeros(x.len());
        self.drift.run_one(x.as_slice(), out.as_mut_slice(), &mut self.scratch[0]);
        out
    }

    /// `∂f/∂x` and `∂f/∂t`
    fn slopes(&mut self, x: &DVector<f64>, time: f64) -> (DMatrix<f64>, DVector<f64>) {
        let n = x.len();
        self.symbols[symbol::TIME] = time;
        self.slopes.bind(&self.symbols, &mut self.scratch[1]);
        let mut out = vec![0.0; n * n + n];
        self.slopes.run_one(x.as_slice(), &mut out, &mut self.scratch[1]);
        (DMatrix::from_row_slice(n, n, &out[..n * n]), DVector::from_column_slice(&out[n * n..]))
    }

    fn after(&self, event: usize, x: &DVector<f64>, time: f64) -> DVector<f64> {
        let mut symbols = self.symbols.clone();
        symbols[symbol::TIME] = time;
        symbols[symbol::STATE..symbol::STATE + x.len()].copy_from_slice(x.as_slice());
        let mut after = x.clone();
        for (i, id) in &self.equations.events[event].1 {
            after[*i] = self.equations.frame.pool.eval(*id, &symbols);
        }
        after
    }

    /// From `now` to `stop`, which is returned.
    fn advance(&mut self, x: &mut DVector<f64>, mut now: f64, stop: f64, out: &mut Trajectory) -> Result<f64> {
        if !(stop > now) {
            return Ok(now);
        }
        // A stop may be a jump of the equations, so what was learnt of the step is not trusted far.
        let mut h = if self.step > 0.0 { self.step } else { self.first_step(x, now, stop) };
        let mut again = false;
        for _ in 0..MOST_STEPS {
            let step = h.min(stop - now);
            if !(step > 1e-15 * now.abs()) || !(step > 0.0) {
                return Err(broken(
                    now,
                    "the step became too small: the solution runs off to infinity, or is not smooth",
                ));
            }
            let attempt = self.attempt(x, now, step, stop);
            let error = attempt.as_ref().map_or(f64::INFINITY, |(_, error)| *error);
            // Order 3 of the embedded solution; never more than six times longer, five times shorter.
            let factor = if error.is_finite() { 0.9 / error.sqrt().sqrt().max(0.15) } else { 0.2 };
            let factor = factor.clamp(0.2, if again { 1.0 } else { 6.0 });
            match attempt {
                Some((next, error)) if error <= 1.0 => {
                    *x = next;
                    out.steps += 1;
                    again = false;
                    // A step cut short by the stop says little about the next.
                    h = if step < h { h.max(step * factor) } else { step * factor };
                    now = if step == stop - now { stop } else { now + step };
                    if now >= stop {
                        self.step = h;
                        return Ok(stop);
                    }
                }
                _ => {
                    out.rejected += 1;
                    again = true;
                    h = step * factor;
                }
            }
        }
        Err(broken(now, "there are too many steps"))
    }

    /// A step over which the start changes by a hundredth of itself.
    fn first_step(&mut self, x: &DVector<f64>, now: f64, stop: f64) -> f64 {
        let f = self.right(x, now);
        let size = |i: usize| self.absolute[i] / self.tolerance.max(1e-300) * 1e-3 + x[i].abs();
        let fastest = (0..x.len()).map(|i| f[i].abs() / size(i)).fold(0.0, f64::max);
        let h = (0.01 / fastest).min(stop - now);
        if h > 0.0 { h } else { 1e-6 * (stop - now) }
    }

    /// The state after a step, and its error over what is allowed; `None` where a number is not finite.
    fn attempt(&mut self, x: &DVector<f64>, now: f64, h: f64, stop: f64) -> Option<(DVector<f64>, f64)> {
        let n = x.len();
        let (jacobian, in_time) = self.slopes(x, now);
        let matrix = DMatrix::from_diagonal_element(n, n, 1.0 / (GAMMA * h)) - jacobian;
        if matrix.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let lu = matrix.lu();
        let mut u: Vec<DVector<f64>> = Vec::with_capacity(6);
        let mut at = x.clone();
        for stage in 0..6 {
            match stage {
                0 => {}
                5 => at += &u[4],
                _ => {
                    at = x.clone();
                    for (a, u) in A[stage - 1].iter().zip(&u) {
                        at.axpy(*a, u, 1.0);
                    }
                }
            }
            // What jumps at the stop has not yet jumped.
            let mut right = self.right(&at, (now + ALPHA[stage] * h).min(stop.next_down()));
            if stage > 0 {
                for (c, u) in C[stage - 1].iter().zip(&u) {
                    right.axpy(c / h, u, 1.0);
                }
            }
            right.axpy(IN_TIME[stage] * h, &in_time, 1.0);
            u.push(lu.solve(&right)?);
        }
        let next = &at + &u[5];
        let squares: f64 = (0..n)
            .map(|i| {
                let allowed = self.absolute[i] + self.tolerance * x[i].abs().max(next[i].abs());
                (u[5][i] / allowed) * (u[5][i] / allowed)
            })
            .sum();
        let error = (squares / n as f64).sqrt();
        error.is_finite().then_some((next, error))
    }
}

fn broken(time: f64, why: &str) -> Error {
    Error::Numerics {
        what: "the solution of the rate equations".to_string(),
        why: format!("at t = {time}, {why}"),
        hint: "check the rates, or use a nearer time".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::math;
    use crate::models::{built_in, read};

    fn of(text: &str) -> RateEquations {
        let model = read(
            "test.toml",
            &format!("schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n{text}"),
        )
        .expect("a model");
        let Process::Network(network) = model.process else { panic!("no network") };
        network.rate_equations()
    }

    fn asked<'a>(start: &'a [f64], times: &'a [f64], tolerance: f64) -> Initial<'a> {
        Initial { theta: &[], start, t0: 0.0, times, tolerance }
    }

    /// `x(1)` of `x' = 2 + sin 3t - x²` by so many equal steps.
    fn fixed(steps: usize) -> f64 {
        let equations = of(
            "[species.X]\n[[reaction]]\nequation = \"0 -> X\"\nlaw = \"2 + sin(3*t)\"\n[[reaction]]\nequation = \"2 X -> X\"\nrate = 1\n",
        );
        let mut system = System::new(equations, &asked(&[0.3], &[1.0], 1e-9));
        let mut x = DVector::from_element(1, 0.3);
        let h = 1.0 / steps as f64;
        for k in 0..steps {
            x = system.attempt(&x, k as f64 * h, h, 2.0).expect("a step").0;
        }
        x[0]
    }

    #[test]
    fn the_order_is_four_also_where_the_equations_change_with_time() {
        let exact = fixed(2_000);
        let (coarse, fine) = ((fixed(8) - exact).abs(), (fixed(32) - exact).abs());
        let order = (coarse / fine).log2() / 2.0;
        assert!(order > 3.7, "{order}: {coarse:e} {fine:e}");
    }

    #[test]
    fn robertsons_stiff_reactions_reach_the_published_values() -> Result<()> {
        // Hairer & Wanner 1996, section IV.10: rates 0.04, 3e7, 1e4.
        let text = "[species.A]\n[species.B]\n[species.C]\n\
             [[reaction]]\nequation = \"A -> B\"\nrate = 0.04\n\
             [[reaction]]\nequation = \"2 B -> B + C\"\nrate = 3e7\n\
             [[reaction]]\nequation = \"B + C -> A + C\"\nrate = 1e4\n";
        let out = solve(of(text), &asked(&[1.0, 0.0, 0.0], &[0.4, 40.0, 4e5], 1e-9))?;
        // CVODE's documented values (Hindmarsh et al. 2005, example cvRoberts_dns).
        assert!((out.states[0][0] - 9.8517e-1).abs() < 1e-5 && (out.states[0][1] / 3.3864e-5 - 1.0).abs() < 1e-3);
        assert!((out.states[1][0] - 7.1583e-1).abs() < 1e-4, "{:?}", out.states[1]);
        assert!((out.states[2][0] / 4.9394e-3 - 1.0).abs() < 5e-3, "{:?}", out.states[2]);
        for state in &out.states {
            assert!((state.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        assert!(out.steps < 2_000, "{}", out.steps);
        Ok(())
    }

    #[test]
    fn a_linear_network_is_its_exponential_to_the_tolerance_asked() -> Result<()> {
        let text = "[species.A]\n[species.B]\n[[reaction]]\nequation = \"A -> B\"\nrate = 2\n[[reaction]]\nequation = \"B -> A\"\nrate = 1\n";
        for tolerance in [1e-4, 1e-6, 1e-9] {
            let times = [0.1, 1.0, 5.0];
            let out = solve(of(text), &asked(&[90.0, 0.0], &times, tolerance))?;
            for (t, x) in times.iter().zip(&out.states) {
                let exact = 30.0 + 60.0 * math::exp(-3.0 * t);
                assert!((x[0] - exact).abs() < 50.0 * 90.0 * tolerance, "{tolerance}: {} {exact}", x[0]);
            }
        }
        Ok(())
    }

    #[test]
    fn the_oregonator_goes_round() -> Result<()> {
        // (500, 1000, 2000), the file's start, is its fixed point: unstable, but a point without noise stays on it.
        let model = built_in("oregonator")?;
        let theta: Vec<f64> = model.params.iter().map(|p| p.default).collect();
        let times: Vec<f64> = (1..=200).map(|k| 0.05 * f64::from(k)).collect();
        let ask = |tolerance| {
            let initial = Initial { theta: &theta, start: &[600.0, 1000.0, 2000.0], t0: 0.0, times: &times, tolerance };
            rate_equations(&model, &initial)
        };
        let (out, fine) = (ask(1e-6)?, ask(1e-10)?);
        let ys: Vec<f64> = out.states.iter().map(|x| x[1]).collect();
        let peaks = ys.windows(3).filter(|w| w[1] > w[0] && w[1] > w[2] && w[1] > 3_000.0).count();
        assert!(peaks >= 3, "{peaks}");
        for (a, b) in out.states.iter().zip(&fine.states) {
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-2 * (b.abs() + 100.0)), "{a:?} {b:?}");
        }
        assert!(out.steps < 5_000, "{}", out.steps);
        Ok(())
    }

    #[test]
    fn a_solution_that_runs_to_infinity_is_an_error() {
        let equations = of("[species.X]\n[[reaction]]\nequation = \"2 X -> 3 X\"\nrate = 1\n");
        assert!(matches!(solve(equations, &asked(&[1.0], &[2.0], 1e-6)), Err(Error::Numerics { .. })));
    }
}
