//! The numbers of every figure of one series.

use super::super::figure::{self, Acf, PitBins, Quantiles};
use super::super::format::level;
use super::super::view::{CoefficientView, Fan, ProfileView, SeriesView};
use super::{Cell, Numbers};
use crate::stats::Tally;

/// What each figure is drawn from, in the order of the page; a figure that there is nothing for is left out.
pub fn numbers(series: &SeriesView) -> Vec<Numbers> {
    let all = [
        history(series),
        coefficient(series, "drift", "Where does the fitted law push?"),
        coefficient(series, "diffusion", "How strongly does it shake?"),
        of_profiles("profiles", "Which values do the data rule out?", &series.profiles),
        fan(series, "held_out", "Did the forecast hold what came?", &series.held_out),
        density(series),
        fan(series, "forecast", "What comes next?", &series.forecast),
        counts(series),
        of_pit("pit", "Are the stated probabilities honest?", &series.pit),
        of_acf("acf", "Does one surprise tell the next?", &series.residuals),
        of_quantiles("quantiles", "Are the surprises as large as they may be?", &series.residuals),
        by_horizon(series, "crps", "How does the error grow with the distance?"),
        by_horizon(series, "coverage", "Do the 80 % bands stay honest further out?"),
        skill(series),
        losses(series),
        validation(series),
    ];
    all.into_iter().filter(|n| !n.rows.is_empty()).collect()
}

fn table(name: &'static str, question: &'static str, columns: &[&str], rows: Vec<Vec<Cell>>) -> Numbers {
    Numbers { name, question, columns: columns.iter().map(|c| c.to_string()).collect(), rows, brief: Vec::new() }
}

fn numbers_of(values: impl IntoIterator<Item = f64>) -> Vec<Cell> {
    values.into_iter().map(Cell::Number).collect()
}

fn at(values: &[f64], i: usize) -> Cell {
    Cell::Number(values.get(i).copied().unwrap_or(f64::NAN))
}

fn or_nothing(value: Option<f64>) -> Cell {
    Cell::Number(value.unwrap_or(f64::NAN))
}

fn yes_or_no(yes: bool) -> Cell {
    Cell::Text(if yes { "yes" } else { "no" }.into())
}

fn history(series: &SeriesView) -> Numbers {
    let row = |p: &super::super::view::Point| {
        vec![Cell::When(p.x, series.axis), Cell::Number(p.y), yes_or_no(p.x >= series.test_from)]
    };
    let rows = series.history.iter().map(row).collect();
    table("history", "What was observed?", &["time", "value", "held_out"], rows)
}

fn coefficient(series: &SeriesView, name: &'static str, question: &'static str) -> Numbers {
    match series.coefficients.iter().find(|c| c.name == name) {
        Some(of) => of_coefficient(name, question, of),
        None => table(name, question, &[], Vec::new()),
    }
}

/// Drift or diffusion: the fitted curve, then the data bin by bin.
pub fn of_coefficient(name: &'static str, question: &'static str, of: &CoefficientView) -> Numbers {
    let curve = |i: usize| {
        vec![Cell::Text("fitted".into()), at(&of.x, i), at(&of.value, i), at(&of.lower, i), at(&of.upper, i)]
    };
    let bins = of.seen.iter().map(|s| {
        let mut row = vec![Cell::Text("data".into())];
        row.extend(numbers_of([s.x, s.value, s.lower, s.upper]));
        row
    });
    let columns = ["kind", "state", name, "lower_95", "upper_95"];
    table(name, question, &columns, (0..of.x.len()).map(curve).chain(bins).collect())
}

/// The curve of each parameter.
pub fn of_profiles(name: &'static str, question: &'static str, profiles: &[ProfileView]) -> Numbers {
    let rows = profiles.iter().flat_map(|p| {
        p.curve.iter().map(|(value, drop)| vec![Cell::Text(p.name.clone()), Cell::Number(*value), Cell::Number(*drop)])
    });
    table(name, question, &["parameter", "value", "drop_in_log_likelihood"], rows.collect())
}

fn fan(series: &SeriesView, name: &'static str, question: &'static str, fan: &Fan) -> Numbers {
    let mut bands: Vec<_> = fan.bands.iter().collect();
    bands.sort_by(|a, b| a.level.total_cmp(&b.level));
    let known = !fan.truth.is_empty();
    let mut columns = vec!["time".to_string()];
    columns.extend(known.then(|| "actual".to_string()));
    columns.push("median".into());
    columns.extend(bands.iter().flat_map(|b| ["lower", "upper"].map(|side| format!("{side}_{}", level(b.level)))));
    let rows = fan.x.iter().enumerate().map(|(i, x)| {
        let mut row = vec![Cell::When(*x, series.axis)];
        if known {
            row.push(or_nothing(fan.truth.iter().find(|p| p.x == *x).map(|p| p.y)));
        }
        row.push(at(&fan.median, i));
        row.extend(bands.iter().flat_map(|b| [at(&b.lower, i), at(&b.upper, i)]));
        row
    });
    Numbers { name, question, columns, rows: rows.collect(), brief: Vec::new() }
}

fn density(series: &SeriesView) -> Numbers {
    let of = &series.through;
    let mut columns = vec!["time".to_string(), "actual".to_string()];
    columns.extend(of.levels.iter().map(|p| format!("q{p}")));
    let rows = of.x.iter().enumerate().map(|(i, x)| {
        let mut row = vec![Cell::When(*x, series.axis), at(&of.actual, i)];
        let quantiles = of.quantiles.get(i).map_or(&[] as &[f64], Vec::as_slice);
        row.extend((0..of.levels.len()).map(|k| at(quantiles, k)));
        row
    });
    // Time, outcome, and of the quantiles the ends, the median and four between.
    let last = of.levels.len().saturating_sub(1);
    let mut brief = vec![0, 1];
    brief.extend([0, last / 8, last / 4, last / 2, last - last / 4, last - last / 8, last].map(|k| k + 2));
    brief.dedup();
    let question = "Did the forecasts follow what came, all along?";
    Numbers { name: "density", question, columns, rows: rows.collect(), brief }
}

fn counts(series: &SeriesView) -> Numbers {
    let question = "Does each count come as often as the law says?";
    match series.counts.first() {
        Some((_, tally)) => of_counts("counts", question, tally),
        None => table("counts", question, &[], Vec::new()),
    }
}

/// Counts bar by bar.
pub fn of_counts(name: &'static str, question: &'static str, tally: &Tally) -> Numbers {
    let row = |bar: usize| {
        let ((low, high), (least, most)) = (tally.bars.ends(bar), tally.range[bar]);
        let mut row = numbers_of([low, high]);
        row.extend([Cell::Count(tally.observed[bar]), Cell::Number(tally.expected[bar])]);
        row.extend([least, most].map(Cell::Count));
        row
    };
    let columns = ["from", "to", "observed", "expected", "least_by_chance", "most_by_chance"];
    table(name, question, &columns, (0..tally.bars.len).map(row).collect())
}

/// Probability integral transforms in ten bins.
pub fn of_pit(name: &'static str, question: &'static str, pit: &[f64]) -> Numbers {
    let bins = PitBins::new(pit);
    let row = |(i, count): (usize, &usize)| {
        let mut row = numbers_of([i as f64 / 10.0, (i + 1) as f64 / 10.0]);
        row.extend([*count, bins.band.0, bins.band.1].map(Cell::Count));
        row
    };
    let rows = if bins.n == 0 { Vec::new() } else { bins.counts.iter().enumerate().map(row).collect() };
    table(name, question, &["from", "to", "outcomes", "least_by_chance", "most_by_chance"], rows)
}

/// Autocorrelations by the lag.
pub fn of_acf(name: &'static str, question: &'static str, residuals: &[f64]) -> Numbers {
    let rows = Acf::of(residuals).map_or_else(Vec::new, |acf| {
        let row = |k: usize| {
            let mut row = vec![Cell::Count(k + 1)];
            row.extend(numbers_of([acf.residuals[k], acf.squares[k], -acf.band, acf.band]));
            row
        };
        (0..acf.residuals.len()).map(row).collect()
    });
    table(name, question, &["lag", "residuals", "squares", "least_by_chance", "most_by_chance"], rows)
}

/// Residuals in order beside those of a normal law.
pub fn of_quantiles(name: &'static str, question: &'static str, residuals: &[f64]) -> Numbers {
    let rows = Quantiles::of(residuals)
        .map_or_else(Vec::new, |q| q.points.iter().map(|p| numbers_of([p.0, p.1, p.2, p.3])).collect());
    table(name, question, &["normal", "residual", "least_by_chance", "most_by_chance"], rows)
}

/// One column a model, in the order of the score table's rows by horizon.
fn by_horizon(series: &SeriesView, name: &'static str, question: &'static str) -> Numbers {
    let mut models: Vec<&str> = Vec::new();
    let mut horizons: Vec<usize> = Vec::new();
    for row in &series.by_horizon {
        if !models.contains(&row.model.as_str()) {
            models.push(&row.model);
        }
        horizons.push(row.horizon);
    }
    horizons.sort_unstable();
    horizons.dedup();
    let coverage = name == "coverage";
    let chance = if coverage { figure::coverage_by_chance(series) } else { Vec::new() };
    let value = |model: &str, horizon: usize| {
        let row = series.by_horizon.iter().find(|r| r.model == model && r.horizon == horizon);
        or_nothing(row.map(|r| if coverage { 100.0 * r.coverage_80 } else { r.crps }))
    };
    let mut columns = vec!["rows_ahead".to_string()];
    if coverage {
        columns.extend(["least_by_chance", "most_by_chance"].map(String::from));
    }
    columns.extend(models.iter().map(|m| m.to_string()));
    let row = |h: usize| {
        let mut row = vec![Cell::Count(h)];
        if coverage {
            let of = chance.iter().find(|c| c.0 == h);
            row.extend([or_nothing(of.map(|c| c.1)), or_nothing(of.map(|c| c.2))]);
        }
        row.extend(models.iter().map(|m| value(m, h)));
        row
    };
    Numbers { name, question, columns, rows: horizons.into_iter().map(row).collect(), brief: Vec::new() }
}

fn skill(series: &SeriesView) -> Numbers {
    let rows = series.scores.iter().filter_map(|r| Some((r, figure::interval(r)?))).map(|(r, (low, value, high))| {
        let mut row = vec![Cell::Text(r.model.clone())];
        row.extend(numbers_of([value, low, high]));
        row
    });
    let columns = ["model", "skill_percent", "lower_95", "upper_95"];
    table("skill", "Which models are better than naive, and by more than luck?", &columns, rows.collect())
}

fn losses(series: &SeriesView) -> Numbers {
    let of = &series.losses;
    let mut columns = vec!["time".to_string(), "actual".to_string()];
    columns.extend(of.levels.iter().map(|p| format!("value_at_risk_{p}")));
    let rows = of.x.iter().enumerate().map(|(i, x)| {
        let mut row = vec![Cell::When(*x, series.axis), at(&of.actual, i)];
        row.extend(of.limits.iter().map(|limits| at(limits, i)));
        row
    });
    let question = "Do large losses come as seldom as the model says?";
    Numbers { name: "losses", question, columns, rows: rows.collect(), brief: Vec::new() }
}

fn validation(series: &SeriesView) -> Numbers {
    let row = |c: &super::super::view::CandidateRow| {
        vec![Cell::Text(c.model.clone()), or_nothing(c.validation_crps), yes_or_no(c.chosen)]
    };
    let columns = ["model", "validation_crps", "chosen"];
    table("validation", "Why this model?", &columns, series.candidates.iter().map(row).collect())
}
