//! The Kramers-Moyal expansion, seen from both ends: one network file answered by its master equation, by exact simulation, by its
//! Langevin equation and by the Fokker-Planck equation of that, at growing system size.

use kramers::base::{Purpose, Seed};
use kramers::form::{Accuracy, Form, Question, laws};
use kramers::models::{Model, built_in};
use kramers::predictive::Predictive;

/// Before any switching from one well to the other.
const TIME: f64 = 1.0;
const PATHS: usize = 50_000;
const STEP: f64 = 1.0 / 512.0;

/// Mean over Ω and sd over √Ω.
fn scaled(law: &Predictive, omega: f64) -> [f64; 2] {
    [law.mean().expect("a mean") / omega, law.sd().expect("an sd") / omega.sqrt()]
}

fn ask(model: &Model, form: Form, omega: f64, paths: usize) -> [f64; 2] {
    let mut theta: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    theta[0] = omega;
    let start = model.default_start(&theta).expect("a number");
    let question = Question {
        theta: &theta,
        start: &start,
        t0: 0.0,
        times: &[TIME],
        accuracy: Accuracy { cells: 4_000, paths, step: Some(STEP), ..Accuracy::default() },
        key: Seed(1).key(Purpose::Simulation, 0, 0),
    };
    scaled(&laws(model, form, &question).expect("an answer")[0], omega)
}

#[test]
#[ignore = "writes reports/validation/kramers-moyal.md"]
fn table_of_the_expansion() {
    let network = built_in("schloegl").expect("built in");
    let langevin = network.langevin().expect("a network");
    let mut text = format!(
        "# Kramers and Moyal, both ways\n\n\
         `models/schloegl.toml` alone, from 250 Ω molecules, at t = {TIME}, before any switching. The master equation is by finite state\n\
         projection (bound 1e-9), the Fokker-Planck equation is that of the chemical Langevin equation on 4000 cells. Exact simulation and\n\
         Langevin paths (Euler-Maruyama, step 1/512) are {PATHS} each; ± is one standard error. The differences in the last two columns\n\
         are Fokker-Planck less master equation.\n\n\
         | Ω | mean/Ω: master equation | exact simulation | Fokker-Planck | Langevin paths | sd/√Ω: master equation | exact simulation | Fokker-Planck | Langevin paths | Δ mean/Ω | Δ sd/√Ω |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n"
    );
    let mut gaps: Vec<[f64; 2]> = Vec::new();
    for omega in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0] {
        let exact = ask(&network, Form::MasterEquation, omega, 0);
        let simulated = ask(&network, Form::MonteCarlo, omega, PATHS);
        let grid = ask(&network, Form::FokkerPlanck, omega, 0);
        let paths = ask(&langevin, Form::MonteCarlo, omega, PATHS);
        let root = (PATHS as f64).sqrt();
        let errors = [exact[1] / (omega.sqrt() * root), exact[1] / (2f64.sqrt() * root)];
        let gap = [0, 1].map(|k| grid[k] - exact[k]);
        let half = |k: usize| {
            format!(
                "{:.5} | {:.4} ± {:.4} | {:.5} | {:.4} ± {:.4}",
                exact[k], simulated[k], errors[k], grid[k], paths[k], errors[k]
            )
        };
        text.push_str(&format!("| {omega} | {} | {} | {:.1e} | {:.1e} |\n", half(0), half(1), gap[0], gap[1]));
        for k in [0, 1] {
            assert!((simulated[k] - exact[k]).abs() < 4.5 * errors[k], "{omega}: {simulated:?} {exact:?}");
            // Weak error of the step beside the standard error.
            assert!((paths[k] - grid[k]).abs() < 4.5 * errors[k] + 2e-3 * grid[k], "{omega}: {paths:?} {grid:?}");
        }
        gaps.push(gap.map(f64::abs));
    }
    text.push_str("\nThe differences fall at least like 1/Ω, as van Kampen's expansion says.\n");
    assert!(gaps.windows(2).all(|w| w[1][0] < 0.7 * w[0][0] && w[1][1] < 0.7 * w[0][1]), "{gaps:?}");
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/reports/validation/kramers-moyal.md"), text).expect("written");
}
