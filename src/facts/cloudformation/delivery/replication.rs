//! What S3 itself writes from one bucket into another: replicas and the exports of storage class analysis.

use crate::facts::cloudformation::reading::{inside, members, own, property, text};
use crate::facts::declare::Declarations;
use crate::facts::delivery::{Delivery, Replication};
use crate::facts::link::Linker;
use crate::source::Resource;
use crate::value::Value;

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    if &*r.type_name != "AWS::S3::Bucket" {
        return;
    }
    let p = &r.properties;
    if let Some(configuration) = property(p, "ReplicationConfiguration") {
        rules(linker, r, configuration, out);
    }
    for (guards, analytics) in members(p, "AnalyticsConfigurations") {
        let Some(target) = inside(
            analytics,
            &["StorageClassAnalysis", "DataExport", "Destination"],
        ) else {
            continue;
        };
        if let Some(bucket) = text(target, "BucketArn") {
            Delivery {
                guards,
                source_arn: Some(own(r, "Arn")),
                ..Delivery::new("storage-class-analysis", bucket, &target.place)
            }
            .below(text(target, "Prefix"))
            .declare(linker, r, out);
        }
    }
}

fn rules(linker: &Linker<'_>, r: &Resource, configuration: &Value, out: &mut Declarations) {
    let Some(role) = text(configuration, "Role") else {
        return;
    };
    let is = |value: &Value, path: &[&str], wanted: &str| {
        inside(value, path).and_then(Value::as_str) == Some(wanted)
    };
    for (guards, rule) in members(configuration, "Rules") {
        let Some(destination) = property(rule, "Destination") else {
            continue;
        };
        let Some(bucket) = text(destination, "Bucket") else {
            continue;
        };
        if !is(rule, &["Status"], "Enabled") {
            continue;
        }
        let selected = is(
            rule,
            &[
                "SourceSelectionCriteria",
                "SseKmsEncryptedObjects",
                "Status",
            ],
            "Enabled",
        );
        let key = inside(destination, &["EncryptionConfiguration", "ReplicaKmsKeyID"])
            .filter(|_| selected)
            .and_then(|v| Some((v.as_text()?, v.place.clone())));
        let prefix = inside(rule, &["Filter", "Prefix"])
            .or_else(|| inside(rule, &["Filter", "And", "Prefix"]))
            .or_else(|| property(rule, "Prefix"))
            .and_then(Value::as_text);
        Replication {
            bucket,
            role: role.clone(),
            owner_override: is(
                destination,
                &["AccessControlTranslation", "Owner"],
                "Destination",
            ),
            key,
            prefix,
            place: destination.place.clone(),
            guards,
        }
        .delivery()
        .declare(linker, r, out);
    }
}
