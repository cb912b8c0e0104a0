use super::*;
use crate::base::math::{cos, cosh, exp, sin, sinh};
use crate::models::{built_in, read};
use std::f64::consts::PI;

/// A field on [0, 1] but for the lines given, which come later and in its tables: `space`, `field`.
fn model(space: &str, field: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"f\"\ntitle = \"f\"\nkind = \"field\"\n[space.x]\nfrom = 0\n{space}\n[field.u]\n{field}\n"
    );
    read("f.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

fn options(cells: usize, tolerance: f64) -> Options {
    Options { cells, tolerance, ..Options::default() }
}

/// Largest distance to `exact(x, t)` over all nodes and times.
fn error(answer: &Profiles, exact: impl Fn(f64, f64) -> f64) -> f64 {
    let mut worst: f64 = 0.0;
    for (t, u) in answer.times.iter().zip(&answer.u) {
        for (x, u) in answer.x.iter().zip(u) {
            worst = worst.max((u - exact(*x, *t)).abs());
        }
    }
    worst
}

#[test]
fn a_rod_between_two_temperatures_follows_its_sine_series() -> Result<()> {
    let rod = built_in("heat-rod")?;
    let answer = solve(&rod, &[1.0, 1.0, 100.0, 0.0], &[0.0, 0.005, 0.05, 0.3, 3.0], &Options::default())?;
    // Carslaw & Jaeger 1959, section 3.4, eq. 3.
    let series = |x: f64, t: f64| {
        let term = |n: f64| sin(n * PI * x) * exp(-n * n * PI * PI * t) / n;
        100.0 * (1.0 - x) - 200.0 / PI * (1..400).map(|n| term(f64::from(n))).sum::<f64>()
    };
    let later = Profiles { times: answer.times[1..].to_vec(), u: answer.u[1..].to_vec(), ..answer.clone() };
    let worst = error(&later, series);
    assert!(worst < 2e-3, "{worst}");
    assert_eq!((answer.x[0], answer.x[400], answer.u[0][0], answer.u[3][0]), (0.0, 1.0, 100.0, 100.0));
    // A jump at the end does not ring.
    assert!(later.u.iter().flatten().all(|u| (-1e-6..=100.0 + 1e-6).contains(u)));
    // At rest what comes in leaves: the flux is 100.
    let (before, after) = (answer.balance[3], answer.balance[4]);
    let (left, right) = (after.left - before.left, after.right - before.right);
    assert!((left + 270.0).abs() < 2.0 && (right - 270.0).abs() < 2.0, "{left} {right}");
    for b in &answer.balance {
        let made = answer.balance[0].total - b.left - b.right + b.source;
        assert!((b.total - made).abs() < 1e-10 * 100.0, "{} {made}", b.total);
    }
    Ok(())
}

#[test]
fn dye_in_a_closed_container_spreads_as_its_cosine_series_and_none_is_lost() -> Result<()> {
    let dye = built_in("dye-in-a-container")?;
    let theta = [1.0, 0.1, 0.4, 0.05];
    let answer = solve(&dye, &theta, &[0.02, 0.2, 2.0], &Options::default())?;
    let initial = |x: f64| exp(-(x - 0.4) * (x - 0.4) / (2.0 * 0.0025)) / (0.05 * (2.0 * PI).sqrt());
    let coefficient = |k: f64| {
        let n = 2000;
        let at = |i: i32| initial(f64::from(i) / f64::from(n)) * cos(k * PI * f64::from(i) / f64::from(n));
        (0..=n).map(|i| at(i) * if i == 0 || i == n { 0.5 } else { 1.0 }).sum::<f64>() / f64::from(n)
    };
    let coefficients: Vec<f64> = (0..60).map(|k| coefficient(f64::from(k))).collect();
    let series = |x: f64, t: f64| {
        let term = |k: f64, a: f64| 2.0 * a * cos(k * PI * x) * exp(-k * k * PI * PI * 0.1 * t);
        coefficients[0] + (1..60).map(|k| term(f64::from(k), coefficients[k as usize])).sum::<f64>()
    };
    let worst = error(&answer, series);
    assert!(worst < 5e-4, "{worst}");
    for balance in &answer.balance {
        assert!((balance.total - coefficients[0]).abs() < 1e-10, "{balance:?}");
        assert!(balance.left == 0.0 && balance.right == 0.0);
    }
    Ok(())
}

#[test]
fn a_wave_on_a_ring_moves_with_the_flow_and_decays_at_second_order() -> Result<()> {
    let ring = built_in("advection-diffusion")?;
    let theta = [1.0, 1.0, 0.01];
    let exact = |x: f64, t: f64| 1.0 + exp(-4.0 * PI * PI * 0.01 * t) * cos(2.0 * PI * (x - t));
    let mut errors = Vec::new();
    for cells in [100, 200, 400] {
        let answer = solve(&ring, &theta, &[0.5, 2.0], &options(cells, 1e-9))?;
        errors.push(error(&answer, exact));
        for b in &answer.balance {
            assert!((b.total - 1.0).abs() < 1e-10, "{}", b.total);
        }
        assert_eq!(answer.u[0][0], answer.u[0][cells]);
    }
    let orders: Vec<f64> = errors.windows(2).map(|e| (e[0] / e[1]).log2()).collect();
    assert!(orders.iter().all(|o| *o > 1.9), "{orders:?}");
    Ok(())
}

#[test]
fn a_flow_the_grid_cannot_resolve_makes_no_ripples() -> Result<()> {
    let space = "to = 1\nleft.dirichlet = 0\nright.dirichlet = 1";
    for form in ["", "form = \"nonconservative\"\n"] {
        let text = format!(
            "schema = 1\nid = \"f\"\ntitle = \"f\"\nkind = \"field\"\n{form}[space.x]\nfrom = 0\n{space}\n[field.u]\ninitial = \"x\"\ndiffusion = 1e-3\nadvection = 1\n"
        );
        let answer = solve(&read("f.toml", &text)?, &[], &[20.0], &options(20, 1e-6))?;
        // The layer (e^{vx/D} - 1)/(e^{v/D} - 1) is far thinner than a cell; its values at nodes are exact all the same.
        let worst = error(&answer, |x, _| exp((x - 1.0) * 1e3));
        assert!(worst < 1e-6, "{worst}");
    }
    Ok(())
}

/// Fisher's equation with D = r = 1.
fn fisher(length: f64, left: &str, initial: &str) -> Model {
    let space = format!("to = {length}\nleft.{left}\nright.neumann = 0");
    model(&space, &format!("initial = \"{initial}\"\ndiffusion = 1\nsource = \"u*(1 - u)\""))
}

/// As [`ablowitz_zeppetella`], from its values at the left end.
fn exact_wave() -> Model {
    let held = "dirichlet = \"1/(1 + exp((-20 - 5*t/sqrt(6))/sqrt(6)))^2\"";
    fisher(60.0, held, "1/(1 + exp((x - 20)/sqrt(6)))^2")
}

/// Ablowitz & Zeppetella (1979), eq. 24: `(1 + e^{(x - 5t/√6)/√6})⁻²`.
fn ablowitz_zeppetella(x: f64, t: f64) -> f64 {
    let root = 6f64.sqrt();
    1.0 / (1.0 + exp((x - 20.0 - 5.0 * t / root) / root)).powi(2)
}

#[test]
fn the_exact_travelling_wave_of_fishers_equation_is_followed_at_second_order() -> Result<()> {
    let wave = exact_wave();
    let mut errors = Vec::new();
    for cells in [150, 300, 600] {
        let answer = solve(&wave, &[], &[2.0, 8.0], &options(cells, 1e-8))?;
        errors.push(error(&answer, ablowitz_zeppetella));
        let b = answer.balance[1];
        let start = solve(&wave, &[], &[0.0], &options(cells, 1e-8))?.balance[0].total;
        assert!((b.total - start - b.source + b.left + b.right).abs() < 1e-10 * b.total, "{b:?}");
    }
    let orders: Vec<f64> = errors.windows(2).map(|e| (e[0] / e[1]).log2()).collect();
    assert!(errors[2] < 2e-3 && orders.iter().all(|o| *o > 1.8), "{errors:?} {orders:?}");
    Ok(())
}

#[test]
fn time_stepping_is_of_second_order_for_a_nonlinear_field() -> Result<()> {
    let wave = exact_wave();
    let at = |step: f64| -> Result<Vec<f64>> {
        Ok(solve(&wave, &[], &[4.0], &Options { step: Some(step), ..options(200, 1e-10) })?.u.remove(0))
    };
    let fine = at(0.0025)?;
    let gap = |u: &[f64]| u.iter().zip(&fine).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let gaps = [gap(&at(0.4)?), gap(&at(0.2)?), gap(&at(0.1)?)];
    let orders: Vec<f64> = gaps.windows(2).map(|e| (e[0] / e[1]).log2()).collect();
    assert!(orders.iter().all(|o| *o > 1.85), "{orders:?}");
    Ok(())
}

#[test]
fn a_front_from_a_step_advances_at_twice_the_root_of_r_d() -> Result<()> {
    let wave = fisher(140.0, "neumann = 0", "0.5 - 0.5*tanh(4*(x - 5))");
    let answer = solve(&wave, &[], &[20.0, 40.0, 60.0], &options(1400, 1e-7))?;
    let front = |u: &[f64]| {
        let k = u.iter().position(|u| *u < 0.5).expect("a front");
        answer.x[k - 1] + (u[k - 1] - 0.5) / (u[k - 1] - u[k]) * (answer.x[k] - answer.x[k - 1])
    };
    let places: Vec<f64> = answer.u.iter().map(|u| front(u)).collect();
    // Bramson (1983): place = 2 t - 3/2 ln t + const.
    for (i, (from, to)) in [(20.0f64, 40.0f64), (40.0, 60.0)].into_iter().enumerate() {
        let moved = places[i + 1] - places[i];
        let expected = 2.0 * (to - from) - 1.5 * (to / from).ln();
        assert!((moved / expected - 1.0).abs() < 5e-3, "{moved} {expected}");
    }
    assert!(answer.u.iter().flatten().all(|u| *u > -1e-7));
    Ok(())
}

#[test]
fn a_cooling_fin_comes_to_rest_at_its_closed_form() -> Result<()> {
    // θ'' = m² θ, θ(0) = 1, k θ' + h θ = 0 at the tip (Incropera & DeWitt 2007, table 3.4, case A), with h/(m k) = 0.5.
    let fin =
        model("to = 1\nleft.dirichlet = 1\nright.robin = [1, 1, 0]", "initial = 0\ndiffusion = 1\nsource = \"-4*u\"");
    let exact = |x: f64, _: f64| {
        let rest = 2.0 * (1.0 - x);
        (cosh(rest) + 0.5 * sinh(rest)) / (cosh(2.0) + 0.5 * sinh(2.0))
    };
    let mut errors = Vec::new();
    for cells in [50, 100] {
        errors.push(error(&solve(&fin, &[], &[20.0], &options(cells, 1e-8))?, exact));
    }
    assert!(errors[1] < 2e-5 && (errors[0] / errors[1]).log2() > 1.9, "{errors:?}");
    // b = 0 is a value: u = c/a = 0.25 at the tip.
    let held = model("to = 1\nleft.dirichlet = 1\nright.robin = [2, 0, 0.5]", "initial = 0\ndiffusion = 1");
    let answer = solve(&held, &[], &[20.0], &options(20, 1e-8))?;
    assert!(error(&answer, |x, _| 1.0 - 0.75 * x) < 1e-6);
    Ok(())
}

#[test]
fn positive_neumann_numbers_take_stuff_out_and_the_books_balance() -> Result<()> {
    let space = "to = 1\nleft.neumann = \"0.3*cos(t)\"\nright.neumann = -0.2";
    let field = "initial = \"2 + x\"\ndiffusion = \"0.1 + 0.05*u\"\nadvection = \"0.2*x\"\nsource = \"0.1*u*(1 - u)\"";
    let answer = solve(&model(space, field), &[], &[0.0, 0.5, 2.0], &options(200, 1e-6))?;
    for b in &answer.balance {
        let books = answer.balance[0].total - b.left - b.right + b.source;
        assert!((b.total - books).abs() < 1e-10, "{b:?}");
    }
    let b = answer.balance[2];
    // v = 0 at the left, so the outflow there is the integral of its number; at the right advection carries more out.
    assert!((b.left - 0.3 * sin(2.0)).abs() < 1e-4, "{}", b.left);
    assert!(b.right > -0.4);
    Ok(())
}

#[test]
fn every_kind_of_end_may_change_with_time() -> Result<()> {
    // u = e^{-t} sin(x + 1) solves u_t = u_xx; with v = 1 and the source e^{-t} cos(x + 1) it solves both forms.
    let ends = [
        "left.dirichlet = \"exp(-t)*sin(1)\"\nright.dirichlet = \"exp(-t)*sin(3)\"",
        "left.neumann = \"exp(-t)*cos(1)\"\nright.neumann = \"-exp(-t)*cos(3)\"",
        "left.robin = [2, 1, \"exp(-t)*(2*sin(1) - cos(1))\"]\nright.robin = [1, 3, \"exp(-t)*(sin(3) + 3*cos(3))\"]",
    ];
    for end in ends {
        for form in ["conservative", "nonconservative"] {
            let mut errors = Vec::new();
            for cells in [40, 80] {
                let text = format!(
                    "schema = 1\nid = \"f\"\ntitle = \"f\"\nkind = \"field\"\nform = \"{form}\"\n[space.x]\nfrom = 0\nto = 2\n{end}\n[field.u]\ninitial = \"sin(x + 1)\"\ndiffusion = 1\nadvection = 1\nsource = \"exp(-t)*cos(x + 1)\"\n"
                );
                let answer = solve(&read("f.toml", &text)?, &[], &[0.3, 1.0], &options(cells, 1e-9))?;
                errors.push(error(&answer, |x, t| exp(-t) * sin(x + 1.0)));
            }
            assert!(errors[1] < 1e-3 && (errors[0] / errors[1]).log2() > 1.8, "{form} {end}: {errors:?}");
        }
    }
    Ok(())
}

#[test]
fn a_porous_medium_spreads_as_barenblatts_profile_with_a_sharp_edge() -> Result<()> {
    // u_t = (u²)_xx, D = 2u: t^{-1/3} (1 - x² t^{-2/3}/12)₊ (Barenblatt 1952), from t = 1.
    let text = "initial = \"max(1 - (x - 8)^2/12, 0)\"\ndiffusion = \"2*max(u, 0)\"";
    let medium = model("to = 16\nleft.neumann = 0\nright.neumann = 0", text);
    let answer = solve(&medium, &[], &[0.0, 3.0], &options(400, 1e-6))?;
    let exact = |x: f64, t: f64| {
        let s = (1.0 + t).cbrt();
        ((1.0 - (x - 8.0) * (x - 8.0) / (12.0 * s * s)) / s).max(0.0)
    };
    let worst = error(&answer, exact);
    assert!(worst < 5e-3, "{worst}");
    assert!((answer.balance[1].total - answer.balance[0].total).abs() < 1e-10);
    Ok(())
}

#[test]
fn a_step_between_nodes_keeps_its_total_and_a_profile_stands_for_the_text() -> Result<()> {
    let step = model(
        "to = 1\nleft.neumann = 0\nright.neumann = 0",
        "initial = \"0.5 - 0.5*sign(x - 0.3217)\"\ndiffusion = 0.01",
    );
    let answer = solve(&step, &[], &[0.0, 1.0], &options(50, 1e-7))?;
    assert!((answer.balance[1].total - 0.3217).abs() < 2e-4, "{}", answer.balance[1].total);
    let profile = Profile { x: vec![0.0, 1.0], u: vec![1.0, 3.0] };
    let answer = solve(&step, &[], &[0.0], &Options { initial: Some(profile), ..options(50, 1e-7) })?;
    assert!((answer.balance[0].total - 2.0).abs() < 1e-14);
    Ok(())
}

#[test]
fn what_cannot_be_solved_is_refused_by_name() -> Result<()> {
    let blown = model("to = 1\nleft.neumann = 0\nright.neumann = 0", "initial = 1\ndiffusion = 1\nsource = \"u^2\"");
    assert!(matches!(solve(&blown, &[], &[2.0], &Options::default()), Err(Error::Numerics { .. })));
    let rod = built_in("heat-rod")?;
    let theta = [1.0, 1.0, 100.0, 0.0];
    assert!(matches!(solve(&rod, &theta, &[2.0, 1.0], &Options::default()), Err(Error::BadOption { .. })));
    assert!(matches!(solve(&rod, &theta, &[1.0], &options(2, 1e-7)), Err(Error::BadOption { .. })));
    assert!(matches!(solve(&rod, &[-1.0, 1.0, 0.0, 0.0], &[1.0], &options(9, 1e-7)), Err(Error::Numerics { .. })));
    assert!(matches!(solve(&rod, &[1.0, -1.0, 1.0, 0.0], &[1.0], &options(9, 1e-7)), Err(Error::Numerics { .. })));
    assert!((explicit_limit(&rod, &theta, 100)? - 5e-5).abs() < 1e-15);
    assert!(matches!(
        solve(&built_in("ou")?, &[1.0; 3], &[1.0], &options(9, 1e-7)),
        Err(Error::FormUnavailable { .. })
    ));
    Ok(())
}
