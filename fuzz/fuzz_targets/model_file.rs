#![no_main]

#[path = "../walks/model.rs"]
mod walks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| walks::walk(bytes));
