//! What cleaning found and did: one row a rule, never silent.

use serde::Serialize;

/// One kind of irregularity in the data, how often, and what was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Stable kebab-case name, e.g. "missing", "duplicate-time", "split-like".
    pub rule: String,
    /// How often it was found: rows for most rules, jumps for `split-like`, series for `too-few-rows` and `constant-series`.
    pub count: usize,
    /// What was done, in a sentence, with the first place (line or date) it happened.
    pub action: String,
    /// Rows that were left out because of it.
    pub dropped: usize,
}
