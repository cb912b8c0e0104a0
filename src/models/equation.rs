//! A model as the lines a person would write.

use super::Model;
use crate::expr::Id;
use crate::process::{Boundary, Diffusion, End, Field, Network, Process};

impl Model {
    /// The equation in one line, e.g. `dx = kappa*(theta - x) dt + sigma dW`.
    pub fn equation(&self) -> String {
        self.equations().join("; ")
    }

    /// One line for each state, reaction or condition.
    pub fn equations(&self) -> Vec<String> {
        let print = |id: Id| self.process.frame().pool.print(id);
        match &self.process {
            Process::Diffusion(p) => diffusion(p),
            Process::Network(p) => network(p),
            Process::Field(p) => field(p),
            Process::Curve(p) => vec![format!("{} = {}", p.output.name, print(p.value))],
            Process::Potential(p) => {
                let x = &p.state.name;
                vec![
                    format!("-(hbar²/2m) ψ'' + V({x}) ψ = E ψ"),
                    format!("V({x}) = {}", print(p.potential)),
                    format!("m = {}, hbar = {}", print(p.mass), print(p.hbar)),
                ]
            }
            Process::Value(p) => {
                let mut lines = diffusion(&p.under);
                lines.push(format!("payoff {} at t = {}", print(p.payoff), print(p.expiry)));
                lines.push(format!("discounted at {}", print(p.discount)));
                if let Some(barrier) = p.barrier {
                    lines.push(format!("{} at {}", barrier.kind.name(), print(barrier.level)));
                }
                lines
            }
        }
    }
}

fn diffusion(p: &Diffusion) -> Vec<String> {
    let pool = &p.frame.pool;
    let zero = |id: Id| pool.constant(id) == Some(0.0);
    let noise = |k: usize| if p.noises.len() == 1 { "dW".to_string() } else { format!("d{}", p.noises[k]) };
    let mut lines = Vec::new();
    for (i, state) in p.states.iter().enumerate() {
        let mut terms = Vec::new();
        if !zero(p.drift[i]) {
            terms.push(format!("{} dt", pool.print_factor(p.drift[i])));
        }
        let row = p.diffusion[i].iter().enumerate().filter(|(_, b)| !zero(**b));
        terms.extend(row.map(|(k, b)| format!("{} {}", pool.print_factor(*b), noise(k))));
        lines.push(format!("d{} = {}", state.name, if terms.is_empty() { "0".to_string() } else { terms.join(" + ") }));
    }
    for (k, row) in p.correlation.iter().enumerate() {
        for (l, rho) in row.iter().enumerate().take(k).filter(|(_, rho)| !zero(**rho)) {
            lines.push(format!("{} {} = {} dt", noise(l), noise(k), pool.print_factor(*rho)));
        }
    }
    for jump in &p.jumps {
        let moves = p.states.iter().zip(&jump.after).enumerate();
        let moves: Vec<String> = moves
            .filter(|(i, (_, after))| pool.print(**after) != p.states[*i].name)
            .map(|(_, (state, after))| format!("{} → {}", state.name, pool.print(*after)))
            .collect();
        let law = |law: &crate::process::Distribution| {
            let arguments: Vec<String> = law.arguments.iter().map(|a| pool.print(*a)).collect();
            format!("{}({})", law.family.name(), arguments.join(", "))
        };
        let marks: Vec<String> = jump.marks.iter().map(|m| format!(", {} ~ {}", m.name, law(&m.law))).collect();
        lines.push(format!("jumps {} at rate {}{}", moves.join(", "), pool.print(jump.rate), marks.concat()));
    }
    lines
}

fn network(p: &Network) -> Vec<String> {
    let pool = &p.frame.pool;
    let mut lines: Vec<String> = p
        .reactions
        .iter()
        .map(|r| match r.rate {
            Some(rate) => format!("{}, k = {}", r.equation, pool.print(rate)),
            None => format!("{}, propensity {}", r.equation, pool.print(r.propensity)),
        })
        .collect();
    for event in &p.events {
        let moves: Vec<String> =
            event.after.iter().map(|(s, id)| format!("{} → {}", p.species[*s].name, pool.print(*id))).collect();
        lines.push(format!("when {}: {}", pool.print(event.when), moves.join(", ")));
    }
    lines.extend(p.rules.iter().map(|r| format!("{} = {}", r.name, pool.print(r.value))));
    lines
}

fn field(p: &Field) -> Vec<String> {
    let pool = &p.frame.pool;
    let zero = |id: Id| pool.constant(id) == Some(0.0);
    let u = &p.unknown.name;
    let mut terms = Vec::new();
    for (axis, (d, v)) in p.axes.iter().zip(p.unknown.diffusion.iter().zip(&p.unknown.advection)) {
        let (x, d_text, v_text) = (&axis.name, pool.print_factor(*d), pool.print_factor(*v));
        if p.conservative {
            terms.push(format!("∂/∂{x}({d_text} ∂{u}/∂{x})"));
            if !zero(*v) {
                terms.push(format!("- ∂/∂{x}({v_text} {u})"));
            }
        } else {
            terms.push(format!("{d_text} ∂²{u}/∂{x}²"));
            if !zero(*v) {
                terms.push(format!("- {v_text} ∂{u}/∂{x}"));
            }
        }
    }
    if !zero(p.unknown.source) {
        terms.push(pool.print(p.unknown.source));
    }
    let mut lines = vec![format!("∂{u}/∂t = {}", terms.join(" + ").replace("+ -", "-"))];
    for axis in &p.axes {
        let end = |end: End, at: Id| match end {
            End::Dirichlet(g) => format!("{u} = {} at {} = {}", pool.print(g), axis.name, pool.print(at)),
            End::Neumann(g) => format!("outward flux {} at {} = {}", pool.print(g), axis.name, pool.print(at)),
            End::Robin(a, b, c) => {
                let [a, b, c] = [a, b, c].map(|id| pool.print(id));
                format!("{a} {u} + {b} ∂{u}/∂n = {c} at {} = {}", axis.name, pool.print(at))
            }
            End::Periodic => {
                format!("{} on [{}, {}]", Boundary::Periodic.name(), pool.print(axis.from), pool.print(axis.to))
            }
        };
        lines.push(end(axis.left, axis.from));
        if axis.right != End::Periodic {
            lines.push(end(axis.right, axis.to));
        }
    }
    lines.push(format!("{u} = {} at t = 0", pool.print(p.unknown.initial)));
    lines
}
