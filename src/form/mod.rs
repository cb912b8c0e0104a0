//! How a process is posed and answered: one module a form, all answering through [`Predictive`].
//!
//! [`marginals`] gives the law of the state at later times; [`Transitions`] gives log densities and moments of observed
//! transitions for fitting. Nothing to the right of this room asks which form it was.

pub mod affine;
mod choice;
mod counts;
pub mod counts_likelihood;
pub mod curve;
#[cfg(test)]
mod dsmts_tests;
mod exact;
mod expansion;
pub mod field;
pub mod fokker_planck;
mod jacobi;
pub mod joint;
mod lamperti;
pub mod likelihood;
mod linear_noise;
#[cfg(test)]
mod linear_noise_tests;
pub mod master_equation;
pub mod moments;
pub mod monte_carlo;
pub mod network;
mod observe;
pub mod ode;
pub mod passage;
#[cfg(test)]
mod property_tests;
mod richardson;
pub mod schroedinger;
pub mod start;
pub mod stationary;
mod transitions;
pub mod value;

pub use choice::{Chosen, choose};
pub use linear_noise::{LinearNoise, linear_noise};
pub use observe::observe;
#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod orders_tests;

pub(crate) use lamperti::evenly;
pub use transitions::{Batch, Moments, Pairs, StepDensity, Transitions};

use crate::base::rng::Key;
use crate::base::{Error, Result};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::{Boundary, Diffusion, Process, Scalar, State};

/// The forms built so far, by the names `--form` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The closed transition law, or where the process is affine the inverse of its characteristic function.
    Exact,
    /// One Gaussian step with drift and diffusion frozen.
    Euler,
    /// Gaussian with both moments to dt², variance `M2 - m²` untruncated (Kessler 1997).
    Kessler,
    /// As `Kessler`, the variance truncated at dt².
    KesslerTruncated,
    /// Gaussian, the drift linear over the step, the noise by Ozaki's (1992) constant.
    Ozaki,
    /// Gaussian, the drift linear over the step, the noise frozen (Shoji & Ozaki 1998).
    LocalLinear,
    /// As `LocalLinear` in the coordinate of unit noise, with its Jacobian.
    ShojiOzaki,
    /// The density of Milstein's step (Elerian 1998).
    Milstein,
    /// The log density as a series in the step (Aït-Sahalia 2002).
    Expansion,
    /// The density on grids, one state or two, jumps of one included; of a network its Langevin equation's.
    FokkerPlanck,
    /// The symmetrised generator by its eigenpairs.
    Schroedinger,
    /// Probabilities of the states of a network, with a bound; of one state of a diffusion those of a chain on a lattice (Kushner & Dupuis 2001).
    MasterEquation,
    /// Simulated paths: of diffusions by a [`monte_carlo::Scheme`], of networks reaction by reaction.
    MonteCarlo,
    /// The deterministic limit of a network: no fluctuations.
    RateEquations,
    /// A normal law about the rate equations of a network (van Kampen 2007, chapter X).
    LinearNoise,
    /// Paths of the chemical Langevin equation of a network.
    Langevin,
    /// Paths of a network in leaps over many reactions (Cao, Gillespie & Petzold 2006).
    TauLeaping,
}

impl Form {
    /// Every form, whole laws and densities of one step, the cheapest first.
    pub const ALL: [Form; 17] = [
        Form::Exact,
        Form::Euler,
        Form::Kessler,
        Form::KesslerTruncated,
        Form::Ozaki,
        Form::LocalLinear,
        Form::ShojiOzaki,
        Form::Milstein,
        Form::Expansion,
        Form::FokkerPlanck,
        Form::Schroedinger,
        Form::MasterEquation,
        Form::MonteCarlo,
        Form::RateEquations,
        Form::LinearNoise,
        Form::Langevin,
        Form::TauLeaping,
    ];

    /// Name on the command line and in documents.
    pub fn name(self) -> &'static str {
        match self {
            Form::Exact => "exact",
            Form::Euler => "euler",
            Form::Kessler => "kessler",
            Form::KesslerTruncated => "kessler-truncated",
            Form::Ozaki => "ozaki",
            Form::LocalLinear => "local-linear",
            Form::ShojiOzaki => "shoji-ozaki",
            Form::Milstein => "milstein",
            Form::Expansion => "expansion",
            Form::FokkerPlanck => "fokker-planck",
            Form::Schroedinger => "schroedinger",
            Form::MasterEquation => "master-equation",
            Form::MonteCarlo => "monte-carlo",
            Form::RateEquations => "rate-equations",
            Form::LinearNoise => "linear-noise",
            Form::Langevin => "langevin",
            Form::TauLeaping => "tau-leaping",
        }
    }

    /// The form of this name; `None` where there is none.
    pub fn named(name: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Whether it approximates networks, and is nothing for other kinds of model.
    fn is_of_networks(self) -> bool {
        matches!(self, Form::RateEquations | Form::LinearNoise | Form::Langevin | Form::TauLeaping)
    }

    /// The forms worth asking for a model of this kind: densities of one step are of diffusions, some approximations of networks alone.
    pub fn of_kind(process: &Process) -> impl Iterator<Item = Form> + use<> {
        let is_network = matches!(process, Process::Network(_));
        Form::ALL.into_iter().filter(move |f| if is_network { !f.is_one_step() } else { !f.is_of_networks() })
    }

    /// What is answered in place of the model, where it is not the model itself; however fine its numerics, it stays as far off as
    /// that is.
    pub fn stands_in(self, model: &Model) -> Option<&'static str> {
        match (&model.process, self) {
            (Process::Network(_), Form::FokkerPlanck | Form::Langevin) => {
                Some("of the chemical Langevin equation, another process")
            }
            (_, Form::RateEquations) => Some("the limit of many molecules, without fluctuations"),
            (_, Form::TauLeaping) => Some("in leaps, over each of which propensities stand still"),
            (_, Form::LinearNoise) => Some("a normal law about the limit of many molecules"),
            _ => None,
        }
    }

    /// Whether it is a density in closed form that is right over short steps only.
    pub fn is_one_step(self) -> bool {
        matches!(
            self,
            Form::Euler
                | Form::Kessler
                | Form::KesslerTruncated
                | Form::Ozaki
                | Form::LocalLinear
                | Form::ShojiOzaki
                | Form::Milstein
                | Form::Expansion
        )
    }

    /// The cheapest form that is right at any horizon: the closed law, else Fokker-Planck, else paths.
    pub fn of_choice(model: &Model) -> Form {
        if let Process::Network(process) = &model.process {
            return network::of_choice(process);
        }
        // The grid of two states costs seconds for one answer, and noise that does not reach both may defeat it.
        let is_plane = matches!(&model.process, Process::Diffusion(process) if process.states.len() > 1);
        [Form::Exact, Form::FokkerPlanck, Form::MasterEquation]
            .into_iter()
            .find(|f| f.why_not(model).is_none() && !(is_plane && *f == Form::FokkerPlanck))
            .unwrap_or(Form::MonteCarlo)
    }

    /// The forms that apply to a model, cheapest first.
    pub fn of(model: &Model) -> Vec<Form> {
        Form::ALL.into_iter().filter(|f| f.why_not(model).is_none()).collect()
    }

    /// Why the form does not apply to a model, half a sentence; `None` where it does.
    pub fn why_not(self, model: &Model) -> Option<String> {
        match (&model.process, self) {
            (Process::Network(process), _) => network::why_not(self, process),
            (process, form) if form.is_of_networks() => Some(format!("it is a {}, no network", process.kind())),
            (Process::Diffusion(_), Form::MonteCarlo) => None,
            // Without a claim the law is closed where it is normal, and known by its characteristic function where the process is affine.
            (Process::Diffusion(process), Form::Exact) if model.law.is_none() => {
                let why = moments::why_not_gaussian(model)?;
                affine::why_no_marginals(model)?;
                Some(if process.states.len() == 1 && why != "it jumps" { exact::NO_LAW.to_string() } else { why })
            }
            (Process::Diffusion(process), Form::FokkerPlanck) => fokker_planck::why_not(process),
            (Process::Diffusion(process), Form::Schroedinger) => schroedinger::why_not(process),
            (Process::Diffusion(process), Form::MasterEquation) => master_equation::why_no_lattice(process),
            (Process::Diffusion(process), _) => match (why_not_line(process), process.states[0].boundary) {
                (Some(why), _) => Some(why),
                (None, b @ (Boundary::Absorbing | Boundary::Periodic)) if self != Form::Exact => Some(ends_are(b)),
                (None, _) if self == Form::Expansion && process.line().is_some_and(|line| line.is_time_dependent()) => {
                    Some("its coefficients change with time, and the series is of one clock".to_string())
                }
                (None, _) => None,
            },
            (Process::Field(_), Form::FokkerPlanck) => None,
            (Process::Value(value), _) => value::why_not(model, value, self),
            (process, _) => Some(format!("it is a {}", process.kind())),
        }
    }

    /// Refuse a model that the form does not apply to.
    ///
    /// # Errors
    /// [`Error::FormUnavailable`] with the reason and the forms that do apply.
    pub fn require(self, model: &Model) -> Result<()> {
        match self.why_not(model) {
            None => Ok(()),
            Some(why) => Err(self.unavailable(model, &why)),
        }
    }

    /// The one-dimensional diffusion this form answers, its jumps in `process.jumps`.
    ///
    /// # Errors
    /// [`Error::FormUnavailable`] with the forms that do apply.
    fn line(self, model: &Model) -> Result<Scalar<'_>> {
        let line = if let Process::Diffusion(process) = &model.process { process.line() } else { None };
        match (self.why_not(model), line) {
            (None, Some(line)) => Ok(line),
            (why, _) => Err(self.unavailable(model, &why.unwrap_or_else(|| "it is not one-dimensional".to_string()))),
        }
    }

    fn unavailable(self, model: &Model, why: &str) -> Error {
        Error::FormUnavailable {
            form: self.name().to_string(),
            model: model.id.clone(),
            why: why.to_string(),
            available: Form::of(model).iter().map(|f| f.name().to_string()).collect(),
        }
    }
}

/// Why a form for one state and no jumps does not answer this diffusion; `None` where it does, ends aside.
fn why_not_line(process: &Diffusion) -> Option<String> {
    match process.states.len() {
        1 if process.jumps.is_empty() => None,
        1 => Some("it jumps".to_string()),
        n => Some(format!("it has {n} states; this form answers one")),
    }
}

/// The refusal of ends that a form cannot have.
fn ends_are(boundary: Boundary) -> String {
    format!("its ends are {}", boundary.name())
}

/// A question to a form: the law of the state at `times`, given that it is `start` at time `t0`.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// `[parameter]` in the order of the model, natural units.
    pub theta: &'a [f64],
    /// `[component]`; of a network also empty: as its file says, laws and all.
    pub start: &'a [f64],
    /// Time of the start, in the model's unit.
    pub t0: f64,
    /// Strictly increasing, all after `t0`.
    pub times: &'a [f64],
    /// How finely it is solved; each form reads what concerns it.
    pub accuracy: Accuracy,
    /// Key of the random numbers, for Monte Carlo.
    pub key: Key,
}

/// A question to a one-dimensional form.
struct Asked<'a> {
    model: &'a Model,
    process: Scalar<'a>,
    theta: &'a [f64],
    x0: f64,
    t0: f64,
    times: &'a [f64],
    accuracy: Accuracy,
}

/// What a one-dimensional form gives back.
struct Solved {
    /// One a time asked.
    laws: Vec<Predictive>,
    /// The largest distance of the distribution functions from the truth, as far as the form knows it.
    error: Option<f64>,
}

impl From<Vec<Predictive>> for Solved {
    fn from(laws: Vec<Predictive>) -> Solved {
        Solved { laws, error: None }
    }
}

/// How much work a form may do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// Cells of the Fokker-Planck grid and nodes of the lattice.
    pub cells: usize,
    /// L1 error a time step may make.
    pub tolerance: f64,
    /// Paths of Monte Carlo; see `goal`.
    pub paths: usize,
    /// The error that is good enough, of the distribution function: the form works until its own estimate is below. Without
    /// it, `cells`, `paths` and `step` say how much work is done.
    pub goal: Option<f64>,
    /// How paths of a diffusion are stepped.
    pub scheme: monte_carlo::Scheme,
    /// Longest Monte Carlo step; `None` takes an eighth of the first horizon, at most a two-hundredth of the last.
    pub step: Option<f64>,
}

impl Default for Accuracy {
    fn default() -> Accuracy {
        Accuracy {
            cells: 500,
            tolerance: 1e-7,
            paths: 20_000,
            goal: None,
            scheme: monte_carlo::Scheme::EulerMaruyama,
            step: None,
        }
    }
}

/// The laws of every component of the state at each of the question's times, `[time][component]`: marginal ones, each by itself; what components have
/// to do with each other is told by [`fokker_planck::plane::joints`], [`network::snapshots`] and joint paths.
///
/// States, times and parameters are in the units of the model file, stochastic integrals Itô's. Cost: as of the form's module.
///
/// # Errors
/// [`Error::FormUnavailable`] where the form does not apply (also for the densities of one step asked at several times),
/// [`Error::OutsideDomain`] for a start that is none, [`Error::Numerics`] where the computation breaks down.
pub fn marginals(model: &Model, form: Form, question: &Question) -> Result<Vec<Vec<Predictive>>> {
    answer(model, form, question).map(|answer| answer.laws)
}

/// The laws of every component, and how far a form says they may be from the truth.
#[derive(Debug)]
pub struct Answer {
    /// `[time][component]`
    pub laws: Vec<Vec<Predictive>>,
    /// The largest distance between a distribution function and the true one, estimated; `None` where the form has no estimate.
    pub error: Option<f64>,
}

impl From<Vec<Vec<Predictive>>> for Answer {
    fn from(laws: Vec<Vec<Predictive>>) -> Answer {
        Answer { laws, error: None }
    }
}

/// As [`marginals`], with the form's own estimate of its error.
///
/// # Errors
/// As [`marginals`].
pub fn answer(model: &Model, form: Form, question: &Question) -> Result<Answer> {
    form.require(model)?;
    if matches!(model.process, Process::Field(_) | Process::Value(_)) {
        let why = format!("a {} has no law in time; ask form::field or form::value", model.process.kind());
        return Err(form.unavailable(model, &why));
    }
    check_start(model, question.start)?;
    if question.times.is_empty() {
        return Ok(Vec::new().into());
    }
    if let (Process::Network(process), false) = (&model.process, form == Form::MonteCarlo) {
        return network::marginals(model, process, form, question);
    }
    if form == Form::MonteCarlo {
        return monte_carlo::answer(model, question);
    }
    if form == Form::Exact && model.law.is_none() && !moments::is_gaussian(model) {
        return affine::marginals(model, question);
    }
    if let (Process::Diffusion(process), Form::FokkerPlanck) = (&model.process, form)
        && process.states.len() == 2
    {
        return fokker_planck::plane::answer(model, process, question);
    }
    if form == Form::Exact && model.law.is_none() {
        let laws = moments::marginals(model, question)?;
        return Ok(Answer { laws, error: Some(exact::ROUND_OFF) });
    }
    let asked = Asked {
        model,
        process: form.line(model)?,
        theta: question.theta,
        x0: question.start[0],
        t0: question.t0,
        times: question.times,
        accuracy: question.accuracy,
    };
    let solved = match form {
        Form::Exact => exact::solve(&asked)?,
        Form::MasterEquation => master_equation::solve(&asked)?,
        Form::Schroedinger => schroedinger::solve(&asked)?,
        Form::FokkerPlanck => fokker_planck::solve(&asked)?,
        _ => match question.times {
            [time] => vec![transitions::one_step(form, &asked, *time)?].into(),
            _ => {
                let why = "it is the density of one step, and several horizons were asked";
                return Err(form.unavailable(model, why));
            }
        },
    };
    Ok(Answer { laws: solved.laws.into_iter().map(|law| vec![law]).collect(), error: solved.error })
}

/// As [`marginals`], the first component alone: all there is of a one-dimensional process.
///
/// # Errors
/// As [`marginals`].
pub fn laws(model: &Model, form: Form, question: &Question) -> Result<Vec<Predictive>> {
    Ok(marginals(model, form, question)?.into_iter().filter_map(|row| row.into_iter().next()).collect())
}

/// Every component of a start must lie in its domain.
fn check_start(model: &Model, start: &[f64]) -> Result<()> {
    let outside = |value: f64, lower: f64, upper: f64| Error::OutsideDomain {
        model: model.id.clone(),
        series: "start value".to_string(),
        row: 0,
        value,
        lower,
        upper,
    };
    match &model.process {
        Process::Diffusion(process) => {
            if start.len() != process.states.len() {
                return Err(outside(f64::NAN, f64::NEG_INFINITY, f64::INFINITY));
            }
            // Paths in several states may start on an end (no molecule yet); a grid needs a node inside.
            let on_an_end = |state: &State, x: f64| {
                process.states.len() > 1 && state.boundary == Boundary::Auto && (x == state.lower || x == state.upper)
            };
            let mut each = process.states.iter().zip(start);
            match each.find(|(state, x)| !(state.holds(**x) || x.is_finite() && on_an_end(state, **x))) {
                None => Ok(()),
                Some((state, x)) => Err(outside(*x, state.lower, state.upper)),
            }
        }
        // Counts are looked at where they are used; none at all stands for the file's own start.
        Process::Network(process) if start.is_empty() || start.len() == process.species.len() => Ok(()),
        Process::Network(_) => Err(outside(f64::NAN, 0.0, f64::INFINITY)),
        _ => match start.iter().find(|x| !x.is_finite()) {
            None => Ok(()),
            Some(x) => Err(outside(*x, f64::NEG_INFINITY, f64::INFINITY)),
        },
    }
}
