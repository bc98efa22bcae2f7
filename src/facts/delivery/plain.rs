//! Deliveries whose configuration is plain: one table of both formats, a row for each place of a resource type.
//!
//! A path leads through blocks, lists and mappings alike; each object at its end configures a delivery.

use super::{Delivery, Folder, logs_arn, split_destination};
use crate::facts::declare::Declarations;
use crate::facts::link::Linker;
use crate::facts::path::{at, objects};
use crate::source::Resource;
use crate::value::{Guards, Place, Text, Value};

/// When an object configures a delivery.
#[derive(Debug, Clone, Copy)]
enum On {
    Always,
    /// An entry has this value.
    Is(&'static str, &'static str),
    /// An entry has not this value.
    IsNot(&'static str, &'static str),
}

/// Where keys begin.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Keys {
    /// `AWSLogs/<account>/` behind the prefix.
    AwsLogs,
    /// With the prefix as it is.
    Below,
    /// With the prefix as a folder.
    Within,
    /// Not known.
    Unknown,
}

/// `aws:SourceArn` of the delivery.
#[derive(Debug, Clone, Copy)]
enum Source {
    None,
    Own,
    Logs,
}

#[derive(Debug, Clone, Copy)]
struct Plain {
    service: &'static str,
    resource: &'static str,
    /// Path to the objects; empty for the resource itself.
    base: &'static str,
    on: On,
    /// Name, ARN or destination of the bucket; empty where the object itself is the text.
    bucket: &'static str,
    prefix: &'static str,
    keys: Keys,
    role: &'static str,
    key: &'static str,
    source: Source,
}

const fn plain(service: &'static str, resource: &'static str, bucket: &'static str) -> Plain {
    Plain {
        service,
        resource,
        base: "",
        on: On::Always,
        bucket,
        prefix: "",
        keys: Keys::Unknown,
        role: "",
        key: "",
        source: Source::None,
    }
}

/// Firehose names its target alike wherever it stands.
const fn firehose(base: &'static str, on: On) -> Plain {
    Plain {
        base,
        on,
        prefix: "prefix",
        keys: Keys::Below,
        role: "role_arn",
        key: "kms_key_arn",
        ..plain(
            "firehose",
            "aws_kinesis_firehose_delivery_stream",
            "bucket_arn",
        )
    }
}

const fn firehose_template(base: &'static str, on: On) -> Plain {
    Plain {
        base,
        on,
        prefix: "Prefix",
        keys: Keys::Below,
        role: "RoleARN",
        key: "EncryptionConfiguration.KMSEncryptionConfig.AWSKMSKeyARN",
        ..plain(
            "firehose",
            "AWS::KinesisFirehose::DeliveryStream",
            "BucketARN",
        )
    }
}

const BACKED_UP: On = On::Is("s3_backup_mode", "Enabled");

const TABLE: &[Plain] = &[
    Plain {
        prefix: "s3_key_prefix",
        keys: Keys::AwsLogs,
        key: "kms_key_id",
        source: Source::Own,
        ..plain("cloudtrail", "aws_cloudtrail", "s3_bucket_name")
    },
    Plain {
        prefix: "S3KeyPrefix",
        keys: Keys::AwsLogs,
        key: "KMSKeyId",
        source: Source::Own,
        ..plain("cloudtrail", "AWS::CloudTrail::Trail", "S3BucketName")
    },
    Plain {
        base: "access_logs",
        on: On::IsNot("enabled", "false"),
        prefix: "bucket_prefix",
        keys: Keys::AwsLogs,
        ..plain("load-balancer", "aws_elb", "bucket")
    },
    Plain {
        base: "AccessLoggingPolicy",
        on: On::Is("Enabled", "true"),
        prefix: "S3BucketPrefix",
        keys: Keys::AwsLogs,
        ..plain(
            "load-balancer",
            "AWS::ElasticLoadBalancing::LoadBalancer",
            "S3BucketName",
        )
    },
    Plain {
        on: On::Is("log_destination_type", "s3"),
        keys: Keys::AwsLogs,
        source: Source::Logs,
        ..plain("vpc-flow-logs", "aws_flow_log", "log_destination")
    },
    Plain {
        on: On::Is("LogDestinationType", "s3"),
        keys: Keys::AwsLogs,
        source: Source::Logs,
        ..plain("vpc-flow-logs", "AWS::EC2::FlowLog", "LogDestination")
    },
    Plain {
        keys: Keys::AwsLogs,
        source: Source::Logs,
        ..plain(
            "resolver-query-logs",
            "aws_route53_resolver_query_log_config",
            "destination_arn",
        )
    },
    Plain {
        keys: Keys::AwsLogs,
        source: Source::Logs,
        ..plain(
            "resolver-query-logs",
            "AWS::Route53Resolver::ResolverQueryLoggingConfig",
            "DestinationArn",
        )
    },
    Plain {
        base: "log_destination_configs",
        keys: Keys::AwsLogs,
        source: Source::Logs,
        ..plain("waf", "aws_wafv2_web_acl_logging_configuration", "")
    },
    Plain {
        base: "LogDestinationConfigs",
        keys: Keys::AwsLogs,
        source: Source::Logs,
        ..plain("waf", "AWS::WAFv2::LoggingConfiguration", "")
    },
    Plain {
        base: "logging_configuration.log_destination_config",
        on: On::Is("log_destination_type", "S3"),
        prefix: "log_destination.prefix",
        keys: Keys::AwsLogs,
        source: Source::Logs,
        ..plain(
            "network-firewall",
            "aws_networkfirewall_logging_configuration",
            "log_destination.bucketName",
        )
    },
    Plain {
        base: "LoggingConfiguration.LogDestinationConfigs",
        on: On::Is("LogDestinationType", "S3"),
        prefix: "LogDestination.prefix",
        keys: Keys::AwsLogs,
        source: Source::Logs,
        ..plain(
            "network-firewall",
            "AWS::NetworkFirewall::LoggingConfiguration",
            "LogDestination.bucketName",
        )
    },
    Plain {
        base: "logging_info.broker_logs.s3",
        on: On::Is("enabled", "true"),
        prefix: "prefix",
        keys: Keys::AwsLogs,
        source: Source::Logs,
        ..plain("msk", "aws_msk_cluster", "bucket")
    },
    Plain {
        base: "LoggingInfo.BrokerLogs.S3",
        on: On::Is("Enabled", "true"),
        prefix: "Prefix",
        keys: Keys::AwsLogs,
        source: Source::Logs,
        ..plain("msk", "AWS::MSK::Cluster", "Bucket")
    },
    // The service is global; which Region its logs name is not documented.
    Plain {
        base: "attributes",
        on: On::Is("flow_logs_enabled", "true"),
        prefix: "flow_logs_s3_prefix",
        keys: Keys::AwsLogs,
        ..plain(
            "global-accelerator",
            "aws_globalaccelerator_accelerator",
            "flow_logs_s3_bucket",
        )
    },
    Plain {
        keys: Keys::Unknown,
        ..plain("spot-data-feed", "aws_spot_datafeed_subscription", "bucket")
    },
    Plain {
        base: "delivery_destination_configuration",
        keys: Keys::Within,
        ..plain(
            "log-delivery-v2",
            "aws_cloudwatch_log_delivery_destination",
            "destination_resource_arn",
        )
    },
    Plain {
        keys: Keys::Within,
        ..plain(
            "log-delivery-v2",
            "AWS::Logs::DeliveryDestination",
            "DestinationResourceArn",
        )
    },
    firehose("extended_s3_configuration", On::Always),
    firehose("s3_configuration", On::Always),
    firehose("redshift_configuration.s3_configuration", On::Always),
    firehose("elasticsearch_configuration.s3_configuration", On::Always),
    firehose("opensearch_configuration.s3_configuration", On::Always),
    firehose(
        "opensearchserverless_configuration.s3_configuration",
        On::Always,
    ),
    firehose("splunk_configuration.s3_configuration", On::Always),
    firehose("http_endpoint_configuration.s3_configuration", On::Always),
    firehose("snowflake_configuration.s3_configuration", On::Always),
    firehose("iceberg_configuration.s3_configuration", On::Always),
    firehose_template("ExtendedS3DestinationConfiguration", On::Always),
    firehose_template("S3DestinationConfiguration", On::Always),
    firehose_template(
        "RedshiftDestinationConfiguration.S3Configuration",
        On::Always,
    ),
    firehose_template(
        "ElasticsearchDestinationConfiguration.S3Configuration",
        On::Always,
    ),
    firehose_template(
        "AmazonopensearchserviceDestinationConfiguration.S3Configuration",
        On::Always,
    ),
    firehose_template(
        "AmazonOpenSearchServerlessDestinationConfiguration.S3Configuration",
        On::Always,
    ),
    firehose_template("SplunkDestinationConfiguration.S3Configuration", On::Always),
    firehose_template(
        "HttpEndpointDestinationConfiguration.S3Configuration",
        On::Always,
    ),
    firehose_template(
        "SnowflakeDestinationConfiguration.S3Configuration",
        On::Always,
    ),
    firehose_template(
        "IcebergDestinationConfiguration.S3Configuration",
        On::Always,
    ),
    Plain {
        base: "s3_action",
        prefix: "object_key_prefix",
        keys: Keys::Below,
        source: Source::Own,
        ..plain("ses-receipt", "aws_ses_receipt_rule", "bucket_name")
    },
    Plain {
        base: "Rule.Actions.S3Action",
        prefix: "ObjectKeyPrefix",
        keys: Keys::Below,
        ..plain("ses-receipt", "AWS::SES::ReceiptRule", "BucketName")
    },
    Plain {
        on: On::Is("log_destination_type", "s3"),
        ..plain("redshift", "aws_redshift_logging", "bucket_name")
    },
    Plain {
        base: "logging",
        on: On::Is("enable", "true"),
        ..plain("redshift", "aws_redshift_cluster", "bucket_name")
    },
    Plain {
        base: "LoggingProperties",
        on: On::IsNot("LogDestinationType", "cloudwatch"),
        ..plain("redshift", "AWS::Redshift::Cluster", "BucketName")
    },
    Plain {
        key: "kms_key_arn",
        ..plain(
            "guardduty",
            "aws_guardduty_publishing_destination",
            "destination_arn",
        )
    },
    Plain {
        base: "DestinationProperties",
        key: "KmsKeyArn",
        ..plain(
            "guardduty",
            "AWS::GuardDuty::PublishingDestination",
            "DestinationArn",
        )
    },
    plain("cost-report", "aws_cur_report_definition", "s3_bucket"),
    plain("cost-report", "AWS::CUR::ReportDefinition", "S3Bucket"),
    Plain {
        base: "export.destination_configurations.s3_destination",
        ..plain("data-export", "aws_bcmdataexports_export", "s3_bucket")
    },
    Plain {
        base: "Export.DestinationConfigurations.S3Destination",
        ..plain("data-export", "AWS::BCMDataExports::Export", "S3Bucket")
    },
    Plain {
        prefix: "s3_prefix",
        keys: Keys::Within,
        role: "iam_role_arn",
        key: "kms_key_id",
        ..plain("rds-export", "aws_rds_export_task", "s3_bucket_name")
    },
    Plain {
        base: "s3_destination",
        key: "kms_key_arn",
        ..plain(
            "macie",
            "aws_macie2_classification_export_configuration",
            "bucket_name",
        )
    },
    Plain {
        base: "extended_s3_configuration.s3_backup_configuration",
        ..firehose("", BACKED_UP)
    },
    Plain {
        base: "ExtendedS3DestinationConfiguration.S3BackupConfiguration",
        ..firehose_template("", On::Is("S3BackupMode", "Enabled"))
    },
];

/// Adds the deliveries of a resource that the table knows.
pub fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    for row in TABLE.iter().filter(|row| *row.resource == *r.type_name) {
        for (guards, object, around) in objects(&r.properties, row.base) {
            // A switch may stand beside the block that it switches.
            let switched = matches!(row.on, On::Is(..)) && around.is_some_and(|a| row.holds(a));
            if row.holds(object) || switched {
                row.one(linker, r, object, guards, out);
            }
        }
    }
}

impl Plain {
    fn holds(&self, object: &Value) -> bool {
        let is = |path: &str, wanted: &str| {
            at(object, path).is_some_and(|v| match v.as_str() {
                Some(text) => text == wanted,
                None => v.as_bool().is_some_and(|b| b.to_string() == wanted),
            })
        };
        match self.on {
            On::Always => true,
            On::Is(path, wanted) => is(path, wanted),
            On::IsNot(path, wanted) => !is(path, wanted),
        }
    }

    fn one(
        &self,
        linker: &Linker<'_>,
        r: &Resource,
        object: &Value,
        guards: Guards,
        out: &mut Declarations,
    ) {
        let stated = if self.bucket.is_empty() {
            Some(object)
        } else {
            at(object, self.bucket)
        };
        let Some(destination) = stated.and_then(Value::as_text) else {
            return;
        };
        // Another kind of destination (a log group, a stream).
        let written = linker.resolve(&destination);
        if written.known_prefix().starts_with("arn:") && written.split_once(":s3:::").is_none() {
            return;
        }
        let (bucket, folder) = split_destination(linker, &destination);
        let placed = |path: &str| -> Option<(Text, Place)> {
            let found = at(object, path)?;
            Some((found.as_text()?, found.place.clone()))
        };
        // Firehose computes what stands in `!{…}`.
        let prefix = folder.or_else(|| {
            placed(self.prefix)
                .map(|(t, _)| t)
                .filter(|t| !t.display().contains("!{"))
        });
        let role = match self.role {
            "" => None,
            path => match placed(path) {
                Some((role, _)) => Some(role),
                None => return,
            },
        };
        let place = if self.base.is_empty() {
            &r.place
        } else {
            &object.place
        };
        let mut delivery = Delivery {
            guards,
            role,
            source_arn: match self.source {
                Source::None => None,
                Source::Own => Some(linker.arn(r)),
                Source::Logs => Some(logs_arn(linker, r)),
            },
            ..Delivery::new(self.service, bucket, place)
        };
        delivery = match self.keys {
            Keys::AwsLogs => Delivery { prefix, ..delivery },
            Keys::Below => delivery.below(prefix),
            Keys::Within => delivery.within(prefix),
            Keys::Unknown => Delivery {
                folder: Folder::Unknown,
                ..delivery
            },
        };
        if let Some((key, at)) = placed(self.key) {
            delivery = delivery.with_key(key, &at);
        }
        delivery.declare(linker, r, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_name_writers() {
        for row in TABLE {
            let writer = crate::upload::writers::writer(row.service);
            assert!(writer.is_some(), "{}", row.resource);
            let by_role = writer.is_some_and(|w| w.signer == crate::upload::writers::Signer::Role);
            assert_eq!(by_role, !row.role.is_empty(), "{}", row.resource);
        }
    }
}
