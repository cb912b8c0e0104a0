//! The house rules' detector held to small texts: each rule must be able to fail.

use super::*;

fn found(rule: impl Fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
    rule(&Source::new(path, text)).into_iter().map(|f| f.line).collect()
}

#[test]
fn an_uphill_import_is_found_in_every_way_of_writing_it() {
    for text in [
        "use crate::fit::Fit;",
        "use crate::{base::Error, fit};",
        "use crate::{base::{Error, Result}, fit::{Fit}};",
        "pub(crate) use crate::fit;",
        "fn f() -> crate::fit::Fit {}",
        "use super::super::fit::Fit;",
        "use crate::{\n    base,\n    report,\n};",
    ] {
        assert_eq!(found(uphill_imports, "form/exact.rs", text), [1], "{text}");
    }
    assert_eq!(found(uphill_imports, "form/exact.rs", "use crate::base;\n\nuse crate::cli::Args;"), [3]);
}

#[test]
fn downhill_imports_own_rooms_words_and_tests_pass() {
    for text in [
        "use crate::base::Error;",
        "use crate::{base::{Error, Result}, models::Model};",
        "use crate::form::Form; // see crate::fit",
        "use super::Form;",
        "use super::fit;",
        "/// As [`crate::fit::Fit`].\nfn f() {}",
        "const S: &str = \"use crate::fit;\";",
        "#[cfg(test)]\nmod tests {\n    use crate::fit::Fit;\n}",
        "#[cfg(test)]\nuse crate::fit::Fit;",
        "#[cfg(test)]\nconst A: [f64; 2] = [crate::fit::A; 2];",
    ] {
        assert!(found(uphill_imports, "form/exact.rs", text).is_empty(), "{text}");
    }
    assert_eq!(found(uphill_imports, "form/exact.rs", "#[cfg(test)]\nmod tests;\nuse crate::fit;"), [3]);
}

#[test]
fn floors_are_those_of_the_design() {
    for (from, to) in [("baseline", "fit"), ("forecast", "baseline"), ("cli", "data"), ("data", "base"), ("lib", "cli")]
    {
        assert!(may_import(from, to), "{from} {to}");
    }
    for (from, to) in [
        ("baseline", "discover"),
        ("discover", "baseline"),
        ("fit", "data"),
        ("report", "data"),
        ("data", "models"),
        ("base", "expr"),
        ("attic", "base"),
    ] {
        assert!(!may_import(from, to), "{from} {to}");
    }
}

#[test]
fn fenced_names_are_found_outside_their_rooms_only() {
    for (path, text) in [
        ("fit/kl.rs", "use polars::prelude::*;"),
        ("form/mod.rs", "use argmin::core::State;"),
        ("cli/mod.rs", "use plotters::prelude::*;"),
        ("cli/mod.rs", "fn f() { minijinja::Environment::new(); }"),
        ("form/mod.rs", "let r = rand::rng();"),
        ("fit/mod.rs", "let r = StdRng::seed_from_u64(1);"),
        ("stats/mod.rs", "println!(\"\");"),
        ("stats/mod.rs", "let x = dbg!(y);"),
        ("models/toml.rs", "let t = std::fs::read(path);"),
        ("models/toml.rs", "let t = fs::read_to_string(path);"),
        ("report/html.rs", "File::open(path)"),
    ] {
        assert!(!found(fenced_names, path, text).is_empty(), "{path}: {text}");
    }
    for (path, text) in [
        ("data/read.rs", "use polars::prelude::*;"),
        ("fit/adapter.rs", "use argmin::core::State;"),
        ("main.rs", "eprintln!(\"\");"),
        ("stats/mod.rs", "writeln!(out, \"\");"),
        ("stats/mod.rs", "//! ```\n//! println!(\"\");\n//! ```"),
        ("stats/mod.rs", "#[cfg(test)]\nmod tests {\n    fn f() { println!(\"{}\", 1); }\n}"),
        ("stats/mod.rs", "let polars_like = 1;"),
    ] {
        assert!(found(fenced_names, path, text).is_empty(), "{path}: {text}");
    }
}

#[test]
fn a_generator_made_by_hand_is_found_and_a_type_is_not() {
    for text in ["let k = Key([1, 2]);", "let s = Stream { key, path: 0 };", "rng::Key(words)"] {
        assert_eq!(found(generators_by_hand, "form/mod.rs", text).len(), 1, "{text}");
    }
    for text in ["fn f(key: Key) -> Stream { key.stream(0) }", "impl Draw for Stream {}", "Seed(1).key(p, 0, 0)"] {
        assert!(found(generators_by_hand, "form/mod.rs", text).is_empty(), "{text}");
    }
    assert!(found(generators_by_hand, "base/rng.rs", "Key([1, 2])").is_empty());
}

#[test]
fn platform_arithmetic_is_found_by_call_and_by_name() {
    for text in
        ["x.exp()", "(1.0 - x).powi(2)", "a.mul_add(b, c)", "(x / y)\n    .ln()", "v.map(f64::exp)", "2f64.powf(y)"]
    {
        assert_eq!(found(platform_arithmetic, "form/mod.rs", text).len(), 1, "{text}");
    }
    for text in [
        "math::exp(x)",
        "x.sqrt()",
        "pub fn exp(self) -> Predictive {}",
        "// x.exp()",
        "let exp = 1.0; 0..exp",
        "#[cfg(test)]\nmod tests {\n    fn f(x: f64) -> f64 { x.exp() }\n}",
    ] {
        assert!(found(platform_arithmetic, "form/mod.rs", text).is_empty(), "{text}");
    }
    // The one listed method of our own, and only in its file.
    assert!(found(platform_arithmetic, "predictive/mod.rs", "Ensemble(e.exp())").is_empty());
    assert_eq!(found(platform_arithmetic, "predictive/mod.rs", "Ensemble(z.exp())").len(), 1);
    assert_eq!(found(platform_arithmetic, "form/mod.rs", "Ensemble(e.exp())").len(), 1);
}

#[test]
fn listed_exceptions_still_exist() {
    let sources = sources();
    for (path, call, on) in OUR_METHODS {
        let source = sources.iter().find(|s| s.path == path);
        assert!(source.is_some_and(|s| s.code.contains(call)), "{path} no longer calls {call} of {on}: strike it off");
    }
}

#[test]
fn the_scanner_keeps_code_and_lines_and_drops_words() {
    let text =
        "let a = \"x \\\" // y\"; // z\nlet b = r#\"p \" q\"#; /* c\n d */ let c = '\"'; let e: &'static str = d;";
    let code = without_words(text);
    assert_eq!(code.lines().count(), 3);
    for gone in ["x", "// y", " z", "p \"", " q", "d */", "'\"'"] {
        assert!(!code.contains(gone), "{gone:?} in {code}");
    }
    for kept in ["let a =", "let b =", "let c =", "&'static str = d;"] {
        assert!(code.contains(kept), "{kept:?} not in {code}");
    }
    assert_eq!(test_modules("data/mod.rs", "#[cfg(test)]\nmod tests;\nmod words;"), ["data/tests"]);
    assert_eq!(test_modules("fit.rs", "#[cfg(test)] mod checks;"), ["fit/checks"]);
}

#[test]
fn a_file_over_the_limit_is_named_with_its_length() {
    assert!(found(length, "fit/mod.rs", &"\n".repeat(500)).is_empty());
    assert_eq!(found(length, "fit/mod.rs", &"\n".repeat(501)), [501]);
}

#[test]
fn a_message_says_where_and_what_to_do_instead() {
    let finding = fenced_names(&Source::new("stats/mod.rs", "\nfn f() { println!() }")).remove(0);
    assert!(finding.to_string().starts_with("src/stats/mod.rs:2: `println!` outside cli, main.rs\n    instead: "));
}
