//! Completions and the man page, from the same definition as the help.

use super::Outcome;
use super::args::Cli;
use super::output::Output;
use crate::base::{Error, Result};
use clap::CommandFactory;

pub(super) fn completions(shell: clap_complete::Shell, output: &Output) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "kramers", &mut script);
    output.print(&String::from_utf8_lossy(&script));
    Ok(Outcome::Good)
}

pub(super) fn man(output: &Output) -> Result<Outcome> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|e| Error::FileUnwritable { path: "-".into(), reason: e.to_string() })?;
    output.print(&String::from_utf8_lossy(&page));
    Ok(Outcome::Good)
}
