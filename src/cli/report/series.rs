//! What the page shows of one series.

use super::through::losses;
use super::{BANDS, Study};
use crate::backtest::ModelScores;
use crate::baseline::RANDOM_WALK;
use crate::cli::args::ReportArgs;
use crate::cli::fit::page::{Seen, section};
use crate::cli::fit::test_lines;
use crate::fit::{Estimate, Objective};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::report::view::{
    Axis, Band, CandidateRow, Fan, HorizonRow, ModelView, ParamRow, Point, RiskRow, ScoreRow, SeriesView,
};
use crate::report::{fixed, num, p_is};

pub(super) fn series_view(study: &Study, args: &ReportArgs, sha256: &str, seed: u64) -> SeriesView {
    let series = study.series;
    let model = &study.model().model;
    let fit = &study.fitted.fit;
    let n = series.len();
    let transform = args.data.transform;
    let on = if transform.is_state() { String::new() } else { format!("{} of ", transform.name()) };
    let mut fit_facts = vec![
        ("status".to_string(), fit.status.to_string()),
        ("transitions".to_string(), fixed(fit.transitions as f64, 0)),
        (
            "minimised".to_string(),
            match fit.objective {
                Objective::Kl => "minus the log-likelihood (kl)".to_string(),
                Objective::Mse => "weighted squared errors of one step (mse)".to_string(),
            },
        ),
        ("form of fitting".to_string(), format!("{} — {}", fit.form.name(), fit.form_choice.why)),
    ];
    if let (Some(l), Some(aic), Some(bic)) = (fit.log_likelihood, fit.aic, fit.bic) {
        fit_facts.push(("log-likelihood".to_string(), fixed(l, 2)));
        fit_facts.push(("AIC, BIC".to_string(), format!("{}, {}", fixed(aic, 1), fixed(bic, 1))));
    }
    fit_facts.extend(test_lines(&study.tests).into_iter().map(|(what, p)| (format!("test: {what}"), p_is(p))));
    let pit = study.chosen_scores();
    let before = |to: usize| (0..=to).map(|i| Point { x: study.x(i), y: series.value[i] }).collect::<Vec<_>>();
    let cutoff = study.plan.first_test - 1;
    let held: Vec<usize> = (1..=study.held_out.len()).map(|h| cutoff + h).collect();
    SeriesView {
        id: series.id.clone(),
        value_name: series.value_name.clone(),
        score_unit: format!("{on}{}", series.value_name),
        time_unit: series.clock.unit.clone(),
        axis: if series.stamps.is_some() { Axis::Dates } else { Axis::Numbers },
        verdict: study.verdict(),
        answers: study.answers(sha256, seed),
        history: before(n - 1),
        test_from: study.x(study.plan.first_test),
        model: card(model, transform.name(), format!("answered by the {} form", study.model().answer.name())),
        params: fit.params.iter().map(|e| row(e, model, &series.clock.unit)).collect(),
        fit_facts,
        held_out: fan(
            before(cutoff),
            held.iter().map(|i| study.x(*i)).collect(),
            &study.held_out,
            held.iter().map(|i| Point { x: study.x(*i), y: series.value[*i] }).collect(),
        ),
        forecast: fan(before(n - 1), ahead_x(study), &study.ahead.2, Vec::new()),
        pit: pit.map(|s| s.pit.clone()).unwrap_or_default(),
        pit_ks_p: pit.map_or(f64::NAN, |s| s.pit_ks_p),
        through: study.through.clone(),
        residuals: study.tests.scores.clone(),
        coefficients: study.coefficients.clone(),
        profiles: study.profiles.0.clone(),
        no_profiles: study.profiles.1.clone(),
        counts: study.counts.clone(),
        conserved: conserved(model, study),
        step: study.plan.step,
        by_horizon: study
            .scores
            .pooled
            .iter()
            .flat_map(|m| {
                m.by_horizon.iter().map(|(h, s)| HorizonRow {
                    model: m.model.clone(),
                    horizon: *h,
                    windows: s.windows,
                    crps: s.crps,
                    mae: s.mae,
                    coverage_80: s.coverage_80,
                })
            })
            .collect(),
        scores: score_rows(study),
        risk: risk_rows(study),
        losses: losses(study),
        candidates: study
            .candidates
            .iter()
            .map(|c| CandidateRow {
                model: c.model.clone(),
                status: c.status.clone(),
                validation_crps: c.validation_crps,
                chosen: c.chosen,
                remark: c.remark.clone(),
            })
            .collect(),
        warnings: study.warnings.clone(),
    }
}

/// What the reactions of a network leave unchanged; nothing of other models.
fn conserved(model: &Model, study: &Study) -> String {
    let columns: Vec<&str> = study.counts.iter().map(|(name, _)| name.as_str()).collect();
    section(model, &study.fitted.fit.theta, &columns, &[], Seen::Counted, "").said
}

fn ahead_x(study: &Study) -> Vec<f64> {
    match &study.ahead.1 {
        Some(stamps) => stamps.iter().map(|s| *s as f64).collect(),
        None => study.ahead.0.clone(),
    }
}

fn fan(before: Vec<Point>, x: Vec<f64>, laws: &[Predictive], truth: Vec<Point>) -> Fan {
    let at = |p: f64| laws.iter().map(|l| l.quantile(p)).collect::<Vec<_>>();
    let bands = BANDS.map(|level| Band { level, lower: at(0.5 - 0.5 * level), upper: at(0.5 + 0.5 * level) });
    Fan { before, x, median: at(0.5), bands: bands.to_vec(), truth }
}

/// The chosen model and the baselines, level by level.
fn risk_rows(study: &Study) -> Vec<RiskRow> {
    let chosen = &study.model().model.id;
    let shown = study.scores.pooled.iter().filter(|m| m.baseline || m.model == *chosen);
    let mut rows: Vec<RiskRow> = shown
        .flat_map(|m| {
            m.risk.iter().map(|r| RiskRow {
                model: m.model.clone(),
                chosen: m.model == *chosen,
                baseline: m.baseline,
                level: r.level,
                hits: r.hits,
                expected: r.level * r.observations as f64,
                kupiec_p: r.kupiec_p,
                christoffersen_p: r.christoffersen_p,
                dynamic_quantile_p: r.dynamic_quantile_p,
                acerbi_szekely_p: r.acerbi_szekely_p,
            })
        })
        .collect();
    rows.sort_by(|a, b| a.level.total_cmp(&b.level).then(b.chosen.cmp(&a.chosen)));
    rows
}

/// Best CRPS first.
fn score_rows(study: &Study) -> Vec<ScoreRow> {
    let windows = study.chosen_scores().map_or(0, |s| s.all.windows);
    let baselines = study.scores.pooled.iter().filter(|m| m.baseline && m.all.windows >= windows);
    let rival = baselines.min_by(|a, b| a.all.crps.total_cmp(&b.all.crps)).map(|m| m.model.clone());
    let against = |m: &ModelScores, baseline: &str| {
        let against = m.against.iter().find(|a| a.baseline == baseline)?;
        against.crps.map(|test| test.p)
    };
    let mut rows: Vec<ScoreRow> = study
        .scores
        .pooled
        .iter()
        .map(|m| ScoreRow {
            model: m.model.clone(),
            chosen: m.model == study.model().model.id,
            baseline: m.baseline,
            windows: m.all.windows,
            crps: m.all.crps,
            log_score: m.all.log_score,
            mae: m.all.mae,
            rmse: m.all.rmse,
            coverage_50: m.all.coverage_50,
            coverage_80: m.all.coverage_80,
            coverage_95: m.all.coverage_95,
            skill: m.skill.map(|s| s.value),
            skill_se: m.skill.map(|s| s.se),
            walk_p: against(m, RANDOM_WALK),
            rival_p: rival.as_deref().and_then(|rival| against(m, rival)),
            best_p: Some(m.confidence_set_p).filter(|_| study.scores.pooled.len() > 1),
        })
        .collect();
    rows.sort_by(|a, b| a.crps.total_cmp(&b.crps));
    rows
}

/// A parameter as pages show it; parameters of series of their own are called after the model's.
pub(in crate::cli) fn row(e: &Estimate, model: &Model, time_unit: &str) -> ParamRow {
    let own = model.params.iter().find(|p| p.name == e.name);
    let unit = if time_unit.is_empty() { e.unit.clone() } else { e.unit.replace("time", time_unit) };
    ParamRow {
        name: e.name.clone(),
        meaning: own.map_or(String::new(), |p| p.meaning.clone()),
        unit,
        estimate: e.estimate,
        se: e.se,
        lower: e.lower,
        upper: e.upper,
        at_bound: e.at_bound,
        held: e.fixed,
    }
}

/// A model as pages show it, with the transform of its data and the form that answered.
pub(in crate::cli) fn card(model: &Model, transform: &str, form: String) -> ModelView {
    ModelView {
        id: model.id.clone(),
        title: model.title.clone(),
        equation: model.equation(),
        mathml: model.mathml_equations(),
        source: model.source.clone(),
        domain: model.scalar().map_or(String::new(), |s| {
            format!("{} from {} to {}", s.state.name, num(s.state.lower), num(s.state.upper))
        }),
        transform: transform.to_string(),
        form,
    }
}
