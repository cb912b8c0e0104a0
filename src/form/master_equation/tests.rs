//! The master equation of networks against closed laws, published values and itself.

use super::*;
use crate::base::Result;
use crate::base::math;
use crate::base::{Purpose, Seed};
use crate::form::{Accuracy, Form, Question};
use crate::models::{Model, built_in, read};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

/// Poisson probabilities by ratios from the mode, which keep all digits.
fn poisson(mean: f64, n: usize) -> Vec<f64> {
    let mut law = vec![1.0; n];
    let mode = (mean as usize).min(n - 1);
    (mode + 1..n).for_each(|k| law[k] = law[k - 1] * mean / k as f64);
    (0..mode).rev().for_each(|k| law[k] = law[k + 1] * (k + 1) as f64 / mean);
    let sum: f64 = law.iter().rev().sum();
    law.into_iter().map(|p| p / sum).collect()
}

fn network(species: &str, reactions: &[(&str, String)]) -> Model {
    let mut text = String::from(
        "schema = 1\nid = \"test\"\ntitle = \"test\"\nsource = \"test\"\nkind = \"network\"\ncounting = \"combinations\"\n",
    );
    text.push_str(species);
    for (equation, speed) in reactions {
        text.push_str(&format!("[[reaction]]\nequation = \"{equation}\"\n{speed}\n"));
    }
    read("test.toml", &text).expect("a model")
}

fn law(model: &Model, theta: &[f64], t: f64, tolerance: f64) -> Result<Snapshot> {
    let ask = Projection { theta, start: &[], t0: 0.0, times: &[t], tolerance, most_states: MOST_STATES };
    Ok(project(model, &ask)?.remove(0))
}

/// Probability of a count of species 0.
fn chance(law: &Snapshot, n: f64) -> f64 {
    (0..law.len()).filter(|i| law.state(*i)[0] == n).map(|i| law.p[i]).sum()
}

/// `Σ |p - exact|` over all states, of a product of laws of the species.
fn distance(law: &Snapshot, exact: &[Vec<f64>]) -> f64 {
    let (mut apart, mut held) = (0.0, 0.0);
    for i in 0..law.len() {
        let truth: f64 = exact.iter().zip(law.state(i)).map(|(e, x)| e[*x as usize]).product();
        apart += (law.p[i] - truth).abs();
        held += truth;
    }
    apart + (1.0 - held).max(0.0)
}

#[test]
fn immigration_and_death_has_the_reference_probabilities() -> Result<()> {
    // Binomial survivors and Poisson newcomers, convolved in forty digits (Jahnke & Huisinga 2007).
    let model =
        network("[species.X]\ninitial = 3\n", &[("0 -> X", "rate = 10".into()), ("X -> 0", "rate = 0.5".into())]);
    let law = law(&model, &[], 1.7, 1e-13)?;
    for (n, p) in [
        (0.0, 1.995_764_738_800_118e-6),
        (5.0, 0.007_367_625_418_997_395),
        (12.0, 0.114_336_883_798_739_09),
        (20.0, 0.014_377_449_528_351_322),
    ] {
        assert!((chance(&law, n) / p - 1.0).abs() < 1e-12, "{n}: {}", chance(&law, n));
    }
    assert!(
        (law.mean()[0] - 12.733_946_156_871_646).abs() < 1e-11
            && (law.sd()[0].powi(2) - 12.185_895_584_713_442).abs() < 1e-10
    );
    Ok(())
}

#[test]
fn dimerisation_has_the_reference_probabilities() -> Result<()> {
    // c n (n - 1) / 2 in forty digits (McQuarrie 1967).
    let model = network("[species.A]\ninitial = 40\n[species.B]\n", &[("2 A -> B", "rate = 0.01".into())]);
    let law = law(&model, &[], 2.0, 1e-13)?;
    for (n, p) in [(40.0, 1.678_827_529_995_662_7e-7), (24.0, 0.20394421181532355), (16.0, 0.043_046_709_075_003_13)] {
        assert!((chance(&law, n) / p - 1.0).abs() < 1e-12, "{n}: {}", chance(&law, n));
    }
    assert!((law.mean()[0] - 22.430591393532058).abs() < 1e-11, "{}", law.mean()[0]);
    Ok(())
}

fn default_theta(model: &Model) -> Vec<f64> {
    model.params.iter().map(|p| p.default).collect()
}

#[test]
fn schloegl_passes_its_gap_with_the_reference_transients() -> Result<()> {
    // Dense exponential in doubles, itself good to eleven or twelve digits.
    let model = built_in("schloegl")?;
    let theta = default_theta(&model);
    for (t, values, mean) in [
        (1.0, [1.1009099898482e-5, 0.0051323590187276, 1.5977897579726e-5], 257.69764177662),
        (5.0, [0.010946378948744, 0.00018027695071791, 0.003857634635916], 314.12887939287),
    ] {
        let law = law(&model, &theta, t, 1e-12)?;
        for (n, p) in [85.0, 250.0, 560.0].iter().zip(values) {
            assert!((chance(&law, *n) - p).abs() < 2e-11 * p + law.error_bound, "{t} {n}: {}", chance(&law, *n));
        }
        assert!((law.mean()[0] - mean).abs() < 1e-8, "{t}: {}", law.mean()[0]);
    }
    Ok(())
}

#[test]
fn schloegl_relaxes_over_its_gap_at_the_known_rate() -> Result<()> {
    // P(n <= 250) tends to its stationary value 0.220258… as exp(-gap t), with gap 2.549665…e-5; the second rate is 0.78.
    let model = built_in("schloegl")?;
    let theta = default_theta(&model);
    let below = |law: &Snapshot| (0..law.len()).filter(|i| law.state(*i)[0] <= 250.0).map(|i| law.p[i]).sum::<f64>();
    let ask = |times: &[f64]| -> Result<Vec<f64>> {
        let ask = Projection { theta: &theta, start: &[], t0: 0.0, times, tolerance: 1e-9, most_states: MOST_STATES };
        Ok(project(&model, &ask)?.iter().map(below).collect())
    };
    let at = ask(&[1e3, 1e4, 1e5])?;
    let (end, gap) = (0.22025852336765273, 2.54966555155e-5);
    for (p, t) in at[1..].iter().zip([1e4, 1e5]) {
        let expected = end + (at[0] - end) * math::exp(-gap * (t - 1e3));
        assert!((p - expected).abs() < 1e-9, "{t}: {p} {expected}");
    }
    Ok(())
}

#[test]
fn schloegl_stands_still_at_the_reference_law() -> Result<()> {
    let model = built_in("schloegl")?;
    let law = stationary(&model, &default_theta(&model), &[])?;
    for (n, p) in [
        (50.0, 0.000_142_675_360_493_276_98),
        (85.0, 0.005_692_528_246_395_171),
        (100.0, 0.0032363455191194445),
        (200.0, 1.332_972_381_971_396_3e-6),
        (250.0, 3.554_537_694_425_845e-7),
        (400.0, 0.000_046_570_446_881_140_23),
        (565.0, 0.006_843_232_298_168_39),
    ] {
        assert!((chance(&law, n) / p - 1.0).abs() < 1e-12, "{n}: {}", chance(&law, n) / p - 1.0);
    }
    assert!((law.mean()[0] / 454.861_347_897_984_5 - 1.0).abs() < 1e-12, "{}", law.mean()[0]);
    let below: f64 = (0..law.len()).filter(|i| law.state(*i)[0] <= 250.0).map(|i| law.p[i]).sum();
    assert!((below / 0.22025852336765273 - 1.0).abs() < 1e-12, "{below}");
    Ok(())
}

#[test]
fn first_passage_times_keep_their_digits() -> Result<()> {
    let model = built_in("schloegl")?;
    let theta = default_theta(&model);
    let time = mean_first_passage(&model, &theta, &[82.0], 0, 563.0)?;
    assert!((time / 50_307.861_449_682_81 - 1.0).abs() < 1e-13, "{time}");
    // Pure death from 10 to 0: Σ 1 / (mu n); and downwards where counts have no end above.
    let death = network("[species.X]\ninitial = 10\n", &[("X -> 0", "rate = 2".into())]);
    let exact: f64 = (1..=10).map(|n| 0.5 / f64::from(n)).sum();
    assert!((mean_first_passage(&death, &[], &[], 0, 0.0)? / exact - 1.0).abs() < 1e-14);
    let down = mean_first_passage(&model, &theta, &[563.0], 0, 82.0)?;
    // The gap is the sum of both exit rates up to its own part of the next relaxation rate, 0.782.
    let (gap, next) = (2.54966555155e-5, 0.7821983);
    assert!(((1.0 / time + 1.0 / down) / gap - 1.0).abs() < 10.0 * gap / next, "{down}");
    Ok(())
}

#[test]
fn first_passage_by_elimination_agrees_with_the_line() -> Result<()> {
    // A spectator pair that changes nothing in X makes the network no line.
    let line = [("0 -> X", "rate = 3".to_string()), ("X -> 0", "rate = 0.2".to_string())];
    let one = network("[species.X]\ninitial = 4\n", &line);
    let pair = [line.as_slice(), &[("U -> W", "rate = 1".into()), ("W -> U", "rate = 2".into())]].concat();
    let two = network("[species.X]\ninitial = 4\n[species.U]\ninitial = 2\n[species.W]\n", &pair);
    let times = [&one, &two].map(|model| mean_first_passage(model, &[], &[], 0, 25.0));
    let [a, b] = times;
    let (a, b) = (a?, b?);
    assert!((a / b - 1.0).abs() < 1e-13, "{a} {b}");
    // What is never reached says so.
    let never = network("[species.X]\ninitial = 4\n", &[("X -> 0", "rate = 1".into())]);
    assert!(mean_first_passage(&never, &[], &[], 0, 9.0).is_err());
    Ok(())
}

#[test]
fn the_bound_is_the_error_of_a_chain_at_every_tolerance() -> Result<()> {
    // 0 -> A -> B -> 0 from nothing is a product of Poisson laws (Jahnke & Huisinga 2007, theorem 1).
    let rates = ["rate = 60".to_string(), "rate = 2".to_string(), "rate = 2".to_string()];
    let reactions: Vec<(&str, String)> = ["0 -> A", "A -> B", "B -> 0"].into_iter().zip(rates).collect();
    let chain = network("[species.A]\n[species.B]\n", &reactions);
    let single = network("[species.X]\n", &[("0 -> X", "rate = 50".into()), ("X -> 0", "rate = 0.7".into())]);
    for t in [0.3, 2.0] {
        let (fading, one) = (math::exp(-2.0 * t), math::exp(-0.7 * t));
        let two = [poisson(30.0 * (1.0 - fading), 400), poisson(30.0 * (1.0 - fading * (1.0 + 2.0 * t)), 400)];
        let alone = [poisson(50.0 / 0.7 * (1.0 - one), 600)];
        for tolerance in [1e-4, 1e-6, 1e-8, 1e-10, 1e-12] {
            for (model, exact) in [(&chain, two.as_slice()), (&single, &alone)] {
                let law = law(model, &[], t, tolerance)?;
                let error = distance(&law, exact);
                // The sum over the exact law has round-off of its own.
                assert!(law.error_bound >= error - 2e-14, "{t} {tolerance}: {} {error}", law.error_bound);
                assert!(
                    law.error_bound <= 10.0 * error || error < 1e-13,
                    "{t} {tolerance}: {} {error}",
                    law.error_bound
                );
                assert!(law.error_bound <= tolerance, "{t} {tolerance}: {}", law.error_bound);
            }
        }
    }
    Ok(())
}

#[test]
fn a_law_that_has_come_to_rest_is_within_its_bound() -> Result<()> {
    // A million products, were all of them made.
    let rates = ["rate = 60".to_string(), "rate = 2".to_string(), "rate = 2".to_string()];
    let reactions: Vec<(&str, String)> = ["0 -> A", "A -> B", "B -> 0"].into_iter().zip(rates).collect();
    let chain = network("[species.A]\n[species.B]\n", &reactions);
    let law = law(&chain, &[], 4_000.0, 1e-8)?;
    let error = distance(&law, &[poisson(30.0, 400), poisson(30.0, 400)]);
    assert!(error <= law.error_bound && law.error_bound <= 1e-8, "{error} {}", law.error_bound);
    Ok(())
}

#[test]
fn the_lattice_of_a_diffusion_knows_its_error_and_reaches_a_goal() -> Result<()> {
    let model = built_in("ou")?;
    let theta = [1.5, 0.5, 0.8];
    let answer = |cells: usize, goal: Option<f64>| {
        let accuracy = Accuracy { cells, goal, ..Accuracy::default() };
        let key = Seed(1).key(Purpose::Forecast, 0, 0);
        let ask = Question { theta: &theta, start: &[-1.0], t0: 0.0, times: &[0.7], accuracy, key };
        let exact = crate::form::laws(&model, Form::Exact, &ask)?.remove(0);
        let ours = crate::form::answer(&model, Form::MasterEquation, &ask)?;
        let law = &ours.laws[0][0];
        let apart = (1..400).map(|k| exact.quantile(f64::from(k) / 400.0)).map(|x| (law.cdf(x) - exact.cdf(x)).abs());
        Ok::<_, crate::base::Error>((apart.fold(0.0, f64::max), ours.error.unwrap_or(f64::NAN)))
    };
    for cells in [60, 120] {
        let (apart, estimate) = answer(cells, None)?;
        assert!(apart <= estimate && estimate < 30.0 * apart + 1e-9, "{cells}: {apart} {estimate}");
    }
    let (apart, estimate) = answer(60, Some(1e-6))?;
    assert!(apart <= 1e-6 && estimate <= 1e-6, "{apart} {estimate}");
    Ok(())
}

#[test]
fn an_epidemic_of_a_thousand_is_within_the_limits() -> Result<()> {
    let model = built_in("sir")?;
    let law = law(&model, &default_theta(&model), 10.0, 1e-9)?;
    assert!(law.error_bound <= 1e-9 && law.error_bound > 0.0);
    assert!((0..law.len()).all(|i| law.state(i).iter().sum::<f64>() == 1000.0));
    // Paths of the same model.
    let theta = default_theta(&model);
    let key = Seed(3).key(Purpose::Simulation, 0, 0);
    let run = crate::form::monte_carlo::ssa::Run {
        theta: &theta,
        start: &[],
        t0: 0.0,
        times: &[10.0],
        paths: 20_000,
        key,
        most_events: None,
        method: crate::form::monte_carlo::ssa::Method::Auto,
        epsilon: None,
    };
    let counts = crate::form::monte_carlo::ssa::simulate(&model, &run)?;
    let infected = &counts.states[0][1];
    let mean = infected.iter().sum::<f64>() / infected.len() as f64;
    assert!(
        (mean - law.mean()[1]).abs() < 4.0 * law.sd()[1] / (infected.len() as f64).sqrt(),
        "{mean} {:?}",
        law.mean()
    );
    Ok(())
}

#[test]
fn too_many_states_are_refused_by_name() -> Result<()> {
    let model = built_in("sir")?;
    let theta = default_theta(&model);
    let ask = Projection { theta: &theta, start: &[], t0: 0.0, times: &[30.0], tolerance: 1e-9, most_states: 3_000 };
    let text = project(&model, &ask).expect_err("too many").to_string();
    assert!(text.contains("3000 states are the limit"), "{text}");
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: 25, rng_seed: RngSeed::Fixed(8), ..Config::default() })]

    #[test]
    fn a_chain_on_random_nodes_keeps_its_mass_for_any_drift(
        drift in -40f64..40.0,
        bend in -30f64..30.0,
        noise in 0.2f64..2.0,
        gaps in prop::collection::vec(0.02f64..1.0, 4..30),
        t in 0.01f64..2.0,
        ends in prop::sample::select(vec!["reflecting", "absorbing", "periodic"]),
    ) {
        let text = format!(
            "schema = 1\nid = \"test\"\ntitle = \"test\"\nsource = \"test\"\nkind = \"diffusion\"\n\
             [state.x]\ndomain = [0.0, 1.0]\nboundary = \"{ends}\"\ninitial = 0.5\n\
             [dynamics]\ndrift.x = \"{drift} + ({bend})*x\"\ndiffusion.x = \"{noise}\"\n\
             [[jump]]\nrate = \"1.5\"\nmark.z = \"normal(0.1, 0.4)\"\nafter.x = \"x + z\"\n"
        );
        let model = read("test.toml", &text).expect("a model");
        let total: f64 = gaps.iter().sum();
        let mut x = 0.0;
        let nodes: Vec<f64> = gaps.iter().map(|g| { x += g / total; x - 0.5 * g / total }).collect();
        let ask = Nodes { theta: &[], x0: nodes[1], t0: 0.0, times: &[t], nodes: &nodes };
        let law = on_nodes(&model, &ask).expect("a law").remove(0);
        let kept: f64 = law.masses.iter().chain(&law.absorbed).sum();
        prop_assert!((kept - 1.0).abs() < 1e-13 && (kept - 1.0).abs() <= law.error_bound, "{}", kept);
        prop_assert!(law.masses.iter().chain(&law.absorbed).all(|m| *m >= 0.0));
        prop_assert!(ends == "absorbing" || law.absorbed == [0.0; 2]);
    }
}

proptest! {
    #![proptest_config(Config { cases: 40, rng_seed: RngSeed::Fixed(7), ..Config::default() })]

    #[test]
    fn mass_and_bound_make_one_and_nothing_is_negative(
        supply in 0.1f64..60.0,
        birth in 0.0f64..0.5,
        death in 0.1f64..3.0,
        pairs in 0.0f64..0.02,
        start in 0u32..80,
        t in 0.01f64..4.0,
        digits in 3u32..12,
    ) {
        let model = network(
            &format!("[species.X]\ninitial = {start}\n"),
            &[
                ("0 -> X", format!("rate = {supply}")),
                ("X -> 2 X", format!("rate = {birth}")),
                ("X -> 0", format!("rate = {death}")),
                ("2 X -> 0", format!("rate = {pairs}")),
            ],
        );
        let law = law(&model, &[], t, 10f64.powi(-(digits as i32))).expect("an answer");
        let mass: f64 = law.p.iter().sum();
        prop_assert!((mass + law.error_bound - 1.0).abs() < 1e-13, "{} {}", mass, law.error_bound);
        prop_assert!(law.p.iter().all(|p| *p >= 0.0) && law.error_bound <= 10f64.powi(-(digits as i32)));
    }
}
