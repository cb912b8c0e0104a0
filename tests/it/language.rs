//! The model language as a user meets it: observed variables, networks, payoffs, fields, copies to edit.

use super::run::{Place, data_word};

const LOG_PRICE: &str = "schema = 1\nid = \"log-oil\"\ntitle = \"Mean-reverting log price\"\nkind = \"diffusion\"\n\
    law = \"ornstein-uhlenbeck(kappa, theta, sigma)\"\n[state.y]\n[observe.s]\nof = \"exp(y)\"\n\
    [params.kappa]\ndefault = 1.0\nbounds = [1e-6, 1e5]\n[params.theta]\ndefault = 1.0\n\
    [params.sigma]\ndefault = 0.3\nbounds = [1e-6, 1e5]\n\
    [dynamics]\ndrift.y = \"kappa*(theta - y)\"\ndiffusion.y = \"sigma\"\n";

#[test]
fn a_log_price_seen_through_exp_is_fitted_as_the_price_it_is() {
    let place = Place::new().with("mine.toml", LOG_PRICE);
    let oil = data_word("wti.csv");
    let mine = place.typed(&format!("fit {oil} -m mine.toml -q --json")).ends(0).document();
    let theirs = place.typed(&format!("fit {oil} -m exp-ou -q --json")).ends(0).document();
    let number = |d: &serde_json::Value, key: &str| d["params"][key]["estimate"].as_f64().expect("an estimate");
    for key in ["kappa", "theta", "sigma"] {
        let (a, b) = (number(&mine, key), number(&theirs, key));
        assert!((a / b - 1.0).abs() < 1e-6, "{key}: {a} {b}");
    }
    assert_eq!(mine["form"], "exact");
}

#[test]
fn a_copy_to_edit_keeps_the_contract_and_is_not_overwritten() {
    let place = Place::new();
    place.typed("init kou").ends(0);
    assert!(place.text("my-kou.toml").contains("# Jumps: a rate"));
    place.typed("models my-kou.toml --verify").ends(0);
    assert!(place.typed("init kou").ends(2).stderr.contains("not overwritten"));
}

#[test]
fn a_network_is_simulated_by_three_schemes_that_agree_on_its_mean() {
    let place = Place::new();
    // 20 in a unit of time, each lost at 0.5: forty in the long run.
    for scheme in ["ssa", "langevin", "rate-equations"] {
        let flags = "--until 20 --every 20 --step 0.02 --paths 2000 --summary --json";
        let ran = place.typed(&format!("simulate immigration-death --scheme {scheme} {flags}")).ends(0).document();
        let last = ran["at"].as_array().and_then(|at| at.last()).expect("times");
        let names = last["mean"].as_object().expect("means");
        let mean = names.values().next().and_then(serde_json::Value::as_f64).expect("a mean");
        let card = place.typed("models immigration-death --json").ends(0).document();
        let value = |k: usize| card["models"][0]["parameters"][k]["default"].as_f64().expect("a default");
        let stationary = value(0) / value(1);
        // Poisson: the sd is the root of the mean; four standard errors, and what is left of the start.
        let allowed = 4.0 * (stationary / 2000.0).sqrt() + stationary * (-20.0 * value(1)).exp();
        assert!((mean - stationary).abs() < allowed + 1e-6, "{scheme}: {mean} {stationary}");
    }
}

#[test]
fn solve_answers_every_kind() {
    let place = Place::new();
    let price = place.typed("solve black-scholes --json").ends(0).document();
    // Black & Scholes at S = K = 100, r = 5 %, sigma = 20 %, one year.
    assert!((price["value"].as_f64().expect("a value") - 10.450_583_572_185_565).abs() < 1e-8);
    let rod = place.typed("solve heat-rod --at 2 --json").ends(0).document();
    let (x, u) = (&rod["at"][0]["x"], &rod["at"][0]["u"]);
    for (x, u) in x.as_array().expect("x").iter().zip(u.as_array().expect("u")) {
        let (x, u) = (x.as_f64().expect("a number"), u.as_f64().expect("a number"));
        assert!((u - 100.0 * (1.0 - x)).abs() < 1e-4, "{x}: {u}");
    }
    let levels = place.typed("solve harmonic-oscillator --json").ends(0).document();
    assert!((levels["eigenvalues"][2].as_f64().expect("a level") - 2.5).abs() < 1e-9);
    let counts = place.typed("solve schloegl --at 10 --json").ends(0).document();
    // ../shared's published values: mean 316.5917, sd 238.0697.
    assert!((counts["at"][0]["mean"]["X"].as_f64().expect("a mean") - 316.5917).abs() < 1e-3);
    assert!(counts["at"][0]["error_bound"].as_f64().expect("a bound") < 1e-8);
    let curve = place.typed("solve first-order-decay-curve --at 1,2 --json").ends(0).document();
    assert_eq!(curve["y"].as_array().expect("values").len(), 2);
}

#[test]
fn what_does_not_apply_is_refused_and_not_ignored() {
    let place = Place::new();
    for line in [
        "solve heat-rod --form monte-carlo",
        "solve morse --at 3",
        "solve black-scholes --at 0.5",
        "solve heston --form fokker-planck",
        "simulate heat-rod",
        "simulate cir --scheme ssa",
    ] {
        let ran = place.typed(line).ends(2);
        assert!(ran.stderr.contains("hint: "), "{line}\n{}", ran.stderr);
    }
}
