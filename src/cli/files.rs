//! Files that are whole or not there: written under a temporary name, and given their own by a rename.
//!
//! A temporary file is called `.kramers-….part`. It goes when its run fails or is interrupted; what a run leaves that is killed outright goes with
//! the next that writes into the same folder. Who writes one holds its lock, so that nobody takes the file of another for one that was left.

use super::args::Common;
use super::json;
use super::output::reason;
use crate::base::{Error, Result};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError as Taken};
use std::time::Duration;

const PREFIX: &str = ".kramers-";
const SUFFIX: &str = ".part";
/// The document of a run. It is written last: where it stands, the files beside it are of its run.
const DOCUMENT: &str = "run.json";

/// Temporary files of this process.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remove all temporary files, and let no other begin or get its name: the process ends.
pub(super) fn abandon() {
    // Whoever holds it is within one call of the file system. One that hangs shall not keep the process.
    for _ in 0..50 {
        let files = match UNFINISHED.try_lock() {
            Ok(files) => files,
            Err(Taken::Poisoned(held)) => held.into_inner(),
            Err(Taken::WouldBlock) => {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            }
        };
        for path in files.iter() {
            let _ = std::fs::remove_file(path);
        }
        std::mem::forget(files);
        return;
    }
}

/// A file on its way to its name; without one it goes.
struct Unfinished {
    file: File,
    path: PathBuf,
}

impl Unfinished {
    /// Begin a file in the folder that it will stand in; a folder that is not there is made.
    fn begin(folder: &Path) -> io::Result<Unfinished> {
        static BEGUN: AtomicU64 = AtomicU64::new(0);
        std::fs::create_dir_all(folder)?;
        sweep(folder);
        loop {
            let count = BEGUN.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{PREFIX}{}-{count}{SUFFIX}", std::process::id()));
            let mut known = unfinished();
            let file = match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => file,
                // Left by a process of the same number.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(e),
            };
            // Where the file system has no locks, nobody sweeps. Between the two calls another run may have swept it.
            if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) || !path.exists() {
                continue;
            }
            known.insert(path.clone());
            return Ok(Unfinished { file, path });
        }
    }

    /// The file is whole: it gets its name.
    fn give(self, path: &Path) -> io::Result<()> {
        // Some file systems say only now that there is no room.
        self.file.sync_data()?;
        let mut known = unfinished();
        std::fs::rename(&self.path, path)?;
        known.remove(&self.path);
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if unfinished().remove(&self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Remove the temporary files that runs which were killed left in a folder.
fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if is_ours && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::FileUnwritable { path: path.to_path_buf(), reason: reason(error) }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Write a file whole or not at all.
///
/// # Errors
/// [`Error::FileUnwritable`].
pub(super) fn write_whole(path: &Path, content: &str) -> Result<()> {
    let write = || {
        let mut file = Unfinished::begin(folder_of(path))?;
        file.file.write_all(content.as_bytes())?;
        file.give(path)
    };
    write().map_err(|e: io::Error| unwritable(path, &e))
}

/// The right to write into a folder, which one run has at a time.
#[derive(Debug)]
pub(super) struct Turn {
    /// None where the system has no locks of folders: there, runs are trusted to keep apart.
    _lock: Option<File>,
}

impl Turn {
    /// Wait for it.
    pub fn wait(folder: &Path) -> Turn {
        Turn { _lock: File::open(folder).ok().filter(|f| f.lock().is_ok()) }
    }

    /// # Errors
    /// [`Error::FileUnwritable`] where another run has it.
    fn take(folder: &Path) -> Result<Turn> {
        let lock = File::open(folder).ok();
        match lock.as_ref().map(File::try_lock) {
            Some(Err(TryLockError::WouldBlock)) => Err(Error::FileUnwritable {
                path: folder.to_path_buf(),
                reason: "another run is at work in this folder; wait for its end".to_string(),
            }),
            _ => Ok(Turn { _lock: lock }),
        }
    }
}

/// A folder that results will be written to, made and tried before the long work begins. It is one run's at a time.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _turn: Turn,
}

impl Folder {
    /// # Errors
    /// [`Error::FileUnwritable`], also where another run is at work in it.
    pub fn open(path: &Path) -> Result<Folder> {
        std::fs::create_dir_all(path).map_err(|e| unwritable(path, &e))?;
        let turn = Turn::take(path)?;
        // It is gone at once.
        Unfinished::begin(path).map_err(|e| unwritable(path, &e))?;
        Ok(Folder { path: path.to_path_buf(), _turn: turn })
    }

    /// The folder of `-o`, where the user gave one.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub fn asked(common: &Common) -> Result<Option<Folder>> {
        common.output.as_ref().filter(|p| *p != "-").map(|p| Folder::open(p.as_ref())).transpose()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Write a file whole. The document of an earlier run goes first: it no longer tells of all that stands beside it.
    ///
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn write(&self, name: &str, content: &str) -> Result<()> {
        self.outdate()?;
        write_whole(&self.path(name), content)
    }

    /// The run's document, as run.json, after all other files.
    ///
    /// # Errors
    /// As [`Folder::write`].
    pub fn write_document(&self, document: &impl Serialize) -> Result<()> {
        let path = self.path(DOCUMENT);
        let write = || {
            let mut file = BufWriter::new(Unfinished::begin(&self.path)?);
            json::write(document, &mut file)?;
            file.into_inner().map_err(|e| e.into_error())?.give(&path)
        };
        write().map_err(|e: io::Error| unwritable(&path, &e))
    }

    fn outdate(&self) -> Result<()> {
        let path = self.path(DOCUMENT);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(unwritable(&path, &e)),
            _ => Ok(()),
        }
    }
}

/// A file too long to be held, written piece by piece; it gets its name when it is whole.
pub(super) struct Growing {
    path: PathBuf,
    file: BufWriter<Unfinished>,
}

impl Growing {
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn begin(path: &Path) -> Result<Growing> {
        let file = Unfinished::begin(folder_of(path)).map_err(|e| unwritable(path, &e))?;
        Ok(Growing { path: path.to_path_buf(), file: BufWriter::new(file) })
    }

    /// A handle for a writer of its own kind, instead of [`Growing::push`].
    ///
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn handle(&self) -> Result<File> {
        self.file.get_ref().file.try_clone().map_err(|e| unwritable(&self.path, &e))
    }

    /// # Errors
    /// [`Error::FileUnwritable`], also where the folder was taken away in the meantime.
    pub fn push(&mut self, text: &str) -> Result<()> {
        self.file.write_all(text.as_bytes()).map_err(|e| unwritable(&self.path, &e))?;
        // What is written to a file that has no name any more is lost, and no call says so.
        match self.file.get_ref().path.try_exists() {
            Ok(false) => Err(Error::FileUnwritable {
                path: self.path.clone(),
                reason: "the folder, or the file on its way to this name, was removed while the run was at work"
                    .to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// The file is whole.
    ///
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn finish(self) -> Result<()> {
        let path = self.path;
        let file = self.file.into_inner().map_err(|e| unwritable(&path, e.error()))?;
        file.give(&path).map_err(|e| unwritable(&path, &e))
    }

    /// As [`Growing::finish`], of a file of a run that has a document.
    ///
    /// # Errors
    /// As [`Growing::finish`].
    pub fn finish_in(self, folder: &Folder) -> Result<()> {
        folder.outdate()?;
        self.finish()
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_left_is_swept_and_what_is_being_written_is_not() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        let mut growing = Growing::begin(&at("long.csv")).expect("a file");
        growing.push("a\n").expect("room");
        for name in [".kramers-1-0.part", ".kramers-of-a-user", "movie.part"] {
            std::fs::write(at(name), "left").expect("a file");
        }
        write_whole(&at("short.csv"), "b\n").expect("room");
        assert!(!at(".kramers-1-0.part").exists(), "what was left stays");
        growing.push("c\n").expect("room");
        growing.finish().expect("room");
        assert_eq!(std::fs::read_to_string(at("long.csv")).expect("a file"), "a\nc\n");
        assert_eq!(names(place.path()), [".kramers-of-a-user", "long.csv", "movie.part", "short.csv"]);
    }

    #[test]
    fn a_folder_is_one_runs_at_a_time_and_its_document_is_of_all_that_stands_there() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(place.path()).expect("a folder");
        folder.write_document(&json!({ "run": 1 })).expect("room");
        assert!(Folder::open(place.path()).is_err_and(|e| e.to_string().contains("another run")));
        drop(folder);
        let folder = Folder::open(place.path()).expect("the run before has ended");
        assert_eq!(names(place.path()), ["run.json"]);
        folder.write("figures/a.csv", "a\n").expect("room");
        assert_eq!(names(place.path()), ["figures"], "the document tells of another run's files");
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_and_the_one_before_whole() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("x.csv");
        write_whole(&path, "whole\n").expect("room");
        // A folder of that name cannot be replaced by a file.
        let taken = place.path().join("taken");
        std::fs::create_dir_all(taken.join("inside")).expect("a folder");
        assert!(write_whole(&taken, "text").is_err());
        let mut growing = Growing::begin(&path).expect("a file");
        growing.push("half").expect("room");
        drop(growing);
        assert_eq!(names(place.path()), ["taken", "x.csv"]);
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "whole\n");
        let mut growing = Growing::begin(&place.path().join("gone/y.csv")).expect("a file");
        std::fs::remove_dir_all(place.path().join("gone")).expect("a folder");
        assert!(growing.push("lost").is_err_and(|e| e.to_string().contains("removed while")));
    }
}
