//! Traps of policy documents that refuse no upload by themselves: forms that AWS does not store, statements that
//! never match, names that nobody knows. Each is told once, and not where a refused upload tells it already.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::facts::{AttachedPolicy, Estate, Policies};
use crate::pattern::{self, Match, PatternOptions};
use crate::policy::{
    ConditionOperator, ConditionTest, Effect, FaultKind, PlacedText, Policy, PolicyFault,
    PolicyType, PrincipalKind, SetOperator, Statement, actions,
};
use crate::rule::finding::Found;
use crate::rule::{Finding, Fix, Level, Outcome, Proposal, Step};
use crate::source::edit::{Change, Written};
use crate::upload::decide::Judged;
use crate::value::{Place, ScopeId, Span};

/// The traps of every document of the estate whose scope is judged; `known` are the refused uploads, whose
/// statements are not told again.
pub fn findings(
    estate: &Estate,
    known: &[Found<Finding>],
    judged: &Judged<'_>,
) -> Vec<Found<Finding>> {
    let told: BTreeSet<Span> = known
        .iter()
        .flat_map(|f| std::iter::once(&f.what.primary).chain(&f.what.steps))
        .map(|step| step.place.span)
        .collect();
    let mut out: Vec<Found<Finding>> = Vec::new();
    let mut seen = BTreeSet::new();
    for (scope, policy) in documents(estate) {
        if !judged(&[scope]) {
            continue;
        }
        let mut add = |finding: Finding| {
            let kin = format!("{}\u{0}{:?}", finding.rule, finding.primary.place.span);
            if seen.insert((kin.clone(), finding.message.clone())) {
                out.push(Found {
                    what: finding,
                    scopes: BTreeSet::from([scope]),
                    kin,
                });
            }
        };
        // Documents of AWS are right.
        if policy.address.starts_with("arn:") {
            continue;
        }
        for fault in &policy.faults {
            if let Some(finding) = refused_form(policy, fault) {
                add(finding);
            }
        }
        for statement in &policy.statements {
            if told.contains(&statement.place.span) || !statement.guards.is_empty() {
                continue;
            }
            for finding in misspelt(policy, statement) {
                add(finding);
            }
            if let Some(finding) = never_matches(policy, statement) {
                add(finding);
            }
            let deny = policy
                .statements
                .iter()
                .find(|deny| !told.contains(&deny.place.span) && covers(policy, deny, statement));
            if let Some(deny) = deny {
                add(covered(policy, statement, deny));
            }
        }
    }
    out
}

/// Every document that the estate attaches to somebody, with the scope of who that is.
fn documents(estate: &Estate) -> impl Iterator<Item = (ScopeId, &Arc<Policy>)> {
    let callers = estate.callers.iter().flat_map(|c| {
        let held = std::iter::once(&c.identity).chain(&c.boundary);
        held.map(|p| (c.scope, p))
    });
    let buckets = estate
        .buckets
        .iter()
        .filter_map(|b| Some((b.scope, b.policy.as_ref()?)));
    let points = estate
        .access_points
        .iter()
        .filter_map(|a| Some((a.scope, a.policy.as_ref()?)));
    let keys = estate
        .keys
        .iter()
        .filter_map(|k| Some((k.scope, k.policy.as_ref()?)));
    let endpoints = estate
        .endpoints
        .iter()
        .filter_map(|e| Some((e.scope, e.policy.as_ref()?)));
    let attached = callers
        .chain(buckets)
        .chain(points)
        .chain(keys)
        .chain(endpoints)
        .flat_map(|(scope, p): (ScopeId, &Policies)| {
            p.attached
                .iter()
                .map(move |a: &AttachedPolicy| (scope, &a.policy))
        });
    attached.chain(estate.organization.iter().map(|o| (o.scope, &o.policy)))
}

fn finding(
    rule: &'static str,
    level: Level,
    policy: &Policy,
    place: &Place,
    message: String,
    label: String,
    fix: Fix,
) -> Finding {
    let outcome = match level {
        Level::Note => Outcome::Allowed,
        Level::Warning | Level::Error => Outcome::OtherFailure,
    };
    Finding {
        rule,
        level,
        outcome,
        fingerprint: super::finding::digest(&[rule, &policy.address, &message]),
        message,
        primary: Step {
            place: place.clone(),
            text: label.clone(),
            label: Some(label),
            address: policy.address.clone(),
        },
        steps: Vec::new(),
        callers: Vec::new(),
        bucket: "".into(),
        fix: Some(fix),
        also: Vec::new(),
        environments: Vec::new(),
        only_with: None,
    }
}

fn explained(text: impl Into<String>) -> Fix {
    Fix {
        text: text.into(),
        edits: Vec::new(),
        safe: false,
        gains: Vec::new(),
        proposals: Vec::new(),
    }
}

/// A form that AWS does not store (spec 1.8).
fn refused_form(policy: &Policy, fault: &PolicyFault) -> Option<Finding> {
    let detail = &*fault.detail;
    // A name that is not known stands for the rest of a map.
    if detail.starts_with('\u{0}') {
        return None;
    }
    let identity = policy.policy_type == PolicyType::Identity;
    let bucket = policy.policy_type == PolicyType::Bucket;
    let (why, mend) = match fault.kind {
        FaultKind::PrincipalForbidden if identity => (
            "MalformedPolicyDocument: Policy document should not specify a principal".to_string(),
            "remove `Principal`: the policy speaks of whoever holds it",
        ),
        FaultKind::PrincipalMissing if bucket => (
            "MalformedPolicy: Missing required field Principal".into(),
            "name the principals that the statement is for",
        ),
        FaultKind::PrincipalWildcard => (
            format!("MalformedPolicy: Invalid principal in policy: `{detail}` has a wildcard"),
            "name the principal in full, or admit `\"*\"` under a condition on `aws:PrincipalArn`",
        ),
        FaultKind::DuplicateKey => (
            format!(
                "`{detail}` is written twice in one object: AWS refuses it, or the last one alone counts"
            ),
            "join the two into one",
        ),
        // The grammar has no `Id` here, but such policies are in wide use and stored.
        FaultKind::IdForbidden => return None,
        FaultKind::PrincipalForbidden
        | FaultKind::PrincipalMissing
        | FaultKind::UnknownEffect
        | FaultKind::UnknownOperator
        | FaultKind::UnknownElement
        | FaultKind::ElementMissing
        | FaultKind::UnknownVersion => return None,
    };
    Some(finding(
        "policy-form-is-refused",
        Level::Warning,
        policy,
        &fault.place,
        format!(
            "the policy of `{}` cannot be stored as it is: {why}",
            policy.address
        ),
        why,
        explained(mend),
    ))
}

/// Names of actions and keys that differ from a documented one by a slip.
fn misspelt(policy: &Policy, statement: &Statement) -> Vec<Finding> {
    let mut out = Vec::new();
    let mut tell = |kind: &str, written: &str, meant: &str, place: &Place| {
        let what = format!("`{written}` is no {kind} that AWS documents; `{meant}` is the nearest");
        out.push(finding(
            "statement-misspells-name",
            Level::Note,
            policy,
            place,
            format!("{} of `{}`: {what}", statement.label(), policy.address),
            what.clone(),
            Fix {
                proposals: vec![Proposal {
                    change: Change::Replace {
                        at: place.clone(),
                        with: Written::Text(meant.into()),
                    },
                    text: None,
                    within: statement.place.clone(),
                    document: policy.place.clone(),
                    was: Some(written.into()),
                    // What is meant is a guess, and an Allow would grant it.
                    shares: match statement.effect {
                        Effect::Allow => vec![format!("whom the statement allows `{meant}`")],
                        Effect::Deny => Vec::new(),
                    },
                }],
                ..explained(format!("write `{meant}`, if that is meant"))
            },
        ));
    };
    for action in &statement.actions.patterns {
        let Some(written) = action.text.as_literal() else {
            continue;
        };
        if let Some(meant) = actions::suggest_action(written).filter(|m| same_verb(m, written)) {
            tell("action", written, meant, &action.place);
        }
    }
    for test in &statement.conditions {
        let Some(written) = test.key.as_literal() else {
            continue;
        };
        if let Some(meant) = actions::suggest_key(written).filter(|m| !m.ends_with(['/', ':'])) {
            tell("condition key", written, meant, &test.key_place);
        }
    }
    out
}

/// `s3:PutObjectVersion` is no slip of `s3:GetObjectVersion`.
fn same_verb(one: &str, other: &str) -> bool {
    let verb = |name: &str| -> Vec<char> {
        let (_, action) = name.split_once(':').unwrap_or_default();
        action
            .chars()
            .take(3)
            .map(|c| c.to_ascii_lowercase())
            .collect()
    };
    verb(one) == verb(other)
}

/// A test on a key that no action of the statement ever has, so that it never holds.
fn never_matches(policy: &Policy, statement: &Statement) -> Option<Finding> {
    let actions = &statement.actions;
    if actions.negated || actions.open || actions.patterns.is_empty() {
        return None;
    }
    let test = statement.conditions.iter().find(|test| {
        let Some(key) = test.key.as_literal() else {
            return false;
        };
        // A slip is told as one.
        needs_presence(test)
            && actions::suggest_key(key).is_none()
            && actions.patterns.iter().all(|a| {
                a.text
                    .as_literal()
                    .is_some_and(|a| actions::has_key(a, key) == Some(false))
            })
    })?;
    let key = test.key.as_literal().unwrap_or_default();
    let names: Vec<String> = actions
        .patterns
        .iter()
        .take(3)
        .map(|a| format!("`{}`", a.text.display()))
        .collect();
    let what = format!(
        "Conditions do not apply to combination of actions and resources: a request for {} never has the key `{key}`",
        names.join(" or ")
    );
    let stored = policy.policy_type == PolicyType::Bucket;
    Some(finding(
        "statement-never-matches",
        match stored {
            true => Level::Warning,
            false => Level::Note,
        },
        policy,
        &statement.place,
        match stored {
            true => format!(
                "the policy of `{}` cannot be stored as it is: {what}",
                policy.address
            ),
            false => format!(
                "{} of `{}` never matches: {what}",
                statement.label(),
                policy.address
            ),
        },
        format!("never matches: `{key}` is never in the request"),
        explained(format!(
            "test a key that the action has, or drop the condition on `{key}`"
        )),
    ))
}

/// True for a test that holds only where its key is in the request.
fn needs_presence(test: &ConditionTest) -> bool {
    if test.if_exists || test.open || test.set == Some(SetOperator::ForAllValues) {
        return false;
    }
    match test.operator {
        ConditionOperator::Null => {
            matches!(test.values.as_slice(), [v] if v.text.as_literal() == Some("false"))
        }
        ConditionOperator::Unrecognized => false,
        other => !other.is_negated(),
    }
}

/// True where every request that the Allow admits meets the Deny.
fn covers(policy: &Policy, deny: &Statement, allow: &Statement) -> bool {
    let whole = |s: &Statement| s.unknown.is_empty() && s.guards.is_empty();
    if deny.effect != Effect::Deny
        || allow.effect != Effect::Allow
        || !whole(deny)
        || !whole(allow)
        || !deny.conditions.is_empty()
        || deny.actions.negated
        || allow.actions.negated
        || allow.actions.patterns.is_empty()
        || allow.actions.open
    {
        return false;
    }
    let everyone = !policy.policy_type.names_principals()
        || deny.principals.as_ref().is_some_and(|p| {
            !p.negated
                && p.entries.iter().any(|e| match e.kind {
                    PrincipalKind::Everyone => true,
                    PrincipalKind::Aws => e.text.as_literal() == Some("*"),
                    PrincipalKind::Service
                    | PrincipalKind::Federated
                    | PrincipalKind::CanonicalUser => false,
                })
        });
    let (Some(wide), Some(narrow)) = (&deny.resources, &allow.resources) else {
        return false;
    };
    everyone
        && !wide.negated
        && !narrow.negated
        && !narrow.open
        && !narrow.patterns.is_empty()
        && holds_all(
            &deny.actions.patterns,
            &allow.actions.patterns,
            &PatternOptions::ACTION,
        )
        && holds_all(&wide.patterns, &narrow.patterns, &PatternOptions::GLOB)
}

/// Each of `narrow` is certainly part of one of `wide`: a `*` in it is met by a `*` alone.
fn holds_all(wide: &[PlacedText], narrow: &[PlacedText], options: &PatternOptions) -> bool {
    narrow.iter().all(|n| {
        wide.iter().any(|w| {
            w.guards.is_empty()
                && !w.text.display().contains(['?', '$'])
                && pattern::matches(&w.text, &n.text, options) == Match::Yes
        })
    })
}

fn covered(policy: &Policy, allow: &Statement, deny: &Statement) -> Finding {
    let message = format!(
        "{} of `{}` allows nothing: {} denies all of it",
        allow.label(),
        policy.address,
        deny.label()
    );
    let mut out = finding(
        "deny-covers-allow",
        Level::Note,
        policy,
        &allow.place,
        message,
        "an explicit deny always takes precedence".into(),
        explained("drop the Allow, or narrow the Deny"),
    );
    out.steps.push(Step {
        place: deny.place.clone(),
        text: "denied here, without a condition".into(),
        label: None,
        address: policy.address.clone(),
    });
    out
}
