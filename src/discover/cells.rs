//! A regression on one state with its data put into cells of equal count: what both estimators work on.

/// Sums over the transitions of one cell and block of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cell {
    /// Σ w, Σ w y
    pub w: f64,
    pub wy: f64,
    /// Σ w², Σ w² y, Σ w² y²: for standard errors.
    pub ww: f64,
    pub wwy: f64,
    pub wwyy: f64,
    pub count: usize,
}

impl Cell {
    /// Add what is in another cell to this one.
    pub fn add(&mut self, other: &Cell) {
        self.w += other.w;
        self.wy += other.wy;
        self.ww += other.ww;
        self.wwy += other.wwy;
        self.wwyy += other.wwyy;
        self.count += other.count;
    }

    fn put(&mut self, y: f64, w: f64) {
        self.add(&Cell { w, wy: w * y, ww: w * w, wwy: w * w * y, wwyy: w * w * y * y, count: 1 });
    }

    /// `Σ w² (y - m)²` about the cell's own mean: the variance of Σ w y, the errors being martingale differences.
    pub fn square(&self) -> f64 {
        if self.w > 0.0 {
            let m = self.wy / self.w;
            (self.wwyy - 2.0 * m * self.wwy + m * m * self.ww).max(0.0)
        } else {
            0.0
        }
    }
}

/// Which cell every transition is in, and the mean state of each.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    pub state: Vec<f64>,
    /// `[transition]`
    of: Vec<usize>,
}

impl Cells {
    /// About `count` cells with equally many transitions; equal values stay together.
    pub fn of(x: &[f64], count: usize) -> Cells {
        let n = x.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| x[*a].total_cmp(&x[*b]).then(a.cmp(b)));
        let mut cells = Cells { state: Vec::new(), of: vec![0; n] };
        let mut from = 0;
        for k in 0..count {
            let mut to = (k + 1) * n / count;
            while to < n && to > 0 && x[order[to]] == x[order[to - 1]] {
                to += 1;
            }
            if to <= from {
                continue;
            }
            let members = &order[from..to];
            members.iter().for_each(|i| cells.of[*i] = cells.state.len());
            cells.state.push(members.iter().map(|i| x[*i]).sum::<f64>() / members.len() as f64);
            from = to;
        }
        cells
    }

    /// `[block of time][cell]`
    pub fn sums(&self, y: &[f64], w: &[f64], blocks: usize) -> Vec<Vec<Cell>> {
        let mut sums = vec![vec![Cell::default(); self.state.len()]; blocks];
        for (i, cell) in self.of.iter().enumerate() {
            sums[i * blocks / y.len()][*cell].put(y[i], w[i]);
        }
        sums
    }

    /// Values at the cells, one a transition.
    pub fn spread(&self, values: &[f64]) -> Vec<f64> {
        self.of.iter().map(|cell| values[*cell]).collect()
    }
}
