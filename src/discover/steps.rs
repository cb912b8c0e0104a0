//! Observed transitions of one or two states, from one or many series, with the real step of each.

use crate::base::{Error, Result, Series};

/// One run of joint observations, without a gap; several of them are several series of one law.
#[derive(Debug, Clone)]
pub struct Track<'a> {
    /// `[row]`: increasing, in the unit of the data.
    pub time: &'a [f64],
    /// `[state][row]`: one or two states, observed together and finite.
    pub states: Vec<&'a [f64]>,
}

impl<'a> Track<'a> {
    /// A series as a track of one state, its values in the unit they have.
    pub fn of(series: &'a Series) -> Track<'a> {
        Track { time: &series.time, states: vec![&series.value] }
    }
}

/// Transitions `x0 → x1` over `dt`, structure of arrays.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    /// `[state][transition]`: where each transition begins.
    pub x0: Vec<Vec<f64>>,
    /// `[state][transition]`: where it ends.
    pub x1: Vec<Vec<f64>>,
    /// `[transition]`: the time each takes, positive.
    pub dt: Vec<f64>,
    /// Whether the transition begins where the one before it ended.
    pub follows: Vec<bool>,
}

/// Fewest transitions that [`Steps::of`] takes: fewer tell too little about curves to estimate them.
pub const LEAST: usize = 200;

impl Steps {
    /// The transitions of every track, one after another.
    ///
    /// # Errors
    /// [`Error::Numerics`] unless all tracks have one or two states, finite values and increasing times; [`Error::TooFewRows`]
    /// below [`LEAST`] transitions; [`Error::Constant`] where a state never changes.
    pub fn of(tracks: &[Track]) -> Result<Steps> {
        let states = tracks.first().map_or(0, |t| t.states.len());
        let mut steps =
            Steps { x0: vec![Vec::new(); states], x1: vec![Vec::new(); states], dt: Vec::new(), follows: Vec::new() };
        for track in tracks {
            let rows = track.time.len();
            if !(1..=2).contains(&states) || track.states.len() != states {
                return Err(refuse(
                    format!("{} states", track.states.len()),
                    "formulas are found for one state or two observed together",
                ));
            }
            if track.states.iter().any(|s| s.len() != rows || s.iter().any(|x| !x.is_finite())) {
                return Err(refuse("values that are missing or not finite".to_string(), "clean the data first"));
            }
            if track.time.windows(2).any(|w| !(w[1] - w[0] > 0.0)) {
                return Err(refuse("times that do not increase".to_string(), "sort the rows by time"));
            }
            for (k, values) in track.states.iter().enumerate() {
                steps.x0[k].extend(&values[..rows.saturating_sub(1)]);
                steps.x1[k].extend(values.iter().skip(1));
            }
            steps.dt.extend(track.time.windows(2).map(|w| w[1] - w[0]));
            steps.follows.extend((1..rows).map(|i| i > 1));
        }
        if steps.len() < LEAST {
            return Err(Error::TooFewRows {
                series: "the data".to_string(),
                rows: steps.len() + tracks.len(),
                needed: LEAST + tracks.len(),
                purpose: "finding drift and diffusion".to_string(),
            });
        }
        for (from, to) in steps.x0.iter().zip(&steps.x1) {
            if from.iter().chain(to).all(|x| *x == from[0]) {
                return Err(Error::Constant { series: "the data".to_string(), rows: from.len() + 1, value: from[0] });
            }
        }
        Ok(steps)
    }

    /// Number of transitions, of all tracks.
    pub fn len(&self) -> usize {
        self.dt.len()
    }

    /// Whether there is none; [`Steps::of`] makes no such steps.
    pub fn is_empty(&self) -> bool {
        self.dt.is_empty()
    }

    /// Number of states.
    pub fn states(&self) -> usize {
        self.x0.len()
    }

    /// The increments of one state.
    pub(super) fn increments(&self, state: usize) -> Vec<f64> {
        self.x1[state].iter().zip(&self.x0[state]).map(|(to, from)| to - from).collect()
    }
}

fn refuse(why: String, hint: &str) -> Error {
    Error::Numerics { what: "discovery".to_string(), why: format!("it was given {why}"), hint: hint.to_string() }
}
