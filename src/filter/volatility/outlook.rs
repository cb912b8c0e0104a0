//! Forecasts of a level whose volatility is not seen, from what a filter knows after the last row.
//!
//! The next row's law is the filter's own mixture. Further ahead the characteristic function of the level's move is carried back through
//! the moves, `ψₙ(u, v) = Σ p(v'|v) E[e^{iu r} | v, v'] ψₙ₋₁(u, v')`, once for all origins; a law is its sum over what is known of the
//! latent state now, turned into a density by its cosine series (Fang & Oosterlee 2008, eq. 11).

use super::kernel::{Band, Coefficients, Move, Moves};
use super::law::{Student, next};
use super::student::Characteristic;
use super::{Read, Volatility, broken, impossible, pass};
use crate::base::rng::Key;
use crate::base::{Error, Result, math};
use crate::filter::{Observations, Settings};
use crate::models::Model;
use crate::predictive::{Density, Predictive};
use crate::process::{Family, Law};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// How finely laws are told, and how far out.
#[derive(Debug, Clone, Copy)]
struct Fineness {
    /// Frequencies of a cosine series, and its width in standard deviations at least; at most twice that.
    frequencies: usize,
    width: f64,
    /// Nodes of a law, how far they reach in standard deviations (of the next row, and further ahead), and how much denser they are in the middle.
    nodes: usize,
    reach: [f64; 2],
    bend: f64,
}

/// Of normal moves, and of Student's, whose tails go on.
const NORMAL: Fineness = Fineness { frequencies: 384, width: 24.0, nodes: 241, reach: [12.0, 12.0], bend: 3.0 };
const STUDENT: Fineness = Fineness { frequencies: 960, width: 60.0, nodes: 361, reach: [60.0, 29.0], bend: 5.0 };
/// Most rows ahead.
const MOST_ROWS: usize = 20_000;

/// What is forecast of a level whose volatility is not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// The level itself.
    Level,
    /// The move of the level over the last of the rows.
    Move,
}

/// A model of latent volatility with its parameters, following a record and forecasting from its end.
#[derive(Debug)]
pub struct Outlook {
    pub(super) filter: Volatility,
    theta: Vec<f64>,
    record: Observations,
    /// Of the latent state, after the last row.
    pub(super) masses: Vec<f64>,
    steps: Vec<Step>,
    waves: BTreeMap<(usize, usize, i32), Waves>,
    /// Where moves are Student's, and their characteristic function, made when it is first needed.
    student: Option<Student>,
    characteristic: Option<Characteristic>,
    fineness: Fineness,
}

/// The moves over one length of rows, with first and second moments of the level's move by the number of rows.
#[derive(Debug)]
struct Step {
    band: Band,
    moves: Moves,
    coefficients: Coefficients,
    /// `[rows]` of means and second moments by place, from none on.
    moments: Vec<[Vec<f64>; 2]>,
}

/// `ψ(u, place)`: real and imaginary parts, `[frequency][place]`.
type Waves = Vec<[Vec<f64>; 2]>;

impl Outlook {
    /// At the end of a record, at `theta`. Cost: a pass of the filter.
    ///
    /// # Errors
    /// As of the quadrature filter.
    pub fn new(model: &Model, theta: &[f64], record: &Observations) -> Result<Outlook> {
        let filter = Volatility::new(model, record, &Settings::default(), theta)?;
        let at = filter.at(theta).ok_or_else(|| broken(model, "its rates are not finite at these parameters"))?;
        let forward = filter.forward(&at)?;
        let masses = forward.masses.into_iter().next_back().unwrap_or_default();
        let steps: Vec<Step> =
            filter.bands.iter().cloned().zip(at.moves).map(|(band, moves)| Step::new(band, moves)).collect();
        let student = filter.read.shape.degrees(theta).map(Student::new);
        let fineness = if student.is_some() { STUDENT } else { NORMAL };
        let (theta, record) = (theta.to_vec(), record.clone());
        let (waves, characteristic) = (BTreeMap::new(), None);
        Ok(Outlook { filter, theta, record, masses, steps, waves, student, characteristic, fineness })
    }

    /// Go on to the end of another record: row by row where it continues the one known, else from its beginning.
    ///
    /// # Errors
    /// As [`Outlook::new`].
    pub fn follow(&mut self, record: &Observations) -> Result<()> {
        let (known, times) = (self.record.times.len(), &record.times);
        let continues = times.len() >= known
            && times[..known] == self.record.times
            && record.values.iter().zip(&self.record.values).all(|(new, old)| new[..known.min(new.len())] == *old);
        let whole = record.values.iter().flatten().all(Option::is_some);
        let lengths: Option<Vec<usize>> =
            (known..times.len()).map(|i| self.known_step(times[i] - times[i.checked_sub(1)?])).collect();
        let (true, true, Some(lengths)) = (continues, whole, lengths) else {
            let model = self.filter.read.model.clone();
            *self = Outlook::new(&model, &self.theta, record)?;
            return Ok(());
        };
        for (row, length) in (known..times.len()).zip(lengths) {
            let levels = [row - 1, row].map(|i| record.values[0][i].map(|v| self.filter.read.shape.level_of(v)));
            let [Some(before), Some(now)] = levels else { continue };
            let step = &self.steps[length];
            let (masses, _) = pass::forward(&step.band, &step.coefficients, &self.masses, now - before)
                .ok_or_else(|| impossible(&self.filter.read.model, now - before, row))?;
            self.masses = masses;
        }
        self.record = record.clone();
        Ok(())
    }

    /// Where a length is among those known, to the round-off of times.
    fn known_step(&self, dt: f64) -> Option<usize> {
        self.steps.iter().position(|s| (s.band.dt - dt).abs() <= 1e-9 * dt)
    }

    /// The step of rows of such a length, made where it is new.
    fn step(&mut self, dt: f64) -> Result<usize> {
        if let Some(known) = self.known_step(dt) {
            return Ok(known);
        }
        let Volatility { read, mesh, .. } = &self.filter;
        let Read { shape, model, .. } = read.as_ref();
        let made = Band::new(shape, mesh, &self.theta, dt)
            .and_then(|band| Moves::new(shape, mesh, &band, &self.theta).map(|moves| Step::new(band, moves)));
        self.steps.push(made.ok_or_else(|| broken(model, "its rates are not finite at these parameters"))?);
        Ok(self.steps.len() - 1)
    }

    /// The last reading's level and its time.
    fn last(&self) -> Result<(f64, f64)> {
        let value = self.record.values.first().and_then(|column| column.last().copied().flatten());
        match (value, self.record.times.last()) {
            (Some(value), Some(time)) => Ok((self.filter.read.shape.level_of(value), *time)),
            _ => Err(broken(&self.filter.read.model, "the last row has no value to forecast from")),
        }
    }

    /// Rows of the record's usual length to a time ahead, and their length.
    fn rows_to(&self, gap: f64) -> Result<(usize, f64)> {
        let usual = self.usual_length();
        let rows = (gap / usual).round().max(1.0);
        if !(gap > 0.0) || rows > MOST_ROWS as f64 {
            return Err(Error::BadOption {
                flag: "a time ahead".to_string(),
                value: gap.to_string(),
                expected: format!("from one to {MOST_ROWS} rows after the last"),
                hint: None,
            });
        }
        Ok((rows as usize, gap / rows))
    }

    /// The length most rows have.
    fn usual_length(&self) -> f64 {
        let mut counts = vec![0usize; self.filter.bands.len()];
        for length in self.filter.read.rows.steps.to.iter().flatten() {
            counts[*length] += 1;
        }
        let most = (0..counts.len()).max_by_key(|k| (counts[*k], std::cmp::Reverse(*k))).unwrap_or(0);
        self.filter.bands[most].dt
    }

    /// Laws at times after the last row, of the level or of its last move. Cost: the next row some tenths of a millisecond; further
    /// ahead the same, after some hundred milliseconds once for each scale of volatility.
    ///
    /// # Errors
    /// [`Error::Numerics`] where no density is left; [`Error::BadOption`] for a time that is not ahead.
    pub fn laws(&mut self, times: &[f64], ahead: Ahead) -> Result<Vec<Predictive>> {
        let (level, now) = self.last()?;
        let asked: Vec<(usize, usize)> = times
            .iter()
            .map(|t| self.rows_to(t - now).and_then(|(rows, dt)| Ok((rows, self.step(dt)?))))
            .collect::<Result<_>>()?;
        if ahead == Ahead::Level {
            self.prepare(&asked)?;
        }
        asked.iter().map(|(rows, step)| self.law(*rows, *step, ahead, level)).collect()
    }

    fn law(&self, rows: usize, step: usize, ahead: Ahead, level: f64) -> Result<Predictive> {
        let Step { band, moves, .. } = &self.steps[step];
        let (from, before) = if ahead == Ahead::Move { (0.0, rows - 1) } else { (level, 0) };
        let density = if rows == 1 || ahead == Ahead::Move {
            let masses = self.steps[step].carried(&self.masses, before);
            let mixture = next(band, moves, self.student.as_ref(), &masses);
            let (mean, sd) = mixture.moments(0.0);
            self.fineness.tabulated(0, (mean, sd), from, |points| mixture.densities(points))
        } else {
            let (mean, sd) = self.moments(rows, step);
            let (scale, width) = self.fineness.scale(sd);
            let waves = self.waves.get(&(step, rows, scale));
            waves.and_then(|waves| {
                let series = Cosines::new(waves, &self.masses, mean - 0.5 * width, width);
                self.fineness.tabulated(1, (mean, sd), from, |points| points.iter().map(|x| series.at(*x)).collect())
            })
        };
        density.map(Predictive::Density).ok_or_else(|| broken(&self.filter.read.model, "a law ahead has no density"))
    }

    /// Mean and standard deviation of the move over rows ahead.
    fn moments(&self, rows: usize, step: usize) -> (f64, f64) {
        let [first, second] = &self.steps[step].moments[rows];
        let average = |of: &[f64]| self.masses.iter().zip(of).map(|(m, v)| m * v).sum::<f64>();
        let mean = average(first);
        (mean, (average(second) - mean * mean).max(0.0).sqrt())
    }

    /// Make what laws of so many rows need.
    fn prepare(&mut self, asked: &[(usize, usize)]) -> Result<()> {
        for (rows, step) in asked.iter().filter(|(rows, _)| *rows > 1) {
            self.steps[*step].extend_moments(*rows);
        }
        let mut missing: BTreeMap<(usize, i32), Vec<usize>> = BTreeMap::new();
        for (rows, step) in asked.iter().filter(|(rows, _)| *rows > 1) {
            let (_, sd) = self.moments(*rows, *step);
            if !(sd > 0.0 && sd.is_finite()) {
                return Err(broken(&self.filter.read.model, "the variance of a move ahead is not finite"));
            }
            let (scale, _) = self.fineness.scale(sd);
            if !self.waves.contains_key(&(*step, *rows, scale)) {
                missing.entry((*step, scale)).or_default().push(*rows);
            }
        }
        if let (false, None, Some(nu)) = (missing.is_empty(), &self.characteristic, self.steps[0].moves.degrees) {
            self.characteristic = Some(Characteristic::new(nu));
        }
        for ((step, scale), mut rows) in missing {
            rows.sort_unstable();
            rows.dedup();
            let frequencies = (self.fineness.frequencies, width_of(scale));
            let made = self.steps[step].waves(frequencies, self.characteristic.as_ref(), &rows);
            for (rows, waves) in rows.into_iter().zip(made) {
                self.waves.insert((step, rows, scale), waves);
            }
        }
        Ok(())
    }

    /// Joint draws of the level (or of each row's move) at times ahead, `[time][path]`.
    ///
    /// # Errors
    /// As [`Outlook::laws`].
    pub fn draws(&mut self, times: &[f64], ahead: Ahead, paths: usize, key: Key) -> Result<Vec<Vec<f64>>> {
        let (level, mut now) = self.last()?;
        let mut legs = Vec::with_capacity(times.len());
        for time in times {
            let (rows, dt) = self.rows_to(time - now)?;
            legs.push((rows, self.step(dt)?));
            now = *time;
        }
        let tables: Vec<Vec<f64>> = self.steps.iter().map(Step::cumulated).collect();
        let begin = cumulated(self.masses.iter().copied());
        // χ²/ν of ν degrees of freedom, and (ν - 2)/ν.
        let mixing = self.steps[0].moves.degrees;
        let mixing = mixing.and_then(|nu| Some((Law::new(Family::Gamma, &[0.5 * nu, 0.5 * nu])?, (nu - 2.0) / nu)));
        let path = |p: usize| -> Vec<f64> {
            let mut stream = key.stream(p as u64);
            let mut place = drawn(&begin, stream.uniform());
            let mut at = level;
            let one = |(rows, step): &(usize, usize)| {
                let mut moved = 0.0;
                for _ in 0..*rows {
                    let Step { band, moves, .. } = &self.steps[*step];
                    let (first, offset) = (band.moves[place].0, band.moves[..place].iter().map(|m| m.1).sum::<usize>());
                    let count = band.moves[place].1;
                    let k = drawn(&tables[*step][offset..offset + count], stream.uniform());
                    let m = &moves.list[offset + k];
                    let jumps = m.jumps_at(stream.uniform());
                    let size = mixing.map_or(1.0, |(law, share)| share / law.sample(&mut stream));
                    let [one, two] = m.sides(band.sides());
                    let (_, mean, own) = if band.sides() == 1 || stream.uniform() < one.0 { one } else { two };
                    let variance = size * own + jumps * m.jump_variance;
                    moved = mean + jumps * m.jump_mean + variance.sqrt() * stream.normal();
                    at += moved;
                    place = first + k;
                }
                if ahead == Ahead::Move { moved } else { at }
            };
            legs.iter().map(one).collect()
        };
        let by_path: Vec<Vec<f64>> = (0..paths).into_par_iter().map(path).collect();
        Ok((0..times.len()).map(|t| by_path.iter().map(|p| p[t]).collect()).collect())
    }
}

impl Step {
    fn new(band: Band, moves: Moves) -> Step {
        let none = vec![0.0; band.moves.len()];
        Step { moments: vec![[none.clone(), none]], coefficients: moves.coefficients(&band), band, moves }
    }

    /// Of each place the moves from there.
    fn by_place(&self) -> impl Iterator<Item = (usize, &[Move])> {
        let mut at = 0;
        self.band.moves.iter().map(move |(first, count)| {
            let moves = &self.moves.list[at..at + count];
            at += count;
            (*first, moves)
        })
    }

    /// The masses so many rows later.
    fn carried(&self, masses: &[f64], rows: usize) -> Vec<f64> {
        let mut now = masses.to_vec();
        for _ in 0..rows {
            let mut after = vec![0.0; now.len()];
            for (mass, (first, moves)) in now.iter().zip(self.by_place()) {
                for (k, m) in moves.iter().enumerate() {
                    after[first + k] += mass * math::exp(m.ln_p);
                }
            }
            now = after;
        }
        now
    }

    fn extend_moments(&mut self, rows: usize) {
        while self.moments.len() <= rows {
            let [first, second] = &self.moments[self.moments.len() - 1];
            let next: Vec<(f64, f64)> = self
                .by_place()
                .map(|(to, moves)| {
                    moves.iter().enumerate().fold((0.0, 0.0), |sum, (k, m)| {
                        let p = math::exp(m.ln_p);
                        let mean = m.mean + m.jumps * m.jump_mean;
                        let spread = m.variance + m.jumps * (m.jump_variance + m.jump_mean * m.jump_mean);
                        let (one, two) = (first[to + k], second[to + k]);
                        (sum.0 + p * (mean + one), sum.1 + p * (spread + mean * mean + 2.0 * mean * one + two))
                    })
                })
                .collect();
            self.moments.push([next.iter().map(|p| p.0).collect(), next.iter().map(|p| p.1).collect()]);
        }
    }

    /// Characteristic functions after each number of rows (increasing), at so many frequencies of a series so wide; `student` is that of
    /// moves that are not normal.
    fn waves(
        &self,
        (frequencies, width): (usize, f64),
        student: Option<&Characteristic>,
        rows: &[usize],
    ) -> Vec<Waves> {
        let n = self.band.moves.len();
        let most = rows.last().copied().unwrap_or(0);
        let one = |k: usize| -> Vec<[Vec<f64>; 2]> {
            let u = k as f64 * std::f64::consts::PI / width;
            // Of each move its probability times the characteristic function of the level's move.
            let factor = |m: &Move| {
                let ln_wave = |variance: f64| match student {
                    None => -0.5 * u * u * variance,
                    Some(student) => student.ln_characteristic(u * variance.sqrt()),
                };
                let (ln_size, mut turn) = match m.sides(self.band.sides()) {
                    [(_, mean, variance), _] if self.band.sides() == 1 => (ln_wave(variance), u * mean),
                    sides => {
                        let sum = |of: fn(f64) -> f64| -> f64 {
                            sides.iter().map(|(w, mean, v)| w * math::exp(ln_wave(*v)) * of(u * mean)).sum()
                        };
                        let (re, im) = (sum(math::cos), sum(math::sin));
                        (0.5 * math::ln(re * re + im * im), math::atan2(im, re))
                    }
                };
                let mut ln_size = m.ln_p + ln_size;
                if m.jumps > 0.0 {
                    let size = math::exp(-0.5 * u * u * m.jump_variance);
                    ln_size += m.jumps * (size * math::cos(u * m.jump_mean) - 1.0);
                    turn += m.jumps * size * math::sin(u * m.jump_mean);
                }
                let size = math::exp(ln_size);
                (size * math::cos(turn), size * math::sin(turn))
            };
            let factors: Vec<(f64, f64)> = self.moves.list.iter().map(factor).collect();
            let (mut re, mut im) = (vec![1.0; n], vec![0.0; n]);
            let mut kept = Vec::with_capacity(rows.len());
            for row in 1..=most {
                let (mut next_re, mut next_im) = (vec![0.0; n], vec![0.0; n]);
                let mut at = 0;
                for (place, (first, count)) in self.band.moves.iter().enumerate() {
                    let (mut a, mut b) = (0.0, 0.0);
                    for (to, (c, s)) in (*first..).zip(&factors[at..at + count]) {
                        a += c * re[to] - s * im[to];
                        b += c * im[to] + s * re[to];
                    }
                    (next_re[place], next_im[place]) = (a, b);
                    at += count;
                }
                (re, im) = (next_re, next_im);
                if rows.contains(&row) {
                    kept.push([re.clone(), im.clone()]);
                }
            }
            kept
        };
        let by_frequency: Vec<Vec<[Vec<f64>; 2]>> = (0..frequencies).into_par_iter().map(one).collect();
        (0..rows.len()).map(|r| by_frequency.iter().map(|kept| kept[r].clone()).collect()).collect()
    }

    /// Cumulated probabilities of the moves of each place.
    fn cumulated(&self) -> Vec<f64> {
        self.by_place().flat_map(|(_, moves)| cumulated(moves.iter().map(|m| math::exp(m.ln_p)))).collect()
    }
}

impl Fineness {
    /// The scale whose series is wide enough for a standard deviation: a power of two, so that few are made.
    fn scale(self, sd: f64) -> (i32, f64) {
        let scale = (math::ln(self.width * sd) / std::f64::consts::LN_2).ceil() as i32;
        (scale, width_of(scale))
    }

    /// A density on nodes around a mean, dense in the middle, moved by `from`; `further` is zero for the next row, else one.
    fn tabulated(
        self,
        further: usize,
        (mean, sd): (f64, f64),
        from: f64,
        densities: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Option<Density> {
        let Fineness { nodes, reach, bend, .. } = self;
        let scale = reach[further] * sd / math::sinh(bend);
        let place = |s: f64| mean + scale * math::sinh(bend * s);
        let at = |i: f64| place(2.0 * i / nodes as f64 - 1.0);
        let points: Vec<f64> = (0..nodes).map(|i| at(i as f64 + 0.5)).collect();
        let edges: Vec<f64> = (0..=nodes).map(|i| from + at(i as f64)).collect();
        let slope = |i: usize| math::cosh(bend * ((2 * i + 1) as f64 / nodes as f64 - 1.0));
        let widths: Vec<f64> = (0..nodes).map(|i| scale * bend * slope(i) * 2.0 / nodes as f64).collect();
        let mass: Vec<f64> = densities(&points).iter().zip(&widths).map(|(p, w)| p * w).collect();
        let places: Vec<f64> = points.iter().map(|x| from + x).collect();
        Density::new(edges, &places, &widths, &mass, [f64::NEG_INFINITY, f64::INFINITY])
    }
}

fn width_of(scale: i32) -> f64 {
    math::powi(2.0, scale)
}

fn cumulated(shares: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    shares
        .map(|s| {
            sum += s;
            sum
        })
        .collect()
}

/// The place of a uniform number among cumulated shares.
fn drawn(sums: &[f64], u: f64) -> usize {
    let total = sums.last().copied().unwrap_or(1.0);
    sums.partition_point(|s| *s <= u * total).min(sums.len().saturating_sub(1))
}

/// The cosine series of a density on `[from, from + width]`.
struct Cosines {
    from: f64,
    width: f64,
    terms: Vec<f64>,
}

impl Cosines {
    fn new(waves: &Waves, masses: &[f64], from: f64, width: f64) -> Cosines {
        let sum = |part: &[f64]| masses.iter().zip(part).map(|(m, v)| m * v).sum::<f64>();
        let term = |(k, [re, im]): (usize, &[Vec<f64>; 2])| {
            let turn = -(k as f64) * std::f64::consts::PI * from / width;
            let value = sum(re) * math::cos(turn) - sum(im) * math::sin(turn);
            2.0 / width * if k == 0 { 0.5 * value } else { value }
        };
        Cosines { from, width, terms: waves.iter().enumerate().map(term).collect() }
    }

    /// By Clenshaw's recurrence.
    fn at(&self, x: f64) -> f64 {
        let turn = std::f64::consts::PI * (x - self.from) / self.width;
        let twice = 2.0 * math::cos(turn);
        let (mut one, mut two) = (0.0, 0.0);
        for term in self.terms.iter().skip(1).rev() {
            (one, two) = (term + twice * one - two, one);
        }
        self.terms[0] + 0.5 * twice * one - two
    }
}
