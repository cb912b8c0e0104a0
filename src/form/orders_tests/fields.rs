//! Fields: every scheme in time, and space, on an interval and on a rectangle.

use super::{Row, Theory};
use crate::base::Result;
use crate::base::math::{cos, exp, powi, sin};
use crate::form::field::{Options, Profiles, Scheme, solve};
use crate::models::{Model, read};
use std::f64::consts::PI;

fn field(form: &str, space: &str, field: &str) -> Result<Model> {
    let text = format!(
        "schema = 1\nid = \"f\"\ntitle = \"f\"\nkind = \"field\"\nform = \"{form}\"\n{space}\n[field.u]\n{field}\n"
    );
    read("f.toml", &text)
}

const COLD: &str = "[space.x]\nfrom = 0\nto = 1\nleft.dirichlet = 0\nright.dirichlet = 0";

/// Largest distance to `exact(x, y, t)` over all nodes and times.
fn error(answer: &Profiles, exact: impl Fn(f64, f64, f64) -> f64) -> f64 {
    let mut worst: f64 = 0.0;
    for (t, u) in answer.times.iter().zip(&answer.u) {
        for (k, u) in u.iter().enumerate() {
            let (x, row) = (answer.x[k % answer.x.len()], k / answer.x.len());
            worst = worst.max((u - exact(x, answer.y.get(row).copied().unwrap_or(0.0), *t)).abs());
        }
    }
    worst
}

pub fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    line(&mut rows)?;
    plane(&mut rows)?;
    Ok(rows)
}

fn line(rows: &mut Vec<Row>) -> Result<()> {
    // sin πx is a vector of the matrix, so the answer on the grid is known: e^{-λt}, λ = 4α/h² sin²(πh/2).
    let rod = field("conservative", COLD, "initial = \"sin(pi*x)\"\ndiffusion = 0.01")?;
    let half = sin(0.5 * PI / 20.0);
    let rate = 4.0 * 0.01 * 400.0 * half * half;
    for scheme in Scheme::ALL {
        let off = |step: f64| -> Result<(f64, f64)> {
            let options = Options { cells: 20, scheme, step: Some(step), ..Options::default() };
            let answer = solve(&rod, &[], &[8.0], &options)?;
            Ok((8.0 / step, answer.u[0][10] - exp(-rate * 8.0)))
        };
        let errors: Vec<_> = [0.1, 0.05, 0.025].into_iter().map(off).collect::<Result<_>>()?;
        rows.push(Row::new([name(scheme, false), "a cooling rod", "time: u at the middle"], errors, order(scheme)));
    }
    let off = |cells: usize| -> Result<(f64, f64)> {
        let options = Options { cells, tolerance: 1e-12, ..Options::default() };
        let answer = solve(&rod, &[], &[8.0], &options)?;
        Ok((cells as f64, error(&answer, |x, _, t| exp(-0.01 * PI * PI * t) * sin(PI * x))))
    };
    let errors: Vec<_> = [10, 20, 40].into_iter().map(off).collect::<Result<_>>()?;
    rows.push(Row::new(["field, space", "a cooling rod", "u at all nodes"], errors, Theory::Order(2.0)));
    // Ablowitz & Zeppetella (1979), eq. 24: `(1 + e^{(x - 5t/√6)/√6})⁻²`.
    let ends = "[space.x]\nfrom = 0\nto = 60\nleft.dirichlet = \"1/(1 + exp((-20 - 5*t/sqrt(6))/sqrt(6)))^2\"\nright.neumann = 0";
    let text = "initial = \"1/(1 + exp((x - 20)/sqrt(6)))^2\"\ndiffusion = 1\nsource = \"u*(1 - u)\"";
    let fisher = field("conservative", ends, text)?;
    let off = |cells: usize| -> Result<(f64, f64)> {
        let answer = solve(&fisher, &[], &[8.0], &Options { cells, tolerance: 1e-9, ..Options::default() })?;
        let root = 6f64.sqrt();
        Ok((cells as f64, error(&answer, |x, _, t| powi(1.0 + exp((x - 20.0 - 5.0 * t / root) / root), -2))))
    };
    let errors: Vec<_> = [150, 300, 600].into_iter().map(off).collect::<Result<_>>()?;
    rows.push(Row::new(["field, space", "Fisher's wave, nonlinear", "u at all nodes"], errors, Theory::Order(2.0)));
    let at = |step: f64| -> Result<Vec<f64>> {
        let options = Options { cells: 200, tolerance: 1e-10, step: Some(step), ..Options::default() };
        Ok(solve(&fisher, &[], &[4.0], &options)?.u.remove(0))
    };
    let fine = at(1.0 / 1024.0)?;
    let errors = gaps(&[0.125, 0.0625, 0.03125], at, &fine, 4.0)?;
    let names = [name(Scheme::TrBdf2, false), "Fisher's wave, nonlinear", "time: u at all nodes"];
    rows.push(Row::new(names, errors, Theory::Order(2.0)));
    Ok(())
}

fn name(scheme: Scheme, is_plane: bool) -> &'static str {
    match (scheme, is_plane) {
        (Scheme::TrBdf2, false) => "field, tr-bdf2",
        (Scheme::CrankNicolson, false) => "field, crank-nicolson",
        (Scheme::ExplicitEuler, false) => "field, explicit-euler",
        (Scheme::TrBdf2, true) => "field in 2-D, tr-bdf2",
        (Scheme::CrankNicolson, true) => "field in 2-D, crank-nicolson",
        (Scheme::ExplicitEuler, true) => "field in 2-D, explicit-euler",
    }
}

fn order(scheme: Scheme) -> Theory {
    Theory::Order(if scheme == Scheme::ExplicitEuler { 1.0 } else { 2.0 })
}

/// Largest distances from the finest answer, by the number of steps to `end`.
fn gaps(steps: &[f64], at: impl Fn(f64) -> Result<Vec<f64>>, fine: &[f64], end: f64) -> Result<Vec<(f64, f64)>> {
    let gap = |step: &f64| {
        let u = at(*step)?;
        Ok((end / step, u.iter().zip(fine).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)))
    };
    steps.iter().map(gap).collect()
}

/// `s` makes `e^{-t} sin(πx) cos(y)` a solution with D = (0.1, 0.2), v = (1, -0.5), in both forms.
fn plane(rows: &mut Vec<Row>) -> Result<()> {
    let made = |form: &str| {
        let space =
            format!("{COLD}\n[space.y]\nfrom = 0\nto = 1\nleft.neumann = 0\nright.robin = [\"sin(1)\", \"cos(1)\", 0]");
        let source = "exp(-t)*((0.1*pi^2 + 0.2 - 1)*sin(pi*x)*cos(y) + pi*cos(pi*x)*cos(y) + 0.5*sin(pi*x)*sin(y))";
        let text = format!(
            "initial = \"sin(pi*x)*cos(y)\"\ndiffusion.x = 0.1\ndiffusion.y = 0.2\nadvection.x = 1\nadvection.y = -0.5\nsource = \"{source}\""
        );
        field(form, &space, &text)
    };
    for (form, problem) in [
        ("conservative", "advection, diffusion and reaction, conservative"),
        ("nonconservative", "advection, diffusion and reaction, nonconservative"),
    ] {
        let model = made(form)?;
        let off = |cells: usize| -> Result<(f64, f64)> {
            let step = Some(0.5 / cells as f64);
            let answer = solve(&model, &[], &[0.5], &Options { cells, tolerance: 1e-7, step, ..Options::default() })?;
            Ok((cells as f64, error(&answer, |x, y, t| exp(-t) * sin(PI * x) * cos(y))))
        };
        let errors: Vec<_> = [16, 32, 64].into_iter().map(off).collect::<Result<_>>()?;
        rows.push(Row::new(["field in 2-D, space and time", problem, "u at all nodes"], errors, Theory::Order(2.0)));
    }
    let model = made("conservative")?;
    for scheme in Scheme::ALL {
        let at = |step: f64| -> Result<Vec<f64>> {
            let options = Options { cells: 8, tolerance: 1e-9, scheme, step: Some(step), ..Options::default() };
            Ok(solve(&model, &[], &[1.0], &options)?.u.remove(0))
        };
        // The reference of a first-order scheme is one of second order.
        let options = Options { cells: 8, tolerance: 1e-9, step: Some(1.0 / 1024.0), ..Options::default() };
        let fine = solve(&model, &[], &[1.0], &options)?.u.remove(0);
        let errors = gaps(&[1.0 / 64.0, 1.0 / 128.0, 1.0 / 256.0], at, &fine, 1.0)?;
        let problem = "advection, diffusion and reaction, conservative";
        rows.push(Row::new([name(scheme, true), problem, "time: u at all nodes"], errors, order(scheme)));
    }
    Ok(())
}
