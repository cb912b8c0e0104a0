//! Orders in space and time, and what every operator keeps: mass and sign.

use super::contour;
use super::layout::Ends;
use super::operator::Operator;
use super::solve::Line;
use super::tests::model;
use super::tr_bdf2::Stepper;
use crate::base::{Result, math};
use crate::form::{Accuracy, Asked};
use crate::models::{Model, built_in};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn asked<'a>(model: &'a Model, theta: &'a [f64], x0: f64, times: &'a [f64], cells: usize) -> Asked<'a> {
    let process = super::tests::line(model).expect("one-dimensional");
    let accuracy = Accuracy { cells, ..Accuracy::default() };
    Asked { model, process, theta, x0, t0: 0.0, times, accuracy }
}

/// Largest error of the density of an Ornstein-Uhlenbeck process at the nodes of the coarsest of four nested grids, the finest
/// first: of each grid, and of two extrapolated.
pub(in crate::form) fn errors_in_space() -> Result<(Vec<f64>, Vec<f64>)> {
    let model = built_in("ou")?;
    let (kappa, theta, sigma, x0, t) = (1.5, 0.5, 0.8, -1.0, 0.7);
    let times = [t];
    let parameters = [kappa, theta, sigma];
    let question = asked(&model, &parameters, x0, &times, 1600);
    let family = Line::of(&question).family(&times)?;
    let mean = theta + (x0 - theta) * math::exp(-kappa * t);
    let sd = (-0.5 * sigma * sigma / kappa * math::exp_m1(-2.0 * kappa * t)).sqrt();
    let exact = |x: f64| math::normal_pdf((x - mean) / sd) / sd;
    // At the nodes that all grids share.
    let coarsest = &family[3].0;
    let at = |level: usize, j: usize| -> f64 {
        let (grid, masses) = &family[level];
        let i = (grid.start as isize + (j as isize - coarsest.start as isize) * (1 << (3 - level))) as usize;
        masses.cells[0][i] / masses.widths[i]
    };
    let error = |value: &dyn Fn(usize) -> f64| {
        (2..coarsest.len() - 2).map(|j| (value(j) - exact(coarsest.nodes[j])).abs()).fold(0.0, f64::max)
    };
    let plain: Vec<f64> = (0..4).map(|level| error(&|j| at(level, j))).collect();
    let extrapolated: Vec<f64> = (0..3).map(|l| error(&|j| (4.0 * at(l, j) - at(l + 1, j)) / 3.0)).collect();
    Ok((plain, extrapolated))
}

#[test]
fn space_is_second_order_before_extrapolation_and_fourth_after() -> Result<()> {
    let (plain, extrapolated) = errors_in_space()?;
    for (errors, wanted) in [(&plain, 2.0), (&extrapolated, 4.0)] {
        for pair in errors.windows(2) {
            assert!(((pair[1] / pair[0]).log2() - wanted).abs() < 0.1, "{plain:?} {extrapolated:?}");
        }
    }
    Ok(())
}

/// A chain of steps up and down, and a start on it.
fn chain() -> (Operator, Vec<f64>) {
    let n = 30;
    let up = (0..n).map(|i| if i + 1 < n { 3.0 - 0.05 * i as f64 } else { 0.0 }).collect();
    let down = (0..n).map(|i| if i > 0 { 1.0 + 0.1 * i as f64 } else { 0.0 }).collect();
    let start = (0..n).map(|i| math::normal_pdf((i as f64 - 10.0) / 2.0) / 2.0).collect();
    (Operator::chain(up, down), start)
}

/// L1 error at t = 1 of so many steps of TR-BDF2.
pub(in crate::form) fn error_in_time(steps: usize) -> f64 {
    let (operator, start) = chain();
    let (exact, _) = contour::exponential(&operator, &start, 1.0);
    let mut mass = start;
    let mut stepper = Stepper::new(&operator, f64::INFINITY);
    for _ in 0..steps {
        assert!(stepper.step([&operator; 3], &mut mass, 1.0 / steps as f64).is_some());
    }
    mass.iter().zip(&exact).map(|(a, b)| (a - b).abs()).sum::<f64>()
}

/// L1 error of the contour at this time, against the exponential of the dense matrix (Higham 2005).
pub(in crate::form) fn error_of_the_contour(t: f64) -> f64 {
    let (operator, start) = chain();
    let n = start.len();
    let matrix = nalgebra::DMatrix::from_fn(n, n, |i, j| match i as isize - j as isize {
        0 => -operator.up[j] - operator.down[j],
        1 => operator.up[j],
        -1 => operator.down[j],
        _ => 0.0,
    });
    let exact = (matrix * t).exp() * nalgebra::DVector::from_vec(start.clone());
    contour::exponential(&operator, &start, t).0.iter().zip(&exact).map(|(a, b)| (a - b).abs()).sum()
}

#[test]
fn steps_in_time_are_second_order() {
    for steps in [40, 80, 160] {
        let slope = (error_in_time(steps) / error_in_time(2 * steps)).log2();
        assert!((slope - 2.0).abs() < 0.1, "{steps}: {slope}");
    }
    assert!(error_of_the_contour(1.0) < 1e-11, "{}", error_of_the_contour(1.0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn mass_is_kept_and_nothing_is_negative(
        (a, b, c) in (-4.0..4.0, -4.0..4.0, -3.0..3.0),
        (low, wave) in (0.3..1.5, 0.0..0.8),
        (x0, t) in (0.1..0.9, 0.01..1.0),
        kind in 0usize..3,
        (timed, jumps) in (0usize..4, 0usize..4),
    ) {
        let ends = ["reflecting", "absorbing", "periodic"][kind];
        let clock = if timed == 0 { "*cos(3*t)" } else { "" };
        let text = (
            format!("({a} + {b}*sin(2*pi*x) + {c}*cos(4*pi*x)){clock}"),
            format!("{low} + {wave}*{low}*sin(2*pi*x)"),
        );
        let mut model = model(ends, "[0.0, 1.0]", &text.0, &text.1);
        if jumps == 0 {
            model = super::tests::jumping(ends, &text.0, &text.1);
        }
        let times = [0.3 * t, t];
        let question = asked(&model, &[], x0, &times, 60);
        let family = Line::of(&question).family(&times).expect("an answer");
        for (_, masses) in &family {
            for (cells, atoms) in masses.cells.iter().zip(&masses.atoms) {
                let total = cells.iter().sum::<f64>() + atoms[0] + atoms[1];
                prop_assert!((total - 1.0).abs() < 1e-12, "{} {:?}: {}", ends, text, total - 1.0);
                let least = cells.iter().chain(atoms).copied().fold(0.0, f64::min);
                prop_assert!(least > -1e-12, "{} {:?}: {}", ends, text, least);
                prop_assert!(*atoms == [0.0; 2] || ends == "absorbing");
            }
        }
        let solved = super::tests::solved(&model, &[], x0, &times, 60);
        for row in &solved.laws {
            let law = &row[0];
            prop_assert!((law.cdf(1.0) - 1.0).abs() < 1e-12 && law.cdf(-1e-9) == 0.0);
            for x in [0.001, 0.2, 0.5, 0.77, 0.999] {
                let pdf = math::exp(law.log_pdf(x).expect("a density"));
                prop_assert!(pdf >= 0.0 && pdf.is_finite(), "{} {:?} at {}: {}", ends, text, x, pdf);
            }
        }
    }
}

/// What was absorbed by 0.5 at the upper of two ends, the lower one reflecting, less its closed form, on four nested grids, the finest
/// first.
pub(in crate::form) fn errors_of_absorption() -> Result<Vec<f64>> {
    use crate::process::Boundary;
    let model = model("reflecting", "[0.0, 1.0]", "0", "1");
    let times = [0.5];
    let question = asked(&model, &[], 0.4, &times, 160);
    let ends: Ends = [Boundary::Reflecting, Boundary::Absorbing];
    let line = Line { ends, ..Line::of(&question) };
    let family = line.family(&times)?;
    // Survival by the odd cosines: Σ 4 (-1)^k/((2k+1)π) cos((2k+1)πx/2) e^{-((2k+1)π/2)² t/2}.
    let pi = std::f64::consts::PI;
    let term = |k: i32| {
        let m = f64::from(2 * k + 1);
        let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
        4.0 * sign / (m * pi) * math::cos(0.5 * m * pi * 0.4) * math::exp(-0.125 * m * m * pi * pi * 0.5)
    };
    let survival: f64 = (0..40).map(term).sum();
    assert!(family.iter().all(|(_, masses)| masses.atoms[0][0] == 0.0));
    Ok(family.iter().map(|(_, masses)| masses.atoms[0][1] - 1.0 + survival).collect())
}

#[test]
fn ends_of_two_kinds_stand_beside_each_other() -> Result<()> {
    let each = errors_of_absorption()?;
    let error = |level: usize| ((4.0 * each[level] - each[level + 1]) / 3.0).abs();
    assert!(error(0) < 1e-9, "{}", error(0));
    for level in 0..2 {
        let slope = (error(level + 1) / error(level)).log2();
        assert!((slope - 4.0).abs() < 0.1, "{slope} {} {}", error(level), error(level + 1));
    }
    Ok(())
}
