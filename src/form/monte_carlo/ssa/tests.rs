//! Every sampler against closed laws and the master equation, against each other, and what is refused.

use super::chemistry::Chemistry;
use super::choose::in_lanes;
use super::composition::Groups;
use super::draws::Uniforms;
use super::mass_action::{Law, laws};
use super::path::Course;
use super::sums::Sums;
use super::*;
use crate::base::{Purpose, Seed, math};
use crate::form::master_equation::{MOST_STATES, Projection, Snapshot, project};
use crate::models::{built_in, built_in_ids, read};
use crate::process::symbol;

const EXACT: [Method; 3] = [Method::Direct, Method::Rejection, Method::CompositionRejection];

fn defaults(model: &Model) -> Vec<f64> {
    model.params.iter().map(|p| p.default).collect()
}

fn run<'a>(theta: &'a [f64], times: &'a [f64], paths: usize, method: Method) -> Run<'a> {
    let key = Seed(11).key(Purpose::Simulation, 0, 0);
    Run { theta, start: &[], t0: 0.0, times, paths, key, most_events: None, method, epsilon: None }
}

fn projected(model: &Model, theta: &[f64], time: f64) -> Snapshot {
    let ask = Projection { theta, start: &[], t0: 0.0, times: &[time], tolerance: 1e-9, most_states: MOST_STATES };
    project(model, &ask).expect("a law").remove(0)
}

fn moments(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let squares: f64 = samples.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

/// What is allowed of a mean and an sd: shares of them beside four standard errors.
fn near(found: &[f64], law: &Snapshot, species: usize, share: f64, what: &str) {
    let marginal = law.marginal(species).expect("a law");
    let (mean, sd) = (marginal.mean(), marginal.sd());
    let (points, masses) = marginal.table();
    let fourth: f64 = points.iter().zip(masses).map(|(x, p)| p * (x - mean).powi(4)).sum();
    let n = found.len() as f64;
    let of_sd = ((fourth - sd.powi(4)).max(0.0) / n).sqrt() / (2.0 * sd).max(1e-300);
    let (m, s) = moments(found);
    assert!((m - mean).abs() <= share * mean + 4.0 * sd / n.sqrt() + 1e-9, "{what}: mean {m}, {mean}");
    assert!((s - sd).abs() <= share * sd + 4.0 * of_sd + 1e-9, "{what}: sd {s}, {sd}");
}

// ---- exact samplers

#[test]
fn every_exact_sampler_has_the_moments_of_the_master_equation() -> Result<()> {
    // Mass action of first and second order, and in toggle-switch laws on the tape.
    for (id, time) in
        [("dimerisation", 10.0), ("michaelis-menten", 4.0), ("telegraph-gene", 2.0), ("toggle-switch", 1.0)]
    {
        let model = built_in(id)?;
        let theta = defaults(&model);
        let law = projected(&model, &theta, time);
        for method in EXACT {
            let counts = simulate(&model, &run(&theta, &[time], 4_000, method))?;
            assert_eq!(counts.method, method);
            for (s, found) in counts.states[0].iter().enumerate() {
                near(found, &law, s, 0.0, &format!("{id} {s} by {}", method.name()));
            }
        }
    }
    Ok(())
}

#[test]
fn stationary_counts_are_poisson_by_every_exact_sampler() -> Result<()> {
    let model = built_in("immigration-death")?;
    let (n, paths) = (20, 10_000);
    // Poisson of mean ten at t = 100, up to e^-10; the last bin holds the tail.
    let mut p: Vec<f64> =
        (0..n).map(|k| math::exp(f64::from(k) * math::ln(10.0) - 10.0 - math::ln_gamma(f64::from(k) + 1.0))).collect();
    p.push(1.0 - p.iter().sum::<f64>());
    for method in EXACT {
        let counts = simulate(&model, &run(&[1.0, 0.1], &[100.0], paths, method))?;
        let mut seen = vec![0.0; p.len()];
        counts.states[0][0].iter().for_each(|x| seen[(*x as usize).min(n as usize)] += 1.0);
        let chi: f64 = seen.iter().zip(&p).map(|(s, p)| (s - paths as f64 * p).powi(2) / (paths as f64 * p)).sum();
        let sf = math::chi_square_sf(chi, f64::from(n));
        assert!(sf > 1e-4, "{}: {sf}", method.name());
    }
    Ok(())
}

#[test]
fn a_path_is_the_same_alone_and_among_many() -> Result<()> {
    // Lanes compute every propensity every time, the direct method alone those that its graph names: they agree if the graph is right.
    for id in ["vilar", "dimerisation", "sir", "schloegl", "michaelis-menten", "toggle-switch"] {
        let model = built_in(id)?;
        let theta = defaults(&model);
        let times = [0.1 * model.horizon, 0.3 * model.horizon];
        let many = simulate(&model, &run(&theta, &times, 70, Method::Direct))?;
        let few = simulate(&model, &run(&theta, &times, 10, Method::Direct))?;
        for (many, few) in many.states.iter().flatten().zip(few.states.iter().flatten()) {
            assert_eq!(many[..10], few[..], "{id}");
        }
    }
    Ok(())
}

#[test]
fn lanes_fire_events_at_their_times_and_count_to_the_limit() -> Result<()> {
    let text = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n[species.A]\ninitial = 5\n\
        [[reaction]]\nequation = \"A -> 0\"\nrate = 1\n[[event]]\nwhen = \"t >= 0\"\nafter.A = \"A + 2\"\n\
        [[event]]\nwhen = \"t >= 50\"\nafter.A = \"9\"\n";
    let model = read("t.toml", text)?;
    let times = [1e-9, 49.0, 50.0];
    let ask = run(&[], &times, 100, Method::Direct);
    let counts = simulate(&model, &ask)?;
    assert!([(0, 7.0), (1, 0.0), (2, 9.0)].iter().all(|(t, n)| counts.states[*t][0].iter().all(|x| x == n)));
    assert_eq!(counts.events, 700);
    let refused = simulate(&model, &Run { most_events: Some(6), ..ask });
    assert!(matches!(refused, Err(Error::Numerics { .. })), "{refused:?}");
    Ok(())
}

#[test]
fn any_number_of_threads_gives_the_same_bytes_by_every_method() -> Result<()> {
    let model = built_in("michaelis-menten")?;
    let theta = defaults(&model);
    let on = |threads: usize, method: Method| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| -> Result<_> {
            let ask = run(&theta, &[1.0, 2.0], 130, method);
            let found = simulate_summary(&model, &ask)?;
            Ok((simulate(&model, &ask)?.states, found.summary, found.tally))
        })
    };
    for method in Method::ALL {
        assert_eq!(on(1, method)?, on(3, method)?, "{}", method.name());
    }
    Ok(())
}

#[test]
fn laws_are_those_of_the_expressions() -> Result<()> {
    let mut stream = Seed(3).key(Purpose::Simulation, 0, 0).stream(0);
    let mut seen = 0;
    for id in built_in_ids() {
        let model = built_in(id)?;
        let Process::Network(network) = &model.process else { continue };
        let theta = defaults(&model);
        let found = laws(network, &theta, 0.0);
        for _ in 0..10 {
            let mut x: Vec<f64> = network.species.iter().map(|_| (5.0 * stream.uniform()).floor()).collect();
            let mut symbols = network.frame.symbols(&theta, 0.0);
            symbols[symbol::STATE..symbol::STATE + x.len()].copy_from_slice(&x);
            x.push(1.0);
            for (law, reaction) in found.iter().zip(&network.reactions) {
                let Some(law) = law else { continue };
                let plain = network.frame.pool.eval(reaction.propensity, &symbols);
                assert!((law.at(&x) - plain).abs() <= 1e-14 * plain.abs(), "{id} {}", reaction.name);
                seen += 1;
            }
        }
    }
    assert!(seen > 500, "{seen}");
    assert_eq!(size_of::<Law>(), 32);
    Ok(())
}

// ---- choice among many

#[test]
fn sums_and_groups_follow_changes_and_draw_in_proportion() {
    let key = Seed(4).key(Purpose::Simulation, 0, 0);
    let mut stream = key.stream(0);
    for n in [1, 7, 64, 65, 700] {
        let (mut sums, mut groups) = (Sums::new(n), Groups::new(n));
        let mut plain = vec![0.0; n];
        for _ in 0..20_000 {
            let i = (stream.uniform() * n as f64) as usize;
            let value = if stream.uniform() < 0.3 { 0.0 } else { math::exp(20.0 * (stream.uniform() - 0.5)) };
            plain[i] = value;
            sums.set(i, value);
            groups.set(i, value);
            sums.settle();
            groups.settle();
        }
        let total: f64 = plain.iter().sum();
        assert!((sums.total() - total).abs() <= 1e-11 * total && (groups.total() - total).abs() <= 1e-11 * total);
        // As many draws as tell the share of the ten largest to a few percent.
        let mut draws = Uniforms::new(key);
        draws.begin(1, 0);
        let (mut by_sums, mut by_groups) = (vec![0.0; n], vec![0.0; n]);
        let times = 20_000;
        for _ in 0..times {
            by_sums[sums.find(draws.next() * sums.total()).expect("one")] += 1.0;
            by_groups[groups.draw(&mut draws).expect("one")] += 1.0;
        }
        for seen in [by_sums, by_groups] {
            let chi: Vec<f64> = (0..n)
                .filter(|i| plain[*i] > 1e-3 * total)
                .map(|i| {
                    (seen[i] - f64::from(times) * plain[i] / total).powi(2) / (f64::from(times) * plain[i] / total)
                })
                .collect();
            assert!(math::chi_square_sf(chi.iter().sum(), chi.len() as f64) > 1e-5, "{n}");
            assert!((0..n).all(|i| plain[i] > 0.0 || seen[i] == 0.0));
        }
        // All gone: nothing is left of the round-off.
        for i in 0..n {
            sums.set(i, 0.0);
            groups.set(i, 0.0);
        }
        assert!(sums.find(0.5 * sums.total().max(0.0)).is_none() && groups.draw(&mut draws).is_none());
    }
}

#[test]
fn a_large_network_is_simulated_by_what_its_pilot_counts() -> Result<()> {
    // A ring of 400 isomers beside one that all of them need: a direct method would compute 400 propensities a reaction.
    let ring = || {
        let mut text = String::from(
            "schema = 1\nid = \"ring\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n[species.E]\ninitial = 1000\n",
        );
        for i in 0..400 {
            text.push_str(&format!("[species.s{i}]\ninitial = 10\n"));
        }
        for i in 0..400 {
            let j = (i + 1) % 400;
            text.push_str(&format!("[[reaction]]\nequation = \"E + s{i} -> s{j}\"\nrate = 1e-3\n"));
        }
        text.push_str(
            "[[reaction]]\nequation = \"E -> 0\"\nrate = 1\n[[reaction]]\nequation = \"0 -> E\"\nrate = 1000\n",
        );
        read("ring.toml", &text)
    };
    let one = simulate(&ring()?, &run(&[], &[0.5], 2, Method::Auto))?;
    assert!(matches!(one.method, Method::Rejection | Method::CompositionRejection), "{}", one.why);
    assert!(one.why.contains("402 reactions"), "{}", one.why);
    let direct = simulate(&ring()?, &run(&[], &[0.5], 2, Method::Direct))?;
    assert_eq!(direct.method, Method::Direct);
    let apart = (one.events as f64 - direct.events as f64).abs();
    assert!(apart < 6.0 * (one.events as f64 + direct.events as f64).sqrt(), "{} {}", one.events, direct.events);
    let vilar = built_in("vilar")?;
    let theta = defaults(&vilar);
    assert_eq!(simulate(&vilar, &run(&theta, &[0.1], 100, Method::Auto))?.why, "16 reactions, many paths at once");
    Ok(())
}

// ---- leaps

/// The three systems of the DSMTS that leaps are for, with the law at their end: x0 = 100, birth 0.1, death 0.11; immigration 1, death
/// 0.1; 100 P, 0.001 P (P - 1), 0.01 P2.
fn systems() -> Vec<(Model, Vec<f64>, f64)> {
    let system = |id: &str, theta: Option<Vec<f64>>, time: f64| {
        let model = built_in(id).expect("built in");
        let theta = theta.unwrap_or_else(|| defaults(&model));
        (model, theta, time)
    };
    let dimers = "schema = 1\nid = \"dimers\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n\
        [species.P]\ninitial = 100\n[species.P2]\n[[reaction]]\nequation = \"2 P -> P2\"\nrate = 0.001\n\
        [[reaction]]\nequation = \"P2 -> 2 P\"\nrate = 0.01\n";
    vec![
        system("birth-death", Some(vec![0.1, 0.11]), 50.0),
        system("immigration-death", Some(vec![1.0, 0.1]), 50.0),
        (read("dimers.toml", dimers).expect("a model"), vec![], 50.0),
    ]
}

#[test]
fn leaps_have_mean_and_sd_within_two_percent() -> Result<()> {
    for (model, theta, time) in systems() {
        let law = projected(&model, &theta, time);
        for method in [Method::TauLeaping, Method::Hybrid] {
            let counts = simulate(&model, &run(&theta, &[time], 10_000, method))?;
            for (s, found) in counts.states[0].iter().enumerate() {
                near(found, &law, s, 0.02, &format!("{} {s} by {}", model.id, method.name()));
            }
        }
    }
    Ok(())
}

/// Many molecules: leaps are long, and what they are off by is theirs.
fn plenty() -> Model {
    let text = "schema = 1\nid = \"plenty\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n\
        [species.P]\ninitial = 100000\n[species.P2]\n[[reaction]]\nequation = \"2 P -> P2\"\nrate = 1e-5\n\
        [[reaction]]\nequation = \"P2 -> 2 P\"\nrate = 0.5\n[[reaction]]\nequation = \"P -> 0\"\nrate = 0.2\n\
        [[reaction]]\nequation = \"P2 -> 0\"\nrate = 3\n";
    read("plenty.toml", text).expect("a model")
}

#[test]
fn leaps_are_many_reactions_and_their_error_falls_with_epsilon() -> Result<()> {
    let model = plenty();
    let times = [0.5];
    let exact = simulate(&model, &run(&[], &times, 100, Method::Direct))?;
    let (mean, sd) = moments(&exact.states[0][0]);
    let mut off = Vec::new();
    for epsilon in [0.2, 0.02] {
        let ask = Run { epsilon: Some(epsilon), ..run(&[], &times, 400, Method::TauLeaping) };
        let found = simulate(&model, &ask)?;
        assert!(found.tally.leaps * 100 < found.events, "{:?}", found.tally);
        off.push((moments(&found.states[0][0]).0 - mean).abs());
    }
    // Explicit steps are of first order: a tenth of the error, which at 0.02 is lost in what 100 exact paths leave.
    assert!(off[0] > 20.0 * sd / 10.0 && off[1] < 0.15 * off[0], "{off:?} {sd}");
    Ok(())
}

/// Runs until so many leaps were made, and looks at every state on the way.
fn leaps_below_zero(model: &Model, theta: &[f64], until: f64, leaps: u64) -> (u64, u64, f64) {
    let times: Vec<f64> = (1..=50).map(|k| until * f64::from(k) / 50.0).collect();
    let (mut done, mut refused, mut least) = (0, 0, f64::INFINITY);
    for seed in 0.. {
        let key = Seed(seed).key(Purpose::Simulation, 0, 0);
        let ask = Run { key, epsilon: Some(0.9), ..run(theta, &times, 20, Method::TauLeaping) };
        let found = simulate(model, &ask).expect("paths");
        done += found.tally.leaps;
        refused += found.tally.refused;
        least = found.states.iter().flatten().flatten().fold(least, |a, b| a.min(*b));
        if done >= leaps {
            break;
        }
    }
    (done, refused, least)
}

/// Two isomers of some twenty molecules each that change fast: what goes one way in a leap is more than there are.
fn isomers() -> Model {
    let text = "schema = 1\nid = \"isomers\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n\
        [species.A]\ninitial = 20\n[species.B]\ninitial = 20\n[[reaction]]\nequation = \"A -> B\"\nrate = 100\n\
        [[reaction]]\nequation = \"B -> A\"\nrate = 100\n";
    read("isomers.toml", text).expect("a model")
}

#[test]
fn no_population_is_negative_in_a_hundred_thousand_leaps() {
    // At epsilon 0.9, where leaps are given up all the time; a negative count would also be refused by the exact steps.
    let (done, refused, least) = leaps_below_zero(&isomers(), &[], 5.0, 100_000);
    assert!(done >= 100_000 && refused > 100 && least >= 0.0, "{done} {refused} {least}");
}

#[test]
#[ignore = "a million leaps: half a minute"]
fn no_population_is_negative_in_a_million_leaps() {
    let (done, refused, least) = leaps_below_zero(&isomers(), &[], 5.0, 1_000_000);
    println!("{done} leaps, {refused} given up, least count {least}");
    assert!(done >= 1_000_000 && refused > 1_000 && least >= 0.0, "{done} {refused} {least}");
}

#[test]
fn the_hybrid_keeps_small_populations_exact() -> Result<()> {
    // One gene that switches, thousands of proteins: the noise is that of the gene, which a leap over its switches would lose.
    let text = "schema = 1\nid = \"gene\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n\
        [species.off]\ninitial = 1\n[species.on]\n[species.P]\n[[reaction]]\nequation = \"off -> on\"\nrate = 1\n\
        [[reaction]]\nequation = \"on -> off\"\nrate = 1\n[[reaction]]\nequation = \"on -> on + P\"\nrate = 20000\n\
        [[reaction]]\nequation = \"P -> 0\"\nrate = 2\n";
    let model = read("gene.toml", text)?;
    let found = simulate(&model, &run(&[], &[6.0], 2_000, Method::Hybrid))?;
    assert!(found.tally.leaps > 0 && found.events > 20 * found.tally.leaps, "{:?}", found.tally);
    // Stationary: mean k/(2 d), variance mean + (k/2)²/(d (d + 2)) (Peccoud & Ycart 1995), with on and off at rate one and d = 2.
    let (k, d) = (20_000.0, 2.0);
    let (mean, variance) = (k / (2.0 * d), k / (2.0 * d) + k * k / (4.0 * d * (d + 2.0)));
    let (m, s) = moments(&found.states[0][2]);
    assert!((m - mean).abs() < 0.02 * mean + 4.0 * (variance / 2_000.0f64).sqrt(), "{m} {mean}");
    // The law is a beta's, flatter than a normal one: its sd has no larger standard error than that of a normal law.
    assert!((s - variance.sqrt()).abs() < 0.02 * s + 4.0 * s / 4_000f64.sqrt(), "{s} {}", variance.sqrt());
    Ok(())
}

// ---- summaries, choice and refusals

#[test]
fn a_summary_says_what_the_paths_say() -> Result<()> {
    let model = built_in("dimerisation")?;
    let theta = defaults(&model);
    for paths in [1, 20, 3_000] {
        let ask = run(&theta, &[1.0, 10.0], paths, Method::Auto);
        let (found, kept) = (simulate_summary(&model, &ask)?, simulate(&model, &ask)?);
        assert_eq!((found.summary.paths, found.method), (paths, kept.method));
        for (row, columns) in found.summary.at.iter().zip(&kept.states) {
            for (spread, column) in row.iter().zip(columns) {
                let mean = column.iter().sum::<f64>() / paths as f64;
                assert!((spread.mean - mean).abs() <= 1e-12 * mean);
                let sd = if paths > 1 { moments(column).1 } else { 0.0 };
                assert!((spread.sd - sd).abs() <= 1e-10 * sd);
                // The counts that the pilot saw more than once are bins of their own.
                let histogram: Vec<_> = spread.histogram().collect();
                assert_eq!(histogram.iter().map(|bin| bin.2).sum::<u64>(), paths as u64);
                for (k, (low, high, count)) in histogram.into_iter().enumerate() {
                    let above = |x: f64| x > low || k == 0 && x == low;
                    let held = column.iter().filter(|x| **x == high || above(**x) && **x < high).count();
                    assert_eq!(held as u64, count, "{low} {high}");
                }
                let mut sorted = column.clone();
                sorted.sort_by(f64::total_cmp);
                assert_eq!((spread.min, spread.max), (sorted[0], sorted[paths - 1]));
                let median = sorted[(paths - 1) / 2];
                assert!((spread.quantile(0.5) - median).abs() <= 1.0, "{} {median}", spread.quantile(0.5));
            }
        }
    }
    Ok(())
}

#[test]
fn what_a_method_cannot_do_is_refused() -> Result<()> {
    let text = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n[species.A]\ninitial = 5\n\
        [[reaction]]\nequation = \"A -> 0\"\nlaw = \"A*(2 + sin(t))\"\n";
    let model = read("t.toml", text)?;
    for method in Method::ALL {
        let found = simulate(&model, &run(&[], &[1.0], 20, method));
        match method {
            Method::Auto | Method::Direct => assert_eq!(found?.method, Method::Direct),
            _ => assert!(matches!(found, Err(Error::FormUnavailable { .. })), "{}", method.name()),
        }
    }
    let model = built_in("dimerisation")?;
    let theta = defaults(&model);
    for epsilon in [0.0, 1.0, f64::NAN] {
        let ask = Run { epsilon: Some(epsilon), ..run(&theta, &[1.0], 20, Method::TauLeaping) };
        assert!(matches!(simulate(&model, &ask), Err(Error::BadOption { .. })));
    }
    Ok(())
}

#[test]
fn lanes_are_for_few_reactions_and_enough_paths() -> Result<()> {
    for (id, paths, expected) in [("vilar", 16, true), ("vilar", 15, false), ("toggle-switch", 100, true)] {
        let model = built_in(id)?;
        let theta = defaults(&model);
        let ask = run(&theta, &[1.0], paths, Method::Auto);
        let course = Course::new(&model, network_of(&model, counts::refused_events)?, &ask)?;
        let chemistry = Chemistry::new(&model, network_of(&model, counts::refused_events)?, &theta, 0.0);
        assert_eq!(in_lanes(&chemistry, &course), expected, "{id} {paths}");
    }
    Ok(())
}
