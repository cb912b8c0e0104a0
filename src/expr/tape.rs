//! Compiled expressions: registers, evaluated over blocks of lanes.
//!
//! Symbols are either *lanes* (one value a state: the state itself, its time step) or *uniform* (one value a call:
//! parameters). What depends only on uniform symbols is computed once a call; the rest runs operation by operation
//! over [`LANES`] values at a time, plain loops that the compiler vectorises.

use super::pool::{Binary, Id, Node, Pool, Unary};
use crate::base::math;

/// Values a register holds.
pub const LANES: usize = 128;

#[derive(Debug, Clone, Copy)]
enum Source {
    Lane(u32),
    Uniform(u32),
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Unary(Unary, u32),
    Power(u32, i32),
    Binary(Binary, Source, Source),
}

/// A set of expressions compiled together; common sub-expressions are computed once.
#[derive(Debug, Clone)]
pub struct Tape {
    /// Uniform part, in order: a node and the slots of its children.
    uniform: Vec<Node>,
    uniform_children: Vec<[usize; 2]>,
    /// (operation, register it writes).
    lane: Vec<(Op, u32)>,
    /// Registers loaded from the lane inputs: (input position, register).
    loads: Vec<(usize, u32)>,
    registers: usize,
    outputs: Vec<Source>,
}

/// Registers and uniform values of one running tape; reuse it from call to call.
#[derive(Debug, Default)]
pub struct Scratch {
    registers: Vec<[f64; LANES]>,
    uniform: Vec<f64>,
    single: Vec<f64>,
}

impl Tape {
    /// Compile `outputs`. `lanes` are the symbols (indices) that vary along a block, in the order in which
    /// [`Tape::run`] will be given them.
    pub fn compile(pool: &Pool, outputs: &[Id], lanes: &[usize]) -> Tape {
        Compiler::new(pool, outputs, lanes).compile(outputs)
    }

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
        scratch.registers.resize(self.registers, [0.0; LANES]);
        let length = inputs.first().map_or(0, |lane| lane.len());
        let mut start = 0;
        while start < length {
            let n = (length - start).min(LANES);
            for (input, register) in &self.loads {
                let register = &mut scratch.registers[*register as usize];
                register[..n].copy_from_slice(&inputs[*input][start..start + n]);
                // Idle lanes repeat a real state, so that they cannot raise anything the real ones do not.
                let last = register[n - 1];
                register[n..].fill(last);
            }
            for (op, target) in &self.lane {
                step(*op, *target as usize, scratch);
            }
            for (source, out) in self.outputs.iter().zip(out.iter_mut()) {
                match source {
                    Source::Lane(r) => out[start..start + n].copy_from_slice(&scratch.registers[*r as usize][..n]),
                    Source::Uniform(u) => out[start..start + n].fill(scratch.uniform[*u as usize]),
                }
            }
            start += n;
        }
    }

    /// Evaluate at one state, to the same bits as in a block; after [`Tape::bind`].
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
                Op::Power(a, n) => math::powi(single[a as usize], n),
                Op::Binary(op, a, b) => op.apply(of(a), of(b)),
            };
        }
        for (source, out) in self.outputs.iter().zip(out.iter_mut()) {
            *out = match source {
                Source::Lane(r) => single[*r as usize],
                Source::Uniform(u) => uniform[*u as usize],
            };
        }
    }

    /// Compute what depends on uniform symbols only, for the calls that follow.
    pub fn bind(&self, symbols: &[f64], scratch: &mut Scratch) {
        scratch.uniform.clear();
        for (node, children) in self.uniform.iter().zip(&self.uniform_children) {
            let value = match *node {
                Node::Number(bits) => f64::from_bits(bits),
                Node::Symbol(s) => symbols[s as usize],
                Node::Unary(op, _) => op.apply(scratch.uniform[children[0]]),
                Node::Power(_, n) => math::powi(scratch.uniform[children[0]], n),
                Node::Binary(op, _, _) => op.apply(scratch.uniform[children[0]], scratch.uniform[children[1]]),
            };
            scratch.uniform.push(value);
        }
    }
}

struct Compiler<'a> {
    pool: &'a Pool,
    lanes: &'a [usize],
    /// Where each node's value is, once computed.
    place: Vec<Option<Source>>,
    /// Last operation that reads each node.
    last_use: Vec<usize>,
    free: Vec<u32>,
    tape: Tape,
}

impl<'a> Compiler<'a> {
    fn new(pool: &'a Pool, outputs: &[Id], lanes: &'a [usize]) -> Compiler<'a> {
        let size = outputs.iter().map(|o| o.index() + 1).max().unwrap_or(0);
        Compiler {
            pool,
            lanes,
            place: vec![None; size],
            last_use: vec![0; size],
            free: Vec::new(),
            tape: Tape {
                uniform: Vec::new(),
                uniform_children: Vec::new(),
                lane: Vec::new(),
                loads: Vec::new(),
                registers: 0,
                outputs: Vec::new(),
            },
        }
    }

    fn compile(mut self, outputs: &[Id]) -> Tape {
        let mut needed = vec![false; self.place.len()];
        for output in outputs {
            for (i, n) in self.pool.needed(*output).into_iter().enumerate() {
                needed[i] |= n;
            }
        }
        let order: Vec<Id> = (0..needed.len()).filter(|i| needed[*i]).map(|i| self.pool.id_at(i)).collect();
        for id in &order {
            for child in children(self.pool.node(*id)).into_iter().flatten() {
                self.last_use[child.index()] = id.index();
            }
        }
        for output in outputs {
            self.last_use[output.index()] = usize::MAX;
        }
        self.load_inputs(&order);
        for id in order {
            if self.place[id.index()].is_some() {
                continue;
            }
            let place = self.emit(id);
            self.place[id.index()] = Some(place);
            self.release_after(id);
        }
        self.tape.outputs = outputs.iter().map(|o| self.source(*o)).collect();
        self.tape
    }

    /// Lane symbols get their registers before anything else and keep them: all are loaded at the start of a block.
    fn load_inputs(&mut self, order: &[Id]) {
        for id in order {
            let Node::Symbol(s) = self.pool.node(*id) else { continue };
            if let Some(input) = self.lanes.iter().position(|l| *l == s as usize) {
                let register = self.tape.registers as u32;
                self.tape.registers += 1;
                self.tape.loads.push((input, register));
                self.place[id.index()] = Some(Source::Lane(register));
            }
        }
    }

    fn source(&self, id: Id) -> Source {
        self.place[id.index()].unwrap_or(Source::Uniform(0))
    }

    fn emit(&mut self, id: Id) -> Source {
        let node = self.pool.node(id);
        let kids = children(node);
        let uniform = match node {
            // A symbol that is a lane has its place already.
            Node::Number(_) | Node::Symbol(_) => true,
            _ => kids.iter().flatten().all(|k| matches!(self.source(*k), Source::Uniform(_))),
        };
        if uniform {
            let slot = |k: Option<Id>| match k.map(|k| self.source(k)) {
                Some(Source::Uniform(u)) => u as usize,
                _ => 0,
            };
            self.tape.uniform_children.push([slot(kids[0]), slot(kids[1])]);
            self.tape.uniform.push(node);
            return Source::Uniform((self.tape.uniform.len() - 1) as u32);
        }
        let target = self.free.pop().unwrap_or_else(|| {
            self.tape.registers += 1;
            (self.tape.registers - 1) as u32
        });
        let lane_of = |source: Source| match source {
            Source::Lane(r) => r,
            Source::Uniform(_) => 0,
        };
        match node {
            Node::Unary(op, a) => self.tape.lane.push((Op::Unary(op, lane_of(self.source(a))), target)),
            Node::Power(a, n) => self.tape.lane.push((Op::Power(lane_of(self.source(a)), n), target)),
            Node::Binary(op, a, b) => {
                self.tape.lane.push((Op::Binary(op, self.source(a), self.source(b)), target));
            }
            Node::Number(_) | Node::Symbol(_) => {}
        }
        Source::Lane(target)
    }

    /// Give back the registers that nothing after `id` reads. Loaded inputs keep theirs for the next block.
    fn release_after(&mut self, id: Id) {
        let kids = children(self.pool.node(id));
        for (i, child) in kids.iter().enumerate() {
            let Some(child) = child else { continue };
            let repeated = i == 1 && kids[0] == Some(*child);
            let is_input = matches!(self.pool.node(*child), Node::Symbol(_));
            if self.last_use[child.index()] == id.index()
                && !repeated
                && !is_input
                && let Source::Lane(register) = self.source(*child)
            {
                self.free.push(register);
            }
        }
    }
}

fn children(node: Node) -> [Option<Id>; 2] {
    match node {
        Node::Number(_) | Node::Symbol(_) => [None, None],
        Node::Unary(_, a) | Node::Power(a, _) => [Some(a), None],
        Node::Binary(_, a, b) => [Some(a), Some(b)],
    }
}

fn step(op: Op, target: usize, scratch: &mut Scratch) {
    // Registers are copied through the stack: a few cache lines, and no aliasing for the vectoriser to fear.
    let mut out = [0.0; LANES];
    let registers = &scratch.registers;
    match op {
        Op::Unary(op, a) => unary(op, &registers[a as usize], &mut out),
        Op::Power(a, n) => power(&registers[a as usize], n, &mut out),
        Op::Binary(op, a, b) => match (a, b) {
            (Source::Lane(a), Source::Lane(b)) => {
                let (a, b) = (&registers[a as usize], &registers[b as usize]);
                binary(op, |i| (a[i], b[i]), &mut out);
            }
            (Source::Lane(a), Source::Uniform(u)) => {
                let (a, u) = (&registers[a as usize], scratch.uniform[u as usize]);
                binary(op, |i| (a[i], u), &mut out);
            }
            (Source::Uniform(u), Source::Lane(b)) => {
                let (u, b) = (scratch.uniform[u as usize], &registers[b as usize]);
                binary(op, |i| (u, b[i]), &mut out);
            }
            (Source::Uniform(_), Source::Uniform(_)) => {}
        },
    }
    scratch.registers[target] = out;
}

fn unary(op: Unary, a: &[f64; LANES], out: &mut [f64; LANES]) {
    // One loop an operation: the match stands outside, so each loop is straight-line code.
    macro_rules! each {
        ($($op:ident),*) => {
            match op {
                $(Unary::$op => for i in 0..LANES { out[i] = Unary::$op.apply(a[i]); },)*
            }
        };
    }
    each!(Neg, Exp, Log, Sqrt, Sin, Cos, Tanh, Abs, Sign);
}

fn binary(op: Binary, at: impl Fn(usize) -> (f64, f64), out: &mut [f64; LANES]) {
    macro_rules! each {
        ($($op:ident),*) => {
            match op {
                $(Binary::$op => for i in 0..LANES { let (a, b) = at(i); out[i] = Binary::$op.apply(a, b); },)*
            }
        };
    }
    each!(Add, Sub, Mul, Div, Pow, Min, Max, Less);
}

fn power(a: &[f64; LANES], n: i32, out: &mut [f64; LANES]) {
    match n {
        2 => {
            for i in 0..LANES {
                out[i] = a[i] * a[i];
            }
        }
        3 => {
            for i in 0..LANES {
                out[i] = a[i] * a[i] * a[i];
            }
        }
        -1 => {
            for i in 0..LANES {
                out[i] = 1.0 / a[i];
            }
        }
        _ => {
            for i in 0..LANES {
                out[i] = math::powi(a[i], n);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Error;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    /// A random expression in x, k, g as text.
    fn expression() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("x".to_string()),
            Just("k".to_string()),
            Just("g".to_string()),
            (0.1f64..3.0).prop_map(|v| format!("{v:.3}")),
        ];
        leaf.prop_recursive(5, 48, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone(), prop::sample::select(vec!["+", "-", "*", "/"]))
                    .prop_map(|(a, b, op)| format!("({a} {op} {b})")),
                (inner.clone(), prop::sample::select(vec!["sin", "cos", "tanh", "abs"]))
                    .prop_map(|(a, f)| format!("{f}({a})")),
                inner.clone().prop_map(|a| format!("exp(-abs({a}))")),
                inner.clone().prop_map(|a| format!("log(1 + ({a})^2)")),
                inner.clone().prop_map(|a| format!("sqrt(1 + ({a})^2)")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(0.5 + abs({a}))^tanh({b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("min({a}, max({b}, 0.3))")),
            ]
        })
    }

    /// The graph of generated text, which may divide by what simplifies to zero: that alone is refused.
    fn parsed(pool: &mut Pool, text: &str) -> Option<Id> {
        match pool.parse(text, "test") {
            Ok(id) => Some(id),
            Err(Error::Expression { message, .. }) if message == "division by zero" => None,
            Err(other) => panic!("{text}: {other}"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn the_tape_gives_the_bits_of_the_tree(text in expression(), k in 0.2f64..2.0, g in -1.0f64..1.0) {
            let mut pool = Pool::new(["x", "k", "g"]);
            let Some(id) = parsed(&mut pool, &text) else { return Ok(()) };
            let slope = pool.derivative(id, 0);
            let by_k = pool.derivative(slope, 1);
            let tape = Tape::compile(&pool, &[id, slope, by_k], &[0, 2]);
            let xs: Vec<f64> = (0..300).map(|i| -2.0 + 0.013 * f64::from(i)).collect();
            let gs: Vec<f64> = xs.iter().map(|x| g + 0.1 * x).collect();
            let mut out = vec![vec![0.0; xs.len()]; 3];
            {
                let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
                tape.run(&[f64::NAN, k, f64::NAN], &[&xs, &gs], &mut slices, &mut Scratch::default());
            }
            let mut scratch = Scratch::default();
            tape.bind(&[f64::NAN, k, f64::NAN], &mut scratch);
            let mut one = [0.0; 3];
            tape.run_one(&[xs[17], gs[17]], &mut one, &mut scratch);
            for (column, value) in out.iter().zip(one) {
                prop_assert!(column[17].to_bits() == value.to_bits() || (value.is_nan() && column[17].is_nan()));
            }
            for (column, id) in out.iter().zip([id, slope, by_k]) {
                for (value, (x, g)) in column.iter().zip(xs.iter().zip(&gs)) {
                    let oracle = pool.eval(id, &[*x, k, *g]);
                    prop_assert!(value.to_bits() == oracle.to_bits() || (value.is_nan() && oracle.is_nan()));
                }
            }
        }

        #[test]
        fn a_derivative_is_the_limit_of_its_differences(text in expression(), x in 0.3f64..1.7) {
            let mut pool = Pool::new(["x", "k", "g"]);
            let Some(id) = parsed(&mut pool, &text) else { return Ok(()) };
            let slope = pool.derivative(id, 0);
            let f = |x: f64| pool.eval(id, &[x, 0.7, 0.4]);
            let exact = pool.eval(slope, &[x, 0.7, 0.4]);
            // Two step sizes: where they disagree the point is at a kink or a pole, and says nothing.
            let centred = |h: f64| (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h);
            let (coarse, fine) = (centred(2e-3), centred(1e-3));
            prop_assume!(exact.is_finite() && fine.is_finite());
            let scale = 1.0 + fine.abs() + f(x).abs();
            prop_assume!((coarse - fine).abs() < 1e-6 * scale);
            prop_assert!((exact - fine).abs() < 1e-5 * scale, "{text}: {exact} against {fine}");
        }
    }
}
