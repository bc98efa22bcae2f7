//! Deliveries from their configuration to their outcome.

use crate::analysis::{Request, load};
use crate::facts::{BucketUse, Sender};
use crate::files::MemoryFiles;
use crate::upload::shown::decide;

/// What a configuration shows: who sends, the key, the headers and the outcome, one line a delivery.
fn played(name: &str, text: &str) -> Vec<String> {
    let mut files = MemoryFiles::default();
    files.insert(name, text);
    let mut request = Request::default();
    request.inputs.account = Some("111122223333".into());
    request.inputs.region = Some("eu-west-1".into());
    let (sources, estate) = load(&files, &request);
    let mut out = Vec::new();
    for shown in estate.shown.iter() {
        let mut alone = estate.clone();
        alone.shown = vec![shown.clone()];
        let role = |at: usize| {
            estate
                .callers
                .get(at)
                .map_or(String::new(), |c| c.name.display())
        };
        let sender = match &shown.sender {
            Sender::Caller(at) => format!("role {}", role(*at)),
            Sender::Deployer { .. } => "deployer".into(),
            Sender::Writer {
                service,
                role: Some(at),
                ..
            } => format!("{service} by {}", role(*at)),
            Sender::Writer { service, .. } => service.to_string(),
        };
        let bucket = match &shown.bucket {
            BucketUse::Declared(at) => estate
                .buckets
                .get(*at)
                .map_or(String::new(), |b| b.name.display()),
            other => format!("{other:?}"),
        };
        let key = shown.key.as_ref().map_or("*".into(), |k| k.display());
        let headers: Vec<String> = shown
            .headers
            .iter()
            .map(|h| {
                let name = h
                    .name
                    .trim_start_matches("x-amz-")
                    .replace("server-side-encryption", "sse");
                format!(" {name}={}", h.value.display())
            })
            .collect();
        let outcome = decide(&alone, &sources.scopes)
            .first()
            .map_or("unplayed", |d| d.outcome.name());
        out.push(format!(
            "{sender} > {bucket}/{key}{}: {outcome}",
            headers.concat()
        ));
    }
    out
}

fn check(name: &str, frame: &str, cases: &[(&str, &[&str])]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(text, expected)| {
            let found = played(name, &format!("{frame}{text}\n"));
            (found != *expected).then(|| format!("{text}\n  gives {found:?}\n  not   {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const TERRAFORM: &str = r#"
resource "aws_s3_bucket" "t" { bucket = "acme-t" }
resource "aws_s3_bucket" "s" { bucket = "acme-s" }
resource "aws_iam_role" "r" {
  name = "acme"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "x.amazonaws.com" } }] })
}
resource "aws_kms_key" "k" {}
"#;

#[test]
fn deliveries_of_terraform() {
    let cases: &[(&str, &[&str])] = &[
        (
            r#"resource "aws_s3_bucket_replication_configuration" "x" {
  bucket = aws_s3_bucket.s.id
  role   = aws_iam_role.r.arn
  rule {
    status = "Enabled"
    filter { prefix = "in/" }
    destination { bucket = aws_s3_bucket.t.arn }
  }
  rule {
    status = "Disabled"
    destination { bucket = aws_s3_bucket.t.arn }
  }
}"#,
            &["replication by acme > acme-t/in/x: service-delivery-denied"],
        ),
        (
            r#"resource "aws_iam_role_policy" "p" {
  role   = aws_iam_role.r.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = ["s3:Replicate*", "s3:ObjectOwnerOverrideToBucketOwner", "kms:Encrypt"], Resource = "*" }] })
}
resource "aws_s3_bucket_replication_configuration" "x" {
  bucket = aws_s3_bucket.s.id
  role   = aws_iam_role.r.arn
  rule {
    status = "Enabled"
    source_selection_criteria {
      sse_kms_encrypted_objects { status = "Enabled" }
    }
    destination {
      bucket = aws_s3_bucket.t.arn
      access_control_translation { owner = "Destination" }
      encryption_configuration { replica_kms_key_id = "alias/other" }
    }
  }
}"#,
            &[
                "replication-kms-owner-override by acme > acme-t/* sse=aws:kms sse-aws-kms-key-id=alias/other: depends",
            ],
        ),
        (
            r#"resource "aws_s3_bucket_analytics_configuration" "x" {
  bucket = aws_s3_bucket.s.id
  name   = "all"
  storage_class_analysis {
    data_export {
      destination {
        s3_bucket_destination {
          bucket_arn = aws_s3_bucket.t.arn
          prefix     = "a"
        }
      }
    }
  }
}"#,
            &["storage-class-analysis > acme-t/ax: service-delivery-denied"],
        ),
        (
            r#"resource "aws_msk_cluster" "x" {
  logging_info {
    broker_logs {
      s3 {
        enabled = true
        bucket  = aws_s3_bucket.t.id
        prefix  = "msk"
      }
    }
  }
}"#,
            &["msk > acme-t/msk/AWSLogs/111122223333/x: depends"],
        ),
        (
            r#"resource "aws_globalaccelerator_accelerator" "x" {
  attributes {
    flow_logs_enabled   = true
    flow_logs_s3_bucket = aws_s3_bucket.t.id
    flow_logs_s3_prefix = "g/"
  }
}"#,
            &["global-accelerator > acme-t/g/AWSLogs/111122223333/x: depends"],
        ),
        (
            r#"resource "aws_cloudwatch_log_delivery_destination" "x" {
  delivery_destination_configuration { destination_resource_arn = "${aws_s3_bucket.t.arn}/cf" }
}"#,
            &["log-delivery-v2 > acme-t/cf/x: depends"],
        ),
        (
            r#"resource "aws_dms_s3_endpoint" "x" {
  endpoint_type             = "target"
  bucket_name               = aws_s3_bucket.t.id
  bucket_folder             = "d"
  canned_acl_for_objects    = "bucket-owner-full-control"
  encryption_mode           = "SSE_S3"
  service_access_role_arn   = aws_iam_role.r.arn
}"#,
            &[
                "dms by acme > acme-t/d/x sse=AES256 acl=bucket-owner-full-control: service-delivery-denied",
            ],
        ),
        (
            r#"resource "aws_transfer_user" "x" {
  role           = aws_iam_role.r.arn
  home_directory = "/${aws_s3_bucket.t.id}/home"
}"#,
            &["transfer by acme > acme-t/home/x: depends"],
        ),
        (
            r#"resource "aws_storagegateway_nfs_file_share" "x" {
  role_arn     = aws_iam_role.r.arn
  location_arn = aws_s3_bucket.t.arn
}"#,
            &["storage-gateway by acme > acme-t/* acl=private: service-delivery-denied"],
        ),
        (
            r#"resource "aws_acmpca_certificate_authority" "x" {
  revocation_configuration {
    crl_configuration {
      enabled        = true
      s3_bucket_name = aws_s3_bucket.t.id
    }
  }
}"#,
            &["private-ca > acme-t/* acl=public-read: service-delivery-denied"],
        ),
        (
            r#"resource "aws_codebuild_project" "x" {
  service_role   = aws_iam_role.r.arn
  encryption_key = aws_kms_key.k.key_id
  artifacts {
    type     = "S3"
    location = aws_s3_bucket.t.bucket
    path     = "out"
  }
  logs_config {
    s3_logs {
      status              = "ENABLED"
      location            = "${aws_s3_bucket.t.id}/logs"
      encryption_disabled = true
      bucket_owner_access = "FULL"
    }
  }
}"#,
            &[
                "role acme > acme-t/out/x sse=aws:kms sse-aws-kms-key-id=${aws_kms_key.k}: default-denied",
                "role acme > acme-t/logs/x acl=bucket-owner-full-control: default-denied",
            ],
        ),
        (
            r#"resource "aws_codebuild_project" "x" {
  service_role = aws_iam_role.r.arn
  environment {
    environment_variable {
      name  = "TARGET"
      value = aws_s3_bucket.t.id
    }
  }
  source {
    type      = "NO_SOURCE"
    buildspec = <<-EOT
      env:
        variables:
          NAME: site
      phases:
        build:
          commands:
            - "aws s3 cp $${NAME}.zip s3://$${TARGET}/$${NAME}.zip --acl public-read"
    EOT
  }
}"#,
            &["role acme > acme-t/site.zip acl=public-read: default-denied"],
        ),
        (
            r#"resource "aws_codepipeline" "x" {
  role_arn = aws_iam_role.r.arn
  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.t.id
    encryption_key {
      type = "KMS"
      id   = aws_kms_key.k.arn
    }
  }
  stage {
    name = "Source"
    action {
      category         = "Source"
      provider         = "CodeCommit"
      role_arn         = "arn:aws:iam::999999999999:role/far"
      output_artifacts = ["a"]
    }
  }
}"#,
            // The role of the only source takes the place of the pipeline's.
            &[
                "codepipeline > acme-t/* sse=aws:kms sse-aws-kms-key-id=arn:aws:kms:eu-west-1:111122223333:key/${aws_kms_key.k}: depends",
            ],
        ),
        (
            r#"resource "aws_codebuild_project" "build" {
  name           = "acme-build"
  service_role   = aws_iam_role.r.arn
  encryption_key = aws_kms_key.k.key_id
  artifacts { type = "CODEPIPELINE" }
}
resource "aws_codebuild_project" "plain" {
  name         = "acme-plain"
  service_role = aws_iam_role.r.arn
  artifacts { type = "CODEPIPELINE" }
}
resource "aws_codepipeline" "x" {
  role_arn = aws_iam_role.r.arn
  artifact_store {
    type     = "S3"
    region   = "eu-west-1"
    location = aws_s3_bucket.t.id
    encryption_key {
      type = "KMS"
      id   = aws_kms_key.k.arn
    }
  }
  artifact_store {
    type     = "S3"
    region   = "us-east-1"
    location = aws_s3_bucket.s.id
  }
  stage {
    name = "Build"
    action {
      category         = "Build"
      provider         = "CodeBuild"
      output_artifacts = ["a"]
      configuration    = { ProjectName = "acme-build" }
    }
    action {
      category         = "Test"
      provider         = "CodeBuild"
      region           = "us-east-1"
      output_artifacts = ["b"]
      configuration    = { ProjectName = aws_codebuild_project.plain.name }
    }
    action {
      category      = "Test"
      provider      = "CodeBuild"
      configuration = { ProjectName = aws_codebuild_project.plain.name }
    }
    action {
      category         = "Build"
      provider         = "CodeBuild"
      role_arn         = "arn:aws:iam::999999999999:role/far"
      output_artifacts = ["c"]
      configuration    = { ProjectName = "acme-build" }
    }
  }
}"#,
            &[
                "codepipeline by acme > acme-t/* sse=aws:kms sse-aws-kms-key-id=arn:aws:kms:eu-west-1:111122223333:key/${aws_kms_key.k}: service-delivery-denied",
                "codepipeline by acme > acme-s/*: service-delivery-denied",
                "role acme > acme-t/* sse=aws:kms sse-aws-kms-key-id=${aws_kms_key.k}: default-denied",
                "role acme > acme-s/* sse=${?}: default-denied",
            ],
        ),
        (
            r#"resource "aws_scheduler_schedule" "x" {
  target {
    arn      = "arn:aws:scheduler:::aws-sdk:s3:putObject"
    role_arn = aws_iam_role.r.arn
    input    = jsonencode({ Bucket = aws_s3_bucket.t.id, Key = "daily", Body = "x", Acl = "public-read" })
  }
}
resource "aws_scheduler_schedule" "reads" {
  target {
    arn      = "arn:aws:scheduler:::aws-sdk:s3:getObject"
    role_arn = aws_iam_role.r.arn
    input    = jsonencode({ Bucket = aws_s3_bucket.t.id, Key = "daily" })
  }
}"#,
            &["role acme > acme-t/daily acl=public-read: default-denied"],
        ),
        (
            r#"resource "aws_cloudfront_distribution" "x" {
  origin {
    domain_name              = aws_s3_bucket.t.bucket_regional_domain_name
    origin_id                = "o"
    origin_access_control_id = "E1"
  }
  default_cache_behavior {
    target_origin_id = "o"
    allowed_methods  = ["GET", "HEAD", "PUT"]
  }
}
resource "aws_s3_bucket_policy" "p" {
  bucket = aws_s3_bucket.t.id
  policy = jsonencode({ Statement = [{
    Effect = "Allow", Action = "s3:PutObject", Resource = "${aws_s3_bucket.t.arn}/*",
    Principal = { Service = "cloudfront.amazonaws.com" },
    Condition = { StringEquals = { "aws:SourceArn" = "arn:aws:cloudfront::111122223333:distribution/${aws_cloudfront_distribution.x.id}" } }
  }] })
}"#,
            &["cloudfront-origin > acme-t/*: allowed"],
        ),
    ];
    check("main.tf", TERRAFORM, cases);
}

const TEMPLATE: &str = "Resources:
  T: { Type: AWS::S3::Bucket, Properties: { BucketName: acme-t } }
  R: { Type: AWS::IAM::Role, Properties: { RoleName: acme, AssumeRolePolicyDocument: { Statement: [ { Effect: Allow, Action: 'sts:AssumeRole', Principal: { Service: x.amazonaws.com } } ] } } }
";

#[test]
fn deliveries_of_cloudformation() {
    let cases: &[(&str, &[&str])] = &[
        (
            "  X: { Type: AWS::S3::Bucket, Properties: { ReplicationConfiguration: { Role: !GetAtt R.Arn, Rules: [ { Status: Enabled, Prefix: in/, Destination: { Bucket: !GetAtt T.Arn, AccessControlTranslation: { Owner: Destination } } } ] } } }",
            &["replication-owner-override by acme > acme-t/in/x: service-delivery-denied"],
        ),
        (
            "  X: { Type: AWS::S3::Bucket, Properties: { AnalyticsConfigurations: [ { Id: a, StorageClassAnalysis: { DataExport: { Destination: { BucketArn: !GetAtt T.Arn, Prefix: a } } } } ] } }",
            &["storage-class-analysis > acme-t/ax: service-delivery-denied"],
        ),
        (
            "  X: { Type: AWS::MSK::Cluster, Properties: { LoggingInfo: { BrokerLogs: { S3: { Enabled: true, Bucket: !Ref T } } } } }",
            &["msk > acme-t/AWSLogs/111122223333/x: depends"],
        ),
        (
            "  X: { Type: AWS::NetworkFirewall::LoggingConfiguration, Properties: { LoggingConfiguration: { LogDestinationConfigs: [ { LogDestinationType: S3, LogDestination: { bucketName: !Ref T, prefix: n } } ] } } }",
            &["network-firewall > acme-t/n/AWSLogs/111122223333/x: depends"],
        ),
        (
            "  X: { Type: AWS::Logs::DeliveryDestination, Properties: { DestinationResourceArn: !GetAtt T.Arn } }",
            &["log-delivery-v2 > acme-t/*: depends"],
        ),
        (
            "  X: { Type: AWS::DMS::Endpoint, Properties: { EndpointType: target, S3Settings: { BucketName: !Ref T, ServiceAccessRoleArn: !GetAtt R.Arn, EncryptionMode: SSE_S3 } } }",
            &["dms by acme > acme-t/* sse=AES256: service-delivery-denied"],
        ),
        (
            "  X: { Type: AWS::ACMPCA::CertificateAuthority, Properties: { RevocationConfiguration: { CrlConfiguration: { Enabled: true, S3BucketName: !Ref T, S3ObjectAcl: BUCKET_OWNER_FULL_CONTROL } } } }",
            &["private-ca > acme-t/* acl=bucket-owner-full-control: service-delivery-denied"],
        ),
        (
            "  X: { Type: AWS::Transfer::User, Properties: { Role: !GetAtt R.Arn, HomeDirectoryMappings: [ { Entry: /, Target: !Sub '/${T}/u' } ] } }",
            &["transfer by acme > acme-t/u/x: depends"],
        ),
        (
            "  X: { Type: AWS::CodeBuild::Project, Properties: { ServiceRole: !GetAtt R.Arn, Artifacts: { Type: S3, Location: !Ref T, EncryptionDisabled: true }, LogsConfig: { S3Logs: { Status: ENABLED, Location: !Sub '${T.Arn}/l', EncryptionDisabled: true } } } }",
            &[
                "role acme > acme-t/*: default-denied",
                "role acme > acme-t/l/x: default-denied",
            ],
        ),
        (
            "  X: { Type: AWS::CodePipeline::Pipeline, Properties: { RoleArn: !GetAtt R.Arn, ArtifactStore: { Type: S3, Location: !Ref T } } }",
            &["codepipeline by acme > acme-t/*: service-delivery-denied"],
        ),
        (
            "  B: { Type: AWS::CodeBuild::Project, Properties: { ServiceRole: !GetAtt R.Arn, Artifacts: { Type: CODEPIPELINE }, EncryptionKey: !GetAtt K.Arn } }
  K: { Type: AWS::KMS::Key, Properties: {} }
  X: { Type: AWS::CodePipeline::Pipeline, Properties: { ArtifactStores: [ { Region: eu-west-1, ArtifactStore: { Type: S3, Location: !Ref T, EncryptionKey: { Type: KMS, Id: other } } } ], Stages: [ { Actions: [ { ActionTypeId: { Category: Build, Owner: AWS, Provider: CodeBuild }, Configuration: { ProjectName: !Ref B }, OutputArtifacts: [ { Name: o } ] }, { ActionTypeId: { Category: Invoke, Owner: AWS, Provider: Lambda }, Configuration: { FunctionName: f }, OutputArtifacts: [ { Name: l } ] } ] } ] } }",
            // Which of the two keys is taken is not certain.
            &["role acme > acme-t/* sse=aws:kms sse-aws-kms-key-id=${?}: default-denied"],
        ),
        (
            r#"  X: { Type: AWS::Scheduler::Schedule, Properties: { Target: { Arn: !Sub 'arn:${AWS::Partition}:scheduler:::aws-sdk:s3:putObject', RoleArn: !GetAtt R.Arn, Input: !Sub '{"Bucket": "${T}", "Key": "<aws.scheduler.scheduled-time>", "ServerSideEncryption": "AES256"}' } } }"#,
            &["role acme > acme-t/* sse=AES256: default-denied"],
        ),
        (
            "  X: { Type: AWS::CloudFront::Distribution, Properties: { DistributionConfig: { Origins: [ { Id: o, DomainName: !GetAtt T.RegionalDomainName, OriginAccessControlId: E1, S3OriginConfig: {} } ], DefaultCacheBehavior: { TargetOriginId: o, AllowedMethods: [GET, HEAD, PUT] } } } }",
            &["cloudfront-origin > acme-t/*: depends"],
        ),
    ];
    check("template.yaml", TEMPLATE, cases);
}
