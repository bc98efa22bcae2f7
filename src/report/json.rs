//! The versioned JSON of a run; what a field means is part of the command line's contract.

use serde_json::{Value as Json, json};

use crate::report::plain::escape_json;
use crate::report::{Change, Report, changes, place};
use crate::rule::{Finding, Fix, ShownRequest, Step, Witness};
use crate::source::GapKind;
use crate::value::Span;

/// Raised when a field changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// The whole report, indented, with a line break at its end.
pub fn render(report: &Report) -> String {
    let document = json!({
        "version": VERSION,
        "findings": report.findings.iter().map(|f| finding(report, f)).collect::<Vec<_>>(),
        "decided": report.decided.iter().map(|d| json!({
            "caller": &*d.caller,
            "bucket": &*d.bucket,
            "path": &*d.path,
            "outcome": d.outcome.name(),
            "hangs_on": d.hangs_on.iter().map(|h| &**h).collect::<Vec<_>>(),
            "environments": d.environments.iter().map(|e| &**e).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "not_understood": report.not_understood.iter().map(|gap| json!({
            "what": &*gap.what,
            "why": &*gap.why,
            "kind": gap_kind(gap.kind),
            "location": gap.place.as_ref().and_then(|p| location(report, p.span)).or_else(|| {
                gap.path.as_ref().map(|path| json!({ "path": &**path }))
            }),
        })).collect::<Vec<_>>(),
        "unused": report.unused.iter().map(|gap| json!({
            "what": &*gap.what,
            "why": &*gap.why,
        })).collect::<Vec<_>>(),
        "environments": report.environments.iter().map(|e| &**e).collect::<Vec<_>>(),
        "silenced": report.silenced,
        "suppressions": report.suppressions.iter().map(|s| json!({
            "rules": s.rules,
            "reason": s.reason,
            "location": location(report, s.span),
            "silences": s.silenced,
            "counts": s.counts,
        })).collect::<Vec<_>>(),
        "changes": report.changes.as_ref().map(|changes| json!({
            "since": changes.since,
            "uploads": changes.uploads.iter().map(|c| change(report, c)).collect::<Vec<_>>(),
        })),
        "joined": report.joined.iter().map(|j| json!({
            "repository": &*j.repository,
            "callers": j.read.callers,
            "buckets": j.read.buckets,
            "endpoints": j.read.endpoints,
            "keys": j.read.keys,
        })).collect::<Vec<_>>(),
        "read": {
            "files": report.read.files,
            "callers": report.read.callers,
            "buckets": report.read.buckets,
            "endpoints": report.read.endpoints,
            "keys": report.read.keys,
            "policies": report.read.policies,
            "policies_understood": report.read.policies_understood,
        },
    });
    escape_json(format!("{document:#}\n"))
}

fn change(report: &Report, change: &Change) -> Json {
    json!({
        "caller": &*change.caller,
        "bucket": &*change.bucket,
        "path": &*change.path,
        "before": change.before.map(|b| b.name()),
        "after": change.after.name(),
        "rule": change.rule,
        "text": changes::sentence(change),
        "causes": change.causes.iter().map(|line| json!({
            "path": place::repository_path(report, &line.path),
            "line": line.line,
            "added": line.added,
            "text": line.text,
        })).collect::<Vec<_>>(),
    })
}

fn gap_kind(kind: GapKind) -> &'static str {
    match kind {
        GapKind::Syntax => "syntax",
        GapKind::Reading => "reading",
        GapKind::Missing => "missing",
        GapKind::Unsupported => "unsupported",
        GapKind::Unknown => "unknown",
        GapKind::Undecided => "undecided",
    }
}

fn finding(report: &Report, finding: &Finding) -> Json {
    json!({
        "rule": finding.rule,
        "level": finding.level.name(),
        "outcome": finding.outcome.name(),
        "message": finding.message,
        "location": location(report, finding.primary.place.span),
        "primary": step(report, &finding.primary),
        "steps": finding.steps.iter().map(|s| step(report, s)).collect::<Vec<_>>(),
        "callers": callers(finding),
        "bucket": &*finding.bucket,
        "fix": finding.fix.as_ref().map(|f| fix(report, f)),
        "fingerprint": finding.fingerprint,
        "also": finding.also,
        "environments": finding.environments.iter().map(|e| &**e).collect::<Vec<_>>(),
    })
}

/// The callers of a finding, the witness first.
pub fn callers(finding: &Finding) -> Vec<Json> {
    finding
        .callers
        .iter()
        .map(
            |Witness {
                 address,
                 path,
                 refused,
                 passes,
                 environments,
             }| {
                json!({
                    "address": &**address,
                    "path": &**path,
                    "refused": refused.as_ref().map(request),
                    "passes": passes.as_ref().map(request),
                    "environments": environments.iter().map(|e| &**e).collect::<Vec<_>>(),
                })
            },
        )
        .collect()
}

fn request(request: &ShownRequest) -> Json {
    let parameters: serde_json::Map<String, Json> = request
        .parameters
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value)))
        .collect();
    json!({ "command": request.command, "parameters": parameters, "notes": request.notes })
}

fn step(report: &Report, step: &Step) -> Json {
    let calls: Vec<Json> = step
        .place
        .module_calls()
        .into_iter()
        .map(|(address, span)| json!({ "address": address, "location": location(report, span) }))
        .collect();
    json!({
        "location": location(report, step.place.span),
        "text": step.text,
        "label": step.label,
        "address": &*step.address,
        "module_calls": calls,
    })
}

fn fix(report: &Report, fix: &Fix) -> Json {
    json!({
        "text": fix.text,
        "safe": fix.safe,
        "gains": fix.gains,
        "edits": fix.edits.iter().map(|edit| json!({
            "location": location(report, edit.span),
            "replacement": edit.replacement,
        })).collect::<Vec<_>>(),
    })
}

fn location(report: &Report, span: Span) -> Option<Json> {
    let at = place::position(report, span)?;
    let path = match &at.repository {
        Some(_) => at.path.clone(),
        None => place::repository_path(report, &at.path),
    };
    let mut out = json!({
        "path": path,
        "line": at.line,
        "column": at.column,
        "end_line": at.end_line,
        "end_column": at.end_column,
    });
    // Only a place elsewhere names its repository.
    if let (Some(repository), Some(out)) = (at.repository, out.as_object_mut()) {
        out.insert("repository".into(), json!(repository));
    }
    Some(out)
}
