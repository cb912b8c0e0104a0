//! Documents as text: indented, and no character in a string acts on a terminal instead of being seen.

use crate::base::text::printable_json;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{Formatter, PrettyFormatter};
use std::io::{Result, Write};

/// Write a document and a line end, piece by piece.
///
/// # Errors
/// Those of the writer.
pub(super) fn write(document: &impl Serialize, mut to: impl Write) -> Result<()> {
    document.serialize(&mut Serializer::with_formatter(&mut to, Visible(PrettyFormatter::new())))?;
    to.write_all(b"\n")
}

/// The same as text.
pub(super) fn text(document: &impl Serialize) -> Option<String> {
    let mut bytes = Vec::new();
    write(document, &mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

/// How many values a document holds, without reading it: no fewer than it has. What is no document has any number.
pub(super) fn values(bytes: &[u8]) -> usize {
    let (mut values, mut in_string, mut is_escaped) = (1, false, false);
    for byte in bytes {
        match (in_string, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b',' | b'[' | b'{') => values += 1,
            _ => {}
        }
    }
    values
}

/// The usual layout, its strings through [`printable_json`].
struct Visible(PrettyFormatter<'static>);

impl Formatter for Visible {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> Result<()> {
        writer.write_all(printable_json(fragment).as_bytes())
    }

    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_acts_is_written_out_and_comes_back_the_same() {
        let document = json!({ "a\u{202e}": ["\u{1b}[31m", 1.5, {}], "b": null });
        let told = text(&document).expect("text");
        assert!(told.contains("a\\u202e") && !told.contains('\u{1b}') && !told.contains('\u{202e}'), "{told}");
        assert_eq!(serde_json::from_str::<Value>(&told).expect("JSON"), document);
        // Five values, two of them lists; what stands in strings is not counted.
        assert_eq!(values(br#"[1, "a, [\"{,", {"b": []}]"#), 6);
        assert!(values(told.as_bytes()) >= 5);
        let plain = json!({ "a": [1, 2], "b": { "c": "d" } });
        assert_eq!(text(&plain).expect("text"), format!("{plain:#}\n"));
    }
}
