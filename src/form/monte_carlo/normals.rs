//! Normals of a block of paths, drawn column by column from each path's own stream.

use crate::base::math;
use crate::base::rng::Key;

/// The normals of a block of paths: every call gives the next of each path, two calls a Philox counter.
pub(super) struct Normals {
    key: Key,
    first: usize,
    draw: u64,
    words: [Vec<u64>; 2],
    second: bool,
    values: Vec<f64>,
}

impl Normals {
    pub fn new(key: Key, first: usize, n: usize) -> Normals {
        Normals { key, first, draw: 0, words: [vec![0; n], vec![0; n]], second: false, values: vec![0.0; n] }
    }

    pub fn next(&mut self) -> &[f64] {
        if !self.second {
            for i in 0..self.values.len() {
                let [one, two] = self.key.words((self.first + i) as u64, self.draw);
                self.words[0][i] = one;
                self.words[1][i] = two;
            }
            self.draw += 1;
        }
        math::normals_from_u64(&self.words[usize::from(self.second)], &mut self.values);
        self.second = !self.second;
        &self.values
    }
}
