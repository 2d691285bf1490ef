//! The `tidegate` binary: everything lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidegate::cli::main(std::env::args_os())
}
