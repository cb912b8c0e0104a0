//! Every flag, once: help, man page and completions come from here.

mod ask;
mod law;
mod learn;
mod limits;

pub use ask::{CompareArgs, SchemeArg, SimulateArgs, SolveArgs};
pub use law::LawArgs;
pub use learn::{
    DiscoverArgs, EstimateArgs, FitArgs, IntervalsArg, ObjectiveArg, RobustArg, RowsArg, TuneArgs, UncertaintyArgs,
};

use super::number::{assignment, level, positive};
use crate::backtest::Window;
use crate::base::{ClockKind, Limit, Transform};
use crate::baseline::BASELINES;
use crate::data::{CleanRules, DateOrder};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::num::NonZeroUsize;

const EXIT_CODES: &str = "\
Exit codes:
  0    good
  1    ran, but the answer is flagged: a fit that did not converge, rows dropped in check, --fail-if
  2    something you can mend; the message says what, and what to type
  101  a bug of ours
  130  interrupted by Ctrl-C, SIGTERM or SIGHUP

Files get their names when they are whole, run.json last; a backtest goes on with --resume.";

/// Stochastic models from a CSV to a forecast: fit, forecast and backtest one process in four forms.
#[derive(Debug, Parser)]
#[command(name = "kramers", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The whole job: read, clean, choose a model, fit, backtest on the held-out tail, forecast, and write a report
    Report(ReportArgs),
    /// What is in a file, and what cleaning would do (exit code 1 where rows would be dropped)
    Check(CheckArgs),
    /// List the models, or show one model's card
    Models(ModelsArgs),
    /// Write a commented copy of a model file to edit
    Init(InitArgs),
    /// Estimate a model's parameters, with intervals
    Fit(FitArgs),
    /// Fit a model and give its predictive quantiles ahead
    Forecast(ForecastArgs),
    /// Score models on rolling origins against baselines
    Backtest(BacktestArgs),
    /// Find drift and diffusion in data (two states by --value x,v): estimates, a formula as a model file, checks for jumps and memory
    Discover(DiscoverArgs),
    /// Choose how to fit a model by its forecasts on rows before the test: trials, halved rung by rung
    Tune(TuneArgs),
    /// The law of a model at later times; a field's profile, a payoff's value, a potential's levels, a curve's points
    Solve(SolveArgs),
    /// One question to every form of a model: the answers side by side, with error, cost and the cheapest
    Compare(CompareArgs),
    /// Simulate paths of a model to CSV, or their summary
    Simulate(SimulateArgs),
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the man page, of one command too; with -o FOLDER write the pages of all
    Man {
        #[arg(value_name = "COMMAND")]
        verb: Option<String>,
    },
    /// List the JSON documents that runs write, or print the JSON Schema of one; with -o FOLDER write all
    Schema {
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Common {
    /// Seed of every random number
    #[arg(long, global = true, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Threads to use (results are the same for any number)
    #[arg(long, global = true, value_name = "N", value_parser = limits::threads)]
    pub threads: Option<NonZeroUsize>,
    /// Where to write: a folder, or for `simulate` a CSV file (- is stdout)
    #[arg(short, long, global = true, value_name = "PATH")]
    pub output: Option<String>,
    /// Print exactly one JSON document to stdout, also on failure
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but the answer and what to be warned of
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// No progress bar
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Move a limit of memory or work (--help lists them)
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = limits::limit, value_delimiter = ',', long_help = limits::help())]
    pub limit: Vec<(Limit, u64)>,
}

/// A data file and how to read it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub struct DataArgs {
    /// CSV file, plain or gzipped, or Parquet where the program was built with it; - is standard input
    #[arg(value_name = "DATA")]
    pub input: String,
    /// Time column (inferred when unambiguous); `row` counts rows
    #[arg(long, value_name = "COL")]
    pub time: Option<String>,
    /// Value column (inferred when unambiguous); of a model of several readings one each: COL,COL or NAME=COL,NAME=COL
    #[arg(long, value_name = "COL")]
    pub value: Option<String>,
    /// Column that tells several series apart
    #[arg(long, value_name = "COL")]
    pub id: Option<String>,
    /// Take only this series of the id column
    #[arg(long, value_name = "NAME")]
    pub only: Option<String>,
    /// First time to use (a date such as 1964-07, or a number)
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// First time not to use
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    pub before: Option<String>,
    /// Change of the observed variable
    #[arg(long, default_value = "none", value_name = "NAME")]
    pub transform: Transform,
    /// Cleaning rules, a comma list on top of the defaults
    #[arg(long, default_value = "default", value_name = "RULES", long_help = CleanRules::HELP)]
    pub clean: CleanRules,
    /// How dates become times (business is the default where all dates are weekdays)
    #[arg(long, value_enum)]
    pub clock: Option<ClockArg>,
    /// Spacing of one row, over any clock; fractions such as 1/252 are welcome
    #[arg(long, value_name = "H", value_parser = positive, allow_hyphen_values = true)]
    pub dt: Option<f64>,
    /// How to read dates such as 4/5/2021 (mdy or dmy)
    #[arg(long, value_name = "ORDER")]
    pub dates: Option<DateOrder>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ClockArg {
    /// Elapsed days over 365.25
    Calendar,
    /// One row is 1/252 year
    Business,
}

impl From<ClockArg> for ClockKind {
    fn from(arg: ClockArg) -> ClockKind {
        match arg {
            ClockArg::Calendar => ClockKind::Calendar,
            ClockArg::Business => ClockKind::Business,
        }
    }
}

/// What is held out and how windows roll.
#[derive(Debug, Args)]
#[command(next_help_heading = "Backtest")]
pub struct PlanArgs {
    /// Held-out tail: a share (20%), a number of rows, or the date it begins
    #[arg(long, default_value = "20%", value_name = "SHARE|N|DATE")]
    pub test: String,
    /// Rows ahead to forecast (default: 20, or a fifth of the held-out rows if that is less)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub horizon: Option<usize>,
    /// Rows between cutoffs (default: at most 250 windows)
    #[arg(long, value_name = "K")]
    pub step: Option<usize>,
    /// When to fit again: every (window), never, or every so many windows (default: eight times)
    #[arg(long, value_name = "POLICY")]
    pub refit: Option<String>,
    /// What a fit learns from: expanding (all rows before it), or so many rows before it
    #[arg(long, default_value = "expanding", value_name = "expanding|N", value_parser = window)]
    pub window: Window,
    /// Rows up to and with each cutoff that are not learnt from; the forecast starts from the cutoff all the same
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub embargo: usize,
    /// What to beat, separated by commas: random-walk, climatology, seasonal-naive, ewma, ar, smoothing, garch, garch-t, gjr, gjr-t
    /// (default: those that suit the record; random-walk is always there)
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = baseline)]
    pub baselines: Vec<String>,
}

/// `expanding`, or a number of rows.
fn window(text: &str) -> Result<Window, String> {
    match (text, text.parse()) {
        ("expanding", _) => Ok(Window::Expanding),
        (_, Ok(rows)) => Ok(Window::Sliding(rows)),
        _ => Err("expanding, or a number of rows such as 250".to_string()),
    }
}

/// A baseline by its name.
fn baseline(text: &str) -> Result<String, String> {
    match BASELINES.contains(&text) {
        true => Ok(text.to_string()),
        false => Err(format!("the baselines are {}", BASELINES.join(", "))),
    }
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Models to try: ids or model files, separated by commas (default: all whose domain holds the data)
    #[arg(short, long, value_name = "MODELS", value_delimiter = ',')]
    pub model: Vec<String>,
    #[command(flatten)]
    pub plan: PlanArgs,
    #[command(flatten)]
    pub estimate: EstimateArgs,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Held-out tail that a report or backtest would take: a share (20%), a number of rows, or the date it begins
    #[arg(long, default_value = "20%", value_name = "SHARE|N|DATE")]
    pub test: String,
}

#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// Id of a model, or a model file
    #[arg(value_name = "ID|FILE")]
    pub model: Option<String>,
    /// Hold the model, or the whole registry, to its contract: all forms agree, its own path is fitted back
    #[arg(long)]
    pub verify: bool,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Id of a model, or a model file
    #[arg(value_name = "MODEL")]
    pub model: String,
}

#[derive(Debug, Args)]
pub struct ForecastArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Rows with newer ones at their end, where DATA is the run.json of a fit, forecast or report: its parameters are used as they stand
    #[arg(value_name = "ROWS")]
    pub rows: Option<String>,
    /// Model: an id, a model file or a baseline; several joined by + are combined, such as ou+garch-t
    #[arg(short, long, value_name = "MODEL", required_unless_present = "rows")]
    pub model: Option<String>,
    /// Rows ahead
    #[arg(long, default_value_t = 20, value_name = "N", allow_negative_numbers = true)]
    pub horizon: usize,
    /// Central intervals in percent
    #[arg(long, default_value = "50,80,95", value_delimiter = ',', value_parser = level, value_name = "LEVELS")]
    pub levels: Vec<f64>,
    /// The form that answers: auto, exact, fokker-planck, master-equation or monte-carlo
    #[arg(long, default_value = "auto", value_name = "FORM")]
    pub answer: String,
    /// Chance of an event: "price < 80 by 2027-01-31" (touched at any time), "… within 20 rows" (seen on a row), "… at 20 rows" (on that
    /// row); or "first passage of 80". Any number of them
    #[arg(long, value_name = "EVENT")]
    pub event: Vec<String>,
    /// Forecast as well as if the last value were another, e.g. x=80,x=120
    #[arg(long, value_name = "x=VALUE", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub from: Vec<(String, f64)>,
    /// Write so many whole futures to paths.csv in the folder of -o
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub paths: Option<u32>,
    #[command(flatten)]
    pub law: LawArgs,
    #[command(flatten)]
    pub estimate: EstimateArgs,
    /// Value to use for a parameter, instead of estimating it
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub set: Vec<(String, f64)>,
}

#[derive(Debug, Args)]
pub struct BacktestArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Models: ids or model files, separated by commas; joined by + a combination, of baselines too, beside its members
    #[arg(short, long, value_name = "MODELS", value_delimiter = ',', required = true)]
    pub model: Vec<String>,
    #[command(flatten)]
    pub plan: PlanArgs,
    #[command(flatten)]
    pub law: LawArgs,
    #[command(flatten)]
    pub estimate: EstimateArgs,
    /// Exit with code 1 where this holds of the first model's pooled scores (of all series together), e.g. "skill < 0"
    #[arg(long, value_name = "EXPR")]
    pub fail_if: Option<String>,
    /// Destroy every row after some of the cutoffs, forecast again, and show that no earlier forecast changed by a bit
    #[arg(long)]
    pub prove_no_leak: bool,
    /// Go on with a run into the same -o that was cut off: what it finished is not done again
    #[arg(long)]
    pub resume: bool,
    /// Files of the long table in the folder of -o (parquet where the program was built with it)
    #[arg(long, value_enum, default_value = "csv", value_name = "KINDS", value_delimiter = ',')]
    pub table: Vec<TableArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableArg {
    Csv,
    Parquet,
}
