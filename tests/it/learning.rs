//! Verbs that learn, as a user types them: weights, replicates, mean curves, several series, a search over settings.

use super::run::{Place, data_word, dated, walk};
use serde_json::Value;

fn estimate(document: &Value, name: &str) -> f64 {
    document["params"][name]["estimate"].as_f64().unwrap_or_else(|| panic!("no {name}: {document:#}"))
}

/// A walk in column x, with weights that are one in the first half and `late` after it.
fn weighted(late: f64) -> Place {
    let mut text = String::from("t,x,w\n");
    for (i, x) in walk(200).iter().enumerate() {
        let w = if i < 100 { 1.0 } else { late };
        text.push_str(&format!("{i},{x},{w}\n"));
    }
    Place::new().with("rows.csv", text)
}

const FIT: &str = "fit rows.csv --time t --value x -m ou --json";

#[test]
fn equal_weights_change_no_estimate_and_leave_no_likelihood() {
    let place = weighted(1.0);
    let plain = place.typed(FIT).ends(0).document();
    let even = place.typed(&format!("{FIT} --weight w")).ends(0).document();
    for name in ["kappa", "theta", "sigma"] {
        let (a, b) = (estimate(&plain, name), estimate(&even, name));
        assert!((a - b).abs() < 1e-6 * a.abs(), "{name}: {a} and {b}");
    }
    assert!(plain["log_likelihood"].is_number() && even["log_likelihood"].is_null());
}

#[test]
fn rows_of_small_weight_hardly_count() {
    let place = weighted(1e-9);
    let light = place.typed(&format!("{FIT} --weight w")).ends(0).document();
    let text: String = place.text("rows.csv").lines().take(101).map(|line| format!("{line}\n")).collect();
    let half = place.with("rows.csv", text).typed(FIT).ends(0).document();
    for name in ["kappa", "theta", "sigma"] {
        let (a, b) = (estimate(&light, name), estimate(&half, name));
        assert!((a - b).abs() < 1e-2 * b.abs(), "{name}: {a} and {b}");
    }
}

#[test]
fn weights_that_are_none_are_refused_with_their_row() {
    let place = weighted(-1.0);
    let ran = place.typed("fit rows.csv --time t --value x -m ou --weight w").ends(2);
    assert!(ran.stderr.contains("row 101") && ran.stderr.contains("--weight"), "{}", ran.stderr);
    let ran = place.typed("fit rows.csv --time t --value x -m ou --weight w --as snapshots").ends(2);
    assert!(ran.stderr.contains("snapshots take no weights"), "{}", ran.stderr);
}

#[test]
fn replicates_of_a_poisson_law_give_its_rates() {
    // Immigration 1, death 0.1 from nothing: at t the mean is 10 (1 - exp(-t/10)); the counts below have exactly such means.
    let mut text = String::from("t,x\n");
    for (t, mean) in [(5.0, 10.0 * (1.0 - (-0.5_f64).exp())), (40.0, 10.0 * (1.0 - (-4.0_f64).exp()))] {
        let sd = mean.sqrt();
        for k in -10..=10 {
            text.push_str(&format!("{t},{}\n", (mean + sd * f64::from(k) / 6.0).round().max(0.0)));
        }
    }
    let place = Place::new().with("counts.csv", text);
    let line = "fit counts.csv --time t --value x -m immigration-death --as snapshots --from X=0 --json";
    let document = place.typed(line).ends(0).document();
    assert_eq!((document["as"].as_str(), document["form"].as_str()), (Some("snapshots"), Some("master-equation")));
    let params: Vec<&str> = document["params"].as_object().expect("parameters").keys().map(String::as_str).collect();
    let [birth, death] = params[..] else { panic!("{params:?}") };
    let ratio = estimate(&document, birth) / estimate(&document, death);
    // The mean of the late counts is 9.8, of 21 values: within four standard errors.
    assert!((ratio - 10.0).abs() < 4.0 * (10.0_f64 / 21.0).sqrt(), "{ratio}");
}

#[test]
fn the_isomerisation_of_alpha_pinene_has_its_published_rates() {
    // Box et al. (1973): 5.93e-5, 2.96e-5, 2.05e-5, 27.5e-5, 4.00e-5 per minute, by least squares.
    let place = Place::new();
    let columns =
        "pinene=alpha_pinene_pct,dipentene=dipentene_pct,allo=allo_ocimene_pct,pyronene=pyronene_pct,dimer=dimer_pct";
    let line = format!(
        "fit {} --time time_min --value {columns} -m alpha-pinene --as trajectories --json",
        data_word("alpha-pinene.csv")
    );
    let document = place.typed(&line).ends(0).document();
    assert_eq!(document["status"], "converged");
    let rates: Vec<f64> = document["params"]
        .as_object()
        .expect("parameters")
        .values()
        .filter_map(|p| p["estimate"].as_f64().filter(|k| *k < 1.0))
        .collect();
    for (found, published) in rates.iter().zip([5.93e-5, 2.96e-5, 2.05e-5, 27.5e-5, 4.00e-5]) {
        assert!((found / published - 1.0).abs() < 0.02, "{found} and {published}");
    }
    assert_eq!(rates.len(), 5, "{document:#}");
}

#[test]
fn a_search_over_settings_ranks_them_and_is_the_same_for_any_number_of_threads() {
    let place = Place::new().with("good.csv", dated(&walk(200)));
    let run = |n: u32| {
        place
            .typed(&format!("tune good.csv -m ou --trials 4 --over optimizer,starts --threads {n} --json"))
            .ends(0)
            .stdout
    };
    let one = run(1);
    assert!(one == run(2), "differs between 1 and 2 threads");
    let document: Value = serde_json::from_str(&one).expect("a document");
    assert_eq!(document["schema"], "kramers/tune@1");
}

#[test]
fn a_law_found_is_the_same_for_any_number_of_threads() {
    let place = Place::new().with("good.csv", dated(&walk(400)));
    let run = |n: u32| place.typed(&format!("discover good.csv --threads {n} --json")).stdout;
    assert!(run(1) == run(2), "differs between 1 and 2 threads");
}

#[test]
fn a_backtest_that_was_killed_goes_on_to_the_same_bytes() {
    let place = Place::new().with("good.csv", dated(&walk(320)));
    let line = "backtest good.csv -m ou --horizon 3 --refit every --test 200 --transform diff --no-progress -o";
    place.typed(&format!("{line} whole")).ends(0);
    let mut cut = std::process::Command::new(env!("CARGO_BIN_EXE_kramers"))
        .args(super::run::words(&format!("{line} cut --threads 1")))
        .current_dir(place.path("."))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program");
    // Killed as soon as some blocks are kept, or done before that on a fast machine.
    let kept = || std::fs::read_to_string(place.path("cut/checkpoint.txt")).map_or(0, |text| text.lines().count());
    while kept() < 4 && cut.try_wait().expect("a process").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    cut.kill().expect("a process");
    cut.wait().expect("a process");
    let resumed = place.typed(&format!("{line} cut --resume")).ends(0);
    assert!(resumed.stderr.contains("blocks were done"), "{}", resumed.stderr);
    for name in ["backtest.csv", "run.json"] {
        assert!(place.text(&format!("cut/{name}")) == place.text(&format!("whole/{name}")), "{name} differs");
    }
    assert!(!place.path("cut/checkpoint.txt").exists());
    let other = place.typed(&format!("{} --resume", line.replace(" -o", ""))).ends(2);
    assert!(other.stderr.contains("-o FOLDER"), "{}", other.stderr);
}

#[test]
fn no_later_row_reaches_an_earlier_forecast_and_it_can_be_shown() {
    let place = Place::new().with("good.csv", dated(&walk(160)));
    let ran = place.typed("backtest good.csv -m ou --horizon 3 --refit 10 --prove-no-leak --json").ends(0);
    let proof = &ran.document()["leak_proof"][0];
    assert!(proof["leak"].is_null() && proof["compared"].as_u64().is_some_and(|n| n > 100), "{proof}");
}
