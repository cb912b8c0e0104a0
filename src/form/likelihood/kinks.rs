//! Where a coefficient has a kink or a jump: expressions that are constant on either side of it.

use crate::expr::{Binary, Id, Node, Pool, Unary};
use std::collections::BTreeSet;

/// The signs, comparisons and whole parts inside some expressions, each of which changes only where they have a kink or a jump.
pub(super) fn sides(pool: &mut Pool, of: [Id; 2]) -> Vec<Id> {
    let (mut found, mut seen, mut left) = (BTreeSet::new(), BTreeSet::new(), of.to_vec());
    while let Some(id) = left.pop() {
        if !seen.insert(id) {
            continue;
        }
        let node = pool.node(id);
        left.extend(node.children());
        match node {
            Node::Unary(Unary::Abs | Unary::Sign, inside) => {
                found.insert(pool.unary(Unary::Sign, inside));
            }
            Node::Binary(Binary::Min | Binary::Max, a, b) => {
                found.insert(pool.binary(Binary::Less, a, b));
            }
            Node::Unary(Unary::Floor | Unary::Ceil | Unary::Not, _)
            | Node::Binary(
                Binary::Less | Binary::LessEqual | Binary::Equal | Binary::NotEqual | Binary::And | Binary::Or,
                ..,
            ) => {
                found.insert(id);
            }
            _ => {}
        }
    }
    found.into_iter().collect()
}
