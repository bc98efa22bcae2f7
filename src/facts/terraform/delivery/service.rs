//! Deliveries of services with their own principal, beside the classic log targets.

use std::collections::BTreeMap;

use crate::facts::declare::Declarations;
use crate::facts::delivery::{ACL, Delivery, revocation_acl, without_domain};
use crate::facts::link::Linker;
use crate::facts::terraform::reading::{argument, block, blocks, items, own, text};
use crate::source::Resource;
use crate::value::Value;

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let on =
        |value: &Value, name: &str| argument(value, name).and_then(Value::as_bool) == Some(true);
    match &*r.type_name {
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
