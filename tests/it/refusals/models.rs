//! Models that are not known or not well written.

use super::{below_zero, place, refusals, refused};
use crate::run::Place;

fn ou() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/ou.toml");
    std::fs::read_to_string(path).expect("a model file")
}

/// A folder with the usable file and a spoilt model, `mine.toml`.
fn spoilt(from: &str, to: &str) -> Place {
    let text = ou();
    assert!(text.contains(from), "{from}");
    place().with("mine.toml", text.replacen(from, to, 1))
}

refusals! {
    an_unknown_model_offers_the_nearest:
        place(), "fit good.csv -m cirr", "unknown-model", ["no model 'cirr'", "hint: did you mean 'cir'?", "hint: kramers models lists"];
    a_missing_model_file_is_told_as_one:
        place().with("mine.toml", ou()), "fit good.csv -m mien.toml", "file-missing",
        ["mien.toml: no such file", "hint: did you mean 'mine.toml'?", "hint: kramers models lists"];
    malformed_toml_is_placed:
        spoilt("unit    = \"1/time\"", "unit    = \"1/time"), "fit good.csv -m mine.toml", "model-syntax",
        ["mine.toml:15:18: ", "string", "hint: kramers init ou"];
    an_unknown_key_is_placed:
        spoilt("meaning = \"speed", "meanin = \"speed"), "models mine.toml", "unknown-key",
        ["mine.toml:14:1: unknown key 'params.kappa.meanin'", "hint: did you mean 'meaning'?", "hint: default, bounds"];
    an_unknown_name_in_a_drift_is_placed:
        spoilt("\"kappa*(theta - x)\"", "\"kapa*(theta - x)\""), "simulate mine.toml", "expression",
        ["mine.toml:32:16: drift.x: unknown name 'kapa'", "| kapa*(theta - x)", "hint: did you mean 'kappa'?"];
    a_parenthesis_left_open_is_placed:
        spoilt("\"kappa*(theta - x)\"", "\"kappa*(theta - x\""), "simulate mine.toml", "expression",
        ["mine.toml:32:32: drift.x: missing ')'", "hint: parentheses"];
    division_by_zero_in_a_drift_is_placed:
        spoilt("\"kappa*(theta - x)\"", "\"kappa*(theta - x)/0\""), "fit good.csv -m mine.toml", "expression",
        ["mine.toml:32:33: drift.x: division by zero", "hint: change the divisor"];
    a_drift_that_is_not_finite_inside_the_domain_is_found:
        spoilt("\"kappa*(theta - x)\"", "\"kappa*(theta - x)/x\""), "fit good.csv -m mine.toml", "non-finite-coefficient",
        ["mine.toml", "drift of x is ", "at x = 0", "hint: domain"];
    a_default_outside_its_bounds_is_refused:
        spoilt("default = 1.0\nbounds  = [1e-30", "default = -1.0\nbounds  = [1e-30"), "models mine.toml",
        "parameter-out-of-bounds", ["mine.toml", "kappa = -1 is outside its bounds", "hint: give kappa a value in [1e-30"];
    a_false_claim_of_a_law_is_refused:
        spoilt("\"kappa*(theta - x)\"", "\"kappa*(theta - x^2)\""), "fit good.csv -m mine.toml", "law-mismatch",
        ["mine.toml", "ornstein-uhlenbeck, does not follow", "at x = ", "hint: remove the line `law"];
    a_parameter_set_out_of_bounds_is_refused:
        place(), "simulate ou --set sigma=-3", "parameter-out-of-bounds",
        ["model 'ou': sigma = -3 is outside its bounds", "hint: give sigma a value in"];
    a_start_out_of_bounds_is_refused:
        place(), "fit good.csv -m ou --set kappa=-3", "parameter-out-of-bounds", ["kappa = -3", "hint: give kappa a value in"];
    setting_an_unknown_parameter_offers_the_nearest:
        place(), "simulate ou --set kapa=1", "unknown-parameter",
        ["model 'ou' has no parameter 'kapa'", "hint: did you mean 'kappa'?", "hint: kappa, theta, sigma"];
    holding_an_unknown_parameter_offers_the_nearest:
        place(), "fit good.csv -m ou --fix sgima=1", "unknown-parameter",
        ["model 'ou' has no parameter 'sgima'", "hint: did you mean 'sigma'?"];
    data_outside_the_domain_is_refused:
        place().with("neg.csv", below_zero()), "report neg.csv -m cir", "outside-domain",
        ["model 'cir' lives on [0, inf]", "series 'value' has the value -", "row ", "hint: -m ou"];
}
