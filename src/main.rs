//! The program `wire9`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(wire9::cli::run(std::env::args_os()))
}
