//! Successive halving: the budget of every rung.

use serde::Serialize;

/// Of how many trials one goes on, and how many times as much work it gets (Li et al. 2018, section 3.2).
pub(super) const ETA: usize = 3;
/// Fewest windows that trials are compared on.
const LEAST_WINDOWS: usize = 3;

/// One rung: how many trials are compared, and on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rung {
    /// Most trials on it; fewer where fits fail below.
    pub trials: usize,
    /// Validation windows.
    pub windows: usize,
    /// Iteration limit of a start (an epoch of adam is one).
    pub max_iterations: u64,
    /// Of so many windows of the last rung one is used.
    #[serde(skip)]
    pub stride: usize,
}

/// The rungs for so many trials, whose last has the whole budget: a rung has a third of the trials of the one before and three
/// times its windows and iterations, so that every rung costs about the same (Jamieson & Talwalkar 2016; Li et al. 2018, algorithm 1
/// with `eta = 3`). As many as leave three trials on the last and three windows on the first, at most `asked`; one rung is a
/// plain random search.
pub fn rungs(trials: usize, asked: Option<usize>, windows: usize, max_iterations: u64) -> Vec<Rung> {
    let mut count = 1;
    let mut factor = ETA;
    while trials / factor >= ETA && windows / factor >= LEAST_WINDOWS && asked.is_none_or(|most| count < most) {
        factor *= ETA;
        count += 1;
    }
    (0..count)
        .map(|rung| {
            let (below, above) = (power(rung), power(count - 1 - rung));
            Rung {
                trials: trials / below,
                windows: windows.div_ceil(above),
                max_iterations: (max_iterations / above as u64).max(1),
                stride: above,
            }
        })
        .collect()
}

fn power(exponent: usize) -> usize {
    (0..exponent).fold(1, |product, _| product * ETA)
}
