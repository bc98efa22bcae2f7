//! One upload, gate by gate: what `iaclint why` prints.

use std::sync::Arc;

use crate::decision::evaluate::evaluate;
use crate::decision::{AccountRelation, Decision, DenyKind, DenyReason, Element, Reading};
use crate::facts::{Caller, Estate};
use crate::policy::{PolicyType, StatementRef};
use crate::upload::attempt::{Journey, same_cause};
use crate::upload::calls::{Draft, s3_calls};
use crate::upload::decide::principal_of;
use crate::upload::{Cause, Route, Uploader, account};
use crate::value::Place;

/// What one gate said of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct GateLine {
    pub action: Arc<str>,
    /// `caller`, `endpoint`, `access point`, `bucket`, `key`, `organization`.
    pub gate: &'static str,
    pub refused: bool,
    pub place: Option<Place>,
    /// The statement and the element that decided.
    pub text: String,
}

/// The whole journey.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    pub lines: Vec<GateLine>,
    /// "allowed", or AWS's sentence of the first refusal.
    pub verdict: String,
    pub allowed: bool,
    /// What was read in favour of the upload.
    pub hangs_on: Vec<Arc<str>>,
}

/// Plays one upload of a declared caller, to the bucket's own name or through an access point of it.
pub fn why(
    estate: &Estate,
    caller: usize,
    bucket: usize,
    point: Option<usize>,
    route: Route,
    draft: &Draft,
) -> Option<Why> {
    let who: &Caller = estate.callers.get(caller)?;
    let target = estate.buckets.get(bucket)?;
    let uploader = Uploader::Declared(caller);
    let relation = account::between(&who.account, &target.account);
    let principal = principal_of(estate, &uploader);
    let journey = Journey::new(
        estate,
        uploader.clone(),
        principal,
        Some(who),
        target,
        route,
        relation,
    )
    .through(point);
    let played = journey.play(draft, Reading::Favourable);
    // Within an account either side may allow: the journey blames the one that comes nearer.
    let blamed = |reason: &DenyReason| {
        let cause = Cause::Policy {
            reason: reason.clone(),
            key: None,
        };
        played.causes.iter().any(|(c, _)| same_cause(c, &cause))
    };
    let mut lines = Vec::new();
    let mut hangs_on: Vec<Arc<str>> = Vec::new();
    let base = Arc::new(journey.base.clone());
    for call in s3_calls(&journey.principal, target, &base, draft) {
        let decisions = match &journey.through {
            Some(through) => {
                let (reading, world) = (Reading::Favourable, &journey.world);
                let (asked, _) = through.decide(&call, &draft.key, &journey.s3, reading, world);
                let sides = [
                    (PolicyType::AccessPoint, &through.set),
                    (PolicyType::Bucket, &journey.s3),
                ];
                asked.into_iter().zip(sides).collect()
            }
            None => {
                let decision = evaluate(&call, &journey.s3, Reading::Favourable, &journey.world);
                vec![(decision, (PolicyType::Bucket, &journey.s3))]
            }
        };
        for (decision, (resource, set)) in decisions {
            hangs_on.extend(decision.hangs_on.iter().cloned());
            let mut present = Vec::new();
            // The bucket behind an access point is asked for its own side.
            if resource == PolicyType::AccessPoint || journey.through.is_none() {
                present.push(PolicyType::Identity);
                present.extend(set.boundary.as_ref().map(|_| PolicyType::Boundary));
                if !set.scp.is_empty() {
                    present.push(PolicyType::Scp);
                }
            }
            present.extend(set.endpoint.as_ref().map(|_| PolicyType::Endpoint));
            if !set.rcp.is_empty() {
                present.push(PolicyType::Rcp);
            }
            present.push(resource);
            gate_lines(
                &call.action,
                &decision,
                &present,
                set.relation,
                set.resource.is_some(),
                &blamed,
                &mut lines,
            );
        }
    }
    let mut key_lines = Vec::new();
    for (cause, _) in &played.causes {
        match cause {
            Cause::Gate(gate) => lines.push(GateLine {
                action: "".into(),
                gate: "bucket",
                refused: true,
                place: None,
                text: setting(gate),
            }),
            Cause::Policy {
                reason,
                key: Some(_),
            } => key_lines.push(GateLine {
                action: reason.action.clone(),
                gate: "key",
                refused: true,
                place: near(reason).and_then(|s| s.get().map(|s| s.place.clone())),
                text: refusal(reason),
            }),
            Cause::Policy { .. } => {}
        }
    }
    if key_lines.is_empty() {
        let text = match crate::upload::gates::encrypts(estate, target, draft) {
            crate::upload::gates::Encrypts::WithoutKms => "no KMS key takes part".to_string(),
            crate::upload::gates::Encrypts::ManagedKey { .. } => {
                "the AWS managed key `aws/s3`".into()
            }
            crate::upload::gates::Encrypts::Key { key, .. } => estate
                .keys
                .get(key)
                .map_or_else(String::new, |k| format!("`{}` may be used", k.address)),
            crate::upload::gates::Encrypts::OpenKey => "a key whose policy is not at hand".into(),
            crate::upload::gates::Encrypts::Unknown => "the key is not known".into(),
        };
        key_lines.push(GateLine {
            action: "".into(),
            gate: "key",
            refused: false,
            place: None,
            text,
        });
    }
    lines.extend(key_lines);
    hangs_on.extend(played.hangs_on.iter().cloned());
    hangs_on.sort();
    hangs_on.dedup();
    let verdict = match played.causes.first() {
        None => "allowed".to_string(),
        Some((Cause::Policy { reason, .. }, _)) => format!("denied: {}", sentence(reason)),
        Some((Cause::Gate(gate), _)) => format!("denied: {}", setting(gate)),
    };
    Some(Why {
        lines,
        verdict,
        allowed: played.allowed,
        hangs_on,
    })
}

fn gate_lines(
    action: &Arc<str>,
    decision: &Decision,
    present: &[PolicyType],
    relation: AccountRelation,
    has_policy: bool,
    blamed: &dyn Fn(&DenyReason) -> bool,
    lines: &mut Vec<GateLine>,
) {
    for policy_type in present {
        let refusals: Vec<_> = decision
            .reasons
            .iter()
            .filter(|r| r.policy_type == *policy_type && blamed(r))
            .collect();
        let gate = match policy_type {
            PolicyType::Identity | PolicyType::Boundary | PolicyType::Session => "caller",
            PolicyType::Scp | PolicyType::Rcp => "organization",
            PolicyType::Endpoint => "endpoint",
            PolicyType::Bucket => "bucket",
            PolicyType::AccessPoint => "access point",
            PolicyType::Key => "key",
            PolicyType::Trust => continue,
        };
        for reason in &refusals {
            lines.push(GateLine {
                action: action.clone(),
                gate,
                refused: true,
                place: near(reason).and_then(|s| s.get().map(|s| s.place.clone())),
                text: refusal(reason),
            });
        }
        let spared = decision
            .reasons
            .iter()
            .any(|r| r.policy_type == *policy_type && !blamed(r));
        if !refusals.is_empty() {
            continue;
        }
        let allowing = decision.allowing.iter().find(|(t, _)| t == policy_type);
        let (place, text) = match (allowing, policy_type) {
            (Some((_, statement)), _) => (
                statement.get().map(|s| s.place.clone()),
                statement.get().map_or_else(String::new, |s| {
                    format!("{}, {}", policy_type.name(), s.label())
                }),
            ),
            (None, PolicyType::Bucket | PolicyType::Identity) if spared && has_policy => (
                None,
                format!(
                    "no {} allows it; within an account one side is enough",
                    policy_type.name()
                ),
            ),
            (None, PolicyType::AccessPoint) if !has_policy => (None, "no policy of its own".into()),
            (None, PolicyType::Bucket) if !has_policy => {
                let same = if relation == AccountRelation::Same {
                    "; same account"
                } else {
                    ""
                };
                (None, format!("no bucket policy{same}"))
            }
            (None, PolicyType::Bucket) => {
                (None, "no statement of the bucket policy refuses".into())
            }
            (None, PolicyType::Identity) => (None, "not needed, or not at hand".into()),
            (None, other) => (
                None,
                format!("no statement of the {} refuses", other.name()),
            ),
        };
        lines.push(GateLine {
            action: action.clone(),
            gate,
            refused: false,
            place,
            text,
        });
    }
}

fn near(reason: &DenyReason) -> Option<&StatementRef> {
    match &reason.kind {
        DenyKind::Explicit { statement, .. } => Some(statement),
        DenyKind::Implicit {
            nearest,
            delegated_by,
            ..
        } => nearest
            .first()
            .map(|n| &n.statement)
            .or(delegated_by.as_ref()),
    }
}

fn sentence(reason: &DenyReason) -> String {
    let policy = reason.policy_type.name();
    match &reason.kind {
        DenyKind::Explicit { .. } => format!("explicit deny in the {policy}"),
        DenyKind::Implicit { .. } => format!("no {policy} allows the {} action", reason.action),
    }
}

fn refusal(reason: &DenyReason) -> String {
    match &reason.kind {
        DenyKind::Explicit {
            statement,
            deciding,
        } => {
            let Some(s) = statement.get() else {
                return String::new();
            };
            let tests: Vec<String> = crate::upload::blame::tests(s, deciding)
                .iter()
                .map(|t| {
                    let never = t
                        .key
                        .as_literal()
                        .is_some_and(|k| crate::upload::blame::never_carried(reason, k));
                    let never = match never {
                        true => format!(" (which no {} request carries)", reason.action),
                        false => String::new(),
                    };
                    format!("{} on {}{never}", t.written, t.key.display())
                })
                .collect();
            let because = if tests.is_empty() {
                String::new()
            } else {
                format!(": {} holds", tests.join(" and "))
            };
            format!("{} denies{because}", s.label())
        }
        DenyKind::Implicit { nearest, .. } => match nearest.first() {
            Some(n) => {
                let Some(s) = n.statement.get() else {
                    return String::new();
                };
                let failed: Vec<String> = n.failed.iter().map(|e| element(s, *e)).collect();
                let misses = match crate::upload::blame::misses(reason) {
                    none if none.is_empty() => none,
                    words => format!(": {words}"),
                };
                format!(
                    "{} comes nearest: {} not match{misses}",
                    s.label(),
                    join(&failed)
                )
            }
            None => format!("no {} allows it", reason.policy_type.name()),
        },
    }
}

fn join(words: &[String]) -> String {
    match words {
        [] => "it does".into(),
        [one] => format!("{one} does"),
        many => format!("{} do", many.join(" and ")),
    }
}

fn element(statement: &crate::policy::Statement, element: Element) -> String {
    let list = |patterns: &[crate::policy::PlacedText]| {
        let shown: Vec<String> = patterns.iter().take(4).map(|p| p.text.display()).collect();
        shown.join(", ")
    };
    match element {
        Element::Principal => "the principal".into(),
        Element::Action => format!("the action ({})", list(&statement.actions.patterns)),
        Element::Resource => match &statement.resources {
            Some(resources) => format!("the resource ({})", list(&resources.patterns)),
            None => "the resource".into(),
        },
        Element::Condition(i) => match statement.conditions.get(i) {
            Some(test) => format!(
                "{} on {} ({})",
                test.written,
                test.key.display(),
                list(&test.values)
            ),
            None => "a condition".into(),
        },
        Element::Guard => "its template condition".into(),
    }
}

/// A setting's refusal, for this floor's own lines.
pub fn setting(gate: &crate::upload::Gate) -> String {
    use crate::upload::Gate;
    match gate {
        Gate::AclsDisabled { acl, .. } => {
            format!("ACLs are disabled; `{}` is not accepted", acl.display())
        }
        Gate::PublicAclBlocked { acl, .. } => {
            format!("Block Public Access refuses `{}`", acl.display())
        }
        Gate::ManagedKey { .. } => "`aws/s3` serves only principals of its own account".into(),
        Gate::KeyDisabled { .. } => "the key is disabled".into(),
        Gate::KeyNotSymmetric { .. } => "the key is not a symmetric encryption key".into(),
        Gate::KeyRegion { .. } => "the key lies in another Region".into(),
        Gate::AccessPointNotDelegated { .. } => {
            "the bucket delegates nothing to the access point".into()
        }
        Gate::CopyFromOtherRegion { .. } => "the source lies in another Region".into(),
        Gate::AccessPointOutsideVpc { .. } => {
            "the access point accepts only requests from its own VPC".into()
        }
        Gate::SseCBlocked { .. } => "the bucket blocks customer-provided keys".into(),
        Gate::ServiceNeedsSseS3 { .. } => "the service supports SSE-S3 only".into(),
        Gate::KeyNamedLocally { .. } => "the default key is named without its ARN".into(),
        Gate::PublicPolicyRestricted { .. } => {
            "RestrictPublicBuckets cuts other accounts off".into()
        }
        Gate::BucketAclDisabled { .. } => "the bucket's ACL cannot be put".into(),
        Gate::PublicPolicyBlocked { .. } => "the public policy cannot be put".into(),
        Gate::ServiceNeedsNoLock { .. } => "the service does not support Object Lock".into(),
        Gate::ServiceTarget { requirement, .. } => format!("the service needs {requirement}"),
    }
}
