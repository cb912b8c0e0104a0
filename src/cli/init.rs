//! `kramers init`: a commented copy of a model file to edit.

use super::Outcome;
use super::args::{Common, InitArgs};
use super::input::read_model_text;
use super::output::{Output, write_whole};
use crate::base::{Error, Result};
use crate::models::{annotate, read, to_toml};
use std::path::Path;

pub(super) fn run(args: &InitArgs, common: &Common, output: &Output) -> Result<Outcome> {
    let (file, text) = read_model_text(&args.model, output)?;
    let model = read(&file, &text)?;
    let id = format!("my-{}", model.id);
    let copy = annotate(&to_toml(&file, &text)?, &id);
    let path = common.output.clone().unwrap_or_else(|| format!("{id}.toml"));
    if path == "-" {
        output.print(&copy);
        return Ok(Outcome::Good);
    }
    if Path::new(&path).exists() {
        return Err(Error::BadOption {
            flag: "-o".to_string(),
            value: path.clone(),
            expected: "the file is there already, and is not overwritten".to_string(),
            hint: Some(format!("-o another-name.toml, or edit {path} as it is")),
        });
    }
    write_whole(path.as_ref(), &copy)?;
    output.say(&format!("wrote {path}\n\nhint: edit it, then kramers models {path} --verify"));
    Ok(Outcome::Good)
}
