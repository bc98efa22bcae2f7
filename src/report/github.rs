//! GitHub workflow commands: one annotation per finding, worst first, at most ten of each kind.
//!
//! The runner reads `::` commands from the log, so every text from input is escaped.

use crate::report::plain::{sanitize, shorten};
use crate::report::text::closing;
use crate::report::{Report, changes, place};
use crate::rule::{Finding, Level};

/// What GitHub shows of one kind in one step.
const SHOWN: usize = 10;

pub fn render(report: &Report) -> String {
    let mut out = String::new();
    for level in [Level::Error, Level::Warning, Level::Note] {
        let of_level: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|f| f.level == level)
            .collect();
        for finding in of_level.iter().take(SHOWN) {
            out.push_str(&annotation(report, finding));
        }
        if of_level.len() > SHOWN {
            out.push_str(&plain(&format!(
                "{} more of level {} are not annotated",
                of_level.len() - SHOWN,
                level.name()
            )));
        }
    }
    let mut last = Vec::new();
    for (sentence, causes) in changes::lines(report) {
        last.push(sentence);
        last.extend(causes.into_iter().map(|cause| format!("  {cause}")));
    }
    let new = changes::new_suppressions(report);
    last.extend(
        new.into_iter()
            .map(|s| format!("new suppression, which does not count yet: {s}")),
    );
    last.extend([
        closing::counts(report),
        closing::read(report),
        closing::COMPLETE.to_string(),
    ]);
    let gaps = closing::gaps(report);
    if !gaps.is_empty() {
        last.push(format!("not understood: {}", gaps.join(" · ")));
    }
    for line in last {
        out.push_str(&plain(&line));
    }
    out
}

/// A line that the runner does not read as a command: it looks for `::` after leading blanks, and for `##[` anywhere.
fn plain(line: &str) -> String {
    let line = shorten(&sanitize(line), 4000).replace("##[", "# #[");
    format!("iaclint: {line}\n")
}

fn annotation(report: &Report, finding: &Finding) -> String {
    let command = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(at) = place::position(report, finding.primary.place.span) {
        properties.push(format!(
            "file={}",
            property(&place::repository_path(report, &at.path))
        ));
        properties.push(format!("line={}", at.line));
        properties.push(format!("endLine={}", at.end_line));
        if at.line == at.end_line {
            // GitHub refuses columns for a region of several lines.
            properties.push(format!("col={}", at.column));
            properties.push(format!("endColumn={}", at.end_column));
        }
    }
    let title = format!(
        "{} {}: {}",
        finding.level.name(),
        finding.rule,
        sanitize(&finding.message)
    );
    properties.push(format!("title={}", property(&shorten(&title, 250))));
    format!(
        "::{command} {}::{}\n",
        properties.join(","),
        message(&text(report, finding))
    )
}

/// Refused, passes, mend: three lines.
fn text(report: &Report, finding: &Finding) -> String {
    let mut lines = Vec::new();
    if let Some(at) = place::elsewhere(report, finding.refusing().place.span) {
        let refusing = format!("in {at}: {}", finding.refusing().text);
        lines.push(sanitize(&refusing));
    }
    if let Some(witness) = finding.callers.first() {
        if let Some(refused) = &witness.refused {
            lines.push(format!(
                "refused: {}",
                with_notes(&refused.command, &refused.notes)
            ));
        }
        if let Some(passes) = &witness.passes {
            lines.push(format!(
                "passes: {}",
                with_notes(&passes.command, &passes.notes)
            ));
        }
    }
    if let Some(fix) = &finding.fix {
        lines.push(format!("mend: {}", sanitize(&fix.text)));
    }
    if lines.is_empty() {
        lines.push(sanitize(&finding.primary.text));
    }
    lines.join("\n")
}

fn with_notes(command: &str, notes: &[String]) -> String {
    let mut out = sanitize(command);
    if !notes.is_empty() {
        out.push_str(&format!(" ({})", sanitize(&notes.join("; "))));
    }
    out
}

fn message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_plain_line_is_a_command() {
        for hostile in [
            "::error::x",
            "  ::set-output name=a::b",
            "a ##[error]b",
            "a\n::error::b",
        ] {
            let line = plain(hostile);
            assert_eq!(line.lines().count(), 1, "{line}");
            assert!(
                !line.trim_start().starts_with("::") && !line.contains("##["),
                "{line}"
            );
        }
    }
}
