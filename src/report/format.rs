//! How a number, a share, a moment or a name is written for a person: three or four digits, no "-0", a dash for nothing.
//!
//! Files keep full precision; that is `csv.rs`. No logarithm is taken here, so the text is the same on every machine.

use super::view::Axis;
use crate::base::series::format_stamp;
pub use crate::base::text::clip;
use crate::base::text::printable;

/// What stands where there is no number.
pub const NOTHING: &str = "—";

/// The decimal exponent of a positive finite number after rounding to `digits` significant digits.
fn exponent(value: f64, digits: usize) -> i32 {
    let text = format!("{:.*e}", digits.saturating_sub(1), value);
    text.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0)
}

/// A number with four significant digits: `0.01234`, `12,346`, `1.23×10⁻⁷`; `—` for NaN.
pub fn num(value: f64) -> String {
    if value.is_nan() {
        return NOTHING.into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "−∞".into() };
    }
    if value == 0.0 {
        return "0".into();
    }
    let size = value.abs();
    let power = exponent(size, 4);
    let text = if (-4..6).contains(&power) {
        fixed(size, (3 - power).max(0) as usize)
    } else {
        let text = format!("{size:.2e}");
        match text.split_once('e') {
            Some((mantissa, exponent)) => format!("{mantissa}×10{}", superscript(exponent)),
            None => text,
        }
    };
    if value < 0.0 { format!("−{text}") } else { text }
}

/// A value to the digits that its standard error supports: two digits of the error decide the decimals.
pub fn to_error(value: f64, se: Option<f64>) -> String {
    let Some(se) = se.filter(|se| se.is_finite() && *se > 0.0) else { return num(value) };
    let decimals = 1 - exponent(se, 2);
    if value.is_finite() && value.abs() < 1e6 && (0..=8).contains(&decimals) {
        fixed(value, decimals as usize)
    } else {
        num(value)
    }
}

/// A number with a fixed count of decimals, thousands set apart by commas, and never a minus before zeros.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{:.*}", decimals, value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let negative = value < 0.0 && text.chars().any(|c| ('1'..='9').contains(&c));
    format!("{}{grouped}{rest}", if negative { "−" } else { "" })
}

/// An exponent such as "-7" in raised digits, `⁻⁷`.
pub fn superscript(exponent: &str) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    exponent
        .chars()
        .map(|c| match c.to_digit(10) {
            Some(d) => DIGITS[d as usize],
            None => '⁻',
        })
        .collect()
}

/// A share as a percentage with one decimal: `0.8123` → `81.2 %`.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{}\u{a0}%", fixed(share * 100.0, 1)) } else { NOTHING.into() }
}

/// A p-value: three decimals, or `< 0.001`.
pub fn p_value(p: f64) -> String {
    match p {
        p if !p.is_finite() => NOTHING.into(),
        p if p < 0.001 => "<\u{a0}0.001".into(),
        p => fixed(p, 3),
    }
}

/// A p-value with its sign, for sentences: `p = 0.041`, or `p < 0.001`.
pub fn p_is(p: f64) -> String {
    if p.is_finite() && p < 0.001 { "p\u{a0}<\u{a0}0.001".into() } else { format!("p\u{a0}=\u{a0}{}", p_value(p)) }
}

/// A skill with its standard error in percent: `+3.2 ± 0.5 %`; more decimals where both are small.
pub fn skill(value: Option<f64>, se: Option<f64>) -> String {
    let Some(value) = value.filter(|v| v.is_finite()) else { return NOTHING.into() };
    let se = se.filter(|s| s.is_finite());
    let scale = se.unwrap_or(value.abs()) * 100.0;
    let decimals = if scale < 0.095 { 2 } else { 1 };
    let number = fixed(value * 100.0, decimals);
    let sign = if value > 0.0 { "+" } else { "" };
    match se {
        Some(se) => format!("{sign}{number}\u{a0}±\u{a0}{}\u{a0}%", fixed(se * 100.0, decimals)),
        None => format!("{sign}{number}\u{a0}%"),
    }
}

/// A band's level in percent without needless zeros: `0.95` → `95`, `0.975` → `97.5`.
pub fn level(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// An axis position in words: a date, or a number of the series' own time unit.
pub fn moment(axis: Axis, x: f64) -> String {
    match axis {
        _ if !x.is_finite() => NOTHING.into(),
        Axis::Dates => format_stamp(x as i64),
        Axis::Numbers if x.fract() == 0.0 && x.abs() < 1e9 => fixed(x, 0),
        Axis::Numbers => num(x),
    }
}

/// A name with its unit, where it has one: "1" is none.
pub fn with_unit(name: &str, unit: &str) -> String {
    if matches!(unit, "" | "1") { name.into() } else { format!("{name} ({unit})") }
}

/// Text made safe for an HTML attribute or element.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits_and_no_negative_zero() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1.000"),
            (0.012344, "0.01234"),
            (9.99996, "10.00"),
            (-12345.6, "−12,346"),
            (999_999.7, "1.00×10⁶"),
            (1.234e-7, "1.23×10⁻⁷"),
            (-5e-324, "−4.94×10⁻³²⁴"),
            (f64::NAN, "—"),
            (f64::NEG_INFINITY, "−∞"),
        ];
        for (value, text) in cases {
            assert_eq!(num(value), text, "{value:e}");
        }
        assert_eq!(fixed(-0.0004, 2), "0.00");
        assert_eq!(fixed(1_234_567.0, 0), "1,234,567");
    }

    #[test]
    fn the_error_decides_the_decimals() {
        let shown = |v| to_error(v, Some(0.0731));
        assert_eq!([shown(0.15324), shown(0.009924), shown(0.0731)], ["0.153", "0.010", "0.073"]);
        assert_eq!(to_error(0.1, Some(0.0099996)), "0.100");
        assert_eq!(to_error(0.15324, None), "0.1532");
        assert_eq!(to_error(3e9, Some(2e8)), "3.00×10⁹");
        assert_eq!(to_error(f64::NAN, Some(0.1)), "—");
    }

    #[test]
    fn shares_and_levels_read_as_percent() {
        assert_eq!(percent(0.81234), "81.2\u{a0}%");
        assert_eq!(percent(f64::NAN), "—");
        assert_eq!(level(0.95), "95");
        assert_eq!(level(0.975), "97.5");
        assert_eq!(level(0.9), "90");
        assert_eq!(moment(Axis::Numbers, 604.0), "604");
        assert_eq!(moment(Axis::Numbers, 0.25), "0.2500");
        assert_eq!(moment(Axis::Dates, -86_400.0), "1969-12-31");
        assert_eq!(p_value(0.00021), "<\u{a0}0.001");
    }

    #[test]
    fn skill_shows_sign_and_error() {
        assert_eq!(skill(Some(0.0321), Some(0.0051)), "+3.2\u{a0}±\u{a0}0.5\u{a0}%");
        assert_eq!(skill(Some(-0.00031), Some(0.0004)), "−0.03\u{a0}±\u{a0}0.04\u{a0}%");
        assert_eq!(skill(None, Some(0.1)), "—");
        assert_eq!(skill(Some(f64::NAN), None), "—");
    }

    #[test]
    fn markup_in_names_is_disarmed() {
        assert_eq!(escape(r#"<script>"&'"#), "&lt;script&gt;&quot;&amp;&#39;");
        assert_eq!(clip("alpha-pinene", 6), "alpha…");
    }
}
