//! Input that means harm: bombs are refused quickly and in bounded memory, text shows and does nothing, what the fuzzers found stays found.

mod bombs;
mod corpora;
mod text;
