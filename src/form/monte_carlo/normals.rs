//! Random numbers of a block of paths, drawn column by column from each path's own stream.

use crate::base::math;
use crate::base::rng::Key;

/// The words of a block of paths: every call gives the next of each path, two calls a Philox counter.
struct Words {
    key: Key,
    first: u64,
    draw: u64,
    words: [Vec<u64>; 2],
    second: bool,
}

impl Words {
    fn new(key: Key, first: usize, n: usize) -> Words {
        Words { key, first: first as u64, draw: 0, words: [vec![0; n], vec![0; n]], second: true }
    }

    fn next(&mut self) -> &[u64] {
        self.second = !self.second;
        let [one, two] = &mut self.words;
        if self.second {
            return two;
        }
        self.key.fill(self.first, self.draw, one, two);
        self.draw += 1;
        one
    }
}

/// The normals of a block of paths.
pub(super) struct Normals(Words);

impl Normals {
    pub fn new(key: Key, first: usize, n: usize) -> Normals {
        Normals(Words::new(key, first, n))
    }

    /// The next normal of every path.
    pub fn next_into(&mut self, out: &mut [f64]) {
        math::normals_from_u64(self.0.next(), out);
    }
}

/// The uniforms of a block of paths.
pub(super) struct Uniforms(Words);

impl Uniforms {
    pub fn new(key: Key, first: usize, n: usize) -> Uniforms {
        Uniforms(Words::new(key, first, n))
    }

    /// The next uniform of every path, in (0, 1).
    pub fn next_into(&mut self, out: &mut [f64]) {
        for (out, word) in out.iter_mut().zip(self.0.next()) {
            *out = math::unit_from_u64(*word);
        }
    }
}
