//! The chance of an event: a level passed at a row, by a row, or on a row.

use super::{FittedMember, FittedModel, FittedPool, Levels};
use crate::base::{Result, Series, Transform, math};
use crate::form::Form;
use crate::form::passage::{Crossing, first_passage, passage_by_paths};
use crate::predictive::{Fitted, Predictive};
use crate::process::{Diffusion, Process};
use rayon::prelude::*;

/// Which side of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The value is less than the level.
    Below,
    /// The value is greater than the level.
    Above,
}

/// When the level is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// On that row alone.
    At,
    /// At any moment until then, between the rows as well: a barrier in continuous time.
    By,
    /// On any of the rows until then.
    Within,
}

/// A level that is passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Which side has to be reached.
    pub side: Side,
    /// In the unit of the data, whatever the transform.
    pub level: f64,
    /// Whether the level itself counts, on rows.
    pub or_equal: bool,
    /// On which rows, or between them.
    pub when: When,
}

/// A probability with what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chance {
    /// From 0 to 1.
    pub probability: f64,
    /// Standard error, where it comes from paths.
    pub se: Option<f64>,
    /// The way it was found, in words.
    pub how: String,
}

/// The first time a level is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct First {
    /// Rows' times, and the probability that the level has been reached by each.
    pub times: Vec<f64>,
    /// `[time]`: how likely the level was reached by then, from 0 to 1.
    pub reached: Vec<f64>,
    /// Largest standard error of these, where they come from paths.
    pub se: Option<f64>,
    /// The way it was found, in words.
    pub how: String,
}

impl First {
    /// The time by which the level is reached with probability `p`, between rows on a straight line; `None` beyond the last row.
    pub fn quantile(&self, p: f64, now: f64) -> Option<f64> {
        let i = self.reached.iter().position(|r| *r >= p)?;
        let (t0, r0) = if i == 0 { (now, 0.0) } else { (self.times[i - 1], self.reached[i - 1]) };
        let (t1, r1) = (self.times[i], self.reached[i]);
        Some(if r1 > r0 { t0 + (t1 - t0) * (p - r0) / (r1 - r0) } else { t1 })
    }
}

impl Event {
    fn holds(&self, x: f64) -> bool {
        match self.side {
            Side::Below => x < self.level || self.or_equal && x == self.level,
            Side::Above => x > self.level || self.or_equal && x == self.level,
        }
    }

    /// Probability under a law; next to a point that has a probability of its own on the right side of it.
    fn under(&self, law: &Predictive) -> f64 {
        match (self.side, self.or_equal) {
            (Side::Below, true) => law.cdf(self.level),
            (Side::Below, false) => law.cdf(self.level.next_down()),
            (Side::Above, false) => 1.0 - law.cdf(self.level),
            (Side::Above, true) => 1.0 - law.cdf(self.level.next_down()),
        }
    }
}

/// Probabilities at several times by one way.
struct Course {
    reached: Vec<f64>,
    se: Option<Vec<f64>>,
    how: String,
}

/// A question about one history: the next rows up to the last that is asked for, and the paths that may be drawn.
struct Asked<'a> {
    history: &'a Series,
    times: &'a [f64],
    transform: Transform,
    paths: usize,
    window: u64,
    /// Whether the last time alone is wanted.
    last: bool,
}

impl Course {
    /// What was asked of it.
    fn wanted(mut self, asked: &Asked) -> Course {
        if asked.last {
            let keep = |all: &mut Vec<f64>| drop(all.drain(..all.len().saturating_sub(1)));
            keep(&mut self.reached);
            self.se.iter_mut().for_each(keep);
        }
        self
    }
}

impl FittedPool {
    /// The chance of an event on the last of `times`, the next rows of the history's clock.
    ///
    /// On one row ([`When::At`]) it is the law's own. In continuous time ([`When::By`]) a model of one state is asked by its first-passage equation
    /// ([`first_passage`]), else by paths with Brownian bridges; what moves from row to row (baselines, and models of increments) is looked at on its
    /// rows, and the answer says so. On rows ([`When::Within`]) joint paths are counted.
    ///
    /// # Errors
    /// As [`Fitted::predict`] and [`Fitted::joint`].
    pub fn chance(&self, history: &Series, event: &Event, times: &[f64], paths: usize, window: u64) -> Result<Chance> {
        let asked = Asked { history, times, transform: self.transform, paths, window, last: true };
        let course = self.course(&asked, event)?;
        let last = |all: &Vec<f64>| all.last().copied();
        Ok(Chance {
            probability: last(&course.reached).unwrap_or(0.0).clamp(0.0, 1.0),
            se: course.se.as_ref().and_then(last),
            how: course.how,
        })
    }

    /// When a level is first reached, from where the history ends, looked at as by [`When::By`].
    ///
    /// # Errors
    /// As [`FittedPool::chance`].
    pub fn first(&self, history: &Series, level: f64, times: &[f64], paths: usize, window: u64) -> Result<First> {
        let from = history.value.last().copied().unwrap_or(f64::NAN);
        let side = if level < from { Side::Below } else { Side::Above };
        let event = Event { side, level, or_equal: true, when: When::By };
        let asked = Asked { history, times, transform: self.transform, paths, window, last: false };
        let course = self.course(&asked, &event)?;
        let se = course.se.map(|all| all.into_iter().fold(0.0, f64::max));
        Ok(First { times: times.to_vec(), reached: course.reached, se, how: course.how })
    }

    /// The members' probabilities under their weights.
    fn course(&self, asked: &Asked, event: &Event) -> Result<Course> {
        let mut reached: Vec<f64> = Vec::new();
        let (mut variances, mut sampled): (Vec<f64>, bool) = (Vec::new(), false);
        let mut hows: Vec<String> = Vec::new();
        for (weight, member) in self.weighted() {
            let one = member.course(asked, event)?.wanted(asked);
            reached.resize(one.reached.len(), 0.0);
            variances.resize(one.reached.len(), 0.0);
            reached.iter_mut().zip(&one.reached).for_each(|(all, one)| *all += weight * one);
            sampled |= one.se.is_some();
            for (all, se) in variances.iter_mut().zip(one.se.iter().flatten()) {
                *all += weight * weight * se * se;
            }
            if !hows.contains(&one.how) {
                hows.push(one.how);
            }
        }
        let se = sampled.then(|| variances.iter().map(|v| v.sqrt()).collect());
        Ok(Course { reached, se, how: hows.join("; ") })
    }
}

impl FittedMember {
    fn course(&self, asked: &Asked, event: &Event) -> Result<Course> {
        match (event.when, self) {
            (When::At, _) => at_row(self.as_fitted(), asked, event),
            (When::Within, _) => on_rows(self.as_fitted(), asked, event, "seen on rows"),
            (When::By, FittedMember::Own(own)) if asked.transform.is_state() => match &own.forecaster.model.process {
                Process::Diffusion(process) if process.states.len() == 1 => own.touched(process, asked, event),
                _ => on_rows(own.as_ref(), asked, event, "seen on rows, as this kind of model is followed"),
            },
            (When::By, FittedMember::Own(_)) => {
                on_rows(self.as_fitted(), asked, event, "seen on rows, as increments of rows are modelled")
            }
            (When::By, FittedMember::Baseline(_)) => {
                on_rows(self.as_fitted(), asked, event, "seen on rows, as a baseline moves from row to row")
            }
        }
    }
}

/// The law of the last row.
fn at_row(fitted: &dyn Fitted, asked: &Asked, event: &Event) -> Result<Course> {
    // A state is asked for that row alone; increments are compounded up to it.
    let times = match asked.transform.is_state() {
        true => &asked.times[asked.times.len().saturating_sub(1)..],
        false => asked.times,
    };
    let levels = Levels { of: fitted, transform: asked.transform, paths: asked.paths };
    let Some(law) = levels.predict(asked.history, times, asked.window)?.pop() else {
        return Ok(Course { reached: Vec::new(), se: None, how: String::new() });
    };
    let p = event.under(&law);
    let samples = samples_of(&law);
    let how = match samples {
        Some(n) => format!("law of that row, {n} paths"),
        None => "law of that row".to_string(),
    };
    Ok(Course { reached: vec![p], se: samples.map(|n| vec![binomial_se(p, n)]), how })
}

/// Samples a law is made of; `None` of one that is more than samples.
fn samples_of(law: &Predictive) -> Option<usize> {
    match law {
        Predictive::Ensemble(e) => Some(e.samples().len()),
        Predictive::Mixture(m) => m.parts().iter().map(|(_, law)| samples_of(law)).sum(),
        _ => None,
    }
}

fn binomial_se(p: f64, n: usize) -> f64 {
    (p * (1.0 - p) / n as f64).max(0.0).sqrt()
}

/// Joint paths, looked at on every row.
fn on_rows(fitted: &dyn Fitted, asked: &Asked, event: &Event, how: &str) -> Result<Course> {
    let levels = Levels { of: fitted, transform: asked.transform, paths: asked.paths };
    let rows = levels.joint(asked.history, asked.times, asked.window)?;
    let mut was_there = vec![false; asked.paths];
    let mut count = |row: &Vec<f64>| {
        was_there.iter_mut().zip(row).for_each(|(was, x)| *was |= event.holds(*x));
        was_there.iter().filter(|was| **was).count() as f64 / asked.paths as f64
    };
    let reached: Vec<f64> = rows.iter().map(&mut count).collect();
    let se = reached.iter().map(|p| binomial_se(*p, asked.paths)).collect();
    Ok(Course { reached, se: Some(se), how: format!("{how}, {} paths", asked.paths) })
}

impl FittedModel {
    /// In continuous time: the first-passage equation, or paths with bridges where it has no answer.
    fn touched(&self, process: &Diffusion, asked: &Asked, event: &Event) -> Result<Course> {
        let certain =
            |p: f64, how: &str| Ok(Course { reached: vec![p; asked.times.len()], se: None, how: how.to_string() });
        let (x0, t0) = self.start(asked.history)?;
        let level = match asked.transform {
            Transform::Log if event.level <= 0.0 => f64::NEG_INFINITY,
            Transform::Log => math::ln(event.level),
            _ => event.level,
        };
        let (away, levels) = match event.side {
            Side::Below => (x0 - level, [Some(level), None]),
            Side::Above => (level - x0, [None, Some(level)]),
        };
        if !(away > 0.0) {
            return certain(1.0, "the last row is there already");
        }
        let state = &process.states[0];
        if !level.is_finite() || level < state.lower || level > state.upper {
            return certain(0.0, "the model never goes there");
        }
        let model = &self.forecaster.model;
        let thetas = self.thetas();
        let crossing = |theta| Crossing { theta, start: x0, levels };
        let accuracy = self.forecaster.accuracy;
        if Form::FokkerPlanck.why_not(model).is_none() {
            let times = if asked.last { &asked.times[asked.times.len().saturating_sub(1)..] } else { asked.times };
            let of = |theta| first_passage(model, &crossing(theta), t0, times, accuracy).map(|p| p.survival);
            // Where the equation breaks down the paths are asked, and the answer names them.
            if let Ok(each) = thetas.par_iter().map(|theta| of(*theta)).collect::<Result<Vec<_>>>() {
                let mean = |i: usize| 1.0 - each.iter().map(|survival| survival[i]).sum::<f64>() / each.len() as f64;
                let reached = (0..times.len()).map(mean).collect();
                return Ok(Course {
                    reached,
                    se: None,
                    how: "touched at any time, first-passage equation".to_string(),
                });
            }
        }
        let share = asked.paths.div_ceil(thetas.len());
        let mut reached = vec![0.0; asked.times.len()];
        let mut variances = reached.clone();
        let n = thetas.len() as f64;
        for (k, theta) in thetas.into_iter().enumerate() {
            let key = self.key(asked.history, k, asked.window);
            let one = passage_by_paths(model, &crossing(theta), t0, asked.times, share, key)?;
            for i in 0..reached.len() {
                reached[i] += one.probability[i] / n;
                variances[i] += one.se[i] * one.se[i] / (n * n);
            }
        }
        let how = format!("touched at any time, {} paths with bridges", share * self.thetas().len());
        Ok(Course { reached, se: Some(variances.iter().map(|v| v.sqrt()).collect()), how })
    }
}
