//! Forecasts as a user types them: combinations, parameters in doubt, events, scenarios, runs taken on.

use super::run::{Place, dated, day, table, walk};
use serde_json::Value;

const ROWS: usize = 120;

fn place() -> Place {
    Place::new().with("good.csv", dated(&walk(ROWS)))
}

fn quantile(document: &Value, h: usize, p: &str) -> f64 {
    document["series"][0]["horizons"][h - 1]["quantiles"][p].as_f64().expect("a quantile")
}

// ---- parameters in doubt

#[test]
fn what_the_data_leave_open_widens_a_forecast_and_is_said() {
    let place = Place::new().with("short.csv", dated(&walk(40)));
    let width = |flags: &str| {
        let document = place.typed(&format!("forecast short.csv -m ou --horizon 5 --json {flags}")).ends(0).document();
        let name = flags.split_whitespace().nth(1).unwrap_or("point");
        assert_eq!(document["params"], name);
        quantile(&document, 5, "0.975") - quantile(&document, 5, "0.025")
    };
    let point = width("");
    assert!(width("--params normal") > 1.01 * point);
    assert!(width("--params bootstrap --draws 30") > 1.01 * point);
    let once = place.typed("forecast short.csv -m ou --params normal --threads 1").ends(0).stdout;
    assert!(once == place.typed("forecast short.csv -m ou --params normal --threads 2").ends(0).stdout);
    let scored = place.typed("backtest short.csv -m ou --test 8 --horizon 2 --params normal --json").ends(0).document();
    assert_eq!(scored["scores"][0]["model"], "ou");
    assert!(scored["scores"][0]["crps"].as_f64().is_some_and(|v| v > 0.0));
}

// ---- combinations

#[test]
fn a_combination_of_models_and_baselines_has_weights_that_add_up() {
    let place = place();
    let ran = place.typed("forecast good.csv -m ou+random-walk+climatology --weights stack --horizon 3 -o out").ends(0);
    assert!(ran.stdout.contains("weights: ou 0.") && ran.stdout.contains("stacked on"), "{}", ran.stdout);
    let document: Value = serde_json::from_str(&place.text("out/run.json")).expect("JSON");
    assert_eq!(document["model"], "ou+random-walk+climatology");
    let one = &document["series"][0];
    let weights = one["combination"]["weights"].as_object().expect("weights");
    let sum: f64 = weights.values().filter_map(Value::as_f64).sum();
    assert!((sum - 1.0).abs() < 1e-12 && weights.len() == 3, "{weights:?}");
    assert!(one["combination"]["gap"].as_f64().is_some_and(|gap| gap < 1e-9), "{one}");
    assert_eq!(one["members"][0]["fit"]["status"], "converged");
    assert_eq!(one["members"][1]["baseline"], true);
    // The pooled median lies among those of the members.
    let median = |model: &str| {
        quantile(&place.typed(&format!("forecast good.csv -m {model} --horizon 3 --json")).ends(0).document(), 3, "0.5")
    };
    let each = [median("ou"), median("random-walk"), median("climatology")];
    let (low, high) = each.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    let pooled = quantile(&document, 3, "0.5");
    assert!((low..=high).contains(&pooled), "{pooled} {each:?}");
}

#[test]
fn a_backtest_scores_a_combination_beside_its_members() {
    let place = place();
    let line = "backtest good.csv -m ou+ar --weights stack --test 30 --horizon 2 --baselines random-walk";
    let ran = place.typed(&format!("{line} -o out")).ends(0);
    assert!(ran.stdout.contains("ou+ar at the first cutoff: weights:"), "{}", ran.stdout);
    let document: Value = serde_json::from_str(&place.text("out/run.json")).expect("JSON");
    let scores = document["scores"].as_array().expect("scores");
    let names: Vec<&str> = scores
        .iter()
        .filter(|s| s["series"] == "value" && s["horizon"] == "all")
        .filter_map(|s| s["model"].as_str())
        .collect();
    assert_eq!(names, ["ou", "random-walk", "ar", "ou+ar"]);
    let pool = scores.iter().find(|s| s["model"] == "ou+ar").expect("scored");
    assert!(pool["baseline"] == false && pool["log_score"].is_number());
    let weights = &document["combinations"][0];
    assert!(weights["model"] == "ou+ar" && weights["weights"]["ou"].is_number(), "{weights}");
    // No later row reaches a weight.
    place.typed(&format!("{line} --prove-no-leak --refit 10")).ends(0);
    assert!(place.typed(&format!("{line} -o out --resume")).ends(0).stdout == ran.stdout);
}

// ---- events

#[test]
fn chances_of_events_are_ordered_and_named() {
    let place = place();
    let line = "forecast good.csv -m ou --horizon 5 --event 'value < 0.9 at 20 rows' --event 'value < 0.9 within 20 rows' \
                --event 'x < 0.9 by 20 rows' --event 'first passage of 0.9'";
    let ran = place.typed(&format!("{line} -q")).ends(0);
    assert!(ran.stdout.contains("probability") && ran.stdout.contains("first-passage equation"), "{}", ran.stdout);
    let document = place.typed(&format!("{line} --json")).ends(0).document();
    let events = document["series"][0]["events"].as_array().expect("events");
    let chance = |i: usize| events[i]["probability"].as_f64().expect("a probability");
    assert!(chance(0) < chance(1) && chance(1) < chance(2) && chance(2) < 1.0, "{events:?}");
    assert!(events[0]["se"].is_null() && events[1]["se"].as_f64().is_some_and(|se| se > 0.0 && se < 0.01));
    assert!(events[1]["how"].as_str().is_some_and(|how| how.contains("on rows")));
    assert_eq!(events[0]["until"], day(ROWS - 1 + 20));
    assert!(events[3]["quantiles"]["0.05"].is_number() || events[3]["quantiles"]["0.05"].is_null());
    // A date names the last row up to it.
    let dated = format!("forecast good.csv -m ou --event 'value < 0.9 at {}' --json", day(ROWS - 1 + 20));
    let by_date = place.typed(&dated).ends(0).document();
    assert_eq!(by_date["series"][0]["events"][0]["probability"], events[0]["probability"]);
    // A combination, a baseline and increments have chances too.
    for model in ["ou+random-walk", "garch-t", "bm --transform diff"] {
        let ran = place.typed(&format!("forecast good.csv -m {model} --event 'x > 1.2 by 10' --json")).ends(0);
        let p = ran.document()["series"][0]["events"][0]["probability"].as_f64().expect("a probability");
        assert!(p > 0.0 && p < 1.0, "{model}: {p}");
    }
}

// ---- scenarios and whole futures

#[test]
fn scenarios_stand_beside_the_forecast_from_the_last_row() {
    let place = place();
    let line = "forecast good.csv -m ou --horizon 2 --from x=0.8,x=1.3 --event 'x < 0.85 by 3 rows'";
    let ran = place.typed(&format!("{line} -o out -q")).ends(0);
    assert!(ran.stdout.contains("had the last been x=0.8"), "{}", ran.stdout);
    let document: Value = serde_json::from_str(&place.text("out/run.json")).expect("JSON");
    let one = &document["series"][0];
    let scenarios = one["scenarios"].as_array().expect("scenarios");
    let mean = |of: &Value| of["horizons"][0]["mean"].as_f64().expect("a mean");
    assert_eq!(scenarios[0]["from"], "x=0.8");
    assert!(mean(&scenarios[0]) < mean(one) && mean(one) < mean(&scenarios[1]));
    assert_eq!(scenarios[0]["events"][0]["probability"], 1.0);
    let csv = place.text("out/forecast.csv");
    assert!(csv.starts_with("series,from,time,h,") && csv.lines().count() == 1 + 3 * 2, "{csv}");
    assert!(csv.contains("value,x=0.8,"), "{csv}");
}

#[test]
fn whole_futures_are_written_beside_the_quantiles() {
    let place = place();
    place.typed("forecast good.csv -m ou --horizon 3 --paths 400 -o out").ends(0);
    let paths = place.text("out/paths.csv");
    let lines: Vec<&str> = paths.lines().collect();
    assert_eq!((lines[0], lines.len()), ("series,path,h,time,value", 1 + 3 * 400));
    assert!(lines[1].starts_with(&format!("value,1,1,{},", day(ROWS))), "{}", lines[1]);
    let last: Vec<f64> = lines[1..]
        .iter()
        .filter(|line| line.split(',').nth(2) == Some("3"))
        .filter_map(|line| line.rsplit(',').next()?.parse().ok())
        .collect();
    let document: Value = serde_json::from_str(&place.text("out/run.json")).expect("JSON");
    let below = last.iter().filter(|x| **x <= quantile(&document, 3, "0.5")).count() as f64 / 400.0;
    // Four standard errors of a half.
    assert!((below - 0.5).abs() < 4.0 * 0.5 / 20.0, "{below}");
    assert!(!place.typed("forecast good.csv -m ou --paths 4").ends(2).stderr.is_empty());
}

#[test]
fn a_chart_of_characters_is_shown_to_people_and_to_nobody_else() {
    let place = place();
    let shown = place.typed("forecast good.csv -m ou --horizon 10").ends(0).stdout;
    assert!(shown.contains('━') && shown.contains("▒ 50 %"), "{shown}");
    assert!(shown.lines().filter(|l| l.contains(['░', '▒', '━'])).all(|l| l.chars().count() <= 80), "{shown}");
    assert!(!place.typed("forecast good.csv -m ou --horizon 10 -q").ends(0).stdout.contains('━'));
    place.typed("forecast good.csv -m ou --horizon 10 --json").ends(0).document();
}

// ---- runs taken on

#[test]
fn a_run_goes_on_with_new_rows_without_fitting_again() {
    let all = walk(ROWS + 10);
    let place = Place::new().with("old.csv", dated(&all[..ROWS])).with("new.csv", dated(&all));
    for (verb, estimates) in
        [("fit", "/params"), ("forecast", "/series/0/fit/params"), ("report", "/series/0/fit/params")]
    {
        let horizon = if verb == "fit" { "" } else { "--horizon 3" };
        place.typed(&format!("{verb} old.csv -m ou {horizon} --transform log -o {verb}")).ends(0);
        let before: Value = serde_json::from_str(&place.text(&format!("{verb}/run.json"))).expect("JSON");
        let ran = place.typed(&format!("forecast {verb}/run.json new.csv --horizon 3 --json")).ends(0);
        assert!(ran.stderr.is_empty() || ran.stderr.contains("10 rows since the fit"), "{}", ran.stderr);
        let document = ran.document();
        assert_eq!((&document["run"], &document["series"][0]["new_rows"]), (&"run.json".into(), &10.into()), "{verb}");
        assert_eq!(document["data"]["transform"], "log");
        for name in ["kappa", "theta", "sigma"] {
            let was = &before.pointer(estimates).expect("estimates")[name]["estimate"];
            assert_eq!(&document["series"][0]["fit"]["params"][name]["estimate"], was, "{verb} {name}");
        }
        assert_eq!(document["series"][0]["horizons"][0]["label"], day(ROWS + 10));
    }
    // The same rows again are the same forecast.
    let once = place.typed("forecast old.csv -m ou --horizon 3 --transform log --json").ends(0).document();
    let again = place.typed("forecast fit/run.json old.csv --horizon 3 --json").ends(0).document();
    // A number read back from a document is right to its last digit but one.
    for h in 1..=3 {
        for p in ["0.025", "0.5", "0.9"] {
            assert!((quantile(&once, h, p) / quantile(&again, h, p) - 1.0).abs() < 1e-14, "{h} {p}");
        }
    }
    assert_eq!(again["series"][0]["new_rows"], 0);
}

/// The command is refused, and says these things.
#[track_caller]
fn refused(place: &Place, line: &str, needles: &[&str]) {
    let ran = place.typed(line).ends(2);
    assert!(ran.stderr.contains("\nhint: ") && ran.stdout.is_empty(), "{line}\n{}", ran.stderr);
    for needle in needles {
        assert!(ran.stderr.contains(needle), "{line}: '{needle}' is missing\n{}", ran.stderr);
    }
}

#[test]
fn rows_that_are_not_the_run_going_on_are_refused_with_what_differs() {
    let all = walk(ROWS + 5);
    let mut changed = all.clone();
    changed[ROWS - 1] += 0.25;
    let mut inside = all.clone();
    inside[7] += 0.25;
    let place = Place::new()
        .with("old.csv", dated(&all[..ROWS]))
        .with("changed.csv", dated(&changed))
        .with("inside.csv", dated(&inside))
        .with("short.csv", dated(&all[..ROWS - 5]))
        .with("later.csv", table("date,value", (3..ROWS + 5).map(|i| format!("{},{}", day(i), all[i]))))
        .with("other.csv", dated(&all).replace("value", "price"))
        .with("note.json", "{\"schema\": \"kramers/backtest@1\"}");
    place.typed("fit old.csv -m ou -o out").ends(0);
    let run = "forecast out/run.json";
    refused(&place, &format!("{run} changed.csv"), &["row 120 of 'value'", "in the run", "hint: fit anew"]);
    refused(&place, &format!("{run} inside.csv"), &["are not those the run saw", "begin and end alike"]);
    refused(&place, &format!("{run} short.csv"), &["has 115 rows here, and the run saw 120"]);
    refused(
        &place,
        &format!("{run} later.csv"),
        &["begins at 2020-01-04", "hint: give the rows from there on: --since"],
    );
    refused(&place, &format!("{run} other.csv"), &["no column 'value'"]);
    refused(&place, &format!("{run} -m ou"), &["the file of the rows is missing"]);
    refused(&place, "forecast old.csv changed.csv -m ou", &["two files are given", "no run.json"]);
    refused(&place, "forecast note.json old.csv", &["kramers/backtest@1", "hint: kramers forecast run.json ROWS"]);
    refused(&place, &format!("{run} old.csv -m cir"), &["the run is of 'ou'", "leave -m out"]);
    refused(&place, &format!("{run} old.csv --params normal"), &["--params normal", "fit anew"]);
}

#[test]
fn mistakes_in_combinations_events_and_scenarios_have_hints() {
    let place = place().with("plain.csv", table("t,x", (0..60).map(|i| format!("{i},{}", walk(60)[i]))));
    for (line, needles) in [
        ("forecast good.csv -m ou++cir", ["a name is missing", "hint: -m ou+garch-t"]),
        ("forecast good.csv -m ou --weights stack", ["--weights stack", "hint: -m ou+garch-t"]),
        (
            "forecast good.csv -m ou --objective mse --params normal",
            ["it has no likelihood", "hint: take --params bootstrap"],
        ),
        ("forecast good.csv -m ou+ou", ["ou stands there twice", "hint: -m ou+garch-t"]),
        ("forecast good.csv -m ou+gach-t", ["there is no model 'gach-t'", "kramers models"]),
        ("backtest good.csv -m garch-t", ["at least one model", "hint: -m ou --baselines"]),
        (
            "forecast good.csv -m ou --event 'price < 1 by 5'",
            ["called value (or x), not 'price'", "hint: --event 'value < 1 by 5'"],
        ),
        ("forecast good.csv -m ou --event 'x < 1 until 5'", ["at (on that row)", "hint: --event 'x < 80 by 20 rows'"]),
        (
            "forecast good.csv -m ou --event 'x < 1 by 2019-01-01'",
            ["rows ahead (the limit 'horizon'), and the last row is 2020-04-29", "hint: "],
        ),
        ("forecast plain.csv -m ou --event 'x < 1 by 2030-01-01'", ["has no dates", "by 20 rows"]),
        ("forecast good.csv -m ou --event nonsense", ["< or >", "hint: --event"]),
        ("forecast good.csv -m ou --from price=1", ["called value (or x)", "hint: --from x=1"]),
        ("forecast good.csv -m ou --transform log --from x=-1", ["above zero", "hint: --from"]),
        ("forecast good.csv -m ou --paths 10", ["--paths 10", "hint: -o FOLDER"]),
        ("forecast good.csv", ["--model", "hint: kramers forecast --help"]),
    ] {
        refused(&place, line, &needles);
    }
}
