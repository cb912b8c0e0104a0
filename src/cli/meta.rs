//! Completions and the man pages, from the same definition as the help.

use super::Outcome;
use super::args::{Cli, Common};
use super::output::{Folder, Output};
use crate::base::{Error, Result, suggest::nearest};
use clap::{Command, CommandFactory};

pub(super) fn completions(shell: clap_complete::Shell, output: &Output) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "kramers", &mut script);
    output.print(&String::from_utf8_lossy(&script));
    Ok(Outcome::Good)
}

/// The page of the program, or of one verb; with -o all pages as files.
pub(super) fn man(verb: Option<&str>, common: &Common, output: &Output) -> Result<Outcome> {
    let mut whole = Cli::command().disable_help_subcommand(true);
    whole.build();
    let verbs: Vec<&str> = whole.get_subcommands().map(Command::get_name).collect();
    if let Some(verb) = verb {
        let found = whole.find_subcommand(verb).ok_or_else(|| Error::BadOption {
            flag: "VERB".to_string(),
            value: verb.to_string(),
            expected: format!("the commands are {}", verbs.join(", ")),
            hint: nearest(verb, verbs).map(|near| format!("kramers man {near}")),
        })?;
        output.print(&page(found)?.1);
        return Ok(Outcome::Good);
    }
    let Some(folder) = Folder::asked(common)? else {
        output.print(&page(&whole)?.1);
        return Ok(Outcome::Good);
    };
    for command in [&whole].into_iter().chain(whole.get_subcommands()) {
        let (name, text) = page(command)?;
        folder.write(&name, &text)?;
    }
    Ok(Outcome::Good)
}

/// Name of the file and text of a command's page.
fn page(command: &Command) -> Result<(String, String)> {
    let man = clap_mangen::Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page).map_err(|e| Error::FileUnwritable { path: "-".into(), reason: e.to_string() })?;
    Ok((man.get_filename(), String::from_utf8_lossy(&page).into_owned()))
}
