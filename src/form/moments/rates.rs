//! The first two infinitesimal moments of a process as polynomials of its state: `E[dX]/dt` and `E[dX dXᵀ]/dt`, jumps and
//! reactions included (the first two coefficients of Kramers and Moyal).
//!
//! Read either with numbers for the parameters or with their names, for the equations a person reads.

use super::marks;
use crate::expr::{Id, Pool};
use crate::process::polynomial::{Algebra, Polynomial};
use crate::process::rebuild::rebuild;
use crate::process::{Diffusion, Frame, Jump, Law, Network, Process, symbol as at};

/// More variables than this are not asked for their moments: the equations of the covariances are dense.
pub(super) const MOST_VARIABLES: usize = 400;

/// With what the parameters are read.
#[derive(Clone, Copy)]
pub(super) enum Parameters<'a> {
    Numbers(&'a [f64]),
    /// By name; the variables are then called `E[x]`.
    Names,
}

/// What the moments of a process obey.
pub(super) struct Rates {
    /// The pool of all coefficients: the symbols of the process, then `E[…]` of the marks of jumps.
    pub pool: Pool,
    pub names: Vec<String>,
    /// `[variable]`: affine.
    pub first: Vec<Polynomial>,
    /// `[variable][variable]`: at most quadratic; otherwise why not.
    pub second: Result<Vec<Vec<Polynomial>>, String>,
}

/// # Errors
/// Why the means are not closed.
pub(super) fn rates(process: &Process, parameters: Parameters) -> Result<Rates, String> {
    let frame = process.frame();
    if frame.n_variables > MOST_VARIABLES {
        return Err(format!("it has {} variables; moments are made of at most {MOST_VARIABLES}", frame.n_variables));
    }
    let names: Vec<String> = (0..frame.n_variables).map(|i| frame.pool.symbols()[frame.variable(i)].clone()).collect();
    let mut reader = Reader::new(frame, parameters, &names);
    let (first, second) = match process {
        Process::Diffusion(p) => diffusion(p, &mut reader, &names)?,
        Process::Network(p) => network(p, &mut reader)?,
        other => return Err(format!("it is a {}", other.kind())),
    };
    Ok(Rates { pool: reader.pool, names, first, second })
}

/// Brings expressions of a process into the pool of the moments.
struct Reader<'a> {
    frame: &'a Frame,
    parameters: Parameters<'a>,
    pool: Pool,
}

type Both = (Vec<Polynomial>, Result<Vec<Vec<Polynomial>>, String>);

impl<'a> Reader<'a> {
    fn new(frame: &'a Frame, parameters: Parameters<'a>, names: &[String]) -> Reader<'a> {
        let mut symbols = frame.pool.symbols().to_vec();
        if let Parameters::Names = parameters {
            for (i, name) in names.iter().enumerate() {
                symbols[frame.variable(i)] = format!("E[{name}]");
            }
        }
        let mut pool = Pool::new(symbols);
        // Made first, so that it is written first: 2*kappa.
        pool.number(2.0);
        Reader { frame, parameters, pool }
    }

    fn bring(&mut self, id: Id) -> Id {
        let (first, parameters) = (self.frame.param(0), self.parameters);
        rebuild(&self.frame.pool, id, &mut self.pool, &mut |pool, s| match parameters {
            Parameters::Numbers(theta) if s >= first && s - first < theta.len() => pool.number(theta[s - first]),
            _ => pool.symbol_at(s),
        })
    }

    fn algebra(&mut self) -> Algebra<'_> {
        let variables = at::STATE..at::STATE + self.frame.n_variables;
        Algebra::new(&mut self.pool, variables)
    }

    fn polynomial(&mut self, id: Id) -> Option<Polynomial> {
        let id = self.bring(id);
        self.algebra().of(id)
    }

    /// The laws of a jump's marks at these parameters; `None` with names.
    fn laws(&self, jump: &Jump) -> Result<Option<Vec<(usize, Law)>>, String> {
        let Parameters::Numbers(theta) = self.parameters else { return Ok(None) };
        let symbols = self.frame.symbols(theta, 0.0);
        let each = jump.marks.iter().map(|mark| {
            let law = mark.law.at(self.frame, &symbols);
            law.map(|law| (mark.symbol, law))
                .ok_or_else(|| format!("the law of the mark {} is none at these parameters", mark.name))
        });
        each.collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// Every coefficient's expectation over the marks of a jump.
    fn expect(
        &mut self,
        polynomial: &Polynomial,
        jump: &Jump,
        laws: Option<&[(usize, Law)]>,
    ) -> Result<Polynomial, String> {
        let mut out = Polynomial::default();
        for (monomial, coefficient) in &polynomial.terms {
            let drawn = jump.marks.iter().any(|m| self.pool.depends_on(*coefficient, m.symbol));
            let mean = match laws {
                _ if !drawn => *coefficient,
                Some(laws) => {
                    let value = marks::expectation(&self.pool, *coefficient, laws).filter(|v| v.is_finite());
                    let text = || format!("the expectation of {} is not finite", self.pool.print(*coefficient));
                    let value = value.ok_or_else(text)?;
                    self.pool.number(value)
                }
                None => {
                    let name = format!("E[{}]", self.pool.print(*coefficient));
                    match self.pool.symbol(&name) {
                        Some(known) => known,
                        None => {
                            let new = self.pool.add_symbol(&name);
                            self.pool.symbol_at(new)
                        }
                    }
                }
            };
            if self.pool.constant(mean) != Some(0.0) {
                out.terms.insert(monomial.clone(), mean);
            }
        }
        Ok(out)
    }
}

fn diffusion(p: &Diffusion, reader: &mut Reader, names: &[String]) -> Result<Both, String> {
    if p.is_time_dependent() {
        return Err("its coefficients change with time".to_string());
    }
    let n = names.len();
    let not_linear = |i: usize| format!("the drift of {} is not linear in the states", names[i]);
    let mut first = Vec::with_capacity(n);
    for (i, drift) in p.drift.iter().enumerate() {
        first.push(reader.polynomial(*drift).ok_or_else(|| not_linear(i))?);
    }
    let mut second = noise(p, reader, names);
    for (k, jump) in p.jumps.iter().enumerate() {
        let wrong = |why: &str| format!("jump {} {why}", k + 1);
        let arguments = jump.marks.iter().flat_map(|m| &m.law.arguments);
        if arguments.clone().any(|a| reader.frame.varies(*a) || reader.frame.is_timed(*a)) {
            return Err(wrong("draws its marks by the state"));
        }
        let laws = reader.laws(jump)?;
        let rate = reader.polynomial(jump.rate).ok_or_else(|| wrong("has a rate that is no polynomial"))?;
        let mut moves = Vec::with_capacity(n);
        for (i, after) in jump.after.iter().enumerate() {
            let after = reader.polynomial(*after).ok_or_else(|| wrong("moves the state by no polynomial of it"))?;
            let before = reader.pool.symbol_at(at::STATE + i);
            let mut algebra = reader.algebra();
            let (before, minus) = (algebra.of(before).unwrap_or_default(), algebra.pool.number(-1.0));
            let before = algebra.scale(&before, minus);
            moves.push(algebra.add(&after, &before));
        }
        for i in 0..n {
            let mean = reader.expect(&moves[i], jump, laws.as_deref())?;
            let mut algebra = reader.algebra();
            let flow = algebra.mul(&rate, &mean).ok_or_else(|| wrong("makes too long an equation"))?;
            first[i] = algebra.add(&first[i], &flow);
        }
        second = match second {
            Ok(table) => add_squares(reader, table, jump, laws.as_deref(), &rate, &moves),
            Err(why) => Err(why),
        };
    }
    if let Some(i) = first.iter().position(|f| f.degree().is_none_or(|d| d > 1)) {
        return Err(match p.jumps.is_empty() {
            true => not_linear(i),
            false => format!("the drift of {}, jumps included, is not linear in the states", names[i]),
        });
    }
    Ok((first, second.and_then(|table| check_second(table, names))))
}

fn check_second(table: Vec<Vec<Polynomial>>, names: &[String]) -> Result<Vec<Vec<Polynomial>>, String> {
    for (i, row) in table.iter().enumerate() {
        if row.iter().any(|c| c.degree().is_none_or(|d| d > 2)) {
            return Err(format!("the variance of the noise of {} is not a quadratic of the states", names[i]));
        }
    }
    Ok(table)
}

/// `B ρ Bᵀ`.
fn noise(p: &Diffusion, reader: &mut Reader, names: &[String]) -> Result<Vec<Vec<Polynomial>>, String> {
    let n = names.len();
    let wrong = |i: usize| format!("the variance of the noise of {} is not a quadratic of the states", names[i]);
    let mut loads = Vec::with_capacity(n);
    for (i, row) in p.diffusion.iter().enumerate() {
        let row: Option<Vec<Polynomial>> = row.iter().map(|b| reader.polynomial(*b)).collect();
        loads.push(row.ok_or_else(|| wrong(i))?);
    }
    let mut table = vec![vec![Polynomial::default(); n]; n];
    for i in 0..n {
        for j in 0..=i {
            for k in 0..p.noises.len() {
                for l in 0..p.noises.len() {
                    if loads[i][k].is_zero() || loads[j][l].is_zero() {
                        continue;
                    }
                    let rho = reader.bring(p.correlation[k][l]);
                    let mut algebra = reader.algebra();
                    let product = algebra.mul(&loads[i][k], &loads[j][l]).ok_or_else(|| wrong(i))?;
                    let product = algebra.scale(&product, rho);
                    table[i][j] = algebra.add(&table[i][j], &product);
                }
            }
            table[j][i] = table[i][j].clone();
        }
    }
    Ok(table)
}

/// `λ E[Δᵢ Δⱼ]` of one jump, added to what there is.
fn add_squares(
    reader: &mut Reader,
    mut table: Vec<Vec<Polynomial>>,
    jump: &Jump,
    laws: Option<&[(usize, Law)]>,
    rate: &Polynomial,
    moves: &[Polynomial],
) -> Result<Vec<Vec<Polynomial>>, String> {
    let long = || "its jumps make too long an equation".to_string();
    for i in 0..moves.len() {
        for j in 0..=i {
            let product = reader.algebra().mul(&moves[i], &moves[j]).ok_or_else(long)?;
            let mean = reader.expect(&product, jump, laws)?;
            let mut algebra = reader.algebra();
            let flow = algebra.mul(rate, &mean).ok_or_else(long)?;
            table[i][j] = algebra.add(&table[i][j], &flow);
            table[j][i] = table[i][j].clone();
        }
    }
    Ok(table)
}

fn network(p: &Network, reader: &mut Reader) -> Result<Both, String> {
    if let Some(r) = p.reactions.iter().find(|r| reader.frame.is_timed(r.propensity)) {
        return Err(format!("the propensity of '{}' changes with time", r.name));
    }
    if !p.events.is_empty() {
        return Err("its events move the state at once".to_string());
    }
    if let Some(why) = p.beyond_counts() {
        return Err(why);
    }
    let n = p.species.len();
    let mut first = vec![Polynomial::default(); n];
    let mut second = vec![vec![Polynomial::default(); n]; n];
    for reaction in &p.reactions {
        let wrong = || format!("the propensity of '{}' is not linear in the species", reaction.name);
        let propensity = reader.polynomial(reaction.propensity).ok_or_else(wrong)?;
        if propensity.degree().is_none_or(|d| d > 1) {
            return Err(wrong());
        }
        let change = reaction.change();
        for (s, moved) in &change {
            // A law that does not stop where its reactant runs out is stopped there, which no equation of moments sees.
            let stops = propensity.terms.keys().all(|m| m.powers.iter().any(|(v, _)| v == s));
            if *moved < -1 && !propensity.is_zero() || *moved == -1 && !stops {
                return Err(format!("'{}' could take {} below zero", reaction.name, p.species[*s].name));
            }
        }
        let mut algebra = reader.algebra();
        for (i, a) in &change {
            let factor = algebra.pool.number(*a as f64);
            let flow = algebra.scale(&propensity, factor);
            first[*i] = algebra.add(&first[*i], &flow);
            for (j, b) in &change {
                let factor = algebra.pool.number((a * b) as f64);
                let flow = algebra.scale(&propensity, factor);
                second[*i][*j] = algebra.add(&second[*i][*j], &flow);
            }
        }
    }
    Ok((first, Ok(second)))
}
