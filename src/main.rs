//! The `kramers` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(kramers::cli::run())
}
