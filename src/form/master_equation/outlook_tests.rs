//! Explosions told before they happen, and nothing else.

use super::outlook::{PATHS, Paths, Standing, axes, foreseen};
use super::space::Reactions;
use super::{MOST_STATES, Projection, project};
use crate::base::{Result, math};
use crate::models::{Model, read};
use crate::process::{Network, Process};

/// A network of counts with rate constant one.
fn network(species: &[(&str, u32)], reactions: &[(&str, &str)]) -> Model {
    let mut text =
        "schema = 1\nid = \"n\"\ntitle = \"n\"\nsource = \"test\"\nkind = \"network\"\ncounting = \"combinations\"\n"
            .to_string();
    for (name, initial) in species {
        text += &format!("[species.{name}]\ninitial = {initial}\n");
    }
    text += "[params.k]\ndefault = 1.0\n";
    for (equation, rate) in reactions {
        text += &format!("[[reaction]]\nequation = \"{equation}\"\nrate = \"{rate}\"\n");
    }
    read("n.toml", &text).expect("a model")
}

fn inner(model: &Model) -> &Network {
    match &model.process {
        Process::Network(network) => network,
        other => panic!("a {}", other.kind()),
    }
}

fn ask(model: &Model, time: f64, most_states: usize) -> Result<f64> {
    let projection = Projection { theta: &[1.0], start: &[], t0: 0.0, times: &[time], tolerance: 1e-9, most_states };
    project(model, &projection).map(|snapshots| snapshots[0].error_bound)
}

/// Networks whose states have no end, at the defaults.
fn explosions() -> Vec<(&'static str, Model)> {
    let names: Vec<String> = (0..30).map(|i| format!("s{i}")).collect();
    let all: Vec<(&str, u32)> = names.iter().map(|n| (n.as_str(), 1)).collect();
    let ring: Vec<String> = (0..30).map(|i| format!("s{i} -> s{}", (i + 1) % 30)).collect();
    let ring: Vec<(&str, &str)> = ring.iter().map(|e| (e.as_str(), "k")).collect();
    let births: Vec<String> = (0..5).flat_map(|i| [format!("0 -> s{i}"), format!("s{i} -> 0")]).collect();
    let births: Vec<(&str, &str)> =
        births.iter().enumerate().map(|(i, e)| (e.as_str(), if i % 2 == 0 { "100*k" } else { "k" })).collect();
    let met: Vec<String> = (0..8)
        .flat_map(|i| [format!("s{i} -> 2 s{}", (i + 1) % 8), format!("s{i} + s{} -> s{i}", (i + 1) % 8)])
        .collect();
    let met: Vec<(&str, &str)> = met.iter().map(|e| (e.as_str(), "k")).collect();
    let hundred: Vec<(&str, u32)> = names[..8].iter().map(|n| (n.as_str(), 100)).collect();
    vec![
        ("a birth a molecule", network(&[("X", 10)], &[("X -> 2 X", "20*k")])),
        ("births by pairs, infinite in finite time", network(&[("X", 10)], &[("2 X -> 3 X", "k")])),
        (
            "two that are born",
            network(&[("X", 100), ("Y", 50)], &[("X -> 2 X", "5*k"), ("Y -> 2 Y", "5*k"), ("X + Y -> Y", "k/1000")]),
        ),
        ("a ring of thirty", network(&all, &ring)),
        ("five made and lost", network(&all[..5], &births)),
        ("eight made by each other", network(&hundred, &met)),
        (
            "predators of predators",
            network(
                &[("X", 1000), ("Y", 1000), ("Z", 1000)],
                &[("X -> 2 X", "10*k"), ("X + Y -> 2 Y", "k/100"), ("Y + Z -> 2 Z", "k/100"), ("Z -> 0", "10*k")],
            ),
        ),
    ]
}

#[test]
fn a_state_space_that_explodes_is_refused_before_the_work_is_done() {
    for (name, model) in explosions() {
        let before = std::time::Instant::now();
        let told = ask(&model, 1.0, MOST_STATES).expect_err(name).to_string();
        println!("{name}: {:?}: {told}", before.elapsed());
        assert!(
            told.contains("'network-states'") && (told.contains("foreseen") || told.contains("run away")),
            "{name}: {told}"
        );
    }
}

#[test]
fn what_is_foreseen_is_no_more_than_what_is_needed() {
    // Poisson laws: the box of each is √(12 λ), and nine digits of them fill more.
    let model =
        network(&[("X", 0), ("Y", 0)], &[("0 -> X", "100*k"), ("X -> 0", "k"), ("0 -> Y", "100*k"), ("Y -> 0", "k")]);
    // So few that the work is stopped by the count itself, and so many that it ends.
    for (most, ends) in [(300, false), (200_000, true)] {
        let told = ask(&model, 1.0, most);
        assert_eq!(told.is_ok(), ends, "{most}: {told:?}");
    }
    let mut reactions = Reactions::new(&model, inner(&model), &[1.0], &[0.0, 0.0]);
    let drawn = vec![vec![0, 0]; PATHS];
    let mut standing = Standing { drawn: &drawn, states: 1, work: 0.0, now: 0.0, until: 1.0, most_states: 0 };
    // Σ = 63.2 at t = 1, a box of 760; refused below half of it, not above.
    standing.most_states = 250;
    assert!(foreseen(&mut reactions, &standing).is_some());
    standing.most_states = 550;
    assert!(foreseen(&mut reactions, &standing).is_none());
}

#[test]
fn a_law_at_rest_costs_nothing_however_far_it_is_asked_for() {
    let model = network(
        &[("X", 100), ("Y", 100)],
        &[("0 -> X", "100*k"), ("X -> 0", "k"), ("0 -> Y", "100*k"), ("Y -> 0", "k")],
    );
    let mut reactions = Reactions::new(&model, inner(&model), &[1.0], &[100.0, 100.0]);
    // The law itself, Poisson of mean and variance 100: its work of 3e8 an hour is not asked for over all that time.
    let z = |i: usize| math::normal_quantile((i as f64 + 0.5) / PATHS as f64);
    let at_rest: Vec<Vec<i64>> =
        (0..PATHS).map(|i| [z(i), z(i * 37 % PATHS)].map(|z| (100.0 + 10.0 * z).round() as i64).to_vec()).collect();
    // So many states are allowed that only work is left to refuse.
    let mut standing =
        Standing { drawn: &at_rest, states: 500_000, work: 0.0, now: 0.0, until: 1e9, most_states: 1 << 50 };
    assert!(foreseen(&mut reactions, &standing).is_none());
    // On the way to rest it costs, and of so many states too much.
    let apart = vec![vec![1000, 1000]; PATHS];
    (standing.drawn, standing.states) = (&apart, 40_000_000);
    let told = foreseen(&mut reactions, &standing).expect("refused").to_string();
    assert!(told.contains("'network-work'"), "{told}");
}

#[test]
fn counts_in_steps_and_totals_that_are_kept_are_no_states_of_their_own() {
    let dimers = network(&[("A", 100), ("B", 0)], &[("2 A -> B", "k"), ("B -> 2 A", "k")]);
    let reactions = Reactions::new(&dimers, inner(&dimers), &[1.0], &[100.0, 0.0]);
    let axes = axes(&reactions.changes);
    assert_eq!(axes.len(), 1);
    let change = reactions.changes[0][axes[0].position].unsigned_abs() as f64;
    assert_eq!(axes[0].step, change);
    // Half of the paths a dimer further than the others: Σ is a quarter of a step.
    let mut drawn = vec![reactions.sorted(&[100.0, 0.0]); PATHS / 2];
    drawn.extend(vec![reactions.sorted(&[98.0, 1.0]); PATHS / 2]);
    assert!((Paths::new(&drawn).spread(&axes).states - 2.0).abs() < 1e-12);
}
