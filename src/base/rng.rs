//! Randomness: a counter-based generator whose streams are named by purpose, series, window and path, never by thread.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"):
//! `key = hash64(seed, purpose, series, window)`, `counter = (path: u64, draw: u64)`. The model is not in the key, so
//! models are compared on the same random numbers. This is the only place that makes a generator.

use crate::base::dispatch::{Kernel, Level};
use crate::base::math;

/// The user's seed, from which every stream is derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

/// What a stream is for; two purposes never share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Paths that are asked for as such, and whatever else of a form must not share numbers with a forecast.
    Simulation = 1,
    /// Laws and joint draws of forecasts: paths ahead, parameters drawn, ensembles.
    Forecast = 2,
    /// Points from which a search for parameters begins.
    Starts = 3,
    /// Draws that judge forecasts or tests: orders of a bootstrapped statistic, simulated series of a study.
    Scores = 4,
    /// The random moves of an optimiser itself: swarms, stochastic gradients.
    Optimiser = 5,
    /// Replicates of a parametric bootstrap.
    Bootstrap = 6,
    /// The settings that a tuning tries.
    Tuning = 7,
}

impl Seed {
    /// The key of the streams of one purpose, series (its place, or [`word_of`] its id) and window (the cutoff's place, or 0). The same four words name the same
    /// numbers on every machine, whatever the model.
    pub fn key(self, purpose: Purpose, series: u64, window: u64) -> Key {
        let mut h = self.0;
        for word in [purpose as u64, series, window] {
            h = mix64(h ^ mix64(word.wrapping_add(0x9E37_79B9_7F4A_7C15)));
        }
        Key::of(h, 0)
    }
}

/// Key of a family of streams, one stream a path; [`Seed::key`] makes it. Families of different keys are independent of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    words: [u32; 2],
    /// One where paths come in antithetic pairs.
    paired: u64,
}

impl Key {
    fn of(h: u64, paired: u64) -> Key {
        Key { words: [h as u32, (h >> 32) as u32], paired }
    }

    /// The stream of one path, from its first draw.
    pub fn stream(self, path: u64) -> Stream {
        self.stream_from(path, 0)
    }

    /// The stream of one path, from a draw on.
    pub fn stream_from(self, path: u64, draw: u64) -> Stream {
        Stream { key: self, path, draw, spare: None }
    }

    /// The same family in antithetic pairs: path `2k + 1` has the bits of path `2k` complemented, so that its uniforms are one less
    /// those of the other and its normals theirs negated (Hammersley & Morton 1956). Each path for itself has the law it had.
    pub fn antithetic(self) -> Key {
        Key { paired: 1, ..self }
    }

    /// Whether its paths come in antithetic pairs.
    pub fn is_antithetic(self) -> bool {
        self.paired == 1
    }

    /// A second family of streams beside this one, for what a path draws at times of its own.
    pub fn twin(self) -> Key {
        let [low, high] = self.words;
        Key::of(mix64((u64::from(low) | u64::from(high) << 32) ^ 0x6A75_6D70_735F_6B31), self.paired)
    }

    /// The two 64-bit words of one (path, draw) counter.
    #[inline(always)]
    pub fn words(self, path: u64, draw: u64) -> [u64; 2] {
        let [a, b, c, d] = philox4x32_10(path & !self.paired, draw, self.words);
        let turned = (path & self.paired).wrapping_neg();
        [(a | b << 32) ^ turned, (c | d << 32) ^ turned]
    }

    /// [`Key::words`] of one draw of the paths from `first` on, up to the shorter of the two lengths. Cost: 0.55 ns a word with
    /// AVX-512, 1.3 with AVX2 (AMD EPYC).
    pub fn fill(self, first: u64, draw: u64, one: &mut [u64], two: &mut [u64]) {
        Level::best().run(Fill { key: self, first, draw, one, two });
    }
}

impl Key {
    /// The words of one path from draw `first` on, two a draw: those that [`Stream::next_word`] gives one after another.
    pub fn fill_along(self, path: u64, first: u64, out: &mut [u64]) {
        Level::best().run(FillAlong { key: self, path, first, out });
    }
}

struct FillAlong<'a> {
    key: Key,
    path: u64,
    first: u64,
    out: &'a mut [u64],
}

impl Kernel for FillAlong<'_> {
    #[inline(always)]
    fn run(self) {
        for (draw, pair) in (self.first..).zip(self.out.as_chunks_mut::<2>().0) {
            *pair = self.key.words(self.path, draw);
        }
    }
}

struct Fill<'a> {
    key: Key,
    first: u64,
    draw: u64,
    one: &'a mut [u64],
    two: &'a mut [u64],
}

impl Kernel for Fill<'_> {
    #[inline(always)]
    fn run(self) {
        for (path, (one, two)) in (self.first..).zip(self.one.iter_mut().zip(self.two)) {
            [*one, *two] = self.key.words(path, self.draw);
        }
    }
}

/// The word that stands for a name, a series' id for one, in a key.
pub fn word_of(name: &str) -> u64 {
    name.bytes().fold(name.len() as u64, |h, byte| mix64(h ^ u64::from(byte)))
}

/// Finaliser of SplitMix64 (Steele, Lea & Flood 2014).
pub(super) fn mix64(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Ten rounds of Philox4x32 (Salmon et al. 2011, section 4 and table 2 for the multipliers and Weyl constants).
///
/// The four 32-bit words of the counter and of the result stand in 64 bits each: then the products are vector instructions.
#[inline(always)]
fn philox4x32_10(first: u64, second: u64, key: [u32; 2]) -> [u64; 4] {
    const LOW: u64 = 0xFFFF_FFFF;
    let mut c = [first & LOW, first >> 32, second & LOW, second >> 32];
    let mut k = key;
    for _ in 0..10 {
        let p0 = c[0] * 0xD251_1F53;
        let p1 = c[2] * 0xCD9E_8D57;
        c = [(p1 >> 32) ^ c[1] ^ u64::from(k[0]), p1 & LOW, (p0 >> 32) ^ c[3] ^ u64::from(k[1]), p0 & LOW];
        k = [k[0].wrapping_add(0x9E37_79B9), k[1].wrapping_add(0xBB67_AE85)];
    }
    c
}

/// One path's random numbers in order. Implements [`rand::Rng`], so any `rand_distr` law can be drawn from it.
#[derive(Debug, Clone)]
pub struct Stream {
    key: Key,
    path: u64,
    draw: u64,
    spare: Option<u64>,
}

impl Stream {
    /// The next 64 bits: uniform and independent, the same on every machine.
    #[inline]
    pub fn next_word(&mut self) -> u64 {
        if let Some(word) = self.spare.take() {
            return word;
        }
        let [first, second] = self.key.words(self.path, self.draw);
        self.draw += 1;
        self.spare = Some(second);
        first
    }

    /// The first draw of which no word was given out.
    pub fn next_draw(&self) -> u64 {
        self.draw
    }

    /// Uniform on (0, 1), never an end: [`math::unit_from_u64`] of one word.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        math::unit_from_u64(self.next_word())
    }

    /// Standard normal by inversion, one word a draw ([`math::normal_from_u64`]), so that draws keep their places whatever their values.
    #[inline]
    pub fn normal(&mut self) -> f64 {
        math::normal_from_u64(self.next_word())
    }
}

impl rand::TryRng for Stream {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok((self.next_word() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.next_word())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_word().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_known_answers() {
        // Random123 1.14, tests/kat_vectors, philox4x32 10.
        let philox = |c: [u32; 4], key| {
            let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
            philox4x32_10(pair(c[0], c[1]), pair(c[2], c[3]), key)
        };
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn a_block_of_paths_has_the_words_of_its_paths_at_every_width() {
        let plain = Seed(8).key(Purpose::Simulation, 0, 0);
        for key in [plain, plain.antithetic()] {
            let first = (1 << 32) - 5;
            for level in Level::available() {
                let (mut one, mut two) = ([0; 37], [0; 37]);
                level.run(Fill { key, first, draw: 1 << 40, one: &mut one, two: &mut two });
                for (i, (a, b)) in one.into_iter().zip(two).enumerate() {
                    assert_eq!([a, b], key.words(first + i as u64, 1 << 40), "{}", level.name());
                }
            }
        }
    }

    #[test]
    fn words_along_a_path_are_those_of_its_stream() {
        let key = Seed(8).key(Purpose::Simulation, 0, 0);
        let mut words = [0; 38];
        for first in [0, (1 << 32) - 5] {
            key.fill_along(3, first, &mut words);
            let mut stream = key.stream_from(3, first);
            assert!(words.iter().all(|w| *w == stream.next_word()) && stream.next_draw() == first + 19);
        }
    }

    #[test]
    fn antithetic_pairs_are_each_other_negated_and_even_paths_are_as_before() {
        let key = Seed(8).key(Purpose::Simulation, 0, 0);
        let pairs = key.antithetic();
        for path in 0..20 {
            let (mut even, mut odd) = (pairs.stream(2 * path), pairs.stream(2 * path + 1));
            assert_eq!(even.clone().normal().to_bits(), key.stream(2 * path).normal().to_bits());
            for _ in 0..5 {
                assert_eq!(even.normal().to_bits(), (-odd.normal()).to_bits());
            }
            assert!((even.uniform() + odd.uniform() - 1.0).abs() < 2e-16);
        }
        assert_ne!(pairs.twin(), key.twin());
    }

    /// `|t|` of `n` draws whose mean is `mean` and standard deviation `sd`.
    fn off(draws: impl Iterator<Item = f64>, mean: f64, sd: f64) -> f64 {
        let (n, sum) = draws.fold((0.0, 0.0), |(n, sum), x| (n + 1.0, sum + x));
        ((sum / n - mean) * f64::sqrt(n) / sd).abs()
    }

    #[test]
    fn normals_of_blocks_pass_moments_distribution_and_correlations_to_six_sigma() {
        const PATHS: usize = 4096;
        const DRAWS: usize = 64;
        let key = Seed(2025).key(Purpose::Simulation, 3, 1);
        let (mut one, mut two) = (vec![0; PATHS], vec![0; PATHS]);
        // `[draw][path]`
        let mut z = vec![vec![0.0; PATHS]; DRAWS];
        for d in 0..DRAWS / 2 {
            key.fill(0, d as u64, &mut one, &mut two);
            math::normals_from_u64(&one, &mut z[2 * d]);
            math::normals_from_u64(&two, &mut z[2 * d + 1]);
        }
        let all = || z.iter().flatten().copied();
        // Moments of N(0, 1): 0, 1, 0, 3, 0, 15, with variances 1, 2, 15, 96, 945, 10170.
        for (power, mean, variance) in
            [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0), (5, 0.0, 945.0), (6, 15.0, 10_170.0f64)]
        {
            let t = off(all().map(|z| math::powi(z, power)), mean, variance.sqrt());
            assert!(t < 6.0, "moment {power}: {t}");
        }
        // Between neighbouring draws of a path, a counter's two words and two counters; between neighbouring paths and blocks; of squares.
        for lag in [1, 2, 3, 4, 17] {
            let along = off(
                (0..DRAWS - lag).flat_map(|d| (0..PATHS).map(move |p| (d, p))).map(|(d, p)| z[d][p] * z[d + lag][p]),
                0.0,
                1.0,
            );
            let across = off(
                (0..DRAWS).flat_map(|d| (0..PATHS - lag).map(move |p| (d, p))).map(|(d, p)| z[d][p] * z[d][p + lag]),
                0.0,
                1.0,
            );
            let squares = |a: f64, b: f64| (a * a - 1.0) * (b * b - 1.0);
            let of_squares = off(
                (0..DRAWS)
                    .flat_map(|d| (0..PATHS - lag).map(move |p| (d, p)))
                    .map(|(d, p)| squares(z[d][p], z[d][p + lag])),
                0.0,
                2.0,
            );
            assert!(along < 6.0 && across < 6.0 && of_squares < 6.0, "{lag}: {along} {across} {of_squares}");
        }
        let mut sorted: Vec<f64> = all().collect();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len() as f64;
        let distance = sorted
            .iter()
            .enumerate()
            .map(|(i, z)| math::normal_cdf(*z) - i as f64 / n)
            .map(|d| d.abs().max((d - 1.0 / n).abs()))
            .fold(0.0, f64::max);
        // Kolmogorov's tail is 2 exp(-2 n d²): 2e-9 at 3.2 / √n.
        assert!(distance < 3.2 / n.sqrt(), "{distance}");
        let beyond = off(all().map(|z| f64::from(u8::from(z.abs() > 3.0))), 0.002_699_796, 0.0519);
        assert!(beyond < 6.0, "tail {beyond}");
    }

    #[test]
    fn streams_differ_by_purpose_series_window_and_path() {
        let seed = Seed(1);
        let first = |k: Key, path| k.stream(path).next_word();
        let base = first(seed.key(Purpose::Simulation, 0, 0), 0);
        for other in [
            first(seed.key(Purpose::Forecast, 0, 0), 0),
            first(seed.key(Purpose::Simulation, 1, 0), 0),
            first(seed.key(Purpose::Simulation, 0, 1), 0),
            first(seed.key(Purpose::Simulation, 0, 0), 1),
            first(Seed(2).key(Purpose::Simulation, 0, 0), 0),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn normals_have_the_moments_of_a_normal_law() {
        let mut stream = Seed(7).key(Purpose::Simulation, 0, 0).stream(0);
        let n = 200_000;
        let draws: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let second = draws.iter().map(|z| z * z).sum::<f64>() / f64::from(n);
        let fourth = draws.iter().map(|z| z.powi(4)).sum::<f64>() / f64::from(n);
        let root_n = f64::from(n).sqrt();
        // Standard errors of the raw moments of N(0, 1): 1, sqrt 2, sqrt 96 over root n; four of them.
        assert!(mean.abs() < 4.0 / root_n, "{mean}");
        assert!((second - 1.0).abs() < 4.0 * 2f64.sqrt() / root_n, "{second}");
        assert!((fourth - 3.0).abs() < 4.0 * 96f64.sqrt() / root_n, "{fourth}");
    }

    #[test]
    fn rand_distr_laws_draw_from_a_stream_the_same_bytes_for_ever() {
        use rand_distr::Distribution;
        let mut stream = Seed(42).key(Purpose::Simulation, 0, 0).stream(3);
        let gamma = rand_distr::Gamma::<f64>::new(2.5, 1.0).expect("valid");
        let a = gamma.sample(&mut stream);
        let mut again = Seed(42).key(Purpose::Simulation, 0, 0).stream(3);
        assert_eq!(a.to_bits(), gamma.sample(&mut again).to_bits());
    }
}
