//! Buckets with their settings, inline and beside them, and objects that the sources upload.

use std::sync::Arc;

use super::reading::{argument, block, blocks, flag, items, own, setting, tags, text, texts};
use crate::facts::declare::{
    BucketSetting, Declaration, Declarations, DeclaredEncryption, DeclaredSender,
};
use crate::facts::link::Linker;
use crate::facts::{AclGrant, Algorithm, BucketAcl, Header, Ownership, PublicAccess, Setting};
use crate::source::Resource;
use crate::value::{Text, Value};

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let beside = |setting: Option<BucketSetting>, out: &mut Declarations| {
        let Some(setting) = setting else { return };
        for (guards, bucket) in texts(p, "bucket") {
            let setting = setting.clone();
            out.add_at(
                r,
                r.place.clone(),
                guards,
                Declaration::BucketSetting { bucket, setting },
            );
        }
    };
    match &*r.type_name {
        "aws_s3_bucket" | "aws_s3_directory_bucket" => {
            let directory = &*r.type_name == "aws_s3_directory_bucket";
            let (name, arn) = (own(r, "bucket"), own(r, "arn"));
            out.add(
                r,
                Declaration::Bucket {
                    name,
                    arn,
                    region: text(p, "region"),
                    directory,
                },
            );
            let bucket = own(r, "bucket");
            if let Some(document) = argument(p, "policy") {
                out.add(
                    r,
                    Declaration::BucketPolicy {
                        bucket: bucket.clone(),
                        document: document.clone(),
                    },
                );
            }
            let object_lock = block(p, "object_lock_configuration");
            let inline = [
                block(p, "server_side_encryption_configuration").and_then(encryption),
                block(p, "versioning")
                    .map(|b| BucketSetting::Versioning(flag(b, "enabled", false))),
                acl(r),
                argument(p, "object_lock_enabled")
                    .map(|_| BucketSetting::ObjectLock(flag(p, "object_lock_enabled", false))),
                object_lock.map(|b| {
                    BucketSetting::ObjectLock(setting(
                        b,
                        "object_lock_enabled",
                        Setting::Default(true),
                        enabled,
                    ))
                }),
                object_lock.and_then(retention),
                argument(p, "request_payer")
                    .map(|_| BucketSetting::RequesterPays(payer(p, "request_payer"))),
                argument(p, "tags").map(|_| BucketSetting::Tags(tags(p))),
            ];
            for setting in inline
                .into_iter()
                .flatten()
                .chain(lifecycle(p, "lifecycle_rule"))
            {
                out.add(
                    r,
                    Declaration::BucketSetting {
                        bucket: bucket.clone(),
                        setting,
                    },
                );
            }
        }
        "aws_s3_bucket_policy" => {
            if let Some(document) = argument(p, "policy") {
                for (guards, bucket) in texts(p, "bucket") {
                    let document = document.clone();
                    out.add_at(
                        r,
                        r.place.clone(),
                        guards,
                        Declaration::BucketPolicy { bucket, document },
                    );
                }
            }
        }
        "aws_s3_bucket_acl" => beside(acl(r), out),
        "aws_s3_bucket_ownership_controls" => {
            let ownership = block(p, "rule").map(|b| {
                let unknown = Setting::Unknown("`object_ownership` is not known".into());
                BucketSetting::Ownership(setting(b, "object_ownership", unknown, |v| {
                    match v.as_str()? {
                        "BucketOwnerEnforced" => Some(Ownership::BucketOwnerEnforced),
                        "BucketOwnerPreferred" => Some(Ownership::BucketOwnerPreferred),
                        "ObjectWriter" => Some(Ownership::ObjectWriter),
                        _ => None,
                    }
                }))
            });
            beside(ownership, out);
        }
        "aws_s3_bucket_public_access_block" => {
            beside(Some(BucketSetting::PublicAccess(public_access(p))), out)
        }
        "aws_s3_account_public_access_block" => {
            out.add(r, Declaration::AccountPublicAccess(public_access(p)))
        }
        "aws_s3_bucket_server_side_encryption_configuration" => {
            beside(encryption(p), out);
            let blocked =
                block(p, "rule").and_then(|rule| argument(rule, "blocked_encryption_types"));
            let blocked = blocked.map(|types| {
                let named = types
                    .as_items()
                    .unwrap_or_default()
                    .iter()
                    .any(|t| t.as_str() == Some("SSE-C"));
                BucketSetting::BlocksSseC(Setting::Is(named, types.place.clone()))
            });
            beside(blocked, out);
        }
        "aws_s3_bucket_versioning" => beside(
            block(p, "versioning_configuration").map(|b| {
                BucketSetting::Versioning(setting(b, "status", Setting::Default(false), enabled))
            }),
            out,
        ),
        "aws_s3_bucket_object_lock_configuration" => {
            let on = setting(p, "object_lock_enabled", Setting::Default(true), enabled);
            beside(Some(BucketSetting::ObjectLock(on)), out);
            beside(retention(p), out);
        }
        "aws_s3_bucket_abac" => {
            let status = block(p, "abac_status").map(|b| {
                BucketSetting::Abac(setting(b, "status", Setting::Default(false), enabled))
            });
            beside(status, out);
        }
        "aws_s3_bucket_request_payment_configuration" => {
            beside(Some(BucketSetting::RequesterPays(payer(p, "payer"))), out);
        }
        "aws_s3_bucket_lifecycle_configuration" => {
            lifecycle(p, "rule")
                .into_iter()
                .for_each(|s| beside(Some(s), out));
        }
        "aws_s3_object" | "aws_s3_bucket_object" | "aws_s3_object_copy" => {
            for (guards, bucket) in texts(p, "bucket") {
                let what = Declaration::Upload {
                    sender: DeclaredSender::Deployer {
                        role: linker.assumed_role(r.scope, &r.provider),
                    },
                    bucket,
                    key: text(p, "key"),
                    headers: headers(r),
                    multipart: false,
                };
                out.add_at(r, r.place.clone(), guards, what);
            }
        }
        _ => {}
    }
}

fn enabled(value: &Value) -> Option<bool> {
    value.as_str().map(|s| s == "Enabled")
}

fn payer(value: &Value, name: &str) -> Setting<bool> {
    setting(value, name, Setting::Default(false), |v| {
        v.as_str().map(|s| s == "Requester")
    })
}

fn retention(value: &Value) -> Option<BucketSetting> {
    let rule = block(value, "rule")?;
    let place = rule.place.clone();
    block(rule, "default_retention")
        .map(|_| BucketSetting::DefaultRetention(Setting::Is(true, place)))
}

pub(super) fn public_access(p: &Value) -> PublicAccess {
    PublicAccess {
        block_public_acls: flag(p, "block_public_acls", false),
        ignore_public_acls: flag(p, "ignore_public_acls", false),
        block_public_policy: flag(p, "block_public_policy", false),
        restrict_public_buckets: flag(p, "restrict_public_buckets", false),
    }
}

fn acl(r: &Resource) -> Option<BucketSetting> {
    let p = &r.properties;
    let canned = argument(p, "acl");
    let policy = block(p, "access_control_policy");
    let within = policy.unwrap_or(p);
    let mut grants = Vec::new();
    for grant in blocks(within, "grant") {
        // Beside the bucket the grantee is a block of its own.
        let grantee = block(grant, "grantee").unwrap_or(grant);
        let named = ["id", "uri", "email_address"]
            .iter()
            .find_map(|n| text(grantee, n).filter(|t| !t.is_empty()));
        let permissions = text(grant, "permission")
            .into_iter()
            .chain(items(grant, "permissions"));
        for permission in permissions {
            grants.push(AclGrant {
                grantee: named.clone().unwrap_or_default(),
                grantee_type: text(grantee, "type").unwrap_or_default(),
                permission,
                place: grant.place.clone(),
            });
        }
    }
    let stated = canned.or(policy).or_else(|| block(p, "grant"))?;
    let (place, address, guards) = (stated.place.clone(), r.address.clone(), r.guards.clone());
    let canned = canned.and_then(Value::as_text);
    Some(BucketSetting::Acl(BucketAcl {
        canned,
        grants,
        place,
        address,
        guards,
    }))
}

fn encryption(value: &Value) -> Option<BucketSetting> {
    // A block that is a choice or not known says nothing certain.
    let doubtful = |v: Option<&Value>| v.is_some_and(|v| v.as_map().is_none());
    let not_known = || {
        Some(BucketSetting::Encryption(Setting::Unknown(
            "the encryption is not known".into(),
        )))
    };
    if value.as_map().is_none() {
        return not_known();
    }
    let rule = block(value, "rule");
    if doubtful(rule) || (rule.is_none() && value.get("rule").is_some()) {
        return not_known();
    }
    let rule = rule?;
    let default = block(rule, "apply_server_side_encryption_by_default");
    if doubtful(default) {
        return not_known();
    }
    let bucket_key = flag(rule, "bucket_key_enabled", false);
    let default = default?;
    let unknown = Setting::Unknown("the algorithm is not known".into());
    Some(BucketSetting::Encryption(setting(
        default,
        "sse_algorithm",
        unknown,
        |v| {
            let algorithm = match v.as_str()? {
                "AES256" => Algorithm::Aes256,
                "aws:kms" => Algorithm::Kms,
                "aws:kms:dsse" => Algorithm::KmsDsse,
                _ => return None,
            };
            let key = argument(default, "kms_master_key_id")
                .filter(|k| k.as_str() != Some(""))
                .cloned();
            let place = Some(v.place.clone());
            Some(DeclaredEncryption {
                algorithm,
                key,
                bucket_key: bucket_key.clone(),
                place,
            })
        },
    )))
}

fn lifecycle(p: &Value, name: &str) -> Vec<BucketSetting> {
    let pairs = |map: &Value| -> Vec<(Text, Text)> {
        let entries = map
            .as_map()
            .map(|m| m.iter().collect::<Vec<_>>())
            .unwrap_or_default();
        entries
            .into_iter()
            .filter_map(|(k, e)| Some((Text::literal(k.clone()), e.value.as_text()?)))
            .collect()
    };
    let mut out = Vec::new();
    for rule in blocks(p, name) {
        let mut found: Vec<(Vec<(Text, Text)>, &Value)> = Vec::new();
        found.extend(argument(rule, "tags").map(|t| (pairs(t), t)));
        for filter in blocks(rule, "filter") {
            found.extend(
                blocks(filter, "tag")
                    .iter()
                    .filter_map(|t| Some((vec![(text(t, "key")?, text(t, "value")?)], t))),
            );
            found.extend(
                blocks(filter, "and")
                    .iter()
                    .filter_map(|a| argument(a, "tags"))
                    .map(|t| (pairs(t), t)),
            );
        }
        out.extend(
            found
                .into_iter()
                .filter(|(t, _)| !t.is_empty())
                .map(|(t, v)| BucketSetting::LifecycleTags(t, v.place.clone())),
        );
    }
    out
}

fn headers(r: &Resource) -> Vec<Header> {
    let p = &r.properties;
    const HEADERS: [(&str, &str); 7] = [
        ("acl", "x-amz-acl"),
        ("server_side_encryption", "x-amz-server-side-encryption"),
        ("kms_key_id", "x-amz-server-side-encryption-aws-kms-key-id"),
        ("storage_class", "x-amz-storage-class"),
        ("object_lock_mode", "x-amz-object-lock-mode"),
        (
            "object_lock_retain_until_date",
            "x-amz-object-lock-retain-until-date",
        ),
        (
            "object_lock_legal_hold_status",
            "x-amz-object-lock-legal-hold",
        ),
    ];
    let header = |name: &str, value: Text, v: &Value| Header {
        name: Arc::from(name),
        value,
        place: v.place.clone(),
    };
    let mut out: Vec<Header> = HEADERS
        .iter()
        .filter_map(|(from, to)| argument(p, from).and_then(|v| Some(header(to, v.as_text()?, v))))
        .collect();
    // An object of its own has a file in the same place.
    if &*r.type_name == "aws_s3_object_copy" {
        out.extend(
            argument(p, "source").and_then(|v| Some(header("x-amz-copy-source", v.as_text()?, v))),
        );
    }
    let has_algorithm = out
        .iter()
        .any(|h| &*h.name == "x-amz-server-side-encryption");
    if let (false, Some(key)) = (has_algorithm, argument(p, "kms_key_id")) {
        out.push(header(
            "x-amz-server-side-encryption",
            Text::literal("aws:kms"),
            key,
        ));
    }
    if let Some((tags, map)) = argument(p, "tags")
        .and_then(|v| Some((v, v.as_map()?)))
        .filter(|(_, m)| !m.is_empty())
    {
        let mut value = Text::default();
        for (i, (key, entry)) in map.iter().enumerate() {
            value.push_str(if i > 0 { "&" } else { "" });
            value.push_str(key);
            value.push_str("=");
            value.push(&entry.value.as_text().unwrap_or_default());
        }
        out.push(header("x-amz-tagging", value, tags));
    }
    out
}
