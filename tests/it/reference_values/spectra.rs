//! Eigenvalues, escape rates and mean first-passage times.

use super::table::{Table, diffusion, text};
use kramers::form::passage::{Crossing, mean_passage};
use kramers::form::schroedinger::{bound_states, kramers, spectrum};
use kramers::form::stationary::stationary;
use kramers::models::built_in;

pub fn add(table: &mut Table) {
    wells(table);
    potentials(table);
    let jacobi = built_in("jacobi").expect("built in");
    let rates = spectrum(&jacobi, &[0.9, 0.4, 0.7], 4).expect("a spectrum").rates;
    table.add("jacobi_wright_fisher", "lambda_3", "schroedinger", rates[3], 1e-12, "closed");
    let student = built_in("pearson-student").expect("built in");
    let mut params = student.default_params();
    params.set("kappa", 1.0).expect("a parameter");
    params.set("a", 0.1).expect("a parameter");
    let rates = spectrum(&student, &params.values, 4).expect("a spectrum").rates;
    table.add("pearson_student", "lambda_2", "schroedinger", rates[2], 1e-12, "closed");
    table.add("pearson_student", "lambda_3", "schroedinger", rates[3], 1e-12, "closed");
}

fn wells(table: &mut Table) {
    let model = diffusion("x - x^3", "sqrt(2*d)", "[-inf, inf]", "", &["d"]);
    for (d, rates) in [("0.25", 3), ("0.05", 3), ("0.02", 1), ("0.01", 1), ("0.001", 1)] {
        let problem = if rates == 3 { format!("double_well_D{d}") } else { format!("double_well_tiny_gap_D{d}") };
        let noise: f64 = d.parse().expect("a number");
        let found = spectrum(&model, &[noise], rates + 1).expect("a spectrum");
        for k in 1..=rates {
            table.add(&problem, &format!("lambda_{k}"), "schroedinger", found.rates[k], 1e-10, "factored form");
        }
        if rates == 3 {
            for (quantity, level) in [("MFPT(-1 -> 0)", 0.0), ("MFPT(-1 -> +1)", 1.0)] {
                let crossing = Crossing { theta: &[noise], start: -1.0, levels: [None, Some(level)] };
                let mean = mean_passage(&model, &crossing).expect("a mean").mean;
                table.add(&problem, quantity, "scale and speed", mean, 1e-10, "quadrature");
            }
            let escape = kramers(&model, &[noise]).expect("two wells");
            let quantity = "kramers_rate_asymptotic (one way, lambda_1 ~ 2 r_K)";
            table.add(&problem, quantity, "schroedinger", escape.rates[0], 1e-9, "curvatures");
            let settled = stationary(&model, &[noise], 0).expect("a stationary law");
            let second = settled.sd().map_or(f64::NAN, |sd| sd * sd) + settled.mean().unwrap_or(f64::NAN).powi(2);
            table.add(&problem, "stationary <x^2>", "speed density", second, 1e-7, "quadrature");
            // p(0) = exp(-U(0)/D)/Z, and U(0) = 0.
            let z = 1.0 / settled.log_pdf(0.0).unwrap_or(f64::NAN).exp();
            table.add(&problem, "Z=int exp(-U/D)", "speed density", z, 1e-8, "quadrature");
        } else if d != "0.001" {
            let escape = kramers(&model, &[noise]).expect("two wells");
            let both = escape.rates[0] + escape.rates[1];
            table.add(&problem, "2*r_Kramers", "schroedinger", both, 1e-9, "curvatures");
        }
    }
}

fn potentials(table: &mut Table) {
    let potential = |id: &str, mass: &str, v: &str| {
        text(&format!(
            "schema = 1\nid = \"{id}\"\ntitle = \"p\"\nkind = \"potential\"\nsource = \"t\"\ntags = []\n\
             [state.x]\nunit = \"1\"\ndomain = [-inf, inf]\n[potential]\nmass = \"{mass}\"\nhbar = \"1\"\nV = \"{v}\"\n"
        ))
    };
    for (problem, mass, v) in [("qho", "1", "x^2/2"), ("quartic_oscillator", "0.5", "x^4")] {
        let found = bound_states(&potential("well", mass, v), &[], 4).expect("bound states");
        for k in 0..4 {
            table.add(problem, &format!("E_{k}"), "schroedinger", found.energies[k], 1e-12, "collocation");
        }
    }
}
