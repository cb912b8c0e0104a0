//! What does a certified master equation cost? `cargo bench --bench master_equation` prints the seconds of the moving window and
//! of a plain uniformisation on compressed rows of the whole box, one thread, timed in turn in one run; and the errors of both
//! against the exact law, a product of Poisson laws (Jahnke & Huisinga 2007, theorem 1). Then three networks without a closed law, each
//! against a tighter solve of itself.

#![allow(clippy::expect_used)] // A bench may stop.

use kramers::base::math;
use kramers::form::master_equation::{MOST_STATES, Projection, Snapshot, project};
use kramers::models::{Model, built_in, read};
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Instant;

const T: f64 = 2.0;

/// `0 -> A -> B -> 0`: with all counts below `side` its fastest rate is `supply + 2 side rate`.
struct Chain {
    side: usize,
    supply: f64,
    rate: f64,
}

impl Chain {
    fn model(&self) -> Model {
        let (k0, k) = (self.supply, self.rate);
        let text = format!(
            "schema = 1\nid = \"chain\"\ntitle = \"chain\"\nsource = \"bench\"\nkind = \"network\"\ncounting = \"combinations\"\n\
             [species.A]\n[species.B]\n[[reaction]]\nequation = \"0 -> A\"\nrate = {k0}\n\
             [[reaction]]\nequation = \"A -> B\"\nrate = {k}\n[[reaction]]\nequation = \"B -> 0\"\nrate = {k}\n"
        );
        read("chain.toml", &text).expect("a model")
    }

    fn means(&self) -> [f64; 2] {
        let (level, kt) = (self.supply / self.rate, self.rate * T);
        [level * -math::exp_m1(-kt), level * (1.0 - math::exp(-kt) * (1.0 + kt))]
    }

    /// `[a][b]` of the product of Poisson laws, over a box twice as wide.
    fn exact(&self) -> [Vec<f64>; 2] {
        self.means().map(|mean| {
            // By ratios from the mode, which keep all digits, brought to sum one.
            let mode = mean as usize;
            let mut law = vec![1.0; 2 * self.side];
            (mode + 1..law.len()).for_each(|k| law[k] = law[k - 1] * mean / k as f64);
            (0..mode).rev().for_each(|k| law[k] = law[k + 1] * (k + 1) as f64 / mean);
            let sum: f64 = law.iter().rev().sum();
            law.into_iter().map(|p| p / sum).collect()
        })
    }

    /// `Σ |p - exact|` over all states, `p` zero where it is not given.
    fn distance(&self, p: impl Iterator<Item = (usize, usize, f64)>) -> f64 {
        let [a, b] = self.exact();
        let mut apart: Vec<f64> = a.iter().flat_map(|x| b.iter().map(move |y| x * y)).collect();
        p.for_each(|(i, j, p)| apart[i * b.len() + j] -= p);
        apart.iter().map(|x| x.abs()).sum()
    }
}

/// Seconds of this thread on a processor where the system tells (other programs then do not count), else of the clock.
fn seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let first = told.as_ref().and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    first.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |nanoseconds| 1e-9 * nanoseconds)
}

fn main() {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("the first pool");
    println!(
        "{:<26}{:>9}{:>12}{:>12}{:>12}{:>12}",
        "0 -> A -> B -> 0, t = 2", "states", "‖Q‖t", "seconds", "bound", "error"
    );
    for chain in [
        Chain { side: 320, supply: 220.0, rate: 2.0 },
        Chain { side: 320, supply: 400.0, rate: 1.7 },
        Chain { side: 1000, supply: 900.0, rate: 2.0 },
    ] {
        let model = chain.model();
        let size = (chain.supply + 2.0 * chain.side as f64 * chain.rate) * T;
        let mut answer = None;
        let mut plain = None;
        let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
        let rounds = if chain.side > 500 { 1 } else { 5 };
        for _ in 0..rounds {
            let from = seconds();
            answer = Some(solved(&model));
            ours = ours.min(seconds() - from);
            let from = seconds();
            plain = Some(by_compressed_rows(&chain));
            theirs = theirs.min(seconds() - from);
        }
        let law = answer.expect("a round");
        let error =
            chain.distance((0..law.len()).map(|i| (law.state(i)[0] as usize, law.state(i)[1] as usize, law.p[i])));
        let row = |name: &str, states: usize, seconds: f64, bound: f64, error: f64| {
            println!("{name:<26}{states:>9}{size:>12.0}{seconds:>12.4}{bound:>12.2e}{error:>12.2e}");
        };
        row("moving window", law.len(), ours, law.error_bound, error);
        let p = plain.expect("a round");
        let n = chain.side;
        let error = chain.distance(p.iter().enumerate().map(|(k, p)| (k / n, k % n, *p)));
        row("compressed rows, whole box", n * n, theirs, 1.0 - p.iter().sum::<f64>(), error);
    }
    known();
    stiff();
}

/// A network of the built-in models, with other values of some parameters, from other counts.
struct Known {
    id: &'static str,
    set: &'static [(&'static str, f64)],
    start: &'static [f64],
    t: f64,
}

impl Known {
    fn law(&self, tolerance: f64) -> Snapshot {
        let model = built_in(self.id).expect("a model");
        let value = |p: &kramers::base::Param| self.set.iter().find(|s| s.0 == p.name).map_or(p.default, |s| s.1);
        let theta: Vec<f64> = model.params.iter().map(value).collect();
        let times = [self.t];
        let ask = Projection {
            theta: &theta,
            start: self.start,
            t0: 0.0,
            times: &times,
            tolerance,
            most_states: MOST_STATES,
        };
        project(&model, &ask).expect("an answer").remove(0)
    }
}

fn known() {
    println!(
        "\n{:<18}{:>10}{:>9}{:>10}{:>12}{:>12}{:>12}{:>12}",
        "", "tolerance", "states", "seconds", "mean", "sd", "bound", "error"
    );
    for known in [
        Known { id: "schloegl", set: &[], start: &[250.0], t: 10.0 },
        Known { id: "toggle-switch", set: &[("k1", 10.0), ("k2", 10.0)], start: &[0.0, 0.0], t: 10.0 },
        Known {
            id: "michaelis-menten",
            set: &[("kf", 1.0), ("kr", 1.0), ("kcat", 0.1)],
            start: &[120.0, 301.0, 0.0, 0.0],
            t: 1.0,
        },
    ] {
        let tight = known.law(1e-13);
        let truth: HashMap<Vec<u64>, f64> = (0..tight.len()).map(|i| (key(&tight, i), tight.p[i])).collect();
        for tolerance in [1e-4, 1e-8, 1e-11] {
            let (mut best, mut answer) = (f64::INFINITY, None);
            for _ in 0..3 {
                let from = Instant::now();
                answer = Some(known.law(tolerance));
                best = best.min(from.elapsed().as_secs_f64());
            }
            let law = answer.expect("a round");
            let (mut error, mut held) = (0.0, 0.0);
            for i in 0..law.len() {
                let p = truth.get(&key(&law, i)).copied().unwrap_or(0.0);
                error += (law.p[i] - p).abs();
                held += p;
            }
            error += (tight.p.iter().sum::<f64>() - held).max(0.0);
            println!(
                "{:<18}{tolerance:>10.0e}{:>9}{best:>10.4}{:>12.6}{:>12.6}{:>12.2e}{error:>12.2e}",
                known.id,
                law.len(),
                law.mean()[0],
                law.sd()[0],
                law.error_bound
            );
        }
    }
}

/// Two species that change into each other much faster than they come and go: steps by the resolvent, beside what positive sums would take
/// at the speed of their first part.
fn stiff() {
    const PART: f64 = 1e-4;
    let (supply, fast, decay, t) = (6.0, 1e6, 1.0, 2.0);
    let text = format!(
        "schema = 1\nid = \"exchange\"\ntitle = \"exchange\"\nsource = \"bench\"\nkind = \"network\"\ncounting = \"combinations\"\n\
         [species.A]\ninitial = 4\n[species.B]\ninitial = 4\n[[reaction]]\nequation = \"0 -> A\"\nrate = {supply}\n\
         [[reaction]]\nequation = \"A -> B\"\nrate = {fast}\n[[reaction]]\nequation = \"B -> A\"\nrate = {fast}\n\
         [[reaction]]\nequation = \"B -> 0\"\nrate = {decay}\n"
    );
    let model = read("exchange.toml", &text).expect("a model");
    let timed = |t: f64| {
        let times = [t];
        let ask =
            Projection { theta: &[], start: &[], t0: 0.0, times: &times, tolerance: 1e-8, most_states: MOST_STATES };
        let from = Instant::now();
        let law = project(&model, &ask).expect("an answer").remove(0);
        (law, from.elapsed().as_secs_f64())
    };
    let (law, seconds) = timed(t);
    let sums = timed(PART * t).1 / PART;
    let fastest = (0..law.len()).map(|i| fast * (law.state(i)[0] + law.state(i)[1])).fold(0.0, f64::max);
    // Both together come and go as one, at half the decay.
    let total: f64 = law.mean().iter().sum();
    let exact = 12.0 + (8.0 - 12.0) * math::exp(-0.5 * decay * t);
    println!(
        "\nA <-> B, a million times as fast as the rest, {} states, {:.1e} products: {seconds:.2} s, bound {:.1e}, mean of both {total:.6} (slow limit {exact:.6}); positive sums at the speed of the first {PART:e} of the time: {sums:.0} s",
        law.len(),
        fastest * t,
        law.error_bound
    );
}

fn key(law: &Snapshot, i: usize) -> Vec<u64> {
    law.state(i).iter().map(|x| *x as u64).collect()
}

fn solved(model: &Model) -> Snapshot {
    let ask = Projection { theta: &[], start: &[], t0: 0.0, times: &[T], tolerance: 1e-11, most_states: MOST_STATES };
    project(model, &ask).expect("an answer").remove(0)
}

/// Uniformisation of the whole box with the transposed generator in compressed rows, as a sparse library does it.
fn by_compressed_rows(chain: &Chain) -> Vec<f64> {
    let n = chain.side;
    let q = chain.supply + 2.0 * n as f64 * chain.rate;
    let (mut starts, mut columns, mut values) = (vec![0usize], Vec::new(), Vec::new());
    for i in 0..n {
        for j in 0..n {
            let out = chain.supply + chain.rate * (i + j) as f64;
            columns.push(i * n + j);
            values.push(1.0 - out / q);
            if i > 0 {
                columns.push((i - 1) * n + j);
                values.push(chain.supply / q);
            }
            if i + 1 < n && j > 0 {
                columns.push((i + 1) * n + j - 1);
                values.push(chain.rate * (i + 1) as f64 / q);
            }
            if j + 1 < n {
                columns.push(i * n + j + 1);
                values.push(chain.rate * (j + 1) as f64 / q);
            }
            starts.push(columns.len());
        }
    }
    let mean = q * T;
    let (mut v, mut next, mut sum) = (vec![0.0; n * n], vec![0.0; n * n], vec![0.0; n * n]);
    v[0] = 1.0;
    let last = (mean + 8.0 * mean.sqrt()) as usize;
    for k in 0..=last {
        let w = math::exp(k as f64 * math::ln(mean) - mean - math::ln_gamma(k as f64 + 1.0));
        if w > 1e-18 {
            sum.iter_mut().zip(&v).for_each(|(s, v)| *s += w * v);
        }
        for (i, next) in next.iter_mut().enumerate() {
            let (from, to) = (starts[i], starts[i + 1]);
            *next = columns[from..to].iter().zip(&values[from..to]).map(|(c, a)| a * v[*c]).sum();
        }
        std::mem::swap(&mut v, &mut next);
    }
    sum
}
