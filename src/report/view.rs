//! What a report shows, as plain values: the only thing the templates and figures see.
//!
//! `cli/` fills it from a run; the same values go to run.json and the CSVs, so page and files cannot disagree.

use super::Named;
use crate::stats::Tally;
use serde::Serialize;

/// A whole report page: one data file, one or many series.
#[derive(Debug, Clone, Serialize)]
pub struct ReportView {
    /// Short name of the data, e.g. "eurusd".
    pub title: String,
    /// Version of the program that made the page.
    pub version: String,
    /// The command line that made it, without absolute paths.
    pub command: String,
    /// Seed of every random number in it, as `--seed` takes it.
    pub seed: u64,
    /// Label and value: file, sha256, rows read, rows used, columns, clock, transform, test split, …
    pub provenance: Vec<(String, String)>,
    /// What cleaning found in the data, by rule.
    pub findings: Vec<FindingRow>,
    /// One a series, in the order of the file.
    pub series: Vec<SeriesView>,
    /// Remarks on how all of it was done, in a sentence each.
    pub notes: Vec<String>,
}

/// One row of the table of what cleaning found.
#[derive(Debug, Clone, Serialize)]
pub struct FindingRow {
    /// Kebab-case name, that of a [`Finding`](crate::base::Finding).
    pub rule: String,
    /// How often it was found.
    pub count: usize,
    /// What was done about it, in a sentence.
    pub action: String,
}

/// Everything that a page tells about one series.
#[derive(Debug, Clone, Serialize)]
pub struct SeriesView {
    /// Id of the series.
    pub id: String,
    /// Axis title of the values, with unit where known.
    pub value_name: String,
    /// Unit of time, e.g. "year" or "min".
    pub time_unit: String,
    /// Unit of CRPS, MAE and RMSE: the data's own, or the transformed series'; empty where unknown.
    pub score_unit: String,
    /// What the x positions of all its figures are.
    pub axis: Axis,
    /// Three sentences: which model, how good against the baselines, what it says of the future.
    pub verdict: Vec<String>,
    /// What a reader asks first, and the answer in a few words: which model, how sure, better than naive, can it be done again.
    pub answers: Vec<(String, String)>,
    /// All rows, in data units.
    pub history: Vec<Point>,
    /// Axis position of the first held-out row.
    pub test_from: f64,
    /// The model that was chosen.
    pub model: ModelView,
    /// Its parameters, fitted to all rows, in the order of the model file.
    pub params: Vec<ParamRow>,
    /// Label and value: status, log-likelihood, AIC, form, optimiser, …
    pub fit_facts: Vec<(String, String)>,
    /// One backtest window: the forecast made at its cutoff, with what came.
    pub held_out: Fan,
    /// The forecast from the last row on.
    pub forecast: Fan,
    /// Probability integral transforms of the chosen model at horizon 1.
    pub pit: Vec<f64>,
    /// p-value of the Kolmogorov-Smirnov test that `pit` is uniform; NaN where there is none.
    pub pit_ks_p: f64,
    /// Forecasts of one distance at the cutoffs of the held-out rows.
    pub through: Through,
    /// One-step normal scores of the fit, in the order of the rows; independent and standard normal where the model is right.
    pub residuals: Vec<f64>,
    /// Drift and diffusion of the fitted law; empty where it is not of one state.
    pub coefficients: Vec<CoefficientView>,
    /// One a parameter, where there are few parameters and not too many rows.
    pub profiles: Vec<ProfileView>,
    /// Why there are no profiles; empty where there are.
    pub no_profiles: String,
    /// Of counts: how often each came one row ahead, beside its law, by the species; else empty.
    pub counts: Vec<Named<Tally>>,
    /// What the reactions of a network leave unchanged; empty of other models.
    pub conserved: String,
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
    /// What should keep a reader from believing it, in a sentence each.
    pub warnings: Vec<String>,
}

/// What the positions along the time axis of a series mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Seconds since 1970-01-01 (`base::series::Stamp` as f64).
    Dates,
    /// The series' own time unit.
    Numbers,
}

/// A point of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Position along the time axis, as [`SeriesView::axis`] says.
    pub x: f64,
    /// Value, in data units.
    pub y: f64,
}

/// Forecasts from one cutoff through time, with what went before and came after.
#[derive(Debug, Clone, Serialize)]
pub struct Fan {
    /// Rows just before the cutoff, for context.
    pub before: Vec<Point>,
    /// `[time]`: positions along the time axis.
    pub x: Vec<f64>,
    /// `[time]`: medians.
    pub median: Vec<f64>,
    /// Central intervals around the median, outermost first: 95, 80 and 50 %.
    pub bands: Vec<Band>,
    /// What came, where it is known.
    pub truth: Vec<Point>,
}

/// One central interval through time.
#[derive(Debug, Clone, Serialize)]
pub struct Band {
    /// Central probability, e.g. 0.95.
    pub level: f64,
    /// `[time]`: quantiles of `(1 - level)/2`.
    pub lower: Vec<f64>,
    /// `[time]`: quantiles of `(1 + level)/2`.
    pub upper: Vec<f64>,
}

/// Forecasts through time, each made `ahead` rows earlier, and what came.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Through {
    /// Rows ahead that each forecast looked.
    pub ahead: usize,
    /// What is forecast: the value or the transformed series, with its unit.
    pub variable: String,
    /// `[time]`: positions of the rows forecast.
    pub x: Vec<f64>,
    /// `[time]`: what came.
    pub actual: Vec<f64>,
    /// Probabilities of the quantiles, increasing.
    pub levels: Vec<f64>,
    /// `[time][level]`: the quantiles forecast, in the unit of `variable`.
    pub quantiles: Vec<Vec<f64>>,
}

/// Drift or diffusion of the fitted law over the states that were seen, with what bins say without a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CoefficientView {
    /// "drift" or "diffusion".
    pub name: String,
    /// Unit of the coefficient: "per year" of a drift, "per √year" of a diffusion, in the unit of the state.
    pub unit: String,
    /// The state with its unit.
    pub state: String,
    /// Increasing, evenly spaced over the states that were seen.
    pub x: Vec<f64>,
    /// `[x]`: the coefficient at the estimate.
    pub value: Vec<f64>,
    /// `[x]`: lower ends of the pointwise 95 % intervals; NaN where the fit gives none.
    pub lower: Vec<f64>,
    /// `[x]`: upper ends, likewise.
    pub upper: Vec<f64>,
    /// The same estimated without a model, bin by bin.
    pub seen: Vec<SeenView>,
}

/// One bin's estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SeenView {
    /// Mean state of the bin.
    pub x: f64,
    /// The coefficient there.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub lower: f64,
    /// Upper end of its 95 % interval.
    pub upper: f64,
}

/// The log-likelihood along one parameter, all others chosen anew.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfileView {
    /// Name of the parameter.
    pub name: String,
    /// Unit of the parameter, in the series' own unit of time.
    pub unit: String,
    /// Where the log-likelihood is highest, in natural units.
    pub estimate: f64,
    /// Lower end of the 95 % interval; `None` where it is open.
    pub lower: Option<f64>,
    /// Upper end of the 95 % interval, likewise.
    pub upper: Option<f64>,
    /// Value and drop in log-likelihood below the estimate, by value.
    pub curve: Vec<(f64, f64)>,
}

/// Returns that came and the values at risk, one row ahead, that they should seldom fall below.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LossesView {
    /// What is measured, with its unit.
    pub variable: String,
    /// `[time]`: positions of the rows, along the time axis.
    pub x: Vec<f64>,
    /// `[time]`: what came.
    pub actual: Vec<f64>,
    /// Probabilities of a value below the limit, increasing.
    pub levels: Vec<f64>,
    /// `[level][time]`: the quantiles forecast, in the unit of `variable`.
    pub limits: Vec<Vec<f64>>,
}

/// The chosen model, as its file and the run tell it.
#[derive(Debug, Clone, Serialize)]
pub struct ModelView {
    /// The word that -m takes.
    pub id: String,
    /// Name in words.
    pub title: String,
    /// Text form, e.g. "dx = kappa*(theta - x) dt + sigma dW".
    pub equation: String,
    /// The same as MathML, a line an element; escaped where it was made.
    pub mathml: Vec<String>,
    /// Author, year and equation; empty where the file does not say.
    pub source: String,
    /// The interval its state lives on, in words; empty where it has several states.
    pub domain: String,
    /// Name of the transform that makes the state of the data, as `--transform` takes it.
    pub transform: String,
    /// The form that answered, and why.
    pub form: String,
}

/// One parameter of the chosen model.
#[derive(Debug, Clone, Serialize)]
pub struct ParamRow {
    /// The symbol that `--set` takes.
    pub name: String,
    /// What it stands for, in words.
    pub meaning: String,
    /// Unit, in the series' own unit of time; "1" for a number without unit.
    pub unit: String,
    /// Where the objective is best, in natural units.
    pub estimate: f64,
    /// None where the information matrix gives none (at a bound, flat).
    pub se: Option<f64>,
    /// Lower end of the 95 % interval; `None` where the fit gives none.
    pub lower: Option<f64>,
    /// Upper end of the 95 % interval; `None` where the fit gives none.
    pub upper: Option<f64>,
    /// Whether it stands on one of its bounds, so that its error is not that of a free parameter.
    pub at_bound: bool,
    /// Not estimated.
    pub held: bool,
}

/// Scores of one model at one horizon.
#[derive(Debug, Clone, Serialize)]
pub struct HorizonRow {
    /// Id of the model or baseline.
    pub model: String,
    /// Rows ahead.
    pub horizon: usize,
    /// Forecasts scored.
    pub windows: usize,
    /// Mean continuous ranked probability score, in [`SeriesView::score_unit`].
    pub crps: f64,
    /// Mean absolute error of the median, in [`SeriesView::score_unit`].
    pub mae: f64,
    /// Coverage of the central 80 % interval.
    pub coverage_80: f64,
}

/// Scores of one model over all horizons; lower is better but for coverage, which should be its level.
#[derive(Debug, Clone, Serialize)]
pub struct ScoreRow {
    /// Id of the model or baseline.
    pub model: String,
    /// Whether it is the model that was chosen.
    pub chosen: bool,
    /// Whether it is one of what must be beaten.
    pub baseline: bool,
    /// Forecasts scored, over all horizons.
    pub windows: usize,
    /// Mean continuous ranked probability score, in [`SeriesView::score_unit`].
    pub crps: f64,
    /// Mean negative log density; infinite where something happened that the model gave no chance, NaN without densities.
    pub log_score: f64,
    /// Mean absolute error of the median, in [`SeriesView::score_unit`].
    pub mae: f64,
    /// Root-mean-square error of the mean, of the median where a law has no mean, in [`SeriesView::score_unit`].
    pub rmse: f64,
    /// Share of what came that lay in the central 50 % interval.
    pub coverage_50: f64,
    /// Share of what came that lay in the central 80 % interval.
    pub coverage_80: f64,
    /// Share of what came that lay in the central 95 % interval.
    pub coverage_95: f64,
    /// 1 - CRPS / CRPS of the random walk, above zero where it is better; `None` for the random walk itself and where none was run.
    pub skill: Option<f64>,
    /// Standard error of `skill`, which allows for overlapping windows.
    pub skill_se: Option<f64>,
    /// p-value of the Diebold-Mariano test that its CRPS is that of the random walk; `None` for the walk itself.
    pub walk_p: Option<f64>,
    /// p-value of the same test against the baseline with the lowest CRPS; `None` for that one.
    pub rival_p: Option<f64>,
    /// p-value of the model confidence set: above 0.1 it may be the best.
    pub best_p: Option<f64>,
}

/// How one model's value at risk did at one level.
#[derive(Debug, Clone, Serialize)]
pub struct RiskRow {
    /// Id of the model or baseline.
    pub model: String,
    /// Whether it is the model that was chosen.
    pub chosen: bool,
    /// Whether it is one of what must be beaten.
    pub baseline: bool,
    /// Probability of a return below the value at risk.
    pub level: f64,
    /// Rows that fell below it.
    pub hits: usize,
    /// How many should have: `level` times the rows judged.
    pub expected: f64,
    /// p-value that hits are as many as the level says (Kupiec 1995); `None` where the record cannot tell, here and below.
    pub kupiec_p: Option<f64>,
    /// p-value that they are as many and independent (Christoffersen 1998).
    pub christoffersen_p: Option<f64>,
    /// p-value that neither past hits nor the quantile foretell them (Engle & Manganelli 2004).
    pub dynamic_quantile_p: Option<f64>,
    /// One-sided p-value against losses larger than the expected shortfall says (Acerbi & Szekely 2014).
    pub acerbi_szekely_p: Option<f64>,
}

/// One model that was tried on the validation slice.
#[derive(Debug, Clone, Serialize)]
pub struct CandidateRow {
    /// Id of the model.
    pub model: String,
    /// How its fit before the validation slice ended, in words.
    pub status: String,
    /// Mean CRPS on the validation slice; None where it could not be tried.
    pub validation_crps: Option<f64>,
    /// Whether it was taken.
    pub chosen: bool,
    /// Why it was taken, passed over or not tried.
    pub remark: String,
}
