//! What the forms are worth: orders in the step, and log densities against closed laws. The long study prints the tables of
//! `reports/validation/densities.md`; the quick tests assert what they say.

use super::*;
use crate::base::{Result, math};
use crate::form::Transitions;
use crate::models::{Model, built_in};

/// A model with a closed law, where it is looked at.
type Case = (&'static str, &'static [f64], f64);
const OU: Case = ("ou", &[0.5, 0.06, 0.03], 0.08);
const CIR: Case = ("cir", &[0.5, 0.06, 0.15], 0.08);
const CIR_LOW: Case = ("cir", &[0.5, 0.06, 0.15], 0.02);
const GBM: Case = ("gbm", &[0.2, 0.3], 1.0);
const CEV: Case = ("cev", &[0.05, 0.3, 0.75], 1.0);
const CEV_STEEP: Case = ("cev", &[0.05, 0.3, 1.4], 1.0);

fn pairs(x0: f64, x1: Vec<f64>, dt: f64) -> Pairs {
    let n = x1.len();
    Pairs { x0: vec![x0; n], x1, dt: vec![dt; n], t0: vec![0.0; n] }
}

/// Errors of conditional mean and variance against the closed law.
fn moment_errors(model: &Model, (_, theta, x0): Case, form: Form, dt: f64) -> Result<[f64; 2]> {
    let at = pairs(x0, vec![x0], dt);
    let moments = Transitions::new(model, form)?.moments(theta, &at);
    let exact = Transitions::new(model, Form::Exact)?.moments(theta, &at);
    Ok([(moments.mean[0] / exact.mean[0] - 1.0).abs(), (moments.variance[0] / exact.variance[0] - 1.0).abs()])
}

/// The log density of `dx = m x dt + s x^g dW`, absorbed at zero (Cox 1975; Emanuel & MacBeth 1982): `v = x^(2-2g)/(s (1-g))²` is a
/// squared Bessel process of index `-1/(2(1-g))` run by the clock `(1 - e^(-ct))/c`, `c = 2m(1-g)`, and grown by `e^(ct)`.
fn ln_cev([m, s, g]: [f64; 3], x0: f64, x1: f64, dt: f64) -> f64 {
    let v = |x: f64| (x.powf(1.0 - g) / (s * (1.0 - g))).powi(2);
    let (c, index) = (2.0 * m * (1.0 - g), -0.5 / (1.0 - g));
    let clock = -(-c * dt).exp_m1() / c;
    let (a, r) = (v(x0), v(x1) * (-c * dt).exp());
    let bessel = math::ln_bessel_i_scaled(index.abs(), (a * r).sqrt() / clock);
    let gap = (a.sqrt() - r.sqrt()).powi(2) / (2.0 * clock);
    let jacobian = (2.0 * r * (1.0 - g).abs() / x1).ln();
    jacobian - (2.0 * clock).ln() + 0.5 * index * (r / a).ln() - gap + bessel
}

/// States within `reach` standard deviations in the coordinate of unit noise, and the closed law's log density there.
fn central(model: &Model, (id, theta, x0): Case, dt: f64, reach: f64) -> Result<(Pairs, Vec<f64>)> {
    let euler = Transitions::new(model, Form::Euler)?.moments(theta, &pairs(x0, vec![x0], dt));
    let sd = euler.variance[0].sqrt();
    let x1 = (-400..=800).map(|i| euler.mean[0] + 0.02 * f64::from(i) * sd);
    let domain = model.scalar().map(|s| s.state.clone());
    let x1: Vec<f64> = x1.filter(|x| domain.as_ref().is_some_and(|d| d.holds(*x))).collect();
    let all = pairs(x0, x1, dt);
    let scores = Transitions::new(model, Form::ShojiOzaki)?.normal_scores(theta, &all);
    let x1 = all.x1.iter().zip(&scores).filter(|(_, z)| z.abs() <= reach).map(|(x, _)| *x).collect();
    let kept = pairs(x0, x1, dt);
    let value = match (id, theta) {
        ("cev", [m, s, g]) => kept.x1.iter().map(|x1| ln_cev([*m, *s, *g], x0, *x1, dt)).collect(),
        _ => Transitions::new(model, Form::Exact)?.log_density(theta, &kept, false).value,
    };
    Ok((kept, value))
}

/// The largest difference of a form's log density from the closed law's over the central `reach` standard deviations.
fn density_error(model: &Model, case: Case, dt: f64, reach: f64, form: Form) -> Result<f64> {
    let (at, exact) = central(model, case, dt, reach)?;
    let value = Transitions::new(model, form)?.log_density(case.1, &at, false).value;
    Ok(worst(&exact, &value))
}

fn worst(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Orders of the errors of mean and variance, whose leading term is of this order absolutely; nothing where there is no error.
fn theory(case: Case, form: Form) -> [Option<f64>; 2] {
    match form {
        Form::Euler | Form::Milstein => [Some(2.0), Some(2.0)],
        Form::Kessler | Form::KesslerTruncated => [Some(3.0), Some(3.0)],
        Form::LocalLinear if case.0 == "ou" => [None, None],
        _ => [None, Some(2.0)],
    }
}

const WITH_MOMENTS: [Form; 6] =
    [Form::Euler, Form::Kessler, Form::KesslerTruncated, Form::Ozaki, Form::LocalLinear, Form::Milstein];

/// Where moments are compared: fast enough for their errors to stand above round-off.
const FOR_ORDERS: [Case; 3] =
    [("ou", &[1.5, 0.5, 0.8], 2.0), ("cir", &[1.5, 0.5, 0.8], 2.0), ("gbm", &[0.6, 0.5], 1.5)];

/// Absolute order between two steps: relative errors, and the mean's one and the variance's first power of the step put back.
fn orders(model: &Model, case: Case, form: Form, dt: f64) -> Result<[(f64, f64); 2]> {
    let (coarse, fine) = (moment_errors(model, case, form, dt)?, moment_errors(model, case, form, 0.5 * dt)?);
    let order = |k: usize| ((coarse[k] / fine[k]).log2() + k as f64, fine[k]);
    Ok([order(0), order(1)])
}

#[test]
fn moments_have_the_orders_of_their_theory() -> Result<()> {
    for case in FOR_ORDERS {
        let model = built_in(case.0)?;
        for form in WITH_MOMENTS {
            for ((order, error), theory) in orders(&model, case, form, 0.005)?.into_iter().zip(theory(case, form)) {
                match theory {
                    Some(theory) => assert!((order - theory).abs() < 0.1, "{case:?} {form:?}: {order} {theory}"),
                    None => assert!(error < 1e-13, "{case:?} {form:?}: {error:e}"),
                }
            }
        }
    }
    Ok(())
}

/// At the same number of standard deviations above and below, an error is a series in `√dt` whose whole orders are even and whose
/// half orders are odd: half the difference, or half the sum, has one leading order and the next a whole one away.
#[test]
fn log_densities_of_cir_have_the_orders_of_their_theory() -> Result<()> {
    let (theta, x0) = ([1.2, 0.8, 0.5], 1.0);
    let model = built_in("cir")?;
    let exact = Transitions::new(&model, Form::Exact)?;
    for (form, dt, sign, theory) in [
        (Form::Euler, 0.002, -1.0, 0.5),
        (Form::Kessler, 0.002, -1.0, 0.5),
        (Form::Milstein, 0.002, 1.0, 1.0),
        (Form::ShojiOzaki, 0.002, -1.0, 1.5),
        (Form::Expansion, 0.04, 1.0, 4.0),
    ] {
        let transitions = Transitions::new(&model, form)?;
        let error = |dt: f64| {
            let step = 0.7 * 0.5 * dt.sqrt();
            let at = pairs(x0, vec![x0 + step, x0 - step], dt);
            let [ours, theirs] = [&transitions, &exact].map(|f| f.log_density(&theta, &at, false).value);
            (0.5 * (ours[0] - theirs[0] + sign * (ours[1] - theirs[1]))).abs()
        };
        let (coarse, fine) = (error(dt), error(0.5 * dt));
        let order = (coarse / fine).log2();
        eprintln!("{} {coarse:.2e} {fine:.2e} {order:.3}", form.name());
        assert!((order - theory).abs() < 0.1, "{form:?}: {order} {theory}, {coarse:e} {fine:e}");
    }
    Ok(())
}

#[test]
fn the_series_is_the_closed_law_at_the_steps_of_data() -> Result<()> {
    for (case, bound) in [(OU, 1e-8), (CIR, 1e-7), (GBM, 1e-12), (CEV, 1e-11), (CEV_STEEP, 1e-10)] {
        let model = built_in(case.0)?;
        for days in [252.0, 52.0, 12.0] {
            let error = density_error(&model, case, 1.0 / days, 5.0, Form::Expansion)?;
            assert!(error < bound, "{case:?} 1/{days}: {error:e}");
        }
    }
    Ok(())
}

/// The tables of `reports/validation/densities.md`: `cargo test --release --no-default-features --lib study -- --ignored --nocapture`.
#[test]
#[ignore = "prints tables"]
fn tables() -> Result<()> {
    eprintln!(
        "## Orders of mean and variance\n\nErrors at dt = 1/400 (relative), and the order of the absolute error from dt = 1/200; theory in brackets.\n"
    );
    eprintln!("| model | form | error of mean | order | error of variance | order |\n|---|---|---|---|---|---|");
    for case in FOR_ORDERS {
        let model = built_in(case.0)?;
        for form in WITH_MOMENTS {
            let orders = orders(&model, case, form, 0.005)?;
            let told = |k: usize| match theory(case, form)[k] {
                Some(theory) => format!("{:.1e} | {:.2} ({theory})", orders[k].1, orders[k].0),
                None => format!("{:.1e} | exact", orders[k].1),
            };
            eprintln!("| {} | {} | {} | {} |", case.0, form.name(), told(0), told(1));
        }
    }
    eprintln!(
        "\n## Log density against the closed law\n\nLargest difference over the central 5 standard deviations.\n"
    );
    eprintln!(
        "| model | parameters | x0 | dt | euler | kessler | milstein | shoji-ozaki | order 1 | order 2 | order 3 |"
    );
    eprintln!("|---|---|---|---|---|---|---|---|---|---|---|");
    for case in [OU, CIR, CIR_LOW, GBM, CEV, CEV_STEEP] {
        let model = built_in(case.0)?;
        for days in [252.0, 52.0, 12.0] {
            let dt = 1.0 / days;
            let mut row = format!("| {} | {:?} | {} | 1/{days} |", case.0, case.1, case.2);
            for form in [Form::Euler, Form::Kessler, Form::Milstein, Form::ShojiOzaki] {
                row += &format!(" {:.1e} |", density_error(&model, case, dt, 5.0, form)?);
            }
            let (at, exact) = central(&model, case, dt, 5.0)?;
            let Some(scalar) = model.scalar() else { continue };
            for order in 1..=3 {
                let expansion = Expansion::compiled(&scalar, |pool, at| series::series(pool, &scalar, at, order));
                let value = expansion.log_density(&scalar, case.1, &at, false).value;
                row += &format!(" {:.1e} |", worst(&exact, &value));
            }
            eprintln!("{row}");
        }
    }
    eprintln!("\n## Cost\n\nckls, 2,560 transitions, log density with gradient in four parameters.\n");
    eprintln!("| form | operations | ns an observation | compiling, ms |\n|---|---|---|---|");
    let ckls = built_in("ckls")?;
    let Some(scalar) = ckls.scalar() else { return Ok(()) };
    let x: Vec<f64> = (0..2_560).map(|i| 6.0 + 2.0 * (0.37 * f64::from(i)).sin()).collect();
    let at = Pairs {
        x1: x.iter().enumerate().map(|(i, x)| x + 0.3 * (1.7 * i as f64).sin()).collect(),
        dt: vec![1.0 / 12.0; x.len()],
        t0: vec![0.0; x.len()],
        x0: x,
    };
    for form in Form::ALL.into_iter().filter(|form| form.is_one_step()) {
        let begun = std::time::Instant::now();
        let expansion = Expansion::new(&scalar, form);
        let built = begun.elapsed().as_secs_f64();
        let mut best = f64::INFINITY;
        for _ in 0..7 {
            let begun = std::time::Instant::now();
            let batch = expansion.log_density(&scalar, &[2.1, -0.27, 0.13, 1.45], &at, true);
            best = best.min(begun.elapsed().as_secs_f64());
            assert!(batch.value.iter().all(|v| v.is_finite()));
        }
        let operations = expansion.density_with_gradient.operations();
        eprintln!("| {} | {operations} | {:.0} | {:.1} |", form.name(), best / at.len() as f64 * 1e9, built * 1e3);
    }
    Ok(())
}
