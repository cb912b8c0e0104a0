//! One loop compiled for several vector widths, the widest this processor has chosen at run time.
//!
//! The bits of a result do not depend on the width: each lane does the same operations, and Rust never fuses a
//! multiplication with an addition, though processors with AVX-512 could. Tests run every level and compare.

use std::sync::OnceLock;

/// A loop to be compiled at every level. `run` and all it calls in its loops carry `#[inline(always)]`: what is not
/// inlined is compiled for the baseline only.
pub trait Kernel {
    /// The loop itself, over the buffers that the value holds. [`Level::run`] calls it from code compiled for its level; called by hand it is the baseline's.
    fn run(self);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// A set of vector instructions that this processor has: a value of this type is the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(Width);

/// The level of all loops of this process.
static IN_USE: OnceLock<Level> = OnceLock::new();

impl Level {
    /// What every processor of the architecture has.
    pub const BASELINE: Level = Level(Width::Baseline);

    /// The widest instructions of this processor, or what was [chosen](Level::choose). Cost: a look at what was remembered.
    pub fn best() -> Level {
        *IN_USE.get_or_init(|| Level::available().last().unwrap_or(Level::BASELINE))
    }

    /// Use this level in the whole process instead of the widest, so that a whole run can be held against the run at another level: the bits are
    /// the same. It is settled once, by this or by the first loop; false where it is settled otherwise.
    pub fn choose(self) -> bool {
        *IN_USE.get_or_init(|| self) == self
    }

    /// All levels of this processor, narrowest first.
    pub fn available() -> impl Iterator<Item = Level> {
        #[cfg(target_arch = "x86_64")]
        let wider = {
            let avx2 = std::arch::is_x86_feature_detected!("avx2");
            let avx512 = avx2
                && std::arch::is_x86_feature_detected!("avx512f")
                && std::arch::is_x86_feature_detected!("avx512dq")
                && std::arch::is_x86_feature_detected!("avx512vl");
            [avx2.then_some(Level(Width::Avx2)), avx512.then_some(Level(Width::Avx512))]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let wider: [Option<Level>; 0] = [];
        std::iter::once(Level::BASELINE).chain(wider.into_iter().flatten())
    }

    /// `baseline`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Width::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Width::Avx512 => "avx512",
        }
    }

    /// Run the code compiled for this level.
    #[inline]
    pub fn run(self, kernel: impl Kernel) {
        match self.0 {
            Width::Baseline => kernel.run(),
            // SAFETY: a `Level` of this width is made only in `available`, after the processor was seen to have AVX2.
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 => unsafe { avx2(kernel) },
            // SAFETY: likewise, after it was seen to have the three parts of AVX-512 that `avx512` is compiled for.
            #[cfg(target_arch = "x86_64")]
            Width::Avx512 => unsafe { avx512(kernel) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(kernel: impl Kernel) {
    kernel.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn avx512(kernel: impl Kernel) {
    kernel.run();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::math;

    struct Fill<'a>(&'a [f64], &'a mut [f64]);

    impl Kernel for Fill<'_> {
        #[inline(always)]
        fn run(self) {
            for (x, out) in self.0.iter().zip(self.1) {
                *out = math::exp(*x) * 3.7 + math::ln(*x) * 0.3;
            }
        }
    }

    #[test]
    fn every_level_gives_the_same_bits() {
        let x: Vec<f64> = (0..5000).map(|i| 0.001 + 0.07 * f64::from(i)).collect();
        let mut plain = vec![0.0; x.len()];
        Level::BASELINE.run(Fill(&x, &mut plain));
        for level in Level::available() {
            let mut out = vec![0.0; x.len()];
            level.run(Fill(&x, &mut out));
            let same = out.iter().zip(&plain).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{}", level.name());
        }
    }

    #[test]
    fn the_best_level_is_one_that_is_there() {
        assert!(Level::available().any(|level| level == Level::best()));
        assert_eq!(Level::available().next(), Some(Level::BASELINE));
        // Settled by now: it cannot be chosen otherwise.
        assert!(Level::best().choose() && Level::available().all(|l| l == Level::best() || !l.choose()));
    }
}
