//! Every number of `../shared/numerics/reference_values.json`, computed there to 30 digits by two methods each, held against every
//! form that applies. `just reference-values` writes the table to `reports/validation/reference-values.md`.

mod chains;
mod fields;
mod laws;
mod paths;
mod spectra;
mod table;
mod values;

use table::Table;

fn all(is_thorough: bool) -> Option<Table> {
    let mut table = Table::read(is_thorough)?;
    for add in [laws::add, chains::add, spectra::add, fields::add, values::add, paths::add] {
        add(&mut table);
    }
    Some(table)
}

#[test]
fn every_reference_value_by_every_form_that_applies() {
    let Some(table) = all(false) else { return };
    let failures = table.failures();
    assert!(failures.is_empty(), "{} of {} lines:\n{}", failures.len(), table.len(), failures.join("\n"));
}

#[test]
#[ignore = "writes reports/validation/reference-values.md"]
fn table_of_reference_values() {
    let Some(table) = all(true) else { return };
    std::fs::write("reports/validation/reference-values.md", table.markdown()).expect("writable");
    assert!(table.failures().is_empty(), "{}", table.failures().join("\n"));
}
