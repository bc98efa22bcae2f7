//! The policies that take part in one upload, by type, taken from the estate.

use std::sync::Arc;

use crate::decision::{AccountRelation, Layer, PolicySet, TargetKind};
use crate::facts::{Account, AttachedPolicy, Bucket, Estate, KmsKey, Policies};
use crate::policy::{Policy, PolicyType};
use crate::upload::{Route, Uploader};
use crate::value::{Guards, Text};

/// The attached policies as a layer. Guards of an attachment become guards of its statements.
pub fn layer(policies: &Policies, holder: &Guards) -> Layer {
    Layer {
        policies: policies
            .attached
            .iter()
            .map(|a| guarded(a, holder))
            .collect(),
        open: !policies.open.is_empty(),
    }
}

fn guarded(attached: &AttachedPolicy, holder: &Guards) -> Arc<Policy> {
    let extra: Vec<_> = attached
        .guards
        .iter()
        .filter(|g| !holder.contains(g))
        .cloned()
        .collect();
    if extra.is_empty() {
        return attached.policy.clone();
    }
    let mut policy = (*attached.policy).clone();
    for statement in &mut policy.statements {
        for guard in &extra {
            if !statement.guards.contains(guard) {
                statement.guards.push(guard.clone());
            }
        }
    }
    Arc::new(policy)
}

/// Organization policies of a type that the estate attaches to an account: one level whose other members are open.
fn organization(estate: &Estate, policy_type: PolicyType, account: &Text) -> Vec<Layer> {
    let policies: Vec<Arc<Policy>> = estate
        .organization
        .iter()
        .filter(|p| p.policy.policy_type == policy_type && p.targets.contains(account))
        .map(|p| p.policy.clone())
        .collect();
    if policies.is_empty() {
        Vec::new()
    } else {
        vec![Layer {
            policies,
            open: true,
        }]
    }
}

/// Policies of Organizations that bind what is asked for in an account.
pub fn of_owner(estate: &Estate, account: &Text) -> Vec<Layer> {
    organization(estate, PolicyType::Rcp, account)
}

/// Caller-side layers: identity, boundary, SCP.
struct CallerSide {
    identity: Layer,
    boundary: Option<Layer>,
    scp: Vec<Layer>,
}

fn caller_side(estate: &Estate, uploader: &Uploader) -> CallerSide {
    let declared = match uploader {
        Uploader::Declared(index) => Some(*index),
        Uploader::Service { role, .. } => *role,
        Uploader::External { .. } | Uploader::Deployer { .. } => None,
    };
    if let Some(caller) = declared.and_then(|index| estate.callers.get(index)) {
        let mut identity = layer(&caller.identity, &caller.guards);
        identity.open |= caller.open;
        return CallerSide {
            identity,
            boundary: caller.boundary.as_ref().map(|b| layer(b, &caller.guards)),
            scp: organization(estate, PolicyType::Scp, &caller.account.id),
        };
    }
    match uploader {
        Uploader::Service { .. } => CallerSide {
            identity: Layer::default(),
            boundary: None,
            scp: Vec::new(),
        },
        Uploader::Deployer { account } => CallerSide {
            identity: Layer::open(),
            boundary: None,
            scp: organization(estate, PolicyType::Scp, account),
        },
        Uploader::External { .. } | Uploader::Declared(_) => CallerSide {
            identity: Layer::open(),
            boundary: None,
            scp: Vec::new(),
        },
    }
}

/// Everything that decides an S3 call on a bucket.
pub fn for_bucket(
    estate: &Estate,
    uploader: &Uploader,
    bucket: &Bucket,
    route: &Route,
    relation: AccountRelation,
) -> PolicySet {
    let side = caller_side(estate, uploader);
    let endpoint = match route {
        Route::Internet | Route::Elsewhere => None,
        Route::Endpoint(index) => estate.endpoints.get(*index).and_then(|endpoint| {
            let mut layer = layer(endpoint.policy.as_ref()?, &endpoint.guards);
            layer.open |= endpoint.open;
            Some((endpoint.kind, layer))
        }),
    };
    let resource = match &bucket.policy {
        Some(policies) => {
            let mut layer = layer(policies, &bucket.guards);
            // What makes the bucket may attach statements of its own.
            layer.open |= bucket.open;
            Some(layer)
        }
        None if bucket.open => Some(Layer::open()),
        None => None,
    };
    PolicySet {
        identity: side.identity,
        boundary: side.boundary,
        session: None,
        endpoint,
        scp: side.scp,
        rcp: organization(estate, PolicyType::Rcp, &bucket.account.id),
        resource,
        target: TargetKind::Bucket,
        relation,
    }
}

/// Everything that decides a KMS call on a declared key.
pub fn for_key(
    estate: &Estate,
    uploader: &Uploader,
    key: &KmsKey,
    relation: AccountRelation,
) -> PolicySet {
    let side = caller_side(estate, uploader);
    let resource = match &key.policy {
        Some(policies) => {
            let mut layer = layer(policies, &key.guards);
            layer.open |= key.open;
            layer
        }
        None if key.open => Layer::open(),
        None => Layer::of(vec![default_key_policy(&key.account, key)]),
    };
    PolicySet {
        identity: side.identity,
        boundary: side.boundary,
        session: None,
        endpoint: None,
        scp: side.scp,
        rcp: organization(estate, PolicyType::Rcp, &key.account.id),
        resource: Some(resource),
        target: TargetKind::Key,
        relation,
    }
}

/// AWS's default key policy: it delegates everything to the key's account (spec 5.3).
fn default_key_policy(account: &Account, key: &KmsKey) -> Arc<Policy> {
    use crate::policy::{
        Effect, PatternElement, PlacedText, PolicyVersion, PrincipalElement, PrincipalEntry,
        PrincipalKind, Statement,
    };
    let place = key.place.clone();
    let any = || PatternElement {
        negated: false,
        patterns: vec![PlacedText {
            text: Text::literal("*"),
            place: place.clone(),
            guards: Vec::new(),
        }],
        open: false,
        place: place.clone(),
    };
    Arc::new(Policy {
        policy_type: PolicyType::Key,
        version: PolicyVersion::V2012,
        statements: vec![Statement {
            sid: Some(Text::literal("Enable IAM User Permissions")),
            effect: Effect::Allow,
            principals: Some(PrincipalElement {
                negated: false,
                entries: vec![PrincipalEntry {
                    kind: PrincipalKind::Aws,
                    text: account.id.clone(),
                    place: place.clone(),
                    guards: Vec::new(),
                }],
                open: false,
                place: place.clone(),
            }),
            actions: any(),
            resources: Some(any()),
            conditions: Vec::new(),
            guards: Vec::new(),
            place: place.clone(),
            index: 0,
            unknown: Vec::new(),
        }],
        address: key.address.clone(),
        place,
        gaps: Vec::new(),
        open: false,
        faults: Vec::new(),
    })
}
