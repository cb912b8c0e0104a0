//! What a backtest says: tables for people, of each series or of a panel, and the panel's part of the document.

use crate::backtest::{Backtest, ModelScores, Plan, Scores};
use crate::base::{Error, Series};
use crate::cli::leak::Proof;
use crate::cli::table::{short, short_or_dash, table};
use serde_json::{Value, json};

const COLUMNS: [&str; 11] =
    ["model", "CRPS", "log score", "MAE", "RMSE", "50 %", "80 %", "95 %", "skill", "± s.e.", "PIT p"];

/// The scores of one series.
pub(super) fn describe(series: &Series, plan: &Plan, scores: &Scores) -> String {
    let rows: Vec<Vec<String>> = scores.pooled.iter().map(row).collect();
    format!(
        "{}: {} windows on the last {} of {} rows, horizons {:?}\n\n{}\n",
        series.id,
        plan.windows(),
        plan.rows - plan.first_test,
        plan.rows,
        plan.horizons,
        table(&COLUMNS, &rows)
    )
}

fn row(s: &ModelScores) -> Vec<String> {
    let (skill, se) = s.skill.map_or((f64::NAN, f64::NAN), |s| (s.value, s.se));
    let a = &s.all;
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let mut cells = vec![s.model.clone()];
    cells.extend([a.crps, a.log_score, a.mae, a.rmse].map(short));
    cells.extend([a.coverage_50, a.coverage_80, a.coverage_95].map(percent));
    cells.extend([skill, se, s.pit_ks_p].map(short));
    cells
}

/// What destroying later rows showed.
pub(super) fn leak_text(id: &str, proof: &Proof) -> String {
    match &proof.leak {
        None => format!(
            "{id}: no leak: {} forecasts are the same to the last bit after every row behind their cutoff was destroyed\n\n",
            proof.compared
        ),
        Some((model, cutoff, from)) => format!(
            "{id}: LEAK: {model}'s forecast from row {} changed when the rows from {} on were destroyed\n\n",
            cutoff + 1,
            from + 1
        ),
    }
}

/// A sentence a model that could not answer somewhere, and one for fits with reservations.
pub(in crate::cli) fn troubles(series: &Series, result: &Backtest) -> Vec<String> {
    let of = |model: usize, is_answered: bool| {
        let mine = result.troubles.iter().filter(move |t| t.model == model && t.is_answered == is_answered);
        let first = mine.clone().next()?;
        let (name, count, row, rows) = (&result.models[model], mine.count(), first.cutoff + 1, series.len());
        Some(match is_answered {
            false => {
                format!("{name} could not answer in {count} windows, the first at row {row} of {rows}: {}", first.why)
            }
            true => format!(
                "{name}: {count} fits did not end without reservations, the first at row {row} of {rows}: {}; their forecasts are scored",
                first.why
            ),
        })
    };
    (0..result.models.len()).flat_map(|model| [of(model, false), of(model, true)]).flatten().collect()
}

/// What a panel remembers of one series.
pub(super) struct Summary {
    id: String,
    /// Lowest CRPS.
    best: Option<String>,
    /// Model, skill, and whether it is told apart from zero.
    skills: Vec<(String, f64, i8)>,
}

impl Summary {
    pub fn of(id: &str, scores: &Scores) -> Summary {
        let finite = scores.pooled.iter().filter(|s| s.all.crps.is_finite());
        let best = finite.min_by(|a, b| a.all.crps.total_cmp(&b.all.crps)).map(|s| s.model.clone());
        let skill = |s: &ModelScores| s.skill.map(|k| (s.model.clone(), k.value, k.verdict()));
        Summary { id: id.to_string(), best, skills: scores.pooled.iter().filter_map(skill).collect() }
    }

    fn skill(&self, model: &str) -> Option<(f64, i8)> {
        self.skills.iter().find(|s| s.0 == model).map(|s| (s.1, s.2))
    }
}

/// One model over the series of a panel, each on its own scale.
struct Standing {
    model: String,
    /// Series in which its CRPS is the lowest.
    best: usize,
    /// Skills against the random walk, increasing.
    skills: Vec<f64>,
    /// Series in which it is better, or worse, than the random walk at 5 %.
    better: usize,
    worse: usize,
}

impl Standing {
    fn of(model: &str, series: &[Summary]) -> Standing {
        let mut skills: Vec<f64> = series.iter().filter_map(|s| Some(s.skill(model)?.0)).collect();
        skills.sort_by(f64::total_cmp);
        let verdicts = |verdict: i8| series.iter().filter(|s| s.skill(model).is_some_and(|k| k.1 == verdict)).count();
        Standing {
            model: model.to_string(),
            best: series.iter().filter(|s| s.best.as_deref() == Some(model)).count(),
            better: verdicts(1),
            worse: verdicts(-1),
            skills,
        }
    }

    fn median(&self) -> Option<f64> {
        let n = self.skills.len();
        (n > 0).then(|| 0.5 * (self.skills[(n - 1) / 2] + self.skills[n / 2]))
    }
}

/// How many series stand out at each end.
const ENDS: usize = 5;

/// The pooled table of a panel, who is best where, and the series that stand out.
pub(super) fn describe_panel(asked: usize, plans: &[Plan], series: &[Summary], scores: &Scores) -> String {
    let windows: Vec<usize> = plans.iter().map(Plan::windows).collect();
    let (fewest, most) = (windows.iter().min().copied().unwrap_or(0), windows.iter().max().copied().unwrap_or(0));
    let each = if fewest == most { format!("{most}") } else { format!("{fewest} to {most}") };
    let horizons = plans.iter().map(|p| &p.horizons).max_by_key(|h| h.len()).cloned().unwrap_or_default();
    let pooled: Vec<Vec<String>> = scores.pooled.iter().map(row).collect();
    let standings: Vec<Vec<String>> = scores
        .pooled
        .iter()
        .map(|s| Standing::of(&s.model, series))
        .map(|s| {
            let counts = [s.best, s.better, s.worse].map(|n| n.to_string());
            let skills = [s.median(), s.skills.first().copied(), s.skills.last().copied()].map(short_or_dash);
            [s.model].into_iter().chain(counts).chain(skills).collect()
        })
        .collect();
    let mut out = format!(
        "all {} of {asked} series together (in their own units): {each} windows each, horizons {horizons:?}\n\n{}\n",
        series.len(),
        table(&COLUMNS, &pooled)
    );
    let head = ["model", "best in", "better", "worse", "median skill", "lowest", "highest"];
    out.push_str(&format!(
        "series by series: where its CRPS is the lowest, and where it is better or worse than the random walk at 5 %\n\n{}\n",
        table(&head, &standings)
    ));
    if let Some(first) = scores.pooled.first() {
        let mut order: Vec<(&str, f64)> =
            series.iter().filter_map(|s| Some((s.id.as_str(), s.skill(&first.model)?.0))).collect();
        order.sort_by(|a, b| a.1.total_cmp(&b.1));
        if order.len() > 2 * ENDS {
            let told = |part: &[(&str, f64)]| {
                part.iter().map(|(id, skill)| format!("{id} ({})", short(*skill))).collect::<Vec<_>>().join(", ")
            };
            let (low, high) = (told(&order[..ENDS]), told(&order[order.len() - ENDS..]));
            out.push_str(&format!("skill of {}: lowest {low}; highest {high}\n", first.model));
        }
    }
    out
}

/// The `panel` part of the document.
pub(super) fn panel_document(asked: usize, series: &[Summary], scores: &Scores, refused: &[(String, Error)]) -> Value {
    let models: Vec<Value> = scores
        .pooled
        .iter()
        .map(|s| Standing::of(&s.model, series))
        .map(|s| {
            json!({
                "model": s.model, "best": s.best, "series": s.skills.len(), "median_skill": s.median(),
                "better": s.better, "worse": s.worse,
            })
        })
        .collect();
    let refused: Vec<Value> =
        refused.iter().map(|(id, e)| json!({ "series": id, "code": e.code(), "why": e.to_string() })).collect();
    json!({ "series": asked, "scored": series.len(), "failed": refused, "models": models })
}
