//! The command line: the only room that reads and writes files, prints, and decides exit codes.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | good |
//! | 1 | ran, but the answer is flagged (not converged, rows dropped in `check`, `--fail-if`) |
//! | 2 | something the user can mend |
//! | 101 | a bug of ours |
//! | 130 | interrupted |

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
mod fit;
mod forecast;
mod init;
mod input;
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
mod select;
mod simulate;
mod solve;
mod start;
mod table;
mod tune;
mod values;
mod verify;

use crate::base::{Error, Result};
use args::{Cli, Verb};
use clap::{CommandFactory, Parser};
use output::{Output, print};
use serde_json::{Value, json};

/// Whether an answer came without reservations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    Flagged,
}

/// Run the program with the arguments of the process; the exit code comes back.
pub fn run() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refusal) => return refuse_arguments(&refusal),
    };
    let output = Output::new(&cli.common);
    if let Err(error) = prepare(&cli) {
        return fail(&output, &error);
    }
    match dispatch(&cli, &output) {
        Ok(Outcome::Good) => 0,
        Ok(Outcome::Flagged) => 1,
        Err(error) => fail(&output, &error),
    }
}

/// Threads and Ctrl-C. Outputs are renamed into place when whole, so leaving at once loses nothing.
fn prepare(cli: &Cli) -> Result<()> {
    if let Some(threads) = cli.common.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global().map_err(|e| Error::BadOption {
            flag: "--threads".to_string(),
            value: threads.to_string(),
            expected: e.to_string(),
            hint: None,
        })?;
    }
    // A second handler cannot be set in one process (tests); the first one serves.
    let _ = ctrlc::set_handler(|| {
        eprintln!("\ninterrupted: files under their own names are whole; a backtest goes on from here with --resume");
        std::process::exit(130);
    });
    Ok(())
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
        Verb::Man => meta::man(output),
    }
}

/// Usage errors in the same two shapes as all others: words for people, one document for `--json`.
fn refuse_arguments(refusal: &clap::Error) -> u8 {
    if !refusal.use_stderr() {
        // --help and --version are answers.
        return if refusal.print().is_ok() { 0 } else { 1 };
    }
    if refusal.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = refusal.print();
        return 2;
    }
    let (message, hints) = usage(&refusal.render().to_string());
    if std::env::args().any(|a| a == "--json") {
        print(&format!("{:#}\n", error_document("usage", &message, &hints)));
    }
    complain(&message, &hints);
    2
}

/// What clap says, as a message and hints.
fn usage(text: &str) -> (String, Vec<String>) {
    let paragraphs: Vec<&str> = text.split("\n\n").map(str::trim_end).collect();
    let message = paragraphs[0].strip_prefix("error: ").unwrap_or(paragraphs[0]).to_string();
    let tips = paragraphs.iter().flat_map(|p| p.lines()).filter_map(|l| l.trim_start().strip_prefix("tip: "));
    // Passing a mistyped flag on as a value helps nobody here.
    let mut hints: Vec<String> = tips.filter(|t| !t.contains("as a value")).map(str::to_string).collect();
    let verbs: Vec<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_string()).collect();
    match std::env::args().skip(1).find(|a| verbs.contains(a)) {
        Some(verb) => hints.push(format!("kramers {verb} --help shows every flag and what it takes")),
        None => hints.push("kramers --help lists the commands".to_string()),
    }
    (message, hints)
}

fn fail(output: &Output, error: &Error) -> u8 {
    if output.json {
        print(&format!("{:#}\n", error_document(error.code(), &error.to_string(), &error.hints())));
    }
    complain(&error.to_string(), &error.hints());
    if matches!(error, Error::Interrupted) { 130 } else { 2 }
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

fn error_document(code: &str, message: &str, hints: &[String]) -> Value {
    json!({ "schema": "kramers/error@1", "error": { "code": code, "message": message, "hints": hints } })
}
