//! The Fokker-Planck equation `∂p/∂t = -∂x(a p) + ½ ∂²x(b² p)` by conservative finite volumes.
//!
//! Space: exponentially fitted fluxes (Scharfetter & Gummel 1969; Chang & Cooper 1970) on a grid fitted to the process,
//! so the matrix is an M-matrix with zero column sums: mass is kept and the stationary law is reproduced. Two grids and
//! Richardson's extrapolation make the answer fourth-order in space. Time: for constant coefficients the exponential of the
//! matrix by a contour integral, thirteen digits at any horizon without a step; for coefficients that change with time,
//! TR-BDF2 with steps chosen by its embedded error. The start is a unit mass on a node.
//!
//! Cost: about 0.1 µs a cell and horizon. Not for absorbing ends or jumps. Two dimensions are [`plane`]'s.

mod contour;
mod operator;
pub mod plane;
mod tr_bdf2;

use super::lamperti::{self, Grid, Reach};
use super::richardson::{self, Solution};
use super::{Accuracy, Asked, Solved, ends_are, why_not_line};
use crate::base::{Error, Result};
use crate::process::{Boundary, Coefficients, Diffusion};
use operator::Operator;

/// Why this form does not answer a diffusion; `None` where it does.
pub(super) fn why_not(process: &Diffusion) -> Option<String> {
    if process.states.len() > 1 {
        return plane::why_not(process);
    }
    why_not_line(process).or(match process.states[0].boundary {
        b @ (Boundary::Absorbing | Boundary::Periodic) => Some(ends_are(b)),
        _ => None,
    })
}

pub(super) fn solve(question: &Asked) -> Result<Solved> {
    let mut coefficients = question.process.coefficients(question.theta);
    richardson::answers(question, |grid, times| on_grid(question, &mut coefficients, grid, times, question.accuracy))
        .map(Solved::from)
}

/// `exp(t A) mass` for the tridiagonal generator with these rates up and down from each state, `t > 0`.
pub(super) fn exponential(up: Vec<f64>, down: Vec<f64>, mass: &[f64], t: f64) -> Vec<f64> {
    contour::exponential(&Operator { up, down, widths: Vec::new() }, mass, t)
}

/// How far a grid must reach to hold the probability at all `times`, by cheap pilot runs.
///
/// # Errors
/// [`Error::Numerics`] where no finite grid holds the process.
pub(super) fn reach(question: &Asked, times: &[f64]) -> Result<Reach> {
    let mut coefficients = question.process.coefficients(question.theta);
    let mut again = question.process.coefficients(question.theta);
    let rough = Accuracy { tolerance: 1e-5, ..question.accuracy };
    let horizon = times.last().map_or(0.0, |t| t - question.t0);
    lamperti::find_reach(question, &mut coefficients, horizon, |grid| {
        on_grid(question, &mut again, grid, times, rough).map(|solution| solution.masses)
    })
}

/// Rates up and down from each node of a grid: the generator whose adjoint this form solves. `None` where a coefficient is not
/// finite.
pub(super) fn rates(grid: &Grid, coefficients: &mut Coefficients, time: f64) -> Option<[Vec<f64>; 2]> {
    Operator::new(grid, coefficients, time).map(|operator| [operator.up, operator.down])
}

fn on_grid(
    question: &Asked,
    coefficients: &mut Coefficients,
    grid: &Grid,
    times: &[f64],
    accuracy: Accuracy,
) -> Result<Solution> {
    let operator = Operator::new(grid, coefficients, question.t0).ok_or_else(|| broken(question, NOT_FINITE))?;
    let mut start = vec![0.0; grid.len()];
    start[grid.start] = 1.0;
    let masses = if question.process.is_time_dependent() {
        stepped(question, coefficients, grid, times, accuracy.tolerance, start)?
    } else {
        times.iter().map(|time| contour::exponential(&operator, &start, time - question.t0)).collect()
    };
    Ok(Solution { masses, widths: operator.widths })
}

/// Steps in time, the matrix assembled anew at the middle of each.
fn stepped(
    question: &Asked,
    coefficients: &mut Coefficients,
    grid: &Grid,
    times: &[f64],
    tolerance: f64,
    mut mass: Vec<f64>,
) -> Result<Vec<Vec<f64>>> {
    let mut at = |time: f64| Operator::new(grid, coefficients, time).ok_or_else(|| broken(question, NOT_FINITE));
    let mut stepper = tr_bdf2::Stepper::new(&at(question.t0)?, tolerance);
    let mut masses = Vec::with_capacity(times.len());
    let mut now = question.t0;
    for time in times {
        while now < *time {
            let operator = at(now + 0.5 * stepper.planned(*time - now))?;
            let done = stepper
                .step(&operator, &mut mass, *time - now)
                .ok_or_else(|| broken(question, "the time step became too small for the drift"))?;
            // Land on the asked time exactly.
            now = if done >= *time - now { *time } else { now + done };
        }
        masses.push(mass.clone());
    }
    Ok(masses)
}

const NOT_FINITE: &str = "drift or diffusion is not finite on the grid";

fn broken(question: &Asked, why: &str) -> Error {
    Error::Numerics {
        what: format!("the Fokker-Planck equation of model '{}'", question.model.id),
        why: why.to_string(),
        hint: "use --form monte-carlo, or check the parameters with --set".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed, math};
    use crate::form::{Form, Question, laws};
    use crate::models::built_in;

    fn ask<'a>(theta: &'a [f64], start: &'a [f64], times: &'a [f64], cells: usize) -> Question<'a> {
        let accuracy = Accuracy { cells, tolerance: 1e-9, ..Accuracy::default() };
        Question { theta, start, t0: 0.0, times, accuracy, key: Seed(1).key(Purpose::Forecast, 0, 0) }
    }

    #[test]
    fn ornstein_uhlenbeck_converges_at_fourth_order_to_its_law() -> Result<()> {
        let model = built_in("ou")?;
        let theta = [1.5, 0.5, 0.8];
        let error = |cells: usize| -> Result<f64> {
            let exact = &laws(&model, Form::Exact, &ask(&theta, &[-1.0], &[0.7], cells))?[0];
            let grid = &laws(&model, Form::FokkerPlanck, &ask(&theta, &[-1.0], &[0.7], cells))?[0];
            let worst = [0.05, 0.3, 0.5, 0.8, 0.95].map(|p| (grid.quantile(p) - exact.quantile(p)).abs());
            Ok(worst.into_iter().fold(0.0, f64::max))
        };
        let (coarse, fine) = (error(150)?, error(300)?);
        assert!(fine < 1e-5, "{fine}");
        assert!((coarse / fine).log2() > 3.0, "{coarse} {fine}");
        Ok(())
    }

    #[test]
    fn a_square_root_process_that_touches_zero_keeps_its_law() -> Result<()> {
        // 2 kappa theta / sigma² = 0.5: Feller's condition fails and the density is infinite at zero.
        let model = built_in("cir")?;
        let theta = [1.0, 0.25, 1.0];
        let times = [0.2, 1.0, 5.0];
        let exact = laws(&model, Form::Exact, &ask(&theta, &[0.3], &times, 800))?;
        let grid = laws(&model, Form::FokkerPlanck, &ask(&theta, &[0.3], &times, 800))?;
        for (e, g) in exact.iter().zip(&grid) {
            assert!((e.mean().expect("mean") - g.mean().expect("mean")).abs() < 1e-4, "{:?} {:?}", e.mean(), g.mean());
            for p in [0.3, 0.5, 0.95] {
                assert!((g.cdf(e.quantile(p)) - p).abs() < 5e-4, "{p}: {}", g.cdf(e.quantile(p)));
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_absorbed_at_zero_leaves_the_martingale_mean() -> Result<()> {
        // cev with gamma >= 1/2 is stopped at zero, and e^{-mu t} x stays a martingale (Delbaen & Shirakawa 2002).
        let model = built_in("cev")?;
        for (gamma, t) in [(0.6, 2.0), (0.6, 4.0), (0.5, 2.0), (0.8, 4.0)] {
            let theta = [0.05, 0.4, gamma];
            let law = &laws(&model, Form::FokkerPlanck, &ask(&theta, &[0.3], &[t], 500))?[0];
            let mean = law.mean().expect("mean");
            assert!((mean / (0.3 * math::exp(0.05 * t)) - 1.0).abs() < 2e-3, "{gamma} {t}: {mean}");
        }
        Ok(())
    }

    #[test]
    fn the_double_well_settles_to_boltzmann() -> Result<()> {
        let model = built_in("double-well")?;
        let theta = [0.3, 1.0, 0.8];
        let law = &laws(&model, Form::FokkerPlanck, &ask(&theta, &[0.9], &[200.0], 600))?[0];
        // p ∝ exp(-2 U / sigma²), U = height ((x/width)² - 1)².
        let weight = |x: f64| math::exp(-2.0 * 0.3 * (x * x - 1.0).powi(2) / 0.64);
        let total: f64 = (-40_000..40_000).map(|i| weight(f64::from(i) * 1e-4) * 1e-4).sum();
        for x in [-1.4, -0.5, 0.0, 1.0] {
            let pdf = math::exp(law.log_pdf(x).expect("a density"));
            assert!((pdf / (weight(x) / total) - 1.0).abs() < 1e-3, "{x}: {pdf} {}", weight(x) / total);
        }
        assert!(law.mean().expect("mean").abs() < 1e-3);
        Ok(())
    }

    #[test]
    fn mass_is_kept_and_nothing_is_negative() -> Result<()> {
        let model = built_in("ckls")?;
        let theta = [2.0, -0.26, 0.13, 1.45];
        let process = model.scalar().expect("one-dimensional");
        let mut coefficients = process.coefficients(&theta);
        let reach = Reach { below: 6.0, above: 6.0, spacing: 0.02 };
        let grid = lamperti::grid(&mut coefficients, process.state, 6.0, 0.0, reach);
        let accuracy = Accuracy { tolerance: 1e-8, ..Accuracy::default() };
        let question = Asked { model: &model, process, theta: &theta, x0: 6.0, t0: 0.0, times: &[0.1, 1.0], accuracy };
        let solution = on_grid(&question, &mut coefficients, &grid, question.times, accuracy)?;
        for mass in &solution.masses {
            assert!((mass.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(mass.iter().all(|m| *m > -1e-13));
        }
        Ok(())
    }
}
