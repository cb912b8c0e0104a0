//! Uniform expansion of `I_nu(x)` for `R = sqrt(nu^2 + x^2)` not small: the sums of Debye's polynomials.
//!
//! Debye's `U_k(p) / nu^k` with `p = nu / R` equals `P_k(p^2) / R^k`, where `P_k` is a polynomial of degree `k`. In
//! that form nothing is singular at `nu = 0`: the same sums are Hankel's expansion for `x >> nu^2` and Stirling's
//! series for `x << nu`, and they need only `R >= RADIUS`. The prefactors are left to the callers.
//!
//! Source: Olver (1974), ch. 10 sec. 7; NIST DLMF 10.41.3-10.41.9; Abramowitz & Stegun (1964) 9.7.7, 9.3.9.

/// Smallest `R` at which the 13 terms held here leave an error below `3e-17` (the worst case is `nu = 0`).
pub(super) const RADIUS: f64 = 40.0;

/// `REACH[i]`: from this `R` on, terms up to `k = i + 1` suffice, the first one left out being below `2e-17`.
const REACH: [f64; 13] =
    [5.989e+07, 1.557e+05, 8662.0, 1627.0, 553.6, 263.0, 153.4, 102.3, 74.9, 58.58, 48.11, 41.0, 35.95];

/// Coefficients of `P_k`, lowest power first, from the recurrence DLMF 10.41.9 in exact rationals (Python
/// `fractions`), rounded once.
const P: [&[f64]; 14] = [
    &[1.0],
    &[0.125, -0.20833333333333334],
    &[0.0703125, -0.4010416666666667, 0.3342013888888889],
    &[0.0732421875, -0.8912109375, 1.8464626736111112, -1.0258125964506173],
    &[0.112152099609375, -2.3640869140625, 8.78912353515625, -11.207002616222994, 4.669584423426247],
    &[
        0.22710800170898438,
        -7.368794359479632,
        42.53499874538846,
        -91.81824154324002,
        84.63621767460073,
        -28.212072558200244,
    ],
    &[
        0.5725014209747314,
        -26.491430486951554,
        218.1905117442116,
        -699.5796273761325,
        1059.9904525279999,
        -765.2524681411817,
        212.57013003921713,
    ],
    &[
        1.7277275025844574,
        -108.09091978839466,
        1200.9029132163525,
        -5305.646978613403,
        11655.393336864534,
        -13586.550006434138,
        8061.722181737309,
        -1919.457662318407,
    ],
    &[
        6.074042001273483,
        -493.915304773088,
        7109.514302489364,
        -41192.65496889755,
        122200.46498301746,
        -203400.17728041555,
        192547.00123253153,
        -96980.59838863752,
        20204.29133096615,
    ],
    &[
        24.380529699556064,
        -2499.8304818112097,
        45218.76898136273,
        -331645.1724845636,
        1268365.2733216248,
        -2813563.226586534,
        3763271.297656404,
        -2998015.9185381066,
        1311763.6146629772,
        -242919.18790055133,
    ],
    &[
        110.01714026924674,
        -13886.08975371704,
        308186.4046126624,
        -2785618.1280864547,
        13288767.166421818,
        -37567176.66076335,
        66344512.27472903,
        -74105148.21153265,
        50952602.49266464,
        -19706819.118432228,
        3284469.853072038,
    ],
    &[
        551.3358961220206,
        -84005.43360302408,
        2243768.1779224495,
        -24474062.72573873,
        142062907.7975331,
        -495889784.2750303,
        1106842816.8230145,
        -1621080552.1083372,
        1553596899.57058,
        -939462359.6815784,
        325573074.18576574,
        -49329253.66450996,
    ],
    &[
        3038.090510922384,
        -549842.3275722887,
        17395107.553978164,
        -225105661.88941526,
        1559279864.8792574,
        -6563293792.619285,
        17954213731.1556,
        -33026599749.800724,
        41280185579.753975,
        -34632043388.158775,
        18688207509.295826,
        -5866481492.051847,
        814789096.1183121,
    ],
    &[
        18257.755474293175,
        -3871833.442572613,
        143157876.71888897,
        -2167164983.223795,
        17634730606.83497,
        -87867072178.02327,
        287900649906.1506,
        -645364869245.3765,
        1008158106865.3821,
        -1098375156081.2233,
        819218669548.5773,
        -399096175224.4665,
        114498237732.0258,
        -14679261247.695616,
    ],
];

/// How many terms past the constant the expansion needs at this `R`.
#[inline]
fn last_term(radius: f64) -> usize {
    let mut last = 1;
    while last < 13 && radius < REACH[last - 1] {
        last += 1;
    }
    last
}

/// `sum_{k >= 1} P_k(q) R^-k` with `q = nu^2 / R^2`: the expansion's sum less one. Error `1e-16`; 5 to 80 ns.
#[inline]
pub(super) fn sum_less_one(q: f64, radius: f64) -> f64 {
    let step = 1.0 / radius;
    let mut total = 0.0;
    for row in P[1..=last_term(radius)].iter().rev() {
        let poly = row.iter().rev().fold(0.0, |acc, c| acc * q + c);
        total = (total + poly) * step;
    }
    total
}

/// The three sums behind the ratio of neighbouring orders and the derivative in the order.
pub(super) struct Sums {
    /// `sum P_k(q) R^-k`, from `k = 0`.
    pub value: f64,
    /// `sum k P_k(q) R^-k`.
    pub weighted: f64,
    /// `sum P_k'(q) R^-k`.
    pub slope: f64,
}

/// Evaluates [`Sums`]; about twice the cost of [`sum_less_one`].
pub(super) fn sums(q: f64, radius: f64) -> Sums {
    let step = 1.0 / radius;
    let mut sums = Sums { value: 0.0, weighted: 0.0, slope: 0.0 };
    let last = last_term(radius);
    for (k, row) in P[..=last].iter().enumerate().rev() {
        let (poly, slope) = row.iter().rev().fold((0.0, 0.0), |(poly, slope), c| (poly * q + c, slope * q + poly));
        let step = if k < last { step } else { 0.0 };
        sums.value = sums.value * step + poly;
        sums.weighted = sums.weighted * step + k as f64 * poly;
        sums.slope = sums.slope * step + slope;
    }
    sums
}

#[cfg(test)]
#[allow(clippy::excessive_precision)] // references are written with the digits they were computed to
mod tests {
    use super::*;

    #[test]
    fn order_zero_is_hankel_and_argument_zero_is_stirling() {
        // A & S 9.7.1 with nu = 0: 1 + 1/(8x) + 9/(2 (8x)^2) + ..., and A & S 6.1.37 for 1/Gamma*.
        let hankel = sum_less_one(0.0, 1e5);
        assert!((hankel - (1.0 / 8e5 + 4.5 / 64e10)).abs() < 1e-16);
        let stirling = sum_less_one(1.0, 50.0);
        let exponent = -1.0 / 600.0_f64 + 1.0 / (360.0 * 125_000.0) - 1.0 / (1260.0 * 312_500_000.0);
        assert!((stirling - exponent.exp_m1()).abs() < 1e-15, "{stirling} {}", exponent.exp_m1());
    }

    #[test]
    fn both_evaluations_agree() {
        for radius in [40.0, 55.0, 130.0, 3e3, 1e7] {
            for q in [0.0, 0.1, 0.5, 0.93, 1.0] {
                assert!((sums(q, radius).value - 1.0 - sum_less_one(q, radius)).abs() < 3e-16);
            }
        }
    }
}
