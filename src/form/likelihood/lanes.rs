//! Complex numbers, one for each point of a contour.

use super::contour::POINTS;

/// `[point]`
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lane {
    pub re: [f64; POINTS],
    pub im: [f64; POINTS],
}

impl Lane {
    pub const ZERO: Lane = Lane { re: [0.0; POINTS], im: [0.0; POINTS] };

    #[inline(always)]
    fn of(f: impl Fn(usize) -> (f64, f64)) -> Lane {
        let mut lane = Lane::ZERO;
        for k in 0..POINTS {
            (lane.re[k], lane.im[k]) = f(k);
        }
        lane
    }

    #[inline(always)]
    pub fn real(x: f64) -> Lane {
        Lane { re: [x; POINTS], im: [0.0; POINTS] }
    }

    #[inline(always)]
    pub fn scale(self, c: f64) -> Lane {
        Lane::of(|k| (c * self.re[k], c * self.im[k]))
    }

    /// `self + x` for a real `x`.
    #[inline(always)]
    pub fn plus(self, x: f64) -> Lane {
        Lane::of(|k| (self.re[k] + x, self.im[k]))
    }

    /// The root with a positive real part.
    #[inline(always)]
    pub fn sqrt(self) -> Lane {
        Lane::of(|k| {
            let (re, im) = (self.re[k], self.im[k]);
            let size = (re * re + im * im).sqrt();
            // The half that does not cancel, the other from the product.
            if re >= 0.0 {
                let root = (0.5 * (size + re)).sqrt();
                (root, if root > 0.0 { 0.5 * im / root } else { 0.0 })
            } else {
                let root = (0.5 * (size - re)).sqrt();
                (0.5 * im.abs() / root, if im < 0.0 { -root } else { root })
            }
        })
    }

    #[inline(always)]
    pub fn inverse(self) -> Lane {
        Lane::of(|k| {
            let norm = 1.0 / (self.re[k] * self.re[k] + self.im[k] * self.im[k]);
            (self.re[k] * norm, -self.im[k] * norm)
        })
    }
}

impl std::ops::Add for Lane {
    type Output = Lane;
    #[inline(always)]
    fn add(self, other: Lane) -> Lane {
        Lane::of(|k| (self.re[k] + other.re[k], self.im[k] + other.im[k]))
    }
}

impl std::ops::Sub for Lane {
    type Output = Lane;
    #[inline(always)]
    fn sub(self, other: Lane) -> Lane {
        Lane::of(|k| (self.re[k] - other.re[k], self.im[k] - other.im[k]))
    }
}

impl std::ops::Mul for Lane {
    type Output = Lane;
    #[inline(always)]
    fn mul(self, other: Lane) -> Lane {
        Lane::of(|k| {
            (self.re[k] * other.re[k] - self.im[k] * other.im[k], self.re[k] * other.im[k] + self.im[k] * other.re[k])
        })
    }
}
