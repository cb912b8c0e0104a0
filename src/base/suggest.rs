//! The nearest known name to a mistyped one, for the hint under an error.

/// The candidate within a third of its length (at least one edit) of `word`, or `None`.
///
/// Distance: Damerau-Levenshtein with adjacent transpositions, case-insensitive. Cost O(|word| · |candidate|) each.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(64).collect();
    candidates
        .into_iter()
        .map(|c| (distance(&word, &c.to_lowercase().chars().take(64).collect::<Vec<_>>()), c))
        .filter(|(d, c)| *d <= (c.chars().count().max(word.len()) / 3).max(1))
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let substitution = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        assert_eq!(nearest("kapa", ["kappa", "theta"]), Some("kappa"));
        assert_eq!(nearest("sgima", ["sigma", "theta"]), Some("sigma"));
        assert_eq!(nearest("xyzzy", ["sigma", "theta"]), None);
    }
}
