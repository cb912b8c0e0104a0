//! The deterministic rate equations of a network: `dx/dt = S v(x)`, what remains of the master equation as Ω → ∞ (Kurtz 1972).

use super::frame::{Frame, symbol};
use super::langevin::moved;
use super::network::{Event, Network};
use crate::expr::Id;

/// Ordinary differential equations in counts of molecules, with the events whose times are known.
#[derive(Debug, Clone)]
pub struct RateEquations {
    /// The symbols of the network, and the pool of all expressions.
    pub frame: Frame,
    /// Names of the variables, `[variable]`: the members of the network, in its order.
    pub names: Vec<String>,
    /// `[variable]`: in variables, time and parameters.
    pub drift: Vec<Id>,
    /// Times at which the drift jumps, in the parameters.
    pub breaks: Vec<Id>,
    /// Time, in the parameters, and (variable, new value) in the state before.
    pub events: Vec<(Id, Vec<(usize, Id)>)>,
    /// Why these equations cannot follow its events, if so.
    pub refused: Option<String>,
}

impl Network {
    /// The reaction-rate equations `dxᵢ/dt = Σᵣ νᵢᵣ vᵣ(x)` in molecules, with the macroscopic laws: mass action without the `n - 1` of the counts,
    /// so the limit of a large volume. Not the mean of the counts unless every law is linear.
    pub fn rate_equations(&self) -> RateEquations {
        let mut frame = self.frame.clone();
        let pool = &mut frame.pool;
        let zero = pool.number(0.0);
        let mut drift = vec![zero; self.species.len()];
        for reaction in &self.reactions {
            for (s, change) in reaction.change() {
                drift[s] = moved(pool, drift[s], change as f64, reaction.macroscopic);
            }
        }
        // The quantities that move at rates of their own: dx/dt is what the file says.
        for (s, rate) in &self.rates {
            drift[*s] = pool.add(drift[*s], *rate);
        }
        let timed = self.events.iter().filter_map(|e| Some((e.at?, e.after.clone())));
        RateEquations {
            names: self.species.iter().map(|s| s.name.clone()).collect(),
            drift,
            breaks: self.breaks.clone(),
            events: timed.collect(),
            refused: self.events.iter().find_map(unanswered),
            frame,
        }
    }
}

/// What of an event has no place in equations without chance, solved from one known time to the next.
fn unanswered(event: &Event) -> Option<String> {
    let what = match event {
        Event { at: None, .. } => "watches the state",
        Event { delay: Some(_), .. } => "is delayed",
        Event { draws, .. } if !draws.is_empty() => "draws random numbers",
        _ => return None,
    };
    Some(format!("an event of it {what}"))
}

impl RateEquations {
    /// `[variable][variable]`: the slope of each drift in each variable; then the slope of each drift in time. The expressions are
    /// made in the equations' own pool.
    pub fn jacobian(&mut self) -> (Vec<Vec<Id>>, Vec<Id>) {
        let frame = &mut self.frame;
        let n = self.drift.len();
        let slopes =
            self.drift.iter().map(|f| (0..n).map(|j| frame.pool.derivative(*f, symbol::STATE + j)).collect()).collect();
        let in_time = self.drift.iter().map(|f| frame.pool.derivative(*f, symbol::TIME)).collect();
        (slopes, in_time)
    }
}
