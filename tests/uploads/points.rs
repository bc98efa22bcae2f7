//! Uploads through access points and to directory buckets, in both formats.

use iaclint::files::MemoryFiles;

use crate::estate::{loud, run};

/// A small estate: what stands in it, format by format, and what becomes of its uploads.
struct Case {
    name: &'static str,
    terraform: String,
    /// Empty where the case needs two accounts.
    cloudformation: String,
    /// Rules above a note.
    found: &'static [&'static str],
    /// Outcomes of its uploads, sorted, each once.
    outcomes: &'static [&'static str],
}

const HEAD: &str = r#"
provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["111122223333"]
}
resource "aws_s3_bucket" "b" {
  bucket = "example-b"
}
"#;

const HEAD_YAML: &str = r#"
Resources:
  B:
    Type: AWS::S3::Bucket
    Properties: { BucketName: example-b }
"#;

fn point(statements: &str, more: &str) -> String {
    let policy = match statements {
        "" => String::new(),
        s => format!("policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{s}] }})"),
    };
    format!(
        "resource \"aws_s3_access_point\" \"p\" {{\n name = \"p\"\n bucket = aws_s3_bucket.b.id\n {more}\n {policy}\n}}\n"
    )
}

fn point_yaml(statements: &str, more: &str) -> String {
    let policy = match statements {
        "" => String::new(),
        s => format!("      Policy: {{ Version: \"2012-10-17\", Statement: [{s}] }}\n"),
    };
    format!(
        "  P:\n    Type: AWS::S3::AccessPoint\n    Properties:\n      Name: p\n      Bucket: !Ref B\n{more}{policy}"
    )
}

fn bucket_policy(statements: &str) -> String {
    format!(
        "resource \"aws_s3_bucket_policy\" \"b\" {{\n bucket = aws_s3_bucket.b.id\n policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{statements}] }})\n}}\n"
    )
}

fn bucket_policy_yaml(statements: &str) -> String {
    format!(
        "  BPolicy:\n    Type: AWS::S3::BucketPolicy\n    Properties:\n      Bucket: !Ref B\n      PolicyDocument: {{ Version: \"2012-10-17\", Statement: [{statements}] }}\n"
    )
}

fn role(service: &str, statements: &str) -> String {
    let policy = match statements {
        "" => String::new(),
        s => format!(
            "resource \"aws_iam_role_policy\" \"r\" {{\n role = aws_iam_role.r.id\n policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{s}] }})\n}}\n"
        ),
    };
    format!(
        "resource \"aws_iam_role\" \"r\" {{\n name = \"r\"\n assume_role_policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = \"sts:AssumeRole\", Principal = {{ Service = \"{service}\" }} }}] }})\n}}\n{policy}"
    )
}

fn role_yaml(service: &str, statements: &str) -> String {
    let policies = match statements {
        "" => String::new(),
        s => format!(
            "      Policies:\n        - PolicyName: w\n          PolicyDocument: {{ Version: \"2012-10-17\", Statement: [{s}] }}\n"
        ),
    };
    format!(
        "  R:\n    Type: AWS::IAM::Role\n    Properties:\n      RoleName: r\n      AssumeRolePolicyDocument: {{ Version: \"2012-10-17\", Statement: {{ Effect: Allow, Action: sts:AssumeRole, Principal: {{ Service: {service} }} }} }}\n{policies}"
    )
}

const LAMBDA: &str = "lambda.amazonaws.com";

fn put(resource: &str) -> String {
    format!("{{ Effect = \"Allow\", Action = \"s3:PutObject\", Resource = \"{resource}\" }}")
}

fn put_yaml(resource: &str) -> String {
    format!("{{ Effect: Allow, Action: s3:PutObject, Resource: !Sub \"{resource}\" }}")
}

const ON_POINT: &str = "${aws_s3_access_point.p.arn}/object/*";
const ON_POINT_YAML: &str = "${P.Arn}/object/*";
const ON_BUCKET: &str = "${aws_s3_bucket.b.arn}/*";
const ON_BUCKET_YAML: &str = "${B.Arn}/*";
const DELEGATES: &str = "{ Effect = \"Allow\", Principal = { AWS = \"*\" }, Action = \"s3:*\", Resource = \"${aws_s3_bucket.b.arn}/*\", Condition = { StringEquals = { \"s3:DataAccessPointAccount\" = \"111122223333\" } } }";
const DELEGATES_YAML: &str = "{ Effect: Allow, Principal: { AWS: \"*\" }, Action: \"s3:*\", Resource: !Sub \"${B.Arn}/*\", Condition: { StringEquals: { s3:DataAccessPointAccount: !Ref AWS::AccountId } } }";
const ONLY_POINTS: &str = "{ Effect = \"Deny\", Principal = \"*\", Action = \"s3:PutObject\", Resource = \"${aws_s3_bucket.b.arn}/*\", Condition = { StringNotEquals = { \"s3:DataAccessPointAccount\" = \"111122223333\" } } }";
const ONLY_POINTS_YAML: &str = "{ Effect: Deny, Principal: \"*\", Action: s3:PutObject, Resource: !Sub \"${B.Arn}/*\", Condition: { StringNotEquals: { s3:DataAccessPointAccount: !Ref AWS::AccountId } } }";

fn admits(resource: &str) -> String {
    format!(
        "{{ Effect = \"Allow\", Principal = {{ AWS = aws_iam_role.r.arn }}, Action = \"s3:PutObject\", Resource = \"arn:aws:s3:eu-west-1:111122223333:accesspoint/p/{resource}\" }}"
    )
}

fn admits_yaml(resource: &str) -> String {
    format!(
        "{{ Effect: Allow, Principal: {{ AWS: !GetAtt R.Arn }}, Action: s3:PutObject, Resource: !Sub \"arn:aws:s3:${{AWS::Region}}:${{AWS::AccountId}}:accesspoint/p/{resource}\" }}"
    )
}

fn case(
    name: &'static str,
    terraform: &[String],
    cloudformation: &[String],
    found: &'static [&'static str],
    outcomes: &'static [&'static str],
) -> Case {
    Case {
        name,
        terraform: format!("{HEAD}{}", terraform.concat()),
        cloudformation: match cloudformation {
            [] => String::new(),
            parts => format!("{HEAD_YAML}{}", parts.concat()),
        },
        found,
        outcomes,
    }
}

fn point_cases() -> Vec<Case> {
    let endpoint = "resource \"aws_vpc\" \"v\" {\n cidr_block = \"10.0.0.0/16\"\n}\nresource \"aws_route_table\" \"v\" {\n vpc_id = aws_vpc.v.id\n}\nresource \"aws_vpc_endpoint\" \"e\" {\n vpc_id = aws_vpc.v.id\n service_name = \"com.amazonaws.eu-west-1.s3\"\n route_table_ids = [aws_route_table.v.id]\n policy = jsonencode({ Version = \"2012-10-17\", Statement = [{ Effect = \"Allow\", Principal = \"*\", Action = \"s3:*\", Resource = RESOURCES }] })\n}\n";
    let endpoint_yaml = "  V:\n    Type: AWS::EC2::VPC\n    Properties: { CidrBlock: 10.0.0.0/16 }\n  T:\n    Type: AWS::EC2::RouteTable\n    Properties: { VpcId: !Ref V }\n  E:\n    Type: AWS::EC2::VPCEndpoint\n    Properties:\n      VpcId: !Ref V\n      ServiceName: !Sub \"com.amazonaws.${AWS::Region}.s3\"\n      RouteTableIds: [!Ref T]\n      PolicyDocument: { Version: \"2012-10-17\", Statement: [{ Effect: Allow, Principal: \"*\", Action: \"s3:*\", Resource: RESOURCES }] }\n";
    let both = format!("[\"{ON_BUCKET}\", \"{ON_POINT}\"]");
    let both_yaml = format!("[!Sub \"{ON_BUCKET_YAML}\", !Sub \"{ON_POINT_YAML}\"]");
    vec![
        case(
            "the bucket delegates nothing",
            &[point(&admits("object/*"), ""), role(LAMBDA, "")],
            &[point_yaml(&admits_yaml("object/*"), ""), role_yaml(LAMBDA, "")],
            &["bucket-policy-omits-access-point"],
            &["always-denied"],
        ),
        case(
            "the bucket delegates",
            &[point(&admits("object/*"), ""), role(LAMBDA, ""), bucket_policy(DELEGATES)],
            &[
                point_yaml(&admits_yaml("object/*"), ""),
                role_yaml(LAMBDA, ""),
                bucket_policy_yaml(DELEGATES_YAML),
            ],
            &[],
            &["allowed"],
        ),
        case(
            "a prefix of the access point",
            &[point(&admits("object/in/*"), ""), role(LAMBDA, ""), bucket_policy(DELEGATES)],
            &[
                point_yaml(&admits_yaml("object/in/*"), ""),
                role_yaml(LAMBDA, ""),
                bucket_policy_yaml(DELEGATES_YAML),
            ],
            &[],
            &["allowed"],
        ),
        case(
            "the access point instead of its objects",
            &[point(&admits("*"), ""), role(LAMBDA, &put("${aws_s3_access_point.p.arn}")), bucket_policy(DELEGATES)],
            &[
                point_yaml(&admits_yaml("*"), ""),
                role_yaml(LAMBDA, &put_yaml("${P.Arn}")),
                bucket_policy_yaml(DELEGATES_YAML),
            ],
            // The access point's own policy admits the role.
            &[],
            &["allowed"],
        ),
        case(
            "the access point instead of its objects, alone",
            &[point("", ""), role(LAMBDA, &put("${aws_s3_access_point.p.arn}")), bucket_policy(DELEGATES)],
            &[
                point_yaml("", ""),
                role_yaml(LAMBDA, &put_yaml("${P.Arn}")),
                bucket_policy_yaml(DELEGATES_YAML),
            ],
            &["identity-policy-names-bucket-not-objects"],
            &["always-denied"],
        ),
        case(
            "an identity policy that names the access point alone",
            &[point("", ""), role(LAMBDA, &put(ON_POINT))],
            &[point_yaml("", ""), role_yaml(LAMBDA, &put_yaml(ON_POINT_YAML))],
            &[],
            &["depends"],
        ),
        case(
            "the bucket's own name is refused, the access point passes",
            &[
                point("", ""),
                role(LAMBDA, &format!("{}, {}", put(ON_POINT), put(ON_BUCKET))),
                bucket_policy(ONLY_POINTS),
            ],
            &[
                point_yaml("", ""),
                role_yaml(LAMBDA, &format!("{}, {}", put_yaml(ON_POINT_YAML), put_yaml(ON_BUCKET_YAML))),
                bucket_policy_yaml(ONLY_POINTS_YAML),
            ],
            &[],
            &["allowed"],
        ),
        case(
            "only access points, of which none is declared",
            &[role(LAMBDA, &put(ON_BUCKET)), bucket_policy(ONLY_POINTS)],
            &[role_yaml(LAMBDA, &put_yaml(ON_BUCKET_YAML)), bucket_policy_yaml(ONLY_POINTS_YAML)],
            &[],
            &["depends"],
        ),
        case(
            "the endpoint lists one of the two names",
            &[
                point("", ""),
                role("ec2.amazonaws.com", &format!("{}, {}", put(ON_POINT), put(ON_BUCKET))),
                endpoint.replace("RESOURCES", &format!("\"{ON_BUCKET}\"")),
            ],
            &[
                point_yaml("", ""),
                role_yaml("ec2.amazonaws.com", &format!("{}, {}", put_yaml(ON_POINT_YAML), put_yaml(ON_BUCKET_YAML))),
                endpoint_yaml.replace("RESOURCES", &format!("!Sub \"{ON_BUCKET_YAML}\"")),
            ],
            &["endpoint-policy-omits-bucket"],
            &["allowed", "always-denied"],
        ),
        case(
            "the endpoint lists both",
            &[
                point("", ""),
                role("ec2.amazonaws.com", &format!("{}, {}", put(ON_POINT), put(ON_BUCKET))),
                endpoint.replace("RESOURCES", &both),
            ],
            &[
                point_yaml("", ""),
                role_yaml("ec2.amazonaws.com", &format!("{}, {}", put_yaml(ON_POINT_YAML), put_yaml(ON_BUCKET_YAML))),
                endpoint_yaml.replace("RESOURCES", &both_yaml),
            ],
            &[],
            &["allowed"],
        ),
        case(
            "a VPC that nothing contradicts",
            &[
                point("", "vpc_configuration {\n  vpc_id = \"vpc-0a1b2c3d\"\n }"),
                role(LAMBDA, &format!("{}, {}", put(ON_POINT), put(ON_BUCKET))),
            ],
            &[
                point_yaml("", "      VpcConfiguration: { VpcId: vpc-0a1b2c3d }\n"),
                role_yaml(LAMBDA, &format!("{}, {}", put_yaml(ON_POINT_YAML), put_yaml(ON_BUCKET_YAML))),
            ],
            &[],
            &["allowed"],
        ),
        case(
            "an access point of several Regions refuses",
            &[
                "resource \"aws_s3control_multi_region_access_point\" \"m\" {\n details {\n  name = \"m\"\n  region {\n   bucket = aws_s3_bucket.b.id\n  }\n }\n}\nresource \"aws_s3control_multi_region_access_point_policy\" \"m\" {\n details {\n  name = \"m\"\n  policy = jsonencode({ Version = \"2012-10-17\", Statement = [{ Effect = \"Deny\", Principal = \"*\", Action = \"s3:PutObject\", Resource = \"${aws_s3control_multi_region_access_point.m.arn}/object/*\" }] })\n }\n}\n".into(),
                role(LAMBDA, &put("${aws_s3control_multi_region_access_point.m.arn}/object/*")),
            ],
            &[
                "  M:\n    Type: AWS::S3::MultiRegionAccessPoint\n    Properties:\n      Name: m\n      Regions: [{ Bucket: !Ref B }]\n  MPolicy:\n    Type: AWS::S3::MultiRegionAccessPointPolicy\n    Properties:\n      MrapName: !Ref M\n      Policy: { Version: \"2012-10-17\", Statement: [{ Effect: Deny, Principal: \"*\", Action: s3:PutObject, Resource: !Sub \"arn:aws:s3::${AWS::AccountId}:accesspoint/${M.Alias}/object/*\" }] }\n".into(),
                role_yaml(LAMBDA, &put_yaml("arn:aws:s3::${AWS::AccountId}:accesspoint/${M.Alias}/object/*")),
            ],
            &["access-point-policy-denies-upload"],
            &["always-denied"],
        ),
    ]
}

fn session(actions: &str, resource: &str, more: &str) -> [String; 2] {
    let terraform = format!(
        "resource \"aws_s3_directory_bucket\" \"d\" {{\n bucket = \"example-d--euw1-az1--x-s3\"\n location {{\n  name = \"euw1-az1\"\n }}\n}}\n{}",
        role(
            LAMBDA,
            &format!(
                "{{ Effect = \"Allow\", Action = \"{actions}\", Resource = \"${{aws_s3_directory_bucket.d.arn}}{resource}\" {more} }}"
            )
        )
    );
    let yaml_more = more.replace(" = ", ": ");
    let cloudformation = format!(
        "  D:\n    Type: AWS::S3Express::DirectoryBucket\n    Properties: {{ BucketName: example-d--euw1-az1--x-s3, LocationName: euw1-az1, DataRedundancy: SingleAvailabilityZone }}\n{}",
        role_yaml(
            LAMBDA,
            &format!(
                "{{ Effect: Allow, Action: \"{actions}\", Resource: !Sub \"${{D.Arn}}{resource}\" {} }}",
                yaml_more
            )
        )
    );
    [terraform, cloudformation]
}

fn directory_cases() -> Vec<Case> {
    let of = |name, actions: &str, resource: &str, more: &str, found, outcomes| {
        let [terraform, cloudformation] = session(actions, resource, more);
        case(name, &[terraform], &[cloudformation], found, outcomes)
    };
    vec![
        of(
            "a session",
            "s3express:CreateSession",
            "",
            "",
            &[],
            &["allowed"],
        ),
        of("every action", "s3express:*", "", "", &[], &["allowed"]),
        of(
            "objects of a directory bucket",
            "s3:PutObject",
            "/*",
            "",
            &["identity-policy-omits-create-session"],
            &["always-denied"],
        ),
        of(
            "sessions for reading",
            "s3express:CreateSession",
            "",
            ", Condition = { StringEquals = { \"s3express:SessionMode\" = \"ReadOnly\" } }",
            &["identity-policy-allows-only-with-condition"],
            &["always-denied"],
        ),
    ]
}

#[test]
fn access_points_and_directory_buckets() {
    let mut wrong = Vec::new();
    for case in point_cases().into_iter().chain(directory_cases()) {
        let formats = [
            ("main.tf", &case.terraform),
            ("template.yaml", &case.cloudformation),
        ];
        for (path, text) in formats.into_iter().filter(|(_, t)| !t.is_empty()) {
            let mut files = MemoryFiles::new();
            files.insert(path, text.as_str());
            let report = run(&files);
            let mut outcomes: Vec<&str> = report.decided.iter().map(|d| d.outcome.name()).collect();
            outcomes.sort_unstable();
            outcomes.dedup();
            if loud(&report) != case.found || outcomes != case.outcomes {
                wrong.push(format!(
                    "{}, {path}: found {:?}, decided {outcomes:?}; not understood {:?}",
                    case.name,
                    loud(&report),
                    report
                        .not_understood
                        .iter()
                        .map(|g| &g.what)
                        .collect::<Vec<_>>()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_journey_can_go_through_an_access_point() {
    use iaclint::analysis::{Request, load};
    use iaclint::upload::Route;
    use iaclint::upload::calls::Draft;
    use iaclint::upload::why::why;
    use iaclint::value::Text;

    let refuses = "{ Effect = \"Deny\", Principal = \"*\", Action = \"s3:PutObject\", Resource = \"arn:aws:s3:eu-west-1:111122223333:accesspoint/p/object/closed/*\" }";
    let mut files = MemoryFiles::new();
    let text = [
        HEAD.to_string(),
        point(refuses, ""),
        bucket_policy(ONLY_POINTS),
        role(LAMBDA, &[put(ON_POINT), put(ON_BUCKET)].join(", ")),
    ];
    files.insert("main.tf", text.concat());
    let (_, estate) = load(&files, &Request::default());
    let play = |point: Option<usize>, key: &str| {
        let draft = Draft::plain(Some(Text::literal(key)));
        let found = why(&estate, 0, 0, point, Route::Internet, &draft).expect("it is played");
        let gates: Vec<&str> = found
            .lines
            .iter()
            .filter(|l| l.refused)
            .map(|l| l.gate)
            .collect();
        (found.allowed, gates.join(" "))
    };
    assert_eq!(play(None, "open/x"), (false, "bucket".into()));
    assert_eq!(play(Some(0), "open/x"), (true, String::new()));
    assert_eq!(play(Some(0), "closed/x"), (false, "access point".into()));
}
