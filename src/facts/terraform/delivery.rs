//! Log targets and other deliveries that Terraform's resources configure.

mod by_role;
mod replication;
mod service;

use super::reading::{argument, block, blocks, own, text};
use crate::facts::declare::Declarations;
use crate::facts::delivery::{Delivery, Folder, logs_arn, plain, without_domain};
use crate::facts::link::Linker;
use crate::source::Resource;
use crate::value::{Piece, Text, Value};

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    replication::declare(linker, r, out);
    service::declare(linker, r, out);
    by_role::declare(linker, r, out);
    plain::declare(linker, r, out);
    let p = &r.properties;
    let place = &r.place;
    let is = |value: &Value, name: &str, wanted: bool| {
        argument(value, name).and_then(Value::as_bool) == Some(wanted)
    };
    match &*r.type_name {
        "aws_config_delivery_channel" => {
            if let Some(bucket) = text(p, "s3_bucket_name") {
                let recorder = linker.sources().resources.iter().find(|o| {
                    o.scope == r.scope && &*o.type_name == "aws_config_configuration_recorder"
                });
                Delivery {
                    prefix: text(p, "s3_key_prefix"),
                    role: recorder.and_then(|o| text(&o.properties, "role_arn")),
                    ..Delivery::new("config", bucket, place)
                }
                .declare(linker, r, out);
            }
        }
        "aws_lb" | "aws_alb" => {
            let network = match argument(p, "load_balancer_type").map(|v| v.as_str()) {
                None | Some(Some("application")) => false,
                Some(Some("network")) => true,
                Some(_) => return,
            };
            for kind in ["access_logs", "connection_logs", "health_check_logs"] {
                for logs in blocks(p, kind) {
                    // Without `enabled = true` nothing is delivered.
                    if !is(logs, "enabled", true) {
                        continue;
                    }
                    if let Some(bucket) = text(logs, "bucket") {
                        let service = if network {
                            "network-load-balancer"
                        } else {
                            "load-balancer"
                        };
                        Delivery {
                            prefix: text(logs, "prefix"),
                            source_arn: network.then(|| logs_arn(linker, r)),
                            ..Delivery::new(service, bucket, &logs.place)
                        }
                        .declare(linker, r, out);
                    }
                }
            }
        }
        "aws_cloudfront_distribution" => {
            for logs in blocks(p, "logging_config") {
                if let Some(bucket) = text(logs, "bucket") {
                    let bucket = without_domain(&linker.resolve(&bucket));
                    Delivery {
                        prefix: text(logs, "prefix"),
                        folder: Folder::Prefix,
                        ..Delivery::new("cloudfront-logs", bucket, &logs.place)
                    }
                    .declare(linker, r, out);
                }
            }
        }
        "aws_s3_bucket_logging" => {
            if let Some(target) = text(p, "target_bucket") {
                access_logs(linker, r, target, p, text(p, "bucket"), out);
            }
        }
        "aws_s3_bucket" => {
            if let Some(logging) = block(p, "logging") {
                if let Some(target) = text(logging, "target_bucket") {
                    access_logs(linker, r, target, logging, Some(own(r, "bucket")), out);
                }
            }
        }
        "aws_s3_bucket_inventory" => {
            let target = block(p, "destination").and_then(|d| block(d, "bucket"));
            // Of a directory bucket another service delivers, which no row of the table of writers is.
            let of = text(p, "bucket").map(|b| linker.resolve(&b));
            let directory = of.is_some_and(|b| is_directory_name(&b));
            let target = target.filter(|_| !directory);
            if let Some(bucket) = target.and_then(|t| text(t, "bucket_arn")) {
                let prefix = target.and_then(|t| text(t, "prefix"));
                Delivery {
                    folder: if prefix.is_some() {
                        Folder::Prefix
                    } else {
                        Folder::Unknown
                    },
                    prefix,
                    source_arn: text(p, "bucket").and_then(|b| bucket_arn(linker, r, &b)),
                    ..Delivery::new("inventory", bucket, place)
                }
                .declare(linker, r, out);
            }
        }
        _ => {}
    }
}

/// The names of directory buckets, and of no others, end with this suffix.
fn is_directory_name(name: &Text) -> bool {
    matches!(name.pieces().last(), Some(Piece::Literal(end)) if end.ends_with("--x-s3"))
}

fn access_logs(
    linker: &Linker<'_>,
    r: &Resource,
    target: Text,
    stated: &Value,
    source: Option<Text>,
    out: &mut Declarations,
) {
    let prefix = text(stated, "target_prefix");
    Delivery {
        folder: if prefix.as_ref().is_some_and(|p| !p.is_empty()) {
            Folder::Prefix
        } else {
            Folder::Unknown
        },
        prefix,
        source_arn: source.and_then(|b| bucket_arn(linker, r, &b)),
        ..Delivery::new("server-access-logs", target, &r.place)
    }
    .declare(linker, r, out);
}

/// The ARN of a bucket that is named by its name.
fn bucket_arn(linker: &Linker<'_>, r: &Resource, bucket: &Text) -> Option<Text> {
    let name = linker.resolve(bucket);
    if name.known_prefix().starts_with("arn:") {
        return Some(name);
    }
    let mut out = Text::literal("arn:");
    out.push(&linker.partition(r.scope, &r.provider));
    out.push_str(":s3:::");
    out.push(&name);
    Some(out)
}
