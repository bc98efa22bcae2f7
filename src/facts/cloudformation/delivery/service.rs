//! Deliveries of services with their own principal, beside the classic log targets.

use std::collections::BTreeMap;

use crate::facts::cloudformation::reading::{inside, items, members, own, property, text};
use crate::facts::declare::Declarations;
use crate::facts::delivery::{ACL, Delivery, revocation_acl, without_domain};
use crate::facts::link::{Linker, generated_name};
use crate::source::Resource;
use crate::value::{Text, Value};

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let on =
        |value: &Value, name: &str| property(value, name).and_then(Value::as_bool) == Some(true);
    match &*r.type_name {
        "AWS::ACMPCA::CertificateAuthority" => {
            let Some(list) = inside(p, &["RevocationConfiguration", "CrlConfiguration"]) else {
                return;
            };
            if let (true, Some(bucket)) = (on(list, "Enabled"), text(list, "S3BucketName")) {
                let stated = property(list, "S3ObjectAcl");
                let acl = revocation_acl(stated.and_then(Value::as_text).as_ref());
                Delivery {
                    source_arn: Some(own(r, "Arn")),
                    ..Delivery::new("private-ca", bucket, &list.place)
                }
                .below(None)
                .with_header(ACL, acl, stated.map_or(&list.place, |s| &s.place))
                .declare(linker, r, out);
            }
        }
        "AWS::CloudFront::Distribution" => origins(linker, r, out),
        _ => {}
    }
}

/// Origins that viewers can upload to: a bucket that CloudFront signs for, and a behaviour with a method that writes.
fn origins(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let Some(p) = property(&r.properties, "DistributionConfig") else {
        return;
    };
    let mut written = BTreeMap::new();
    let behaviours = members(p, "DefaultCacheBehavior")
        .into_iter()
        .chain(members(p, "CacheBehaviors"));
    for (_, behaviour) in behaviours {
        let writes = items(behaviour, "AllowedMethods")
            .iter()
            .any(|m| matches!(m.as_literal(), Some("PUT" | "POST")));
        if let (true, Some(id)) = (
            writes,
            text(behaviour, "TargetOriginId").and_then(|t| linker.resolve(&t).identity()),
        ) {
            written.entry(id).or_insert(behaviour);
        }
    }
    for (guards, origin) in members(p, "Origins") {
        let id = text(origin, "Id").and_then(|t| linker.resolve(&t).identity());
        let Some(behaviour) = id.and_then(|id| written.get(&id)) else {
            continue;
        };
        if property(origin, "OriginAccessControlId").is_none()
            || property(origin, "CustomOriginConfig").is_some()
        {
            continue;
        }
        if let Some(domain) = text(origin, "DomainName") {
            let bucket = without_domain(&linker.resolve(&domain));
            let place =
                property(behaviour, "AllowedMethods").map_or(&behaviour.place, |m| &m.place);
            let mut arn = Text::literal("arn:");
            arn.push(&linker.partition(r.scope, &r.provider));
            arn.push_str(":cloudfront::");
            arn.push(&linker.account(r.scope, &r.provider).id);
            arn.push_str(":distribution/");
            arn.push(&generated_name(r));
            Delivery {
                guards,
                source_arn: Some(arn),
                ..Delivery::new("cloudfront-origin", bucket, place)
            }
            .within(text(origin, "OriginPath"))
            .declare(linker, r, out);
        }
    }
}
