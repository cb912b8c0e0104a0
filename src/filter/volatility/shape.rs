//! What an equation must be for the quadrature filter, read off its text: a level that is seen as it is or through its exponential, and
//! one state that is not seen and drives itself.

use crate::base::{Result, math};
use crate::expr::{Id, Node, Pool, Scratch, Tape, Unary};
use crate::form::StepDensity;
use crate::models::Model;
use crate::process::rebuild::rebuild;
use crate::process::{ClosedLaw, Diffusion, Family, Frame, LawClaim, Process, symbol};

/// Rates at one value of the latent state `v`, for `dY = a dt + …`, `dV = c dt + …`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rates {
    /// `a - D`: what the level drifts by beside what the latent's own move tells; `D = c q + ½ S_vv q'`.
    pub drift: f64,
    /// `S_yy - S_yv²/S_vv`: variance left when the latent's path is known.
    pub variance: f64,
    /// `q = S_yv / S_vv`, whose integral over the latent's move is the level's share of it.
    pub share: f64,
    /// `c / S_vv`, half the slope of the log of the scale of the stationary law, and `S_vv`.
    pub pull: f64,
    pub latent_variance: f64,
    /// `S_yy`
    pub total_variance: f64,
    /// Jumps of the level: rate, mean and variance of one.
    pub jump_rate: f64,
    pub jump_mean: f64,
    pub jump_variance: f64,
}

/// The model taken apart.
#[derive(Debug)]
pub(super) struct Shape {
    frame: Frame,
    rates: Tape,
    /// The latent state by itself, with the same parameters.
    pub step: StepDensity,
    /// Position of the latent state.
    pub latent: usize,
    pub level: usize,
    /// Whether the level is seen through its exponential.
    pub is_exp: bool,
    pub jumps: bool,
    /// Degrees of freedom of the level's moves given the latent's path, where they are Student's.
    student: Option<Id>,
}

/// Which state is seen, and which is not.
struct Roles {
    level: usize,
    latent: usize,
    is_exp: bool,
}

fn roles(model: &Model, process: &Diffusion) -> std::result::Result<Roles, String> {
    let [seen] = model.observe.as_slice() else {
        return Err("it is not one state that is seen".to_string());
    };
    if process.states.len() != 2 {
        return Err(format!("it has {} states, not a level and one that is not seen", process.states.len()));
    }
    if seen.noise.is_some() {
        return Err("its reading has an error".to_string());
    }
    if seen.student.is_some() && !process.jumps.is_empty() {
        return Err("its rows' moves are Student's, and it jumps besides".to_string());
    }
    let pool = &process.frame.pool;
    let state_of = |id: Id| match pool.node(id) {
        Node::Symbol(s) => (0..2).find(|i| process.frame.variable(*i) == s as usize),
        _ => None,
    };
    let (level, is_exp) = match pool.node(seen.of) {
        Node::Unary(Unary::Exp, inside) => (state_of(inside), true),
        _ => (state_of(seen.of), false),
    };
    match level {
        Some(level) => Ok(Roles { level, latent: 1 - level, is_exp }),
        None => Err("what is seen is neither a state nor the exponential of one".to_string()),
    }
}

/// Whether the level is seen through its exponential; `None` where it is no level that is seen. A look at `[observe]` alone.
pub(super) fn sees_exponential(model: &Model, process: &Diffusion) -> Option<bool> {
    roles(model, process).ok().map(|roles| roles.is_exp)
}

/// Why the quadrature filter does not answer a model; `None` where it does.
pub(super) fn why_not(model: &Model) -> Option<String> {
    let Process::Diffusion(process) = &model.process else { return Some("it is no diffusion".to_string()) };
    parts(model, process).err()
}

/// The outputs of the tape, in the order of [`Rates`].
struct Parts {
    frame: Frame,
    outputs: Vec<Id>,
    roles: Roles,
}

fn parts(model: &Model, process: &Diffusion) -> std::result::Result<Parts, String> {
    let roles = roles(model, process)?;
    let names = [roles.level, roles.latent].map(|i| process.states[i].name.as_str());
    process.component(roles.latent)?;
    let mut frame = process.frame.clone();
    let (y, v) = (frame.variable(roles.level), frame.variable(roles.latent));
    let pool = &mut frame.pool;
    let total = process.covariance(pool, roles.level, roles.level);
    let latent = process.covariance(pool, roles.latent, roles.latent);
    let cross = process.covariance(pool, roles.level, roles.latent);
    if pool.constant(latent) == Some(0.0) {
        return Err(format!("{} has no noise", names[1]));
    }
    let share = pool.div(cross, latent);
    let slope = pool.derivative(share, v);
    let bent = pool.mul(latent, slope);
    let half = pool.scale(0.5, bent);
    let carried = pool.mul(process.drift[roles.latent], share);
    let told = pool.add(carried, half);
    let drift = pool.sub(process.drift[roles.level], told);
    let explained = pool.mul(cross, share);
    let rest = pool.sub(total, explained);
    let pull = pool.div(process.drift[roles.latent], latent);
    let zero = pool.number(0.0);
    let mut outputs = vec![drift, rest, share, pull, latent, total];
    match process.jumps.as_slice() {
        [] => outputs.extend([zero; 3]),
        [jump] => {
            let [mark] = jump.marks.as_slice() else { return Err("a jump has several marks".to_string()) };
            if mark.law.family != Family::Normal {
                return Err(format!("the sizes of its jumps are {}, not normal", mark.law.family.name()));
            }
            let slope = pool.derivative(jump.after[roles.level], y);
            if pool.constant(slope) != Some(1.0) {
                return Err(format!("its jumps hang on {} itself", names[0]));
            }
            // Where the level was zero, the level after is the size.
            let from = pool.clone();
            let size = rebuild(&from, jump.after[roles.level], pool, &mut |to, s| match s {
                s if s == y => to.number(0.0),
                s => to.symbol_at(s),
            });
            let factor = pool.derivative(size, mark.symbol);
            if pool.depends_on(factor, mark.symbol) {
                return Err(format!("a jump of {} is not linear in {}", names[0], mark.name));
            }
            let drawn = pool.symbol_at(mark.symbol);
            let linear = pool.mul(factor, drawn);
            let offset = pool.sub(size, linear);
            let [mean, sd] = [0, 1].map(|k| mark.law.arguments[k]);
            let shifted = pool.mul(factor, mean);
            let mean = pool.add(offset, shifted);
            let sd = pool.mul(factor, sd);
            let variance = pool.power(sd, 2);
            outputs.extend([jump.rate, mean, variance]);
        }
        _ => return Err("it has several kinds of jumps".to_string()),
    }
    for id in &outputs {
        if pool.depends_on(*id, y) {
            return Err(format!("its moves hang on {} itself", names[0]));
        }
        if pool.depends_on(*id, symbol::TIME) {
            return Err("its coefficients change with time".to_string());
        }
    }
    Ok(Parts { frame, outputs, roles })
}

impl Shape {
    /// # Errors
    /// Why the filter does not answer the model, as a sentence, or what building the density of the latent's steps refuses.
    pub fn new(model: &Model) -> Result<std::result::Result<Shape, String>> {
        let Process::Diffusion(process) = &model.process else { return Ok(Err("it is no diffusion".to_string())) };
        let Parts { frame, outputs, roles } = match parts(model, process) {
            Ok(parts) => parts,
            Err(why) => return Ok(Err(why)),
        };
        let alone = match process.component(roles.latent) {
            Ok(alone) => alone,
            Err(why) => return Ok(Err(why)),
        };
        let step = StepDensity::new(latent_model(model, alone))?;
        let rates = Tape::compile(&frame.pool, &outputs, &[frame.variable(roles.latent)]);
        let Roles { level, latent, is_exp } = roles;
        let student = model.observe.first().and_then(|seen| seen.student);
        Ok(Ok(Shape { frame, rates, step, latent, level, is_exp, jumps: !process.jumps.is_empty(), student }))
    }

    /// Degrees of freedom of the level's moves given the latent's path; `None` where they are normal.
    pub fn degrees(&self, theta: &[f64]) -> Option<f64> {
        self.student.map(|nu| self.frame.at(nu, theta, 0.0))
    }

    /// The level behind a reading.
    pub fn level_of(&self, reading: f64) -> f64 {
        if self.is_exp { math::ln(reading) } else { reading }
    }

    /// Rates at places of the latent state.
    pub fn rates(&self, theta: &[f64], places: &[f64]) -> Vec<Rates> {
        let mut symbols = self.frame.symbols(theta, 0.0);
        // Marks are carried as zero: offsets are what is left without them.
        symbols[self.frame.param(theta.len())..].fill(0.0);
        let mut out = vec![vec![0.0; places.len()]; 9];
        let mut outputs: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        self.rates.run(&symbols, &[places], &mut outputs, &mut Scratch::default());
        (0..places.len())
            .map(|i| Rates {
                drift: out[0][i],
                variance: out[1][i],
                share: out[2][i],
                pull: out[3][i],
                latent_variance: out[4][i],
                total_variance: out[5][i],
                jump_rate: out[6][i],
                jump_mean: out[7][i],
                jump_variance: out[8][i],
            })
            .collect()
    }
}

/// The latent state as a model of its own, by its closed law where it is one of the linear ones.
fn latent_model(model: &Model, mut alone: Diffusion) -> Model {
    let claims = claims(&mut alone);
    let mut found = Model { observe: Vec::new(), law: None, process: Process::Diffusion(alone), ..model.clone() };
    let proven =
        |claim: &LawClaim| found.scalar().is_some_and(|scalar| claim.verify(&model.id, &scalar, &model.params).is_ok());
    found.law = claims.into_iter().find(proven);
    found
}

/// The linear laws it might be, with their arguments read off drift and diffusion.
fn claims(alone: &mut Diffusion) -> Vec<LawClaim> {
    let (drift, diffusion) = (alone.drift[0], alone.diffusion[0][0]);
    let from = alone.frame.pool.clone();
    let pool = &mut alone.frame.pool;
    let at_zero = rebuild(&from, drift, pool, &mut |to, s| match s {
        symbol::STATE => to.number(0.0),
        s => to.symbol_at(s),
    });
    let slope = pool.derivative(drift, symbol::STATE);
    let kappa = pool.scale(-1.0, slope);
    let theta = pool.div(at_zero, kappa);
    let variance = pool.power(diffusion, 2);
    let growth = pool.derivative(variance, symbol::STATE);
    let root = pool.unary(Unary::Sqrt, growth);
    let hangs = |pool: &Pool, id: Id| pool.depends_on(id, symbol::STATE);
    let mut found = Vec::new();
    if pool.constant(slope) == Some(0.0) && !hangs(pool, diffusion) {
        found.push(LawClaim { law: ClosedLaw::Brownian, arguments: vec![at_zero, diffusion] });
    } else if !hangs(pool, kappa) && !hangs(pool, theta) {
        if !hangs(pool, diffusion) {
            found.push(LawClaim { law: ClosedLaw::OrnsteinUhlenbeck, arguments: vec![kappa, theta, diffusion] });
        }
        if !hangs(pool, root) {
            found.push(LawClaim { law: ClosedLaw::SquareRoot, arguments: vec![kappa, theta, root] });
        }
    }
    found
}
