//! The symbols every process is written in, and where each stands.

use crate::expr::{Id, Pool};

/// Positions of the fixed symbols in a process's pool. Its variables (states, species, axes and unknowns) follow from
/// [`symbol::STATE`], then the parameters in the order of the model file, then the marks of jumps.
pub mod symbol {
    /// Place of the time among the symbols of every frame.
    pub const TIME: usize = 0;
    /// Name of the time in the texts of models.
    pub const TIME_NAME: &str = "t";
    /// Length of a time step. Its name cannot be typed, so no model text can use it.
    pub const STEP: usize = 1;
    /// Name of the step, which no text can type.
    pub const STEP_NAME: &str = "#step";
    /// Place of the first variable; the others follow it.
    pub const STATE: usize = 2;
}

/// The pool of one process's expressions, with the order of its symbols: time, step, variables, parameters, marks.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The expressions, with the names of all symbols in their places.
    pub pool: Pool,
    /// How many variables there are: states, species, axes and unknown.
    pub n_variables: usize,
    /// How many parameters there are, those of the model file in its order.
    pub n_params: usize,
}

impl Frame {
    /// A frame whose symbols are time, step, these variables and these parameters.
    pub fn new<'a>(variables: impl IntoIterator<Item = &'a str>, params: impl IntoIterator<Item = &'a str>) -> Frame {
        let mut names = vec![symbol::TIME_NAME, symbol::STEP_NAME];
        names.extend(variables);
        let n_variables = names.len() - symbol::STATE;
        names.extend(params);
        let n_params = names.len() - symbol::STATE - n_variables;
        Frame { pool: Pool::new(names), n_variables, n_params }
    }

    /// Position of the `i`-th variable.
    pub fn variable(&self, i: usize) -> usize {
        symbol::STATE + i
    }

    /// Position of the `k`-th parameter.
    pub fn param(&self, k: usize) -> usize {
        symbol::STATE + self.n_variables + k
    }

    /// Values for every symbol at one time and parameter value; variables and marks are NaN until the caller sets them.
    pub fn symbols(&self, theta: &[f64], time: f64) -> Vec<f64> {
        let mut symbols = vec![f64::NAN; self.pool.symbols().len()];
        symbols[symbol::TIME] = time;
        let first = self.param(0);
        symbols[first..first + theta.len()].copy_from_slice(theta);
        symbols
    }

    /// The value of an expression in parameters (and time) alone.
    pub fn at(&self, id: Id, theta: &[f64], time: f64) -> f64 {
        self.pool.eval(id, &self.symbols(theta, time))
    }

    /// Whether the expression changes with any variable.
    pub fn varies(&self, id: Id) -> bool {
        self.pool.reads(id, |s| (symbol::STATE..symbol::STATE + self.n_variables).contains(&s))
    }

    /// Whether the expression changes with time.
    pub fn is_timed(&self, id: Id) -> bool {
        self.pool.depends_on(id, symbol::TIME)
    }
}
