//! The job summary in Markdown: a picture of each refused journey, the table of findings, the closing lines.
//!
//! Names from input stand in Markdown and Mermaid; both are escaped, character by character.

use crate::policy::PolicyType;
use crate::report::plain::{sanitize, shorten};
use crate::report::text::closing;
use crate::report::{Report, changes, place};
use crate::rule::finding::KEY_STEP;
use crate::rule::{Finding, registry};

/// Pictures in one summary; the table lists every finding.
const PICTURES: usize = 10;
/// Rows of the table, and bytes with which it ends, so that the summary stays below GitHub's limit of 1 MiB.
const ROWS: usize = 500;
const BYTES: usize = 700_000;

pub fn render(report: &Report) -> String {
    let mut out = String::from("## Uploads that AWS will refuse\n\n");
    let journeys: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|f| !f.callers.is_empty())
        .collect();
    for finding in journeys.iter().take(PICTURES) {
        out.push_str(&picture(finding));
    }
    if journeys.len() > PICTURES {
        out.push_str(&format!(
            "{} more journeys are listed below without a picture.\n\n",
            journeys.len() - PICTURES
        ));
    }
    if !report.findings.is_empty() {
        out.push_str("| Level | Where | What | Mend |\n|---|---|---|---|\n");
        let mut left = report.findings.len();
        for finding in report.findings.iter().take(ROWS) {
            if out.len() > BYTES {
                break;
            }
            out.push_str(&row(report, finding));
            left -= 1;
        }
        if left > 0 {
            out.push_str(&format!("\n{left} more findings are left out here.\n"));
        }
        out.push('\n');
    }
    if let Some(changes) = &report.changes {
        let since = format!("Since {}", shorten(&changes.since, 80));
        out.push_str(&format!("### {}\n\n", escape(&since)));
        let lines = changes::lines(report);
        if lines.is_empty() {
            out.push_str("No upload is refused or mended.\n");
        }
        for (sentence, causes) in lines {
            out.push_str(&format!("- {}\n", rich(&sentence)));
            for cause in causes {
                out.push_str(&format!("  - {}\n", escape(&cause)));
            }
        }
        out.push('\n');
    }
    let new = changes::new_suppressions(report);
    if !new.is_empty() {
        out.push_str("### New suppressions\n\nThey do not count before this change is merged.\n\n");
        for line in new {
            out.push_str(&format!("- {}\n", escape(&line)));
        }
        out.push('\n');
    }
    let mut last = vec![
        closing::counts(report),
        closing::read(report),
        closing::COMPLETE.to_string(),
    ];
    last.extend(
        closing::gaps(report)
            .into_iter()
            .take(100)
            .map(|g| format!("not understood: {g}")),
    );
    for line in last {
        out.push_str(&format!("- {}\n", escape(&line)));
    }
    out
}

fn row(report: &Report, finding: &Finding) -> String {
    let at = place::position(report, finding.primary.place.span).map_or_else(String::new, |p| {
        format!("{}:{}", place::repository_path(report, &p.path), p.line)
    });
    let fix = finding.fix.as_ref().map_or("", |f| f.text.as_str());
    let refusing = place::elsewhere(report, finding.refusing().place.span);
    let refusing = refusing.map_or_else(String::new, |at| format!(" (in {at})"));
    format!(
        "| {} | {} | {}<br>{} | {} |\n",
        finding.level.name(),
        escape(&at),
        rich(&format!("{}{refusing}", finding.message)),
        escape(finding.rule),
        rich(fix)
    )
}

/// Caller, path, bucket and key in a row; the gate that refuses is marked.
fn picture(finding: &Finding) -> String {
    let gate = gate(finding);
    let caller = finding.callers.first();
    let path = caller.map_or("internet", |w| &*w.path);
    let mut nodes = vec![
        (
            "caller",
            caller.map_or_else(|| "caller".to_string(), |w| w.address.to_string()),
        ),
        ("endpoint", path.to_string()),
        ("bucket", finding.bucket.to_string()),
    ];
    if gate == "key" {
        nodes.push(("key", finding.refusing().address.to_string()));
    } else if let Some(key) = finding.steps.iter().find(|s| s.text == KEY_STEP) {
        nodes.push(("key", key.address.to_string()));
    }
    let mut out = format!("{}\n\n```mermaid\nflowchart LR\n", rich(&finding.message));
    for (name, text) in &nodes {
        let kind = if *name == "endpoint" && path == "internet" {
            "path"
        } else {
            name
        };
        let text = format!("{kind}: {text}");
        let refused = if *name == gate { " REFUSES" } else { "" };
        out.push_str(&format!("  {name}[\"{}{refused}\"]\n", mermaid(&text)));
    }
    let names: Vec<&str> = nodes.iter().map(|(n, _)| *n).collect();
    for pair in names.windows(2) {
        if let [from, to] = pair {
            let refuses = *to == gate || *from == "caller" && gate == "caller";
            let arrow = if refuses { "--x" } else { "-->" };
            out.push_str(&format!("  {from} {arrow} {to}\n"));
        }
    }
    out.push_str(&format!(
        "  style {gate} stroke:#c00,stroke-width:3px\n```\n\n"
    ));
    out
}

/// Which stop of the journey refuses: the first tag of the rule's page says it.
fn gate(finding: &Finding) -> &'static str {
    let tag = registry::find(finding.rule).and_then(|p| p.tags.first().copied());
    match tag {
        Some(tag @ ("caller" | "endpoint" | "bucket" | "key")) => tag,
        _ => [
            ("endpoint", PolicyType::Endpoint.name()),
            ("caller", PolicyType::Identity.name()),
        ]
        .into_iter()
        .find(|(_, words)| finding.message.contains(words))
        .map_or("bucket", |(gate, _)| gate),
    }
}

/// A sentence of ours, with its names in backticks as code; where backticks do not pair, they are plain characters.
fn rich(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let mut out = String::new();
    for (at, part) in parts.iter().enumerate() {
        match at % 2 {
            0 => out.push_str(&escape(part)),
            _ => out.push_str(&format!("<code>{}</code>", escape(part))),
        }
    }
    out
}

/// Text that Markdown and HTML leave as it is; one line.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in shorten(&sanitize(text), 2000).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '\\' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '`' => out.push_str("&#96;"),
            c => out.push(c),
        }
    }
    // A scheme would become a link.
    out.replace("://", ":&#47;&#47;")
        .replace("www.", "www&#46;")
}

/// Text inside the quotes of a Mermaid node: everything but plain characters as an entity.
fn mermaid(text: &str) -> String {
    let mut out = String::new();
    for c in shorten(&sanitize(text), 200).chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '.' | '-' | '_' | '/' | ':' => out.push(c),
            c => out.push_str(&format!("#{};", c as u32)),
        }
    }
    out
}
