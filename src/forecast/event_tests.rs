//! Chances of events against closed forms, and two ways against each other.

use super::paths_tests::{fitted, reverting, rows};
use super::*;
use crate::base::{Seed, math};
use crate::baseline::RandomWalk;
use crate::predictive::Forecaster;

/// Prices by geometric Brownian motion, a row a day.
fn prices(n: usize) -> Series {
    let mut stream = Seed(8).key(Purpose::Simulation, 0, 0).stream(0);
    let mut x: f64 = 100.0;
    let value = (0..n)
        .map(|_| {
            x *= (0.0002 + 0.01 * stream.normal()).exp();
            x
        })
        .collect();
    rows(value, 1.0)
}

fn alone(member: FittedMember, transform: Transform) -> FittedPool {
    let (names, members, handed_on) = (vec!["alone".into()], vec![member], Vec::new());
    FittedPool { names, members, weights: vec![1.0], stacked: None, transform, handed_on }
}

fn of(model: FittedModel) -> FittedPool {
    let transform = model.forecaster.transform;
    alone(FittedMember::Own(Box::new(model)), transform)
}

fn below(level: f64, when: When) -> Event {
    Event { side: Side::Below, level, or_equal: false, when }
}

/// `P(min < level)` of geometric Brownian motion by the reflection principle.
fn reflected(mu: f64, sigma: f64, ratio: f64, t: f64) -> f64 {
    let (nu, b, root) = (mu - 0.5 * sigma * sigma, math::ln(ratio), sigma * t.sqrt());
    math::normal_cdf((b - nu * t) / root)
        + math::exp(2.0 * nu * b / (sigma * sigma)) * math::normal_cdf((b + nu * t) / root)
}

#[test]
fn a_barrier_of_geometric_brownian_motion_is_the_reflection_principle() -> Result<()> {
    let train = prices(250);
    let last = train.value[249];
    let (times, _) = train.ahead(40);
    let level = 0.95 * last;
    let gbm = fitted("gbm", Transform::None, &train, Parameters::Point);
    let (mu, sigma) = (gbm.fit.theta[0], gbm.fit.theta[1]);
    let gbm = of(gbm);
    let exact = reflected(mu, sigma, 0.95, 40.0);
    let by = gbm.chance(&train, &below(level, When::By), &times, 20_000, 0)?;
    assert!((by.probability - exact).abs() < 1e-6 && by.se.is_none(), "{by:?} {exact}");
    // At the row alone it is the law's own; seen on rows it lies between the two.
    let at = gbm.chance(&train, &below(level, When::At), &times, 20_000, 0)?;
    let law = math::normal_cdf((math::ln(0.95) - (mu - 0.5 * sigma * sigma) * 40.0) / (sigma * 40f64.sqrt()));
    assert!((at.probability - law).abs() < 1e-12 && at.se.is_none(), "{at:?} {law}");
    let within = gbm.chance(&train, &below(level, When::Within), &times, 20_000, 0)?;
    let se = within.se.expect("paths");
    assert!(within.probability + 4.0 * se < exact && within.probability > at.probability, "{within:?}");
    // Seen on rows a barrier lies 0.5826 σ √dt further away (Broadie, Glasserman & Kou 1997).
    let shifted = reflected(mu, sigma, 0.95 * math::exp(-0.5826 * sigma), 40.0);
    assert!((within.probability - shifted).abs() < 4.0 * se + 0.002, "{within:?} {shifted}");
    // The logarithm as a Brownian motion is the same model.
    let log = of(fitted("bm", Transform::Log, &train, Parameters::Point));
    let same = log.chance(&train, &below(level, When::By), &times, 20_000, 0)?;
    assert!((same.probability - exact).abs() < 1e-5, "{same:?} {exact}");
    Ok(())
}

#[test]
fn first_passage_times_have_their_closed_median() -> Result<()> {
    let train = prices(250);
    let (times, _) = train.ahead(60);
    let gbm = fitted("gbm", Transform::None, &train, Parameters::Point);
    let (mu, sigma) = (gbm.fit.theta[0], gbm.fit.theta[1]);
    let now = train.time[249];
    let first = of(gbm).first(&train, 0.98 * train.value[249], &times, 2_000, 0)?;
    assert!(first.reached.windows(2).all(|w| w[0] <= w[1] + 1e-9));
    let median = first.quantile(0.5, now).expect("within sixty rows") - now;
    assert!((reflected(mu, sigma, 0.98, median) - 0.5).abs() < 0.005, "{median}");
    assert_eq!(first.quantile(0.999_999, now), None);
    Ok(())
}

#[test]
fn what_moves_from_row_to_row_is_looked_at_on_rows_and_says_so() -> Result<()> {
    let train = prices(250);
    let (times, _) = train.ahead(20);
    let level = 0.97 * train.value[249];
    let diff = of(fitted("bm", Transform::Diff, &train, Parameters::Point));
    // Of increments a level is looked at along compounded paths.
    let by = diff.chance(&train, &below(level, When::By), &times, 4_000, 0)?;
    assert!(by.how.contains("on rows") && by.se.is_some_and(|se| se < 0.01), "{by:?}");
    let at = diff.chance(&train, &below(level, When::At), &times, 4_000, 0)?;
    assert!(at.probability < by.probability && at.se.is_some());
    let transform = Transform::None;
    let walk = RandomWalk { transform }.fit(&train, None)?;
    let baseline = alone(FittedMember::Baseline(walk), transform);
    let seen = baseline.chance(&train, &below(level, When::By), &times, 4_000, 0)?;
    // On rows it is Brownian motion but for the doubt about its drift.
    let motion = of(fitted("bm", transform, &train, Parameters::Point));
    let rows = motion.chance(&train, &below(level, When::Within), &times, 4_000, 0)?;
    let (off, se) =
        ((seen.probability - rows.probability).abs(), seen.se.expect("paths").hypot(rows.se.expect("paths")));
    assert!(seen.how.contains("baseline") && off < 4.0 * se + 0.02, "{seen:?} {rows:?}");
    Ok(())
}

#[test]
fn certain_and_impossible_events_are_told_and_pools_average() -> Result<()> {
    let train = reverting(120, 11);
    let last = train.value[119];
    let (times, _) = train.ahead(10);
    let cir = || fitted("cir", Transform::None, &train, Parameters::Point);
    let chance = |event: &Event| of(cir()).chance(&train, event, &times, 1_000, 0);
    assert_eq!(chance(&below(last + 0.1, When::By))?.probability, 1.0);
    assert_eq!(chance(&below(-1.0, When::By))?.probability, 0.0);
    let above = Event { side: Side::Above, level: 3.4, or_equal: false, when: When::By };
    let one = chance(&above)?.probability;
    let other =
        of(fitted("ou", Transform::None, &train, Parameters::Point)).chance(&train, &above, &times, 1_000, 0)?;
    let members = vec![
        FittedMember::Own(Box::new(cir())),
        FittedMember::Own(Box::new(fitted("ou", Transform::None, &train, Parameters::Point))),
    ];
    let names = vec!["cir".into(), "ou".into()];
    let (weights, handed_on) = (vec![0.25, 0.75], Vec::new());
    let both = FittedPool { names, members, weights, stacked: None, transform: Transform::None, handed_on };
    let found = both.chance(&train, &above, &times, 1_000, 0)?;
    assert!((found.probability - 0.25 * one - 0.75 * other.probability).abs() < 1e-12);
    // Draws of the parameters are averaged over as well.
    let folded = of(fitted("ou", Transform::None, &train, Parameters::Normal { draws: 8 }));
    let averaged = folded.chance(&train, &above, &times, 1_000, 0)?;
    assert!((averaged.probability - other.probability).abs() < 0.1 && averaged.probability != other.probability);
    Ok(())
}
