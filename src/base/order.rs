//! Numbers put in their order, quickly.

use super::dispatch::{Kernel, Level};

/// Below, the preparation costs more than it saves.
const FEW: usize = 48;
/// Places a number. Two leave the fullest place of a thousand normal values some nine numbers.
const PLACES: usize = 2;
/// With more numbers in one place than this the neighbours take longer to settle than a sort.
const CROWDED: u32 = 20;

/// Sort by [`f64::total_cmp`].
///
/// Numbers are put into equal places between the least and the largest, and then neighbours are exchanged, all at once, until none has to be: a few
/// passes, as nobody is far from where it belongs. Where one place is crowded (heavy tails, ties) the bits are sorted as whole numbers. Cost:
/// O(n) for smooth laws, 4 µs for a thousand normal values; O(n log n) otherwise, 9 µs (AMD EPYC).
pub fn sort_floats(x: &mut [f64]) {
    let in_place = x.len() >= FEW && by_places(x).is_some();
    if !in_place {
        by_bits(x);
    }
}

/// `None`, and nothing done, where the numbers are not all finite, have too little or too much between them, or crowd.
fn by_places(x: &mut [f64]) -> Option<()> {
    const LANES: usize = 8;
    let (mut low, mut high, mut plain) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES], [true; LANES]);
    for chunk in x.chunks(LANES) {
        for (k, v) in chunk.iter().enumerate() {
            low[k] = if *v < low[k] { *v } else { low[k] };
            high[k] = if *v > high[k] { *v } else { high[k] };
            // Zeros of both signs are equal to comparisons, but not to the order asked for.
            plain[k] &= v.is_finite() && v.to_bits() != 1 << 63;
        }
    }
    let (low, high) =
        (low.into_iter().fold(f64::INFINITY, f64::min), high.into_iter().fold(f64::NEG_INFINITY, f64::max));
    let places = PLACES * x.len();
    let scale = (places - 1) as f64 / (high - low);
    if !(plain.into_iter().all(|p| p) && scale > 0.0 && scale.is_finite() && places < u32::MAX as usize) {
        return None;
    }
    // With 2⁵² added the last bits of a float are its whole part.
    let place = |v: &f64| (((v - low) * scale) + 4_503_599_627_370_496.0).to_bits() as u32;
    let at: Vec<u32> = x.iter().map(place).collect();
    let mut next = vec![0u32; places];
    at.iter().for_each(|p| next[*p as usize] += 1);
    let (mut sum, mut most) = (0, 0);
    for count in &mut next {
        (sum, most, *count) = (sum + *count, most.max(*count), sum);
    }
    if most > CROWDED {
        return None;
    }
    let mut placed = vec![0.0; x.len()];
    for (v, p) in x.iter().zip(at) {
        let to = &mut next[p as usize];
        placed[*to as usize] = *v;
        *to += 1;
    }
    Level::best().run(Settle(&mut placed));
    x.copy_from_slice(&placed);
    Some(())
}

/// Exchanges neighbours until all are in order: odd and even pairs in turn (Habermann 1972), each turn without a branch.
struct Settle<'a>(&'a mut [f64]);

impl Kernel for Settle<'_> {
    #[inline(always)]
    fn run(self) {
        loop {
            let even = exchange(self.0);
            let odd = exchange(&mut self.0[1..]);
            if !(even || odd) {
                return;
            }
        }
    }
}

/// Whether a pair was out of order.
#[inline(always)]
fn exchange(x: &mut [f64]) -> bool {
    let mut any = false;
    for pair in x.as_chunks_mut::<2>().0 {
        let [a, b] = *pair;
        let wrong = a > b;
        any |= wrong;
        *pair = [if wrong { b } else { a }, if wrong { a } else { b }];
    }
    any
}

/// Twice as fast as a sort of floats that are compared.
fn by_bits(x: &mut [f64]) {
    let mut keys: Vec<i64> = x.iter().map(|v| turned(v.to_bits() as i64)).collect();
    keys.sort_unstable();
    x.iter_mut().zip(keys).for_each(|(v, key)| *v = f64::from_bits(turned(key) as u64));
}

/// A float's bits as a whole number of the same order, and back: below zero all bits but the sign are turned over.
fn turned(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn the_order_is_that_of_the_standard_library_to_the_last_bit() {
        let mut stream = Seed(4).key(Purpose::Scores, 0, 0).stream(0);
        let mut cases: Vec<Vec<f64>> =
            vec![vec![], vec![2.0], (0..5000).map(|_| f64::from_bits(stream.next_word())).collect()];
        for n in [2, 47, 48, 49, 100, 999, 1000, 20_000] {
            let normal: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
            cases.push(normal.iter().map(|v| (3.0 * v).exp()).collect());
            cases.push(normal.iter().map(|v| 1.0 / v).collect());
            cases.push(normal.iter().map(|v| v.round()).collect());
            cases.push(normal.iter().map(|v| v * 1e308).filter(|v| v.is_finite()).collect());
            cases.push(normal.iter().map(|v| v * 1e-320).collect());
            cases.push(vec![7.0; n]);
            cases.push(normal);
        }
        let odd =
            [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN, f64::MIN_POSITIVE, 5e-324, -5e-324];
        cases.push(odd.iter().copied().cycle().take(200).collect());
        for (k, mut x) in cases.into_iter().enumerate() {
            let mut wanted = x.clone();
            wanted.sort_by(f64::total_cmp);
            sort_floats(&mut x);
            assert!(x.iter().zip(&wanted).all(|(a, b)| a.to_bits() == b.to_bits()), "case {k}");
        }
    }

    #[test]
    fn smooth_laws_find_their_places_and_crowds_do_not() {
        let mut stream = Seed(5).key(Purpose::Scores, 0, 0).stream(0);
        let mut normal: Vec<f64> = (0..1000).map(|_| stream.normal()).collect();
        let mut tails: Vec<f64> = normal.iter().map(|v| 1.0 / (v * v * v)).collect();
        assert!(by_places(&mut normal).is_some() && normal.is_sorted());
        let before = tails.clone();
        assert!(by_places(&mut tails).is_none() && tails == before);
    }
}
