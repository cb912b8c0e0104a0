//! *Four forms, one answer*: every form of a diffusion held against its closed law, or against a finer grid.
//!
//! Errors are in units of the reference's standard deviation (where the variance is infinite, of a normal law with the
//! same 5-95 % range), so that one bound means the same for every model.

use kramers::base::{Purpose, Result, Seed, math};
use kramers::form::{Accuracy, Form, Question, laws};
use kramers::models::{Model, built_in};
use kramers::predictive::Predictive;

/// What a case knows about its own law.
#[derive(Clone, Copy, PartialEq)]
enum Law {
    Regular,
    /// The density is infinite at the lower end: no pointwise claim is made below its 5 % quantile.
    InfiniteAtZero,
    /// Moments of order 2 gamma - 1 and above are infinite, so mean and sd are not compared.
    HeavyTail,
}

struct Case {
    model: &'static str,
    theta: &'static [f64],
    x0: f64,
    /// One short, and one of several relaxation times.
    times: [f64; 2],
    /// Fastest relative rate of change of drift or squared diffusion, 1/time: Euler's weak bias is at most `rate · step`.
    rate: f64,
    law: Law,
}

const fn case(model: &'static str, theta: &'static [f64], x0: f64, long: f64, rate: f64, law: Law) -> Case {
    Case { model, theta, x0, times: [1.0 / 12.0, long], rate, law }
}

const CASES: &[Case] = &[
    case("bm", &[0.3, 0.7], -0.4, 5.0, 0.1, Law::Regular),
    case("gbm", &[0.05, 0.2], 100.0, 5.0, 0.25, Law::Regular),
    case("gbm", &[-0.1, 0.5], 0.02, 5.0, 0.5, Law::Regular),
    case("ou", &[1.5, 0.5, 0.8], -1.0, 4.0, 1.5, Law::Regular),
    case("ou", &[0.2, 40.0, 3.0], 55.0, 20.0, 0.2, Law::Regular),
    case("cir", &[0.5, 0.9, 0.4], 0.8, 10.0, 0.5, Law::Regular),
    case("cir", &[1.2, 0.06, 0.25], 0.04, 5.0, 2.0, Law::Regular),
    // 2 kappa theta / sigma² = 0.5: Feller's condition is violated.
    case("cir", &[1.0, 0.25, 1.0], 0.3, 4.0, 4.0, Law::InfiniteAtZero),
    case("exp-ou", &[1.2, 0.1, 0.3], 0.8, 5.0, 1.5, Law::Regular),
    case("exp-ou", &[0.5, 4.0, 0.5], 30.0, 10.0, 1.0, Law::Regular),
    case("double-well", &[1.0, 1.0, 0.8], -1.0, 5.0, 4.0, Law::Regular),
    case("double-well", &[0.3, 1.5, 0.7], 0.2, 12.0, 1.5, Law::Regular),
    case("ckls", &[2.0, -0.26, 0.13, 1.45], 6.0, 12.0, 0.5, Law::HeavyTail),
    case("ckls", &[0.5, -0.5, 0.3, 0.5], 1.0, 8.0, 0.5, Law::Regular),
    case("cev", &[0.05, 2.0, 0.5], 100.0, 5.0, 0.25, Law::Regular),
    case("cev", &[0.05, 0.3, 0.8], 1.0, 5.0, 0.5, Law::Regular),
    case("cev", &[0.02, 0.3, 1.4], 0.5, 5.0, 0.5, Law::HeavyTail),
    case("logistic", &[1.0, 1.0, 0.2], 0.3, 8.0, 1.0, Law::Regular),
    case("logistic", &[0.5, 10.0, 0.6], 4.0, 12.0, 1.0, Law::Regular),
];

const GRID_FORMS: [Form; 2] = [Form::FokkerPlanck, Form::MasterEquation];
const CELLS: usize = 500;
/// Error of a grid form with 500 cells, in sd.
const GRID_BOUND: f64 = 1e-4;
/// The same where the density is infinite at zero: the lattice's end is first-order there (2.1e-4 found).
const GRID_BOUND_INFINITE: f64 = 4e-4;
/// Cells beside an end of the domain that the grid forms do not extrapolate.
const CELLS_AT_AN_END: usize = 6;
const PATHS: usize = 40_000;
const WHAT: [&str; 5] = ["mean", "sd", "q05", "q50", "q95"];
const LEVELS: [f64; 3] = [0.05, 0.5, 0.95];

impl Case {
    fn name(&self) -> String {
        format!("{} {:?} from {}", self.model, self.theta, self.x0)
    }

    fn model(&self) -> Model {
        built_in(self.model).expect("built in")
    }

    fn ask(&self, model: &Model, form: Form, accuracy: Accuracy) -> Result<Vec<Predictive>> {
        let key = Seed(2026).key(Purpose::Simulation, 0, 0);
        laws(
            model,
            form,
            &Question { theta: self.theta, start: &[self.x0], t0: 0.0, times: &self.times, accuracy, key },
        )
    }

    fn on_cells(&self, form: Form, cells: usize) -> Vec<Predictive> {
        let answer = self.ask(&self.model(), form, Accuracy { cells, ..Accuracy::default() });
        answer.unwrap_or_else(|e| panic!("{} by {}: {e}", self.name(), form.name()))
    }

    /// The closed law where one is claimed, else Fokker-Planck on twice the cells.
    fn reference(&self) -> Vec<Predictive> {
        let model = self.model();
        if model.law.is_some() {
            return self.ask(&model, Form::Exact, Accuracy::default()).expect("a closed law");
        }
        self.on_cells(Form::FokkerPlanck, 2 * CELLS)
    }

    /// A step whose weak bias is at most one standard error of the mean of [`PATHS`] paths, and an eighth of the short time.
    fn step(&self) -> f64 {
        (1.0 / (self.rate * (PATHS as f64).sqrt())).min(self.times[0] / 8.0)
    }

    fn by_monte_carlo(&self) -> Vec<Predictive> {
        let accuracy = Accuracy { paths: PATHS, step: Some(self.step()), ..Accuracy::default() };
        let answer = self.ask(&self.model(), Form::MonteCarlo, accuracy);
        answer.unwrap_or_else(|e| panic!("{} by monte-carlo: {e}", self.name()))
    }

    fn scale(&self, reference: &Predictive) -> f64 {
        if self.law == Law::HeavyTail {
            // 2 · 1.6449 sd lie between the 5 and 95 % quantiles of a normal law.
            return (reference.quantile(0.95) - reference.quantile(0.05)) / 3.289_707_253_902_945;
        }
        reference.sd().expect("finite")
    }

    /// Errors in sd of mean, sd and the three quantiles; `None` where the law has no such number.
    fn errors(&self, reference: &Predictive, answer: &Predictive) -> [Option<f64>; 5] {
        let scale = self.scale(reference);
        let [a, r] = [answer, reference].map(five);
        let compared = |i: usize| i >= 2 || self.law != Law::HeavyTail;
        std::array::from_fn(|i| compared(i).then(|| (a[i] - r[i]) / scale))
    }

    fn grid_bound(&self) -> f64 {
        if self.law == Law::InfiniteAtZero { GRID_BOUND_INFINITE } else { GRID_BOUND }
    }
}

/// Whether an error is within its bound; NaN never is.
fn within(error: f64, bound: f64) -> bool {
    error.abs() < bound
}

/// Mean, sd, 5, 50 and 95 % quantile; NaN where there is none.
fn five(law: &Predictive) -> [f64; 5] {
    let [low, middle, high] = LEVELS.map(|p| law.quantile(p));
    [law.mean().unwrap_or(f64::NAN), law.sd().unwrap_or(f64::NAN), low, middle, high]
}

/// Standard errors of the five numbers of a sample, in sd of the reference.
fn standard_errors(reference: &Predictive, sample: &Predictive, scale: f64) -> [f64; 5] {
    let Predictive::Ensemble(ensemble) = sample else { panic!("not a sample: {sample:?}") };
    let n = ensemble.samples().len() as f64;
    let (mean, sd) = (ensemble.mean(), ensemble.sd());
    let fourth = ensemble.samples().iter().map(|x| ((x - mean) / sd).powi(4)).sum::<f64>() / n;
    let quantile = |p: f64| {
        let density = reference.log_pdf(reference.quantile(p)).expect("a density").exp();
        (p * (1.0 - p) / n).sqrt() / density
    };
    let [low, middle, high] = LEVELS.map(quantile);
    [sd / n.sqrt(), sd * ((fourth - 1.0) / (4.0 * n)).sqrt(), low, middle, high].map(|e| e / scale)
}

#[test]
fn fokker_planck_and_the_master_equation_give_the_reference_law() {
    let mut wrong = Vec::new();
    for case in CASES {
        let reference = case.reference();
        for form in GRID_FORMS {
            // Collected, so that one failure shows them all.
            let answer = match case.ask(&case.model(), form, Accuracy { cells: CELLS, ..Accuracy::default() }) {
                Ok(answer) => answer,
                Err(e) => {
                    wrong.push(format!("{} by {}: {e}", case.name(), form.name()));
                    continue;
                }
            };
            for (k, time) in case.times.iter().enumerate() {
                for (what, error) in WHAT.iter().zip(case.errors(&reference[k], &answer[k])) {
                    if let Some(error) = error.filter(|e| !within(*e, case.grid_bound())) {
                        wrong.push(format!(
                            "{} at t = {time:.4} by {}: {what} is off by {error:.2e} sd, allowed {:.0e}",
                            case.name(),
                            form.name(),
                            case.grid_bound()
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers disagree:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn monte_carlo_gives_the_reference_law_within_four_standard_errors() {
    let mut wrong = Vec::new();
    for case in CASES {
        let (reference, answer) = (case.reference(), case.by_monte_carlo());
        let bias = case.rate * case.step();
        for (k, time) in case.times.iter().enumerate() {
            let allowed = standard_errors(&reference[k], &answer[k], case.scale(&reference[k])).map(|e| 4.0 * e + bias);
            for (i, error) in case.errors(&reference[k], &answer[k]).into_iter().enumerate() {
                if let Some(error) = error.filter(|e| !within(*e, allowed[i])) {
                    wrong.push(format!(
                        "{} at t = {time:.4}: {} is off by {error:.2e} sd, allowed {:.2e}",
                        case.name(),
                        WHAT[i],
                        allowed[i]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers disagree:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_grid_form_converges_to_its_law_and_not_only_near_it() {
    // Four times the cells: order 1.5 or better (an end of the domain costs the fourth order of the interior).
    for case in CASES.iter().filter(|c| c.model().law.is_some() && c.law == Law::Regular) {
        let reference = case.reference();
        for form in GRID_FORMS {
            let (coarse, fine) = (case.on_cells(form, 200), case.on_cells(form, 800));
            for k in 0..case.times.len() {
                let worst = |answer: &[Predictive]| {
                    case.errors(&reference[k], &answer[k]).into_iter().flatten().fold(0.0, |w: f64, e| w.max(e.abs()))
                };
                let (before, after) = (worst(&coarse), worst(&fine));
                assert!(
                    after < before / 8.0 || after < 1e-7,
                    "{} at t = {} by {}: {before:.1e} with 200 cells, {after:.1e} with 800",
                    case.name(),
                    case.times[k],
                    form.name()
                );
            }
        }
    }
}

#[test]
fn the_log_density_of_a_grid_is_that_of_the_closed_law() {
    let mut wrong = Vec::new();
    for case in CASES.iter().filter(|c| c.model().law.is_some()) {
        let reference = case.reference();
        let answer = case.on_cells(Form::FokkerPlanck, 2 * CELLS);
        for (k, time) in case.times.iter().enumerate() {
            let (law, grid) = (&reference[k], &answer[k]);
            let gap = |x: f64| (grid.log_pdf(x).expect("a density") - law.log_pdf(x).expect("a density")).abs();
            // Central 99.9 %.
            let (lowest, bound) = if case.law == Law::InfiniteAtZero { (0.05, 1e-3) } else { (0.0005, 1e-4) };
            for i in 0..=400 {
                let p = lowest + (0.9995 - lowest) * f64::from(i) / 400.0;
                let x = law.quantile(p);
                if !within(gap(x), bound) {
                    wrong.push(format!("{} at t = {time:.4}, p = {p:.4}: {:.1e}", case.name(), gap(x)));
                }
            }
            // As improbable as 6 and 6.5 sd of a normal law, but not in the cells beside an end of the domain, where the
            // density is a power of the distance that no cubic in x follows.
            let Predictive::Density(density) = grid else { panic!("not a grid: {grid:?}") };
            for z in [-6.5, -6.0, 6.0, 6.5] {
                let x = law.quantile(math::normal_cdf(z));
                if x > density.table().0[CELLS_AT_AN_END] && !within(gap(x), 1e-2) {
                    wrong.push(format!("{} at t = {time:.4}, z = {z}, x = {x:.3e}: {:.1e}", case.name(), gap(x)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} log densities disagree:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_answer_is_a_law_with_mass_one_and_a_monotone_distribution_function() {
    for case in CASES {
        let mut answers = vec![(Form::MonteCarlo, case.ask_few_paths())];
        answers.extend(GRID_FORMS.map(|form| (form, case.on_cells(form, CELLS))));
        if case.model().law.is_some() {
            answers.push((Form::Exact, case.reference()));
        }
        for (form, laws) in answers {
            for (law, time) in laws.iter().zip(case.times) {
                assert_is_a_law(law, &format!("{} at t = {time:.4} by {}", case.name(), form.name()), case.law);
            }
        }
    }
}

impl Case {
    fn ask_few_paths(&self) -> Vec<Predictive> {
        let accuracy = Accuracy { paths: 1_000, step: Some(self.step()), ..Accuracy::default() };
        self.ask(&self.model(), Form::MonteCarlo, accuracy).expect("paths")
    }
}

fn assert_is_a_law(law: &Predictive, whose: &str, kind: Law) {
    let sampled = matches!(law, Predictive::Ensemble(_));
    let levels: Vec<f64> = (1..200).map(|i| f64::from(i) / 200.0).collect();
    let (mut before, mut last) = (f64::NEG_INFINITY, 0.0);
    for p in levels {
        let x = law.quantile(p);
        let back = law.cdf(x);
        assert!(x >= before && back >= last, "{whose}: not monotone at p = {p}");
        // Between order statistics a sample knows its distribution function to one sample.
        let (allowed, below) = if sampled { (1.5e-3, law.cdf(x.next_down())) } else { (1e-9, back) };
        // Paths held at an end of the domain are an atom there, which may lie across p.
        assert!(back > p - allowed && below < p + allowed, "{whose}: cdf(quantile({p})) = {below} to {back}");
        if !sampled {
            let again = law.quantile(back);
            assert!(
                (again - x).abs() <= 1e-8 * (x.abs() + (law.quantile(0.95) - law.quantile(0.05))),
                "{whose}: {x} {again}"
            );
        }
        (before, last) = (x, back);
    }
    if sampled {
        return;
    }
    // The density integrates to the distribution function: midpoint rule on cells of equal probability.
    let lowest = if kind == Law::InfiniteAtZero { 0.05 } else { 0.001 };
    let edge = |i: i32| law.quantile(lowest + (0.999 - lowest) * f64::from(i) / 4_000.0);
    let mass: f64 = (0..4_000)
        .map(|i| {
            let (from, to) = (edge(i), edge(i + 1));
            (to - from) * law.log_pdf(0.5 * (from + to)).expect("a density").exp()
        })
        .sum();
    assert!((mass - (0.999 - lowest)).abs() < 1e-4, "{whose}: the density has mass {mass} on {}", 0.999 - lowest);
    let range = law.quantile(0.999) - law.quantile(0.001);
    assert!(
        law.cdf(law.quantile(0.999) + 1e3 * range) > 1.0 - 1e-5 && law.cdf(law.quantile(0.001) - 1e3 * range) < 1e-9
    );
}

#[test]
#[ignore = "writes reports/validation/forms.md: `just agreement`"]
fn table_of_agreement() {
    let show = |numbers: [Option<f64>; 5]| -> String {
        numbers.map(|e| e.map_or(" – |".to_string(), |e| format!(" {e:.1e} |"))).concat()
    };
    let mut text = String::from(
        "# Four forms, one answer\n\n\
         Errors of mean, standard deviation and quantiles, in units of the reference's standard deviation (where the\n\
         variance is infinite, of a normal law with the same 5-95 % range, and moments are left out). The reference is the\n\
         closed law where the model claims one (marked exact), else Fokker-Planck on 1000 cells. Grid forms have 500\n\
         cells; Monte Carlo is Euler-Maruyama on 40,000 paths, and the row below it is its standard error.\n\
         `just agreement` makes this table again.\n\n\
         | model, parameters, start | reference | time | form | mean | sd | q05 | q50 | q95 |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    let mut worst: Vec<(Form, f64, String)> = Vec::new();
    for case in CASES {
        let reference = case.reference();
        let kind = if case.model().law.is_some() { "exact" } else { "finer grid" };
        let simulated = case.by_monte_carlo();
        for (k, time) in case.times.iter().enumerate() {
            let head = format!("| {} | {kind} | {time:.3}", case.name());
            for form in GRID_FORMS {
                match case.ask(&case.model(), form, Accuracy { cells: CELLS, ..Accuracy::default() }) {
                    Ok(answer) => {
                        let errors = case.errors(&reference[k], &answer[k]);
                        text.push_str(&format!("{head} | {} |{}\n", form.name(), show(errors)));
                        let largest = errors.into_iter().flatten().fold(0.0, |w: f64, e| w.max(e.abs()));
                        worst.push((form, largest, format!("{} at t = {time:.3}", case.name())));
                    }
                    Err(_) => text.push_str(&format!("{head} | {} | refused | | | | |\n", form.name())),
                }
            }
            let errors = case.errors(&reference[k], &simulated[k]);
            let standard = standard_errors(&reference[k], &simulated[k], case.scale(&reference[k]));
            text.push_str(&format!("{head} | monte-carlo |{}\n", show(errors)));
            let compared = std::array::from_fn(|i| errors[i].map(|_| standard[i]));
            text.push_str(&format!("{head} | (standard error) |{}\n", show(compared)));
            let ratio =
                errors.iter().zip(standard).filter_map(|(e, s)| Some(e.as_ref()?.abs() / s)).fold(0.0, f64::max);
            worst.push((Form::MonteCarlo, ratio, format!("{} at t = {time:.3}", case.name())));
        }
    }
    text.push_str("\n## Worst\n\n| form | worst error | where |\n|---|---|---|\n");
    for form in [Form::FokkerPlanck, Form::MasterEquation, Form::MonteCarlo] {
        let rows = worst.iter().filter(|w| w.0 == form);
        if let Some((_, error, place)) = rows.max_by(|a, b| a.1.total_cmp(&b.1)) {
            let unit = if form == Form::MonteCarlo { "standard errors" } else { "sd" };
            text.push_str(&format!("| {} | {error:.1e} {unit} | {place} |\n", form.name()));
        }
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/reports/validation/forms.md"), text).expect("written");
}
