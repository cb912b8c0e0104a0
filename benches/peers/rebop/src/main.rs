//! Exact simulation side by side with rebop 0.10 in one run: its compiled macro, its run-time interface, and kramers on models read
//! from text. Prints a Markdown table; `just reactions` puts it into reports/validation/reactions.md.

mod large;
mod net;
mod peers;

use kramers::base::{Purpose, Seed};
use kramers::form::monte_carlo::ssa::{Method, Run, simulate};
use kramers::models::{Model, built_in, read};
use peers::Listed;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

/// Nanoseconds of every living thread on processors so far, by its number: what others do on the machine counts little.
fn on_processors() -> BTreeMap<String, f64> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |thread: std::fs::DirEntry| {
        let told = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        Some((thread.file_name().to_string_lossy().into_owned(), told.split_whitespace().next()?.parse().ok()?))
    };
    threads.filter_map(of).collect()
}

/// Least seconds of so many rounds, by the clock and of the busiest thread on a processor.
fn best(rounds: usize, mut job: impl FnMut()) -> [f64; 2] {
    let mut least = [f64::INFINITY; 2];
    for _ in 0..rounds {
        let (start, before) = (Instant::now(), on_processors());
        job();
        let clock = start.elapsed().as_secs_f64();
        let busy = on_processors().iter().map(|(id, ns)| ns - before.get(id).unwrap_or(&0.0)).fold(0.0, f64::max);
        least = [least[0].min(clock), least[1].min(1e-9 * busy)];
    }
    least
}

/// Reactions of so many paths from zero, and the method.
fn ours(model: &Model, until: f64, paths: usize, method: Method) -> (u64, &'static str) {
    let theta = model.default_params().values;
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    let run = Run {
        theta: &theta,
        start: &[],
        t0: 0.0,
        times: &[until],
        paths,
        key,
        most_events: None,
        method,
        epsilon: None,
    };
    let counts = simulate(model, &run).expect("counts");
    black_box(&counts.states);
    (counts.events, counts.method.name())
}

struct Case {
    name: &'static str,
    model: Model,
    listed: Listed,
    until: f64,
    paths: usize,
    compiled: fn(u64, f64),
}

fn main() {
    let shared = std::env::var("KRAMERS_SHARED").unwrap_or_else(|_| "../shared".to_string());
    if std::env::var("KRAMERS_ONLY").is_ok() {
        return large::table(&shared);
    }
    println!("# Reactions: throughput beside rebop, and large networks\n");
    println!(
        "One run of `just reactions`: one tool after another on one machine ({} threads). The models of kramers are read from text at run \
         time; rebop 0.10 has a macro that compiles the network into the program, and a run-time interface, of whose two layouts the \
         faster is told. Both are built with link-time optimisation in one unit of code, as rebop's own benchmarks are. Times are \
         the least of five rounds on the processor, so that others on the machine count little; the last column is by the clock. Reactions \
         of rebop are taken to be as many as those of kramers: the law is the same. The random numbers of kramers are Philox's and its paths \
         the same bytes on any number of threads; rebop's are of a small generator. `paths` are made in one call by kramers, one after \
         another by rebop.\n",
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    let sir = "schema = 1\nid = \"sir\"\ntitle = \"SIR\"\nkind = \"network\"\nsource = \"rebop's example\"\ncounting = \"ordered\"\n\
        [species.S]\ninitial = 999\n[species.I]\ninitial = 1\n[species.R]\n\
        [[reaction]]\nequation = \"S + I -> 2 I\"\nrate = 1e-4\n[[reaction]]\nequation = \"I -> R\"\nrate = 0.01\n";
    let mut cases = vec![
        case("Vilar, t = 200", built_in("vilar").expect("built in"), 200.0, 256, peers::vilar_macro),
        case("SIR, t = 250", read("sir.toml", sir).expect("a model"), 250.0, 20_000, peers::sir_macro),
    ];
    match std::fs::read_to_string(format!("{shared}/networks/multistate_no_obs.net")) {
        Ok(text) => cases.push(case("multistate, t = 10", net::network(&text), 10.0, 256, peers::multistate_macro)),
        Err(_) => eprintln!("multistate left out: no {shared}/networks"),
    }
    println!(
        "| network | tool | paths | reactions/s | ns each | × kramers | by the clock |\n|---|---|---|---|---|---|---|"
    );
    for case in &cases {
        let pool = |threads: usize| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let (alone, pair) = (pool(1), pool(2));
        let (events, method) = alone.install(|| ours(&case.model, case.until, case.paths, Method::Auto));
        let (single, _) = ours(&case.model, case.until, 1, Method::Auto);
        let on = |pool: &rayon::ThreadPool| {
            best(5, || {
                drop(pool.install(|| black_box(ours(&case.model, case.until, case.paths, Method::Auto)).1.to_string()))
            })
        };
        let many = (2e5 / single as f64).ceil() as usize;
        let (one, two) = (on(&alone), on(&pair));
        let singles = best(5, || {
            (0..many).for_each(|_| {
                black_box(ours(&case.model, case.until, 1, Method::Auto));
            });
        });
        let peers = |job: &dyn Fn(u64)| best(5, || (0..case.paths as u64).for_each(job));
        let compiled = peers(&|seed| (case.compiled)(seed, case.until));
        let run_time = |sparse| peers(&|seed| peers::run_time(&case.listed, sparse, seed, case.until));
        let (dense, sparse) = (run_time(false), run_time(true));
        let all = events as f64;
        let row = |tool: &str, paths: usize, events: f64, [clock, busy]: [f64; 2]| {
            let (rate, mine) = (events / busy, one[1] / all);
            println!(
                "| {} | {tool} | {paths} | {rate:.3e} | {:.1} | {:.2} | {:.3e} |",
                case.name,
                1e9 / rate,
                rate * mine,
                events / clock
            );
        };
        row(&format!("kramers, {method}, model read as text"), case.paths, all, one);
        row(&format!("the same on two threads ({:.2} × one by the clock)", one[0] / two[0]), case.paths, all, two);
        row("kramers, one path a call", 1, single as f64 * many as f64, singles);
        row("rebop 0.10, `define_system!`", case.paths, all, compiled);
        row("rebop 0.10, `Gillespie`", case.paths, all, if dense[1] < sparse[1] { dense } else { sparse });
    }
    large::table(&shared);
}

fn case(name: &'static str, model: Model, until: f64, paths: usize, compiled: fn(u64, f64)) -> Case {
    Case { name, listed: net::listed(&model), model, until, paths, compiled }
}
