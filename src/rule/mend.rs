//! The smallest changes that could mend a denial, at the layer that refuses; the analysis writes and decides them.
//!
//! A change is proposed where it only says more of what the sources mean already: the action that the grant
//! lacks, the objects of the bucket that it names, the caller that the statement forgot. A Deny is never
//! weakened but where it says the opposite of what it can mean.

mod denied;
mod omitted;

use crate::decision::DenyKind;
use crate::facts::Estate;
use crate::policy::{ConditionOperator, PlacedText, Policy};
use crate::rule::Proposal;
use crate::rule::name::{Subject, deciding};
use crate::source::edit::{Change, Written, single};
use crate::upload::{Cause, Decided, Denial, EvidenceKind, Gate, headers};
use crate::value::Place;

/// Changes that could mend the denial, the smallest first.
pub fn proposals(estate: &Estate, upload: &Decided, denial: &Denial) -> Vec<Proposal> {
    let mut out: Vec<Proposal> = sent(denial).into_iter().collect();
    out.extend(possible(estate, upload, denial));
    // A value that stands elsewhere has other uses.
    out.retain(|p| {
        let at = p.change.place().span;
        let whole = p.within.span;
        at.file == whole.file && whole.start <= at.start && at.end <= whole.end
    });
    out
}

/// The headers of the way through, where the sources show the upload itself.
fn sent(denial: &Denial) -> Option<Proposal> {
    let evidence = denial.evidence.as_ref()?;
    if evidence.kind != EvidenceKind::Shown || !single(&evidence.address) {
        return None;
    }
    let headers: Vec<(String, String)> = match &denial.passes {
        Some(passes) if passes.multipart => return None,
        Some(passes) => {
            let added = passes
                .set
                .iter()
                .filter(|(n, _)| denial.refused.get(n).is_none());
            let all: Option<Vec<_>> = added
                .map(|(n, v)| Some((n.to_string(), v.as_literal()?.to_string())))
                .collect();
            all?
        }
        None => vec![asked(denial)?],
    };
    if headers.is_empty() {
        return None;
    }
    let said: Vec<String> = headers.iter().map(|(n, v)| format!("`{n}: {v}`")).collect();
    Some(Proposal {
        text: Some(format!("send {}", said.join(" and "))),
        change: Change::Send {
            block: evidence.place.clone(),
            headers,
        },
        within: evidence.place.clone(),
        document: evidence.place.clone(),
        was: None,
        shares: Vec::new(),
    })
}

/// The header, with a value, that the refusing condition asks for.
fn asked(denial: &Denial) -> Option<(String, String)> {
    let Cause::Policy { reason, .. } = &denial.cause else {
        return None;
    };
    let DenyKind::Explicit {
        statement,
        deciding: elements,
    } = &reason.kind
    else {
        return None;
    };
    let (test, subject) = deciding(statement.get()?, elements)?;
    let header = headers::by_key(test.key.as_literal()?)?.name;
    if denial.refused.get(header).is_some() {
        return None;
    }
    let value = match test.operator {
        ConditionOperator::Null if subject == Subject::EncryptionHeader => "AES256",
        ConditionOperator::StringNotEquals => test.values.first()?.text.as_literal()?,
        _ => return None,
    };
    Some((header.to_string(), value.to_string()))
}

fn possible(estate: &Estate, upload: &Decided, denial: &Denial) -> Vec<Proposal> {
    match &denial.cause {
        Cause::Policy { reason, key } => match &reason.kind {
            DenyKind::Explicit {
                statement,
                deciding: elements,
            } => denied::proposals(estate, upload, statement, elements),
            DenyKind::Implicit { .. } => omitted::proposals(estate, upload, reason, *key),
        },
        Cause::Gate(gate) => setting(gate, denial),
    }
}

/// The header that the bucket refuses, where the sources write it.
fn setting(gate: &Gate, denial: &Denial) -> Vec<Proposal> {
    let (acl, instead) = match gate {
        Gate::AclsDisabled { acl, .. } => (acl, "bucket-owner-full-control"),
        Gate::PublicAclBlocked { acl, .. } => (acl, "private"),
        Gate::ManagedKey { .. }
        | Gate::KeyDisabled { .. }
        | Gate::KeyNotSymmetric { .. }
        | Gate::KeyRegion { .. }
        | Gate::SseCBlocked { .. }
        | Gate::ServiceNeedsSseS3 { .. }
        | Gate::KeyNamedLocally { .. }
        | Gate::PublicPolicyRestricted { .. }
        | Gate::BucketAclDisabled { .. }
        | Gate::PublicPolicyBlocked { .. }
        | Gate::ServiceNeedsNoLock { .. }
        | Gate::ServiceTarget { .. }
        | Gate::AccessPointNotDelegated { .. }
        | Gate::AccessPointOutsideVpc { .. }
        | Gate::CopyFromOtherRegion { .. } => return Vec::new(),
    };
    let Some(evidence) = &denial.evidence else {
        return Vec::new();
    };
    if !acl.is_literal() || !single(&evidence.address) {
        return Vec::new();
    }
    match evidence.kind {
        EvidenceKind::Shown | EvidenceKind::Intent => vec![Proposal {
            change: Change::Replace {
                at: evidence.place.clone(),
                with: Written::Text(instead.into()),
            },
            text: Some(format!("send `{instead}`, or no ACL")),
            within: evidence.place.clone(),
            document: evidence.place.clone(),
            was: acl.as_literal().map(str::to_string),
            shares: Vec::new(),
        }],
    }
}

/// The change in one sentence, where it is another one than that of the denial.
fn described(change: &Change, was: Option<&str>) -> Option<String> {
    match (change, was) {
        (
            Change::Replace {
                with: Written::Text(text),
                ..
            },
            Some(was),
        ) => Some(format!("write `{text}` in place of `{was}`")),
        (Change::Begin { was, with, .. }, _) => Some(format!(
            "write `{with}` in place of `{was}`: it is another partition"
        )),
        _ => None,
    }
}

/// A proposal inside a policy document.
fn plain(policy: &Policy, within: &Place, change: Change) -> Proposal {
    Proposal {
        change,
        text: None,
        within: within.clone(),
        document: policy.place.clone(),
        was: None,
        shares: Vec::new(),
    }
}

fn is(text: &PlacedText, literal: &str) -> bool {
    text.text
        .as_literal()
        .is_some_and(|t| t.eq_ignore_ascii_case(literal))
}

/// Joins what further callers of one finding need: entries behind the same place are added together.
pub fn merge(known: &mut [Proposal], more: Vec<Proposal>) {
    for proposal in more {
        let Change::Add { behind, entries } = proposal.change else {
            continue;
        };
        let same = known.iter_mut().find_map(|k| match &mut k.change {
            Change::Add {
                behind: at,
                entries: all,
            } if *at == behind => Some(all),
            _ => None,
        });
        if let Some(all) = same {
            for entry in entries {
                if !all.contains(&entry) {
                    all.push(entry);
                }
            }
        }
    }
}
