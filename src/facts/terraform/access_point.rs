//! Access points of buckets, of one Region or of several, with their policies.

use super::bucket::public_access;
use super::reading::{argument, block, blocks, own, text, texts};
use crate::facts::declare::{Declaration, Declarations};
use crate::source::Resource;
use crate::value::Value;

pub(super) fn declare(r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    match &*r.type_name {
        "aws_s3_access_point" => {
            for (guards, bucket) in texts(p, "bucket") {
                let vpc = block(p, "vpc_configuration")
                    .and_then(|b| Some((text(b, "vpc_id")?, b.place.clone())));
                let what = Declaration::AccessPoint {
                    name: own(r, "name"),
                    arn: own(r, "arn"),
                    bucket,
                    vpc,
                    document: argument(p, "policy").filter(|v| !is_empty(v)).cloned(),
                    public_access: block(p, "public_access_block_configuration").map(public_access),
                    multi_region: false,
                };
                out.add_at(r, r.place.clone(), guards, what);
            }
        }
        "aws_s3control_multi_region_access_point" => {
            let Some(details) = block(p, "details") else {
                return;
            };
            for region in blocks(details, "region") {
                for (guards, bucket) in texts(region, "bucket") {
                    let what = Declaration::AccessPoint {
                        name: own(r, "name"),
                        arn: own(r, "arn"),
                        bucket,
                        vpc: None,
                        document: None,
                        public_access: block(details, "public_access_block").map(public_access),
                        multi_region: true,
                    };
                    out.add_at(r, region.place.clone(), guards, what);
                }
            }
        }
        "aws_s3control_access_point_policy" => policy(r, p, "access_point_arn", out),
        "aws_s3control_multi_region_access_point_policy" => {
            if let Some(details) = block(p, "details") {
                policy(r, details, "name", out);
            }
        }
        _ => {}
    }
}

fn policy(r: &Resource, stated: &Value, name: &str, out: &mut Declarations) {
    if let (Some(access_point), Some(document)) = (text(stated, name), argument(stated, "policy")) {
        let what = Declaration::AccessPointPolicy {
            access_point,
            document: document.clone(),
        };
        out.add(r, what);
    }
}

/// `{}` is how the provider takes a policy away.
fn is_empty(document: &Value) -> bool {
    document.as_str().is_some_and(|t| t.trim() == "{}")
}
