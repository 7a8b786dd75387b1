//! The `wardwatch` program.

use std::process::ExitCode;

/// Wards are kept in many small pieces: this allocator keeps them closer together, and threads out of each other's way.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    wardwatch::cli::main()
}
