//! The likelihood of a path of which every reaction is known.

use super::{CountSeries, CountsFit, Fitting, bad, check_series, sizes};
use crate::base::{Error, Result, math};
use crate::expr::{Id, Scratch, Tape};
use crate::fit::Settings;
use crate::fit::certified::{first_and_free, only_kl};
use crate::fit::diagnostics::ComponentCheck;
use crate::fit::starts::{Look, Scan};
use crate::form::Batch;
use crate::form::counts_likelihood::why_not;
use crate::models::Model;
use crate::process::{Network, Process};

/// Fit `model` to paths of which every reaction is recorded: each row is the state just after a reaction, the first the start; a last row
/// equal to the one before it ends the record.
///
/// `ln L = Σ ln a_r(x_i) - ∫ a_0(x) dt` (Wilkinson 2018, section 10.2), reactions with the same change added up. Of mass action the maximum is
/// `k_r = (how often r happened) / ∫ h_r dt`. Standard errors are those of the observed information. Cost: one evaluation of all
/// propensities a row for each of some hundred passes. Not for states sampled in time: [`super::fit_counts`].
///
/// # Errors
/// [`Error::BadOption`] where a row follows from the one before by no single reaction, and as [`super::fit_counts`].
pub fn fit_complete(model: &Model, data: &[CountSeries], settings: &Settings) -> Result<CountsFit> {
    only_kl(settings)?;
    let (first, free) = first_and_free(model, settings)?;
    let refuse = |why: String| Error::FormUnavailable {
        form: "a complete path".to_string(),
        model: model.id.clone(),
        why,
        available: Vec::new(),
    };
    let Process::Network(network) = &model.process else {
        return Err(refuse(format!("it is a {}", model.process.kind())));
    };
    if let Some(why) = why_not(network) {
        return Err(refuse(why));
    }
    check_series(model, data, free.len())?;
    let path = Path::new(network, data)?;
    let scores = |theta: &[f64]| path.scores(theta);
    let loss = |theta: &[f64]| -path.scores(theta).value.iter().sum::<f64>();
    let (centres, scales) = sizes(data);
    let points = Scan { loss: &loss, centres, scales, look: Look::Wide, second: None }.points(
        &first,
        &free,
        settings,
        !settings.initial.is_empty(),
    );
    let reactions = path.changes.iter().filter(|c| c.is_some()).count();
    let fitting = Fitting { model, settings, free: &free, n: reactions, scores: &scores };
    let fit = fitting.run(&points, "every reaction", path.happened(network));
    let checks = vec![ComponentCheck::of("waiting time", path.waits(&fit.theta), None)];
    Ok(CountsFit { checks, ..fit })
}

/// Net change of each species that changes.
type Change = Vec<(usize, i64)>;

/// All waits, each with the state it was spent in and what ended it.
struct Path {
    /// `[species][wait]`
    columns: Vec<Vec<f64>>,
    dt: Vec<f64>,
    /// Position among `groups`; none where the record ended.
    changes: Vec<Option<usize>>,
    /// Reactions with one change.
    groups: Vec<Vec<usize>>,
    n_params: usize,
    n_reactions: usize,
    tape: Tape,
    /// (reaction, parameter) of each slope.
    slopes: Vec<(usize, usize)>,
    network: Network,
}

impl Path {
    fn new(network: &Network, data: &[CountSeries]) -> Result<Path> {
        let mut kinds: Vec<(Change, Vec<usize>)> = Vec::new();
        for (r, reaction) in network.reactions.iter().enumerate() {
            let change = reaction.change();
            match kinds.iter_mut().find(|(known, _)| *known == change) {
                Some((_, members)) => members.push(r),
                None => kinds.push((change, vec![r])),
            }
        }
        let species = network.species.len();
        let (mut columns, mut dt, mut changes) = (vec![Vec::new(); species], Vec::new(), Vec::new());
        for series in data {
            let last = series.times.len().saturating_sub(2);
            for (i, (t, x)) in series.times.windows(2).zip(series.states.windows(2)).enumerate() {
                let change: Change =
                    (0..species).map(|s| (s, (x[1][s] - x[0][s]) as i64)).filter(|(_, n)| *n != 0).collect();
                let found = kinds.iter().position(|(known, _)| *known == change);
                if found.is_none() && !(change.is_empty() && i == last) {
                    let text: Vec<String> =
                        change.iter().map(|(s, n)| format!("{} by {n:+}", network.species[*s].name)).collect();
                    let text = if text.is_empty() { "nothing".to_string() } else { text.join(", ") };
                    let value = format!("t = {} in {}: {text}", t[1], series.name);
                    return Err(bad(
                        "--value",
                        &value,
                        "rows that follow one another by a single reaction of the model",
                    ));
                }
                columns.iter_mut().zip(&x[0]).for_each(|(column, x)| column.push(*x));
                dt.push(t[1] - t[0]);
                changes.push(found);
            }
        }
        let frame = &network.frame;
        let mut pool = frame.pool.clone();
        let mut outputs: Vec<Id> = network.reactions.iter().map(|r| r.propensity).collect();
        let mut slopes = Vec::new();
        for (r, reaction) in network.reactions.iter().enumerate() {
            for k in 0..frame.n_params {
                let slope = pool.derivative(reaction.propensity, frame.param(k));
                if pool.constant(slope) != Some(0.0) {
                    outputs.push(slope);
                    slopes.push((r, k));
                }
            }
        }
        let lanes: Vec<usize> = (0..species).map(|s| frame.variable(s)).collect();
        Ok(Path {
            columns,
            dt,
            changes,
            groups: kinds.into_iter().map(|(_, members)| members).collect(),
            n_params: frame.n_params,
            n_reactions: network.reactions.len(),
            tape: Tape::compile(&pool, &outputs, &lanes),
            slopes,
            network: network.clone(),
        })
    }

    /// Propensities, then their slopes, `[output][wait]`.
    fn rates(&self, theta: &[f64]) -> Vec<Vec<f64>> {
        let inputs: Vec<&[f64]> = self.columns.iter().map(Vec::as_slice).collect();
        let mut values = vec![vec![0.0; self.dt.len()]; self.n_reactions + self.slopes.len()];
        let mut out: Vec<&mut [f64]> = values.iter_mut().map(Vec::as_mut_slice).collect();
        self.tape.run(&self.network.frame.symbols(theta, 0.0), &inputs, &mut out, &mut Scratch::default());
        values
    }

    /// Normal scores of the times between reactions: with the total propensity `a_0` of the state, `a_0 dt` is exponential of mean one. Waits that the end
    /// of the record cut short are left out.
    fn waits(&self, theta: &[f64]) -> Vec<f64> {
        let rates = self.rates(theta);
        let ended = (0..self.dt.len()).filter(|i| self.changes[*i].is_some());
        let score = |i: usize| {
            let x = self.dt[i] * rates[..self.n_reactions].iter().map(|a| a[i]).sum::<f64>();
            // From the nearer tail, so that neither loses its digits.
            let (longer, shorter) = (math::exp(-x), -math::exp_m1(-x));
            if shorter < longer { math::normal_quantile(shorter) } else { -math::normal_quantile(longer) }
        };
        ended.map(score).collect()
    }

    /// The log-likelihood of every wait and what ended it.
    fn scores(&self, theta: &[f64]) -> Batch {
        let n = self.dt.len();
        let mut values = self.rates(theta);
        let slopes = values.split_off(self.n_reactions);
        let mut batch = Batch { value: vec![f64::NEG_INFINITY; n], gradient: vec![vec![0.0; n]; self.n_params] };
        for i in 0..n {
            if values.iter().any(|a| !(a[i] >= 0.0 && a[i] < f64::INFINITY)) {
                continue;
            }
            let total: f64 = values.iter().map(|a| a[i]).sum();
            let members: &[usize] = self.changes[i].map_or(&[], |g| &self.groups[g]);
            let own: f64 = members.iter().map(|r| values[*r][i]).sum();
            if !members.is_empty() && !(own > 0.0) {
                continue;
            }
            batch.value[i] = if members.is_empty() { 0.0 } else { math::ln(own) } - total * self.dt[i];
            for ((r, k), slope) in self.slopes.iter().zip(&slopes) {
                // A rate that is zero stays zero where its formula has no slope.
                let slope = if slope[i].is_nan() && values[*r][i] == 0.0 { 0.0 } else { slope[i] };
                let happened = if members.contains(r) { slope / own } else { 0.0 };
                batch.gradient[*k][i] += happened - slope * self.dt[i];
            }
        }
        batch
    }

    /// How often each reaction happened.
    fn happened(&self, network: &Network) -> Vec<f64> {
        let mut happened = vec![0.0; network.reactions.len()];
        for members in self.changes.iter().flatten().map(|g| &self.groups[*g]) {
            members.iter().for_each(|r| happened[*r] += 1.0 / members.len() as f64);
        }
        happened
    }
}
