//! The mend as a patch: the lines that an edit changes, before and after.
//!
//! Edits of one file are applied together; lines that stay are not shown.

use std::collections::BTreeMap;

use crate::files::SourceFile;
use crate::report::Report;
use crate::report::plain::{sanitize_lines, shorten};
use crate::report::text::{Paint, TextStyle};
use crate::rule::{Edit, Fix};
use crate::value::FileId;

/// Lines of one patch that are shown.
const SHOWN: usize = 12;

/// `path:line`, then `-` and `+` lines; empty without edits.
pub fn lines(report: &Report, fix: &Fix, style: &TextStyle) -> Vec<String> {
    let mut by_file: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for edit in &fix.edits {
        by_file.entry(edit.span.file).or_default().push(edit);
    }
    let mut out = Vec::new();
    for (id, mut edits) in by_file {
        let Some(file) = report.files.get(id) else {
            continue;
        };
        edits.sort_by_key(|e| (e.span.start, e.span.end));
        for change in changes(file, &edits) {
            let change = change.shown(style);
            out.push(format!(
                "{}:{}",
                super::path(report, &file.path),
                change.line
            ));
            let removed = change
                .before
                .iter()
                .map(|l| (Paint::Removed, format!("-{}", clean(l, style))));
            let added = change
                .after
                .iter()
                .map(|l| (Paint::Added, format!("+{}", clean(l, style))));
            let all: Vec<(Paint, String)> = removed.chain(added).collect();
            let left = all.len().saturating_sub(SHOWN);
            out.extend(
                all.into_iter()
                    .take(SHOWN)
                    .map(|(paint, line)| style.paint(paint, &line)),
            );
            if left > 0 {
                out.push(format!("({left} more lines)"));
            }
        }
    }
    out
}

fn clean(line: &str, style: &TextStyle) -> String {
    shorten(&sanitize_lines(line).replace('\t', "    "), room(style))
}

/// Characters of a line that fit beside the word `mend`.
fn room(style: &TextStyle) -> usize {
    style.width.saturating_sub(14).clamp(40, 160)
}

struct Change {
    line: u32,
    before: Vec<String>,
    after: Vec<String>,
}

/// Unchanged characters that are kept before a change in a long line.
const LEAD: usize = 16;

impl Change {
    /// Long lines from shortly before what changes in them.
    fn shown(mut self, style: &TextStyle) -> Change {
        let long = |line: &&mut String| line.chars().count() > room(style);
        for (before, after) in self.before.iter_mut().zip(&mut self.after) {
            if !long(&before) && !long(&after) {
                continue;
            }
            let same = before
                .chars()
                .zip(after.chars())
                .take_while(|(a, b)| a == b)
                .count();
            let cut = same.saturating_sub(LEAD);
            if cut > 1 {
                *before = format!("…{}", before.chars().skip(cut).collect::<String>());
                *after = format!("…{}", after.chars().skip(cut).collect::<String>());
            }
        }
        self
    }
}

/// Groups edits that share lines and applies each group to its lines. Edits that overlap are left out.
fn changes(file: &SourceFile, edits: &[&Edit]) -> Vec<Change> {
    let mut out = Vec::new();
    let mut rest = edits;
    while let Some((first, _)) = rest.split_first() {
        let (line, _) = file.line_column(first.span.start);
        let (mut last, _) = file.line_column(first.span.end);
        let mut count = 1;
        while let Some(next) = rest.get(count) {
            if file.line_column(next.span.start).0 > last {
                break;
            }
            last = last.max(file.line_column(next.span.end).0);
            count += 1;
        }
        let (group, after) = rest.split_at(count.min(rest.len()));
        rest = after;
        if let Some(change) = apply(file, group, line, last) {
            out.push(change);
        }
    }
    out
}

fn apply(file: &SourceFile, edits: &[&Edit], first: u32, last: u32) -> Option<Change> {
    let start = line_start(file, first)?;
    let end = line_start(file, last)? + file.line(last)?.len();
    let mut text = String::new();
    let mut at = start;
    for edit in edits {
        let (from, to) = (edit.span.start as usize, edit.span.end as usize);
        text.push_str(file.text.get(at..from)?);
        text.push_str(&edit.replacement);
        at = to;
    }
    text.push_str(file.text.get(at..end)?);
    let mut before: Vec<String> = file
        .text
        .get(start..end)?
        .lines()
        .map(str::to_string)
        .collect();
    let mut after: Vec<String> = text.lines().map(str::to_string).collect();
    let mut line = first;
    while !before.is_empty() && before.first() == after.first() {
        before.remove(0);
        after.remove(0);
        line += 1;
    }
    while before.last().is_some() && before.last() == after.last() {
        before.pop();
        after.pop();
    }
    Some(Change {
        line,
        before,
        after,
    })
}

/// Byte offset of the start of a line.
fn line_start(file: &SourceFile, line: u32) -> Option<usize> {
    let text = file.line(line)?;
    Some(text.as_ptr() as usize - file.text.as_ptr() as usize)
}
