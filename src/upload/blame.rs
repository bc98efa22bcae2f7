//! What a set of refusals has in common: whether a condition on the network decides, what a policy would accept.

use std::sync::Arc;

use crate::decision::{DenyKind, DenyReason, Element, Miss};
use crate::policy::{Statement, StatementRef};
use crate::upload::{Cause, headers};

/// Condition keys that say where a request comes from.
pub const NETWORK_KEYS: &[&str] = &[
    "aws:sourceip",
    "aws:vpcsourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourcevpcarn",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
];

/// The condition tests of a statement that an element list names.
pub fn tests<'s>(
    statement: &'s Statement,
    elements: &[Element],
) -> Vec<&'s crate::policy::ConditionTest> {
    elements
        .iter()
        .filter_map(|e| match e {
            Element::Condition(i) => statement.conditions.get(*i),
            Element::Principal | Element::Action | Element::Resource | Element::Guard => None,
        })
        .collect()
}

/// True for a condition on the network.
pub fn is_network_key(key: &str) -> bool {
    NETWORK_KEYS.iter().any(|k| k.eq_ignore_ascii_case(key))
}

/// True where a condition on the network decides this refusal: another path could change it.
pub fn by_network(cause: &Cause) -> bool {
    let Cause::Policy { reason, key: None } = cause else {
        return false;
    };
    let network = |statement: &StatementRef, elements: &[Element]| {
        statement.get().is_some_and(|s| {
            tests(s, elements)
                .iter()
                .any(|t| t.key.as_literal().is_some_and(is_network_key))
        })
    };
    match &reason.kind {
        DenyKind::Explicit { statement, .. } => statement.get().is_some_and(|s| {
            s.conditions
                .iter()
                .any(|t| t.key.as_literal().is_some_and(is_network_key))
        }),
        DenyKind::Implicit { nearest, .. } => nearest
            .first()
            .is_some_and(|n| !n.failed.is_empty() && network(&n.statement, &n.failed)),
    }
}

/// True where a condition on the access point decides this refusal.
pub fn by_access_point(cause: &Cause) -> bool {
    let Cause::Policy { reason, key: None } = cause else {
        return false;
    };
    let asks = |test: &crate::policy::ConditionTest| {
        test.key.as_literal().is_some_and(|k| {
            let key = k.to_ascii_lowercase();
            key.starts_with("s3:dataaccesspoint") || key == "s3:accesspointnetworkorigin"
        })
    };
    match &reason.kind {
        DenyKind::Explicit { statement, .. } => statement
            .get()
            .is_some_and(|s| s.conditions.iter().any(asks)),
        DenyKind::Implicit { nearest, .. } => nearest.first().is_some_and(|n| {
            n.statement
                .get()
                .is_some_and(|s| tests(s, &n.failed).into_iter().any(asks))
        }),
    }
}

/// Values of network conditions in the statements that refuse: endpoint and VPC ids.
pub fn network_values(causes: &[Cause]) -> Vec<(Arc<str>, crate::value::Text)> {
    let mut out = Vec::new();
    for cause in causes {
        let Cause::Policy { reason, .. } = cause else {
            continue;
        };
        for statement in statements(reason) {
            let Some(s) = statement.get() else { continue };
            for test in &s.conditions {
                let Some(key) = test.key.as_literal().filter(|k| is_network_key(k)) else {
                    continue;
                };
                for value in &test.values {
                    let entry = (
                        Arc::<str>::from(key.to_ascii_lowercase()),
                        value.text.clone(),
                    );
                    if !out.contains(&entry) {
                        out.push(entry);
                    }
                }
            }
        }
    }
    out
}

/// The statements that a reason points at.
pub fn statements(reason: &DenyReason) -> Vec<&StatementRef> {
    match &reason.kind {
        DenyKind::Explicit { statement, .. } => vec![statement],
        DenyKind::Implicit { nearest, .. } => nearest.iter().map(|n| &n.statement).collect(),
    }
}

/// Why an element failed, for a reader.
pub fn miss(miss: &Miss, action: &str) -> String {
    match miss {
        Miss::BucketOnly(pattern) => {
            let pattern = pattern.display();
            format!("`{pattern}` is the bucket, its objects are `{pattern}/*`")
        }
        Miss::Case(pattern) => {
            format!(
                "`{}` differs from the upload's by upper and lower case",
                pattern.display()
            )
        }
        Miss::Misspelt { written, meant } => {
            format!("no action is called `{written}`; `{meant}` may be meant")
        }
        Miss::KeyAbsent(key) => match headers::by_key(key) {
            Some(header) => format!("the request does not send `{}`", header.name),
            None => format!("the request does not carry `{key}`"),
        },
        Miss::KeyForeign { key, meant } => {
            let meant = meant.map_or_else(String::new, |m| format!("; `{m}` may be meant"));
            format!("no {action} request carries `{key}`{meant}")
        }
    }
}

/// What the nearest statement of a missing permission misses, for a reader; empty where its elements say it all.
pub fn misses(reason: &DenyReason) -> String {
    let DenyKind::Implicit { nearest, .. } = &reason.kind else {
        return String::new();
    };
    let Some(near) = nearest.first() else {
        return String::new();
    };
    // One that asks for another action misses more than a word can say.
    let near_enough = |(_, m): &(Element, Miss)| {
        !near.failed.contains(&Element::Action) || matches!(m, Miss::Misspelt { .. })
    };
    let words: Vec<String> = near
        .misses
        .iter()
        .filter(|m| near_enough(m))
        .map(|(_, m)| miss(m, &reason.action))
        .collect();
    words.join(", and ")
}

/// No request of the refused action carries the key of the condition, as AWS documents it.
pub fn never_carried(reason: &DenyReason, key: &str) -> bool {
    crate::policy::actions::has_key(&reason.action, key) == Some(false)
}
