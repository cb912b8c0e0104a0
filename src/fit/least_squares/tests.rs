use super::*;
use crate::fit::Status;

type Residuals = fn(&[f64]) -> Vec<f64>;

/// Residuals of a formula; slopes by central differences of sixth order.
struct Formula(Residuals);

impl Problem for Formula {
    type Point = ();

    fn at(&mut self, u: &[f64]) -> Option<(DVector<f64>, ())> {
        let r = DVector::from_vec((self.0)(u));
        r.iter().all(|v| v.is_finite()).then_some((r, ()))
    }

    fn jacobian(&mut self, u: &[f64], (): &()) -> Option<DMatrix<f64>> {
        let rows = (self.0)(u).len();
        let mut slopes = DMatrix::zeros(rows, u.len());
        for k in 0..u.len() {
            let h = 2e-3 * u[k].abs().max(1e-2);
            let moved = |by: f64| {
                let mut u = u.to_vec();
                u[k] += by * h;
                DVector::from_vec((self.0)(&u))
            };
            let odd = |by: f64| moved(by) - moved(-by);
            // r = y - f.
            slopes.set_column(k, &((odd(1.0) * -45.0 + odd(2.0) * 9.0 - odd(3.0)) / (60.0 * h)));
        }
        Some(slopes)
    }
}

fn param(lower: f64, upper: f64) -> Param {
    Param { name: "a".into(), meaning: String::new(), unit: String::new(), default: 1.0, lower, upper }
}

fn endless(n: usize) -> Vec<Axis> {
    vec![Axis::of(&param(f64::NEG_INFINITY, f64::INFINITY)); n]
}

fn solve(residuals: Residuals, start: &[f64]) -> Found<()> {
    minimise(&mut Formula(residuals), start, &endless(start.len()), 2000, 1e-28).expect("a start")
}

/// Moré, Garbow & Hillstrom (1981), by their numbers, from the standard start and from ten times it; sums of squares to the digits given there.
#[test]
fn test_problems_of_more_garbow_and_hillstrom_end_at_a_known_minimum() {
    let rosenbrock: Residuals = |x| vec![10.0 * (x[1] - x[0] * x[0]), 1.0 - x[0]];
    let freudenstein: Residuals = |x| {
        let y = x[1];
        vec![-13.0 + x[0] + ((5.0 - y) * y - 2.0) * y, -29.0 + x[0] + ((y + 1.0) * y - 14.0) * y]
    };
    let powell: Residuals = |x| {
        let (a, b) = (x[1] - 2.0 * x[2], x[0] - x[3]);
        vec![x[0] + 10.0 * x[1], 5.0f64.sqrt() * (x[2] - x[3]), a * a, 10.0f64.sqrt() * b * b]
    };
    let bard: Residuals = |x| {
        let y = [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39];
        let of = |(i, y): (usize, &f64)| {
            let (u, v) = (i as f64 + 1.0, 15.0 - i as f64);
            y - (x[0] + u / (v * x[1] + u.min(v) * x[2]))
        };
        y.iter().enumerate().map(of).collect()
    };
    let jennrich: Residuals =
        |x| (1..=10).map(f64::from).map(|i| 2.0 + 2.0 * i - ((i * x[0]).exp() + (i * x[1]).exp())).collect();
    let brown: Residuals = |x| {
        let of = |t: f64| {
            let (a, b) = (x[0] + t * x[1] - t.exp(), x[2] + x[3] * t.sin() - t.cos());
            a * a + b * b
        };
        (1..=20).map(|i| of(f64::from(i) / 5.0)).collect()
    };
    /// Known minima, and a unit of their last digit.
    type Minima = &'static [(f64, f64)];
    let cases: [(Residuals, &[f64], Minima); 6] = [
        (rosenbrock, &[-1.2, 1.0], &[(0.0, 1e-20)]),
        (freudenstein, &[0.5, -2.0], &[(0.0, 1e-20), (48.9842, 1e-4)]),
        (powell, &[3.0, -1.0, 0.0, 1.0], &[(0.0, 1e-20)]),
        (bard, &[1.0, 1.0, 1.0], &[(8.21487e-3, 1e-8), (17.4286, 1e-4)]),
        (jennrich, &[0.3, 0.4], &[(124.362, 1e-3)]),
        (brown, &[25.0, 5.0, -5.0, -1.0], &[(85_822.2, 0.1)]),
    ];
    for (k, (residuals, start, minima)) in cases.into_iter().enumerate() {
        for factor in [1.0, 10.0] {
            // Sums of exponentials of a hundred say nothing.
            if k == 4 && factor > 1.0 {
                continue;
            }
            let start: Vec<f64> = start.iter().map(|x| factor * x).collect();
            let squares = solve(residuals, &start).squares();
            let is_known = minima.iter().any(|(m, unit)| (squares - m).abs() < *unit);
            assert!(is_known, "{k} from {factor}: {squares}");
        }
    }
}

#[test]
fn a_line_is_fitted_in_one_step_to_round_off() {
    // Longley-like: nearly the same columns, of very different sizes.
    let residuals: Residuals =
        |x| (0..9).map(f64::from).map(|t| 3.0 + 1e-6 * t - (x[0] + 1e6 * x[1] * (1.0 + 1e-6 * t))).collect();
    let found = solve(residuals, &[1.0, 1.0]);
    assert!(found.squares() < 1e-24, "{}", found.squares());
    assert!((found.u[0] - 2.0).abs() < 1e-6 && (found.u[1] - 1e-6).abs() < 1e-12, "{:?}", found.u);
}

#[test]
fn a_minimum_beyond_a_bound_is_found_on_it_and_the_others_with_it() {
    // (a - 3)² + (b - a)²: with a held at 2 the best b is 2.
    let residuals: Residuals = |x| vec![3.0 - x[0], x[0] - x[1], 0.1];
    let params = [param(-2.0, 2.0), param(-1e6, 1e6)];
    let axes: Vec<Axis> = [param(-200.0, 2.0), param(-1e6, 1e6)].iter().map(Axis::of).collect();
    let found = minimise(&mut Formula(residuals), &[0.5, -7.0], &axes, 100, 0.0).expect("a start");
    assert_eq!(found.u[0], 2.0);
    assert!((found.u[1] - 2.0).abs() < 1e-9);
    let slopes = DMatrix::from_row_slice(3, 2, &[1.0, 0.0, -1.0, 1.0, 0.0, 0.0]);
    let judged = judge(&params, &found.u, &[0, 1], &found.residuals, &slopes, None, 0.0);
    assert_eq!(judged.status, Status::AtBound("a".to_string()));
    assert_eq!(judged.se[0], None);
    // One row, one parameter inside: s² is 1.01 over one degree of freedom.
    let se = judged.se[1].expect("a standard error");
    assert!((se - 1.01f64.sqrt()).abs() < 1e-8, "{se}");
}

/// A straight line's standard errors have a closed form; columns of sizes 1 and 1e-8, far from the origin, cost no digits that matter.
#[test]
fn standard_errors_keep_their_digits_where_the_normal_matrix_loses_them() {
    let n = 50;
    let t = |i: usize| 1e5 + i as f64;
    let noise = |i: usize| if i.is_multiple_of(2) { 0.5 } else { -0.5 };
    let slopes = DMatrix::from_fn(n, 2, |i, k| if k == 0 { 1.0 } else { t(i) });
    // Residuals of the least-squares line are what is left of any noise.
    let qr = slopes.clone().qr();
    let q = qr.q();
    let raw = DVector::from_fn(n, |i, _| noise(i));
    let residuals = &raw - &q * (q.transpose() * &raw);
    let params = vec![param(f64::NEG_INFINITY, f64::INFINITY); 2];
    let judged = judge(&params, &[1.0, 1.0], &[0, 1], &residuals, &slopes, None, 0.0);
    let variance = residuals.norm_squared() / (n - 2) as f64;
    let mean = 1e5 + 24.5;
    let spread: f64 = (0..n).map(|i| (i as f64 - 24.5) * (i as f64 - 24.5)).sum();
    let exact = [(variance * (1.0 / n as f64 + mean * mean / spread)).sqrt(), (variance / spread).sqrt()];
    assert_eq!(judged.status, Status::Converged);
    for k in 0..2 {
        let se = judged.se[k].expect("a standard error");
        assert!((se / exact[k] - 1.0).abs() < 1e-9, "{k}: {se} {}", exact[k]);
    }
}

#[test]
fn what_is_no_minimum_is_told_from_one() {
    let params = vec![param(f64::NEG_INFINITY, f64::INFINITY); 2];
    let slopes = DMatrix::from_row_slice(3, 2, &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    let at = |residuals: [f64; 3], slopes: &DMatrix<f64>, bend: Option<DMatrix<f64>>| {
        let residuals = DVector::from_row_slice(&residuals);
        judge(&params, &[1.0, 1.0], &[0, 1], &residuals, slopes, bend.as_ref(), 0.0).status
    };
    assert_eq!(at([0.0, 0.0, 1.0], &slopes, None), Status::Converged);
    assert_eq!(at([1e-5, 0.0, 1.0], &slopes, None), Status::MaxIterations);
    let bend = |of: f64| Some(DMatrix::from_row_slice(2, 2, &[of, 0.0, 0.0, 0.0]));
    assert_eq!(at([0.0, 0.0, 1.0], &slopes, bend(0.9)), Status::Converged);
    assert!(matches!(at([0.0, 0.0, 1.0], &slopes, bend(1.1)), Status::Failed(_)));
    assert!(matches!(at([0.0, 0.0, 1.0], &slopes, bend(1.0)), Status::Flat(_)));
    assert!(matches!(at([0.0, 0.0, f64::NAN], &slopes, None), Status::Failed(_)));
    let twice = DMatrix::from_row_slice(3, 2, &[1.0, 2.0, 1.0, 2.0, 0.0, 0.0]);
    assert!(matches!(at([0.0, 0.0, 1.0], &twice, None), Status::Flat(_)));
}
