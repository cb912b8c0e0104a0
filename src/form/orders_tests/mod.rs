//! One table of all orders of convergence: errors on finer and finer refinements, their slope, and theory beside it.

mod fields;
mod grids;
mod paths;
mod values;

use crate::base::{Result, math};
use std::fmt::Write;

/// An error at a refinement, and the standard error with which it is known.
#[derive(Debug, Clone, Copy)]
struct Point {
    /// Steps, cells, points: an error of order `p` falls as `n⁻ᵖ`.
    n: f64,
    error: f64,
    spread: f64,
}

enum Theory {
    /// The slope is this.
    Order(f64),
    /// Errors are at round-off whatever the refinement: below this.
    RoundOff(f64),
    /// The error falls faster than any power: the order between neighbours grows.
    Geometric,
    /// What is known instead where no order is proven, or is seen only further on.
    Said(&'static str),
}

struct Row {
    method: &'static str,
    problem: &'static str,
    quantity: &'static str,
    points: Vec<Point>,
    theory: Theory,
}

impl Row {
    fn new(
        [method, problem, quantity]: [&'static str; 3],
        errors: impl IntoIterator<Item = (f64, f64)>,
        theory: Theory,
    ) -> Row {
        let points = errors.into_iter().map(|(n, error)| Point { n, error: error.abs(), spread: 0.0 }).collect();
        Row { method, problem, quantity, points, theory }
    }

    /// With standard errors, `(n, error, spread)`.
    fn sampled(
        [method, problem, quantity]: [&'static str; 3],
        errors: impl IntoIterator<Item = (f64, f64, f64)>,
        theory: Theory,
    ) -> Row {
        let point = |(n, error, spread): (f64, f64, f64)| Point { n, error: error.abs(), spread };
        Row { method, problem, quantity, points: errors.into_iter().map(point).collect(), theory }
    }

    /// The order by least squares through all points, in logarithms, and its standard error; of a geometric law the rate.
    fn slope(&self) -> (f64, f64) {
        let place = |p: &Point| if let Theory::Geometric = self.theory { p.n } else { math::ln(p.n) };
        let middle = self.points.iter().map(place).sum::<f64>() / self.points.len() as f64;
        let width: f64 = self.points.iter().map(|p| math::powi(place(p) - middle, 2)).sum();
        let (mut slope, mut variance) = (0.0, 0.0);
        for p in &self.points {
            let weight = (place(p) - middle) / width;
            slope -= weight * math::ln(p.error);
            variance += math::powi(weight * p.spread / p.error, 2);
        }
        (slope, variance.sqrt())
    }

    /// The order between each two neighbours.
    fn orders(&self) -> Vec<f64> {
        let order = |w: &[Point]| math::ln(w[0].error / w[1].error) / math::ln(w[1].n / w[0].n);
        self.points.windows(2).map(order).collect()
    }

    fn is_as_theory_says(&self) -> bool {
        let (slope, spread) = self.slope();
        match self.theory {
            Theory::Order(order) => (slope - order).abs() < 0.1 && spread < 0.03,
            Theory::RoundOff(bound) => self.points.iter().all(|p| p.error < bound),
            Theory::Geometric => self.orders().windows(2).all(|w| w[1] > w[0]),
            Theory::Said(_) => true,
        }
    }

    fn line(&self) -> String {
        let list = |of: &dyn Fn(&Point) -> String| self.points.iter().map(of).collect::<Vec<_>>().join(", ");
        let (slope, spread) = self.slope();
        let noise = if spread > 0.0 { format!(" ± {spread:.3}") } else { String::new() };
        let [seen, theory] = match self.theory {
            Theory::Order(order) => [format!("{slope:.3}{noise}"), format!("{order}")],
            Theory::RoundOff(bound) => ["round-off".to_string(), format!("exact: below {bound:.0e}")],
            Theory::Geometric => {
                let orders: Vec<String> = self.orders().iter().map(|o| format!("{o:.1}")).collect();
                let seen = format!("e^(-{slope:.2} n); orders {}", orders.join(", "));
                [seen, "geometric: faster than any power".to_string()]
            }
            Theory::Said(known) => [format!("{slope:.3}{noise}"), known.to_string()],
        };
        let (n, errors) = (list(&|p| format!("{}", p.n)), list(&|p| format!("{:.2e}", p.error)));
        format!("| {} | {} | {} | {n} | {errors} | {seen} | {theory} |", self.method, self.problem, self.quantity)
    }
}

const HEAD: &str = "# Orders of convergence

`just orders` makes this table in one run and fails unless every slope is within 0.1 of theory; where there is none, the last column says so. The slope is that of least squares
through all points, in logarithms; `±` is its standard error where the errors are sampled. Sampled errors are differences from the exact
path on the same noise, so they are known to a few hundredths of themselves; where a scheme's own expectation can be computed without
sampling, it is, and a test holds it against paths.

| method | problem | error of | refinements | errors | slope | theory |
|---|---|---|---|---|---|---|
";

type Rows = fn() -> Result<Vec<Row>>;

/// All schemes at once, some minutes; writes `reports/validation/orders.md`.
#[test]
#[ignore = "the study behind the table: minutes; run it by `just orders`"]
fn study_of_orders() -> Result<()> {
    let mut text = HEAD.to_string();
    let mut wrong = Vec::new();
    let parts: [(&str, Rows); 4] =
        [("paths", paths::rows), ("grids", grids::rows), ("fields", fields::rows), ("values", values::rows)];
    for (part, rows) in parts {
        for row in rows()? {
            println!("{}", row.line());
            if !row.is_as_theory_says() {
                wrong.push(row.line());
            }
            writeln!(text, "{}", row.line()).expect("text grows");
        }
        println!("-- {part} done");
    }
    assert!(wrong.is_empty(), "not as theory says:\n{}", wrong.join("\n"));
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/reports/validation/orders.md"), text).expect("written");
    Ok(())
}
