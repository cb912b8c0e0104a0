//! Bar 2: the master equation with its certificate.

use super::Bar;
use super::clock::best;
use kramers::base::math;
use kramers::form::master_equation::{MOST_STATES, Projection, project};
use kramers::models::read;

pub fn networks(bar: &Bar) {
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
