//! Whether the sums of species that no reaction changes stay the same in the data.

use super::{POINT, plain};
use crate::cli::table::short;
use crate::models::Model;
use crate::process::{Conservation, Network, Process};
use crate::report::view::Axis;
use crate::report::{Beside, FittedPanel, FittedSection, fixed};
use crate::stats;

/// Species of one record through time, in the order of `columns`; rows in which one is missing are left out.
pub(in crate::cli) struct Record<'a> {
    pub name: &'a str,
    pub times: &'a [f64],
    /// `[row][column]`
    pub rows: Vec<Vec<Option<f64>>>,
}

/// How the species were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Seen {
    /// Every molecule: a sum that changes at all is not kept.
    Counted,
    /// With errors: a sum is kept where it does not drift by more than its scatter explains.
    Measured,
}

/// The section of a network's fit; nothing to say where the model is none. `columns` are the species that were seen.
pub(in crate::cli) fn section(
    model: &Model,
    theta: &[f64],
    columns: &[&str],
    data: &[Record],
    seen: Seen,
    x: &str,
) -> FittedSection {
    let (mut panels, mut said) = (Vec::new(), Vec::new());
    if let Process::Network(network) = &model.process {
        let laws = network.conservation_laws();
        if laws.is_empty() {
            said.push(
                "The reactions of this model leave no sum of species unchanged, so there is nothing to check."
                    .to_string(),
            );
        }
        for law in &laws {
            let of = Law::new(network, model, law, theta, columns);
            said.push(of.in_the_model());
            if !of.missing.is_empty() {
                let were = if of.missing.len() == 1 { "was" } else { "were" };
                said.push(format!("The data cannot show it: {} {were} not seen.", of.missing.join(", ")));
                continue;
            }
            for record in data {
                let points = of.totals(record);
                let Some((text, level, band)) = told(&points, seen) else { continue };
                let name =
                    if data.len() > 1 { format!("In {} it ", record.name) } else { "In the data it ".to_string() };
                said.push(format!("{name}{text}"));
                panels.push(FittedPanel {
                    title: if data.len() > 1 { format!("{} in {}", of.name, record.name) } else { of.name.clone() },
                    x: x.to_string(),
                    y: of.name.clone(),
                    beside: Beside::About {
                        axis: Axis::Numbers,
                        points: points.into_iter().map(|p| (p.1, p.2)).collect(),
                        level,
                        band,
                    },
                });
            }
        }
    }
    FittedSection {
        name: "conserved",
        subject: "Conservation",
        question: "Does what must not change stay the same?",
        said: said.join(" "),
        note: match seen {
            Seen::Counted => {
                "Dots are the conserved sum row by row, the dashed line is where it began. Any dot off the line is something that no reaction of the model can do."
            }
            Seen::Measured => {
                "Dots are the conserved sum in the data, the dashed line is their mean and the grey range their scatter. A slope means that something is lost, made, or not in the model."
            }
        },
        panels,
    }
}

struct Law<'a> {
    law: &'a Conservation,
    name: String,
    /// By the start of the model's file.
    value: Option<f64>,
    /// Position of each of its species among the columns.
    places: Vec<Option<usize>>,
    missing: Vec<&'a str>,
}

impl<'a> Law<'a> {
    fn new(network: &'a Network, model: &Model, law: &'a Conservation, theta: &[f64], columns: &[&str]) -> Law<'a> {
        let text = law.print(network, f64::NAN);
        let initial: Option<Vec<f64>> = model.initial_values(theta).into_iter().collect();
        let names: Vec<&str> = law.weights.iter().map(|(s, _)| network.species[*s].name.as_str()).collect();
        let places: Vec<Option<usize>> = names.iter().map(|name| columns.iter().position(|c| c == name)).collect();
        let missing = names.iter().zip(&places).filter(|(_, place)| place.is_none()).map(|(name, _)| *name).collect();
        Law {
            law,
            name: text.split(" = ").next().unwrap_or_default().to_string(),
            value: initial.map(|state| law.total(&state)).filter(|v| v.is_finite()),
            places,
            missing,
        }
    }

    fn in_the_model(&self) -> String {
        match self.value {
            Some(value) => format!(
                "No reaction changes {}, which is {} from the start in the model's file.",
                self.name,
                plain(value)
            ),
            None => format!("No reaction changes {}.", self.name),
        }
    }

    /// Row, time and sum, where no species is missing.
    fn totals(&self, record: &Record) -> Vec<(usize, f64, f64)> {
        let total = |row: &Vec<Option<f64>>| {
            let each = self.law.weights.iter().zip(&self.places);
            each.map(|((_, weight), place)| Some(*weight as f64 * row[(*place)?]?)).sum::<Option<f64>>()
        };
        let rows = record.rows.iter().zip(record.times).enumerate();
        rows.filter_map(|(i, (row, t))| Some((i, *t, total(row)?))).collect()
    }
}

/// What the sum does, and the level and range it is drawn with; none of fewer than three rows.
fn told(points: &[(usize, f64, f64)], seen: Seen) -> Option<(String, f64, f64)> {
    let (first, n) = (points.first()?.2, points.len());
    if n < 3 {
        return None;
    }
    if seen == Seen::Counted {
        let off = |p: &&(usize, f64, f64)| p.2 != first;
        let Some(broken) = points.iter().find(off) else {
            return Some((format!("is kept: {} in all {} rows.", plain(first), fixed(n as f64, 0)), first, 0.0));
        };
        let most = points.iter().map(|p| p.2 - first).max_by(|a, b| a.abs().total_cmp(&b.abs()))?;
        let text = format!(
            "is broken: {} at first, {} from row {} on (t = {}), and {} of {} rows are off, by {} at most. No reaction of the model does that: a count is wrong, or something enters or leaves.",
            plain(first),
            plain(broken.2),
            broken.0 + 1,
            plain(broken.1),
            points.iter().filter(off).count(),
            fixed(n as f64, 0),
            signed(most)
        );
        return Some((text, first, 0.0));
    }
    let values: Vec<f64> = points.iter().map(|p| p.2).collect();
    let (mean, sd) = (stats::mean(&values), stats::sd(&values));
    let (drift, se) = drift(points)?;
    let verdict = if drift.abs() > POINT * se && drift.abs() > 1e-9 * mean.abs() {
        "more than its scatter explains: something is lost or made that the model does not have"
    } else {
        "no more than its scatter explains"
    };
    let text = format!(
        "is {} on average and varies by {} ({:.1} %); from the first row to the last it drifts by {} ± {}, {verdict}.",
        short(mean),
        short(sd),
        100.0 * sd / mean.abs(),
        signed(drift),
        short(se)
    );
    Some((text, mean, POINT * sd))
}

fn signed(x: f64) -> String {
    if x > 0.0 { format!("+{}", plain(x)) } else { plain(x) }
}

/// The change along the straight line of least squares from the first time to the last, with its standard error.
fn drift(points: &[(usize, f64, f64)]) -> Option<(f64, f64)> {
    let n = points.len() as f64;
    let (times, values): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.1, p.2)).unzip();
    let (t, y) = (stats::mean(&times), stats::mean(&values));
    let sxx: f64 = times.iter().map(|x| (x - t) * (x - t)).sum();
    let slope = times.iter().zip(&values).map(|(x, v)| (x - t) * (v - y)).sum::<f64>() / sxx;
    let left: f64 = times.iter().zip(&values).map(|(x, v)| v - y - slope * (x - t)).map(|r| r * r).sum();
    let span = times.last()? - times.first()?;
    let se = (left / (n - 2.0) / sxx).sqrt();
    Some((slope * span, se * span)).filter(|(a, b)| a.is_finite() && b.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::built_in;

    fn record(rows: Vec<[f64; 2]>) -> (Vec<f64>, Vec<Vec<Option<f64>>>) {
        let times = (0..rows.len()).map(|i| 0.5 * i as f64).collect();
        (times, rows.into_iter().map(|row| row.map(Some).to_vec()).collect())
    }

    fn of_dimers(rows: Vec<[f64; 2]>, columns: &[&str], seen: Seen) -> FittedSection {
        let model = built_in("dimerisation").unwrap();
        let (times, rows) = record(rows);
        let theta = model.default_params().values;
        section(&model, &theta, columns, &[Record { name: "run", times: &times, rows }], seen, "t")
    }

    #[test]
    fn a_kept_sum_is_told_with_its_value_and_a_broken_one_with_its_row() {
        let kept = of_dimers(vec![[100.0, 0.0], [98.0, 1.0], [90.0, 5.0]], &["A", "A2"], Seen::Counted);
        assert!(kept.said.contains("No reaction changes A + 2 A2, which is 100 from"), "{}", kept.said);
        assert!(kept.said.contains("is kept: 100") && kept.said.contains("in all 3 rows"), "{}", kept.said);
        let broken = of_dimers(vec![[100.0, 0.0], [98.0, 1.0], [90.0, 4.0], [88.0, 6.0]], &["A", "A2"], Seen::Counted);
        assert!(broken.said.contains("from row 3 on (t = 1)"), "{}", broken.said);
        assert!(broken.said.contains("1 of 4 rows are off, by −2"), "{}", broken.said);
        let Beside::About { level, band, points, .. } = &broken.panels[0].beside else { panic!("{broken:?}") };
        assert_eq!((*level, *band, points[2].1), (100.0, 0.0, 98.0));
    }

    #[test]
    fn a_measured_sum_that_drifts_is_told_from_one_that_scatters() {
        let noise = [0.3, -0.4, 0.1, 0.2, -0.3, 0.25, -0.1, -0.2, 0.15, 0.0];
        let at = |loss: f64| noise.iter().enumerate().map(|(i, e)| [100.0 + e - loss * i as f64, 0.0]).collect();
        let steady = of_dimers(at(0.0), &["A", "A2"], Seen::Measured);
        assert!(steady.said.contains("no more than its scatter explains"), "{}", steady.said);
        // A loss of 0.5 a row over nine steps.
        let lost = of_dimers(at(0.5), &["A", "A2"], Seen::Measured);
        assert!(lost.said.contains("more than its scatter explains: something is lost"), "{}", lost.said);
    }

    #[test]
    fn a_species_that_was_not_seen_and_a_network_without_a_law_are_said() {
        let unseen = of_dimers(vec![[1.0, 1.0]], &["A"], Seen::Counted);
        assert!(unseen.panels.is_empty() && unseen.said.contains("A2 was not seen"), "{}", unseen.said);
        let open = built_in("immigration-death").unwrap();
        let theta = open.default_params().values;
        assert!(section(&open, &theta, &["X"], &[], Seen::Counted, "t").said.contains("nothing to check"));
        let line = built_in("ou").unwrap();
        assert!(section(&line, &[1.0, 0.0, 1.0], &["x"], &[], Seen::Counted, "t").said.is_empty());
    }
}
