//! Templates as people write them: ACLs of buckets, roles of services, stacks inside stacks, exports, and roles that
//! another format declares.

use iaclint::files::MemoryFiles;
use iaclint::outcome::Level;

use super::estate::run;

/// Findings above a note, as `rule of caller`, and the outcomes by caller.
fn found(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let mut memory = MemoryFiles::new();
    for (path, text) in files {
        memory.insert(path, *text);
    }
    let report = run(&memory);
    let findings = report
        .findings
        .iter()
        .filter(|f| f.level > Level::Note)
        .map(|f| {
            let callers: Vec<&str> = f.callers.iter().map(|w| &*w.address).collect();
            format!("{} of {}", f.rule, callers.join(", "))
        })
        .collect();
    let outcomes = report
        .decided
        .iter()
        .map(|d| format!("{} {}", d.caller, d.outcome.name()))
        .collect();
    (findings, outcomes)
}

#[test]
fn acls_of_buckets_have_the_names_of_s3() {
    let template = |acl: &str, ownership: &str| {
        format!(
            "Resources:
  Logs:
    Type: AWS::S3::Bucket
    Properties: {{AccessControl: {acl}{ownership}}}
  Data:
    Type: AWS::S3::Bucket
    Properties: {{LoggingConfiguration: {{DestinationBucketName: !Ref Logs, LogFilePrefix: data/}}}}
"
        )
    };
    let enforced = ", OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}";
    let findings = |acl: &str, ownership: &str| found(&[("t.yaml", &template(acl, ownership))]).0;
    // The log delivery group may write.
    assert_eq!(
        findings(
            "LogDeliveryWrite",
            ", OwnershipControls: {Rules: [{ObjectOwnership: ObjectWriter}]}"
        ),
        Vec::<String>::new()
    );
    // Creating a bucket passes over an ACL that gives nobody else anything.
    let refused = "bucket-owner-enforced-rejects-bucket-acl";
    let acl_refused = |acl: &str| {
        let found = findings(acl, enforced);
        found.iter().any(|f| f.starts_with(refused))
    };
    assert!(!acl_refused("BucketOwnerFullControl"));
    assert!(acl_refused("PublicRead"));
}

#[test]
fn a_service_may_be_configured_with_the_key_that_a_policy_asks_for() {
    let template = |condition: &str| {
        format!(
            "Resources:
  Key: {{Type: 'AWS::KMS::Key', Properties: {{}}}}
  B: {{Type: 'AWS::S3::Bucket'}}
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties: {{Bucket: !Ref B, PolicyDocument: {{Statement: [{{Effect: Deny, Principal: '*', Action: 's3:PutObject', Resource: !Sub '${{B.Arn}}/*'{condition}}}]}}}}
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{Statement: [{{Effect: Allow, Action: 'sts:AssumeRole', Principal: {{Service: codepipeline.amazonaws.com}}}}]}}
      Policies: [{{PolicyName: p, PolicyDocument: {{Statement: [{{Effect: Allow, Action: 's3:PutObject', Resource: !Sub '${{B.Arn}}/*'}}]}}}}]
"
        )
    };
    let other_key = ", Condition: {ArnNotEqualsIfExists: {'s3:x-amz-server-side-encryption-aws-kms-key-id': !GetAtt Key.Arn}}";
    let (findings, outcomes) = found(&[("t.yaml", &template(other_key))]);
    assert_eq!(findings, Vec::<String>::new());
    assert!(
        outcomes.iter().all(|o| o.ends_with(" depends")),
        "{outcomes:?}"
    );
    // No configuration gets round this one.
    assert_eq!(found(&[("t.yaml", &template(""))]).0.len(), 1);
}

#[test]
fn builds_write_the_artifacts_of_a_pipeline_as_their_own_role() {
    let template = |users: &str| {
        format!(
            "Resources:
  Key:
    Type: AWS::KMS::Key
    Properties: {{KeyPolicy: {{Statement: [{{Effect: Allow, Principal: {{AWS: {users}}}, Action: ['kms:GenerateDataKey', 'kms:Decrypt'], Resource: '*'}}]}}}}
  B: {{Type: 'AWS::S3::Bucket'}}
  PipeRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{Statement: [{{Effect: Allow, Action: 'sts:AssumeRole', Principal: {{Service: codepipeline.amazonaws.com}}}}]}}
      Policies: [{{PolicyName: p, PolicyDocument: {{Statement: [{{Effect: Allow, Action: ['s3:PutObject', 'kms:*'], Resource: '*'}}]}}}}]
  BuildRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{Statement: [{{Effect: Allow, Action: 'sts:AssumeRole', Principal: {{Service: codebuild.amazonaws.com}}}}]}}
      Policies: [{{PolicyName: p, PolicyDocument: {{Statement: [{{Effect: Allow, Action: ['s3:PutObject', 'kms:*'], Resource: '*'}}]}}}}]
  Build: {{Type: 'AWS::CodeBuild::Project', Properties: {{ServiceRole: !GetAtt BuildRole.Arn, Artifacts: {{Type: CODEPIPELINE}}, EncryptionKey: !Ref Key}}}}
  Pipe:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      RoleArn: !GetAtt PipeRole.Arn
      ArtifactStore: {{Type: S3, Location: !Ref B, EncryptionKey: {{Type: KMS, Id: !GetAtt Key.Arn}}}}
      Stages:
        - Actions: [{{ActionTypeId: {{Category: Build, Owner: AWS, Provider: CodeBuild}}, Configuration: {{ProjectName: !Ref Build}}, OutputArtifacts: [{{Name: O}}]}}]
"
        )
    };
    let found = |users: &str| {
        let text = template(users);
        found(&[("t.yaml", &text)])
    };
    let (findings, _) = found("[!GetAtt PipeRole.Arn]");
    assert_eq!(findings, ["key-policy-omits-caller of BuildRole"]);
    let (findings, outcomes) = found("[!GetAtt PipeRole.Arn, !GetAtt BuildRole.Arn]");
    assert_eq!(findings, Vec::<String>::new());
    assert!(
        outcomes.contains(&"BuildRole allowed".into()),
        "{outcomes:?}"
    );
}

const CLOSED: &str = "
Resources:
  Store: {Type: 'AWS::S3::Bucket', Properties: {BucketName: example-store}}
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties: {Bucket: !Ref Store, PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Deny, Principal: '*', Action: 's3:PutObject', Resource: !Sub '${Store.Arn}/*'}]}}
";

/// A role that may write to the objects of the ARN that the node gives.
fn writer(arn: &str) -> String {
    format!(
        "  Writer:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{Version: '2012-10-17', Statement: [{{Effect: Allow, Action: 'sts:AssumeRole', Principal: {{Service: ec2.amazonaws.com}}}}]}}
      Policies: [{{PolicyName: p, PolicyDocument: {{Version: '2012-10-17', Statement: [{{Effect: Allow, Action: 's3:PutObject', Resource: {arn}}}]}}}}]
"
    )
}

#[test]
fn stacks_templates_and_formats_share_one_estate() {
    let denied = |caller: &str| vec![format!("bucket-policy-denies-upload of {caller}")];
    // A stack inside a stack takes the bucket as a parameter.
    let parent = format!(
        "{CLOSED}  Child:\n    Type: AWS::CloudFormation::Stack\n    Properties: {{TemplateURL: ./child.yaml, Parameters: {{Arn: !GetAtt Store.Arn}}}}\n"
    );
    let child = format!(
        "Parameters:\n  Arn: {{Type: String}}\nResources:\n{}",
        writer("!Sub '${Arn}/*'")
    );
    assert_eq!(
        found(&[("parent.yaml", &parent), ("child.yaml", &child)]).0,
        denied("Child.Writer")
    );
    // The bucket stands inside, and the role outside takes its output.
    let inner = format!("{CLOSED}Outputs:\n  Arn: {{Value: !GetAtt Store.Arn}}\n");
    let outer = format!(
        "Resources:\n  Inner: {{Type: 'AWS::CloudFormation::Stack', Properties: {{TemplateURL: inner.yaml}}}}\n{}",
        writer("!Sub '${Inner.Outputs.Arn}/*'")
    );
    assert_eq!(
        found(&[("outer.yaml", &outer), ("inner.yaml", &inner)]).0,
        denied("Writer")
    );
    // One template exports, another imports.
    let exporting = format!(
        "{CLOSED}Outputs:\n  Arn: {{Value: !GetAtt Store.Arn, Export: {{Name: example-store-arn}}}}\n"
    );
    let importing = format!(
        "Resources:\n{}",
        writer("!Join ['', [!ImportValue example-store-arn, '/*']]")
    );
    assert_eq!(
        found(&[("store.yaml", &exporting), ("writer.yaml", &importing)]).0,
        denied("Writer")
    );
    assert!(found(&[("writer.yaml", &importing)]).0.is_empty());
    // The bucket in a template, the role in Terraform.
    let role = "resource \"aws_iam_user\" \"u\" {\n name = \"u\"\n}\nresource \"aws_iam_user_policy\" \"u\" {\n user = aws_iam_user.u.name\n policy = jsonencode({ Version = \"2012-10-17\", Statement = [{ Effect = \"Allow\", Action = \"s3:PutObject\", Resource = \"arn:aws:s3:::example-store/*\" }] })\n}\n";
    assert_eq!(
        found(&[("store.yaml", CLOSED), ("people/main.tf", role)]).0,
        denied("aws_iam_user.u")
    );
}

/// A condition that leaves several of the allowed values is a statement about the parameter, not a test of its own.
#[test]
fn conditions_over_allowed_values_are_one_with_their_parameter() {
    let template = |allows: &str, denies: &str| {
        format!(
            r#"
Parameters:
  Env: {{Type: String, AllowedValues: [dev, test, stage, prod]}}
Conditions:
  Prod: !Equals [!Ref Env, prod]
  NotProd: !Not [!Condition Prod]
  Small: !Or [!Equals [!Ref Env, dev], !Equals [!Ref Env, test]]
  Dev: !Equals [!Ref Env, dev]
Resources:
  B: {{Type: AWS::S3::Bucket, Properties: {{BucketName: acme-b}}}}
  U:
    Type: AWS::IAM::User
    Condition: {allows}
    Properties:
      Policies:
        - PolicyName: p
          PolicyDocument: {{Statement: [{{Effect: Allow, Action: 's3:PutObject', Resource: !Sub '${{B.Arn}}/*'}}]}}
  P:
    Type: AWS::S3::BucketPolicy
    Condition: {denies}
    Properties:
      Bucket: !Ref B
      PolicyDocument: {{Statement: [{{Effect: Deny, Principal: '*', Action: 's3:PutObject', Resource: !Sub '${{B.Arn}}/*'}}]}}
"#
        )
    };
    let refused = |allows: &str, denies: &str| {
        let found = found(&[("t.yaml", &template(allows, denies))]).0;
        !found.is_empty()
    };
    // They never meet.
    for (allows, denies) in [
        ("Prod", "NotProd"),
        ("NotProd", "Prod"),
        ("Small", "Prod"),
        ("Prod", "Small"),
    ] {
        assert!(!refused(allows, denies), "{allows} {denies}");
    }
    // They meet in every world of the caller.
    for (allows, denies) in [
        ("Prod", "Prod"),
        ("NotProd", "NotProd"),
        ("Small", "NotProd"),
        ("Dev", "Small"),
        ("Dev", "NotProd"),
    ] {
        assert!(refused(allows, denies), "{allows} {denies}");
    }
    // In some of them.
    let outcomes = |allows: &str, denies: &str| found(&[("t.yaml", &template(allows, denies))]).1;
    assert_eq!(outcomes("NotProd", "Small"), ["U depends"]);
    assert_eq!(outcomes("NotProd", "Prod"), ["U allowed"]);
}
