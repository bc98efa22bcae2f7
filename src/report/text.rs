//! The terminal report: one finding reads as one block, from the heading over the places of the journey to
//! the request that fails, the one that passes and the change that mends it; then the closing lines.
//!
//! What the terminal can show comes in as [`TextStyle`]; nothing here asks the environment.

pub mod closing;
pub mod excerpt;
pub mod patch;

use crate::report::Report;
use crate::report::place;
use crate::report::plain::sanitize;
use crate::rule::{Finding, Level, ShownRequest, Step};

/// What the reader's terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextStyle {
    pub colour: bool,
    pub unicode: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Everything that was not understood, not only the first of it.
    pub verbose: bool,
    /// The terminal follows links in text.
    pub links: bool,
}

impl Default for TextStyle {
    fn default() -> Self {
        TextStyle {
            colour: false,
            unicode: true,
            width: 100,
            verbose: false,
            links: false,
        }
    }
}

/// Ways to emphasise a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Error,
    Warning,
    Note,
    Strong,
    Dim,
    Added,
    Removed,
    Link,
}

impl TextStyle {
    /// The text in its colour, or as it is.
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_string();
        }
        let code = match paint {
            Paint::Error => "1;31",
            Paint::Warning => "1;33",
            Paint::Note => "1;36",
            Paint::Strong => "1",
            Paint::Dim => "2",
            Paint::Added => "32",
            Paint::Removed => "31",
            Paint::Link => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// The text as a link, where the terminal follows links; the address is ours, never from input.
    pub fn link(&self, address: &str, text: &str) -> String {
        if self.links {
            format!("\u{1b}]8;;{address}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\")
        } else {
            text.to_string()
        }
    }

    fn level(&self, level: Level, text: &str) -> String {
        let paint = match level {
            Level::Error => Paint::Error,
            Level::Warning => Paint::Warning,
            Level::Note => Paint::Note,
        };
        self.paint(paint, text)
    }
}

/// All findings and the closing lines.
pub fn render(report: &Report, style: &TextStyle) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        render_finding(report, finding, style, &mut out);
        out.push('\n');
    }
    out.push_str(&closing::render(report, style));
    fold(out, style)
}

/// One line per finding: `path:line:column: level[rule] message`.
pub fn render_concise(report: &Report, style: &TextStyle) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let at = place::position(report, finding.primary.place.span).map_or_else(
            || "-".to_string(),
            |p| format!("{}:{}:{}", shown_path(report, &p), p.line, p.column),
        );
        let level = style.level(finding.level, finding.level.name());
        out.push_str(&format!(
            "{at}: {level}[{}] {}\n",
            finding.rule,
            sanitize(&finding.message)
        ));
    }
    out.push_str(&closing::render(report, style));
    fold(out, style)
}

/// Without Unicode the few signs of our own are written in ASCII; names of the reader stay as they are.
fn fold(text: String, style: &TextStyle) -> String {
    if style.unicode {
        return text;
    }
    text.replace('·', "-")
        .replace('…', "...")
        .replace('→', "->")
        .replace('⋮', ":")
}

/// Where a rule's page of this version lies.
pub fn page_address(rule: &str) -> String {
    format!(
        "{}/blob/v{}/rules/{rule}.md",
        env!("CARGO_PKG_REPOSITORY"),
        env!("CARGO_PKG_VERSION")
    )
}

fn render_finding(report: &Report, finding: &Finding, style: &TextStyle, out: &mut String) {
    let head = format!("{}[{}]", finding.level.name(), finding.rule);
    let head = style.level(finding.level, &head);
    out.push_str(&style.link(&page_address(finding.rule), &head));
    out.push_str(&format!(
        ": {}\n\n",
        style.paint(Paint::Strong, &sanitize(&finding.message))
    ));
    render_step(report, &finding.primary, finding.level, None, style, out);
    for step in &finding.steps {
        render_step(report, step, Level::Note, Some(&step.text), style, out);
    }
    out.push('\n');
    render_facts(report, finding, style, out);
}

/// The sentence of a step and its excerpt; where the step knows module calls, they stand below it.
fn render_step(
    report: &Report,
    step: &Step,
    level: Level,
    sentence: Option<&str>,
    style: &TextStyle,
    out: &mut String,
) {
    if let Some(sentence) = sentence {
        out.push_str(&format!("  {}\n", sanitize(sentence)));
    }
    // Of another repository the place is known, the text is not.
    if let Some(at) = place::elsewhere(report, step.place.span) {
        let line = format!("    in {} ({})\n", sanitize(&at), sanitize(&step.address));
        out.push_str(&line);
        return;
    }
    let label = step
        .label
        .as_deref()
        .unwrap_or(if sentence.is_some() { "" } else { &step.text });
    out.push_str(&excerpt::render(
        report,
        step.place.span,
        &sanitize(label),
        level,
        style,
    ));
    for (address, span) in step.place.module_calls() {
        if let Some(at) = place::position(report, span) {
            let line = format!(
                "    called as {} at {}:{}",
                sanitize(address),
                shown_path(report, &at),
                at.line
            );
            out.push_str(&style.paint(Paint::Dim, &line));
            out.push('\n');
        }
    }
}

/// The aligned lines: refused, passes, mend, more.
fn render_facts(report: &Report, finding: &Finding, style: &TextStyle, out: &mut String) {
    if let Some(witness) = finding.callers.first() {
        if let Some(refused) = &witness.refused {
            fact("refused", &request_lines(refused), style, out);
        }
        match &witness.passes {
            Some(passes) => fact("passes", &request_lines(passes), style, out),
            None if finding.outcome == crate::rule::Outcome::AlwaysDenied => {
                fact(
                    "passes",
                    &["nothing: no upload of this caller to this bucket by this path".into()],
                    style,
                    out,
                );
            }
            None => {}
        }
    }
    let others: Vec<String> = finding
        .callers
        .iter()
        .skip(1)
        .map(|w| sanitize(&w.address))
        .collect();
    if !others.is_empty() {
        let shown: Vec<&str> = others.iter().take(5).map(String::as_str).collect();
        let rest = others.len().saturating_sub(5);
        let more = if rest > 0 {
            format!(" and {rest} more")
        } else {
            String::new()
        };
        fact("also", &[format!("{}{more}", shown.join(", "))], style, out);
    }
    if let Some(fix) = &finding.fix {
        let mut lines = patch::lines(report, fix, style);
        if lines.is_empty() || fix.edits.is_empty() {
            lines.insert(0, sanitize(&fix.text));
        }
        if !fix.gains.is_empty() {
            let gains: Vec<String> = fix.gains.iter().map(|g| sanitize(g)).collect();
            lines.push(format!("this also lets in: {}", gains.join(", ")));
        }
        fact("mend", &lines, style, out);
    }
    let also = finding.also.len();
    if also > 0 {
        let word = if also == 1 { "refusal" } else { "refusals" };
        fact(
            "beside",
            &[format!(
                "{also} other {word} of the same upload: mending one is not enough"
            )],
            style,
            out,
        );
    }
    fact(
        "more",
        &[format!("iaclint explain {}", finding.rule)],
        style,
        out,
    );
}

fn request_lines(request: &ShownRequest) -> Vec<String> {
    let mut lines: Vec<String> = vec![sanitize(&request.command)];
    lines.extend(request.notes.iter().map(|n| sanitize(n)));
    lines
}

fn fact(name: &str, lines: &[String], style: &TextStyle, out: &mut String) {
    for (i, line) in lines.iter().enumerate() {
        let head = if i == 0 {
            style.paint(Paint::Strong, &format!("{name:<8}"))
        } else {
            " ".repeat(8)
        };
        out.push_str(format!("  {head}  {}", line).trim_end());
        out.push('\n');
    }
}

/// The path of a place for a reader; in another repository, with the repository's name.
pub fn shown_path(report: &Report, at: &place::Position) -> String {
    match &at.repository {
        Some(repository) => sanitize(&format!("{repository}: {}", at.path)),
        None => path(report, &at.path),
    }
}

/// A path for a reader: from the folder that the reader is in, else as the URIs have it.
pub fn path(report: &Report, path: &str) -> String {
    let Some(folder) = &report.folder else {
        return sanitize(&place::repository_path(report, path));
    };
    let mut rest: Vec<&str> = path.split('/').collect();
    let mut up = 0;
    for part in folder.split('/').filter(|p| !p.is_empty()) {
        if up == 0 && rest.len() > 1 && rest.first() == Some(&part) {
            rest.remove(0);
        } else {
            up += 1;
        }
    }
    sanitize(&format!("{}{}", "../".repeat(up), rest.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::SourceFile;
    use crate::report::{github, json, markdown, sarif};
    use crate::rule::{Edit, Fix, Outcome, Witness};
    use crate::value::{Place, Span};

    #[test]
    fn paths_start_where_the_reader_is() {
        let from = |folder: Option<&str>, file: &str| {
            let report = Report {
                folder: folder.map(str::to_string),
                uri_prefix: "prefix".into(),
                ..Report::default()
            };
            path(&report, file)
        };
        assert_eq!(from(None, "a/b.tf"), "prefix/a/b.tf");
        assert_eq!(from(Some(""), "a/b.tf"), "a/b.tf");
        assert_eq!(from(Some("a"), "a/b.tf"), "b.tf");
        assert_eq!(from(Some("a/c"), "a/d/b.tf"), "../d/b.tf");
        assert_eq!(from(Some("x/y"), "b.tf"), "../../b.tf");
    }

    fn report() -> Report {
        let mut report = Report::default();
        let text = "a = 1\nb {\n  Action = [\"s3:PutObject\"]\u{1b}\n}\n";
        let file = report.files.add(SourceFile::new("network.tf", text));
        let long = report
            .files
            .add(SourceFile::new("main.tf", "x {\n  y = 1\n".repeat(10)));
        let step = |file, start, end, text: &str| Step {
            place: Place::at(Span::new(file, start, end)),
            text: text.into(),
            label: None,
            address: "aws_x.y".into(),
        };
        let request = |command: &str| ShownRequest {
            command: command.into(),
            parameters: vec![],
            notes: vec![],
        };
        report.findings.push(Finding {
            rule: "bucket-policy-denies-missing-encryption-header",
            level: Level::Warning,
            outcome: Outcome::DefaultDenied,
            message: "uploads to `b` are [refused]".into(),
            primary: step(file, 21, 37, "no VPC endpoint policy allows it"),
            steps: vec![step(long, 0, 100, "granted here")],
            callers: vec![Witness {
                address: "aws_iam_role.r".into(),
                path: "internet".into(),
                refused: Some(request("aws s3api put-object::error::x\n")),
                passes: None,
                environments: vec![],
            }],
            bucket: "b|<img>\"".into(),
            fix: Some(Fix {
                text: "allow the action".into(),
                edits: vec![Edit {
                    span: Span::new(file, 36, 37),
                    replacement: ", \"s3:*\"]".into(),
                }],
                safe: true,
                gains: vec![],
                proposals: Vec::new(),
            }),
            fingerprint: "f".into(),
            also: vec![],
            environments: vec![],
            only_with: None,
        });
        report
    }

    #[test]
    fn a_finding_reads_as_one_block() {
        let text = render(&report(), &TextStyle::default());
        for part in [
            "warning[bucket-policy-denies-missing-encryption-header]: uploads to `b` are [refused]",
            "[network.tf:3:",
            "no VPC endpoint policy allows it",
            "  granted here\n",
            "[main.tf:1:1]",
            "lines)",
            "  refused   aws s3api put-object",
            "  mend      network.tf:3\n            -  Action",
            "            +  Action",
            "1 finding (1 warning), 1 mend is safe",
            "taken as complete",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(
            render(
                &report(),
                &TextStyle {
                    colour: true,
                    ..TextStyle::default()
                }
            )
            .contains("\u{1b}[1;33mwarning")
        );
    }

    #[test]
    fn machine_formats_hold_the_finding() {
        let report = report();
        let log: serde_json::Value = serde_json::from_str(&sarif::render(&report)).unwrap();
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["properties"]["outcome"], "default-denied");
        assert_eq!(result["relatedLocations"][0]["id"], 1);
        assert!(
            result["message"]["text"]
                .as_str()
                .unwrap()
                .contains("\\[refused\\].\n1. [granted here](1)")
        );
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(
            log["runs"][0]["tool"]["driver"]["rules"][index]["id"],
            result["ruleId"]
        );
        let document: serde_json::Value = serde_json::from_str(&json::render(&report)).unwrap();
        assert!(document["findings"][0]["callers"][0]["passes"].is_null());
        let commands = github::render(&report);
        assert!(
            commands.starts_with("::warning file=network.tf,line=3,"),
            "{commands}"
        );
        assert!(!markdown::render(&report).contains("<img>"));
        let empty: serde_json::Value =
            serde_json::from_str(&sarif::render(&Report::default())).unwrap();
        assert_eq!(empty["runs"][0]["results"], serde_json::json!([]));
    }
}
