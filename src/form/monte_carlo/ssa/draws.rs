//! Random numbers of one path, made many at a time.

use crate::base::math::{ln, unit_from_u64};
use crate::base::rng::Key;

const AHEAD: usize = 64;

/// Uniforms of one path, in the order of its stream.
#[derive(Debug, Clone)]
pub(super) struct Uniforms {
    key: Key,
    path: u64,
    draw: u64,
    words: [u64; AHEAD],
    used: usize,
}

impl Uniforms {
    pub fn new(key: Key) -> Uniforms {
        Uniforms { key, path: 0, draw: 0, words: [0; AHEAD], used: AHEAD }
    }

    /// Those of a path from a draw on.
    pub fn begin(&mut self, path: u64, draw: u64) {
        (self.path, self.draw, self.used) = (path, draw, AHEAD);
    }

    #[inline(always)]
    pub fn word(&mut self) -> u64 {
        if self.used == AHEAD {
            self.fill();
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// On (0, 1), never an end.
    #[inline(always)]
    pub fn next(&mut self) -> f64 {
        unit_from_u64(self.word())
    }

    #[inline(never)]
    fn fill(&mut self) {
        self.key.fill_along(self.path, self.draw, &mut self.words);
        self.draw += AHEAD as u64 / 2;
        self.used = 0;
    }
}

/// What the direct method asks of one path: for every reaction an exponential of rate one, by the first word of a draw, and a uniform,
/// by the second.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    words: Uniforms,
    waits: [f64; AHEAD / 2],
    used: usize,
}

impl Pairs {
    pub fn new(key: Key) -> Pairs {
        Pairs { words: Uniforms::new(key), waits: [0.0; AHEAD / 2], used: AHEAD / 2 }
    }

    pub fn begin(&mut self, path: u64, draw: u64) {
        self.words.begin(path, draw);
        self.used = AHEAD / 2;
    }

    #[inline(always)]
    pub fn next(&mut self) -> (f64, f64) {
        if self.used == AHEAD / 2 {
            self.fill();
        }
        let i = self.used;
        self.used += 1;
        (self.waits[i], unit_from_u64(self.words.words[2 * i + 1]))
    }

    #[inline(never)]
    fn fill(&mut self) {
        self.words.fill();
        for (wait, [first, _]) in self.waits.iter_mut().zip(self.words.words.as_chunks::<2>().0) {
            *wait = -ln(unit_from_u64(*first));
        }
        self.used = 0;
    }
}
