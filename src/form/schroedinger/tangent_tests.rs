//! Derivatives on the modes against closed laws and against the equation solved in Laplace's domain.

use crate::form::{Form, Pairs, Transitions};
use crate::models::{Model, built_in};

/// Transitions within three standard deviations, over steps that differ.
fn near(model: &Model, theta: &[f64], starts: &[f64], dt: f64) -> Pairs {
    let mut coefficients = model.scalar().expect("one-dimensional").coefficients(theta);
    let mut pairs = Pairs::default();
    for (i, x0) in starts.iter().enumerate() {
        let dt = dt * [1.0, 1.5][i % 2];
        let b = coefficients.at(0.0, *x0).1;
        for z in [-3.0, -1.7, -0.4, 0.0, 0.9, 2.6] {
            pairs.x0.push(*x0);
            pairs.x1.push(x0 + z * b * dt.sqrt());
            pairs.dt.push(dt);
            pairs.t0.push(0.0);
        }
    }
    pairs
}

/// The largest difference of two gradients, of each parameter relative to its largest slope.
fn apart(model: &Model, theta: &[f64], pairs: &Pairs, forms: [Form; 2]) -> f64 {
    let [one, two] = forms
        .map(|form| Transitions::new(model, form).expect("the form applies").log_density(theta, pairs, true).gradient);
    let each = one.iter().zip(&two).map(|(a, b)| {
        let size = b.iter().fold(0.0f64, |most, slope| most.max(slope.abs()));
        a.iter().zip(b).map(|(a, b)| (a - b).abs() / size).fold(0.0, f64::max)
    });
    each.fold(0.0, f64::max)
}

#[test]
fn slopes_are_those_of_closed_laws() {
    for (id, theta, starts) in [
        ("ou", vec![1.5, 0.5, 0.8], vec![-1.0, 0.5, 2.0]),
        ("gbm", vec![0.1, 0.3], vec![0.7, 1.5]),
        ("cir", vec![1.3, 0.9, 0.4], vec![0.5, 0.9, 1.6]),
    ] {
        let model = built_in(id).expect("built in");
        let pairs = near(&model, &theta, &starts, 1.0 / 12.0);
        let worst = apart(&model, &theta, &pairs, [Form::Schroedinger, Form::Exact]);
        assert!(worst < 1e-7, "{id} {theta:?}: {worst:e}");
    }
}

#[test]
fn slopes_are_those_of_the_equation_where_no_law_is_known() {
    for (id, theta, starts) in [
        ("ckls", vec![2.0, -0.26, 0.13, 1.45], vec![4.0, 7.0, 12.0]),
        ("double-well", vec![1.0, 1.0, 0.8], vec![-1.0, 0.2, 1.3]),
    ] {
        let model = built_in(id).expect("built in");
        let pairs = near(&model, &theta, &starts, 1.0 / 12.0);
        let worst = apart(&model, &theta, &pairs, [Form::Schroedinger, Form::FokkerPlanck]);
        assert!(worst < 1e-7, "{id}: {worst:e}");
    }
}

#[test]
fn beside_an_end_that_is_reached_slopes_are_differences() {
    let (model, theta) = (built_in("cir").expect("built in"), [0.8, 0.06, 0.35]);
    let pairs = near(&model, &theta, &[0.02, 0.06, 0.1], 1.0 / 12.0);
    let keep: Vec<usize> = (0..pairs.len()).filter(|i| pairs.x1[*i] > 1e-3).collect();
    let worst = apart(&model, &theta, &pairs.at(&keep), [Form::Schroedinger, Form::Exact]);
    // Round-off of 1e-8 in values over a step of a hundredth.
    assert!(worst < 2e-6, "{worst:e}");
}
