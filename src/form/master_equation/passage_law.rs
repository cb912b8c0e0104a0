//! The law of the time until a count is first reached.

use super::super::Form;
use super::super::counts;
use super::network::{Projection, project};
use super::space::Reactions;
use crate::base::{Error, Result};
use crate::expr::Binary;
use crate::models::Model;
use crate::process::Process;

/// Survival and density of a first passage.
#[derive(Debug, Clone, PartialEq)]
pub struct PassageLaw {
    /// As they were asked, in the model's unit.
    pub times: Vec<f64>,
    /// `[time]`: probability at least that the count was not yet reached.
    pub survival: Vec<f64>,
    /// `[time]`: probability at least that it was.
    pub reached: Vec<f64>,
    /// `[time]`: probability per time of reaching it now, of the states that are held.
    pub density: Vec<f64>,
    /// `[time]`: what survival and reached may each be short of.
    pub error_bound: Vec<f64>,
}

/// The law of the time at which `species` first has `target` molecules, or has passed them, from the projection's start.
///
/// Nothing happens any more in a state that has reached the target, so what the master equation has there is the distribution function,
/// with the bound of [`project`] (Munsky & Khammash 2006); the density is the flow into those states. Cost: that of [`project`]. Not for
/// passages that are very rare within the times: the mean is [`super::mean_first_passage`].
///
/// # Errors
/// As [`project`]; [`Error::FormUnavailable`] for networks with events, or where the count of `species` at the start is random;
/// [`Error::BadOption`] for a target that is no count, or where the passage begins.
pub fn first_passage_law(model: &Model, projection: &Projection, species: usize, target: f64) -> Result<PassageLaw> {
    let refuse = |why: &str| Form::MasterEquation.unavailable(model, &format!("no first passage: {why}"));
    let Process::Network(network) = &model.process else { return Err(refuse("it is no network")) };
    if !network.events.is_empty() {
        return Err(refuse("it has events"));
    }
    let origins = counts::origins(model, network, projection.theta, projection.start)?;
    let from = match origins.get(species) {
        Some(counts::Origin::At(x)) => *x,
        Some(_) => return Err(refuse("the start of its species is random; give a count")),
        None => f64::NAN,
    };
    if !counts::is_count(target) || from.is_nan() || from == target {
        return Err(Error::BadOption {
            flag: "first passage".to_string(),
            value: format!("species {species} at {target}"),
            expected: "a species of the network and a whole number of molecules that it does not start with"
                .to_string(),
            hint: None,
        });
    }
    let upwards = target > from;
    let mut stopped = network.clone();
    let pool = &mut stopped.frame.pool;
    let (count, goal, zero) = (pool.symbol_at(network.frame.variable(species)), pool.number(target), pool.number(0.0));
    let before = match upwards {
        true => pool.binary(Binary::Less, count, goal),
        false => pool.binary(Binary::Less, goal, count),
    };
    for reaction in &mut stopped.reactions {
        reaction.propensity = stopped.frame.pool.select(before, reaction.propensity, zero);
    }
    let stopped = Model { process: Process::Network(stopped), ..model.clone() };
    let laws = project(&stopped, projection)?;
    let has_passed = |x: f64| if upwards { x >= target } else { x <= target };
    let mut answer = PassageLaw {
        times: projection.times.to_vec(),
        survival: Vec::new(),
        reached: Vec::new(),
        density: Vec::new(),
        error_bound: laws.iter().map(|law| law.error_bound).collect(),
    };
    for law in &laws {
        let (there, on_the_way): (Vec<usize>, Vec<usize>) =
            (0..law.len()).partition(|i| has_passed(law.state(*i)[species]));
        answer.reached.push(there.iter().map(|i| law.p[*i]).sum());
        answer.survival.push(on_the_way.iter().map(|i| law.p[*i]).sum());
        let mut reactions = Reactions::new(model, network, projection.theta, law.state(0));
        let states: Vec<i64> = on_the_way.iter().flat_map(|i| reactions.sorted(law.state(*i))).collect();
        let rates = reactions.rates(&states, law.time)?;
        let mut density = 0.0;
        for (reaction, rates) in network.reactions.iter().zip(&rates) {
            let change = reaction.change().iter().find(|c| c.0 == species).map_or(0, |c| c.1) as f64;
            for (i, rate) in on_the_way.iter().zip(rates) {
                if has_passed(law.state(*i)[species] + change) {
                    density += rate * law.p[*i];
                }
            }
        }
        answer.density.push(density);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::math;
    use crate::form::master_equation::{MOST_STATES, mean_first_passage};
    use crate::models::read;

    fn network(start: u32, reactions: &[(&str, f64)]) -> Model {
        let mut text = format!(
            "schema = 1\nid = \"test\"\ntitle = \"test\"\nsource = \"test\"\nkind = \"network\"\ncounting = \"combinations\"\n\
             [species.X]\ninitial = {start}\n"
        );
        for (equation, rate) in reactions {
            text.push_str(&format!("[[reaction]]\nequation = \"{equation}\"\nrate = {rate}\n"));
        }
        read("test.toml", &text).expect("a model")
    }

    fn ask(times: &[f64]) -> Projection<'_> {
        Projection { theta: &[], start: &[], t0: 0.0, times, tolerance: 1e-10, most_states: MOST_STATES }
    }

    #[test]
    fn the_last_of_many_deaths_is_the_largest_of_exponential_times() -> Result<()> {
        let (n, g, times) = (20, 0.7, [0.5, 2.0, 6.0]);
        let law = first_passage_law(&network(n, &[("X -> 0", g)]), &ask(&times), 0, 0.0)?;
        for (i, t) in times.iter().enumerate() {
            let gone = -math::exp_m1(-g * t);
            let reached = math::pow(gone, f64::from(n));
            let density = f64::from(n) * g * (1.0 - gone) * math::pow(gone, f64::from(n) - 1.0);
            assert!((law.reached[i] - reached).abs() <= law.error_bound[i] + 1e-13, "{t}");
            assert!((law.survival[i] - (1.0 - reached)).abs() <= law.error_bound[i] + 1e-13, "{t}");
            assert!((law.density[i] - density).abs() <= 20.0 * g * law.error_bound[i] + 1e-12, "{t}");
        }
        Ok(())
    }

    #[test]
    fn the_survival_has_the_area_of_the_mean() -> Result<()> {
        let model = network(2, &[("0 -> X", 6.0), ("X -> 0", 0.9)]);
        let h = 0.05;
        let times: Vec<f64> = (1..=1200).map(|i| h * f64::from(i)).collect();
        let law = first_passage_law(&model, &ask(&times), 0, 9.0)?;
        // Simpson's rule, four orders better than the step.
        let all: Vec<f64> = std::iter::once(1.0).chain(law.survival.iter().copied()).collect();
        let area: f64 = all.windows(3).step_by(2).map(|s| h / 3.0 * (s[0] + 4.0 * s[1] + s[2])).sum();
        let mean = mean_first_passage(&model, &[], &[], 0, 9.0)?;
        assert!((area / mean - 1.0).abs() < 1e-5, "{area} {mean}");
        assert!(first_passage_law(&model, &ask(&[1.0]), 0, 2.0).is_err());
        assert!(first_passage_law(&model, &ask(&[1.0]), 1, 5.0).is_err());
        Ok(())
    }
}
