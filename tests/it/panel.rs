//! Backtests of many series at once: in one queue, cut off and gone on with, with series that cannot be used among them.

use super::run::{Place, day, table, walk, words};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::Duration;

const SERIES: usize = 40;
const ROWS: usize = 90;

/// Series of one walk, each from another row of it on.
fn panel(series: usize) -> String {
    let values = walk(series * 7 + ROWS);
    let row = |i: usize| format!("s{:02},{},{}", i / ROWS, day(i % ROWS), values[7 * (i / ROWS) + i % ROWS]);
    table("unique_id,ds,y", (0..series * ROWS).map(row))
}

const FLAGS: &str = "-m ou,bm --baselines random-walk --test 20 --horizon 2 --refit every --no-progress";

#[test]
fn a_panel_that_was_killed_half_way_goes_on_to_the_same_bytes() {
    let place = Place::new().with("panel.csv", panel(SERIES));
    let line = format!("backtest panel.csv {FLAGS} -o");
    place.typed(&format!("{line} whole")).ends(0);
    let mut cut = Command::new(env!("CARGO_BIN_EXE_kramers"))
        .args(words(&format!("{line} cut --threads 1")))
        .current_dir(place.path("."))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    // Half of the units, three models a series, or all on a fast machine.
    let kept = || std::fs::read_to_string(place.path("cut/checkpoint.txt")).map_or(0, |text| text.lines().count());
    while kept() < SERIES * 3 / 2 && cut.try_wait().expect("a process").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    cut.kill().expect("a process");
    cut.wait().expect("a process");
    // As if it had been killed while it wrote: the last line is not whole.
    if let Ok(text) = std::fs::read_to_string(place.path("cut/checkpoint.txt")) {
        std::fs::write(place.path("cut/checkpoint.txt"), &text[..text.len() - 20]).expect("a file");
        assert!(!place.path("cut/backtest.csv").exists(), "a table that is not whole has its name");
    }
    let resumed = place.typed(&format!("{line} cut --resume")).ends(0);
    assert!(resumed.stderr.contains("blocks were done"), "{}", resumed.stderr);
    for name in ["backtest.csv", "run.json"] {
        assert!(place.text(&format!("cut/{name}")) == place.text(&format!("whole/{name}")), "{name} differs");
    }
    assert_eq!(place.names("cut"), ["backtest.csv", "run.json"]);
}

#[test]
fn a_panel_is_the_same_for_any_number_of_threads_and_told_in_the_order_of_its_series() {
    let place = Place::new().with("panel.csv", panel(12));
    for threads in [1, 2, 5] {
        place.typed(&format!("backtest panel.csv {FLAGS} --threads {threads} -o out{threads}")).ends(0);
    }
    for name in ["backtest.csv", "run.json"] {
        let [one, two, five] = [1, 2, 5].map(|n| place.text(&format!("out{n}/{name}")));
        assert!(one == two && one == five, "{name}");
    }
    let csv = place.text("out1/backtest.csv");
    let mut lines = csv.lines();
    let header = "series,model,cutoff,time,horizon,actual,mean,sd,q0.025,q0.1,q0.25,q0.5,q0.75,q0.9,q0.975,crps,logs,pit,energy,variogram,variogram_by_distance";
    assert_eq!(lines.next(), Some(header));
    let ids: Vec<&str> = lines.map(|l| l.split(',').next().expect("a cell")).collect();
    assert!(ids.is_sorted() && ids.first() == Some(&"s00") && ids.last() == Some(&"s11"));
    // Three models, twenty windows, two rows ahead but for the last window.
    assert_eq!(ids.len(), 12 * 3 * 39);
}

#[test]
fn a_series_that_cannot_be_used_is_counted_and_the_others_go_on() {
    let values = walk(ROWS);
    // One too short, one that a square root cannot be taken of.
    let row = |i: usize| match i / ROWS {
        0 => format!("good,{},{}", day(i % ROWS), values[i % ROWS]),
        _ => format!("below,{},{}", day(i % ROWS), values[i % ROWS] - 1.0),
    };
    let short = (0..10).map(|i| format!("short,{},{}", day(i), values[i]));
    let place = Place::new().with("panel.csv", table("unique_id,ds,y", (0..2 * ROWS).map(row).chain(short)));
    let flags = "--baselines random-walk --test 20 --horizon 2 --refit never";
    let ran = place.typed(&format!("backtest panel.csv -m cir {flags} --json")).ends(1);
    let document = ran.document();
    let failed = document["panel"]["failed"].as_array().expect("a list");
    let of = |k: usize, key: &str| failed[k][key].as_str().expect("text").to_string();
    assert_eq!((of(0, "series"), of(0, "code")), ("below".to_string(), "outside-domain".to_string()));
    assert_eq!((of(1, "series"), of(1, "code")), ("short".to_string(), "too-few-rows".to_string()));
    assert_eq!((&document["panel"]["series"], &document["panel"]["scored"]), (&Value::from(3), &Value::from(1)));
    assert!(ran.stderr.contains("short: left out"), "{}", ran.stderr);
    // Beside a model that can be used, the one that cannot fails in every window and no more.
    let ran = place.typed(&format!("backtest panel.csv -m cir,ou {flags} --json")).ends(1);
    let document = ran.document();
    assert_eq!(document["panel"]["scored"], 2);
    let warnings = document["warnings"].to_string();
    assert!(warnings.contains("below: cir could not answer in 20 windows"), "{warnings}");
    let scored = |series: &str, model: &str| {
        let all = document["scores"].as_array().expect("scores").iter();
        all.filter(|s| s["series"] == series && s["model"] == model && s["horizon"] == "all").count()
    };
    assert_eq!((scored("below", "ou"), scored("below", "cir"), scored("good", "cir")), (1, 0, 1));
    // Nothing at all can be made of it: the reason, as of one series.
    place.typed(&format!("backtest panel.csv -m cir {flags} --only below")).ends(2);
    let ran = place.typed("backtest panel.csv -m ou --test 85").ends(2);
    assert!(ran.stderr.starts_with("note") || ran.stderr.contains("--test 85"), "{}", ran.stderr);
}

#[test]
fn many_series_are_told_together_and_not_one_by_one() {
    let place = Place::new().with("panel.csv", panel(25));
    let ran = place.typed(&format!("backtest panel.csv {FLAGS} -o out")).ends(0);
    let text = &ran.stdout;
    assert!(text.starts_with("all 25 of 25 series together (in their own units): 20 windows each"), "{text}");
    assert!(text.contains("best in") && text.lines().count() < 25, "{text}");
    let document: Value = serde_json::from_str(&place.text("out/run.json")).expect("JSON");
    let scores = document["scores"].as_array().expect("scores");
    // Together by horizon as well, one by one over all horizons only.
    let count = |of: &dyn Fn(&Value) -> bool| scores.iter().filter(|s| of(s)).count();
    assert_eq!((count(&|s| s["series"] == "all"), count(&|s| s["series"] == "s07")), (3 * 3, 3));
    let models = document["panel"]["models"].as_array().expect("models");
    let best: u64 = models.iter().filter_map(|m| m["best"].as_u64()).sum();
    assert_eq!((models.len(), best), (3, 25));
}

#[test]
fn a_fit_that_slides_and_keeps_its_distance_is_another_and_sees_nothing_later() {
    let place = Place::new().with("panel.csv", panel(2));
    let run = |flags: &str| {
        let ran = place.typed(&format!("backtest panel.csv {FLAGS} --prove-no-leak --json {flags}")).ends(0);
        let document = ran.document();
        for proof in document["leak_proof"].as_array().expect("a proof a series") {
            assert!(proof["leak"].is_null() && proof["compared"].as_u64() > Some(100), "{proof}");
        }
        document
    };
    let [all, slid, late] = ["", "--window 40", "--window 40 --embargo 8"].map(run);
    assert_eq!((&all["config"]["window"], &all["config"]["embargo"]), (&Value::from("expanding"), &Value::from(0)));
    assert_eq!((&late["config"]["window"], &late["config"]["embargo"]), (&Value::from("40"), &Value::from(8)));
    let crps = |d: &Value| d["scores"][0]["crps"].as_f64().expect("a number");
    assert!(crps(&all) != crps(&slid) && crps(&slid) != crps(&late));
    for (flags, said) in
        [("--window 5", "at least 20 rows"), ("--embargo 60", "leaves the first fit 10 of the 70 rows")]
    {
        let ran = place.typed(&format!("backtest panel.csv {FLAGS} {flags}")).ends(2);
        assert!(ran.stderr.contains(said) && ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
    assert!(place.typed("backtest panel.csv -m ou --window some").ends(2).stderr.contains("expanding, or a number"));
}

/// The table of a run as Parquet is the CSV's, and can be read again; a program without Parquet says how to get it.
#[test]
fn a_long_table_in_parquet_holds_the_csv_or_is_refused_with_the_way_to_it() {
    let place = Place::new().with("panel.csv", panel(3)).with("table.parquet", b"PAR1 and more");
    let line = format!("backtest panel.csv {FLAGS} --table csv,parquet");
    let hint = "cargo install --path . --locked --features parquet";
    let without = place.typed(&line).ends(2);
    assert!(without.stderr.contains("-o FOLDER"), "{}", without.stderr);
    if cfg!(not(feature = "parquet")) {
        for line in [&format!("{line} -o out"), "check table.parquet"] {
            let ran = place.typed(line).ends(2);
            assert!(ran.stderr.contains("built without Parquet") && ran.stderr.contains(hint), "{}", ran.stderr);
        }
        return;
    }
    assert!(place.typed("check table.parquet").ends(2).stderr.contains("as Parquet"));
    place.typed(&format!("{line} -o out")).ends(0);
    assert_eq!(place.names("out"), ["backtest.csv", "backtest.parquet", "run.json"]);
    // Two horizons share no time of a cutoff, but models do: one of them is read back from either file.
    let look = |file: &str| {
        let flags = "--time row --value crps --id series --json";
        let ran = place.typed(&format!("check out/{file} {flags}"));
        let document = ran.document();
        (document["columns"].clone(), document["series"].clone(), document["used"].clone())
    };
    let (csv, parquet) = (look("backtest.csv"), look("backtest.parquet"));
    assert_eq!((&csv.1, &csv.2), (&parquet.1, &parquet.2));
    for (a, b) in csv.0.as_array().expect("columns").iter().zip(parquet.0.as_array().expect("columns")) {
        assert_eq!((&a["name"], &a["kind"], &a["missing"]), (&b["name"], &b["kind"], &b["missing"]));
        assert!(a["kind"] != "number" || a["min"] == b["min"], "{a} {b}");
    }
}
