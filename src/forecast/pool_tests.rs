//! Combinations: weights against a slower way to them, and pools that are something simpler.

use super::paths_tests::{reverting, rows};
use super::*;
use crate::base::{Seed, math};
use crate::baseline::{Climatology, RandomWalk};
use crate::models::built_in;

/// Log densities of normal laws at draws from their mixture.
fn logs(means: &[f64], truth: &[f64], n: usize) -> Vec<Vec<f64>> {
    let mut stream = Seed(9).key(Purpose::Simulation, 0, 0).stream(0);
    (0..n)
        .map(|_| {
            let u = stream.uniform();
            let mut below = 0.0;
            let drawn = truth.iter().position(|w| {
                below += w;
                u < below
            });
            let y = means[drawn.unwrap_or(0)] + stream.normal();
            means.iter().map(|m| math::normal_ln_pdf(y - m)).collect()
        })
        .collect()
}

/// Dempster, Laird & Rubin's iteration for the weights alone.
fn em(logs: &[Vec<f64>], rounds: usize) -> Vec<f64> {
    let k = logs[0].len();
    let mut w = vec![1.0 / k as f64; k];
    for _ in 0..rounds {
        let mut next = vec![0.0; k];
        for row in logs {
            let p: Vec<f64> = row.iter().zip(&w).map(|(l, w)| l.exp() * w).collect();
            let total: f64 = p.iter().sum();
            next.iter_mut().zip(&p).for_each(|(n, p)| *n += p / total / logs.len() as f64);
        }
        w = next;
    }
    w
}

#[test]
fn stacked_weights_are_those_of_the_slow_iteration_and_certified() -> Result<()> {
    let data = logs(&[0.0, 2.0, 3.0], &[0.3, 0.5, 0.2], 400);
    let found = stack(&data)?;
    let slow = em(&data, 20_000);
    assert!(found.weights.iter().zip(&slow).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {slow:?}");
    assert!(found.gap < 1e-11 && (found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{found:?}");
    // No other weights do better.
    let value = |w: &[f64]| {
        let one = |row: &Vec<f64>| row.iter().zip(w).map(|(l, w)| l.exp() * w).sum::<f64>().ln();
        data.iter().map(one).sum::<f64>() / 400.0
    };
    assert!((value(&found.weights) - found.log_score).abs() < 1e-12);
    for w in [[1.0, 0.0, 0.0], [0.3, 0.5, 0.2], [0.2, 0.2, 0.6]] {
        assert!(value(&w) <= found.log_score);
    }
    Ok(())
}

#[test]
fn a_member_that_adds_nothing_has_no_weight_and_twins_do_no_harm() -> Result<()> {
    // The third is far from anything that came; the conditions there are an inequality.
    let data = logs(&[0.0, 2.0, 9.0], &[0.6, 0.4, 0.0], 300);
    let found = stack(&data)?;
    assert!(found.weights[2] == 0.0 && found.gap < 1e-11, "{found:?}");
    let twins: Vec<Vec<f64>> = data.iter().map(|row| vec![row[0], row[1], row[1]]).collect();
    let twice = stack(&twins)?;
    assert!(twice.gap < 1e-11 && (twice.log_score - found.log_score).abs() < 1e-11, "{twice:?} {found:?}");
    assert!((twice.weights[1] + twice.weights[2] - found.weights[1]).abs() < 1e-6);
    // A row that one member thinks impossible, and one that all do.
    let mut odd = data;
    odd.push(vec![f64::NEG_INFINITY, -800.0, -900.0]);
    odd.push(vec![f64::NEG_INFINITY; 3]);
    let found = stack(&odd)?;
    assert!(found.observations == 301 && found.gap < 1e-11 && found.weights[1] > 0.0, "{found:?}");
    assert!(stack(&[vec![f64::NEG_INFINITY; 2]]).is_err() && stack(&[]).is_err());
    assert_eq!(stack(&[vec![-1.0]])?.weights, [1.0]);
    Ok(())
}

fn own(model: &str) -> Member {
    let settings = Settings { starts: 1, ..Settings::default() };
    Member::Own(Box::new(ModelForecaster::new(built_in(model).expect("built in"), Transform::None, settings)))
}

fn pool(members: Vec<Member>, weighting: Weighting) -> Pool {
    let name = members.iter().map(Member::name).collect::<Vec<_>>().join("+");
    Pool { name, members, weighting, transform: Transform::None, horizons: vec![1, 3] }
}

#[test]
fn stacking_finds_the_model_that_is_right_from_training_rows_alone() -> Result<()> {
    let train = reverting(300, 4);
    let transform = Transform::None;
    let others =
        [Member::Baseline(Box::new(RandomWalk { transform })), Member::Baseline(Box::new(Climatology { transform }))];
    let stacked = pool([own("ou")].into_iter().chain(others).collect(), Weighting::Stack);
    assert_eq!(stacked.name(), "ou+random-walk+climatology");
    let fitted = stacked.fit_pool(&train)?;
    let found = fitted.stacked.as_ref().expect("stacked");
    assert!(fitted.weights[0] > 0.5 && found.gap < 1e-10, "{:?}", fitted.weights);
    // The law is the mixture under these weights.
    let (times, _) = train.ahead(3);
    let law = &fitted.predict(&train, &times, 0)?[2];
    let each: Vec<f64> = fitted
        .members
        .iter()
        .map(|m| m.as_fitted().predict(&train, &times, 0).map(|laws| laws[2].cdf(3.1)))
        .collect::<Result<_>>()?;
    let sum: f64 = each.iter().zip(&fitted.weights).map(|(f, w)| f * w).sum();
    assert!((law.cdf(3.1) - sum).abs() < 1e-14);
    // And so are its draws.
    let draws = fitted.joint(&train, &times, 5_000, 0)?.expect("joint");
    let below = draws[2].iter().filter(|x| **x <= 3.1).count() as f64 / 5_000.0;
    assert!((below - sum).abs() < 4.0 * (sum * (1.0 - sum) / 5_000.0).sqrt(), "{below} {sum}");
    Ok(())
}

#[test]
fn equal_weights_of_one_model_twice_are_that_model() -> Result<()> {
    let train = reverting(100, 6);
    let (times, _) = train.ahead(4);
    let alone = pool(vec![own("ou")], Weighting::Equal).fit(&train, None)?.predict(&train, &times, 0)?;
    let twice = pool(vec![own("ou"), own("ou")], Weighting::Equal).fit(&train, None)?.predict(&train, &times, 0)?;
    assert!(matches!(alone[0], Predictive::Normal { .. }));
    for (a, b) in alone.iter().zip(&twice) {
        assert!((a.quantile(0.1) - b.quantile(0.1)).abs() < 1e-9 && (a.crps(3.0) - b.crps(3.0)).abs() < 1e-12);
    }
    let short = rows(reverting(30, 6).value, 0.05);
    let refused = pool(vec![own("ou"), own("bm")], Weighting::Stack).fit_pool(&short);
    assert!(matches!(refused, Err(Error::TooFewRows { needed: 34, .. })));
    Ok(())
}
