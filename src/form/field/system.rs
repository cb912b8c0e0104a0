//! What a march steps through time: unknowns in control volumes, their rates, and the matrix of those.

/// What enters and leaves at one instant, in units of the total over time. Only a conservative equation has outflows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Flows {
    /// Outward through the sides: left, right, bottom, top. Where values are given, without the change of what the volumes
    /// there hold.
    pub out: [f64; 4],
    pub source: f64,
}

/// A field discretised in space: `du/dt = f(t, u)` with some values given.
pub(super) trait System {
    type Matrix: Matrix;

    fn matrix(&self) -> Self::Matrix;

    /// Sizes of the control volumes of the unknowns.
    fn volumes(&self) -> &[f64];

    /// Unknowns whose value is given, each with the side that gives it.
    fn held(&self) -> &[(usize, usize)];

    /// Whether rates are linear in `u` and matrices solved to round-off, so that one Newton step solves a stage.
    fn solves_at_once(&self) -> bool;

    fn is_conservative(&self) -> bool;

    /// Put the given values in.
    fn impose(&mut self, t: f64, u: &mut [f64]);

    /// `rate = du/dt` and its derivative in `u`, and what flows. Held unknowns have what would be their rate were they free.
    /// `None` where a coefficient is not finite or the diffusion negative.
    fn rates(&mut self, t: f64, u: &[f64], rate: &mut [f64], jacobian: &mut Self::Matrix) -> Option<Flows>;
}

/// The derivative of the rates.
pub(super) trait Matrix {
    /// Largest entry of the diagonal: the fastest rate of the system.
    fn fastest(&self) -> f64;

    /// A bound on the size of the eigenvalues but for held rows (Gershgorin 1931).
    fn reach(&self, held: &[(usize, usize)]) -> f64;

    /// Put the solution of `(I - c A) x = x` into `x`, rows of held unknowns being those of the identity and `x` zero there.
    /// False where it fails.
    fn solve(&mut self, c: f64, held: &[(usize, usize)], x: &mut [f64]) -> bool;
}
