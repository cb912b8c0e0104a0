//! `discover` as a user types it: a law found in a file, and the model file it writes fitted at once.

use super::run::Place;

/// A mean-reverting path, x' = 0.95 x + 0.1 noise a row of 0.05, and a column that follows it.
fn path() -> String {
    let mut word = 12_345_u64;
    let mut uniform = || {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (word >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
    let (mut x, mut v) = (0.0, 0.0);
    let mut text = String::from("t,x,v\n");
    for i in 0..6000 {
        text.push_str(&format!("{},{x},{v}\n", f64::from(i) * 0.05));
        let was = x;
        x = 0.95 * x + 0.1 * normal();
        v += 0.05 * (was - v) + 0.1 * normal();
    }
    text
}

#[test]
fn a_law_is_found_and_its_file_is_fitted_at_once() {
    let place = Place::new().with("path.csv", path());
    let ran = place.run(&["discover", "path.csv", "--time", "t", "--value", "x", "-o", "out", "--json"]).ends(0);
    let document = ran.document();
    assert_eq!(document["schema"], "kramers/discover@1");
    let terms: Vec<&str> =
        document["drift"]["x"]["terms"].as_array().expect("terms").iter().filter_map(|t| t["term"].as_str()).collect();
    assert_eq!(terms, ["x"], "{document:#}");
    assert_eq!(document["kernel"]["at"].as_array().map(Vec::len), Some(15));
    assert_eq!(document["markov"]["holds"], true);
    assert_eq!(place.names("out"), ["coefficients.csv", "coefficients.svg", "model.toml", "run.json"]);
    assert!(place.text("out/coefficients.svg").contains("s-target"));
    let fitted =
        place.run(&["fit", "path.csv", "--time", "t", "--value", "x", "-m", "out/model.toml", "--json"]).ends(0);
    let slope = fitted.document()["params"]["a1"]["estimate"].as_f64().expect("a slope");
    // -ln(0.95)/0.05 = 1.026, within four standard errors of √(2 kappa/T).
    assert!((slope + 1.026).abs() < 4.0 * (2.0 * 1.026_f64 / 300.0).sqrt(), "{slope}");
}

#[test]
fn two_columns_are_two_states() {
    let place = Place::new().with("path.csv", path());
    let document = place.run(&["discover", "path.csv", "--time", "t", "--value", "x,v", "--json"]).ends(0).document();
    assert_eq!(document["states"], serde_json::json!(["x", "v"]));
    let drift = document["drift"]["v"]["terms"].as_array().expect("terms");
    let terms: Vec<&str> = drift.iter().filter_map(|t| t["term"].as_str()).collect();
    assert_eq!(terms, ["x", "v"], "{document:#}");
}
