//! A model in the variable its data measure.

use super::Model;
use crate::expr::{Id, Pool};
use crate::process::rebuild::rebuild;
use crate::process::{ClosedLaw, Diffusion, LawClaim, Process, Scalar, symbol};

impl Model {
    /// The model of what is observed, where that is one invertible function of the one state, without error of measurement: the
    /// same process in the observed variable, observed as it is. Its answers and fits are those of the data. A closed law is kept
    /// where it is one in the new variable too (Brownian motion seen through `exp`).
    ///
    /// `None` where there is nothing to change (no `[observe]`), or no such change: several states or observations, an error of
    /// measurement, no inverse that can be written down.
    pub fn observed(&self) -> Option<Model> {
        let Process::Diffusion(process) = &self.process else { return None };
        let ([state], [seen]) = (process.states.as_slice(), self.observe.as_slice()) else { return None };
        if seen.noise.is_some() || seen.student.is_some() {
            return None;
        }
        let as_it_is = process.frame.pool.node(seen.of) == crate::expr::Node::Symbol(symbol::STATE as u32);
        if as_it_is && seen.name == state.name {
            return Some(Model { observe: Vec::new(), ..self.clone() });
        }
        let changed = process.in_variable(0, (&seen.name, &seen.unit), seen.of, &self.params).ok()?;
        let mut model = Model { observe: Vec::new(), law: None, process: Process::Diffusion(changed), ..self.clone() };
        model.law = self.law.as_ref().and_then(|claim| carried_claim(&mut model, process, claim, as_it_is));
        Some(model)
    }
}

/// A closed law in the new variable, if one follows and proves right.
fn carried_claim(model: &mut Model, before: &Diffusion, claim: &LawClaim, as_it_is: bool) -> Option<LawClaim> {
    let Process::Diffusion(process) = &mut model.process else { return None };
    let pool = &mut process.frame.pool;
    let mut arguments: Vec<Id> =
        claim.arguments.iter().map(|a| rebuild(&before.frame.pool, *a, pool, &mut Pool::symbol_at)).collect();
    // d ln x of dx = mu x dt + sigma x dW has the drift mu - sigma²/2.
    let mut shift = |sign: f64, pool: &mut Pool| {
        if let [mu, sigma] = arguments.as_mut_slice() {
            let variance = pool.power(*sigma, 2);
            let half = pool.scale(0.5, variance);
            *mu = if sign > 0.0 { pool.add(*mu, half) } else { pool.sub(*mu, half) };
        }
    };
    let law = match claim.law {
        law if as_it_is => law,
        ClosedLaw::Brownian => {
            shift(1.0, pool);
            ClosedLaw::GeometricBrownian
        }
        ClosedLaw::GeometricBrownian => {
            shift(-1.0, pool);
            ClosedLaw::Brownian
        }
        ClosedLaw::OrnsteinUhlenbeck => ClosedLaw::ExpOrnsteinUhlenbeck,
        ClosedLaw::ExpOrnsteinUhlenbeck => ClosedLaw::OrnsteinUhlenbeck,
        ClosedLaw::SquareRoot | ClosedLaw::Jacobi => return None,
    };
    let claim = LawClaim { law, arguments };
    let scalar: Scalar = process.scalar()?;
    claim.verify(&model.id, &scalar, &model.params).ok().map(|()| claim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{built_in_text, read};

    fn seen(id: &str, of: &str) -> Model {
        let text = format!("{}\n[observe.s]\nof = \"{of}\"\nunit = \"price\"\n", built_in_text(id).expect(id));
        read("m.toml", &text).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn the_exponential_of_a_brownian_motion_is_fitted_as_a_geometric_one() {
        let model = seen("bm", "exp(x)").observed().expect("changes");
        let (drift, diffusion) = model.scalar().expect("one state").coefficients(&[0.1, 0.3]).at(0.0, 2.0);
        assert!((drift - 2.0 * 0.145).abs() < 1e-15 && (diffusion - 0.6).abs() < 1e-15, "{}", model.equation());
        let law = model.law.as_ref().expect("a closed law");
        assert_eq!(law.law, ClosedLaw::GeometricBrownian);
        let scalar = model.scalar().expect("one state");
        assert_eq!((scalar.state.lower, scalar.state.unit.as_str()), (0.0, "price"));
        let arguments = law.arguments_at(&scalar, &[0.1, 0.3]);
        assert!((arguments[0] - 0.145).abs() < 1e-15 && arguments[1] == 0.3);
        assert!(model.observe.is_empty());
        let ou = seen("ou", "exp(x)").observed().expect("changes");
        assert_eq!(ou.law.expect("a closed law").law, ClosedLaw::ExpOrnsteinUhlenbeck);
        let gbm = seen("gbm", "log(x)").observed().expect("changes");
        assert_eq!(gbm.law.expect("a closed law").law, ClosedLaw::Brownian);
    }

    #[test]
    fn other_functions_change_the_process_and_lose_the_law() {
        let cube = seen("double-well", "2*x^3 - 1").observed().expect("changes");
        assert!(cube.law.is_none() && cube.scalar().is_some());
        assert!(seen("cir", "sqrt(x)").observed().expect("changes").law.is_none());
        assert!(seen("bm", "exp(2*x)").observed().expect("changes").law.is_none());
        let same = seen("cir", "x").observed().expect("renamed");
        assert_eq!(same.law.expect("kept").law, ClosedLaw::SquareRoot);
        assert!(same.process.frame().pool.symbols().contains(&"s".to_string()));
    }

    #[test]
    fn what_is_not_one_function_of_one_state_is_left() {
        assert!(seen("bm", "x^2").observed().is_none());
        assert!(read("m.toml", built_in_text("heston").expect("heston")).expect("reads").observed().is_none());
        assert!(read("m.toml", built_in_text("bm").expect("bm")).expect("reads").observed().is_none());
        let noisy =
            format!("{}\n[observe.s]\nof = \"x\"\nnoise = \"normal(0, 0.1)\"\n", built_in_text("bm").expect("bm"));
        assert!(read("m.toml", &noisy).expect("reads").observed().is_none());
    }
}
