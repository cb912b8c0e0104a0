//! Values: corrections of levels, Sobol's points and plain paths.

use super::{Row, Theory};
use crate::base::{Purpose, Result, Seed};
use crate::form::Accuracy;
use crate::form::value::methods_tests::corrections;
use crate::form::value::{Method, value_by};
use crate::models::{Model, built_in_text, read};

pub fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    levels(&mut rows)?;
    let smooth = call("exp(-20*ln(x/K)^2)", "")?;
    let [plain, sobol] = [Method::Plain, Method::Sobol].map(|method| errors(&smooth, method, 2.0));
    let names = |method| [method, "gbm, payoff exp(-20 ln(x/K)²), one dimension", "standard error, paths"];
    rows.push(Row::sampled(names("plain paths"), plain?, Theory::Order(0.5)));
    // Owen (1997): variance N⁻³ for integrands with square-integrable slopes.
    rows.push(Row::sampled(names("sobol, scrambled"), sobol?, Theory::Order(1.5)));
    let asian = call("max(average - K, 0)", "average = \"arithmetic\"\nfixings = 12")?;
    let names = ["sobol, scrambled", "arithmetic Asian call, 12 fixings", "standard error, paths"];
    let known = "none proven for a kink in 12 dimensions; 1/2 at the least";
    rows.push(Row::sampled(names, errors(&asian, Method::Sobol, 12.0)?, Theory::Said(known)));
    Ok(rows)
}

fn levels(rows: &mut Vec<Row>) -> Result<()> {
    for (is_euler, method, order) in
        [(true, "multilevel, Euler's steps", 1.0), (false, "multilevel, Milstein's steps", 2.0)]
    {
        let samples = if is_euler { 200_000 } else { 50_000 };
        let steps = [16.0, 32.0, 64.0, 128.0];
        // A strong drift shows the mean, a weak one the variance of the noise.
        let found = corrections(is_euler, [0.8, 0.3], samples)?;
        let means = steps.iter().zip(&found).map(|(n, [mean, _, spread])| (*n, *mean, *spread));
        let names = [method, "gbm, mu 0.8, sigma 0.3", "mean of corrections"];
        rows.push(Row::sampled(names, means, Theory::Order(1.0)));
        let found = corrections(is_euler, [0.05, 0.5], samples)?;
        // The law of a correction is near a chi-square's, of kurtosis 15 at most.
        let noise = (14.0 / samples as f64).sqrt();
        let variances = steps.iter().zip(&found).map(|(n, [_, variance, _])| (*n, *variance, variance * noise));
        let names = [method, "gbm, mu 0.05, sigma 0.5", "variance of corrections"];
        rows.push(Row::sampled(names, variances, Theory::Order(order)));
    }
    // What the report of an answer tells, on the levels that the goal asked for.
    let accuracy = Accuracy { goal: Some(0.004), ..Accuracy::default() };
    let key = Seed(500).key(Purpose::Forecast, 0, 0);
    let european = call("max(x - K, 0)", "")?;
    let report = value_by(&european, Method::Multilevel, &[0.05, 0.2, 100.0, 1.0], &[100.0], accuracy, key)?.report;
    let told = report.orders.expect("levels tell their orders");
    assert!((told.0 - 1.0).abs() < 0.1 && (told.1 - 2.0).abs() < 0.1, "{told:?}");
    let each = || report.levels.iter().skip(1);
    let names = |quantity| ["multilevel, as a report tells it", "European call, goal 0.004", quantity];
    let means = each().map(|l| (l.steps as f64, l.mean, (l.variance / l.samples as f64).sqrt()));
    rows.push(Row::sampled(names("mean of corrections"), means, Theory::Order(1.0)));
    let variances = each().map(|l| (l.steps as f64, l.variance, l.variance * (14.0 / l.samples as f64).sqrt()));
    rows.push(Row::sampled(names("variance of corrections"), variances, Theory::Order(2.0)));
    Ok(())
}

/// Black-Scholes with another payoff, and lines before its tables.
fn call(payoff: &str, lines: &str) -> Result<Model> {
    let text = built_in_text("black-scholes").expect("built in");
    let text = text.replace("max(x - K, 0)", payoff).replace("[with]", &format!("{lines}\n[with]"));
    read("call.toml", &text)
}

/// Root mean square of the standard errors of 32 answers, each of which has 15 degrees of freedom (or those of its paths).
fn errors(model: &Model, method: Method, steps: f64) -> Result<Vec<(f64, f64, f64)>> {
    const REPEATS: u64 = 32;
    let step = Some(1.0 / steps);
    let one = |paths: usize| -> Result<(f64, f64, f64)> {
        let mut squares = 0.0;
        for r in 0..REPEATS {
            let key = Seed(500 + r).key(Purpose::Forecast, 0, 0);
            let accuracy = Accuracy { paths, step, ..Accuracy::default() };
            let error = value_by(model, method, &[0.05, 0.2, 100.0, 1.0], &[100.0], accuracy, key)?.error;
            squares += error * error;
        }
        let rms = (squares / REPEATS as f64).sqrt();
        Ok((paths as f64, rms, rms / (30.0 * REPEATS as f64).sqrt()))
    };
    [1 << 10, 1 << 12, 1 << 14, 1 << 16].into_iter().map(one).collect()
}
