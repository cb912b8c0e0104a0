//! How a field is stepped through time.

/// A scheme in time. All keep the balance of a conservative field to round-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// Second order, L-stable, with steps chosen by its own error (Bank et al. 1985; Hosea & Shampine 1996).
    #[default]
    TrBdf2,
    /// Second order, steps of one length; the first two are four half-steps of implicit Euler, so that jumps between initial
    /// values and ends do not ring (Crank & Nicolson 1947; Rannacher 1984). Stable, but fast parts die slowly.
    CrankNicolson,
    /// First order, steps of one length; stable only for steps up to `dx²/(2 D)`. For teaching, and to see why not.
    ExplicitEuler,
}

impl Scheme {
    /// Every scheme, the one of choice first.
    pub const ALL: [Scheme; 3] = [Scheme::TrBdf2, Scheme::CrankNicolson, Scheme::ExplicitEuler];

    /// Name on the command line and in documents.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::TrBdf2 => "tr-bdf2",
            Scheme::CrankNicolson => "crank-nicolson",
            Scheme::ExplicitEuler => "explicit-euler",
        }
    }

    /// The scheme of this name; `None` where there is none.
    pub fn named(name: &str) -> Option<Scheme> {
        Scheme::ALL.into_iter().find(|s| s.name() == name)
    }
}
