//! The rates of a spectrum and Kramers' rate beside them, for `--form schroedinger`.

use crate::cli::table::{short, table};
use crate::form::schroedinger::{Kramers, Spectrum, kramers, spectrum};
use crate::models::Model;
use serde_json::{Map, Value, json};

/// Rates shown.
const RATES: usize = 6;

/// A table of the slowest rates, with its part of the document; empty where there is no discrete spectrum.
pub(super) fn rates(model: &Model, theta: &[f64]) -> (String, Map<String, Value>) {
    let Ok(found) = spectrum(model, theta, RATES) else { return (String::new(), Map::new()) };
    let escape = kramers(model, theta).ok();
    let mut body = Map::from_iter([
        ("eigenvalues".to_string(), json!(found.rates)),
        ("eigenvalue_errors".to_string(), json!(found.errors)),
    ]);
    if let Some(k) = &escape {
        let part =
            json!({ "wells": k.wells, "saddle": k.saddle, "barriers": k.barriers, "rates": k.rates, "ratio": k.ratio });
        body.insert("kramers".to_string(), part);
    }
    (text(&found, escape.as_ref()), body)
}

fn text(found: &Spectrum, escape: Option<&Kramers>) -> String {
    let rows: Vec<Vec<String>> = found
        .rates
        .iter()
        .zip(&found.errors)
        .enumerate()
        .map(|(n, (rate, error))| {
            let time = if *rate > 0.0 { short(1.0 / rate) } else { "∞".to_string() };
            vec![n.to_string(), format!("{rate:.12e}"), format!("{error:.0e}"), time]
        })
        .collect();
    let source = if found.closed { ", in closed form" } else { "" };
    let mut text = format!("\nrates of relaxation{source}\n\n{}", table(&["n", "rate", "error", "time"], &rows));
    if let Some(k) = escape {
        // A top found at round-off of zero is at zero.
        let width = (k.wells[1] - k.wells[0]).abs();
        let saddle = if k.saddle.abs() < 1e-12 * width { 0.0 } else { k.saddle };
        text.push_str(&format!(
            "\nescape from {} and {} over {}: Kramers' rates {} and {}, together {:.4} of the true slowest rate\n",
            short(k.wells[0]),
            short(k.wells[1]),
            short(saddle),
            short(k.rates[0]),
            short(k.rates[1]),
            k.ratio
        ));
    }
    text
}
