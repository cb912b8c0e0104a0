//! What is not sure is said three times: in run.json, on stderr, and on the page where there is one. Each reservation is provoked here.

use super::run::{Place, table, walk};
use serde_json::Value;
use std::f64::consts::PI;

/// Only the product of a and b is in the data.
const FLAT: &str = "schema = 1\nid = \"flat\"\ntitle = \"A product\"\nkind = \"diffusion\"\n[state.x]\n\
    [params.a]\ndefault = 0.5\nbounds = [1e-6, 1e6]\n[params.b]\ndefault = 0.5\nbounds = [1e-6, 1e6]\n[params.s]\ndefault = 0.1\nbounds = [1e-6, 1e6]\n\
    [dynamics]\ndrift.x = \"a*b*(1 - x)\"\ndiffusion.x = \"s\"\n";

/// Nothing of the noise is free.
const DRIFT: &str = "schema = 1\nid = \"drift\"\ntitle = \"Known noise\"\nkind = \"diffusion\"\n[state.x]\n[params.k]\ndefault = 0.5\nbounds = [1e-6, 1e6]\n\
    [dynamics]\ndrift.x = \"k*(1 - x)\"\ndiffusion.x = \"0.05\"\n";

const BOOM: &str = "schema = 1\nid = \"boom\"\ntitle = \"Beyond all bounds\"\nkind = \"diffusion\"\n[state.x]\n\
    [dynamics]\ndrift.x = \"x^3\"\ndiffusion.x = \"1\"\n";

/// Births alone: no count is smaller than the one before.
const GROW: &str = "schema = 1\nid = \"grow\"\ntitle = \"Births alone\"\nkind = \"network\"\ncounting = \"combinations\"\n[species.X]\ninitial = 3\n\
    [params.b]\ndefault = 0.5\nbounds = [1e-6, 100]\n[[reaction]]\nequation = \"X -> 2 X\"\nrate = \"b\"\n";

/// Temperatures of a rod that is as hot as its left end at once, far more exact than any grid: the steady line of `heat-rod`, a little off.
fn rod() -> String {
    let places = (1..10).map(|k| f64::from(k) / 10.0);
    let steady = |t: f64, x: f64| {
        100.0 * (1.0 - x)
            - 200.0 / PI * (PI * x).sin() * (-PI * PI * t).exp()
            - 100.0 / PI * (2.0 * PI * x).sin() * (-4.0 * PI * PI * t).exp()
            - 200.0 / (3.0 * PI) * (3.0 * PI * x).sin() * (-9.0 * PI * PI * t).exp()
            - 50.0 / PI * (4.0 * PI * x).sin() * (-16.0 * PI * PI * t).exp()
    };
    let rows = [0.1, 0.2].into_iter().flat_map(|t| places.clone().map(move |x| format!("{t},{x},{}", steady(t, x))));
    table("t,x,u", rows)
}

/// 600 rows of a walk about one, and the same with jumps.
fn place() -> Place {
    let walk = walk(600);
    let rows =
        |f: &dyn Fn(usize, f64) -> f64| table("t,x", walk.iter().enumerate().map(|(i, x)| format!("{i},{}", f(i, *x))));
    Place::new()
        .with("walk.csv", rows(&|_, x| x))
        .with("fresh.csv", rows(&|i, x| x - 0.6 * walk[i.saturating_sub(1)]))
        .with("smooth.csv", rows(&|i, _| walk[i.saturating_sub(30)..=i].iter().sum::<f64>()))
        .with("falls.csv", table("t,X", [3, 5, 4, 6, 5, 4, 3, 4].iter().enumerate().map(|(i, x)| format!("{i},{x}"))))
        .with("rod.csv", rod())
        .with("grow.toml", GROW)
        .with("jumps.csv", rows(&|i, x| x + if i / 97 % 2 == 1 { 3.0 } else { 0.0 }))
        .with("flat.toml", FLAT)
        .with("drift.toml", DRIFT)
        .with("boom.toml", BOOM)
}

/// Every text under `warnings`.
fn warnings(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| match inner.as_array().filter(|_| key == "warnings") {
                Some(texts) => out.extend(texts.iter().filter_map(Value::as_str).map(String::from)),
                None => warnings(inner, out),
            })
        }
        Value::Array(values) => values.iter().for_each(|inner| warnings(inner, out)),
        _ => {}
    }
}

/// What is typed, the exit code, what is said, and whether a page says it too.
const RESERVATIONS: [(&str, i32, &str, bool); 15] = [
    ("fit walk.csv -m ckls", 1, "gamma stands on its bound", true),
    ("fit walk.csv -m flat.toml", 1, "the data say nothing about", true),
    ("fit walk.csv -m ou --max-iterations 1", 1, "the iteration limit was reached; raise --max-iterations", true),
    ("fit walk.csv -m drift.toml --objective mse", 0, "the second stage of mse is empty", true),
    ("forecast walk.csv -m flat.toml", 1, "x: the data say nothing about", false),
    ("backtest walk.csv -m flat.toml --test 40", 0, "fits did not end without reservations", false),
    ("report walk.csv -m flat.toml", 1, "the data say nothing about", true),
    ("solve ou --form monte-carlo --tol 1e-9 --at 1", 1, "the error asked for, 1e-9, was not reached", false),
    ("discover jumps.csv", 1, "the path jumps, or its noise has heavy tails", false),
    ("discover fresh.csv", 1, "the step is too long for the expansion", false),
    ("discover smooth.csv", 1, "the data are not Markov at their own step", false),
    ("fit rod.csv -m heat-rod --objective mse", 0, "the error of the grid", true),
    ("fit falls.csv -m grow.toml", 1, "no reactions lead from 5 to 4", true),
    ("fit falls.csv -m grow.toml", 1, "states were left out: the log-likelihood lies between", true),
    ("compare ou --at 1 --tol 1e-14", 1, "No form is right to 1e-14", true),
];

#[test]
fn a_reservation_is_in_the_document_on_stderr_and_on_the_page() {
    for (line, code, told, page) in RESERVATIONS {
        let place = place();
        let ran = place.typed(&format!("{line} --no-progress -q -o out")).ends(code);
        assert!(ran.stderr.contains("warning: ") && ran.stderr.contains(told), "{line}\n{}", ran.stderr);
        let document = serde_json::from_str(&place.text("out/run.json")).expect("JSON");
        let mut texts = Vec::new();
        warnings(&document, &mut texts);
        assert!(
            texts.iter().any(|text| told.contains(text.as_str()) || text.contains(told.trim_start_matches("x: "))),
            "{line}: {texts:?}"
        );
        let html = place.path("out/index.html");
        assert_eq!(page, html.exists(), "{line}");
        if page {
            let html = std::fs::read_to_string(html).expect("a page");
            assert!(html.contains(told), "{line}: not on the page");
        }
    }
}

#[test]
fn a_step_that_is_too_long_is_told() {
    let line = "simulate ou --step 0.3 --set kappa=3 --until 10 --every 1";
    let ran = place().typed(&format!("{line} --json")).ends(0);
    assert!(ran.stderr.contains("warning: paths at the step 0.3"), "{}", ran.stderr);
    let document = ran.document();
    assert!(document["step_error"].as_f64().expect("a number") > 0.02, "{document}");
    assert_eq!(document["warnings"].as_array().map(Vec::len), Some(1));
    let summary = place().typed(&format!("{line} --summary --json --paths 100")).ends(0);
    assert!(summary.document()["warnings"].as_array().is_some_and(|w| w.len() == 1));
    let fine = place().typed(&format!("{} --json", line.replace("0.3", "0.005"))).ends(0);
    assert!(!fine.stderr.contains("warning"), "{}", fine.stderr);
}

/// What breaks is an error of code two with a hint, and nothing is written.
const BREAKS: [(&str, &str); 3] = [
    ("simulate boom.toml --from x=10 --until 10 --every 1", "a path was no longer finite"),
    ("solve lotka-volterra --form master-equation --at 100", "are foreseen"),
    ("solve ou --set sigma=1e-300 --at 1", "sigma = 1e-300 is outside its bounds"),
];

#[test]
fn what_breaks_is_an_error_with_a_hint_and_leaves_no_file() {
    for (line, told) in BREAKS {
        let place = place();
        let ran = place.typed(&format!("{line} --json")).ends(2);
        let document = ran.document();
        let error = &document["error"];
        assert!(error["message"].as_str().is_some_and(|m| m.contains(told)), "{line}: {document}");
        assert!(error["hints"].as_array().is_some_and(|hints| !hints.is_empty()), "{line}: {document}");
        assert!(!place.path("out").exists());
    }
}
