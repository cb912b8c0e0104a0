//! Intervals by the way asked for, functions of the parameters, the bias of the speed, a test of restrictions.

use crate::base::Result;
use crate::cli::args::{IntervalsArg, UncertaintyArgs};
use crate::cli::table::{short, short_or_dash, table};
use crate::cli::values::finite;
use crate::fit::diagnostics::likelihood_ratio;
use crate::fit::uncertainty::{
    Bootstrap, Covariance, Derived, Method, Profile, Speed, bootstrap, covariance, derived, profile, speed,
    standard_quantities,
};
use crate::fit::{Fit, FormRequest, Objective, Observed, Settings, fit as fit_model};
use crate::models::Model;
use serde_json::{Map, Value, json};

/// What is told beside the estimates: text for people and its part of the document.
#[derive(Default)]
pub(super) struct Told {
    pub text: String,
    pub body: Map<String, Value>,
    /// Of the estimates, where there is a likelihood.
    pub covariance: Option<Covariance>,
    /// Where they were asked for.
    pub profiles: Vec<Profile>,
}

/// Put the intervals asked for into the fit, and tell the rest.
pub(super) fn tell(
    model: &Model,
    data: &Observed,
    settings: &Settings,
    fit: &mut Fit,
    args: &UncertaintyArgs,
) -> Result<Told> {
    let mut told = Told::default();
    told.body.insert("intervals".into(), json!(name(args.intervals)));
    if !fit.status.can_forecast() {
        return Ok(told);
    }
    let mut with = With::default();
    match args.intervals {
        IntervalsArg::Observed => {}
        IntervalsArg::Sandwich => {
            let found = covariance(model, data, settings, fit, Method::Sandwich)?;
            for (k, p) in fit.params.iter_mut().enumerate() {
                p.se = found.se[k];
                (p.lower, p.upper) = (found.interval[k].map(|i| i.0), found.interval[k].map(|i| i.1));
            }
            with.covariance = Some(found);
        }
        IntervalsArg::Profile => {
            let free: Vec<String> = fit.params.iter().filter(|p| !p.fixed).map(|p| p.name.clone()).collect();
            for name in &free {
                with.profiles.push(profile(model, data, settings, fit, name)?);
            }
            for found in &with.profiles {
                let Some(p) = fit.params.iter_mut().find(|p| p.name == found.name) else { continue };
                (p.lower, p.upper) = (found.lower.value(), found.upper.value());
            }
            let findings: Vec<String> = with.profiles.iter().filter_map(Profile::finding).collect();
            fit.warnings.extend(findings);
            let curves = with.profiles.iter().map(|p| (p.name.clone(), json!(p.curve)));
            told.body.insert("profiles".into(), Value::Object(curves.collect()));
        }
        IntervalsArg::Bootstrap => {
            let found = bootstrap(model, data, settings, fit, args.replicates as usize)?;
            told.text.push_str(&bootstrapped(&found));
            told.body.insert(
                "bootstrap".into(),
                json!({
                    "replicates": found.replicates, "failures": found.failures, "at_bound": found.at_bound,
                    "params": found.params.iter().map(|p| (p.name.clone(), json!({
                        "bias": p.bias, "corrected": p.corrected, "se": p.se,
                        "percentile": p.percentile, "basic": p.basic,
                    }))).collect::<Map<String, Value>>(),
                }),
            );
            for p in fit.params.iter_mut().filter(|p| !p.fixed) {
                if let Some(b) = found.params.iter().find(|b| b.name == p.name) {
                    p.se = Some(b.se);
                    (p.lower, p.upper) = (Some(b.percentile.0), Some(b.percentile.1));
                }
            }
            with.bootstrap = Some(found);
        }
    }
    if fit.objective == Objective::Kl {
        if with.covariance.is_none() {
            with.covariance = covariance(model, data, settings, fit, Method::Observed).ok();
        }
        functions(model, fit, args, &with, &mut told)?;
        if let Some(speed) = speed(model, data, fit) {
            told.text.push_str(&slow(&speed));
            told.body.insert("mean_reversion".into(), json!(speed));
        }
    }
    (told.covariance, told.profiles) = (with.covariance, with.profiles);
    if !args.null.is_empty() {
        restricted(model, data, settings, fit, args, &mut told)?;
    }
    Ok(told)
}

/// What intervals of functions can be made of.
#[derive(Default)]
struct With {
    covariance: Option<Covariance>,
    bootstrap: Option<Bootstrap>,
    profiles: Vec<Profile>,
}

fn name(arg: IntervalsArg) -> &'static str {
    match arg {
        IntervalsArg::Observed => "observed information",
        IntervalsArg::Sandwich => "sandwich",
        IntervalsArg::Profile => "profile likelihood",
        IntervalsArg::Bootstrap => "parametric bootstrap",
    }
}

fn bootstrapped(found: &Bootstrap) -> String {
    let rows: Vec<Vec<String>> = found
        .params
        .iter()
        .map(|p| vec![p.name.clone(), short(p.bias), short(p.corrected), short(p.basic.0), short(p.basic.1)])
        .collect();
    format!(
        "\n{} of {} simulated series fitted, {} of them on a bound; intervals above are percentiles\n\n{}",
        found.replicates - found.failures,
        found.replicates,
        found.at_bound,
        table(&["parameter", "bias", "corrected", "basic 2.5 %", "97.5 %"], &rows)
    )
}

fn functions(model: &Model, fit: &Fit, args: &UncertaintyArgs, with: &With, told: &mut Told) -> Result<()> {
    let (covariance, bootstrap) = (with.covariance.as_ref(), with.bootstrap.as_ref());
    let mut all = standard_quantities(model, fit, covariance, bootstrap);
    for text in &args.of {
        all.push(derived(model, fit, covariance, bootstrap, &with.profiles, text)?);
    }
    if all.is_empty() {
        return Ok(());
    }
    let interval = |d: &Derived| {
        let by_profile = d.profile.map(|(low, high)| (low.value(), high.value()));
        let other = d.percentile.or(d.interval);
        by_profile.unwrap_or((other.map(|i| i.0), other.map(|i| i.1)))
    };
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|d| {
            let (low, high) = interval(d);
            vec![d.text.clone(), short(d.estimate), short_or_dash(d.se), short_or_dash(low), short_or_dash(high)]
        })
        .collect();
    told.text.push_str(&format!("\n{}", table(&["follows", "estimate", "s.e.", "2.5 %", "97.5 %"], &rows)));
    let documents = all.iter().map(|d| {
        let (lower, upper) = interval(d);
        (d.text.clone(), json!({ "estimate": d.estimate, "se": d.se, "lower": lower, "upper": upper }))
    });
    told.body.insert("derived".into(), Value::Object(documents.collect()));
    Ok(())
}

/// Maximum likelihood finds mean reversion too fast; by how much.
fn slow(speed: &Speed) -> String {
    match (speed.bias, speed.corrected) {
        (Some(bias), Some(corrected)) => format!(
            "\n{} is expected {} too high after {} of data (Tang & Chen 2009); less that it is {}{}\n",
            speed.text,
            short(bias),
            short(speed.span),
            short(corrected),
            if corrected > 0.0 { "" } else { ", so the data may not show a return at all" }
        ),
        _ => String::new(),
    }
}

/// The likelihood ratio of the values in `--null`.
fn restricted(
    model: &Model,
    data: &Observed,
    settings: &Settings,
    fit: &Fit,
    args: &UncertaintyArgs,
    told: &mut Told,
) -> Result<()> {
    let mut held = settings.clone();
    held.form = FormRequest::Settled(fit.form_choice.clone());
    held.fixed.extend(args.null.iter().cloned());
    let restricted = fit_model(model, data, &held)?;
    let ratio = likelihood_ratio(model, &restricted, fit)?;
    let values: Vec<String> = args.null.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    told.text.push_str(&format!(
        "\n{}: likelihood ratio {} on {} df, p = {}{}\n",
        values.join(", "),
        short(ratio.statistic),
        ratio.df,
        short(ratio.p),
        ratio.caveat.as_ref().map_or(String::new(), |c| format!(" ({c})"))
    ));
    told.body.insert(
        "likelihood_ratio".into(),
        json!({
            "null": args.null.iter().map(|(n, v)| (n.clone(), json!(v))).collect::<Map<String, Value>>(),
            "statistic": ratio.statistic, "df": ratio.df, "p": finite(ratio.p), "caveat": ratio.caveat,
            "log_likelihood": restricted.log_likelihood, "status": restricted.status.name(),
        }),
    );
    Ok(())
}
