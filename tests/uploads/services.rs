//! Deliveries of AWS services that the sources configure, in both formats: seen, and played with what each sends.

use iaclint::files::MemoryFiles;
use iaclint::report::Report;

use crate::estate::{loud, run};

fn one(path: &str, text: &str) -> Report {
    let mut files = MemoryFiles::new();
    files.insert(path, text);
    run(&files)
}

/// The bucket denies everybody: each delivery that is seen is refused.
fn closed(name: &str) -> String {
    format!(
        "provider \"aws\" {{\n region = \"eu-west-1\"\n allowed_account_ids = [\"111122223333\"]\n}}\nresource \"aws_s3_bucket\" \"b\" {{\n bucket = \"{name}\"\n}}\nresource \"aws_s3_bucket_policy\" \"b\" {{\n bucket = aws_s3_bucket.b.id\n policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Deny\", Principal = \"*\", Action = \"s3:*\", Resource = [aws_s3_bucket.b.arn, \"${{aws_s3_bucket.b.arn}}/*\"] }}] }})\n}}\n"
    )
}

fn closed_template(name: &str) -> String {
    format!(
        "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties: {{ BucketName: {name} }}\n  P:\n    Type: AWS::S3::BucketPolicy\n    Properties:\n      Bucket: !Ref B\n      PolicyDocument: {{ Version: \"2012-10-17\", Statement: [{{ Effect: Deny, Principal: \"*\", Action: \"s3:*\", Resource: [!GetAtt B.Arn, !Sub \"${{B.Arn}}/*\"] }}] }}\n"
    )
}

/// Resource type, its arguments; in Terraform and in CloudFormation.
const DELIVERIES: &[(&str, &str)] = &[
    (
        "aws_cloudtrail",
        "name = \"t\"\n s3_bucket_name = aws_s3_bucket.b.id",
    ),
    (
        "AWS::CloudTrail::Trail",
        "{ IsLogging: true, S3BucketName: !Ref B }",
    ),
    (
        "aws_elb",
        "access_logs {\n  bucket = aws_s3_bucket.b.id\n }",
    ),
    (
        "AWS::ElasticLoadBalancing::LoadBalancer",
        "{ Listeners: [], AccessLoggingPolicy: { Enabled: true, S3BucketName: !Ref B } }",
    ),
    (
        "aws_lb",
        "load_balancer_type = \"application\"\n health_check_logs {\n  bucket = aws_s3_bucket.b.id\n  enabled = true\n }",
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "{ LoadBalancerAttributes: [{ Key: health_check_logs.s3.enabled, Value: \"true\" }, { Key: health_check_logs.s3.bucket, Value: !Ref B }] }",
    ),
    (
        "aws_flow_log",
        "traffic_type = \"ALL\"\n log_destination_type = \"s3\"\n log_destination = \"${aws_s3_bucket.b.arn}/flow/\"",
    ),
    (
        "AWS::EC2::FlowLog",
        "{ ResourceId: vpc-0a1b2c3d, ResourceType: VPC, LogDestinationType: s3, LogDestination: !GetAtt B.Arn }",
    ),
    (
        "aws_route53_resolver_query_log_config",
        "name = \"q\"\n destination_arn = aws_s3_bucket.b.arn",
    ),
    (
        "AWS::Route53Resolver::ResolverQueryLoggingConfig",
        "{ DestinationArn: !GetAtt B.Arn }",
    ),
    (
        "aws_wafv2_web_acl_logging_configuration",
        "resource_arn = \"arn\"\n log_destination_configs = [aws_s3_bucket.b.arn]",
    ),
    (
        "AWS::WAFv2::LoggingConfiguration",
        "{ ResourceArn: arn, LogDestinationConfigs: [!GetAtt B.Arn] }",
    ),
    (
        "aws_networkfirewall_logging_configuration",
        "logging_configuration {\n  log_destination_config {\n   log_type = \"FLOW\"\n   log_destination_type = \"S3\"\n   log_destination = { bucketName = aws_s3_bucket.b.id }\n  }\n }",
    ),
    (
        "AWS::NetworkFirewall::LoggingConfiguration",
        "{ LoggingConfiguration: { LogDestinationConfigs: [{ LogType: FLOW, LogDestinationType: S3, LogDestination: { bucketName: !Ref B } }] } }",
    ),
    (
        "aws_msk_cluster",
        "logging_info {\n  broker_logs {\n   s3 {\n    enabled = true\n    bucket = aws_s3_bucket.b.id\n   }\n  }\n }",
    ),
    (
        "AWS::MSK::Cluster",
        "{ LoggingInfo: { BrokerLogs: { S3: { Enabled: true, Bucket: !Ref B } } } }",
    ),
    (
        "aws_globalaccelerator_accelerator",
        "name = \"a\"\n attributes {\n  flow_logs_enabled = true\n  flow_logs_s3_bucket = aws_s3_bucket.b.id\n }",
    ),
    (
        "aws_cloudwatch_log_delivery_destination",
        "name = \"d\"\n delivery_destination_configuration {\n  destination_resource_arn = aws_s3_bucket.b.arn\n }",
    ),
    (
        "AWS::Logs::DeliveryDestination",
        "{ Name: d, DestinationResourceArn: !GetAtt B.Arn }",
    ),
    (
        "aws_ses_receipt_rule",
        "name = \"r\"\n rule_set_name = \"s\"\n s3_action {\n  bucket_name = aws_s3_bucket.b.id\n  position = 1\n }",
    ),
    (
        "AWS::SES::ReceiptRule",
        "{ RuleSetName: s, Rule: { Actions: [{ S3Action: { BucketName: !Ref B } }] } }",
    ),
    (
        "aws_redshift_logging",
        "cluster_identifier = \"c\"\n log_destination_type = \"s3\"\n bucket_name = aws_s3_bucket.b.id",
    ),
    (
        "AWS::Redshift::Cluster",
        "{ LoggingProperties: { BucketName: !Ref B } }",
    ),
    (
        "aws_guardduty_publishing_destination",
        "detector_id = \"d\"\n destination_arn = aws_s3_bucket.b.arn\n kms_key_arn = \"arn:aws:kms:eu-west-1:111122223333:key/k\"",
    ),
    (
        "AWS::GuardDuty::PublishingDestination",
        "{ DetectorId: d, DestinationType: S3, DestinationProperties: { DestinationArn: !GetAtt B.Arn, KmsKeyArn: \"arn:aws:kms:eu-west-1:111122223333:key/k\" } }",
    ),
    (
        "aws_cur_report_definition",
        "report_name = \"r\"\n s3_bucket = aws_s3_bucket.b.id",
    ),
    (
        "AWS::CUR::ReportDefinition",
        "{ ReportName: r, S3Bucket: !Ref B }",
    ),
];

#[test]
fn every_delivery_is_seen() {
    for (resource, arguments) in DELIVERIES {
        let terraform = resource.starts_with("aws_");
        let name = if resource.contains("waf") || resource.contains("WAF") {
            "aws-waf-logs-example"
        } else {
            "example-b"
        };
        let (path, text) = if terraform {
            let text = format!(
                "{}resource \"{resource}\" \"d\" {{\n {arguments}\n}}\n",
                closed(name)
            );
            ("main.tf", text)
        } else {
            let text = format!(
                "{}  D:\n    Type: {resource}\n    Properties: {arguments}\n",
                closed_template(name)
            );
            ("template.yaml", text)
        };
        let report = one(path, &text);
        assert!(report.not_understood.is_empty(), "{resource}");
        let rules = loud(&report);
        assert!(
            rules.contains(&"bucket-policy-denies-upload"),
            "{resource}: {rules:?}"
        );
        // The Deny locks the deployment out too.
        let outcomes: Vec<&str> = report
            .decided
            .iter()
            .filter(|d| &*d.caller != "whoever applies the configuration")
            .map(|d| d.outcome.name())
            .collect();
        assert_eq!(outcomes, ["service-delivery-denied"], "{resource}");
    }
}

#[test]
fn firehose_wherever_its_target_stands() {
    for (outer, kind) in [
        ("", "extended_s3_configuration"),
        ("redshift_configuration", "s3_configuration"),
        ("http_endpoint_configuration", "s3_configuration"),
    ] {
        let role = "resource \"aws_iam_role\" \"f\" {\n name = \"f\"\n assume_role_policy = jsonencode({ Version = \"2012-10-17\", Statement = [{ Effect = \"Allow\", Action = \"sts:AssumeRole\", Principal = { Service = \"firehose.amazonaws.com\" } }] })\n}\n";
        let inner = format!(
            "{kind} {{\n  role_arn = aws_iam_role.f.arn\n  bucket_arn = aws_s3_bucket.b.arn\n }}"
        );
        let target = match outer {
            "" => inner,
            outer => format!("{outer} {{\n {inner}\n }}"),
        };
        let text = format!(
            "{}{role}resource \"aws_kinesis_firehose_delivery_stream\" \"s\" {{\n name = \"s\"\n {target}\n}}\n",
            closed("example-b")
        );
        let rules = loud(&one("main.tf", &text));
        assert!(
            rules.contains(&"bucket-policy-denies-upload"),
            "{outer}: {rules:?}"
        );
    }
}

/// A trail's key as AWS documents its policy; `context` is the key that the condition asks for.
fn trail(context: &str, own_key: bool) -> [(&'static str, String); 2] {
    let key = |yes: &str| {
        if own_key {
            yes.to_string()
        } else {
            String::new()
        }
    };
    let terraform = format!(
        r#"
provider "aws" {{
  region              = "eu-west-1"
  allowed_account_ids = ["111122223333"]
}}
resource "aws_kms_key" "k" {{
  policy = jsonencode({{ Version = "2012-10-17", Statement = [
    {{ Effect = "Allow", Principal = {{ AWS = "arn:aws:iam::111122223333:root" }}, Action = "kms:*", Resource = "*" }},
    {{ Effect = "Allow", Principal = {{ Service = "cloudtrail.amazonaws.com" }}, Action = "kms:GenerateDataKey*", Resource = "*", Condition = {{ StringEquals = {{ "aws:SourceArn" = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main" }}, StringLike = {{ "{context}" = "arn:aws:cloudtrail:*:111122223333:trail/*" }} }} }},
  ] }})
}}
resource "aws_s3_bucket" "b" {{
  bucket = "example-b"
}}
resource "aws_s3_bucket_server_side_encryption_configuration" "b" {{
  bucket = aws_s3_bucket.b.id
  rule {{
    apply_server_side_encryption_by_default {{
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.k.arn
    }}
  }}
}}
resource "aws_s3_bucket_policy" "b" {{
  bucket = aws_s3_bucket.b.id
  policy = jsonencode({{ Version = "2012-10-17", Statement = [
    {{ Effect = "Allow", Principal = {{ Service = "cloudtrail.amazonaws.com" }}, Action = ["s3:GetBucketAcl", "s3:PutObject"], Resource = [aws_s3_bucket.b.arn, "${{aws_s3_bucket.b.arn}}/AWSLogs/*"] }},
  ] }})
}}
resource "aws_cloudtrail" "t" {{
  name           = "main"
  s3_bucket_name = aws_s3_bucket.b.id
  {}
}}
"#,
        key("kms_key_id = aws_kms_key.k.arn")
    );
    let template = format!(
        r#"
Resources:
  K:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - {{ Effect: Allow, Principal: {{ AWS: !Sub "arn:aws:iam::${{AWS::AccountId}}:root" }}, Action: "kms:*", Resource: "*" }}
          - Effect: Allow
            Principal: {{ Service: cloudtrail.amazonaws.com }}
            Action: "kms:GenerateDataKey*"
            Resource: "*"
            Condition:
              StringEquals: {{ "aws:SourceArn": !Sub "arn:aws:cloudtrail:${{AWS::Region}}:${{AWS::AccountId}}:trail/main" }}
              StringLike: {{ "{context}": !Sub "arn:aws:cloudtrail:*:${{AWS::AccountId}}:trail/*" }}
  B:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: example-b
      BucketEncryption: {{ ServerSideEncryptionConfiguration: [{{ ServerSideEncryptionByDefault: {{ SSEAlgorithm: aws:kms, KMSMasterKeyID: !GetAtt K.Arn }} }}] }}
  P:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref B
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {{ Effect: Allow, Principal: {{ Service: cloudtrail.amazonaws.com }}, Action: [s3:GetBucketAcl, s3:PutObject], Resource: [!GetAtt B.Arn, !Sub "${{B.Arn}}/AWSLogs/*"] }}
  T:
    Type: AWS::CloudTrail::Trail
    Properties:
      TrailName: main
      IsLogging: true
      S3BucketName: !Ref B
{}
"#,
        key("      KMSKeyId: !GetAtt K.Arn")
    );
    [("main.tf", terraform), ("template.yaml", template)]
}

#[test]
fn a_trail_names_itself_to_its_key() {
    let named = "kms:EncryptionContext:aws:cloudtrail:arn";
    for (context, own_key, found, outcome) in [
        (named, true, vec![], "allowed"),
        // Whether the bucket's default key is told the trail is not documented.
        (named, false, vec![], "depends"),
        (
            "kms:EncryptionContext:aws:trail:arn",
            true,
            vec!["key-policy-allows-only-with-condition"],
            "service-delivery-denied",
        ),
    ] {
        for (path, text) in trail(context, own_key) {
            let report = one(path, &text);
            assert_eq!(loud(&report), found, "{path}: {context}, {own_key}");
            let outcomes: Vec<&str> = report.decided.iter().map(|d| d.outcome.name()).collect();
            assert_eq!(outcomes, [outcome], "{path}: {context}, {own_key}");
        }
    }
}

#[test]
fn load_balancers_log_into_their_own_region() {
    let text = |region: &str, prefix: &str| {
        format!(
            "provider \"aws\" {{\n region = \"eu-west-1\"\n allowed_account_ids = [\"111122223333\"]\n}}\nprovider \"aws\" {{\n alias = \"o\"\n region = \"{region}\"\n allowed_account_ids = [\"111122223333\"]\n}}\nresource \"aws_s3_bucket\" \"b\" {{\n provider = aws.o\n bucket = \"example-b\"\n}}\nresource \"aws_s3_bucket_policy\" \"b\" {{\n provider = aws.o\n bucket = aws_s3_bucket.b.id\n policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Principal = {{ Service = \"logdelivery.elasticloadbalancing.amazonaws.com\" }}, Action = \"s3:PutObject\", Resource = \"${{aws_s3_bucket.b.arn}}/*\" }}] }})\n}}\nresource \"aws_lb\" \"l\" {{\n load_balancer_type = \"application\"\n access_logs {{\n  bucket = aws_s3_bucket.b.id\n  prefix = \"{prefix}\"\n  enabled = true\n }}\n}}\n"
        )
    };
    for (region, prefix, found) in [
        ("eu-west-1", "web", vec![]),
        ("us-east-1", "web", vec!["service-rejects-target"]),
        ("eu-west-1", "AWSLogs/web", vec!["service-rejects-target"]),
    ] {
        assert_eq!(
            loud(&one("main.tf", &text(region, prefix))),
            found,
            "{region} {prefix}"
        );
    }
}

/// An inventory of a directory bucket comes from S3 Express, of which nothing is claimed; one of another bucket
/// is a delivery.
#[test]
fn inventories_of_directory_buckets_are_no_deliveries_of_s3() {
    let inventory = |source: &str| {
        let text = format!(
            "{}resource \"aws_s3_bucket_inventory\" \"i\" {{\n bucket = \"{source}\"\n name = \"i\"\n included_object_versions = \"All\"\n destination {{\n  bucket {{\n   format = \"CSV\"\n   bucket_arn = aws_s3_bucket.b.arn\n  }}\n }}\n schedule {{\n  frequency = \"Daily\"\n }}\n}}\n",
            closed("acme-inventory")
        );
        let decided = one("main.tf", &text).decided;
        let service = |d: &&iaclint::report::DecidedUpload| {
            d.outcome == iaclint::outcome::Outcome::ServiceDeliveryDenied
        };
        decided.iter().filter(service).count()
    };
    assert_eq!(inventory("acme-data--euw1-az1--x-s3"), 0);
    assert_eq!(inventory("acme-data"), 1);
}
