//! Flags of the verbs that learn from data: fit, discover, tune; and of estimation everywhere.

use super::DataArgs;
use super::ask::cells;
use crate::cli::number::{assignment, positive};
use crate::fit::Optimizer;
use clap::{Args, ValueEnum};

/// How to estimate.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Estimation")]
pub struct EstimateArgs {
    /// What is minimised
    #[arg(long, value_enum, default_value = "kl")]
    pub objective: ObjectiveArg,
    /// Transition density: auto, exact, euler, kessler, kessler-truncated, ozaki, local-linear, shoji-ozaki, milstein, expansion,
    /// fokker-planck or schroedinger; of counts master-equation; for a model seen with errors the filter: kalman, grid or unscented
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
    /// What the rows are: steps of one path; replicates at given times, each of another path; mean curves; or, of a network, the state
    /// after every single reaction
    #[arg(long = "as", value_enum, default_value = "transitions")]
    pub rows: RowsArg,
    /// Where snapshots or trajectories began: STATE=VALUE,…, stationary, or first (the first snapshot, or row) (default: as the file says)
    #[arg(long, value_name = "START", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Compare snapshots on this many bins of equal counts instead of value by value
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub bins: Option<u32>,
    /// Column that says how much each row counts: of steps the row they begin at, of mean curves the value of that row. It must not be made
    /// from what followed
    #[arg(long, value_name = "COL")]
    pub weight: Option<String>,
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
pub enum RowsArg {
    Transitions,
    Snapshots,
    Trajectories,
    Reactions,
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
pub struct TuneArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Model: an id or a model file
    #[arg(short, long, value_name = "MODEL")]
    pub model: String,
    /// What to search over, separated by commas: optimizer, learning-rate, batch-size, form, cells, transform, objective, starts
    /// (default: all whose own flag is not given; a flag given holds its value)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub over: Vec<String>,
    /// Settings to try, the first those of the flags
    #[arg(long, default_value_t = 27, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub trials: u32,
    /// Most rungs: each keeps a third of the trials for three times the windows and iterations (1: plain random search)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rungs: Option<u32>,
    /// Share of the rows before the test that validates
    #[arg(long, default_value = "20%", value_name = "SHARE", value_parser = share)]
    pub validation: f64,
    /// Held-out tail, never looked at: a share (20%), a number of rows, or the date it begins
    #[arg(long, default_value = "20%", value_name = "SHARE|N|DATE")]
    pub test: String,
    /// Rows ahead to forecast (default: 20, or a fifth of the rows that validate if that is less)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub horizon: Option<usize>,
    /// Cells of the grid that answers, where the model has no closed law
    #[arg(long, value_name = "N", value_parser = cells)]
    pub cells: Option<usize>,
    #[command(flatten)]
    pub estimate: EstimateArgs,
}

/// A share, `20%` or `0.2`.
fn share(text: &str) -> Result<f64, String> {
    match text.strip_suffix('%') {
        Some(percent) => Ok(positive(percent)? / 100.0),
        None => positive(text),
    }
}

fn optimizer(text: &str) -> Result<Optimizer, String> {
    Optimizer::named(text).ok_or_else(|| {
        let names: Vec<&str> = Optimizer::ALL.into_iter().map(Optimizer::name).collect();
        format!("the optimisers are {}", names.join(", "))
    })
}
