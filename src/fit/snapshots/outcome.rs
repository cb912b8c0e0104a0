//! What a fit of snapshots tells: estimates, laws beside the data, histograms, bounds of the likelihood.

use super::Task;
use super::projected::Projected;
use super::{ACCURACY, laws};
use crate::base::{Result, math};
use crate::fit::certified::estimates;
use crate::fit::{Estimate, Objective, Solved, StartOutcome, Status, best_of, outcomes};
use crate::form::Form;
use crate::stats;

/// One snapshot beside its law.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// In the model's unit of time.
    pub time: f64,
    /// How many values were compared.
    pub replicates: usize,
    /// Of the values.
    pub mean: f64,
    /// Of the values, unbiased.
    pub sd: f64,
    /// Of the law; `None` where it has none.
    pub fitted_mean: Option<f64>,
    /// Likewise; `None` of a law whose variance is infinite or not known.
    pub fitted_sd: Option<f64>,
    /// Kolmogorov-Smirnov p-value of the values under the law (too large after fitting to the same values); none for counts.
    pub ks_p: Option<f64>,
}

/// Counts beside their fitted probabilities at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// In the model's unit of time.
    pub time: f64,
    /// `[count]`, from zero: in how many of the replicates.
    pub observed: Vec<f64>,
    /// `[count]`, from zero, as long: probability at least, of the estimate.
    pub fitted: Vec<f64>,
    /// Probability that all of `fitted` together may miss.
    pub error_bound: f64,
}

/// A fit of snapshots: look at `status` before using it.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotFit {
    /// Id of the model.
    pub model: String,
    /// What the laws were computed by.
    pub form: Form,
    /// What was minimised.
    pub objective: Objective,
    /// `[parameter]` in the order of the model, held ones too.
    pub theta: Vec<f64>,
    /// One a parameter, in the order of `theta`.
    pub params: Vec<Estimate>,
    /// Whether the best start ended at an optimum.
    pub status: Status,
    /// Steps of the search from the best start.
    pub iterations: u64,
    /// Mean negative log density of a value; on bins `Σ n_t KL(ĥ_t ‖ p_t)`; under `mse` `Σ (ĥ - p)² width`.
    pub objective_value: f64,
    /// Of values compared one by one under `kl`.
    pub log_likelihood: Option<f64>,
    /// What the log-likelihood of the untruncated master equation is at least (minus infinity where a count has no certain
    /// probability) and at most; of counts only.
    pub log_likelihood_bounds: Option<(f64, f64)>,
    /// `2k - 2 ln L` with `k` free parameters (Akaike 1974); none where there is no log-likelihood.
    pub aic: Option<f64>,
    /// `k ln n - 2 ln L` with `n` values (Schwarz 1978), likewise.
    pub bic: Option<f64>,
    /// Values that were compared: those an empirical start is drawn from are not among them.
    pub observations: usize,
    /// Where bins meet, increasing: one fewer than there are bins, of which the first and the last are endless; empty where nothing was binned.
    pub edges: Vec<f64>,
    /// `[time]`; empty where the laws at the estimate could not be had.
    pub fitted: Vec<Checked>,
    /// `[time]`, of counts by the master equation; else empty.
    pub histograms: Vec<Histogram>,
    /// Where every start ended, the first that of the defaults or `initial`.
    pub starts: Vec<StartOutcome>,
    /// Sentences for the user: what to do about the status, and what could not be compared.
    pub warnings: Vec<String>,
}

impl Task<'_> {
    pub(super) fn describe(
        &self,
        mut solved: Vec<Solved>,
        edges: Option<Vec<f64>>,
        value: &dyn Fn(f64) -> f64,
    ) -> Result<SnapshotFit> {
        let n: usize = self.values.iter().map(Vec::len).sum();
        let model = self.source.model;
        let mut starts = outcomes(&solved, n, self.settings.objective);
        starts.iter_mut().for_each(|s| s.objective_value = value(s.objective_value));
        let best = best_of(&solved);
        let solved = Solved { status: starts[best].status.clone(), ..solved.swap_remove(best) };
        let one_by_one = self.settings.objective == Objective::Kl && edges.is_none();
        let log_likelihood = one_by_one.then_some(-solved.value * n as f64).filter(|l| l.is_finite());
        let k = self.free.len() as f64;
        let mut warnings: Vec<String> = solved.status.remedy().into_iter().collect();
        let projected = self.source.projected(&solved.theta, &[], ACCURACY).and_then(Result::ok).unwrap_or_default();
        let fitted = match self.source.laws(&solved.theta, ACCURACY) {
            Ok(laws) => self.checked(&laws),
            Err(why) => {
                warnings.push(format!("the laws at the estimate could not be had: {why}"));
                Vec::new()
            }
        };
        Ok(SnapshotFit {
            model: model.id.clone(),
            form: self.source.form,
            objective: self.settings.objective,
            params: estimates(&self.first.list, &solved, &self.free),
            status: solved.status,
            iterations: solved.iterations,
            objective_value: value(solved.value),
            log_likelihood,
            log_likelihood_bounds: log_likelihood.filter(|_| !projected.is_empty()).map(|_| self.bounds(&projected)),
            aic: log_likelihood.map(|l| 2.0 * k - 2.0 * l),
            bic: log_likelihood.map(|l| k * math::ln(n as f64) - 2.0 * l),
            observations: n,
            edges: edges.unwrap_or_default(),
            fitted,
            histograms: projected.iter().enumerate().map(|(t, law)| self.histogram(t, law)).collect(),
            starts,
            warnings,
            theta: solved.theta,
        })
    }

    /// Of the log-likelihood of all counts, by the bounds of each count's probability.
    fn bounds(&self, laws: &[Projected]) -> (f64, f64) {
        let each = laws.iter().zip(self.values).flat_map(|(law, values)| values.iter().map(|x| law.bounds(*x)));
        each.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    fn histogram(&self, time: usize, law: &Projected) -> Histogram {
        /// Probabilities further out are not told.
        const LEAST: f64 = 1e-9;
        let values = &self.values[time];
        let seen = values.iter().copied().fold(0.0, f64::max) as usize;
        let likely = law.p.iter().rposition(|p| *p > LEAST).unwrap_or(0);
        let size = 1 + seen.max(likely);
        let mut observed = vec![0.0; size];
        values.iter().for_each(|x| observed[*x as usize] += 1.0);
        let fitted = (0..size).map(|k| law.p.get(k).copied().unwrap_or(0.0)).collect();
        Histogram { time: self.source.times[time], observed, fitted, error_bound: law.bound }
    }

    fn checked(&self, laws: &[laws::Law]) -> Vec<Checked> {
        let one = |(t, values): (usize, &Vec<f64>)| {
            let fitted = laws[t].moments();
            let pits = || values.iter().map(|x| laws[t].cdf(*x)).collect::<Vec<f64>>();
            Checked {
                time: self.source.times[t],
                replicates: values.len(),
                mean: stats::mean(values),
                sd: stats::sd(values),
                fitted_mean: fitted.map(|f| f.0),
                fitted_sd: fitted.map(|f| f.1),
                ks_p: (!self.are_counts()).then(|| stats::ks_uniform_p(&pits())),
            }
        };
        self.values.iter().enumerate().map(one).collect()
    }
}
