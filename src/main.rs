//! The command line: arguments to the commands of `command/`, exit codes.

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run()
}
