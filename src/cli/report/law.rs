//! The fitted law as curves: drift and diffusion with the uncertainty of the parameters in them, and likelihood profiles.

use crate::base::{Result, Series, Transform};
use crate::discover::{Estimator, KramersMoyal, Steps, Track, kramers_moyal};
use crate::expr::{Id, Pool};
use crate::fit::uncertainty::{Covariance, Method, Profile, covariance, profile};
use crate::fit::{Fit, Objective, Observed, Settings, seen_checks};
use crate::forecast::{FittedModel, ModelForecaster};
use crate::form::Form;
use crate::models::Model;
use crate::process::{Process, Scalar, symbol};
use crate::report::Named;
use crate::report::view::{CoefficientView, ProfileView, SeenView};
use crate::stats::{self, Tally};
use rayon::prelude::*;

/// States at which the curves are drawn.
const STATES: usize = 61;
/// The curves reach from this quantile of the states to the same on the other side: nothing was learnt beyond.
const FRINGE: f64 = 0.005;
/// Transitions a bin should have at least, and most bins.
const PER_BIN: usize = 60;
const MOST_BINS: usize = 12;
/// Where more than this share of a distance is gone within a row, means of increments need a correction for the step whose own error
/// is no longer small beside their bars.
const FAST: f64 = 0.05;
/// Half the width of a 95 % interval, in standard errors.
const POINT: f64 = 1.959964;

/// Most parameters with profiles, and most transitions times parameters times series: a profile is some hundred passes over the data.
const MOST_PROFILED: usize = 6;
const MOST_PASSED: usize = 60_000;

/// A fit of transitions, with what it was made from.
pub(in crate::cli) struct Of<'a> {
    pub model: &'a Model,
    pub transform: Transform,
    pub settings: &'a Settings,
    pub fit: &'a Fit,
}

impl<'a> From<&'a FittedModel> for Of<'a> {
    fn from(fitted: &'a FittedModel) -> Of<'a> {
        let ModelForecaster { model, transform, settings, .. } = &fitted.forecaster;
        Of { model, transform: *transform, settings, fit: &fitted.fit }
    }
}

impl Of<'_> {
    /// The covariance of the estimates by the observed information, where there is one.
    pub fn covariance(&self, series: &Series) -> Option<Covariance> {
        let data = Observed::of(series, self.transform, self.model).ok()?;
        covariance(self.model, &data, self.settings, self.fit, Method::Observed).ok()
    }
}

/// Drift and diffusion of the fitted law over the states that were seen; empty unless it is of one state. `known` is the covariance of the estimates.
///
/// Intervals are by the delta method, `se² = gᵀ C g` with `g` the symbolic gradient in the parameters and `C` the inverse observed
/// information; so they say nothing of a wrong model, which the bins do.
pub(in crate::cli) fn coefficients(
    series: &Series,
    of: &Of,
    known: Option<&Covariance>,
) -> Result<Vec<CoefficientView>> {
    let Some(scalar) = of.model.scalar() else { return Ok(Vec::new()) };
    let state = of.transform.apply(series)?;
    let (low, high) = (stats::quantile(&state.value, FRINGE), stats::quantile(&state.value, 1.0 - FRINGE));
    let x: Vec<f64> = (0..STATES).map(|i| low + (high - low) * i as f64 / (STATES - 1) as f64).collect();
    let now = state.time.last().copied().unwrap_or(0.0);
    let unit = &series.clock.unit;
    let name = match of.transform.name() {
        "none" => series.value_name.clone(),
        transform => format!("{transform} of {}", series.value_name),
    };
    let slope = |c: Id| {
        let at = |x: f64| scalar.pool().eval(c, &at_state(&scalar, of.fit, x, now));
        (at(high) - at(low)) / (high - low)
    };
    let bins = Some(slope(scalar.drift) * series.clock.step).filter(|s| s.abs() < FAST).and_then(|_| bins(&state));
    let drift = |k: &KramersMoyal| k.at.iter().map(|c| seen(c.state, c.d1.value, c.d1.se)).collect();
    // D2 is half the squared diffusion: the root carries the error over.
    let diffusion = |k: &KramersMoyal| {
        let one = |d2: f64, se: f64| ((2.0 * d2).sqrt(), se / (2.0 * d2).sqrt());
        k.at.iter()
            .filter(|c| c.d2.value > 0.0)
            .map(|c| (c.state, one(c.d2.value, c.d2.se)))
            .map(|(x, (b, se))| seen(x, b, se))
            .collect()
    };
    let made = |title: &str, per: String, id: Id, seen: Option<Vec<SeenView>>| {
        let (value, half) = banded(&scalar, id, of.fit, known, &x, now);
        CoefficientView {
            name: title.to_string(),
            unit: per,
            state: name.clone(),
            lower: value.iter().zip(&half).map(|(v, h)| v - h).collect(),
            upper: value.iter().zip(&half).map(|(v, h)| v + h).collect(),
            value,
            x: x.clone(),
            seen: seen.unwrap_or_default(),
        }
    };
    Ok(vec![
        made("drift", format!("per {unit}"), scalar.drift, bins.as_ref().map(drift)),
        made("diffusion", format!("per √{unit}"), scalar.diffusion, bins.as_ref().map(diffusion)),
    ])
}

fn seen(x: f64, value: f64, se: f64) -> SeenView {
    SeenView { x, value, lower: value - POINT * se, upper: value + POINT * se }
}

/// Without a model: means in bins of equal count.
fn bins(state: &Series) -> Option<KramersMoyal> {
    let bins = (state.len() / PER_BIN).min(MOST_BINS);
    let steps = Steps::of(&[Track::of(state)]).ok()?;
    kramers_moyal(&steps, Estimator::Histogram { bins }).ok()
}

/// Values of all symbols at the estimate and one state.
fn at_state(scalar: &Scalar, fit: &Fit, x: f64, now: f64) -> Vec<f64> {
    let mut symbols = scalar.symbols(&fit.theta, now);
    symbols[symbol::STATE] = x;
    symbols
}

/// A coefficient at states, and half the width of its interval; NaN where the parameters have no covariance.
fn banded(scalar: &Scalar, of: Id, fit: &Fit, known: Option<&Covariance>, x: &[f64], now: f64) -> (Vec<f64>, Vec<f64>) {
    let mut pool: Pool = scalar.pool().clone();
    let gradient: Vec<Id> = (0..fit.theta.len()).map(|k| pool.derivative(of, Scalar::FIRST_PARAM + k)).collect();
    let at = |x: f64| {
        let symbols = at_state(scalar, fit, x, now);
        let slopes: Vec<f64> = pool.eval_all(&gradient, &symbols).collect();
        let variance = known.map_or(f64::NAN, |c| {
            let row = |k: usize| c.matrix[k].iter().zip(&slopes).map(|(c, g)| c * g).sum::<f64>();
            slopes.iter().enumerate().map(|(k, g)| g * row(k)).sum()
        });
        (pool.eval(of, &symbols), POINT * variance.max(0.0).sqrt())
    };
    x.iter().copied().map(at).unzip()
}

/// Of counts: how often each came one row ahead, beside its law; else nothing.
pub(super) fn counted(series: &Series, fitted: &FittedModel) -> Result<Vec<Named<Tally>>> {
    let of = Of::from(fitted);
    if of.fit.form != Form::MasterEquation || !matches!(of.model.process, Process::Network(_)) {
        return Ok(Vec::new());
    }
    let data = Observed::of(series, of.transform, of.model)?;
    let checks = seen_checks(of.model, &of.fit.theta, &data.pairs);
    Ok(checks.into_iter().filter_map(|c| Some((c.state, c.tally?))).collect())
}

/// Likelihood profiles of the free parameters, or why there are none. `series` share the work that may be done.
pub(super) fn profiles(series: &Series, fitted: &FittedModel, sharing: usize) -> Result<(Vec<ProfileView>, String)> {
    let (forecaster, fit) = (&fitted.forecaster, &fitted.fit);
    let none = |why: String| Ok((Vec::new(), why));
    if fit.objective != Objective::Kl || fit.log_likelihood.is_none() || !fit.status.can_forecast() {
        return none("There are none: the fit has no likelihood, or found no optimum of it.".to_string());
    }
    let free: Vec<&str> = fit.params.iter().filter(|p| !p.fixed).map(|p| p.name.as_str()).collect();
    let solved = matches!(fit.form, Form::FokkerPlanck | Form::Schroedinger | Form::MasterEquation);
    if solved || free.len() > MOST_PROFILED || fit.transitions * free.len() * sharing > MOST_PASSED {
        return none(format!(
            "They are left out here, where they would take too long: each is some hundred passes over the data. kramers fit -m {} --intervals profile makes them.",
            forecaster.model.id
        ));
    }
    let data = Observed::of(series, forecaster.transform, &forecaster.model)?;
    let found: Vec<Profile> = free
        .par_iter()
        .filter_map(|name| profile(&forecaster.model, &data, &forecaster.settings, fit, name).ok())
        .collect();
    if found.is_empty() {
        return none("There are none: the likelihood could not be followed away from the estimate.".to_string());
    }
    let view = |p: &Profile| profile_view(p, fit, &series.clock.unit);
    Ok((found.iter().map(view).collect(), String::new()))
}

/// A profile as a page shows it.
pub(in crate::cli) fn profile_view(of: &Profile, fit: &Fit, time_unit: &str) -> ProfileView {
    let unit = fit.params.iter().find(|e| e.name == of.name).map_or("", |e| e.unit.as_str());
    ProfileView {
        name: of.name.clone(),
        unit: unit.replace("time", time_unit),
        estimate: of.estimate,
        lower: of.lower.value(),
        upper: of.upper.value(),
        curve: of.curve.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Clock, ClockKind, Purpose, Seed};
    use crate::models::built_in;

    /// An exactly simulated Ornstein-Uhlenbeck path.
    fn path(n: usize) -> Series {
        let mut stream = Seed(21).key(Purpose::Simulation, 0, 0).stream(0);
        let (kappa, theta, sigma, dt): (f64, f64, f64, f64) = (4.0, 3.0, 0.6, 0.01);
        let decay = (-kappa * dt).exp();
        let sd = sigma * ((1.0 - decay * decay) / (2.0 * kappa)).sqrt();
        let mut x = theta;
        let mut next = |_: usize| {
            x = theta + (x - theta) * decay + sd * stream.normal();
            x
        };
        let value = (0..n).map(&mut next).collect();
        let clock = Clock { kind: ClockKind::Plain, unit: "day".into(), step: dt };
        Series {
            id: "path".into(),
            value_name: "x".into(),
            time: (0..n).map(|i| i as f64 * dt).collect(),
            value,
            stamps: None,
            clock,
        }
    }

    fn fitted(series: &Series) -> FittedModel {
        let settings = Settings { starts: 1, ..Settings::default() };
        ModelForecaster::new(built_in("ou").unwrap(), Transform::None, settings).fit_model(series, None).unwrap()
    }

    #[test]
    fn bands_are_those_of_the_delta_method_and_hold_the_truth() {
        let series = path(3000);
        let fitted = fitted(&series);
        let of = Of::from(&fitted);
        let found = coefficients(&series, &of, of.covariance(&series).as_ref()).unwrap();
        let [drift, diffusion] = found.as_slice() else { panic!("two") };
        // sigma alone is the diffusion: its band is the parameter's own.
        let data = Observed::of(&series, Transform::None, &fitted.forecaster.model).unwrap();
        let settings = &fitted.forecaster.settings;
        let known = covariance(&fitted.forecaster.model, &data, settings, &fitted.fit, Method::Observed).unwrap();
        let sigma = fitted.fit.params.iter().position(|p| p.name == "sigma").unwrap();
        let half = 0.5 * (diffusion.upper[0] - diffusion.lower[0]);
        assert!((diffusion.value[0] - fitted.fit.theta[sigma]).abs() < 1e-12);
        assert!((half - POINT * known.se[sigma].unwrap()).abs() < 1e-9 * half, "{half}");
        // At the mean the drift kappa (theta - x) hangs on theta alone: kappa times its standard error.
        let theta = fitted.fit.params.iter().find(|p| p.name == "theta").unwrap();
        let kappa = fitted.fit.params.iter().find(|p| p.name == "kappa").unwrap();
        let i = (0..STATES).min_by(|a, b| drift.value[*a].abs().total_cmp(&drift.value[*b].abs())).unwrap();
        let half = 0.5 * (drift.upper[i] - drift.lower[i]);
        let expected = POINT * kappa.estimate * theta.se.unwrap();
        assert!((half / expected - 1.0).abs() < 0.1, "{half} {expected}");
        // Four standard errors about the truth, at every state.
        for (k, x) in drift.x.iter().enumerate() {
            let reach = 4.0 / POINT * 0.5 * (drift.upper[k] - drift.lower[k]);
            assert!((drift.value[k] - 4.0 * (3.0 - x)).abs() < reach, "{x}");
        }
        let inside = diffusion.seen.iter().filter(|s| (s.lower..=s.upper).contains(&0.6)).count();
        assert!(diffusion.seen.len() == MOST_BINS && inside >= 9, "{inside} of 12, where 9 has chance 0.2 %");
    }

    #[test]
    fn rows_too_far_apart_have_no_bins() {
        let series = path(3000);
        // Every fifth row: a fifth of a distance is gone within each.
        let every: Vec<usize> = (0..series.len()).step_by(5).collect();
        let pick = |of: &[f64]| every.iter().map(|i| of[*i]).collect::<Vec<f64>>();
        let clock = Clock { step: 0.05, ..series.clock.clone() };
        let thin = Series { time: pick(&series.time), value: pick(&series.value), clock, ..series.clone() };
        let fast = coefficients(&thin, &Of::from(&fitted(&thin)), None).unwrap();
        assert!(fast.iter().all(|c| c.seen.is_empty() && c.value.iter().all(|v| v.is_finite())));
    }

    #[test]
    fn profiles_end_at_their_intervals_and_are_left_out_where_they_are_dear() {
        let series = path(2000);
        let fitted = fitted(&series);
        let (found, why) = profiles(&series, &fitted, 1).unwrap();
        assert!(found.len() == 3 && why.is_empty());
        for p in &found {
            let top = p.curve.iter().find(|(value, _)| *value == p.estimate).unwrap();
            assert!(top.1.abs() < 1e-9 && p.lower.unwrap() < p.estimate && p.upper.unwrap() > p.estimate);
        }
        let (none, why) = profiles(&series, &fitted, 1000).unwrap();
        assert!(none.is_empty() && why.contains("--intervals profile"), "{why}");
    }
}
