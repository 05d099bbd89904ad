//! The `closeloop` command: parses arguments and calls the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    closeloop::cli::main()
}
