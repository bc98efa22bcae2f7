//! The commands and their arguments (the contract is in `docs/`); each command lives in a file of its own.

mod eval;
mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Finds S3 uploads that AWS will refuse, in Terraform and CloudFormation.
#[derive(Debug, Parser)]
#[command(name = "iaclint", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print what the reader made of the sources, as JSON
    Eval(eval::EvalArguments),
    /// Decide requests that are given as JSON lines on standard input
    Simulate,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Eval(arguments) => eval::run(arguments),
        Command::Simulate => simulate::run(),
    }
}
