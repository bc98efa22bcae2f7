//! `iaclint eval`: what the readers made of the sources, as JSON.

use std::process::ExitCode;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct EvalArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A root module
    Terraform {
        dir: String,
        /// One expression, in the root module's scope
        #[arg(long)]
        expr: Option<String>,
        #[arg(long = "var", value_name = "NAME=VALUE")]
        variables: Vec<String>,
        #[arg(long = "var-file", value_name = "FILE")]
        variable_files: Vec<String>,
    },
    /// A template
    Cloudformation {
        file: String,
        #[arg(long = "parameter", value_name = "NAME=VALUE")]
        parameters: Vec<String>,
        #[arg(long)]
        account: Option<String>,
        #[arg(long)]
        region: Option<String>,
        /// One JSON node (long-form intrinsics), in the template's scope
        #[arg(long)]
        node: Option<String>,
    },
}

pub fn run(arguments: EvalArguments) -> ExitCode {
    match arguments.what {
        What::Terraform { .. } | What::Cloudformation { .. } => ExitCode::from(2),
    }
}
