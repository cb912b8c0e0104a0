//! Transition densities in closed form for any one-dimensional text: normal ones, Milstein's, and the log density as a series.
//!
//! | form | mean and variance to | source |
//! |---|---|---|
//! | `euler` | dt, dt | |
//! | `kessler`, `kessler-truncated` | dt², dt² | Kessler (1997) |
//! | `ozaki`, `local-linear` | dt² for noise that does not change with the state, else dt, dt | Ozaki (1992), Shoji & Ozaki (1998) |
//! | `shoji-ozaki` | the same where the noise is one; moments of `x` are Kessler's | Shoji & Ozaki (1998) |
//! | `milstein` | dt, dt², with the skewness of the noise | Elerian (1998) |
//! | `expansion` | the log density to dt³; moments are Kessler's | Aït-Sahalia (2002, 2008) |
//!
//! All are written as expressions and compiled, with exact derivatives in every parameter; one pass of a tape answers all pairs.

mod formula;
mod gaussian;
mod lamperti;
mod legendre;
mod milstein;
mod scores;
mod segment;
mod series;
#[cfg(test)]
mod study;
#[cfg(test)]
mod tests;

use super::{Batch, Form, Moments, Pairs};
use crate::expr::{Id, Pool, Scratch, Tape};
use crate::process::{Scalar, symbol};

/// Order in the step of the series that `expansion` is.
const ORDER: usize = 3;

/// A form's answer as tapes: conditional mean and variance over (x0, dt, t0), log density and scores over those and x1.
#[derive(Debug)]
pub(super) struct Expansion {
    moments: Tape,
    moments_with_gradient: Tape,
    density: Tape,
    density_with_gradient: Tape,
    /// A normal score, and what its probability is short of the law's; nothing where the density must be integrated.
    scores: Option<(Tape, usize)>,
    /// Euler's mean and variance, which say where the law lies.
    reach: Tape,
    n_params: usize,
}

const LANES: [usize; 3] = [symbol::STATE, symbol::STEP, symbol::TIME];

/// What varies from pair to pair.
struct Symbols {
    x0: Id,
    x1: Id,
    dt: Id,
    t0: Id,
}

/// A transition law in letters.
struct Written {
    mean: Id,
    variance: Id,
    log_density: Id,
    /// `z` with `P(X <= x1) = Φ(z)`, or `z` and `r` with `P = Φ(z) + r`, or none.
    scores: Vec<Id>,
}

impl Expansion {
    pub fn new(process: &Scalar, form: Form) -> Expansion {
        Expansion::compiled(process, |pool, at| {
            let moments = match form {
                Form::ShojiOzaki => return lamperti::shoji_ozaki(pool, process, at),
                Form::Milstein => return milstein::milstein(pool, process, at),
                Form::Expansion => return series::series(pool, process, at, ORDER),
                Form::Ozaki => gaussian::ozaki(pool, process, at),
                Form::LocalLinear => gaussian::local_linear(pool, process, at),
                Form::Kessler | Form::KesslerTruncated => {
                    gaussian::kessler(pool, process, form == Form::KesslerTruncated)
                }
                _ => gaussian::euler(pool, process),
            };
            gaussian::normal(pool, at, moments)
        })
    }

    fn compiled(process: &Scalar, write: impl Fn(&mut Pool, &Symbols) -> Written) -> Expansion {
        let mut pool = process.pool().clone();
        // The name cannot be typed, so no model text can use it.
        let next = pool.add_symbol("#next");
        let [x0, dt, t0] = LANES.map(|s| pool.symbol_at(s));
        let at = Symbols { x0, x1: pool.symbol_at(next), dt, t0 };
        let written = write(&mut pool, &at);
        let params: Vec<usize> = (0..process.n_params()).map(|k| Scalar::FIRST_PARAM + k).collect();
        let mut moments = vec![written.mean, written.variance];
        for of in [written.mean, written.variance] {
            moments.extend(pool.gradient(of, &params));
        }
        let mut density = vec![written.log_density];
        density.extend(pool.gradient(written.log_density, &params));
        let lanes = [LANES[0], LANES[1], LANES[2], next];
        let (mean, variance) = gaussian::euler(&mut pool, process);
        Expansion {
            moments: Tape::compile(&pool, &moments[..2], &LANES),
            moments_with_gradient: Tape::compile(&pool, &moments, &LANES),
            density: Tape::compile(&pool, &density[..1], &lanes),
            density_with_gradient: Tape::compile(&pool, &density, &lanes),
            scores: match written.scores.len() {
                0 => None,
                columns => Some((Tape::compile(&pool, &written.scores, &lanes), columns)),
            },
            reach: Tape::compile(&pool, &[mean, variance], &LANES),
            n_params: process.n_params(),
        }
    }

    /// Log densities of the pairs, and their gradients where asked. A variance that is not positive, and a state that the form
    /// cannot reach, have no density: minus infinity, which tells the optimiser so.
    pub fn log_density(&self, process: &Scalar, theta: &[f64], pairs: &Pairs, gradient: bool) -> Batch {
        let (tape, columns) =
            if gradient { (&self.density_with_gradient, 1 + self.n_params) } else { (&self.density, 1) };
        let mut columns = run(tape, columns, process, theta, pairs).into_iter();
        let mut value = columns.next().unwrap_or_default();
        for v in &mut value {
            if v.is_nan() {
                *v = f64::NEG_INFINITY;
            }
        }
        Batch { value, gradient: columns.collect() }
    }

    pub fn moments(&self, process: &Scalar, theta: &[f64], pairs: &Pairs, gradient: bool) -> Moments {
        let (tape, columns) =
            if gradient { (&self.moments_with_gradient, 2 + 2 * self.n_params) } else { (&self.moments, 2) };
        let mut columns = run(tape, columns, process, theta, pairs).into_iter();
        let mean = columns.next().unwrap_or_default();
        let variance = columns.next().unwrap_or_default();
        let d_mean = columns.by_ref().take(self.n_params).collect();
        Moments { mean, variance, d_mean, d_variance: columns.collect() }
    }
}

/// `[output][pair]`
fn run(tape: &Tape, columns: usize, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Vec<Vec<f64>> {
    let mut symbols = process.symbols(theta, 0.0);
    symbols.push(f64::NAN);
    let mut out = vec![vec![0.0; pairs.len()]; columns];
    let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
    let inputs: [&[f64]; 4] = [&pairs.x0, &pairs.dt, &pairs.t0, &pairs.x1];
    tape.run(&symbols, &inputs, &mut slices, &mut Scratch::default());
    out
}
