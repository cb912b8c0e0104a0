//! `kramers models [FILE] --verify`: models held to their contract.

use super::Outcome;
use super::output::Output;
use super::table::table;
use crate::contract::{Cell, Contract, Effort, Outcome as Kept, verify};
use crate::form::Form;
use crate::models::Model;
use serde_json::{Value, json};

/// One model: every clause and form with what was found. Several: one row each.
pub(super) fn run(models: &[Model], seed: u64, output: &Output) -> (Outcome, Value) {
    let bar = output.bar(models.len(), "contract");
    let effort = Effort { seed, ..Effort::default() };
    let contracts: Vec<Contract> = models
        .iter()
        .map(|model| {
            let contract = verify(model, effort);
            bar.inc(1);
            contract
        })
        .collect();
    bar.finish_and_clear();
    match contracts.as_slice() {
        [one] => output.text(&whole(one)),
        all => output.text(&overview(all)),
    }
    let kept = contracts.iter().all(Contract::is_kept);
    let document = json!(contracts.iter().map(document).collect::<Vec<_>>());
    (if kept { Outcome::Good } else { Outcome::Flagged }, document)
}

fn mark(outcome: Kept) -> &'static str {
    match outcome {
        Kept::Kept => "kept",
        Kept::Broken => "BROKEN",
        Kept::Absent => "–",
    }
}

fn whole(contract: &Contract) -> String {
    let clauses = contract.clauses.iter().map(|c| vec![c.name.to_string(), mark(c.outcome).into(), c.found.clone()]);
    let cells = contract.cells.iter().map(|c| vec![c.form.clone(), difference(c), c.found.clone()]);
    format!(
        "{}\nforms, held against {}; differences in its sd\n{}",
        table(&["clause", "", "found"], &clauses.collect::<Vec<_>>()),
        contract.reference,
        table(&["form", "difference", "found"], &cells.collect::<Vec<_>>()),
    )
}

fn difference(cell: &Cell) -> String {
    match (cell.outcome, cell.disagreement) {
        (Kept::Broken, Some(d)) => format!("BROKEN {d:.1e}"),
        (Kept::Broken, None) => "BROKEN".to_string(),
        (_, Some(d)) => format!("{d:.1e}"),
        (_, None) => "–".to_string(),
    }
}

fn overview(contracts: &[Contract]) -> String {
    // The forms there are, and whatever else a model was held against.
    let mut forms: Vec<&str> = Form::ALL.map(Form::name).to_vec();
    for cell in contracts.iter().flat_map(|c| &c.cells) {
        if !forms.contains(&cell.form.as_str()) {
            forms.push(&cell.form);
        }
    }
    let mut header = vec!["model", "against"];
    header.extend(&forms);
    header.push("contract");
    let rows: Vec<Vec<String>> = contracts
        .iter()
        .map(|c| {
            let mut row = vec![c.model.clone(), c.reference.clone()];
            for form in &forms {
                let cell = c.cells.iter().find(|cell| cell.form == *form);
                let is_reference = c.reference == *form && cell.is_none_or(|c| c.disagreement.is_none_or(|d| d == 0.0));
                let shown =
                    if is_reference { "reference".to_string() } else { cell.map_or("–".to_string(), difference) };
                row.push(shown);
            }
            row.push(if c.is_kept() { "kept".to_string() } else { c.broken().join("; ") });
            row
        })
        .collect();
    table(&header, &rows)
}

fn document(contract: &Contract) -> Value {
    let word = |o: Kept| match o {
        Kept::Kept => "kept",
        Kept::Broken => "broken",
        Kept::Absent => "absent",
    };
    json!({
        "model": contract.model, "kept": contract.is_kept(), "reference": contract.reference,
        "clauses": contract.clauses.iter()
            .map(|c| json!({ "name": c.name, "outcome": word(c.outcome), "found": c.found })).collect::<Vec<_>>(),
        "forms": contract.cells.iter().map(|c| json!({
            "form": c.form, "outcome": word(c.outcome), "disagreement_sd": c.disagreement, "found": c.found,
        })).collect::<Vec<_>>(),
    })
}
