//! The standard normal quantile, and the maps from 64 random bits to a uniform and to a normal draw.
//!
//! One rational approximation serves the quantile, the scalar draw and the slice of draws, so the three agree bit
//! for bit. No generator lives here: the caller brings the bits.

use super::elementary::ln;
use crate::base::dispatch::{Kernel, Level};

// The centre: numerator and denominator of degree ten in `0.48^2 - q^2`, lowest power first, through 21 points crowded towards
// the tails, where the logarithm's singularity is near (mpmath at 50 digits, error 2.5e-17 before rounding). It reaches
// further than the one of AS 241, degree seven up to `|q| = 0.425`, which leaves 4 % of draws to the tails instead of 15 %.
const CENTRE_NUM: [f64; 11] = [
    4.278643563816298,
    716.3936820611964,
    48013.59941415171,
    1658523.5514742413,
    31795236.12689749,
    341230305.8969987,
    1984127528.1226578,
    5803285652.272333,
    7442015234.597545,
    3170096716.613169,
    197830201.78452954,
];
const CENTRE_DEN: [f64; 11] = [
    1.0,
    175.74009278549218,
    12476.876070669383,
    462051.71675229963,
    9648441.532004483,
    115247351.85729685,
    768798381.5357252,
    2699334886.3238454,
    4479940447.997829,
    2875151591.655221,
    446095248.03281236,
];
// Coefficients of Wichura (1988), AS 241, routine PPND16, lowest power first: numerator and denominator in
// `r - 1.6` for the near tail and in `r - 5` for the far tail; rounded to doubles.
const NEAR_NUM: [f64; 8] = [
    1.4234371107496835,
    4.630337846156546,
    5.769497221460691,
    3.6478483247632045,
    1.2704582524523684,
    0.2417807251774506,
    0.022723844989269184,
    0.0007745450142783414,
];
const NEAR_DEN: [f64; 8] = [
    1.0,
    2.053191626637759,
    1.6763848301838038,
    0.6897673349851,
    0.14810397642748008,
    0.015198666563616457,
    0.0005475938084995345,
    1.0507500716444169e-09,
];
const FAR_NUM: [f64; 8] = [
    6.657904643501103,
    5.463784911164114,
    1.7848265399172913,
    0.29656057182850487,
    0.026532189526576124,
    0.0012426609473880784,
    2.7115555687434876e-05,
    2.0103343992922881e-07,
];
const FAR_DEN: [f64; 8] = [
    1.0,
    0.599832206555888,
    0.1369298809227358,
    0.014875361290850615,
    0.0007868691311456133,
    1.8463183175100548e-05,
    1.421511758316446e-07,
    2.0442631033899397e-15,
];

/// Half-width of the central region in `q = p - 1/2`.
const CENTRE: f64 = 0.48;
/// `2^-53`.
const STEP: f64 = 1.110_223_024_625_156_5e-16;
/// Draws worked on together by the slice version: small enough for the first-level cache.
const BLOCK: usize = 256;

/// Degree-7 polynomial by halving (Estrin 1960), short dependency chains for the same count of operations.
#[inline(always)]
fn poly7(c: &[f64; 8], x: f64) -> f64 {
    let x2 = x * x;
    let low = (c[0] + c[1] * x) + x2 * (c[2] + c[3] * x);
    let top = (c[4] + c[5] * x) + x2 * (c[6] + c[7] * x);
    low + (x2 * x2) * top
}

/// As [`poly7`], of degree 10.
#[inline(always)]
fn poly10(c: &[f64; 11], x: f64) -> f64 {
    let x2 = x * x;
    let x4 = x2 * x2;
    let low = (c[0] + c[1] * x) + x2 * (c[2] + c[3] * x);
    let mid = (c[4] + c[5] * x) + x2 * (c[6] + c[7] * x);
    let top = (c[8] + c[9] * x) + x2 * c[10];
    low + x4 * (mid + x4 * top)
}

/// Quantile for `|q| <= CENTRE`, odd in `q`.
#[inline(always)]
fn centre(q: f64) -> f64 {
    let r = CENTRE * CENTRE - q * q;
    q * (poly10(&CENTRE_NUM, r) / poly10(&CENTRE_DEN, r))
}

/// `|quantile|` for a tail probability `p <= 1/2 - CENTRE` with `sqrt(-ln p) <= 5`, that is `p >= 1.4e-11`.
#[inline(always)]
fn near_tail(root: f64) -> f64 {
    let r = root - 1.6;
    poly7(&NEAR_NUM, r) / poly7(&NEAR_DEN, r)
}

/// `|quantile|` beyond the near tail.
#[inline(always)]
fn far_tail(root: f64) -> f64 {
    let r = root - 5.0;
    poly7(&FAR_NUM, r) / poly7(&FAR_DEN, r)
}

/// `sqrt(-ln p)`, the tails' variable.
#[inline(always)]
fn tail_root(p: f64) -> f64 {
    (-ln(p)).sqrt()
}

/// Quantile from the signed distance `q` to one half and the exact tail probability `p = 1/2 - |q|`.
#[inline(always)]
fn quantile_from_parts(q: f64, p: f64) -> f64 {
    if q.abs() <= CENTRE {
        return centre(q);
    }
    let root = tail_root(p);
    let size = if root <= 5.0 { near_tail(root) } else { far_tail(root) };
    size.copysign(q)
}

/// Standard normal quantile `Φ^{-1}(p)`.
///
/// `p` in `(0, 1)`; `-inf` at zero, `inf` at one, `NaN` outside. Error: relative 5.5e-16 seen over `p` from `1e-320`
/// to `1 - 2^-53` (near one, the spacing of `p` itself is the limit to what a caller can ask: use the symmetry).
/// Cost: centre (96 % of `p`) one division, tails one logarithm, one root, one division more.
/// Source: the tails of Wichura (1988), Algorithm AS 241, routine PPND16, Applied Statistics 37, 477-484; the centre is ours.
pub fn normal_quantile(p: f64) -> f64 {
    if p > 0.0 && p < 1.0 {
        let q = p - 0.5;
        quantile_from_parts(q, if q < 0.0 { p } else { 1.0 - p })
    } else if p == 0.0 {
        f64::NEG_INFINITY
    } else if p == 1.0 {
        f64::INFINITY
    } else {
        f64::NAN
    }
}

/// Signed distance of the midpoint uniform from one half and its tail probability, both exact.
#[inline(always)]
fn parts_from_u64(bits: u64) -> (f64, f64) {
    const LOW_52: u64 = (1 << 52) - 1;
    // The top bit says which half; the 52 below it, complemented in the lower half, count steps from one half.
    let upper = bits >> 63;
    let steps = ((bits >> 11) ^ upper.wrapping_sub(1)) & LOW_52;
    let count = f64::from_bits(steps | 0x4330_0000_0000_0000) - 4_503_599_627_370_496.0;
    let distance = (count + 0.5) * STEP;
    let q = f64::from_bits(distance.to_bits() | ((upper ^ 1) << 63));
    (q, 0.5 - distance)
}

/// Midpoint uniform `(k + 1/2) 2^-53` in the open interval `(0, 1)`, `k` the top 53 bits.
///
/// Exact below one half; above it the midpoint needs 54 bits and is rounded down to `k 2^-53`, so that the largest
/// value is `1 - 2^-53` and never one. Distinct `k` give distinct values. For normal draws use [`normal_from_u64`],
/// which keeps the midpoint exact in both halves.
#[inline(always)]
pub fn unit_from_u64(bits: u64) -> f64 {
    let k = bits >> 11;
    // k + 1/2 fits the 53 bits of a double only below 2^52; both conversions are exact.
    let half = if k >> 52 == 0 { 0.5 } else { 0.0 };
    (k as i64 as f64 + half) * STEP
}

/// Standard normal draw from 64 uniform bits: the quantile of the midpoint uniform `(k + 1/2) 2^-53`.
///
/// `k` is the top 53 bits. Exactly odd under complement of the bits, never zero or infinite; the extremes are
/// `±8.29`. Relative error of [`normal_quantile`]. Cost: about 8 ns; see [`normals_from_u64`] for many.
#[inline]
pub fn normal_from_u64(bits: u64) -> f64 {
    let (q, p) = parts_from_u64(bits);
    quantile_from_parts(q, p)
}

/// [`normal_from_u64`] over a slice, bit for bit, as vector code.
///
/// Fills `out` up to the shorter of the two lengths. The central formula is applied to every element; the 4 % in
/// the tails are gathered, worked out together and scattered back. Cost: 1.4 ns a draw with AVX-512 on a busy machine, some 2 with
/// AVX2 (AMD EPYC).
pub fn normals_from_u64(bits: &[u64], out: &mut [f64]) {
    Level::best().run(Normals { bits, out });
}

struct Normals<'a> {
    bits: &'a [u64],
    out: &'a mut [f64],
}

impl Kernel for Normals<'_> {
    #[inline(always)]
    fn run(self) {
        normals_any(self.bits, self.out);
    }
}

/// Draws whose membership of a tail is one word of bits.
const GROUP: usize = 64;
/// Draws whose part of that word is one comparison of vectors.
const PART: usize = 16;
/// Tails worked out together: a multiple of the widest vector.
const TOGETHER: usize = 8;
/// The word of a draw just above the median.
const MIDDLE: u64 = 1 << 63;

#[inline(always)]
fn normals_any(bits: &[u64], out: &mut [f64]) {
    let mut tail_at = [0_u32; BLOCK];
    let mut tail_word = [MIDDLE; BLOCK];
    for (bits, out) in bits.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
        let len = bits.len().min(out.len());
        let (bits, out) = (&bits[..len], &mut out[..len]);
        let mut tails = 0;
        let mut note = |at: usize, word: u64| {
            tail_at[tails & (BLOCK - 1)] = at as u32;
            tail_word[tails & (BLOCK - 1)] = word;
            tails += 1;
        };
        let (groups, rest) = bits.as_chunks::<GROUP>();
        let (out_groups, out_rest) = out.as_chunks_mut::<GROUP>();
        // The loops over the tails end as cannot be foreseen: apart from the centres, which a wrong guess would throw away.
        let mut masks = [0_u64; BLOCK / GROUP];
        for (mask, (draws, words)) in masks.iter_mut().zip(out_groups.iter_mut().zip(groups)) {
            let (draw_parts, word_parts) = (draws.as_chunks_mut::<PART>().0, words.as_chunks::<PART>().0);
            for (k, (draws, words)) in draw_parts.iter_mut().zip(word_parts).enumerate() {
                let mut part = 0_u32;
                for i in 0..PART {
                    let (q, _) = parts_from_u64(words[i]);
                    draws[i] = centre(q);
                    part |= u32::from(q.abs() > CENTRE) << i;
                }
                *mask |= u64::from(part) << (k * PART);
            }
        }
        for (g, (mut mask, words)) in masks.into_iter().zip(groups).enumerate() {
            while mask != 0 {
                let i = mask.trailing_zeros() as usize & (GROUP - 1);
                note(g * GROUP + i, words[i]);
                mask &= mask - 1;
            }
        }
        for (i, (draw, &word)) in out_rest.iter_mut().zip(rest).enumerate() {
            let (q, _) = parts_from_u64(word);
            *draw = centre(q);
            if q.abs() > CENTRE {
                note(groups.len() * GROUP + i, word);
            }
        }
        for (words, at) in tail_word.as_chunks_mut::<TOGETHER>().0.iter_mut().zip(tail_at.chunks(TOGETHER)) {
            if tails == 0 {
                break;
            }
            let (mut values, mut root) = ([0.0; TOGETHER], [0.0; TOGETHER]);
            let mut is_far = false;
            for i in 0..TOGETHER {
                let (q, p) = parts_from_u64(words[i]);
                values[i] = q;
                root[i] = tail_root(p);
                is_far |= root[i] > 5.0;
            }
            for i in 0..TOGETHER {
                values[i] = near_tail(root[i]).copysign(values[i]);
            }
            // One draw in 3e10: a branch that is never taken, instead of a second formula for all.
            if is_far {
                for i in (0..TOGETHER).filter(|i| root[*i] > 5.0) {
                    values[i] = far_tail(root[i]).copysign(values[i]);
                }
            }
            let n = tails.min(TOGETHER);
            for (value, at) in values.iter().zip(at).take(n) {
                out[*at as usize & (BLOCK - 1)] = *value;
            }
            // What stands beyond the last tail is worked out with it, and must be no far one.
            *words = [MIDDLE; TOGETHER];
            tails -= n;
        }
    }
}

#[cfg(test)]
#[allow(clippy::excessive_precision)] // references are written with the digits they were computed to
mod tests {
    use super::*;

    /// Splitmix64 (Steele, Lea & Flood 2014): test arguments without a generator crate.
    fn words(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed;
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }
    }

    #[test]
    fn quantile_matches_references() {
        // p, quantile: mpmath 1.3, 40 digits, Newton's method on erfc at the double p.
        let cases = [
            (4.9407e-320, -38.227386980563684645),
            (1e-300, -37.047096299361199237),
            (1e-50, -14.933337534788488981),
            (9.094947017729282e-13, -7.0477002566644087254),
            (1e-9, -5.9978070150076868614),
            (0.01, -2.3263478740408410931),
            (0.07, -1.4757910281791706856),
            (0.075, -1.4395314709384559349),
            (0.3, -0.52440051270804081597),
            (0.49, -0.025068908258711058033),
            (0.5000001, 2.5066282733116483012e-7),
            (0.6, 0.25334710313579974132),
            (0.95, 1.6448536269514722843),
            (0.999, 3.0902323061678132778),
        ];
        for (p, want) in cases {
            assert!((normal_quantile(p) / want - 1.0).abs() < 7e-16, "{p}");
        }
    }

    #[test]
    fn quantile_of_whole_sigmas() {
        // Φ(-k), k = 1..8: mpmath 1.3, 40 digits.
        let tails = [
            0.15865525393145705141,
            0.0227501319481792072,
            0.0013498980316300945267,
            3.1671241833119921254e-5,
            2.8665157187919391167e-7,
            9.865876450376981407e-10,
            1.2798125438858350044e-12,
            6.2209605742717841235e-16,
        ];
        for (k, p) in (1..).zip(tails) {
            assert!((normal_quantile(p) / -f64::from(k) - 1.0).abs() < 7e-16, "{k}");
        }
    }

    #[test]
    fn quantile_at_the_edges() {
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert_eq!(normal_quantile(0.5), 0.0);
        assert!(normal_quantile(-1e-300).is_nan());
        assert!(normal_quantile(1.0_f64.next_up()).is_nan());
        assert!(normal_quantile(f64::NAN).is_nan());
        assert!((normal_quantile(5e-324) + 38.467405617144346).abs() < 1e-13);
    }

    #[test]
    fn quantile_inverts_the_distribution_function() {
        for i in -370..=0 {
            let x = f64::from(i) * 0.1;
            let back = normal_quantile(super::super::normal::normal_cdf(x));
            assert!((back - x).abs() < 1e-15 * x.abs().max(1.0), "{x} {back}");
        }
    }

    #[test]
    fn uniforms_are_midpoints_strictly_inside() {
        assert_eq!(unit_from_u64(0), 0.5 * STEP);
        assert_eq!(unit_from_u64(u64::MAX), 1.0 - STEP);
        assert_eq!(unit_from_u64(1 << 63), 0.5);
        assert_eq!(unit_from_u64((1 << 63) - 1), 0.5 - 0.5 * STEP);
        assert_eq!(unit_from_u64((7 << 11) | 5), 7.5 * STEP);
    }

    #[test]
    fn draws_are_odd_under_complement_and_the_quantile_of_the_midpoint() {
        let mut next = words(11);
        let extremes = [0, 1 << 11, 1 << 63, (1 << 63) - 1, 1 << 20, 0x0999_9999_9999_9999, 0x1333_3333_3333_3333];
        for word in extremes.into_iter().chain((0..20_000).map(|_| next())) {
            let draw = normal_from_u64(word);
            assert_eq!(draw.to_bits(), (-normal_from_u64(!word)).to_bits(), "{word:x}");
            let lower = if word >> 63 == 0 { word } else { !word };
            let direct = normal_quantile(unit_from_u64(lower));
            assert_eq!(direct.to_bits(), (-draw.abs()).to_bits(), "{word:x}");
        }
        // mpmath 1.3: the quantile at 2^-54.
        assert!((normal_from_u64(0) + 8.292361075813595538).abs() < 1e-14);
        assert!(normal_from_u64(1 << 63) > 0.0);
    }

    #[test]
    fn slices_give_the_scalar_bits() {
        let mut next = words(5);
        for len in [0, 1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 3000] {
            let mut bits: Vec<u64> = (0..len).map(|_| next()).collect();
            if len > 6 {
                // all tails, some far ones among them
                for (i, word) in bits.iter_mut().take(len / 2).enumerate() {
                    *word >>= 4 + i % 50;
                }
                bits[6] = u64::MAX;
            }
            for level in Level::available() {
                let mut out = vec![0.0; len];
                level.run(Normals { bits: &bits, out: &mut out });
                for i in 0..len {
                    assert_eq!(out[i].to_bits(), normal_from_u64(bits[i]).to_bits(), "{}", level.name());
                }
            }
        }
    }

    #[test]
    fn slices_of_unequal_length_fill_the_shorter() {
        let mut out = [9.0; 5];
        normals_from_u64(&[0, u64::MAX], &mut out);
        assert_eq!(out[2..], [9.0; 3]);
        normals_from_u64(&[3; 9], &mut out);
        assert_eq!(out, [normal_from_u64(3); 5]);
    }

    #[test]
    fn draws_have_normal_moments() {
        let mut next = words(1);
        let bits: Vec<u64> = (0..400_000).map(|_| next()).collect();
        let mut z = vec![0.0; bits.len()];
        normals_from_u64(&bits, &mut z);
        let n = z.len() as f64;
        let mean = z.iter().sum::<f64>() / n;
        let square = z.iter().map(|z| z * z).sum::<f64>() / n;
        let fourth = z.iter().map(|z| z * z * z * z).sum::<f64>() / n;
        // four standard errors
        assert!(mean.abs() < 4.0 / n.sqrt());
        assert!((square - 1.0).abs() < 4.0 * (2.0 / n).sqrt());
        assert!((fourth - 3.0).abs() < 4.0 * (96.0 / n).sqrt());
    }
}
