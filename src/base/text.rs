//! Text that came from elsewhere, made harmless where it is shown: on a terminal, in a cell of a table, as the name of a file.

use std::borrow::Cow;

/// Characters that act instead of being seen: controls of a terminal, marks that turn the direction of writing, what has no width.
fn acts(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Soft hyphen, combining joiner, Arabic letter mark, fillers, vowel separator.
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        // Of no width, separators of lines, direction (Boucher & Anderson 2023, "Trojan Source").
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn written_out(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match acts(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A name on one line, with every character in it that would act instead of being seen written out, as `\n` or `\u{202e}`.
///
/// ```
/// use kramers::base::text::visible;
/// assert_eq!(visible("price\n(\u{202e}usd)"), r"price\n(\u{202e}usd)");
/// assert_eq!(visible("Preis in €, سعر"), "Preis in €, سعر");
/// ```
pub fn visible(name: &str) -> Cow<'_, str> {
    written_out(name, acts)
}

/// The first `most` characters of a name, [`visible`], with `…` where it was longer.
pub fn clip(name: &str, most: usize) -> String {
    let name = visible(name);
    if name.chars().count() <= most {
        return name.into_owned();
    }
    let mut short: String = name.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Lines of text for a terminal: as [`visible`], but for line feeds and tabs.
pub fn printable(text: &str) -> Cow<'_, str> {
    written_out(text, |c| !matches!(c, '\n' | '\t') && acts(c))
}

/// A document in JSON with such characters as `\u202e`: the same values, and harmless on a terminal.
pub fn printable_json(text: &str) -> Cow<'_, str> {
    // They can only stand inside of strings; those below a blank are written out already.
    let acts = |c: char| c >= '\u{7f}' && acts(c);
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match acts(c) {
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A text cell of a CSV: quoted where it has to be, and never a formula.
///
/// A cell that a spreadsheet would run gets a leading apostrophe, which spreadsheets take for "this is text" (OWASP, "CSV injection", with the
/// full-width signs that some of them read alike). Numbers are not to go through here.
pub fn csv_cell(text: &str) -> String {
    let begins = text.trim_start_matches([' ', '\u{a0}']);
    let risky = begins.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let plain = if risky { format!("'{text}") } else { text.to_string() };
    // Where the comma is the decimal mark, spreadsheets part cells at semicolons, some at tabs.
    if plain.contains([',', ';', '\t', '"', '\n', '\r']) {
        format!("\"{}\"", plain.replace('"', "\"\""))
    } else {
        plain
    }
}

/// Longest name of a file made of somebody's text, in characters.
const LONGEST_STEM: usize = 80;

/// The name of a file or folder made of a text: letters, digits and a few signs, no path, no name that some system keeps for itself.
///
/// What had to be changed is told apart by a fingerprint of the text, so different texts have different names; two that differ in case alone
/// are as different as the file system says.
///
/// ```
/// use kramers::base::text::file_stem;
/// assert_eq!(file_stem("eurusd_2020"), "eurusd_2020");
/// assert!(file_stem("../../etc/passwd").starts_with("etc_passwd-"));
/// assert!(file_stem("con").starts_with("con-"));
/// ```
pub fn file_stem(text: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '+' | ' ' | '(' | ')');
    let mapped: String = text.chars().take(LONGEST_STEM).map(|c| if kept(c) { c } else { '_' }).collect();
    // A leading minus is a flag to every program, a blank at an end is lost on some systems.
    let stem = mapped.trim_matches(|c: char| matches!(c, '_' | ' ' | '-'));
    let is_same = stem == text && !is_reserved(stem) && !stem.is_empty();
    if is_same {
        stem.to_string()
    } else {
        format!("{}-{:08x}", if stem.is_empty() { "data" } else { stem }, fold(text))
    }
}

/// Names that Windows keeps for devices, whatever follows a point.
fn is_reserved(stem: &str) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let low = stem.to_lowercase();
    let numbered =
        |kind: &str| low.strip_prefix(kind).is_some_and(|n| n.chars().count() == 1 && n.chars().all(char::is_numeric));
    DEVICES.contains(&low.as_str()) || numbered("com") || numbered("lpt")
}

/// A fingerprint of 32 bits (FNV-1a).
fn fold(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |h: u32, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_is_left() {
        let hostile = "a\u{1b}[2Jb\u{9b}c\u{202e}d\u{200b}e\u{feff}f\0g\u{7f}h\u{e0041}\r\n\t";
        let shown = visible(hostile);
        assert!(!shown.chars().any(acts), "{shown}");
        assert!(shown.starts_with(r"a\u{1b}[2Jb\u{9b}c\u{202e}d"), "{shown}");
        assert!(printable("a\n\tb\u{1b}").starts_with("a\n\tb\\u"));
        let letters = "plain, Größe 温度 مرحبا שלום 😀 ²√·—…";
        assert!(matches!(visible(letters), Cow::Borrowed(_)) && matches!(printable_json(letters), Cow::Borrowed(_)));
    }

    #[test]
    fn a_document_keeps_its_values() {
        let value = serde_json::json!({ "a\u{202e}": "\u{1b}\u{9b}\u{e0041}\n" });
        let text = value.to_string();
        let safe = printable_json(&text);
        assert!(!safe.chars().any(acts), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).expect("JSON"), value);
    }

    #[test]
    fn no_cell_is_a_formula_and_each_stays_one_cell() {
        for risky in ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", " =1", "＝1", "＠a"] {
            let cell = csv_cell(risky);
            assert!(cell.trim_start_matches('"').starts_with('\''), "{cell}");
        }
        assert_eq!(csv_cell("plain"), "plain");
        assert_eq!(csv_cell("a,b"), "\"a,b\"");
        assert_eq!(csv_cell("a;=b"), "\"a;=b\"");
        assert_eq!(csv_cell("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(csv_cell("=HYPERLINK(1,2)"), "\"'=HYPERLINK(1,2)\"");
    }

    #[test]
    fn names_of_files_are_safe_and_distinct() {
        let hostile = [
            "../../etc",
            "..",
            ".",
            "",
            "a/b",
            "a\\b",
            "a:b",
            "CON",
            "nul",
            "com1",
            "lpt9",
            "-rf",
            "x ",
            "a\nb",
            "a\u{202e}b",
            "<script>",
            "$(rm)",
            "`x`",
            "a'b",
            "a\"b",
            "*",
            "?",
            "~",
            "a;b",
            "a&b",
            "\u{1b}[2J",
        ];
        let long = ["x".repeat(10_000), "x".repeat(10_001)];
        let texts: Vec<&str> = hostile.into_iter().chain(long.iter().map(String::as_str)).collect();
        let names: std::collections::BTreeSet<String> = texts.iter().map(|t| file_stem(t)).collect();
        assert_eq!(names.len(), texts.len(), "{names:?}");
        for name in &names {
            assert!(
                !name.contains(['/', '\\', ':', '.', '\n', '<', '"', '\'', '$', '`', '*']) && name.len() < 200,
                "{name}"
            );
            assert!(!name.starts_with(['-', ' ']) && !is_reserved(name), "{name}");
        }
        for plain in ["wti", "dgs10", "EUR_USD", "my data (2)", "größe", "600519-SS"] {
            assert_eq!(file_stem(plain), plain);
        }
    }
}
