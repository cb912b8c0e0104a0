//! The error that is stated is at least the error made, everywhere: faults found once stay mended.

use crate::base::{Purpose, Result, Seed, math};
use crate::form::{Accuracy, Form, Question, answer, laws};
use crate::models::built_in;
use crate::predictive::Predictive;

/// The form's law of the first component and its stated error.
fn asked(id: &str, form: Form, theta: &[f64], start: f64, time: f64, goal: Option<f64>) -> Result<(Predictive, f64)> {
    let accuracy = Accuracy { goal, ..Accuracy::default() };
    let times = [time];
    let key = Seed(1).key(Purpose::Forecast, 0, 0);
    let question = Question { theta, start: &[start], t0: 0.0, times: &times, accuracy, key };
    let model = built_in(id)?;
    if form == Form::Exact {
        return Ok((laws(&model, form, &question)?.remove(0), 0.0));
    }
    let mut answer = answer(&model, form, &question)?;
    Ok((answer.laws.remove(0).remove(0), answer.error.expect("it tells its error")))
}

/// `sup |F - F_true|` over places.
fn off(law: &Predictive, exact: impl Fn(f64) -> f64, places: impl Iterator<Item = f64>) -> f64 {
    places.map(|x| (law.cdf(x) - exact(x)).abs()).fold(0.0, f64::max)
}

#[test]
fn a_start_far_out_has_room_for_its_way_back() -> Result<()> {
    // The law at the end lies to one side of the start, and most paths have been on the other.
    for form in [Form::FokkerPlanck, Form::MasterEquation] {
        for (start, t, goals) in [(8.0, 1.0, [1e-4, 1e-6]), (7.0, 1.0, [1e-4, 1e-7]), (20.0, 0.2, [1e-4, 1e-7])] {
            for goal in goals {
                if form == Form::MasterEquation && goal < 1e-4 {
                    continue;
                }
                let (law, stated) = asked("ou", form, &[1.0, 0.0, 1.0], start, t, Some(goal))?;
                let (mean, sd) = (start * math::exp(-t), (-0.5 * math::exp_m1(-2.0 * t)).sqrt());
                let places = (-4000..4000).map(|k| mean + 0.002 * f64::from(k) * sd);
                let off = off(&law, |x| math::normal_cdf((x - mean) / sd), places);
                assert!(off <= stated && stated <= goal, "{form:?} {start} {goal}: off {off:.1e}, stated {stated:.1e}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_square_root_density_is_followed_into_its_first_cell() -> Result<()> {
    // 2 kappa theta / sigma² = 0.08: half of the probability is below 1e-5, a tenth below 1e-13.
    let theta = [2.0, 0.02, 1.0];
    let (exact, _) = asked("cir", Form::Exact, &theta, 0.1, 0.5, None)?;
    for form in [Form::FokkerPlanck, Form::MasterEquation, Form::Schroedinger] {
        let (law, stated) = asked("cir", form, &theta, 0.1, 0.5, None)?;
        let places = (-400..5).flat_map(|k| (0..5).map(move |j| f64::from(5 * k + j) / 10.0));
        let off = off(&law, |x| exact.cdf(x), places.map(|p| math::exp(p * std::f64::consts::LN_10)));
        assert!(off <= stated, "{form:?}: off {off:.1e}, stated {stated:.1e}");
    }
    Ok(())
}

#[test]
fn a_variance_that_touches_zero_is_followed_into_its_first_cell() -> Result<()> {
    // The variance of Heston's model is a square-root process: 2 kappa theta / xi² = 0.16, and 0.5.
    let model = built_in("heston")?;
    let (start, time) = ([4.6, 0.04], 0.5);
    for xi in [1.0, 0.565_685_424_949_238] {
        let theta = [2.0, 0.04, xi, -0.7, 0.05];
        let key = Seed(1).key(Purpose::Forecast, 0, 0);
        let (accuracy, times) = (Accuracy::default(), [time]);
        let question = Question { theta: &theta, start: &start, t0: 0.0, times: &times, accuracy, key };
        let mut found = answer(&model, Form::FokkerPlanck, &question)?;
        let (law, stated) = (found.laws.remove(0).remove(1), found.error.expect("it tells its error"));
        let (exact, _) = asked("cir", Form::Exact, &theta[..3], start[1], time, None)?;
        let places = (-200..5).flat_map(|k| (0..5).map(move |j| f64::from(5 * k + j) / 10.0));
        let off = off(&law, |x| exact.cdf(x), places.map(|p| math::exp(p * std::f64::consts::LN_10)));
        assert!(off <= stated && stated < 0.01, "{xi}: off {off:.1e}, stated {stated:.1e}");
    }
    Ok(())
}
