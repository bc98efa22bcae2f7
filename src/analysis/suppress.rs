//! Suppression comments: `# iaclint: ignore[rule] reason`, on the line itself or on the line before a block.

use crate::files::SourceFile;
use crate::rule::Finding;
use crate::source::{Comment, Sources};

/// Takes the silenced findings out and says how many they were. A comment without a reason silences nothing.
pub fn apply(findings: &mut Vec<Finding>, sources: &Sources) -> usize {
    let before = findings.len();
    findings.retain(|finding| {
        let span = finding.primary.place.span;
        let Some(file) = sources.files.get(span.file) else {
            return true;
        };
        let (line, _) = file.line_column(span.start);
        !sources
            .comments
            .iter()
            .filter(|c| c.span.file == span.file)
            .any(|comment| {
                let covered = lines(file, comment);
                silenced(&comment.text).contains(&finding.rule)
                    && covered.0 <= line
                    && line <= covered.1
            })
    });
    before - findings.len()
}

/// The rules that a comment names.
fn silenced(text: &str) -> Vec<&str> {
    let named = text
        .split_once("iaclint:")
        .and_then(|(_, rest)| rest.trim_start().strip_prefix("ignore["));
    match named.and_then(|rest| rest.split_once(']')) {
        Some((rules, reason)) if !reason.trim().is_empty() => {
            rules.split(',').map(str::trim).collect()
        }
        _ => Vec::new(),
    }
}

/// First and last line that a comment speaks of: its own, or the next one with what is indented below it.
fn lines(file: &SourceFile, comment: &Comment) -> (u32, u32) {
    let (own, _) = file.line_column(comment.span.start);
    if !comment.own_line {
        return (own, own);
    }
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut first = own + 1;
    while file
        .line(first)
        .is_some_and(|l| l.trim().is_empty() || l.trim_start().starts_with(['#', '/']))
    {
        first += 1;
    }
    let depth = file.line(first).map_or(0, indent);
    let mut last = first;
    while file
        .line(last + 1)
        .is_some_and(|l| l.trim().is_empty() || indent(l) > depth)
    {
        last += 1;
    }
    (first, last)
}
