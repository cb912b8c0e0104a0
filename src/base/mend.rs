//! Lines of a shell that mend a data file, for the hints under an error: what a spreadsheet or a bank left in it is taken out.
//!
//! Only what one line of `sed` or `tail` does safely; everything else is left to the user's editor.

/// Writes the rows of a file again without what stands around a number in `cell`: a percent sign, a currency, a unit.
///
/// `None` where nothing but a number would not be left, or where the file cannot be named (standard input, packed).
pub(super) fn without_sign(name: &str, cell: &str) -> Option<String> {
    let digit = |c: char| c.is_ascii_digit();
    let (from, to) = (cell.find(digit)?, cell.rfind(digit)? + 1);
    let number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | ' '));
    let (before, after) = (cell[..from].trim_matches(['-', '+', '.']), &cell[to..]);
    let sign = match (before.trim().is_empty(), after.trim().is_empty()) {
        (true, false) => after,
        (false, true) => before,
        _ => return None,
    };
    if !number(&cell[from..to]) || sign.contains('\'') || sign.chars().any(char::is_control) {
        return None;
    }
    let pattern: String =
        sign.chars().flat_map(|c| "/.*[]\\^$".contains(c).then_some('\\').into_iter().chain([c])).collect();
    Some(format!("{} takes '{}' away", rewritten(name, &format!("sed '1!s/{pattern}//g'"))?, sign.trim()))
}

/// Leaves out the lines above the header.
pub(super) fn from_line(name: &str, line: usize) -> Option<String> {
    Some(format!("{} leaves out what stands above line {line}", rewritten(name, &format!("tail -n +{line}"))?))
}

/// Leaves out one line, such as one of totals.
pub(super) fn without_line(name: &str, line: usize) -> Option<String> {
    Some(format!("{} leaves line {line} out", rewritten(name, &format!("sed '{line}d'"))?))
}

/// Parts two fields by a semicolon, so that a comma may stand in the second.
pub(super) fn with_semicolons(name: &str) -> Option<String> {
    Some(format!("{} parts the two fields by a semicolon", rewritten(name, "sed 's/,/;/'")?))
}

/// `TOOL FILE > FILE.clean.csv`, as a shell wants it typed.
fn rewritten(name: &str, tool: &str) -> Option<String> {
    let plain = name.strip_suffix(".csv").or_else(|| name.strip_suffix(".txt"))?;
    Some(format!("{tool} {} > {}", super::hints::shell(name), super::hints::shell(&format!("{plain}.clean.csv"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_number_is_taken_away_and_nothing_else() {
        let line = |cell: &str| without_sign("a.csv", cell);
        assert_eq!(line("2.5%").unwrap(), "sed '1!s/%//g' a.csv > a.clean.csv takes '%' away");
        assert_eq!(line("$1,250.10").unwrap(), "sed '1!s/\\$//g' a.csv > a.clean.csv takes '$' away");
        assert_eq!(line("-$3").unwrap(), line("$3").unwrap());
        assert_eq!(line("-3 USD").unwrap(), "sed '1!s/ USD//g' a.csv > a.clean.csv takes 'USD' away");
        for none in ["oops", "1a2", "(3)", "1:30", "5'%'"] {
            assert_eq!(line(none), None, "{none}");
        }
        assert_eq!(without_sign("stdin", "2.5%"), None);
        assert_eq!(
            from_line("my prices.csv", 3).unwrap().split(" leaves").next(),
            Some("tail -n +3 'my prices.csv' > 'my prices.clean.csv'")
        );
    }
}
