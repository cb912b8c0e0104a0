//! Every flag, once: help, man page and completions come from here.

use super::number::{assignment, level, number, positive};
use crate::base::{ClockKind, Transform};
use crate::data::{CleanRules, DateOrder};
use crate::fit::Optimizer;
use crate::form::monte_carlo::Scheme;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::num::NonZeroUsize;

/// Stochastic models from a CSV to a forecast: fit, forecast and backtest one process in four forms.
#[derive(Debug, Parser)]
#[command(name = "kramers", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
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
    /// The law of a model at later times; a field's profile, a payoff's value, a potential's levels, a curve's points
    Solve(SolveArgs),
    /// One question to every form of a model: the answers side by side, with error, cost and the cheapest
    Compare(CompareArgs),
    /// Simulate paths of a model to CSV, or their summary
    Simulate(SimulateArgs),
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the man page
    Man,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Common {
    /// Seed of every random number
    #[arg(long, global = true, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Threads to use (results are the same for any number)
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Where to write: a folder, or for `simulate` a CSV file (- is stdout)
    #[arg(short, long, global = true, value_name = "PATH")]
    pub output: Option<String>,
    /// Print exactly one JSON document to stdout, also on failure
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but the answer
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// No progress bar
    #[arg(long, global = true)]
    pub no_progress: bool,
}

/// A data file and how to read it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub struct DataArgs {
    /// CSV file, plain or gzipped; - is standard input
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

/// How to estimate.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Estimation")]
pub struct EstimateArgs {
    /// What is minimised
    #[arg(long, value_enum, default_value = "kl")]
    pub objective: ObjectiveArg,
    /// Transition density: auto, exact, euler, kessler, kessler-truncated, ozaki, local-linear, shoji-ozaki, milstein, expansion,
    /// fokker-planck or schroedinger; for a model seen with errors the filter: kalman, grid or unscented
    #[arg(long, default_value = "auto", value_name = "FORM")]
    pub form: String,
    /// What searches: lbfgs, trust-region, nelder-mead, particle-swarm or adam; Newton steps finish all of them
    #[arg(long, value_parser = optimizer, default_value = "lbfgs", value_name = "NAME")]
    pub optimizer: Optimizer,
    /// First step of adam, in standard deviations that one observation leaves
    #[arg(long, default_value_t = 0.05, value_name = "RATE", value_parser = positive)]
    pub learning_rate: f64,
    /// Observations in a step of adam
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: u32,
    /// Independent starting points (the first from the defaults, the rest spread over eight decades)
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub starts: u32,
    /// Iteration limit of the optimiser
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_iterations: u64,
    /// Hold a parameter at a value
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub fix: Vec<(String, f64)>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ObjectiveArg {
    /// Kullback-Leibler divergence: maximum likelihood
    Kl,
    /// Conditional least squares in two stages
    Mse,
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
pub struct FitArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Model: an id or a model file
    #[arg(short, long, value_name = "MODEL")]
    pub model: String,
    #[command(flatten)]
    pub estimate: EstimateArgs,
    /// Column of places, for a field (default: the name of its axis)
    #[arg(long, value_name = "COL")]
    pub space: Option<String>,
    /// Starting value of a parameter
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub set: Vec<(String, f64)>,
    #[command(flatten)]
    pub uncertainty: UncertaintyArgs,
    /// Make outliers count less: huber (with mse, and for curves) or density-power (with kl)
    #[arg(long, value_enum)]
    pub robust: Option<RobustArg>,
    /// Fit all series of --id together: parameters are shared, but those of --local
    #[arg(long)]
    pub joint: bool,
    /// Parameters that every series has its own of, with --joint
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "joint")]
    pub local: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RobustArg {
    /// Huber's loss, tuned to 95 % efficiency under normal errors
    Huber,
    /// Minimum density power divergence
    DensityPower,
}

/// What is told beside the estimates.
#[derive(Debug, Args)]
#[command(next_help_heading = "Uncertainty")]
pub struct UncertaintyArgs {
    /// Where intervals come from: the observed information; the sandwich, which a wrong model does not spoil; the profile of the
    /// likelihood; or a parametric bootstrap
    #[arg(long, value_enum, default_value = "observed")]
    pub intervals: IntervalsArg,
    /// Series the bootstrap simulates and fits
    #[arg(long, default_value_t = 199, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub replicates: u32,
    /// A function of the parameters to be told with its interval, e.g. "log(2)/kappa"; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub of: Vec<String>,
    /// Test these values of parameters against the fit by the likelihood ratio
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub null: Vec<(String, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IntervalsArg {
    Observed,
    Sandwich,
    Profile,
    Bootstrap,
}

#[derive(Debug, Args)]
pub struct ForecastArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Model: an id or a model file
    #[arg(short, long, value_name = "MODEL")]
    pub model: String,
    /// Rows ahead
    #[arg(long, default_value_t = 20, value_name = "N", allow_negative_numbers = true)]
    pub horizon: usize,
    /// Central intervals in percent
    #[arg(long, default_value = "50,80,95", value_delimiter = ',', value_parser = level, value_name = "LEVELS")]
    pub levels: Vec<f64>,
    /// The form that answers: auto, exact, fokker-planck, master-equation or monte-carlo
    #[arg(long, default_value = "auto", value_name = "FORM")]
    pub answer: String,
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
    /// Models: ids or model files, separated by commas
    #[arg(short, long, value_name = "MODELS", value_delimiter = ',', required = true)]
    pub model: Vec<String>,
    #[command(flatten)]
    pub plan: PlanArgs,
    #[command(flatten)]
    pub estimate: EstimateArgs,
    /// Exit with code 1 where this holds of the first model's pooled scores, e.g. "skill < 0"
    #[arg(long, value_name = "EXPR")]
    pub fail_if: Option<String>,
}

#[derive(Debug, Args)]
pub struct DiscoverArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Highest degree of the drift's terms (default: 5; 3 where all values are positive, and for two states)
    #[arg(long, value_name = "N")]
    pub degree: Option<usize>,
    /// Highest degree of the squared diffusion's terms (default: 4; 3 where all values are positive, 2 for two states)
    #[arg(long, value_name = "N")]
    pub noise_degree: Option<usize>,
    /// Order in the step of the moments that what a finite step adds is corrected with, 1 (none) to 4
    #[arg(long, default_value_t = 3, value_name = "K")]
    pub order: usize,
}

#[derive(Debug, Args)]
pub struct SolveArgs {
    /// Id of a model, or a model file
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// The form that answers: auto, or one of the model's card
    #[arg(long, default_value = "auto", value_name = "FORM")]
    pub form: String,
    /// Start value, e.g. x=1 (default: the model's own)
    #[arg(long, value_name = "STATE=VALUE", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub from: Vec<(String, f64)>,
    /// Times to answer at, of a curve its inputs (default: the model's horizon)
    #[arg(long, value_name = "T1,T2", value_parser = number, value_delimiter = ',', allow_hyphen_values = true)]
    pub at: Vec<f64>,
    /// Largest error of the answer, of a field as a part of its largest value: forms work until their own estimate is below (exit
    /// code 1 where none gets there)
    #[arg(long, value_name = "E", value_parser = positive, allow_hyphen_values = true)]
    pub tol: Option<f64>,
    /// Points at which density and distribution function are wanted (of one state)
    #[arg(long, value_name = "X1,X2", value_parser = number, value_delimiter = ',', allow_hyphen_values = true)]
    pub grid: Vec<f64>,
    /// Cells of a grid form
    #[arg(long, value_name = "N", value_parser = cells)]
    pub cells: Option<usize>,
    /// Step of a field's scheme; longest step of Monte Carlo (default: an eighth of the first time, at most a two-hundredth of the last)
    #[arg(long, value_name = "H", value_parser = positive, allow_hyphen_values = true)]
    pub step: Option<f64>,
    /// Paths of Monte Carlo
    #[arg(long, value_name = "N", value_parser = count)]
    pub paths: Option<usize>,
    /// How it is stepped. A field: tr-bdf2, crank-nicolson, explicit-euler. Paths of a diffusion: as in simulate. Paths of a
    /// value: plain, antithetic, control, sobol, multilevel (which wants --tol)
    #[arg(long, value_name = "NAME")]
    pub scheme: Option<String>,
    /// First passage instead of the law: when the state reaches a level, or the first of two, e.g. x=1 or x=-1,x=1
    #[arg(long, value_name = "STATE=LEVEL", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub passage: Vec<(String, f64)>,
    /// Initial profile of a field in one dimension: a CSV with a column of places and one of values, named as in the model
    #[arg(long, value_name = "FILE")]
    pub profile: Option<String>,
    /// Value of a parameter
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub set: Vec<(String, f64)>,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Id of a model, or a model file
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Start value, e.g. x=1 (default: the model's own)
    #[arg(long, value_name = "STATE=VALUE", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub from: Vec<(String, f64)>,
    /// Times to compare at (default: the model's horizon)
    #[arg(long, value_name = "T1,T2", value_parser = positive, value_delimiter = ',', allow_hyphen_values = true)]
    pub at: Vec<f64>,
    /// Largest error that is good enough; paths are held to half a percent at best
    #[arg(long, default_value = "1e-6", value_name = "E", value_parser = positive, allow_hyphen_values = true)]
    pub tol: f64,
    /// Value of a parameter
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub set: Vec<(String, f64)>,
}

/// Cells a grid may have.
fn cells(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (4..=20_000).contains(n)).ok_or_else(|| "a grid has 4 to 20000 cells".to_string())
}

/// Paths of one answer.
fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=10_000_000).contains(n)).ok_or_else(|| "1 to 10000000 paths".to_string())
}

#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Id of a model, or a model file
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Start value, e.g. x=1
    #[arg(long, value_name = "STATE=VALUE", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub from: Vec<(String, f64)>,
    /// Time from the start to the last row (default: the model's own horizon)
    #[arg(long, value_name = "T", value_parser = positive, allow_hyphen_values = true)]
    pub until: Option<f64>,
    /// Spacing of the output (default: a hundredth of the whole)
    #[arg(long, value_name = "E", value_parser = positive, allow_hyphen_values = true)]
    pub every: Option<f64>,
    /// Longest step of the integrator (default: an eighth of --every, at most a two-hundredth of --until)
    #[arg(long, value_name = "H", value_parser = positive, allow_hyphen_values = true)]
    pub step: Option<f64>,
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub paths: u64,
    /// How paths are made (default: ssa for a network, euler-maruyama for a diffusion): euler-maruyama, milstein, strong-1.5,
    /// weak-2, drift-implicit, exact, alfonsi, quadratic-exponential; ssa, langevin, rate-equations
    #[arg(long, value_name = "SCHEME", value_parser = scheme)]
    pub scheme: Option<SchemeArg>,
    /// Paths in antithetic pairs: the second of each on the mirrored noise of the first
    #[arg(long)]
    pub antithetic: bool,
    /// Mean, sd and quantiles at each time instead of paths; of a diffusion no path is kept, however many there are
    #[arg(long)]
    pub summary: bool,
    /// Value of a parameter
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, value_delimiter = ',', allow_hyphen_values = true)]
    pub set: Vec<(String, f64)>,
    /// Time of the start, for models whose coefficients change with time
    #[arg(long, default_value = "0", value_name = "T", value_parser = number, allow_hyphen_values = true)]
    pub start_time: f64,
}

/// How paths are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemeArg {
    /// Of a diffusion.
    Step(Scheme),
    /// Exact simulation of a network, reaction by reaction.
    Ssa,
    /// The chemical Langevin equation of a network.
    Langevin,
    /// The deterministic rate equations of a network.
    RateEquations,
}

impl SchemeArg {
    pub fn all() -> impl Iterator<Item = SchemeArg> {
        let networks = [SchemeArg::Ssa, SchemeArg::Langevin, SchemeArg::RateEquations];
        Scheme::ALL.into_iter().map(SchemeArg::Step).chain(networks)
    }

    pub fn name(self) -> &'static str {
        match self {
            SchemeArg::Step(scheme) => scheme.name(),
            SchemeArg::Ssa => "ssa",
            SchemeArg::Langevin => "langevin",
            SchemeArg::RateEquations => "rate-equations",
        }
    }
}

fn optimizer(text: &str) -> Result<Optimizer, String> {
    Optimizer::named(text).ok_or_else(|| {
        let names: Vec<&str> = Optimizer::ALL.into_iter().map(Optimizer::name).collect();
        format!("the optimisers are {}", names.join(", "))
    })
}

fn scheme(text: &str) -> Result<SchemeArg, String> {
    SchemeArg::all().find(|s| s.name() == text).ok_or_else(|| {
        let names: Vec<&str> = SchemeArg::all().map(SchemeArg::name).collect();
        format!("the schemes are {}", names.join(", "))
    })
}
