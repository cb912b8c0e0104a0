//! How far an estimate may be off, by ways that assume less and less.
//!
//! | way | assumes | cost in passes over the data |
//! |---|---|---|
//! | [`covariance`], observed information | the model is right, the sample large | `2p` |
//! | [`covariance`], sandwich | the sample large; the form's law may be wrong beyond what the scores need | `2p` |
//! | [`profile`] | the model is right; no symmetry, any coordinate gives the same interval | some 100 a parameter |
//! | [`bootstrap`] | the model is right; no large sample | a fit a replicate |
//!
//! [`normal_draws`] and [`bootstrap_draws`] are draws of the parameters, for what hangs on them.
//!
//! Mean reversion is over-estimated in short samples, whatever the way: [`jackknife`] and [`speed`] correct for that.
//! [`derived`] carries all of them over to functions of the parameters. Nothing here touches the fit.

mod bootstrap;
#[cfg(test)]
mod bootstrap_tests;
mod covariance;
#[cfg(test)]
mod coverage_tests;
mod derived;
mod draws;
mod follow;
mod jackknife;
pub(in crate::fit) mod likelihood;
mod profile;
mod replicate;
mod speed;
#[cfg(test)]
pub(in crate::fit) mod tests;

pub use bootstrap::{Bootstrap, BootstrapEstimate, bootstrap};
pub use covariance::{Covariance, Method, covariance};
pub use derived::{Derived, derived, standard_quantities};
pub(in crate::fit) use draws::draws_of;
pub use draws::{bootstrap_draws, normal_draws};
pub use jackknife::{Jackknife, JackknifeEstimate, jackknife};
pub use profile::{End, Profile, profile};
pub use speed::{Speed, speed};

/// The 97.5 % point of the normal law: every interval here is one of 95 %.
pub(in crate::fit) const POINT: f64 = 1.959_963_984_540_054;
