//! Compiled expressions: registers, evaluated over blocks of lanes.
//!
//! Symbols are either *lanes* (one value a state: the state itself, its time step) or *uniform* (one value a call:
//! parameters). What depends only on uniform symbols is computed once a call; the rest runs operation by operation
//! over [`LANES`] values at a time, in vector instructions as wide as the processor has.

use super::lanes;
use super::op::{Binary, Unary, select};
use super::pool::Node;
use crate::base::dispatch::{Kernel, Level};
use crate::base::math;

/// Values that a register holds: the states that one operation of a [`Tape`] is done for at a time.
pub const LANES: usize = 128;
/// Length of the short blocks that what is left over is computed in: two of the widest vectors.
const SHORT: usize = 16;

#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Lane(u32),
    Uniform(u32),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Op {
    Unary(Unary, u32),
    Binary(Binary, Source, Source),
    Select(Source, Source, Source),
}

/// A set of expressions compiled together; common sub-expressions are computed once.
///
/// Symbols are *lanes* (one value a state: the state itself, its time step) or *uniform* (one value a call: parameters). What hangs on uniform symbols
/// alone is computed once a call, by [`Tape::bind`]; the rest operation by operation over [`LANES`] states at a time, in vector instructions as
/// wide as the processor has, to the same bits at every width.
#[derive(Debug, Clone, Default)]
pub struct Tape {
    /// Uniform part, in order: a node and the slots of its children.
    pub(super) uniform: Vec<(Node, [u32; 3])>,
    /// (operation, register it writes, which is none of those it reads).
    pub(super) lane: Vec<(Op, u32)>,
    /// Registers loaded from the lane inputs, the first ones in order: (input position, register).
    pub(super) loads: Vec<(usize, u32)>,
    pub(super) registers: usize,
    pub(super) outputs: Vec<Source>,
}

/// Aligned to a cache line, so that no vector straddles two.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Register([f64; LANES]);

/// Registers and uniform values of one running tape; reuse it from call to call.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    registers: Vec<Register>,
    uniform: Vec<f64>,
    single: Vec<f64>,
}

impl Tape {
    /// Evaluate at `inputs[lane][i]`, writing `out[output][i]`.
    ///
    /// `symbols` has one value for every symbol of the pool; those of lane symbols are ignored. All inputs and outputs
    /// have the same length. Cost: operations × length; no allocation once `scratch` is warm.
    pub fn run(&self, symbols: &[f64], inputs: &[&[f64]], out: &mut [&mut [f64]], scratch: &mut Scratch) {
        self.bind(symbols, scratch);
        self.run_bound(inputs, out, scratch);
    }

    /// As [`Tape::run`], with the uniform part of the last [`Tape::bind`] on the same scratch.
    pub fn run_bound(&self, inputs: &[&[f64]], out: &mut [&mut [f64]], scratch: &mut Scratch) {
        self.run_at(Level::best(), inputs, out, scratch);
    }

    fn run_at(&self, level: Level, inputs: &[&[f64]], out: &mut [&mut [f64]], scratch: &mut Scratch) {
        scratch.registers.resize(self.registers, Register([0.0; LANES]));
        level.run(Blocks { tape: self, inputs, out, scratch });
    }

    /// Number of operations that one state costs, the uniform part not among them, for estimates of time.
    pub fn operations(&self) -> usize {
        self.lane.len()
    }

    /// Evaluate at one state, `inputs[lane]` to `out[output]`, to the same bits as in a block; after [`Tape::bind`] on the same scratch.
    pub fn run_one(&self, inputs: &[f64], out: &mut [f64], scratch: &mut Scratch) {
        let Scratch { uniform, single, .. } = scratch;
        single.resize(self.registers, 0.0);
        for (input, register) in &self.loads {
            single[*register as usize] = inputs[*input];
        }
        for (op, target) in &self.lane {
            let of = |source: Source| match source {
                Source::Lane(r) => single[r as usize],
                Source::Uniform(u) => uniform[u as usize],
            };
            single[*target as usize] = match *op {
                Op::Unary(op, a) => op.apply(single[a as usize]),
                Op::Binary(op, a, b) => op.apply(of(a), of(b)),
                Op::Select(c, a, b) => select(of(c), of(a), of(b)),
            };
        }
        for (source, out) in self.outputs.iter().zip(out.iter_mut()) {
            *out = match source {
                Source::Lane(r) => single[*r as usize],
                Source::Uniform(u) => uniform[*u as usize],
            };
        }
    }

    /// Compute what depends on uniform symbols only, for the calls that follow on this scratch. `symbols` has one value for every symbol of the pool; those
    /// of lane symbols are ignored.
    pub fn bind(&self, symbols: &[f64], scratch: &mut Scratch) {
        scratch.uniform.clear();
        for (node, children) in &self.uniform {
            let [a, b, c] = children.map(|slot| scratch.uniform.get(slot as usize).copied().unwrap_or(f64::NAN));
            let value = match *node {
                Node::Number(bits) => f64::from_bits(bits),
                Node::Symbol(s) => symbols[s as usize],
                Node::Unary(op, _) => op.apply(a),
                Node::Power(_, n) => math::powi(a, n),
                Node::Binary(op, _, _) => op.apply(a, b),
                Node::Select(..) => select(a, b, c),
            };
            scratch.uniform.push(value);
        }
    }
}

/// A run over all blocks, to be compiled at every vector width.
struct Blocks<'a, 'b, 'c> {
    tape: &'a Tape,
    inputs: &'a [&'a [f64]],
    out: &'a mut [&'b mut [f64]],
    scratch: &'c mut Scratch,
}

impl Kernel for Blocks<'_, '_, '_> {
    #[inline(always)]
    fn run(self) {
        let inputs = self.inputs;
        let lane = inputs.first().map(|lane| lane.len());
        let length = lane.or(self.out.first().map(|column| column.len())).unwrap_or(0);
        let mut blocks = self;
        let mut start = 0;
        while start < length {
            // The number of values is known in every loop, which is what makes good vector code.
            if length - start > LANES / 2 {
                blocks.block::<LANES>(start, length);
                start += LANES;
            } else {
                blocks.block::<SHORT>(start, length);
                start += SHORT;
            }
        }
    }
}

impl Blocks<'_, '_, '_> {
    /// The `W` states from `start`, or what there is of them.
    #[inline(always)]
    fn block<const W: usize>(&mut self, start: usize, length: usize) {
        let Scratch { registers, uniform, .. } = &mut *self.scratch;
        let n = (length - start).min(W);
        let loads = &self.tape.loads;
        // Inputs that fill a block are read where they stand.
        let standing: &[(usize, u32)] = if n == W { loads } else { &[] };
        for (input, register) in &loads[standing.len()..] {
            let Register(register) = &mut registers[*register as usize];
            register[..n].copy_from_slice(&self.inputs[*input][start..start + n]);
            // Idle lanes repeat a real state, so that they cannot raise anything the real ones do not.
            let last = register[n - 1];
            register[n..W].fill(last);
        }
        let inputs = self.inputs;
        let input = |register: u32| -> Option<&[f64; W]> {
            let (input, _) = standing.get(register as usize)?;
            inputs[*input][start..].first_chunk::<W>()
        };
        for (op, target) in &self.tape.lane {
            step::<W>(*op, *target as usize, &input, registers, uniform);
        }
        for (source, out) in self.tape.outputs.iter().zip(self.out.iter_mut()) {
            let out = &mut out[start..start + n];
            match source {
                Source::Lane(r) => out.copy_from_slice(match input(*r) {
                    Some(values) => &values[..n],
                    None => &registers[*r as usize].0[..n],
                }),
                Source::Uniform(u) => out.fill(uniform[*u as usize]),
            }
        }
    }
}

#[inline(always)]
fn step<'i, const W: usize>(
    op: Op,
    target: usize,
    input: impl Fn(u32) -> Option<&'i [f64; W]>,
    registers: &mut [Register],
    uniform: &[f64],
) {
    use Source::{Lane, Uniform};
    // The operands stand on either side of the target, never in it.
    let (below, rest) = registers.split_at_mut(target);
    let Some((Register(out), above)) = rest.split_first_mut() else { return };
    let Some(out) = out.first_chunk_mut::<W>() else { return };
    let idle = &[0.0; W];
    let at = |register: u32| -> &[f64; W] {
        if let Some(values) = input(register) {
            return values;
        }
        let r = register as usize;
        let Register(values) = if r < target { &below[r] } else { &above[r - target - 1] };
        values.first_chunk::<W>().unwrap_or(idle)
    };
    let the = |slot: u32| uniform[slot as usize];
    match op {
        Op::Unary(op, a) => lanes::unary(op, at(a), out),
        Op::Binary(op, Lane(a), Lane(b)) => lanes::binary(op, at(a), at(b), out),
        Op::Binary(op, Lane(a), Uniform(b)) => lanes::binary(op, at(a), the(b), out),
        Op::Binary(op, Uniform(a), Lane(b)) => lanes::binary(op, the(a), at(b), out),
        Op::Binary(op, Uniform(a), Uniform(b)) => out.fill(op.apply(the(a), the(b))),
        Op::Select(Lane(c), Lane(a), Lane(b)) => lanes::choose(at(c), at(a), at(b), out),
        Op::Select(Lane(c), Lane(a), Uniform(b)) => lanes::choose(at(c), at(a), the(b), out),
        Op::Select(Lane(c), Uniform(a), Lane(b)) => lanes::choose(at(c), the(a), at(b), out),
        Op::Select(Lane(c), Uniform(a), Uniform(b)) => lanes::choose(at(c), the(a), the(b), out),
        // One branch for the whole block.
        Op::Select(Uniform(c), a, b) => match if the(c) != 0.0 { a } else { b } {
            Lane(r) => out.copy_from_slice(at(r)),
            Uniform(u) => out.fill(the(u)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Pool;

    const EVERYTHING: &str = "if(x > k, exp(x)*log(k + x^2), x^3/8) + sqrt(abs(x))*(0.3 + abs(x))^g - min(x, g)/max(2, x) \
         + floor(3*x) - ceil(x*g) + sign(x) + sin(x)*tanh(g) + (x <= g or not x < k and g != 0) + if(k > 0.5, x, g) \
         + if(x == g, 1, 2) + x^-5 + erf(x) + atan2(x, g) + hypot(x, 2) + lgamma(1 + abs(x))";

    #[test]
    fn every_vector_width_gives_the_bits_of_one_state_at_a_time() {
        let mut pool = Pool::new(["x", "k", "g"]);
        let id = pool.parse(EVERYTHING, "test").expect("text");
        let outputs = [id, pool.derivative(id, 0), pool.derivative(id, 2)];
        let tape = Tape::compile(&pool, &outputs, &[0, 2]);
        for length in [1, 7, 8, 127, 128, 129, 1000] {
            let xs: Vec<f64> = (0..length).map(|i| -2.0 + 0.013 * f64::from(i)).collect();
            let gs: Vec<f64> = xs.iter().map(|x| 0.4 - 0.1 * x).collect();
            for level in Level::available() {
                let mut scratch = Scratch::default();
                tape.bind(&[f64::NAN, 0.7, f64::NAN], &mut scratch);
                let mut out = vec![vec![0.0; xs.len()]; 3];
                let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
                tape.run_at(level, &[&xs, &gs], &mut slices, &mut scratch);
                for i in 0..xs.len() {
                    let mut one = [0.0; 3];
                    tape.run_one(&[xs[i], gs[i]], &mut one, &mut scratch);
                    for k in 0..3 {
                        let same = out[k][i].to_bits() == one[k].to_bits() || out[k][i].is_nan() && one[k].is_nan();
                        assert!(same, "{} {i} {k}: {} {}", level.name(), out[k][i], one[k]);
                    }
                }
            }
        }
    }

    #[test]
    fn powers_share_their_parts() {
        let mut pool = Pool::new(["x", "g"]);
        let operations = |pool: &mut Pool, texts: &[&str]| {
            let ids: Vec<_> = texts.iter().map(|text| pool.parse(text, "test").expect(text)).collect();
            Tape::compile(pool, &ids, &[0]).operations()
        };
        assert_eq!(operations(&mut pool, &["x^2", "x^3", "x^4", "1/x^2"]), 4);
        // One logarithm, two products, two exponentials.
        assert_eq!(operations(&mut pool, &["x^g", "x^(g - 1)", "log(x)"]), 5);
    }

    #[test]
    fn outputs_without_lanes_fill_their_columns() {
        let mut pool = Pool::new(["k"]);
        let id = pool.parse("2*k", "test").expect("text");
        let tape = Tape::compile(&pool, &[id], &[]);
        let mut out = [0.0; 5];
        tape.run(&[1.5], &[], &mut [&mut out], &mut Scratch::default());
        assert_eq!(out, [3.0; 5]);
    }

    #[test]
    fn a_constant_output_and_an_input_as_output_are_right() {
        let mut pool = Pool::new(["x", "y"]);
        let (x, seven) = (pool.symbol_at(0), pool.number(7.0));
        let tape = Tape::compile(&pool, &[x, seven, x], &[0]);
        let (mut a, mut b, mut c) = ([0.0; 3], [0.0; 3], [0.0; 3]);
        tape.run(&[0.0, 0.0], &[&[1.0, 2.0, 3.0]], &mut [&mut a, &mut b, &mut c], &mut Scratch::default());
        assert_eq!((a, b, c), ([1.0, 2.0, 3.0], [7.0; 3], [1.0, 2.0, 3.0]));
    }
}
