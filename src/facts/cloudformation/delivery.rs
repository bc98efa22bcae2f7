//! Log targets and other deliveries that CloudFormation's resources configure.

mod by_role;
mod replication;
mod service;

use super::reading::{inside, members, own, property, text};
use crate::facts::declare::Declarations;
use crate::facts::delivery::{Delivery, Folder, logs_arn, plain, without_domain};
use crate::facts::link::Linker;
use crate::source::Resource;
use crate::value::{Text, Value};

/// Properties that say nothing of a delivery, whatever the resource is.
const SILENT: &[&str] = &["Tags", "Name", "Description"];

/// The properties whose conditions tell the deliveries of worlds apart.
pub(super) fn telling(r: &Resource) -> Vec<&str> {
    if &*r.type_name == "AWS::S3::Bucket" {
        return vec![
            "LoggingConfiguration",
            "InventoryConfigurations",
            "AnalyticsConfigurations",
            "ReplicationConfiguration",
        ];
    }
    let named = r.properties.as_map().into_iter().flat_map(|m| m.iter());
    named
        .map(|(name, _)| &**name)
        .filter(|name| !SILENT.contains(name))
        .collect()
}

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    replication::declare(linker, r, out);
    service::declare(linker, r, out);
    by_role::declare(linker, r, out);
    plain::declare(linker, r, out);
    let p = &r.properties;
    let place = &r.place;
    match &*r.type_name {
        "AWS::Config::DeliveryChannel" => {
            if let Some(bucket) = text(p, "S3BucketName") {
                let recorder = linker.sources().resources.iter().find(|o| {
                    o.scope == r.scope && &*o.type_name == "AWS::Config::ConfigurationRecorder"
                });
                Delivery {
                    prefix: text(p, "S3KeyPrefix"),
                    role: recorder.and_then(|o| text(&o.properties, "RoleARN")),
                    ..Delivery::new("config", bucket, place)
                }
                .declare(linker, r, out);
            }
        }
        "AWS::ElasticLoadBalancingV2::LoadBalancer" => load_balancer(linker, r, out),
        "AWS::CloudFront::Distribution" => {
            if let Some(bucket) =
                inside(p, &["DistributionConfig", "Logging", "Bucket"]).and_then(Value::as_text)
            {
                let bucket = without_domain(&linker.resolve(&bucket));
                Delivery {
                    prefix: inside(p, &["DistributionConfig", "Logging", "Prefix"])
                        .and_then(Value::as_text),
                    folder: Folder::Prefix,
                    ..Delivery::new("cloudfront-logs", bucket, place)
                }
                .declare(linker, r, out);
            }
        }
        "AWS::S3::Bucket" => {
            if let Some(logging) = property(p, "LoggingConfiguration") {
                if let Some(target) = text(logging, "DestinationBucketName") {
                    let prefix = text(logging, "LogFilePrefix");
                    Delivery {
                        folder: if prefix.as_ref().is_some_and(|p| !p.is_empty()) {
                            Folder::Prefix
                        } else {
                            Folder::Unknown
                        },
                        prefix,
                        source_arn: Some(own(r, "Arn")),
                        ..Delivery::new("server-access-logs", target, &logging.place)
                    }
                    .declare(linker, r, out);
                }
            }
            for (guards, inventory) in members(p, "InventoryConfigurations") {
                if let Some(bucket) =
                    inside(inventory, &["Destination", "BucketArn"]).and_then(Value::as_text)
                {
                    Delivery {
                        guards,
                        folder: Folder::Unknown,
                        source_arn: Some(own(r, "Arn")),
                        ..Delivery::new("inventory", bucket, &inventory.place)
                    }
                    .declare(linker, r, out);
                }
            }
        }
        _ => {}
    }
}

fn load_balancer(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let network = match property(p, "Type").map(|v| v.as_str()) {
        None | Some(Some("application")) => false,
        Some(Some("network")) => true,
        Some(_) => return,
    };
    let attributes = members(p, "LoadBalancerAttributes");
    let find = |key: &str| {
        attributes
            .iter()
            .find(|(_, a)| property(a, "Key").and_then(Value::as_str) == Some(key))
            .map(|(guards, a)| (guards.clone(), *a))
    };
    for kind in ["access_logs", "connection_logs", "health_check_logs"] {
        let enabled = find(&format!("{kind}.s3.enabled"));
        if enabled.and_then(|(_, a)| property(a, "Value").and_then(Value::as_bool)) != Some(true) {
            continue;
        }
        let Some((guards, attribute)) = find(&format!("{kind}.s3.bucket")) else {
            continue;
        };
        let Some(bucket): Option<Text> = text(attribute, "Value") else {
            continue;
        };
        let service = if network {
            "network-load-balancer"
        } else {
            "load-balancer"
        };
        Delivery {
            guards,
            prefix: find(&format!("{kind}.s3.prefix")).and_then(|(_, a)| text(a, "Value")),
            source_arn: network.then(|| logs_arn(linker, r)),
            ..Delivery::new(service, bucket, &attribute.place)
        }
        .declare(linker, r, out);
    }
}
