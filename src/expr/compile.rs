//! Graph to tape: which values are uniform, in which order the rest is computed, and in which register each stands.

use super::lower::lowered;
use super::pool::{Id, Node, Pool};
use super::tape::{Op, Source, Tape};

impl Tape {
    /// Compile `outputs` of a pool, which stays as it is. `lanes` are the symbols (positions in [`Pool::symbols`]) that vary along a block, in the order in which
    /// [`Tape::run`] will be given them; all others are uniform, one value a call. Cost: linear in the size of the outputs, so compile once and run often.
    pub fn compile(pool: &Pool, outputs: &[Id], lanes: &[usize]) -> Tape {
        let (pool, outputs) = lowered(pool, outputs);
        Compiler::new(&pool, lanes).compile(&outputs)
    }
}

struct Compiler<'a> {
    pool: &'a Pool,
    lanes: &'a [usize],
    /// Where each node's value is, once computed.
    place: Vec<Option<Source>>,
    /// Last node that reads each node.
    last_use: Vec<usize>,
    free: Vec<u32>,
    tape: Tape,
}

impl<'a> Compiler<'a> {
    fn new(pool: &'a Pool, lanes: &'a [usize]) -> Compiler<'a> {
        let size = pool.len();
        Compiler {
            pool,
            lanes,
            place: vec![None; size],
            last_use: vec![0; size],
            free: Vec::new(),
            tape: Tape::default(),
        }
    }

    fn compile(mut self, outputs: &[Id]) -> Tape {
        let needed = self.pool.needed(outputs);
        let order: Vec<Id> = (0..needed.len()).filter(|i| needed[*i]).map(|i| self.pool.id_at(i)).collect();
        for id in &order {
            for child in self.pool.node(*id).children() {
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
                let register = self.new_register();
                self.tape.loads.push((input, register));
                self.place[id.index()] = Some(Source::Lane(register));
            }
        }
    }

    fn new_register(&mut self) -> u32 {
        self.tape.registers += 1;
        (self.tape.registers - 1) as u32
    }

    fn source(&self, id: Id) -> Source {
        self.place[id.index()].unwrap_or(Source::Uniform(0))
    }

    fn emit(&mut self, id: Id) -> Source {
        let node = self.pool.node(id);
        let mut kids = [Source::Uniform(0); 3];
        for (slot, child) in kids.iter_mut().zip(node.children()) {
            *slot = self.source(child);
        }
        // A symbol that is a lane has its place already.
        let uniform = kids.map(|kid| if let Source::Uniform(u) = kid { Some(u) } else { None });
        if let [Some(a), Some(b), Some(c)] = uniform {
            self.tape.uniform.push((node, [a, b, c]));
            return Source::Uniform((self.tape.uniform.len() - 1) as u32);
        }
        let op = match (node, kids) {
            (Node::Unary(op, _), [Source::Lane(a), ..]) => Op::Unary(op, a),
            (Node::Binary(op, ..), [a, b, _]) => Op::Binary(op, a, b),
            (_, [c, a, b]) => Op::Select(c, a, b),
        };
        // Taken before the operands are released: an operation never writes where it reads.
        let target = self.free.pop().unwrap_or_else(|| self.new_register());
        self.tape.lane.push((op, target));
        Source::Lane(target)
    }

    /// Give back the registers that nothing after `id` reads. Loaded inputs keep theirs for the next block.
    fn release_after(&mut self, id: Id) {
        let kids: Vec<Id> = self.pool.node(id).children().collect();
        for (i, child) in kids.iter().enumerate() {
            let repeated = kids[..i].contains(child);
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
