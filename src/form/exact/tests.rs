//! Closed densities against their laws, their moments and their difference quotients.

use super::*;
use crate::form::{Form, Transitions};
use crate::models::built_in;

const MODELS: [(&str, [f64; 3]); 5] = [
    ("bm", [0.3, 0.7, 0.0]),
    ("gbm", [0.1, 0.3, 0.0]),
    ("ou", [1.5, 0.5, 0.8]),
    ("cir", [0.5, 0.9, 0.4]),
    ("exp-ou", [1.2, 0.1, 0.3]),
];

fn five_point(f: impl Fn(f64) -> f64, h: f64) -> f64 {
    (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h)
}

#[test]
fn gradients_of_log_density_and_moments_are_their_difference_quotients() -> Result<()> {
    for (id, theta) in MODELS {
        let model = built_in(id)?;
        let theta = &theta[..model.params.len()];
        let transitions = Transitions::new(&model, Form::Exact)?;
        for dt in [1.0 / 252.0, 0.5] {
            let pairs = Pairs { x0: vec![0.8], x1: vec![0.83], dt: vec![dt], t0: vec![0.0] };
            let batch = transitions.log_density(theta, &pairs, true);
            let moments = transitions.moments(theta, &pairs);
            for k in 0..theta.len() {
                let moved = |h: f64| {
                    let mut moved = theta.to_vec();
                    moved[k] += h;
                    moved
                };
                let h = 1e-3 * theta[k].abs();
                for (exact, quotient) in [
                    (
                        batch.gradient[k][0],
                        five_point(|h| transitions.log_density(&moved(h), &pairs, false).value[0], h),
                    ),
                    (moments.d_mean[k][0], five_point(|h| transitions.moments(&moved(h), &pairs).mean[0], h)),
                    (moments.d_variance[k][0], five_point(|h| transitions.moments(&moved(h), &pairs).variance[0], h)),
                ] {
                    assert!(
                        (exact - quotient).abs() < 1e-7 * (1.0 + exact.abs()),
                        "{id} {k} dt {dt}: {exact} {quotient}"
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_transition_law_and_its_log_density_are_the_same_law() -> Result<()> {
    for (id, theta) in MODELS {
        let model = built_in(id)?;
        let theta = &theta[..model.params.len()];
        let claim = model.law.as_ref().expect("a closed law");
        let law =
            transition(claim.law, &claim.arguments_at(&model.scalar().expect("one-dimensional"), theta), 0.8, 0.3);
        let transitions = Transitions::new(&model, Form::Exact)?;
        for x1 in [0.2, 0.7, 1.6] {
            let pairs = Pairs { x0: vec![0.8], x1: vec![x1], dt: vec![0.3], t0: vec![0.0] };
            let value = transitions.log_density(theta, &pairs, false).value[0];
            assert!((value - law.log_pdf(x1).expect("a density")).abs() < 1e-10, "{id} {x1}");
        }
        let moments = transitions.moments(theta, &Pairs { x0: vec![0.8], x1: vec![0.8], dt: vec![0.3], t0: vec![0.0] });
        assert!((moments.mean[0] - law.mean().expect("mean")).abs() < 1e-12, "{id}");
        assert!((moments.variance[0].sqrt() - law.sd().expect("sd")).abs() < 1e-12, "{id}");
    }
    Ok(())
}

#[test]
fn a_gap_of_many_relaxation_times_leaves_the_stationary_gamma_law() -> Result<()> {
    let model = built_in("cir")?;
    let transitions = Transitions::new(&model, Form::Exact)?;
    let at = |dt: f64| {
        let pairs = Pairs { x0: vec![0.8], x1: vec![0.9], dt: vec![dt], t0: vec![0.0] };
        transitions.log_density(&[0.5, 0.9, 0.4], &pairs, true)
    };
    // Gamma with shape 2κθ/σ² and rate 2κ/σ².
    let (shape, rate) = (5.625, 6.25);
    let gamma = shape * math::ln(rate) - math::ln_gamma(shape) + (shape - 1.0) * math::ln(0.9) - rate * 0.9;
    assert!((at(5000.0).value[0] - gamma).abs() < 1e-12);
    assert!(at(5000.0).gradient.iter().all(|g| g[0].is_finite()));
    // The two ways of writing it meet where one hands over to the other.
    for k in 0..3 {
        let (before, after) = (at(57.0).gradient[k][0], at(58.5).gradient[k][0]);
        assert!((before - after).abs() < 1e-7 * (1.0 + before.abs()), "{k}: {before} {after}");
    }
    Ok(())
}

#[test]
fn daily_steps_do_not_break_the_square_root_density() -> Result<()> {
    let model = built_in("cir")?;
    let transitions = Transitions::new(&model, Form::Exact)?;
    let pairs = Pairs { x0: vec![5.0], x1: vec![5.0], dt: vec![1.0 / 252.0], t0: vec![0.0] };
    let exact = transitions.log_density(&[0.04, 5.0, 0.43], &pairs, true);
    let kessler = Transitions::new(&model, Form::Kessler)?.log_density(&[0.04, 5.0, 0.43], &pairs, true);
    // At the mean the two differ only by the square of the one-step skewness, 3 b' √dt = 0.018.
    assert!((exact.value[0] - kessler.value[0]).abs() < 0.018f64.powi(2));
    assert!(exact.gradient.iter().all(|g| g[0].is_finite()));
    Ok(())
}
