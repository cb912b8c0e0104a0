use super::{Paths, Run, Scheme, Start, simulate};
use crate::base::rng::Key;
use crate::base::{Error, Purpose, Result, Seed, math};
use crate::form::moments::closed_moments;
use crate::models::{Model, built_in, read};
use crate::stats;

fn key() -> Key {
    Seed(5).key(Purpose::Simulation, 0, 0)
}

fn run<'a>(scheme: Scheme, theta: &'a [f64], start: &'a [f64], (paths, step): (usize, f64)) -> Run<'a> {
    Run { theta, start: Start::At(start), t0: 0.0, times: &[1.0], paths, step, scheme, key: key() }
}

fn text(states: &str, dynamics: &str) -> Model {
    let text =
        format!("schema = 1\nid = \"m\"\ntitle = \"m\"\nkind = \"diffusion\"\n{states}\n[dynamics]\n{dynamics}\n");
    read("m.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

/// End points at t = 1 of gbm from one, and of the exact path on the same noise; the scheme draws `per_step` normals a step, the first
/// of which is the Wiener increment.
pub(in crate::form) fn pairs(
    scheme: Scheme,
    [mu, sigma]: [f64; 2],
    steps: usize,
    paths: usize,
) -> Result<Vec<(f64, f64)>> {
    let h = 1.0 / steps as f64;
    let out = simulate(&built_in("gbm")?, &run(scheme, &[mu, sigma], &[1.0], (paths, h)))?;
    let per_step = if scheme == Scheme::Strong15 { 2 } else { 1 };
    let exact = |p: usize| {
        let mut stream = key().stream(p as u64);
        let w: f64 = (0..steps * per_step)
            .map(|i| (i, stream.normal()))
            .filter(|(i, _)| i % per_step == 0)
            .map(|(_, z)| z)
            .sum();
        math::exp((mu - 0.5 * sigma * sigma) + sigma * w * h.sqrt())
    };
    Ok(out.states[0][0].iter().enumerate().map(|(p, x)| (*x, exact(p))).collect())
}

/// Mean and its standard error.
fn mean_of(x: impl Iterator<Item = f64>) -> (f64, f64) {
    let x: Vec<f64> = x.collect();
    (stats::mean(&x), stats::sd(&x) / (x.len() as f64).sqrt())
}

#[test]
fn strong_errors_of_euler_and_milstein_are_the_closed_ones() -> Result<()> {
    // E (S_T - S_N)² for mu = 0.05, sigma = 0.5: products of the steps' second moments, and by Gauss-Hermite rules (mpmath, 38 digits).
    for (scheme, steps, rms) in [
        (Scheme::EulerMaruyama, 8, 0.073_733_919_568_662_46),
        (Scheme::EulerMaruyama, 64, 0.026_290_984_437_907_44),
        (Scheme::Milstein, 8, 0.008_569_834_713_865_492),
        (Scheme::Milstein, 64, 0.001_086_082_768_255_606),
    ] {
        let (square, error) =
            mean_of(pairs(scheme, [0.05, 0.5], steps, 20_000)?.iter().map(|(x, y)| (x - y) * (x - y)));
        assert!((square - rms * rms).abs() < 4.0 * error, "{} {steps}: {} {rms}", scheme.name(), square.sqrt());
    }
    Ok(())
}

#[test]
fn weak_errors_of_euler_are_the_closed_ones() -> Result<()> {
    for (steps, mean, second) in
        [(8, -0.000_163_567_153_771, -0.010_096_939_826_5), (64, -0.000_020_521_750_477, -0.001_297_436_542_9)]
    {
        let pairs = pairs(Scheme::EulerMaruyama, [0.05, 0.5], steps, 20_000)?;
        // The exact path is the control variate: the difference varies little.
        let (first, error) = mean_of(pairs.iter().map(|(x, y)| x - y));
        assert!((first - mean).abs() < 4.0 * error, "{steps}: {first} {mean}");
        let (squares, error) = mean_of(pairs.iter().map(|(x, y)| x * x - y * y));
        assert!((squares - second).abs() < 4.0 * error, "{steps}: {squares} {second}");
    }
    Ok(())
}

fn strong_slope(scheme: Scheme, paths: usize) -> Result<f64> {
    let rms = |steps: usize| -> Result<f64> {
        let squares = pairs(scheme, [0.1, 0.5], steps, paths)?;
        Ok(stats::mean(&squares.iter().map(|(x, y)| (x - y) * (x - y)).collect::<Vec<_>>()).sqrt())
    };
    Ok((rms(16)? / rms(128)?).log2() / 3.0)
}

#[test]
fn strong_orders_are_a_half_one_and_one_and_a_half() -> Result<()> {
    for scheme in [Scheme::EulerMaruyama, Scheme::Milstein, Scheme::Strong15] {
        let slope = strong_slope(scheme, 4_000)?;
        let wanted = scheme.orders().0.expect("strong");
        assert!((slope - wanted).abs() < 0.1, "{}: {slope}", scheme.name());
    }
    let slope = strong_slope(Scheme::DriftImplicit, 4_000)?;
    assert!((slope - 0.5).abs() < 0.1, "{slope}");
    Ok(())
}

/// `ln E Y_N²` of gbm by the weak scheme, a step being a polynomial in one normal, and the truth `2μ + σ²`.
fn weak_second_moment([mu, sigma]: [f64; 2], steps: f64) -> f64 {
    let h = 1.0 / steps;
    let (a, b, c) = (1.0 + mu * h + 0.5 * mu * mu * h * h, sigma * (1.0 + mu * h) * h.sqrt(), 0.5 * sigma * sigma * h);
    math::pow(a * a + b * b + 2.0 * c * c, steps)
}

#[test]
fn weak_2_has_the_moments_of_its_step_and_they_are_of_second_order() -> Result<()> {
    let theta = [0.3, 0.6];
    for steps in [2, 8] {
        let all = pairs(Scheme::Weak2, theta, steps, 40_000)?;
        let (gap, error) = mean_of(all.iter().map(|(x, y)| x * x - y * y));
        let truth = math::exp(2.0 * theta[0] + theta[1] * theta[1]);
        let wanted = weak_second_moment(theta, steps as f64) - truth;
        assert!((gap - wanted).abs() < 4.0 * error, "{steps}: {gap} {wanted} ± {error}");
    }
    let off = |n: f64| weak_second_moment(theta, n) - math::exp(2.0 * theta[0] + theta[1] * theta[1]);
    let slope = (off(32.0) / off(64.0)).log2();
    assert!((slope - 2.0).abs() < 0.1, "{slope}");
    Ok(())
}

/// Largest of (bias / four standard errors) over the means and covariances at t = 1, biases beside it.
fn moment_bias(model: &Model, theta: &[f64], start: &[f64], out: &Paths) -> Result<Vec<(f64, f64)>> {
    let wanted = closed_moments(model, theta, start, 0.0, &[1.0]).expect("closed")?;
    let covariance = &wanted.covariance.as_ref().expect("closed")[0];
    let row = &out.states[0];
    let n = row.len();
    let means: Vec<f64> = row.iter().map(|x| stats::mean(x)).collect();
    let paths = row[0].len() as f64;
    let mut all = Vec::new();
    for i in 0..n {
        all.push((means[i] - wanted.mean[0][i], 4.0 * stats::sd(&row[i]) / paths.sqrt()));
        for j in 0..=i {
            let products: Vec<f64> = row[i].iter().zip(&row[j]).map(|(x, y)| (x - means[i]) * (y - means[j])).collect();
            all.push((stats::mean(&products) - covariance[i][j], 4.0 * stats::sd(&products) / paths.sqrt()));
        }
    }
    Ok(all)
}

#[test]
fn weak_2_is_nearer_than_euler_where_noises_do_not_commute() -> Result<()> {
    let model = built_in("heston")?;
    // Feller's condition holds by much: the scheme needs smooth coefficients where the paths are.
    let (theta, start) = ([2.0, 0.09, 0.15, -0.7, 0.05], [0.0, 0.25]);
    let bias = |scheme| -> Result<Vec<(f64, f64)>> {
        moment_bias(&model, &theta, &start, &simulate(&model, &run(scheme, &theta, &start, (100_000, 0.125)))?)
    };
    let (euler, weak) = (bias(Scheme::EulerMaruyama)?, bias(Scheme::Weak2)?);
    // Mean and variance of v: Euler's are off by much more than noise.
    assert!(euler.iter().filter(|(b, e)| b.abs() > 3.0 * e).count() >= 2, "{euler:?}");
    for ((e, _), (w, error)) in euler.iter().zip(&weak) {
        assert!(w.abs() < error + 0.25 * e.abs(), "{w} ± {error} against Euler's {e}");
    }
    Ok(())
}

#[test]
fn strong_15_has_its_step_of_an_ornstein_uhlenbeck_process_in_one_and_two_dimensions() -> Result<()> {
    let h = 0.5;
    let check = |x: &[f64], kappa: f64, mean: f64, what: &str| {
        // x (1 - κh + κ²h²/2), and σ² (h - κh² + κ²h³/3) a step, where Euler's has σ² h.
        let (decay, variance) =
            (1.0 - kappa * h + 0.5 * kappa * kappa * h * h, h - kappa * h * h + kappa * kappa * h * h * h / 3.0);
        let wanted = variance * (1.0 + decay * decay);
        let n = x.len() as f64;
        assert!((stats::mean(x) - mean * decay * decay).abs() < 4.0 * (wanted / n).sqrt(), "{what}");
        let s = stats::sd(x);
        assert!((s * s / wanted - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), "{what}: {} {wanted}", s * s);
    };
    let one = text("[state.x]", "drift.x = \"-x\"\ndiffusion.x = \"1\"");
    check(&simulate(&one, &run(Scheme::Strong15, &[], &[2.0], (40_000, h)))?.states[0][0], 1.0, 2.0, "one");
    let two = text(
        "noise = [\"a\", \"b\"]\n[state.x]\n[state.y]",
        "drift.x = \"-x\"\ndrift.y = \"-0.5*y\"\ndiffusion.x.a = \"1\"\ndiffusion.y.a = \"0.6\"\ndiffusion.y.b = \"0.8\"",
    );
    let out = simulate(&two, &run(Scheme::Strong15, &[], &[2.0, 1.0], (40_000, h)))?;
    check(&out.states[0][0], 1.0, 2.0, "first of two");
    check(&out.states[0][1], 0.5, 1.0, "second of two");
    Ok(())
}

#[test]
fn strong_schemes_of_a_particle_keep_its_energy_better_than_euler() -> Result<()> {
    // x'' = -x - v/2 + noise: additive noise that reaches x only through v.
    let model = text(
        "noise = [\"w\"]\n[state.x]\n[state.v]",
        "drift.x = \"v\"\ndrift.v = \"-x - 0.5*v\"\ndiffusion.v.w = \"0.7\"",
    );
    let start = [1.0, 0.0];
    let bias = |scheme| -> Result<Vec<(f64, f64)>> {
        moment_bias(&model, &[], &start, &simulate(&model, &run(scheme, &[], &start, (100_000, 0.125)))?)
    };
    let (euler, strong, weak) = (bias(Scheme::EulerMaruyama)?, bias(Scheme::Strong15)?, bias(Scheme::Weak2)?);
    for better in [strong, weak] {
        for ((e, _), (b, error)) in euler.iter().zip(&better) {
            assert!(b.abs() < error + 0.15 * e.abs(), "{b} ± {error} against Euler's {e}");
        }
    }
    Ok(())
}

/// The strong error of two assets on two shared noises: linear noise with diagonal matrices commutes, and each state is gbm with
/// volatility √(s² + r²). Squares of the distance at t = 1, path by path.
pub(in crate::form) fn commuting(scheme: Scheme, steps: usize, paths: usize) -> Result<Vec<f64>> {
    let model = text(
        "noise = [\"a\", \"b\"]\n[state.x]\n[state.y]",
        "drift.x = \"0\"\ndrift.y = \"0\"\ndiffusion.x.a = \"0.4*x\"\ndiffusion.x.b = \"0.3*x\"\ndiffusion.y.a = \"0.2*y\"\ndiffusion.y.b = \"-0.5*y\"",
    );
    let h = 1.0 / steps as f64;
    let out = simulate(&model, &run(scheme, &[], &[1.0, 1.0], (paths, h)))?;
    let per_step = if scheme == Scheme::Strong15 { 4 } else { 2 };
    let off = |p: usize| {
        let mut stream = key().stream(p as u64);
        let mut w = [0.0; 2];
        (0..steps * per_step).for_each(|i| {
            let z = stream.normal();
            if i % per_step < 2 {
                w[i % per_step] += z * h.sqrt();
            }
        });
        let x = math::exp(-0.125 + 0.4 * w[0] + 0.3 * w[1]);
        let y = math::exp(-0.145 + 0.2 * w[0] - 0.5 * w[1]);
        (out.states[0][0][p] - x).powi(2) + (out.states[0][1][p] - y).powi(2)
    };
    Ok((0..paths).map(off).collect())
}

#[test]
fn milstein_commutes_where_every_noise_moves_every_state() -> Result<()> {
    let rms = |scheme, steps| -> Result<f64> { Ok(stats::mean(&commuting(scheme, steps, 2_000)?).sqrt()) };
    for (scheme, order) in [(Scheme::EulerMaruyama, 0.5), (Scheme::Milstein, 1.0), (Scheme::Strong15, 1.5)] {
        let slope = (rms(scheme, 16)? / rms(scheme, 128)?).log2() / 3.0;
        assert!((slope - order).abs() < 0.1, "{}: {slope}", scheme.name());
    }
    Ok(())
}

#[test]
fn a_drift_that_outgrows_the_state_explodes_under_euler_and_not_under_its_implicit_sister() -> Result<()> {
    let model = text("[state.x]", "drift.x = \"x - x^3\"\ndiffusion.x = \"1\"");
    let run = |scheme| Run { times: &[20.0], ..run(scheme, &[], &[6.0], (20_000, 0.25)) };
    assert!(matches!(simulate(&model, &run(Scheme::EulerMaruyama)), Err(Error::Numerics { .. })));
    let x = simulate(&model, &run(Scheme::DriftImplicit))?.states.remove(0).remove(0);
    // Stationary: E x² of exp(x² - x⁴/2) is 0.8935…, by quadrature below; the step of a quarter leaves a bias of first order.
    let weight = |x: f64| math::exp(x * x - 0.5 * x * x * x * x);
    let at = |i: i32| -5.0 + 0.01 * f64::from(i);
    let (zeroth, second) = (0..=1000).map(at).fold((0.0, 0.0), |(a, b), x| (a + weight(x), b + x * x * weight(x)));
    let squares = stats::mean(&x.iter().map(|x| x * x).collect::<Vec<_>>());
    assert!((squares - second / zeroth).abs() < 0.25, "{squares} {}", second / zeroth);
    Ok(())
}

#[test]
fn the_implicit_scheme_is_stable_where_the_drift_is_stiff() -> Result<()> {
    let model = text(
        "noise = [\"a\", \"b\"]\n[state.x]\n[state.y]",
        "drift.x = \"-100*x + y\"\ndrift.y = \"-y\"\ndiffusion.x.a = \"1\"\ndiffusion.y.b = \"0\"",
    );
    let out = simulate(&model, &run(Scheme::DriftImplicit, &[], &[1.0, 2.0], (20_000, 0.1)))?;
    // y = 2/1.1¹⁰; x' = (x + h y' + √h z)/(1 + 100 h).
    let mut wanted = (1.0, 2.0, 0.0);
    for _ in 0..10 {
        wanted.1 /= 1.1;
        wanted.0 = (wanted.0 + 0.1 * wanted.1) / 11.0;
        wanted.2 = (wanted.2 + 0.1) / 121.0;
    }
    let (x, y) = (&out.states[0][0], &out.states[0][1]);
    assert!(y.iter().all(|y| (y - wanted.1).abs() < 1e-12));
    assert!((stats::mean(x) - wanted.0).abs() < 4.0 * f64::sqrt(wanted.2 / 2e4));
    assert!((stats::sd(x).powi(2) / wanted.2 - 1.0).abs() < 4.0 * f64::sqrt(2.0 / 2e4));
    Ok(())
}

#[test]
fn exact_draws_have_the_closed_law_whatever_the_step() -> Result<()> {
    for (id, theta, start) in [
        ("ou", &[1.5, 0.5, 0.8][..], -1.0),
        ("gbm", &[0.05, 0.4], 2.0),
        ("bm", &[0.3, 0.7], 0.1),
        ("exp-ou", &[1.0, 0.2, 0.5], 1.5),
    ] {
        let model = built_in(id)?;
        let run = Run { times: &[0.3, 1.0], ..run(Scheme::Exact, theta, std::slice::from_ref(&start), (20_000, 1e-9)) };
        let out = simulate(&model, &run)?;
        let claim = model.law.as_ref().expect("claimed");
        for (t, row) in [0.3, 1.0].into_iter().zip(&out.states) {
            let law = crate::form::exact::transition(claim.law, theta, start, t);
            let u: Vec<f64> = row[0].iter().map(|x| law.cdf(*x)).collect();
            assert!(stats::ks_uniform_p(&u) > 6e-5, "{id} {t}: {}", stats::ks_uniform_p(&u));
        }
    }
    let model = built_in("two-factor-gaussian")?;
    let theta: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    let start = [0.02, -0.01];
    let out = simulate(&model, &run(Scheme::Exact, &theta, &start, (40_000, 1.0)))?;
    for (bias, error) in moment_bias(&model, &theta, &start, &out)? {
        assert!(bias.abs() < error, "{bias} ± {error}");
    }
    Ok(())
}

#[test]
fn every_scheme_says_where_it_does_not_apply() -> Result<()> {
    let of = |id: &str| -> Result<Vec<&str>> {
        let model = built_in(id)?;
        Ok(Scheme::of(&model).into_iter().map(Scheme::name).collect())
    };
    let smooth = ["euler-maruyama", "milstein", "strong-1.5", "weak-2", "drift-implicit"];
    assert_eq!(of("double-well")?, smooth);
    assert_eq!(of("gbm")?, [&smooth[..], &["exact"]].concat());
    assert_eq!(of("cir")?, [&smooth[..], &["exact", "alfonsi", "quadratic-exponential"]].concat());
    assert_eq!(of("heston")?, ["euler-maruyama", "weak-2", "drift-implicit", "quadratic-exponential"]);
    assert_eq!(of("sabr")?, ["euler-maruyama", "weak-2", "drift-implicit"]);
    assert_eq!(of("correlated-gbm")?, smooth);
    assert_eq!(of("two-factor-gaussian")?, [&smooth[..], &["exact"]].concat());
    assert_eq!(of("bates")?, ["euler-maruyama"]);
    for scheme in Scheme::ALL {
        assert_eq!(Scheme::named(scheme.name()), Some(scheme));
    }
    let why = Scheme::Milstein.why_not(&built_in("heston")?).expect("refused");
    assert!(why.contains("do not commute"), "{why}");
    let heston = built_in("heston")?;
    let run = run(Scheme::Milstein, &[2.0, 0.04, 0.3, -0.7, 0.05], &[0.0, 0.04], (10, 0.1));
    let refused = simulate(&heston, &run);
    assert!(
        matches!(refused, Err(Error::FormUnavailable { available, .. }) if available.contains(&"weak-2".to_string()))
    );
    Ok(())
}

/// Squares of the strong error, relative, of a price that doubles and halves at rate three: jumps are powers of two and commute with
/// the steps, so what is left of a path is gbm on the same noise. The jumps' times are the twin's.
pub(in crate::form) fn jumping(scheme: Scheme, steps: usize, paths: usize) -> Result<Vec<f64>> {
    let model = text(
        "[state.x]\ndomain = [0.0, inf]",
        "drift.x = \"0.1*x\"\ndiffusion.x = \"0.5*x\"\n[[jump]]\nrate = \"3\"\nafter.x = \"2*x\"\n[[jump]]\nrate = \"3\"\nafter.x = \"x/2\"",
    );
    let steps = steps as f64;
    let with = simulate(&model, &run(scheme, &[], &[1.0], (paths, 1.0 / steps)))?;
    let off = |p: usize| {
        let mut stream = key().stream(p as u64);
        let w: f64 = (0..steps as usize).map(|_| stream.normal()).sum::<f64>() / steps.sqrt();
        let ratio = math::ln(with.states[0][0][p]) - (0.1 - 0.125 + 0.5 * w);
        let jumps = (ratio / std::f64::consts::LN_2).round() * std::f64::consts::LN_2;
        (ratio - jumps).powi(2)
    };
    Ok((0..paths).map(off).collect())
}

#[test]
fn milstein_cut_at_jumps_keeps_its_order() -> Result<()> {
    let rms = |steps| -> Result<f64> { Ok(stats::mean(&jumping(Scheme::Milstein, steps, 4_000)?).sqrt()) };
    let slope = (rms(16)? / rms(128)?).log2() / 3.0;
    assert!((slope - 1.0).abs() < 0.1, "{slope}");
    Ok(())
}

#[test]
fn a_run_of_more_jumps_than_anybody_waits_for_is_refused_at_once() {
    let model = text("[state.x]", "drift.x = \"0\"\ndiffusion.x = \"1\"\n[[jump]]\nrate = \"1e9\"\nafter.x = \"x\"");
    assert!(simulate(&model, &run(Scheme::EulerMaruyama, &[], &[0.0], (1_000, 0.1))).is_err());
}

/// Squares of the strong error at t = 1 of `dx = -x dt + dW`, additive noise. Given the increments that the scheme drew, `∫ e^{-(h-s)} dW` is
/// normal: the exact path is drawn from that.
pub(in crate::form) fn additive(scheme: Scheme, steps: usize, paths: usize) -> Result<Vec<f64>> {
    let model = text("[state.x]", "drift.x = \"-x\"\ndiffusion.x = \"1\"");
    let h = 1.0 / steps as f64;
    let out = simulate(&model, &run(scheme, &[], &[1.0], (paths, h)))?;
    let (decay, both) = (math::exp(-h), scheme == Scheme::Strong15);
    // Covariances of the integral with ΔW and ΔZ = ∫ W ds, and its regression on them.
    let (with_w, with_z, variance) = (1.0 - decay, 1.0 - decay * (1.0 + h), 0.5 * (1.0 - decay * decay));
    let (alpha, beta) = if both {
        let determinant = h.powi(4) / 12.0;
        let alpha = (with_w * h.powi(3) / 3.0 - with_z * h * h / 2.0) / determinant;
        (alpha, (with_z * h - with_w * h * h / 2.0) / determinant)
    } else {
        (with_w / h, 0.0)
    };
    let rest = (variance - alpha * with_w - beta * with_z).max(0.0).sqrt();
    let off = |p: usize| {
        let (mut stream, mut other) = (key().stream(p as u64), key().twin().stream(p as u64));
        let mut x = 1.0;
        for _ in 0..steps {
            let z = stream.normal();
            let second = if both { stream.normal() } else { 0.0 };
            let dz = 0.5 * h * h.sqrt() * (z + second / 3f64.sqrt());
            x = decay * x + alpha * z * h.sqrt() + beta * dz + rest * other.normal();
        }
        (out.states[0][0][p] - x).powi(2)
    };
    Ok((0..paths).map(off).collect())
}

/// Squares of the strong error at t = 1 of `dv = dW, dx = v² dt`, additive noise under a drift that bends. Given `ΔW` and `ΔZ`, what is left
/// of a step is drawn on a finer grid: a free path, moved linearly to what was drawn.
pub(in crate::form) fn bent(steps: usize, paths: usize) -> Result<Vec<f64>> {
    const PARTS: usize = 16;
    let model =
        text("noise = [\"w\"]\n[state.v]\n[state.x]", "drift.v = \"0\"\ndrift.x = \"v^2\"\ndiffusion.v.w = \"1\"");
    let h = 1.0 / steps as f64;
    let out = simulate(&model, &run(Scheme::Strong15, &[], &[0.0, 0.0], (paths, h)))?;
    let part = h / PARTS as f64;
    // ΔW and ΔZ by the trapezoidal rule on the finer grid.
    let integrals = |w: &[f64]| (w[PARTS], part * (w[1..PARTS].iter().sum::<f64>() + 0.5 * w[PARTS]));
    let off = |p: usize| {
        let (mut stream, mut other) = (key().stream(p as u64), key().twin().stream(p as u64));
        let (mut v, mut x) = (0.0, 0.0);
        for _ in 0..steps {
            let (z, second) = (stream.normal(), stream.normal());
            let (dw, dz) = (h.sqrt() * z, 0.5 * h * h.sqrt() * (z + second / 3f64.sqrt()));
            let mut w = [0.0; PARTS + 1];
            (0..PARTS).for_each(|k| w[k + 1] = w[k] + part.sqrt() * other.normal());
            let free = integrals(&w);
            let (gap_w, gap_z) = (dw - free.0, dz - free.1);
            for (k, w) in w.iter_mut().enumerate() {
                // Covariances of W_s with ΔW and ΔZ are s and s h - s²/2, their own h, h²/2 and h³/3.
                let (s, both) = (part * k as f64, part * k as f64 * (h - 0.5 * part * k as f64));
                let a = (s * h * h / 3.0 - both * h / 2.0) * 12.0 / h.powi(3);
                let b = (both - s * h / 2.0) * 12.0 / h.powi(3);
                *w += a * gap_w + b * gap_z;
            }
            let square = |k: usize| (v + w[k]).powi(2);
            x += part * ((1..PARTS).map(square).sum::<f64>() + 0.5 * (square(0) + square(PARTS)));
            v += dw;
        }
        (out.states[0][1][p] - x).powi(2)
    };
    Ok((0..paths).map(off).collect())
}
