//! Whole numbers that were counted, beside what their laws expect and what chance allows.

use super::binomial_range;
use crate::base::math;
use serde::Serialize;

/// Most bars of a tally: more are narrower than a reader can tell.
const MOST_BARS: i64 = 48;
/// Probability that all bars of a right law stay within their ranges together.
const INSIDE: f64 = 0.95;
/// Beyond the data bars reach so far that fewer values than this are expected further out.
const BEYOND: f64 = 5e-4;

/// Bars of equal width over whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bars {
    /// Smallest number of the first bar.
    pub first: i64,
    /// Numbers a bar.
    pub width: i64,
    /// Number of bars.
    pub len: usize,
}

impl Bars {
    /// Bars that hold the numbers from `low` to `high`: one a number, or of round widths where these would be too many.
    pub fn over(low: i64, high: i64) -> Bars {
        let (low, high) = (low.min(high), low.max(high));
        let mut width = 1;
        let mut next = [2, 5, 10].into_iter();
        let mut ten = 1;
        while (high.div_euclid(width) - low.div_euclid(width)) >= MOST_BARS {
            width = match next.next() {
                Some(factor) => ten * factor,
                None => {
                    ten *= 10;
                    next = [2, 5, 10].into_iter();
                    continue;
                }
            };
        }
        let first = low.div_euclid(width);
        Bars { first: first * width, width, len: (high.div_euclid(width) - first) as usize + 1 }
    }

    /// The smallest and the largest number of a bar.
    pub fn ends(&self, bar: usize) -> (f64, f64) {
        let low = self.first + bar as i64 * self.width;
        (low as f64, (low + self.width - 1) as f64)
    }

    /// The bar that a whole number falls into.
    pub fn place(&self, x: f64) -> Option<usize> {
        let bar = ((x - self.first as f64) / self.width as f64).floor();
        (bar >= 0.0 && bar < self.len as f64).then_some(bar as usize)
    }
}

/// Counts of whole numbers bar by bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tally {
    /// Where the bars stand.
    pub bars: Bars,
    /// Values counted, those outside the bars among them.
    pub n: usize,
    /// Values counted, bar by bar.
    pub observed: Vec<usize>,
    /// By the law, or by the law of each value.
    pub expected: Vec<f64>,
    /// All bars of a right law lie between these together, with at least 95 % (Bonferroni). Where parameters were fitted to the same values they
    /// lie closer, so that the range is a little wide.
    pub range: Vec<(usize, usize)>,
}

impl Tally {
    /// Values of one law: `observed` and `p` from zero on, how often each number came and its probability. `None` without values. O(n bars).
    pub fn of_one_law(observed: &[f64], p: &[f64]) -> Option<Tally> {
        let n = observed.iter().sum::<f64>();
        let seen = |(x, count): (usize, &f64)| (*count > 0.0).then_some(x);
        let (low, high) =
            (observed.iter().enumerate().find_map(seen)?, observed.iter().enumerate().rev().find_map(seen)?);
        let beyond = BEYOND / n;
        let low = outermost(p.iter().enumerate(), beyond).map_or(low, |x| x.min(low));
        let high = outermost(p.iter().enumerate().rev(), beyond).map_or(high, |x| x.max(high));
        let bars = Bars::over(low as i64, high as i64);
        let mass = |values: &[f64], bar: usize| {
            let (a, b) = bars.ends(bar);
            let (a, b) = (a.max(0.0) as usize, (b as usize + 1).min(values.len()));
            values.get(a.min(b)..b).map_or(0.0, |v| v.iter().sum::<f64>())
        };
        let level = 1.0 - (1.0 - INSIDE) / bars.len as f64;
        let range = |bar: usize| match mass(p, bar) {
            share if share > 0.0 && share < 1.0 => binomial_range(n as usize, share, level),
            share if share > 0.0 => (n as usize, n as usize),
            _ => (0, 0),
        };
        Some(Tally {
            bars,
            n: n as usize,
            observed: (0..bars.len).map(|bar| mass(observed, bar) as usize).collect(),
            expected: (0..bars.len).map(|bar| n * mass(p, bar)).collect(),
            range: (0..bars.len).map(range).collect(),
        })
    }

    /// Values that each have a law of their own: `shares` is `[value][bar]`, what the law of each puts into every bar. Given the rows before it each
    /// value is a draw from its law, so the count of a bar is off by a martingale whose variance is that of unequal independent draws.
    pub fn of_many_laws(bars: Bars, values: &[f64], shares: &[Vec<f64>]) -> Tally {
        let mut observed = vec![0; bars.len];
        values.iter().filter_map(|x| bars.place(*x)).for_each(|bar| observed[bar] += 1);
        let level = 1.0 - (1.0 - INSIDE) / bars.len as f64;
        let of = |bar: usize| shares.iter().map(|row| row[bar].clamp(0.0, 1.0)).collect::<Vec<f64>>();
        Tally {
            bars,
            n: values.len(),
            observed,
            expected: (0..bars.len).map(|bar| of(bar).iter().sum()).collect(),
            range: (0..bars.len).map(|bar| unequal_range(&of(bar), level)).collect(),
        }
    }

    /// Bars outside what chance allows them together.
    pub fn beyond(&self) -> usize {
        self.observed.iter().zip(&self.range).filter(|(seen, (low, high))| *seen < low || *seen > high).count()
    }

    /// How many values too many or too few are in the bars outside their range.
    pub fn excess(&self) -> usize {
        let off =
            |(seen, (low, high)): (&usize, &(usize, usize))| low.saturating_sub(*seen) + seen.saturating_sub(*high);
        self.observed.iter().zip(&self.range).map(off).sum()
    }
}

/// The number at which a tail of a law, from its end inward, has more than this probability.
fn outermost<'p>(mut tail: impl Iterator<Item = (usize, &'p f64)>, most: f64) -> Option<usize> {
    let mut sum = 0.0;
    tail.find(|(_, p)| {
        sum += **p;
        sum > most
    })
    .map(|(x, _)| x)
}

/// Variance from which the count of unequal draws is taken as normal with its skewness allowed for.
const LARGE: f64 = 400.0;

/// The quantiles of the number of successes of independent draws with chances `p` that leave at most `(1 - level)/2` on each side: their law is
/// convolved draw by draw; of a large variance the expansion of Cornish and Fisher (1938) to the skewness answers. O(n √n) at most.
pub fn unequal_range(p: &[f64], level: f64) -> (usize, usize) {
    /// What is cut from the ends of the law, a draw.
    const CUT: f64 = 1e-18;
    let tail = 0.5 - 0.5 * level;
    let (mean, variance) = p.iter().fold((0.0, 0.0), |(m, v), p| (m + p, v + p * (1.0 - p)));
    if variance > LARGE {
        let sd = variance.sqrt();
        let skewness = p.iter().map(|p| p * (1.0 - p) * (1.0 - 2.0 * p)).sum::<f64>() / (variance * sd);
        let at = |share: f64| {
            let z = math::normal_quantile(share);
            mean + sd * (z + skewness * (z * z - 1.0) / 6.0)
        };
        // A whole number k stands for the stretch from k - 1/2 to k + 1/2.
        return ((at(tail) - 0.5).ceil().max(0.0) as usize, (at(1.0 - tail) - 0.5).ceil().min(p.len() as f64) as usize);
    }
    let (mut low, mut law) = (0, std::collections::VecDeque::from([1.0]));
    for p in p.iter().filter(|p| **p > 0.0) {
        law.push_back(0.0);
        for k in (1..law.len()).rev() {
            law[k] = law[k] * (1.0 - p) + law[k - 1] * p;
        }
        law[0] *= 1.0 - p;
        while law.len() > 1 && law.back().is_some_and(|m| *m < CUT) {
            law.pop_back();
        }
        while law.len() > 1 && law.front().is_some_and(|m| *m < CUT) {
            law.pop_front();
            low += 1;
        }
    }
    let total: f64 = law.iter().sum();
    let quantile = |share: f64| {
        let mut sum = 0.0;
        let place = law.iter().position(|m| {
            sum += m;
            sum >= share * total
        });
        low + place.unwrap_or(law.len() - 1)
    };
    (quantile(tail), quantile(1.0 - tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn equal_chances_have_the_binomial_range() {
        for (n, p) in [(20, 0.5), (100, 0.1), (500, 0.02)] {
            assert_eq!(unequal_range(&vec![p; n], 0.95), binomial_range(n, p, 0.95), "{n} {p}");
        }
        assert_eq!(unequal_range(&[], 0.95), (0, 0));
        assert_eq!(unequal_range(&[1.0; 7], 0.95), (7, 7));
        // Where the normal law takes over it is off by one at most.
        for (n, p) in [(4000, 0.2), (20_000, 0.03), (3000, 0.6)] {
            for level in [0.95, 0.999] {
                let (found, exact) = (unequal_range(&vec![p; n], level), binomial_range(n, p, level));
                assert!(found.0.abs_diff(exact.0) <= 1 && found.1.abs_diff(exact.1) <= 1, "{found:?} {exact:?}");
            }
        }
    }

    #[test]
    fn unequal_chances_are_convolved() {
        // Of chances 1/2 and 1/4: 0, 1, 2 with 3/8, 1/2, 1/8.
        assert_eq!(unequal_range(&[0.5, 0.25], 0.7), (0, 1));
        assert_eq!(unequal_range(&[0.5, 0.25], 0.8), (0, 2));
    }

    #[test]
    fn bars_are_one_a_number_or_of_round_widths() {
        assert_eq!(Bars::over(3, 20), Bars { first: 3, width: 1, len: 18 });
        assert_eq!(Bars::over(0, 47).len, 48);
        assert_eq!(Bars::over(0, 48), Bars { first: 0, width: 2, len: 25 });
        let wide = Bars::over(1_230, 99_000);
        assert_eq!((wide.first, wide.width), (0, 5_000));
        for (low, high) in [(0, 0), (7, 7), (0, 1_000_000_007), (999, 1_100)] {
            let bars = Bars::over(low, high);
            assert!(bars.len as i64 <= MOST_BARS && bars.place(low as f64) == Some(0), "{bars:?}");
            assert_eq!(bars.place(high as f64), Some(bars.len - 1));
            assert_eq!(bars.place(bars.ends(bars.len - 1).1 + 1.0), None);
        }
    }

    fn poisson(mean: f64) -> Vec<f64> {
        (0..80).map(|k| math::exp(f64::from(k) * math::ln(mean) - mean - math::ln_gamma(f64::from(k) + 1.0))).collect()
    }

    fn draw(p: &[f64], u: f64) -> usize {
        let mut sum = 0.0;
        p.iter()
            .position(|p| {
                sum += p;
                u < sum
            })
            .unwrap_or(p.len() - 1)
    }

    #[test]
    fn all_bars_of_a_right_law_stay_inside_as_often_as_said() {
        let p = poisson(12.0);
        let runs = 600;
        let (mut left, mut left_apart) = (0, 0);
        for run in 0..runs {
            let mut stream = Seed(8).key(Purpose::Scores, 0, run).stream(0);
            let mut observed = vec![0.0; 80];
            (0..150).for_each(|_| observed[draw(&p, stream.uniform())] += 1.0);
            left += usize::from(Tally::of_one_law(&observed, &p).unwrap().beyond() > 0);
            // Every value has a law of its own.
            let laws: Vec<Vec<f64>> = (0..5).map(|k| poisson(8.0 + 2.0 * f64::from(k))).collect();
            let bars = Bars::over(0, 30);
            let rows: Vec<(f64, Vec<f64>)> = (0..150)
                .map(|i| (draw(&laws[i % 5], stream.uniform()) as f64, laws[i % 5][..bars.len].to_vec()))
                .collect();
            let (values, shares): (Vec<f64>, Vec<Vec<f64>>) = rows.into_iter().unzip();
            left_apart += usize::from(Tally::of_many_laws(bars, &values, &shares).beyond() > 0);
        }
        let se = (0.05 * 0.95 * runs as f64).sqrt();
        for left in [left, left_apart] {
            // They never hold less than said; since counts are whole they hold more, here some 99.5 %.
            assert!((left as f64) < 0.05 * runs as f64 + 4.0 * se && left > 0, "{left} of {runs}");
        }
    }

    #[test]
    fn a_wrong_law_leaves_them() {
        let mut stream = Seed(9).key(Purpose::Scores, 0, 0).stream(0);
        let (truth, wrong) = (poisson(12.0), poisson(15.0));
        let mut observed = vec![0.0; 80];
        (0..400).for_each(|_| observed[draw(&truth, stream.uniform())] += 1.0);
        let tally = Tally::of_one_law(&observed, &wrong).unwrap();
        assert!(tally.beyond() >= 3 && tally.excess() > 20, "{tally:?}");
        assert_eq!(tally.observed.iter().sum::<usize>(), 400);
        assert!((tally.expected.iter().sum::<f64>() - 400.0).abs() < 0.01);
        assert!(Tally::of_one_law(&[0.0; 3], &wrong).is_none());
    }
}
