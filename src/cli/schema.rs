//! JSON Schemas (2020-12) of the documents that runs write, as in `schemas/`. A version is in a schema's name and in every
//! document's `schema`; keys are added under the same number, and never change meaning.

use super::Outcome;
use super::args::Common;
use super::output::{Folder, Output};
use crate::base::{Error, Result, suggest::nearest};
use serde_json::{Value, json};

/// Parts that the documents share; each schema refers to them as `common-1.json`.
const COMMON: &str = include_str!("../../schemas/common-1.json");

macro_rules! schemas {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../../schemas/", $name, "-1.json")))),*] };
}

/// Documents by name.
const SCHEMAS: [(&str, &str); 13] = schemas![
    "report", "check", "models", "fit", "forecast", "backtest", "compare", "discover", "tune", "solve", "simulate",
    "figures", "error"
];

/// One schema, whole; or their list; with -o all of them as files.
pub(super) fn run(name: Option<&str>, common: &Common, output: &Output) -> Result<Outcome> {
    if let Some(name) = name {
        let document = whole(find(name)?)?;
        output.print(&format!("{document:#}\n"));
        return Ok(Outcome::Good);
    }
    if let Some(folder) = Folder::asked(common)? {
        for (name, text) in SCHEMAS {
            folder.write(&format!("{name}-1.json"), &format!("{:#}\n", whole(text)?))?;
        }
    }
    let titles = SCHEMAS.iter().map(|(_, text)| parsed(text)).collect::<Result<Vec<Value>>>()?;
    let word = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_string();
    output.document(&json!({ "schemas": titles.iter().map(|t| word(t, "title")).collect::<Vec<_>>() }));
    for title in &titles {
        let told = word(title, "description");
        output.text(&format!("{:20} {}\n", word(title, "title"), told.split(". ").next().unwrap_or_default()));
    }
    Ok(Outcome::Good)
}

/// `fit`, `fit@1` or `kramers/fit@1`.
fn find(name: &str) -> Result<&'static str> {
    let plain = name.strip_prefix("kramers/").unwrap_or(name);
    let plain = plain.strip_suffix("@1").unwrap_or(plain);
    SCHEMAS.iter().find(|(known, _)| *known == plain).map(|(_, text)| *text).ok_or_else(|| {
        let names: Vec<&str> = SCHEMAS.iter().map(|(known, _)| *known).collect();
        Error::BadOption {
            flag: "NAME".to_string(),
            value: name.to_string(),
            expected: format!("the documents are {}", names.join(", ")),
            hint: nearest(plain, names).map(|near| format!("kramers schema {near}")),
        }
    })
}

/// A schema with the common parts inside, so that it stands alone.
fn whole(text: &str) -> Result<Value> {
    let mut schema = parsed(text)?;
    schema["$defs"] = json!({ "common": parsed(COMMON)? });
    Ok(schema)
}

fn parsed(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|e| Error::Numerics {
        what: "the schema".to_string(),
        why: e.to_string(),
        hint: "this is a bug of kramers; the files are in schemas/".to_string(),
    })
}
