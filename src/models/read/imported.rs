//! What files of other programs lack and a model has: names that can be typed, bounds of parameters, an id.

use crate::base::Param;
use std::collections::{HashMap, HashSet};

/// Names in use, so that each thing gets one of its own.
#[derive(Default)]
pub(super) struct Names {
    taken: HashSet<String>,
    /// Numbers behind names that many wished for.
    next: HashMap<String, usize>,
}

impl Names {
    /// `wished` where it can be typed and is free, else with underscores behind it, or a number where many wish for one name.
    pub fn claim(&mut self, wished: &str) -> String {
        // Beside the words of the language: constants and vectors keep their meaning.
        const WORDS: [&str; 8] = ["t", "pi", "if", "and", "or", "not", "e", "inf"];
        let mut name: String = wished.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            name.insert(0, '_');
        }
        for _ in 0..3 {
            if WORDS.contains(&name.as_str()) || self.taken.contains(&name) {
                name.push('_');
            }
        }
        if self.taken.contains(&name) {
            // From where the last of them was found: a file may wish for one name a hundred thousand times.
            let next = self.next.entry(name.clone()).or_insert(2);
            while self.taken.contains(&format!("{name}{next}")) {
                *next += 1;
            }
            name.push_str(&next.to_string());
        }
        self.taken.insert(name.clone());
        name
    }

    /// Whether nothing has this name yet.
    pub fn is_free(&self, name: &str) -> bool {
        !self.taken.contains(name)
    }
}

/// A parameter with bounds that keep its sign where it is none below zero: such files give none.
pub(super) fn param(name: String, meaning: &str, unit: &str, default: f64) -> Param {
    let lower = if default >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    Param { name, meaning: meaning.to_string(), unit: unit.to_string(), default, lower, upper: f64::INFINITY }
}

/// An id from a name or the name of a file.
pub(super) fn id(wished: &str) -> String {
    let stem = wished.rsplit(['/', '\\']).next().unwrap_or(wished);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let mut id: String = stem
        .chars()
        .take(80)
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
        .collect();
    if id.is_empty() {
        id.push_str("network");
    }
    id
}

/// `2 A + B -> C` of the sides of a reaction.
pub(super) fn equation(names: &[String], reactants: &[(usize, u32)], products: &[(usize, u32)]) -> String {
    let mut text = String::new();
    for (side, list) in [reactants, products].into_iter().enumerate() {
        text.push_str(if side == 0 { "" } else { " -> " });
        text.push_str(if list.is_empty() { "0" } else { "" });
        for (i, (species, count)) in list.iter().enumerate() {
            text.push_str(if i == 0 { "" } else { " + " });
            if *count > 1 {
                text.push_str(&format!("{count} "));
            }
            text.push_str(&names[*species]);
        }
    }
    text
}
