//! Whether substance is counted in items: only then is an amount a number of molecules.

use super::document::{Xml, list, text};

/// The unit of a species' amounts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Substance<'a> {
    Items,
    /// Something else, by its name.
    Other(&'a str),
}

/// The unit of this species. Undeclared, Level 3 has none, which is taken for items, and Level 2 the mole (Level 2 Version 4,
/// section 4.4.3).
pub(super) fn of<'a>(level: u32, model: Xml<'a>, species: Option<Xml<'a>>) -> Substance<'a> {
    let declared = species.and_then(|s| text(s, "substanceUnits")).filter(|u| !u.is_empty());
    let declared = declared.or_else(|| text(model, "substanceUnits")).filter(|u| !u.is_empty());
    match (declared, level) {
        (Some(unit), _) => resolve(model, unit),
        (None, 3) => Substance::Items,
        (None, _) => resolve(model, "substance"),
    }
}

/// Whether the unit of extents is that of items, or not said.
pub(super) fn extents_are_items(model: Xml) -> bool {
    text(model, "extentUnits").is_none_or(|unit| resolve(model, unit) == Substance::Items)
}

fn resolve<'a>(model: Xml<'a>, unit: &'a str) -> Substance<'a> {
    let defined = list(model, "listOfUnitDefinitions").into_iter().find(|d| text(*d, "id") == Some(unit));
    let Some(definition) = defined else {
        return match unit {
            "item" | "dimensionless" => Substance::Items,
            "substance" => Substance::Other("mole"),
            other => Substance::Other(other),
        };
    };
    let is = |u: Xml, name: &str, value: f64| text(u, name).is_none_or(|t| t.parse() == Ok(value));
    let plain = |u: &Xml| {
        matches!(text(*u, "kind"), Some("item" | "dimensionless"))
            && is(*u, "exponent", 1.0)
            && is(*u, "scale", 0.0)
            && is(*u, "multiplier", 1.0)
    };
    let units = list(definition, "listOfUnits");
    if units.iter().all(plain) { Substance::Items } else { Substance::Other(unit) }
}
