//! Linear equations with constant noise over one step, and the slopes of their answer.
//!
//! `dx = (f + J (x - x₀) + h t) dt + noise of covariance C` has `E x = x₀ + Φ₁ f + Φ₂ h` and `Cov x = Q` with
//!
//! ```text
//! E = exp(J τ),   Φ₁ = ∫₀^τ exp(J s) ds,   Φ₂ = ∫₀^τ Φ₁(s) ds,   Q = ∫₀^τ exp(J s) C exp(Jᵀ s) ds
//! ```
//!
//! These integrals: Van Loan (1978), doi:10.1109/TAC.1978.1101743. There they are blocks of one exponential, in which `exp(-J τ)` overflows
//! where the drift is stiff; here they are Taylor sums over a short step, doubled until the step is whole, which adds only
//! positive parts to `Q`. Slopes run the same operations backward.

use super::matrix::Matrix;

/// `‖J‖ τ` of the step the Taylor sums are taken over.
const SHORT: f64 = 0.25;
/// A state that noise reaches only through others has a variance smaller by powers of the step: so many terms more.
const FURTHER: usize = 4;

/// `E`, `Φ₁`, `Φ₂` and `Q` over `tau`.
struct Stage {
    tau: f64,
    e: Matrix,
    one: Matrix,
    two: Matrix,
    q: Matrix,
}

/// One step of a linear equation, with what its slopes need.
pub(super) struct Flow {
    j: Matrix,
    /// Partial sums of `Φ₂`, from the innermost bracket outwards.
    brackets: Vec<Matrix>,
    /// Terms of `Q`.
    terms: Vec<Matrix>,
    /// From the short step to the whole one.
    stages: Vec<Stage>,
    whole: Stage,
}

impl Flow {
    /// `None` where a coefficient is not finite, or the step is beyond any number of doublings.
    pub fn new(j: &Matrix, c: &Matrix, dt: f64) -> Option<Flow> {
        let n = j.size();
        let mut size = j.one_norm() * dt;
        if !(size.is_finite() && c.entries().iter().all(|v| v.is_finite())) {
            return None;
        }
        let (mut tau, mut doublings) = (dt, 0);
        while size > SHORT {
            (size, tau, doublings) = (0.5 * size, 0.5 * tau, doublings + 1);
        }
        if doublings > 60 {
            return None;
        }
        let count = terms_for(size);
        let mut brackets = vec![Matrix::diagonal(n, 1.0)];
        for k in (1..=count).rev() {
            let mut next = Matrix::diagonal(n, 1.0);
            next.add(tau / (k + 2) as f64, &j.times(&brackets[count - k]));
            brackets.push(next);
        }
        let two = brackets[count].clone().scaled(0.5 * tau * tau);
        let mut one = Matrix::diagonal(n, tau);
        one.add(1.0, &j.times(&two));
        let mut e = Matrix::diagonal(n, 1.0);
        e.add(1.0, &j.times(&one));
        let mut terms = vec![c.clone().scaled(tau)];
        let mut q = terms[0].clone();
        for k in 1..count {
            let carried = j.times(&terms[k - 1]);
            let mut term = carried.transposed();
            term.add(1.0, &carried);
            let term = term.scaled(tau / (k + 1) as f64);
            q.add(1.0, &term);
            terms.push(term);
        }
        let mut stages = Vec::with_capacity(doublings);
        let mut whole = Stage { tau, e, one, two, q };
        for _ in 0..doublings {
            let next = whole.doubled();
            stages.push(std::mem::replace(&mut whole, next));
        }
        Some(Flow { j: j.clone(), brackets, terms, stages, whole })
    }

    /// `Φ₁ f + Φ₂ h`
    pub fn moved(&self, f: &[f64], h: &[f64]) -> Vec<f64> {
        let (one, two) = (self.whole.one.times_vector(f), self.whole.two.times_vector(h));
        one.iter().zip(&two).map(|(a, b)| a + b).collect()
    }

    pub fn covariance(&self) -> &Matrix {
        &self.whole.q
    }

    /// Slopes by `f` and `h` of what has slope `u` by the mean.
    pub fn slopes_of_mean(&self, u: &[f64]) -> (Vec<f64>, Vec<f64>) {
        (self.whole.one.transposed().times_vector(u), self.whole.two.transposed().times_vector(u))
    }

    /// Slopes by `J` and `C` of what has the slopes `one`, `two` and (symmetric) `q` by `Φ₁`, `Φ₂` and `Q`.
    pub fn slopes(&self, mut one: Matrix, mut two: Matrix, mut q: Matrix) -> (Matrix, Matrix) {
        let n = self.j.size();
        let mut e = Matrix::zero(n);
        for stage in self.stages.iter().rev() {
            let turned = stage.e.transposed();
            let mut lower = e.times(&turned);
            lower.add(1.0, &turned.times(&e));
            lower.add(1.0, &one.times(&stage.one.transposed()));
            lower.add(1.0, &two.times(&stage.two.transposed()));
            let by_e = q.times(&stage.e);
            lower.add(2.0, &by_e.times(&stage.q));
            q.add(1.0, &turned.times(&by_e));
            let carried = turned.times(&one);
            one.add(1.0, &carried);
            one.add(stage.tau, &two);
            let carried = turned.times(&two);
            two.add(1.0, &carried);
            e = lower;
        }
        let short = self.stages.first().unwrap_or(&self.whole);
        let (tau, turned) = (short.tau, self.j.transposed());
        // E = 1 + J Φ₁ and Φ₁ = τ + J Φ₂.
        let mut slope = e.times(&short.one.transposed());
        one.add(1.0, &turned.times(&e));
        slope.add(1.0, &one.times(&short.two.transposed()));
        two.add(1.0, &turned.times(&one));
        let count = self.brackets.len() - 1;
        let mut bracket = two.scaled(0.5 * tau * tau);
        for k in 1..=count {
            let share = tau / (k + 2) as f64;
            slope.add(share, &bracket.times(&self.brackets[count - k].transposed()));
            bracket = turned.times(&bracket).scaled(share);
        }
        let mut term = q.clone();
        for k in (1..self.terms.len()).rev() {
            let share = tau / (k + 1) as f64;
            slope.add(2.0 * share, &term.times(&self.terms[k - 1]));
            let carried = turned.times(&term);
            let mut next = q.clone();
            next.add(share, &carried);
            next.add(share, &carried.transposed());
            term = next;
        }
        (slope, term.scaled(tau))
    }
}

impl Stage {
    fn doubled(&self) -> Stage {
        let mut one = self.e.times(&self.one);
        one.add(1.0, &self.one);
        let mut two = self.e.times(&self.two);
        two.add(1.0, &self.two);
        two.add(self.tau, &self.one);
        let mut q = self.e.times(&self.q).times(&self.e.transposed());
        q.add(1.0, &self.q);
        Stage { tau: 2.0 * self.tau, e: self.e.times(&self.e), one, two, q }
    }
}

/// Terms of the Taylor sums at `‖J‖ τ = size`: those of `Q` fall like `(2 size)^k / (k+1)!`.
fn terms_for(size: f64) -> usize {
    let (mut k, mut term) = (1, 1.0);
    while term > 1e-17 {
        k += 1;
        term *= 2.0 * size / k as f64;
    }
    k + FURTHER
}
