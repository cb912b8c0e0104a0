//! `compare` and `solve` as a user types them: one question, every form.

use super::run::Place;

const WELL: &str = "schema = 1\nid = \"well-force\"\ntitle = \"A double well with a periodic force\"\nkind = \"diffusion\"\n\
    [state.x]\nunit = \"1\"\ndomain = [-inf, inf]\ninitial = 0.5\n[params.d]\nmeaning = \"noise\"\nunit = \"1\"\ndefault = 0.5\nbounds = [1e-3, 10]\n\
    [dynamics]\ndrift.x = \"x - x^3 + sin(2*pi*x)\"\ndiffusion.x = \"sqrt(2*d)\"\n";

#[test]
fn a_drift_just_typed_is_answered_by_every_form_and_they_agree() {
    let place = Place::new().with("well.toml", WELL);
    let document = place.run(&["compare", "well.toml", "-o", "out", "--json"]).ends(0).document();
    assert_eq!(document["schema"], "kramers/compare@1");
    let forms = document["forms"].as_array().expect("a list");
    let of = |name: &str| forms.iter().find(|f| f["form"] == name).unwrap_or_else(|| panic!("no {name}"));
    for (name, most) in
        [("fokker-planck", 1e-6), ("schroedinger", 1e-6), ("master-equation", 1e-6), ("monte-carlo", 2e-2)]
    {
        let form = of(name);
        assert!(form["error"].as_f64().expect("an error") <= most, "{form:#}");
        assert!(form["distance"].as_f64().expect("a distance") <= most, "{form:#}");
        assert!(form["seconds"].as_f64().expect("a time") > 0.0);
    }
    let cheapest = document["cheapest"].as_str().expect("a form");
    assert!(["fokker-planck", "schroedinger", "master-equation"].contains(&cheapest), "{cheapest}");
    assert_eq!(place.names("out"), ["compare.csv", "index.html", "run.json"]);
    let page = place.text("out/index.html");
    assert!(page.contains("Do the forms draw the same law?") && !page.contains("no data"), "{page}");
}

#[test]
fn a_tolerance_that_no_form_reaches_is_said_by_the_exit_code() {
    let place = Place::new();
    let ran = place.run(&["solve", "repressilator", "--at", "0.1", "--paths", "200", "--tol", "1e-9"]).ends(1);
    assert!(ran.stdout.contains("no form gets to 1e-9"), "{}", ran.stdout);
}

#[test]
fn a_first_passage_has_its_law_and_its_mean() {
    // Survival erf(|d| e^{-kt}/sqrt(2 v)) at the level of the mean (Ricciardi & Sato 1988).
    let place = Place::new();
    let set = "kappa=1.5,theta=0.5,sigma=0.8";
    let args = ["solve", "ou", "--set", set, "--from", "x=-1", "--passage", "x=0.5", "--at", "0.7", "--json"];
    let document = place.run(&args).ends(0).document();
    let survival = document["at"][0]["survival"].as_f64().expect("a number");
    assert!((survival - 0.774_931_630_498_739_9).abs() < 1e-6, "{survival}");
    assert!(document["mean_time"].as_f64().expect("a mean") > 0.7);
    let refused = place.run(&["solve", "ou", "--from", "x=1", "--passage", "x=1"]).ends(2);
    assert!(refused.stderr.contains("different sides of the start"), "{}", refused.stderr);
}

#[test]
fn the_spectral_form_shows_its_rates() {
    let place = Place::new();
    let document =
        place.run(&["solve", "ou", "--form", "schroedinger", "--set", "kappa=1.5", "--json"]).ends(0).document();
    let rates: Vec<f64> =
        document["eigenvalues"].as_array().expect("a list").iter().filter_map(|v| v.as_f64()).collect();
    assert_eq!(rates[..3], [0.0, 1.5, 3.0]);
}

#[test]
fn an_explicit_step_that_would_blow_up_is_refused_with_one_that_does_not() {
    let place = Place::new();
    let refused =
        place.run(&["solve", "heat-rod", "--cells", "9", "--scheme", "explicit-euler", "--step", "0.01"]).ends(2);
    assert!(refused.stderr.contains("0.810") && refused.stderr.contains("0.00617"), "{}", refused.stderr);
    let args = ["solve", "heat-rod", "--cells", "9", "--scheme", "crank-nicolson", "--step", "0.01", "-o", "rod"];
    place.run(&args).ends(0);
    assert_eq!(place.names("rod"), ["field.svg", "index.html", "profiles.csv", "run.json"]);
}

#[test]
fn a_summary_of_many_paths_keeps_none_and_knows_its_error() {
    let place = Place::new();
    let args = [
        "simulate",
        "gbm",
        "--scheme",
        "exact",
        "--paths",
        "100000",
        "--summary",
        "--until",
        "1",
        "--every",
        "1",
        "--json",
    ];
    let document = place.run(&args).ends(0).document();
    let at = &document["at"][1];
    let (mean, error) = (at["mean"]["x"].as_f64().expect("a mean"), at["se"]["x"].as_f64().expect("its error"));
    assert!((mean - 0.05f64.exp()).abs() < 4.0 * error, "{mean} ± {error}");
}

#[test]
fn a_payoff_by_levels_of_paths_tells_what_it_cost() {
    let place = Place::new();
    let args = ["solve", "black-scholes", "--scheme", "multilevel", "--tol", "0.05", "--json"];
    let document = place.run(&args).ends(0).document();
    // Black & Scholes (1973): 10.450583572185565.
    assert!((document["value"].as_f64().expect("a value") - 10.450583572185565).abs() < 0.2);
    assert!(document["levels"].as_array().expect("levels").len() > 2);
    let refused = place.run(&["solve", "black-scholes", "--scheme", "multilevel"]).ends(2);
    assert!(refused.stderr.contains("--tol"), "{}", refused.stderr);
}
