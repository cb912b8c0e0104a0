//! Likelihoods of counts against closed laws, each other and differences.

use super::*;
use crate::form::{Form, Transitions, moments};
use crate::models::{Model, built_in, read};

fn ln_binomial(n: f64, k: f64, p: f64) -> f64 {
    if k < 0.0 || k > n || (p == 0.0 && k > 0.0) {
        return f64::NEG_INFINITY;
    }
    if p == 0.0 {
        return 0.0;
    }
    let ways = math::ln_gamma(n + 1.0) - math::ln_gamma(k + 1.0) - math::ln_gamma(n - k + 1.0);
    ways + k * math::ln(p) + (n - k) * math::ln_1p(-p)
}

/// Of arrivals at `alpha` and deaths at `mu`: survivors are binomial, newcomers Poisson (Jahnke & Huisinga 2007).
fn immigration_death([alpha, mu]: [f64; 2], from: f64, to: f64, dt: f64) -> f64 {
    let stay = math::exp(-mu * dt);
    let mean = alpha / mu * (1.0 - stay);
    let ln_poisson = |k: f64| k * math::ln(mean) - mean - math::ln_gamma(k + 1.0);
    let terms: Vec<f64> =
        (0..=from.min(to) as usize).map(|k| ln_binomial(from, k as f64, stay) + ln_poisson(to - k as f64)).collect();
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + math::ln(terms.iter().map(|t| math::exp(t - top)).sum())
}

/// `A ⇌ B` with `n` molecules: two binomials.
fn isomers([k1, k2]: [f64; 2], n: f64, from: f64, to: f64, dt: f64) -> f64 {
    let (sum, decay) = (k1 + k2, math::exp(-(k1 + k2) * dt));
    let (stay, come) = (k2 / sum + k1 / sum * decay, k2 / sum * (1.0 - decay));
    let terms: Vec<f64> = (0..=from as usize)
        .map(|k| ln_binomial(from, k as f64, stay) + ln_binomial(n - from, to - k as f64, come))
        .collect();
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + math::ln(terms.iter().map(|t| math::exp(t - top)).sum())
}

fn pairs(from: &[f64], to: &[f64], dt: &[f64]) -> Pairs {
    Pairs { x0: from.to_vec(), x1: to.to_vec(), dt: dt.to_vec(), t0: vec![0.0; dt.len()] }
}

#[test]
fn closed_laws_come_back_far_into_the_tails_for_short_and_very_long_steps() -> Result<()> {
    let model = built_in("immigration-death")?;
    let transitions = Transitions::new(&model, Form::MasterEquation)?;
    let theta = [12.0, 0.7];
    // The last two are so long that one matrix is squared for all.
    let data = pairs(
        &[0.0, 20.0, 20.0, 3.0, 20.0, 40.0],
        &[9.0, 60.0, 0.0, 3.0, 14.0, 25.0],
        &[1.0, 1.0, 1.0, 0.01, 900.0, 9e4],
    );
    let found = transitions.log_density(&theta, &data, false).value;
    for i in 0..data.len() {
        let exact = immigration_death(theta, data.x0[i], data.x1[i], data.dt[i]);
        assert!((found[i] - exact).abs() < 1e-9 * (1.0 + exact.abs()), "{i}: {} {exact}", found[i]);
    }
    // Down to probabilities of 1e-40 and less.
    assert!(found[1] < -30.0 && found[2] < -20.0, "{found:?}");
    let model = built_in("reversible-isomerisation")?;
    let transitions = Transitions::new(&model, Form::MasterEquation)?;
    let data = pairs(&[100.0, 30.0, 60.0, 60.0], &[90.0, 95.0, 30.0, 41.0], &[0.3, 0.3, 1.0, 5e3]);
    let found = transitions.log_density(&[0.4, 0.2], &data, false).value;
    for i in 0..data.len() {
        let exact = isomers([0.4, 0.2], 100.0, data.x0[i], data.x1[i], data.dt[i]);
        assert!((found[i] - exact).abs() < 1e-9 * (1.0 + exact.abs()), "{i}: {} {exact}", found[i]);
    }
    Ok(())
}

#[test]
fn slopes_are_those_of_the_closed_law() -> Result<()> {
    let model = built_in("immigration-death")?;
    let transitions = Transitions::new(&model, Form::MasterEquation)?;
    let theta = [5.0, 0.4];
    for (dt, n) in [(0.5, 4), (2_000.0, 4)] {
        let data = pairs(&[10.0, 10.0, 2.0, 17.0], &[10.0, 17.0, 9.0, 8.0], &vec![dt; n]);
        let found = transitions.log_density(&theta, &data, true);
        for i in 0..n {
            for k in 0..2 {
                let h = 1e-3 * theta[k];
                let at = |steps: f64| {
                    let mut moved = theta;
                    moved[k] += steps * h;
                    immigration_death(moved, data.x0[i], data.x1[i], dt)
                };
                let slope = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * h);
                let found = found.gradient[k][i];
                assert!((found - slope).abs() < 1e-7 * (1.0 + slope.abs()), "{dt} {i} {k}: {found} {slope}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_line_and_projections_from_every_start_agree() -> Result<()> {
    // Both count the same states; only one knows that they are on a line.
    let model = built_in("dimerisation")?;
    let counts = CountTransitions::new(&model)?;
    let theta = [0.002, 0.03];
    let state = |a: f64| vec![a, (100.0 - a) / 2.0];
    let data = CountPairs {
        from: vec![state(100.0), state(60.0), state(60.0), state(40.0)],
        to: vec![state(64.0), state(52.0), state(60.0), state(42.0)],
        dt: vec![10.0, 5.0, 25.0, 5.0],
    };
    let line = counts.log_probability(&theta, &data, false).value;
    let projected = counts.projected(&theta, &data);
    for (a, b) in line.iter().zip(&projected) {
        assert!((a - b).abs() < 1e-10 * (1.0 + a.abs()), "{a} {b}");
    }
    // Of one species that is seen the other follows.
    let seen = Transitions::new(&model, Form::MasterEquation)?;
    let one = pairs(&[100.0, 60.0, 60.0, 40.0], &[64.0, 52.0, 60.0, 42.0], &data.dt);
    let found = seen.log_density(&theta, &one, false).value;
    assert!(found.iter().zip(&line).all(|(a, b)| (a - b).abs() < 1e-12));
    let (lower, upper) = counts.bounds(&theta, &data);
    let total: f64 = line.iter().sum();
    assert!(lower <= total && total <= upper && upper - lower < 1e-9, "{lower} {total} {upper}");
    Ok(())
}

#[test]
fn moments_are_the_closed_ones_with_their_slopes() -> Result<()> {
    let model = built_in("birth-death")?;
    let transitions = Transitions::new(&model, Form::MasterEquation)?;
    let theta = [0.5, 0.6];
    let found = transitions.moments(&theta, &pairs(&[30.0], &[30.0], &[2.0]));
    let closed = |theta: &[f64]| -> Result<(f64, f64)> {
        let closed = moments::closed_moments(&model, theta, &[30.0], 0.0, &[2.0]).expect("they close")?;
        Ok((closed.mean[0][0], closed.covariance.expect("closed")[0][0][0]))
    };
    let (mean, variance) = closed(&theta)?;
    assert!((found.mean[0] / mean - 1.0).abs() < 1e-9 && (found.variance[0] / variance - 1.0).abs() < 1e-8);
    for k in 0..2 {
        let at = |h: f64| {
            let mut moved = theta;
            moved[k] += h;
            closed(&moved)
        };
        let (above, below) = (at(1e-4)?, at(-1e-4)?);
        let slopes = [(above.0 - below.0) / 2e-4, (above.1 - below.1) / 2e-4];
        assert!((found.d_mean[k][0] / slopes[0] - 1.0).abs() < 1e-6, "{k}");
        assert!((found.d_variance[k][0] / slopes[1] - 1.0).abs() < 1e-6, "{k}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_is_refused_by_name() -> Result<()> {
    let model = built_in("dimerisation")?;
    let transitions = Transitions::new(&model, Form::MasterEquation)?;
    // An odd number of monomers of an even total.
    let odd = pairs(&[100.0, 60.0], &[61.0, 58.0], &[1.0, 1.0]);
    let found = transitions.log_density(&[0.002, 0.03], &odd, true);
    assert!(found.value.iter().all(|l| *l == f64::NEG_INFINITY));
    assert!(transitions.refusal(&[0.002, 0.03], &odd).expect("a reason").contains("conserved totals"));
    // Rates that no law can be followed with are no likelihood, not a hang.
    let model = built_in("birth-death")?;
    let transitions = Transitions::new(&model, Form::MasterEquation)?;
    let data = pairs(&[100.0], &[90.0], &[1.0]);
    assert_eq!(transitions.log_density(&[40.0, 1.0], &data, false).value, [f64::NEG_INFINITY]);
    assert!(transitions.refusal(&[40.0, 1.0], &data).is_some());
    for (id, form) in [("toggle-switch", Form::MasterEquation), ("birth-death", Form::Euler)] {
        let model = built_in(id)?;
        assert!(Transitions::new(&model, form).is_err(), "{id}");
    }
    Ok(())
}

/// A model of `text` with the usual head.
fn of(text: &str) -> Result<Model> {
    let head = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"combinations\"\n";
    read("test.toml", &format!("{head}{text}"))
}

#[test]
fn jumps_of_several_steps_and_a_rate_without_a_slope_at_zero() -> Result<()> {
    // Bursts of three; `x^h` has no slope in `h` at zero by its formula.
    let model = of(
        "[species.X]\ninitial = 0\n[params.b]\ndefault = 1.0\nbounds = [1e-9, 1e9]\n[params.h]\ndefault = 1.5\nbounds = [0.1, 5.0]\n\
         [[reaction]]\nequation = \"0 -> 3 X\"\nrate = \"b\"\n[[reaction]]\nequation = \"X -> 0\"\nlaw = \"0.5*X^h\"\n",
    )?;
    let transitions = Transitions::new(&model, Form::MasterEquation)?;
    let data = pairs(&[0.0, 3.0, 5.0, 2.0], &[3.0, 0.0, 4.0, 7.0], &[0.7, 0.7, 0.4, 1.1]);
    let theta = [1.2, 1.4];
    let found = transitions.log_density(&theta, &data, true);
    for k in 0..2 {
        let at = |h: f64| {
            let mut moved = theta;
            moved[k] += h;
            transitions.log_density(&moved, &data, false).value
        };
        let (above, below) = (at(1e-5), at(-1e-5));
        for i in 0..data.len() {
            let slope = (above[i] - below[i]) / 2e-5;
            assert!((found.gradient[k][i] - slope).abs() < 1e-7, "{k} {i}: {} {slope}", found.gradient[k][i]);
        }
    }
    Ok(())
}

#[test]
fn laws_of_each_species_are_those_of_the_closed_law_and_of_the_moments() -> Result<()> {
    // Along one line: the second species is what is left of 100 molecules.
    let model = built_in("reversible-isomerisation")?;
    let transitions = CountTransitions::new(&model)?;
    let data = CountPairs {
        from: vec![vec![100.0, 0.0]; 2],
        to: vec![vec![90.0, 10.0], vec![61.0, 39.0]],
        dt: vec![0.3, 2.0],
    };
    let laws = transitions.each_law(&[0.4, 0.2], &data, &[0, 1], &|_, laws| laws.to_vec()).expect("laws");
    for (i, each) in laws.iter().enumerate() {
        let to = data.to[i][0];
        let exact = math::exp(isomers([0.4, 0.2], 100.0, 100.0, to, data.dt[i]));
        assert!((each[0].mass(to, to) / exact - 1.0).abs() < 1e-9);
        assert!((each[1].mass(100.0 - to, 100.0 - to) / exact - 1.0).abs() < 1e-9);
        assert!((each[0].mass(0.0, 100.0) - 1.0).abs() < 1e-10 && each[0].mass(101.0, 300.0) == 0.0);
        // The middle of a lump, from either side.
        let (a, b) = (each[0].score(to, 0.5), each[1].score(100.0 - to, 0.5));
        assert!((a + b).abs() < 1e-7, "{a} {b}");
        assert!(each[0].score(101.0, 0.5).is_nan());
    }
    // Of several independent species, by projection: the mean is that of the moment equations, which close.
    let model = built_in("telegraph-gene")?;
    let theta = [0.5, 1.0, 30.0, 1.0];
    let transitions = CountTransitions::new(&model)?;
    let start = vec![1.0, 0.0, 3.0];
    let data = CountPairs { from: vec![start.clone()], to: vec![vec![0.0, 1.0, 5.0]], dt: vec![0.8] };
    let laws = transitions.each_law(&theta, &data, &[0, 2], &|_, laws| laws.to_vec()).expect("laws");
    let mean = |law: &Marginal| law.p.iter().enumerate().map(|(k, p)| (law.first + k as f64) * p).sum::<f64>();
    let closed = moments::closed_moments(&model, &theta, &start, 0.0, &[0.8]).expect("closed")?.mean;
    assert!((mean(&laws[0][0]) - closed[0][0]).abs() < 1e-7, "{} {closed:?}", mean(&laws[0][0]));
    assert!((mean(&laws[0][1]) - closed[0][2]).abs() < 1e-6, "{} {closed:?}", mean(&laws[0][1]));
    Ok(())
}
