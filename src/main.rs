//! The command line of mxsim.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
