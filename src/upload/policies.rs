//! The policies that take part in one upload, by type, taken from the estate.

use std::sync::Arc;

use crate::decision::{AccountRelation, Layer, Match, PolicySet, TargetKind, World};
use crate::facts::{Account, Bucket, Estate, KmsKey, Policies};
use crate::policy::{Policy, PolicyType};
use crate::upload::{Route, Uploader};
use crate::value::{Guards, Text};

/// The attached policies of one world as a layer. Guards of an attachment that the world leaves open become guards
/// of its statements.
pub fn layer(policies: &Policies, world: &World) -> Layer {
    Layer {
        policies: policies
            .attached
            .iter()
            .filter_map(|a| guarded(&a.policy, &a.guards, world))
            .collect(),
        open: policies
            .open
            .iter()
            .any(|o| world.all(&o.guards) != Match::No),
    }
}

fn guarded(policy: &Arc<Policy>, guards: &Guards, world: &World) -> Option<Arc<Policy>> {
    match world.all(guards) {
        Match::No => return None,
        Match::Yes => return Some(policy.clone()),
        Match::Unknown => {}
    }
    let extra: Vec<_> = guards
        .iter()
        .filter(|g| world.holds(g) == Match::Unknown)
        .cloned()
        .collect();
    let mut policy = (**policy).clone();
    for statement in &mut policy.statements {
        for guard in &extra {
            if !statement.guards.contains(guard) {
                statement.guards.push(guard.clone());
            }
        }
    }
    Some(Arc::new(policy))
}

/// Organization policies of a type that the estate attaches to an account: one level whose other members are open.
fn organization(
    estate: &Estate,
    policy_type: PolicyType,
    account: &Text,
    world: &World,
) -> Vec<Layer> {
    let policies: Vec<Arc<Policy>> = estate
        .organization
        .iter()
        .filter(|p| p.policy.policy_type == policy_type)
        .flat_map(|p| {
            let here = p.targets.iter().filter(|(_, target)| target == account);
            here.filter_map(|(guards, _)| guarded(&p.policy, guards, world))
        })
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
pub fn of_owner(estate: &Estate, account: &Text, world: &World) -> Vec<Layer> {
    organization(estate, PolicyType::Rcp, account, world)
}

/// Caller-side layers: identity, boundary, SCP.
struct CallerSide {
    identity: Layer,
    boundary: Option<Layer>,
    scp: Vec<Layer>,
}

fn caller_side(estate: &Estate, uploader: &Uploader, world: &World) -> CallerSide {
    let declared = match uploader {
        Uploader::Declared(index) => Some(*index),
        Uploader::Service { role, .. } => *role,
        Uploader::External { .. } | Uploader::Deployer { .. } => None,
    };
    if let Some(caller) = declared.and_then(|index| estate.callers.get(index)) {
        let mut identity = layer(&caller.identity, world);
        identity.open |= caller.open;
        return CallerSide {
            identity,
            boundary: caller.boundary.as_ref().map(|b| layer(b, world)),
            scp: organization(estate, PolicyType::Scp, &caller.account.id, world),
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
            scp: organization(estate, PolicyType::Scp, account, world),
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
    world: &World,
) -> PolicySet {
    let side = caller_side(estate, uploader, world);
    let endpoint = match route {
        Route::Internet | Route::Elsewhere => None,
        Route::Endpoint(index) => estate.endpoints.get(*index).and_then(|endpoint| {
            let mut layer = layer(endpoint.policy.as_ref()?, world);
            layer.open |= endpoint.open;
            Some((endpoint.kind, layer))
        }),
    };
    let resource = match &bucket.policy {
        Some(policies) => {
            let mut layer = layer(policies, world);
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
        rcp: organization(estate, PolicyType::Rcp, &bucket.account.id, world),
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
    world: &World,
) -> PolicySet {
    let side = caller_side(estate, uploader, world);
    let resource = match &key.policy {
        Some(policies) => {
            let mut layer = layer(policies, world);
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
        rcp: organization(estate, PolicyType::Rcp, &key.account.id, world),
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
