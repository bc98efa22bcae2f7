//! Buckets with their settings, and bucket policies.

use super::reading::{
    arms, cases, flag, inside, members, own, property, setting, setting_of, tags, text, texts,
};
use crate::facts::declare::{BucketSetting, Declaration, Declarations, DeclaredEncryption};
use crate::facts::link::Linker;
use crate::facts::{Algorithm, BucketAcl, Ownership, PublicAccess, Setting};
use crate::policy::guards::join;
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
    encryption(r, out);
    if property(p, "OwnershipControls").is_some() {
        let ownership = setting_of(p, &["OwnershipControls"], ownership);
        settings.push(BucketSetting::Ownership(ownership));
    }
    if property(p, "PublicAccessBlockConfiguration").is_some() {
        settings.push(BucketSetting::PublicAccess(public_access(p)));
    }
    for (guards, acl) in arms(p, "AccessControl") {
        // `Private` is what every bucket has; CloudFormation sends nothing else for it.
        if acl.as_str() != Some("Private") {
            settings.push(BucketSetting::Acl(BucketAcl {
                canned: acl.as_text().map(canned),
                grants: Vec::new(),
                place: acl.place.clone(),
                address: r.address.clone(),
                guards: r.guards.iter().cloned().chain(guards).collect(),
            }));
        }
    }
    if property(p, "VersioningConfiguration").is_some() {
        let read = |p: &Value| {
            setting(
                inside(p, &["VersioningConfiguration", "Status"]),
                Setting::Default(false),
                |v| v.as_str().map(|s| s == "Enabled"),
            )
        };
        let versioning = setting_of(p, &["VersioningConfiguration"], read);
        settings.push(BucketSetting::Versioning(versioning));
    }
    if property(p, "ObjectLockEnabled").is_some() {
        settings.push(BucketSetting::ObjectLock(flag(
            p,
            "ObjectLockEnabled",
            false,
        )));
    }
    if property(p, "ObjectLockConfiguration").is_some() {
        let stands = |p: &Value, path: &[&str]| match inside(p, path) {
            Some(found) if found.as_map().is_some() => Setting::Is(true, found.place.clone()),
            Some(_) => Setting::Unknown("`ObjectLockConfiguration` is not known".into()),
            None => Setting::Default(false),
        };
        if property(p, "ObjectLockEnabled").is_none() {
            let lock = setting_of(p, &["ObjectLockConfiguration"], |p| {
                stands(p, &["ObjectLockConfiguration"])
            });
            settings.push(BucketSetting::ObjectLock(lock));
        }
        let path = ["ObjectLockConfiguration", "Rule", "DefaultRetention"];
        let retention = setting_of(p, &["ObjectLockConfiguration"], |p| stands(p, &path));
        settings.push(BucketSetting::DefaultRetention(retention));
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
    for (above, lifecycle) in arms(p, "LifecycleConfiguration") {
        for (guards, rule) in members(lifecycle, "Rules") {
            let found = members(rule, "TagFilters");
            // A filter that hangs on a condition of its own is another tag set in each world.
            let always = found.iter().all(|(guards, _)| guards.is_empty());
            let tags: Vec<(Text, Text)> = found
                .into_iter()
                .filter_map(|(_, t)| Some((text(t, "Key")?, text(t, "Value")?)))
                .collect();
            let guards = join(&above, &guards).filter(|_| always && !tags.is_empty());
            if let (Some(guards), Some(filters)) = (guards, property(rule, "TagFilters")) {
                let what = Declaration::BucketSetting {
                    bucket: own(r, "Ref"),
                    setting: BucketSetting::LifecycleTags(tags, filters.place.clone()),
                };
                out.add_at(r, r.place.clone(), guards, what);
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

/// The block of the four settings, which may hang on conditions.
pub(super) fn public_access(p: &Value) -> PublicAccess {
    let read = |name: &str| {
        setting_of(p, &["PublicAccessBlockConfiguration"], |p| {
            match property(p, "PublicAccessBlockConfiguration") {
                Some(block) if block.as_map().is_some() => flag(block, name, false),
                Some(_) => Setting::Unknown("the block is not known".into()),
                // As for a bucket that states nothing.
                None => Setting::Unknown("no source sets it".into()),
            }
        })
    };
    PublicAccess {
        block_public_acls: read("BlockPublicAcls"),
        ignore_public_acls: read("IgnorePublicAcls"),
        block_public_policy: read("BlockPublicPolicy"),
        restrict_public_buckets: read("RestrictPublicBuckets"),
    }
}

/// A canned ACL by the name that S3 has for it.
fn canned(written: Text) -> Text {
    let name = match written.as_literal() {
        Some("Private") => "private",
        Some("PublicRead") => "public-read",
        Some("PublicReadWrite") => "public-read-write",
        Some("AuthenticatedRead") => "authenticated-read",
        Some("LogDeliveryWrite") => "log-delivery-write",
        Some("BucketOwnerRead") => "bucket-owner-read",
        Some("BucketOwnerFullControl") => "bucket-owner-full-control",
        Some("AwsExecRead") => "aws-exec-read",
        _ => return written,
    };
    Text::literal(name)
}

fn ownership(p: &Value) -> Setting<Ownership> {
    let Some(controls) = property(p, "OwnershipControls") else {
        return Setting::Default(Ownership::BucketOwnerEnforced);
    };
    let unknown = || Setting::Unknown("`OwnershipControls` is not known".into());
    let Some(rules) = property(controls, "Rules") else {
        return unknown();
    };
    let rule = rules.as_items().and_then(<[Value]>::first).unwrap_or(rules);
    setting(property(rule, "ObjectOwnership"), unknown(), |v| {
        match v.as_str()? {
            "BucketOwnerEnforced" => Some(Ownership::BucketOwnerEnforced),
            "BucketOwnerPreferred" => Some(Ownership::BucketOwnerPreferred),
            "ObjectWriter" => Some(Ownership::ObjectWriter),
            _ => None,
        }
    })
}

/// Default encryption, world by world where it hangs on conditions: each world's is a setting under its guards.
fn encryption(r: &Resource, out: &mut Declarations) {
    for (guards, p) in cases(&r.properties, &["BucketEncryption"]) {
        for setting in encryption_of(&p) {
            let what = Declaration::BucketSetting {
                bucket: own(r, "Ref"),
                setting,
            };
            out.add_at(r, r.place.clone(), guards.clone(), what);
        }
    }
}

fn encryption_of(p: &Value) -> Vec<BucketSetting> {
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
    let Some((_, rule)) = rules.first() else {
        out.push(unknown());
        return out;
    };
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
