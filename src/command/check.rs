//! `iaclint check`: analyses files or folders as one estate and reports findings.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "commands print")]

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use iaclint::analysis::{self, Request};
use iaclint::files::{Files, Limits};
use iaclint::files::disk::DiskFiles;
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
    /// Read nothing outside this folder (default: the repository, else the path)
    #[arg(long, value_name = "DIR")]
    root: Option<String>,
    /// Leave files and folders out, as in an ignore file
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
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
    let files = open(arguments)?;
    let request = Request {
        paths: arguments.paths.iter().map(|p| inside(&files, p)).collect::<Result<_, _>>()?,
        inputs: Inputs {
            variables: super::pairs(&arguments.variables)?,
            variable_files: arguments
                .variable_files
                .iter()
                .map(|p| inside(&files, p))
                .collect::<Result<_, _>>()?,
            parameters: super::pairs(&arguments.parameters)?,
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
    let found = analysis::discover(&files, &request.paths);
    if arguments.show_files {
        for path in found.terraform.iter().chain(&found.templates) {
            println!("{path}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    if found == analysis::Discovery::default() {
        eprintln!("nothing to analyse: no Terraform file and no template was found");
        // A file that was named and holds nothing to analyse is wrong use.
        if request.paths.iter().any(|p| files.is_file(p)) {
            return Ok(ExitCode::from(2));
        }
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

/// The tree that is read: the boundary of the first path, or the root that is named.
fn open(arguments: &CheckArguments) -> Result<DiskFiles, String> {
    let first = arguments.paths.first().map_or(".", |p| p.as_str());
    for path in &arguments.paths {
        std::fs::metadata(path).map_err(|e| format!("{path} cannot be read: {e}"))?;
    }
    let boundary = match &arguments.root {
        Some(root) => std::path::PathBuf::from(root),
        None => DiskFiles::boundary_of(first.as_ref()).ok_or_else(|| format!("{first} cannot be read"))?,
    };
    DiskFiles::new(&boundary, Limits::default())
        .map(|files| files.excluding(&arguments.exclude))
        .map_err(|e| format!("{} cannot be read: {e}", boundary.display()))
}

/// A path of the command line, relative to the boundary.
fn inside(files: &DiskFiles, path: &str) -> Result<String, String> {
    files.relative(path.as_ref()).ok_or_else(|| format!("{path} lies outside the read boundary"))
}
