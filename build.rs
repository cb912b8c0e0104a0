//! Embeds every `models/*.toml` into the binary, so that a new built-in model is one file and no edit.

#![allow(clippy::expect_used)] // A build script can only panic.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=models");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let mut files: Vec<_> = fs::read_dir(Path::new(&root).join("models"))
        .expect("the folder models/ stands beside Cargo.toml")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    let rows: String = files
        .iter()
        .map(|path| {
            let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            // By the folder at the time of compiling: a build cache may be shared by clones in several places.
            let file = format!("/models/{id}.toml");
            format!("    ({id:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {file:?}))),\n")
        })
        .collect();
    fs::write(
        Path::new(&out).join("models.rs"),
        format!("pub(super) const BUILT_IN: &[(&str, &str)] = &[\n{rows}];\n"),
    )
    .expect("OUT_DIR is writable");
}
