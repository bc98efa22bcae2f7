//! The commands and their arguments (the contract is in `docs/`); each command lives in a file of its own.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "commands print")]

mod baseline;
mod check;
mod config;
mod earlier;
mod eval;
mod facts;
mod mend;
mod reading;
mod rules;
mod simulate;
mod terminal;
mod why;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Finds S3 uploads that AWS will refuse, in Terraform and CloudFormation.
#[derive(Debug, Parser)]
#[command(
    name = "iaclint",
    version,
    about,
    after_help = "Examples:\n  iaclint check infra/\n  iaclint why --caller aws_iam_role.batch --bucket acme-reports infra/\n  iaclint explain bucket-policy-omits-caller\n\n`iaclint help COMMAND` says more of each command."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report uploads that AWS will refuse
    Check(Box<check::CheckArguments>),
    /// Print what the reader made of the sources, as JSON
    Eval(eval::EvalArguments),
    /// Decide requests that are given as JSON lines on standard input
    Simulate,
    /// Say why an upload is, or would be, denied
    Why(Box<why::WhyArguments>),
    /// Write what a repository declares, for the checks of other repositories
    Facts(Box<facts::FactsArguments>),
    /// List the rules
    Rules(rules::RulesArguments),
    /// Print the page of a rule
    Explain(rules::ExplainArguments),
    /// Write shell completions
    #[command(
        after_help = "Examples:\n  iaclint completions bash > /etc/bash_completion.d/iaclint\n  iaclint completions zsh > ~/.zfunc/_iaclint\n  iaclint completions fish > ~/.config/fish/completions/iaclint.fish"
    )]
    Completions { shell: clap_complete::Shell },
    /// Write the manual's pages, one file for each command, into a folder
    #[command(hide = true)]
    Manual { folder: std::path::PathBuf },
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::Simulate => simulate::run(),
        Command::Why(arguments) => why::run(&arguments),
        Command::Facts(arguments) => facts::run(&arguments),
        Command::Rules(arguments) => rules::list(&arguments),
        Command::Explain(arguments) => rules::explain(&arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "iaclint", &mut script);
            put(&String::from_utf8_lossy(&script))
        }
        Command::Manual { folder } => {
            match clap_mangen::generate_to(Arguments::command(), &folder) {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => refuse(&format!("{} cannot be written: {e}", folder.display())),
            }
        }
    }
}

/// Writes text to standard output: 0, or 2 where that fails.
fn put(text: &str) -> ExitCode {
    match terminal::put(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => refuse(&message),
    }
}

/// Wrong use, or something that cannot be read.
fn refuse(message: &str) -> ExitCode {
    terminal::tell(&format!("error: {message}"));
    ExitCode::from(2)
}

/// `NAME=VALUE` arguments.
fn pairs(given: &[String]) -> Result<Vec<(String, String)>, String> {
    given
        .iter()
        .map(|pair| {
            pair.split_once('=')
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .ok_or_else(|| format!("`{pair}` is not NAME=VALUE"))
        })
        .collect()
}
