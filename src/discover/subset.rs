//! The best weighted regression of every size, and the size by cross-validation over blocks of time.
//!
//! Sequential thresholding (Brunton, Proctor & Kutz 2016; Boninsegna, Nüske & Clementi 2018) approximates the best subset of a size;
//! libraries here are small enough to try every subset, from the normal equations alone. The size is the smallest whose loss on
//! blocks left out is within one standard error of the best (Breiman et al. 1984), the error being that of paired differences, or
//! within `ln n` a term (Schwarz 1978; weights being inverse variances, the loss is a deviance): alone, one standard error takes a
//! term too many in about one case of six.

use crate::base::math;

/// Blocks of contiguous time that are left out in turn.
pub(super) const BLOCKS: usize = 10;
/// A subset whose scaled normal equations have a smaller pivot cannot be told apart by the data.
const LEAST_PIVOT: f64 = 1e-10;

/// `XᵀWX`, `XᵀWy`, `yᵀWy`.
#[derive(Debug, Clone)]
struct Normal {
    xx: Vec<f64>,
    xy: Vec<f64>,
    yy: f64,
}

impl Normal {
    fn zero(p: usize) -> Normal {
        Normal { xx: vec![0.0; p * p], xy: vec![0.0; p], yy: 0.0 }
    }

    fn add(&mut self, other: &Normal) {
        self.xx.iter_mut().zip(&other.xx).for_each(|(a, b)| *a += b);
        self.xy.iter_mut().zip(&other.xy).for_each(|(a, b)| *a += b);
        self.yy += other.yy;
    }

    /// Coefficients of the terms in `subset`; `None` where they cannot be told apart.
    fn solve(&self, subset: &[usize]) -> Option<Vec<f64>> {
        let (p, k) = (self.xy.len(), subset.len());
        let scale: Vec<f64> = subset.iter().map(|j| self.xx[j * p + j].sqrt()).collect();
        if scale.iter().any(|s| !(*s > 0.0 && s.is_finite())) {
            return None;
        }
        // Cholesky of the matrix with ones on its diagonal.
        let mut root = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..=i {
                let mut s = self.xx[subset[i] * p + subset[j]] / (scale[i] * scale[j]);
                for l in 0..j {
                    s -= root[i * k + l] * root[j * k + l];
                }
                if i == j {
                    if !(s > LEAST_PIVOT) {
                        return None;
                    }
                    root[i * k + i] = s.sqrt();
                } else {
                    root[i * k + j] = s / root[j * k + j];
                }
            }
        }
        let mut c: Vec<f64> = (0..k).map(|i| self.xy[subset[i]] / scale[i]).collect();
        for i in 0..k {
            for l in 0..i {
                c[i] -= root[i * k + l] * c[l];
            }
            c[i] /= root[i * k + i];
        }
        for i in (0..k).rev() {
            for l in i + 1..k {
                c[i] -= root[l * k + i] * c[l];
            }
            c[i] /= root[i * k + i];
        }
        c.iter_mut().zip(&scale).for_each(|(c, s)| *c /= s);
        Some(c)
    }

    /// `(y - Xc)ᵀ W (y - Xc)`
    fn loss(&self, subset: &[usize], c: &[f64]) -> f64 {
        let p = self.xy.len();
        let mut loss = self.yy;
        for (i, a) in subset.iter().zip(c) {
            loss -= 2.0 * a * self.xy[*i];
            for (j, b) in subset.iter().zip(c) {
                loss += a * b * self.xx[i * p + j];
            }
        }
        loss
    }

    /// By size, from none: the subset with the least loss.
    fn best(&self) -> Vec<Option<Subset>> {
        let p = self.xy.len();
        let mut best: Vec<Option<Subset>> = vec![None; p + 1];
        for mask in 0..1_u32 << p {
            let terms: Vec<usize> = (0..p).filter(|j| mask >> j & 1 == 1).collect();
            let Some(values) = self.solve(&terms) else { continue };
            let loss = self.yy - terms.iter().zip(&values).map(|(j, c)| c * self.xy[*j]).sum::<f64>();
            let place = &mut best[terms.len()];
            if place.as_ref().is_none_or(|least| loss < least.loss) {
                *place = Some(Subset { loss, terms, values });
            }
        }
        best
    }
}

/// Some terms with their coefficients.
#[derive(Debug, Clone)]
struct Subset {
    loss: f64,
    terms: Vec<usize>,
    values: Vec<f64>,
}

/// The best terms of one size, and how they did on blocks of time that were left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Size {
    /// Positions of its terms in the library.
    pub terms: Vec<usize>,
    /// Loss on the blocks left out, above that of the best size.
    pub excess: f64,
    /// Standard error of that difference over the blocks.
    pub se: f64,
}

/// What was chosen of a library.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chosen {
    pub terms: Vec<usize>,
    pub values: Vec<f64>,
    pub sizes: Vec<Size>,
}

/// A regression of `y` on `columns` with weights, rows in the order of time.
pub(super) struct Regression<'a> {
    /// `[term][transition]`
    pub columns: &'a [Vec<f64>],
    pub y: &'a [f64],
    pub weight: &'a [f64],
}

impl Regression<'_> {
    fn normal(&self, rows: std::ops::Range<usize>) -> Normal {
        let p = self.columns.len();
        let mut normal = Normal::zero(p);
        for j in 0..p {
            for l in 0..=j {
                let (a, b) = (&self.columns[j], &self.columns[l]);
                let sum: f64 = rows.clone().map(|i| self.weight[i] * a[i] * b[i]).sum();
                normal.xx[j * p + l] = sum;
                normal.xx[l * p + j] = sum;
            }
            normal.xy[j] = rows.clone().map(|i| self.weight[i] * self.columns[j][i] * self.y[i]).sum();
        }
        normal.yy = rows.map(|i| self.weight[i] * self.y[i] * self.y[i]).sum();
        normal
    }

    /// The terms by the rule of one standard error, `fewest` or more. Cost O(n p²) and O(2^p p³).
    pub fn choose(&self, fewest: usize) -> Chosen {
        let (n, p) = (self.y.len(), self.columns.len());
        let blocks: Vec<Normal> =
            (0..BLOCKS).map(|b| self.normal((b * n).div_ceil(BLOCKS)..((b + 1) * n).div_ceil(BLOCKS))).collect();
        let sum_without = |out: usize| {
            let mut sum = Normal::zero(p);
            blocks.iter().enumerate().filter(|(b, _)| *b != out).for_each(|(_, block)| sum.add(block));
            sum
        };
        // `[block][size]`, infinite where no subset of the size can be told apart.
        let losses: Vec<Vec<f64>> = (0..BLOCKS)
            .map(|b| {
                let best = sum_without(b).best();
                best.iter().map(|s| s.as_ref().map_or(f64::INFINITY, |s| blocks[b].loss(&s.terms, &s.values))).collect()
            })
            .collect();
        let whole = sum_without(BLOCKS).best();
        let total = |size: usize| losses.iter().map(|l| l[size]).sum::<f64>();
        let least = (0..=p).min_by(|a, b| total(*a).total_cmp(&total(*b))).unwrap_or(0);
        let mut sizes = Vec::new();
        let mut chosen: Option<(Vec<usize>, Vec<f64>)> = None;
        for (size, subset) in whole.into_iter().enumerate() {
            let Some(Subset { terms, values, .. }) = subset.filter(|_| total(size).is_finite()) else { continue };
            let apart: Vec<f64> = losses.iter().map(|l| l[size] - l[least]).collect();
            let excess = apart.iter().sum::<f64>();
            let se = crate::stats::sd(&apart) * (BLOCKS as f64).sqrt();
            let slack = se.max(least.saturating_sub(size) as f64 * math::ln(n as f64));
            if chosen.is_none() && size >= fewest && (excess <= slack || size == least.max(fewest)) {
                chosen = Some((terms.clone(), values));
            }
            sizes.push(Size { terms, excess, se });
        }
        let (terms, values) = chosen.unwrap_or_default();
        Chosen { terms, values, sizes }
    }
}
