//! The `wardwatch` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    wardwatch::cli::main()
}
