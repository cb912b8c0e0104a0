//! What must hold of any expression: the tape gives the bits of the tree, a derivative is the limit of its differences, what
//! is printed is read back, and no text whatever stops the parser.

use super::{Id, Pool, Scratch, Tape};
use crate::base::Error;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A random expression in x, k, g as text, of every function.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("x".to_string()),
        Just("k".to_string()),
        Just("g".to_string()),
        (0.1f64..3.0).prop_map(|v| format!("{v:.3}")),
    ];
    leaf.prop_recursive(5, 48, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        let smooth = ["sin", "cos", "tanh", "abs", "atan", "erf", "floor", "ceil", "sign"];
        let compare = ["<", "<=", ">", ">=", "==", "!="];
        let tame =
            ["asin(tanh(A)/2)", "acos(tanh(A)/2)", "tan(tanh(A))", "sinh(tanh(A))", "cosh(tanh(A))", "expm1(tanh(A))"];
        let positive =
            ["log1p(P)", "log2(1 + P)", "log10(1 + P)", "sqrt(1 + P)", "lgamma(0.5 + P)", "trigamma(0.5 + P)"];
        prop_oneof![
            (pair.clone(), prop::sample::select(vec!["+", "-", "*", "/"]))
                .prop_map(|((a, b), op)| format!("({a} {op} {b})")),
            (inner.clone(), prop::sample::select(smooth.to_vec())).prop_map(|(a, f)| format!("{f}({a})")),
            (inner.clone(), prop::sample::select(tame.to_vec())).prop_map(|(a, f)| f.replace('A', &a)),
            (inner.clone(), prop::sample::select(positive.to_vec()))
                .prop_map(|(a, f)| f.replace('P', &format!("({a})^2"))),
            inner.clone().prop_map(|a| format!("exp(-abs({a}))")),
            inner.clone().prop_map(|a| format!("gamma(1 + tanh({a})^2)")),
            inner.clone().prop_map(|a| format!("-({a})")),
            (inner.clone(), -4i32..6).prop_map(|(a, n)| format!("({a})^{n}")),
            pair.clone().prop_map(|(a, b)| format!("(0.5 + abs({a}))^tanh({b})")),
            pair.clone().prop_map(|(a, b)| format!("min({a}, max({b}, 0.3), 2)")),
            pair.clone().prop_map(|(a, b)| format!("atan2({a}, 1 + ({b})^2)")),
            pair.clone().prop_map(|(a, b)| format!("hypot({a}, 1 + abs({b}))")),
            pair.clone().prop_map(|(a, b)| format!("hill(1 + ({a})^2, 0.7, 1 + ({b})^2/10) + mm(abs({b}), k, 1.1)")),
            (pair, prop::sample::select(compare.to_vec()), inner.clone(), inner)
                .prop_map(|((a, b), op, c, d)| format!("if({a} {op} {b} and not {c} > 1 or {d} < 0, {c}, {d})")),
        ]
    })
}

/// The graph of generated text, which may divide by what simplifies to zero: that alone is refused.
fn parsed(pool: &mut Pool, text: &str) -> Option<Id> {
    match pool.parse(text, "test") {
        Ok(id) => Some(id),
        Err(Error::Expression { message, .. })
            if message == "division by zero" || message.starts_with("this is not a number") =>
        {
            None
        }
        Err(other) => panic!("{text}: {other}"),
    }
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Whether zeros of two signs aside the values are the same, which is all that the algebra promises.
fn equal(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// A derivative at `x` by differences of fourth order, unless the point is at a kink or a pole and says nothing.
fn difference(f: impl Fn(f64) -> f64, x: f64) -> Option<f64> {
    let centred = |h: f64| (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h);
    let (coarse, fine) = (centred(2e-3), centred(1e-3));
    let scale = 1.0 + fine.abs() + f(x).abs();
    (fine.is_finite() && (coarse - fine).abs() < 1e-6 * scale).then_some(fine)
}

/// Pieces of expressions, in no order.
fn tokens() -> impl Strategy<Value = String> {
    let words = [
        "x",
        "k",
        "v",
        "2",
        "1e5",
        ".5",
        "(",
        ")",
        "[",
        "]",
        "+",
        "-",
        "*",
        "/",
        "^",
        "<",
        "<=",
        "==",
        "!=",
        "=",
        "!",
        "and",
        "or",
        "not",
        "&&",
        "||",
        ",",
        "if(",
        "sum(",
        "poly(",
        "hill(",
        "log(",
        "min(",
        "gamma",
        "e",
        "inf",
        "pi",
        "π",
        "²",
        "−",
        "\n",
        " ",
        "#",
        "polygamma(",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|words| words.join(""))
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn the_tape_gives_the_bits_of_the_tree(text in expression(), k in 0.2f64..2.0, g in -1.0f64..1.0) {
        let mut pool = Pool::new(["x", "k", "g"]);
        let Some(id) = parsed(&mut pool, &text) else { return Ok(()) };
        let slope = pool.derivative(id, 0);
        let by_k = pool.derivative(slope, 1);
        let tape = Tape::compile(&pool, &[id, slope, by_k], &[0, 2]);
        let xs: Vec<f64> = (0..300).map(|i| -2.0 + 0.013 * f64::from(i)).collect();
        let gs: Vec<f64> = xs.iter().map(|x| g + 0.1 * x).collect();
        let mut out = vec![vec![0.0; xs.len()]; 3];
        {
            let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
            tape.run(&[f64::NAN, k, f64::NAN], &[&xs, &gs], &mut slices, &mut Scratch::default());
        }
        let mut scratch = Scratch::default();
        tape.bind(&[f64::NAN, k, f64::NAN], &mut scratch);
        let mut one = [0.0; 3];
        tape.run_one(&[xs[17], gs[17]], &mut one, &mut scratch);
        for (column, value) in out.iter().zip(one) {
            prop_assert!(same(column[17], value));
        }
        for (column, id) in out.iter().zip([id, slope, by_k]) {
            for (value, (x, g)) in column.iter().zip(xs.iter().zip(&gs)) {
                let oracle = pool.eval(id, &[*x, k, *g]);
                prop_assert!(same(*value, oracle), "{text} at {x}: {value} {oracle}");
            }
        }
    }

    #[test]
    fn a_derivative_is_the_limit_of_its_differences(text in expression(), x in 0.3f64..1.7) {
        let mut pool = Pool::new(["x", "k", "g"]);
        let Some(id) = parsed(&mut pool, &text) else { return Ok(()) };
        let slope = pool.derivative(id, 0);
        let curve = pool.derivative(slope, 0);
        for (of, exact) in [(id, slope), (slope, curve)] {
            let exact = pool.eval(exact, &[x, 0.7, 0.4]);
            prop_assume!(exact.is_finite());
            let Some(limit) = difference(|x| pool.eval(of, &[x, 0.7, 0.4]), x) else { return Ok(()) };
            let scale = 1.0 + limit.abs() + pool.eval(of, &[x, 0.7, 0.4]).abs();
            prop_assert!((exact - limit).abs() < 1e-5 * scale, "{text}: {exact} against {limit}");
        }
    }

    #[test]
    fn a_gradient_is_its_derivatives_and_a_hessian_symmetric(text in expression(), x in 0.3f64..1.7) {
        let mut pool = Pool::new(["x", "k", "g"]);
        let Some(id) = parsed(&mut pool, &text) else { return Ok(()) };
        let at = [x, 0.7, 0.4];
        let gradient = pool.gradient(id, &[0, 1, 2]);
        for (symbol, part) in gradient.into_iter().enumerate() {
            let single = pool.derivative(id, symbol);
            let (got, want) = (pool.eval(part, &at), pool.eval(single, &at));
            prop_assume!(want.is_finite() && want.abs() < 1e6);
            prop_assert!((got - want).abs() < 1e-8 * (1.0 + want.abs()), "{text} {symbol}: {got} {want}");
        }
        let hessian = pool.hessian(id, &[0, 1, 2]);
        prop_assert_eq!(hessian[0][2], hessian[2][0]);
    }

    #[test]
    fn what_is_printed_is_read_back(text in expression()) {
        let mut pool = Pool::new(["x", "k", "g"]);
        let Some(id) = parsed(&mut pool, &text) else { return Ok(()) };
        let printed = pool.print(id);
        let again = pool.parse(&printed, "test");
        prop_assert!(again.is_ok(), "{} -> {}: {:?}", text, printed, again);
        prop_assert_eq!(again.ok(), Some(id), "{} -> {}", text, printed);
        prop_assert!(!pool.unicode(id).is_empty() && pool.mathml(id).starts_with("<mrow>"));
    }

    #[test]
    fn what_is_copied_or_replaced_by_itself_keeps_its_value(text in expression(), x in 0.3f64..1.7) {
        let mut pool = Pool::new(["x", "k", "g"]);
        let Some(id) = parsed(&mut pool, &text) else { return Ok(()) };
        let mut other = Pool::new(["g", "k", "x"]);
        let map = [other.symbol_at(2), other.symbol_at(1), other.symbol_at(0)];
        let copy = other.import(&pool, id, &map);
        let (a, b) = (pool.eval(id, &[x, 0.7, 0.4]), other.eval(copy, &[0.4, 0.7, x]));
        prop_assert!(equal(a, b), "{text}: {a} {b}");
        let same_symbol = pool.symbol_at(0);
        let again = pool.substitute(id, &[(0, same_symbol)]);
        prop_assert_eq!(again, id);
    }

    #[test]
    fn no_text_stops_the_parser(text in tokens(), any in "\\PC{0,60}") {
        let mut pool = Pool::new(["x", "k"]);
        let x = pool.symbol_at(0);
        pool.define_vector("v", vec![x, x]);
        for text in [text, any] {
            match pool.parse(&text, "test") {
                Ok(id) => {
                    let slope = pool.derivative(id, 0);
                    let shown = [pool.print(slope), pool.unicode(id), pool.mathml(slope)];
                    prop_assert!(shown.iter().all(|s| !s.is_empty()));
                    pool.eval(slope, &[0.5, 0.7]);
                }
                Err(Error::Expression { line, column, caret, .. }) => prop_assert!(line > 0 && column > 0 && caret > 0),
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }
}

#[test]
fn exponential_text_by_definitions_costs_nothing() {
    let started = std::time::Instant::now();
    for step in ["b*b", "b*b + x", "sin(b)*b/(1 + b)", "if(b > x, b^k, -b)", "b^b"] {
        let mut pool = Pool::new(["x", "k"]);
        let mut b = pool.symbol_at(0);
        for _ in 0..60 {
            pool.define("b", b);
            b = pool.parse(step, "test").expect(step);
        }
        let slope = pool.derivative(b, 0);
        let gradient = pool.gradient(b, &[0, 1]);
        let outputs = [b, slope, gradient[1]];
        let tape = Tape::compile(&pool, &outputs, &[0]);
        let mut scratch = Scratch::default();
        tape.bind(&[f64::NAN, 0.9], &mut scratch);
        let mut out = [0.0; 3];
        tape.run_one(&[0.4], &mut out, &mut scratch);
        for (id, value) in outputs.iter().zip(out) {
            assert!(same(pool.eval(*id, &[0.4, 0.9]), value));
            for shown in [pool.print(*id), pool.unicode(*id), pool.mathml(*id)] {
                assert!(shown.len() < 1_000_000);
            }
        }
        assert!(pool.len() < 50_000, "{step}: {}", pool.len());
    }
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn deep_and_long_texts_are_refused_or_read_in_time() {
    let mut pool = Pool::new(["x", "k"]);
    for text in [
        "-".repeat(19_000) + "x",
        "(".repeat(19_000),
        "x^".repeat(9_000) + "x",
        "not ".repeat(4_000) + "x",
        "sin(".repeat(4_000),
        "if(x, ".repeat(3_000),
        "x ".repeat(9_000),
        "9".repeat(19_000),
        "a".repeat(19_000),
        "x".repeat(30_000),
    ] {
        assert!(pool.parse(&text, "test").is_err(), "{}", &text[..10]);
    }
    for text in [
        "x+k*".repeat(4_900) + "x",
        "x/".repeat(9_000) + "k",
        "x < k or ".repeat(2_000) + "x",
        "(".repeat(190) + "x" + &")".repeat(190),
    ] {
        let id = pool.parse(&text, "test").expect("long");
        let slope = pool.derivative(id, 0);
        assert!(!pool.print(slope).is_empty() && !pool.mathml(id).is_empty());
        assert!(pool.eval(slope, &[1.1, 0.9]).is_finite());
    }
}
