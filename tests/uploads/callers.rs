//! What runs as a role, and where: each workload in subnets that an S3 endpoint serves, in both formats.

use iaclint::files::MemoryFiles;
use iaclint::report::Report;

use crate::estate::{loud, run};

fn one(path: &str, text: &str) -> Report {
    let mut files = MemoryFiles::new();
    files.insert(path, text);
    run(&files)
}

/// A role that may upload, and a VPC whose endpoint lets nothing be uploaded.
const TERRAFORM: &str = r#"
resource "aws_s3_bucket" "b" {
  bucket = "example-b"
}
resource "aws_iam_role" "r" {
  name = "r"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "example.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "r" {
  role   = aws_iam_role.r.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:PutObject", Resource = "${aws_s3_bucket.b.arn}/*" }] })
}
resource "aws_iam_instance_profile" "r" {
  name = "r"
  role = aws_iam_role.r.name
}
resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}
resource "aws_subnet" "s" {
  vpc_id = aws_vpc.v.id
}
resource "aws_route_table" "t" {
  vpc_id = aws_vpc.v.id
}
resource "aws_route_table_association" "s" {
  subnet_id      = aws_subnet.s.id
  route_table_id = aws_route_table.t.id
}
resource "aws_vpc_endpoint" "e" {
  vpc_id          = aws_vpc.v.id
  service_name    = "com.amazonaws.eu-west-1.s3"
  route_table_ids = [aws_route_table.t.id]
  policy          = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "*" }] })
}
"#;

const TEMPLATE: &str = r#"
Resources:
  B:
    Type: AWS::S3::Bucket
    Properties: { BucketName: example-b }
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: { Effect: Allow, Action: sts:AssumeRole, Principal: { Service: example.amazonaws.com } } }
      Policies:
        - PolicyName: w
          PolicyDocument: { Version: "2012-10-17", Statement: { Effect: Allow, Action: s3:PutObject, Resource: !Sub "${B.Arn}/*" } }
  Profile:
    Type: AWS::IAM::InstanceProfile
    Properties: { Roles: [!Ref R] }
  V:
    Type: AWS::EC2::VPC
    Properties: { CidrBlock: 10.0.0.0/16 }
  S:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref V, CidrBlock: 10.0.0.0/24 }
  T:
    Type: AWS::EC2::RouteTable
    Properties: { VpcId: !Ref V }
  A:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: { SubnetId: !Ref S, RouteTableId: !Ref T }
  E:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcId: !Ref V
      ServiceName: !Sub "com.amazonaws.${AWS::Region}.s3"
      RouteTableIds: [!Ref T]
      PolicyDocument: { Version: "2012-10-17", Statement: { Effect: Allow, Principal: "*", Action: s3:GetObject, Resource: "*" } }
"#;

/// Blocks of a workload in the subnet.
const INSIDE: &[&str] = &[
    "resource \"aws_lambda_function\" \"w\" {\n function_name = \"w\"\n role = aws_iam_role.r.arn\n vpc_config {\n  subnet_ids = [aws_subnet.s.id]\n  security_group_ids = []\n }\n}",
    "resource \"aws_instance\" \"w\" {\n iam_instance_profile = aws_iam_instance_profile.r.name\n subnet_id = aws_subnet.s.id\n}",
    "resource \"aws_spot_instance_request\" \"w\" {\n iam_instance_profile = aws_iam_instance_profile.r.name\n subnet_id = aws_subnet.s.id\n}",
    "resource \"aws_launch_template\" \"w\" {\n name = \"w\"\n iam_instance_profile {\n  arn = aws_iam_instance_profile.r.arn\n }\n}\nresource \"aws_autoscaling_group\" \"w\" {\n vpc_zone_identifier = [aws_subnet.s.id]\n launch_template {\n  id = aws_launch_template.w.id\n }\n}",
    "resource \"aws_launch_configuration\" \"w\" {\n iam_instance_profile = aws_iam_instance_profile.r.name\n}\nresource \"aws_autoscaling_group\" \"w\" {\n vpc_zone_identifier = [aws_subnet.s.id]\n launch_configuration = aws_launch_configuration.w.name\n}",
    "resource \"aws_emr_cluster\" \"w\" {\n ec2_attributes {\n  instance_profile = aws_iam_instance_profile.r.arn\n  subnet_id = aws_subnet.s.id\n }\n}",
    "resource \"aws_sagemaker_model\" \"w\" {\n execution_role_arn = aws_iam_role.r.arn\n vpc_config {\n  subnets = [aws_subnet.s.id]\n  security_group_ids = []\n }\n}",
    "resource \"aws_sagemaker_notebook_instance\" \"w\" {\n role_arn = aws_iam_role.r.arn\n subnet_id = aws_subnet.s.id\n}",
    "resource \"aws_mwaa_environment\" \"w\" {\n execution_role_arn = aws_iam_role.r.arn\n network_configuration {\n  subnet_ids = [aws_subnet.s.id]\n  security_group_ids = []\n }\n}",
    "resource \"aws_batch_compute_environment\" \"w\" {\n type = \"MANAGED\"\n compute_resources {\n  instance_role = aws_iam_instance_profile.r.arn\n  subnets = [aws_subnet.s.id]\n }\n}",
    "resource \"aws_kinesisanalyticsv2_application\" \"w\" {\n service_execution_role = aws_iam_role.r.arn\n application_configuration {\n  vpc_configuration {\n   subnet_ids = [aws_subnet.s.id]\n   security_group_ids = []\n  }\n }\n}",
    "resource \"aws_synthetics_canary\" \"w\" {\n execution_role_arn = aws_iam_role.r.arn\n vpc_config {\n  subnet_ids = [aws_subnet.s.id]\n  security_group_ids = []\n }\n}",
    "resource \"aws_ecs_task_definition\" \"w\" {\n family = \"w\"\n task_role_arn = aws_iam_role.r.arn\n container_definitions = jsonencode([])\n}\nresource \"aws_ecs_service\" \"w\" {\n task_definition = aws_ecs_task_definition.w.arn\n network_configuration {\n  subnets = [aws_subnet.s.id]\n }\n}",
    "resource \"aws_codebuild_project\" \"w\" {\n service_role = aws_iam_role.r.arn\n vpc_config {\n  subnets = [aws_subnet.s.id]\n  vpc_id = aws_vpc.v.id\n  security_group_ids = []\n }\n}",
    "AWS::Lambda::Function\n    Properties: { Role: !GetAtt R.Arn, VpcConfig: { SubnetIds: [!Ref S], SecurityGroupIds: [] } }",
    "AWS::EC2::Instance\n    Properties: { IamInstanceProfile: !Ref Profile, SubnetId: !Ref S }",
    "AWS::EC2::LaunchTemplate\n    Properties: { LaunchTemplateData: { IamInstanceProfile: { Arn: !GetAtt Profile.Arn } } }\n  G:\n    Type: AWS::AutoScaling::AutoScalingGroup\n    Properties: { VPCZoneIdentifier: [!Ref S], LaunchTemplate: { LaunchTemplateId: !Ref W, Version: \"1\" } }",
    "AWS::EMR::Cluster\n    Properties: { JobFlowRole: !Ref Profile, Instances: { Ec2SubnetId: !Ref S } }",
    "AWS::SageMaker::Model\n    Properties: { ExecutionRoleArn: !GetAtt R.Arn, VpcConfig: { Subnets: [!Ref S], SecurityGroupIds: [] } }",
    "AWS::MWAA::Environment\n    Properties: { ExecutionRoleArn: !GetAtt R.Arn, NetworkConfiguration: { SubnetIds: [!Ref S] } }",
    "AWS::Batch::ComputeEnvironment\n    Properties: { Type: MANAGED, ComputeResources: { InstanceRole: !GetAtt Profile.Arn, Subnets: [!Ref S] } }",
    "AWS::KinesisAnalyticsV2::Application\n    Properties: { ServiceExecutionRole: !GetAtt R.Arn, ApplicationConfiguration: { VpcConfigurations: [{ SubnetIds: [!Ref S], SecurityGroupIds: [] }] } }",
    "AWS::Synthetics::Canary\n    Properties: { ExecutionRoleArn: !GetAtt R.Arn, VPCConfig: { SubnetIds: [!Ref S], SecurityGroupIds: [] } }",
    "AWS::ECS::TaskDefinition\n    Properties: { TaskRoleArn: !GetAtt R.Arn, ContainerDefinitions: [] }\n  G:\n    Type: AWS::ECS::Service\n    Properties: { TaskDefinition: !Ref W, NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [!Ref S] } } }",
    "AWS::CodeBuild::Project\n    Properties: { ServiceRole: !GetAtt R.Arn, VpcConfig: { Subnets: [!Ref S], VpcId: !Ref V, SecurityGroupIds: [] } }",
];

fn file(workload: &str) -> (&'static str, String) {
    if workload.starts_with("resource") {
        ("main.tf", format!("{TERRAFORM}{workload}\n"))
    } else {
        (
            "template.yaml",
            format!("{TEMPLATE}  W:\n    Type: {workload}\n"),
        )
    }
}

#[test]
fn workloads_take_the_endpoint_of_their_subnets() {
    for workload in INSIDE {
        let (path, text) = file(workload);
        let report = one(path, &text);
        let errors: Vec<(&str, &str)> = report
            .findings
            .iter()
            .map(|f| (f.rule, f.level.name()))
            .collect();
        // Shown, so an error: a path that is only presumed gives a warning.
        assert_eq!(
            errors,
            [("endpoint-policy-omits-put-object", "error")],
            "{workload}"
        );
    }
}

#[test]
fn workloads_outside() {
    for workload in [
        "resource \"aws_apprunner_service\" \"w\" {\n instance_configuration {\n  instance_role_arn = aws_iam_role.r.arn\n }\n}",
        "resource \"aws_synthetics_canary\" \"w\" {\n execution_role_arn = aws_iam_role.r.arn\n artifact_s3_location = \"s3://${aws_s3_bucket.b.id}/canary\"\n}",
        "AWS::AppRunner::Service\n    Properties: { InstanceConfiguration: { InstanceRoleArn: !GetAtt R.Arn } }",
        "AWS::Synthetics::Canary\n    Properties: { ExecutionRoleArn: !GetAtt R.Arn, ArtifactS3Location: !Sub \"s3://${B}/canary\" }",
    ] {
        let (path, text) = file(workload);
        let only = "Condition = { StringNotEquals = { \"aws:SourceVpc\" = \"vpc-0a1b2c3d\" } }";
        let text = if path == "main.tf" {
            format!(
                "{text}resource \"aws_s3_bucket_policy\" \"b\" {{\n bucket = aws_s3_bucket.b.id\n policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Deny\", Principal = \"*\", Action = \"s3:PutObject\", Resource = \"${{aws_s3_bucket.b.arn}}/*\", {only} }}] }})\n}}\n"
            )
        } else {
            format!(
                "{text}  P:\n    Type: AWS::S3::BucketPolicy\n    Properties:\n      Bucket: !Ref B\n      PolicyDocument: {{ Version: \"2012-10-17\", Statement: {{ Effect: Deny, Principal: \"*\", Action: s3:PutObject, Resource: !Sub \"${{B.Arn}}/*\", Condition: {{ StringNotEquals: {{ aws:SourceVpc: vpc-0a1b2c3d }} }} }} }}\n"
            )
        };
        assert_eq!(
            loud(&one(path, &text)),
            ["bucket-policy-denies-network"],
            "{workload}"
        );
    }
}

#[test]
fn an_encoded_script_is_read() {
    let text = |acl: &str| {
        format!(
            "{TERRAFORM}resource \"aws_s3_bucket_ownership_controls\" \"b\" {{\n bucket = aws_s3_bucket.b.id\n rule {{\n  object_ownership = \"BucketOwnerEnforced\"\n }}\n}}\nresource \"aws_launch_template\" \"w\" {{\n name = \"w\"\n iam_instance_profile {{\n  arn = aws_iam_instance_profile.r.arn\n }}\n user_data = base64encode(<<EOT\n#!/bin/bash\naws s3 cp out s3://example-b/out {acl}\nEOT\n )\n}}\n"
        )
    };
    let rules = loud(&one("main.tf", &text("--acl public-read")));
    assert!(
        rules.contains(&"bucket-owner-enforced-rejects-acl"),
        "{rules:?}"
    );
    assert_eq!(loud(&one("main.tf", &text(""))), Vec::<&str>::new());
}

#[test]
fn a_bucket_acl_may_admit_another_account() {
    let text = |ownership: &str, permission: &str| {
        format!(
            r#"
provider "aws" {{
  region              = "eu-west-1"
  allowed_account_ids = ["111122223333"]
}}
provider "aws" {{
  alias               = "partner"
  region              = "eu-west-1"
  allowed_account_ids = ["444455556666"]
}}
resource "aws_s3_bucket" "b" {{
  bucket = "example-b"
}}
resource "aws_s3_bucket_ownership_controls" "b" {{
  bucket = aws_s3_bucket.b.id
  rule {{
    object_ownership = "{ownership}"
  }}
}}
resource "aws_s3_bucket_acl" "b" {{
  bucket = aws_s3_bucket.b.id
  access_control_policy {{
    grant {{
      grantee {{
        id   = "1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d"
        type = "CanonicalUser"
      }}
      permission = "{permission}"
    }}
    owner {{
      id = "5e6f7a8b5e6f7a8b5e6f7a8b5e6f7a8b5e6f7a8b5e6f7a8b5e6f7a8b5e6f7a8b"
    }}
  }}
}}
resource "aws_iam_user" "u" {{
  provider = aws.partner
  name     = "u"
}}
resource "aws_iam_user_policy" "u" {{
  provider = aws.partner
  user     = aws_iam_user.u.name
  policy   = jsonencode({{ Version = "2012-10-17", Statement = [{{ Effect = "Allow", Action = "s3:PutObject", Resource = "${{aws_s3_bucket.b.arn}}/*" }}] }})
}}
"#
        )
    };
    for (ownership, permission, found) in [
        ("ObjectWriter", "WRITE", vec![]),
        ("BucketOwnerPreferred", "FULL_CONTROL", vec![]),
        ("ObjectWriter", "READ", vec!["bucket-policy-omits-caller"]),
        (
            "BucketOwnerEnforced",
            "WRITE",
            vec![
                "bucket-owner-enforced-rejects-bucket-acl",
                "bucket-policy-omits-caller",
            ],
        ),
    ] {
        let report = one("main.tf", &text(ownership, permission));
        assert_eq!(loud(&report), found, "{ownership} {permission}");
    }
}

/// What AWS wrote for every account is meant for no bucket in particular; what the sources write is.
#[test]
fn a_wildcard_of_a_managed_policy_means_no_bucket() {
    let estate = |grant: &str| {
        let text = format!(
            r#"
resource "aws_kms_key" "k" {{}}
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
resource "aws_iam_role" "r" {{
  name               = "job"
  assume_role_policy = jsonencode({{ Version = "2012-10-17", Statement = [{{ Effect = "Allow", Action = "sts:AssumeRole", Principal = {{ Service = "glue.amazonaws.com" }} }}] }})
}}
{grant}
"#
        );
        let mut files = MemoryFiles::new();
        files.insert("main.tf", text.as_str());
        run(&files)
    };
    let managed = r#"resource "aws_iam_role_policy_attachment" "r" {
  role       = aws_iam_role.r.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"
}"#;
    assert!(loud(&estate(managed)).is_empty());
    let written = r#"resource "aws_iam_role_policy" "r" {
  role   = aws_iam_role.r.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:PutObject", Resource = "*" }] })
}"#;
    assert_eq!(
        loud(&estate(written)),
        ["identity-policy-omits-generate-data-key"]
    );
}
