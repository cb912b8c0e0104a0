//! Fields on a tensor grid, stored so that a sweep along one axis runs over many lines at once, and the tridiagonal systems
//! of such a sweep.
//!
//! A line is all cells with one index of the other axis. Lines are kept in blocks of [`WIDE`], each block contiguous, rows
//! first: a recurrence along the lines then has [`WIDE`] of them side by side in vector registers, and blocks can be given to
//! threads. The other axis is swept in the turned field.

use crate::base::dispatch::{Kernel, Level};
use rayon::prelude::*;

/// Lines swept side by side.
pub(super) const WIDE: usize = 16;

/// The shape of a field as it is swept along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Cells along the axis swept.
    pub rows: usize,
    /// Cells along the other.
    pub lines: usize,
}

impl Shape {
    pub fn block(self) -> usize {
        self.rows * WIDE
    }

    /// Numbers stored, lines that fill the last block included.
    pub fn size(self) -> usize {
        self.lines.div_ceil(WIDE) * self.block()
    }

    pub fn turned(self) -> Shape {
        Shape { rows: self.lines, lines: self.rows }
    }

    /// Where a cell is stored.
    pub fn at(self, row: usize, line: usize) -> usize {
        (line / WIDE) * self.block() + row * WIDE + line % WIDE
    }
}

/// The field for a sweep along the other axis: `out[line][row] = field[row][line]`. What fills the last block stays zero.
pub(super) fn turn(field: &[f64], shape: Shape, out: &mut [f64]) {
    let turned = shape.turned();
    out.par_chunks_mut(turned.block()).enumerate().for_each(|(b, block)| {
        let rows = WIDE.min(shape.rows - b * WIDE);
        for first in (0..shape.lines).step_by(WIDE) {
            let lines = WIDE.min(shape.lines - first);
            let from = &field[shape.at(b * WIDE, first)..][..rows * WIDE];
            let to = &mut block[first * WIDE..][..lines * WIDE];
            for (i, row) in to.chunks_exact_mut(WIDE).enumerate() {
                for (j, cell) in row[..rows].iter_mut().enumerate() {
                    *cell = from[j * WIDE + i];
                }
            }
        }
    });
}

/// Rates of a one-dimensional flow along every line: `up` from a row to the next, `down` to the one before.
#[derive(Debug, Clone)]
pub(super) struct Rates {
    pub shape: Shape,
    pub up: Vec<f64>,
    pub down: Vec<f64>,
}

/// The factors of `I - c A`.
#[derive(Debug, Clone, Default)]
pub(super) struct Factors {
    c: f64,
    inverse: Vec<f64>,
}

impl Rates {
    /// `out = A field`, through the fluxes, so that what leaves one cell enters the next to the last bit.
    pub fn apply(&self, field: &[f64], out: &mut [f64]) {
        let block = self.shape.block();
        let level = Level::best();
        let parts = self.up.par_chunks(block).zip(self.down.par_chunks(block)).zip(field.par_chunks(block));
        out.par_chunks_mut(block)
            .zip(parts)
            .for_each(|(out, ((up, down), field))| level.run(Apply { up, down, field, out }));
    }

    /// Factors of `I - c A` without a subtraction where the rates are positive (Grassmann, Taksar & Heyman 1985): the
    /// pivots are `1 + c up + c down e`, with `e` what of the row before does not come from this one.
    pub fn factor(&self, c: f64, factors: &mut Factors) {
        let block = self.shape.block();
        let level = Level::best();
        factors.c = c;
        factors.inverse.resize(self.shape.size(), 0.0);
        let parts = self.up.par_chunks(block).zip(self.down.par_chunks(block));
        factors
            .inverse
            .par_chunks_mut(block)
            .zip(parts)
            .for_each(|(inverse, (up, down))| level.run(Factor { c, up, down, inverse }));
    }

    /// Solve `(I - c A) y = field` in place.
    pub fn solve(&self, factors: &Factors, field: &mut [f64]) {
        let block = self.shape.block();
        let level = Level::best();
        let rates = self.up.par_chunks(block).zip(self.down.par_chunks(block)).zip(factors.inverse.par_chunks(block));
        field.par_chunks_mut(block).zip(rates).for_each(|(field, ((up, down), inverse))| {
            level.run(Solve { c: factors.c, up, down, inverse, field });
        });
    }
}

/// `out = S field` with `(S q)_r = (q_r + q_{r+1}) - (q_{r-1} + q_r)`, nothing beyond the first and last row: along one axis
/// the sums at the faces and their difference.
pub(super) fn across(shape: Shape, field: &[f64], out: &mut [f64]) {
    let block = shape.block();
    let level = Level::best();
    out.par_chunks_mut(block).zip(field.par_chunks(block)).for_each(|(out, field)| level.run(Across { field, out }));
}

type Row = [f64; WIDE];

#[inline(always)]
fn row(data: &[f64], r: usize) -> Row {
    let mut row = [0.0; WIDE];
    row.copy_from_slice(&data[r * WIDE..(r + 1) * WIDE]);
    row
}

struct Apply<'a> {
    up: &'a [f64],
    down: &'a [f64],
    field: &'a [f64],
    out: &'a mut [f64],
}

impl Kernel for Apply<'_> {
    #[inline(always)]
    fn run(self) {
        let n = self.field.len() / WIDE;
        let mut inflow = [0.0; WIDE];
        for r in 0..n {
            let mut outflow = [0.0; WIDE];
            if r + 1 < n {
                let (up, here) = (row(self.up, r), row(self.field, r));
                let (down, next) = (row(self.down, r + 1), row(self.field, r + 1));
                for l in 0..WIDE {
                    outflow[l] = up[l] * here[l] - down[l] * next[l];
                }
            }
            let out = &mut self.out[r * WIDE..(r + 1) * WIDE];
            for l in 0..WIDE {
                out[l] = inflow[l] - outflow[l];
            }
            inflow = outflow;
        }
    }
}

struct Factor<'a> {
    c: f64,
    up: &'a [f64],
    down: &'a [f64],
    inverse: &'a mut [f64],
}

impl Kernel for Factor<'_> {
    #[inline(always)]
    fn run(self) {
        let mut rest = [0.0; WIDE];
        for r in 0..self.up.len() / WIDE {
            let (up, down) = (row(self.up, r), row(self.down, r));
            let out = &mut self.inverse[r * WIDE..(r + 1) * WIDE];
            for l in 0..WIDE {
                let stays = 1.0 + self.c * down[l] * rest[l];
                let inverse = 1.0 / (stays + self.c * up[l]);
                rest[l] = stays * inverse;
                out[l] = inverse;
            }
        }
    }
}

struct Solve<'a> {
    c: f64,
    up: &'a [f64],
    down: &'a [f64],
    inverse: &'a [f64],
    field: &'a mut [f64],
}

impl Kernel for Solve<'_> {
    #[inline(always)]
    fn run(self) {
        let n = self.field.len() / WIDE;
        let mut before = [0.0; WIDE];
        for r in 0..n {
            let inverse = row(self.inverse, r);
            let field = &mut self.field[r * WIDE..(r + 1) * WIDE];
            for l in 0..WIDE {
                before[l] = (field[l] + before[l]) * inverse[l];
                field[l] = before[l];
            }
            let up = row(self.up, r);
            for l in 0..WIDE {
                before[l] *= self.c * up[l];
            }
        }
        let mut after = [0.0; WIDE];
        for r in (0..n).rev() {
            let (inverse, down) = (row(self.inverse, r), row(self.down, r));
            let field = &mut self.field[r * WIDE..(r + 1) * WIDE];
            for l in 0..WIDE {
                field[l] += after[l] * inverse[l];
                after[l] = self.c * down[l] * field[l];
            }
        }
    }
}

struct Across<'a> {
    field: &'a [f64],
    out: &'a mut [f64],
}

impl Kernel for Across<'_> {
    #[inline(always)]
    fn run(self) {
        let n = self.field.len() / WIDE;
        let mut below = [0.0; WIDE];
        for r in 0..n {
            let mut above = [0.0; WIDE];
            if r + 1 < n {
                let (here, next) = (row(self.field, r), row(self.field, r + 1));
                for l in 0..WIDE {
                    above[l] = here[l] + next[l];
                }
            }
            let out = &mut self.out[r * WIDE..(r + 1) * WIDE];
            for l in 0..WIDE {
                out[l] = above[l] - below[l];
            }
            below = above;
        }
    }
}
