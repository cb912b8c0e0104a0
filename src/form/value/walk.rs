//! Steps of a diffusion along Wiener increments that the caller gives: what coupled paths, mirrored paths and points of Sobol's
//! sequence need. No jumps, no ends that stop or send back, no breaks; [`crate::form::monte_carlo`] has those.
//!
//! On a domain with an end, coefficients are evaluated at the state put back inside it (Lord, Koekkoek & van Dijk 2010).

use super::{Posed, broken};
use crate::base::{Result, math};
use crate::expr::{Id, Scratch, Tape};
use crate::form::Form;
use crate::process::{Boundary, ClosedLaw, Diffusion, symbol};

/// How one step is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    /// Weak order 1, strong order ½.
    Euler,
    /// Strong order 1, where each noise moves one state and hangs on that state alone.
    Milstein,
    /// `x e^{growth h + sigma ΔW}`: geometric Brownian motion without error.
    Geometric { growth: f64, sigma: f64 },
}

/// Wiener increments of a block of paths, `[step × noises + noise][path]`, independent.
pub(super) type Increments = Vec<Vec<f64>>;
/// `[time][component][path]` after each step.
pub(super) type States = Vec<Vec<Vec<f64>>>;

/// A process ready to be stepped to expiry; compiled once, shared by all blocks.
pub(super) struct Walk<'a> {
    posed: &'a Posed<'a>,
    process: &'a Diffusion,
    pub step: Step,
    /// Outputs: drifts, the entries of `acts`, then Milstein's corrections.
    tape: Tape,
    outputs: usize,
    symbols: Vec<f64>,
    is_timed: bool,
    /// The (state, noise) pairs that act.
    acts: Vec<(usize, usize)>,
    /// `[noise][noise]`, lower triangle.
    root: Vec<Vec<f64>>,
    /// `[state]`: the ends between which coefficients are evaluated.
    inside: Vec<(f64, f64)>,
}

/// Why paths along given increments are not made; `None` where they are.
pub(super) fn why_not(process: &Diffusion) -> Option<String> {
    let ended = |b: Boundary| matches!(b, Boundary::Reflecting | Boundary::Absorbing | Boundary::Periodic);
    if !process.jumps.is_empty() {
        return Some("it jumps".to_string());
    }
    if let Some(state) = process.states.iter().find(|s| ended(s.boundary)) {
        return Some(format!("the ends of {} are {}", state.name, state.boundary.name()));
    }
    (!process.breaks.is_empty()).then(|| "its coefficients jump in time".to_string())
}

impl<'a> Walk<'a> {
    /// Geometric Brownian motion without error where the law is claimed and `exactly`; else Milstein where it applies; else Euler.
    ///
    /// # Errors
    /// [`crate::base::Error::FormUnavailable`] for [`why_not`]; [`crate::base::Error::Numerics`] where the correlation of the noises is none.
    pub fn new(posed: &'a Posed<'a>, exactly: bool) -> Result<Walk<'a>> {
        let process = &posed.value.under;
        if let Some(why) = why_not(process) {
            return Err(Form::MonteCarlo.unavailable(posed.model, &format!("{why}: --scheme plain alone does that")));
        }
        let n = process.states.len();
        let mut pool = process.frame.pool.clone();
        let zero = pool.number(0.0);
        let acts: Vec<(usize, usize)> = (0..n)
            .flat_map(|i| (0..process.noises.len()).map(move |k| (i, k)))
            .filter(|(i, k)| process.diffusion[*i][*k] != zero)
            .collect();
        let step = match posed.geometric() {
            Some((mu, sigma)) if exactly => Step::Geometric { growth: mu - 0.5 * sigma * sigma, sigma },
            _ if is_diagonal(process, &acts) => Step::Milstein,
            _ => Step::Euler,
        };
        let mut outputs: Vec<Id> = process.drift.clone();
        outputs.extend(acts.iter().map(|(i, k)| process.diffusion[*i][*k]));
        if step == Step::Milstein {
            for (i, k) in &acts {
                let b = process.diffusion[*i][*k];
                let slope = pool.derivative(b, process.frame.variable(*i));
                let product = pool.mul(b, slope);
                outputs.push(pool.scale(0.5, product));
            }
        }
        let lanes: Vec<usize> = (0..n).map(|i| process.frame.variable(i)).collect();
        let root = process.correlation_root(posed.theta).ok_or_else(|| {
            let why = "the correlation of its noises is not positive semi-definite".to_string();
            broken(posed.model, why, "keep every correlation between -1 and 1")
        })?;
        let inside = process.states.iter().zip(posed.x0).map(|(state, x0)| {
            let hair = |end: f64| 1e-12 * (x0 - end).abs().max(1e-300);
            (state.lower + hair(state.lower), state.upper - hair(state.upper))
        });
        let ends = inside.map(|(lower, upper)| {
            // A hair of infinity is no number.
            (if lower.is_nan() { f64::NEG_INFINITY } else { lower }, if upper.is_nan() { f64::INFINITY } else { upper })
        });
        Ok(Walk {
            posed,
            process,
            step,
            tape: Tape::compile(&pool, &outputs, &lanes),
            outputs: outputs.len(),
            symbols: process.frame.symbols(posed.theta, 0.0),
            is_timed: process.is_time_dependent(),
            acts,
            root,
            inside: ends.collect(),
        })
    }

    /// The same with Euler's step.
    ///
    /// # Errors
    /// As [`Walk::new`].
    pub fn euler(posed: &'a Posed<'a>) -> Result<Walk<'a>> {
        Walk::new(posed, false).map(|walk| Walk { step: Step::Euler, ..walk })
    }

    pub fn noises(&self) -> usize {
        self.process.noises.len()
    }

    /// States after each of `n` equal steps to expiry.
    pub fn along(&self, n: usize, increments: &Increments) -> States {
        let width = increments.first().map_or(0, Vec::len);
        let h = self.posed.expiry / n as f64;
        let mut x: Vec<Vec<f64>> = self.posed.x0.iter().map(|x| vec![*x; width]).collect();
        let mut out = vec![vec![0.0; width]; self.outputs];
        let mut scratch = Scratch::default();
        let mut symbols = self.symbols.clone();
        self.tape.bind(&symbols, &mut scratch);
        let noises = self.noises();
        let mut w = vec![vec![0.0; width]; noises];
        let mut put = x.clone();
        let mut states = Vec::with_capacity(n);
        for k in 0..n {
            let drawn = &increments[k * noises..(k + 1) * noises];
            if let Step::Geometric { growth, sigma } = self.step {
                for (x, dw) in x[0].iter_mut().zip(&drawn[0]) {
                    *x *= math::exp(growth * h + sigma * dw);
                }
                states.push(x.clone());
                continue;
            }
            if self.is_timed {
                symbols[symbol::TIME] = k as f64 * h;
                self.tape.bind(&symbols, &mut scratch);
            }
            self.correlate(drawn, &mut w);
            {
                let inputs: Vec<&[f64]> = put.iter().map(Vec::as_slice).collect();
                let mut columns: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
                self.tape.run_bound(&inputs, &mut columns, &mut scratch);
            }
            self.advance(&mut x, &out, &w, h);
            self.put_inside(&x, &mut put);
            states.push(put.clone());
        }
        states
    }

    fn correlate(&self, independent: &[Vec<f64>], w: &mut [Vec<f64>]) {
        for (k, w) in w.iter_mut().enumerate() {
            w.fill(0.0);
            for (share, z) in self.root[k].iter().zip(independent).filter(|(share, _)| **share != 0.0) {
                w.iter_mut().zip(z).for_each(|(w, z)| *w += share * z);
            }
        }
    }

    fn advance(&self, x: &mut [Vec<f64>], out: &[Vec<f64>], w: &[Vec<f64>], h: f64) {
        let n = x.len();
        for (x, a) in x.iter_mut().zip(out) {
            x.iter_mut().zip(a).for_each(|(x, a)| *x += a * h);
        }
        for (place, (i, k)) in self.acts.iter().enumerate() {
            for ((x, b), w) in x[*i].iter_mut().zip(&out[n + place]).zip(&w[*k]) {
                *x += b * w;
            }
            if self.step == Step::Milstein {
                for ((x, c), w) in x[*i].iter_mut().zip(&out[n + self.acts.len() + place]).zip(&w[*k]) {
                    *x += c * (w * w - h);
                }
            }
        }
    }

    fn put_inside(&self, x: &[Vec<f64>], out: &mut [Vec<f64>]) {
        for ((x, out), (lower, upper)) in x.iter().zip(out).zip(&self.inside) {
            for (o, x) in out.iter_mut().zip(x) {
                // NaN must stay NaN to be reported, so no min/max here.
                *o = if *x < *lower {
                    *lower
                } else if *x > *upper {
                    *upper
                } else {
                    *x
                };
            }
        }
    }
}

/// Increments over steps twice as long.
pub(super) fn in_pairs(increments: &Increments, noises: usize) -> Increments {
    let pairs = increments.len() / (2 * noises);
    let sum = |k: usize, j: usize| {
        let (first, second) = (&increments[2 * k * noises + j], &increments[(2 * k + 1) * noises + j]);
        first.iter().zip(second).map(|(a, b)| a + b).collect()
    };
    (0..pairs).flat_map(|k| (0..noises).map(move |j| (k, j))).map(|(k, j)| sum(k, j)).collect()
}

/// Milstein's simple form holds where every state has one noise, whose strength hangs on that state alone.
fn is_diagonal(process: &Diffusion, acts: &[(usize, usize)]) -> bool {
    let others = |i: usize| (0..process.states.len()).filter(move |j| *j != i);
    acts.iter().enumerate().all(|(place, (i, k))| {
        let b = process.diffusion[*i][*k];
        !acts[..place].iter().any(|(j, _)| j == i)
            && !others(*i).any(|j| process.frame.pool.depends_on(b, process.frame.variable(j)))
    })
}

impl Posed<'_> {
    /// Growth rate and volatility, where the process is claimed, and so proved, to be geometric Brownian motion.
    pub(super) fn geometric(&self) -> Option<(f64, f64)> {
        let (claim, scalar) = (self.under.law.as_ref()?, self.under.scalar()?);
        match (claim.law, claim.arguments_at(&scalar, self.theta).as_slice()) {
            (ClosedLaw::GeometricBrownian, [mu, sigma]) => Some((*mu, *sigma)),
            _ => None,
        }
    }
}
