//! Where paths begin: the `initial` of each state or species, a number, a law or the stationary law.

use super::monte_carlo::Start;
use super::stationary::stationary;
use crate::base::rng::{Key, Stream};
use crate::base::{Error, Result};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::{Initial, Law, Process};

/// Starts of many paths.
#[derive(Debug, Clone, PartialEq)]
pub enum Starts {
    /// All at one state, `[component]`.
    At(Vec<f64>),
    /// Each at its own, `[component][path]`.
    Each(Vec<Vec<f64>>),
}

impl Starts {
    /// As a simulation takes them.
    pub fn as_start(&self) -> Start<'_> {
        match self {
            Starts::At(x) => Start::At(x),
            Starts::Each(columns) => Start::Each(columns),
        }
    }
}

/// How one component begins at given parameters.
enum Source {
    Point(f64),
    Law(Law),
    Density(Box<Predictive>),
}

impl Source {
    fn draw(&self, stream: &mut Stream) -> f64 {
        match self {
            Source::Point(x) => *x,
            Source::Law(law) => law.sample(stream),
            Source::Density(law) => law.sample(stream),
        }
    }
}

/// Draws of the start that the model's file gives, components independent of each other; one common point where every `initial` is
/// a number. The random numbers are a family beside those that `key` gives the paths themselves. Cost O(paths × components).
///
/// # Errors
/// [`Error::Numerics`] where a component has no `initial`, its law is none at these parameters, or there is no stationary law;
/// [`Error::OutsideDomain`] where a start lies outside its domain.
pub fn start(model: &Model, theta: &[f64], paths: usize, key: Key) -> Result<Starts> {
    let sources = sources(model, theta)?;
    let points: Option<Vec<f64>> =
        sources.iter().map(|s| if let Source::Point(x) = s { Some(*x) } else { None }).collect();
    if let Some(point) = points {
        point.iter().enumerate().try_for_each(|(i, x)| check(model, i, *x))?;
        return Ok(Starts::At(point));
    }
    // Paths draw from the key itself, their jumps from its twin.
    let key = key.twin().twin();
    let mut columns = vec![Vec::with_capacity(paths); sources.len()];
    for path in 0..paths {
        let mut stream = key.stream(path as u64);
        for (i, (source, column)) in sources.iter().zip(&mut columns).enumerate() {
            let x = source.draw(&mut stream);
            check(model, i, x)?;
            column.push(x);
        }
    }
    Ok(Starts::Each(columns))
}

fn sources(model: &Model, theta: &[f64]) -> Result<Vec<Source>> {
    let given: Vec<(&str, Option<&Initial>)> = match &model.process {
        Process::Diffusion(p) => p.states.iter().map(|s| (s.name.as_str(), s.initial.as_ref())).collect(),
        Process::Network(p) => p.species.iter().map(|s| (s.name.as_str(), Some(&s.initial))).collect(),
        other => return Err(wrong(model, &format!("it is a {}, which has no paths", other.kind()), "x")),
    };
    let frame = model.process.frame();
    let symbols = frame.symbols(theta, 0.0);
    let source = |(i, (name, initial)): (usize, (&str, Option<&Initial>))| match initial {
        None => Err(wrong(model, &format!("its file gives no initial value for {name}"), name)),
        Some(Initial::Value(id)) => Ok(Source::Point(frame.pool.eval(*id, &symbols))),
        Some(Initial::Law(law)) => match law.at(frame, &symbols) {
            Some(law) => Ok(Source::Law(law)),
            None => Err(wrong(model, &format!("the initial law of {name} is none at these parameters"), name)),
        },
        Some(Initial::Stationary) => stationary(model, theta, i).map(|law| Source::Density(Box::new(law))),
    };
    given.into_iter().enumerate().map(source).collect()
}

fn wrong(model: &Model, why: &str, name: &str) -> Error {
    Error::Numerics {
        what: format!("the start of model '{}'", model.id),
        why: why.to_string(),
        hint: format!("give it a value: --from {name}=1"),
    }
}

fn check(model: &Model, component: usize, x: f64) -> Result<()> {
    let (lower, upper) = match &model.process {
        Process::Diffusion(p) => match p.states[component].holds(x) {
            true => return Ok(()),
            false => (p.states[component].lower, p.states[component].upper),
        },
        _ if x >= 0.0 && x.is_finite() => return Ok(()),
        _ => (0.0, f64::INFINITY),
    };
    Err(Error::OutsideDomain {
        model: model.id.clone(),
        series: "start value".to_string(),
        row: 0,
        value: x,
        lower,
        upper,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed, math};
    use crate::form::monte_carlo::{Run, Scheme, simulate};
    use crate::models::built_in;
    use crate::stats;

    fn key() -> Key {
        Seed(4).key(Purpose::Simulation, 0, 0)
    }

    #[test]
    fn heston_begins_with_a_stationary_variance_and_keeps_it() -> Result<()> {
        let model = built_in("heston")?;
        let theta = [2.0, 0.04, 0.3, -0.7, 0.05];
        let paths = 20_000;
        let starts = start(&model, &theta, paths, key())?;
        let Starts::Each(columns) = &starts else { panic!("drawn") };
        assert!(columns[0].iter().all(|y| *y == math::ln(100.0)));
        let (shape, rate) = (2.0 * 2.0 * 0.04 / 0.09, 4.0 / 0.09);
        let uniform = |v: &[f64]| v.iter().map(|v| math::gamma_p(shape, rate * v)).collect::<Vec<_>>();
        assert!(stats::ks_uniform_p(&uniform(&columns[1])) > 6e-5);
        let run = Run {
            theta: &theta,
            start: starts.as_start(),
            t0: 0.0,
            times: &[0.5],
            paths,
            step: 1.0 / 256.0,
            scheme: Scheme::EulerMaruyama,
            key: key(),
        };
        let later = simulate(&model, &run)?;
        let v = &later.states[0][1];
        assert!((stats::mean(v) - 0.04).abs() < 4.0 * 0.03 / (paths as f64).sqrt() + 2e-4);
        // The starts are independent of the paths' noise.
        let y = &later.states[0][0];
        let (my, sy) = (stats::mean(y), stats::sd(y));
        let (mv, sv) = (stats::mean(&columns[1]), stats::sd(&columns[1]));
        let rho: f64 =
            y.iter().zip(&columns[1]).map(|(y, v)| (y - my) * (v - mv)).sum::<f64>() / (paths as f64 * sy * sv);
        // y falls by v/2: Cov(y, v0) = -½ Var v (1 - e^{-κt})/κ, a correlation of -0.04 here.
        let wanted = -0.5 * sv * (1.0 - (-1.0f64).exp()) / 2.0 / sy;
        assert!((rho - wanted).abs() < 4.0 / (paths as f64).sqrt(), "{rho} {wanted}");
        Ok(())
    }

    #[test]
    fn numbers_are_one_point_and_laws_are_drawn() -> Result<()> {
        let sabr = built_in("sabr")?;
        assert_eq!(start(&sabr, &[0.25, 0.5, 0.4, -0.3], 10, key())?, Starts::At(vec![1.0, 0.25]));
        let particle = built_in("underdamped-langevin")?;
        let theta: Vec<f64> = particle.params.iter().map(|p| p.default).collect();
        let Starts::Each(columns) = start(&particle, &theta, 10_000, key())? else { panic!("drawn") };
        assert!(columns[0].iter().all(|x| *x == -1.0));
        assert!((stats::sd(&columns[1]) / 0.4f64.sqrt() - 1.0).abs() < 4.0 / (2.0 * 1e4f64).sqrt());
        let network = built_in("schloegl")?;
        let theta: Vec<f64> = network.params.iter().map(|p| p.default).collect();
        assert_eq!(start(&network, &theta, 3, key())?, Starts::At(vec![250.0]));
        Ok(())
    }

    #[test]
    fn a_missing_start_is_named() -> Result<()> {
        let error = start(&built_in("ou")?, &[1.0, 0.0, 1.0], 3, key()).expect_err("ou gives none");
        assert!(error.to_string().contains("initial value for x"), "{error}");
        assert!(error.hints()[0].contains("--from x=1"));
        Ok(())
    }
}
