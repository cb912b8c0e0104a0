//! Expressions made anew with other leaves: substitution, and copies from pool to pool.

use super::pool::{Id, Node, Pool};

impl Pool {
    /// `of` with symbols (positions in [`Pool::symbols`]) replaced by expressions, all at once: what comes in is not
    /// replaced again. Cost O(size of the expression).
    pub fn substitute(&mut self, of: Id, by: &[(usize, Id)]) -> Id {
        let needed = self.needed(&[of]);
        let mut made: Vec<Option<Id>> = vec![None; needed.len()];
        for i in (0..needed.len()).filter(|i| needed[*i]) {
            let id = self.id_at(i);
            let new = match self.node(id) {
                Node::Symbol(s) => by.iter().find(|(symbol, _)| *symbol == s as usize).map_or(id, |(_, new)| *new),
                node => self.rebuild(node, |child| made[child.index()].unwrap_or(child)),
            };
            made[i] = Some(new);
        }
        made[of.index()].unwrap_or(of)
    }

    /// An expression of another pool, copied into this one; `map[s]` stands here for its symbol `s`, and a symbol beyond
    /// the map is not a number. Cost O(size of the expression).
    pub fn import(&mut self, other: &Pool, id: Id, map: &[Id]) -> Id {
        let needed = other.needed(&[id]);
        let nothing = self.number(f64::NAN);
        let mut made = vec![nothing; needed.len()];
        for i in (0..needed.len()).filter(|i| needed[*i]) {
            made[i] = match other.node(other.id_at(i)) {
                Node::Number(bits) => self.number(f64::from_bits(bits)),
                Node::Symbol(s) => map.get(s as usize).copied().unwrap_or(nothing),
                node => self.rebuild(node, |child| made[child.index()]),
            };
        }
        made[id.index()]
    }

    /// The operation of `node` on other children, simplified.
    fn rebuild(&mut self, node: Node, child: impl Fn(Id) -> Id) -> Id {
        match node {
            Node::Number(_) | Node::Symbol(_) => self.intern(node),
            Node::Unary(op, a) => self.unary(op, child(a)),
            Node::Binary(op, a, b) => self.binary(op, child(a), child(b)),
            Node::Power(a, n) => self.power(child(a), n),
            Node::Select(c, a, b) => self.select(child(c), child(a), child(b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_replaced_everywhere_and_at_once() {
        let mut pool = Pool::new(["x", "y"]);
        let of = pool.parse("x^2 + if(x > 1, log(x), y)", "test").expect("text");
        let by_x = pool.parse("exp(y)", "test").expect("text");
        let by_y = pool.parse("3*x", "test").expect("text");
        let got = pool.substitute(of, &[(0, by_x), (1, by_y)]);
        let want = pool.parse("exp(y)^2 + if(exp(y) > 1, log(exp(y)), 3*x)", "test").expect("text");
        assert_eq!(got, want, "{}", pool.print(got));
        assert_eq!(pool.substitute(of, &[]), of);
    }

    #[test]
    fn an_expression_moves_to_another_pool() {
        let mut from = Pool::new(["a", "b"]);
        let id = from.parse("a*sin(b) - hill(a, 2, b)", "test").expect("text");
        let mut to = Pool::new(["u", "v", "w"]);
        let map = [to.symbol_at(2), to.parse("u + v", "test").expect("text")];
        let copy = to.import(&from, id, &map);
        let want = to.parse("w*sin(u + v) - hill(w, 2, u + v)", "test").expect("text");
        assert_eq!(copy, want);
        let lost = to.import(&from, id, &map[..1]);
        assert!(to.eval(lost, &[1.0, 1.0, 1.0]).is_nan());
    }
}
