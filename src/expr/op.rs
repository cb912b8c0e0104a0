//! The operations of an expression, and the one definition of what each computes.
//!
//! [`Unary::apply`] and [`Binary::apply`] serve the plain evaluator, constant folding and the tape, which is why the three
//! agree bit for bit. Truth is 1 and falsehood 0; any value but zero counts as true.

use crate::base::math;

/// Functions of one argument `a`: what a [`Node::Unary`](super::Node) does. Outside its domain a function is NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unary {
    /// `-a`
    Neg,
    /// `e^a`
    Exp,
    /// `e^a - 1`, accurate for small `a` too.
    Expm1,
    /// Natural logarithm; NaN below zero.
    Log,
    /// `ln(1 + a)`, accurate for small `a` too; NaN below -1.
    Log1p,
    /// Logarithm to base two; NaN below zero.
    Log2,
    /// Logarithm to base ten; NaN below zero.
    Log10,
    /// Square root; NaN below zero.
    Sqrt,
    /// Sine, `a` in radians.
    Sin,
    /// Cosine, `a` in radians.
    Cos,
    /// Tangent, `a` in radians.
    Tan,
    /// Inverse sine, in [-π/2, π/2]; NaN outside [-1, 1].
    Asin,
    /// Inverse cosine, in [0, π]; NaN outside [-1, 1].
    Acos,
    /// Inverse tangent, in [-π/2, π/2].
    Atan,
    /// Hyperbolic sine.
    Sinh,
    /// Hyperbolic cosine.
    Cosh,
    /// Hyperbolic tangent.
    Tanh,
    /// Absolute value; its derivative is [`Unary::Sign`].
    Abs,
    /// -1, 0 or 1: the derivative of `abs`.
    Sign,
    /// Largest whole number of at most `a`.
    Floor,
    /// Smallest whole number of at least `a`.
    Ceil,
    /// Error function `2/√π ∫₀ᵃ e^{-u²} du`.
    Erf,
    /// Γ(a), the extension of (a - 1)! from the whole numbers.
    Gamma,
    /// `ln |Γ(a)|`, typed `lgamma`: finite where Γ overflows.
    LogGamma,
    /// Derivative of this order of the digamma function: what derivatives of `gamma` and `lgamma` are made of.
    Polygamma(u8),
    /// 1 where the value is zero, else 0.
    Not,
}

/// Functions and operators of two arguments `a` and `b`: what a [`Node::Binary`](super::Node) does. Truth is 1, falsehood 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binary {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a * b`
    Mul,
    /// `a / b`
    Div,
    /// `exp(b log(a))`: for `a >= 0`, and 1 where `b` is zero.
    Pow,
    /// The smaller of the two; the second where they are equal or either is NaN.
    Min,
    /// The larger of the two; the first where they are equal or either is NaN.
    Max,
    /// 1 where the first is below the second, else 0.
    Less,
    /// 1 where the first is not above the second, else 0; 0 beside a NaN.
    LessEqual,
    /// 1 where the two are equal, else 0; 0 beside a NaN.
    Equal,
    /// 1 where the two differ, else 0; 1 beside a NaN.
    NotEqual,
    /// 1 where neither is zero, else 0.
    And,
    /// 1 where either is not zero, else 0.
    Or,
    /// Angle of the point (second, first).
    Atan2,
    /// `√(a² + b²)`, which neither overflows nor underflows on the way.
    Hypot,
    /// First times second, and 0 where the first is: the exponent inside [`Binary::Pow`]. Only tapes contain it.
    TimesLog,
}

#[inline(always)]
fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// Not `apply` itself: a function that calls itself is never inlined, and no loop around it becomes vector code.
#[inline(always)]
fn times_log(a: f64, b: f64) -> f64 {
    let product = a * b;
    if a == 0.0 { 0.0 } else { product }
}

impl Unary {
    /// Its value, by `base::math`; NaN outside its domain.
    #[inline(always)]
    pub fn apply(self, a: f64) -> f64 {
        match self {
            Unary::Neg => -a,
            Unary::Exp => math::exp(a),
            Unary::Expm1 => math::exp_m1(a),
            Unary::Log => math::ln(a),
            Unary::Log1p => math::ln_1p(a),
            Unary::Log2 => libm::log2(a),
            Unary::Log10 => libm::log10(a),
            Unary::Sqrt => a.sqrt(),
            Unary::Sin => math::sin(a),
            Unary::Cos => math::cos(a),
            Unary::Tan => math::tan(a),
            Unary::Asin => math::asin(a),
            Unary::Acos => math::acos(a),
            Unary::Atan => math::atan(a),
            Unary::Sinh => math::sinh(a),
            Unary::Cosh => math::cosh(a),
            Unary::Tanh => math::tanh(a),
            Unary::Abs => a.abs(),
            Unary::Sign => truth(a > 0.0) - truth(a < 0.0),
            Unary::Floor => a.floor(),
            Unary::Ceil => a.ceil(),
            Unary::Erf => math::erf(a),
            Unary::Gamma => math::gamma(a),
            Unary::LogGamma => math::ln_gamma(a),
            Unary::Polygamma(order) => math::polygamma(u32::from(order), a),
            Unary::Not => truth(a == 0.0),
        }
    }

    /// As it is typed; `polygamma` wants its order before its argument.
    pub fn name(self) -> &'static str {
        match self {
            Unary::Neg => "-",
            Unary::Exp => "exp",
            Unary::Expm1 => "expm1",
            Unary::Log => "log",
            Unary::Log1p => "log1p",
            Unary::Log2 => "log2",
            Unary::Log10 => "log10",
            Unary::Sqrt => "sqrt",
            Unary::Sin => "sin",
            Unary::Cos => "cos",
            Unary::Tan => "tan",
            Unary::Asin => "asin",
            Unary::Acos => "acos",
            Unary::Atan => "atan",
            Unary::Sinh => "sinh",
            Unary::Cosh => "cosh",
            Unary::Tanh => "tanh",
            Unary::Abs => "abs",
            Unary::Sign => "sign",
            Unary::Floor => "floor",
            Unary::Ceil => "ceil",
            Unary::Erf => "erf",
            Unary::Gamma => "gamma",
            Unary::LogGamma => "lgamma",
            Unary::Polygamma(0) => "digamma",
            Unary::Polygamma(1) => "trigamma",
            Unary::Polygamma(_) => "polygamma",
            Unary::Not => "not",
        }
    }
}

impl Binary {
    /// Its value, by `base::math`; NaN outside its domain.
    #[inline(always)]
    pub fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            Binary::Pow => math::exp(times_log(b, math::ln(a))),
            Binary::Min => {
                if a < b {
                    a
                } else {
                    b
                }
            }
            Binary::Max => {
                if a < b {
                    b
                } else {
                    a
                }
            }
            Binary::Less => truth(a < b),
            Binary::LessEqual => truth(a <= b),
            Binary::Equal => truth(a == b),
            Binary::NotEqual => truth(a != b),
            // `&` and `|`, not `&&` and `||`: no branch for a vector loop to stumble over.
            Binary::And => truth((a != 0.0) & (b != 0.0)),
            Binary::Or => truth((a != 0.0) | (b != 0.0)),
            Binary::Atan2 => math::atan2(a, b),
            Binary::Hypot => math::hypot(a, b),
            Binary::TimesLog => times_log(a, b),
        }
    }

    /// Whether the order of the two makes no difference to the bits of the result.
    pub fn commutes(self) -> bool {
        matches!(self, Binary::Add | Binary::Mul | Binary::Equal | Binary::NotEqual | Binary::And | Binary::Or)
    }
}

/// The value of `if(condition, a, b)`: a choice without a branch, so that what is not chosen leaves no trace.
#[inline(always)]
pub fn select(condition: f64, a: f64, b: f64) -> f64 {
    if condition != 0.0 { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_is_one_and_falsehood_zero() {
        let holds = |op: Binary, a, b| op.apply(a, b) == 1.0;
        assert!(holds(Binary::LessEqual, 2.0, 2.0) && !holds(Binary::Less, 2.0, 2.0));
        assert!(holds(Binary::And, -3.0, 0.5) && !holds(Binary::And, 1.0, 0.0));
        assert!(holds(Binary::Or, 0.0, 0.5) && !holds(Binary::Or, 0.0, -0.0));
        assert!(!holds(Binary::Equal, f64::NAN, f64::NAN) && holds(Binary::NotEqual, f64::NAN, f64::NAN));
        assert_eq!([Unary::Not.apply(0.0), Unary::Not.apply(-2.0)], [1.0, 0.0]);
        assert_eq!([-5.0, 0.0, 0.1].map(|x| Unary::Sign.apply(x)), [-1.0, 0.0, 1.0]);
    }

    #[test]
    fn a_power_of_zero_is_a_number() {
        assert_eq!(Binary::Pow.apply(0.0, 0.0), 1.0);
        assert_eq!(Binary::Pow.apply(0.0, 0.5), 0.0);
        assert_eq!(Binary::Pow.apply(0.0, -0.5), f64::INFINITY);
    }

    #[test]
    fn what_is_not_selected_leaves_no_trace() {
        assert_eq!(select(1.0, 2.0, f64::NAN), 2.0);
        assert_eq!(select(0.0, f64::NAN, 3.0), 3.0);
    }
}
