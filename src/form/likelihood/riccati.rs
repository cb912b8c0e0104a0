//! The logarithmic slope of the solutions of `½ f'' + μ f' = λ f` that vanish towards one end, along a grid.
//!
//! With the drift taken out, `f'/f = g - μ`, it is Riccati's `g' = 2V + s² - g²`, `s² = 2λ`, `V = ½(μ² + μ')`, which forgets where it
//! began as `e^{-2s y}`. Each cell is a step of Padé's (2,2) form, the trapezoidal rule with its first correction: of fourth order,
//! A-stable, and without error where `V` is constant, however steep `g` would be if it were not settled.

use super::lanes::Lane;
use crate::base::dispatch::{Kernel, Level};

/// What a sweep goes over, in its own direction.
pub(super) struct Path<'a> {
    /// Of every cell.
    pub width: &'a [f64],
    /// At every node, and its slope along the path.
    pub potential: &'a [f64],
    pub slope: &'a [f64],
    /// `[parameter]` of the three.
    pub d_width: &'a [Vec<f64>],
    pub d_potential: &'a [Vec<f64>],
    pub d_slope: &'a [Vec<f64>],
}

/// How a sweep begins.
pub(super) enum Begin<'a> {
    /// Far from anything: settled where it stands.
    Settled,
    /// At an end that is reached: no flux goes through, so `g` is the drift (and its derivatives).
    Closed(f64, &'a [f64]),
}

/// `g` and `∫ g` at every node, with derivatives.
pub(super) struct Sweep {
    pub g: Vec<Lane>,
    pub l: Vec<Lane>,
    /// `[node × parameters + parameter]`
    pub d_g: Vec<Lane>,
    pub d_l: Vec<Lane>,
}

/// Newton's steps in a cell: from a settled start two are enough, beside an end more.
const NEWTON: usize = 25;
/// The relative step after which the next is round-off.
const SETTLED: f64 = 3e-8;

struct Node {
    g: Lane,
    /// `g'` and `g''`.
    f: Lane,
    ff: Lane,
}

#[inline(always)]
fn node(g: Lane, s2: &Lane, v: f64, slope: f64) -> Node {
    let f = s2.plus(2.0 * v) - g * g;
    let ff = (g * f).scale(-2.0).plus(2.0 * slope);
    Node { g, f, ff }
}

/// Both from one end of a grid to the other.
pub(super) fn sweep(path: &Path, s2: &Lane, begin: &Begin) -> Sweep {
    let mut out = Sweep { g: Vec::new(), l: Vec::new(), d_g: Vec::new(), d_l: Vec::new() };
    Level::best().run(Along { path, s2, begin, out: &mut out });
    out
}

/// A sweep, to be compiled at every vector width.
struct Along<'a, 'b> {
    path: &'a Path<'a>,
    s2: &'a Lane,
    begin: &'a Begin<'a>,
    out: &'b mut Sweep,
}

impl Kernel for Along<'_, '_> {
    #[inline(always)]
    fn run(self) {
        along(self.path, self.s2, self.begin, self.out);
    }
}

#[inline(always)]
fn along(path: &Path, s2: &Lane, begin: &Begin, out: &mut Sweep) {
    let (n, params) = (path.potential.len(), path.d_potential.len());
    let first = match begin {
        Begin::Settled => s2.plus(2.0 * path.potential[0]).sqrt(),
        Begin::Closed(g, _) => Lane::real(*g),
    };
    out.g.push(first);
    out.l.push(Lane::ZERO);
    out.d_l.resize(params, Lane::ZERO);
    for k in 0..params {
        out.d_g.push(match begin {
            Begin::Settled => first.inverse().scale(path.d_potential[k][0]),
            Begin::Closed(_, slopes) => Lane::real(slopes[k]),
        });
    }
    let mut here = node(first, s2, path.potential[0], path.slope[0]);
    for i in 1..n {
        let h = path.width[i - 1];
        let (half, twelfth) = (0.5 * h, h * h / 12.0);
        let (v, slope) = (path.potential[i], path.slope[i]);
        let known = here.g + here.f.scale(half) + here.ff.scale(twelfth);
        let mut there = node(here.g, s2, v, slope);
        let steepness =
            |g: Lane, f: Lane| (g.scale(h) + (g * g).scale(4.0 * twelfth) - f.scale(2.0 * twelfth)).plus(1.0);
        for _ in 0..NEWTON {
            let g = there.g;
            let value = g - there.f.scale(half) + there.ff.scale(twelfth) - known;
            let change = value * steepness(g, there.f).inverse();
            there = node(g - change, s2, v, slope);
            let size = |l: &Lane, k: usize| l.re[k].abs() + l.im[k].abs();
            if (0..super::contour::POINTS).all(|k| size(&change, k) <= SETTLED * size(&g, k)) {
                break;
            }
        }
        let l = out.l[i - 1] + (here.g + there.g).scale(half) + (here.f - there.f).scale(twelfth);
        let inverse = if params > 0 { steepness(there.g, there.f).inverse() } else { Lane::ZERO };
        for k in 0..params {
            let dh = path.d_width[k][i - 1];
            let (dv0, dv1) = (path.d_potential[k][i - 1], path.d_potential[k][i]);
            let (ds0, ds1) = (path.d_slope[k][i - 1], path.d_slope[k][i]);
            let dg0 = out.d_g[(i - 1) * params + k];
            let df0 = (here.g * dg0).scale(-2.0).plus(2.0 * dv0);
            let dff0 = (dg0 * here.f + here.g * df0).scale(-2.0).plus(2.0 * ds0);
            let right = dg0
                + df0.scale(half)
                + dff0.scale(twelfth)
                + (here.f + there.f).scale(0.5 * dh)
                + (here.ff - there.ff).scale(dh * h / 6.0)
                + there.g.scale(4.0 * twelfth * dv1).plus(h * dv1 - 2.0 * twelfth * ds1);
            let dg1 = right * inverse;
            let df1 = (there.g * dg1).scale(-2.0).plus(2.0 * dv1);
            let dl = out.d_l[(i - 1) * params + k]
                + (dg0 + dg1).scale(half)
                + (here.g + there.g).scale(0.5 * dh)
                + (df0 - df1).scale(twelfth)
                + (here.f - there.f).scale(dh * h / 6.0);
            out.d_g.push(dg1);
            out.d_l.push(dl);
        }
        out.g.push(there.g);
        out.l.push(l);
        here = there;
    }
}
