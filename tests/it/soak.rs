//! Many small jobs in one process: memory, descriptors and threads stay what they are. Linux tells, in /proc/self.

use super::run::{Place, dated, walk, words};
use std::time::{Duration, Instant};

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    jobs: usize,
    resident_kb: u64,
    descriptors: usize,
    threads: usize,
}

fn held(jobs: usize) -> Held {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("resident memory");
    let count = |what: &str| std::fs::read_dir(format!("/proc/self/{what}")).expect("Linux").count();
    Held {
        jobs,
        resident_kb: line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number"),
        descriptors: count("fd"),
        threads: count("task"),
    }
}

/// Verbs one after the other, through the entry of the program, a mistake among them.
const JOBS: [(&str, u8); 9] = [
    ("check AT/good.csv -o AT/check", 0),
    ("fit AT/good.csv -m ckls -o AT/fit", 0),
    ("forecast AT/good.csv -m ou --horizon 3 -o AT/forecast", 0),
    ("backtest AT/good.csv -m ou,bm --horizon 2 --test 20 -o AT/backtest", 0),
    ("report AT/good.csv -m bm --horizon 2 --step 10 -o AT/report", 0),
    ("simulate heston --paths 50 --every 0.25 -o AT/paths.csv", 0),
    ("solve double-well --form fokker-planck --at 1 -o AT/solve", 0),
    ("backtest AT/good.csv -m ou -o AT/good.csv", 2),
    ("fit AT/missing.csv -m ou", 2),
];
/// Samples over the time of the soak.
const SAMPLES: u32 = 40;

#[test]
#[ignore = "twenty minutes; `just soak`"]
fn soak() {
    let seconds = std::env::var("KRAMERS_SOAK").map_or(1200, |text| text.parse().expect("KRAMERS_SOAK in seconds"));
    let place = Place::new().with("good.csv", dated(&walk(120)));
    let at = place.path("").to_string_lossy().trim_end_matches('/').to_string();
    let lines: Vec<(Vec<String>, u8)> =
        JOBS.iter().map(|(line, code)| (words(&format!("kramers {} -q", line.replace("AT", &at))), *code)).collect();
    let begun = Instant::now();
    let (mut jobs, mut samples) = (0, Vec::new());
    for sample in 1..=SAMPLES {
        while begun.elapsed() < Duration::from_secs(seconds) * sample / SAMPLES {
            let (words, code) = &lines[jobs % lines.len()];
            assert_eq!(kramers::cli::run_words(words), *code, "{words:?}");
            jobs += 1;
        }
        samples.push(held(jobs));
    }
    println!("| jobs | resident, MB | descriptors | threads |\n|---|---|---|---|");
    for s in &samples {
        println!("| {} | {:.1} | {} | {} |", s.jobs, s.resident_kb as f64 / 1024.0, s.descriptors, s.threads);
    }
    // The allocator has settled after the first quarter.
    let (early, late) = (&samples[10..20], &samples[30..]);
    let most = |part: &[Held], f: fn(&Held) -> u64| part.iter().map(f).max().expect("samples");
    let (was, is) = (most(early, |s| s.resident_kb), most(late, |s| s.resident_kb));
    println!("\nresident memory at most {was} kB in the second quarter and {is} kB in the last");
    assert!(is as f64 <= 1.03 * was as f64, "resident memory grows: {was} kB, {is} kB");
    let same = |f: fn(&Held) -> u64| most(late, f) <= most(early, f);
    assert!(same(|s| s.descriptors as u64) && same(|s| s.threads as u64), "descriptors or threads grow");
}
