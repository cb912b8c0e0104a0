//! Where answers go: stdout, stderr for talk, and the files of [`super::files`].

use super::args::Common;
pub(super) use super::files::{Folder, Growing, write_whole};
use super::json;
use crate::base::text::{printable, visible};
use crate::base::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How to speak: for a person or for a program.
#[derive(Debug)]
pub(super) struct Output {
    pub json: bool,
    pub quiet: bool,
    pub verbose: bool,
    progress: bool,
}

impl Output {
    /// For tests.
    #[cfg(test)]
    pub const QUIET: Output = Output { json: false, quiet: true, verbose: false, progress: false };

    /// The same without notes.
    pub fn silent(&self) -> Output {
        Output { quiet: true, ..*self }
    }

    pub fn new(common: &Common) -> Output {
        let progress = !common.no_progress && !common.quiet && std::io::stderr().is_terminal();
        Output { json: common.json, quiet: common.quiet, verbose: common.verbose, progress }
    }

    /// The same without talk, where the answer itself says it.
    pub fn hushed(&self) -> Output {
        Output { quiet: true, progress: false, ..*self }
    }

    /// Data to stdout.
    pub fn print(&self, text: &str) {
        print(text);
    }

    /// The document of the run, with `--json`. It is told when the run has ended well, by [`tell`]: exactly one goes to stdout, and a run that
    /// cannot write its files tells that.
    pub fn document(&self, document: &impl Serialize) {
        if self.json {
            // What is made of values and numbers has a text.
            *held(&DOCUMENT) = json::text(document);
        }
    }

    /// The document of the run, the last thing a verb gives: to stdout with `--json`, as run.json into the folder of `-o`, and what it
    /// warns of to stderr. A warning stands in the document or nowhere.
    ///
    /// # Errors
    /// As [`Folder::write`].
    pub fn deliver(&self, document: &Value, folder: Option<&Folder>) -> Result<()> {
        self.document(document);
        if let Some(folder) = folder {
            folder.write_document(document)?;
        }
        self.warn(document);
        Ok(())
    }

    /// What a document warns of, to whom asked for quiet as well.
    pub fn warn(&self, document: &Value) {
        let warnings = warnings(document);
        for warning in warnings.iter().take(MOST_WARNINGS) {
            complain(&format!("warning: {warning}"));
        }
        if warnings.len() > MOST_WARNINGS {
            let rest = warnings.len() - MOST_WARNINGS;
            complain(&format!("warning: and {rest} more, all in run.json (-o) and --json"));
        }
    }

    /// As [`Output::document`], of a document too large to make unasked.
    pub fn document_from(&self, make: impl FnOnce() -> Value) {
        if self.json {
            self.document(&make());
        }
    }

    /// Text for people, kept from stdout when a document goes there.
    pub fn text(&self, text: &str) {
        if !self.json {
            self.print(text);
        }
    }

    /// Talk, to stderr.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            complain(text);
        }
    }

    /// Details, to stderr, for those who asked.
    pub fn detail(&self, text: &str) {
        if self.verbose {
            self.say(text);
        }
    }

    /// A sign of life while something of unknown length runs.
    pub fn spinner(&self, what: String) -> ProgressBar {
        if !self.progress {
            return ProgressBar::hidden();
        }
        let spinner = ProgressBar::new_spinner().with_message(visible(&what).into_owned());
        spinner.enable_steady_tick(std::time::Duration::from_millis(120));
        spinner
    }

    /// A bar of `length` steps on a terminal, nothing elsewhere.
    pub fn bar(&self, length: usize, what: &str) -> ProgressBar {
        if !self.progress {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(length as u64).with_message(visible(what).into_owned());
        let style = ProgressStyle::with_template("{msg:24} {bar:32} {pos}/{len} windows, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }
}

/// More warnings than this are not said one by one.
const MOST_WARNINGS: usize = 20;

/// Every text under `warnings` in a document, after the name of the series it is of.
pub(super) fn warnings(document: &Value) -> Vec<String> {
    fn walk(value: &Value, name: Option<&str>, out: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                let own = ["series", "id"].iter().find_map(|key| map.get(*key)?.as_str());
                let name = own.or(name);
                for (key, inner) in map {
                    match inner.as_array().filter(|_| key == "warnings") {
                        Some(texts) => {
                            let of = name.map_or(String::new(), |name| format!("{name}: "));
                            out.extend(texts.iter().filter_map(Value::as_str).map(|text| format!("{of}{text}")));
                        }
                        None => walk(inner, name, out),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|inner| walk(inner, name, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(document, None, &mut out);
    // A report says of a series what its fit says as well.
    let mut seen = std::collections::HashSet::new();
    out.retain(|text| seen.insert(text.clone()));
    out
}

/// Why data did not reach stdout, the first time.
static UNTOLD: Mutex<Option<Error>> = Mutex::new(None);
/// The document of the run.
static DOCUMENT: Mutex<Option<String>> = Mutex::new(None);
/// Whether the one document of the run was told, or is being told.
static TOLD: AtomicBool = AtomicBool::new(false);

fn held<T>(what: &'static Mutex<T>) -> MutexGuard<'static, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Data to stdout. A closed pipe is the reader's choice and no error; anything else the run will end with, by [`untold`].
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(printable(text).as_bytes()).and_then(|()| out.flush()) {
        missed(&error);
    }
}

/// Remember that data did not reach stdout.
pub(super) fn missed(error: &std::io::Error) {
    if error.kind() != ErrorKind::BrokenPipe {
        let why = Error::FileUnwritable { path: "standard output".into(), reason: reason(error) };
        held(&UNTOLD).get_or_insert(why);
    }
}

/// Why data did not reach stdout, if any did not; asked at the end of a run.
pub(super) fn untold() -> Option<Error> {
    held(&UNTOLD).take()
}

/// Nothing is told yet.
pub(super) fn begin() {
    TOLD.store(false, Ordering::SeqCst);
    *held(&DOCUMENT) = None;
}

/// The one document of the run, that of [`Output::document`] or another in its place.
pub(super) fn tell(instead: Option<String>) {
    if let Some(document) = instead.or_else(|| held(&DOCUMENT).take())
        && !TOLD.swap(true, Ordering::SeqCst)
    {
        print(&document);
    }
}

/// A line of talk to stderr. Nobody listening is no error.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", printable(text));
}

/// The system's words without the operating system's error number.
pub(super) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
