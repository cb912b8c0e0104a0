//! Matrices with their slopes in every parameter, carried along by the rules of differentiation: a filter is written once and
//! gives value and gradient.

use crate::base::{Error, Result, math};
use crate::form::moments::exponential;
use nalgebra::DMatrix;

/// A matrix and its derivative by each parameter; without slopes only the matrix. A number is a matrix of one entry.
#[derive(Debug, Clone)]
pub(super) struct Jet {
    pub value: DMatrix<f64>,
    pub slopes: Vec<DMatrix<f64>>,
}

impl Jet {
    /// What hangs on no parameter.
    pub fn constant(value: DMatrix<f64>, slopes: usize) -> Jet {
        let zero = DMatrix::zeros(value.nrows(), value.ncols());
        Jet { slopes: vec![zero; slopes], value }
    }

    pub fn identity(n: usize, slopes: usize) -> Jet {
        Jet::constant(DMatrix::identity(n, n), slopes)
    }

    /// Of a number.
    pub fn number(&self) -> f64 {
        self.value[(0, 0)]
    }

    /// A linear map of the matrix.
    pub fn map(&self, f: impl Fn(&DMatrix<f64>) -> DMatrix<f64>) -> Jet {
        Jet { value: f(&self.value), slopes: self.slopes.iter().map(f).collect() }
    }

    fn both(&self, other: &Jet, f: impl Fn(&DMatrix<f64>, &DMatrix<f64>) -> DMatrix<f64>) -> Jet {
        let slopes = self.slopes.iter().zip(&other.slopes).map(|(a, b)| f(a, b)).collect();
        Jet { value: f(&self.value, &other.value), slopes }
    }

    pub fn plus(&self, other: &Jet) -> Jet {
        self.both(other, |a, b| a + b)
    }

    pub fn minus(&self, other: &Jet) -> Jet {
        self.both(other, |a, b| a - b)
    }

    /// The matrix product.
    pub fn times(&self, other: &Jet) -> Jet {
        let slopes = self.slopes.iter().zip(&other.slopes).map(|(a, b)| a * &other.value + &self.value * b).collect();
        Jet { value: &self.value * &other.value, slopes }
    }

    pub fn transpose(&self) -> Jet {
        self.map(DMatrix::transpose)
    }

    /// `M self Mᵀ`, symmetric to the last bit.
    pub fn between(&self, m: &Jet) -> Jet {
        m.times(self).times(&m.transpose()).map(|p| 0.5 * (p + p.transpose()))
    }

    /// Every entry over a number.
    pub fn over(&self, number: &Jet) -> Jet {
        let f = number.number();
        let value = &self.value / f;
        let slopes = self.slopes.iter().zip(&number.slopes).map(|(s, d)| (s - &value * d[(0, 0)]) / f).collect();
        Jet { value, slopes }
    }

    /// Logarithm of a number.
    pub fn logarithm(&self) -> Jet {
        let f = self.number();
        let value = DMatrix::from_element(1, 1, math::ln(f));
        Jet { value, slopes: self.slopes.iter().map(|s| s / f).collect() }
    }

    /// The exponential; its slopes stand in the corner of that of `[[M, M'], [0, M]]` (Van Loan 1978; Higham 2008, eq. 3.16).
    ///
    /// # Errors
    /// [`Error::Numerics`] where it overflows.
    pub fn exponential(&self) -> Result<Jet> {
        let n = self.value.nrows();
        let slope = |direction: &DMatrix<f64>| {
            if direction.iter().all(|d| *d == 0.0) {
                return Ok(DMatrix::zeros(n, n));
            }
            let mut twice = DMatrix::zeros(2 * n, 2 * n);
            twice.view_mut((0, 0), (n, n)).copy_from(&self.value);
            twice.view_mut((n, n), (n, n)).copy_from(&self.value);
            twice.view_mut((0, n), (n, n)).copy_from(direction);
            Ok(exponential(&twice)?.view((0, n), (n, n)).into_owned())
        };
        let value = exponential(&self.value)?;
        Ok(Jet { value, slopes: self.slopes.iter().map(slope).collect::<Result<_>>()? })
    }

    /// `self⁻¹ right`.
    ///
    /// # Errors
    /// [`Error::Numerics`] where the matrix is singular.
    pub fn solve(&self, right: &Jet) -> Result<Jet> {
        let lu = self.value.clone().lu();
        let singular = || Error::Numerics {
            what: "the stationary law of a linear process".to_string(),
            why: "its equations are singular".to_string(),
            hint: "start the filter from a given law, or diffuse".to_string(),
        };
        let value = lu.solve(&right.value).ok_or_else(singular)?;
        let slope = |(d, r): (&DMatrix<f64>, &DMatrix<f64>)| lu.solve(&(r - d * &value)).ok_or_else(singular);
        let slopes = self.slopes.iter().zip(&right.slopes).map(slope).collect::<Result<_>>()?;
        Ok(Jet { value, slopes })
    }
}
