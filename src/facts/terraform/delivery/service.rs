//! Deliveries of services with their own principal, beside the classic log targets.

use std::collections::BTreeMap;

use super::is_bucket;
use crate::facts::declare::Declarations;
use crate::facts::delivery::{
    ACL, Delivery, logs_arn, revocation_acl, split_destination, without_domain,
};
use crate::facts::link::Linker;
use crate::facts::terraform::reading::{argument, block, blocks, items, own, text};
use crate::source::Resource;
use crate::value::Value;

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let on =
        |value: &Value, name: &str| argument(value, name).and_then(Value::as_bool) == Some(true);
    match &*r.type_name {
        "aws_msk_cluster" => {
            let targets = blocks(p, "logging_info")
                .iter()
                .flat_map(|l| blocks(l, "broker_logs"))
                .flat_map(|b| blocks(b, "s3"));
            for target in targets.filter(|t| on(t, "enabled")) {
                if let Some(bucket) = text(target, "bucket") {
                    Delivery {
                        prefix: text(target, "prefix"),
                        source_arn: Some(logs_arn(linker, r)),
                        ..Delivery::new("msk", bucket, &target.place)
                    }
                    .declare(linker, r, out);
                }
            }
        }
        "aws_globalaccelerator_accelerator" => {
            for attributes in blocks(p, "attributes")
                .iter()
                .filter(|a| on(a, "flow_logs_enabled"))
            {
                if let Some(bucket) = text(attributes, "flow_logs_s3_bucket") {
                    // The service is global; which Region its logs name is not documented.
                    Delivery {
                        prefix: text(attributes, "flow_logs_s3_prefix"),
                        ..Delivery::new("global-accelerator", bucket, &attributes.place)
                    }
                    .declare(linker, r, out);
                }
            }
        }
        "aws_cloudwatch_log_delivery_destination" => {
            for target in blocks(p, "delivery_destination_configuration") {
                if let Some(destination) =
                    text(target, "destination_resource_arn").filter(|d| is_bucket(linker, d))
                {
                    let (bucket, folder) = split_destination(linker, &destination);
                    Delivery::new("log-delivery-v2", bucket, &target.place)
                        .within(folder)
                        .declare(linker, r, out);
                }
            }
        }
        "aws_acmpca_certificate_authority" => {
            let lists = blocks(p, "revocation_configuration")
                .iter()
                .flat_map(|c| blocks(c, "crl_configuration"));
            for list in lists.filter(|l| on(l, "enabled")) {
                if let Some(bucket) = text(list, "s3_bucket_name") {
                    let stated = argument(list, "s3_object_acl");
                    let acl = revocation_acl(stated.and_then(Value::as_text).as_ref());
                    Delivery {
                        source_arn: Some(own(r, "arn")),
                        ..Delivery::new("private-ca", bucket, &list.place)
                    }
                    .below(None)
                    .with_header(ACL, acl, stated.map_or(&list.place, |s| &s.place))
                    .declare(linker, r, out);
                }
            }
        }
        "aws_cloudfront_distribution" => origins(linker, r, out),
        _ => {}
    }
}

/// Origins that viewers can upload to: a bucket that CloudFront signs for, and a behaviour with a method that writes.
fn origins(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let mut written = BTreeMap::new();
    for behaviour in blocks(p, "default_cache_behavior")
        .iter()
        .chain(blocks(p, "ordered_cache_behavior"))
    {
        let writes = items(behaviour, "allowed_methods")
            .iter()
            .any(|m| matches!(m.as_literal(), Some("PUT" | "POST")));
        if let (true, Some(id)) = (
            writes,
            text(behaviour, "target_origin_id").and_then(|t| linker.resolve(&t).identity()),
        ) {
            written.entry(id).or_insert(behaviour);
        }
    }
    for origin in blocks(p, "origin") {
        let id = text(origin, "origin_id").and_then(|t| linker.resolve(&t).identity());
        let Some(behaviour) = id.and_then(|id| written.get(&id)) else {
            continue;
        };
        if argument(origin, "origin_access_control_id").is_none()
            || block(origin, "custom_origin_config").is_some()
        {
            continue;
        }
        if let Some(domain) = text(origin, "domain_name") {
            let bucket = without_domain(&linker.resolve(&domain));
            let place =
                argument(behaviour, "allowed_methods").map_or(&behaviour.place, |m| &m.place);
            Delivery {
                source_arn: Some(own(r, "arn")),
                ..Delivery::new("cloudfront-origin", bucket, place)
            }
            .within(text(origin, "origin_path"))
            .declare(linker, r, out);
        }
    }
}
