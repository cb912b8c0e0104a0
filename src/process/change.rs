//! A diffusion in another variable, by Itô's formula: for `y = g(x, t)` of one state,
//! `dy = (g_t + g' a + ½ g'' (B ρ Bᵀ)) dt + g' B dW`, everything written in `y` (Øksendal 2003, theorem 4.1.2).

use super::diffusion::{Diffusion, Initial, State};
use super::distribution::{Distribution, Family};
use super::frame::{Frame, symbol};
use super::inverse::Inverse;
use super::jump::Jump;
use super::rebuild::rebuild;
use super::simplify::simplify;
use crate::base::Param;
use crate::expr::{Id, Node, Pool, Unary};

impl Diffusion {
    /// The same process with `g`, an expression of its pool in the `i`-th state (and parameters, and time), in place of that state.
    ///
    /// The new state is called `name` and measured in `unit`; its domain is the image of the old one, its ends behave as the old
    /// ones did, and jumps go with it. `params` are those of the model, in the order of the frame. Cost: that of the derivatives.
    ///
    /// # Errors
    /// Why `g` is no variable to change to, as a sentence: it hangs on another state, has no inverse that can be written down, or
    /// moves the ends of the domain with the parameters.
    pub fn in_variable(
        &self,
        i: usize,
        (name, unit): (&str, &str),
        g: Id,
        params: &[Param],
    ) -> Result<Diffusion, String> {
        let mut pool = self.frame.pool.clone();
        let place = self.frame.variable(i);
        let Some(state) = self.states.get(i) else { return Err(format!("there is no state {}", i + 1)) };
        if let Some(j) = (0..self.states.len()).find(|j| *j != i && pool.depends_on(g, self.frame.variable(*j))) {
            return Err(format!("it hangs on {} too", self.states[j].name));
        }
        let mut names = pool.symbols().to_vec();
        if names.iter().enumerate().any(|(s, n)| s != place && n == name) {
            return Err(format!("the name '{name}' is that of something else"));
        }
        names[place] = name.to_string();
        let ends = Ends { process: self, state, params, place };
        let (lower, upper) = ends.image(g)?;
        let mut to = Pool::new(names);
        let y = to.symbol_at(place);
        let range = |id| ends.range(id);
        let back = Inverse { from: &self.frame.pool, symbol: place, range: &range }.of(&mut to, g, y)?;
        let positive = self.never_negative(params, i, lower);
        let back = simplify(&mut to, back, &|s| positive.contains(&s));

        let changed = self.by_ito(&mut pool, i, g);
        let mut mover = Mover { from: &pool, first_new: self.frame.pool.len(), to, place, back, positive };
        let mut states: Vec<State> = Vec::with_capacity(self.states.len());
        for (state, initial) in self.states.iter().zip(&changed.initial) {
            states.push(State { initial: initial.as_ref().map(|start| mover.initial(start)), ..state.clone() });
        }
        states[i] = State { name: name.to_string(), unit: unit.to_string(), lower, upper, ..states[i].clone() };
        let mut jumps = Vec::with_capacity(self.jumps.len());
        for (jump, after) in self.jumps.iter().zip(&changed.after) {
            let mut marks = jump.marks.clone();
            for mark in &mut marks {
                mark.law.arguments = mover.list(&mark.law.arguments);
            }
            jumps.push(Jump { rate: mover.bring(jump.rate), marks, after: mover.list(after) });
        }
        Ok(Diffusion {
            drift: mover.list(&changed.drift),
            diffusion: changed.diffusion.iter().map(|row| mover.list(row)).collect(),
            correlation: self.correlation.iter().map(|row| mover.list(row)).collect(),
            breaks: mover.list(&self.breaks),
            frame: Frame { pool: mover.to, n_variables: self.frame.n_variables, n_params: self.frame.n_params },
            noises: self.noises.clone(),
            states,
            jumps,
        })
    }

    /// What changes, still written in the old variable.
    fn by_ito(&self, pool: &mut Pool, i: usize, g: Id) -> Changed {
        let place = self.frame.variable(i);
        let slope = pool.derivative(g, place);
        let bend = pool.derivative(slope, place);
        let variance = self.covariance(pool, i, i);
        let (advected, spread) = (pool.mul(slope, self.drift[i]), pool.mul(bend, variance));
        let (moving, half) = (pool.derivative(g, symbol::TIME), pool.scale(0.5, spread));
        let sum = pool.add(moving, advected);
        let mut drift = self.drift.clone();
        drift[i] = pool.add(sum, half);
        let mut diffusion = self.diffusion.clone();
        for b in &mut diffusion[i] {
            *b = pool.mul(slope, *b);
        }
        let mut after: Vec<Vec<Id>> = self.jumps.iter().map(|j| j.after.clone()).collect();
        for after in &mut after {
            after[i] = pool.substitute(g, &[(place, after[i])]);
        }
        let mut initial: Vec<Option<Initial>> = self.states.iter().map(|s| s.initial.clone()).collect();
        initial[i] = match initial[i].take() {
            Some(Initial::Value(id)) => Some(Initial::Value(pool.substitute(g, &[(place, id)]))),
            Some(Initial::Law(law)) => law_of(pool, &law, g, place).map(Initial::Law),
            other => other,
        };
        Changed { drift, diffusion, after, initial }
    }

    /// The symbols that are never below zero, with the `i`-th state's new lower end.
    fn never_negative(&self, params: &[Param], i: usize, lower: f64) -> Vec<usize> {
        let states = self.states.iter().enumerate().filter(|(j, s)| if *j == i { lower } else { s.lower } >= 0.0);
        let states = states.map(|(j, _)| self.frame.variable(j));
        let params = params.iter().enumerate().filter(|(_, p)| p.lower >= 0.0).map(|(k, _)| self.frame.param(k));
        states.chain(params).collect()
    }
}

/// The law of `g` of a draw, where it has a name.
fn law_of(pool: &Pool, law: &Distribution, g: Id, place: usize) -> Option<Distribution> {
    let Node::Unary(op, inside) = pool.node(g) else { return None };
    if pool.node(inside) != Node::Symbol(place as u32) {
        return None;
    }
    let family = match (law.family, op) {
        (Family::Normal, Unary::Exp) => Family::LogNormal,
        (Family::LogNormal, Unary::Log) => Family::Normal,
        _ => return None,
    };
    Some(Distribution { family, arguments: law.arguments.clone() })
}

struct Changed {
    drift: Vec<Id>,
    diffusion: Vec<Vec<Id>>,
    /// `[jump][state]`
    after: Vec<Vec<Id>>,
    initial: Vec<Option<Initial>>,
}

/// Brings expressions of the old variable into the pool of the new one.
struct Mover<'a> {
    from: &'a Pool,
    /// Nodes from here on are not those of the file.
    first_new: usize,
    to: Pool,
    place: usize,
    /// The old variable in the new one.
    back: Id,
    positive: Vec<usize>,
}

impl Mover<'_> {
    fn bring(&mut self, id: Id) -> Id {
        let (place, back) = (self.place, self.back);
        let moved = rebuild(self.from, id, &mut self.to, &mut |to, s| if s == place { back } else { to.symbol_at(s) });
        let positive = &self.positive;
        // What does not hang on the variable stays as it was written.
        match id.index() >= self.first_new || self.from.depends_on(id, place) {
            true => simplify(&mut self.to, moved, &|s| positive.contains(&s)),
            false => moved,
        }
    }

    fn list(&mut self, ids: &[Id]) -> Vec<Id> {
        ids.iter().map(|id| self.bring(*id)).collect()
    }

    fn initial(&mut self, initial: &Initial) -> Initial {
        match initial {
            Initial::Value(id) => Initial::Value(self.bring(*id)),
            Initial::Law(law) => {
                Initial::Law(Distribution { family: law.family, arguments: self.list(&law.arguments) })
            }
            Initial::Stationary => Initial::Stationary,
        }
    }
}

/// Values at the ends of the old domain.
struct Ends<'a> {
    process: &'a Diffusion,
    state: &'a State,
    params: &'a [Param],
    place: usize,
}

impl Ends<'_> {
    /// At parameters spread about their defaults, and at several times.
    fn at(&self, id: Id, trial: usize) -> (f64, f64) {
        const MOVES: [f64; 7] = [0.0, 0.7, -0.7, 3.0, -3.0, 1.3, -1.9];
        let moved = |(k, p): (usize, &Param)| match trial {
            0 => p.default,
            _ => p.to_natural(p.to_coordinate(p.default) + MOVES[(trial + k * (trial % 3)) % MOVES.len()]),
        };
        let theta: Vec<f64> = self.params.iter().enumerate().map(moved).collect();
        let mut symbols = self.process.frame.symbols(&theta, 0.4 * trial as f64);
        let mut value = |x: f64| {
            symbols[self.place] = x;
            self.process.frame.pool.eval(id, &symbols)
        };
        let (a, b) = (value(self.state.lower), value(self.state.upper));
        if a <= b { (a, b) } else { (b, a) }
    }

    /// Lowest and highest value at the defaults, of what is monotone.
    fn range(&self, id: Id) -> (f64, f64) {
        self.at(id, 0)
    }

    /// The new domain.
    fn image(&self, g: Id) -> Result<(f64, f64), String> {
        let (lower, upper) = self.at(g, 0);
        if !(lower < upper) {
            return Err("it does not tell the ends of the domain apart".to_string());
        }
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * (a.abs() + b.abs());
        let same = |a: f64, b: f64| a == b || a.is_finite() && b.is_finite() && near(a, b);
        let stays = |trial: usize| {
            let (a, b) = self.at(g, trial);
            same(a, lower) && same(b, upper)
        };
        match (1..12).all(stays) {
            true => Ok((lower, upper)),
            false => Err("the ends of its domain would move with the parameters or with time".to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Model, built_in, read};
    use crate::process::Process;

    fn diffusion(model: &Model) -> &Diffusion {
        match &model.process {
            Process::Diffusion(p) => p,
            other => panic!("a {}", other.kind()),
        }
    }

    fn changed(id: &str, i: usize, name: &str, g: &str) -> Result<Diffusion, String> {
        let model = built_in(id).expect(id);
        let mut process = diffusion(&model).clone();
        let g = process.frame.pool.parse(g, "test").expect(g);
        process.in_variable(i, (name, "unit"), g, &model.params)
    }

    fn text(p: &Diffusion) -> (Vec<String>, Vec<String>) {
        let print = |id: &Id| p.frame.pool.print(*id);
        (p.drift.iter().map(print).collect(), p.diffusion.iter().flatten().map(print).collect())
    }

    #[test]
    fn the_logarithm_of_a_geometric_brownian_motion_is_a_brownian_motion() {
        let y = changed("gbm", 0, "y", "log(x)").expect("changes");
        assert_eq!(text(&y), (vec!["mu - 0.5*sigma^2".to_string()], vec!["sigma".to_string()]));
        assert_eq!((y.states[0].lower, y.states[0].upper), (f64::NEG_INFINITY, f64::INFINITY));
        let back = changed("bm", 0, "s", "exp(x)").expect("changes");
        assert_eq!(text(&back).1, ["s*sigma"]);
        assert_eq!((back.states[0].lower, back.states[0].upper), (0.0, f64::INFINITY));
        let y = changed("exp-ou", 0, "y", "log(x)").expect("changes");
        assert_eq!(text(&y), (vec!["kappa*theta - y*kappa".to_string()], vec!["sigma".to_string()]));
    }

    #[test]
    fn there_and_back_is_the_process_it_was() {
        for (id, g, back) in [
            ("cir", "sqrt(x)", "y^2"),
            ("cir", "2*sqrt(x)/sigma", "(y*sigma/2)^2"),
            ("gbm", "1/x", "1/y"),
            ("ckls", "log(x)", "exp(y)"),
            ("double-well", "x^3 + 1", "sign(y - 1)*abs(y - 1)^(1/3)"),
            ("jacobi", "log(x)", "exp(y)"),
            ("pearson-student", "tanh(x)", "log((1 + y)/(1 - y))/2"),
            ("merton-jump", "log(x)", "exp(y)"),
            ("heston", "exp(y)", "log(s)"),
            ("brownian-motor", "-2*x + 1", "(1 - y)/2"),
            ("logistic", "x^2", "sqrt(y)"),
            ("jacobi", "log(x/(1 - x))", "1/(1 + exp(-y))"),
            ("jacobi", "3*x + (1 - x)", "(y - 1)/2"),
        ] {
            let model = built_in(id).expect(id);
            let (old, new) = if id == "heston" { ("y", "s") } else { ("x", "y") };
            let there = changed(id, 0, new, g).unwrap_or_else(|why| panic!("{id} {g}: {why}"));
            let mut with_g = there.clone();
            let g_back = with_g.frame.pool.parse(back, "test").expect(back);
            let again = with_g.in_variable(0, (old, "unit"), g_back, &model.params);
            let again = again.unwrap_or_else(|why| panic!("{id} {back}: {why}"));
            let first = diffusion(&model);
            let theta: Vec<f64> = model.params.iter().map(|p| p.default * 1.1).collect();
            for x in [0.15, 0.5, 0.9] {
                let values = |p: &Diffusion| -> Vec<f64> {
                    let mut symbols = p.frame.symbols(&theta, 0.3);
                    symbols.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = 0.37);
                    symbols[p.frame.variable(0)] = x;
                    let jumps = p.jumps.iter().flat_map(|j| j.after.iter().chain([&j.rate]));
                    let all = p.drift.iter().chain(p.diffusion.iter().flatten()).chain(jumps);
                    all.map(|id| p.frame.pool.eval(*id, &symbols)).collect()
                };
                for (a, b) in values(first).into_iter().zip(values(&again)) {
                    assert!((a - b).abs() < 1e-10 * (1.0 + a.abs()), "{id} {g} at {x}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn it_is_itos_formula_and_not_the_chain_rule() {
        // d(x²) for bm: (2 mu x + sigma²) dt + 2 sigma x dW, on the positive half line.
        let text = crate::models::built_in_text("cir").expect("cir").replace("law ", "#law ");
        let model = read("m.toml", &text).expect("reads");
        let mut process = diffusion(&model).clone();
        let g = process.frame.pool.parse("x^2", "test").expect("text");
        let y = process.in_variable(0, ("y", "1"), g, &model.params).expect("changes");
        let mut symbols = y.frame.symbols(&[1.2, 0.7, 0.4], 0.0);
        symbols[symbol::STATE] = 2.25;
        // x = 1.5: 2 x kappa (theta - x) + sigma² x, and 2 x sigma √x.
        let (a, b) = (y.frame.pool.eval(y.drift[0], &symbols), y.frame.pool.eval(y.diffusion[0][0], &symbols));
        assert!((a - (3.0 * 1.2 * (0.7 - 1.5) + 0.16 * 1.5)).abs() < 1e-13, "{a}");
        assert!((b - 3.0 * 0.4 * 1.5f64.sqrt()).abs() < 1e-13, "{b}");
    }

    #[test]
    fn one_state_of_many_takes_the_others_along() {
        let heston = changed("heston", 0, "s", "exp(y)").expect("changes");
        let (drift, diffusion) = text(&heston);
        assert_eq!(drift, ["s*mu", "kappa*(theta - v)"]);
        assert_eq!(diffusion, ["s*sqrt(v)", "0", "0", "xi*sqrt(v)"]);
        assert_eq!(heston.states[0].name, "s");
        let start = |p: &Diffusion| match &p.states[0].initial {
            Some(Initial::Value(id)) => p.frame.pool.eval(*id, &[]),
            other => panic!("{other:?}"),
        };
        assert!((start(&heston) - 100.0).abs() < 1e-12);
        assert_eq!(heston.states[1].initial, Some(Initial::Stationary));
    }

    #[test]
    fn what_has_no_inverse_is_refused_by_name() {
        let why = |id: &str, g: &str| changed(id, 0, "y", g).expect_err(g);
        assert!(why("bm", "x^2").contains("ends"), "{}", why("bm", "x^2"));
        assert!(why("bm", "x + exp(x)").contains("both sides"));
        assert!(why("tilted-periodic", "sin(x)").contains("ends") || why("tilted-periodic", "sin(x)").contains("many"));
        assert!(why("jacobi", "x*kappa").contains("move with the parameters"));
        assert!(why("gbm", "mu").contains("ends"));
        assert!(changed("heston", 0, "z", "y + v").expect_err("two states").contains("v too"));
        assert!(changed("heston", 0, "v", "exp(y)").expect_err("taken").contains("name 'v'"));
    }
}
