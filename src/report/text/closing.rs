//! The last lines of a run: how many findings, what was read, what is taken as complete, what was not understood.
//!
//! Zero findings are followed by the same lines, so that a reader knows what was looked at.

use crate::report::changes;
use crate::report::place;
use crate::report::plain::{sanitize, shorten};
use crate::report::text::{Paint, TextStyle};
use crate::report::{ReadCounts, Report};
use crate::rule::Level;
use crate::source::Gap;

/// What is listed without `-v`.
const SHOWN: usize = 8;

pub fn render(report: &Report, style: &TextStyle) -> String {
    let mut out = String::new();
    if let Some(changes) = &report.changes {
        let head = format!("since {}:", shorten(&sanitize(&changes.since), 80));
        out.push_str(&style.paint(Paint::Strong, &head));
        let lines = changes::lines(report);
        if lines.is_empty() {
            out.push_str(" no upload is refused or mended");
        }
        for (sentence, causes) in lines {
            out.push_str(&format!("\n  {sentence}"));
            for cause in causes {
                let paint = if cause.starts_with('+') {
                    Paint::Added
                } else {
                    Paint::Removed
                };
                out.push_str(&format!("\n    {}", style.paint(paint, &cause)));
            }
        }
        out.push('\n');
    }
    let new = changes::new_suppressions(report);
    if !new.is_empty() {
        let head = "suppressions of this change, which do not count yet:";
        out.push_str(&style.paint(Paint::Strong, head));
        for line in new {
            out.push_str(&format!("\n  {line}"));
        }
        out.push('\n');
    }
    out.push_str(&style.paint(Paint::Strong, &counts(report)));
    out.push('\n');
    out.push_str(&format!("{}\n{}\n", read(report), COMPLETE));
    let gaps = gaps(report);
    if !gaps.is_empty() {
        out.push_str(&style.paint(Paint::Warning, "not understood:"));
        if style.verbose {
            for gap in &gaps {
                out.push_str(&format!("\n  {gap}"));
            }
        } else {
            let shown: Vec<String> = gaps.iter().take(SHOWN).map(|g| shorten(g, 120)).collect();
            out.push_str(&format!(" {}", shown.join(" · ")));
            if gaps.len() > SHOWN {
                out.push_str(&format!(" · {} more: -v lists all", gaps.len() - SHOWN));
            }
        }
        out.push('\n');
    }
    if style.verbose && !report.unused.is_empty() {
        out.push_str("not used:");
        for gap in &report.unused {
            let path = super::path(report, &gap.what);
            out.push_str(&format!("\n  {path} ({})", sanitize(&gap.why)));
        }
        out.push('\n');
    }
    out
}

/// What "certain" rests on.
pub const COMPLETE: &str = "taken as complete: the policies and endpoints declared here; grants made elsewhere are not imagined";

/// `3 findings (1 error, 2 warnings), 1 mend is safe`.
pub fn counts(report: &Report) -> String {
    let mut line = number(report.findings.len(), "finding", "findings");
    let levels: Vec<String> = [Level::Error, Level::Warning, Level::Note]
        .into_iter()
        .filter(|level| report.count(*level) > 0)
        .map(|level| {
            number(
                report.count(level),
                level.name(),
                &format!("{}s", level.name()),
            )
        })
        .collect();
    if !levels.is_empty() {
        line.push_str(&format!(" ({})", levels.join(", ")));
    }
    let safe = report
        .findings
        .iter()
        .filter(|f| {
            f.fix
                .as_ref()
                .is_some_and(|x| x.safe && !x.edits.is_empty())
        })
        .count();
    match safe {
        0 => {}
        1 => line.push_str(", 1 mend is safe"),
        n => line.push_str(&format!(", {n} mends are safe")),
    }
    if report.undecided_mends > 0 {
        line.push_str(&format!(
            ", {} not tried: there are too many",
            number(report.undecided_mends, "further mend", "further mends")
        ));
    }
    if report.silenced > 0 {
        line.push_str(&format!(", {} silenced", report.silenced));
    }
    line
}

/// `read 41 files: 12 callers, 5 buckets, 2 endpoints, 3 keys; 58 of 61 policies understood`, and what the facts of
/// other repositories add.
pub fn read(report: &Report) -> String {
    let read = &report.read;
    let mut line = format!(
        "read {}: {}; {} of {} understood",
        number(read.files, "file", "files"),
        things(read),
        read.policies_understood,
        number(read.policies, "policy", "policies"),
    );
    line.push_str(&environments(report));
    for joined in &report.joined {
        let name = sanitize(&joined.repository);
        line.push_str(&format!("; facts of {name}: {}", things(&joined.read)));
    }
    line
}

fn things(read: &ReadCounts) -> String {
    [
        number(read.callers, "caller", "callers"),
        number(read.buckets, "bucket", "buckets"),
        number(read.endpoints, "endpoint", "endpoints"),
        number(read.keys, "key", "keys"),
    ]
    .join(", ")
}

/// `; in the environments dev, prod`.
fn environments(report: &Report) -> String {
    let names: Vec<String> = report.environments.iter().map(|e| sanitize(e)).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => format!("; in the environment {only}"),
        several => format!("; in the environments {}", several.join(", ")),
    }
}

fn number(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// What was not understood, the same thing once: `what in path:line (why)`.
pub fn gaps(report: &Report) -> Vec<String> {
    let mut groups: Vec<(&Gap, usize)> = Vec::new();
    for gap in &report.not_understood {
        match groups
            .iter_mut()
            .find(|(g, _)| g.what == gap.what && g.why == gap.why)
        {
            Some((_, count)) => *count += 1,
            None => groups.push((gap, 1)),
        }
    }
    groups
        .into_iter()
        .map(|(gap, count)| {
            let mut line = sanitize(&gap.what);
            if let Some(at) = whereabouts(report, gap).filter(|at| *at != line) {
                line.push_str(&format!(" in {at}"));
            }
            if count > 1 {
                line.push_str(&format!(
                    " and {}",
                    number(count - 1, "more place", "more places")
                ));
            }
            format!("{line} ({})", sanitize(&gap.why))
        })
        .collect()
}

/// `path:line`, or the path alone.
pub fn whereabouts(report: &Report, gap: &Gap) -> Option<String> {
    match (
        gap.place
            .as_ref()
            .and_then(|p| place::position(report, p.span)),
        &gap.path,
    ) {
        (Some(at), _) => Some(format!("{}:{}", super::shown_path(report, &at), at.line)),
        (None, Some(path)) => Some(super::path(report, path)),
        (None, None) => None,
    }
}
