//! What is made out of sight may attach policies to what it is given; what is known to attach none opens nothing.

use iaclint::analysis::{self, Request};
use iaclint::files::MemoryFiles;

/// Rules of the errors and warnings, sorted.
fn rules(path: &str, text: &str) -> Vec<&'static str> {
    let mut files = MemoryFiles::new();
    files.insert(path, text);
    let mut request = Request::default();
    request.inputs.account = Some("111122223333".into());
    let report = analysis::run(&files, &request);
    let loud = report.findings.iter().filter(|f| f.level.name() != "note");
    let mut rules: Vec<&'static str> = loud.map(|f| f.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// Logs are delivered to a bucket without a policy; a role that may do nothing here runs a function that uploads.
const TEMPLATE: &str = r#"
Parameters:
  App: {Type: String}
Resources:
  Logs:
    Type: AWS::S3::Bucket
    Properties: {BucketName: !Sub "${App}-logs"}
  Source:
    Type: AWS::S3::Bucket
    Properties:
      LoggingConfiguration: {DestinationBucketName: !Ref Logs}
"#;

const CONFIGURATION: &str = r#"
resource "aws_s3_bucket" "logs" {
  bucket = "acme-logs"
}
resource "aws_s3_bucket" "source" {}
resource "aws_s3_bucket_logging" "source" {
  bucket        = aws_s3_bucket.source.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "log/"
}
"#;

#[test]
fn in_templates() {
    let refused = ["bucket-policy-omits-service"];
    let with = |more: &str| rules("t.yaml", &format!("{TEMPLATE}{more}"));
    assert_eq!(with(""), refused);
    for open in [
        "  M: {Type: 'Acme::Bucket::Policy::MODULE', Properties: {Name: !Ref Logs}}\n",
        "  M: {Type: !Rain::Module policy.yaml, Properties: {Name: !Sub '${App}-logs'}}\n",
        "  M: {Type: 'Custom::Setup', Properties: {ServiceToken: arn, Bucket: !Ref Logs}}\n",
        "  M: {Type: 'AWS::CloudFormation::CustomResource', Properties: {In: {Arns: [!Sub '${Logs.Arn}/*']}}}\n",
        "  M: {Type: 'Acme::S3::Policy', Properties: {Bucket: !GetAtt Logs.Arn}}\n",
        "  M: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: 'https://x/y.yaml', Parameters: {Bucket: !Ref Logs}}}\n",
        "  Fn::Transform: {Name: Mine}\n",
        "Transform: [Mine]\n",
    ] {
        assert_eq!(with(open), [""; 0], "{open}");
    }
    for closed in [
        "  M: {Type: 'Custom::Setup', Properties: {ServiceToken: arn, Bucket: !Ref Source}}\n",
        "  M: {Type: 'Custom::Setup', Properties: {Site: !GetAtt Logs.WebsiteURL}}\n",
        "  M: {Type: 'Custom::S3AutoDeleteObjects', Properties: {BucketName: !Ref Logs}}\n",
        "  M: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: !Ref Logs}}\n",
        "  M: {Type: 'AWS::CloudFront::Distribution', Properties: {DistributionConfig: {Comment: !Ref Logs}}}\n",
        "Transform: AWS::LanguageExtensions\n",
        "Outputs: {B: {Value: !Ref Logs}}\n",
    ] {
        assert_eq!(with(closed), refused, "{closed}");
    }
}

#[test]
fn in_configurations() {
    let refused = ["bucket-policy-omits-service"];
    let with = |more: &str| rules("main.tf", &format!("{CONFIGURATION}{more}"));
    assert_eq!(with(""), refused);
    for open in [
        "module \"m\" {\n  source = \"acme/policy/aws\"\n  bucket = aws_s3_bucket.logs.id\n}\n",
        "module \"m\" {\n  source   = \"acme/policy/aws\"\n  for_each = { a = aws_s3_bucket.logs.arn }\n  arns     = [\"${each.value}/*\"]\n}\n",
        "resource \"awscc_s3_bucket_policy\" \"m\" {\n  bucket = aws_s3_bucket.logs.bucket\n}\n",
        "resource \"aws_cloudformation_stack\" \"m\" {\n  name       = \"m\"\n  parameters = { Bucket = aws_s3_bucket.logs.id }\n}\n",
        "resource \"null_resource\" \"m\" {\n  provisioner \"local-exec\" {\n    command = \"aws s3api put-bucket-policy --bucket ${aws_s3_bucket.logs.id} --policy file://p.json\"\n  }\n}\n",
    ] {
        assert_eq!(with(open), [""; 0], "{open}");
    }
    for closed in [
        "module \"m\" {\n  source = \"acme/policy/aws\"\n  bucket = aws_s3_bucket.source.id\n}\n",
        "resource \"aws_ssm_parameter\" \"m\" {\n  name  = \"m\"\n  type  = \"String\"\n  value = aws_s3_bucket.logs.id\n}\n",
        "resource \"kubernetes_config_map\" \"m\" {\n  data = { bucket = aws_s3_bucket.logs.id }\n}\n",
        "resource \"null_resource\" \"m\" {\n  triggers = { bucket = aws_s3_bucket.logs.id }\n}\n",
        "output \"b\" {\n  value = aws_s3_bucket.logs.id\n}\n",
    ] {
        assert_eq!(with(closed), refused, "{closed}");
    }
}

/// A role whose policies are all seen may not encrypt with the key of the bucket; what is given the role may attach
/// that policy, what is given the key may grant it.
#[test]
fn roles_and_keys() {
    let with = |more: &str| {
        let text = format!(
            r#"
resource "aws_kms_key" "k" {{
  policy = jsonencode({{ Version = "2012-10-17", Statement = [
    {{ Effect = "Allow", Principal = {{ AWS = "arn:aws:iam::111122223333:role/admin" }}, Action = "kms:*", Resource = "*" }},
  ] }})
}}
resource "aws_s3_bucket" "b" {{}}
resource "aws_s3_bucket_server_side_encryption_configuration" "b" {{
  bucket = aws_s3_bucket.b.id
  rule {{
    apply_server_side_encryption_by_default {{
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.k.arn
    }}
  }}
}}
resource "aws_iam_role" "app" {{
  assume_role_policy = jsonencode({{ Version = "2012-10-17", Statement = [
    {{ Effect = "Allow", Principal = {{ Service = "lambda.amazonaws.com" }}, Action = "sts:AssumeRole" }},
  ] }})
}}
resource "aws_iam_role_policy" "app" {{
  role = aws_iam_role.app.id
  policy = jsonencode({{ Version = "2012-10-17", Statement = [
    {{ Effect = "Allow", Action = "s3:PutObject", Resource = "${{aws_s3_bucket.b.arn}}/*" }},
  ] }})
}}
{more}"#
        );
        rules("main.tf", &text)
    };
    let module = |given: &str| {
        format!("module \"m\" {{\n  source = \"acme/grants/aws\"\n  given  = {given}\n}}\n")
    };
    assert_eq!(with(""), ["key-policy-omits-caller"]);
    assert_eq!(with(&module("aws_kms_key.k.arn")), [""; 0]);
    assert_eq!(with(&module("\"app\"")), ["key-policy-omits-caller"]);
    // The role's own policies do not mend the key's.
    assert_eq!(
        with(&module("aws_iam_role.app.name")),
        ["key-policy-omits-caller"]
    );
}

#[test]
fn callers_of_a_library_module_may_complete_what_it_puts_out() {
    let refused = ["bucket-policy-omits-service"];
    let with = |more: &str| rules("main.tf", &format!("{CONFIGURATION}{more}"));
    let input = "variable \"name\" {}\n";
    let output = |what: &str| format!("output \"o\" {{\n  value = {what}\n}}\n");
    for (more, found) in [
        (
            format!("{input}{}", output("aws_s3_bucket.logs.arn")),
            &[][..],
        ),
        (
            format!("{input}{}", output("{ logs = [aws_s3_bucket.logs.id] }")),
            &[],
        ),
        (
            format!("{input}{}", output("aws_s3_bucket.source.arn")),
            &refused,
        ),
        (input.to_string(), &refused),
        // Without an open variable, or with a provider, it is a root and taken as complete.
        (output("aws_s3_bucket.logs.arn"), &refused),
        (
            format!(
                "{input}{}provider \"aws\" {{\n  region = \"eu-west-1\"\n}}\n",
                output("aws_s3_bucket.logs.arn")
            ),
            &refused,
        ),
    ] {
        assert_eq!(with(&more), found, "{more}");
    }
}
