//! Whole futures of a fitted model: joint draws at several times.

use super::FittedModel;
use crate::base::{Error, Result, Series, Transform, math};
use crate::form::monte_carlo::ssa::{self, Method};
use crate::form::monte_carlo::{Run, Scheme, Start, require_room, simulate};
use crate::process::Process;
use crate::stats;

/// Steps to the first time, where the law is not closed.
const STEPS: f64 = 64.0;

impl FittedModel {
    /// Joint draws of the scored variable, `[time][path]`: each from the closed law given the one before it where there is one, of counts by
    /// exact simulation, else by short steps whose first row is held against the law it should have. Draws of the parameters have equal
    /// shares of the paths.
    pub(super) fn draw_paths(
        &self,
        history: &Series,
        times: &[f64],
        paths: usize,
        window: u64,
    ) -> Result<Vec<Vec<f64>>> {
        require_room(times.len(), paths)?;
        let thetas = self.thetas();
        let (each, over) = (paths / thetas.len(), paths % thetas.len());
        let mut rows: Vec<Vec<f64>> = vec![Vec::with_capacity(paths); times.len()];
        for (k, theta) in thetas.into_iter().enumerate() {
            let share = each + usize::from(k < over);
            if share == 0 || times.is_empty() {
                continue;
            }
            let key = self.key(history, k, window);
            let (x0, t0) = self.start(history)?;
            let (component, start) = self.whole_start(theta, x0)?;
            let model = &self.forecaster.model;
            let states = if let Process::Network(_) = model.process {
                let (most_events, epsilon) = (None, None);
                let method = Method::Auto;
                let run = ssa::Run { theta, start: &start, t0, times, paths: share, key, most_events, method, epsilon };
                ssa::simulate(model, &run)?.states
            } else {
                let scheme = [Scheme::Exact, Scheme::Milstein, Scheme::EulerMaruyama]
                    .into_iter()
                    .find(|scheme| scheme.why_not(model).is_none())
                    .unwrap_or(Scheme::EulerMaruyama);
                let step = (times[0] - t0) / STEPS;
                let run = Run { theta, start: Start::At(&start), t0, times, paths: share, step, scheme, key };
                let states = simulate(model, &run)?.states;
                if k == 0 && scheme != Scheme::Exact {
                    self.hold_first((k, theta), history, times[0], window, &states[0][component])?;
                }
                states
            };
            for (row, mut state) in rows.iter_mut().zip(states) {
                row.append(&mut state[component]);
            }
        }
        if self.forecaster.transform == Transform::Log {
            rows.iter_mut().flatten().for_each(|x| *x = math::exp(*x));
        }
        Ok(rows)
    }

    /// Mean and sd of the first row against those of the law that answers.
    fn hold_first(&self, theta: (usize, &[f64]), history: &Series, time: f64, window: u64, row: &[f64]) -> Result<()> {
        let laws = self.laws_at(theta, history, &[time], window)?;
        let Some((m, s)) = laws.first().and_then(|law| law.mean().zip(law.sd())) else { return Ok(()) };
        let slack = 0.1 + 4.0 / (row.len() as f64).sqrt();
        let (mean, sd) = (stats::mean(row), stats::sd(row));
        if row.len() < 2 || (mean - m).abs() < slack * s && (sd / s - 1.0).abs() < slack {
            return Ok(());
        }
        Err(Error::Numerics {
            what: format!("the paths of model '{}'", self.forecaster.model.id),
            why: format!("even {STEPS} steps a row are too long for its drift"),
            hint: "use a model with a closed law (ou, bm) for this".to_string(),
        })
    }
}
