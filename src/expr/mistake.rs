//! What a person meant by text that is not an expression: the message, and where the caret stands.

use crate::base::Error;

/// A mistake at a character of the text.
#[derive(Debug)]
pub(super) struct Mistake {
    pub at: usize,
    pub message: String,
    pub nearest: Option<String>,
}

impl Mistake {
    /// Boxed, so that the frames of the recursive parser stay small.
    pub fn new(at: usize, message: impl Into<String>) -> Box<Mistake> {
        Box::new(Mistake { at, message: message.into(), nearest: None })
    }

    /// As [`Mistake::new`], with the known name that an unknown one is nearest to.
    pub fn with_nearest(at: usize, message: impl Into<String>, nearest: Option<&str>) -> Box<Mistake> {
        Box::new(Mistake { at, message: message.into(), nearest: nearest.map(str::to_string) })
    }

    /// The error with line, column and the line of text it stands on.
    pub fn placed(self, chars: &[char], place: &str) -> Error {
        let before = &chars[..self.at.min(chars.len())];
        let line = 1 + before.iter().filter(|c| **c == '\n').count();
        let start = before.iter().rposition(|c| *c == '\n').map_or(0, |i| i + 1);
        let column = 1 + before.len() - start;
        // A long line is shown around the mistake.
        let from = if column > 150 { start + column - 100 } else { start };
        let text = chars[from..].iter().take_while(|c| **c != '\n').take(200).collect();
        let caret = column - (from - start);
        let Mistake { message, nearest, .. } = self;
        Error::Expression { place: place.to_string(), line, column, message, text, caret, nearest }
    }
}

/// A word of the text as a message may show it.
pub(super) fn short(word: &str) -> String {
    if word.chars().count() <= 40 {
        return word.to_string();
    }
    word.chars().take(40).chain(['…']).collect()
}

/// The sign an expression has for one that a person copied from print.
fn typed(sign: char) -> Option<&'static str> {
    Some(match sign {
        '−' | '–' | '—' | '‐' | '‑' => "write - for a minus",
        '×' | '·' | '⋅' | '∙' | '∗' | '•' => "write * to multiply",
        '÷' | '∕' | '⁄' => "write / to divide",
        '¹' | '²' | '³' | '⁰' | '⁴' | '⁵' | '⁶' | '⁷' | '⁸' | '⁹' | '⁻' => {
            "write ^ for a power, as in x^2"
        }
        '√' => "write sqrt(…)",
        '≤' => "write <=",
        '≥' => "write >=",
        '≠' => "write !=",
        '∧' => "write and",
        '∨' => "write or",
        '¬' => "write not",
        '∞' => "write inf",
        '½' => "write 1/2",
        '{' | '}' | '[' | ']' => "group with ( and )",
        '%' => "write /100 for per cent",
        '?' | ':' => "write if(condition, a, b) for a choice",
        '|' => "write abs(…) for the size, or for either of two conditions",
        '&' => "write and for both of two conditions",
        '\'' | '"' | '’' | '“' | '”' => "an expression has no quotes",
        ';' => "one expression at a time",
        _ => return None,
    })
}

/// The mistake of a character that cannot stand where it does.
pub(super) fn unexpected(chars: &[char], at: usize) -> Box<Mistake> {
    let Some(found) = chars.get(at).copied() else {
        return Mistake::new(at, "the expression ends too soon");
    };
    let digit = |i: Option<usize>| i.and_then(|i| chars.get(i)).is_some_and(char::is_ascii_digit);
    if found == ',' && digit(at.checked_sub(1)) && digit(Some(at + 1)) {
        return Mistake::new(at, "did not expect ',' here: a decimal point is a dot");
    }
    if found == '=' {
        return Mistake::new(at, "write == to compare");
    }
    match typed(found) {
        Some(instead) => Mistake::new(at, format!("did not expect '{found}' here: {instead}")),
        None => Mistake::new(at, format!("did not expect '{}' here", found.escape_debug())),
    }
}

/// The mistake of two values side by side, the second at `at`: `2x`, `2 x`, `x (y + 1)`.
pub(super) fn missing_operator(chars: &[char], at: usize) -> Box<Mistake> {
    let in_word = |c: &&char| c.is_alphanumeric() || **c == '_' || **c == '.';
    let before: Vec<char> =
        chars[..at].iter().rev().skip_while(|c| c.is_whitespace()).take_while(in_word).copied().collect();
    // `2x` is one word: the part before the mark is the left one.
    let left: String = before.iter().rev().collect();
    let right: String = chars[at..].iter().take_while(in_word).collect();
    let left = if left.is_empty() { "(…)".to_string() } else { short(&left) };
    let right = if right.is_empty() { "(…)".to_string() } else { short(&right) };
    Mistake::new(at, format!("an operator is missing: write {left}*{right}"))
}
