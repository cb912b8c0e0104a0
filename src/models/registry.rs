//! The built-in models, one file each under `models/`.

use super::{Model, read};
use crate::base::{Error, Result, suggest::nearest};

include!(concat!(env!("OUT_DIR"), "/models.rs"));

/// Ids of the built-in models, in alphabetical order.
pub fn built_in_ids() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(id, _)| *id)
}

/// The text of a built-in model's file, comments and all; `None` where there is none of this id.
pub fn built_in_text(id: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(name, _)| *name == id).map(|(_, text)| *text)
}

/// A built-in model by id, such as `built_in("ou")`. Cost: the file is read anew, and a claimed law proved, at each call, so keep it.
///
/// # Errors
/// [`Error::UnknownModel`] with the nearest id, or the id whose title was meant.
pub fn built_in(id: &str) -> Result<Model> {
    match built_in_text(id) {
        Some(text) => read(&format!("models/{id}.toml"), text),
        None => Err(Error::UnknownModel {
            id: id.to_string(),
            nearest: nearest(id, built_in_ids()).or_else(|| titled(id)).map(str::to_string),
            available: built_in_ids().map(str::to_string).collect(),
        }),
    }
}

/// The model whose title has all words of a long name, such as `ornstein-uhlenbeck`; of several the one with the shortest title.
fn titled(name: &str) -> Option<&'static str> {
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| !w.is_empty())
            .map(str::to_string)
            .collect()
    };
    let asked = words(name);
    BUILT_IN
        .iter()
        .filter_map(|(id, text)| Some((*id, words(text.lines().find(|l| l.starts_with("title"))?))))
        .filter(|(_, title)| asked.iter().any(|w| w.len() > 3) && asked.iter().all(|w| title.contains(w)))
        .min_by_key(|(_, title)| title.len())
        .map(|(id, _)| id)
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

    #[test]
    fn a_long_name_is_answered_with_the_model_of_that_title() {
        assert_eq!(titled("ornstein-uhlenbeck"), Some("ou"));
        assert_eq!(titled("Vasicek"), Some("ou"));
        assert_eq!(titled("geometric Brownian motion"), Some("gbm"));
        assert_eq!(titled("of"), None);
    }
}
