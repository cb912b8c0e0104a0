use super::*;
use crate::base::math::{exp, ln, normal_from_u64, powi, unit_from_u64};
use crate::base::{Purpose, Seed};

fn key() -> Key {
    Seed(5).key(Purpose::Simulation, 0, 0)
}

#[test]
fn the_points_are_those_of_the_published_table() {
    let sobol = Sobol::new(DIMENSIONS).expect("the whole table");
    let unit = |index, dimension| sobol.word(index, dimension) as f64 / powi(2.0, 64);
    // SciPy 1.17.1, qmc.Sobol(8, scramble=False): points 2, 4, 5 and 7.
    let known: [(u64, [f64; 8]); 4] = [
        (2, [0.75, 0.25, 0.25, 0.25, 0.75, 0.75, 0.25, 0.75]),
        (4, [0.375, 0.375, 0.625, 0.875, 0.375, 0.125, 0.375, 0.875]),
        (5, [0.875, 0.875, 0.125, 0.375, 0.875, 0.625, 0.875, 0.375]),
        (7, [0.125, 0.625, 0.375, 0.125, 0.125, 0.375, 0.625, 0.625]),
    ];
    for (index, point) in known {
        assert_eq!(point, std::array::from_fn(|d| unit(index, d)));
    }
    // The same in 1024 dimensions, in units of 2^-32.
    for (index, dimension, word) in FAR {
        assert_eq!(sobol.word(index, dimension) >> 32, word, "{index} {dimension}");
    }
    let mut words = [0; 300];
    sobol.words(77, 9, &mut words);
    assert!(words.iter().enumerate().all(|(i, w)| *w == sobol.word(77 + i as u64, 9)));
    assert!(Sobol::new(DIMENSIONS + 1).is_none());
}

/// How many points of the first `2^m` fall in each box of `2^-a` by `2^-b`, scrambled or not: none, or more than one?
fn evenly(m: u32, a: u32, b: u32, first: usize, second: usize, scrambled: bool) -> (usize, usize) {
    let sobol = Sobol::new(first.max(second) + 1).expect("in the table");
    let mut boxes = vec![0usize; 1 << (a + b)];
    for index in 0..1 << m {
        let digits = |dimension: usize, n: u32| {
            let word = sobol.word(index, dimension);
            let word = if scrambled { Scramble::new(key(), 3, dimension).apply(word, m) } else { word };
            if n == 0 { 0 } else { (word >> (64 - n)) as usize }
        };
        boxes[digits(first, a) << b | digits(second, b)] += 1;
    }
    (boxes.iter().copied().min().unwrap_or(0), boxes.iter().copied().max().unwrap_or(0))
}

#[test]
fn two_dimensions_are_a_net_before_and_after_scrambling() {
    // The first two coordinates are a (0, m, 2)-net: one point in each box of volume 2^-m, whatever its shape.
    for m in [1, 4, 7, 12] {
        for a in 0..=m {
            for scrambled in [false, true] {
                assert_eq!(evenly(m, a, m - a, 0, 1, scrambled), (1, 1), "{m} {a} {scrambled}");
            }
        }
    }
    // Any one coordinate is a (0, m, 1)-net.
    for dimension in [2, 40, 333, 1023] {
        assert_eq!(evenly(10, 10, 0, dimension, 0, true), (1, 1), "{dimension}");
    }
}

#[test]
fn scrambled_coordinates_are_uniform_to_their_last_digit() {
    let sobol = Sobol::new(3).expect("in the table");
    let trials = 4000;
    for (index, dimension, m) in [(0, 0, 10), (5, 1, 3), (700, 2, 10)] {
        let words: Vec<u64> =
            (0..trials).map(|r| Scramble::new(key(), r, dimension).apply(sobol.word(index, dimension), m)).collect();
        for digit in 11..64 {
            let ones = words.iter().filter(|w| **w >> digit & 1 == 1).count() as f64;
            // Five standard deviations of a fair coin.
            assert!((ones - 0.5 * trials as f64).abs() < 2.5 * (trials as f64).sqrt(), "{index} {digit} {ones}");
        }
        let mut sorted: Vec<f64> = words.iter().map(|w| unit_from_u64(*w)).collect();
        sorted.sort_by(f64::total_cmp);
        let n = trials as f64;
        let ks = sorted.iter().enumerate().map(|(i, u)| (u - (i as f64 + 0.5) / n).abs()).fold(0.0, f64::max);
        // Kolmogorov's 1 in 1000.
        assert!(ks < 1.95 / n.sqrt(), "{index} {dimension} {ks}");
    }
}

#[test]
fn coins_hang_on_the_digits_above_and_on_nothing_below() {
    let scramble = Scramble::new(key(), 0, 0);
    let word = 0xABCD_EF01_2345_6789;
    for digit in 0..32 {
        let other = word ^ (1u64 << (63 - digit));
        let (a, b) = (scramble.apply(word, 32), scramble.apply(other, 32));
        assert_eq!((a ^ b).leading_zeros(), digit);
    }
}

/// Root-mean-square error over randomisations of the mean of `Π f(u_k)` whose integral is one.
fn rms(f: impl Fn(u64) -> f64, dimensions: usize, m: u32) -> f64 {
    let sobol = Sobol::new(dimensions).expect("in the table");
    let n = 1u64 << m;
    let squares: f64 = (0..24)
        .map(|r| {
            let scrambles: Vec<Scramble> = (0..dimensions).map(|d| Scramble::new(key(), r, d)).collect();
            let at = |i: u64| (0..dimensions).map(|d| f(scrambles[d].apply(sobol.word(i, d), m))).product::<f64>();
            powi((0..n).map(at).sum::<f64>() / n as f64 - 1.0, 2)
        })
        .sum();
    (squares / 24.0).sqrt()
}

#[test]
fn smooth_integrands_are_averaged_at_order_three_halves() {
    // Owen (1997): n^-3/2 log^((d-1)/2) n for smooth integrands, here in two dimensions and one over a normal.
    let smooth = |w: u64| unit_from_u64(w) + 0.5;
    let normal = |w: u64| exp(0.5 * normal_from_u64(w) - 0.125);
    let slope = |a: f64, b: f64, m: f64| ln(a / b) / (m * ln(2.0));
    let order = slope(rms(smooth, 2, 5), rms(smooth, 2, 13), 8.0);
    assert!((1.3..1.6).contains(&order), "{order}");
    // An integrand without bound loses some of it, more dimensions more: they reach their order late. SciPy's scrambling has 0.84
    // in two and 0.68 in five dimensions over this range, random points 1/2.
    let order = slope(rms(normal, 2, 5), rms(normal, 2, 13), 8.0);
    assert!((0.75..1.2).contains(&order), "{order}");
    let (few, many) = (rms(normal, 5, 5), rms(normal, 5, 13));
    let random = (exp(5.0 * 0.25) - 1.0).sqrt() / powi(2.0, 13).sqrt();
    assert!(slope(few, many, 8.0) > 0.6 && many < 0.15 * random, "{few} {many} {random}");
}

/// SciPy 1.17.1: point, dimension, coordinate in units of 2^-32.
const FAR: [(u64, usize, u64); 8] = [
    (700, 1, 423624704),
    (700, 5, 1505755136),
    (700, 100, 406847488),
    (700, 511, 4139778048),
    (700, 1023, 3997171712),
    (1023, 2, 2629828608),
    (1023, 99, 2277507072),
    (1023, 1000, 683671552),
];
