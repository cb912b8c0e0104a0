//! The clocks: best of several rounds, on one thread or several.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

/// Nanoseconds of the main thread on a processor so far, which others on the machine add little to; `None` where Linux does not say.
pub fn on_processor() -> Option<f64> {
    std::fs::read_to_string("/proc/self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
}

/// Best of so many rounds, in seconds, and what the last gave: by the clock, of jobs longer than a time slice the time of the main
/// thread on a processor, which the system tells no finer.
pub fn best<T>(rounds: usize, mut job: impl FnMut() -> T) -> (f64, T) {
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
pub fn by_clock<T>(rounds: usize, mut job: impl FnMut() -> T) -> (f64, T) {
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
pub fn on<T: Send>(threads: usize, rounds: usize, job: impl Fn() -> T + Sync) -> (f64, T, f64) {
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
