//! Flags of the verbs that ask a model: solve, compare, simulate.

use crate::cli::number::{assignment, number, positive};
use crate::form::monte_carlo::Scheme;
use crate::form::monte_carlo::ssa::Method;
use clap::Args;

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
pub(super) fn cells(text: &str) -> Result<usize, String> {
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
    /// weak-2, drift-implicit, exact, alfonsi, quadratic-exponential; of networks ssa (exact, by the method that suits it), direct, rssa,
    /// rssacr, tau-leaping, hybrid, langevin, rate-equations
    #[arg(long, value_name = "SCHEME", value_parser = scheme)]
    pub scheme: Option<SchemeArg>,
    /// By what share propensities may change in a leap of tau-leaping or hybrid
    #[arg(long, default_value = "0.03", value_name = "SHARE", value_parser = positive, allow_hyphen_values = true)]
    pub epsilon: f64,
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
    /// Simulation of a network, reaction by reaction or in leaps.
    Counts(Method),
    /// The chemical Langevin equation of a network.
    Langevin,
    /// The deterministic rate equations of a network.
    RateEquations,
}

impl SchemeArg {
    pub fn all() -> impl Iterator<Item = SchemeArg> {
        let counts = Method::ALL.into_iter().map(SchemeArg::Counts);
        let others = [SchemeArg::Langevin, SchemeArg::RateEquations];
        Scheme::ALL.into_iter().map(SchemeArg::Step).chain(counts).chain(others)
    }

    pub fn name(self) -> &'static str {
        match self {
            SchemeArg::Step(scheme) => scheme.name(),
            // Exact, by the method that suits the network.
            SchemeArg::Counts(Method::Auto) => "ssa",
            SchemeArg::Counts(method) => method.name(),
            SchemeArg::Langevin => "langevin",
            SchemeArg::RateEquations => "rate-equations",
        }
    }
}

fn scheme(text: &str) -> Result<SchemeArg, String> {
    SchemeArg::all().find(|s| s.name() == text).ok_or_else(|| {
        let names: Vec<&str> = SchemeArg::all().map(SchemeArg::name).collect();
        format!("the schemes are {}", names.join(", "))
    })
}
