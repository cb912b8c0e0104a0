//! Plain functions `y = f(x; θ)`: values and their slopes in the parameters, through the tape.

use crate::base::{Error, Result};
use crate::expr::{Scratch, Tape};
use crate::models::Model;
use crate::process::{Curve, Process};

/// A curve compiled once, to be evaluated at many parameter values.
#[derive(Debug, Clone)]
pub struct Compiled<'a> {
    model: &'a Model,
    curve: &'a Curve,
    /// Outputs: the value, then its slope in each parameter.
    tape: Tape,
    scratch: Scratch,
}

/// Values of a curve at the asked places, and their slopes in the parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Sloped {
    /// `[i]`
    pub value: Vec<f64>,
    /// `[parameter][i]`: the columns of the Jacobian.
    pub jacobian: Vec<Vec<f64>>,
}

impl<'a> Compiled<'a> {
    /// The curve and its slopes in every parameter, as one tape.
    ///
    /// # Errors
    /// [`Error::ModelInvalid`] where the model is no curve.
    pub fn new(model: &'a Model) -> Result<Compiled<'a>> {
        let Process::Curve(curve) = &model.process else {
            return Err(Error::ModelInvalid {
                file: model.file.clone(),
                message: format!("'{}' is a {}, not a curve", model.id, model.process.kind()),
                hint: "name a model of kind = \"curve\"; kramers models lists them".to_string(),
            });
        };
        let frame = &curve.frame;
        let mut pool = frame.pool.clone();
        let mut outputs = vec![curve.value];
        outputs.extend((0..frame.n_params).map(|k| pool.derivative(curve.value, frame.param(k))));
        let tape = Tape::compile(&pool, &outputs, &[frame.variable(0)]);
        Ok(Compiled { model, curve, tape, scratch: Scratch::default() })
    }

    /// `f(x; θ)` and its slopes at every `x`. Units are those of the model file. Cost: one pass of the tape, O(xs × size).
    ///
    /// # Errors
    /// [`Error::OutsideDomain`] for an `x` outside the input's domain, [`Error::NonFiniteCoefficient`] where a value or slope is
    /// not finite.
    pub fn at(&mut self, theta: &[f64], xs: &[f64]) -> Result<Sloped> {
        let input = &self.curve.input;
        if let Some(row) = xs.iter().position(|x| !(*x >= input.lower && *x <= input.upper && x.is_finite())) {
            return Err(Error::OutsideDomain {
                model: self.model.id.clone(),
                series: input.name.clone(),
                row,
                value: xs[row],
                lower: input.lower,
                upper: input.upper,
            });
        }
        let frame = &self.curve.frame;
        let mut columns = vec![vec![0.0; xs.len()]; 1 + frame.n_params];
        {
            let mut out: Vec<&mut [f64]> = columns.iter_mut().map(Vec::as_mut_slice).collect();
            self.tape.run(&frame.symbols(theta, 0.0), &[xs], &mut out, &mut self.scratch);
        }
        for (k, column) in columns.iter().enumerate() {
            let Some(i) = column.iter().position(|v| !v.is_finite()) else { continue };
            let coefficient = match k.checked_sub(1).and_then(|k| self.model.params.get(k)) {
                None => self.curve.output.name.clone(),
                Some(param) => format!("slope of {} in {}", self.curve.output.name, param.name),
            };
            let at = format!("{} = {}", input.name, xs[i]);
            return Err(Error::NonFiniteCoefficient {
                model: self.model.id.clone(),
                coefficient,
                value: column[i],
                at,
            });
        }
        let value = columns.remove(0);
        Ok(Sloped { value, jacobian: columns })
    }

    /// The sum `Σ by ∂²f/∂θ∂θ` over the `xs`, `[parameter][parameter]`, from second derivatives of the text. `None` where one is
    /// not finite. Compiles anew: for once a fit. Cost: O(xs × size × parameters).
    pub fn bend(&self, theta: &[f64], xs: &[f64], by: &[f64]) -> Option<Vec<Vec<f64>>> {
        let frame = &self.curve.frame;
        let n = frame.n_params;
        let mut pool = frame.pool.clone();
        let symbols: Vec<usize> = (0..n).map(|k| frame.param(k)).collect();
        let seconds = pool.hessian(self.curve.value, &symbols);
        let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (i..n).map(move |j| (i, j))).collect();
        let outputs: Vec<_> = pairs.iter().map(|(i, j)| seconds[*i][*j]).collect();
        let tape = Tape::compile(&pool, &outputs, &[frame.variable(0)]);
        let mut columns = vec![vec![0.0; xs.len()]; outputs.len()];
        let mut out: Vec<&mut [f64]> = columns.iter_mut().map(Vec::as_mut_slice).collect();
        tape.run(&frame.symbols(theta, 0.0), &[xs], &mut out, &mut Scratch::default());
        let mut sums = vec![vec![0.0; n]; n];
        for ((i, j), column) in pairs.into_iter().zip(&columns) {
            let sum: f64 = column.iter().zip(by).map(|(second, by)| second * by).sum();
            if !sum.is_finite() {
                return None;
            }
            sums[i][j] = sum;
            sums[j][i] = sum;
        }
        Some(sums)
    }
}

/// `f(x; θ)` at every one of `xs`, in the units of the model file. Compiles anew: of many parameters make a [`Compiled`].
///
/// # Errors
/// As [`Compiled::new`] and [`Compiled::at`].
///
/// # Examples
/// ```
/// use kramers::form::curve::evaluate;
/// use kramers::models::built_in;
///
/// let rate = built_in("michaelis-menten-rate")?;
/// let theta = rate.default_params().values;
/// assert_eq!(evaluate(&rate, &theta, &[0.5, 1.0, 2.0])?.len(), 3);
/// # Ok::<(), kramers::base::Error>(())
/// ```
pub fn evaluate(model: &Model, theta: &[f64], xs: &[f64]) -> Result<Vec<f64>> {
    Ok(Compiled::new(model)?.at(theta, xs)?.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{built_in, built_in_ids};

    #[test]
    fn slopes_of_every_built_in_curve_are_its_difference_quotients() -> Result<()> {
        let mut curves = 0;
        for id in built_in_ids() {
            let Ok(model) = built_in(id) else { continue };
            let Ok(mut compiled) = Compiled::new(&model) else { continue };
            curves += 1;
            let theta = model.default_params().values;
            let xs: Vec<f64> = match id {
                "arrhenius" => (0..300).map(|i| 280.0 + f64::from(i)).collect(),
                _ => (1..300).map(|i| 0.05 * f64::from(i)).collect(),
            };
            let here = compiled.at(&theta, &xs)?;
            assert_eq!(here.value, evaluate(&model, &theta, &xs)?);
            for (k, column) in here.jacobian.iter().enumerate() {
                let h = 1e-4 * theta[k].abs().max(1e-3);
                let mut moved = |h: f64| {
                    let mut theta = theta.clone();
                    theta[k] += h;
                    compiled.at(&theta, &xs).map(|s| s.value)
                };
                let (above, below) = (moved(h)?, moved(-h)?);
                for i in 0..xs.len() {
                    let quotient = (above[i] - below[i]) / (2.0 * h);
                    let scale = column[i].abs() + here.value[i].abs() / theta[k].abs().max(1e-3);
                    assert!((column[i] - quotient).abs() < 1e-5 * scale, "{id} {k}: {} {quotient}", column[i]);
                }
            }
        }
        assert!(curves >= 4, "{curves}");
        Ok(())
    }

    #[test]
    fn what_is_no_curve_or_outside_is_refused() -> Result<()> {
        assert!(matches!(Compiled::new(&built_in("ou")?), Err(Error::ModelInvalid { .. })));
        let rate = built_in("michaelis-menten-rate")?;
        let theta = rate.default_params().values;
        assert!(matches!(evaluate(&rate, &theta, &[f64::NAN]), Err(Error::OutsideDomain { .. })));
        Ok(())
    }
}
