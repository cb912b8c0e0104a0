//! A model as a person knows it: process, parameters, and the words around them.

use crate::base::{Error, Param, Params, Result, Series};
use crate::expr::Id;
use crate::process::{Distribution, Initial, LawClaim, Process, Rule, Scalar, transplant};

/// What a data column measures of the state: `of` plus an error, where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Name of the data column that holds it.
    pub name: String,
    /// Unit of what is measured, as the file writes it; "1" for a number without unit.
    pub unit: String,
    /// In the states, time and parameters.
    pub of: Id,
    /// Error of measurement, added.
    pub noise: Option<Distribution>,
    /// Degrees of freedom of Student's law, in the parameters, where a row's move has that law given the path of the state that is not seen.
    pub student: Option<Id>,
}

/// A model: a process with its parameters and the words around them, read once from text and then only used.
#[derive(Debug, Clone)]
pub struct Model {
    /// The word that -m takes and documents carry, such as "ou".
    pub id: String,
    /// Name in words, such as "Ornstein-Uhlenbeck process (Vasicek)"; one line.
    pub title: String,
    /// Where the model comes from: author, year, equation. Empty where the file does not say.
    pub source: String,
    /// Words it is found by: fields such as "finance", and the word of those that are tried where no model is named.
    pub tags: Vec<String>,
    /// Its parameters, in the order of the file; `theta` everywhere follows it.
    pub params: Vec<Param>,
    /// What moves, and by which equations.
    pub process: Process,
    /// What is measured; empty where every state is observed as it is.
    pub observe: Vec<Observation>,
    /// A time over which something happens, in the model's unit of time: what is simulated and verified unless another is asked.
    pub horizon: f64,
    /// The verified closed law, if the file claims one.
    pub law: Option<LawClaim>,
    /// The file it was read from.
    pub file: String,
}

impl Model {
    /// The parameters at their defaults.
    pub fn default_params(&self) -> Params {
        Params::new(&self.id, self.params.clone())
    }

    /// The one-dimensional diffusion without jumps, where the model is one; `None` otherwise.
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.process {
            Process::Diffusion(process) => process.scalar(),
            _ => None,
        }
    }

    /// The chemical Langevin equation of a network, as a model of its own with the same parameters.
    ///
    /// Where one species is left (see [`crate::process::Network::langevin`]), what is observed of the others follows from it.
    /// `None` for other kinds and for networks with events.
    pub fn langevin(&self) -> Option<Model> {
        let Process::Network(network) = &self.process else { return None };
        let mut process = network.langevin().ok()?;
        let mut observe = self.observe.clone();
        if process.frame.n_variables != network.frame.n_variables {
            let (from, to) = (&network.frame.pool, &mut process.frame.pool);
            for observation in &mut observe {
                observation.of = transplant(from, observation.of, to).ok()?;
                let arguments = observation.noise.iter_mut().flat_map(|law| &mut law.arguments);
                for argument in arguments.chain(&mut observation.student) {
                    *argument = transplant(from, *argument, to).ok()?;
                }
            }
        }
        Some(Model {
            id: format!("{} (Langevin)", self.id),
            title: format!("{}: chemical Langevin equation", self.title),
            process: Process::Diffusion(process),
            observe,
            law: None,
            ..self.clone()
        })
    }

    /// The expressions that must be finite at any state: drift and diffusion, propensities, a curve's value.
    pub fn coefficients(&self) -> Vec<(String, Id)> {
        let name = |what: &str, of: &str| format!("{what} of {of}");
        match &self.process {
            Process::Diffusion(p) => {
                let mut list: Vec<(String, Id)> =
                    p.states.iter().zip(&p.drift).map(|(s, id)| (name("drift", &s.name), *id)).collect();
                for (state, row) in p.states.iter().zip(&p.diffusion) {
                    list.extend(row.iter().map(|id| (name("diffusion", &state.name), *id)));
                }
                list.extend(p.jumps.iter().map(|j| ("jump rate".to_string(), j.rate)));
                list
            }
            Process::Network(p) => p.reactions.iter().map(|r| (name("propensity", &r.name), r.propensity)).collect(),
            Process::Field(p) => {
                let u = &p.unknown;
                let along = u.diffusion.iter().chain(&u.advection).map(|id| ("coefficient".to_string(), *id));
                along.chain([("source".to_string(), u.source), ("initial".to_string(), u.initial)]).collect()
            }
            Process::Curve(p) => vec![(p.output.name.clone(), p.value)],
            Process::Potential(p) => vec![("potential".to_string(), p.potential)],
            Process::Value(p) => vec![("payoff".to_string(), p.payoff), ("discount".to_string(), p.discount)],
        }
    }

    /// What is read off the state beside it: observations, and a network's rules, which have no error.
    pub fn readings(&self) -> Vec<Observation> {
        let rules = match &self.process {
            Process::Network(p) => p.rules.as_slice(),
            _ => &[],
        };
        let rule = |r: &Rule| Observation {
            name: r.name.clone(),
            unit: "1".to_string(),
            of: r.value,
            noise: None,
            student: None,
        };
        self.observe.iter().cloned().chain(rules.iter().map(rule)).collect()
    }

    /// Names and units of what moves: states, species, the unknown of a field, the input of a curve.
    pub fn variables(&self) -> Vec<(String, String)> {
        let pair = |name: &String, unit: &String| (name.clone(), unit.clone());
        match &self.process {
            Process::Diffusion(p) => p.states.iter().map(|s| pair(&s.name, &s.unit)).collect(),
            Process::Network(p) => p.species.iter().map(|s| pair(&s.name, &s.unit)).collect(),
            Process::Field(p) => vec![pair(&p.unknown.name, &p.unknown.unit)],
            Process::Curve(p) => vec![pair(&p.input.name, &p.input.unit)],
            Process::Potential(p) => vec![pair(&p.state.name, &p.state.unit)],
            Process::Value(p) => p.under.states.iter().map(|s| pair(&s.name, &s.unit)).collect(),
        }
    }

    /// The start the file gives at these parameters, `[variable]`: numbers as they are, laws by their mean; `None` where it gives
    /// none, or only "stationary".
    pub fn initial_values(&self, theta: &[f64]) -> Vec<Option<f64>> {
        let frame = self.process.frame();
        let symbols = frame.symbols(theta, 0.0);
        let value = |initial: &Initial| match initial {
            Initial::Value(id) => Some(frame.pool.eval(*id, &symbols)),
            Initial::Law(law) => law.at(frame, &symbols).map(|law| law.mean()),
            Initial::Stationary => None,
        };
        match &self.process {
            Process::Diffusion(p) => p.states.iter().map(|s| s.initial.as_ref().and_then(value)).collect(),
            Process::Value(p) => p.under.states.iter().map(|s| s.initial.as_ref().and_then(value)).collect(),
            Process::Network(p) => p.species.iter().map(|s| value(&s.initial)).collect(),
            _ => Vec::new(),
        }
    }

    /// The whole start, where [`Model::initial_values`] has one for every variable.
    pub fn default_start(&self, theta: &[f64]) -> Option<Vec<f64>> {
        let values = self.initial_values(theta);
        if values.is_empty() { None } else { values.into_iter().collect() }
    }

    /// Whether all [coefficients](Model::coefficients) are finite at this state, `[variable]`, and these parameters, `[parameter]`, at time 0.
    ///
    /// # Errors
    /// [`Error::NonFiniteCoefficient`] naming the first that is not.
    pub fn check_finite(&self, theta: &[f64], state: &[f64]) -> Result<()> {
        let frame = self.process.frame();
        let mut symbols = frame.symbols(theta, 0.0);
        for (i, x) in state.iter().enumerate().take(frame.n_variables) {
            symbols[frame.variable(i)] = *x;
        }
        let (names, ids): (Vec<String>, Vec<Id>) = self.coefficients().into_iter().unzip();
        for (coefficient, value) in names.into_iter().zip(frame.pool.eval_all(&ids, &symbols)) {
            if !value.is_finite() {
                let named =
                    (0..state.len()).map(|i| format!("{} = {}", frame.pool.symbols()[frame.variable(i)], state[i]));
                let at = named.collect::<Vec<_>>().join(", ");
                return Err(Error::NonFiniteCoefficient { model: self.id.clone(), coefficient, value, at });
            }
        }
        Ok(())
    }

    /// Whether every value lies inside the open domain of a one-dimensional diffusion; models of other kinds have nothing to check here. The series is in the
    /// coordinate of the state, after its transform.
    ///
    /// # Errors
    /// [`Error::OutsideDomain`] naming the first that does not.
    pub fn check_domain(&self, series: &Series) -> Result<()> {
        let Some(Scalar { state, .. }) = self.scalar() else { return Ok(()) };
        match series.value.iter().position(|x| !state.holds(*x)) {
            None => Ok(()),
            Some(row) => Err(Error::OutsideDomain {
                model: self.id.clone(),
                series: series.id.clone(),
                row,
                value: series.value[row],
                lower: state.lower,
                upper: state.upper,
            }),
        }
    }
}
