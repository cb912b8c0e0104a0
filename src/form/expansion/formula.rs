//! Formulas as they are printed, made of expressions.

use super::legendre::Rule;
use crate::expr::{Id, Pool, Unary};

/// The expression that a text says in these names. A text that cannot be read is not a number.
pub(super) fn formula(pool: &mut Pool, text: &str, names: &[(&str, Id)]) -> Id {
    let mut from = Pool::new(names.iter().map(|(name, _)| *name));
    let map: Vec<Id> = names.iter().map(|(_, id)| *id).collect();
    match from.parse(text, "formula") {
        Ok(id) => pool.import(&from, id, &map),
        Err(_) => pool.number(f64::NAN),
    }
}

/// `Σ weight_k value_k`
pub(super) fn weighted(pool: &mut Pool, weights: &[f64], values: &[Id]) -> Id {
    let mut sum = pool.number(0.0);
    for (weight, value) in weights.iter().zip(values) {
        let term = pool.scale(*weight, *value);
        sum = pool.add(sum, term);
    }
    sum
}

/// `φ1(z) = (e^z - 1)/z` and `φ2(z) = (e^z - 1 - z)/z²` at `z`, and `φ1` at `2z`.
pub(super) struct Phi {
    pub one: Id,
    pub two: Id,
    pub one_of_double: Id,
}

/// Halvings of `z` before the rule below is used.
const HALVINGS: i32 = 5;

/// The functions of local linearisation, smooth through zero and without a difference or a choice anywhere:
/// `φ1(z) = ∫ e^(sz) ds` and `φ2(z) = ∫ (1-s) e^(sz) ds` by eight points of Gauss and Legendre at `z/32`, then doubled by
/// `φ1(2z) = φ1(z) (1 + e^z)/2` and `φ2(2z) = (φ1(z)² + 2 φ2(z))/4`, all terms positive.
///
/// Right to a few units in the last place for `|z| < 90`, to 1e-6 for `|z| < 300`, and positive always.
pub(super) fn phi(pool: &mut Pool, z: Id) -> Phi {
    let rule = Rule::new(8);
    let mut u = pool.scale(1.0 / f64::from(1 << HALVINGS), z);
    let exponentials: Vec<Id> = rule
        .nodes
        .iter()
        .map(|s| {
            let exponent = pool.scale(*s, u);
            pool.unary(Unary::Exp, exponent)
        })
        .collect();
    let rest: Vec<f64> = rule.nodes.iter().zip(&rule.weights).map(|(s, w)| w * (1.0 - s)).collect();
    let mut one = weighted(pool, &rule.weights, &exponentials);
    let mut two = weighted(pool, &rest, &exponentials);
    let double = |pool: &mut Pool, one: Id, u: Id| formula(pool, "0.5*one*(1 + exp(u))", &[("one", one), ("u", u)]);
    for _ in 0..HALVINGS {
        two = formula(pool, "0.25*(one^2 + 2*two)", &[("one", one), ("two", two)]);
        one = double(pool, one, u);
        u = pool.scale(2.0, u);
    }
    Phi { one, two, one_of_double: double(pool, one, u) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_and_their_slopes_keep_their_digits_through_zero() {
        let mut pool = Pool::new(["z"]);
        let z = pool.symbol_at(0);
        let Phi { one, two, one_of_double } = phi(&mut pool, z);
        let (slope_one, slope_two) = (pool.derivative(one, 0), pool.derivative(two, 0));
        for z in [-80.0, -7.0, -0.3, -1e-4, -1e-9, 0.0, 1e-12, 1e-5, 0.02, 1.0, 12.0, 60.0f64] {
            // φ_k(z) = ∫ (1-s)^(k-1)/(k-1)! e^(sz) ds, and the slope of φ_k is φ_k - k φ_(k+1): by their series near zero.
            let function = |k: i32, z: f64| -> f64 {
                if z.abs() < 1.0 {
                    let factorial = |n: i32| (1..=n).map(f64::from).product::<f64>();
                    (0..20).map(|j| z.powi(j) / factorial(j + k)).sum()
                } else {
                    [z.exp_m1() / z, (z.exp_m1() - z) / (z * z), (z.exp_m1() - z - 0.5 * z * z) / z.powi(3)]
                        [k as usize - 1]
                }
            };
            let near = |id: Id, want: f64, allowed: f64| {
                let got = pool.eval(id, &[z]);
                assert!((got - want).abs() <= allowed * want.abs(), "{z}: {got} {want}");
            };
            near(one, function(1, z), 1e-14);
            near(one_of_double, function(1, 2.0 * z), 2e-14);
            near(two, function(2, z), 1e-14);
            near(slope_one, function(1, z) - function(2, z), 1e-13);
            near(slope_two, function(2, z) - 2.0 * function(3, z), 1e-13);
        }
    }
}
