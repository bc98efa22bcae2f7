//! What a change refused or mended: the findings and decisions of two revisions, compared.
//!
//! Fingerprints hold no line numbers, and a refusal that only has another name or another place is the same one,
//! so formatting, moving and renaming change nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::analysis::secrets;
use crate::files::{FileTable, SourceFile};
use crate::report::{Change, ChangedLine, Changes, Report};
use crate::rule::{Finding, Outcome, Step};
use crate::value::Span;

/// Lines that one change shows as its cause.
const LINES: usize = 10;

/// The report of one revision, with the blocks of its resources by address.
pub struct Revision {
    pub report: Report,
    pub blocks: Vec<(Arc<str>, Span)>,
}

/// The later report without what the earlier one had already, and with what changed between them.
pub fn compare(earlier: &Revision, later: Revision, since: &str) -> Report {
    let known: BTreeSet<&str> = earlier
        .report
        .findings
        .iter()
        .map(|f| f.fingerprint.as_str())
        .chain(silenced(&earlier.report))
        .collect();
    let now: BTreeSet<&str> = later
        .report
        .findings
        .iter()
        .map(|f| f.fingerprint.as_str())
        .chain(silenced(&later.report))
        .collect();
    let mut gone: Vec<&Finding> = earlier
        .report
        .findings
        .iter()
        .filter(|f| !now.contains(f.fingerprint.as_str()))
        .collect();
    let present: BTreeSet<&str> = later.report.decided.iter().map(|d| &*d.caller).collect();
    let mut refused: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for finding in &earlier.report.findings {
        let callers = refused.entry(&finding.fingerprint).or_default();
        callers.extend(finding.callers.iter().map(|c| (&*c.address, &*c.path)));
    }
    let mut new = vec![false; later.report.findings.len()];
    for (finding, new) in later.report.findings.iter().zip(&mut new) {
        if known.contains(finding.fingerprint.as_str()) {
            // The same refusal may meet more callers now, or hold in more environments.
            *new = refused
                .get(finding.fingerprint.as_str())
                .is_some_and(|callers| meets_more(finding, callers, &present))
                || holds_wider(finding, earlier, &later);
            continue;
        }
        match gone.iter().position(|old| renamed(old, finding, &present)) {
            Some(at) => drop(gone.swap_remove(at)),
            None => *new = true,
        }
    }
    let lines = Lines::between(earlier, &later);
    let (before, after) = (outcomes(&earlier.report), outcomes(&later.report));
    let mut uploads = Vec::new();
    let fresh = later.report.findings.iter().zip(&new);
    for finding in fresh.filter(|(_, new)| **new).map(|(finding, _)| finding) {
        let causes = lines.of(&[(finding, &later)], earlier, &later);
        let known = refused.get(finding.fingerprint.as_str());
        for caller in &finding.callers {
            if known.is_some_and(|k| k.contains(&(&*caller.address, &*caller.path))) {
                continue;
            }
            let key = (&*caller.address, &*finding.bucket, &*caller.path);
            uploads.push(Change {
                caller: caller.address.clone(),
                bucket: finding.bucket.clone(),
                path: caller.path.clone(),
                before: before.get(&key).copied(),
                after: finding.outcome,
                rule: finding.rule,
                causes: causes.clone(),
            });
        }
    }
    for finding in gone {
        let causes = lines.of(&[(finding, earlier)], earlier, &later);
        for caller in &finding.callers {
            let key = (&*caller.address, &*finding.bucket, &*caller.path);
            if let Some(Outcome::Allowed) = after.get(&key) {
                uploads.push(Change {
                    caller: caller.address.clone(),
                    bucket: finding.bucket.clone(),
                    path: caller.path.clone(),
                    before: Some(finding.outcome),
                    after: Outcome::Allowed,
                    rule: finding.rule,
                    causes: causes.clone(),
                });
            }
        }
    }
    uploads.sort_by(|a, b| {
        let key = |c: &Change| {
            (
                c.after,
                c.caller.clone(),
                c.bucket.clone(),
                c.path.clone(),
                c.rule,
            )
        };
        key(a).cmp(&key(b))
    });
    uploads.dedup();
    let mut report = later.report;
    let all = report.findings.len();
    let mut new = new.into_iter();
    report.findings.retain(|_| new.next().unwrap_or(true));
    report.silenced += all - report.findings.len();
    let mut changes = Changes {
        since: since.to_string(),
        uploads,
    };
    secrets::cover_causes(&mut changes, &earlier.report.secrets, &report.secrets);
    report.changes = Some(changes);
    report
}

fn silenced(report: &Report) -> impl Iterator<Item = &str> {
    let each = report.suppressions.iter().filter(|s| s.counts);
    each.flat_map(|s| s.silenced.iter().map(String::as_str))
}

/// True where the later finding is the earlier one under another name: of the statement, or of the caller.
fn renamed(old: &Finding, new: &Finding, present: &BTreeSet<&str>) -> bool {
    let same = old.rule == new.rule && old.bucket == new.bucket && old.outcome == new.outcome;
    let callers: BTreeSet<&str> = old.callers.iter().map(|c| &*c.address).collect();
    same && if callers.is_empty() {
        old.message == new.message
    } else {
        // Each caller of now was refused before, or took the place of one that is no more.
        let left = callers.iter().filter(|c| !present.contains(*c)).count();
        let fresh = new
            .callers
            .iter()
            .filter(|c| !callers.contains(&*c.address))
            .count();
        fresh <= left
    }
}

/// True where a known finding has callers that it did not have, beyond those that took the place of others.
fn meets_more(
    finding: &Finding,
    before: &BTreeSet<(&str, &str)>,
    present: &BTreeSet<&str>,
) -> bool {
    let left = before.iter().filter(|(c, _)| !present.contains(c)).count();
    let fresh = finding
        .callers
        .iter()
        .filter(|c| !before.contains(&(&*c.address, &*c.path)))
        .count();
    fresh > left
}

/// True where a known finding holds in an environment that there was, and in which it did not hold.
fn holds_wider(finding: &Finding, earlier: &Revision, later: &Revision) -> bool {
    let before: Vec<&Finding> = earlier
        .report
        .findings
        .iter()
        .filter(|f| f.fingerprint == finding.fingerprint)
        .collect();
    let held = |name: &Arc<str>| {
        before
            .iter()
            .any(|f| f.environments.is_empty() || f.environments.contains(name))
    };
    let now = match finding.environments.is_empty() {
        true => &later.report.environments,
        false => &finding.environments,
    };
    let there = &earlier.report.environments;
    !before.is_empty() && now.iter().any(|e| there.contains(e) && !held(e))
}

/// The worst outcome of each caller, bucket and path.
fn outcomes(report: &Report) -> BTreeMap<(&str, &str, &str), Outcome> {
    let mut out = BTreeMap::new();
    for upload in &report.decided {
        let key = (&*upload.caller, &*upload.bucket, &*upload.path);
        let worst = out.entry(key).or_insert(upload.outcome);
        *worst = (*worst).min(upload.outcome);
    }
    out
}

/// The lines that only one of two revisions has.
struct Lines {
    added: BTreeMap<Arc<str>, BTreeSet<u32>>,
    removed: BTreeMap<Arc<str>, BTreeSet<u32>>,
}

impl Lines {
    fn between(earlier: &Revision, later: &Revision) -> Lines {
        let (before, after) = (&earlier.report.files, &later.report.files);
        Lines {
            added: only(after, before),
            removed: only(before, after),
        }
    }

    /// The lines that made or ended a finding: changed ones where it stands, else in the blocks that it names.
    fn of(
        &self,
        findings: &[(&Finding, &Revision)],
        earlier: &Revision,
        later: &Revision,
    ) -> Vec<ChangedLine> {
        let mut addresses: BTreeSet<&str> = BTreeSet::new();
        let mut out = BTreeSet::new();
        for (finding, revision) in findings {
            let is_later = std::ptr::eq(*revision, later);
            for step in std::iter::once(&finding.primary).chain(&finding.steps) {
                addresses.insert(&step.address);
                for span in spans(step) {
                    self.within(&revision.report.files, span, is_later, &mut out);
                }
            }
            addresses.extend(finding.callers.iter().map(|c| &*c.address));
            addresses.insert(&finding.bucket);
        }
        // The other revision shows what was there in its place; a line taken away stands in no finding of now.
        for (revision, is_later) in [(earlier, false), (later, true)] {
            let named = revision
                .blocks
                .iter()
                .filter(|(address, _)| addresses.contains(&**address));
            for (_, block) in named {
                self.within(&revision.report.files, *block, is_later, &mut out);
            }
        }
        out.into_iter().take(LINES).collect()
    }

    fn within(&self, files: &FileTable, span: Span, added: bool, out: &mut BTreeSet<ChangedLine>) {
        let Some(file) = files.get(span.file) else {
            return;
        };
        let changed = if added { &self.added } else { &self.removed };
        let (first, last) = (file.line_column(span.start).0, file.line_column(span.end).0);
        let lines = changed.get(&file.path).into_iter().flatten();
        for line in lines.filter(|line| first <= **line && **line <= last) {
            out.insert(ChangedLine {
                path: file.path.clone(),
                line: *line,
                added,
                text: file.line(*line).unwrap_or("").trim().to_string(),
            });
        }
    }
}

fn spans(step: &Step) -> impl Iterator<Item = Span> {
    std::iter::once(step.place.span).chain(step.place.uses().map(|via| via.span))
}

/// Lines of files that the other revision does not have, whatever their indentation and their order.
fn only(files: &FileTable, others: &FileTable) -> BTreeMap<Arc<str>, BTreeSet<u32>> {
    let paths: BTreeSet<&str> = files.iter().map(|(_, f)| &*f.path).collect();
    let by_path: BTreeMap<&str, &SourceFile> = others.iter().map(|(_, f)| (&*f.path, f)).collect();
    // A file that is new here may be one that is gone there, under another name.
    let mut moved = BTreeMap::new();
    for (path, file) in &by_path {
        if !paths.contains(path) {
            count(file, &mut moved);
        }
    }
    let mut out = BTreeMap::new();
    for (_, file) in files.iter() {
        let mut left = match by_path.get(&*file.path) {
            Some(other) => {
                let mut left = BTreeMap::new();
                count(other, &mut left);
                left
            }
            None => moved.clone(),
        };
        let mut lines = BTreeSet::new();
        for (number, text) in (1..).zip(file.text.lines()) {
            let text = plain(text);
            match left.get_mut(&text) {
                Some(count) if *count > 0 => *count -= 1,
                _ if text.is_empty() => {}
                _ => {
                    lines.insert(number);
                }
            }
        }
        out.insert(file.path.clone(), lines);
    }
    out
}

fn count(file: &SourceFile, out: &mut BTreeMap<String, usize>) {
    for text in file.text.lines() {
        *out.entry(plain(text)).or_default() += 1;
    }
}

/// A line without its blanks.
fn plain(line: &str) -> String {
    line.split_whitespace().collect()
}
