//! Bars 5 and 6: Fokker-Planck in one dimension and in two.

use super::Bar;
use super::clock::{best, on};
use super::question::{diffusion, double_well, law};
use kramers::base::math;
use kramers::base::{Purpose, Seed};
use kramers::form::fokker_planck::plane;
use kramers::form::{Accuracy, Answer, Form, Question};
use kramers::models::built_in;
use kramers::predictive::Predictive;

pub fn lines(bar: &Bar) {
    // A point that started s earlier is the peers' normal law of mean 1 and variance 0.05 at their start.
    let s = -0.5 * math::ln(0.95);
    let (x0, t) = (math::exp(s), 1.0 + s);
    let model = diffusion("-x", "sqrt(2)");
    let exact = Predictive::Normal { mean: math::exp(-1.0), sd: (1.0 - math::exp(-2.0 * t)).sqrt() };
    let density = |law: &Predictive, x: f64| math::exp(law.log_pdf(x).expect("a density"));
    let off = |found: &Answer| {
        let points = (0..1000).map(|i| -5.0 + 0.01 * (f64::from(i) + 0.5));
        points.map(|x| (density(&found.laws[0][0], x) - density(&exact, x)).abs()).fold(0.0, f64::max)
    };
    for (form, cells) in [(Form::Schroedinger, 500), (Form::FokkerPlanck, 250), (Form::FokkerPlanck, 1000)] {
        let accuracy = Accuracy { cells, ..Accuracy::default() };
        let (seconds, found) = best(9, || law(&model, form, (&[], &[x0]), &[t], accuracy));
        let basis = if form == Form::Schroedinger { "own basis".to_string() } else { format!("{cells} cells asked") };
        let said = found.error.expect("an estimate");
        let note = format!(
            "Ornstein-Uhlenbeck as the peers', {basis}; error of the density; of the distribution said {said:.0e}"
        );
        bar.say(form.name(), seconds, off(&found), &note, if cells == 250 { "" } else { "-" });
    }
    let known = [(-1.0, 1.661_148_384_998_944), (0.0, 0.046_342_644_115_542_15), (1.0, 0.003_710_576_763_383_307)];
    let well = double_well(0.1);
    for (times, what) in [(&[2.0][..], "t = 2"), (&[0.5, 2.0, 20.0], "t = 0.5, 2, 20")] {
        let (seconds, found) = best(9, || law(&well, Form::Schroedinger, (&[], &[-1.0]), times, Accuracy::default()));
        let at = times.iter().position(|t| *t == 2.0).expect("asked");
        let off = known.iter().map(|(x, p)| (density(&found.laws[at][0], *x) - p).abs()).fold(0.0, f64::max);
        let note = format!(
            "double well, D = 0.1, {what}; error of the density at t = 2, of the distribution said {:.0e}",
            found.error.expect("an estimate")
        );
        bar.say("schroedinger", seconds, off, &note, "-");
    }
    let cir = built_in("cir").expect("built in");
    let at = (&[1.0, 0.25, 1.0][..], &[0.3][..]);
    let closed = law(&cir, Form::Exact, at, &[1.0], Accuracy::default());
    for (form, goal) in [(Form::FokkerPlanck, None), (Form::FokkerPlanck, Some(1e-6)), (Form::Schroedinger, None)] {
        let accuracy = Accuracy { goal, ..Accuracy::default() };
        let (seconds, found) = best(9, || law(&cir, form, at, &[1.0], accuracy));
        let shares = (1..200).map(|i| f64::from(i) / 200.0);
        let off = shares.map(|p| (found.laws[0][0].cdf(closed.laws[0][0].quantile(p)) - p).abs()).fold(0.0, f64::max);
        let asked = goal.map_or("500 cells".to_string(), |goal| format!("to {goal:e}"));
        let asked = if form == Form::Schroedinger { "own basis".to_string() } else { asked };
        let note = format!(
            "square root that reaches zero, {asked}; error of the distribution, said {:.0e}",
            found.error.expect("an estimate")
        );
        bar.say(form.name(), seconds, off, &note, "-");
    }
}

/// Fang & Oosterlee (2008), section 5.3.
pub fn heston(threads: usize, cells: usize) -> (f64, plane::Joint, f64) {
    let model = built_in("heston").expect("built in");
    let ask = || {
        let question = Question {
            theta: &[1.5768, 0.0398, 0.5751, -0.5711, 0.0],
            start: &[0.0, 0.0175],
            t0: 0.0,
            times: &[1.0],
            accuracy: Accuracy { cells, ..Accuracy::default() },
            key: Seed(1).key(Purpose::Forecast, 0, 0),
        };
        plane::joints(&model, &question).expect("answers").remove(0)
    };
    on(threads, 3, ask)
}

pub fn planes(bar: &Bar) {
    let h = 3.0 / 20_000.0;
    let middle = |k: u32| (f64::from(k) + 0.5) * h;
    for (threads, cells) in [(1, 500), (1, 750), (1, 1000), (1, 1250), (2, 1250)] {
        let (seconds, joint, _) = heston(threads, cells);
        let law = &joint.marginals[0];
        let call: f64 = (0..20_000).map(|k| 100.0 * math::exp(middle(k)) * (1.0 - law.cdf(middle(k))) * h).sum();
        let known = [(0.0, 3.055_334_181_639_64), (-0.2, 0.688_564_499_514_826), (0.1, 3.041_048_824_377_638)];
        let off = known.into_iter().map(|(z, p)| (math::exp(law.log_pdf(z).expect("a density")) - p).abs());
        let note = format!(
            "call at 100, the whole density {} x {} in {} steps, {threads} thread(s); density off {:.1e}, mass off {:.0e}, most negative {:.0e}",
            joint.x.len(),
            joint.y.len(),
            joint.steps,
            off.fold(0.0, f64::max),
            (joint.mass - 1.0).abs(),
            joint.most_negative
        );
        let against = if (threads, cells) == (1, 500) { "" } else { "-" };
        bar.say("finite volumes (forward)", seconds, (call - 5.785_155_434_376_189).abs(), &note, against);
    }
}
