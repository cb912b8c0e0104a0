//! The gradient of the log likelihood by its derivative tape against central differences of the value.

use super::{Clause, absent, clause};
use crate::form::{Form, Pairs, Transitions};
use crate::models::Model;

const NAME: &str = "gradient";
/// Relative difference allowed.
const BOUND: f64 = 1e-8;

/// Every partial derivative of the log density of one short transition, by every closed density.
pub(super) fn gradient(model: &Model, theta: &[f64], start: &[f64], dt: f64) -> Clause {
    let mut worst = (0.0, String::from("no parameter"));
    let mut compared = 0;
    for form in Form::ALL.into_iter().filter(|form| *form == Form::Exact || form.is_one_step()) {
        let Ok(transitions) = Transitions::new(model, form) else { continue };
        let x0 = start.first().copied().unwrap_or(1.0);
        // A step of typical size: where the next observation would be without noise, and one sd up.
        let from = Pairs { x0: vec![x0], x1: vec![x0], dt: vec![dt], t0: vec![0.0] };
        let moments = transitions.moments(theta, &from);
        let pairs = Pairs { x1: vec![moments.mean[0] + moments.variance[0].sqrt()], ..from };
        let batch = transitions.log_density(theta, &pairs, true);
        // Ozaki's form has no density where the state is zero.
        if form == Form::Ozaki && !batch.value[0].is_finite() {
            continue;
        }
        let exact = batch.gradient;
        for (k, p) in model.params.iter().enumerate() {
            let value = |h: f64| {
                let mut moved = theta.to_vec();
                moved[k] += h;
                transitions.log_density(&moved, &pairs, false).value[0]
            };
            let size = p.size(theta[k]);
            let h = 1e-3 * if size.is_finite() { size.min(theta[k].abs().max(1e-3)) } else { theta[k].abs().max(0.1) };
            // Eighth-order quotient: its own error is below the bound for any smooth density.
            let weights = [(1.0, 0.8), (2.0, -0.2), (3.0, 4.0 / 105.0), (4.0, -1.0 / 280.0)];
            let quotient: f64 = weights.iter().map(|(j, w)| w * (value(j * h) - value(-j * h))).sum::<f64>() / h;
            let difference = (exact[k][0] - quotient).abs() / (1.0 + exact[k][0].abs());
            compared += 1;
            let difference = if difference.is_nan() { f64::INFINITY } else { difference };
            if !(difference <= worst.0) {
                worst = (difference, format!("{} by {}", p.name, form.name()));
            }
        }
    }
    if compared == 0 {
        return absent(NAME, "transition densities of this kind come later");
    }
    clause(NAME, worst.0 <= BOUND, format!("within {:.0e} of differences, worst for {}", worst.0, worst.1))
}
