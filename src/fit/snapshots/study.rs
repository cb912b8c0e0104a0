//! Counts of messenger RNA in single yeast cells after osmotic stress (Neuert et al. 2013; `counts/STL1.csv` of the shared data), by
//! the likelihood of the projected master equation, on bins, and by squares. Prints tables; run it with `--ignored --nocapture`.

use super::*;
use crate::fit::Estimate;
use crate::models::built_in;
use std::time::Instant;

fn counts() -> Option<Snapshots> {
    let beside = [concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"), "/work/shared"];
    let text = beside.iter().find_map(|folder| std::fs::read_to_string(format!("{folder}/counts/STL1.csv")).ok())?;
    let mut data = Snapshots::default();
    for line in text.lines().skip(1) {
        let (time, count) = line.split_once(',')?;
        let (time, count) = (time.trim().parse::<f64>().ok()?, count.trim().parse::<f64>().ok()?);
        if data.times.last() != Some(&time) {
            data.times.push(time);
            data.values.push(Vec::new());
        }
        data.values.last_mut()?.push(count);
    }
    Some(data)
}

#[test]
#[ignore = "a study: prints tables, minutes without optimisation"]
fn stl1_by_likelihood_bins_and_squares() -> Result<()> {
    let Some(data) = counts() else {
        println!("skipped: no ../shared/counts/STL1.csv");
        return Ok(());
    };
    let model = built_in("telegraph-switched")?;
    let starts: usize = std::env::var("STARTS").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    println!(
        "| fit | parameters (95 % interval) | log-likelihood, at least, at most | AIC | status | iterations | s |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut last = None;
    for (name, objective, binned, fixed) in [
        ("likelihood, switched on", Objective::Kl, false, vec![("t2".to_string(), 1e4)]),
        ("likelihood, on and off", Objective::Kl, false, vec![]),
        ("KL on bins", Objective::Kl, true, vec![]),
        ("squares on bins", Objective::Mse, true, vec![]),
    ] {
        if std::env::var("ONLY").is_ok_and(|only| !name.contains(&only)) {
            continue;
        }
        let options =
            SnapshotOptions { begin: Begin::File { t0: 0.0 }, component: Some("rna".into()), binned, bins: None };
        let from = Instant::now();
        let initial = vec![("kon0".to_string(), 0.004)];
        let settings = Settings { objective, starts, fixed, initial, ..Settings::default() };
        let fit = fit_snapshots(&model, &data, &options, &settings)?;
        let one = |p: &Estimate| match (p.lower, p.upper) {
            (Some(a), Some(b)) => format!("{} {:.5} [{a:.5}, {b:.5}]", p.name, p.estimate),
            _ => format!("{} {:.5}", p.name, p.estimate),
        };
        println!(
            "| {name} | {} | {:?} {:?} (objective {}) | {:?} | {:?} {:?} | {} | {:.1} |",
            fit.params.iter().map(one).collect::<Vec<_>>().join("; "),
            fit.log_likelihood,
            fit.log_likelihood_bounds,
            fit.objective_value,
            fit.aic,
            fit.status,
            fit.starts,
            fit.iterations,
            from.elapsed().as_secs_f64()
        );
        last = Some(fit);
    }
    if let Some(fit) = last {
        for h in &fit.histograms {
            let n: f64 = h.observed.iter().sum();
            let zero = (h.observed[0] / n, h.fitted[0]);
            println!(
                "| t = {} | {n} cells, zero {:.4} fitted {:.4} | bound {:.1e} |",
                h.time, zero.0, zero.1, h.error_bound
            );
        }
    }
    Ok(())
}
