//! Uploads with other headers than the plain ones, where the sources show or mean them (architecture, "Outcomes").
//!
//! Evidence is by value: an action granted by its full name, a string of the workload that is a canned ACL or a
//! lifecycle rule's tag set, a key prefix that equals a granted one but for slashes. Names of variables say nothing.

use std::sync::Arc;

use crate::decision::{Match, Reading};
use crate::facts::Workload;
use crate::outcome::Outcome;
use crate::pattern::{self, PatternOptions};
use crate::policy::{Effect, StatementRef};
use crate::upload::attempt::{Journey, Played};
use crate::upload::calls::{Draft, Sent, object_arn, unknown_text};
use crate::upload::decide::{NO_REPLAY, level};
use crate::upload::headers::{self, CANNED_ACLS};
use crate::upload::pairs::Pair;
use crate::upload::{Confidence, Decided, Denial, Evidence, EvidenceKind, Path, witness};
use crate::value::{Piece, Place, Text};

/// Adds the denials of the shapes that this upload's sources mean. The default upload passes.
pub fn decide(journey: &Journey<'_>, pair: &Pair, path: &Path, plain: &Draft, out: &mut Decided) {
    for (drafts, evidence) in meant(journey, plain) {
        let mut refused: Option<(Draft, Played)> = None;
        let mut passes = false;
        for draft in drafts {
            let played = journey.play(&draft, Reading::Favourable);
            if played.allowed {
                passes = true;
                break;
            }
            if refused
                .as_ref()
                .is_none_or(|(_, r)| played.causes.len() < r.causes.len())
            {
                refused = Some((draft, played));
            }
        }
        let (false, Some((draft, played))) = (passes, refused) else {
            continue;
        };
        let way = witness::passing(journey, plain);
        let again = witness::Replay::new(journey, &draft, Reading::Favourable);
        for (cause, confidence) in played.causes {
            let Some(shown) = again.refused(&cause) else {
                out.hangs_on.push(NO_REPLAY.into());
                continue;
            };
            out.denials.push(Denial {
                cause,
                outcome: Outcome::ShapeDenied,
                level: level(
                    Outcome::ShapeDenied,
                    confidence.min(Confidence::Medium),
                    path,
                    pair,
                ),
                evidence: Some(evidence.clone()),
                behind: Vec::new(),
                refused: shown,
                passes: way.clone(),
                provisos: Vec::new(),
                proviso: None,
            });
        }
        out.outcome = Outcome::ShapeDenied;
    }
}

/// Shapes that are meant: alternatives of one shape, with the evidence. A shape is refused if all of them are.
fn meant(journey: &Journey<'_>, plain: &Draft) -> Vec<(Vec<Draft>, Evidence)> {
    let mut out = Vec::new();
    let strings = strings(journey);
    let acl_granted = named_action(journey, plain, &["s3:PutObjectAcl"]);
    let acl_strings: Vec<&(Arc<str>, Text, Place)> = strings
        .iter()
        .filter(|(_, text, _)| {
            text.as_literal().is_some_and(|t| {
                CANNED_ACLS.contains(&t) && (t != "private" || acl_granted.is_some())
            })
        })
        .collect();
    let with_acl = |value: &str| {
        let mut draft = plain.clone();
        draft.set(headers::ACL, Sent::Value(Text::literal(value)));
        draft
    };
    if let Some((address, _, place)) = acl_strings.first() {
        let drafts = acl_strings
            .iter()
            .filter_map(|(_, t, _)| t.as_literal().map(&with_acl))
            .collect();
        out.push((
            drafts,
            intent(
                place,
                address,
                "the workload's configuration holds this canned ACL",
            ),
        ));
    } else if let Some((statement, place)) = &acl_granted {
        let drafts = CANNED_ACLS.iter().map(|a| with_acl(a)).collect();
        out.push((
            drafts,
            intent(
                place,
                &statement.policy.address,
                "granted by name, so uploads with an ACL are meant",
            ),
        ));
    }
    tags(journey, plain, &strings, &mut out);
    for (action, header) in [
        ("s3:PutObjectRetention", headers::LOCK_MODE),
        ("s3:PutObjectLegalHold", headers::LEGAL_HOLD),
    ] {
        if let Some((statement, place)) = named_action(journey, plain, &[action]) {
            let values: &[&str] = if header == headers::LOCK_MODE {
                &["GOVERNANCE", "COMPLIANCE"]
            } else {
                &["ON", "OFF"]
            };
            let drafts = values
                .iter()
                .map(|value| {
                    let mut draft = plain.clone();
                    draft.set(header, Sent::Value(Text::literal(*value)));
                    if header == headers::LOCK_MODE {
                        draft.set(
                            headers::LOCK_DATE,
                            Sent::Value(unknown_text("the date until which to retain")),
                        );
                    }
                    draft
                })
                .collect();
            out.push((
                drafts,
                intent(
                    &place,
                    &statement.policy.address,
                    "granted by name, so uploads with lock headers are meant",
                ),
            ));
        }
    }
    let parts = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
    if let Some((statement, place)) = named_action(journey, plain, &parts) {
        let mut draft = plain.clone();
        draft.multipart = true;
        out.push((
            vec![draft],
            intent(
                &place,
                &statement.policy.address,
                "granted by name, so multipart uploads are meant",
            ),
        ));
    }
    prefixes(journey, plain, &strings, &mut out);
    out
}

fn intent(place: &Place, address: &Arc<str>, text: &str) -> Evidence {
    Evidence {
        kind: EvidenceKind::Intent,
        place: place.clone(),
        text: text.into(),
        address: address.clone(),
    }
}

fn tags(
    journey: &Journey<'_>,
    plain: &Draft,
    strings: &[(Arc<str>, Text, Place)],
    out: &mut Vec<(Vec<Draft>, Evidence)>,
) {
    for (set, _, _) in &journey.bucket.lifecycle_tags {
        let written = set
            .iter()
            .map(|(k, v)| format!("{}={}", k.display(), v.display()))
            .collect::<Vec<_>>()
            .join("&");
        let Some((address, _, place)) = strings
            .iter()
            .find(|(_, text, _)| text.as_literal().is_some_and(|t| t == written))
        else {
            continue;
        };
        let mut draft = plain.clone();
        draft.tags = Some(
            set.iter()
                .map(|(k, v)| (Arc::from(k.display()), v.clone()))
                .collect(),
        );
        let text = "the workload's configuration holds the tag set that a lifecycle rule of the bucket filters on";
        out.push((vec![draft], intent(place, address, text)));
        return;
    }
    if let Some((statement, place)) = named_action(journey, plain, &["s3:PutObjectTagging"]) {
        let mut draft = plain.clone();
        draft.tags = Some(vec![("key".into(), unknown_text("a tag's value"))]);
        out.push((
            vec![draft],
            intent(
                &place,
                &statement.policy.address,
                "granted by name, so uploads with tags are meant",
            ),
        ));
    }
}

/// A key prefix in the workload that equals a granted one but for slashes at its ends, and is not granted itself.
fn prefixes(
    journey: &Journey<'_>,
    plain: &Draft,
    strings: &[(Arc<str>, Text, Place)],
    out: &mut Vec<(Vec<Draft>, Evidence)>,
) {
    let mut stem = Text::from_pieces(journey.bucket.arn.pieces().iter().cloned());
    stem.push_str("/");
    for policy in &journey.s3.identity.policies {
        for statement in policy
            .statements
            .iter()
            .filter(|s| s.effect == Effect::Allow)
        {
            let Some(resources) = &statement.resources else {
                continue;
            };
            for pattern in &resources.patterns {
                let Some(granted) = strip(&pattern.text, &stem) else {
                    continue;
                };
                let granted = granted.trim_end_matches('*').to_string();
                let bare = granted.trim_matches('/');
                if bare.is_empty() || bare.contains(['*', '?']) {
                    continue;
                }
                for (address, text, place) in strings {
                    let Some(literal) = text.as_literal() else {
                        continue;
                    };
                    if literal.trim_matches('/') != bare || literal.trim_matches('/').is_empty() {
                        continue;
                    }
                    let mut draft = plain.clone();
                    let key = format!("{}/x", literal.trim_end_matches('/'));
                    draft.key = Some(Text::literal(key));
                    let text = "the workload's configuration holds this key prefix";
                    out.push((vec![draft], intent(place, address, text)));
                }
            }
        }
    }
}

/// What follows `stem` in `text`, where all of the rest is literal.
fn strip(text: &Text, stem: &Text) -> Option<String> {
    let display = |t: &Text| {
        let mut out = String::new();
        for piece in t.pieces() {
            match piece {
                Piece::Literal(l) => out.push_str(l),
                Piece::Unknown(u) => {
                    out.push_str(&format!("\u{1}{}\u{1}", u.symbol.as_ref()?.display()))
                }
            }
        }
        Some(out)
    };
    let (text, stem) = (display(text)?, display(stem)?);
    let rest = text.strip_prefix(&stem)?;
    (!rest.contains('\u{1}')).then(|| rest.to_string())
}

fn strings(journey: &Journey<'_>) -> Vec<(Arc<str>, Text, Place)> {
    let workloads: &[Workload] = journey
        .caller
        .map(|c| c.workloads.as_slice())
        .unwrap_or_default();
    workloads
        .iter()
        .filter(|w| journey.world.all(&w.guards) != Match::No)
        .flat_map(|w| {
            w.strings
                .iter()
                .map(|(text, place)| (w.address.clone(), text.clone(), place.clone()))
        })
        .collect()
}

/// A statement that grants one of the actions by its full name on objects of this bucket, with the place of the name.
fn named_action(
    journey: &Journey<'_>,
    plain: &Draft,
    actions: &[&str],
) -> Option<(StatementRef, Place)> {
    let object = object_arn(&journey.bucket, &plain.key);
    for policy in &journey.s3.identity.policies {
        for (position, statement) in policy.statements.iter().enumerate() {
            if statement.effect != Effect::Allow || statement.actions.negated {
                continue;
            }
            let Some(name) = statement.actions.patterns.iter().find(|p| {
                p.text
                    .as_literal()
                    .is_some_and(|t| actions.iter().any(|a| a.eq_ignore_ascii_case(t)))
            }) else {
                continue;
            };
            let Some(resources) = &statement.resources else {
                continue;
            };
            // A grant on everything does not speak of this bucket.
            let reaches = !resources.negated
                && resources.patterns.iter().any(|p| {
                    p.text.as_literal() != Some("*")
                        && pattern::arn_matches(&p.text, &object, &PatternOptions::GLOB)
                            == Match::Yes
                });
            if reaches {
                return Some((
                    StatementRef {
                        policy: policy.clone(),
                        position,
                    },
                    name.place.clone(),
                ));
            }
        }
    }
    None
}
