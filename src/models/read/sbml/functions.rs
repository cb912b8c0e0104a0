//! Function definitions, which are written out where they are called.

use super::super::reader::Source;
use super::document::{Xml, elements, list, math, needed, wrong};
use crate::base::Result;
use std::collections::HashMap;

/// `lambda(x, y: body)`, or a law that the function is said to draw from.
pub(super) struct Function<'a> {
    pub arguments: Vec<&'a str>,
    pub body: Xml<'a>,
    /// The last part of the page that defines the law, `Normal_distribution`: the convention before the package distrib.
    pub law: Option<&'a str>,
}

pub(super) fn read<'a>(source: Source, model: Xml<'a>) -> Result<HashMap<&'a str, Function<'a>>> {
    let mut functions = HashMap::new();
    for node in list(model, "listOfFunctionDefinitions") {
        let id = needed(source, node, "id")?;
        if let Some(drawn) = node.descendants().find(|d| d.tag_name().name() == "drawFromDistribution") {
            let message = format!(
                "the function '{id}' uses drawFromDistribution of an early draft of distrib, which is not read"
            );
            return Err(wrong(source, drawn, message));
        }
        let law = node.descendants().filter(|d| d.tag_name().name() == "distribution");
        let law = law.filter_map(|d| d.attribute("definition")).find_map(|url| url.rsplit('/').next());
        let lambda = math(node).and_then(|m| m.descendants().find(|d| d.tag_name().name() == "lambda"));
        let Some(lambda) = lambda else {
            return Err(wrong(source, node, format!("the function '{id}' has no <lambda>")));
        };
        let mut arguments = Vec::new();
        let mut body = None;
        for part in elements(lambda) {
            if part.tag_name().name() == "bvar" {
                let name = elements(part).next().and_then(|ci| ci.text()).map(str::trim);
                arguments.push(name.ok_or_else(|| wrong(source, part, "<bvar> holds no name"))?);
            } else {
                body = Some(part);
            }
        }
        let body = body.ok_or_else(|| wrong(source, lambda, format!("the function '{id}' has no body")))?;
        functions.insert(id, Function { arguments, body, law });
    }
    Ok(functions)
}
