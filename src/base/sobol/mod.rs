//! Sobol's points, evenly spread in the unit cube, and Owen's nested uniform scrambling of them.
//!
//! The first `2^m` points of any one coordinate hit each interval `[k 2^-m, (k+1) 2^-m)` once; smooth integrands are averaged with
//! an error that falls nearly as one over their number (Sobol 1967; direction numbers of Joe & Kuo 2008, in `joe_kuo.txt`).
//! Scrambling keeps the net, makes each point uniform, so the average unbiased, and independent scramblings give its standard
//! error (Owen 1995, 1997). Take `2^m` points from the first on: leaving some out, or another number, loses the net.

#[cfg(test)]
mod tests;

use super::rng::{Key, mix64};

const TABLE: &str = include_str!("joe_kuo.txt");
/// Dimensions of the table of direction numbers: the most that a [`Sobol`] has.
pub const DIMENSIONS: usize = 1024;
/// Binary logarithm of the most points of a [`Sobol`].
pub const LOG2_POINTS: u32 = 32;

/// The sequence in some dimensions.
///
/// ```
/// use kramers::base::sobol::Sobol;
///
/// let sobol = Sobol::new(2).expect("in the table");
/// let half = 1u64 << 63;
/// assert_eq!((sobol.word(0, 1), sobol.word(1, 0), sobol.word(1, 1)), (0, half, half));
/// ```
#[derive(Debug, Clone)]
pub struct Sobol {
    /// `[dimension][digit]`, the binary point before the highest bit.
    directions: Vec<[u64; LOG2_POINTS as usize]>,
}

impl Sobol {
    /// The sequence in so many dimensions; `None` beyond the [`DIMENSIONS`] of the table. Cost: 32 words a dimension.
    pub fn new(dimensions: usize) -> Option<Sobol> {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let directions: Option<Vec<_>> = lines.take(dimensions).map(directions).collect();
        directions.filter(|d| d.len() == dimensions).map(|directions| Sobol { directions })
    }

    /// Coordinate of a point as a binary fraction of 64 digits. Points are in the order of the Gray code (Antonov & Saleev 1979),
    /// `index` below `2^32`.
    pub fn word(&self, index: u64, dimension: usize) -> u64 {
        let (mut gray, mut word) = (index ^ (index >> 1), 0);
        for v in &self.directions[dimension] {
            if gray & 1 == 1 {
                word ^= v;
            }
            gray >>= 1;
        }
        word
    }

    /// As [`Sobol::word`], of the points from `first` on.
    pub fn words(&self, first: u64, dimension: usize, out: &mut [u64]) {
        let Some((head, rest)) = out.split_first_mut() else { return };
        *head = self.word(first, dimension);
        let mut word = *head;
        for (i, out) in rest.iter_mut().enumerate() {
            // From one point to the next in Gray order one digit changes.
            let digit = (first + i as u64 + 1).trailing_zeros() as usize;
            word ^= self.directions[dimension][digit.min(LOG2_POINTS as usize - 1)];
            *out = word;
        }
    }
}

/// Direction numbers of one line of the table: `m_j = 2 a_1 m_{j-1} ^ … ^ 2^d m_{j-d} ^ m_{j-d}`, `v_j = m_j 2^-j` (Joe & Kuo 2008,
/// eq. 2).
fn directions(line: &str) -> Option<[u64; LOG2_POINTS as usize]> {
    let mut numbers = line.split(' ').map(|text| u64::from_str_radix(text, 16).ok());
    let polynomial = numbers.next()??;
    let initial: Vec<u64> = numbers.collect::<Option<_>>()?;
    let degree = polynomial.ilog2() as usize;
    let mut m = [1u64; LOG2_POINTS as usize];
    for j in 0..m.len() {
        m[j] = match initial.get(j) {
            // The first dimension's polynomial is one, and all its numbers are.
            _ if degree == 0 => 1,
            Some(given) => *given,
            None => {
                let mut next = m[j - degree];
                for k in 1..=degree {
                    if polynomial >> (degree - k) & 1 == 1 {
                        next ^= m[j - k] << k;
                    }
                }
                next
            }
        };
    }
    for (j, m) in m.iter_mut().enumerate() {
        *m <<= 63 - j;
    }
    Some(m)
}

/// One random nested uniform scrambling of one coordinate: each digit is flipped or not by a coin that hangs on all digits before
/// it (Owen 1995).
#[derive(Debug, Clone, Copy)]
pub struct Scramble(u64);

impl Scramble {
    /// The scrambling of a dimension in one of several randomisations: others are independent of it, and the same three name the same coins again.
    pub fn new(key: Key, randomisation: u64, dimension: usize) -> Scramble {
        Scramble(key.words(randomisation, dimension as u64)[0])
    }

    /// The scrambled word of a coordinate of one of the first `2^log2_points` points.
    ///
    /// Five coins of each path from the root of the tree of digits come from one hashed word; below `log2_points` digits every
    /// point is alone, and one word gives all the rest. Cost: a hash for five digits.
    pub fn apply(self, word: u64, log2_points: u32) -> u64 {
        const LEVELS: u32 = 5;
        let (mut out, mut depth, mut above) = (0, 0, self.0);
        while depth < log2_points {
            // The word of the sub-tree under these digits; its coins are numbered as a heap, 1 to 31.
            let coins = mix64(above);
            let digits = word << depth >> (64 - LEVELS);
            let (mut node, mut flips) = (1, 0);
            for level in (0..LEVELS).rev() {
                flips = flips << 1 | coins >> node & 1;
                node = node << 1 | digits >> level & 1;
            }
            out |= (digits ^ flips) << (64 - LEVELS) >> depth;
            above = mix64(coins.wrapping_add(digits.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(1));
            depth += LEVELS;
        }
        out | mix64(above) >> depth
    }
}
