//! Delays, priorities, random assignments and members that move, against what they must be.

use super::ssa::{Counts, Method, Run, simulate};
use crate::base::{Purpose, Result, Seed, math};
use crate::models::{Model, read};

fn written(text: &str) -> Model {
    let head = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"combinations\"\n";
    read("t.toml", &format!("{head}{text}")).expect(text)
}

fn simulated(model: &Model, times: &[f64], paths: usize) -> Result<Counts> {
    let theta: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    let key = Seed(5).key(Purpose::Simulation, 0, 0);
    simulate(
        model,
        &Run {
            theta: &theta,
            start: &[],
            t0: 0.0,
            times,
            paths,
            key,
            most_events: None,
            method: Method::Auto,
            epsilon: None,
        },
    )
}

/// The one value of a member on a path without chance.
fn values(model: &Model, times: &[f64], member: usize) -> Vec<f64> {
    let counts = simulated(model, times, 1).expect("simulated");
    counts.states.iter().map(|row| row[member][0]).collect()
}

const CLOCK: &str = "[species.c]\nreal = true\n[species.X]\n[rate]\nc = 1\n";

#[test]
fn a_timer_comes_round_at_its_own_times_and_draws_anew() -> Result<()> {
    let text = "[species.c]\nreal = true\n[species.X]\nreal = true\n[rate]\nc = 1\n\
        [[event]]\nwhen = \"c >= 0.5\"\nafter.X = \"2 + 3*normal(0, 0.5)\"\nafter.c = -0.5\n";
    let counts = simulated(&written(text), &[0.0, 0.499, 0.501, 1.0, 1.499, 10.0], 20_000)?;
    assert!(counts.states[1][1].iter().all(|x| *x == 0.0) && counts.states[3][0].iter().all(|c| c.abs() < 1e-12));
    let moments = |row: &[f64]| {
        let n = row.len() as f64;
        let mean = row.iter().sum::<f64>() / n;
        (mean, (row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt())
    };
    assert_eq!(counts.states[2][1], counts.states[4][1]);
    for k in [2, 5] {
        let (mean, sd) = moments(&counts.states[k][1]);
        assert!((mean - 2.0).abs() < 4.0 * 1.5 / 20_000f64.sqrt(), "{mean}");
        assert!((sd - 1.5).abs() < 4.0 * 1.5 / 40_000f64.sqrt(), "{sd}");
    }
    Ok(())
}

#[test]
fn a_delay_keeps_the_values_of_its_trigger_or_takes_those_it_finds() {
    for (op, values_from, want) in [(">=", "trigger", 11.0), (">", "trigger", 11.0), (">", "execution", 21.0)] {
        let text = format!(
            "{CLOCK}[[event]]\nwhen = \"t {op} 1\"\ndelay = 2\nvalues = \"{values_from}\"\nafter.X = \"X + 11\"\n\
             [[event]]\nwhen = \"t >= 2\"\nafter.X = 10\n"
        );
        assert_eq!(values(&written(&text), &[2.0, 2.999, 3.0], 1), [10.0, 10.0, want]);
    }
}

#[test]
fn an_event_is_cancelled_where_its_condition_turns_false_unless_it_persists() {
    for (persistent, want) in [(false, 0.0), (true, 7.0)] {
        let text = format!(
            "{CLOCK}[[event]]\nwhen = \"c > 1 and c < 2\"\ndelay = 3\npersistent = {persistent}\nafter.X = 7\n"
        );
        assert_eq!(values(&written(&text), &[3.9, 4.1], 1), [0.0, want]);
    }
    // At one time: the first to be executed makes the condition of the other false.
    for (persistent, want) in [(false, 5.0), (true, 3.0)] {
        let text = format!(
            "{CLOCK}[species.on]\ninitial = 0\n[[event]]\nwhen = \"t >= 1\"\nafter.on = 1\n\
             [[event]]\nwhen = \"on > 0\"\npriority = 2\nafter.on = 0\nafter.X = 5\n\
             [[event]]\nwhen = \"on > 0\"\npriority = 1\npersistent = {persistent}\nafter.X = 3\n"
        );
        assert_eq!(values(&written(&text), &[0.5, 1.0], 1), [0.0, want]);
    }
}

#[test]
fn the_highest_priority_goes_first_and_ties_are_drawn() -> Result<()> {
    let pair = |first: &str, second: &str| {
        format!(
            "{CLOCK}[[event]]\nwhen = \"t >= 1\"\npriority = \"{first}\"\nafter.X = \"2*X + 1\"\n\
             [[event]]\nwhen = \"t >= 1\"\npriority = \"{second}\"\nafter.X = \"X + 10\"\n"
        )
    };
    assert_eq!(values(&written(&pair("c", "0")), &[1.0], 1), [11.0]);
    assert_eq!(values(&written(&pair("-c", "0")), &[1.0], 1), [21.0]);
    let n = 10_000;
    let counts = simulated(&written(&pair("3", "3")), &[1.0], n)?;
    let first = counts.states[0][1].iter().filter(|x| **x == 11.0).count() as f64 / n as f64;
    assert!((first - 0.5).abs() < 4.0 * 0.5 / (n as f64).sqrt(), "{first}");
    assert!(counts.states[0][1].iter().all(|x| [11.0, 21.0].contains(x)));
    Ok(())
}

#[test]
fn what_a_condition_was_before_the_start_decides_whether_it_happens_there() {
    for (initially, want) in [(true, 1.0), (false, 4.0)] {
        for when in ["X < 2", "t >= 0"] {
            let text = format!(
                "[species.X]\ninitial = 1\n[species.c]\nreal = true\n[[event]]\nwhen = \"{when}\"\ninitially = {initially}\nafter.X = 4\n"
            );
            assert_eq!(values(&written(&text), &[0.0, 1.0], 0), [want, want], "{when}");
        }
    }
}

#[test]
fn a_condition_of_smooth_time_is_met_at_its_root() {
    // sin t is above 1/2 from pi/6, and again from 2 pi + pi/6.
    let text = "[species.X]\n[[event]]\nwhen = \"sin(t) > 0.5\"\nafter.X = \"X + 1\"\n";
    let root = std::f64::consts::FRAC_PI_6;
    let turn = std::f64::consts::TAU;
    let times = [root - 1e-12, root + 1e-12, root + turn - 1e-9, root + turn + 1e-9];
    assert_eq!(values(&written(text), &times, 0), [0.0, 1.0, 1.0, 2.0]);
}

#[test]
fn a_rate_that_relaxes_gives_the_poisson_mean_of_its_integral() -> Result<()> {
    // Births at rate k with dk/dt = -k, so N(t) is Poisson with mean 20 (1 - e^-t); k is as it must be to the tolerance.
    let text = "[species.k]\nreal = true\ninitial = 20\n[species.N]\n[rate]\nk = \"-k\"\n[[reaction]]\nequation = \"0 -> N\"\nlaw = \"k\"\n";
    let n = 20_000;
    let counts = simulated(&written(text), &[0.5, 2.0], n)?;
    for (k, t) in [0.5, 2.0].into_iter().enumerate() {
        let decay = math::exp(-t);
        assert!(counts.states[k][0].iter().all(|x| (x - 20.0 * decay).abs() < 1e-6));
        let truth = 20.0 * (1.0 - decay);
        let mean = counts.states[k][1].iter().sum::<f64>() / n as f64;
        assert!((mean - truth).abs() < 4.0 * (truth / n as f64).sqrt(), "{mean} {truth}");
        let square = counts.states[k][1].iter().map(|x| (x - truth) * (x - truth)).sum::<f64>() / n as f64;
        // The variance of a Poisson sample's variance: (mean + 2 mean²)/n.
        assert!((square - truth).abs() < 4.0 * ((truth + 2.0 * truth * truth) / n as f64).sqrt(), "{square} {truth}");
    }
    Ok(())
}

#[test]
fn the_plain_engine_and_the_agenda_agree_on_a_plain_event() -> Result<()> {
    // A real bystander sends the same network to the agenda: means of immigration and death with a reset at t = 3.
    let text = "[species.X]\n{other}[[reaction]]\nequation = \"0 -> X\"\nrate = 2\n[[reaction]]\nequation = \"X -> 0\"\nrate = 0.5\n\
        [[event]]\nwhen = \"t >= 3\"\nafter.X = 20\n";
    let plain = simulated(&written(&text.replace("{other}", "")), &[2.9, 3.0, 4.0], 20_000)?;
    let other = simulated(&written(&text.replace("{other}", "[species.r]\nreal = true\n")), &[2.9, 3.0, 4.0], 20_000)?;
    let mean = |row: &[f64]| row.iter().sum::<f64>() / row.len() as f64;
    for (k, sd) in [(0, 1.8), (1, 0.0), (2, 3.0)] {
        let (a, b) = (mean(&plain.states[k][0]), mean(&other.states[k][0]));
        assert!((a - b).abs() <= 4.0 * sd * (2.0 / 20_000f64).sqrt(), "{k}: {a} {b}");
    }
    Ok(())
}

#[test]
fn a_reaction_of_a_real_number_is_refused_by_name() {
    let text =
        "[species.A]\nreal = true\nunit = \"mol\"\n[[reaction]]\nname = \"decay\"\nequation = \"A -> 0\"\nrate = 1\n";
    let error = simulated(&written(text), &[1.0], 1).expect_err("refused").to_string();
    assert!(error.contains("'decay'") && error.contains("'A'") && error.contains("mol"), "{error}");
}
