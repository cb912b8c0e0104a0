//! Counting, events and coefficients that change with time.

use super::*;
use crate::form::ode;

#[test]
fn two_of_a_kind_count_as_pairs_or_as_ordered_pairs() -> Result<()> {
    let text = |counting: &str| {
        format!(
            "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"{counting}\"\n[species.A]\ninitial = 2\n[[reaction]]\nequation = \"2 A -> 0\"\nrate = 1\n"
        )
    };
    for (counting, rate) in [("combinations", 1.0), ("ordered", 2.0)] {
        let model = read("t.toml", &text(counting))?;
        let still = &projected(&model, &[], &[0.7])?[0];
        assert!((still.marginal(0).expect("a law").log_pmf(2.0) + 0.7 * rate).abs() < 1e-12, "{counting}");
        let counts = simulated(&model, &[], &[0.7], 40_000)?;
        let left = counts.states[0][0].iter().filter(|x| **x == 2.0).count() as f64 / 40_000.0;
        let p = math::exp(-0.7 * rate);
        assert!((left - p).abs() < 4.0 * (p * (1.0 - p) / 40_000.0).sqrt(), "{counting}: {left} {p}");
    }
    Ok(())
}

#[test]
fn a_condition_of_time_and_more_is_not_taken_for_a_time() -> Result<()> {
    // "5 and on" is one where `on` is not zero: an event at t = 1, if the text were cut at its first >=.
    let text = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n[species.A]\ninitial = 5\n\
        [params.on]\ndefault = 1.0\n[[reaction]]\nequation = \"A -> 0\"\nrate = 0.1\n[[event]]\nwhen = \"t >= 5 and on\"\nafter.A = \"100\"\n";
    let Process::Network(network) = read("t.toml", text)?.process else { panic!("a network") };
    assert_eq!(network.events[0].at, None);
    let plain = read("t.toml", &text.replace("t >= 5 and on", "t >= 5*on"))?;
    let Process::Network(network) = &plain.process else { panic!("a network") };
    assert!(network.events[0].at.is_some());
    let counts = simulated(&plain, &[1.0], &[4.999_999, 5.0], 1_000)?;
    assert!(counts.states[0][0].iter().all(|x| *x <= 5.0) && counts.states[1][0].iter().all(|x| *x == 100.0));
    Ok(())
}

#[test]
fn a_propensity_that_steps_in_time_needs_no_list_of_breaks() -> Result<()> {
    // Ten a unit of time until t = 1, then only decay: E = 10 (1 - e^-1) e^-1 at t = 2, and Poisson.
    let text = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n[species.A]\ninitial = 0\n\
        [[reaction]]\nequation = \"0 -> A\"\nlaw = \"if(t < 1, 10, 0)\"\n[[reaction]]\nequation = \"A -> 0\"\nrate = 1\n";
    let model = read("t.toml", text)?;
    let counts = simulated(&model, &[], &[2.0], 20_000)?;
    let mean = counts.states[0][0].iter().sum::<f64>() / 20_000.0;
    let truth = 10.0 * (1.0 - math::exp(-1.0)) * math::exp(-1.0);
    assert!((mean - truth).abs() < 4.0 * (truth / 20_000.0).sqrt(), "{mean} {truth}");
    Ok(())
}

#[test]
fn events_fire_at_their_time_and_not_at_the_next_reaction() -> Result<()> {
    // Nothing happens before t = 1, when ten molecules come that decay at rate 1; nothing reacts at the event itself.
    let mut model = written("[species.X]\n", &[("X -> 0", "rate = 1")]);
    change(&mut model, |network| {
        let (when, at, ten) = (number(network, 0.0), number(network, 1.0), number(network, 10.0));
        network.events.push(Event::plain(when, Some(at), vec![(0, ten)]));
    });
    let times = [0.999_999, 1.0, 1.5];
    let counts = simulated(&model, &[], &times, 20_000)?;
    assert!(counts.states[0][0].iter().all(|x| *x == 0.0) && counts.states[1][0].iter().all(|x| *x == 10.0));
    let p = math::exp(-0.5);
    let (mean, _) = moments(&counts.states[2][0]);
    assert!((mean - 10.0 * p).abs() < 4.0 * (10.0 * p * (1.0 - p) / 20_000.0).sqrt(), "{mean}");
    let laws = projected(&model, &[], &times)?;
    assert_eq!((laws[0].mean()[0], laws[1].mean()[0]), (0.0, 10.0));
    assert!(gap(&laws[2], |k| binomial(10.0, p, k)) < 1e-12);
    let ode = ode::rate_equations(
        &model,
        &ode::Initial { theta: &[], start: &[0.0], t0: 0.0, times: &times, tolerance: 1e-9 },
    )?;
    assert!((ode.states[2][0] - 10.0 * p).abs() < 1e-7 && ode.states[1][0] == 10.0, "{:?}", ode.states);
    Ok(())
}

#[test]
fn an_event_that_watches_the_state_fires_when_its_condition_comes_true() -> Result<()> {
    // Births at rate 1 from zero; above three all are taken away: a cycle of four exponential waits, uniform in the long run.
    let mut model = written("[species.X]\n", &[("0 -> X", "rate = 1")]);
    change(&mut model, |network| {
        let three = number(network, 3.0);
        let zero = number(network, 0.0);
        let x = network.frame.pool.symbol("X").expect("a species");
        let when = network.frame.pool.binary(Binary::Less, three, x);
        network.events.push(Event::plain(when, None, vec![(0, zero)]));
    });
    let law = &projected(&model, &[], &[40.0])?[0];
    assert_eq!(law.len(), 4);
    assert!(gap(law, |_| 0.25) < 1e-10);
    let counts = simulated(&model, &[], &[40.0], 20_000)?;
    for k in 0..4 {
        let share = counts.states[0][0].iter().filter(|x| **x == f64::from(k)).count() as f64 / 20_000.0;
        assert!((share - 0.25).abs() < 4.0 * (0.1875f64 / 20_000.0).sqrt(), "{k}: {share}");
    }
    Ok(())
}

/// `0 -> X` at a rate in t and `X -> 0` at one: Poisson with `m' = rate(t) - m`.
fn driven(rate: &str, breaks: &str) -> Model {
    let mut model = written("[species.X]\n", &[("0 -> X", "rate = 1"), ("X -> 0", "rate = 1")]);
    change(&mut model, |network| {
        let id = network.frame.pool.parse(rate, "test").expect("a rate");
        let reaction = &mut network.reactions[0];
        (reaction.propensity, reaction.macroscopic, reaction.rate) = (id, id, None);
        if !breaks.is_empty() {
            let id = network.frame.pool.parse(breaks, "test").expect("a time");
            network.breaks.push(id);
        }
    });
    model
}

#[test]
fn a_rate_that_jumps_is_followed_to_the_instant() -> Result<()> {
    // No arrivals, then forty per time from t = 2 (sign: 0 to 1 by halves).
    let model = driven("20 + 20*sign(t - 2 + 1e-12)", "2");
    let mean = 40.0 * (1.0 - math::exp(-0.3));
    let law = &projected(&model, &[], &[2.3])?[0];
    assert!(gap(law, |k| poisson(mean, k)) < 1e-11);
    let (found, sd) = moments(&simulated(&model, &[], &[2.3], 20_000)?.states[0][0]);
    assert!((found - mean).abs() < 4.0 * (mean / 20_000.0).sqrt(), "{found} {mean}");
    assert!((sd * sd / mean - 1.0).abs() < 0.045, "{sd}");
    let ode = ode::rate_equations(
        &model,
        &ode::Initial { theta: &[], start: &[0.0], t0: 0.0, times: &[2.3], tolerance: 1e-9 },
    )?;
    assert!((ode.states[0][0] - mean).abs() < 1e-6, "{} {mean}", ode.states[0][0]);
    Ok(())
}

#[test]
fn a_rate_that_swings_is_integrated_to_the_next_reaction() -> Result<()> {
    let model = driven("10*(1 + sin(6*t))", "");
    let t: f64 = 2.0;
    // m = ∫ 10 (1 + sin 6s) e^{-(t-s)} ds
    let mean = 10.0 * (1.0 - math::exp(-t))
        + 10.0 * (math::sin(6.0 * t) - 6.0 * math::cos(6.0 * t) + 6.0 * math::exp(-t)) / 37.0;
    let (found, sd) = moments(&simulated(&model, &[], &[t], 20_000)?.states[0][0]);
    assert!((found - mean).abs() < 4.0 * (mean / 20_000.0).sqrt(), "{found} {mean}");
    assert!((sd * sd / mean - 1.0).abs() < 0.045, "{}", sd * sd);
    assert!(matches!(projected(&model, &[], &[1.0]), Err(Error::FormUnavailable { .. })));
    Ok(())
}

#[test]
fn rate_equations_take_what_moves_by_itself_along() -> Result<()> {
    // Births at rate k with dk/dt = -k from 20: 20 (1 - e^-t) of them.
    let text = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n[species.k]\nreal = true\ninitial = 20\n\
        [species.N]\n[rate]\nk = \"-k\"\n[[reaction]]\nequation = \"0 -> N\"\nlaw = \"k\"\n";
    let model = read("t.toml", text)?;
    let initial = ode::Initial { theta: &[], start: &[20.0, 0.0], t0: 0.0, times: &[1.5], tolerance: 1e-9 };
    let row = ode::rate_equations(&model, &initial)?.states.remove(0);
    let decay = math::exp(-1.5);
    assert!((row[0] - 20.0 * decay).abs() < 1e-6 && (row[1] - 20.0 * (1.0 - decay)).abs() < 1e-6, "{row:?}");
    Ok(())
}

#[test]
fn forms_of_counts_refuse_what_goes_beyond_them_by_name() {
    let head = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n[species.N]\ninitial = 3\n\
        [[reaction]]\nequation = \"N -> 0\"\nrate = 1\n";
    for (more, says) in [
        ("[species.k]\nreal = true\n[rate]\nk = -1\n", "'k' is a real number that moves at a rate of its own"),
        (
            "[species.k]\nreal = true\n[[event]]\nwhen = \"t > 1\"\nafter.k = 2\n",
            "'k' is a real number that events change",
        ),
        ("[[event]]\nname = \"e\"\nwhen = \"t > 1\"\ndelay = 1\nafter.N = 2\n", "event 'e' is delayed"),
        ("[[event]]\nwhen = \"t > 1\"\nafter.N = \"poisson(3)\"\n", "event 1 draws random numbers"),
        ("[[event]]\nwhen = \"t > 1 and N > 2\"\nafter.N = 2\n", "event 1 watches time and state together"),
        ("[[event]]\nwhen = \"N < 4\"\ninitially = false\nafter.N = 2\n", "may happen at the start"),
        (
            "[[event]]\nwhen = \"N < 4\"\npersistent = true\nafter.N = 2\n[[event]]\nwhen = \"N < 2\"\nafter.N = 2\n",
            "event 1 happens even where another has made its condition false",
        ),
        (
            "[[event]]\nwhen = \"t > 1\"\nafter.N = 2\n[[event]]\nwhen = \"t >= 1\"\nvalues = \"trigger\"\nafter.N = \"N + 1\"\n",
            "event 2 computes its values before others",
        ),
        (
            "[[event]]\nwhen = \"t > 1\"\nafter.N = 2\n[[event]]\nwhen = \"t >= 1\"\npriority = 1\nafter.N = \"N + 1\"\n",
            "event 2 has a priority",
        ),
    ] {
        let model = read("t.toml", &format!("{head}{more}")).unwrap_or_else(|e| panic!("{more}: {e}"));
        let refused = projected(&model, &[], &[1.0]).map(|_| ()).expect_err(more).to_string();
        assert!(refused.contains(says), "{more}: {refused}");
        // Before events whose times are known a law may be at rest.
        let net = network(&model);
        let comes_later = net.beyond_counts().is_none() && net.events.iter().all(|e| e.at.is_some());
        assert!(comes_later || stationary(&model, &[], &[]).is_err(), "{more}");
        assert!(model.langevin().is_none(), "{more}");
        for form in [Form::FokkerPlanck, Form::Schroedinger, Form::Exact] {
            assert!(super::super::network::why_not(form, network(&model)).is_some(), "{more} by {form:?}");
        }
        // Simulation answers all of them.
        simulated(&model, &[], &[2.0], 10).unwrap_or_else(|e| panic!("{more}: {e}"));
    }
    let delayed = format!("{head}[[event]]\nwhen = \"t > 1\"\ndelay = 1\nafter.N = 2\n");
    let model = read("t.toml", &delayed).expect("a model");
    let initial = ode::Initial { theta: &[], start: &[3.0], t0: 0.0, times: &[1.5], tolerance: 1e-9 };
    let refused = ode::rate_equations(&model, &initial).map(|_| ()).expect_err("refused").to_string();
    assert!(refused.contains("is delayed"), "{refused}");
}
