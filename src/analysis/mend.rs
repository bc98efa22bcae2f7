//! Mends applied to texts: which edits of the findings can stand together, the new texts, and their differences.

use std::collections::BTreeMap;

use crate::files::SourceFile;
use crate::report::Report;
use crate::rule::Edit;
use crate::value::FileId;

/// Unchanged lines around a change.
const CONTEXT: u32 = 3;

/// A file that would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// Relative to the read boundary.
    pub path: String,
    pub before: String,
    pub after: String,
    /// Unified, with its two heading lines.
    pub difference: String,
}

/// The files as the mends leave them: safe ones, with `unsafe_too` all that have edits. Where edits of two mends
/// overlap, the mend of the earlier finding stands and the other one waits for the next run.
pub fn mend(report: &Report, unsafe_too: bool) -> Vec<Mended> {
    let mut chosen: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for fix in report.findings.iter().filter_map(|f| f.fix.as_ref()) {
        let wanted = !fix.edits.is_empty() && (fix.safe || unsafe_too);
        let free = fix.edits.iter().all(|edit| {
            let others = chosen.get(&edit.span.file);
            others.is_none_or(|others| others.iter().all(|other| apart(edit, other)))
        });
        if wanted && free {
            for edit in &fix.edits {
                chosen.entry(edit.span.file).or_default().push(edit);
            }
        }
    }
    chosen
        .into_iter()
        .filter_map(|(id, mut edits)| {
            edits.sort_by_key(|e| (e.span.start, e.span.end));
            let file = report.files.get(id)?;
            let after = apply(&file.text, 0, &edits)?;
            (*file.text != after).then(|| Mended {
                path: file.path.to_string(),
                before: file.text.to_string(),
                difference: difference(file, &edits).unwrap_or_default(),
                after,
            })
        })
        .collect()
}

fn apart(one: &Edit, other: &Edit) -> bool {
    one.span.end < other.span.start || other.span.end < one.span.start
}

/// A text that begins at `offset` of its file, with sorted edits in it; `None` where one lies outside.
pub fn apply(text: &str, offset: usize, edits: &[&Edit]) -> Option<String> {
    let mut out = String::new();
    let mut at = 0;
    for edit in edits {
        let start = (edit.span.start as usize).checked_sub(offset)?;
        out.push_str(text.get(at..start)?);
        out.push_str(&edit.replacement);
        at = (edit.span.end as usize).checked_sub(offset)?;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

/// Changes whose surroundings meet, as first and last changed line with their edits.
struct Hunk<'e> {
    first: u32,
    last: u32,
    edits: Vec<&'e Edit>,
}

fn difference(file: &SourceFile, edits: &[&Edit]) -> Option<String> {
    let mut hunks: Vec<Hunk> = Vec::new();
    for edit in edits {
        let first = file.line_column(edit.span.start).0;
        let last = file
            .line_column(edit.span.end.saturating_sub(1).max(edit.span.start))
            .0;
        match hunks.last_mut() {
            Some(hunk) if first <= hunk.last + 2 * CONTEXT => {
                hunk.last = hunk.last.max(last);
                hunk.edits.push(edit);
            }
            _ => hunks.push(Hunk {
                first,
                last,
                edits: vec![edit],
            }),
        }
    }
    let lines: Vec<&str> = file.text.split_inclusive('\n').collect();
    let mut out = format!("--- a/{0}\n+++ b/{0}\n", file.path);
    let mut grown = 0i64;
    for hunk in hunks {
        let from = hunk.first.saturating_sub(CONTEXT).max(1) as usize - 1;
        let to = lines.len().min((hunk.last + CONTEXT) as usize);
        let old = lines.get(from..to)?;
        let offset: usize = lines.get(..from)?.iter().map(|l| l.len()).sum();
        let new = apply(&old.concat(), offset, &hunk.edits)?;
        let new: Vec<&str> = new.split_inclusive('\n').collect();
        let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
        let head = old.iter().zip(&new).take_while(same).count();
        let room = old.len().min(new.len()) - head;
        let tail = old
            .iter()
            .rev()
            .zip(new.iter().rev())
            .take(room)
            .take_while(same)
            .count();
        out.push_str(&format!(
            "@@ -{},{} +{},{} @@\n",
            from + 1,
            old.len(),
            from as i64 + 1 + grown,
            new.len()
        ));
        grown += new.len() as i64 - old.len() as i64;
        let mut put = |mark: char, lines: &[&str]| {
            for line in lines {
                let end = if line.ends_with('\n') {
                    ""
                } else {
                    "\n\\ No newline at end of file\n"
                };
                out.push_str(&format!("{mark}{line}{end}"));
            }
        };
        put(' ', old.get(..head)?);
        put('-', old.get(head..old.len() - tail)?);
        put('+', new.get(head..new.len() - tail)?);
        put(' ', old.get(old.len() - tail..)?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Span;

    #[test]
    fn hunks_hold_the_changed_lines_alone() {
        let text: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let file = SourceFile::new("a.tf", text.as_str());
        let edit = |from: &str, replacement: &str| {
            let start = text.find(from).unwrap();
            Edit {
                span: Span::new(FileId(0), start, start + from.len()),
                replacement: replacement.into(),
            }
        };
        let (one, two) = (edit("line 5\n", "five\nand more\n"), edit("20\n", "twenty"));
        assert_eq!(
            difference(&file, &[&one, &two]).unwrap(),
            "--- a/a.tf\n+++ b/a.tf\n@@ -2,7 +2,8 @@\n line 2\n line 3\n line 4\n-line 5\n+five\n+and more\n line 6\n line 7\n line 8\n\
             @@ -17,4 +18,4 @@\n line 17\n line 18\n line 19\n-line 20\n+line twenty\n\\ No newline at end of file\n"
        );
        assert!(
            apply(&text, 0, &[&two])
                .unwrap()
                .ends_with("line 19\nline twenty")
        );
        assert!(apart(&one, &two) && !apart(&one, &one));
    }
}
