//! The loops of a tape: one operation over the values of a register.
//!
//! Each loop is straight-line code around [`Unary::apply`] or [`Binary::apply`], which the compiler turns into vector
//! instructions of the width that the caller is compiled for. Functions with tables and branches inside run value by
//! value, in code that is compiled once.

use super::op::{Binary, Unary, select};

#[inline(always)]
pub(super) fn unary<const W: usize>(op: Unary, a: &[f64; W], out: &mut [f64; W]) {
    macro_rules! each {
        ($($op:ident)*) => {
            match op {
                $(Unary::$op => for i in 0..W { out[i] = Unary::$op.apply(a[i]); },)*
                other => one_by_one(other, a, out),
            }
        };
    }
    each!(Neg Exp Log Sqrt Abs Sign Floor Ceil Not);
}

#[inline(never)]
fn one_by_one(op: Unary, a: &[f64], out: &mut [f64]) {
    for (out, a) in out.iter_mut().zip(a) {
        *out = op.apply(*a);
    }
}

/// An operand: the values of a register, or one value for all.
pub(super) trait Operand: Copy {
    fn at(self, i: usize) -> f64;
}

impl Operand for f64 {
    #[inline(always)]
    fn at(self, _: usize) -> f64 {
        self
    }
}

impl<const W: usize> Operand for &[f64; W] {
    #[inline(always)]
    fn at(self, i: usize) -> f64 {
        self[i]
    }
}

#[inline(always)]
pub(super) fn binary<const W: usize>(op: Binary, a: impl Operand, b: impl Operand, out: &mut [f64; W]) {
    macro_rules! each {
        ($($op:ident)*) => {
            match op {
                $(Binary::$op => for i in 0..W { out[i] = Binary::$op.apply(a.at(i), b.at(i)); },)*
            }
        };
    }
    each!(Add Sub Mul Div Pow Min Max Less LessEqual Equal NotEqual And Or Atan2 Hypot TimesLog);
}

#[inline(always)]
pub(super) fn choose<const W: usize>(c: impl Operand, a: impl Operand, b: impl Operand, out: &mut [f64; W]) {
    for i in 0..W {
        out[i] = select(c.at(i), a.at(i), b.at(i));
    }
}
