//! Exact symbolic derivatives, of any order by repetition.

use super::pool::{Binary, Id, Node, Pool, Unary};

impl Pool {
    /// d `of` / d `symbol` (index in [`Pool::symbols`]).
    ///
    /// `abs`, `min` and `max` get the derivative of the branch taken (zero for `abs` at zero). Cost: linear in the
    /// size of the graph, since every node is differentiated once.
    pub fn derivative(&mut self, of: Id, symbol: usize) -> Id {
        let zero = self.number(0.0);
        let one = self.number(1.0);
        let mut slopes: Vec<Option<Id>> = vec![None; of.index() + 1];
        let needed = self.needed(of);
        for i in (0..=of.index()).filter(|i| needed[*i]) {
            let of_child = |a: Id| slopes[a.index()].unwrap_or(zero);
            let here = self.id_at(i);
            let slope = match self.node(here) {
                Node::Number(_) => zero,
                Node::Symbol(s) => {
                    if s as usize == symbol {
                        one
                    } else {
                        zero
                    }
                }
                Node::Unary(op, a) => self.unary_slope(here, op, a, of_child(a)),
                Node::Binary(op, a, b) => self.binary_slope(here, op, (a, of_child(a)), (b, of_child(b))),
                Node::Power(a, n) => {
                    let da = of_child(a);
                    if da == zero {
                        zero
                    } else {
                        let lower = self.power(a, n - 1);
                        let outer = self.scale(f64::from(n), lower);
                        self.mul(outer, da)
                    }
                }
            };
            slopes[i] = Some(slope);
        }
        slopes[of.index()].unwrap_or(zero)
    }

    fn unary_slope(&mut self, here: Id, op: Unary, a: Id, da: Id) -> Id {
        let zero = self.number(0.0);
        if da == zero {
            return zero;
        }
        match op {
            Unary::Neg => self.unary(Unary::Neg, da),
            Unary::Exp => self.mul(here, da),
            Unary::Log => self.div(da, a),
            Unary::Sqrt => {
                let half = self.scale(0.5, da);
                self.div(half, here)
            }
            Unary::Sin => {
                let outer = self.unary(Unary::Cos, a);
                self.mul(outer, da)
            }
            Unary::Cos => {
                let sine = self.unary(Unary::Sin, a);
                let product = self.mul(sine, da);
                self.unary(Unary::Neg, product)
            }
            Unary::Tanh => {
                let one = self.number(1.0);
                let square = self.power(here, 2);
                let outer = self.sub(one, square);
                self.mul(outer, da)
            }
            Unary::Abs => {
                let sign = self.unary(Unary::Sign, a);
                self.mul(sign, da)
            }
            Unary::Sign => zero,
        }
    }

    fn binary_slope(&mut self, here: Id, op: Binary, (a, da): (Id, Id), (b, db): (Id, Id)) -> Id {
        let zero = self.number(0.0);
        if da == zero && db == zero {
            return zero;
        }
        match op {
            Binary::Add => self.add(da, db),
            Binary::Sub => self.sub(da, db),
            Binary::Mul => {
                let left = self.mul(da, b);
                let right = self.mul(a, db);
                self.add(left, right)
            }
            Binary::Div => {
                // (da - (a/b) db) / b
                let lost = self.mul(here, db);
                let top = self.sub(da, lost);
                self.div(top, b)
            }
            Binary::Pow => {
                // a^b (db ln a + b da / a), with the second part as b a^(b-1) da so that it holds at a = 0.
                let one = self.number(1.0);
                let lower_exponent = self.sub(b, one);
                let lower = self.binary(Binary::Pow, a, lower_exponent);
                let by_exponent = self.mul(b, lower);
                let by_base = self.mul(by_exponent, da);
                let log = self.unary(Unary::Log, a);
                let grown = self.mul(here, log);
                let by_power = self.mul(grown, db);
                self.add(by_base, by_power)
            }
            Binary::Min | Binary::Max => {
                let one = self.number(1.0);
                let first_is_less = self.binary(Binary::Less, a, b);
                let other = self.sub(one, first_is_less);
                let (wa, wb) = if op == Binary::Min { (first_is_less, other) } else { (other, first_is_less) };
                let left = self.mul(wa, da);
                let right = self.mul(wb, db);
                self.add(left, right)
            }
            Binary::Less => zero,
        }
    }

    /// Which nodes `of` is made of.
    pub(super) fn needed(&self, of: Id) -> Vec<bool> {
        let mut needed = vec![false; of.index() + 1];
        needed[of.index()] = true;
        for i in (0..=of.index()).rev() {
            if needed[i] {
                self.mark_children(i, &mut needed);
            }
        }
        needed
    }

    fn mark_children(&self, i: usize, needed: &mut [bool]) {
        match self.node(self.id_at(i)) {
            Node::Number(_) | Node::Symbol(_) => {}
            Node::Unary(_, a) | Node::Power(a, _) => needed[a.index()] = true,
            Node::Binary(_, a, b) => {
                needed[a.index()] = true;
                needed[b.index()] = true;
            }
        }
    }
}
