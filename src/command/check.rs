//! `iaclint check`: analyses files or folders as one estate and reports findings.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use iaclint::analysis::{self, Request, suppress};
use iaclint::files::disk::DiskFiles;
use iaclint::files::{Files, Limits, join};
use iaclint::report::{Report, github, json, markdown, sarif, statistics, text};
use iaclint::rule::{Level, Show, registry};
use iaclint::source::Inputs;

use super::config::{self, Config};
use super::earlier::{self, Base};
use super::terminal::{Colour, Progress, put, style, tell};
use super::{baseline, mend, reading};

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
    /// Counts, one `NAME=NUMBER` a line
    Counts,
}

impl Format {
    /// True where exact edits are part of the report.
    fn shows_mends(self) -> bool {
        match self {
            Format::Human | Format::Json | Format::Sarif => true,
            Format::Concise | Format::Github | Format::Markdown | Format::Counts => false,
        }
    }
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
    /// Write the report in a further format to a file
    #[arg(long, value_name = "FORMAT=FILE")]
    also: Vec<String>,
    /// Name of this analysis in SARIF, beside others of the same repository
    #[arg(long, value_name = "NAME")]
    category: Option<String>,
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
    /// Only this environment, of those that var files, parameter files or the configuration make
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Account of the estate
    #[arg(long)]
    account: Option<String>,
    /// Region of the estate
    #[arg(long)]
    region: Option<String>,
    /// The named files are those of a change: the whole estate is analysed, findings that touch them are reported,
    /// and files that are no sources are passed over
    #[arg(long)]
    changed: bool,
    /// Print the files that would be read, and stop
    #[arg(long)]
    show_files: bool,
    /// Configuration (default: the nearest iaclint.toml, .iaclint.toml or .github/iaclint.toml upwards)
    #[arg(long, value_name = "FILE", env = "IACLINT_CONFIG")]
    config: Option<String>,
    /// Read no configuration
    #[arg(long)]
    no_config: bool,
    /// Facts of another repository, as `iaclint facts` writes them; may be given several times
    #[arg(long, value_name = "FILE")]
    facts: Vec<String>,
    /// Write the safe mends to the files, and report what is left
    #[arg(long)]
    fix: bool,
    /// Take mends too that let somebody in
    #[arg(long)]
    unsafe_fixes: bool,
    /// Show what --fix would write, and stop; exit code 1 where something would change
    #[arg(long, conflicts_with = "fix")]
    diff: bool,
    /// Only what is new since this commit, and what the change refused or mended
    #[arg(long, value_name = "REF")]
    since: Option<String>,
    /// Take configuration, the files that it names, baseline, ignore files and suppressions from this commit: newer
    /// ones do not count
    #[arg(long, value_name = "REF")]
    config_from: Option<String>,
    /// A suppression without a reason silences nothing
    #[arg(long)]
    require_reason: bool,
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
    let (readable, lost): (Vec<&String>, Vec<&String>) = given.paths.iter().partition(|path| {
        let why = match std::fs::metadata(path) {
            Ok(about) if about.is_file() || about.is_dir() => return true,
            Ok(_) => "it is neither a file nor a folder".to_string(),
            Err(e) => e.to_string(),
        };
        tell(&format!("error: {path} cannot be read: {why}"));
        false
    });
    let Some(first) = readable.first() else {
        return Ok(ExitCode::from(2));
    };
    let boundary = reading::boundary(&readable, given.root.as_deref())?;
    for pair in &given.also {
        also(pair)?;
    }
    let base = given.config_from.as_deref();
    let base = base.map(|r| Base::open(&boundary, r)).transpose()?;
    let disk = DiskFiles::new(&boundary, Limits::default())
        .map_err(|e| format!("{} cannot be read: {e}", boundary.display()))?;
    let config = match &base {
        Some(base) if !given.no_config => {
            let named = given.config.as_ref().map(|path| lexical(&disk, path));
            let first = reading::inside(&disk, first)?;
            base.config(named.transpose()?.as_deref(), &first)?
        }
        _ => config::load(
            given.config.as_deref(),
            given.no_config,
            Path::new(first),
            &boundary,
        )?,
    };
    // What the command line gives is one environment; else those of the configuration and of the sources are read.
    let stated = [&given.variables, &given.variable_files, &given.parameters];
    let discover = stated.iter().all(|values| values.is_empty());
    let below = |path: &str| match &base {
        Some(_) => Some(path.to_string()),
        None => disk.relative(Path::new(path)),
    };
    let configured = config.suppressions(below);
    let context = Arc::new(config.context(&disk, base.as_ref(), below)?);
    let arguments = &settle(given.clone(), &config)?;
    let mut files = disk
        .excluding(&arguments.exclude)
        .limited(config.limits.limits());
    if let Some(base) = &base {
        files = files.ignoring(base.files.ignored().clone());
    }
    let environments = Inputs {
        discover,
        environments: match discover {
            true => config.environments(&files)?,
            false => Vec::new(),
        },
        ..Inputs::default()
    };
    let named: Vec<String> = readable
        .iter()
        .map(|p| reading::inside(&files, p))
        .collect::<Result<_, _>>()?;
    let (paths, anchors) = if given.changed {
        (vec![String::new()], named)
    } else {
        (named, Vec::new())
    };
    let request = Request {
        paths,
        anchors,
        inputs: Inputs {
            variables: super::pairs(&arguments.variables)?,
            variable_files: arguments
                .variable_files
                .iter()
                .map(|p| reading::inside(&files, p))
                .collect::<Result<_, _>>()?,
            parameters: super::pairs(&arguments.parameters)?,
            account: arguments.account.clone(),
            region: arguments.region.clone(),
            plan_sources: arguments.root.as_ref().map(|_| String::new()),
            ..environments
        },
        environment: arguments.environment.clone(),
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
        suppressions: suppress::Settings {
            configured,
            require_reason: arguments.require_reason,
            today: today(),
            honoured: None,
        },
        category: arguments.category.clone().unwrap_or_default(),
        thorough: arguments.fix || arguments.diff,
        mends: arguments.fix
            || arguments.diff
            || (!arguments.quiet && arguments.format.shows_mends())
            || arguments
                .also
                .iter()
                .any(|pair| also(pair).is_ok_and(|(format, _)| format.shows_mends())),
        levels: config.rule_levels(),
        context,
        facts: match &base {
            Some(base) if given.facts.is_empty() => base.facts(&arguments.facts)?,
            _ => reading::facts(&arguments.facts)?,
        },
        repository: reading::repository(&files),
        uri_prefix: reading::prefix(files.boundary()),
        folder: std::env::current_dir()
            .ok()
            .and_then(|folder| files.relative(&folder)),
    };
    if arguments.show_files {
        let found = analysis::discover(&files, &request.paths);
        let mut paths: Vec<_> = found.terraform.into_iter().chain(found.templates).collect();
        paths.sort();
        paths.dedup();
        let lines: String = paths.iter().map(|path| format!("{path}\n")).collect();
        return put(&lines).map(|()| ExitCode::from(if lost.is_empty() { 0 } else { 2 }));
    }
    let mut report = analyse(&files, &request, arguments, base.as_ref())?;
    if let Some(name) = &arguments.environment
        && report.environments.is_empty()
    {
        return Err(format!("no environment is called `{name}`"));
    }
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
            report = analyse(&files, &request, arguments, base.as_ref())?;
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
    base: Option<&Base>,
) -> Result<Report, String> {
    let progress = Progress::start(!arguments.quiet);
    let mut report = earlier::analyse(
        files,
        files.boundary(),
        request,
        &arguments.exclude,
        base,
        arguments.since.as_deref(),
    )?;
    drop(progress);
    if let Some(path) = &arguments.baseline {
        let text = match base {
            Some(base) => base.baseline(&lexical(files, path)?)?,
            None => Some(
                std::fs::read_to_string(path).map_err(|e| format!("{path} cannot be read: {e}"))?,
            ),
        };
        if let Some(text) = text {
            baseline::apply(path, &text, &mut report)?;
        }
    }
    Ok(report)
}

/// A path of the command line, relative to the boundary, whether or not something stands there now.
fn lexical(files: &DiskFiles, path: &str) -> Result<String, String> {
    let outside = || format!("{path} lies outside the read boundary");
    let folder = std::env::current_dir()
        .ok()
        .and_then(|folder| files.relative(&folder));
    match Path::new(path).strip_prefix(files.boundary()) {
        Ok(below) => join("", &below.to_string_lossy()).ok_or_else(outside),
        Err(_) => join(&folder.ok_or_else(outside)?, path).ok_or_else(outside),
    }
}

/// The day, `2026-11-25`; `SOURCE_DATE_EPOCH` stands for the clock where it is set.
fn today() -> Option<String> {
    let clock = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.ok().map(|since| since.as_secs())
    };
    let seconds = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|seconds| seconds.parse().ok())
        .or_else(clock)?;
    Some(day(seconds / 86_400))
}

/// The date of a day counted from 1970-01-01, by the calendar's cycle of 400 years.
fn day(days: u64) -> String {
    let days = days + 719_468;
    let (cycle, of_cycle) = (days / 146_097, days % 146_097);
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    // Months count from March, so that the leap day comes last.
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{date:02}", year + cycle * 400 + later)
}

/// The arguments with what the configuration adds: lists of rules and values give way to those of the command line.
fn settle(mut arguments: CheckArguments, config: &Config) -> Result<CheckArguments, String> {
    if arguments.select.is_empty() {
        arguments.select = config.select.clone();
    }
    if arguments.ignore.is_empty() {
        arguments.ignore = config.ignore.clone();
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
    arguments.exclude.extend(config.exclude.iter().cloned());
    arguments.strict |= config.strict;
    arguments.require_reason |= config.require_reason;
    let account = arguments.account.or(config.account.clone());
    arguments.account = config.account_number(account);
    arguments.region = arguments.region.or(config.region.clone());
    let located = |paths: &[String]| paths.iter().map(|p| config.locate(p)).collect();
    if arguments.facts.is_empty() {
        arguments.facts = located(&config.facts);
    }
    // The last value of a name counts.
    let files: Vec<String> = located(&config.var_file);
    arguments.variable_files = [files, arguments.variable_files].concat();
    arguments.variables = [config.var.clone(), arguments.variables].concat();
    arguments.parameters = [config.parameter.clone(), arguments.parameters].concat();
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
    if report.read.files == 0 && !wrong {
        tell("nothing to analyse: no Terraform file and no template was found");
    }
    wrong
}

fn print(report: &Report, arguments: &CheckArguments) -> Result<(), String> {
    for pair in &arguments.also {
        let (format, path) = also(pair)?;
        write(path, &rendered(report, format, arguments, true))?;
    }
    let to_file = arguments.output.is_some();
    let text = rendered(report, arguments.format, arguments, to_file);
    match &arguments.output {
        Some(path) => write(path, &text)?,
        None => put(&text)?,
    }
    if !arguments.statistics {
        return Ok(());
    }
    let counts = statistics::render(report);
    match arguments.format {
        Format::Human | Format::Concise => put(&format!("\n{counts}"))?,
        // Other programs read these formats; the counts must not stand between.
        _ => tell(counts.trim_end()),
    }
    Ok(())
}

fn rendered(report: &Report, format: Format, arguments: &CheckArguments, to_file: bool) -> String {
    let style = style(arguments.color, to_file, arguments.verbose);
    match format {
        Format::Human => text::render(report, &style),
        Format::Concise => text::render_concise(report, &style),
        Format::Json => json::render(report),
        Format::Sarif => sarif::render(report),
        Format::Github => github::render(report),
        Format::Markdown => markdown::render(report),
        Format::Counts => statistics::render_counts(report),
    }
}

/// `FORMAT=FILE`.
fn also(pair: &str) -> Result<(Format, &str), String> {
    let (format, path) = pair
        .split_once('=')
        .filter(|(_, path)| !path.is_empty())
        .ok_or_else(|| format!("`{pair}` is not FORMAT=FILE"))?;
    let format =
        Format::from_str(format, false).map_err(|_| format!("no format is called `{format}`"))?;
    Ok((format, path))
}

fn write(path: &str, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("{path} cannot be written: {e}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (days, date) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_781, "2026-11-24"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(day(days), date);
        }
    }
}
