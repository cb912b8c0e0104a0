//! The eight bars, measured: one JSON line a question, `{bar, title, bar_text, tool, seconds, error, note}`, and `against`, the part of the
//! note that a peer's line of the same question has. `benches/peers/run.py` sets them beside their peers; bar 0 is the machine.
//! `KRAMERS_BARS=3,5 cargo bench --bench bars` measures some of them.
//!
//! One thread unless the note says otherwise. The best of several rounds counts, by the clock; of long ones on one thread the time on
//! the processor, to which others on the machine add little.

#![allow(clippy::expect_used, clippy::disallowed_methods)] // A bench may stop, and prints.

use kramers::base::math::{self, normals_from_u64};
use kramers::base::{Clock, ClockKind, Purpose, Seed, Series, Transform};
use kramers::fit::{FormRequest, Observed, Settings, fit};
use kramers::form::fokker_planck::plane;
use kramers::form::master_equation::{MOST_STATES, Projection, project};
use kramers::form::monte_carlo::{Run, Scheme, Start, ssa, summarise};
use kramers::form::passage::{Crossing, mean_passage};
use kramers::form::schroedinger::{log_transitions, spectrum};
use kramers::form::value::{Method, value, value_by};
use kramers::form::{Accuracy, Answer, Form, Pairs, Question, answer};
use kramers::models::{Model, built_in, read};
use kramers::predictive::Predictive;
use serde_json::json;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

const BARS: [(&str, &str); 9] = [
    (
        "The machine",
        "limits: 0.44 ns a Philox word, 2.3 ns a normal by a vector Box-Muller, 20 GB/s copied by one thread; two threads nearly twice one",
    ),
    (
        "Relaxation rates, however small",
        "relative 1e-10 in plain doubles from D = 0.25 down to 0.001 (a rate of 1.2e-109), each in 50 ms; Schlögl's gap and passage time likewise",
    ),
    (
        "Master equation with a certificate",
        "1e5 states in 0.1 s with a bound of 1e-11 that is never below the L1 error nor 10 times above it; 1e6 states in 1.5 s",
    ),
    (
        "Paths",
        "1e8 Euler steps of geometric Brownian motion in 0.15 s on two cores, the same bits on any number of threads",
    ),
    (
        "Likelihoods",
        "exact fit of 2500 observations with standard errors in 5 ms; any drift's monthly log-likelihood to 1e-6 in 50 ms",
    ),
    ("Fokker-Planck in one dimension", "1e-10 in 5 ms where smooth; 1e-6 in 20 ms for a square root that reaches zero"),
    (
        "Fokker-Planck in two dimensions",
        "Heston, Feller's condition violated: marginal density and call within 1e-4 in 2 s, mass to 1e-10",
    ),
    (
        "Multilevel keeps the error asked for",
        "root-mean-square error not above the goal by more than 3 standard errors, cost within 1.5 of the prediction",
    ),
    ("All forms of one typed model agree", "Fokker-Planck and spectrum to 1e-9, Monte Carlo within 4 standard errors"),
];

fn main() {
    // Arguments are cargo's own (--bench).
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("the first pool");
    let asked = std::env::var("KRAMERS_BARS").unwrap_or_default();
    let asked: Vec<usize> = asked.split(',').filter_map(|bar| bar.trim().parse().ok()).collect();
    let all = [machine, rates, networks, paths, likelihoods, lines, planes, levels, agreement];
    for (bar, measure) in all.into_iter().enumerate() {
        if asked.is_empty() || asked.contains(&bar) {
            measure(&Bar(bar));
        }
    }
}

struct Bar(usize);

impl Bar {
    fn say(
        &self,
        tool: &str,
        seconds: impl Into<Option<f64>>,
        error: impl Into<Option<f64>>,
        note: &str,
        against: &str,
    ) {
        let (title, text) = BARS[self.0];
        let (seconds, error): (Option<f64>, Option<f64>) = (seconds.into(), error.into());
        let line = json!({
            "bar": self.0, "title": title, "bar_text": text, "tool": tool, "seconds": seconds, "error": error, "note": note, "against": against,
        });
        println!("{line}");
    }
}

/// Nanoseconds of the main thread on a processor so far, which others on the machine add little to; `None` where Linux does not say.
fn on_processor() -> Option<f64> {
    std::fs::read_to_string("/proc/self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
}

/// Best of so many rounds, in seconds, and what the last gave: by the clock, of jobs longer than a time slice the time of the main
/// thread on a processor, which the system tells no finer.
fn best<T>(rounds: usize, mut job: impl FnMut() -> T) -> (f64, T) {
    const SLICES: f64 = 0.05;
    let (mut least, mut found) = (f64::INFINITY, None);
    for _ in 0..rounds {
        let (start, before) = (Instant::now(), on_processor());
        found = Some(black_box(job()));
        let clock = start.elapsed().as_secs_f64();
        let told = before.zip(on_processor()).map(|(a, b)| 1e-9 * (b - a));
        least = least.min(told.filter(|_| clock > SLICES).unwrap_or(clock));
    }
    (least, found.expect("a round"))
}

/// As [`best`], by the clock.
fn by_clock<T>(rounds: usize, mut job: impl FnMut() -> T) -> (f64, T) {
    let (mut least, mut found) = (f64::INFINITY, None);
    for _ in 0..rounds {
        let start = Instant::now();
        found = Some(black_box(job()));
        least = least.min(start.elapsed().as_secs_f64());
    }
    (least, found.expect("a round"))
}

/// Nanoseconds of every living thread on processors so far, by its number.
fn on_processors() -> BTreeMap<String, f64> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |thread: std::fs::DirEntry| {
        let told = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        Some((thread.file_name().to_string_lossy().into_owned(), told.split_whitespace().next()?.parse().ok()?))
    };
    threads.filter_map(of).collect()
}

/// As [`best`]; of several threads on a pool and by the clock. Last, the mean time of all threads on processors.
fn on<T: Send>(threads: usize, rounds: usize, job: impl Fn() -> T + Sync) -> (f64, T, f64) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    let run = || if threads == 1 { job() } else { pool.install(&job) };
    // Once before: the threads are there, and those of an earlier pool, not in both tellings, do not count.
    run();
    let before = on_processors();
    let rounds = 2 * rounds;
    let (seconds, found) = if threads == 1 { best(rounds, run) } else { by_clock(rounds, run) };
    let spent: f64 = on_processors().iter().filter_map(|(thread, now)| Some(now - before.get(thread)?)).sum();
    (seconds, found, 1e-9 * spent / rounds as f64)
}

fn diffusion(drift: &str, noise: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"d\"\ntitle = \"d\"\nkind = \"diffusion\"\n[state.x]\ndomain = [-inf, inf]\n[dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"{noise}\"\n"
    );
    read("d.toml", &text).expect("reads")
}

fn double_well(d: f64) -> Model {
    diffusion("x - x^3", &format!("sqrt(2*{d})"))
}

fn law(model: &Model, form: Form, (theta, x0): (&[f64], &[f64]), times: &[f64], accuracy: Accuracy) -> Answer {
    let key = Seed(1).key(Purpose::Forecast, 0, 0);
    answer(model, form, &Question { theta, start: x0, t0: 0.0, times, accuracy, key }).expect("a law")
}

fn machine(bar: &Bar) {
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    const DRAWS: u64 = 20_000;
    let (mut one, mut two, mut z) = ([0; 512], [0; 512], [0.0; 512]);
    let each = 1.0 / (DRAWS * 1024) as f64;
    let (words, ()) = best(7, || {
        for draw in 0..DRAWS {
            key.fill(0, draw, &mut one, &mut two);
            black_box((&one, &two));
        }
    });
    bar.say("uniform word, Philox4x32-10", words * each, None, &share(0.44e-9, words * each), "");
    let (normals, ()) = best(7, || {
        for draw in 0..DRAWS {
            key.fill(0, draw, &mut one, &mut two);
            for words in [&one, &two] {
                normals_from_u64(words, &mut z);
                black_box(&z);
            }
        }
    });
    bar.say("normal, its word included", normals * each, None, &share(2.3e-9, normals * each), "");
    let n = 4_000_000;
    let (from, mut to) = (vec![1.0f64; n], vec![0.0f64; n]);
    let (copy, ()) = best(7, || black_box(&mut to).copy_from_slice(black_box(&from)));
    bar.say("32 MB copied", copy, None, &format!("{:.1} GB/s read and written", 16e-9 * n as f64 / copy), "");
    scaling(bar);
}

fn share(limit: f64, found: f64) -> String {
    format!("each; {:.0} % of the limit of {:.2} ns", 100.0 * limit / found, 1e9 * limit)
}

/// What a second thread gives every kind of ensemble.
fn scaling(bar: &Bar) {
    let gbm = |threads| {
        let (seconds, _, spent) = geometric(threads, 400_000);
        [seconds, spent].map(|s| s / 4e7)
    };
    twice(bar, "Euler step of gbm from TOML", "400 000 paths of 100 steps, summarised; each path-step", gbm);
    let network = built_in("immigration-death").expect("built in");
    let theta = network.default_params().values;
    let events = |threads| {
        let key = Seed(1).key(Purpose::Simulation, 0, 0);
        let ask = ssa::Run {
            theta: &theta,
            start: &[],
            t0: 0.0,
            times: &[20.0],
            paths: 16_000,
            key,
            most_events: None,
            method: ssa::Method::Auto,
            epsilon: None,
        };
        let (seconds, found, spent) = on(threads, 3, || ssa::simulate(&network, &ask).expect("counts"));
        [seconds, spent].map(|s| s / found.events as f64)
    };
    twice(bar, "reaction of a network, direct method", "immigration-death, 16 000 paths; each reaction", events);
    let call = built_in("heston-call").expect("built in");
    let theta = call.default_params().values;
    let start = [math::ln(100.0), 0.04];
    let key = Seed(1).key(Purpose::Forecast, 0, 0);
    let paths = |threads| {
        let accuracy = Accuracy { paths: 200_000, ..Accuracy::default() };
        let job = || value(&call, Form::MonteCarlo, &theta, &start, accuracy, key).expect("a value");
        let (seconds, _, spent) = on(threads, 3, job);
        [seconds, spent]
    };
    twice(bar, "Heston call by paths", "200 000 paths", paths);
    let european = built_in("black-scholes").expect("built in");
    let theta = [0.05, 0.2, 100.0, 1.0];
    let levels = |threads| {
        let accuracy = Accuracy { goal: Some(0.01), ..Accuracy::default() };
        let job = || value_by(&european, Method::Multilevel, &theta, &[100.0], accuracy, key).expect("a value");
        let (seconds, found, spent) = on(threads, 3, job);
        [seconds, spent].map(|s| s / found.report.cost)
    };
    twice(bar, "multilevel step of a European call", "to 0.01; each path-step", levels);
    let plane = |threads| {
        let (seconds, joint, spent) = heston(threads, 500);
        [seconds, spent].map(|s| s / (joint.x.len() * joint.y.len() * joint.steps) as f64)
    };
    twice(bar, "Fokker-Planck cell and step, two dimensions", "Heston, 500 cells asked; each cell and step", plane);
}

fn twice(bar: &Bar, tool: &str, note: &str, each: impl Fn(usize) -> [f64; 2]) {
    let ([one, alone], [two, spent]) = (each(1), each(2));
    bar.say(tool, one, None, note, "");
    let note = format!(
        "{:.2} times one thread by the clock, {:.3e} a second; {:.2} by the mean time on processors, were both always free",
        one / two,
        1.0 / two,
        2.0 * alone / spent
    );
    bar.say(&format!("{tool}, two threads"), two, None, &note, "");
}

fn rates(bar: &Bar) {
    for (d, exact) in [
        (0.25, 0.187_170_418_087_098_54),
        (0.05, 0.002_776_140_636_572_725_5),
        (0.01, 6.154_650_175_906_934e-12),
        (0.001, 1.199_749_506_786_592_1e-109),
    ] {
        let model = double_well(d);
        let (seconds, found) = best(7, || spectrum(&model, &[], 2).expect("two rates"));
        let note =
            format!("D = {d}, own grids, extrapolated; relative error said {:.0e}", found.errors[1] / found.rates[1]);
        bar.say("spectrum", seconds, (found.rates[1] / exact - 1.0).abs(), &note, &format!("D = {d},"));
    }
    let model = built_in("schloegl").expect("built in");
    let theta = model.default_params().values;
    let (seconds, found) = best(7, || spectrum(&model, &theta, 2).expect("two rates"));
    let off = (found.rates[1] / 2.549_665_551_561_54e-5 - 1.0).abs();
    bar.say("spectrum of a network", seconds, off, "Schlögl's gap", "-");
    let well = double_well(0.05);
    let crossing = Crossing { theta: &[], start: -1.0, levels: [None, Some(1.0)] };
    let (seconds, found) = best(7, || mean_passage(&well, &crossing).expect("a mean"));
    bar.say("mean passage", seconds, (found.mean / 729.670_691_942_322_8 - 1.0).abs(), "D = 0.05, from -1 to 1", "-");
}

fn networks(bar: &Bar) {
    chain(bar, 320, 60.0, 1.0, "102400 states");
    chain(bar, 320, 220.0, 2.0, "-");
    chain(bar, 1000, 900.0, 2.0, "-");
}

/// `0 -> A -> B -> 0` from nothing to time 2; its law is a product of Poisson laws (Jahnke & Huisinga 2007, theorem 1).
fn chain(bar: &Bar, side: usize, supply: f64, rate: f64, against: &str) {
    const T: f64 = 2.0;
    let text = format!(
        "schema = 1\nid = \"chain\"\ntitle = \"chain\"\nkind = \"network\"\ncounting = \"combinations\"\n[species.A]\n[species.B]\n\
         [[reaction]]\nequation = \"0 -> A\"\nrate = {supply}\n[[reaction]]\nequation = \"A -> B\"\nrate = {rate}\n\
         [[reaction]]\nequation = \"B -> 0\"\nrate = {rate}\n"
    );
    let model = read("chain.toml", &text).expect("reads");
    let ask = Projection { theta: &[], start: &[], t0: 0.0, times: &[T], tolerance: 1e-11, most_states: MOST_STATES };
    let (seconds, found) = best(if side > 500 { 2 } else { 5 }, || project(&model, &ask).expect("a law").remove(0));
    let (level, kt) = (supply / rate, rate * T);
    let means = [level * -math::exp_m1(-kt), level * (1.0 - math::exp(-kt) * (1.0 + kt))];
    let [a, b] = means.map(|mean| {
        // By ratios from the mode, which keep all digits, brought to sum one.
        let mode = mean as usize;
        let mut law = vec![1.0; 2 * side];
        (mode + 1..law.len()).for_each(|k| law[k] = law[k - 1] * mean / k as f64);
        (0..mode).rev().for_each(|k| law[k] = law[k + 1] * (k + 1) as f64 / mean);
        let sum: f64 = law.iter().rev().sum();
        law.into_iter().map(|p| p / sum).collect::<Vec<f64>>()
    });
    let mut apart: Vec<f64> = a.iter().flat_map(|x| b.iter().map(move |y| x * y)).collect();
    (0..found.len())
        .for_each(|i| apart[found.state(i)[0] as usize * b.len() + found.state(i)[1] as usize] -= found.p[i]);
    let error = apart.iter().map(|x| x.abs()).sum::<f64>();
    let note = format!(
        "{} states asked about, birth {supply}, rates {rate}, t = 2, window of {} at the end, bound {:.2e}",
        side * side,
        found.len(),
        found.error_bound
    );
    bar.say("moving window", seconds, error, &note, against);
}

/// Seconds, the mean at one, and seconds on processors of a million paths, or as many, of a hundred Euler steps.
fn geometric(threads: usize, paths: usize) -> (f64, f64, f64) {
    let model = built_in("gbm").expect("built in");
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    let run = Run {
        theta: &[0.05, 0.2],
        start: Start::At(&[100.0]),
        t0: 0.0,
        times: &[1.0],
        paths,
        step: 0.01,
        scheme: Scheme::EulerMaruyama,
        key,
    };
    let (seconds, found, spent) = on(threads, 7, || summarise(&model, &run).expect("finite paths"));
    (seconds, found.at[0][0].mean, spent)
}

fn paths(bar: &Bar) {
    let exact = 100.0 * f64::exp(0.05);
    let mut means = Vec::new();
    for (threads, note) in [(1, "one core"), (2, "two cores"), (3, "three threads on two cores")] {
        let (seconds, mean, spent) = geometric(threads, 1_000_000);
        let note = format!(
            "1e8 steps, {note}, read from TOML, summarised; {spent:.3} s on processors in the mean; error as of the mean"
        );
        bar.say(
            "Euler-Maruyama",
            seconds,
            (mean / exact - 1.0).abs(),
            &note,
            if threads == 1 { "one core" } else { "-" },
        );
        means.push(mean.to_bits());
    }
    assert!(means.windows(2).all(|pair| pair[0] == pair[1]), "the same bits on any number of threads");
}

/// 2501 daily observations of a square-root process: those of the peers where their file is given, else drawn.
fn observations() -> (Vec<f64>, Vec<f64>, &'static str) {
    if let Ok(path) = std::env::var("KRAMERS_CIR_CSV") {
        let text = std::fs::read_to_string(path).expect("the file of KRAMERS_CIR_CSV");
        let row = |line: &str| -> Option<(f64, f64)> {
            let (t, x) = line.split_once(',')?;
            Some((t.parse().ok()?, x.parse().ok()?))
        };
        let (t, x) = text.lines().skip(1).filter_map(row).unzip();
        return (t, x, "the peers' series");
    }
    let model = built_in("cir").expect("built in");
    let mut stream = Seed(4).key(Purpose::Simulation, 0, 0).stream(0);
    let mut x = vec![0.05];
    for i in 0..2500 {
        let found = law(&model, Form::Exact, (&[2.0, 0.05, 0.2], &x[i..=i]), &[1.0 / 252.0], Accuracy::default());
        x.push(found.laws[0][0].sample(&mut stream));
    }
    ((0..x.len()).map(|i| i as f64 / 252.0).collect(), x, "a series of our own")
}

fn likelihoods(bar: &Bar) {
    let (time, value, whose) = observations();
    let model = built_in("cir").expect("built in");
    let clock = Clock { kind: ClockKind::Fixed, unit: "year".to_string(), step: 1.0 / 252.0 };
    let name = String::from("x");
    let series = Series { id: name.clone(), value_name: name, time, value, stamps: None, clock };
    let data = Observed::of(&series, Transform::None, &model).expect("observations");
    let pairs = &data.pairs;
    let transitions = kramers::form::Transitions::new(&model, Form::Exact).expect("closed");
    let (seconds, _) = best(20, || transitions.log_density(&[1.0, 0.05, 0.1], pairs, false));
    bar.say("exact density, one likelihood", seconds, None, &format!("2500 transitions, {whose}"), "2500 transitions");
    let (seconds, _) = best(20, || transitions.log_density(&[1.0, 0.05, 0.1], pairs, true));
    bar.say("exact density, with its gradient", seconds, None, &format!("2500 transitions, {whose}"), "-");
    let settings = |starts: usize, initial: Vec<(String, f64)>| Settings {
        form: FormRequest::Asked(Form::Exact),
        starts,
        initial,
        ..Settings::default()
    };
    let start = [("kappa", 1.0), ("theta", kramers::stats::mean(&series.value)), ("sigma", 0.1)];
    let start: Vec<(String, f64)> = start.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    let tight = fit(&model, &data, &settings(3, Vec::new())).expect("a fit");
    let least = tight.log_likelihood.expect("a likelihood");
    for (settings, note, against) in [
        (settings(1, start), "maximum likelihood with standard errors from the peers' start", "maximum likelihood"),
        (settings(1, Vec::new()), "the same from a start found by a scan", "-"),
        (settings(3, Vec::new()), "the same from three starts, two of them random over eight decades", "-"),
    ] {
        let (seconds, found) = best(7, || fit(&model, &data, &settings).expect("a fit"));
        assert!(found.params.iter().all(|p| p.se.is_some()), "{found:?}");
        let off = (found.log_likelihood.expect("a likelihood") - least).abs();
        bar.say("fit", seconds, off, &format!("{note}, {whose}; -ln L = {:.9}", -least), against);
    }
    for (id, theta, x0) in
        [("ou", [1.5, 0.5, 0.8], 0.5), ("cir", [0.8, 0.06, 0.1], 0.06), ("cir", [0.8, 0.06, 0.35], 0.06)]
    {
        for n in [300, 2500] {
            let model = built_in(id).expect("built in");
            let mut stream = Seed(7).key(Purpose::Simulation, 0, 0).stream(0);
            let mut x = vec![x0];
            for i in 0..n {
                let found = law(&model, Form::Exact, (&theta, &x[i..=i]), &[1.0 / 12.0], Accuracy::default());
                x.push(found.laws[0][0].sample(&mut stream));
            }
            let pairs = Pairs { x0: x[..n].to_vec(), x1: x[1..].to_vec(), dt: vec![1.0 / 12.0; n], t0: vec![0.0; n] };
            let closed = kramers::form::Transitions::new(&model, Form::Exact).expect("closed");
            let closed: f64 = closed.log_density(&theta, &pairs, false).value.iter().sum();
            let (seconds, found) = best(5, || log_transitions(&model, &theta, &pairs).expect("densities"));
            let off = (found.value.iter().sum::<f64>() - closed).abs();
            let note = format!("{id} {theta:?}, {n} months, error of the sum, said {:.0e}", found.error);
            bar.say("spectrum, one likelihood", seconds, off, &note, "-");
        }
    }
}

fn lines(bar: &Bar) {
    // A point that started s earlier is the peers' normal law of mean 1 and variance 0.05 at their start.
    let s = -0.5 * math::ln(0.95);
    let (x0, t) = (math::exp(s), 1.0 + s);
    let model = diffusion("-x", "sqrt(2)");
    let exact = Predictive::Normal { mean: math::exp(-1.0), sd: (1.0 - math::exp(-2.0 * t)).sqrt() };
    let density = |law: &Predictive, x: f64| math::exp(law.log_pdf(x).expect("a density"));
    let off = |found: &Answer| {
        let points = (0..1000).map(|i| -5.0 + 0.01 * (f64::from(i) + 0.5));
        points.map(|x| (density(&found.laws[0][0], x) - density(&exact, x)).abs()).fold(0.0, f64::max)
    };
    for (form, cells) in [(Form::Schroedinger, 500), (Form::FokkerPlanck, 250), (Form::FokkerPlanck, 1000)] {
        let accuracy = Accuracy { cells, ..Accuracy::default() };
        let (seconds, found) = best(9, || law(&model, form, (&[], &[x0]), &[t], accuracy));
        let basis = if form == Form::Schroedinger { "own basis".to_string() } else { format!("{cells} cells asked") };
        let said = found.error.expect("an estimate");
        let note = format!(
            "Ornstein-Uhlenbeck as the peers', {basis}; error of the density; of the distribution said {said:.0e}"
        );
        bar.say(form.name(), seconds, off(&found), &note, if cells == 250 { "" } else { "-" });
    }
    let known = [(-1.0, 1.661_148_384_998_944), (0.0, 0.046_342_644_115_542_15), (1.0, 0.003_710_576_763_383_307)];
    let well = double_well(0.1);
    for (times, what) in [(&[2.0][..], "t = 2"), (&[0.5, 2.0, 20.0], "t = 0.5, 2, 20")] {
        let (seconds, found) = best(9, || law(&well, Form::Schroedinger, (&[], &[-1.0]), times, Accuracy::default()));
        let at = times.iter().position(|t| *t == 2.0).expect("asked");
        let off = known.iter().map(|(x, p)| (density(&found.laws[at][0], *x) - p).abs()).fold(0.0, f64::max);
        let note = format!(
            "double well, D = 0.1, {what}; error of the density at t = 2, of the distribution said {:.0e}",
            found.error.expect("an estimate")
        );
        bar.say("schroedinger", seconds, off, &note, "-");
    }
    let cir = built_in("cir").expect("built in");
    let at = (&[1.0, 0.25, 1.0][..], &[0.3][..]);
    let closed = law(&cir, Form::Exact, at, &[1.0], Accuracy::default());
    for (form, goal) in [(Form::FokkerPlanck, None), (Form::FokkerPlanck, Some(1e-6)), (Form::Schroedinger, None)] {
        let accuracy = Accuracy { goal, ..Accuracy::default() };
        let (seconds, found) = best(9, || law(&cir, form, at, &[1.0], accuracy));
        let shares = (1..200).map(|i| f64::from(i) / 200.0);
        let off = shares.map(|p| (found.laws[0][0].cdf(closed.laws[0][0].quantile(p)) - p).abs()).fold(0.0, f64::max);
        let asked = goal.map_or("500 cells".to_string(), |goal| format!("to {goal:e}"));
        let asked = if form == Form::Schroedinger { "own basis".to_string() } else { asked };
        let note = format!(
            "square root that reaches zero, {asked}; error of the distribution, said {:.0e}",
            found.error.expect("an estimate")
        );
        bar.say(form.name(), seconds, off, &note, "-");
    }
}

/// Fang & Oosterlee (2008), section 5.3.
fn heston(threads: usize, cells: usize) -> (f64, plane::Joint, f64) {
    let model = built_in("heston").expect("built in");
    let ask = || {
        let question = Question {
            theta: &[1.5768, 0.0398, 0.5751, -0.5711, 0.0],
            start: &[0.0, 0.0175],
            t0: 0.0,
            times: &[1.0],
            accuracy: Accuracy { cells, ..Accuracy::default() },
            key: Seed(1).key(Purpose::Forecast, 0, 0),
        };
        plane::joints(&model, &question).expect("answers").remove(0)
    };
    on(threads, 3, ask)
}

fn planes(bar: &Bar) {
    let h = 3.0 / 20_000.0;
    let middle = |k: u32| (f64::from(k) + 0.5) * h;
    for (threads, cells) in [(1, 500), (1, 750), (1, 1000), (1, 1250), (2, 1250)] {
        let (seconds, joint, _) = heston(threads, cells);
        let law = &joint.marginals[0];
        let call: f64 = (0..20_000).map(|k| 100.0 * math::exp(middle(k)) * (1.0 - law.cdf(middle(k))) * h).sum();
        let known = [(0.0, 3.055_334_181_639_64), (-0.2, 0.688_564_499_514_826), (0.1, 3.041_048_824_377_638)];
        let off = known.into_iter().map(|(z, p)| (math::exp(law.log_pdf(z).expect("a density")) - p).abs());
        let note = format!(
            "call at 100, the whole density {} x {} in {} steps, {threads} thread(s); density off {:.1e}, mass off {:.0e}, most negative {:.0e}",
            joint.x.len(),
            joint.y.len(),
            joint.steps,
            off.fold(0.0, f64::max),
            (joint.mass - 1.0).abs(),
            joint.most_negative
        );
        let against = if (threads, cells) == (1, 500) { "" } else { "-" };
        bar.say("finite volumes (forward)", seconds, (call - 5.785_155_434_376_189).abs(), &note, against);
    }
}

fn levels(bar: &Bar) {
    const REPEATS: u64 = 20;
    let call = |payoff: &str, lines: &str, tables: &str| {
        let text = format!(
            "schema = 1\nid = \"v\"\ntitle = \"v\"\nkind = \"value\"\nof = \"gbm\"\npayoff = \"{payoff}\"\nexpiry = \"1\"\ndiscount = \"r\"\n{lines}\n[with]\nmu = \"r\"\n[params.r]\ndefault = 0.05\n[params.sigma]\ndefault = 0.2\n{tables}"
        );
        read("v.toml", &text).expect("reads")
    };
    let heston = built_in("heston-call").expect("built in");
    let mut params = heston.default_params();
    for (name, value) in
        [("kappa", 5.0), ("theta", 0.04), ("xi", 0.25), ("rho", -0.5), ("r", 0.05), ("K", 100.0), ("T", 1.0)]
    {
        params.set(name, value).expect("a parameter");
    }
    let key = Seed(1).key(Purpose::Forecast, 0, 0);
    let at = [math::ln(100.0), 0.04];
    let heston_value =
        value(&heston, Form::Exact, &params.values, &at, Accuracy::default(), key).expect("a value").value;
    // 40 digits: shared/numerics/reference_values.json, gbm; the European call and the digital by Black & Scholes.
    let (up, down) = (math::normal_cdf(0.35), math::normal_cdf(0.15));
    let discount = math::exp(-0.05);
    for (name, model, start, exact) in [
        ("European call", call("max(x - 100, 0)", "", ""), &[100.0][..], 100.0 * up - 100.0 * discount * down),
        (
            "geometric Asian",
            call("max(average - 100, 0)", "average = \"geometric\"\nfixings = 12", ""),
            &[100.0],
            5.940_200_221_633_495,
        ),
        (
            "down-and-out",
            call("max(x - 100, 0)", "", "[barrier]\nkind = \"down-and-out\"\nlevel = 90"),
            &[100.0],
            8.665_471_658_245_668,
        ),
        ("digital of 100", call("if(x > 100, 100, 0)", "", ""), &[100.0], 100.0 * discount * down),
        ("Heston call", heston.clone(), &at, heston_value),
    ] {
        let goal = 0.05;
        let theta = if model.id == heston.id { &params.values[..] } else { &[0.05, 0.2] };
        let accuracy = Accuracy { goal: Some(goal), ..Accuracy::default() };
        let (mut square, mut fourth, mut cost, mut predicted, mut seconds) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for r in 0..REPEATS {
            let key = Seed(1000 + r).key(Purpose::Forecast, 0, 0);
            let (each, found) =
                best(1, || value_by(&model, Method::Multilevel, theta, start, accuracy, key).expect("a value"));
            seconds += each / REPEATS as f64;
            let off = found.value - exact;
            square += off * off / REPEATS as f64;
            fourth += off * off * off * off / REPEATS as f64;
            cost += found.report.cost;
            predicted += found.report.predicted;
        }
        let rms = f64::sqrt(square);
        let error = f64::sqrt((fourth - square * square) / REPEATS as f64) / (2.0 * rms);
        let note = format!(
            "{name} to {goal}, {REPEATS} repeats: root-mean-square error, its standard error {error:.3}; cost {:.2} of the prediction",
            cost / predicted
        );
        bar.say("multilevel", seconds, rms, &note, "-");
    }
}

fn agreement(bar: &Bar) {
    let model = diffusion("x - x^3 + sin(2*pi*x)", "0.7");
    let (at, times) = ((&[][..], &[-1.0][..]), [1.0, 5.0]);
    let goal = Accuracy { goal: Some(1e-9), ..Accuracy::default() };
    let (by_spectrum, spectrum) = best(3, || law(&model, Form::Schroedinger, at, &times, Accuracy::default()));
    let (by_grid, grid) = best(3, || law(&model, Form::FokkerPlanck, at, &times, goal));
    let mut apart: f64 = 0.0;
    for (s, g) in spectrum.laws.iter().zip(&grid.laws) {
        let points = (0..=600).map(|i| -3.0 + 0.01 * f64::from(i));
        apart = points.map(|x| (s[0].cdf(x) - g[0].cdf(x)).abs()).fold(apart, f64::max);
    }
    let question = "double well + sin(2 pi x), noise 0.7, t = 1 and 5";
    let said = |answer: &Answer| format!("{question}; said {:.0e}", answer.error.expect("an estimate"));
    bar.say("schroedinger", by_spectrum, None, &said(&spectrum), "-");
    bar.say("fokker-planck to 1e-9", by_grid, apart, &format!("{}; error as against the spectrum", said(&grid)), "-");
    let paths = 200_000;
    let run = Run {
        theta: &[],
        start: Start::At(&[-1.0]),
        t0: 0.0,
        times: &times,
        paths,
        step: 0.01,
        scheme: Scheme::Weak2,
        key: Seed(1).key(Purpose::Simulation, 0, 0),
    };
    let (seconds, found) = best(1, || summarise(&model, &run).expect("finite paths"));
    let off = |t: usize| {
        let spread = &found.at[t][0];
        (spread.mean - spectrum.laws[t][0].mean().expect("a mean")).abs() / spread.error
    };
    let note = format!("{question}; mean off by {:.1} and {:.1} standard errors", off(0), off(1));
    bar.say("monte-carlo, weak order 2", seconds, found.at[1][0].error, &note, "-");
}
