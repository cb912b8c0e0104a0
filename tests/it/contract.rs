//! Every registered model keeps its contract: a new model arrives tested.

use kramers::contract::{Contract, Effort, Outcome, verify};
use kramers::models::{built_in, built_in_ids};
use rayon::prelude::*;
use std::time::Instant;

/// All contracts, with the seconds each took.
fn contracts() -> Vec<(Contract, f64)> {
    let ids: Vec<&str> = built_in_ids().collect();
    ids.into_par_iter()
        .map(|id| {
            let model = built_in(id).unwrap_or_else(|e| panic!("{id}: {e}"));
            let start = Instant::now();
            (verify(&model, Effort::default()), start.elapsed().as_secs_f64())
        })
        .collect()
}

#[test]
fn every_registered_model_keeps_its_contract() {
    let broken: Vec<String> =
        contracts().iter().flat_map(|(c, _)| c.broken().into_iter().map(|b| format!("{}: {b}", c.model))).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_registry_has_the_models_it_promises() {
    let ids: Vec<&str> = built_in_ids().collect();
    let promised = "bm gbm ou cir ckls cev dothan exp-ou ait-sahalia-1996 hyperbolic jacobi pearson-student merton-jump kou \
        bates heston sabr ou-jump garch-diffusion two-factor-gaussian correlated-gbm \
        double-well tilted-periodic underdamped-langevin fitzhugh-nagumo brownian-motor geometric-logistic allee \
        birth-death immigration-death dimerisation michaelis-menten reversible-isomerisation consecutive-first-order \
        second-order autocatalysis schloegl brusselator oregonator lotka-volterra telegraph-gene toggle-switch repressilator \
        vilar sir heat-rod dye-in-a-container advection-diffusion fisher-kpp black-scholes";
    for id in promised.split_whitespace() {
        assert!(ids.contains(&id), "{id}");
    }
}

#[test]
#[ignore = "writes reports/validation/contract.md: `just contract`"]
fn table_of_contracts() {
    let all = contracts();
    let mut forms: Vec<String> = Vec::new();
    for cell in all.iter().flat_map(|(c, _)| &c.cells) {
        if !forms.contains(&cell.form) {
            forms.push(cell.form.clone());
        }
    }
    let mut text = String::from(
        "# Every model, every form\n\n\
         The largest difference of mean, sd, 5, 50 and 95 % quantiles of any component from the reference, in its standard\n\
         deviations, at default parameters, over the model's horizon (one-step densities over a ten-thousandth of it).\n\
         `–`: the form does not apply, or is not built yet; the reasons stand below. `just contract` makes this table again.\n\n",
    );
    text.push_str(&format!("| model | held against | {} | seconds |\n", forms.join(" | ")));
    text.push_str(&format!("|---|---|{}---|\n", "---|".repeat(forms.len())));
    for (contract, seconds) in &all {
        text.push_str(&format!("| {} | {} |", contract.model, contract.reference));
        for form in &forms {
            let cell = contract.cells.iter().find(|c| c.form == *form);
            if contract.reference == *form && cell.is_none_or(|c| c.disagreement.is_none_or(|d| d == 0.0)) {
                text.push_str(" reference |");
                continue;
            }
            let shown = match cell.map(|c| (c.outcome, c.disagreement)) {
                Some((Outcome::Broken, _)) => "broken".to_string(),
                Some((_, Some(d))) => format!("{d:.1e}"),
                _ => "–".to_string(),
            };
            text.push_str(&format!(" {shown} |"));
        }
        text.push_str(&format!(" {seconds:.2} |\n"));
    }
    let total: f64 = all.iter().map(|(_, s)| s).sum();
    text.push_str(&format!("\n{} models, {total:.1} s of one core in all.\n\n## Clauses\n\n", all.len()));
    text.push_str("| model | clause | found |\n|---|---|---|\n");
    for (contract, _) in &all {
        for clause in contract.clauses.iter().filter(|c| !matches!(c.name, "card" | "bounds")) {
            let found = if clause.outcome == Outcome::Broken {
                format!("BROKEN {}", clause.found)
            } else {
                clause.found.clone()
            };
            text.push_str(&format!("| {} | {} | {found} |\n", contract.model, clause.name));
        }
    }
    text.push_str("\n## Why not\n\n| model | form | reason |\n|---|---|---|\n");
    for (contract, _) in &all {
        for cell in contract.cells.iter().filter(|c| c.outcome == Outcome::Absent) {
            text.push_str(&format!("| {} | {} | {} |\n", contract.model, cell.form, cell.found));
        }
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/reports/validation/contract.md"), text).expect("written");
}
