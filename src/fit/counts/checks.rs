//! Whether one step of a network's counts went as the fitted law says: randomised residuals, and how often each count came.

use crate::fit::diagnostics::ComponentCheck;
use crate::form::Pairs;
use crate::form::counts_likelihood::{CountPairs, CountTransitions, Marginal};
use crate::models::Model;
use crate::process::Process;
use crate::stats::{Bars, Tally};

/// Of every species that the conservation laws leave free: the others repeat what these say. Empty where there is no law at these parameters. Cost: two
/// passes of the likelihood.
pub(super) fn of_states(
    model: &Model,
    transitions: &CountTransitions,
    theta: &[f64],
    pairs: &CountPairs,
) -> Vec<ComponentCheck> {
    let Process::Network(network) = &model.process else { return Vec::new() };
    of_species(model, transitions, theta, pairs, &network.independent_species())
}

/// As [`super::CountsFit::checks`], of a fit to the counts of the one species that is seen.
pub fn seen_checks(model: &Model, theta: &[f64], pairs: &Pairs) -> Vec<ComponentCheck> {
    let Ok(transitions) = CountTransitions::new(model) else { return Vec::new() };
    match transitions.whole(theta, pairs) {
        Some((species, whole)) => of_species(model, &transitions, theta, &whole, &[species]),
        None => Vec::new(),
    }
}

fn of_species(
    model: &Model,
    transitions: &CountTransitions,
    theta: &[f64],
    pairs: &CountPairs,
    species: &[usize],
) -> Vec<ComponentCheck> {
    let values: Vec<Vec<f64>> = species.iter().map(|s| pairs.to.iter().map(|x| x[*s]).collect()).collect();
    let bars: Vec<Bars> = values.iter().map(|v| around(v)).collect();
    let shares = |_: usize, laws: &[Marginal]| -> Vec<Vec<f64>> {
        let one = |(law, bars): (&Marginal, &Bars)| {
            let mass = |bar: usize| {
                let (low, high) = bars.ends(bar);
                law.mass(low, high)
            };
            (0..bars.len).map(mass).collect()
        };
        laws.iter().zip(&bars).map(one).collect()
    };
    let Some(mut shares) = transitions.each_law(theta, pairs, species, &shares) else { return Vec::new() };
    let scores = transitions.normal_scores_of(theta, pairs, species);
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let each = species.iter().zip(scores).zip(values.iter().zip(&bars)).enumerate();
    each.map(|(k, ((s, scores), (values, bars)))| {
        let own: Vec<Vec<f64>> = shares.iter_mut().map(|row| std::mem::take(&mut row[k])).collect();
        ComponentCheck::of(&names[*s], scores, Some(Tally::of_many_laws(*bars, values, &own)))
    })
    .collect()
}

/// Bars over the counts that came and a little beyond.
fn around(values: &[f64]) -> Bars {
    let (low, high) = values.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), x| (l.min(*x), h.max(*x)));
    let low = low.min(high);
    let air = (0.05 * (high - low)).ceil();
    Bars::over((low - air).max(0.0) as i64, (high + air) as i64)
}
