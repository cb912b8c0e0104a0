//! `backtest --resume`: every finished block is kept in a file, so that a run that was cut off goes on where it was.
//!
//! One line a block, its numbers as the bits of their floats in hexadecimal, so that a run resumed writes the same bytes as one that was not cut off.
//! The first line names the run; a last line that was cut off is not read.

use super::output::reason;
use crate::backtest::{Done, Joint, Row, Sink, Trouble, Unit};
use crate::base::{Error, Result};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Name of the file in the folder of the run; gone when the run ends well.
pub(super) const NAME: &str = "checkpoint.txt";

/// The file of one run.
pub(super) struct Checkpoint {
    path: PathBuf,
    /// What the file begins with.
    run: String,
    /// The file once a block is kept: a run that is refused leaves none.
    file: Mutex<Option<File>>,
    /// Where the blocks of a run before stand; they are read when their turn comes, so that a panel's need no room at once.
    known: HashMap<(usize, Unit), Place>,
    before: Mutex<Option<File>>,
}

/// A line of the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    length: usize,
}

impl Checkpoint {
    /// Begin a file, or go on with one of the same run. `run` is what tells one run from another, on one line.
    ///
    /// # Errors
    /// [`Error::BadOption`] where the file is of another run, [`Error::FileUnreadable`] or [`Error::FileUnwritable`] where it cannot be gone on with.
    pub fn open(folder: &Path, run: &str, resume: bool) -> Result<Checkpoint> {
        let path = folder.join(NAME);
        let mut opened = Checkpoint {
            path,
            run: run.to_string(),
            file: Mutex::new(None),
            known: HashMap::new(),
            before: Mutex::new(None),
        };
        if let Some(file) = resume.then(|| File::open(&opened.path).ok()).flatten() {
            opened.go_on(file)?;
        }
        Ok(opened)
    }

    /// Find the blocks of a run before; a line that was cut off is cut away.
    fn go_on(&mut self, before: File) -> Result<()> {
        let unreadable = |e: std::io::Error| Error::FileUnreadable { path: self.path.clone(), reason: reason(&e) };
        let mut reader = BufReader::new(before);
        let (mut line, mut whole) = (Vec::new(), 0u64);
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(unreadable)?;
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
                && let Some(key) = std::str::from_utf8(&line).ok().and_then(key)
            {
                self.known.insert(key, Place { offset: whole, length: line.len() });
            }
            whole += length as u64;
        }
        // Not even its first line was whole: it is begun anew.
        if whole == 0 {
            return Ok(());
        }
        let unwritable = |e: std::io::Error| Error::FileUnwritable { path: self.path.clone(), reason: reason(&e) };
        let file = OpenOptions::new().append(true).open(&self.path).map_err(unwritable)?;
        file.set_len(whole).map_err(unwritable)?;
        self.file = Mutex::new(Some(file));
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

    fn read(&self, place: Place) -> Option<String> {
        let mut held = self.before.lock().ok()?;
        let file = held.as_mut()?;
        let mut line = vec![0; place.length];
        file.seek(SeekFrom::Start(place.offset)).and_then(|_| file.read_exact(&mut line)).ok()?;
        String::from_utf8(line).ok()
    }
}

/// One series' part of a [`Checkpoint`].
pub(super) struct SeriesBlocks<'a> {
    checkpoint: &'a Checkpoint,
    series: usize,
}

impl SeriesBlocks<'_> {
    /// Whether the block was done in a run before.
    pub fn holds(&self, unit: Unit) -> bool {
        self.checkpoint.known.contains_key(&(self.series, unit))
    }
}

impl Sink for SeriesBlocks<'_> {
    fn known(&self, unit: Unit) -> Option<Done> {
        let place = self.checkpoint.known.get(&(self.series, unit))?;
        parse(&self.checkpoint.read(*place)?)
    }

    fn keep(&self, unit: Unit, done: &Done) {
        let text = line(self.series, unit, done);
        // A disk that is full costs the checkpoint, not the run.
        let Ok(mut file) = self.checkpoint.file.lock() else { return };
        if file.is_none() {
            *file = File::create(&self.checkpoint.path).ok();
            if let Some(file) = file.as_mut() {
                let _ = file.write_all(format!("{}\n", self.checkpoint.run).as_bytes());
            }
        }
        if let Some(file) = file.as_mut() {
            let _ = file.write_all(text.as_bytes());
        }
    }
}

/// Absent numbers; no float of ours has these bits.
const NONE: u64 = u64::MAX;

fn line(series: usize, unit: Unit, (rows, troubles): &Done) -> String {
    let mut out = format!("{series} {} {} {}", unit.model, unit.block, rows.len());
    for r in rows {
        let _ = write!(out, " {} {} {}", r.window, r.cutoff, r.horizon);
        let numbers = [Some(r.actual), r.mean, r.sd, Some(r.crps), r.log_score, Some(r.pit)];
        let tail = r.tail.map_or([None; 6], |t| [t[0].0, t[0].1, t[1].0, t[1].1, t[2].0, t[2].1].map(Some));
        let joint = r.joint.map_or([None; 3], |j| [j.energy, j.variogram, j.variogram_by_distance].map(Some));
        for number in numbers.into_iter().chain(r.quantiles.map(Some)).chain(tail).chain(joint) {
            let _ = write!(out, " {:x}", number.map_or(NONE, f64::to_bits));
        }
    }
    for Trouble { model, cutoff, why, is_answered } in troubles {
        let _ = write!(out, " | {model} {cutoff} {is_answered} {}", why.replace(['\n', '|'], " "));
    }
    out.push('\n');
    out
}

/// Whose line it is: series and unit.
fn key(line: &str) -> Option<(usize, Unit)> {
    let [series, model, block] = whole(&mut line.split(' '))?;
    Some((series, Unit { model, block }))
}

fn parse(line: &str) -> Option<Done> {
    let mut parts = line.split(" | ");
    let mut words = parts.next()?.split(' ');
    let [_series, model, _block, count] = whole(&mut words)?;
    let mut rows = Vec::with_capacity(count.min(1_000_000));
    for _ in 0..count {
        let [window, cutoff, horizon] = whole(&mut words)?;
        let [actual, mean, sd, crps, log_score, pit] = numbers(&mut words)?;
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
            why: words.next()?.to_string(),
        })
    };
    let troubles = parts.map(trouble).collect::<Option<_>>()?;
    words.next().is_none().then_some((rows, troubles))
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
            tail: Some([(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]),
            joint: Some(Joint { energy: 0.1, variogram: -1e-9, variogram_by_distance: 7.0 }),
        };
        let trouble = |why: &str, is_answered| Trouble { model: 1, cutoff: 44, why: why.to_string(), is_answered };
        let done: Done = (
            vec![row.clone(), Row { tail: None, joint: None, ..row }],
            vec![trouble("it | did\nnot", false), trouble("flat (kappa)", true)],
        );
        let unit = Unit { model: 1, block: 7 };
        let folder = tempfile::tempdir().expect("a folder");
        let first = Checkpoint::open(folder.path(), "run 1", false).expect("a file");
        first.of(5).keep(unit, &done);
        first.of(6).keep(unit, &done);
        drop(first);
        let path = folder.path().join(NAME);
        let text = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(&path, &text[..text.len() - 9]).expect("a file");
        let again = Checkpoint::open(folder.path(), "run 1", true).expect("the same run");
        assert_eq!(again.known(), 1);
        let (rows, troubles) = again.of(5).known(unit).expect("kept");
        assert_eq!(rows, done.0);
        assert_eq!(troubles, [trouble("it   did not", false), trouble("flat (kappa)", true)]);
        assert!(again.of(6).known(unit).is_none() && !again.of(6).holds(unit));
        // What is done now stands behind what was whole, and both are there the next time.
        again.of(6).keep(unit, &done);
        drop(again);
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), text);
        let again = Checkpoint::open(folder.path(), "run 1", true).expect("the same run");
        assert_eq!((again.known(), again.of(6).known(unit).map(|d| d.0)), (2, Some(done.0)));
        assert!(Checkpoint::open(folder.path(), "run 2", true).is_err());
        again.done();
        assert!(!path.exists());
    }
}
