//! The integrators of paths, by name, and where each does not apply.

use super::super::moments;
use super::square_root::{Heston, SquareRoot};
use super::taylor;
use crate::models::Model;
use crate::process::{ClosedLaw, Diffusion, Process};

/// The integrator of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Strong order ½, weak order 1 (Maruyama 1955). For any diffusion.
    EulerMaruyama,
    /// Strong order 1 (Milstein 1975); for noise that commutes, `Lʲbᵏ = Lᵏbʲ` (Kloeden & Platen 1992, eq. 10.3.16).
    Milstein,
    /// Strong order 1.5, the Itô-Taylor scheme (Kloeden & Platen 1992, eq. 10.4.1, 10.4.15); for noise that commutes twice: scalar,
    /// diagonal or additive noise do.
    Strong15,
    /// Weak order 2, the simplified Itô-Taylor scheme (Talay 1984; Kloeden & Platen 1992, eq. 14.2.7). For any smooth diffusion.
    Weak2,
    /// Backward Euler: the drift at the end of the step, by Newton's method (Kloeden & Platen 1992, eq. 12.2.2). Strong order ½,
    /// for drifts that are stiff or outgrow the state (Higham, Mao & Stuart 2002).
    DriftImplicit,
    /// Drawn from the closed law between outputs, whatever the step.
    Exact,
    /// The square-root process by the second-order scheme of Alfonsi (2010, section 3): weak order 2, never negative.
    Alfonsi,
    /// The square-root process, alone or as the variance of a log price, by matched moments (Andersen 2008, QE and QE-M): never
    /// negative, and where `exp(y)` is a martingale but for its drift it stays one.
    QuadraticExponential,
}

impl Scheme {
    /// Every scheme, the one for any diffusion first.
    pub const ALL: [Scheme; 8] = [
        Scheme::EulerMaruyama,
        Scheme::Milstein,
        Scheme::Strong15,
        Scheme::Weak2,
        Scheme::DriftImplicit,
        Scheme::Exact,
        Scheme::Alfonsi,
        Scheme::QuadraticExponential,
    ];

    /// Name on the command line and in documents.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::EulerMaruyama => "euler-maruyama",
            Scheme::Milstein => "milstein",
            Scheme::Strong15 => "strong-1.5",
            Scheme::Weak2 => "weak-2",
            Scheme::DriftImplicit => "drift-implicit",
            Scheme::Exact => "exact",
            Scheme::Alfonsi => "alfonsi",
            Scheme::QuadraticExponential => "quadratic-exponential",
        }
    }

    /// The scheme of this name; `None` where there is none.
    pub fn named(name: &str) -> Option<Scheme> {
        Scheme::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Strong and weak order for smooth coefficients; `None` where there is none to tell (no step, or no common path).
    pub fn orders(self) -> (Option<f64>, Option<f64>) {
        match self {
            Scheme::EulerMaruyama | Scheme::DriftImplicit => (Some(0.5), Some(1.0)),
            Scheme::Milstein => (Some(1.0), Some(1.0)),
            Scheme::Strong15 => (Some(1.5), Some(2.0)),
            Scheme::Weak2 => (None, Some(2.0)),
            Scheme::Alfonsi => (None, Some(2.0)),
            Scheme::QuadraticExponential => (None, Some(1.0)),
            Scheme::Exact => (None, None),
        }
    }

    /// The schemes that apply to a model at its default parameters.
    pub fn of(model: &Model) -> Vec<Scheme> {
        Scheme::ALL.into_iter().filter(|s| s.why_not(model).is_none()).collect()
    }

    /// Why the scheme does not apply to a model at its default parameters; `None` where it does.
    pub fn why_not(self, model: &Model) -> Option<String> {
        let Process::Diffusion(process) = &model.process else {
            return Some(format!("it is a {}", model.process.kind()));
        };
        let defaults: Vec<f64> = model.params.iter().map(|p| p.default).collect();
        self.why_not_at(model, process, &defaults)
    }

    /// As [`Scheme::why_not`], at these parameters.
    pub(super) fn why_not_at(self, model: &Model, process: &Diffusion, theta: &[f64]) -> Option<String> {
        let cut_at_jumps = matches!(self, Scheme::EulerMaruyama | Scheme::Milstein);
        if !process.jumps.is_empty() && !cut_at_jumps {
            return Some("it jumps, and the scheme's steps cannot be cut at a jump".to_string());
        }
        match self {
            Scheme::EulerMaruyama | Scheme::DriftImplicit => None,
            Scheme::Milstein | Scheme::Strong15 | Scheme::Weak2 => {
                let mut pool = process.frame.pool.clone();
                taylor::increments(self, &mut pool, process, theta).err()
            }
            Scheme::Exact if model.law.as_ref().is_some_and(|claim| claim.law == ClosedLaw::Jacobi) => {
                Some("its closed law is a table for every state, dearer than short steps".to_string())
            }
            Scheme::Exact if model.law.is_some() && process.scalar().is_some() => None,
            Scheme::Exact => {
                moments::why_not_gaussian(model).map(|why| format!("its file claims no closed law, and {why}"))
            }
            Scheme::Alfonsi => match SquareRoot::of(process, theta) {
                Some(_) => None,
                None => Some("it is not one square-root process: its drift is not linear, or its squared noise is not linear and zero at the lower end".to_string()),
            },
            Scheme::QuadraticExponential => match (SquareRoot::of(process, theta), Heston::of(process, theta)) {
                (None, None) => Some("it is no square-root process, alone or as the variance of a second state".to_string()),
                _ => None,
            },
        }
    }
}
