//! What a report shows, as plain values: the only thing the templates and figures see.
//!
//! `cli/` fills it from a run; the same values go to run.json and the CSVs, so page and files cannot disagree.

use serde::Serialize;

/// A whole report page: one data file, one or many series.
#[derive(Debug, Clone, Serialize)]
pub struct ReportView {
    /// Short name of the data, e.g. "eurusd".
    pub title: String,
    pub version: String,
    /// The command line that made it, without absolute paths.
    pub command: String,
    pub seed: u64,
    /// Label and value: file, sha256, rows read, rows used, columns, clock, transform, test split, …
    pub provenance: Vec<(String, String)>,
    pub findings: Vec<FindingRow>,
    pub series: Vec<SeriesView>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct FindingRow {
    pub rule: String,
    pub count: usize,
    /// What was done about it, in a sentence.
    pub action: String,
}

/// Everything about one series.
#[derive(Debug, Clone, Serialize)]
pub struct SeriesView {
    pub id: String,
    /// Axis title of the values, with unit where known.
    pub value_name: String,
    /// Unit of time, e.g. "year" or "min".
    pub time_unit: String,
    /// Unit of CRPS, MAE and RMSE: the data's own, or the transformed series'; empty where unknown.
    pub score_unit: String,
    pub axis: Axis,
    /// Three sentences: which model, how good against the baselines, what it says of the future.
    pub verdict: Vec<String>,
    /// What a reader asks first, and the answer in a few words: which model, how sure, better than naive, can it be done again.
    pub answers: Vec<(String, String)>,
    pub history: Vec<Point>,
    /// Axis position of the first held-out row.
    pub test_from: f64,
    pub model: ModelView,
    pub params: Vec<ParamRow>,
    /// Label and value: status, log-likelihood, AIC, form, optimiser, …
    pub fit_facts: Vec<(String, String)>,
    /// One backtest window: the forecast made at its cutoff, with what came.
    pub held_out: Fan,
    /// The forecast from the last row on.
    pub forecast: Fan,
    /// Probability integral transforms of the chosen model at horizon 1.
    pub pit: Vec<f64>,
    pub pit_ks_p: f64,
    /// Forecasts of one distance at the cutoffs of the held-out rows.
    pub through: Through,
    /// One-step normal scores of the fit, in the order of the rows; independent and standard normal where the model is right.
    pub residuals: Vec<f64>,
    /// Drift and diffusion of the fitted law; empty where it is not of one state.
    pub coefficients: Vec<CoefficientView>,
    pub profiles: Vec<ProfileView>,
    /// Why there are no profiles; empty where there are.
    pub no_profiles: String,
    /// Rows between two windows of the backtest.
    pub step: usize,
    /// One line a model and horizon.
    pub by_horizon: Vec<HorizonRow>,
    /// Pooled over horizons, best first; the chosen model is marked.
    pub scores: Vec<ScoreRow>,
    /// Of returns: the chosen model's and the baselines' values at risk; else empty.
    pub risk: Vec<RiskRow>,
    /// Returns beside their values at risk; without times where the data are no returns.
    pub losses: LossesView,
    /// The models tried on the validation slice and why one was taken.
    pub candidates: Vec<CandidateRow>,
    pub warnings: Vec<String>,
}

/// What the x positions mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Seconds since 1970-01-01 (`base::series::Stamp` as f64).
    Dates,
    /// The series' own time unit.
    Numbers,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// A predictive distribution through time.
#[derive(Debug, Clone, Serialize)]
pub struct Fan {
    /// Rows just before the cutoff, for context.
    pub before: Vec<Point>,
    pub x: Vec<f64>,
    pub median: Vec<f64>,
    /// Outermost first.
    pub bands: Vec<Band>,
    /// What came, where it is known.
    pub truth: Vec<Point>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Band {
    /// Central probability, e.g. 0.95.
    pub level: f64,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
}

/// Forecasts through time, each made `ahead` rows earlier, and what came.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Through {
    pub ahead: usize,
    /// What is forecast: the value or the transformed series, with its unit.
    pub variable: String,
    pub x: Vec<f64>,
    pub actual: Vec<f64>,
    /// Probabilities of the quantiles, increasing.
    pub levels: Vec<f64>,
    /// `[time][level]`
    pub quantiles: Vec<Vec<f64>>,
}

/// A coefficient of the fitted law over the states that were seen.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CoefficientView {
    /// "drift" or "diffusion".
    pub name: String,
    pub unit: String,
    /// The state with its unit.
    pub state: String,
    pub x: Vec<f64>,
    pub value: Vec<f64>,
    /// Ends of pointwise 95 % intervals; NaN where the fit gives none.
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    /// The same estimated without a model, bin by bin.
    pub seen: Vec<SeenView>,
}

/// One bin's estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SeenView {
    pub x: f64,
    pub value: f64,
    pub lower: f64,
    pub upper: f64,
}

/// The log-likelihood along one parameter, all others chosen anew.
#[derive(Debug, Clone, Serialize)]
pub struct ProfileView {
    pub name: String,
    pub unit: String,
    pub estimate: f64,
    /// Ends of the 95 % interval; None where it is open.
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// Value and drop in log-likelihood below the estimate, by value.
    pub curve: Vec<(f64, f64)>,
}

/// What came and the values it should seldom fall below.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LossesView {
    /// What is measured, with its unit.
    pub variable: String,
    pub x: Vec<f64>,
    pub actual: Vec<f64>,
    /// Probabilities of a value below the limit, increasing.
    pub levels: Vec<f64>,
    /// `[level][time]`
    pub limits: Vec<Vec<f64>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ModelView {
    pub id: String,
    pub title: String,
    /// Text form, e.g. "dx = kappa*(theta - x) dt + sigma dW".
    pub equation: String,
    /// The same as MathML, a line an element; escaped where it was made.
    pub mathml: Vec<String>,
    pub source: String,
    pub domain: String,
    pub transform: String,
    /// The form that answered, and why.
    pub form: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct ParamRow {
    pub name: String,
    pub meaning: String,
    pub unit: String,
    pub estimate: f64,
    /// None where the information matrix gives none (at a bound, flat).
    pub se: Option<f64>,
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    pub at_bound: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct HorizonRow {
    pub model: String,
    /// Rows ahead.
    pub horizon: usize,
    pub windows: usize,
    pub crps: f64,
    pub mae: f64,
    /// Coverage of the central 80 % interval.
    pub coverage_80: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct ScoreRow {
    pub model: String,
    pub chosen: bool,
    pub baseline: bool,
    pub windows: usize,
    pub crps: f64,
    pub log_score: f64,
    pub mae: f64,
    pub rmse: f64,
    pub coverage_50: f64,
    pub coverage_80: f64,
    pub coverage_95: f64,
    /// 1 - CRPS / CRPS of the random walk, with its standard error; None for the random walk itself.
    pub skill: Option<f64>,
    pub skill_se: Option<f64>,
    /// p-values of the Diebold-Mariano tests that its CRPS is that of the random walk, and that of the baseline with the lowest CRPS.
    pub walk_p: Option<f64>,
    pub rival_p: Option<f64>,
    /// p-value of the model confidence set: above 0.1 it may be the best.
    pub best_p: Option<f64>,
}

/// How one model's value at risk did at one level.
#[derive(Debug, Clone, Serialize)]
pub struct RiskRow {
    pub model: String,
    pub chosen: bool,
    pub baseline: bool,
    /// Probability of a return below the value at risk.
    pub level: f64,
    /// Rows that fell below it, and how many should have.
    pub hits: usize,
    pub expected: f64,
    pub kupiec_p: Option<f64>,
    pub christoffersen_p: Option<f64>,
    pub dynamic_quantile_p: Option<f64>,
    pub acerbi_szekely_p: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct CandidateRow {
    pub model: String,
    pub status: String,
    /// Mean CRPS on the validation slice; None where it could not be tried.
    pub validation_crps: Option<f64>,
    pub chosen: bool,
    /// Why it was taken, passed over or not tried.
    pub remark: String,
}
