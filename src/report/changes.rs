//! What a change did to uploads, and which suppressions it brings, in sentences that every format shares.

use crate::report::plain::{sanitize, shorten};
use crate::report::{Change, Report, Suppression, place};
use crate::rule::Outcome;

/// Sentences of one kind that a report shows.
const SHOWN: usize = 50;

/// `aws_iam_role.etl` can no longer write to `reports`.
pub fn sentence(change: &Change) -> String {
    let (caller, bucket) = (sanitize(&change.caller), sanitize(&change.bucket));
    let by = match &*change.path {
        "" | "internet" => String::new(),
        path => format!(", through `{}`", sanitize(path)),
    };
    let passed = matches!(change.before, Some(Outcome::Allowed | Outcome::Depends));
    let what = match (change.after, passed) {
        (Outcome::Allowed | Outcome::Depends, _) => {
            return format!("`{caller}` can write to `{bucket}` now{by}");
        }
        (Outcome::AlwaysDenied | Outcome::ServiceDeliveryDenied, true) => "can no longer write to",
        (Outcome::AlwaysDenied | Outcome::ServiceDeliveryDenied, false) => "cannot write to",
        (Outcome::DefaultDenied, true) => "can no longer make a plain upload to",
        (Outcome::DefaultDenied, false) => "cannot make a plain upload to",
        (Outcome::ShapeDenied, true) => "can no longer make every upload that it needs to",
        (Outcome::ShapeDenied, false) => "cannot make every upload that it needs to",
        (Outcome::OtherFailure, _) => "fails to write to",
    };
    format!("`{caller}` {what} `{bucket}`{by} ({})", change.rule)
}

/// The sentences, each with its lines: `+path:line text`, `-path:line text`.
pub fn lines(report: &Report) -> Vec<(String, Vec<String>)> {
    let Some(changes) = &report.changes else {
        return Vec::new();
    };
    let mut out: Vec<(String, Vec<String>)> = changes
        .uploads
        .iter()
        .take(SHOWN)
        .map(|change| {
            let causes = change.causes.iter().map(|cause| {
                format!(
                    "{}{}:{}  {}",
                    if cause.added { '+' } else { '-' },
                    sanitize(&place::repository_path(report, &cause.path)),
                    cause.line,
                    shorten(&sanitize(&cause.text), 120)
                )
            });
            (sentence(change), causes.collect())
        })
        .collect();
    let left = changes.uploads.len().saturating_sub(SHOWN);
    if left > 0 {
        out.push((format!("{left} more uploads changed"), Vec::new()));
    }
    out
}

/// The suppressions that a change brings and that do not count yet.
pub fn new_suppressions(report: &Report) -> Vec<String> {
    let new: Vec<&Suppression> = report.suppressions.iter().filter(|s| !s.counts).collect();
    let mut out: Vec<String> = new
        .iter()
        .take(SHOWN)
        .map(|s| {
            let at = place::position(report, s.span).map_or_else(String::new, |p| {
                format!("{}:{}: ", place::repository_path(report, &p.path), p.line)
            });
            let reason = match s.reason.as_str() {
                "" => "no reason given",
                reason => reason,
            };
            let holds = match s.silenced.len() {
                0 => String::new(),
                1 => ", would silence 1 finding".to_string(),
                n => format!(", would silence {n} findings"),
            };
            let line = format!("{at}{} ({reason}{holds})", s.rules.join(", "));
            shorten(&sanitize(&line), 300)
        })
        .collect();
    if new.len() > SHOWN {
        out.push(format!("{} more", new.len() - SHOWN));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_sentence() {
        let change = |before, after| Change {
            caller: "aws_iam_role.etl".into(),
            bucket: "reports".into(),
            path: "internet".into(),
            before,
            after,
            rule: "bucket-policy-denies-upload",
            causes: Vec::new(),
        };
        for (before, after, expected) in [
            (
                Some(Outcome::Allowed),
                Outcome::AlwaysDenied,
                "`aws_iam_role.etl` can no longer write to `reports` (bucket-policy-denies-upload)",
            ),
            (
                None,
                Outcome::DefaultDenied,
                "`aws_iam_role.etl` cannot make a plain upload to `reports` (bucket-policy-denies-upload)",
            ),
            (
                Some(Outcome::AlwaysDenied),
                Outcome::Allowed,
                "`aws_iam_role.etl` can write to `reports` now",
            ),
        ] {
            assert_eq!(sentence(&change(before, after)), expected);
        }
    }
}
