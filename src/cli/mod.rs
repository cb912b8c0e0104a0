//! The command line: the only room that reads and writes files, prints, and decides exit codes.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | good |
//! | 1 | ran, but the answer is flagged (not converged, rows dropped in `check`, `--fail-if`) |
//! | 2 | something the user can mend |
//! | 101 | a bug of ours |
//! | 130 | interrupted: Ctrl-C, SIGTERM or SIGHUP |
//!
//! Others are the system's: 134 where it gave no more memory, 137 after `kill -9`. Files under their own names are whole then too.

mod args;
mod backtest;
mod caveat;
mod check;
mod checkpoint;
mod combine;
mod compare;
mod curve;
mod discover;
mod fan;
mod field;
mod files;
mod fit;
mod forecast;
mod init;
mod input;
mod interrupt;
mod json;
mod leak;
mod meta;
mod models;
mod number;
mod output;
mod panel;
mod paths;
mod record;
mod remarks;
mod report;
mod schema;
mod select;
mod simulate;
mod solve;
mod start;
mod table;
mod tune;
pub mod untrusted;
mod usage;
mod values;
mod verify;

use crate::base::dispatch::Level;
use crate::base::{Error, Result};
use args::{Cli, Verb};
use clap::Parser;
use output::Output;
use serde_json::json;
use std::error::Error as _;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Whether an answer came without reservations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    Flagged,
}

/// Run the program with the arguments of the process; the exit code comes back.
pub fn run() -> u8 {
    run_words(std::env::args_os())
}

/// As [`run`], with these words, the first of which is the program's name. Threads, the signals that interrupt and the width of vectors are the
/// process's: the first run settles them.
pub fn run_words(words: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>) -> u8 {
    output::begin();
    let code = match Cli::try_parse_from(words) {
        // A panic unwinds through all that is on its way: no temporary file stays, and one document is told then too.
        Ok(cli) => catch_unwind(AssertUnwindSafe(|| run_parsed(&cli))).unwrap_or_else(|payload| {
            let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
            let (code, name, message, hint) = panicked(text.unwrap_or("no word of why"));
            tell_failure(cli.common.json, name, &message, &[hint]);
            code
        }),
        Err(refusal) => refuse_arguments(&refusal),
    };
    // What was to be read by somebody was not: that is no success.
    match output::untold() {
        Some(error) if code != 2 => {
            complain(&error.to_string(), &error.hints());
            2
        }
        _ => code,
    }
}

fn run_parsed(cli: &Cli) -> u8 {
    let output = Output::new(&cli.common);
    match prepare(cli).and_then(|()| dispatch(cli, &output)) {
        Ok(outcome) => {
            output::tell(None);
            u8::from(outcome == Outcome::Flagged)
        }
        Err(error) => fail(&output, &error),
    }
}

/// Width of the vectors that loops use, the widest of the processor unless this says another. The bits of results do not depend on it.
const SIMD: &str = "KRAMERS_SIMD";

/// Limits, threads, vectors and signals.
fn prepare(cli: &Cli) -> Result<()> {
    cli.common.limit.iter().try_for_each(|(limit, value)| limit.set(*value))?;
    if let Ok(name) = std::env::var(SIMD) {
        let level = Level::available().find(|level| level.name() == name);
        let levels: Vec<&str> = Level::available().map(Level::name).collect();
        if !level.is_some_and(Level::choose) {
            return Err(Error::BadOption {
                flag: SIMD.to_string(),
                value: name,
                expected: format!("this processor has {}", levels.join(", ")),
                hint: Some(format!("unset {SIMD} takes the widest")),
            });
        }
    }
    threads(cli.common.threads.map(NonZeroUsize::get))?;
    interrupt::watch(cli);
    Ok(())
}

/// Make the threads that all work runs on, now, because later a system that has no more to give would be a panic.
fn threads(asked: Option<usize>) -> Result<()> {
    let refused = |e: &dyn std::error::Error| Error::BadOption {
        flag: "--threads".to_string(),
        value: asked.map_or("of every processor".to_string(), |n| n.to_string()),
        expected: e.to_string(),
        hint: Some("--threads 1 asks least of the system; ulimit -a shows what it allows".to_string()),
    };
    match rayon::ThreadPoolBuilder::new().num_threads(asked.unwrap_or(0)).build_global() {
        Ok(()) => Ok(()),
        // They were made by a run before in the same process.
        Err(e) if e.source().is_none() && asked.is_none_or(|n| n == rayon::current_num_threads()) => Ok(()),
        Err(e) => Err(refused(&e)),
    }
}

fn dispatch(cli: &Cli, output: &Output) -> Result<Outcome> {
    let common = &cli.common;
    match &cli.verb {
        Verb::Report(args) => report::run(args, common, output),
        Verb::Check(args) => check::run(args, common, output),
        Verb::Models(args) => models::run(args, common, output),
        Verb::Init(args) => init::run(args, common, output),
        Verb::Fit(args) => fit::run(args, common, output),
        Verb::Forecast(args) => forecast::run(args, common, output),
        Verb::Backtest(args) => backtest::run(args, common, output),
        Verb::Compare(args) => compare::run(args, common, output),
        Verb::Discover(args) => discover::run(args, common, output),
        Verb::Tune(args) => tune::run(args, common, output),
        Verb::Solve(args) => solve::run(args, common, output),
        Verb::Simulate(args) => simulate::run(args, common, output),
        Verb::Completions { shell } => meta::completions(*shell, output),
        Verb::Man { verb } => meta::man(verb.as_deref(), common, output),
        Verb::Schema { name } => schema::run(name.as_deref(), common, output),
    }
}

/// Usage errors in the same two shapes as all others: words for people, one document for `--json`.
fn refuse_arguments(refusal: &clap::Error) -> u8 {
    if !refusal.use_stderr() {
        // --help and --version are answers.
        if let Err(error) = refusal.print() {
            output::missed(&error);
        }
        return 0;
    }
    if refusal.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = refusal.print();
        return 2;
    }
    let (message, hints) = usage::told(&refusal.render().to_string());
    tell_failure(std::env::args().any(|a| a == "--json"), "usage", &message, &hints);
    2
}

/// Exit code, name, message and hint of a panic. The only one that is no bug of ours is a library's, which has no other way to say that the
/// system gave it no thread.
fn panicked(why: &str) -> (u8, &'static str, String, String) {
    match why.contains("spawn thread") {
        true => {
            let hint = "ulimit -a shows what it allows, of memory (-v) and threads (-u)";
            (2, "no-threads", format!("the system gave no thread: {why}"), hint.to_string())
        }
        false => {
            let hint = "it is not yours to mend: please report it, with the command and its data";
            (101, "bug", format!("a bug of kramers: {why}"), hint.to_string())
        }
    }
}

fn tell_failure(json: bool, code: &str, message: &str, hints: &[String]) {
    if json {
        output::tell(Some(error_document(code, message, hints)));
    }
    complain(message, hints);
}

fn fail(output: &Output, error: &Error) -> u8 {
    tell_failure(output.json, error.code(), &error.to_string(), &error.hints());
    if matches!(error, Error::Interrupted) { interrupt::EXIT } else { 2 }
}

fn complain(message: &str, hints: &[String]) {
    let mut text = format!("error: {message}");
    if !hints.is_empty() {
        text.push('\n');
    }
    for hint in hints {
        text.push_str(&format!("\nhint: {hint}"));
    }
    output::complain(&text);
}

fn error_document(code: &str, message: &str, hints: &[String]) -> String {
    let error = json!({ "schema": "kramers/error@1", "error": { "code": code, "message": message, "hints": hints } });
    json::text(&error).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_bug_of_ours_unless_the_system_gave_no_thread() {
        assert_eq!(panicked("index out of bounds").0, 101);
        // The words of the standard library, and of polars.
        for why in ["failed to spawn thread: Os { code: 11 }", "could not spawn threads: ThreadPoolBuildError"] {
            assert_eq!((panicked(why).0, panicked(why).1), (2, "no-threads"));
        }
    }
}
