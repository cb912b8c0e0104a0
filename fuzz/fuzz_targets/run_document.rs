#![no_main]

#[path = "../walks/run_document.rs"]
mod walks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| walks::walk(bytes));
