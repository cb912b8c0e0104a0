//! A formula as a model file, ready to be fitted.

use super::algebra::Monomial;
use super::formula::{Formula, Part, Term};

/// What the file says beside the formula.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub names: &'a [String],
    pub time_unit: &'a str,
    /// Whether every value seen is positive.
    pub is_positive: bool,
}

/// One parameter of the file.
struct Parameter {
    name: String,
    meaning: String,
    unit: String,
    default: f64,
    is_positive: bool,
}

/// The file. Where a squared diffusion is a single term its root is the parameter, else `√(d0 + d1 x + …)`.
pub(super) fn model_text(formula: &Formula, words: &Words) -> String {
    let states = words.names.len();
    let mut parameters = Vec::new();
    let mut dynamics = String::new();
    for (state, name) in words.names.iter().enumerate() {
        let drift = linear(&formula.drift[state], state, words, false, &mut parameters);
        dynamics.push_str(&format!("drift.{name} = \"{drift}\"\n"));
    }
    for (state, name) in words.names.iter().enumerate() {
        let diffusion = diffusion(&formula.noise[state], state, words, &mut parameters);
        dynamics.push_str(&format!("diffusion.{name} = \"{diffusion}\"\n"));
    }
    let mut text = format!(
        "schema = 1\nid     = \"{}\"\ntitle  = \"{}\"\nkind   = \"diffusion\"\nsource = \"found in data by kramers discover\"\ntags   = [\"discovered\"]\n",
        words.id, words.title
    );
    for (state, name) in words.names.iter().enumerate() {
        let lower = if ends_at_zero(formula, state, states, words.is_positive) { "0.0" } else { "-inf" };
        text.push_str(&format!("\n[state.{name}]\nunit   = \"data unit\"\ndomain = [{lower}, inf]\n"));
    }
    for p in &parameters {
        let bounds = if p.is_positive { "[1e-30, 1e30]" } else { "[-1e30, 1e30]" };
        text.push_str(&format!(
            "\n[params.{}]\nmeaning = \"{}\"\nunit    = \"{}\"\ndefault = {:?}\nbounds  = {bounds}\n",
            p.name, p.meaning, p.unit, p.default
        ));
    }
    text.push_str(&format!("\n[dynamics]\n{dynamics}"));
    text
}

/// Whether the state lives above zero: a term needs it, or the noise vanishes there and no value was ever below.
fn ends_at_zero(formula: &Formula, state: usize, states: usize, is_positive: bool) -> bool {
    let parts = [&formula.drift[state], &formula.noise[state]];
    let needs = parts.iter().any(|p| p.terms.iter().any(|t| t.monomial.needs_positive()));
    let vanishes = formula.noise[state].terms.iter().all(|t| t.monomial.halves[0] > 0);
    states == 1 && is_positive && (needs || (vanishes && !formula.noise[state].terms.is_empty()))
}

/// `_x` where there are several states.
fn suffix(state: usize, words: &Words) -> String {
    if words.names.len() == 1 { String::new() } else { format!("_{}", words.names[state]) }
}

fn linear(part: &Part, state: usize, words: &Words, is_noise: bool, parameters: &mut Vec<Parameter>) -> String {
    let letter = if is_noise { "d" } else { "a" };
    let of = if is_noise { "squared diffusion" } else { "drift" };
    let mut sum = String::new();
    for term in &part.terms {
        let name = format!("{letter}{}{}", term.monomial.tag(words.names.len()), suffix(state, words));
        let factor = term.monomial.text(words.names);
        let what = if factor.is_empty() { "constant".to_string() } else { format!("coefficient of {factor}") };
        if !sum.is_empty() {
            sum.push_str(" + ");
        }
        sum.push_str(&name);
        if !factor.is_empty() {
            sum.push_str(&format!("*{factor}"));
        }
        let power = if is_noise { 4 } else { 2 } - term.monomial.degree_in_halves();
        parameters.push(Parameter {
            name,
            meaning: format!("{what} in the {of} of {}", words.names[state]),
            unit: unit(power, words.time_unit, false),
            default: term.value,
            is_positive: false,
        });
    }
    if sum.is_empty() { "0".to_string() } else { sum }
}

fn diffusion(part: &Part, state: usize, words: &Words, parameters: &mut Vec<Parameter>) -> String {
    match part.terms.as_slice() {
        [] => "0".to_string(),
        [Term { monomial, value, .. }] if *value > 0.0 && has_root(*monomial) => {
            let name = format!("sigma{}", suffix(state, words));
            let [h, k] = monomial.halves;
            let factor = match monomial.halves.into_iter().all(|h| h % 4 == 0) {
                true => Monomial { halves: [h / 2, k / 2], log: 0 }.text(words.names),
                false => format!("sqrt({})", monomial.text(words.names)),
            };
            parameters.push(Parameter {
                name: name.clone(),
                meaning: format!("strength of the noise of {}", words.names[state]),
                unit: unit(2 - monomial.degree_in_halves() / 2, words.time_unit, true),
                default: value.sqrt(),
                is_positive: true,
            });
            if factor.is_empty() { name } else { format!("{name}*{factor}") }
        }
        terms => {
            let is_even = |t: &Term| t.monomial.halves.iter().all(|h| h % 4 == 0);
            let is_safe = terms.iter().all(|t| t.value >= 0.0 && (words.is_positive || is_even(t)));
            let sum = linear(part, state, words, true, parameters);
            // Outside the data a sum may be negative, and there is no noise then.
            if is_safe { format!("sqrt({sum})") } else { format!("sqrt(max({sum}, 0))") }
        }
    }
}

/// Whether the root of a single term is written as one factor.
fn has_root(monomial: Monomial) -> bool {
    monomial.log == 0 && monomial.halves.into_iter().all(|h| h % 2 == 0)
}

/// `data unit^(power/2)` over time or its root.
fn unit(halves: i32, time_unit: &str, is_root: bool) -> String {
    let time = if is_root { format!("√{time_unit}") } else { time_unit.to_string() };
    match halves {
        0 => format!("1/{time}"),
        2 => format!("data unit/{time}"),
        h if h % 2 == 0 => format!("data unit^{}/{time}", h / 2),
        h => format!("data unit^({h}/2)/{time}"),
    }
}
