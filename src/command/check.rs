//! `iaclint check`: analyses files or folders as one estate and reports findings.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use iaclint::analysis::{self, Request};
use iaclint::files::disk::DiskFiles;
use iaclint::files::{Files, Limits};
use iaclint::report::{Report, github, json, markdown, sarif, statistics, text};
use iaclint::rule::{Level, Show, registry};
use iaclint::source::Inputs;

use super::config::{self, Config};
use super::terminal::{Colour, Progress, put, style, tell};
use super::{baseline, mend, since};

/// Times that `--fix` writes: each may make room for mends that another one held back.
const ROUNDS: usize = 8;

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
enum ShowChoice {
    Depends,
    Shapes,
}

#[derive(Debug, Clone, Args)]
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
    /// Lowest level that gives exit code 1 [default: warning]
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,
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
    /// Configuration (default: the nearest iaclint.toml, .iaclint.toml or .github/iaclint.toml upwards)
    #[arg(long, value_name = "FILE", env = "IACLINT_CONFIG")]
    config: Option<String>,
    /// Read no configuration
    #[arg(long)]
    no_config: bool,
    /// Write the safe mends to the files, and report what is left
    #[arg(long)]
    fix: bool,
    /// Take mends too that let somebody in
    #[arg(long)]
    unsafe_fixes: bool,
    /// Show what --fix would write, and stop; exit code 1 where something would change
    #[arg(long, conflicts_with = "fix")]
    diff: bool,
    /// Leave out the findings that this commit has too
    #[arg(long, value_name = "REF")]
    since: Option<String>,
    /// Leave out the findings that this file lists
    #[arg(long, value_name = "FILE")]
    baseline: Option<String>,
    /// List all findings in a file, for --baseline
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<String>,
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
    /// Count findings by rule, uploads by outcome, and what was not understood by kind
    #[arg(long)]
    statistics: bool,
}

/// Runs the command; 2 wins over 1.
pub fn run(arguments: &CheckArguments) -> ExitCode {
    match check(arguments) {
        Ok(code) => code,
        Err(message) => super::refuse(&message),
    }
}

fn check(given: &CheckArguments) -> Result<ExitCode, String> {
    // What cannot be read is said and remembered; the rest is analysed.
    let (readable, lost): (Vec<&String>, Vec<&String>) =
        given
            .paths
            .iter()
            .partition(|path| match std::fs::metadata(path) {
                Ok(_) => true,
                Err(e) => {
                    tell(&format!("error: {path} cannot be read: {e}"));
                    false
                }
            });
    let Some(first) = readable.first() else {
        return Ok(ExitCode::from(2));
    };
    let boundary = boundary(&readable, given)?;
    let config = match &given.config {
        _ if given.no_config => Config::default(),
        Some(path) => config::read(Path::new(path))?,
        None => config::find(Path::new(first), &boundary)?,
    };
    let arguments = &settle(given.clone(), config)?;
    let files = DiskFiles::new(&boundary, Limits::default())
        .map_err(|e| format!("{} cannot be read: {e}", boundary.display()))?
        .excluding(&arguments.exclude);
    let request = Request {
        paths: readable
            .iter()
            .map(|p| inside(&files, p))
            .collect::<Result<_, _>>()?,
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
        mends: arguments.fix
            || arguments.diff
            || match arguments.format {
                Format::Human | Format::Json | Format::Sarif => !arguments.quiet,
                Format::Concise | Format::Github | Format::Markdown => false,
            },
        uri_prefix: prefix(files.boundary()),
        folder: std::env::current_dir()
            .ok()
            .and_then(|folder| files.relative(&folder)),
    };
    if arguments.show_files {
        let found = analysis::discover(&files, &request.paths);
        let mut paths: Vec<_> = found.terraform.into_iter().chain(found.templates).collect();
        paths.sort();
        let lines: String = paths.iter().map(|path| format!("{path}\n")).collect();
        return put(&lines).map(|()| ExitCode::from(if lost.is_empty() { 0 } else { 2 }));
    }
    let mut report = analyse(&files, &request, arguments)?;
    if arguments.diff {
        let differences = mend::differences(&report, arguments.unsafe_fixes);
        put(&differences)?;
        let changes = u8::from(!differences.is_empty());
        return Ok(ExitCode::from(if lost.is_empty() { changes } else { 2 }));
    }
    if arguments.fix {
        let mut changed = std::collections::BTreeSet::new();
        // Mends that touch the same bytes wait for each other.
        for _ in 0..ROUNDS {
            let paths = mend::write(files.boundary(), &report, arguments.unsafe_fixes)?;
            if paths.is_empty() {
                break;
            }
            changed.extend(paths);
            report = analyse(&files, &request, arguments)?;
        }
        match changed.len() {
            0 => {}
            1 => tell("mended 1 file"),
            n => tell(&format!("mended {n} files")),
        }
    }
    if let Some(path) = &arguments.write_baseline {
        baseline::write(path, &report)?;
    }
    let empty = unread(&files, &request, &report);
    if !arguments.quiet {
        print(&report, arguments)?;
    }
    if !lost.is_empty() || empty {
        return Ok(ExitCode::from(2));
    }
    let limit = match arguments.fail_on.unwrap_or(FailOn::Warning) {
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

/// One run over the files, without the findings of the baseline.
fn analyse(
    files: &DiskFiles,
    request: &Request,
    arguments: &CheckArguments,
) -> Result<Report, String> {
    let progress = Progress::start(!arguments.quiet);
    let mut report = analysis::run(files, request);
    if let Some(reference) = &arguments.since {
        since::apply(files.boundary(), reference, request, &mut report)?;
    }
    drop(progress);
    if let Some(path) = &arguments.baseline {
        baseline::apply(path, &mut report)?;
    }
    Ok(report)
}

/// The arguments with what the configuration adds: lists of rules and values give way to those of the command line.
fn settle(mut arguments: CheckArguments, config: Config) -> Result<CheckArguments, String> {
    if arguments.select.is_empty() {
        arguments.select = config.select;
    }
    if arguments.ignore.is_empty() {
        arguments.ignore = config.ignore;
    }
    if arguments.show.is_empty() {
        arguments.show = config
            .show
            .iter()
            .map(|s| choice("show", s))
            .collect::<Result<_, _>>()?;
    }
    if arguments.fail_on.is_none() {
        arguments.fail_on = config
            .fail_on
            .as_deref()
            .map(|s| choice("fail-on", s))
            .transpose()?;
    }
    arguments.exclude.extend(config.exclude);
    arguments.strict |= config.strict;
    arguments.account = arguments.account.or(config.account);
    arguments.region = arguments.region.or(config.region);
    // The last value of a name counts.
    arguments.variables = [config.var, arguments.variables].concat();
    arguments.parameters = [config.parameter, arguments.parameters].concat();
    Ok(arguments)
}

fn choice<T: ValueEnum>(key: &str, value: &str) -> Result<T, String> {
    T::from_str(value, false)
        .map_err(|_| format!("the configuration's `{key}` cannot be `{value}`"))
}

/// Says where nothing was there to analyse; true where a file was named for it, which is wrong use.
fn unread(files: &DiskFiles, request: &Request, report: &Report) -> bool {
    let holds_input = |path: &str| {
        report.files.iter().any(|(_, file)| *file.path == *path)
            || report
                .not_understood
                .iter()
                .any(|gap| gap.path.as_deref() == Some(path))
    };
    let mut wrong = false;
    for path in request
        .paths
        .iter()
        .filter(|p| files.is_file(p) && !holds_input(p))
    {
        tell(&format!(
            "error: nothing to analyse in {path}: it is no Terraform file and no template"
        ));
        wrong = true;
    }
    if report.files.is_empty() && !wrong {
        tell("nothing to analyse: no Terraform file and no template was found");
    }
    wrong
}

fn print(report: &Report, arguments: &CheckArguments) -> Result<(), String> {
    let style = style(
        arguments.color,
        arguments.output.is_some(),
        arguments.verbose,
    );
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
            std::fs::write(path, rendered).map_err(|e| format!("{path} cannot be written: {e}"))?
        }
        None => put(&rendered)?,
    }
    if !arguments.statistics {
        return Ok(());
    }
    let counts = statistics::render(report);
    match arguments.format {
        // Other programs read these formats; the counts must not stand between.
        Format::Json | Format::Sarif | Format::Github | Format::Markdown => tell(counts.trim_end()),
        Format::Human | Format::Concise => put(&format!("\n{counts}"))?,
    }
    Ok(())
}

fn rules(given: &[String]) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    for selector in given {
        let names = registry::select(selector);
        if names.is_empty() {
            let hint =
                registry::nearest(selector).map_or(String::new(), |n| format!("; is `{n}` meant?"));
            return Err(format!("no rule is called `{selector}`{hint}"));
        }
        out.extend(names.into_iter().map(str::to_string));
    }
    Ok(out)
}

/// The folder outside of which nothing is read: the root that is named, else the boundary of the paths.
fn boundary(paths: &[&String], arguments: &CheckArguments) -> Result<PathBuf, String> {
    if let Some(root) = &arguments.root {
        return Path::new(root)
            .canonicalize()
            .map_err(|e| format!("{root} cannot be read: {e}"));
    }
    let mut boundaries = paths.iter().map(|path| {
        DiskFiles::boundary_of(path.as_ref()).ok_or_else(|| format!("{path} cannot be read"))
    });
    let first = boundaries
        .next()
        .unwrap_or_else(|| Err("no path is given".into()))?;
    // Paths that have no repository in common have a folder in common.
    boundaries.try_fold(first, |common, next| {
        let next = next?;
        let shared = common.ancestors().find(|folder| next.starts_with(folder));
        shared
            .map(Path::to_path_buf)
            .ok_or_else(|| "the paths have no folder in common".to_string())
    })
}

/// Path to the boundary from what URIs are relative to: the repository, else the working directory.
fn prefix(boundary: &Path) -> String {
    let repository = boundary
        .ancestors()
        .find(|folder| folder.join(".git").exists());
    let base = match repository {
        Some(folder) => Some(folder.to_path_buf()),
        None => std::env::current_dir()
            .and_then(|folder| folder.canonicalize())
            .ok(),
    };
    let below = base
        .as_deref()
        .and_then(|base| boundary.strip_prefix(base).ok());
    let parts = below.into_iter().flat_map(Path::components);
    parts
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

/// A path of the command line, relative to the boundary.
fn inside(files: &DiskFiles, path: &str) -> Result<String, String> {
    files
        .relative(path.as_ref())
        .ok_or_else(|| format!("{path} lies outside the read boundary"))
}
