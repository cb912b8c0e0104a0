//! The document of a backtest, its rows of scores made one by one as it is written: of thousands of series they are most of it, and as values they
//! would need twenty times the room of the numbers in them.

use crate::backtest::Scores;
use crate::cli::values;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

pub(super) struct Document<'a> {
    /// All of it; what stands under `scores` is put in place of its value.
    pub frame: &'a Value,
    /// By the names of their series, the pooled ones first.
    pub scores: &'a [(String, Scores)],
}

struct Rows<'a>(&'a [(String, Scores)]);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.frame.as_object().into_iter().flatten() {
            match key.as_str() {
                "scores" => map.serialize_entry(key, &Rows(self.scores))?,
                _ => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().flat_map(|(series, scores)| values::scores(series, scores)))
    }
}
