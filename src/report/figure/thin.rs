//! Fewer points, the same picture: of every pixel column the lowest and the highest value stay.

/// At most two points a column of `columns`, first and last kept; points must ascend in x. O(n).
pub fn thin(points: &[(f64, f64)], columns: usize) -> Vec<(f64, f64)> {
    let points: Vec<(f64, f64)> =
        points.iter().copied().filter(|(x, y)| super::usable(*x) && super::usable(*y)).collect();
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else { return Vec::new() };
    let span = last.0 - first.0;
    if points.len() <= 2 * columns + 2 || span <= 0.0 {
        return points;
    }
    let column = |x: f64| ((x - first.0) / span * columns as f64) as i64;
    let mut kept = vec![first];
    for group in points.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let low = extreme(group, |a, b| a < b);
        let high = extreme(group, |a, b| a > b);
        kept.push(group[low.min(high)]);
        if low != high {
            kept.push(group[low.max(high)]);
        }
    }
    kept.push(last);
    kept.dedup();
    kept
}

fn extreme(group: &[(f64, f64)], better: fn(f64, f64) -> bool) -> usize {
    (1..group.len()).fold(0, |best, i| if better(group[i].1, group[best].1) { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_and_ends_survive() {
        let mut points: Vec<(f64, f64)> = (0..15_000).map(|i| (f64::from(i), (f64::from(i) / 900.0).sin())).collect();
        points[7_777].1 = 40.0;
        points[9_001].1 = f64::NAN;
        let kept = thin(&points, 700);
        assert!(kept.len() <= 2 * 701 + 2, "{}", kept.len());
        assert!(kept.contains(&(7_777.0, 40.0)));
        assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[14_999]));
        assert!(kept.windows(2).all(|w| w[0].0 <= w[1].0));
    }

    #[test]
    fn short_and_empty_series_pass_through() {
        assert_eq!(thin(&[(0.0, 1.0), (1.0, 2.0)], 100).len(), 2);
        assert!(thin(&[(f64::NAN, 1.0)], 100).is_empty());
    }
}
