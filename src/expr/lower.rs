//! Expressions as a processor likes them: the last rewriting before a tape is compiled, exact to the bit.
//!
//! Powers become the multiplications and the logarithm they consist of, so that `x^2`, `x^3` and `1/x^2`, or `x^g`,
//! `x^(g-1)` and `log(x)`, share their parts; a division by a power of two becomes a product.

use super::algebra::is_exact_scale;
use super::op::{Binary, Unary};
use super::pool::{Id, Node, Pool};

/// The outputs and what they are made of, in a pool of their own; symbols keep their positions.
pub(super) fn lowered(pool: &Pool, outputs: &[Id]) -> (Pool, Vec<Id>) {
    let needed = pool.needed(outputs);
    let mut low = Pool::default();
    let nothing = low.intern(Node::Number(f64::NAN.to_bits()));
    let mut made = vec![nothing; needed.len()];
    for i in (0..needed.len()).filter(|i| needed[*i]) {
        let of = |id: Id| made[id.index()];
        made[i] = match pool.node(pool.id_at(i)) {
            leaf @ (Node::Number(_) | Node::Symbol(_)) => low.intern(leaf),
            Node::Unary(op, a) => low.intern(Node::Unary(op, of(a))),
            Node::Binary(Binary::Pow, a, b) => {
                let log = low.intern(Node::Unary(Unary::Log, of(a)));
                let exponent = low.intern(Node::Binary(Binary::TimesLog, of(b), log));
                low.intern(Node::Unary(Unary::Exp, exponent))
            }
            Node::Binary(Binary::Div, a, b) => match pool.constant(b).filter(|d| is_exact_scale(*d)) {
                Some(d) => {
                    let factor = low.number(1.0 / d);
                    low.intern(Node::Binary(Binary::Mul, factor, of(a)))
                }
                None => low.intern(Node::Binary(Binary::Div, of(a), of(b))),
            },
            Node::Binary(op, a, b) => low.intern(Node::Binary(op, of(a), of(b))),
            Node::Power(a, n) => whole_power(&mut low, of(a), n),
            Node::Select(c, a, b) => low.intern(Node::Select(of(c), of(a), of(b))),
        };
    }
    let outputs = outputs.iter().map(|id| made[id.index()]).collect();
    (low, outputs)
}

/// The multiplications of [`crate::base::math::powi`], in its order.
fn whole_power(low: &mut Pool, a: Id, n: i32) -> Id {
    let mut product: Option<Id> = None;
    let mut square = a;
    let mut left = n.unsigned_abs();
    while left > 0 {
        if left & 1 == 1 {
            product = Some(match product {
                Some(product) => low.intern(Node::Binary(Binary::Mul, product, square)),
                None => square,
            });
        }
        left >>= 1;
        if left > 0 {
            square = low.intern(Node::Binary(Binary::Mul, square, square));
        }
    }
    let one = low.number(1.0);
    let product = product.unwrap_or(one);
    if n < 0 { low.intern(Node::Binary(Binary::Div, one, product)) } else { product }
}
