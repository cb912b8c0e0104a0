//! `backtest --resume`: every finished block is kept in a file, so that a run that was cut off goes on where it was.
//!
//! One line a block, its numbers as the bits of their floats in hexadecimal, so that a run resumed writes the same bytes as one that was not cut off.
//! The first line names the run. Every other ends with a hash of what stands before it: one that was cut off or damaged is done again.

use super::output::{Output, reason};
use crate::backtest::{Done, Joint, Row, Sink, Trouble, Unit};
use crate::base::rng::word_of;
use crate::base::{Error, Limit, Result};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Name of the file in the folder of the run; gone when the run ends well.
pub(super) const NAME: &str = "checkpoint.txt";

/// The file of one run.
pub(super) struct Checkpoint<'a> {
    path: PathBuf,
    /// What the file begins with.
    run: String,
    output: &'a Output,
    store: Mutex<Store>,
    /// Where the blocks of a run before stand, in the order of series and unit; they are read when their turn comes, so that a panel's need no room
    /// at once.
    known: Vec<Place>,
    before: Mutex<Option<File>>,
}

/// The file that blocks are kept in.
enum Store {
    /// Not there until a block is done: a run that is refused leaves none.
    Waiting,
    /// With the length of what is whole in it.
    Open(File, u64),
    /// It could not be written. What stands in it can be gone on from.
    Lost,
}

/// A line of the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    series: u32,
    model: u32,
    block: u32,
    length: u32,
    offset: u64,
}

impl Place {
    fn key(&self) -> (usize, Unit) {
        (self.series as usize, Unit { model: self.model as usize, block: self.block as usize })
    }
}

impl<'a> Checkpoint<'a> {
    /// Begin a file, or go on with one of the same run. `run` is what tells one run from another, on one line.
    ///
    /// # Errors
    /// [`Error::BadOption`] where the file is of another run, [`Error::FileUnreadable`] or [`Error::FileUnwritable`] where it cannot be gone on with.
    pub fn open(folder: &Path, run: &str, resume: bool, output: &'a Output) -> Result<Checkpoint<'a>> {
        let path = folder.join(NAME);
        let mut opened = Checkpoint {
            path,
            run: run.to_string(),
            output,
            store: Mutex::new(Store::Waiting),
            known: Vec::new(),
            before: Mutex::new(None),
        };
        if resume {
            match File::open(&opened.path) {
                Ok(file) => opened.go_on(file)?,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::FileUnreadable { path: opened.path, reason: reason(&e) }),
            }
        }
        Ok(opened)
    }

    /// Find the blocks of a run before; a line that was cut off is cut away.
    fn go_on(&mut self, before: File) -> Result<()> {
        let unreadable = |e: std::io::Error| Error::FileUnreadable { path: self.path.clone(), reason: reason(&e) };
        // Of every line a place is held, and the shortest are not much longer than that.
        let bytes = before.metadata().map_err(unreadable)?.len();
        Limit::FileBytes.require(bytes as f64, &self.path.to_string_lossy())?;
        let mut reader = BufReader::new(before);
        let (mut line, mut whole) = (Vec::new(), 0u64);
        loop {
            line.clear();
            // A line of ours is never so long, and a file that somebody else put there may be one line.
            let most = Limit::DocumentBytes.most();
            let length = (&mut reader).take(most).read_until(b'\n', &mut line).map_err(unreadable)?;
            if length as u64 == most {
                return Err(Limit::DocumentBytes.over(None, &self.path.to_string_lossy()));
            }
            if length == 0 || line.pop() != Some(b'\n') {
                break;
            }
            if whole == 0 && line != self.run.as_bytes() {
                return Err(Error::BadOption {
                    flag: "--resume".to_string(),
                    value: self.path.display().to_string(),
                    expected: "the checkpoint of this very run; it is of other data, models or flags".to_string(),
                    hint: Some("leave --resume out to begin anew, or type the flags it was begun with".to_string()),
                });
            }
            if whole > 0
                && let Some(place) = std::str::from_utf8(&line).ok().and_then(|line| place(line, whole))
            {
                self.known.push(place);
            }
            whole += length as u64;
        }
        // Not even its first line was whole: it is begun anew.
        if whole == 0 {
            return Ok(());
        }
        self.known.sort_by_key(Place::key);
        self.known.dedup_by_key(|place| place.key());
        let unwritable = |e: std::io::Error| Error::FileUnwritable { path: self.path.clone(), reason: reason(&e) };
        let file = OpenOptions::new().append(true).open(&self.path).map_err(unwritable)?;
        file.set_len(whole).map_err(unwritable)?;
        self.store = Mutex::new(Store::Open(file, whole));
        self.before = Mutex::new(Some(reader.into_inner()));
        Ok(())
    }

    /// How many blocks were there already.
    pub fn known(&self) -> usize {
        self.known.len()
    }

    /// The blocks of one series, by its place in the file of the data.
    pub fn of(&self, series: usize) -> SeriesBlocks<'_> {
        SeriesBlocks { checkpoint: self, series }
    }

    /// The run has ended well, and its results are written.
    pub fn done(self) {
        // Left behind it would only be in the way.
        let _ = std::fs::remove_file(&self.path);
    }

    fn find(&self, key: (usize, Unit)) -> Option<&Place> {
        self.known.binary_search_by_key(&key, Place::key).ok().map(|at| &self.known[at])
    }

    fn read(&self, place: Place) -> Option<String> {
        let mut held = self.before.lock().ok()?;
        let file = held.as_mut()?;
        let mut line = vec![0; place.length as usize];
        file.seek(SeekFrom::Start(place.offset)).and_then(|_| file.read_exact(&mut line)).ok()?;
        String::from_utf8(line).ok()
    }

    /// Keep a line. A disk that is full costs the checkpoint, not the run, and it is said.
    fn keep(&self, line: &str) {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Store::Waiting = *store {
            *store = match File::create(&self.path) {
                Ok(file) => Store::Open(file, 0),
                Err(error) => self.lost(&error),
            };
        }
        let Store::Open(file, whole) = &mut *store else { return };
        let first = if *whole == 0 { format!("{}\n", self.run) } else { String::new() };
        match file.write_all(first.as_bytes()).and_then(|()| file.write_all(line.as_bytes())) {
            Ok(()) => *whole += (first.len() + line.len()) as u64,
            Err(error) => {
                // Half a line would be in the way of one behind it.
                let _ = file.set_len(*whole);
                *store = self.lost(&error);
            }
        }
    }

    fn lost(&self, error: &std::io::Error) -> Store {
        self.output.say(&format!(
            "warning: {}: cannot be written: {}; the run goes on, but cut off it will only go on from the blocks that are there",
            self.path.display(),
            reason(error)
        ));
        Store::Lost
    }
}

/// One series' part of a [`Checkpoint`].
pub(super) struct SeriesBlocks<'a> {
    checkpoint: &'a Checkpoint<'a>,
    series: usize,
}

impl SeriesBlocks<'_> {
    /// Whether the block was done in a run before.
    pub fn holds(&self, unit: Unit) -> bool {
        self.checkpoint.find((self.series, unit)).is_some()
    }
}

impl Sink for SeriesBlocks<'_> {
    fn known(&self, unit: Unit) -> Option<Done> {
        let place = self.checkpoint.find((self.series, unit))?;
        parse(hashed(&self.checkpoint.read(*place)?)?)
    }

    fn keep(&self, unit: Unit, done: &Done) {
        self.checkpoint.keep(&line(self.series, unit, done));
    }
}

/// Absent numbers; no float of ours has these bits.
const NONE: u64 = u64::MAX;

fn line(series: usize, unit: Unit, (rows, troubles): &Done) -> String {
    let mut out = format!("{series} {} {} {}", unit.model, unit.block, rows.len());
    for r in rows {
        let _ = write!(out, " {} {} {}", r.window, r.cutoff, r.horizon);
        let numbers = [Some(r.actual), r.mean, r.sd, Some(r.crps), r.log_score, Some(r.pit), Some(r.own)];
        let tail = r.tail.map_or([None; 6], |t| [t[0].0, t[0].1, t[1].0, t[1].1, t[2].0, t[2].1].map(Some));
        let joint = r.joint.map_or([None; 3], |j| [j.energy, j.variogram, j.variogram_by_distance].map(Some));
        for number in numbers.into_iter().chain(r.quantiles.map(Some)).chain(tail).chain(joint) {
            let _ = write!(out, " {:x}", number.map_or(NONE, f64::to_bits));
        }
    }
    for Trouble { model, cutoff, why, is_answered } in troubles {
        let _ = write!(out, " | {model} {cutoff} {is_answered} {}", plain(why));
    }
    let _ = writeln!(out, " #{:x}", word_of(&out));
    out
}

/// Text without line ends and bars, and back.
fn plain(text: &str) -> String {
    text.replace('\\', "\\b").replace('\n', "\\n").replace('|', "\\i")
}

fn unplain(text: &str) -> String {
    text.replace("\\i", "|").replace("\\n", "\n").replace("\\b", "\\")
}

/// A line before its hash, where that is right.
fn hashed(line: &str) -> Option<&str> {
    let (text, hash) = line.rsplit_once(" #")?;
    (u64::from_str_radix(hash, 16).ok()? == word_of(text)).then_some(text)
}

/// Whose line it is, and where it stands.
fn place(line: &str, offset: u64) -> Option<Place> {
    let length = u32::try_from(line.len()).ok()?;
    let of = |n: usize| u32::try_from(n).ok();
    let [series, model, block] = whole(&mut hashed(line)?.split(' '))?;
    Some(Place { series: of(series)?, model: of(model)?, block: of(block)?, length, offset })
}

fn parse(line: &str) -> Option<Done> {
    let mut parts = line.split(" | ");
    let mut words = parts.next()?.split(' ');
    let [_series, model, _block, count] = whole(&mut words)?;
    // A row is some twenty words.
    let mut rows = Vec::with_capacity(count.min(line.len() / 40));
    for _ in 0..count {
        let [window, cutoff, horizon] = whole(&mut words)?;
        let [actual, mean, sd, crps, log_score, pit, own] = numbers(&mut words)?;
        let quantiles: [Option<f64>; 7] = numbers(&mut words)?;
        let tail: [Option<f64>; 6] = numbers(&mut words)?;
        let joint: [Option<f64>; 3] = numbers(&mut words)?;
        rows.push(Row {
            model,
            window,
            cutoff,
            horizon,
            actual: actual?,
            mean,
            sd,
            quantiles: quantiles.map(|q| q.unwrap_or(f64::NAN)),
            crps: crps?,
            log_score,
            pit: pit?,
            own: own?,
            tail: match tail {
                [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f)] => Some([(a, b), (c, d), (e, f)]),
                _ => None,
            },
            joint: match joint {
                [Some(energy), Some(variogram), Some(variogram_by_distance)] => {
                    Some(Joint { energy, variogram, variogram_by_distance })
                }
                _ => None,
            },
        });
    }
    let trouble = |part: &str| -> Option<Trouble> {
        let mut words = part.splitn(4, ' ');
        Some(Trouble {
            model: words.next()?.parse().ok()?,
            cutoff: words.next()?.parse().ok()?,
            is_answered: words.next()?.parse().ok()?,
            why: unplain(words.next()?),
        })
    };
    let troubles = parts.map(trouble).collect::<Option<_>>()?;
    words.next().is_none().then_some((rows, troubles))
}

/// A line read and written again; `None` where it is no block. For those who test it with any text.
pub(super) fn rewritten(text: &str) -> Option<String> {
    // Random text has no right hash; with one it is read as well.
    let text = hashed(text.trim_end_matches('\n')).unwrap_or(text);
    let [series, model, block] = whole(&mut text.split(' '))?;
    Some(line(series, Unit { model, block }, &parse(text)?))
}

fn whole<'a, const N: usize>(words: &mut impl Iterator<Item = &'a str>) -> Option<[usize; N]> {
    let mut out = [0; N];
    for value in &mut out {
        *value = words.next()?.parse().ok()?;
    }
    Some(out)
}

fn numbers<'a, const N: usize>(words: &mut impl Iterator<Item = &'a str>) -> Option<[Option<f64>; N]> {
    let mut out = [None; N];
    for value in &mut out {
        let bits = u64::from_str_radix(words.next()?, 16).ok()?;
        *value = (bits != NONE).then(|| f64::from_bits(bits));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every character that means something in the file.
    const WHY: &str = "it | did\nnot, \\n \\i \\\\b #0";
    const QUIET: Output = Output::QUIET;

    #[test]
    fn blocks_come_back_to_the_last_bit_and_a_line_cut_off_is_not_read() {
        let row = Row {
            model: 1,
            window: 3,
            cutoff: 40,
            horizon: 2,
            actual: 0.1 + 0.2,
            mean: None,
            sd: Some(f64::MIN_POSITIVE),
            quantiles: [-1.0, 0.0, 1e-300, 3.0, 4.0, 5.0, f64::INFINITY],
            crps: 0.7,
            log_score: Some(-0.0),
            pit: 1.0,
            own: 0.25,
            tail: Some([(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]),
            joint: Some(Joint { energy: 0.1, variogram: -1e-9, variogram_by_distance: 7.0 }),
        };
        let trouble = |why: &str, is_answered| Trouble { model: 1, cutoff: 44, why: why.to_string(), is_answered };
        let done: Done = (
            vec![row.clone(), Row { tail: None, joint: None, ..row }],
            vec![trouble(WHY, false), trouble("flat (kappa)", true)],
        );
        let unit = Unit { model: 1, block: 7 };
        let folder = tempfile::tempdir().expect("a folder");
        let first = Checkpoint::open(folder.path(), "run 1", false, &QUIET).expect("a file");
        first.of(5).keep(unit, &done);
        first.of(6).keep(unit, &done);
        drop(first);
        let path = folder.path().join(NAME);
        let text = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(&path, &text[..text.len() - 9]).expect("a file");
        let again = Checkpoint::open(folder.path(), "run 1", true, &QUIET).expect("the same run");
        assert_eq!(again.known(), 1);
        let (rows, troubles) = again.of(5).known(unit).expect("kept");
        assert_eq!(rows, done.0);
        assert_eq!(troubles, done.1);
        assert!(again.of(6).known(unit).is_none() && !again.of(6).holds(unit));
        // What is done now stands behind what was whole, and both are there the next time.
        again.of(6).keep(unit, &done);
        drop(again);
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), text);
        let again = Checkpoint::open(folder.path(), "run 1", true, &QUIET).expect("the same run");
        assert_eq!((again.known(), again.of(6).known(unit).map(|d| d.0)), (2, Some(done.0)));
        assert!(Checkpoint::open(folder.path(), "run 2", true, &QUIET).is_err());
        // A line whose numbers changed on the disk is done again, those behind it are not.
        let damaged = text.replacen("5 1 7 2 3 ", "5 1 7 2 4 ", 1);
        assert_ne!(damaged, text);
        std::fs::write(&path, damaged).expect("a file");
        let again = Checkpoint::open(folder.path(), "run 1", true, &QUIET).expect("the same run");
        assert!(again.known() == 1 && !again.of(5).holds(unit) && again.of(6).holds(unit));
        again.done();
        assert!(!path.exists());
    }
}
