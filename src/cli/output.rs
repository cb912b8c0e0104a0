//! Where answers go: stdout, and files that are whole or not there.

use super::args::Common;
use crate::base::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// How to speak: for a person or for a program.
#[derive(Debug)]
pub(super) struct Output {
    pub json: bool,
    pub quiet: bool,
    pub verbose: bool,
    progress: bool,
}

impl Output {
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

    /// The document of the run, with `--json`.
    pub fn document(&self, document: &Value) {
        if self.json {
            self.print(&format!("{document:#}\n"));
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
        let spinner = ProgressBar::new_spinner().with_message(what);
        spinner.enable_steady_tick(std::time::Duration::from_millis(120));
        spinner
    }

    /// A bar of `length` steps on a terminal, nothing elsewhere.
    pub fn bar(&self, length: usize, what: &str) -> ProgressBar {
        if !self.progress {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(length as u64).with_message(what.to_string());
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

/// Data to stdout. A closed pipe is the reader's choice and no error.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line of talk to stderr. Nobody listening is no error.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A folder that results will be written to, made and tried before the long work begins.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn open(path: &Path) -> Result<Folder> {
        let unwritable = |e: std::io::Error| Error::FileUnwritable { path: path.to_path_buf(), reason: reason(&e) };
        std::fs::create_dir_all(path).map_err(unwritable)?;
        NamedTempFile::new_in(path).map_err(unwritable)?;
        Ok(Folder(path.to_path_buf()))
    }

    /// The folder of `-o`, where the user gave one.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub fn asked(common: &Common) -> Result<Option<Folder>> {
        common.output.as_ref().filter(|p| *p != "-").map(|p| Folder::open(p.as_ref())).transpose()
    }

    /// The run's document, as run.json.
    ///
    /// # Errors
    /// As [`Folder::write`].
    pub fn write_document(&self, document: &Value) -> Result<()> {
        self.write("run.json", &format!("{document:#}\n"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Write a file whole: to a temporary name, then renamed.
    ///
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn write(&self, name: &str, content: &str) -> Result<()> {
        write_whole(&self.0.join(name), content)
    }
}

/// Write a file whole or not at all.
///
/// # Errors
/// [`Error::FileUnwritable`].
pub(super) fn write_whole(path: &Path, content: &str) -> Result<()> {
    let unwritable = |reason: String| Error::FileUnwritable { path: path.to_path_buf(), reason };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|e| unwritable(reason(&e)))?;
    let mut file = NamedTempFile::new_in(folder).map_err(|e| unwritable(reason(&e)))?;
    file.write_all(content.as_bytes()).map_err(|e| unwritable(reason(&e)))?;
    readable(&file);
    file.persist(path).map_err(|e| unwritable(reason(&e.error)))?;
    Ok(())
}

/// A file too long to be held: written piece by piece as NAME.part, it gets its name when it is whole.
pub(super) struct Growing {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Growing {
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn begin(path: &Path) -> Result<Growing> {
        let unwritable = |e: std::io::Error| Error::FileUnwritable { path: path.to_path_buf(), reason: reason(&e) };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".part");
        // What a run that was killed left is in the way, and of no use.
        let _ = std::fs::remove_file(folder.join(&name));
        let file = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempfile_in(folder).map_err(unwritable)?;
        Ok(Growing { path: path.to_path_buf(), file: BufWriter::new(file) })
    }

    /// A handle for a writer of its own kind, instead of [`Growing::push`].
    ///
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn handle(&self) -> Result<File> {
        self.file.get_ref().reopen().map_err(|e| self.unwritable(&e))
    }

    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn push(&mut self, text: &str) -> Result<()> {
        self.file.write_all(text.as_bytes()).map_err(|e| self.unwritable(&e))
    }

    /// The file is whole.
    ///
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn finish(self) -> Result<()> {
        let path = self.path;
        let unwritable = |e: &std::io::Error| Error::FileUnwritable { path: path.clone(), reason: reason(e) };
        let file = self.file.into_inner().map_err(|e| unwritable(e.error()))?;
        readable(&file);
        file.persist(&path).map_err(|e| unwritable(&e.error))?;
        Ok(())
    }

    fn unwritable(&self, error: &std::io::Error) -> Error {
        Error::FileUnwritable { path: self.path.clone(), reason: reason(error) }
    }
}

/// Temporary files are private; results are as readable as any other file.
fn readable(file: &NamedTempFile) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644));
    }
    #[cfg(not(unix))]
    let _ = file;
}

/// The system's words without the operating system's error number.
pub(super) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
