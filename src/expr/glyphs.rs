//! Names as a person reads them: Greek letters for their names, and what of a name is an index.

/// Names of Greek letters; those that look like Latin ones are left out.
const GREEK: [(&str, &str); 34] = [
    ("alpha", "α"),
    ("beta", "β"),
    ("gamma", "γ"),
    ("delta", "δ"),
    ("epsilon", "ε"),
    ("zeta", "ζ"),
    ("eta", "η"),
    ("theta", "θ"),
    ("iota", "ι"),
    ("kappa", "κ"),
    ("lambda", "λ"),
    ("mu", "μ"),
    ("nu", "ν"),
    ("xi", "ξ"),
    ("pi", "π"),
    ("rho", "ρ"),
    ("sigma", "σ"),
    ("tau", "τ"),
    ("phi", "φ"),
    ("chi", "χ"),
    ("psi", "ψ"),
    ("omega", "ω"),
    ("hbar", "ħ"),
    ("Gamma", "Γ"),
    ("Delta", "Δ"),
    ("Theta", "Θ"),
    ("Lambda", "Λ"),
    ("Xi", "Ξ"),
    ("Pi", "Π"),
    ("Sigma", "Σ"),
    ("Phi", "Φ"),
    ("Psi", "Ψ"),
    ("Omega", "Ω"),
    ("inf", "∞"),
];

/// A name and its index, `sigma_v` as `σ` and `v`, `x12` as `x` and `12`.
pub(super) fn split(name: &str) -> (String, Option<String>) {
    let digits = name.chars().rev().take_while(char::is_ascii_digit).count();
    let (stem, index) = match name.split_once('_') {
        Some((stem, index)) if !stem.is_empty() && !index.is_empty() => (stem, Some(index)),
        _ if digits > 0 && digits < name.len() => {
            let (stem, index) = name.split_at(name.len() - digits);
            (stem.trim_end_matches('_'), Some(index))
        }
        _ => (name, None),
    };
    if stem.is_empty() {
        return (name.to_string(), None);
    }
    let greek = |word: &str| GREEK.iter().find(|(n, _)| *n == word).map_or(word.to_string(), |(_, g)| (*g).to_string());
    (greek(stem), index.map(greek))
}

/// The letters of an index below the line, where Unicode has all of them.
pub(super) fn lowered(index: &str) -> Option<String> {
    let one = |c: char| {
        Some(match c {
            '0'..='9' => char::from_u32('₀' as u32 + c as u32 - '0' as u32)?,
            'a' => 'ₐ',
            'e' => 'ₑ',
            'h' => 'ₕ',
            'i' => 'ᵢ',
            'j' => 'ⱼ',
            'k' => 'ₖ',
            'l' => 'ₗ',
            'm' => 'ₘ',
            'n' => 'ₙ',
            'o' => 'ₒ',
            'p' => 'ₚ',
            'r' => 'ᵣ',
            's' => 'ₛ',
            't' => 'ₜ',
            'u' => 'ᵤ',
            'v' => 'ᵥ',
            'x' => 'ₓ',
            'β' => 'ᵦ',
            'ρ' => 'ᵨ',
            _ => return None,
        })
    };
    // A word set that small is hard to read.
    let readable = index.chars().all(|c| c.is_ascii_digit()) || index.chars().count() == 1;
    if readable { index.chars().map(one).collect() } else { None }
}

/// A whole number above the line.
pub(super) fn raised(number: i64) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        c => char::from_u32('⁰' as u32 + c as u32 - '0' as u32).unwrap_or(c),
    };
    number.to_string().chars().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_letters_and_indices() {
        let parts = |name: &str| {
            let (stem, index) = split(name);
            format!("{stem} {}", index.unwrap_or_default())
        };
        assert_eq!(parts("kappa"), "κ ");
        assert_eq!(parts("x1"), "x 1");
        assert_eq!(parts("sigma_v"), "σ v");
        assert_eq!(parts("k_on"), "k on");
        assert_eq!(parts("c_alpha"), "c α");
        assert_eq!(parts("theta12"), "θ 12");
        assert_eq!(parts("x_1"), "x 1");
        assert_eq!(parts("_"), "_ ");
        assert_eq!(parts("_7"), "_7 ");
        assert_eq!(parts("x_"), "x_ ");
        assert_eq!(parts("naïve"), "naïve ");
    }

    #[test]
    fn digits_go_up_and_down() {
        assert_eq!(lowered("12"), Some("₁₂".to_string()));
        assert_eq!(lowered("v"), Some("ᵥ".to_string()));
        assert_eq!(lowered("on"), None);
        assert_eq!(raised(-204), "⁻²⁰⁴");
        assert_eq!(raised(13), "¹³");
    }
}
