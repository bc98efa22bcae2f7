//! The question whether a request may happen, over all policy types.

use std::collections::BTreeSet;

use iaclint::decision::evaluate::evaluate;
use iaclint::decision::{
    AccountRelation, DenyKind, DenyReason, EndpointKind, Layer, Match, PolicySet, Principal,
    Reading, Request, TargetKind, World,
};
use iaclint::policy::PolicyType;
use iaclint::policy::public::is_public;
use serde_json::{Map, Value as Json, json};

use super::question::{Answer, is_discovery, policy, request};

fn items(value: Option<&Json>) -> Vec<&Json> {
    match value {
        Some(Json::Array(items)) => items.iter().collect(),
        Some(Json::Null) | None => Vec::new(),
        Some(single) => vec![single],
    }
}

fn layer(documents: Vec<&Json>, policy_type: PolicyType, name: &str) -> Layer {
    let named = |position: usize| match documents.len() {
        1 => name.to_string(),
        _ => format!("{name} {}", position + 1),
    };
    Layer::of(
        documents
            .iter()
            .enumerate()
            .map(|(n, d)| policy(d, policy_type, &named(n)))
            .collect(),
    )
}

fn given(value: Option<&Json>) -> Option<Vec<&Json>> {
    match value {
        None | Some(Json::Null) => None,
        value => Some(items(value)).filter(|items| !items.is_empty()),
    }
}

fn levels(value: Option<&Json>, policy_type: PolicyType, name: &str) -> Vec<Layer> {
    items(value)
        .into_iter()
        .map(|level| layer(items(Some(level)), policy_type, name))
        .collect()
}

pub fn decision(question: &Json) -> Answer {
    let empty = json!({});
    let policies = question.get("policies").unwrap_or(&empty);
    let action = question
        .pointer("/request/action")
        .and_then(Json::as_str)
        .unwrap_or("");
    let request = request(question, &[policies], true)?;
    let own = request
        .principal
        .account()
        .and_then(|a| a.as_literal())
        .unwrap_or("")
        .to_string();
    let owner = request
        .resource_account
        .as_literal()
        .unwrap_or("")
        .to_string();
    let target = match action.get(..4) {
        // An alias or a wildcard has no key policy of its own.
        Some(prefix)
            if prefix.eq_ignore_ascii_case("kms:")
                && (policies.get("resource").is_some()
                    || [":key/", ":alias/aws/"]
                        .iter()
                        .any(|part| request.resource.known_prefix().contains(part))) =>
        {
            TargetKind::Key
        }
        _ => TargetKind::Bucket,
    };
    let resource_type = if target == TargetKind::Key {
        PolicyType::Key
    } else {
        PolicyType::Bucket
    };
    let get = |name: &str| policies.get(name);
    let endpoint_kind = match question
        .pointer("/settings/endpoint_kind")
        .and_then(Json::as_str)
    {
        Some("gateway") => EndpointKind::Gateway,
        _ => EndpointKind::Interface,
    };
    let set = PolicySet {
        identity: layer(items(get("identity")), PolicyType::Identity, "identity"),
        boundary: given(get("boundary")).map(|d| layer(d, PolicyType::Boundary, "pb")),
        session: given(get("session")).map(|d| layer(d, PolicyType::Session, "session")),
        endpoint: given(get("vpce"))
            .map(|d| (endpoint_kind, layer(d, PolicyType::Endpoint, "vpce"))),
        scp: levels(get("scp"), PolicyType::Scp, "scp"),
        rcp: levels(get("rcp"), PolicyType::Rcp, "rcp"),
        resource: given(get("resource")).map(|d| layer(d, resource_type, "resource")),
        target,
        relation: if own == owner || owner.is_empty() {
            AccountRelation::Same
        } else {
            AccountRelation::Cross
        },
    };
    let world = World::default();
    let mut favourable = evaluate(&request, &set, Reading::Favourable, &world);
    if let (true, false, Principal::Role { arn, account, .. }) = (
        is_discovery(question),
        favourable.allowed,
        &request.principal,
    ) {
        // Another session of the same role may be meant.
        let principal = Principal::Role {
            arn: arn.clone(),
            account: account.clone(),
            session: None,
        };
        let other = evaluate(
            &Request {
                principal,
                ..request.clone()
            },
            &set,
            Reading::Favourable,
            &world,
        );
        if other.allowed {
            favourable = other;
        }
    }
    let unfavourable = evaluate(&request, &set, Reading::Unfavourable, &world);
    let restricted = restricted(question, &set, &request.principal, own == owner);

    let mut reasons: Vec<&DenyReason> = favourable.reasons.iter().collect();
    let settled = is_discovery(question) || favourable.allowed == unfavourable.allowed;
    let mut allowed = favourable.allowed;
    let not_understood = !is_discovery(question) && !settled && !wild(&request.resource);
    if not_understood {
        allowed = false;
        reasons = unfavourable.reasons.iter().collect();
    }
    let restricted = restricted || publishes(question);
    let mut blocked_by: BTreeSet<&str> = reasons.iter().map(|r| blocker(r)).collect();
    if restricted {
        blocked_by = BTreeSet::from(["s3-bpa"]);
        allowed = false;
    }
    let explicit = restricted
        || reasons
            .iter()
            .any(|r| matches!(r.kind, DenyKind::Explicit { .. }));
    if explicit && !restricted {
        blocked_by = reasons
            .iter()
            .filter(|r| {
                // Beside an explicit denial, what the caller or the target would have to grant is not told.
                matches!(r.kind, DenyKind::Explicit { .. })
                    || !matches!(blocker(r), "identity" | "resource" | "kms")
            })
            .map(|r| blocker(r))
            .collect();
    } else if !explicit && blocked_by.len() > 1 {
        // A missing grant by the target is no block where the caller's side would suffice.
        blocked_by.remove("resource");
    }
    let word = match (allowed, not_understood && !restricted, explicit) {
        (_, true, _) => "Unknown",
        (true, _, _) => "Allowed",
        (false, _, true) => "ExplicitlyDenied",
        (false, _, false) => "ImplicitlyDenied",
    };
    Ok(Map::from_iter([
        ("decision".to_string(), word.into()),
        (
            "blocked_by".to_string(),
            blocked_by.into_iter().collect::<Vec<_>>().into(),
        ),
        (
            "reasons".to_string(),
            reasons.iter().map(|r| reason(r)).collect::<Vec<_>>().into(),
        ),
    ]))
}

fn wild(resource: &iaclint::value::Text) -> bool {
    !resource.is_literal()
}

/// Block Public Access with `RestrictPublicBuckets`: a public policy gives other accounts nothing (spec 6.2).
fn restricted(question: &Json, set: &PolicySet, principal: &Principal, same_account: bool) -> bool {
    let on = |pointer: &str| question.pointer(pointer).and_then(Json::as_bool) == Some(true);
    let on = on("/settings/s3_restrict_public_buckets")
        || on("/settings/public_access_block/RestrictPublicBuckets")
        || on("/settings/public_access_block/restrict_public_buckets");
    on && !same_account
        && !matches!(principal, Principal::Service { .. })
        && set
            .resource
            .as_ref()
            .is_some_and(|l| l.policies.iter().any(|p| is_public(p) == Match::Yes))
}

/// Block Public Access refuses a public ACL and a public policy when they are set (spec 6.2).
fn publishes(question: &Json) -> bool {
    let on = |name: &str| {
        question
            .pointer(&format!("/settings/public_access_block/{name}"))
            .and_then(Json::as_bool)
            == Some(true)
    };
    let acl = question
        .pointer("/request/context")
        .and_then(Json::as_object)
        .and_then(|keys| {
            keys.iter()
                .find(|(key, _)| key.eq_ignore_ascii_case("s3:x-amz-acl"))
        })
        .and_then(|(_, value)| value.as_str())
        .or_else(|| {
            question
                .pointer("/api/headers/x-amz-acl")
                .and_then(Json::as_str)
        });
    let public_acl = matches!(
        acl,
        Some("public-read" | "public-read-write" | "authenticated-read")
    );
    let public_policy = question
        .pointer("/settings/new_bucket_policy")
        .is_some_and(|document| {
            is_public(&policy(document, PolicyType::Bucket, "new")) == Match::Yes
        });
    on("BlockPublicAcls") && public_acl || on("BlockPublicPolicy") && public_policy
}

fn blocker(reason: &DenyReason) -> &'static str {
    match reason.policy_type {
        PolicyType::Identity => "identity",
        PolicyType::Boundary => "pb",
        PolicyType::Session => "session",
        PolicyType::Scp => "scp",
        PolicyType::Rcp => "rcp",
        PolicyType::Endpoint => "vpce",
        PolicyType::Key => "kms",
        PolicyType::Bucket | PolicyType::AccessPoint | PolicyType::Trust => "resource",
    }
}

fn reason(reason: &DenyReason) -> Json {
    match &reason.kind {
        DenyKind::Explicit { statement, .. } => json!({
            "kind": "explicit",
            "layer": blocker(reason),
            "policy": &*statement.policy.address,
            "statement": statement.get().map(|s| s.label()),
        }),
        DenyKind::Implicit { nearest, .. } => json!({
            "kind": "implicit",
            "layer": blocker(reason),
            "nearest": nearest.iter().map(|near| json!({
                "policy": &*near.statement.policy.address,
                "statement": near.statement.get().map(|s| s.label()),
                "failed": near.failed.iter().map(|e| format!("{e:?}")).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        }),
    }
}
