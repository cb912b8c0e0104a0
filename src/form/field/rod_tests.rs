//! The rod against its Fourier series, its images and published values; schemes against each other and their orders.

use super::*;
use crate::base::math::{erfc, exp, sin};
use crate::models::{built_in, read};
use std::f64::consts::PI;

const ALPHA: f64 = 0.01;

/// A rod on [0, 1] with α = 0.01.
fn rod(ends: &str, initial: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"rod\"\ntitle = \"rod\"\nkind = \"field\"\n[space.x]\nfrom = 0\nto = 1\n{ends}\n[field.u]\ninitial = \"{initial}\"\ndiffusion = {ALPHA}\n"
    );
    read("rod.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

fn at(answer: &Profiles, time: usize, x: f64) -> f64 {
    let k = (x * (answer.x.len() - 1) as f64).round() as usize;
    assert!((answer.x[k] - x).abs() < 1e-12);
    answer.u[time][k]
}

/// A rod of unit length at 0 whose left end jumps to 1: `erfc` by images while the heat has not gone round, then the sine
/// series, whose terms are then few (Carslaw & Jaeger 1959, section 12.5). `s = α t`.
fn heated(x: f64, s: f64) -> f64 {
    if s < 0.1 {
        let root = 2.0 * s.sqrt();
        return (0..6).map(f64::from).map(|n| erfc((2.0 * n + x) / root) - erfc((2.0 * n + 2.0 - x) / root)).sum();
    }
    let term = |n: f64| sin(n * PI * x) * exp(-n * n * PI * PI * s) / n;
    1.0 - x - 2.0 / PI * (1..20).map(|n| term(f64::from(n))).sum::<f64>()
}

#[test]
fn images_and_series_are_one_function() {
    for x in [0.01, 0.3, 0.77] {
        let series = |s: f64| {
            let term = |n: f64| sin(n * PI * x) * exp(-n * n * PI * PI * s) / n;
            1.0 - x - 2.0 / PI * (1..400).map(|n| term(f64::from(n))).sum::<f64>()
        };
        for s in [0.002, 0.03, 0.0999] {
            assert!((heated(x, s) - series(s)).abs() < 1e-13, "{x} {s}");
        }
    }
}

#[test]
fn rods_with_every_kind_of_end_have_their_published_values() -> Result<()> {
    // Fourier series and images in fifty digits agree on these (Carslaw & Jaeger 1959, chapter 3).
    let cold = "left.dirichlet = 0\nright.dirichlet = 0";
    let insulated = "left.neumann = 0\nright.neumann = 0";
    let cases = [
        (cold, "x*(1 - x)", 0.3, 2.0, 0.171_829_996_519_024_26),
        (cold, "x*(1 - x)", 0.3, 0.02, 0.2096),
        (insulated, "if(x < 0.3, 1, 0)", 0.3, 2.0, 0.498_650_101_969_649_7),
        (insulated, "if(x < 0.3, 1, 0)", 0.05, 2.0, 0.854_291_069_469_327_7),
        ("left.dirichlet = 1\nright.dirichlet = 3", "0", 0.3, 2.0, 0.135_010_176_770_969_23),
        ("left.dirichlet = 0\nright.neumann = 0", "1", 0.3, 2.0, 0.866_385_597_462_283_8),
    ];
    for (ends, initial, x, t, value) in cases {
        let model = rod(ends, initial);
        let options = Options { cells: 100, ..Options::default() };
        let answer = estimate(&model, &[], &[t], &options, Some(1e-8))?;
        let off = (at(&answer.profiles, 0, x) - value).abs();
        assert!(off < 1e-9 && off <= answer.error, "{ends} {t}: off {off:.1e}, told {:.1e}", answer.error);
    }
    Ok(())
}

/// The largest distance of an answer from the rod heated at its left end, its corner at the start aside.
fn off_heated(profiles: &Profiles, scale: f64) -> f64 {
    let mut off: f64 = 0.0;
    for (t, u) in profiles.times.iter().zip(&profiles.u) {
        for (x, u) in profiles.x.iter().zip(u).skip(1) {
            off = off.max((u - scale * heated(*x, ALPHA * t)).abs());
        }
    }
    off
}

#[test]
fn the_error_told_by_other_grids_is_the_error_made() -> Result<()> {
    let model = rod("left.dirichlet = 1\nright.dirichlet = 0", "0");
    for scheme in [Scheme::TrBdf2, Scheme::CrankNicolson] {
        let options = Options { cells: 50, tolerance: 1e-6, scheme, ..Options::default() };
        let answer = estimate(&model, &[], &[2.0, 10.0], &options, None)?;
        let off = off_heated(&answer.profiles, 1.0);
        assert!((1.0..2.5).contains(&(answer.error / off)), "{}: {off:.2e} {:.2e}", scheme.name(), answer.error);
    }
    Ok(())
}

#[test]
fn a_step_as_long_as_the_time_is_not_told_right() -> Result<()> {
    let model = rod("left.dirichlet = 1\nright.dirichlet = 0", "0");
    for (scheme, step, times) in [
        (Scheme::CrankNicolson, 0.1, vec![0.1]),
        (Scheme::CrankNicolson, 1.0, vec![1.0]),
        (Scheme::TrBdf2, 1.0, vec![1.0]),
        // Longer than the time, and than some of the times.
        (Scheme::TrBdf2, 30.0, vec![1.0]),
        (Scheme::CrankNicolson, 0.5, vec![0.1, 9.0]),
    ] {
        let options = Options { cells: 100, scheme, step: Some(step), ..Options::default() };
        let answer = estimate(&model, &[], &times, &options, None)?;
        let off = off_heated(&answer.profiles, 1.0);
        assert!(off <= answer.error, "{} {step}: off {off:.2e}, told {:.2e}", scheme.name(), answer.error);
        assert!(answer.error < 20.0 * off, "{} {step}: off {off:.2e}, told {:.2e}", scheme.name(), answer.error);
        let answer = estimate(&model, &[], &times, &options, Some(1e-4))?;
        let off = off_heated(&answer.profiles, 1.0);
        assert!(off <= answer.error, "{} {step}: off {off:.2e}, told {:.2e}", scheme.name(), answer.error);
    }
    Ok(())
}

#[test]
fn few_cells_and_early_times_are_told_with_room() -> Result<()> {
    let heat = built_in("heat-rod")?;
    let theta = [1.0, 1.0, 100.0, 0.0];
    // heated() is of a rod of length one.
    for (time, cells, goal) in [(0.1, 400, None), (0.001, 10, None), (0.01, 400, Some(1e-7)), (0.01, 40, Some(1e-7))] {
        let options = Options { cells, ..Options::default() };
        let answer = estimate(&heat, &theta, &[time], &options, goal)?;
        let mut off: f64 = 0.0;
        for (x, u) in answer.profiles.x.iter().zip(&answer.profiles.u[0]).skip(1) {
            off = off.max((u - 100.0 * heated(*x, time)).abs());
        }
        assert!(
            off <= answer.error && answer.error <= 6.0 * off + 1e-6,
            "{time}: off {off:.2e}, told {:.2e}",
            answer.error
        );
    }
    Ok(())
}

#[test]
fn schemes_have_their_orders_in_time() -> Result<()> {
    // sin πx is a vector of the matrix, so the answer on the grid is known: e^{-λt}, λ = 4α/h² sin²(πh/2).
    let model = rod("left.dirichlet = 0\nright.dirichlet = 0", "sin(pi*x)");
    let half = sin(0.5 * PI / 20.0);
    let rate = 4.0 * ALPHA * 400.0 * half * half;
    for (scheme, order) in [(Scheme::TrBdf2, 2.0), (Scheme::CrankNicolson, 2.0), (Scheme::ExplicitEuler, 1.0)] {
        let off = |step: f64| -> Result<f64> {
            let options = Options { cells: 20, scheme, step: Some(step), ..Options::default() };
            Ok((at(&solve(&model, &[], &[8.0], &options)?, 0, 0.5) - exp(-rate * 8.0)).abs())
        };
        let offs = [off(0.1)?, off(0.05)?, off(0.025)?];
        for w in offs.windows(2) {
            let slope = (w[0] / w[1]).log2();
            assert!((slope - order).abs() < 0.1, "{}: {offs:?}", scheme.name());
        }
    }
    Ok(())
}

#[test]
fn crank_nicolson_does_not_ring_after_a_jump() -> Result<()> {
    let model = rod("left.dirichlet = 1\nright.dirichlet = 0", "0");
    // Steps of 50 dx²/α: begun without half-steps of implicit Euler, the node beside the jump swings beyond both ends.
    let options = Options { cells: 100, scheme: Scheme::CrankNicolson, step: Some(0.5), ..Options::default() };
    let answer = solve(&model, &[], &[1.0, 1.5, 2.0, 4.0], &options)?;
    for u in &answer.u {
        assert!(u.windows(2).all(|w| w[1] <= w[0] + 1e-3), "{u:?}");
        assert!(u.iter().all(|u| (-1e-3..=1.0 + 1e-12).contains(u)));
    }
    Ok(())
}

#[test]
fn the_textbook_step_is_refused_with_its_ratio_and_what_to_type() -> Result<()> {
    let heat = built_in("heat-rod")?;
    let theta = [1.0, 1.0, 100.0, 0.0];
    let ten_nodes = |step: f64, scheme: Scheme| Options { cells: 9, scheme, step: Some(step), ..Options::default() };
    match solve(&heat, &theta, &[1.0], &ten_nodes(0.01, Scheme::ExplicitEuler)) {
        Err(Error::BadOption { flag, expected, hint, .. }) => {
            assert_eq!(flag, "--step");
            for word in ["0.810", "0.500", "0.00617"] {
                assert!(expected.contains(word), "{expected}");
            }
            let hint = hint.unwrap_or_default();
            assert!(hint.contains("--scheme crank-nicolson --step 0.01"), "{hint}");
        }
        other => panic!("{other:?}"),
    }
    // What the message says to type works, and all schemes come to one answer.
    let stable = solve(&heat, &theta, &[1.0], &ten_nodes(0.00617, Scheme::ExplicitEuler))?;
    let implicit = solve(&heat, &theta, &[1.0], &ten_nodes(0.01, Scheme::CrankNicolson))?;
    for (k, (a, b)) in stable.u[0].iter().zip(&implicit.u[0]).enumerate() {
        let rest = 100.0 * (1.0 - k as f64 / 9.0);
        assert!((a - rest).abs() < 0.01 && (b - rest).abs() < 0.01, "{k}: {a} {b} {rest}");
    }
    // Diffusion that grows under way is caught when it does.
    let text = "schema = 1\nid = \"f\"\ntitle = \"f\"\nkind = \"field\"\n[space.x]\nfrom = 0\nto = 1\nleft.neumann = 0\nright.neumann = 0\n[field.u]\ninitial = \"x\"\ndiffusion = \"1 + 10*t\"\n";
    match solve(&read("f.toml", text)?, &[], &[1.0], &ten_nodes(0.006, Scheme::ExplicitEuler)) {
        Err(Error::BadOption { expected, .. }) => assert!(expected.contains("from t ="), "{expected}"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[test]
fn every_scheme_keeps_the_balance() -> Result<()> {
    let ends = "left.robin = [1, -0.5, \"1 + t\"]\nright.dirichlet = \"cos(t)\"";
    let model = rod(ends, "1 + x");
    for scheme in Scheme::ALL {
        let options = Options { cells: 40, scheme, step: Some(0.02), ..Options::default() };
        let answer = solve(&model, &[], &[0.0, 0.5, 3.0], &options)?;
        for b in &answer.balance {
            let books = answer.balance[0].total - b.left - b.right + b.source;
            assert!((b.total - books).abs() < 1e-12, "{}: {b:?}", scheme.name());
        }
    }
    Ok(())
}
