//! The built-in models, one file each under `models/`.

use super::{Model, read};
use crate::base::{Error, Result, suggest::nearest};

include!(concat!(env!("OUT_DIR"), "/models.rs"));

/// Ids of the built-in models, in alphabetical order.
pub fn built_in_ids() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(id, _)| *id)
}

/// The text of a built-in model's file.
pub fn built_in_text(id: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(name, _)| *name == id).map(|(_, text)| *text)
}

/// A built-in model by id.
///
/// # Errors
/// [`Error::UnknownModel`] with the nearest id.
pub fn built_in(id: &str) -> Result<Model> {
    match built_in_text(id) {
        Some(text) => read(&format!("models/{id}.toml"), text),
        None => Err(Error::UnknownModel {
            id: id.to_string(),
            nearest: nearest(id, built_in_ids()).map(str::to_string),
            available: built_in_ids().map(str::to_string).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_model_reads_and_is_named_as_its_file() {
        for id in built_in_ids() {
            let model = built_in(id).unwrap_or_else(|e| panic!("{id}: {e}"));
            assert_eq!(model.id, id);
            assert!(!model.source.is_empty() && !model.title.is_empty(), "{id} lacks a source or title");
            for p in &model.params {
                assert!(p.lower < p.upper && !p.meaning.is_empty() && !p.unit.is_empty(), "{id}.{}", p.name);
            }
        }
    }

    #[test]
    fn a_mistyped_id_is_answered_with_the_nearest() {
        assert!(matches!(built_in("cirr"), Err(Error::UnknownModel { nearest: Some(n), .. }) if n == "cir"));
    }
}
