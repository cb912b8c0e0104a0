//! The examples of the library run, each with what it asserts; the plain build of the tests compiles them as programs too.

#[path = "../../examples/backtest.rs"]
mod backtest;
#[path = "../../examples/fit.rs"]
mod fit;
#[path = "../../examples/forecast.rs"]
mod forecast;
#[path = "../../examples/four_forms.rs"]
mod four_forms;
#[path = "../../examples/network.rs"]
mod network;
#[path = "../../examples/own_model.rs"]
mod own_model;

#[test]
fn each_example_runs() {
    let all = [fit::main, forecast::main, four_forms::main, backtest::main, network::main, own_model::main];
    for (i, main) in all.into_iter().enumerate() {
        main().unwrap_or_else(|e| panic!("example {i}: {e}"));
    }
}

/// One idea a file: short enough to be read at once, and told how to run.
#[test]
fn each_example_is_short_and_told() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a source file");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(text.contains(&format!("--example {name}")), "{name} does not say how to run it");
        // A program for scripts rather than an introduction.
        assert!(name == "scores" || text.lines().count() < 60, "{name} is too long");
    }
}
