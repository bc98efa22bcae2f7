//! Sensitive values in the sentences of a report: they took part, and are shown as `(sensitive)`.

use std::sync::Arc;

use crate::report::Report;
use crate::rule::{Finding, ShownRequest, Step};

const SHOWN: &str = "(sensitive)";
/// Bytes below which a text tells nothing, and covering it would spoil others.
const SHORTEST: usize = 3;

/// Covers the texts wherever a report would print them.
pub fn cover(report: &mut Report, secrets: &[Arc<str>]) {
    let mut secrets: Vec<&str> = secrets
        .iter()
        .map(|secret| &**secret)
        .filter(|secret| secret.len() >= SHORTEST && !matches!(*secret, "true" | "false"))
        .collect();
    if secrets.is_empty() {
        return;
    }
    // The longest first, so that no part of one is left.
    secrets.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    secrets.dedup();
    let covered = |text: &str| {
        let found = secrets.iter().filter(|secret| text.contains(**secret));
        found.fold(text.to_string(), |text, secret| {
            text.replace(*secret, SHOWN)
        })
    };
    let shared = |text: &mut Arc<str>| {
        if secrets.iter().any(|secret| text.contains(*secret)) {
            *text = covered(text).into();
        }
    };
    let own = |text: &mut String| *text = covered(text);
    for finding in &mut report.findings {
        cover_finding(finding, &shared, &own);
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
