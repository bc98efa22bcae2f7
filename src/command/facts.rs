//! `iaclint facts`: writes what a repository declares, for `check --facts` in another one.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use iaclint::analysis::{self, Request};
use iaclint::files::disk::DiskFiles;
use iaclint::source::Inputs;

use super::{config, put, reading};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  iaclint facts --output estate.json\n  iaclint facts infra/ --name acme/platform --account 111122223333 --output estate.json\n  iaclint check --facts estate.json      (in the other repository)\n\nThe file holds buckets, keys, endpoints, callers and their policies with places; no sensitive values, no scripts\nand no other source text. Exit codes: 0 written, 2 wrong use."
)]
pub struct FactsArguments {
    /// Files or folders
    #[arg(default_value = ".")]
    paths: Vec<String>,
    /// File to write (default: standard output)
    #[arg(long, value_name = "FILE")]
    output: Option<String>,
    /// Name of this repository (default: the path of its remote `origin`, else its folder)
    #[arg(long)]
    name: Option<String>,
    /// Value of a Terraform variable
    #[arg(long = "var", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// File with values of Terraform variables
    #[arg(long = "var-file", value_name = "FILE")]
    variable_files: Vec<String>,
    /// Value of a template parameter
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Account of the estate
    #[arg(long)]
    account: Option<String>,
    /// Region of the estate
    #[arg(long)]
    region: Option<String>,
    /// Configuration (default: the nearest iaclint.toml, .iaclint.toml or .github/iaclint.toml upwards)
    #[arg(long, value_name = "FILE", env = "IACLINT_CONFIG")]
    config: Option<String>,
    /// Read no configuration
    #[arg(long)]
    no_config: bool,
    /// Read nothing outside this folder (default: the repository, else the path)
    #[arg(long, value_name = "DIR")]
    root: Option<String>,
    /// Leave files and folders out, as in an ignore file
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
}

/// Runs the command.
pub fn run(arguments: &FactsArguments) -> ExitCode {
    match write(arguments) {
        Ok(code) => code,
        Err(message) => super::refuse(&message),
    }
}

fn write(given: &FactsArguments) -> Result<ExitCode, String> {
    let paths: Vec<&String> = given.paths.iter().collect();
    let first = paths.first().map_or(".", |p| p.as_str());
    let boundary = reading::boundary(&paths, given.root.as_deref())?;
    let config = config::load(
        given.config.as_deref(),
        given.no_config,
        Path::new(first),
        &boundary,
    )?;
    let exclude = [given.exclude.clone(), config.exclude.clone()].concat();
    let files = DiskFiles::new(&boundary, config.limits.limits())
        .map_err(|e| format!("{} cannot be read: {e}", boundary.display()))?
        .excluding(&exclude);
    let inside = |paths: &[String]| -> Result<Vec<String>, String> {
        paths.iter().map(|p| reading::inside(&files, p)).collect()
    };
    // What the command line gives is one environment; else those of the configuration and of the sources are read.
    let stated = [&given.variables, &given.variable_files, &given.parameters];
    let discover = stated.iter().all(|values| values.is_empty());
    let environments = match discover {
        true => config.environments(&files)?,
        false => Vec::new(),
    };
    let located = config.var_file.iter().map(|p| config.locate(p));
    let variable_files: Vec<String> = located
        .chain(given.variable_files.iter().cloned())
        .collect();
    let request = Request {
        context: Arc::new(config.context(&files, None, |path| files.relative(Path::new(path)))?),
        paths: inside(&given.paths)?,
        inputs: Inputs {
            variables: super::pairs(&[config.var.clone(), given.variables.clone()].concat())?,
            variable_files: inside(&variable_files)?,
            parameters: super::pairs(
                &[config.parameter.clone(), given.parameters.clone()].concat(),
            )?,
            account: config.account_number(given.account.clone().or(config.account.clone())),
            region: given.region.clone().or(config.region.clone()),
            discover,
            environments,
            ..Inputs::default()
        },
        uri_prefix: reading::prefix(files.boundary()),
        ..Request::default()
    };
    let name = match &given.name {
        Some(name) => name.clone(),
        None => {
            reading::repository(&files).ok_or("the repository has no name: give it with --name")?
        }
    };
    let content = analysis::facts(&files, &request, &name);
    match &given.output {
        Some(path) => std::fs::write(path, content)
            .map(|()| ExitCode::SUCCESS)
            .map_err(|e| format!("{path} cannot be written: {e}")),
        None => Ok(put(&content)),
    }
}
