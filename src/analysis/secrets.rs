//! Sensitive values in the sentences of a report: they took part, and are shown as `(sensitive)`.

use std::sync::Arc;

use crate::files::FileTable;
use crate::report::{Changes, Report};
use crate::rule::{Edit, Finding, ShownRequest, Step};

const SHOWN: &str = "(sensitive)";
/// Bytes below which a text tells nothing, and covering it would spoil others.
const SHORTEST: usize = 4;
/// Lines beside an edit that a difference shows.
const BESIDE: u32 = 3;

/// The texts that nothing prints.
pub struct Cover {
    /// The longest first, so that no part of one is left.
    secrets: Vec<Arc<str>>,
}

impl Cover {
    pub fn of(secrets: &[Arc<str>]) -> Cover {
        let long = |s: &&Arc<str>| s.len() >= SHORTEST && !matches!(&***s, "true" | "false");
        let mut secrets: Vec<Arc<str>> = secrets.iter().filter(long).cloned().collect();
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        secrets.dedup();
        Cover { secrets }
    }

    fn hides(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| text.contains(&**secret))
    }

    /// The text with `(sensitive)` in the place of each.
    pub fn text(&self, text: &str) -> String {
        let found = self
            .secrets
            .iter()
            .filter(|secret| text.contains(&***secret));
        found.fold(text.to_string(), |text, secret| {
            text.replace(&**secret, SHOWN)
        })
    }

    /// True where an edit, or a line that a difference shows around it, holds one: it is told in words only.
    fn hides_edit(&self, edit: &Edit, files: &FileTable) -> bool {
        let Some(file) = files.get(edit.span.file) else {
            return self.hides(&edit.replacement);
        };
        let first = file.line_column(edit.span.start).0.saturating_sub(BESIDE);
        let last = file.line_column(edit.span.end).0 + BESIDE;
        let lines = (first.max(1)..=last).filter_map(|line| file.line(line));
        self.hides(&edit.replacement) || lines.into_iter().any(|line| self.hides(line))
    }
}

/// Covers the texts wherever a report would print them.
pub fn cover(report: &mut Report, secrets: &[Arc<str>]) {
    let cover = Cover::of(secrets);
    if cover.secrets.is_empty() {
        return;
    }
    let shared = |text: &mut Arc<str>| {
        if cover.hides(text) {
            *text = cover.text(text).into();
        }
    };
    let own = |text: &mut String| *text = cover.text(text);
    for finding in &mut report.findings {
        cover_finding(finding, &shared, &own);
        if let Some(fix) = &mut finding.fix
            && fix.edits.iter().any(|e| cover.hides_edit(e, &report.files))
        {
            fix.edits.clear();
            fix.safe = false;
            fix.gains.clear();
        }
    }
    for upload in &mut report.decided {
        shared(&mut upload.caller);
        shared(&mut upload.bucket);
        shared(&mut upload.path);
        upload.hangs_on.iter_mut().for_each(shared);
    }
    for gap in &mut report.not_understood {
        shared(&mut gap.what);
        shared(&mut gap.why);
    }
    report.secrets = cover.secrets;
}

/// Covers the lines that a comparison of two revisions shows as causes.
pub fn cover_causes(changes: &mut Changes, earlier: &[Arc<str>], later: &[Arc<str>]) {
    let cover = Cover::of(&[earlier, later].concat());
    let causes = changes
        .uploads
        .iter_mut()
        .flat_map(|change| &mut change.causes);
    causes.for_each(|line| line.text = cover.text(&line.text));
}

fn cover_finding(finding: &mut Finding, shared: &dyn Fn(&mut Arc<str>), own: &dyn Fn(&mut String)) {
    let step = |step: &mut Step| {
        own(&mut step.text);
        step.label.iter_mut().for_each(own);
        shared(&mut step.address);
    };
    let request = |request: &mut ShownRequest| {
        own(&mut request.command);
        request
            .parameters
            .iter_mut()
            .for_each(|(_, value)| own(value));
        request.notes.iter_mut().for_each(own);
    };
    own(&mut finding.message);
    step(&mut finding.primary);
    finding.steps.iter_mut().for_each(step);
    for witness in &mut finding.callers {
        shared(&mut witness.address);
        shared(&mut witness.path);
        witness.refused.iter_mut().for_each(request);
        witness.passes.iter_mut().for_each(request);
    }
    shared(&mut finding.bucket);
    if let Some(fix) = &mut finding.fix {
        own(&mut fix.text);
        fix.gains.iter_mut().for_each(own);
    }
    own(&mut finding.fingerprint);
    finding.also.iter_mut().for_each(own);
}
