//! Bar 1: relaxation rates.

use super::Bar;
use super::clock::best;
use super::question::double_well;
use kramers::form::passage::{Crossing, mean_passage};
use kramers::form::schroedinger::spectrum;
use kramers::models::built_in;

pub fn rates(bar: &Bar) {
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
