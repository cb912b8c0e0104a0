//! The XML of an SBML file: elements, their attributes, and the place of a mistake. The only file that names the XML crate.

use super::super::reader::Source;
use crate::base::{Error, Result};
use roxmltree::{Document, Error as XmlError, Node, ParsingOptions};

/// An element.
pub(super) type Xml<'a> = Node<'a, 'a>;

/// # Errors
/// [`Error::ModelSyntax`] for what is no XML, or has a document type: entities that stand for others are not expanded.
pub(super) fn parse<'a>(source: Source<'a>) -> Result<Document<'a>> {
    // Its bytes are limited, and an element is made of some.
    let options = ParsingOptions::default();
    Document::parse_with_options(source.text, options).map_err(|error| {
        let place = error.pos();
        let message = match &error {
            XmlError::DtdDetected => {
                "a document type (<!DOCTYPE …>) is not read: its entities could stand for anything; remove it"
                    .to_string()
            }
            other => format!("this is not XML: {}", sentence(&other.to_string())),
        };
        let (line, column) = (place.row as usize, place.col as usize);
        Error::ModelSyntax { file: source.file.to_string(), line, column, message }
    })
}

/// Without the place at the end, which the error has.
fn sentence(text: &str) -> &str {
    text.rsplit_once(" at ").map_or(text, |(before, _)| before)
}

/// A mistake at an element.
pub(super) fn wrong(source: Source, node: Xml, message: impl Into<String>) -> Error {
    let place = node.document().text_pos_at(node.range().start);
    Error::ModelSyntax {
        file: source.file.to_string(),
        line: place.row as usize,
        column: place.col as usize,
        message: message.into(),
    }
}

/// The first child element of this name in the namespace of its parent.
pub(super) fn child<'a>(node: Xml<'a>, name: &str) -> Option<Xml<'a>> {
    elements(node).find(|c| is_core(node, *c) && c.tag_name().name() == name)
}

/// The child elements of `listOf…`, without notes and annotations.
pub(super) fn list<'a>(node: Xml<'a>, name: &str) -> Vec<Xml<'a>> {
    let Some(list) = child(node, name) else { return Vec::new() };
    let words = |c: &Xml| matches!(c.tag_name().name(), "notes" | "annotation");
    elements(list).filter(|c| is_core(node, *c) && !words(c)).collect()
}

/// Child elements of any namespace.
pub(super) fn elements<'a>(node: Xml<'a>) -> impl Iterator<Item = Xml<'a>> {
    node.children().filter(|c| c.is_element())
}

fn is_core(parent: Xml, node: Xml) -> bool {
    node.tag_name().namespace() == parent.tag_name().namespace()
}

/// The `<math>` of an element, of whatever prefix.
pub(super) fn math(node: Xml) -> Option<Xml> {
    elements(node).find(|c| c.tag_name().name() == "math")
}

/// What packages a document needs, with their prefix: `(name, uri)`.
pub(super) fn required_packages(root: Xml) -> Vec<String> {
    let needed = root.attributes().filter(|a| a.name() == "required" && a.value().trim() == "true");
    needed.filter_map(|a| a.namespace()).map(str::to_string).collect()
}

pub(super) fn text<'a>(node: Xml<'a>, name: &str) -> Option<&'a str> {
    node.attribute(name).map(str::trim)
}

/// # Errors
/// [`Error::ModelSyntax`] where the attribute is missing.
pub(super) fn needed<'a>(source: Source, node: Xml<'a>, name: &str) -> Result<&'a str> {
    let kind = node.tag_name().name();
    text(node, name).ok_or_else(|| wrong(source, node, format!("<{kind}> lacks its attribute '{name}'")))
}

/// # Errors
/// [`Error::ModelSyntax`] where the attribute is no number.
pub(super) fn number(source: Source, node: Xml, name: &str) -> Result<Option<f64>> {
    let Some(value) = text(node, name) else { return Ok(None) };
    match value.parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(Some(x)),
        // What is not known yet is written so too.
        Ok(x) if x.is_nan() => Ok(None),
        _ => {
            let kind = node.tag_name().name();
            Err(wrong(
                source,
                node,
                format!("the attribute '{name}' of <{kind}> is '{value}', which is no finite number"),
            ))
        }
    }
}

/// # Errors
/// [`Error::ModelSyntax`] where the attribute is neither true nor false.
pub(super) fn flag(source: Source, node: Xml, name: &str, other: bool) -> Result<bool> {
    match text(node, name) {
        None => Ok(other),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(value) => Err(wrong(source, node, format!("the attribute '{name}' is '{value}', not true or false"))),
    }
}
