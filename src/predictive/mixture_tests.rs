//! Mixtures against the laws they are another name of, and against the definition of the score.

use super::*;
use crate::base::{Purpose, Seed};

fn normals() -> Vec<(f64, Predictive)> {
    [(0.5, 0.0, 1.0), (0.3, 2.0, 0.2), (0.2, -1.0, 3.0)]
        .map(|(w, mean, sd)| (w, Predictive::Normal { mean, sd }))
        .to_vec()
}

fn mixture(parts: Vec<(f64, Predictive)>) -> Predictive {
    Predictive::mixture(parts).expect("positive weights")
}

/// Laws of every kind under one roof.
fn motley() -> Predictive {
    let samples = (0..40).map(|i| f64::from(i) * 0.07 - 0.9).collect();
    let rest = Predictive::Normal { mean: 0.5, sd: 0.8 };
    mixture(vec![
        (2.0, Predictive::Normal { mean: 0.3, sd: 0.7 }),
        (1.0, Predictive::LogNormal { mu: -0.2, sigma: 0.5 }),
        (1.0, Predictive::StudentT { location: 1.0, scale: 0.4, df: 4.5 }),
        (0.5, Predictive::Mixed(Mixed::new(vec![(-1.0, 0.3)], Some(rest)).expect("a law"))),
        (0.5, Predictive::Ensemble(Ensemble::new(samples, Vec::new()).expect("finite"))),
    ])
}

#[test]
fn a_mixture_of_one_law_with_itself_is_that_law() {
    for law in [
        Predictive::Normal { mean: 0.3, sd: 0.7 },
        Predictive::LogNormal { mu: 0.1, sigma: 0.4 },
        Predictive::ScaledChiSquare { scale: 0.02, df: 3.0, lambda: 40.0 },
        Predictive::StudentT { location: -0.2, scale: 0.4, df: 4.5 },
    ] {
        let Predictive::Mixture(parts) = mixture(vec![(1.0, law.clone()), (3.0, law.clone())]) else {
            panic!("two parts are a mixture")
        };
        let twice = Predictive::Mixture(parts);
        for p in [1e-6, 0.05, 0.5, 0.9, 0.9999] {
            assert!((twice.quantile(p) / law.quantile(p) - 1.0).abs() < 1e-9, "{law:?} {p}");
        }
        let y = law.quantile(0.8);
        assert!((twice.crps(y) / law.crps(y) - 1.0).abs() < 1e-8, "{law:?}: {} {}", twice.crps(y), law.crps(y));
        assert!((twice.log_pdf(y).expect("a density") - law.log_pdf(y).expect("a density")).abs() < 1e-12);
        assert!((twice.mean().expect("mean") / law.mean().expect("mean") - 1.0).abs() < 1e-14);
        assert!((twice.sd().expect("sd") / law.sd().expect("sd") - 1.0).abs() < 1e-14);
        assert!((twice.shortfall(0.05) / law.shortfall(0.05) - 1.0).abs() < 1e-6);
    }
}

#[test]
fn quantiles_undo_the_distribution_function_and_the_density_is_its_slope() {
    let law = mixture(normals());
    for p in [1e-9, 1e-3, 0.2, 0.5, 0.77, 0.95, 1.0 - 1e-9] {
        let x = law.quantile(p);
        assert!((law.cdf(x) / p - 1.0).abs() < 1e-10, "{p}: {x} {}", law.cdf(x));
        let h = 1e-5;
        let slope = (law.cdf(x + h) - law.cdf(x - h)) / (2.0 * h);
        assert!((law.log_pdf(x).expect("a density").exp() / slope - 1.0).abs() < 1e-3, "{p}");
    }
    // With an atom the quantile is the smallest value that is enough.
    let law = motley();
    let jump = law.cdf(-1.0) - law.cdf(-1.0 - 1e-12);
    assert!((jump - 0.03).abs() < 1e-9, "{jump}");
    let inside = law.cdf(-1.0) - 0.5 * jump;
    assert!((law.quantile(inside) + 1.0).abs() < 1e-12, "{}", law.quantile(inside));
}

#[test]
fn the_score_is_closed_for_normal_parts_and_the_quadrature_agrees() {
    let law = mixture(normals());
    // ½ E|X - X'| = ∫ F (1 - F): the midpoint rule on a smooth function that vanishes at both ends.
    let (n, reach) = (20_000, 40.0);
    let h = 2.0 * reach / f64::from(n);
    let half_pairs: f64 = (0..n)
        .map(|i| {
            let f = law.cdf((f64::from(i) + 0.5) * h - reach);
            h * f * (1.0 - f)
        })
        .sum();
    for y in [-4.0, 0.3, 2.0, 7.5] {
        let exact = law.expect(&mut |x| (x - y).abs()).expect("finite") - half_pairs;
        assert!((law.crps(y) - exact).abs() < 1e-10, "{y}: {} {exact}", law.crps(y));
    }
}

#[test]
fn the_score_of_mixed_kinds_is_its_definition() {
    let law = motley();
    let Predictive::Mixture(parts) = &law else { panic!("a mixture") };
    // The distribution function without the half sample that keeps probabilities from zero and one.
    let plain = |x: f64| -> f64 {
        let one = |law: &Predictive| match law {
            Predictive::Ensemble(e) => e.samples().partition_point(|s| *s <= x) as f64 / e.samples().len() as f64,
            other => other.cdf(x),
        };
        parts.parts().iter().map(|(w, law)| w * one(law)).sum()
    };
    for y in [-2.0, 0.4, 3.0] {
        let (n, from, to) = (400_000, -40.0, 60.0);
        let h = (to - from) / f64::from(n);
        let sum: f64 = (0..n)
            .map(|i| {
                let x = from + (f64::from(i) + 0.5) * h;
                let f = plain(x);
                h * if x < y { f * f } else { (1.0 - f) * (1.0 - f) }
            })
            .sum();
        assert!((law.crps(y) - sum).abs() < 3e-5, "{y}: {} {sum}", law.crps(y));
    }
}

#[test]
fn a_parameter_mixture_of_many_parts_is_scored_to_eight_digits() {
    // Log-normal laws as draws of a volatility make them; samples of one each would be the same score in the limit.
    let parts: Vec<(f64, Predictive)> = (0..64)
        .map(|i| {
            let z = math::normal_quantile((f64::from(i) + 0.5) / 64.0);
            (1.0, Predictive::LogNormal { mu: 0.02 * z, sigma: 0.3 * (0.2 * z).exp() })
        })
        .collect();
    let law = mixture(parts);
    for y in [0.4, 1.0, 1.9] {
        let away = law.expect(&mut |x| (x - y).abs()).expect("finite");
        // ½ E|X - X'| = ∫ F (1 - F).
        let (n, to) = (200_000, 12.0);
        let h = to / f64::from(n);
        let pairs: f64 = (0..n)
            .map(|i| {
                let f = law.cdf((f64::from(i) + 0.5) * h);
                h * f * (1.0 - f)
            })
            .sum();
        assert!((law.crps(y) - (away - pairs)).abs() < 1e-8, "{y}: {} {}", law.crps(y), away - pairs);
    }
}

#[test]
fn samples_alone_are_scored_as_one_weighted_sample() {
    let of = |x: &[f64]| Predictive::Ensemble(Ensemble::new(x.to_vec(), Vec::new()).expect("finite"));
    let law = mixture(vec![(0.25, of(&[1.0])), (0.75, of(&[2.0, 4.0, 5.0]))]);
    let all = of(&[1.0, 2.0, 4.0, 5.0]);
    for y in [0.0, 2.5, 4.0, 9.0] {
        assert!((law.crps(y) - all.crps(y)).abs() < 1e-14, "{y}");
    }
}

#[test]
fn shortfall_and_draws_know_the_parts() {
    let law = mixture(normals());
    for p in [0.01, 0.025, 0.4] {
        let cut = law.quantile(p);
        let below = law.expect(&mut |x| if x <= cut { x } else { 0.0 }).expect("finite") / p;
        assert!((law.shortfall(p) - below).abs() < 1e-7, "{p}: {} {below}", law.shortfall(p));
    }
    let n = 20_000;
    let key = Seed(5).key(Purpose::Simulation, 0, 0);
    let pits: Vec<f64> = (0..n).map(|k| law.cdf(law.sample(&mut key.stream(k)))).collect();
    let mean = pits.iter().sum::<f64>() / n as f64;
    let square = pits.iter().map(|u| u * u).sum::<f64>() / n as f64;
    // Uniform numbers: mean ½ ± 1/√(12 n), mean square ⅓ ± √(4/45/n); four standard errors.
    assert!((mean - 0.5).abs() < 4.0 / (12.0 * n as f64).sqrt(), "{mean}");
    assert!((square - 1.0 / 3.0).abs() < 4.0 * (4.0 / 45.0 / n as f64).sqrt(), "{square}");
}

#[test]
fn lattices_stay_a_lattice_and_bad_weights_make_no_law() {
    let point = |x: f64| Predictive::Lattice(Lattice::point(x).expect("finite"));
    let law = mixture(vec![(1.0, point(3.0)), (3.0, point(5.0))]);
    assert!(matches!(law, Predictive::Lattice(_)));
    assert_eq!(law.log_pdf(5.0), Some(0.75f64.ln()));
    assert!(Predictive::mixture(vec![(-1.0, point(1.0)), (2.0, point(2.0))]).is_none());
    assert!(Predictive::mixture(vec![(0.0, point(1.0))]).is_none());
    assert!(Predictive::mixture(vec![(f64::NAN, point(1.0))]).is_none());
    assert_eq!(mixture(vec![(0.0, point(1.0)), (2.0, point(2.0))]), point(2.0));
    let grown = mixture(normals()).exp();
    assert!((grown.cdf(1.0) - mixture(normals()).cdf(0.0)).abs() < 1e-15);
}
