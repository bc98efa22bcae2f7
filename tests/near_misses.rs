//! Near misses: for each reason an estate that is refused, also with unrelated statements around the one that
//! refuses, and estates that look alike and are allowed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

#[path = "uploads/estate.rs"]
#[allow(dead_code, reason = "shared by several tests")]
mod estate;
#[path = "uploads/spec_rows.rs"]
mod spec_rows;

use std::path::Path;

use estate::*;
use iaclint::analysis::{self, Request};
use iaclint::files::{Limits, disk::DiskFiles};
use iaclint::rule::{Outcome, registry};
use spec_rows::Shown;

/// Puts the statements of the policy in question into an estate.
type Build = Box<dyn Fn(&str) -> Vec<String>>;

struct Reason {
    rule: &'static str,
    build: Build,
    /// Statements that are refused.
    refused: String,
    /// Two statements of that kind of policy that have nothing to do with the upload.
    unrelated: [&'static str; 2],
    /// What is changed, and the estate that is allowed.
    allowed: Vec<(&'static str, Vec<String>)>,
}

const IN_BUCKET_POLICY: [&str; 2] = [
    r#"{ Sid = "Read", Effect = "Allow", Principal = { AWS = "arn:aws:iam::111122223333:role/reader" }, Action = "s3:GetObject", Resource = "${aws_s3_bucket.b.arn}/*" }"#,
    r#"{ Sid = "Keep", Effect = "Deny", Principal = "*", Action = "s3:DeleteBucket", Resource = aws_s3_bucket.b.arn }"#,
];
const IN_IDENTITY: [&str; 2] = [
    r#"{ Sid = "List", Effect = "Allow", Action = "s3:ListBucket", Resource = aws_s3_bucket.b.arn }"#,
    r#"{ Sid = "Queue", Effect = "Allow", Action = "sqs:SendMessage", Resource = "*" }"#,
];
const IN_KEY_POLICY: [&str; 2] = [
    r#"{ Sid = "See", Effect = "Allow", Principal = { AWS = "arn:aws:iam::111122223333:role/auditor" }, Action = "kms:DescribeKey", Resource = "*" }"#,
    r#"{ Sid = "Keep", Effect = "Deny", Principal = "*", Action = "kms:ScheduleKeyDeletion", Resource = "*" }"#,
];
const IN_ENDPOINT: [&str; 2] = [
    r#"{ Sid = "Read", Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "*" }"#,
    r#"{ Sid = "Keep", Effect = "Deny", Principal = "*", Action = "s3:DeleteObject", Resource = "*" }"#,
];

fn deny_bucket(condition: &str) -> String {
    format!(
        "{{ Sid = \"D\", Effect = \"Deny\", Principal = \"*\", Action = \"s3:PutObject\", Resource = \"{OBJECTS}\", Condition = {{ {condition} }} }}"
    )
}

fn to_all(actions: &str, resource: &str) -> String {
    format!(
        "{{ Sid = \"A\", Effect = \"Allow\", Principal = \"*\", Action = [{actions}], Resource = \"{resource}\" }}"
    )
}

const PUT: &str = "\"s3:PutObject\"";
const KMS: &str = "\"kms:GenerateDataKey\", \"kms:Decrypt\"";

fn ecs_role() -> String {
    role(
        "ecs-tasks.amazonaws.com",
        "",
        &allow("\"s3:PutObject\", \"s3:PutObjectAcl\"", OBJECTS),
    )
}

fn reasons() -> Vec<Reason> {
    let sse = "\"s3:x-amz-server-side-encryption\"";
    let in_bucket_policy = |s: &str| vec![user(&put()), bucket_policy(s)];
    // A function outside of every VPC: its path to S3 is certain.
    let from_internet = |s: &str| {
        vec![
            role("lambda.amazonaws.com", "", &put()),
            "resource \"aws_lambda_function\" \"f\" {\n function_name = \"f\"\n role = aws_iam_role.r.arn\n runtime = \"python3.13\"\n handler = \"index.handler\"\n filename = \"f.zip\"\n}\n".to_string(),
            bucket_policy(s),
        ]
    };
    let in_identity_for_key = |s: &str| vec![user(&format!("{}, {s}", put())), key(ROOT, true)];
    let in_key = |s: &str| {
        vec![
            user(&format!("{}, {}", put(), allow(KMS, KEY))),
            key(s, false),
        ]
    };
    let in_endpoint = |s: &str| vec![role("ecs-tasks.amazonaws.com", "", &put()), endpoint(s)];
    let with_acls = |s: &str| vec![ecs_role(), ownership("BucketOwnerPreferred"), endpoint(s)];
    let in_boundary = |s: &str| {
        vec![
            format!(
                "resource \"aws_iam_policy\" \"limit\" {{\n name = \"limit\"\n policy = {}\n}}\n",
                policy(s)
            ),
            role(
                "lambda.amazonaws.com",
                " permissions_boundary = aws_iam_policy.limit.arn",
                &put(),
            ),
        ]
    };
    let in_identity = |s: &str| vec![user(s)];
    let balancer = "resource \"aws_lb\" \"web\" {\n name = \"web\"\n load_balancer_type = \"application\"\n subnets = [\"subnet-0a1b2c3d\"]\n access_logs {\n  bucket = aws_s3_bucket.b.id\n  enabled = true\n }\n}\n";
    let in_log_bucket = move |s: &str| vec![bucket_policy(s), balancer.to_string()];
    let service = |principal: &str, resource: &str| {
        format!(
            "{{ Sid = \"S\", Effect = \"Allow\", Principal = {{ Service = \"{principal}\" }}, Action = \"s3:PutObject\", Resource = \"{resource}\" }}"
        )
    };
    let user_in_key = |actions: &str| {
        format!(
            "{{ Sid = \"U\", Effect = \"Allow\", Principal = {{ AWS = aws_iam_user.u.arn }}, Action = [{actions}], Resource = \"*\" }}"
        )
    };
    vec![
        Reason {
            rule: "bucket-policy-denies-missing-encryption-header",
            refused: deny_bucket(&format!("StringNotEquals = {{ {sse} = \"AES256\" }}")),
            unrelated: IN_BUCKET_POLICY,
            allowed: vec![
                (
                    "guarded by Null false",
                    in_bucket_policy(&deny_bucket(&format!(
                        "StringNotEquals = {{ {sse} = \"AES256\" }}, Null = {{ {sse} = \"false\" }}"
                    ))),
                ),
                (
                    "denies a value only",
                    in_bucket_policy(&deny_bucket(&format!("StringEquals = {{ {sse} = \"aws:kms\" }}"))),
                ),
                (
                    "of another bucket's objects",
                    in_bucket_policy(
                        &deny_bucket(&format!("StringNotEquals = {{ {sse} = \"AES256\" }}"))
                            .replace(OBJECTS, "${aws_s3_bucket.b.arn}/archive/*")
                            .replace("Principal = \"*\"", "Principal = { AWS = \"arn:aws:iam::111122223333:role/archive\" }"),
                    ),
                ),
            ],
            build: Box::new(in_bucket_policy),
        },
        Reason {
            rule: "identity-policy-omits-generate-data-key",
            refused: allow("\"kms:Decrypt\"", KEY),
            unrelated: IN_IDENTITY,
            allowed: vec![
                ("both actions", in_identity_for_key(&allow(KMS, KEY))),
                ("a wildcard", in_identity_for_key(&allow("\"kms:GenerateDataKey*\", \"kms:Decrypt\"", "*"))),
                (
                    "a second statement",
                    in_identity_for_key(&format!(
                        "{}, {}",
                        allow("\"kms:Decrypt\"", KEY),
                        allow("\"kms:GenerateDataKey\"", KEY)
                    )),
                ),
                (
                    "the key policy grants it",
                    vec![user(&put()), key(&format!("{ROOT}, {}", user_in_key(KMS)), true)],
                ),
            ],
            build: Box::new(in_identity_for_key),
        },
        Reason {
            rule: "key-policy-omits-caller",
            refused: "{ Sid = \"Admin\", Effect = \"Allow\", Principal = { AWS = \"arn:aws:iam::111122223333:role/admin\" }, Action = \"kms:*\", Resource = \"*\" }".into(),
            unrelated: IN_KEY_POLICY,
            allowed: vec![
                ("delegates to the account", in_key(ROOT)),
                ("names the account by its id", in_key(&ROOT.replace("arn:aws:iam::111122223333:root", "111122223333"))),
                ("names the user", in_key(&user_in_key(KMS))),
                (
                    "no policy of its own",
                    vec![
                        user(&format!("{}, {}", put(), allow(KMS, KEY))),
                        "resource \"aws_kms_key\" \"k\" {\n description = \"k\"\n}\n".into(),
                        encryption("aws:kms", "kms_master_key_id = aws_kms_key.k.arn", "bucket_key_enabled = true"),
                    ],
                ),
            ],
            build: Box::new(in_key),
        },
        Reason {
            rule: "endpoint-policy-omits-bucket",
            refused: to_all(PUT, "arn:aws:s3:::another-bucket/*"),
            unrelated: IN_ENDPOINT,
            allowed: vec![
                ("every resource", in_endpoint(&to_all(PUT, "*"))),
                ("a prefix of the name", in_endpoint(&to_all(PUT, "arn:aws:s3:::example-*"))),
                (
                    "a second statement",
                    in_endpoint(&format!("{}, {}", to_all(PUT, "arn:aws:s3:::another-bucket/*"), to_all(PUT, OBJECTS))),
                ),
            ],
            build: Box::new(in_endpoint),
        },
        Reason {
            rule: "endpoint-policy-omits-put-object",
            refused: to_all("\"s3:ListBucket\", \"s3:PutObjectTagging\"", "*"),
            unrelated: IN_ENDPOINT,
            allowed: vec![
                ("a wildcard", in_endpoint(&to_all("\"s3:Put*\"", "*"))),
                ("another case", in_endpoint(&to_all("\"S3:putobject\"", "*"))),
            ],
            build: Box::new(in_endpoint),
        },
        Reason {
            rule: "endpoint-policy-omits-put-object-acl",
            refused: to_all(PUT, OBJECTS),
            unrelated: IN_ENDPOINT,
            allowed: vec![
                ("allows it", with_acls(&to_all("\"s3:PutObject\", \"s3:PutObjectAcl\"", OBJECTS))),
                ("a wildcard", with_acls(&to_all("\"s3:PutObject*\"", OBJECTS))),
                (
                    "the role may not set ACLs",
                    in_endpoint(&to_all(PUT, OBJECTS)),
                ),
            ],
            build: Box::new(with_acls),
        },
        Reason {
            rule: "boundary-omits-put-object",
            refused: allow("\"s3:Get*\"", "*"),
            unrelated: IN_IDENTITY,
            allowed: vec![
                ("a wildcard", in_boundary(&allow("\"s3:*\"", "*"))),
                ("all but another action", in_boundary("{ Effect = \"Allow\", NotAction = \"iam:*\", Resource = \"*\" }")),
                ("a second statement", in_boundary(&format!("{}, {}", allow("\"s3:Get*\"", "*"), put()))),
            ],
            build: Box::new(in_boundary),
        },
        Reason {
            rule: "identity-policy-names-bucket-not-objects",
            refused: allow(PUT, "${aws_s3_bucket.b.arn}"),
            unrelated: IN_IDENTITY,
            allowed: vec![
                ("a star behind the name", in_identity(&allow(PUT, "${aws_s3_bucket.b.arn}*"))),
                (
                    "both",
                    in_identity("{ Effect = \"Allow\", Action = \"s3:PutObject\", Resource = [aws_s3_bucket.b.arn, \"${aws_s3_bucket.b.arn}/*\"] }"),
                ),
                (
                    "a second policy",
                    vec![
                        user(&allow(PUT, "${aws_s3_bucket.b.arn}")),
                        format!("resource \"aws_iam_user_policy\" \"second\" {{\n name = \"second\"\n user = aws_iam_user.u.name\n policy = {}\n}}\n", policy(&put())),
                    ],
                ),
            ],
            build: Box::new(in_identity),
        },
        Reason {
            rule: "bucket-policy-denies-network",
            refused: deny_bucket("StringNotEquals = { \"aws:SourceVpce\" = \"vpce-0a1b2c3d\" }"),
            unrelated: IN_BUCKET_POLICY,
            allowed: vec![
                (
                    "present keys only",
                    from_internet(&deny_bucket(
                        "StringNotEquals = { \"aws:SourceVpce\" = \"vpce-0a1b2c3d\" }, Null = { \"aws:SourceVpce\" = \"false\" }",
                    )),
                ),
                (
                    "spares the role",
                    from_internet(&deny_bucket(
                        "StringNotEquals = { \"aws:SourceVpce\" = \"vpce-0a1b2c3d\" }, ArnNotEquals = { \"aws:PrincipalArn\" = aws_iam_role.r.arn }",
                    )),
                ),
                (
                    "another action",
                    from_internet(
                        &deny_bucket("StringNotEquals = { \"aws:SourceVpce\" = \"vpce-0a1b2c3d\" }")
                            .replace("s3:PutObject", "s3:GetObject"),
                    ),
                ),
            ],
            build: Box::new(from_internet),
        },
        Reason {
            rule: "bucket-policy-omits-service",
            refused: service("delivery.logs.amazonaws.com", OBJECTS),
            unrelated: IN_BUCKET_POLICY,
            allowed: vec![
                ("its principal", in_log_bucket(&service("logdelivery.elasticloadbalancing.amazonaws.com", OBJECTS))),
                (
                    "the Region's account",
                    in_log_bucket(&service("x", OBJECTS).replace("Service = \"x\"", "AWS = \"arn:aws:iam::156460612806:root\"")),
                ),
                (
                    "its prefix only",
                    in_log_bucket(&service(
                        "logdelivery.elasticloadbalancing.amazonaws.com",
                        "${aws_s3_bucket.b.arn}/AWSLogs/111122223333/*",
                    )),
                ),
            ],
            build: Box::new(in_log_bucket),
        },
    ]
}

#[test]
fn near_misses_are_told_apart() {
    let mut wrong = Vec::new();
    for reason in reasons() {
        let [before, after] = reason.unrelated;
        for (title, statements) in [
            ("refused", reason.refused.clone()),
            (
                "refused among others",
                format!("{before}, {}, {after}", reason.refused),
            ),
        ] {
            let found = loud(&run(&estate(&(reason.build)(&statements))));
            if found != [reason.rule] {
                wrong.push(format!("{}, {title}: {found:?}", reason.rule));
            }
        }
        for (title, parts) in &reason.allowed {
            let report = run(&estate(parts));
            let found = loud(&report);
            let outcomes: Vec<&str> = report.decided.iter().map(|d| d.outcome.name()).collect();
            if !found.is_empty() || !report.decided.iter().any(|d| d.outcome == Outcome::Allowed) {
                wrong.push(format!(
                    "{}, {title}: {found:?}, decided {outcomes:?}",
                    reason.rule
                ));
            }
            for gap in &report.not_understood {
                wrong.push(format!(
                    "{}, {title}: not understood: {} ({})",
                    reason.rule, gap.what, gap.why
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The ids of the specification's rows, first and last of each table.
const ROWS: &[(u32, u32)] = &[
    (101, 122),
    (201, 242),
    (301, 309),
    (401, 413),
    (501, 521),
    (601, 607),
    (701, 704),
    (801, 811),
    (901, 904),
];

#[test]
fn every_row_of_the_specification_has_a_rule_or_a_reason() {
    let rows = spec_rows::rows();
    let wanted: Vec<String> = ROWS
        .iter()
        .flat_map(|(first, last)| *first..=*last)
        .map(|n| format!("UP{n}"))
        .collect();
    let listed: Vec<&str> = rows.iter().map(|(id, _)| *id).collect();
    assert_eq!(listed, wanted, "the rows in their order, each once");
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut wrong = Vec::new();
    for (id, shown) in &rows {
        let (rule, found) = match shown {
            Shown::Run(rule, parts) => {
                let report = run(&estate(parts));
                let found: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
                (*rule, found.join(", "))
            }
            Shown::Played(rule, who, headers, parts) => (*rule, play(&estate(parts), who, headers)),
            Shown::Case(name, rule) => {
                let bad = cases.join(name).join("bad");
                let files = DiskFiles::new(&bad, Limits::default()).unwrap();
                let report = analysis::run(&files, &Request::default());
                (*rule, loud(&report).join(", "))
            }
            // The page is run as it is by the tests of the pages.
            Shown::Page(rule) => (*rule, rule.to_string()),
            Shown::Without(why) => {
                if why.len() < 20 {
                    wrong.push(format!("{id}: `{why}` is no reason"));
                }
                continue;
            }
        };
        if registry::find(rule).is_none() {
            wrong.push(format!("{id}: {rule} is no rule"));
        }
        if !found.split(", ").any(|f| f == rule) {
            wrong.push(format!("{id}: {rule} is not among: {found}"));
        }
    }
    let without = rows
        .iter()
        .filter(|(_, s)| matches!(s, Shown::Without(_)))
        .count();
    println!("{} rows, {without} without a rule", rows.len());
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
