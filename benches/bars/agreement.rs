//! Bar 8: all forms of one typed model.

use super::Bar;
use super::clock::best;
use super::question::{diffusion, law};
use kramers::base::{Purpose, Seed};
use kramers::form::monte_carlo::{Run, Scheme, Start, summarise};
use kramers::form::{Accuracy, Answer, Form};

pub fn agreement(bar: &Bar) {
    let model = diffusion("x - x^3 + sin(2*pi*x)", "0.7");
    let (at, times) = ((&[][..], &[-1.0][..]), [1.0, 5.0]);
    let goal = Accuracy { goal: Some(1e-9), ..Accuracy::default() };
    let (by_spectrum, spectrum) = best(3, || law(&model, Form::Schroedinger, at, &times, Accuracy::default()));
    let (by_grid, grid) = best(3, || law(&model, Form::FokkerPlanck, at, &times, goal));
    let mut apart: f64 = 0.0;
    for (s, g) in spectrum.laws.iter().zip(&grid.laws) {
        let points = (0..=600).map(|i| -3.0 + 0.01 * f64::from(i));
        apart = points.map(|x| (s[0].cdf(x) - g[0].cdf(x)).abs()).fold(apart, f64::max);
    }
    let question = "double well + sin(2 pi x), noise 0.7, t = 1 and 5";
    let said = |answer: &Answer| format!("{question}; said {:.0e}", answer.error.expect("an estimate"));
    bar.say("schroedinger", by_spectrum, None, &said(&spectrum), "-");
    bar.say("fokker-planck to 1e-9", by_grid, apart, &format!("{}; error as against the spectrum", said(&grid)), "-");
    let paths = 200_000;
    let run = Run {
        theta: &[],
        start: Start::At(&[-1.0]),
        t0: 0.0,
        times: &times,
        paths,
        step: 0.01,
        scheme: Scheme::Weak2,
        key: Seed(1).key(Purpose::Simulation, 0, 0),
    };
    let (seconds, found) = best(1, || summarise(&model, &run).expect("finite paths"));
    let off = |t: usize| {
        let spread = &found.at[t][0];
        (spread.mean - spectrum.laws[t][0].mean().expect("a mean")).abs() / spread.error
    };
    let note = format!("{question}; mean off by {:.1} and {:.1} standard errors", off(0), off(1));
    bar.say("monte-carlo, weak order 2", seconds, found.at[1][0].error, &note, "-");
}
