//! `iaclint check`: analyses files or folders as one estate and reports findings.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "commands print")]

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use iaclint::analysis::{self, Request};
use iaclint::files::{Limits, MemoryFiles};
use iaclint::report::text::TextStyle;
use iaclint::report::{Report, github, json, markdown, sarif, text};
use iaclint::rule::{Level, Show, registry};
use iaclint::source::Inputs;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Concise,
    Json,
    Sarif,
    Github,
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ShowChoice {
    Depends,
    Shapes,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  iaclint check\n  iaclint check infra/ --format sarif --output iaclint.sarif\n  iaclint check template.yaml --parameter Stage=prod\n\nExit codes: 0 nothing at or above the fail level, 1 findings, 2 wrong use."
)]
pub struct CheckArguments {
    /// Files or folders
    #[arg(default_value = ".")]
    paths: Vec<String>,
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Write the report to a file
    #[arg(long, value_name = "FILE")]
    output: Option<String>,
    /// Only these rules (a name, or the beginning of names)
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    select: Vec<String>,
    /// Not these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Lowest level that gives exit code 1
    #[arg(long, value_enum, default_value = "warning")]
    fail_on: FailOn,
    /// What was not understood counts as a finding
    #[arg(long)]
    strict: bool,
    /// Report more: uploads that depend on unknown values, shapes that nothing shows
    #[arg(long, value_enum, value_delimiter = ',')]
    show: Vec<ShowChoice>,
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
    /// Print the files that would be read, and stop
    #[arg(long)]
    show_files: bool,
    /// Read no configuration
    #[arg(long)]
    no_config: bool,
    #[arg(long, value_enum, default_value = "auto")]
    color: Colour,
    /// Print findings only by exit code
    #[arg(short, long)]
    quiet: bool,
    /// List everything that was not understood
    #[arg(short, long)]
    verbose: bool,
}

/// Runs the command; 2 wins over 1.
pub fn run(arguments: &CheckArguments) -> ExitCode {
    match check(arguments) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn check(arguments: &CheckArguments) -> Result<ExitCode, String> {
    let request = Request {
        paths: arguments
            .paths
            .iter()
            .map(|p| clean(p))
            .filter(|p| !p.is_empty())
            .collect(),
        inputs: Inputs {
            variables: pairs(&arguments.variables)?,
            variable_files: arguments.variable_files.clone(),
            parameters: pairs(&arguments.parameters)?,
            account: arguments.account.clone(),
            region: arguments.region.clone(),
        },
        select: rules(&arguments.select)?,
        ignore: rules(&arguments.ignore)?,
        show: arguments
            .show
            .iter()
            .map(|s| match s {
                ShowChoice::Depends => Show::Depends,
                ShowChoice::Shapes => Show::Shapes,
            })
            .collect(),
        uri_prefix: String::new(),
    };
    let files = load(&arguments.paths)?;
    let found = analysis::discover(&files, &request.paths);
    if arguments.show_files {
        for path in found.terraform.iter().chain(&found.templates) {
            println!("{path}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    if found == analysis::Discovery::default() {
        eprintln!("nothing to analyse: no Terraform file and no template was found");
    }
    let report = analysis::run(&files, &request);
    if !arguments.quiet {
        print(&report, arguments)?;
    }
    let limit = match arguments.fail_on {
        FailOn::Error => Some(Level::Error),
        FailOn::Warning => Some(Level::Warning),
        FailOn::Note => Some(Level::Note),
        FailOn::Never => None,
    };
    let gaps = arguments.strict && !report.not_understood.is_empty();
    let failed =
        limit.is_some_and(|limit| gaps || report.worst().is_some_and(|worst| worst >= limit));
    Ok(ExitCode::from(u8::from(failed)))
}

fn print(report: &Report, arguments: &CheckArguments) -> Result<(), String> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
    let colour = match arguments.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if set("NO_COLOR") => false,
        Colour::Auto => {
            set("FORCE_COLOR")
                || set("CLICOLOR_FORCE")
                || (arguments.output.is_none() && std::io::stdout().is_terminal())
        }
    };
    let width = std::env::var("COLUMNS")
        .ok()
        .and_then(|c| c.parse().ok())
        .unwrap_or(100);
    let style = TextStyle {
        colour,
        unicode: true,
        width,
        verbose: arguments.verbose,
    };
    let rendered = match arguments.format {
        Format::Human => text::render(report, &style),
        Format::Concise => text::render_concise(report, &style),
        Format::Json => json::render(report),
        Format::Sarif => sarif::render(report),
        Format::Github => github::render(report),
        Format::Markdown => markdown::render(report),
    };
    match &arguments.output {
        Some(path) => {
            std::fs::write(path, rendered).map_err(|e| format!("{path} cannot be written: {e}"))
        }
        None => match std::io::stdout().write_all(rendered.as_bytes()) {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(format!("the report cannot be written: {e}"))
            }
            _ => Ok(()),
        },
    }
}

fn clean(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path == "." {
        String::new()
    } else {
        path.to_string()
    }
}

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

fn rules(given: &[String]) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    for selector in given {
        let names = registry::select(selector);
        if names.is_empty() {
            return Err(format!("no rule is called `{selector}`"));
        }
        out.extend(names.into_iter().map(str::to_string));
    }
    Ok(out)
}

/// The regular files below the paths. A path that leaves the working directory is refused.
fn load(paths: &[String]) -> Result<MemoryFiles, String> {
    let mut files = MemoryFiles::new();
    for path in paths {
        if path.starts_with('/') || path.split('/').any(|p| p == "..") {
            return Err(format!("{path} lies outside the working directory"));
        }
        let metadata =
            std::fs::metadata(path).map_err(|e| format!("{path} cannot be read: {e}"))?;
        let root = if metadata.is_file() {
            std::path::Path::new(path).parent()
        } else {
            Some(path.as_ref())
        };
        let root = root
            .filter(|r| !r.as_os_str().is_empty())
            .unwrap_or_else(|| ".".as_ref());
        for entry in ignore::WalkBuilder::new(root)
            .require_git(false)
            .build()
            .flatten()
        {
            let regular = entry.file_type().is_some_and(|t| t.is_file());
            if regular
                && entry
                    .metadata()
                    .is_ok_and(|m| m.len() <= Limits::default().file_bytes)
                && let (Some(name), Ok(bytes)) =
                    (entry.path().to_str(), std::fs::read(entry.path()))
            {
                files.insert(name.trim_start_matches("./"), bytes);
            }
        }
    }
    Ok(files)
}
