//! When the model is right its forecasts are calibrated: series are simulated, and forecast one row ahead by the law of the true parameters and by
//! those fitted to the rows before.

use crate::base::rng::{Key, word_of};
use crate::base::{Clock, ClockKind, Purpose, Seed, Series, Stream, Transform, math};
use crate::baseline::{Garch, GarchForecaster, Innovations};
use crate::fit::Settings;
use crate::forecast::ModelForecaster;
use crate::form::monte_carlo::{Run, Scheme, Start, simulate};
use crate::form::{Accuracy, Form, Question, marginals};
use crate::models::built_in;
use crate::predictive::{Forecaster, Predictive};
use crate::stats;
use rayon::prelude::*;

/// How a kind of model is simulated.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// Draws of the closed law.
    Exact,
    /// A scheme of paths, so many steps a row: far below what some hundred rows can see.
    Steps(usize),
    /// Reaction by reaction.
    Reactions,
    /// The recursion of GARCH(1,1) with Student's innovations.
    Recursion,
}

/// A model of one kind with its true parameters.
struct Kind {
    id: &'static str,
    what: &'static str,
    theta: &'static [f64],
    start: f64,
    dt: f64,
    by: By,
    /// Whether parameters can be fitted to a series of it.
    fitted: bool,
    rows: usize,
}

const KINDS: [Kind; 8] = [
    Kind {
        id: "ou",
        what: "closed law",
        theta: &[1.0, 2.0, 0.7],
        start: 2.0,
        dt: 0.2,
        by: By::Exact,
        fitted: true,
        rows: 5000,
    },
    Kind {
        id: "cir",
        what: "closed law",
        theta: &[1.0, 1.0, 0.8],
        start: 1.0,
        dt: 0.2,
        by: By::Exact,
        fitted: true,
        rows: 5000,
    },
    Kind {
        id: "ckls",
        what: "Fokker-Planck",
        theta: &[1.0, -1.0, 0.5, 0.8],
        start: 1.0,
        dt: 0.2,
        by: By::Steps(100),
        fitted: true,
        rows: 5000,
    },
    Kind {
        id: "double-well",
        what: "Fokker-Planck",
        theta: &[1.0, 1.0, 1.2],
        start: 1.0,
        dt: 0.2,
        by: By::Steps(100),
        fitted: true,
        rows: 5000,
    },
    Kind {
        id: "ou-jump",
        what: "jumps",
        theta: &[1.0, 0.0, 0.5, 1.0, 0.2, 0.8],
        start: 0.0,
        dt: 0.2,
        by: By::Steps(100),
        fitted: false,
        rows: 0,
    },
    Kind {
        id: "merton-jump",
        what: "jumps",
        theta: &[0.05, 0.2, 3.0, -0.1, 0.15],
        start: 1.0,
        dt: 0.1,
        by: By::Steps(100),
        fitted: false,
        rows: 0,
    },
    Kind {
        id: "immigration-death",
        what: "network",
        theta: &[6.0, 0.5],
        start: 12.0,
        dt: 0.5,
        by: By::Reactions,
        fitted: true,
        rows: 2000,
    },
    Kind {
        id: "garch-t",
        what: "baseline",
        theta: &[0.05, 0.1, 0.1, 0.8, 6.0],
        start: 0.0,
        dt: 1.0,
        by: By::Recursion,
        fitted: true,
        rows: 5000,
    },
];

/// Rows that are forecast.
const AHEAD: usize = 200;
const LEVELS: [f64; 3] = [0.5, 0.8, 0.95];

impl Kind {
    fn series(&self, seed: u64) -> Series {
        let n = self.rows + AHEAD + 1;
        // Each kind has noise of its own.
        let key = Seed(seed).key(Purpose::Simulation, word_of(self.id), 0);
        let mut stream = key.stream(0);
        let value = match self.by {
            By::Exact => self.path(n, key, Scheme::Exact, self.dt),
            By::Steps(steps) => {
                // Of weak order two where there are no jumps.
                let offered = Scheme::of(&built_in(self.id).expect("built in"));
                let scheme = offered.into_iter().find(|s| *s == Scheme::Strong15).unwrap_or(Scheme::EulerMaruyama);
                self.path(n, key, scheme, self.dt / steps as f64)
            }
            By::Reactions => self.counts(n, &mut stream),
            By::Recursion => self.levels(n, &mut stream),
        };
        Series {
            id: format!("{} {seed}", self.id),
            value_name: "x".into(),
            time: (0..n).map(|i| i as f64 * self.dt).collect(),
            value,
            stamps: None,
            clock: Clock { kind: ClockKind::Plain, unit: "day".into(), step: self.dt },
        }
    }

    fn path(&self, n: usize, key: Key, scheme: Scheme, step: f64) -> Vec<f64> {
        let times: Vec<f64> = (1..n).map(|i| i as f64 * self.dt).collect();
        let start = [self.start];
        let run =
            Run { theta: self.theta, start: Start::At(&start), t0: 0.0, times: &times, paths: 1, step, scheme, key };
        let states = simulate(&built_in(self.id).expect("built in"), &run).expect("a path").states;
        std::iter::once(self.start).chain(states.into_iter().map(|row| row[0][0])).collect()
    }

    /// Arrivals and deaths, one after another (Gillespie 1976).
    fn counts(&self, n: usize, stream: &mut Stream) -> Vec<f64> {
        let (alpha, mu) = (self.theta[0], self.theta[1]);
        let (mut x, mut next) = (self.start, 0.0);
        let mut out = vec![x];
        for row in 1..n {
            let end = row as f64 * self.dt;
            loop {
                let rate = alpha + mu * x;
                // What is left of a waiting time past the row is a waiting time again.
                let wait = -stream.uniform().ln() / rate;
                if next + wait > end {
                    next = end;
                    break;
                }
                next += wait;
                x += if stream.uniform() * rate < alpha { 1.0 } else { -1.0 };
            }
            out.push(x);
        }
        out
    }

    /// Levels whose differences follow the recursion.
    fn levels(&self, n: usize, stream: &mut Stream) -> Vec<f64> {
        let nu = self.theta[4];
        let mut returns = Vec::new();
        for _ in 1..n {
            let spread = ((nu - 2.0) / nu * self.variance(&returns)).sqrt();
            returns.push(self.theta[0] + spread * math::student_quantile(stream.uniform(), nu));
        }
        std::iter::once(0.0)
            .chain(returns.iter().scan(0.0, |x, r| {
                *x += r;
                Some(*x)
            }))
            .collect()
    }

    /// The variance of the next return: the stationary one before any.
    fn variance(&self, returns: &[f64]) -> f64 {
        let [mu, omega, alpha, beta] = [0, 1, 2, 3].map(|k| self.theta[k]);
        let first = omega / (1.0 - alpha - beta);
        returns.iter().fold(first, |h, r| omega + alpha * (r - mu) * (r - mu) + beta * h)
    }

    /// The law of the next row by the true parameters.
    fn truth(&self, history: &Series, next: f64) -> Predictive {
        let last = history.value[history.len() - 1];
        if self.by == By::Recursion {
            let returns: Vec<f64> = history.value.windows(2).map(|w| w[1] - w[0]).collect();
            let nu = self.theta[4];
            let scale = ((nu - 2.0) / nu * self.variance(&returns)).sqrt();
            return Predictive::StudentT { location: last + self.theta[0], scale, df: nu };
        }
        let model = built_in(self.id).expect("built in");
        let question = Question {
            theta: self.theta,
            start: &[last],
            t0: history.time[history.len() - 1],
            times: &[next],
            accuracy: Accuracy::default(),
            key: Seed(1).key(Purpose::Forecast, 0, 0),
        };
        marginals(&model, Form::of_choice(&model), &question).expect("a law").remove(0).remove(0)
    }

    fn forecaster(&self) -> Box<dyn Forecaster> {
        match self.by {
            By::Recursion => Box::new(GarchForecaster {
                model: Garch { leverage: false, innovations: Innovations::Student },
                transform: Transform::None,
                seed: Seed(1),
            }),
            _ => {
                let settings = Settings { starts: 1, ..Settings::default() };
                Box::new(ModelForecaster::new(built_in(self.id).expect("built in"), Transform::None, settings))
            }
        }
    }

    /// Probability integral transforms of the rows ahead, by the truth and by a fit to the rows before. Of a count the jump of the
    /// distribution function is filled at random, so that the transforms of a right law are uniform (Czado, Gneiting & Held 2009, section 2.1).
    fn pits(&self, seed: u64) -> (Vec<f64>, Vec<f64>) {
        let series = self.series(seed);
        let rows: Vec<usize> = (self.rows..self.rows + AHEAD).collect();
        let fitted = self.fitted.then(|| {
            let train = series.slice(0, self.rows + 1);
            self.forecaster().fit(&train, None).expect("a fit of the model the rows are of")
        });
        let mut stream = Seed(seed).key(Purpose::Scores, 0, 0).stream(0);
        let mut pit = |law: &Predictive, actual: f64| match law {
            Predictive::Lattice(lattice) => law.cdf(actual) - stream.uniform() * math::exp(lattice.log_pmf(actual)),
            _ => law.cdf(actual),
        };
        let (mut by_truth, mut by_fit) = (Vec::new(), Vec::new());
        for row in rows {
            let (history, next, actual) = (series.slice(0, row + 1), series.time[row + 1], series.value[row + 1]);
            by_truth.push(pit(&self.truth(&history, next), actual));
            if let Some(fitted) = &fitted {
                by_fit.push(pit(&fitted.predict(&history, &[next], row as u64).expect("a law")[0], actual));
            }
        }
        (by_truth, by_fit)
    }
}

/// Standard errors by which the share of values that central intervals hold is off.
fn off(pits: &[f64]) -> [f64; 3] {
    LEVELS.map(|level| {
        let held = pits.iter().filter(|u| (2.0 * **u - 1.0).abs() <= level).count() as f64 / pits.len() as f64;
        (held - level) / (level * (1.0 - level) / pits.len() as f64).sqrt()
    })
}

#[test]
fn right_models_of_every_kind_are_calibrated() {
    for kind in &KINDS {
        // A grid for every row is dear.
        let seeds = if matches!(kind.by, By::Steps(_)) { 1 } else { 5 };
        let runs: Vec<(Vec<f64>, Vec<f64>)> = (0..seeds).into_par_iter().map(|seed| kind.pits(seed)).collect();
        let (truth, fit): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
        for pits in [truth.concat(), fit.concat()].iter().filter(|p| !p.is_empty()) {
            let p = stats::ks_uniform_p(pits);
            assert!(p > 1e-3, "{}: {p}", kind.id);
            assert!(off(pits).iter().all(|z| z.abs() < 4.0), "{}: {:?}", kind.id, off(pits));
        }
    }
}

/// Prints `reports/validation/calibration.md`: 100 seeds a kind, or `CALIBRATION_SEEDS`.
#[test]
#[ignore = "the study behind the table: some minutes"]
fn study_of_calibration() {
    let seeds: u64 = std::env::var("CALIBRATION_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    println!(
        "| model | kind | parameters | rows fitted to | seeds with KS p > 0.01 | coverage of 50 % | 80 % | 95 % (s.e. off) | seeds within 4 s.e. |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut wanting = Vec::new();
    for kind in &KINDS {
        let began = std::time::Instant::now();
        let runs: Vec<(Vec<f64>, Vec<f64>)> = (0..seeds).into_par_iter().map(|seed| kind.pits(1000 + seed)).collect();
        let (truth, fit): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
        for (name, rows, all) in [("true", 0, truth), ("fitted", kind.rows, fit)] {
            if all[0].is_empty() {
                println!("| {} | {} | fitted | no fit of jumps yet | | | | | |", kind.id, kind.what);
                continue;
            }
            let passed = all.iter().filter(|pits| stats::ks_uniform_p(pits) > 0.01).count();
            let within = all.iter().filter(|pits| off(pits).iter().all(|z| z.abs() < 4.0)).count();
            let pooled = all.concat();
            let cells: Vec<String> = LEVELS
                .iter()
                .zip(off(&pooled))
                .map(|(level, z)| {
                    let held = pooled.iter().filter(|u| (2.0 * **u - 1.0).abs() <= *level).count();
                    format!("{:.2} % ({z:+.1})", 100.0 * held as f64 / pooled.len() as f64)
                })
                .collect();
            println!(
                "| {} | {} | {name} | {rows} | {passed} of {seeds} | {} | {within} |",
                kind.id,
                kind.what,
                cells.join(" | ")
            );
            if passed * 100 < 97 * seeds as usize || off(&pooled).iter().any(|z| z.abs() > 4.0) {
                wanting.push(format!("{} {name}", kind.id));
            }
        }
        eprintln!("{}: {:.1} s", kind.id, began.elapsed().as_secs_f64());
    }
    println!(
        "\nEach seed: {AHEAD} rows forecast one ahead. The bar is 97 of 100 seeds and pooled coverage within 4 standard errors. A right law passes 99 of \
         100 on average, and fewer than 97 in one of fifty tables. Fitted parameters are off, the same way for all rows of a seed, which \
         makes the variance of the test's distance larger by up to the rows forecast over the rows fitted to: with 5,000 rows 98.8 of 100 \
         pass on average, with 1,000 it would be 97.6."
    );
    assert!(wanting.is_empty(), "{wanting:?}");
}
