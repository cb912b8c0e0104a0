//! Linear models read off their text: `dx = (A x + b) dt + noise of covariance C`, readings `H x + h + error`, all with their slopes
//! in the parameters.

use super::jet::Jet;
use super::readings::{diffusion, readings};
use crate::base::Result;
use crate::expr::{Id, Pool, Scratch, Tape};
use crate::models::Model;
use crate::process::{Boundary, Diffusion, Distribution, Family, Frame, Initial, symbol};
use nalgebra::DMatrix;

/// Expressions in parameters and time, with their derivatives by the parameters.
#[derive(Debug)]
struct Table {
    value: Tape,
    /// Values, then the derivatives by each parameter in turn.
    all: Tape,
    entries: usize,
    slopes: usize,
}

impl Table {
    fn new(frame: &Frame, pool: &mut Pool, ids: Vec<Id>) -> Table {
        let value = Tape::compile(pool, &ids, &[symbol::TIME]);
        let mut all = ids.clone();
        for k in 0..frame.n_params {
            all.extend(ids.iter().map(|id| pool.derivative(*id, frame.param(k))));
        }
        let all = Tape::compile(pool, &all, &[symbol::TIME]);
        Table { value, all, entries: ids.len(), slopes: frame.n_params }
    }

    /// `[0]` the values, then, if asked, the derivatives by each parameter.
    fn at(&self, symbols: &[f64], time: f64, slopes: bool) -> Vec<Vec<f64>> {
        let (tape, rows) = if slopes { (&self.all, 1 + self.slopes) } else { (&self.value, 1) };
        let mut scratch = Scratch::default();
        let mut out = vec![0.0; self.entries * rows];
        tape.bind(symbols, &mut scratch);
        tape.run_one(&[time], &mut out, &mut scratch);
        out.chunks(self.entries.max(1)).map(<[f64]>::to_vec).collect()
    }
}

/// A matrix among the entries of a table, by rows.
fn matrix(table: &[Vec<f64>], from: usize, rows: usize, columns: usize) -> Jet {
    let one = |v: &Vec<f64>| DMatrix::from_row_slice(rows, columns, &v[from..from + rows * columns]);
    Jet { value: one(&table[0]), slopes: table[1..].iter().map(one).collect() }
}

/// The linear structure of a model, its parameters by name.
#[derive(Debug)]
pub(super) struct Linear {
    frame: Frame,
    pub states: usize,
    pub readings: usize,
    process: Table,
    observed: Table,
    /// Mean and variance of each state's `initial`; `None` where one is missing, not normal, or "stationary".
    given: Option<Table>,
    /// Whether readings change with time.
    pub timed: bool,
}

/// The process at one parameter value.
#[derive(Debug, Clone)]
pub(super) struct Rates {
    pub a: Jet,
    pub b: Jet,
    pub c: Jet,
}

/// One reading at one parameter value: `h x + level + error`, the error of variance `r` (its mean is in `level`).
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub h: Jet,
    pub level: Jet,
    pub r: Jet,
}

/// Why a model is not linear with normal errors; `None` where it is.
pub(super) fn why_not(model: &Model) -> Option<String> {
    Linear::new(model).err()
}

/// Why a process is not linear with noise that hangs on no state, whatever is read off it.
fn why_no_rates(process: &Diffusion) -> Option<String> {
    for state in &process.states {
        if state.lower.is_finite() || state.upper.is_finite() || state.boundary == Boundary::Periodic {
            return Some(format!("{} does not live on the whole line", state.name));
        }
    }
    process.is_time_dependent().then(|| "its coefficients change with time".to_string())
}

/// `A`, `b` and `C` of a process.
///
/// # Errors
/// Why it is not linear with noise that hangs on no state.
fn rates(process: &Diffusion, pool: &mut Pool) -> std::result::Result<Vec<Id>, String> {
    if let Some(why) = why_no_rates(process) {
        return Err(why);
    }
    let (n, frame) = (process.states.len(), &process.frame);
    let varies = |pool: &Pool, id: Id| (0..n).any(|i| pool.depends_on(id, frame.variable(i)));
    let mut ids = Vec::with_capacity(2 * n * n + n);
    for (state, drift) in process.states.iter().zip(&process.drift) {
        for j in 0..n {
            let slope = pool.derivative(*drift, frame.variable(j));
            if varies(pool, slope) {
                return Err(format!("the drift of {} is not linear", state.name));
            }
            ids.push(slope);
        }
    }
    ids.extend(&process.drift);
    for i in 0..n {
        for j in 0..n {
            let covariance = process.covariance(pool, i, j);
            if varies(pool, covariance) {
                return Err(format!("the noise of {} changes with the state", process.states[i].name));
            }
            ids.push(covariance);
        }
    }
    Ok(ids)
}

/// The process alone, where it is linear: for stationary starts of filters whose readings are not.
#[derive(Debug)]
pub(super) struct LinearProcess {
    frame: Frame,
    states: usize,
    table: Table,
}

impl LinearProcess {
    pub fn new(model: &Model) -> Option<LinearProcess> {
        let process = diffusion(model)?;
        let mut pool = process.frame.pool.clone();
        let ids = rates(process, &mut pool).ok()?;
        let table = Table::new(&process.frame, &mut pool, ids);
        Some(LinearProcess { frame: process.frame.clone(), states: process.states.len(), table })
    }

    pub fn rates(&self, theta: &[f64]) -> Rates {
        rates_at(&self.table, &self.frame, self.states, theta, false)
    }
}

fn rates_at(table: &Table, frame: &Frame, n: usize, theta: &[f64], slopes: bool) -> Rates {
    let table = table.at(&at_zero(frame, theta), 0.0, slopes);
    Rates { a: matrix(&table, 0, n, n), b: matrix(&table, n * n, n, 1), c: matrix(&table, n * n + n, n, n) }
}

/// Symbols with every state at zero, where an affine function is its constant.
fn at_zero(frame: &Frame, theta: &[f64]) -> Vec<f64> {
    let mut symbols = frame.symbols(theta, 0.0);
    symbols[frame.variable(0)..frame.variable(0) + frame.n_variables].fill(0.0);
    symbols
}

impl Linear {
    /// # Errors
    /// Why the model is not linear with normal errors.
    pub fn new(model: &Model) -> std::result::Result<Linear, String> {
        let process = diffusion(model).ok_or_else(|| format!("it is a {}", model.process.kind()))?;
        if !process.jumps.is_empty() {
            return Err("it jumps".to_string());
        }
        let (n, frame) = (process.states.len(), process.frame.clone());
        let mut pool = frame.pool.clone();
        let list = readings(model, &mut pool);
        let process_ids = rates(process, &mut pool)?;
        let mut ids = Vec::new();
        for reading in &list {
            for j in 0..n {
                let slope = pool.derivative(reading.of, frame.variable(j));
                if (0..n).any(|i| pool.depends_on(slope, frame.variable(i))) {
                    return Err("a reading is not linear in the state".to_string());
                }
                ids.push(slope);
            }
            let (mean, variance) = match &reading.noise {
                None => (pool.number(0.0), pool.number(0.0)),
                Some(noise) => normal(noise, &mut pool).ok_or("an error of measurement is not normal")?,
            };
            if (0..n).any(|i| pool.depends_on(mean, frame.variable(i)) || pool.depends_on(variance, frame.variable(i)))
            {
                return Err("an error of measurement changes with the state".to_string());
            }
            ids.extend([pool.add(reading.of, mean), variance]);
        }
        let timed = ids.iter().any(|id| pool.depends_on(*id, symbol::TIME));
        let initial: Option<Vec<(Id, Id)>> = process
            .states
            .iter()
            .map(|s| match s.initial.as_ref()? {
                Initial::Value(id) => Some((*id, pool.number(0.0))),
                Initial::Law(law) => normal(law, &mut pool),
                Initial::Stationary => None,
            })
            .collect();
        let given = initial.map(|pairs| {
            let ids = pairs.iter().map(|p| p.0).chain(pairs.iter().map(|p| p.1)).collect();
            Table::new(&frame, &mut pool, ids)
        });
        Ok(Linear {
            states: n,
            readings: list.len(),
            process: Table::new(&frame, &mut pool, process_ids),
            observed: Table::new(&frame, &mut pool, ids),
            given,
            timed,
            frame,
        })
    }

    pub fn rates(&self, theta: &[f64], slopes: bool) -> Rates {
        rates_at(&self.process, &self.frame, self.states, theta, slopes)
    }

    pub fn rows(&self, theta: &[f64], time: f64, slopes: bool) -> Vec<Row> {
        let n = self.states;
        let table = self.observed.at(&at_zero(&self.frame, theta), time, slopes);
        let row = |k: usize| {
            let from = k * (n + 2);
            Row {
                h: matrix(&table, from, 1, n),
                level: matrix(&table, from + n, 1, 1),
                r: matrix(&table, from + n + 1, 1, 1),
            }
        };
        (0..self.readings).map(row).collect()
    }

    /// Whether the file gives every state a number or a normal law to start from.
    pub fn has_given(&self) -> bool {
        self.given.is_some()
    }

    /// Mean and covariance of that start.
    pub fn given(&self, theta: &[f64], slopes: bool) -> Option<(Jet, Jet)> {
        let table = self.given.as_ref()?.at(&at_zero(&self.frame, theta), 0.0, slopes);
        let n = self.states;
        let diagonal = matrix(&table, n, n, 1).map(|v| DMatrix::from_diagonal(&v.column(0)));
        Some((matrix(&table, 0, n, 1), diagonal))
    }
}

/// Mean and variance of a normal law, or of a constant.
fn normal(law: &Distribution, pool: &mut Pool) -> Option<(Id, Id)> {
    match (law.family, law.arguments.as_slice()) {
        (Family::Normal, [mean, sd]) => Some((*mean, pool.power(*sd, 2))),
        (Family::Constant, [value]) => Some((*value, pool.number(0.0))),
        _ => None,
    }
}

impl Rates {
    /// Whether every solution forgets its start, with room for round-off.
    pub fn is_stable(&self) -> bool {
        let a = &self.a.value;
        let size = a.amax();
        a.iter().all(|v| v.is_finite()) && size > 0.0 && a.complex_eigenvalues().iter().all(|l| l.re < -1e-12 * size)
    }

    /// Mean `-A⁻¹ b`, and the covariance that solves `A P + P Aᵀ + C = 0`.
    ///
    /// # Errors
    /// [`crate::base::Error::Numerics`] where there is none.
    pub fn stationary(&self) -> Result<(Jet, Jet)> {
        let n = self.a.value.nrows();
        let mean = self.a.solve(&self.b.map(|b| -b))?;
        let flat = self.c.map(|c| -DMatrix::from_column_slice(n * n, 1, c.as_slice()));
        let covariance = self.a.map(lyapunov).solve(&flat)?.map(|p| {
            let p = DMatrix::from_column_slice(n, n, p.as_slice());
            0.5 * (&p + p.transpose())
        });
        Ok((mean, covariance))
    }

    /// What a time `dt` does: `x → Φ x + c`, and the covariance `Q` of the noise that comes in, from the exponentials of
    /// `[[0, 0], [b, A]]` and `[[0, 0], [C, A ⊕ A]]`. Nothing in them grows where the process is stable, as it would in `exp(-A dt)`.
    ///
    /// # Errors
    /// [`crate::base::Error::Numerics`] where it overflows.
    pub fn step(&self, dt: f64) -> Result<Step> {
        let n = self.a.value.nrows();
        let framed = |source: &DMatrix<f64>, matrix: &DMatrix<f64>| {
            let m = matrix.nrows();
            let mut all = DMatrix::zeros(m + 1, m + 1);
            all.view_mut((1, 0), (m, 1)).copy_from_slice(source.as_slice());
            all.view_mut((1, 1), (m, m)).copy_from(matrix);
            all * dt
        };
        let joined = |source: &Jet, matrix: &Jet| Jet {
            value: framed(&source.value, &matrix.value),
            slopes: source.slopes.iter().zip(&matrix.slopes).map(|(s, m)| framed(s, m)).collect(),
        };
        let mean = joined(&self.b, &self.a).exponential()?;
        let noise = joined(&self.c, &self.a.map(lyapunov)).exponential()?;
        Ok(Step {
            phi: mean.map(|m| m.view((1, 1), (n, n)).into_owned()),
            shift: mean.map(|m| m.view((1, 0), (n, 1)).into_owned()),
            noise: noise.map(|m| {
                let q = DMatrix::from_column_slice(n, n, m.view((1, 0), (n * n, 1)).into_owned().as_slice());
                0.5 * (&q + q.transpose())
            }),
        })
    }
}

/// `x → Φ x + shift + noise`.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub phi: Jet,
    pub shift: Jet,
    pub noise: Jet,
}

/// `P → A P + P Aᵀ` on the columns of `P`, one below the other: `I ⊗ A + A ⊗ I`.
fn lyapunov(a: &DMatrix<f64>) -> DMatrix<f64> {
    let one = DMatrix::identity(a.nrows(), a.nrows());
    one.kronecker(a) + a.kronecker(&one)
}
