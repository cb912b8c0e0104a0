//! The readers of what earlier runs left behind, which anybody may have written since: for tests that hand them any bytes.

use super::{checkpoint, forecast, report};

/// Whether bytes are the document of a run from which a forecast can go on, or which a list of reports shows.
///
/// ```
/// assert!(!kramers::cli::untrusted::is_run(b"{}"));
/// ```
pub fn is_run(bytes: &[u8]) -> bool {
    let listed = serde_json::from_slice(bytes).is_ok_and(|document| report::is_listed(&document));
    forecast::is_known(bytes) || listed
}

/// A line of a checkpoint, read and written again; `None` where it is no block of a backtest.
pub fn checkpoint_line(text: &str) -> Option<String> {
    checkpoint::rewritten(text)
}
