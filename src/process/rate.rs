//! The deterministic rate equations of a network: `dx/dt = S v(x)`, what remains of the master equation as Ω → ∞ (Kurtz 1972).

use super::frame::{Frame, symbol};
use super::langevin::moved;
use super::network::Network;
use crate::expr::Id;

/// Ordinary differential equations in counts of molecules, with the events whose times are known.
#[derive(Debug, Clone)]
pub struct RateEquations {
    pub frame: Frame,
    /// Names of the variables.
    pub names: Vec<String>,
    /// `[variable]`: in variables, time and parameters.
    pub drift: Vec<Id>,
    /// Times at which the drift jumps, in the parameters.
    pub breaks: Vec<Id>,
    /// Time, in the parameters, and (variable, new value) in the state before.
    pub events: Vec<(Id, Vec<(usize, Id)>)>,
    /// Whether an event watches the state, which these equations cannot.
    pub watches: bool,
}

impl Network {
    /// `dxᵢ/dt = Σᵣ νᵢᵣ vᵣ(x)` with the macroscopic laws: mass action without the `n - 1` of the counts.
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
        let timed = self.events.iter().filter_map(|e| Some((e.at?, e.after.clone())));
        RateEquations {
            names: self.species.iter().map(|s| s.name.clone()).collect(),
            drift,
            breaks: self.breaks.clone(),
            events: timed.collect(),
            watches: self.events.iter().any(|e| e.at.is_none()),
            frame,
        }
    }
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
