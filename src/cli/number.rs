//! Numbers as people type them: `0.25`, `1e-3`, `1/252`, `20%`; and `name=value` pairs of them.

/// A finite number or fraction.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let plain =
        |t: &str| t.trim().parse::<f64>().map_err(|_| format!("'{text}' is not a number such as 0.25 or 1/252"));
    let value = match text.split_once('/') {
        Some((top, bottom)) => plain(top)? / plain(bottom)?,
        None => plain(text)?,
    };
    if value.is_finite() { Ok(value) } else { Err(format!("'{text}' is not a finite number")) }
}

/// A number above zero.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    number(text).and_then(|v| if v > 0.0 { Ok(v) } else { Err(format!("'{text}' must be above zero")) })
}

/// `name=value`.
pub(super) fn assignment(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("'{text}' is not name=value, such as x=1"))?;
    Ok((name.trim().to_string(), number(value)?))
}

/// A central probability in percent, `80` or `80%`.
pub(super) fn level(text: &str) -> Result<f64, String> {
    let value = number(text.trim_end_matches('%'))?;
    if value > 0.0 && value < 100.0 {
        Ok(value / 100.0)
    } else {
        Err(format!("'{text}' is not a level between 0 and 100"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_and_percentages_are_numbers_and_nonsense_is_not() {
        assert_eq!(number("1/252"), Ok(1.0 / 252.0));
        assert_eq!(level("80%"), Ok(0.8));
        assert_eq!(assignment("kappa = 1/2"), Ok(("kappa".to_string(), 0.5)));
        assert!(number("1/0").is_err() && number("x").is_err() && number("nan").is_err());
        assert!(positive("0").is_err() && level("100").is_err() && assignment("kappa").is_err());
    }
}
