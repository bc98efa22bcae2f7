//! How often each rule spoke, how the uploads were decided, and what was not understood, as counts.

use std::collections::BTreeMap;

use crate::report::Report;
use crate::rule::{Level, Outcome};
use crate::source::GapKind;

/// Lines of counts, the largest first; a heading above each group.
pub fn render(report: &Report) -> String {
    let mut out = String::from("coverage\n");
    let undecided = report
        .decided
        .iter()
        .filter(|d| d.outcome == Outcome::Depends)
        .count();
    let rows = [
        (
            report.read.policies_understood,
            report.read.policies,
            "policies understood",
        ),
        (
            report.decided.len() - undecided,
            report.decided.len(),
            "uploads decided for certain",
        ),
    ];
    for (part, all, what) in rows {
        // Rounded down: 100 % means all.
        let percent = (part * 100).checked_div(all).unwrap_or(100);
        out.push_str(&format!("  {percent:>5}%  {what} ({part} of {all})\n"));
    }
    group(
        &mut out,
        "findings by rule",
        report.findings.iter().map(|f| f.rule),
    );
    group(
        &mut out,
        "uploads by outcome",
        report.decided.iter().map(|d| d.outcome.name()),
    );
    group(
        &mut out,
        "not understood by kind",
        report.not_understood.iter().map(|g| kind(g.kind)),
    );
    out
}

/// Counts for other programs, one `NAME=NUMBER` a line.
pub fn render_counts(report: &Report) -> String {
    let new = report.suppressions.iter().filter(|s| !s.counts).count();
    let rows = [
        ("findings", report.findings.len()),
        ("errors", report.count(Level::Error)),
        ("warnings", report.count(Level::Warning)),
        ("notes", report.count(Level::Note)),
        ("silenced", report.silenced),
        ("new-suppressions", new),
        ("not-understood", report.not_understood.len()),
        ("files", report.read.files),
    ];
    rows.iter()
        .map(|(name, count)| format!("{name}={count}\n"))
        .collect()
}

fn kind(kind: GapKind) -> &'static str {
    match kind {
        GapKind::Syntax => "syntax",
        GapKind::Reading => "reading",
        GapKind::Missing => "missing",
        GapKind::Unsupported => "unsupported",
        GapKind::Unknown => "unknown value",
        GapKind::Undecided => "undecided",
    }
}

fn group<'a>(out: &mut String, title: &str, names: impl Iterator<Item = &'a str>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut rows: Vec<(usize, &str)> = counts.into_iter().map(|(name, n)| (n, name)).collect();
    rows.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    out.push_str(&format!("{title}\n"));
    if rows.is_empty() {
        out.push_str("       0\n");
    }
    for (count, name) in rows {
        out.push_str(&format!("  {count:>6}  {name}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_count_comes_first() {
        let mut out = String::new();
        group(&mut out, "by name", ["b", "a", "c", "b"].into_iter());
        assert_eq!(out, "by name\n       2  b\n       1  a\n       1  c\n");
    }
}
