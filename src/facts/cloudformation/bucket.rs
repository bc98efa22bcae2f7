//! Buckets with their settings, and bucket policies.

use super::reading::{flag, inside, members, own, property, setting, tags, text, texts};
use crate::facts::declare::{BucketSetting, Declaration, Declarations, DeclaredEncryption};
use crate::facts::link::Linker;
use crate::facts::{Algorithm, BucketAcl, Ownership, PublicAccess, Setting};
use crate::source::Resource;
use crate::value::{Text, Value};

pub(super) fn declare(_: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    match &*r.type_name {
        "AWS::S3::Bucket" | "AWS::S3Express::DirectoryBucket" => bucket(r, out),
        "AWS::S3::BucketPolicy" | "AWS::S3Express::BucketPolicy" => {
            if let Some(document) = property(p, "PolicyDocument") {
                for (guards, bucket) in texts(p, "Bucket") {
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
        _ => {}
    }
}

fn bucket(r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    out.add(
        r,
        Declaration::Bucket {
            name: own(r, "Ref"),
            arn: own(r, "Arn"),
            region: None,
            directory: &*r.type_name == "AWS::S3Express::DirectoryBucket",
        },
    );
    let mut settings: Vec<BucketSetting> = Vec::new();
    settings.extend(encryption(p));
    if let Some(rules) = inside(p, &["OwnershipControls", "Rules"]) {
        let rule = rules.as_items().and_then(<[Value]>::first).unwrap_or(rules);
        settings.push(BucketSetting::Ownership(setting(
            property(rule, "ObjectOwnership"),
            Setting::Unknown("`ObjectOwnership` is not known".into()),
            |v| match v.as_str()? {
                "BucketOwnerEnforced" => Some(Ownership::BucketOwnerEnforced),
                "BucketOwnerPreferred" => Some(Ownership::BucketOwnerPreferred),
                "ObjectWriter" => Some(Ownership::ObjectWriter),
                _ => None,
            },
        )));
    } else if property(p, "OwnershipControls").is_some() {
        settings.push(BucketSetting::Ownership(Setting::Unknown(
            "`OwnershipControls` is not known".into(),
        )));
    }
    if let Some(block) = property(p, "PublicAccessBlockConfiguration") {
        settings.push(BucketSetting::PublicAccess(public_access(block)));
    }
    if let Some(acl) = property(p, "AccessControl") {
        // `Private` is what every bucket has; CloudFormation sends nothing else for it.
        if acl.as_str() != Some("Private") {
            settings.push(BucketSetting::Acl(BucketAcl {
                canned: acl.as_text(),
                grants: Vec::new(),
                place: acl.place.clone(),
                address: r.address.clone(),
                guards: r.guards.clone(),
            }));
        }
    }
    if let Some(status) = inside(p, &["VersioningConfiguration", "Status"]) {
        settings.push(BucketSetting::Versioning(setting(
            Some(status),
            Setting::Default(false),
            |v| v.as_str().map(|s| s == "Enabled"),
        )));
    }
    if property(p, "ObjectLockEnabled").is_some() {
        settings.push(BucketSetting::ObjectLock(flag(
            p,
            "ObjectLockEnabled",
            false,
        )));
    }
    if let Some(lock) = property(p, "ObjectLockConfiguration").filter(|l| l.as_map().is_some()) {
        settings.push(BucketSetting::ObjectLock(Setting::Is(
            true,
            lock.place.clone(),
        )));
        if let Some(retention) = inside(lock, &["Rule", "DefaultRetention"]) {
            settings.push(BucketSetting::DefaultRetention(Setting::Is(
                true,
                retention.place.clone(),
            )));
        }
    }
    if property(p, "Tags").is_some() {
        settings.push(BucketSetting::Tags(tags(p)));
    }
    if let Some(abac) = property(p, "AbacStatus") {
        settings.push(BucketSetting::Abac(setting(
            Some(abac),
            Setting::Default(false),
            |v| v.as_str().map(|s| s == "Enabled"),
        )));
    }
    if let Some(lifecycle) = property(p, "LifecycleConfiguration") {
        for (_, rule) in members(lifecycle, "Rules") {
            let found: Vec<(Text, Text)> = members(rule, "TagFilters")
                .into_iter()
                .filter_map(|(_, t)| Some((text(t, "Key")?, text(t, "Value")?)))
                .collect();
            if let (false, Some(filters)) = (found.is_empty(), property(rule, "TagFilters")) {
                settings.push(BucketSetting::LifecycleTags(found, filters.place.clone()));
            }
        }
    }
    for setting in settings {
        out.add(
            r,
            Declaration::BucketSetting {
                bucket: own(r, "Ref"),
                setting,
            },
        );
    }
}

/// A block of the four settings.
pub(super) fn public_access(block: &Value) -> PublicAccess {
    let known = block.as_map().is_some();
    let read = |name: &str| {
        if known {
            flag(block, name, false)
        } else {
            Setting::Unknown("the block is not known".into())
        }
    };
    PublicAccess {
        block_public_acls: read("BlockPublicAcls"),
        ignore_public_acls: read("IgnorePublicAcls"),
        block_public_policy: read("BlockPublicPolicy"),
        restrict_public_buckets: read("RestrictPublicBuckets"),
    }
}

fn encryption(p: &Value) -> Vec<BucketSetting> {
    let mut out = Vec::new();
    let Some(configuration) = property(p, "BucketEncryption") else {
        return out;
    };
    let unknown =
        || BucketSetting::Encryption(Setting::Unknown("`BucketEncryption` is not known".into()));
    if configuration.as_map().is_none() {
        out.push(unknown());
        return out;
    }
    let rules = members(configuration, "ServerSideEncryptionConfiguration");
    let Some((guards, rule)) = rules.first() else {
        out.push(unknown());
        return out;
    };
    if !guards.is_empty() {
        out.push(unknown());
        return out;
    }
    let bucket_key = flag(rule, "BucketKeyEnabled", false);
    if let Some(default) = property(rule, "ServerSideEncryptionByDefault") {
        let place = Some(default.place.clone());
        let key = property(default, "KMSMasterKeyID")
            .filter(|k| k.as_str() != Some(""))
            .cloned();
        out.push(BucketSetting::Encryption(setting(
            property(default, "SSEAlgorithm"),
            Setting::Unknown("`SSEAlgorithm` is not known".into()),
            |v| {
                let algorithm = match v.as_str()? {
                    "AES256" => Algorithm::Aes256,
                    "aws:kms" => Algorithm::Kms,
                    "aws:kms:dsse" => Algorithm::KmsDsse,
                    _ => return None,
                };
                Some(DeclaredEncryption {
                    algorithm,
                    key: key.clone(),
                    bucket_key: bucket_key.clone(),
                    place: place.clone(),
                })
            },
        )));
    }
    if let Some(blocked) = inside(rule, &["BlockedEncryptionTypes", "EncryptionType"]) {
        let named: Vec<&str> = blocked
            .as_items()
            .map(|items| items.iter().filter_map(Value::as_str).collect())
            .unwrap_or_else(|| blocked.as_str().into_iter().collect());
        out.push(BucketSetting::BlocksSseC(Setting::Is(
            named.contains(&"SSE-C"),
            blocked.place.clone(),
        )));
    }
    out
}
