//! Any bytes as the run.json of an earlier run: a forecast goes on from it, a list of reports shows it, or it is refused.

pub fn walk(bytes: &[u8]) {
    let _ = kramers::cli::untrusted::is_run(bytes);
}
