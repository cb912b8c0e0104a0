//! The samplers behind one door: a method chosen, what it shares between threads prepared, and blocks of paths simulated.

use super::super::super::counts::Timing;
use super::chemistry::Chemistry;
use super::choose::{Chosen, Method, choose, in_lanes};
use super::composition::Groups;
use super::direct::{Direct, Graph};
use super::lanes::{self, LANES};
use super::leap::Bounds;
use super::path::{Course, Limits, Sampler, Tally};
use super::rejection::Rejection;
use super::smooth::Smooth;
use super::sums::Sums;
use super::tau::{Exact, Leaping};
use crate::base::{Error, Limit, Result};
use crate::form::Form;
use std::ops::Range;

/// Runs of so many paths are judged by their first few.
const MANY: usize = 100_000;
/// Cao, Gillespie & Petzold (2006), section III.
const EPSILON: f64 = 0.03;

/// What a block of paths gave: `[path][output * species]`, and what was done.
pub(super) type Found = Result<(Vec<Vec<f64>>, Tally)>;

pub(super) struct Engine<'a> {
    chemistry: &'a Chemistry<'a>,
    course: &'a Course<'a>,
    pub method: Method,
    pub why: String,
    kind: Kind,
    epsilon: f64,
}

/// What a method shares between threads.
enum Kind {
    Lanes,
    Smooth,
    Direct(Graph),
    Rejection,
    CompositionRejection,
    Leaping(Exact, Bounds, Graph),
}

impl<'a> Engine<'a> {
    /// # Errors
    /// [`Error::FormUnavailable`] where the laws are none that the method asked for simulates; [`Error::BadOption`] for an `epsilon`
    /// that is no share.
    pub fn new(chemistry: &'a Chemistry<'a>, course: &'a Course<'a>) -> Result<Engine<'a>> {
        let Chosen { method, why } = choose(chemistry, course);
        let is_smooth = chemistry.timing == Timing::Smooth;
        if is_smooth && method != Method::Direct {
            let why = format!(
                "its propensities change smoothly with time, which only direct simulates, not {}",
                method.name()
            );
            return Err(Form::MonteCarlo.unavailable(course.model, &why));
        }
        let epsilon = course.run.epsilon.unwrap_or(EPSILON);
        if !(epsilon > 0.0 && epsilon < 1.0) {
            return Err(Error::BadOption {
                flag: "epsilon".to_string(),
                value: epsilon.to_string(),
                expected: "the share by which propensities may change in a leap, between 0 and 1".to_string(),
                hint: Some("the default is 0.03; 0.01 is more accurate".to_string()),
            });
        }
        let leaping = |exact| Kind::Leaping(exact, Bounds::new(chemistry), Graph::new(chemistry));
        let kind = match method {
            Method::Auto | Method::Direct if is_smooth => Kind::Smooth,
            Method::Auto | Method::Direct if in_lanes(chemistry, course) => Kind::Lanes,
            Method::Auto | Method::Direct => Kind::Direct(Graph::new(chemistry)),
            Method::Rejection => Kind::Rejection,
            Method::CompositionRejection => Kind::CompositionRejection,
            Method::TauLeaping => leaping(Exact::Critical),
            Method::Hybrid => leaping(Exact::Small),
        };
        Ok(Engine { chemistry, course, method, why, kind, epsilon })
    }

    /// Paths that are simulated one after another by one thread. How they are cut changes no byte.
    pub fn blocks(&self) -> Vec<Range<usize>> {
        let paths = self.course.run.paths;
        let each = match self.kind {
            Kind::Lanes => (paths / 16).clamp(LANES, 16 * LANES),
            _ => (paths / 64).clamp(1, 16),
        };
        (0..paths.div_ceil(each)).map(|b| b * each..((b + 1) * each).min(paths)).collect()
    }

    /// A run of very many paths, judged by its first few: hours are refused before they have begun.
    ///
    /// # Errors
    /// [`Error::OverLimit`]; those of the first path that fails.
    pub fn require_patience(&self) -> Result<()> {
        const FEW: usize = 16;
        let run = self.course.run;
        if run.paths < MANY || run.most_events.is_some() {
            return Ok(());
        }
        let (_, tally) = self.simulate(0..FEW)?;
        let expected = tally.events as f64 / FEW as f64 * run.paths as f64;
        Limit::Reactions.require(expected, &format!("the simulation of model '{}'", self.course.model.id))
    }

    /// # Errors
    /// Those of the first path that fails.
    pub fn simulate(&self, paths: Range<usize>) -> Found {
        let (chemistry, key) = (self.chemistry, self.course.run.key);
        let limits = || Limits { model: self.course.model, most_events: self.course.most_events };
        match &self.kind {
            Kind::Lanes => lanes::block(chemistry, self.course, paths),
            Kind::Smooth => self.walk(Smooth::new(chemistry, limits(), key), paths),
            Kind::Direct(graph) => self.walk(Direct::new(chemistry, graph, limits(), key), paths),
            Kind::Rejection => self.walk(Rejection::<Sums>::new(chemistry, limits(), key), paths),
            Kind::CompositionRejection => self.walk(Rejection::<Groups>::new(chemistry, limits(), key), paths),
            Kind::Leaping(exact, bounds, graph) => {
                self.walk(Leaping::new(chemistry, (bounds, graph), (*exact, self.epsilon), limits, key), paths)
            }
        }
    }

    fn walk(&self, mut sampler: impl Sampler, paths: Range<usize>) -> Found {
        let (mut rows, mut tally) = (Vec::with_capacity(paths.len()), Tally::default());
        for path in paths {
            let mut row = Vec::with_capacity(self.course.run.times.len() * self.chemistry.n_species());
            tally.add(&self.course.walk(&mut sampler, path as u64, |x| row.extend_from_slice(x))?);
            rows.push(row);
        }
        Ok((rows, tally))
    }
}
