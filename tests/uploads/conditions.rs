//! Conditions of templates: one truth in one world, for what exists, what is granted and what refuses.

use iaclint::files::MemoryFiles;
use iaclint::outcome::Level;

use super::estate::run;

const TRUST: &str = "AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 'sts:AssumeRole', Principal: {Service: lambda.amazonaws.com}}]}";

/// Parameters without a value, the conditions over them, and two buckets.
const HEAD: &str = "
Parameters:
  Env: {Type: String}
  Vpc: {Type: String}
  Known: {Type: String, Default: 'no'}
Conditions:
  Prod: !Equals [!Ref Env, prod]
  Dev: !Equals [dev, !Ref Env]
  NotProd: !Not [!Condition Prod]
  Inside: !Equals [!Ref Vpc, 'yes']
  Never: !Equals [!Ref Known, 'yes']
Resources:
  B: {Type: 'AWS::S3::Bucket'}
";

fn statement(effect: &str, more: &str) -> String {
    format!("{{Effect: {effect}, Action: 's3:PutObject', Resource: !Sub '${{B.Arn}}/*'{more}}}")
}

/// A role with these statements; `condition` is empty or the name of a template condition.
fn role(name: &str, condition: &str, more: &str, statements: &str) -> String {
    let condition = match condition {
        "" => String::new(),
        name => format!("    Condition: {name}\n"),
    };
    format!(
        "  {name}:\n    Type: AWS::IAM::Role\n{condition}    Properties:\n      {TRUST}\n{more}      Policies: [{{PolicyName: p, PolicyDocument: {{Version: '2012-10-17', Statement: [{statements}]}}}}]\n"
    )
}

fn policy(condition: &str, statements: &str) -> String {
    let condition = match condition {
        "" => String::new(),
        name => format!("    Condition: {name}\n"),
    };
    format!(
        "  Policy:\n    Type: AWS::S3::BucketPolicy\n{condition}    Properties: {{Bucket: !Ref B, PolicyDocument: {{Version: '2012-10-17', Statement: [{statements}]}}}}\n"
    )
}

fn function(role: &str, vpc: &str) -> String {
    format!(
        "  F:\n    Type: AWS::Lambda::Function\n    Properties: {{Role: {role}, Handler: i.h, Runtime: python3.12, Code: {{ZipFile: x}}{vpc}}}\n"
    )
}

/// A VPC whose gateway endpoint reaches another bucket only; `routes` are its route tables.
fn network(routes: &str) -> String {
    format!(
        "  Net: {{Type: 'AWS::EC2::VPC', Properties: {{CidrBlock: 10.0.0.0/16}}}}
  Sub: {{Type: 'AWS::EC2::Subnet', Properties: {{VpcId: !Ref Net, CidrBlock: 10.0.0.0/24}}}}
  Table: {{Type: 'AWS::EC2::RouteTable', Properties: {{VpcId: !Ref Net}}}}
  Joined: {{Type: 'AWS::EC2::SubnetRouteTableAssociation', Properties: {{SubnetId: !Ref Sub, RouteTableId: !Ref Table}}}}
  Door:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcId: !Ref Net
      ServiceName: !Sub 'com.amazonaws.${{AWS::Region}}.s3'
      RouteTableIds: [{routes}]
      PolicyDocument: {{Version: '2012-10-17', Statement: [{{Effect: Allow, Principal: '*', Action: 's3:*', Resource: 'arn:aws:s3:::example-other/*'}}]}}
"
    )
}

/// Findings above a note, each as `level rule: beginning of the message`, and the outcomes by caller.
fn found(parts: &[String]) -> (Vec<String>, Vec<String>) {
    let mut files = MemoryFiles::new();
    files.insert("template.yaml", format!("{HEAD}{}", parts.concat()));
    let report = run(&files);
    let findings = report
        .findings
        .iter()
        .filter(|f| f.level > Level::Note)
        .map(|f| {
            let world = f.message.split(',').next().unwrap_or_default();
            let world = world.strip_prefix("where ").unwrap_or("always");
            format!("{} {}: {world}", f.level.name(), f.rule)
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
fn one_condition_has_one_truth() {
    let put = statement("Allow", "");
    let never = statement("Deny", ", Principal: '*'");
    let denied = "error bucket-policy-denies-upload";
    let bounded = "      PermissionsBoundary: !If [Prod, !Ref Limit, !Ref 'AWS::NoValue']\n";
    let limit = "  Limit:\n    Type: AWS::IAM::ManagedPolicy\n    Condition: Prod\n    Properties: {PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:Get*', Resource: '*'}]}}\n";
    let inside = ", VpcConfig: !If [Inside, {SubnetIds: [!Ref Sub], SecurityGroupIds: []}, !Ref 'AWS::NoValue']";
    let always_inside = ", VpcConfig: {SubnetIds: [!Ref Sub], SecurityGroupIds: []}";
    type Case = (
        &'static str,
        Vec<String>,
        Vec<String>,
        &'static [&'static str],
    );
    let cases: Vec<Case> = vec![
        (
            "role and policy of one world",
            vec![role("R", "Prod", "", &put), policy("Prod", &never)],
            vec![format!("{denied}: parameter `Env` is `prod`")],
            &["R always-denied"],
        ),
        (
            "role and policy never meet",
            vec![role("R", "NotProd", "", &put), policy("Prod", &never)],
            vec![],
            &["R allowed"],
        ),
        (
            "two values of one parameter never meet",
            vec![role("R", "Dev", "", &put), policy("Prod", &never)],
            vec![],
            &["R allowed"],
        ),
        (
            "refused in one of two worlds",
            vec![role("R", "", "", &put), policy("Prod", &never)],
            vec![],
            &["R depends"],
        ),
        (
            "refused in the world of no value that is given",
            vec![role("R", "", "", &put), policy("Never", &never)],
            vec![],
            &["R allowed"],
        ),
        (
            "granted in two worlds by two statements",
            vec![role(
                "R",
                "",
                "",
                &format!(
                    "!If [Prod, {put}, !Ref 'AWS::NoValue'], !If [Prod, !Ref 'AWS::NoValue', {put}]"
                ),
            )],
            vec![],
            &["R allowed"],
        ),
        (
            "granted in one world, refused in the same",
            vec![
                role(
                    "R",
                    "",
                    "",
                    &format!("!If [Prod, {put}, !Ref 'AWS::NoValue']"),
                ),
                policy("Prod", &never),
            ],
            vec![format!("{denied}: parameter `Env` is `prod`")],
            &["R always-denied"],
        ),
        (
            "granted in one world, refused in another",
            vec![
                role(
                    "R",
                    "",
                    "",
                    &format!("!If [Prod, {put}, !Ref 'AWS::NoValue']"),
                ),
                policy("NotProd", &never),
            ],
            vec![],
            &["R allowed"],
        ),
        (
            "the bucket named in one world only",
            vec![
                role(
                    "R",
                    "",
                    "",
                    "{Effect: Allow, Action: 's3:PutObject', Resource: !If [Prod, !Sub '${B.Arn}/*', 'arn:aws:s3:::example-other/*']}",
                ),
                policy("Prod", &never),
            ],
            vec![format!("{denied}: parameter `Env` is `prod`")],
            &["R always-denied"],
        ),
        (
            "a boundary in one world",
            vec![role("R", "", bounded, &put), limit.into()],
            vec![],
            &["R depends"],
        ),
        (
            "a boundary in the role's world",
            vec![role("R", "Prod", bounded, &put), limit.into()],
            vec!["error boundary-omits-put-object: parameter `Env` is `prod`".into()],
            &["R always-denied"],
        ),
        (
            "a function that runs as one role or another",
            vec![
                network("!Ref Table"),
                role("R", "Prod", "", &put),
                role("Q", "NotProd", "", &put),
                function("!If [Prod, !GetAtt R.Arn, !GetAtt Q.Arn]", always_inside),
            ],
            vec!["error endpoint-policy-omits-bucket: parameter `Env` is `prod`".into()],
            &["R always-denied", "Q always-denied"],
        ),
        (
            "a function inside a VPC in one world",
            vec![
                network("!Ref Table"),
                role("R", "", "", &put),
                function("!GetAtt R.Arn", inside),
            ],
            vec![],
            &["R depends", "R allowed"],
        ),
        (
            "the same function where it exists only inside",
            vec![
                network("!Ref Table"),
                role("R", "Inside", "", &put),
                function("!GetAtt R.Arn", inside),
            ],
            vec!["error endpoint-policy-omits-bucket: parameter `Vpc` is `yes`".into()],
            &["R always-denied"],
        ),
        (
            "a route of one world",
            vec![
                network("!If [Inside, !Ref Table, !Ref 'AWS::NoValue']"),
                role("R", "", "", &put),
                function("!GetAtt R.Arn", always_inside),
            ],
            vec![],
            &["R depends", "R allowed"],
        ),
    ];
    for (name, parts, findings, outcomes) in cases {
        let (got, mut decided) = found(&parts);
        assert_eq!(got, findings, "{name}");
        let mut outcomes: Vec<String> = outcomes.iter().map(|o| o.to_string()).collect();
        outcomes.sort();
        decided.sort();
        assert_eq!(decided, outcomes, "{name}");
    }
}

#[test]
fn settings_hang_on_the_condition_of_their_world() {
    let put = statement("Allow", "");
    let bucket = "  K:
    Type: AWS::KMS::Key
    Condition: Prod
    Properties: {KeyPolicy: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:role/example-admin'}, Action: 'kms:*', Resource: '*'}]}}
  E:
    Type: AWS::S3::Bucket
    Properties:
      BucketEncryption: !If
        - Prod
        - {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: 'aws:kms', KMSMasterKeyID: !GetAtt K.Arn}}]}
        - !Ref AWS::NoValue
";
    let into = put.replace("${B.Arn}", "${E.Arn}");
    let case = |condition: &str| found(&[bucket.into(), role("R", condition, "", &into)]);
    assert_eq!(
        case("Prod").0,
        ["warning key-policy-omits-caller: parameter `Env` is `prod`"]
    );
    let none: (Vec<String>, Vec<String>) = (vec![], vec!["R allowed".into()]);
    assert_eq!(case("NotProd"), none);
    assert_eq!(case("").0, none.0);
    assert_eq!(case("").1, ["R depends"]);
}

#[test]
fn more_worlds_than_are_told_apart_are_listed() {
    let mut template = String::from("Parameters:\n");
    (0..7).for_each(|i| template.push_str(&format!("  P{i}: {{Type: String}}\n")));
    template.push_str("Conditions:\n");
    (0..7).for_each(|i| template.push_str(&format!("  C{i}: !Equals [!Ref P{i}, 'yes']\n")));
    template.push_str("Resources:\n  B: {Type: 'AWS::S3::Bucket'}\n");
    let mut statements = vec![statement("Allow", "")];
    for i in 0..7 {
        let deny = statement("Deny", "");
        statements.push(format!("!If [C{i}, {deny}, !Ref 'AWS::NoValue']"));
    }
    template.push_str(&role("R", "", "", &statements.join(", ")));
    let mut files = MemoryFiles::new();
    files.insert("template.yaml", template);
    let report = run(&files);
    assert!(report.findings.is_empty());
    let listed = report.not_understood.iter();
    let why: Vec<&str> = listed.map(|g| &*g.why).collect();
    assert!(
        why.iter().any(|w| w.contains("more than 64 worlds")),
        "{why:?}"
    );
}
