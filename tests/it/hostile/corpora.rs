//! The corpora of the fuzz targets, walked by an ordinary test: every file through what its target does with it.

use std::path::Path;

#[path = "../../../fuzz/walks/checkpoint.rs"]
mod checkpoint;
#[path = "../../../fuzz/walks/expression.rs"]
mod expression;
#[path = "../../../fuzz/walks/model.rs"]
mod model;
#[path = "../../../fuzz/walks/run_document.rs"]
mod run_document;
#[path = "../../../fuzz/walks/table.rs"]
mod table;

/// Walks every file of a corpus, also cut short and with a byte turned over; how many files there were.
fn replay(corpus: &str, walk: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(corpus);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    files.sort();
    for file in &files {
        let mut bytes = std::fs::read(file).expect("a corpus file");
        walk(&bytes);
        walk(&bytes[..bytes.len() / 2]);
        if let Some(byte) = bytes.get_mut(7) {
            *byte ^= 0x20;
        }
        walk(&bytes);
    }
    files.len()
}

#[test]
fn expressions_of_the_corpus() {
    assert!(replay("expression", expression::walk) > 5);
}

#[test]
fn model_files_of_the_corpus() {
    assert!(replay("model_file", model::walk) > 50);
}

#[test]
fn networks_of_the_corpus() {
    assert!(replay("network", model::walk) > 10);
}

#[test]
fn tables_of_the_corpus() {
    assert!(replay("table", table::walk) > 20);
}

#[test]
fn run_documents_of_the_corpus() {
    assert!(replay("run_document", run_document::walk) > 4);
}

#[test]
fn checkpoints_of_the_corpus() {
    assert!(replay("checkpoint", checkpoint::walk) > 4);
}
