//! What a forecaster is handed, row by row.

use super::*;
use crate::base::{Clock, ClockKind, Error};
use crate::predictive::Lattice;
use std::sync::Mutex;

/// Forecasts nothing of note, and keeps what it saw: rows learnt from, and rows of each history.
#[derive(Default)]
struct Spy {
    seen: Mutex<Vec<(String, usize, usize)>>,
    /// Fits from a fit before fail.
    stubborn: bool,
}

struct Told<'a>(&'a Spy);

impl Spy {
    fn keep(&self, what: &str, rows: &Series) {
        // Values are the numbers of the rows.
        let (first, last) = (rows.value[0] as usize, rows.value[rows.len() - 1] as usize);
        self.seen.lock().expect("one thread").push((what.to_string(), first, last));
    }
}

impl Forecaster for &'static Spy {
    fn name(&self) -> &str {
        "spy"
    }

    fn fit(&self, train: &Series, previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        self.keep(if previous.is_some() { "again" } else { "anew" }, train);
        match previous {
            Some(_) if self.stubborn => Err(Error::Interrupted),
            _ => Ok(Box::new(Told(self))),
        }
    }
}

impl Fitted for Told<'static> {
    fn predict(&self, history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
        self.0.keep("asked", history);
        Ok(times.iter().map(|t| Predictive::Normal { mean: *t, sd: 1.0 }).collect())
    }

    fn parameters(&self) -> &[f64] {
        &[]
    }
}

/// What the spy saw over three windows with cutoffs at rows 59, 69 and 79.
fn seen(refit: Refit, window: Window, embargo: usize, stubborn: bool) -> Vec<(String, usize, usize)> {
    let spy: &'static Spy = Box::leak(Box::new(Spy { stubborn, ..Spy::default() }));
    let rows: Vec<f64> = (0..90).map(f64::from).collect();
    let series = Series {
        id: "rows".into(),
        value_name: "x".into(),
        time: rows.clone(),
        value: rows,
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "row".into(), step: 1.0 },
    };
    let plan = Plan::new(&series, Split::Rows(30), 1, 10, refit).and_then(|p| p.learning(window, embargo));
    let plan = plan.expect("a plan");
    let result = backtest(&series, Transform::None, &[&spy], &plan, &|| {}, None).expect("a backtest");
    assert!(result.troubles.is_empty() && result.rows.len() == 3, "{:?}", result.troubles);
    spy.seen.lock().expect("one thread").clone()
}

fn saw(all: &[(&str, usize, usize)]) -> Vec<(String, usize, usize)> {
    all.iter().map(|(what, first, last)| (what.to_string(), *first, *last)).collect()
}

#[test]
fn a_fit_sees_the_rows_of_its_window_and_the_forecast_starts_from_the_cutoff() {
    assert_eq!(
        seen(Refit::EveryWindow, Window::Expanding, 0, false),
        saw(&[
            ("anew", 0, 59),
            ("asked", 0, 59),
            ("again", 0, 69),
            ("asked", 0, 69),
            ("again", 0, 79),
            ("asked", 0, 79)
        ])
    );
    assert_eq!(
        seen(Refit::EveryWindow, Window::Sliding(25), 4, false),
        saw(&[
            ("anew", 31, 55),
            ("asked", 31, 59),
            ("again", 41, 65),
            ("asked", 41, 69),
            ("again", 51, 75),
            ("asked", 51, 79)
        ])
    );
}

#[test]
fn a_fit_that_fails_from_the_one_before_is_made_anew() {
    let twice = saw(&[
        ("anew", 0, 57),
        ("asked", 0, 59),
        ("again", 0, 67),
        ("anew", 0, 67),
        ("asked", 0, 69),
        ("again", 0, 77),
        ("anew", 0, 77),
        ("asked", 0, 79),
    ]);
    assert_eq!(seen(Refit::EveryWindow, Window::Expanding, 2, true), twice);
}

/// Says of every row that it is 0, 2 or 4 with these probabilities.
struct Coarse;

const LUMPS: [(f64, f64); 3] = [(0.0, 0.55), (2.0, 0.35), (4.0, 0.1)];

impl Forecaster for Coarse {
    fn name(&self) -> &str {
        "coarse"
    }

    fn counts(&self) -> bool {
        true
    }

    fn fit(&self, _train: &Series, _previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        Ok(Box::new(Coarse))
    }
}

impl Fitted for Coarse {
    fn predict(&self, _history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
        let law = Lattice::new(LUMPS).expect("a law");
        Ok(times.iter().map(|_| Predictive::Lattice(law.clone())).collect())
    }

    fn parameters(&self) -> &[f64] {
        &[]
    }
}

#[test]
fn a_right_law_of_a_few_counts_is_calibrated() {
    let n = 1600;
    let mut stream = Seed(17).key(Purpose::Simulation, 0, 0).stream(0);
    let draw = |u: f64| {
        if u < 0.55 {
            0.0
        } else if u < 0.9 {
            2.0
        } else {
            4.0
        }
    };
    let series = Series {
        id: "lumps".into(),
        value_name: "x".into(),
        time: (0..n).map(|i| i as f64).collect(),
        value: (0..n).map(|_| draw(stream.uniform())).collect(),
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "row".into(), step: 1.0 },
    };
    let plan = Plan::new(&series, Split::Rows(1500), 1, 1, Refit::Never).expect("a plan");
    let result = backtest(&series, Transform::None, &[&Coarse], &plan, &|| {}, None).expect("a backtest");
    let scores = Scores::of(&result);
    let told = &scores.pooled[0];
    // Counted by whole points the 80 % interval, 0 to 2 or to 4, would hold 90 or 100 % of what comes.
    for (level, held) in [(0.5, told.all.coverage_50), (0.8, told.all.coverage_80), (0.95, told.all.coverage_95)] {
        let se = (level * (1.0 - level) / 1500.0_f64).sqrt();
        assert!((held - level).abs() < 4.0 * se, "{level}: {held}");
    }
    assert!(told.pit_ks_p > 1e-3, "{}", told.pit_ks_p);
    assert!(told.pit_histogram.counts.iter().all(|c| (told.pit_histogram.low..=told.pit_histogram.high).contains(c)));
}
