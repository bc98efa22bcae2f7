//! Refusals by settings of the bucket or the key, outside every policy (spec 3.5, 5.1, 5.6, 6).

use crate::decision::{AccountRelation, Match, Principal, World};
use crate::facts::{Algorithm, Bucket, Encryption, Estate, KeyName, KeyUse, Ownership, Setting};
use crate::upload::calls::{Draft, Sent, public_acl};
use crate::upload::headers;
use crate::upload::{Confidence, Gate};
use crate::value::Text;

/// Which key S3 will use for a draft (spec 5.1).
#[derive(Debug, Clone, PartialEq)]
pub enum Encrypts {
    /// SSE-S3 or the caller's own key: no KMS call.
    WithoutKms,
    /// `aws/s3`; `by_header` where the request asked for KMS without naming a key.
    ManagedKey { by_header: bool },
    /// A declared key; with a Bucket Key or not (`None`: not known).
    Key {
        key: usize,
        bucket_key: Option<bool>,
        named_by: KeyName,
        by_header: bool,
    },
    /// A key whose policy is not at hand.
    OpenKey,
    /// Not chosen or not known yet.
    Unknown,
}

/// The default encryption where it is known.
pub fn default_encryption(bucket: &Bucket) -> Option<&Encryption> {
    bucket.encryption.value()
}

/// Key selection for the draft.
pub fn encrypts(estate: &Estate, bucket: &Bucket, draft: &Draft) -> Encrypts {
    match draft.header(headers::SSE_C) {
        Sent::Value(_) => return Encrypts::WithoutKms,
        Sent::Open => return Encrypts::Unknown,
        Sent::Absent => {}
    }
    match draft.header(headers::SSE) {
        Sent::Open => Encrypts::Unknown,
        Sent::Value(value) => match value.as_literal() {
            Some("AES256") => Encrypts::WithoutKms,
            Some("aws:kms" | "aws:kms:dsse") => match draft.header(headers::SSE_KEY) {
                Sent::Absent if !bucket.directory => Encrypts::ManagedKey { by_header: true },
                Sent::Absent => by_default(bucket),
                Sent::Open => Encrypts::Unknown,
                Sent::Value(id) => match key_named(estate, bucket, id) {
                    Some(key) => Encrypts::Key {
                        key,
                        bucket_key: bucket_key(bucket),
                        named_by: KeyName::Arn,
                        by_header: true,
                    },
                    None => Encrypts::OpenKey,
                },
            },
            _ => Encrypts::Unknown,
        },
        Sent::Absent => by_default(bucket),
    }
}

fn by_default(bucket: &Bucket) -> Encrypts {
    let Some(encryption) = default_encryption(bucket) else {
        return Encrypts::Unknown;
    };
    match (&encryption.algorithm, &encryption.key) {
        (Algorithm::Aes256, _) | (_, KeyUse::None) => Encrypts::WithoutKms,
        (_, KeyUse::AwsManaged) => Encrypts::ManagedKey { by_header: false },
        (_, KeyUse::Declared { key, named_by, .. }) => Encrypts::Key {
            key: *key,
            bucket_key: bucket_key(bucket),
            named_by: *named_by,
            by_header: false,
        },
        (_, KeyUse::Other { .. }) => Encrypts::OpenKey,
        (_, KeyUse::Unknown(_)) => Encrypts::Unknown,
    }
}

/// The key that a header names: one of the bucket's own scope, else the only one.
fn key_named(estate: &Estate, bucket: &Bucket, id: &Text) -> Option<usize> {
    let named = |k: &crate::facts::KmsKey| k.arn == *id || k.id == *id || k.aliases.contains(id);
    let found: Vec<usize> = (0..)
        .zip(&estate.keys)
        .filter(|(_, k)| named(k))
        .map(|(i, _)| i)
        .collect();
    let own = |i: &&usize| {
        estate
            .keys
            .get(**i)
            .is_some_and(|k| k.scope == bucket.scope)
    };
    match found.as_slice() {
        [only] => Some(*only),
        several => several.iter().find(own).copied(),
    }
}

fn bucket_key(bucket: &Bucket) -> Option<bool> {
    match bucket.encryption.value() {
        Some(encryption) => encryption.bucket_key.value().copied(),
        None => None,
    }
}

/// A gate that refuses for certain, with AWS's confidence.
pub type Refusal = (Gate, Confidence);

/// Gates that speak about the ACL of the request.
pub fn acl_gates(bucket: &Bucket, draft: &Draft, relation: AccountRelation) -> Vec<Refusal> {
    let mut out = Vec::new();
    let grant_header = headers::HEADERS
        .iter()
        .zip(&draft.headers)
        .find(|(h, sent)| h.name.starts_with("x-amz-grant-") && matches!(sent, Sent::Value(_)))
        .map(|(h, _)| Text::literal(h.name));
    let canned = match draft.header(headers::ACL) {
        Sent::Value(value) => Some(value.clone()),
        Sent::Absent | Sent::Open => None,
    };
    if bucket.ownership.value() == Some(&Ownership::BucketOwnerEnforced) {
        let place = bucket.ownership.place().cloned();
        // Where the setting is only the default, the bucket may be older than it.
        let sure = if place.is_some() {
            Confidence::High
        } else {
            Confidence::Medium
        };
        if let Some(acl) = &canned {
            let refused = match acl.as_literal() {
                Some("bucket-owner-full-control") => false,
                Some("private") => relation == AccountRelation::Cross,
                Some(_) => true,
                None => false,
            };
            if refused {
                out.push((
                    Gate::AclsDisabled {
                        acl: acl.clone(),
                        place: place.clone(),
                    },
                    sure,
                ));
            }
        }
        if let Some(header) = grant_header {
            // Whether a grant of full control to the owner passes is not documented (spec 6.1).
            if header.as_literal() != Some(headers::GRANT_FULL_CONTROL) {
                out.push((Gate::AclsDisabled { acl: header, place }, sure));
            }
        }
    }
    if let (Some(acl), Setting::Is(true, place)) =
        (public_acl(draft), &bucket.public_access.block_public_acls)
    {
        let place = place.clone();
        out.push((Gate::PublicAclBlocked { acl, place }, Confidence::High));
    }
    out
}

/// The bucket's ACL may admit somebody of another account (spec 2.4, 6.3): whose canonical id is whose is not known.
pub fn acl_may_admit(bucket: &Bucket) -> bool {
    let enforced = bucket.ownership.value() == Some(&Ownership::BucketOwnerEnforced)
        && bucket.ownership.place().is_some();
    let ignored = bucket.public_access.ignore_public_acls.value() == Some(&true);
    let Some(acl) = bucket.acl.as_ref().filter(|_| !enforced) else {
        return false;
    };
    let writes = |permission: &Text| {
        permission
            .as_literal()
            .is_none_or(|p| matches!(p, "WRITE" | "FULL_CONTROL"))
    };
    let public = |grantee: &Text| {
        grantee
            .display()
            .starts_with("http://acs.amazonaws.com/groups/global/")
    };
    acl.grants
        .iter()
        .any(|g| writes(&g.permission) && !(ignored && public(&g.grantee)))
        || acl.canned.as_ref().is_some_and(|c| match c.as_literal() {
            Some(canned) => canned == "public-read-write" && !ignored,
            None => true,
        })
}

/// `RestrictPublicBuckets` cuts other accounts off as soon as any statement of the policy is public (spec 6.2).
pub fn access_gates(
    bucket: &Bucket,
    principal: &Principal,
    relation: AccountRelation,
    world: &World,
) -> Vec<Refusal> {
    use crate::policy::{StatementRef, public};
    let mut out = Vec::new();
    let Setting::Is(true, place) = &bucket.public_access.restrict_public_buckets else {
        return out;
    };
    if relation != AccountRelation::Cross || matches!(principal, Principal::Service { .. }) {
        return out;
    }
    for attached in bucket
        .policy
        .iter()
        .flat_map(|p| &p.attached)
        .filter(|a| world.all(&a.guards) == Match::Yes)
    {
        let policy = &attached.policy;
        let certainly = |s| public::is_public_statement(s, policy.version) == Match::Yes;
        if let Some(position) = policy.statements.iter().position(certainly) {
            let statement = StatementRef {
                policy: policy.clone(),
                position,
            };
            let at = statement
                .get()
                .map_or_else(|| place.clone(), |s| s.place.clone());
            out.push((
                Gate::PublicPolicyRestricted {
                    statement,
                    place: at,
                },
                Confidence::High,
            ));
        }
    }
    out
}

/// Gates that speak about encryption.
pub fn encryption_gates(
    estate: &Estate,
    bucket: &Bucket,
    draft: &Draft,
    encrypts: &Encrypts,
    principal: &Principal,
    relation: AccountRelation,
) -> Vec<Refusal> {
    let mut out = Vec::new();
    let service = matches!(principal, Principal::Service { .. });
    if let (Sent::Value(_), Setting::Is(true, place)) =
        (draft.header(headers::SSE_C), &bucket.blocks_sse_c)
    {
        out.push((
            Gate::SseCBlocked {
                place: Some(place.clone()),
            },
            Confidence::High,
        ));
    }
    let default_place = default_encryption(bucket)
        .and_then(|e| e.place.clone())
        .or_else(|| bucket.encryption.place().cloned());
    match encrypts {
        Encrypts::ManagedKey { by_header } if service || relation == AccountRelation::Cross => {
            let place = if *by_header { None } else { default_place };
            out.push((
                Gate::ManagedKey {
                    place,
                    by_header: *by_header,
                },
                Confidence::High,
            ));
        }
        Encrypts::Key {
            key,
            named_by,
            by_header,
            ..
        } => {
            let Some(declared) = estate.keys.get(*key) else {
                return out;
            };
            if let Setting::Is(false, place) = &declared.enabled {
                out.push((
                    Gate::KeyDisabled {
                        key: *key,
                        place: place.clone(),
                    },
                    Confidence::High,
                ));
            }
            if let Setting::Is(false, place) = &declared.symmetric {
                out.push((
                    Gate::KeyNotSymmetric {
                        key: *key,
                        place: place.clone(),
                    },
                    Confidence::High,
                ));
            }
            if let (Some(a), Some(b)) = (
                declared.region.as_ref().and_then(Text::as_literal),
                bucket.region.as_ref().and_then(Text::as_literal),
            ) {
                if a != b && !declared.open {
                    let place = default_place
                        .clone()
                        .unwrap_or_else(|| declared.place.clone());
                    out.push((Gate::KeyRegion { key: *key, place }, Confidence::High));
                }
            }
            let local = matches!(named_by, KeyName::BareId | KeyName::Alias);
            if local && !by_header && relation == AccountRelation::Cross {
                if let Some(place) = default_place {
                    out.push((Gate::KeyNamedLocally { place }, Confidence::Medium));
                }
            }
        }
        Encrypts::ManagedKey { .. }
        | Encrypts::WithoutKms
        | Encrypts::OpenKey
        | Encrypts::Unknown => {}
    }
    out
}
