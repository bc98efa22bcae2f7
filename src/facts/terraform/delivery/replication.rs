//! What S3 itself writes from one bucket into another: replicas and the exports of storage class analysis.

use super::bucket_arn;
use crate::facts::declare::Declarations;
use crate::facts::delivery::{Delivery, Replication};
use crate::facts::link::Linker;
use crate::facts::terraform::reading::{argument, block, blocks, text};
use crate::source::Resource;
use crate::value::Value;

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    match &*r.type_name {
        "aws_s3_bucket_replication_configuration" => rules(linker, r, p, "rule", out),
        "aws_s3_bucket" => {
            for configuration in blocks(p, "replication_configuration") {
                rules(linker, r, configuration, "rules", out);
            }
        }
        "aws_s3_bucket_analytics_configuration" => {
            let exports = blocks(p, "storage_class_analysis")
                .iter()
                .flat_map(|a| blocks(a, "data_export"))
                .flat_map(|e| blocks(e, "destination"))
                .flat_map(|d| blocks(d, "s3_bucket_destination"));
            for export in exports {
                if let Some(bucket) = text(export, "bucket_arn") {
                    Delivery {
                        source_arn: text(p, "bucket").and_then(|b| bucket_arn(linker, r, &b)),
                        ..Delivery::new("storage-class-analysis", bucket, &export.place)
                    }
                    .below(text(export, "prefix"))
                    .declare(linker, r, out);
                }
            }
        }
        _ => {}
    }
}

fn rules(
    linker: &Linker<'_>,
    r: &Resource,
    configuration: &Value,
    name: &str,
    out: &mut Declarations,
) {
    let Some(role) = text(configuration, "role") else {
        return;
    };
    let status =
        |value: &Value| argument(value, "status").and_then(Value::as_str) == Some("Enabled");
    for rule in blocks(configuration, name)
        .iter()
        .filter(|rule| status(rule))
    {
        let Some(destination) = block(rule, "destination") else {
            continue;
        };
        let Some(bucket) = text(destination, "bucket") else {
            continue;
        };
        // The inline form says the owner and the status of the encrypted objects in its own way.
        let overrides = block(destination, "access_control_translation")
            .and_then(|t| argument(t, "owner"))
            .and_then(Value::as_str)
            == Some("Destination");
        let encrypted = block(rule, "source_selection_criteria")
            .and_then(|c| block(c, "sse_kms_encrypted_objects"));
        let selected = encrypted.is_some_and(|e| {
            status(e) || argument(e, "enabled").and_then(Value::as_bool) == Some(true)
        });
        let key = block(destination, "encryption_configuration")
            .and_then(|e| argument(e, "replica_kms_key_id"))
            .or_else(|| argument(destination, "replica_kms_key_id"))
            .filter(|_| selected)
            .and_then(|v| Some((v.as_text()?, v.place.clone())));
        let filter = block(rule, "filter");
        let prefix = filter
            .and_then(|f| {
                text(f, "prefix").or_else(|| block(f, "and").and_then(|a| text(a, "prefix")))
            })
            .or_else(|| text(rule, "prefix"));
        Replication {
            bucket,
            role: role.clone(),
            owner_override: overrides,
            key,
            prefix,
            place: destination.place.clone(),
            guards: Vec::new(),
        }
        .delivery()
        .declare(linker, r, out);
    }
}
