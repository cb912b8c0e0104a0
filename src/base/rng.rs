//! Randomness: a counter-based generator whose streams are named by purpose, series, window and path, never by thread.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"):
//! `key = hash64(seed, purpose, series, window)`, `counter = (path: u64, draw: u64)`. The model is not in the key, so
//! models are compared on the same random numbers. This is the only place that makes a generator.

use crate::base::math;

/// The user's seed, from which every stream is derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

/// What a stream is for; two purposes never share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Simulation = 1,
    Forecast = 2,
    Starts = 3,
    Scores = 4,
}

impl Seed {
    /// The key of one purpose, series and window.
    pub fn key(self, purpose: Purpose, series: u64, window: u64) -> Key {
        let mut h = self.0;
        for word in [purpose as u64, series, window] {
            h = mix64(h ^ mix64(word.wrapping_add(0x9E37_79B9_7F4A_7C15)));
        }
        Key([h as u32, (h >> 32) as u32])
    }
}

/// Key of a family of streams, one stream a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key([u32; 2]);

impl Key {
    /// The stream of one path, from its first draw.
    pub fn stream(self, path: u64) -> Stream {
        Stream { key: self, path, draw: 0, spare: None }
    }

    /// A second family of streams beside this one, for what a path draws at times of its own.
    pub fn twin(self) -> Key {
        let h = mix64((u64::from(self.0[0]) | u64::from(self.0[1]) << 32) ^ 0x6A75_6D70_735F_6B31);
        Key([h as u32, (h >> 32) as u32])
    }

    /// The two 64-bit words of one (path, draw) counter.
    #[inline(always)]
    pub fn words(self, path: u64, draw: u64) -> [u64; 2] {
        let c = philox4x32_10([path as u32, (path >> 32) as u32, draw as u32, (draw >> 32) as u32], self.0);
        [u64::from(c[0]) | u64::from(c[1]) << 32, u64::from(c[2]) | u64::from(c[3]) << 32]
    }
}

/// The word that stands for a name, a series' id for one, in a key.
pub fn word_of(name: &str) -> u64 {
    name.bytes().fold(name.len() as u64, |h, byte| mix64(h ^ u64::from(byte)))
}

/// Finaliser of SplitMix64 (Steele, Lea & Flood 2014).
fn mix64(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Ten rounds of Philox4x32 (Salmon et al. 2011, section 4 and table 2 for the multipliers and Weyl constants).
#[inline(always)]
fn philox4x32_10(mut c: [u32; 4], mut k: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let p0 = u64::from(c[0]) * 0xD251_1F53;
        let p1 = u64::from(c[2]) * 0xCD9E_8D57;
        c = [(p1 >> 32) as u32 ^ c[1] ^ k[0], p1 as u32, (p0 >> 32) as u32 ^ c[3] ^ k[1], p0 as u32];
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

    /// Uniform on (0, 1), never an end.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        math::unit_from_u64(self.next_word())
    }

    /// Standard normal by inversion, one word a draw.
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
        assert_eq!(philox4x32_10([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox4x32_10([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox4x32_10([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
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
