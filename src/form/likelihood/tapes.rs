//! A process in the coordinate of unit noise, `dy = dx/|b|`, as tapes over the state, with derivatives in every parameter.

use super::kinks;
use crate::expr::{Scratch, Tape, Unary};
use crate::process::{Scalar, symbol};

/// With drift `μ = a/b - ½ b'` in that coordinate and potential `V = ½(μ² + μ_y)`.
#[derive(Debug)]
pub(in crate::form) struct Tapes {
    /// `V, V_y, |b|, μ`
    node: Tape,
    node_with_gradient: Tape,
    /// `1/|b|, μ/|b|`
    cell: Tape,
    cell_with_gradient: Tape,
    /// What is constant but where a coefficient has a kink or a jump.
    sides: Tape,
    n_sides: usize,
    n_params: usize,
}

const AT_NODE: usize = 4;
const AT_CELL: usize = 2;

/// `[output]` of values, `[output][parameter]` of derivatives, each over the states.
pub(in crate::form) struct Columns {
    pub value: Vec<Vec<f64>>,
    pub gradient: Vec<Vec<Vec<f64>>>,
}

impl Tapes {
    pub fn new(process: &Scalar) -> Tapes {
        let mut pool = process.pool().clone();
        let x = symbol::STATE;
        let b = pool.unary(Unary::Abs, process.diffusion);
        let steep = pool.derivative(b, x);
        let half = pool.scale(0.5, steep);
        let carried = pool.div(process.drift, b);
        let mu = pool.sub(carried, half);
        let bend = pool.derivative(mu, x);
        let mu_y = pool.mul(b, bend);
        let square = pool.power(mu, 2);
        let sum = pool.add(square, mu_y);
        let potential = pool.scale(0.5, sum);
        let slope = pool.derivative(potential, x);
        let slope_y = pool.mul(b, slope);
        let one = pool.number(1.0);
        let per = pool.div(one, b);
        let work = pool.div(mu, b);
        let params: Vec<usize> = (0..process.n_params()).map(|k| Scalar::FIRST_PARAM + k).collect();
        let (mut node, mut cell) = (vec![potential, slope_y, b, mu], vec![per, work]);
        for of in [potential, slope_y, b, mu] {
            node.extend(pool.gradient(of, &params));
        }
        for of in [per, work] {
            cell.extend(pool.gradient(of, &params));
        }
        let sides = kinks::sides(&mut pool, [process.drift, process.diffusion]);
        Tapes {
            sides: Tape::compile(&pool, &sides, &[x]),
            n_sides: sides.len(),
            node: Tape::compile(&pool, &node[..AT_NODE], &[x]),
            node_with_gradient: Tape::compile(&pool, &node, &[x]),
            cell: Tape::compile(&pool, &cell[..AT_CELL], &[x]),
            cell_with_gradient: Tape::compile(&pool, &cell, &[x]),
            n_params: process.n_params(),
        }
    }

    /// `V, V_y, |b|, μ` ready to be asked at one state after another.
    pub fn walker(&self, symbols: &[f64]) -> Walker<'_> {
        let mut scratch = Scratch::default();
        self.node.bind(symbols, &mut scratch);
        Walker { tape: &self.node, scratch }
    }

    pub fn nodes(&self, symbols: &[f64], x: &[f64], gradient: bool) -> Columns {
        self.columns(if gradient { &self.node_with_gradient } else { &self.node }, AT_NODE, symbols, x, gradient)
    }

    pub fn cells(&self, symbols: &[f64], x: &[f64], gradient: bool) -> Columns {
        self.columns(if gradient { &self.cell_with_gradient } else { &self.cell }, AT_CELL, symbols, x, gradient)
    }

    /// A state next to which drift or diffusion has a kink or a jump, among increasing states.
    pub fn kink(&self, symbols: &[f64], x: &[f64]) -> Option<f64> {
        let mut out = vec![vec![0.0; x.len()]; self.n_sides];
        let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        if self.n_sides > 0 {
            self.sides.run(symbols, &[x], &mut slices, &mut Scratch::default());
        }
        let change = |side: &Vec<f64>| side.windows(2).position(|w| w[0] != w[1]);
        out.iter().find_map(change).map(|i| x[i])
    }

    fn columns(&self, tape: &Tape, outputs: usize, symbols: &[f64], x: &[f64], gradient: bool) -> Columns {
        let params = if gradient { self.n_params } else { 0 };
        let mut out = vec![vec![0.0; x.len()]; outputs * (1 + params)];
        let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        tape.run(symbols, &[x], &mut slices, &mut Scratch::default());
        let mut columns = out.into_iter();
        let value = columns.by_ref().take(outputs).collect();
        let gradient = (0..outputs).map(|_| columns.by_ref().take(params).collect()).collect();
        Columns { value, gradient }
    }
}

pub(in crate::form) struct Walker<'a> {
    tape: &'a Tape,
    scratch: Scratch,
}

impl Walker<'_> {
    pub fn at(&mut self, x: f64) -> [f64; AT_NODE] {
        let mut out = [0.0; AT_NODE];
        self.tape.run_one(&[x], &mut out, &mut self.scratch);
        out
    }
}
