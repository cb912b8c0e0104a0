//! Scores of quantiles and of central intervals.

/// Quantile (pinball) loss of the forecast `quantile` of probability `level` at `y`: `level (y - q)` above it, `(1 - level)(q - y)` below
/// (Koenker & Bassett 1978).
pub fn pinball(level: f64, quantile: f64, y: f64) -> f64 {
    if y < quantile { (1.0 - level) * (quantile - y) } else { level * (y - quantile) }
}

/// Interval score of a central interval of probability `1 - alpha` at `y`: its width, and `2/alpha` for what lies outside (Winkler 1972; Gneiting &
/// Raftery 2007, eq. 43).
pub fn interval_score(lower: f64, upper: f64, alpha: f64, y: f64) -> f64 {
    upper - lower + 2.0 / alpha * ((lower - y).max(0.0) + (y - upper).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_scored_by_the_quantiles_at_its_ends() {
        // Gneiting & Raftery 2007, section 6.2: the interval score is the sum of both pinball losses over alpha/2.
        for y in [-2.0, -1.0, 0.3, 2.0, 5.0] {
            let (lower, upper, alpha) = (-1.0, 2.0, 0.2);
            let ends = pinball(0.5 * alpha, lower, y) + pinball(1.0 - 0.5 * alpha, upper, y);
            assert!((interval_score(lower, upper, alpha, y) - 2.0 / alpha * ends).abs() < 1e-13, "{y}");
        }
        assert_eq!((pinball(0.9, 2.0, 3.0), pinball(0.9, 2.0, 1.0)), (0.9, 1.0 - 0.9));
    }
}
