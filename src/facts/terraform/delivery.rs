//! Log targets and other deliveries that Terraform's resources configure.

mod by_role;
mod replication;
mod service;

use super::reading::{argument, block, blocks, own, text};
use crate::facts::declare::Declarations;
use crate::facts::delivery::{Delivery, Folder, logs_arn, split_destination, without_domain};
use crate::facts::link::Linker;
use crate::source::Resource;
use crate::value::{Text, Value};

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    replication::declare(linker, r, out);
    service::declare(linker, r, out);
    by_role::declare(linker, r, out);
    let p = &r.properties;
    let place = &r.place;
    let is = |value: &Value, name: &str, wanted: bool| {
        argument(value, name).and_then(Value::as_bool) == Some(wanted)
    };
    match &*r.type_name {
        "aws_cloudtrail" => {
            if let Some(bucket) = text(p, "s3_bucket_name") {
                let headers = Vec::new();
                Delivery {
                    prefix: text(p, "s3_key_prefix"),
                    source_arn: Some(own(r, "arn")),
                    headers,
                    ..Delivery::new("cloudtrail", bucket, place)
                }
                .declare(linker, r, out);
            }
        }
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
            for kind in ["access_logs", "connection_logs"] {
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
        "aws_elb" => {
            for logs in blocks(p, "access_logs") {
                if is(logs, "enabled", false) {
                    continue;
                }
                if let Some(bucket) = text(logs, "bucket") {
                    Delivery {
                        prefix: text(logs, "bucket_prefix"),
                        ..Delivery::new("load-balancer", bucket, &logs.place)
                    }
                    .declare(linker, r, out);
                }
            }
        }
        "aws_flow_log" => {
            let to_bucket =
                argument(p, "log_destination_type").and_then(Value::as_str) == Some("s3");
            if to_bucket {
                if let Some(destination) = text(p, "log_destination") {
                    let (bucket, folder) = split_destination(linker, &destination);
                    Delivery {
                        prefix: folder,
                        source_arn: Some(logs_arn(linker, r)),
                        ..Delivery::new("vpc-flow-logs", bucket, place)
                    }
                    .declare(linker, r, out);
                }
            }
        }
        "aws_route53_resolver_query_log_config" => {
            if let Some(destination) = text(p, "destination_arn").filter(|d| is_bucket(linker, d)) {
                let (bucket, folder) = split_destination(linker, &destination);
                Delivery {
                    prefix: folder,
                    source_arn: Some(logs_arn(linker, r)),
                    ..Delivery::new("resolver-query-logs", bucket, place)
                }
                .declare(linker, r, out);
            }
        }
        "aws_wafv2_web_acl_logging_configuration" => {
            for destination in argument(p, "log_destination_configs")
                .and_then(Value::as_items)
                .unwrap_or_default()
            {
                let Some(destination) = destination.as_text().filter(|d| is_bucket(linker, d))
                else {
                    continue;
                };
                let (bucket, _) = split_destination(linker, &destination);
                Delivery {
                    source_arn: Some(logs_arn(linker, r)),
                    ..Delivery::new("waf", bucket, place)
                }
                .declare(linker, r, out);
            }
        }
        "aws_networkfirewall_logging_configuration" => {
            for configuration in blocks(p, "logging_configuration")
                .iter()
                .flat_map(|l| blocks(l, "log_destination_config"))
            {
                if argument(configuration, "log_destination_type").and_then(Value::as_str)
                    != Some("S3")
                {
                    continue;
                }
                let Some(map) = argument(configuration, "log_destination") else {
                    continue;
                };
                if let Some(bucket) = text(map, "bucketName") {
                    Delivery {
                        prefix: text(map, "prefix"),
                        source_arn: Some(logs_arn(linker, r)),
                        ..Delivery::new("network-firewall", bucket, place)
                    }
                    .declare(linker, r, out);
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
        "aws_kinesis_firehose_delivery_stream" => {
            for kind in ["extended_s3_configuration", "s3_configuration"] {
                for target in blocks(p, kind) {
                    if let (Some(bucket), Some(role)) =
                        (text(target, "bucket_arn"), text(target, "role_arn"))
                    {
                        let prefix = text(target, "prefix").filter(|t| !has_expression(t));
                        Delivery {
                            role: Some(role),
                            folder: if prefix.is_some() {
                                Folder::Prefix
                            } else {
                                Folder::Unknown
                            },
                            prefix,
                            ..Delivery::new("firehose", bucket, &target.place)
                        }
                        .declare(linker, r, out);
                    }
                }
            }
        }
        "aws_ses_receipt_rule" => {
            for action in blocks(p, "s3_action") {
                if let Some(bucket) = text(action, "bucket_name") {
                    let prefix = text(action, "object_key_prefix");
                    Delivery {
                        folder: if prefix.is_some() {
                            Folder::Prefix
                        } else {
                            Folder::Unknown
                        },
                        prefix,
                        source_arn: Some(own(r, "arn")),
                        ..Delivery::new("ses-receipt", bucket, &action.place)
                    }
                    .declare(linker, r, out);
                }
            }
        }
        "aws_redshift_logging" => {
            let to_bucket =
                argument(p, "log_destination_type").and_then(Value::as_str) == Some("s3");
            if to_bucket {
                if let Some(bucket) = text(p, "bucket_name") {
                    Delivery {
                        folder: Folder::Unknown,
                        ..Delivery::new("redshift", bucket, place)
                    }
                    .declare(linker, r, out);
                }
            }
        }
        "aws_redshift_cluster" => {
            for logging in blocks(p, "logging") {
                if let (true, Some(bucket)) =
                    (is(logging, "enable", true), text(logging, "bucket_name"))
                {
                    Delivery {
                        folder: Folder::Unknown,
                        ..Delivery::new("redshift", bucket, &logging.place)
                    }
                    .declare(linker, r, out);
                }
            }
        }
        "aws_guardduty_publishing_destination" => {
            if let Some(destination) = text(p, "destination_arn") {
                let (bucket, _) = split_destination(linker, &destination);
                Delivery {
                    folder: Folder::Unknown,
                    ..Delivery::new("guardduty", bucket, place)
                }
                .declare(linker, r, out);
            }
        }
        "aws_cur_report_definition" => {
            if let Some(bucket) = text(p, "s3_bucket") {
                Delivery {
                    folder: Folder::Unknown,
                    ..Delivery::new("cost-report", bucket, place)
                }
                .declare(linker, r, out);
            }
        }
        _ => {}
    }
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

fn is_bucket(linker: &Linker<'_>, destination: &Text) -> bool {
    linker.resolve(destination).split_once(":s3:::").is_some()
}

/// Firehose evaluates `!{…}` in prefixes.
fn has_expression(prefix: &Text) -> bool {
    prefix.display().contains("!{")
}
