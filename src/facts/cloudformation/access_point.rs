//! Access points of buckets, of one Region or of several, with their policies.

use super::bucket::public_access;
use super::reading::{members, own, property, text, texts};
use crate::facts::declare::{Declaration, Declarations};
use crate::source::Resource;

pub(super) fn declare(r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    match &*r.type_name {
        "AWS::S3::AccessPoint" => {
            for (guards, bucket) in texts(p, "Bucket") {
                let what = Declaration::AccessPoint {
                    name: own(r, "Name"),
                    arn: own(r, "Arn"),
                    bucket,
                    vpc: property(p, "VpcConfiguration")
                        .and_then(|c| Some((text(c, "VpcId")?, c.place.clone()))),
                    document: property(p, "Policy").cloned(),
                    public_access: property(p, "PublicAccessBlockConfiguration")
                        .map(|_| public_access(p)),
                    multi_region: false,
                };
                out.add_at(r, r.place.clone(), guards, what);
            }
        }
        "AWS::S3::MultiRegionAccessPoint" => {
            for (guards, region) in members(p, "Regions") {
                if let Some(bucket) = text(region, "Bucket") {
                    let what = Declaration::AccessPoint {
                        name: own(r, "Ref"),
                        arn: own(r, "Arn"),
                        bucket,
                        vpc: None,
                        document: None,
                        public_access: property(p, "PublicAccessBlockConfiguration")
                            .map(|_| public_access(p)),
                        multi_region: true,
                    };
                    out.add_at(r, region.place.clone(), guards, what);
                }
            }
        }
        "AWS::S3::MultiRegionAccessPointPolicy" => {
            if let (Some(access_point), Some(document)) =
                (text(p, "MrapName"), property(p, "Policy"))
            {
                let what = Declaration::AccessPointPolicy {
                    access_point,
                    document: document.clone(),
                };
                out.add(r, what);
            }
        }
        _ => {}
    }
}
