//! The pages of fits, as a reader meets them: whatever was fitted to what has one, with its questions, figures and their numbers.

use super::run::{Place, dated, table, walk};
use serde_json::Value;

fn figures(place: &Place, folder: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(&place.text(&format!("{folder}/figures.json"))).expect("JSON");
    let all = document["figures"].as_array().expect("figures");
    let name = |f: &Value| f["name"].as_str().expect("a name").to_string();
    let names: Vec<String> = all.iter().map(name).collect();
    let mut files: Vec<String> = names.iter().map(|n| format!("{n}.csv")).collect();
    files.sort();
    assert_eq!(place.names(&format!("{folder}/figures")), files);
    let page = place.text(&format!("{folder}/index.html"));
    for (name, figure) in names.iter().zip(all) {
        assert!(page.contains(&format!("figures/{name}.csv")), "no numbers of {name} on the page");
        assert!(page.contains(figure["question"].as_str().expect("a question")), "no question of {name}");
    }
    assert!(page.contains("Content-Security-Policy") && !page.contains("<script") && !page.contains("NaN"));
    for question in ["Which model?", "How sure is it?", "Does it hold?", "Can I redo it?"] {
        assert!(page.contains(question), "{question}");
    }
    names
}

/// Rows of a file that the program simulates.
fn simulated(place: &Place, line: &str, file: &str) {
    place.typed(&format!("simulate {line} -q -o {file}")).ends(0);
}

#[test]
fn a_fit_of_transitions_has_a_page() {
    let place = Place::new().with("good.csv", dated(&walk(300)));
    let ran = place.typed("fit good.csv -m ou --intervals profile -o out").ends(0);
    assert!(ran.stdout.contains("ou fitted to"));
    let expected = ["history", "drift", "diffusion", "profiles", "residuals", "pit", "quantiles", "acf"];
    assert_eq!(figures(&place, "out"), expected);
    let page = place.text("out/index.html");
    assert!(page.contains("The fit converged") && page.contains("Which parameters can the data not tell apart?"));
    assert!(
        page.contains("What do the estimates say of other quantities?") && page.contains("2020-"),
        "dates on the axis"
    );
    // One part a series, told apart in the files.
    let rows = |id: &str| {
        let text = dated(&walk(200));
        text.lines().skip(1).map(|line| format!("{id},{line}")).collect::<Vec<String>>()
    };
    let both = table("id,date,value", rows("a").into_iter().chain(rows("b")));
    let place = place.with("both.csv", both);
    place.typed("fit both.csv --id id -m bm -o two -q").ends(0);
    let page = place.text("two/index.html");
    assert!(page.contains("<article id=\"s2\">") && page.contains("to each of 2 series"), "{page}");
    assert!(place.text("two/figures/residuals.csv").contains("\nb,"));
}

#[test]
fn counts_of_all_species_have_histograms_conservation_and_residuals() {
    let place = Place::new();
    simulated(&place, "michaelis-menten --until 10 --every 0.1 --paths 1 --seed 3", "mm.csv");
    let ran = place.typed("fit mm.csv -m michaelis-menten -o out --fix kr=0.1 --starts 1 --json").ends(0);
    let document = ran.document();
    assert!(document["diagnostics"]["E"]["pit_ks_p"].is_number() && document["diagnostics"]["S"].is_object());
    assert_eq!(figures(&place, "out"), ["history", "counts", "conserved", "residuals", "pit", "quantiles", "acf"]);
    let page = place.text("out/index.html");
    assert!(page.contains("No reaction changes E + ES") && page.contains("is kept: 10"), "{page}");
    assert!(
        place
            .text("out/figures/counts.csv")
            .starts_with("panel,from,to,observed,expected,least_by_chance,most_by_chance\nE,")
    );
    // A molecule lost in a row: no reaction does that, and the page says where.
    let text = place.text("mm.csv");
    let spoilt: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(i, line)| match (i, line.rsplit_once(',')) {
            (20.., Some((rest, last))) => format!("{rest},{}", last.parse::<f64>().expect("a count") + 1.0),
            _ => line.to_string(),
        })
        .collect();
    let place = place.with("lost.csv", spoilt.join("\n") + "\n");
    let ran = place.typed("fit lost.csv -m michaelis-menten -o lost --fix kr=0.1 --starts 1").ends(1);
    assert!(ran.stderr.contains("no reactions of the model lead from one row to the next"), "{}", ran.stderr);
    let page = place.text("lost/index.html");
    assert!(page.contains("is broken: 30") && page.contains("from row 20 on"), "{page}");
}

#[test]
fn snapshots_have_a_band_of_chance_and_one_species_needs_no_flag() {
    let place = Place::new();
    simulated(&place, "immigration-death --from X=0 --until 20 --every 5 --paths 60 --seed 4", "snap.csv");
    place.typed("fit snap.csv -m immigration-death --as snapshots -o out -q").ends(0);
    assert_eq!(figures(&place, "out"), ["counts", "residuals", "pit", "quantiles"]);
    let page = place.text("out/index.html");
    assert!(page.contains("no sum of species unchanged") && page.contains("What do data and fit come to?"), "{page}");
    // The column is called as the species; as one path of transitions as well.
    simulated(&place, "immigration-death --from X=10 --until 100 --every 1 --paths 1 --seed 4", "path.csv");
    place.typed("fit path.csv -m immigration-death -o path -q").ends(0);
    assert_eq!(figures(&place, "path"), ["history", "counts", "residuals", "pit", "quantiles", "acf"]);
    assert!(place.text("path/index.html").contains("drawn at random, by the seed"));
}

#[test]
fn a_report_of_several_species_names_the_fit_that_shows_them() {
    let place = Place::new();
    simulated(&place, "sir --from S=20,I=4,R=0 --until 16 --every 0.5 --paths 1 --seed 1", "sir.csv");
    let ran = place.typed("report sir.csv -m sir --value S=S,I=I,R=R").ends(2);
    let hint = ran.stderr.split("hint: ").nth(1).unwrap_or_else(|| panic!("{}", ran.stderr));
    let typed = hint.split(" fits it").next().expect("a command");
    assert!(typed.starts_with("kramers fit sir.csv -m sir"), "{hint}");
    place.typed(typed.trim_start_matches("kramers ")).ends(0);
    assert!(place.text("reports/sir/index.html").contains("No reaction changes S + I + R"));
}

#[test]
fn a_report_of_counts_is_calibrated_and_shows_them() {
    let place = Place::new();
    simulated(&place, "dimerisation --until 40 --every 0.5 --paths 1 --seed 3", "dim.csv");
    place.typed("report dim.csv -m dimerisation --refit never --horizon 2 --step 2 -o out -q").ends(0);
    let page = place.text("out/index.html");
    assert!(page.contains("Does each count come as often as the law says?") && page.contains("figures/counts.csv"));
    assert!(page.contains("No reaction changes A + 2 A2") && page.contains("randomised transform"), "{page}");
    // Every other number never comes, so whole intervals hold far more than they say; the truth is no worse for that.
    let document: Value = serde_json::from_str(&place.text("out/run.json")).expect("JSON");
    let own = document["series"][0]["scores"]
        .as_array()
        .expect("scores")
        .iter()
        .find(|s| s["model"] == "dimerisation" && s["horizon"] == "all")
        .expect("the model's");
    assert!(own["pit_ks_p"].as_f64().expect("a number") > 1e-3, "{own:#}");
}
