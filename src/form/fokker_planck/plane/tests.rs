//! The plane against closed laws, published values and paths.

use super::*;
use crate::base::{Purpose, Seed, math};
use crate::form::moments::closed_moments;
use crate::form::{answer, laws};
use crate::models::{built_in, read};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

fn ask<'a>(theta: &'a [f64], start: &'a [f64], times: &'a [f64], cells: usize) -> Question<'a> {
    let accuracy = Accuracy { cells, ..Accuracy::default() };
    Question { theta, start, t0: 0.0, times, accuracy, key: Seed(1).key(Purpose::Forecast, 0, 0) }
}

fn pdf(law: &Predictive, x: f64) -> f64 {
    math::exp(law.log_pdf(x).expect("a density"))
}

/// A model of two states without parameters of its own.
fn model(domain: &str, boundary: &str, drift: [&str; 2], diffusion: &str) -> Model {
    let text = format!(
        r#"
schema = 1
id = "plane"
title = "Two states"
kind = "diffusion"
source = "none"
tags = ["test"]
noise = ["w1", "w2"]
correlation = {{ "w1,w2" = "rho" }}
[state.x]
domain = {domain}
boundary = "{boundary}"
initial = 0.0
[state.y]
domain = [-inf, inf]
initial = 0.0
[params.a]
default = 1.0
[params.b]
default = 0.5
[params.c]
default = -0.8
[params.d]
default = 2.0
[params.rho]
default = 0.0
bounds = [-0.999, 0.999]
[dynamics]
drift.x = "{}"
drift.y = "{}"
{diffusion}
"#,
        drift[0], drift[1]
    );
    read("plane.toml", &text).expect("reads")
}

const LINE: &str = "[-inf, inf]";
const TURNING: [&str; 2] = ["-a*x - b*y", "-c*x - d*y"];
const NOISE: &str = "diffusion.x.w1 = \"1\"\ndiffusion.y.w2 = \"0.5\"";

/// The Brownian gyrator: its stationary state turns. Values by matrix exponentials to 17 digits (Risken 1989, section 6.5).
#[test]
fn a_drift_that_turns_has_its_mean_covariance_and_density() -> Result<()> {
    let model = model(LINE, "auto", TURNING, NOISE);
    let joint = joints(&model, &ask(&[1.0, 0.5, -0.8, 2.0, 0.0], &[1.0, -0.5], &[0.9], 300))?.remove(0);
    assert!((joint.mean[0] - 0.415_115_377_632_099).abs() < 3e-5, "{:?}", joint.mean);
    assert!((joint.mean[1] - 0.118_226_096_484_560).abs() < 3e-5, "{:?}", joint.mean);
    let [[xx, xy], [_, yy]] = joint.covariance;
    assert!((xx - 0.398_309_979_039_909).abs() < 3e-5, "{xx}");
    assert!((xy - 0.071_977_746_052_928).abs() < 3e-5, "{xy}");
    assert!((yy - 0.081_882_792_785_822).abs() < 3e-5, "{yy}");
    // The joint density, linear in its logarithm's parabola along both axes, at (0.4, -0.1).
    let at = joint.log_density(0.4, -0.1).expect("on the grid");
    assert!((math::exp(at) - 0.685_717_187_433_461).abs() < 2e-4, "{}", math::exp(at));
    assert!((joint.mass - 1.0).abs() < 1e-12 && joint.most_negative > -1e-12);
    Ok(())
}

/// Fang & Oosterlee (2008), section 5.3: Feller's condition fails. Values to 17 digits by two independent integrals.
#[test]
fn heston_with_a_density_infinite_at_zero() -> Result<()> {
    let model = built_in("heston")?;
    let theta = [1.5768, 0.0398, 0.5751, -0.5711, 0.0];
    let joint = joints(&model, &ask(&theta, &[0.0, 0.0175], &[1.0], 1000))?.remove(0);
    let law = &joint.marginals[0];
    // E[(100 e^z - 100)+] = ∫ 100 e^z (1 - F(z)) dz over z > 0.
    let h = 3.0 / 20_000.0;
    let middle = |k: u32| (f64::from(k) + 0.5) * h;
    let call: f64 = (0..20_000).map(|k| 100.0 * math::exp(middle(k)) * (1.0 - law.cdf(middle(k))) * h).sum();
    assert!((call - 5.785_155_434_376_189).abs() < 1e-4, "{call}");
    for (z, expected) in [(0.0, 3.055_334_181_639_64), (-0.2, 0.688_564_499_514_826), (0.1, 3.041_048_824_377_638)] {
        assert!((pdf(law, z) - expected).abs() < 1e-4, "{z}: {} {expected}", pdf(law, z));
    }
    assert!((joint.mass - 1.0).abs() < 1e-12 && joint.most_negative > -1e-12, "{}", joint.most_negative);
    // The estimate looks into the first cell of the variance, whose law is a square-root process's.
    let exact = Question { theta: &theta[..3], start: &[0.0175], ..ask(&theta, &[0.0, 0.0175], &[1.0], 1000) };
    let exact = laws(&built_in("cir")?, Form::Exact, &exact)?.remove(0);
    let places = (-600..50).map(|k| math::exp(f64::from(k) / 10.0));
    let off = places.map(|x| (joint.marginals[1].cdf(x) - exact.cdf(x)).abs()).fold(0.0, f64::max);
    assert!(off <= joint.error && off < 1e-4 && joint.error < 2e-4, "{off} {}", joint.error);
    Ok(())
}

fn errors(found: &Joint, mean: &[f64], covariance: &[Vec<f64>]) -> f64 {
    let means = (0..2).map(|i| (found.mean[i] - mean[i]).abs() / covariance[i][i].sqrt());
    let spread = |i: usize, j: usize| {
        (found.covariance[i][j] - covariance[i][j]).abs() / (covariance[i][i] * covariance[j][j]).sqrt()
    };
    means.chain([spread(0, 0), spread(0, 1), spread(1, 1)]).fold(0.0, f64::max)
}

#[test]
fn strongly_correlated_noise_keeps_the_normal_law() -> Result<()> {
    for rho in [0.9, -0.9] {
        let model = model(LINE, "auto", TURNING, NOISE);
        let theta = [0.8, 0.0, 0.3, 1.0, rho];
        let joint = joints(&model, &ask(&theta, &[0.5, 0.2], &[1.0], 400))?.remove(0);
        let exact = closed_moments(&model, &theta, &[0.5, 0.2], 0.0, &[1.0]).expect("closed")?;
        let error = errors(&joint, &exact.mean[0], &exact.covariance.expect("closed")[0]);
        assert!(error < 2e-3, "{rho}: {error}");
        assert!((joint.mass - 1.0).abs() < 1e-12);
        // The cross term's stencil is not monotone: what is negative is said.
        assert!(joint.most_negative > -2e-2 && joint.error < 3e-3, "{} {}", joint.most_negative, joint.error);
    }
    Ok(())
}

/// Kramers' equation of a harmonic oscillator: the noise acts on the velocity alone, and the law is normal (Risken 1989, section
/// 10.2).
#[test]
fn noise_on_the_velocity_alone() -> Result<()> {
    let model = model(LINE, "auto", ["y", "-d*x - a*y"], "diffusion.y.w2 = \"0.9\"");
    let theta = [0.6, 0.0, 0.0, 1.0, 0.0];
    let joint = joints(&model, &ask(&theta, &[1.0, 0.0], &[2.0], 400))?.remove(0);
    let exact = closed_moments(&model, &theta, &[1.0, 0.0], 0.0, &[2.0]).expect("closed")?;
    let error = errors(&joint, &exact.mean[0], &exact.covariance.expect("closed")[0]);
    assert!(error < 5e-3, "{error}");
    assert!((joint.mass - 1.0).abs() < 1e-12);
    assert!(joint.error < 5e-3, "{}", joint.error);
    Ok(())
}

/// The underdamped double well against paths: the Kolmogorov-Smirnov distance beyond its 0.1 % point is 1.95/√n.
#[test]
fn an_underdamped_double_well_agrees_with_paths() -> Result<()> {
    let model = built_in("underdamped-langevin")?;
    let theta = model.default_params().values;
    let (start, times) = ([-1.0, 0.0], [2.0]);
    let grid = answer(&model, Form::FokkerPlanck, &ask(&theta, &start, &times, 400))?;
    let paths = 40_000;
    let accuracy = Accuracy { paths, step: Some(1e-3), ..Accuracy::default() };
    let sampled = answer(&model, Form::MonteCarlo, &Question { accuracy, ..ask(&theta, &start, &times, 400) })?;
    let allowed = 1.95 / (paths as f64).sqrt() + grid.error.expect("estimated") + 1e-3;
    for (law, sample) in grid.laws[0].iter().zip(&sampled.laws[0]) {
        let levels = (1..100).map(|k| f64::from(k) / 100.0);
        let distance = levels.map(|p| (law.cdf(sample.quantile(p)) - p).abs()).fold(0.0, f64::max);
        assert!(distance < allowed, "{distance} {allowed}");
    }
    Ok(())
}

#[test]
fn coefficients_that_change_with_time() -> Result<()> {
    let model = model(LINE, "auto", ["-a*x + sin(3*t)", "x - y"], NOISE);
    let theta = [1.0, 0.0, 0.0, 1.0, 0.0];
    let joint = joints(&model, &ask(&theta, &[0.0, 0.0], &[1.5], 150))?.remove(0);
    // m' = -m + sin 3t: m = (sin 3t - 3 cos 3t + 3 e^{-t})/10.
    let mean = (math::sin(4.5) - 3.0 * math::cos(4.5) + 3.0 * math::exp(-1.5)) / 10.0;
    assert!((joint.mean[0] - mean).abs() < 5e-4, "{} {mean}", joint.mean[0]);
    Ok(())
}

/// Two reflecting ends: a cosine series along x.
#[test]
fn reflecting_ends_keep_the_mass_between_them() -> Result<()> {
    let model = model("[0.0, 1.0]", "reflecting", ["0", "-d*y"], "diffusion.x.w1 = \"1\"\ndiffusion.y.w2 = \"1\"");
    let (x0, t) = (0.3, 0.2);
    let joint = joints(&model, &ask(&[0.0, 0.0, 0.0, 1.0, 0.0], &[x0, 0.0], &[t], 300))?.remove(0);
    let pi = std::f64::consts::PI;
    for x in [0.05, 0.4, 0.7, 0.95] {
        let term = |k: i32| {
            let k = pi * f64::from(k);
            2.0 * math::cos(k * x) * math::cos(k * x0) * math::exp(-0.5 * k * k * t)
        };
        let expected = 1.0 + (1..12).map(term).sum::<f64>();
        let found = pdf(&joint.marginals[0], x);
        assert!((found / expected - 1.0).abs() < 2e-3, "{x}: {found} {expected}");
    }
    Ok(())
}

/// A normal problem on grids that are symmetric about its start.
fn centred<'a>(model: &'a Model, theta: &'a [f64], times: &'a [f64], half: [f64; 2]) -> Problem<'a> {
    let Process::Diffusion(process) = &model.process else { panic!("a diffusion") };
    let [seen, body] = [1.0, 0.4].map(|share| half.map(|h| [-share * h, share * h]));
    let pilot = reach::Pilot { seen, body, rate: 1.0, steepness: [0.0; 2] };
    Problem { model, process, theta, start: [0.0; 2], t0: 0.0, times, pilot }
}

/// Second moments of what is on a grid, with no extrapolation.
fn second_moments(level: &Level) -> [f64; 3] {
    let nx = level.axes[0].len();
    let mut sums = [0.0; 3];
    for (k, m) in level.solution[0].mass.iter().enumerate() {
        let (x, y) = (level.axes[0].nodes[k % nx], level.axes[1].nodes[k / nx]);
        [x * x, x * y, y * y].iter().zip(&mut sums).for_each(|(v, s)| *s += m * v);
    }
    sums
}

/// Errors of the three second moments of a turning drift: of space on grids of these cells, of time on one of 48 for these numbers of steps
/// against far shorter ones. `[refinement][moment]`
pub(in crate::form) fn errors_of_moments(cells: &[usize], steps: &[f64]) -> Result<[Vec<[f64; 3]>; 2]> {
    moments_on([2.6, 1.2], |on, exact| {
        let less = |found: [f64; 3], from: &[f64; 3]| std::array::from_fn(|k| found[k] - from[k]);
        // Steps so short that time does not show.
        let space = cells.iter().map(|cells| Ok(less(on(*cells, 240.0)?, exact))).collect::<Result<_>>()?;
        let reference = on(48, 960.0)?;
        let time = steps.iter().map(|steps| Ok(less(on(48, *steps)?, &reference))).collect::<Result<_>>()?;
        Ok([space, time])
    })
}

/// Errors of space alone, time extrapolated away, as far out as six standard deviations: what lies beyond four is no less than what is
/// left of an extrapolated error. `[refinement][moment]`
pub(in crate::form) fn errors_without_time(cells: &[usize]) -> Result<Vec<[f64; 3]>> {
    moments_on([3.8, 1.75], |on, exact| {
        let one = |cells: &usize| {
            let (coarse, fine) = (on(*cells, 240.0)?, on(*cells, 480.0)?);
            Ok(std::array::from_fn(|k| (4.0 * fine[k] - coarse[k]) / 3.0 - exact[k]))
        };
        cells.iter().map(one).collect()
    })
}

/// Second moments on a grid of so many cells by so many steps.
type Moments<'a> = &'a dyn Fn(usize, f64) -> Result<[f64; 3]>;

fn moments_on<T>(half: [f64; 2], made: impl FnOnce(Moments, &[f64; 3]) -> Result<T>) -> Result<T> {
    let model = model(LINE, "auto", TURNING, NOISE);
    let (theta, times) = ([1.0, 0.5, -0.8, 2.0, 0.4], [0.9]);
    let problem = centred(&model, &theta, &times, half);
    let stretch = problem.stretch([[1.0; 2]; 2]);
    let exact = closed_moments(&model, &theta, &[0.0, 0.0], 0.0, &times).expect("closed")?;
    let exact = &exact.covariance.expect("closed")[0];
    let exact = [exact[0][0], exact[0][1], exact[1][1]];
    let whole = |cells: usize| problem.clock(cells).s(0.9);
    let on = |cells: usize, steps: f64| -> Result<[f64; 3]> {
        Ok(second_moments(&problem.on(&stretch, (cells, true), whole(cells) / (steps - 0.5))?))
    };
    made(&on, &exact)
}

#[test]
fn both_orders_are_two() -> Result<()> {
    let [space, time] = errors_of_moments(&[48, 96], &[30.0, 60.0])?;
    // Space: x and y spread by the fitted flux's excess.
    for (errors, moments, what) in [(space, &[0, 2][..], "space"), (time, &[0, 1, 2], "time")] {
        for k in moments {
            let order = (errors[0][*k] / errors[1][*k]).abs().log2();
            assert!((order - 2.0).abs() < 0.1, "{what} {k}: {order} {errors:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: 24, rng_seed: RngSeed::Fixed(11), ..Config::default() })]
    #[test]
    fn mass_and_symmetry_are_kept(
        (a, b, c, d) in (0.1..3.0f64, -2.0..2.0f64, -2.0..2.0f64, 0.1..3.0f64),
        rho in -0.95..0.95f64,
        cubic in prop::bool::ANY,
    ) {
        let drift = if cubic { ["-a*x^3 - b*y", "-c*x - d*y"] } else { TURNING };
        let model = model(LINE, "auto", drift, "diffusion.x.w1 = \"sqrt(1 + 0.3*y^2)\"\ndiffusion.y.w2 = \"0.7\"");
        let theta = [a, b, c, d, rho];
        let problem = centred(&model, &theta, &[0.7], [4.0, 3.0]);
        let level = problem.on(&problem.stretch([[1.0; 2]; 2]), (41, true), problem.spacing(41)).expect("solves");
        let mass = &level.solution[0].mass;
        prop_assert!((mass.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        // p(x, y) = p(-x, -y): the drift is odd and the noise even.
        let peak = mass.iter().copied().fold(0.0, f64::max);
        for (m, mirrored) in mass.iter().zip(mass.iter().rev()) {
            prop_assert!((m - mirrored).abs() < 1e-10 * peak, "{} {}", m, mirrored);
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() -> Result<()> {
    let model = built_in("heston")?;
    let theta = model.default_params().values;
    let on = |threads: usize| -> Result<Vec<f64>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| Ok(joints(&model, &ask(&theta, &[0.0, 0.04], &[0.5], 150))?.remove(0).p))
    };
    let one = on(1)?;
    for threads in [2, 3] {
        assert!(one.iter().zip(&on(threads)?).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
    Ok(())
}

#[test]
fn a_goal_is_reached_and_said() -> Result<()> {
    let model = model(LINE, "auto", TURNING, NOISE);
    let theta = [1.0, 0.5, -0.8, 2.0, 0.3];
    let (start, times) = ([0.2, 0.1], [0.5]);
    let mut question = ask(&theta, &start, &times, 100);
    question.accuracy.goal = Some(2e-4);
    let found = answer(&model, Form::FokkerPlanck, &question)?;
    let exact = answer(&model, Form::Exact, &question)?;
    assert!(found.error.expect("estimated") <= 2e-4, "{:?}", found.error);
    for (law, exact) in found.laws[0].iter().zip(&exact.laws[0]) {
        for p in [0.01, 0.2, 0.5, 0.9] {
            assert!((law.cdf(exact.quantile(p)) - p).abs() < 2e-4);
        }
    }
    Ok(())
}

#[test]
fn what_has_no_answer_is_refused_by_name() -> Result<()> {
    for (id, word) in [("sabr", "absorbing"), ("bates", "jumps")] {
        let model = built_in(id)?;
        let why = Form::FokkerPlanck.why_not(&model).expect("refused");
        assert!(why.contains(word) && why.contains("monte-carlo"), "{why}");
    }
    let model = built_in("heston")?;
    let theta = model.default_params().values;
    let refusal = joints(&model, &ask(&theta, &[0.0, 0.0], &[1.0], 100)).expect_err("starts on an end").to_string();
    assert!(refusal.contains("on an end"), "{refusal}");
    Ok(())
}
