//! The report page as a reader meets it: its figures and their numbers, the way back to it, the list of reports.

use super::run::{Place, data_word, dated, table, walk, words};
use serde_json::Value;

fn report(place: &Place, line: &str) -> String {
    let ran = place.typed(line);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    ran.stdout
}

fn json(place: &Place, file: &str) -> Value {
    serde_json::from_str(&place.text(file)).expect("JSON")
}

/// Cells of a CSV without quotes in it.
fn cells(csv: &str) -> Vec<Vec<String>> {
    csv.lines().map(|l| l.split(',').map(str::to_string).collect()).collect()
}

#[test]
fn every_figure_has_its_numbers_under_it_in_a_table_and_in_the_document() {
    let place = Place::new().with("good.csv", dated(&walk(400)));
    report(&place, "report good.csv -m ou,cir --transform none --refit never -o out");
    let figures = json(&place, "out/figures.json");
    assert_eq!(figures["schema"], "kramers/figures@1");
    let names: Vec<&str> =
        figures["figures"].as_array().expect("figures").iter().filter_map(|f| f["name"].as_str()).collect();
    let expected = [
        "history",
        "drift",
        "diffusion",
        "profiles",
        "held_out",
        "density",
        "forecast",
        "pit",
        "acf",
        "quantiles",
        "crps",
        "coverage",
        "skill",
        "validation",
    ];
    assert_eq!(names, expected);
    let mut files: Vec<String> = expected.iter().map(|n| format!("{n}.csv")).collect();
    files.sort();
    assert_eq!(place.names("out/figures"), files);
    let html = place.text("out/index.html");
    for figure in figures["figures"].as_array().expect("figures") {
        let name = figure["name"].as_str().expect("a name");
        assert!(html.contains(&format!("figures/{name}.csv")), "no table of {name} on the page");
        let rows = figure["series"][0]["rows"].as_array().expect("rows");
        let csv = cells(&place.text(&format!("out/figures/{name}.csv")));
        assert_eq!(rows.len() + 1, csv.len(), "{name}");
        for (row, line) in rows.iter().zip(&csv[1..]) {
            for (value, cell) in row.as_array().expect("a row").iter().zip(&line[1..]) {
                match value {
                    Value::Number(n) => {
                        let number: f64 = cell.parse().expect("a number");
                        let close = (number - n.as_f64().expect("finite")).abs() <= 4.0 * f64::EPSILON * number.abs();
                        assert!(close, "{name}: {n} and {cell}");
                    }
                    Value::String(text) => assert_eq!(text, cell, "{name}"),
                    Value::Null => assert_eq!(cell, "", "{name}"),
                    other => panic!("{other} in {name}"),
                }
            }
        }
    }
    assert!(html.len() < 1_500_000, "{}", html.len());
    assert!(html.contains("Content-Security-Policy"));
}

#[test]
fn figures_agree_with_the_other_files_of_the_report() {
    let place = Place::new().with("good.csv", dated(&walk(400)));
    report(&place, "report good.csv -m ou --refit never -o out");
    let (held, drawn) = (cells(&place.text("out/held_out.csv")), cells(&place.text("out/figures/held_out.csv")));
    let at = |table: &[Vec<String>], name: &str| {
        let column = table[0].iter().position(|c| c == name).unwrap_or_else(|| panic!("no {name}"));
        table[1..].iter().map(|r| r[column].clone()).collect::<Vec<_>>()
    };
    for column in ["actual", "median", "lower_80", "upper_95"] {
        assert_eq!(at(&held, column), at(&drawn, column), "{column}");
    }
    // The median of the density through time is that of the long table where both are of the first window.
    let long = cells(&place.text("out/backtest.csv"));
    let longest =
        at(&long, "horizon").iter().filter_map(|h| h.parse::<usize>().ok()).max().expect("horizons").to_string();
    let column = |name: &str| long[0].iter().position(|c| c == name).expect(name);
    let first =
        long[1..].iter().find(|r| r[column("model")] == "ou" && r[column("horizon")] == longest).expect("a row");
    let density = cells(&place.text("out/figures/density.csv"));
    assert_eq!(at(&density, "actual")[0], first[column("actual")]);
    for q in ["q0.025", "q0.5", "q0.975"] {
        let (a, b): (f64, f64) =
            (at(&density, q)[0].parse().expect("a number"), first[column(q)].parse().expect("a number"));
        assert!((a - b).abs() < 1e-9 * b.abs(), "{q}: {a} {b}");
    }
}

#[test]
fn the_command_on_the_page_makes_the_same_page_again() {
    let place = Place::new().with("my data.csv", dated(&walk(300)));
    let typed = [
        "report",
        "my data.csv",
        "-m",
        "ou",
        "--test",
        "60",
        "--refit=never",
        "--seed",
        "4",
        "-o",
        "first",
        "--threads",
        "1",
        "-q",
    ];
    assert_eq!(place.run(&typed).code, Some(0));
    let told = json(&place, "first/run.json")["command"].as_str().expect("a command").to_string();
    assert_eq!(told, "kramers report 'my data.csv' -m ou --test 60 --refit=never --seed 4");
    assert!(place.text("first/index.html").contains("kramers report &#x27;my data.csv&#x27; -m ou --test 60"));
    report(&place, &format!("{} -o second", told.trim_start_matches("kramers ")));
    for file in ["run.json", "figures.json", "index.html", "scores.csv"] {
        assert_eq!(place.text(&format!("first/{file}")), place.text(&format!("second/{file}")), "{file}");
    }
}

#[test]
fn a_baseline_that_wins_is_told_at_the_top() {
    // A record without any return to a mean, and a model that has little else.
    let mut level = 1.0;
    let values: Vec<f64> = walk(500)
        .windows(2)
        .map(|w| {
            level += 0.02 + (w[1] - w[0]).abs() * 0.01;
            level
        })
        .collect();
    let place = Place::new().with("up.csv", dated(&values));
    let ran = place.typed("report up.csv -m ou --fix kappa=30 --refit never -o out");
    let html = place.text("out/index.html");
    let top = html.split("id=\"data-s1\"").next().expect("a head");
    assert!(top.contains("The baseline ") && top.contains(" did better"), "{}\n{}", ran.stdout, ran.stderr);
    assert!(top.contains("Better than naive?") && top.contains("<dd>No: a random walk does better"), "{top}");
}

#[test]
fn returns_have_their_losses_drawn() {
    let mut level = 100.0;
    let prices: Vec<f64> = walk(420)
        .iter()
        .map(|w| {
            level *= 1.0 + 0.1 * (w - 1.0);
            level
        })
        .collect();
    let place = Place::new().with("price.csv", dated(&prices));
    report(&place, "report price.csv -m ou --transform log-return --refit never --horizon 3 -o out");
    let losses = cells(&place.text("out/figures/losses.csv"));
    assert_eq!(losses[0], ["series", "time", "actual", "value_at_risk_0.01", "value_at_risk_0.05"]);
    assert_eq!(losses.len(), 1 + 84);
    let below =
        |column: usize| losses[1..].iter().filter(|r| r[2].parse::<f64>().ok() < r[column].parse::<f64>().ok()).count();
    let run = json(&place, "out/run.json");
    let scores = run["series"][0]["scores"].as_array().expect("scores");
    let ou = scores.iter().find(|s| s["model"] == "ou" && s["horizon"] == "all").expect("scored");
    assert_eq!(ou["value_at_risk"][0]["hits"], below(3));
    assert_eq!(ou["value_at_risk"][2]["hits"], below(4));
}

#[test]
fn the_list_of_reports_is_written_anew_and_in_order() {
    let place = Place::new().with("b.csv", dated(&walk(200))).with("a.csv", dated(&walk(220)));
    let short = "-m ou --refit never --horizon 2 -q";
    report(&place, &format!("report b.csv {short}"));
    report(&place, &format!("report a.csv {short}"));
    let list = place.text("reports/index.html");
    let at =
        |name: &str| list.find(&format!("href=\"{name}/index.html\"")).unwrap_or_else(|| panic!("{name} in {list}"));
    assert!(at("a") < at("b") && list.contains("2020-01-01") && !list.contains("<script"));
    // The same again gives the same list; a folder that is gone is gone from it, and a broken one is counted.
    report(&place, &format!("report a.csv {short}"));
    assert_eq!(list, place.text("reports/index.html"));
    std::fs::remove_dir_all(place.path("reports/b")).expect("removed");
    std::fs::create_dir_all(place.path("reports/<b>broken")).expect("made");
    for (name, content) in [("run.json", "{"), ("index.html", "")] {
        std::fs::write(place.path("reports/<b>broken").join(name), content).expect("written");
    }
    report(&place, &format!("report a.csv {short}"));
    let list = place.text("reports/index.html");
    assert!(!list.contains("href=\"b/") && list.contains("1 folder with a run.json that could not be read"), "{list}");
}

#[test]
fn a_page_of_somebody_else_is_never_written_over() {
    let place = Place::new().with("a.csv", dated(&walk(200)));
    let short = "-m ou --refit never --horizon 2";
    let own = "<p>my own page</p>";
    for folder in ["site", "reports"] {
        std::fs::create_dir_all(place.path(folder)).expect("made");
        std::fs::write(place.path(folder).join("index.html"), own).expect("written");
        let ran = place.typed(&format!("report a.csv {short} -o {folder}/a"));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(place.text(&format!("{folder}/index.html")), own);
        assert_eq!(ran.stderr.contains("is left as it is"), folder == "reports", "{}", ran.stderr);
    }
    report(&place, &format!("report a.csv {short} -q -o elsewhere/a"));
    assert!(!place.path("elsewhere/index.html").exists());
}

#[test]
fn a_fit_of_mean_curves_checks_what_its_reactions_conserve() {
    // A turns into B at rate 0.7; both were measured, B with a loss of a tenth.
    let rows = (0..30).map(|i| {
        let t = 0.2 * f64::from(i);
        let (a, wave) = (10.0 * (-0.7 * t).exp(), 0.05 * (3.0 * t).sin());
        format!("{t},{},{}", a + wave, 0.9 * (10.0 - a) - wave)
    });
    let model = "schema = 1\nid = \"turn\"\ntitle = \"A turns into B\"\nkind = \"network\"\ncounting = \"combinations\"\nsource = \"test\"\n[species.A]\ninitial = 10\n[species.B]\ninitial = 0\n[params.k]\nmeaning = \"rate\"\nunit = \"1/time\"\ndefault = 1.0\nbounds = [1e-3, 100.0]\n[[reaction]]\nequation = \"A -> B\"\nrate = \"k\"\n";
    let place = Place::new().with("turn.toml", model).with("ab.csv", table("t,A,B", rows));
    let ran = place.typed("fit ab.csv -m turn.toml --as trajectories --time t -o out -q");
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let html = place.text("out/index.html");
    assert!(html.contains("No reaction changes A + B"), "{html}");
    assert!(html.contains("kramers fit ab.csv -m turn.toml"));
    let names: Vec<String> = json(&place, "out/figures.json")["figures"]
        .as_array()
        .expect("figures")
        .iter()
        .map(|f| f["name"].as_str().expect("a name").to_string())
        .collect();
    assert_eq!(names, ["curves", "residuals", "quantiles", "acf", "conserved"]);
    let conserved = cells(&place.text("out/figures/conserved.csv"));
    assert_eq!(conserved[0], ["panel", "x", "y", "least_by_chance", "most_by_chance"]);
    let totals: Vec<f64> = conserved[1..].iter().map(|r| r[2].parse().expect("a number")).collect();
    assert!((totals[0] - 10.0).abs() < 1e-9 && (totals[29] - 9.0).abs() < 0.1, "{totals:?}");
}

#[test]
fn a_fit_of_a_curve_has_a_page_too() {
    let place = Place::new();
    let line = format!("fit {} -m saturating-growth --time Time --value demand -o out -q", data_word("bod.csv"));
    let ran = place.run(&words(&line));
    assert!(ran.code == Some(0) || ran.code == Some(1), "{}\n{}", ran.stdout, ran.stderr);
    let html = place.text("out/index.html");
    assert!(html.contains("What did the fit leave over?") && html.contains("figures/curves.csv"), "{html}");
}
