//! Networks against closed laws; their events (`events`), and their forms against one another (`agreement`).

mod agreement;
mod events;

use super::master_equation::{MOST_STATES, Projection, Snapshot, project, stationary};
use super::monte_carlo::ssa::{Counts, Method, Run, simulate};
use super::{Accuracy, Form, Question, marginals};
use crate::base::{Error, Purpose, Result, Seed, math};
use crate::expr::{Binary, Id};
use crate::models::{Model, built_in, read};
use crate::predictive::Predictive;
use crate::process::{Event, Network, Process, symbol};

fn theta(model: &Model) -> Vec<f64> {
    model.params.iter().map(|p| p.default).collect()
}

fn network(model: &Model) -> &Network {
    let Process::Network(network) = &model.process else { panic!("{} is no network", model.id) };
    network
}

fn change(model: &mut Model, edit: impl FnOnce(&mut Network)) {
    let Process::Network(network) = &mut model.process else { panic!("{} is no network", model.id) };
    edit(network);
}

fn simulated(model: &Model, theta: &[f64], times: &[f64], paths: usize) -> Result<Counts> {
    let key = Seed(11).key(Purpose::Simulation, 0, 0);
    simulate(
        model,
        &Run { theta, start: &[], t0: 0.0, times, paths, key, most_events: None, method: Method::Auto, epsilon: None },
    )
}

fn projected(model: &Model, theta: &[f64], times: &[f64]) -> Result<Vec<Snapshot>> {
    let tolerance = 1e-9;
    project(model, &Projection { theta, start: &[], t0: 0.0, times, tolerance, most_states: MOST_STATES })
}

/// A network of one file's reactions, all rates parameters named k1, k2, …
fn written(species: &str, reactions: &[(&str, &str)]) -> Model {
    let mut text = String::from(
        "schema = 1\nid = \"test\"\ntitle = \"test\"\nsource = \"test\"\nkind = \"network\"\ncounting = \"combinations\"\n",
    );
    text.push_str(species);
    for (equation, speed) in reactions {
        text.push_str(&format!("[[reaction]]\nequation = \"{equation}\"\n{speed}\n"));
    }
    read("test.toml", &text).expect("a model")
}

fn moments(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let squares: f64 = samples.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

fn number(network: &mut Network, value: f64) -> Id {
    network.frame.pool.number(value)
}

fn binomial(n: f64, p: f64, k: f64) -> f64 {
    let ways = math::ln_gamma(n + 1.0) - math::ln_gamma(k + 1.0) - math::ln_gamma(n - k + 1.0);
    math::exp(ways + k * math::ln(p) + (n - k) * math::ln_1p(-p))
}

fn poisson(mean: f64, k: f64) -> f64 {
    math::exp(k * math::ln(mean) - mean - math::ln_gamma(k + 1.0))
}

/// Largest difference from a law of species 0.
fn gap(snapshot: &Snapshot, law: impl Fn(f64) -> f64) -> f64 {
    let marginal = snapshot.marginal(0).expect("a law");
    let (points, masses) = marginal.table();
    points.iter().zip(masses).map(|(k, p)| (p - law(*k)).abs()).fold(0.0, f64::max)
}

// ---- conservation

fn laws_of(id: &str) -> Vec<String> {
    let model = built_in(id).expect("built in");
    let start = model.default_start(&theta(&model)).expect("numbers");
    let network = network(&model);
    network.conservation_laws().iter().map(|law| law.print(network, law.total(&start))).collect()
}

#[test]
fn what_reactions_conserve_is_found_with_its_totals() {
    assert_eq!(laws_of("michaelis-menten"), ["E + ES = 10", "S + ES + P = 30"]);
    assert_eq!(laws_of("telegraph-gene"), ["off + on = 1"]);
    assert_eq!(laws_of("dimerisation"), ["A + 2 A2 = 100"]);
    assert_eq!(laws_of("sir"), ["S + I + R = 1000"]);
    assert_eq!(laws_of("vilar"), ["DA + DAa = 1", "DR + DRa = 1"]);
    assert_eq!(laws_of("second-order"), ["A + C = 50", "B + C = 40"]);
    assert!(laws_of("schloegl").is_empty() && laws_of("oregonator").is_empty());
}

#[test]
fn independent_species_are_as_many_as_the_rank() {
    for (id, names) in
        [("michaelis-menten", vec!["E", "S"]), ("telegraph-gene", vec!["off", "rna"]), ("schloegl", vec!["X"])]
    {
        let model = built_in(id).expect("built in");
        let network = network(&model);
        let found: Vec<&str> =
            network.independent_species().iter().map(|s| network.species[*s].name.as_str()).collect();
        assert_eq!(found, names, "{id}");
    }
    assert_eq!(network(&built_in("dimerisation").expect("built in")).stoichiometry(), [[-2, 2], [1, -1]]);
}

#[test]
fn a_law_with_a_difference_is_shown_where_no_sum_is_conserved() {
    let model = written("[species.A]\n[species.B]\n", &[("0 -> A + B", "rate = 1"), ("A + B -> 0", "rate = 1")]);
    let network = network(&model);
    let laws: Vec<String> = network.conservation_laws().iter().map(|law| law.print(network, 0.0)).collect();
    assert_eq!(laws, ["A - B = 0"]);
}

// ---- closed laws

#[test]
fn immigration_and_death_is_poisson_at_every_time() -> Result<()> {
    let model = built_in("immigration-death")?;
    let times = [0.5, 5.0, 50.0, 500.0];
    for (time, law) in times.iter().zip(projected(&model, &[1.0, 0.1], &times)?) {
        let mean = 10.0 * -math::exp_m1(-0.1 * time);
        assert!(gap(&law, |k| poisson(mean, k)) < 1e-11, "{time}");
        assert!(law.error_bound < 1e-9 && law.error_bound >= 0.0, "{}", law.error_bound);
    }
    let still = stationary(&model, &[1.0, 0.1], &[])?;
    assert!(gap(&still, |k| poisson(10.0, k)) < 1e-13);
    Ok(())
}

#[test]
fn reversible_isomerisation_is_binomial_at_every_time() -> Result<()> {
    let model = built_in("reversible-isomerisation")?;
    let times = [0.1, 1.0, 20.0, 500.0];
    for (time, law) in times.iter().zip(projected(&model, &[0.3, 0.2], &times)?) {
        let p = 0.4 + 0.6 * math::exp(-0.5 * time);
        // What the projection may lose is within its tolerance.
        let apart = gap(&law, |k| binomial(100.0, p, k));
        assert!(apart < 1e-9 && apart <= law.error_bound + 1e-12, "{time}: {apart} {}", law.error_bound);
        assert!((0..law.len()).all(|i| law.state(i).iter().sum::<f64>() == 100.0));
    }
    assert!(gap(&stationary(&model, &[0.3, 0.2], &[])?, |k| binomial(100.0, 0.4, k)) < 1e-12);
    Ok(())
}

#[test]
fn linear_birth_and_death_has_its_mean_and_variance() -> Result<()> {
    let model = built_in("birth-death")?;
    let (l, m, times) = (0.1, 0.11, [10.0, 50.0]);
    let laws = projected(&model, &[l, m], &times)?;
    let paths = 20_000;
    let counts = simulated(&model, &[l, m], &times, paths)?;
    for (k, time) in times.iter().enumerate() {
        let growth = math::exp((l - m) * time);
        let sd = (100.0 * (l + m) / (l - m) * growth * (growth - 1.0)).sqrt();
        assert!((laws[k].mean()[0] - 100.0 * growth).abs() < 1e-6, "{}", laws[k].mean()[0]);
        assert!((laws[k].sd()[0] - sd).abs() < 1e-5, "{} {sd}", laws[k].sd()[0]);
        let (mean, spread) = moments(&counts.states[k][0]);
        let root = (paths as f64).sqrt();
        assert!((mean - 100.0 * growth).abs() < 4.0 * sd / root, "{mean}");
        // Near a normal law the sd has a standard error of sd / √(2n).
        assert!((spread - sd).abs() < 4.0 * sd / (2f64.sqrt() * root), "{spread} {sd}");
    }
    Ok(())
}

#[test]
fn schloegl_has_the_published_mean_and_spread() -> Result<()> {
    let model = built_in("schloegl")?;
    let law = &projected(&model, &theta(&model), &[10.0])?[0];
    assert!(
        (law.mean()[0] - 316.5917).abs() < 1e-4 && (law.sd()[0] - 238.0697).abs() < 1e-4,
        "{:?} {:?}",
        law.mean(),
        law.sd()
    );
    Ok(())
}

#[test]
fn a_start_from_a_law_is_carried_through() -> Result<()> {
    // A Poisson start stays Poisson under immigration and death (Jahnke & Huisinga 2007, proposition 1).
    let model =
        written("[species.X]\ninitial = \"poisson(30)\"\n", &[("0 -> X", "rate = 1"), ("X -> 0", "rate = 0.1")]);
    let mean = 30.0 * math::exp(-0.5) + 10.0 * (1.0 - math::exp(-0.5));
    let law = &projected(&model, &[], &[5.0])?[0];
    assert!(gap(law, |k| poisson(mean, k)) < 1e-11);
    let (found, sd) = moments(&simulated(&model, &[], &[5.0], 20_000)?.states[0][0]);
    assert!((found - mean).abs() < 4.0 * mean.sqrt() / 20_000f64.sqrt(), "{found} {mean}");
    assert!((sd * sd / mean - 1.0).abs() < 4.0 * (2.0f64 / 20_000.0).sqrt() * 1.1, "{sd}");
    // And a stationary start stays as it is.
    let model = written("[species.X]\ninitial = \"stationary\"\n", &[("0 -> X", "rate = 1"), ("X -> 0", "rate = 0.1")]);
    assert!(gap(&projected(&model, &[], &[5.0])?[0], |k| poisson(10.0, k)) < 1e-11);
    let (found, _) = moments(&simulated(&model, &[], &[1.0], 20_000)?.states[0][0]);
    assert!((found - 10.0).abs() < 4.0 * 10f64.sqrt() / 20_000f64.sqrt(), "{found}");
    Ok(())
}

#[test]
fn elimination_gives_the_stationary_law_of_a_closed_network() -> Result<()> {
    // Three isomers in a ring are multinomial; dimers move two at a time.
    let model = written(
        "[species.A]\ninitial = 12\n[species.B]\n[species.C]\n",
        &[("A -> B", "rate = 2"), ("B -> C", "rate = 1"), ("C -> A", "rate = 0.5")],
    );
    let law = stationary(&model, &[], &[])?;
    assert_eq!(law.len(), 91);
    assert!(gap(&law, |k| binomial(12.0, 1.0 / 7.0, k)) < 1e-13);
    let model = built_in("dimerisation")?;
    let still = stationary(&model, &theta(&model), &[])?;
    let later = &projected(&model, &theta(&model), &[5_000.0])?[0];
    assert!((still.mean()[0] - later.mean()[0]).abs() < 1e-7 && (still.sd()[1] - later.sd()[1]).abs() < 1e-7);
    Ok(())
}
