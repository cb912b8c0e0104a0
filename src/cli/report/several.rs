//! Models that a report cannot forecast, since one column does not tell their state, and what to type instead.

use crate::base::hints::shell;
use crate::base::{Error, Result};
use crate::cli::args::ReportArgs;
use crate::fit::latent::is_latent;
use crate::form::{Form, Transitions};
use crate::models::Model;
use crate::process::Process;

/// A report is of forecasts of one column; the page of a fit shows all species or states.
///
/// # Errors
/// [`Error::BadOption`] with the command that makes that page.
pub(super) fn refuse(model: &Model, args: &ReportArgs) -> Result<()> {
    let one_tells = match &model.process {
        Process::Network(_) => Transitions::new(model, Form::MasterEquation).is_ok(),
        Process::Diffusion(process) => process.states.len() == 1 || is_latent(model),
        _ => true,
    };
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    if one_tells || names.len() < 2 {
        return Ok(());
    }
    let input = &args.data.input;
    let stem = input.rsplit(['/', '\\']).next().and_then(|name| name.split('.').next()).unwrap_or("data");
    // What was typed for the columns is kept; else they are called as the model's.
    let value = args.data.value.clone().filter(|v| v.split(',').count() == names.len());
    let columns = value.map_or(String::new(), |value| format!(" --value {}", shell(&value)));
    let typed = args.model.iter().find(|typed| typed.contains(model.id.as_str())).unwrap_or(&model.id);
    Err(Error::BadOption {
        flag: "--model".to_string(),
        value: model.id.clone(),
        expected: format!(
            "a model that one column tells: a report forecasts one column, and this model is of {}",
            names.join(", ")
        ),
        hint: Some(format!(
            "kramers fit {} -m {}{columns} -o {} fits it and writes a page",
            shell(input),
            shell(typed),
            shell(&format!("reports/{stem}"))
        )),
    })
}
