//! Uploads that the sources show by themselves: commands, tasks of state machines, a state kept in a bucket.

use iaclint::files::MemoryFiles;
use iaclint::report::Report;

use crate::estate::{loud, run};

fn one(path: &str, text: &str) -> Report {
    let mut files = MemoryFiles::new();
    files.insert(path, text);
    run(&files)
}

const ENFORCED: &str = r#"
resource "aws_s3_bucket" "b" {
  bucket = "example-b"
}
resource "aws_s3_bucket_ownership_controls" "b" {
  bucket = aws_s3_bucket.b.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}
"#;

#[test]
fn commands_of_whoever_applies() {
    for (command, found) in [
        (
            "aws s3 cp a s3://${aws_s3_bucket.b.id}/a --acl public-read",
            vec!["bucket-owner-enforced-rejects-acl"],
        ),
        (
            "aws --region eu-west-1 s3 cp a s3://$${TARGET}/a --acl public-read",
            vec!["bucket-owner-enforced-rejects-acl"],
        ),
        ("aws s3 cp a s3://${aws_s3_bucket.b.id}/a", vec![]),
        (
            "aws --profile other s3 cp a s3://${aws_s3_bucket.b.id}/a --acl public-read",
            vec![],
        ),
    ] {
        for kind in ["local-exec", "remote-exec"] {
            let text = format!(
                "{ENFORCED}resource \"terraform_data\" \"d\" {{\n provisioner \"{kind}\" {{\n  command = \"{command}\"\n  environment = {{ TARGET = aws_s3_bucket.b.bucket }}\n }}\n}}\n"
            );
            let want = if kind == "local-exec" {
                found.clone()
            } else {
                Vec::new()
            };
            let report = one("main.tf", &text);
            assert_eq!(loud(&report), want, "{kind}: {command}");
            assert!(report.not_understood.is_empty(), "{kind}: {command}");
        }
    }
}

#[test]
fn grants_to_everybody_are_public() {
    const BLOCKED: &str = r#"
resource "aws_s3_bucket" "b" {
  bucket = "example-b"
}
resource "aws_s3_bucket_ownership_controls" "b" {
  bucket = aws_s3_bucket.b.id
  rule {
    object_ownership = "BucketOwnerPreferred"
  }
}
resource "aws_s3_bucket_public_access_block" "b" {
  bucket            = aws_s3_bucket.b.id
  block_public_acls = true
}
"#;
    let public = vec!["block-public-acls-rejects-public-acl"];
    for (options, found) in [
        (
            "--grants read=uri=http://acs.amazonaws.com/groups/global/AllUsers",
            &public,
        ),
        (
            "--grants full=id=0123 read=uri=http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
            &public,
        ),
        (
            "--grants read=uri=http://acs.amazonaws.com/groups/s3/LogDelivery",
            &vec![],
        ),
        ("--grants read=id=0123", &vec![]),
        ("--acl authenticated-read", &public),
    ] {
        let text = format!(
            "{BLOCKED}resource \"terraform_data\" \"d\" {{\n provisioner \"local-exec\" {{\n  command = \"aws s3 cp a s3://${{aws_s3_bucket.b.id}}/a {options}\"\n }}\n}}\n"
        );
        assert_eq!(loud(&one("main.tf", &text)), *found, "{options}");
    }
}

#[test]
fn a_state_and_its_lock_file() {
    let text = |settings: &str, condition: &str| {
        format!(
            "terraform {{\n backend \"s3\" {{\n  bucket = \"example-state\"\n  key = \"app/terraform.tfstate\"\n  region = \"eu-west-1\"\n  {settings}\n }}\n}}\nresource \"aws_s3_bucket\" \"s\" {{\n bucket = \"example-state\"\n}}\nresource \"aws_s3_bucket_policy\" \"s\" {{\n bucket = aws_s3_bucket.s.id\n policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Deny\", Principal = \"*\", Action = \"s3:PutObject\", Resource = \"${{aws_s3_bucket.s.arn}}/*\", Condition = {{ {condition} }} }}] }})\n}}\n"
        )
    };
    let sse = |value: &str| {
        format!("StringNotEquals = {{ \"s3:x-amz-server-side-encryption\" = \"{value}\" }}")
    };
    let encryption = "bucket-policy-denies-missing-encryption-header";
    let written = "Null = { \"s3:if-none-match\" = \"true\" }";
    for (settings, condition, uploads, found) in [
        ("", sse("AES256"), 1, vec![encryption]),
        ("encrypt = true", sse("AES256"), 1, vec![]),
        ("encrypt = true", sse("aws:kms"), 1, vec![encryption]),
        (
            "encrypt = true\n  kms_key_id = \"arn:aws:kms:eu-west-1:111122223333:key/k\"",
            sse("aws:kms"),
            1,
            vec![],
        ),
        ("use_lockfile = true", sse("AES256"), 2, vec![encryption]),
        // The lock is written on condition, the state is not.
        (
            "use_lockfile = true",
            written.into(),
            2,
            vec!["bucket-policy-denies-unconditional-writes"],
        ),
        ("endpoint = \"http://store\"", sse("AES256"), 0, vec![]),
        ("profile = \"other\"", sse("AES256"), 0, vec![]),
    ] {
        let report = one("main.tf", &text(settings, &condition));
        assert_eq!(loud(&report), found, "{settings}, {condition}");
        assert_eq!(report.decided.len(), uploads, "{settings}, {condition}");
    }
}

#[test]
fn tasks_of_state_machines() {
    let task = |call: &str, more: &str| {
        format!(
            r#"{{ "StartAt": "Save", "States": {{ "Save": {{ "Type": "Task", "Resource": "arn:aws:states:::{call}", "Parameters": {{ "Bucket": "example-b", "Key": "r.json", "Body.$": "$"{more} }}, "End": true }} }} }}"#
        )
    };
    let acl = r#", "Acl": "public-read""#;
    let rejected = vec!["bucket-owner-enforced-rejects-acl"];
    for (call, more, found) in [
        ("aws-sdk:s3:putObject", acl, rejected.clone()),
        ("aws-sdk:s3:createMultipartUpload", acl, rejected),
        ("aws-sdk:s3:putObject", "", vec![]),
        ("aws-sdk:s3:getObject", "", vec![]),
    ] {
        let definition = task(call, more);
        let terraform = format!(
            "{ENFORCED}resource \"aws_iam_role\" \"f\" {{\n name = \"f\"\n assume_role_policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = \"sts:AssumeRole\", Principal = {{ Service = \"states.amazonaws.com\" }} }}] }})\n}}\nresource \"aws_iam_role_policy\" \"f\" {{\n role = aws_iam_role.f.id\n policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = [\"s3:PutObject\", \"s3:PutObjectAcl\", \"kms:Decrypt\"], Resource = \"${{aws_s3_bucket.b.arn}}/*\" }}] }})\n}}\nresource \"aws_sfn_state_machine\" \"f\" {{\n name = \"f\"\n role_arn = aws_iam_role.f.arn\n definition = <<EOT\n{definition}\nEOT\n}}\n"
        );
        let template = format!(
            "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: example-b\n      OwnershipControls: {{ Rules: [{{ ObjectOwnership: BucketOwnerEnforced }}] }}\n  F:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {{ Version: \"2012-10-17\", Statement: {{ Effect: Allow, Action: sts:AssumeRole, Principal: {{ Service: states.amazonaws.com }} }} }}\n      Policies:\n        - PolicyName: w\n          PolicyDocument: {{ Version: \"2012-10-17\", Statement: {{ Effect: Allow, Action: [s3:PutObject, s3:PutObjectAcl], Resource: !Sub \"${{B.Arn}}/*\" }} }}\n  M:\n    Type: AWS::StepFunctions::StateMachine\n    Properties:\n      RoleArn: !GetAtt F.Arn\n      DefinitionSubstitutions: {{ Store: !Ref B }}\n      DefinitionString: |\n        {}\n",
            definition.replace("example-b", "${Store}")
        );
        for (path, text) in [("main.tf", &terraform), ("template.yaml", &template)] {
            assert_eq!(loud(&one(path, text)), found, "{path}: {call} {more}");
        }
    }
}
