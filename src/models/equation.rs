//! A model as the lines a person would write: as text, in Unicode, or as MathML.

use super::Model;
use crate::expr::{Id, Pool};
use crate::process::{Diffusion, Distribution, End, Field, Network, Process};

/// A line being written: words, names and expressions, each shown in its notation when the line is finished.
#[derive(Debug, Clone, Default)]
struct Line(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Words(String),
    /// An expression; in parentheses where it is a sum and stands before a factor.
    Expression(Id, bool),
}

impl Line {
    fn new(words: impl Into<String>) -> Line {
        Line(vec![Piece::Words(words.into())])
    }

    fn words(mut self, words: impl Into<String>) -> Line {
        self.0.push(Piece::Words(words.into()));
        self
    }

    fn expression(mut self, id: Id) -> Line {
        self.0.push(Piece::Expression(id, false));
        self
    }

    fn factor(mut self, id: Id) -> Line {
        self.0.push(Piece::Expression(id, true));
        self
    }

    fn then(mut self, other: Line) -> Line {
        self.0.extend(other.0);
        self
    }

    fn show(&self, words: impl Fn(&str) -> String, expression: impl Fn(Id, bool) -> String) -> String {
        let each = |piece: &Piece| match piece {
            Piece::Words(text) => words(text),
            Piece::Expression(id, factor) => expression(*id, *factor),
        };
        self.0.iter().map(each).collect()
    }
}

impl Model {
    /// The equation in one line of text, e.g. `dx = kappa*(theta - x) dt + sigma dW`.
    pub fn equation(&self) -> String {
        self.equations().join("; ")
    }

    /// One line of text for each state, reaction or condition, with expressions as they could be typed.
    pub fn equations(&self) -> Vec<String> {
        let pool = self.pool();
        let expression = |id, factor| if factor { pool.print_factor(id) } else { pool.print(id) };
        self.lines().iter().map(|line| line.show(str::to_string, expression)).collect()
    }

    /// The same lines for a terminal: Greek letters, raised exponents, roots.
    pub fn unicode_equations(&self) -> Vec<String> {
        let pool = self.pool();
        let expression = |id, factor| within(pool, id, factor, pool.unicode(id), "(", ")");
        self.lines().iter().map(|line| line.show(str::to_string, expression)).collect()
    }

    /// The same lines as the content of `<math>` elements.
    pub fn mathml_equations(&self) -> Vec<String> {
        let pool = self.pool();
        let words = |text: &str| {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace(' ', "\u{a0}");
            format!("<mtext>{escaped}</mtext>")
        };
        let expression = |id, factor| within(pool, id, factor, pool.mathml(id), "<mo>(</mo>", "<mo>)</mo>");
        self.lines().iter().map(|line| line.show(words, expression)).collect()
    }

    fn pool(&self) -> &Pool {
        &self.process.frame().pool
    }

    fn lines(&self) -> Vec<Line> {
        match &self.process {
            Process::Diffusion(p) => diffusion(p),
            Process::Network(p) => network(p),
            Process::Field(p) => field(p),
            Process::Curve(p) => vec![Line::new(format!("{} = ", p.output.name)).expression(p.value)],
            Process::Potential(p) => vec![
                Line::new(format!("-(ħ²/2m) ψ'' + V({}) ψ = E ψ", p.state.name)),
                Line::new(format!("V({}) = ", p.state.name)).expression(p.potential),
                Line::new("m = ").expression(p.mass).words(", ħ = ").expression(p.hbar),
            ],
            Process::Value(p) => {
                let mut lines = diffusion(&p.under);
                lines.push(Line::new("pays ").expression(p.payoff).words(" at t = ").expression(p.expiry));
                lines.push(Line::new("discounted at ").expression(p.discount));
                if let Some(barrier) = p.barrier {
                    let line = Line::new(format!("{} at ", barrier.kind.name())).expression(barrier.level);
                    lines.push(match barrier.dates {
                        Some(dates) => line.words(" on dates: ").expression(dates),
                        None => line,
                    });
                }
                if let Some(fixings) = p.average.and_then(|average| average.fixings) {
                    lines.push(Line::new("averaged over fixings: ").expression(fixings));
                }
                lines
            }
        }
    }
}

/// The shown expression, in parentheses where plain text needs them before a factor.
fn within(pool: &Pool, id: Id, factor: bool, shown: String, open: &str, close: &str) -> String {
    let needed = factor && pool.print_factor(id) != pool.print(id);
    if needed { format!("{open}{shown}{close}") } else { shown }
}

fn is_zero(pool: &Pool, id: Id) -> bool {
    pool.constant(id) == Some(0.0)
}

fn joined(parts: Vec<Line>, between: &str) -> Line {
    let mut line = Line::default();
    for (i, part) in parts.into_iter().enumerate() {
        line = if i == 0 { part } else { line.words(between).then(part) };
    }
    line
}

fn diffusion(p: &Diffusion) -> Vec<Line> {
    let pool = &p.frame.pool;
    let noise = |k: usize| if p.noises.len() == 1 { "dW".to_string() } else { format!("d{}", p.noises[k]) };
    let mut lines = Vec::new();
    for (i, state) in p.states.iter().enumerate() {
        let mut terms = Vec::new();
        if !is_zero(pool, p.drift[i]) {
            terms.push(Line::default().factor(p.drift[i]).words(" dt"));
        }
        let row = p.diffusion[i].iter().enumerate().filter(|(_, b)| !is_zero(pool, **b));
        terms.extend(row.map(|(k, b)| Line::default().factor(*b).words(format!(" {}", noise(k)))));
        let right = if terms.is_empty() { Line::new("0") } else { joined(terms, " + ") };
        lines.push(Line::new(format!("d{} = ", state.name)).then(right));
    }
    for (k, row) in p.correlation.iter().enumerate() {
        for (l, rho) in row.iter().enumerate().take(k).filter(|(_, rho)| !is_zero(pool, **rho)) {
            lines.push(Line::new(format!("{} {} = ", noise(l), noise(k))).factor(*rho).words(" dt"));
        }
    }
    for jump in &p.jumps {
        let moves = p.states.iter().zip(&jump.after).filter(|(state, after)| pool.print(**after) != state.name);
        let moves = moves.map(|(state, after)| Line::new(format!("{} → ", state.name)).expression(*after)).collect();
        let mut line = Line::new("jumps ").then(joined(moves, ", ")).words(" at rate ").expression(jump.rate);
        for mark in &jump.marks {
            line = line.words(format!(", {} ~ ", mark.name)).then(law(&mark.law));
        }
        lines.push(line);
    }
    lines
}

fn law(law: &Distribution) -> Line {
    let arguments = law.arguments.iter().map(|a| Line::default().expression(*a)).collect();
    Line::new(format!("{}(", law.family.name())).then(joined(arguments, ", ")).words(")")
}

fn network(p: &Network) -> Vec<Line> {
    let mut lines: Vec<Line> = p
        .reactions
        .iter()
        .map(|r| match r.rate {
            Some(rate) => Line::new(format!("{}   k = ", r.equation)).expression(rate),
            None => Line::new(format!("{}   propensity ", r.equation)).expression(r.propensity),
        })
        .collect();
    for event in &p.events {
        let moves = event.after.iter();
        let moves = moves.map(|(s, id)| Line::new(format!("{} → ", p.species[*s].name)).expression(*id)).collect();
        let mut line = Line::new("when ").expression(event.when);
        if let Some(delay) = event.delay {
            line = line.words(", after a delay of ").expression(delay);
        }
        line = line.words(": ").then(joined(moves, ", "));
        for draw in &event.draws {
            let symbol = &p.frame.pool.symbols()[draw.symbol];
            line = line.words(format!(", {} ~ ", symbol.rsplit('.').next().unwrap_or_default())).then(law(&draw.law));
            if let Some((lower, upper)) = draw.between {
                line = line.words(" between ").expression(lower).words(" and ").expression(upper);
            }
        }
        lines.push(line);
    }
    let rates = p.rates.iter();
    lines.extend(rates.map(|(s, id)| Line::new(format!("d{}/dt = ", p.species[*s].name)).expression(*id)));
    lines.extend(p.rules.iter().map(|r| Line::new(format!("{} = ", r.name)).expression(r.value)));
    lines
}

fn field(p: &Field) -> Vec<Line> {
    let pool = &p.frame.pool;
    let u = &p.unknown.name;
    let mut right = Line::default();
    for (i, (axis, (d, v))) in p.axes.iter().zip(p.unknown.diffusion.iter().zip(&p.unknown.advection)).enumerate() {
        let x = &axis.name;
        let plus = if i > 0 { " + " } else { "" };
        right = if p.conservative {
            right.words(format!("{plus}∂/∂{x}(")).factor(*d).words(format!(" ∂{u}/∂{x})"))
        } else {
            right.words(plus).factor(*d).words(format!(" ∂²{u}/∂{x}²"))
        };
        if !is_zero(pool, *v) {
            right = if p.conservative {
                right.words(format!(" − ∂/∂{x}(")).factor(*v).words(format!(" {u})"))
            } else {
                right.words(" − ").factor(*v).words(format!(" ∂{u}/∂{x}"))
            };
        }
    }
    if !is_zero(pool, p.unknown.source) {
        right = right.words(" + ").expression(p.unknown.source);
    }
    let mut lines = vec![Line::new(format!("∂{u}/∂t = ")).then(right)];
    for axis in &p.axes {
        let at = |at: Id| Line::new(format!(" at {} = ", axis.name)).expression(at);
        let end = |end: End, place: Id| match end {
            End::Dirichlet(g) => Line::new(format!("{u} = ")).expression(g).then(at(place)),
            End::Neumann(g) => Line::new("outward flux ").expression(g).then(at(place)),
            End::Robin(a, b, c) => {
                let left = Line::default().factor(a).words(format!(" {u} + ")).factor(b);
                left.words(format!(" ∂{u}/∂n = ")).expression(c).then(at(place))
            }
            End::Periodic => {
                let from = Line::new("periodic on [").expression(axis.from);
                from.words(", ").expression(axis.to).words("]")
            }
        };
        lines.push(end(axis.left, axis.from));
        if axis.right != End::Periodic {
            lines.push(end(axis.right, axis.to));
        }
    }
    lines.push(Line::new(format!("{u} = ")).expression(p.unknown.initial).words(" at t = 0"));
    lines
}
