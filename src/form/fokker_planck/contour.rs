//! `exp(tA) m` of a constant tridiagonal `A` at any `t`, by quadrature of its resolvent along a contour.
//!
//! `exp(tA) = 1/(2πi) ∮ e^z (z - tA)⁻¹ dz` by the midpoint rule on the modified cotangent contour of Talbot type
//! (Trefethen, Weideman & Schmelzer 2006, table 4.1; Dingfelder & Weideman 2015), whose error falls as 3.89⁻ᴺ for a
//! spectrum on the negative axis, which the matrix of a one-dimensional diffusion has. Fourteen complex tridiagonal
//! solves, done together, give thirteen digits in time at any horizon; no time step, and nothing to choose, unless the mass
//! starts where the stationary law has next to nothing ([`exponential`]).
//!
//! Round-off leaves errors of either sign of about 1e-14 in every cell: densities below 1e-10 of their peak are not to be
//! believed, and [`crate::predictive::Density`] continues the tails from above that.

use super::operator::Operator;
use super::resolvent;
use crate::base::math;

/// Quadrature points in the upper half plane; their conjugates are the other half.
///
/// The rule's error falls and its round-off grows with their number; they meet at 14, near 1e-14 (measured over 14 decades of
/// rates with the printed four-digit constants).
pub(super) const POLES: usize = 14;
pub(super) type Lane = [f64; POLES];

/// A pole `z` and its weight `e^z z'`, real and imaginary parts apart.
pub(super) struct Rule {
    pub z: [Lane; 2],
    pub weight: [Lane; 2],
}

impl Rule {
    pub fn new() -> Rule {
        let n = 2.0 * POLES as f64;
        let mut rule = Rule { z: [[0.0; POLES]; 2], weight: [[0.0; POLES]; 2] };
        for k in 0..POLES {
            let theta = std::f64::consts::PI * (2.0 * k as f64 + 1.0) / n;
            // z = N (0.5017 θ cot(0.6407 θ) - 0.6122 + 0.2645 i θ)
            let (sine, cosine) = (math::sin(0.6407 * theta), math::cos(0.6407 * theta));
            let re = n * (0.5017 * theta * cosine / sine - 0.6122);
            let im = n * 0.2645 * theta;
            let slope_re = n * 0.5017 * (cosine / sine - 0.6407 * theta / (sine * sine));
            let slope_im = n * 0.2645;
            let (size, cos_im, sin_im) = (math::exp(re), math::cos(im), math::sin(im));
            rule.z[0][k] = re;
            rule.z[1][k] = im;
            rule.weight[0][k] = size * (cos_im * slope_re - sin_im * slope_im);
            rule.weight[1][k] = size * (cos_im * slope_im + sin_im * slope_re);
        }
        rule
    }
}

/// `exp(t A) mass`, `t > 0`, in as many equal parts as keep it accurate, mostly one, and how far it may be off (L1) beyond
/// round-off. Cost: 14 complex tridiagonal solves a part, about 0.1 µs a cell.
///
/// The rule's error is about 1e-16 in the norm in which the matrix is symmetric, weighted by the stationary shape. Where the
/// drift carries the mass from a place that is visited hardly ever to one that is visited often, the error grows with the root
/// of the ratio of their stationary weights ([`climb`]). It grows smoothly and keeps the sum of the masses, so neither negative
/// cells nor lost mass need tell: the time is halved until halving it again changes nothing. A current around a ring moves the
/// spectrum off the axis, within the contour while the mass is carried less than about its own spread.
pub(super) fn exponential(operator: &Operator, mass: &[f64], t: f64) -> (Vec<f64>, f64) {
    const MOST_PARTS: usize = 1 << 12;
    let total: f64 = mass.iter().sum();
    // Jumps converge where fewer than one is due; a current is held within its parabola.
    let jumps = operator.jumps.as_ref().map_or(0.0, |kernel| kernel.fastest());
    let mut parts = ((t * jumps).max(0.5 * t * operator.current).ceil() as usize).clamp(1, MOST_PARTS);
    let rule = Rule::new();
    let mut before: Option<Vec<f64>> = None;
    loop {
        let out = in_parts(operator, &rule, mass, t, parts);
        let last = parts >= MOST_PARTS;
        parts *= 2;
        let Some(mut out) = out.or_else(|| last.then(|| mass.to_vec())) else { continue };
        // A first answer is believed where nothing is magnified; any other when the time's halving confirms it.
        let change = before.as_ref().map(|b| b.iter().zip(&out).map(|(a, b)| (a - b).abs()).sum::<f64>());
        let sound = noise(&out) <= ALLOWED && (total - out.iter().sum::<f64>()).abs() <= LOST;
        let done = match change {
            None => sound && climb(operator, mass, &out) <= MAGNIFIED,
            Some(change) => change <= SETTLED * total,
        };
        if done || last {
            if !operator.ring {
                trim(&mut out);
            }
            return (out, change.unwrap_or(0.0));
        }
        before = Some(out);
    }
}

/// `exp(t A) mass` in so many equal parts; `None` where the jumps do not settle.
fn in_parts(operator: &Operator, rule: &Rule, mass: &[f64], t: f64, parts: usize) -> Option<Vec<f64>> {
    let part = t / parts as f64;
    let mut out = mass.to_vec();
    for _ in 0..parts {
        out = match operator.ring || operator.jumps.is_some() {
            true => resolvent::once(operator, rule, &out, part)?,
            false => once(operator, rule, &out, part),
        };
    }
    Some(out)
}

/// The worst negative cell that is taken for round-off of the rule; the usual one is below a tenth of it.
const ALLOWED: f64 = 1e-12;
/// The mass that may go missing; the rule's own thirteen digits leave a hundredth of it.
const LOST: f64 = 1e-10;
/// How much the rule's error of 1e-16 may be magnified unseen: to a third of what no estimate of a law is below.
const MAGNIFIED: f64 = 1e6;
/// What halving the time may change, against the mass; the answer with the halved time is nearer by some powers of ten.
const SETTLED: f64 = 1e-10;

/// The root of the ratio between the largest stationary weight of a state that the mass comes to and the smallest of one it
/// starts from; not a number where either is beyond all bounds. A state that keeps what arrives weighs as its neighbour.
fn climb(operator: &Operator, from: &[f64], to: &[f64]) -> f64 {
    const HELD: f64 = 1e-12;
    const FAR: f64 = 1e100;
    let total: f64 = from.iter().sum();
    let holds = |i: &usize| from[*i].max(to[*i]) > HELD * total;
    let (Some(first), Some(last)) = ((0..from.len()).find(holds), (0..from.len()).rfind(holds)) else { return 1.0 };
    let (mut weight, mut least, mut most) = (1.0f64, f64::INFINITY, 0.0f64);
    for i in first..=last {
        if from[i] > HELD * total {
            least = weight.min(least);
        }
        if to[i] > HELD * total {
            most = weight.max(most);
        }
        if i < last && operator.up[i] > 0.0 && operator.down[i + 1] > 0.0 {
            weight *= operator.up[i] / operator.down[i + 1];
        }
        if !(1.0 / FAR..FAR).contains(&weight) {
            (least, most, weight) = (least / weight, most / weight, 1.0);
        }
    }
    (most / least).sqrt()
}

fn noise(mass: &[f64]) -> f64 {
    mass.iter().fold(0.0, |worst: f64, m| worst.max(-m))
}

fn once(operator: &Operator, rule: &Rule, mass: &[f64], t: f64) -> Vec<f64> {
    let n = mass.len();
    // Forward sweep of (z/t - A) x = mass for all poles at once: `upper` and `x` hold the reduced rows.
    // The pivot is `up + e` with `e_i = z/t + down_i e_{i-1}/pivot_{i-1}`: no subtraction, so nothing is lost however many
    // relaxation times long `t` is (the idea of Grassmann, Taksar & Heyman 1985).
    let mut upper = vec![[[0.0; POLES]; 2]; n];
    let mut x = vec![[[0.0; POLES]; 2]; n];
    let mut excess = [[0.0; POLES]; 2];
    for i in 0..n {
        let from_below = if i > 0 { operator.up[i - 1] } else { 0.0 };
        let from_above = if i + 1 < n { operator.down[i + 1] } else { 0.0 };
        let before = if i > 0 { x[i - 1] } else { [[0.0; POLES]; 2] };
        let (row_u, row_x) = (&mut upper[i], &mut x[i]);
        for k in 0..POLES {
            let e_re = rule.z[0][k] / t + operator.down[i] * excess[0][k];
            let e_im = rule.z[1][k] / t + operator.down[i] * excess[1][k];
            let (re, im) = (e_re + operator.up[i], e_im);
            let norm = 1.0 / (re * re + im * im);
            let (inv_re, inv_im) = (re * norm, -im * norm);
            excess[0][k] = e_re * inv_re - e_im * inv_im;
            excess[1][k] = e_re * inv_im + e_im * inv_re;
            row_u[0][k] = -from_above * inv_re;
            row_u[1][k] = -from_above * inv_im;
            let rhs_re = mass[i] + from_below * before[0][k];
            let rhs_im = from_below * before[1][k];
            row_x[0][k] = rhs_re * inv_re - rhs_im * inv_im;
            row_x[1][k] = rhs_re * inv_im + rhs_im * inv_re;
        }
    }
    let mut out = vec![0.0; n];
    let scale = 2.0 / (2.0 * POLES as f64 * t);
    let mut above = [[0.0; POLES]; 2];
    for i in (0..n).rev() {
        let (u, row) = (upper[i], x[i]);
        let mut imaginary = [0.0; POLES];
        for k in 0..POLES {
            let re = row[0][k] - (u[0][k] * above[0][k] - u[1][k] * above[1][k]);
            let im = row[1][k] - (u[0][k] * above[1][k] + u[1][k] * above[0][k]);
            above[0][k] = re;
            above[1][k] = im;
            imaginary[k] = rule.weight[0][k] * im + rule.weight[1][k] * re;
        }
        out[i] = scale * imaginary.iter().sum::<f64>();
    }
    out
}

/// Put to zero what is round-off at both ends: the cells before the first that stands clear of the worst negative one.
///
/// Where the stationary shape varies by many powers of ten the matrix is far from normal, and round-off in a tail can be
/// much more than 1e-16 of the peak; the negative cells tell how much.
fn trim(mass: &mut [f64]) {
    /// Round-off of the rule itself; no tail is cut for it.
    const USUAL: f64 = 1e-13;
    let noise = 4.0 * noise(mass);
    if noise < USUAL {
        return;
    }
    let clear = |m: &f64| *m > noise;
    let first = mass.iter().position(clear).unwrap_or(0);
    let last = mass.iter().rposition(clear).unwrap_or(mass.len().saturating_sub(1));
    mass[..first].fill(0.0);
    let after = (last + 1).min(mass.len());
    mass[after..].fill(0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_states_relax_by_their_exponential_at_any_time() {
        // Rates 2 up and 3 down: p = 0.6 + 0.4 e^{-5t} from the lower state.
        let operator = Operator::chain(vec![2.0, 0.0], vec![0.0, 3.0]);
        for t in [1e-6, 1e-3, 0.1, 1.0, 1e3, 1e6] {
            let (p, _) = exponential(&operator, &[1.0, 0.0], t);
            let exact = 0.6 + 0.4 * math::exp(-5.0 * t);
            assert!((p[0] - exact).abs() < 1e-12, "{t}: {} {exact}", p[0]);
            assert!((p[0] + p[1] - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn mass_carried_over_many_standard_deviations_arrives_as_it_should() {
        // Rates 300 up and 10 down for a time of 1: a net walk of 290 cells with variance 310, over which the stationary shape
        // grows by 30^290.
        let n = 500;
        let operator = Operator::chain(
            (0..n).map(|i| if i + 1 < n { 300.0 } else { 0.0 }).collect(),
            (0..n).map(|i| if i > 0 { 10.0 } else { 0.0 }).collect(),
        );
        let mut mass = vec![0.0; n];
        mass[50] = 1.0;
        let (p, _) = exponential(&operator, &mass, 1.0);
        let mean: f64 = p.iter().enumerate().map(|(i, p)| i as f64 * p).sum();
        let variance: f64 = p.iter().enumerate().map(|(i, p)| (i as f64 - mean).powi(2) * p).sum();
        assert!((mean - 340.0).abs() < 1e-7 && (variance - 310.0).abs() < 1e-5, "{mean} {variance}");
    }

    #[test]
    fn a_start_far_out_does_not_magnify_the_error_of_the_rule_unseen() {
        // dX = -X dt + dW from 8 to 7, at t = 1, in cells so narrow that no negative one betrays the error: 2e-8 in one part.
        let (low, h, n) = (-5.0, 1e-3, 15_000);
        let node = |i: usize| low + (i as f64 + 0.5) * h;
        let bernoulli = |w: f64| if w == 0.0 { 1.0 } else { w / math::exp_m1(w) };
        let (mut up, mut down) = (vec![0.0; n], vec![0.0; n]);
        for i in 0..n - 1 {
            let w = node(i) * node(i) - node(i + 1) * node(i + 1);
            (up[i], down[i + 1]) = (0.5 * bernoulli(-w) / (h * h), 0.5 * bernoulli(w) / (h * h));
        }
        let operator = Operator::chain(up, down);
        for start in [13_000, 12_000] {
            let mut mass = vec![0.0; n];
            mass[start] = 1.0;
            let (p, stated) = exponential(&operator, &mass, 1.0);
            let sure = in_parts(&operator, &Rule::new(), &mass, 1.0, 32).expect("no jumps");
            let off: f64 = p.iter().zip(&sure).map(|(a, b)| (a - b).abs()).sum();
            assert!(off < 1e-11 && stated < 1e-10, "{start}: off by {off}, stated {stated}");
        }
    }

    #[test]
    fn agrees_with_stepping_in_time() {
        let n = 60;
        let operator = Operator::chain(
            (0..n).map(|i| if i + 1 < n { 30.0 - 0.3 * i as f64 } else { 0.0 }).collect(),
            (0..n).map(|i| if i > 0 { 5.0 + 0.5 * i as f64 } else { 0.0 }).collect(),
        );
        let mut mass = vec![0.0; n];
        mass[10] = 1.0;
        let (direct, _) = exponential(&operator, &mass, 0.7);
        let mut stepper = super::super::tr_bdf2::Stepper::new(&operator, 1e-10);
        let mut now = 0.0;
        while now < 0.7 {
            now += stepper.step([&operator; 3], &mut mass, stepper.planned(0.7 - now)).unwrap_or(0.0);
        }
        let gap: f64 = direct.iter().zip(&mass).map(|(a, b)| (a - b).abs()).sum();
        assert!(gap < 1e-6, "{gap}");
    }
}
