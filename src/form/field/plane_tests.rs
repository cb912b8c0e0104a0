//! Fields on a rectangle: exact solutions, orders, the balance, and agreement with one dimension.

use super::*;
use crate::base::math::{cos, exp, sin};
use crate::models::read;
use std::f64::consts::PI;

/// A field on [0, a] × [0, 1].
fn plane(form: &str, a: f64, x: &str, y: &str, field: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"p\"\ntitle = \"p\"\nkind = \"field\"\nform = \"{form}\"\n[space.x]\nfrom = 0\nto = {a}\n{x}\n[space.y]\nfrom = 0\nto = 1\n{y}\n[field.u]\n{field}\n"
    );
    read("p.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

fn options(cells: usize, tolerance: f64) -> Options {
    Options { cells, tolerance, ..Options::default() }
}

fn error(answer: &Profiles, exact: impl Fn(f64, f64, f64) -> f64) -> f64 {
    let mut worst: f64 = 0.0;
    for (t, u) in answer.times.iter().zip(&answer.u) {
        for (k, u) in u.iter().enumerate() {
            let (x, y) = (answer.x[k % answer.x.len()], answer.y[k / answer.x.len()]);
            worst = worst.max((u - exact(x, y, *t)).abs());
        }
    }
    worst
}

fn slope(errors: &[f64]) -> f64 {
    (errors[errors.len() - 2] / errors[errors.len() - 1]).log2()
}

const COLD: &str = "left.dirichlet = 0\nright.dirichlet = 0";
const CLOSED: &str = "left.neumann = 0\nright.neumann = 0";
const RING: &str = "left.periodic = true\nright.periodic = true";

/// `s` that makes `e^{-t} sin(πx) cos(y)` a solution with D = (0.1, 0.2), v = (1, -0.5), in both forms; its sides: zero values
/// along x, a wall below, `sin(1) u + cos(1) ∂u/∂n = 0` above.
fn made(form: &str) -> Model {
    let source = "exp(-t)*((0.1*pi^2 + 0.2 - 1)*sin(pi*x)*cos(y) + pi*cos(pi*x)*cos(y) + 0.5*sin(pi*x)*sin(y))";
    let field = format!(
        "initial = \"sin(pi*x)*cos(y)\"\ndiffusion.x = 0.1\ndiffusion.y = 0.2\nadvection.x = 1\nadvection.y = -0.5\nsource = \"{source}\""
    );
    plane(form, 1.0, COLD, "left.neumann = 0\nright.robin = [\"sin(1)\", \"cos(1)\", 0]", &field)
}

#[test]
fn advection_diffusion_and_reaction_are_of_second_order_in_both_forms() -> Result<()> {
    for form in ["conservative", "nonconservative"] {
        let mut errors = Vec::new();
        for cells in [8, 16, 32] {
            let options = Options { step: Some(0.5 / cells as f64), ..options(cells, 1e-7) };
            let answer = solve(&made(form), &[], &[0.5], &options)?;
            errors.push(error(&answer, |x, y, t| exp(-t) * sin(PI * x) * cos(y)));
        }
        assert!((slope(&errors) - 2.0).abs() < 0.1 && errors[2] < 1e-2, "{form}: {errors:?}");
    }
    Ok(())
}

#[test]
fn time_is_of_second_order_on_a_plane() -> Result<()> {
    let model = made("conservative");
    for scheme in [Scheme::TrBdf2, Scheme::CrankNicolson] {
        let at = |step: f64| -> Result<Vec<f64>> {
            let options = Options { scheme, step: Some(step), ..options(8, 1e-9) };
            Ok(solve(&model, &[], &[1.0], &options)?.u.remove(0))
        };
        let fine = at(1.0 / 512.0)?;
        let gap = |u: &[f64]| u.iter().zip(&fine).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let gaps = [gap(&at(1.0 / 16.0)?), gap(&at(1.0 / 32.0)?), gap(&at(1.0 / 64.0)?)];
        assert!((slope(&gaps) - 2.0).abs() < 0.1, "{}: {gaps:?}", scheme.name());
    }
    Ok(())
}

#[test]
fn a_cold_plate_decays_as_its_slowest_mode_and_other_grids_tell_the_error() -> Result<()> {
    let model = plane("conservative", 2.0, COLD, COLD, "initial = \"sin(pi*x/2)*sin(pi*y)\"\ndiffusion = 0.1");
    let exact = |x: f64, y: f64, t: f64| exp(-0.125 * PI * PI * t) * sin(0.5 * PI * x) * sin(PI * y);
    let fixed = |cells: usize| Options { step: Some(0.5 / cells as f64), ..options(cells, 1e-7) };
    let answer = estimate(&model, &[], &[1.0], &fixed(32), None)?;
    let off = error(&answer.profiles, exact);
    assert!((1.0..2.5).contains(&(answer.error / off)), "{off:.2e} {:.2e}", answer.error);
    let answer = estimate(&model, &[], &[1.0], &fixed(8), Some(1e-4))?;
    let off = error(&answer.profiles, exact);
    assert!(off <= answer.error && answer.error < 1e-4, "{off:.2e} {:.2e}", answer.error);
    assert_eq!((answer.profiles.x.len(), answer.profiles.y.len()), (9, 9));
    Ok(())
}

#[test]
fn what_a_nonlinear_plane_gains_is_what_flowed_in_and_was_made() -> Result<()> {
    let x = "left.dirichlet = \"1 + sin(t)\"\nright.robin = [1, 0.5, 2]";
    let y = "left.neumann = \"0.3*cos(t)\"\nright.dirichlet = 0.5";
    let field = "initial = \"1 + x*y\"\ndiffusion.x = \"0.1 + 0.05*u\"\ndiffusion.y = \"0.1*(1 + x)\"\nadvection.x = \"0.4*y\"\nadvection.y = \"-0.2*u\"\nsource = \"u*(1 - u)\"";
    let model = plane("conservative", 1.5, x, y, field);
    let implicit = options(24, 1e-5);
    let explicit = Options { scheme: Scheme::ExplicitEuler, ..options(12, 1e-5) };
    for options in [implicit, explicit] {
        let answer = solve(&model, &[], &[0.0, 0.2, 0.7], &options)?;
        for b in &answer.balance {
            let books = answer.balance[0].total - b.left - b.right - b.bottom - b.top + b.source;
            assert!((b.total - books).abs() < 1e-12 * b.total, "{}: {b:?} {books}", options.scheme.name());
        }
        let b = answer.balance[2];
        assert!([b.left, b.right, b.bottom, b.top].iter().all(|f| f.abs() > 1e-3), "{b:?}");
    }
    Ok(())
}

#[test]
fn a_plane_that_does_not_change_along_one_axis_is_a_line() -> Result<()> {
    let field =
        "initial = \"if(x < 0.4, 1, 0)\"\ndiffusion = \"0.05 + 0.02*u\"\nadvection.x = 0.3\nsource = \"-0.2*u\"";
    let line = field.replace("advection.x", "advection");
    let text = format!(
        "schema = 1\nid = \"l\"\ntitle = \"l\"\nkind = \"field\"\n[space.x]\nfrom = 0\nto = 1\n{CLOSED}\n[field.u]\n{line}\n"
    );
    let options = Options { step: Some(0.01), ..options(20, 1e-9) };
    let line = solve(&read("l.toml", &text)?, &[], &[0.3], &options)?;
    for across in [CLOSED, RING] {
        let model = plane("conservative", 1.0, CLOSED, across, &field.replace("\nsource", "\nadvection.y = 0\nsource"));
        let answer = solve(&model, &[], &[0.3], &options)?;
        for row in answer.u[0].chunks(21) {
            for (a, b) in row.iter().zip(&line.u[0]) {
                assert!((a - b).abs() < 1e-11, "{a} {b}");
            }
        }
        assert!((answer.balance[0].total - line.balance[0].total).abs() < 1e-11);
    }
    Ok(())
}

#[test]
fn a_wave_on_a_torus_goes_round_both_ways_and_keeps_its_total() -> Result<()> {
    let field = "initial = \"1 + cos(2*pi*(x - y))\"\ndiffusion = 0.1\nadvection.x = 1\nadvection.y = -1";
    let model = plane("conservative", 1.0, RING, RING, field);
    let exact = |x: f64, y: f64, t: f64| 1.0 + exp(-8.0 * PI * PI * 0.1 * t) * cos(2.0 * PI * (x - y - 2.0 * t));
    let mut errors = Vec::new();
    for cells in [16, 32] {
        let options = Options { step: Some(0.1 / cells as f64), ..options(cells, 1e-7) };
        let answer = solve(&model, &[], &[0.1], &options)?;
        errors.push(error(&answer, exact));
        assert!((answer.balance[0].total - 1.0).abs() < 1e-13);
        let u = &answer.u[0];
        assert_eq!((u[0], u[0]), (u[cells], u[u.len() - 1]));
    }
    assert!((slope(&errors) - 2.0).abs() < 0.1, "{errors:?}");
    Ok(())
}

#[test]
fn the_explicit_limit_of_a_plane_counts_both_axes() -> Result<()> {
    let model = plane("conservative", 2.0, COLD, COLD, "initial = \"x*y\"\ndiffusion = 0.5");
    // 1/(2 D (1/dx² + 1/dy²)) with dx = 0.2, dy = 0.1.
    assert!((explicit_limit(&model, &[], 10)? - 1.0 / 125.0).abs() < 1e-12);
    let options = Options { scheme: Scheme::ExplicitEuler, step: Some(0.01), ..options(10, 1e-7) };
    assert!(matches!(solve(&model, &[], &[1.0], &options), Err(Error::BadOption { .. })));
    let profile = Profile { x: vec![0.0, 1.0], u: vec![0.0, 1.0] };
    let options = Options { initial: Some(profile), ..Options::usual(&model) };
    assert!(matches!(solve(&model, &[], &[1.0], &options), Err(Error::BadOption { .. })));
    Ok(())
}
