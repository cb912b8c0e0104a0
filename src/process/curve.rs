//! Plain functions of one input, `y = f(x; θ)`: kinetic curves, calibrations.

use super::frame::Frame;
use crate::expr::Id;

/// A plain function of one input, `y = f(x; θ)`: a kinetic curve or a calibration, with no time and no noise of its own.
#[derive(Debug, Clone)]
pub struct Curve {
    /// The symbols, the input as the one variable, and the pool of `value`.
    pub frame: Frame,
    /// The input x, with the range it is meant for.
    pub input: Quantity,
    /// The output y; its name is that of the column it is fitted to.
    pub output: Quantity,
    /// f, in the input and the parameters.
    pub value: Id,
}

/// An input or output of a curve: its name, unit and range.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// The symbol that expressions use; of an output the column that holds it.
    pub name: String,
    /// Unit as the file writes it; "1" for a number without unit.
    pub unit: String,
    /// Lower end of its range; minus infinity where the file names none.
    pub lower: f64,
    /// Upper end of its range; infinity where the file names none.
    pub upper: f64,
}

impl Curve {
    /// Parameters among these in which the curve is linear, all of them together: its slope in each depends on none of them.
    /// Read off the text, in the order given, so that of `a*b*x` only `a` is.
    pub fn linear_in(&self, among: &[usize]) -> Vec<usize> {
        let mut pool = self.frame.pool.clone();
        let zero = pool.number(0.0);
        let mut linear: Vec<(usize, Id)> = Vec::new();
        for k in among {
            let slope = pool.derivative(self.value, self.frame.param(*k));
            let hangs = |slope: Id, on: usize| pool.depends_on(slope, self.frame.param(on));
            // A parameter of conditions alone has no slope, and is not linear for it.
            let is_linear = slope != zero
                && !hangs(slope, *k)
                && linear.iter().all(|(other, theirs)| !hangs(slope, *other) && !hangs(*theirs, *k));
            if is_linear {
                linear.push((*k, slope));
            }
        }
        linear.into_iter().map(|(k, _)| k).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Result;
    use crate::models::read;
    use crate::process::Process;

    #[test]
    fn linear_parameters_are_read_off_the_text() -> Result<()> {
        for (value, linear) in [
            ("a*(1 - exp(-b*x)) + c", &[0, 2][..]),
            ("a*b*x + c", &[0, 2]),
            ("(a/b)*exp(-((x - c)/b)^2)", &[0]),
            ("exp(-a*x)/(b + c*x)", &[]),
            ("if(x > a, b, c)*x", &[1, 2]),
        ] {
            let params: String =
                ["a", "b", "c"].map(|p| format!("[params.{p}]\ndefault = 1.0\nbounds = [-inf, inf]\n")).concat();
            let head = "schema = 1\nid = \"m\"\ntitle = \"m\"\nkind = \"curve\"\n";
            let model = read("m.toml", &format!("{head}{params}[dynamics]\ny = \"{value}\"\n"))?;
            let Process::Curve(curve) = &model.process else { panic!("{}", model.process.kind()) };
            assert_eq!(curve.linear_in(&[0, 1, 2]), linear, "{value}");
        }
        Ok(())
    }
}
