//! Expressions over all observations at once, and their pullback: from slopes by the expressions to slopes by the parameters.

use super::JointPairs;
use crate::expr::{Id, Pool, Scratch, Tape};
use crate::process::{Diffusion, symbol};

/// `c₁ … cₘ`, expressions in state, step, time and parameters, compiled with `Σ c̄ⱼ ∂cⱼ/∂θₖ`.
///
/// The small dense algebra between coefficients and log density is differentiated by hand, which gives the `c̄ⱼ`; this sum is
/// then made by adjoints on the graph, so a gradient costs a few values however many parameters there are.
#[derive(Debug)]
pub(super) struct Coefficients {
    values: Tape,
    pullback: Tape,
    pub n_outputs: usize,
    n_params: usize,
}

impl Coefficients {
    /// `outputs` are expressions of `pool`, a copy of the process's own.
    pub fn new(process: &Diffusion, mut pool: Pool, outputs: &[Id]) -> Coefficients {
        let frame = &process.frame;
        let mut lanes: Vec<usize> = (0..frame.n_variables).map(|i| frame.variable(i)).collect();
        lanes.extend([symbol::STEP, symbol::TIME]);
        let values = Tape::compile(&pool, outputs, &lanes);
        let mut sum = pool.number(0.0);
        for (k, output) in outputs.iter().enumerate() {
            // The name cannot be typed, so no model text can use it.
            let slope = pool.add_symbol(&format!("#slope.{k}"));
            lanes.push(slope);
            let slope = pool.symbol_at(slope);
            let term = pool.mul(slope, *output);
            sum = pool.add(sum, term);
        }
        let params: Vec<usize> = (0..frame.n_params).map(|k| frame.param(k)).collect();
        let gradient = pool.gradient(sum, &params);
        Coefficients {
            values,
            pullback: Tape::compile(&pool, &gradient, &lanes),
            n_outputs: outputs.len(),
            n_params: params.len(),
        }
    }

    /// `[output][observation]`
    pub fn values(&self, symbols: &[f64], pairs: &JointPairs) -> Vec<Vec<f64>> {
        run(&self.values, symbols, &inputs(pairs), self.n_outputs, pairs.len())
    }

    /// `[parameter][observation]` from `slopes[output][observation]`.
    pub fn pull(&self, symbols: &[f64], pairs: &JointPairs, slopes: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let mut lanes = inputs(pairs);
        lanes.extend(slopes.iter().map(Vec::as_slice));
        run(&self.pullback, symbols, &lanes, self.n_params, pairs.len())
    }
}

fn inputs(pairs: &JointPairs) -> Vec<&[f64]> {
    let states = pairs.x0.iter().map(Vec::as_slice);
    states.chain([pairs.dt.as_slice(), pairs.t0.as_slice()]).collect()
}

fn run(tape: &Tape, symbols: &[f64], lanes: &[&[f64]], columns: usize, length: usize) -> Vec<Vec<f64>> {
    let mut out = vec![vec![0.0; length]; columns];
    let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
    tape.run(symbols, lanes, &mut slices, &mut Scratch::default());
    out
}
