//! The whole job from a file to a page, on real data and on files as people have them.

use super::run::{Place, Ran, data, data_word, dated, day, table, walk, words};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

const ROWS: usize = 150;

fn rows_of(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    lines.map(|l| header.iter().zip(l.split(',')).map(|(h, c)| (h.to_string(), c.to_string())).collect()).collect()
}

/// Every text in a document.
fn texts<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(all) => all.iter().for_each(|v| texts(v, into)),
        Value::Object(all) => all.values().for_each(|v| texts(v, into)),
        _ => {}
    }
}

/// A report is whole, self-contained and says the same in HTML, JSON and CSV; its run.json comes back.
#[track_caller]
fn whole(place: &Place, folder: &str, ran: &Ran) -> Value {
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let names = [
        "backtest.csv",
        "figures",
        "figures.json",
        "forecast.csv",
        "held_out.csv",
        "horizons.csv",
        "index.html",
        "run.json",
        "scores.csv",
    ];
    assert_eq!(place.names(folder), names);
    let html = place.text(&format!("{folder}/index.html"));
    assert!(html.trim_end().ends_with("</html>"), "the page is cut");
    for fetch in ["<script", "src=\"http", "src='http", "href=\"http", "href='http", "@import", "url(http", "<link"] {
        assert!(!html.contains(fetch), "the page has {fetch}");
    }
    for told in html.split("(skill ").skip(1) {
        let number = told.trim_start_matches(['+', '-']);
        assert!(number.starts_with(|c: char| c.is_ascii_digit()), "a skill without its number: {}", &told[..10]);
    }
    let text = place.text(&format!("{folder}/run.json"));
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["schema"], "kramers/report@1");
    let mut all = Vec::new();
    texts(&document, &mut all);
    let here = place.path("").to_string_lossy().into_owned();
    for machine in [here.trim_end_matches('/'), env!("CARGO_MANIFEST_DIR")] {
        assert!(all.iter().all(|t| !t.contains(machine) && !t.starts_with('/')), "an absolute path in {all:?}");
        assert!(!html.contains(machine), "an absolute path in the page");
    }
    same_scores(
        &text,
        &document,
        &place.text(&format!("{folder}/scores.csv")),
        &place.text(&format!("{folder}/horizons.csv")),
    );
    document
}

/// Scores of run.json and of the CSV files are the same numbers, to the last digit.
#[track_caller]
fn same_scores(text: &str, document: &Value, scores: &str, horizons: &str) {
    let all = document["series"].as_array().expect("series");
    let listed: Vec<&Value> = all.iter().flat_map(|s| s["scores"].as_array().expect("scores")).collect();
    let find = |row: &BTreeMap<String, String>, horizon: Value| {
        let same = |s: &&Value| s["series"] == row["series"] && s["model"] == row["model"] && s["horizon"] == horizon;
        listed.iter().copied().find(same).unwrap_or_else(|| panic!("no score like {row:?}"))
    };
    let check = |row: &BTreeMap<String, String>, column: &str, key: &str, value: &Value| {
        let (in_csv, in_json) = (row[column].parse::<f64>().ok(), value.as_f64());
        // serde_json reads to within a unit in the last place: the digits are held in the text.
        let close = in_csv.zip(in_json).is_none_or(|(c, j)| (c - j).abs() <= 2.0 * f64::EPSILON * c.abs());
        assert!(close && in_csv.is_some() == in_json.is_some(), "{column} of {row:?}: {value}");
        if let Some(number) = in_csv.filter(|_| value.is_f64()) {
            assert!(text.contains(&format!("\"{key}\": {}", Value::from(number))), "{column} of {row:?}: {value}");
        }
    };
    let (pooled, by_horizon) = (rows_of(scores), rows_of(horizons));
    assert_eq!(pooled.len() + by_horizon.len(), listed.len());
    for row in &pooled {
        let score = find(row, Value::from("all"));
        for column in ["windows", "crps", "log_score", "mae", "rmse"] {
            check(row, column, column, &score[column]);
        }
        for (column, level) in [("coverage_50", "0.5"), ("coverage_80", "0.8"), ("coverage_95", "0.95")] {
            check(row, column, level, &score["coverage"][level]);
        }
        for (column, key) in [("skill", "value"), ("skill_se", "se")] {
            check(row, column, key, &score["skill"]["random-walk"][key]);
        }
    }
    for row in &by_horizon {
        let score = find(row, Value::from(row["horizon"].parse::<u64>().expect("a horizon")));
        check(row, "crps", "crps", &score["crps"]);
        check(row, "mae", "mae", &score["mae"]);
        check(row, "coverage_80", "0.8", &score["coverage"]["0.8"]);
    }
}

/// Report a file of `data/` and hold it whole.
#[track_caller]
fn reported(file: &str, flags: &str) -> Value {
    let place = Place::new();
    let ran = place.typed(&format!("report {} {flags} -o out", data_word(file)));
    whole(&place, "out", &ran)
}

fn ids(document: &Value) -> Vec<&str> {
    document["series"].as_array().expect("series").iter().filter_map(|s| s["id"].as_str()).collect()
}

// ---- data/

#[test]
fn treasury_yields_are_reported() {
    let document = reported("dgs10.csv", "--since 2018 -m ckls,ou --refit never");
    assert_eq!(document["series"][0]["clock"], "business");
}

#[test]
fn exchange_rates_are_reported_on_their_logarithm() {
    let document = reported("eurusd.csv", "--since 2019 -m bm,ou --transform log --refit never");
    assert_eq!(document["data"]["transform"], "log");
}

#[test]
fn oil_with_its_missing_values_is_reported() {
    let document = reported("wti.csv", "--since 2017 -m gbm,exp-ou --refit never");
    let missing = document["data"]["findings"].as_array().expect("findings").iter().find(|f| f["rule"] == "missing");
    assert!(missing.is_some_and(|f| f["count"].as_u64() > Some(20)), "{}", document["data"]);
}

#[test]
fn a_chemical_process_is_reported_with_every_built_in_candidate() {
    let document = reported("chemical-process.csv", "--horizon 5 --step 4 --refit never");
    let tried = document["series"][0]["candidates"].as_array().expect("candidates");
    let built_in = Place::new().typed("models --json").ends(0).document();
    let tagged = |m: &&Value| m["tags"].as_array().is_some_and(|tags| tags.iter().any(|t| t == "candidate"));
    let candidates = built_in["models"].as_array().expect("models").iter().filter(tagged).count();
    assert_eq!((tried.len(), candidates), (9, 9));
    assert_eq!(document["series"][0]["time_unit"], "h");
}

#[test]
fn a_long_panel_of_five_tickers_is_reported() {
    let document = reported("stocks.csv", "--since 2012-06 -m gbm");
    assert_eq!(ids(&document), ["AAPL", "FB", "GOOG", "IBM", "MSFT"]);
}

// ---- files as people have them

/// The plain file, and the same rows written otherwise: the same series come out, number for number.
#[test]
fn the_same_rows_in_another_dress_make_the_same_report() {
    let values = walk(ROWS);
    let plain = dated(&values);
    let newest_first = table("date,value", (0..ROWS).rev().map(|i| format!("{},{}", day(i), values[i])));
    let decimal_commas =
        table("date;value", (0..ROWS).map(|i| format!("{};{}", day(i), values[i].to_string().replace('.', ","))));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(plain.as_bytes()).expect("in memory");
    let with_mark = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
    let place = Place::new()
        .with("plain.csv", &plain)
        .with("newest.csv", newest_first)
        .with("comma.csv", decimal_commas)
        .with("packed.csv.gz", gzip.finish().expect("in memory"))
        .with("mark.csv", with_mark);
    let flags = "-m ou --refit never";
    let first = whole(&place, "reports/plain", &place.typed(&format!("report plain.csv {flags}")));
    for (file, folder) in [
        ("newest.csv", "newest"),
        ("comma.csv", "comma"),
        ("packed.csv.gz", "packed"),
        ("mark.csv", "mark"),
        ("-", "stdin"),
    ] {
        let ran = place.run_with(&words(&format!("report {file} {flags}")), &plain);
        let other = whole(&place, &format!("reports/{folder}"), &ran);
        assert_eq!(other["series"], first["series"], "{file}");
    }
}

#[test]
fn the_columns_of_nixtla_are_read_as_they_are() {
    let values = walk(2 * ROWS);
    let row = |i: usize| format!("{},{},{}", ["north", "south"][i / ROWS], day(i % ROWS), values[i]);
    let place = Place::new().with("panel.csv", table("unique_id,ds,y", (0..2 * ROWS).map(row)));
    let document = whole(&place, "out", &place.typed("report panel.csv -m ou --refit never -o out"));
    assert_eq!(ids(&document), ["north", "south"]);
}

#[test]
fn a_model_file_leaves_no_folder_of_this_machine_in_the_report() {
    let text = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/ou.toml")).expect("a model file");
    let place = Place::new().with("mine.toml", text).with("good.csv", dated(&walk(ROWS)));
    let model = place.path("mine.toml").to_string_lossy().into_owned();
    let file = place.path("good.csv").to_string_lossy().into_owned();
    whole(&place, "out", &place.typed(&format!("report {file} -m {model} --refit never -o out")));
}

// ---- the same bytes

/// Every file of a run, by name.
fn files(place: &Place, folder: &str) -> Vec<(String, String)> {
    let each = place.names(folder).into_iter().flat_map(|name| {
        let path = format!("{folder}/{name}");
        if place.path(&path).is_dir() { files(place, &path) } else { vec![(name, place.text(&path))] }
    });
    each.collect()
}

#[track_caller]
fn same_for_any_threads(line: &str) {
    let place = Place::new().with("good.csv", dated(&walk(ROWS)));
    let runs: Vec<_> = [1, 2]
        .iter()
        .map(|n| {
            place.typed(&format!("{line} --threads {n} -o out{n}")).ends(0);
            files(&place, &format!("out{n}"))
        })
        .collect();
    assert!(!runs[0].is_empty());
    for (one, two) in runs[0].iter().zip(&runs[1]) {
        assert!(one == two, "{line}: {} differs between 1 and 2 threads", one.0);
    }
}

#[test]
fn a_report_is_the_same_for_any_number_of_threads() {
    same_for_any_threads("report good.csv -m ou,cir,double-well,ckls --horizon 5 --step 3");
}

#[test]
fn a_backtest_is_the_same_for_any_number_of_threads() {
    same_for_any_threads("backtest good.csv -m ou,ckls --refit 5");
}

#[test]
fn a_fit_is_the_same_for_any_number_of_threads() {
    same_for_any_threads("fit good.csv -m ckls --starts 6");
}

#[test]
fn a_forecast_is_the_same_for_any_number_of_threads() {
    same_for_any_threads("forecast good.csv -m ckls --horizon 5 --answer monte-carlo");
    same_for_any_threads("forecast good.csv -m ou --transform return --horizon 5");
}

#[test]
fn a_simulation_is_the_same_for_any_number_of_threads_and_another_for_another_seed() {
    let place = Place::new();
    let run =
        |flags: &str| place.typed(&format!("simulate cir --from x=1 --paths 300 --every 0.1 {flags}")).ends(0).stdout;
    for scheme in ["euler-maruyama", "milstein"] {
        let once = run(&format!("--scheme {scheme} --threads 1"));
        assert_eq!(once.lines().count(), 1 + 300 * 11);
        assert!(once == run(&format!("--scheme {scheme} --threads 2")), "{scheme}");
        assert!(once != run(&format!("--scheme {scheme} --seed 2")), "{scheme}");
    }
    place.typed("simulate cir --from x=1 --paths 300 --every 0.1 -o paths.csv").ends(0);
    assert!(place.text("paths.csv") == run(""));
}

// ---- no row after the cutoff is seen

/// Rows of one cutoff without the columns that hold what came.
fn forecasts_at(csv: &str, cutoff: &str) -> Vec<String> {
    let hidden = ["actual", "crps", "logs", "pit", "energy", "variogram", "variogram_by_distance"];
    let rows = rows_of(csv);
    let mine = rows.iter().filter(|r| r["cutoff"] == cutoff);
    mine.map(|r| format!("{:?}", r.iter().filter(|(k, _)| !hidden.contains(&k.as_str())).collect::<Vec<_>>())).collect()
}

/// Later values become finite garbage, their times kept: the windows up to the cutoff forecast the same bytes.
#[track_caller]
fn nothing_leaks(flags: &str) {
    let values = walk(ROWS);
    let line = format!("backtest data.csv {flags} --test 40 --horizon 5 --step 6");
    let place = Place::new().with("data.csv", dated(&values));
    place.typed(&format!("{line} -o honest")).ends(0);
    let honest = place.text("honest/backtest.csv");
    let cutoffs: std::collections::BTreeSet<String> =
        rows_of(&honest).into_iter().map(|r| r["cutoff"].clone()).collect();
    assert_eq!(cutoffs.len(), 7);
    for last in [ROWS - 41, ROWS - 41 + 6, ROWS - 41 + 18] {
        let garbage = |i: usize| 0.3 + 5.0 * values[(7 * i + 3) % ROWS];
        let spoilt: Vec<f64> = (0..ROWS).map(|i| if i <= last { values[i] } else { garbage(i) }).collect();
        let place = place_with(&spoilt);
        // Garbage may leave later windows without a good fit; that is not what is asked here.
        let ran = place.typed(&format!("{line} -o spoilt"));
        assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.stderr);
        let spoilt = place.text("spoilt/backtest.csv");
        let mut seen = 0;
        for cutoff in cutoffs.iter().filter(|c| **c <= day(last)) {
            assert_eq!(forecasts_at(&honest, cutoff), forecasts_at(&spoilt, cutoff), "{flags} {last}: window {cutoff}");
            seen += forecasts_at(&honest, cutoff).len();
        }
        // Two models and seven baselines, five rows ahead.
        assert_eq!(seen, 45 * (1 + (last + 41 - ROWS) / 6), "{flags} {last}");
        // Where it may be seen, it is: the last window is another one.
        let late = cutoffs.last().expect("a cutoff");
        assert_ne!(forecasts_at(&honest, late), forecasts_at(&spoilt, late), "{flags} {last}");
    }
}

fn place_with(values: &[f64]) -> Place {
    Place::new().with("data.csv", dated(values))
}

#[test]
fn no_later_value_reaches_a_forecast_that_is_refitted_at_every_window() {
    nothing_leaks("-m ou,cir --refit every");
}

#[test]
fn no_later_value_reaches_a_forecast_that_is_refitted_now_and_then() {
    nothing_leaks("-m bm,ou --refit 2 --transform return");
    nothing_leaks("-m ou,ckls --form kessler");
}

#[test]
fn no_later_value_reaches_a_forecast_that_is_never_refitted() {
    nothing_leaks("-m bm,ou --refit never --transform log");
}

// ---- whole or not there

#[test]
fn a_run_that_fails_at_its_end_leaves_whole_files_only() {
    let place = Place::new().with("good.csv", dated(&walk(ROWS)));
    std::fs::create_dir_all(place.path("out/index.html")).expect("a folder in the way");
    let ran = place.typed("report good.csv -m ou --refit never -o out").ends(2);
    assert!(ran.stderr.contains("error: out/index.html: cannot be written"), "{}", ran.stderr);
    let names = place.names("out");
    assert!(names.iter().all(|n| !n.starts_with('.') && !n.contains("tmp")), "{names:?}");
    // The document comes last: where it stands, all the files are whole.
    assert!(!names.iter().any(|n| n == "run.json"), "{names:?}");
}

#[test]
fn a_refused_run_leaves_an_earlier_report_as_it_was() {
    let place = Place::new().with("good.csv", dated(&walk(ROWS)));
    place.typed("report good.csv -m ou --refit never -o out").ends(0);
    let before = files(&place, "out");
    place.typed("report good.csv -m ou --test 0% -o out").ends(2);
    assert!(files(&place, "out") == before);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let place = Place::new();
    let mut child = place
        .command(&words("simulate ou --paths 2000 --until 10"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    // The pipe closes as the reader goes out of scope.
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert_eq!(line, "path,t,x\n");
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn nobody_listening_to_the_complaint_changes_no_exit_code() {
    let place = Place::new().with("good.csv", dated(&walk(ROWS)));
    for (line, code) in [("check missing.csv", 2), ("fit good.csv -m ou --bogus", 2), ("fit good.csv -m ou", 0)] {
        let mut child =
            place.command(&words(line)).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stderr.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "{line}");
    }
}

// ---- the other verbs

/// 20275.712838: ../shared/fits/reference.json, row ckls/euler.
#[test]
fn ckls_by_euler_on_treasury_yields_has_the_reference_likelihood() {
    let line = format!("fit {} -m ckls --form euler --dt 1/252 --json", data_word("dgs10.csv"));
    let document = Place::new().typed(&line).ends(0).document();
    assert_eq!(document["schema"], "kramers/fit@1");
    let found = document["log_likelihood"].as_f64().expect("a number");
    assert!((found - 20275.712838).abs() < 1e-3, "{found}");
}

#[test]
fn a_check_is_flagged_where_rows_are_dropped_and_only_there() {
    let place = Place::new().with("good.csv", dated(&walk(ROWS)));
    let good = place.typed("check good.csv --json").ends(0).document();
    assert_eq!((&good["schema"], &good["data"]["dropped"]), (&Value::from("kramers/check@1"), &Value::from(0)));
    let oil = place.typed(&format!("check {} --json", data_word("wti.csv"))).ends(1).document();
    let lines = std::fs::read_to_string(data("wti.csv")).expect("a data file");
    let dots = lines.lines().filter(|l| l.ends_with(",.")).count();
    assert!(dots > 100);
    assert_eq!(oil["data"]["dropped"], dots);
}

/// Within four standard errors, the integrator's step being an eighth of the spacing.
#[test]
fn simulated_paths_can_be_fitted_and_give_their_parameters_back() {
    let place = Place::new();
    place
        .typed(
            "simulate ou --set kappa=2 --set theta=1 --set sigma=0.5 --until 100 --every 0.05 --paths 3 -o paths.csv",
        )
        .ends(0);
    let document = place.typed("fit paths.csv --id path -m ou --json").ends(0).document();
    let fits = document["series"].as_array().expect("one fit a path");
    assert_eq!(fits.len(), 3);
    for fit in fits {
        for (name, truth) in [("kappa", 2.0), ("theta", 1.0), ("sigma", 0.5)] {
            let [estimate, se] = ["estimate", "se"].map(|k| fit["params"][name][k].as_f64().expect("a number"));
            assert!((estimate - truth).abs() < 4.0 * se, "{name}: {estimate} ± {se}");
        }
    }
}

#[test]
fn a_document_is_all_that_json_prints() {
    let place = Place::new().with("good.csv", dated(&walk(ROWS)));
    for (line, schema) in [
        ("report good.csv -m ou --refit never -o out", "report"),
        ("check good.csv", "check"),
        ("models", "models"),
        ("fit good.csv -m ou", "fit"),
        ("forecast good.csv -m ou --horizon 2", "forecast"),
        ("backtest good.csv -m ou --refit never", "backtest"),
        ("simulate ou --paths 2 --summary", "simulate"),
    ] {
        let ran = place.typed(&format!("{line} --json")).ends(0);
        assert_eq!(ran.document()["schema"], format!("kramers/{schema}@1"), "{line}");
        assert!(ran.stderr.is_empty(), "{line}: {}", ran.stderr);
    }
    // The document on stdout is the one in the folder.
    let ran = place.typed("forecast good.csv -m ou --horizon 2 --json -o out").ends(0);
    assert!(ran.stdout == place.text("out/run.json"));
}

#[test]
fn models_are_listed_and_shown() {
    let place = Place::new();
    let all = place.typed("models --json").ends(0).document();
    let listed: Vec<&str> = all["models"].as_array().expect("models").iter().filter_map(|m| m["id"].as_str()).collect();
    for id in ["bm", "gbm", "ou", "cir", "ckls", "cev", "exp-ou", "double-well", "logistic"] {
        assert!(listed.contains(&id), "{listed:?}");
        assert!(place.typed(&format!("models {id}")).ends(0).stdout.contains("source"));
    }
    let cir = place.typed("models cir --json").ends(0).document();
    let names: Vec<_> =
        cir["models"][0]["parameters"].as_array().expect("parameters").iter().map(|p| &p["name"]).collect();
    assert_eq!(names, ["kappa", "theta", "sigma"]);
    let list = place.typed("models").ends(0).stdout;
    assert!(listed.iter().all(|id| list.contains(id)), "{list}");
}

#[test]
fn help_completions_and_the_man_page_come_from_one_definition() {
    let place = Place::new();
    let verbs = ["report", "check", "models", "fit", "forecast", "backtest", "simulate", "completions", "man"];
    let help = place.typed("--help").ends(0).stdout;
    let script = place.typed("completions bash").ends(0).stdout;
    let page = place.typed("man").ends(0).stdout;
    for verb in verbs {
        assert!(help.contains(verb) && script.contains(verb) && page.contains(verb), "{verb}");
        assert!(place.typed(&format!("{verb} --help")).ends(0).stdout.contains("Usage: kramers"), "{verb}");
    }
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        assert!(place.typed(&format!("completions {shell}")).ends(0).stdout.contains("backtest"), "{shell}");
    }
    assert!(place.typed("--version").ends(0).stdout.starts_with("kramers "));
    assert!(place.run::<&str>(&[]).ends(2).stderr.contains("Usage: kramers"));
}
