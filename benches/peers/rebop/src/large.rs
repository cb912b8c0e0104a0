//! The large networks, one path on one thread, what is compiled from the network included.

use crate::{best, net};
use kramers::base::{Purpose, Seed};
use kramers::form::monte_carlo::ssa::{Method, Run, simulate};

/// The best published times, of JumpProcesses' RSSACR on another machine.
const CASES: [(&str, f64, f64); 3] = [("egfr_net", 100.0, 2.8), ("fceri_gamma2", 100.0, 0.42), ("BCR", 2_500.0, 104.0)];

pub fn table(shared: &str) {
    println!(
        "\n## Large networks\n\nOne path on one thread, what is compiled from the network included (reading the file is not). `kept` is the \
         share of candidates that happened. The bar is the best published time, of JumpProcesses' RSSACR on another machine.\n"
    );
    println!(
        "| network | until | method | reactions/s | reactions | kept | seconds | by the clock | bar |\n|---|---|---|---|---|---|---|---|---|"
    );
    let only = std::env::var("KRAMERS_ONLY").unwrap_or_default();
    for (name, until, bar) in CASES {
        let Ok(text) = std::fs::read_to_string(format!("{shared}/networks/{name}_no_obs.net")) else {
            eprintln!("{name} left out: no {shared}/networks");
            continue;
        };
        let start = std::time::Instant::now();
        let model = net::network(&text);
        eprintln!("{name}: read in {:.3} s", start.elapsed().as_secs_f64());
        for method in Method::ALL {
            // The direct method takes minutes on the larger two, and the largest is run once; leaps are another question.
            let skip = !method.is_exact()
                || (name != "egfr_net" && method == Method::Direct)
                || (name == "BCR" && method != Method::Auto)
                || !(only.is_empty() || only.contains(method.name()) && only.contains(name));
            if skip {
                continue;
            }
            let key = Seed(1).key(Purpose::Simulation, 0, 0);
            let run = Run {
                theta: &model.default_params().values,
                start: &[],
                t0: 0.0,
                times: &[until],
                paths: 1,
                key,
                most_events: Some(u64::MAX),
                method,
                epsilon: None,
            };
            let mut found = None;
            let [clock, seconds] =
                best(if name == "BCR" { 1 } else { 3 }, || found = Some(simulate(&model, &run).expect("counts")));
            let counts = found.expect("a run");
            let kept = counts.events as f64 / counts.tally.candidates.max(counts.events) as f64;
            let told = if method == Method::Auto {
                format!("auto: {} ({})", counts.method.name(), counts.why)
            } else {
                method.name().to_string()
            };
            println!(
                "| {name} | {until} | {told} | {:.2e} | {} | {kept:.3} | {seconds:.3} | {clock:.3} | {bar} |",
                counts.events as f64 / seconds,
                counts.events
            );
        }
    }
}
