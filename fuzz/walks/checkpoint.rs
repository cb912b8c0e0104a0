//! Any text as a line of a checkpoint: a block of a backtest, which is written as it was read, or none.

use kramers::cli::untrusted::checkpoint_line;

pub fn walk(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for line in text.lines() {
        let Some(once) = checkpoint_line(line) else { continue };
        let again = checkpoint_line(once.trim_end_matches('\n'));
        assert_eq!(again.as_deref(), Some(once.as_str()));
    }
}
