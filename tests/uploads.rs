//! The worked decisions of the specification that hang on more than policies: ACLs and ownership, default
//! encryption and its key, Block Public Access, deliveries. Each row is a small estate; its uploads are played
//! one by one, and its whole run gives the findings that are named.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

#[path = "uploads/across.rs"]
mod across;
#[path = "uploads/conditions.rs"]
mod conditions;
#[path = "uploads/context.rs"]
mod context;
#[path = "uploads/estate.rs"]
#[allow(dead_code, reason = "shared by several tests")]
mod estate;
#[path = "uploads/templates.rs"]
mod templates;

#[path = "uploads/points.rs"]
mod points;

#[path = "uploads/evidence.rs"]
mod evidence;

#[path = "uploads/services.rs"]
mod services;

#[path = "uploads/callers.rs"]
mod callers;

#[path = "uploads/unseen.rs"]
mod unseen;

#[path = "plans/check.rs"]
mod plans;

use estate::*;
use iaclint::files::MemoryFiles;
use iaclint::outcome::Level;
use iaclint::report::Report;

/// Rows that are not played as the specification has them, each with the reason.
const DEVIATIONS: &[(&str, &str)] = &[
    (
        "71",
        "the block of SSE-C is taken from the sources only, not from the age of a bucket; played with the setting",
    ),
    (
        "76",
        "S3 refuses anonymous multipart uploads; no gate for it, as no source shows an anonymous sender",
    ),
    (
        "72",
        "presigned: the age of a signature is no part of a source; not played",
    ),
];

/// Headers of an upload, and what becomes of it.
type Upload = (&'static [(&'static str, &'static str)], &'static str);

struct Row {
    number: &'static str,
    files: MemoryFiles,
    who: &'static str,
    uploads: Vec<Upload>,
    /// Rules above a note of the whole run.
    found: &'static [&'static str],
}

const PLAIN: &[(&str, &str)] = &[];
const AES: &[(&str, &str)] = &[("x-amz-server-side-encryption", "AES256")];
const KMS: &[(&str, &str)] = &[("x-amz-server-side-encryption", "aws:kms")];
const PUBLIC: &[(&str, &str)] = &[("x-amz-acl", "public-read")];
const PRIVATE: &[(&str, &str)] = &[("x-amz-acl", "private")];
const MULTIPART: &[(&str, &str)] = &[("multipart", "")];
const MULTIPART_KMS: &[(&str, &str)] = &[
    ("multipart", ""),
    ("x-amz-server-side-encryption", "aws:kms"),
];
const SSE_C: &[(&str, &str)] = &[("x-amz-server-side-encryption-customer-algorithm", "AES256")];
const OTHER_KEY: &[(&str, &str)] = &[
    ("x-amz-server-side-encryption", "aws:kms"),
    (
        "x-amz-server-side-encryption-aws-kms-key-id",
        "arn:aws:kms:eu-west-1:777788889999:key/0a1b2c3d-0000-4000-8000-000000000000",
    ),
];

const DATA_KEY: &str = "\"kms:GenerateDataKey\"";
const BOTH: &str = "\"kms:GenerateDataKey\", \"kms:Decrypt\"";
const WITH_ACL: &str = "\"s3:PutObject\", \"s3:PutObjectAcl\"";

fn row(
    number: &'static str,
    parts: &[String],
    who: &'static str,
    uploads: &[Upload],
    found: &'static [&'static str],
) -> Row {
    Row {
        number,
        files: estate(parts),
        who,
        uploads: uploads.to_vec(),
        found,
    }
}

fn also(first: String, second: String) -> String {
    format!("{first}, {second}")
}

fn deny(condition: &str) -> String {
    format!(
        "{{ Effect = \"Deny\", Principal = \"*\", Action = \"s3:PutObject\", Resource = \"{OBJECTS}\", Condition = {{ {condition} }} }}"
    )
}

fn acl_rows() -> Vec<Row> {
    let full = || user(&allow(WITH_ACL, OBJECTS));
    vec![
        row(
            "48",
            &[full(), ownership("BucketOwnerEnforced")],
            "u",
            &[(PLAIN, "allowed"), (PUBLIC, "bucket-owner-enforced-rejects-acl")],
            &[],
        ),
        row(
            "49",
            &[
                full(),
                ownership("BucketOwnerEnforced"),
                bucket_policy(&deny("StringNotEquals = { \"s3:x-amz-acl\" = \"public-read\" }")),
            ],
            "u",
            &[
                (PLAIN, "bucket-policy-denies-missing-acl"),
                (PUBLIC, "bucket-owner-enforced-rejects-acl"),
            ],
            &["bucket-policy-denies-missing-acl"],
        ),
        row(
            "50",
            &[
                bucket_policy(&also(
                    format!("{{ Effect = \"Allow\", Principal = \"*\", Action = \"s3:GetObject\", Resource = \"{OBJECTS}\" }}"),
                    admit_partner(),
                )),
                partner(&put()),
                "resource \"aws_s3_bucket_public_access_block\" \"b\" {\n bucket = aws_s3_bucket.b.id\n block_public_policy = false\n restrict_public_buckets = true\n}\n".into(),
            ],
            "x",
            &[(PLAIN, "restrict-public-buckets-cuts-other-accounts")],
            &["restrict-public-buckets-cuts-other-accounts"],
        ),
        row(
            "78, own account",
            &[full(), ownership("BucketOwnerEnforced")],
            "u",
            &[(PRIVATE, "allowed")],
            &[],
        ),
        row(
            "78, other account",
            &[
                partner(&allow(WITH_ACL, OBJECTS)),
                bucket_policy(&admit_partner()),
                ownership("BucketOwnerEnforced"),
            ],
            "x",
            &[(PLAIN, "allowed"), (PRIVATE, "bucket-owner-enforced-rejects-acl")],
            &[],
        ),
        row(
            "76",
            &[
                bucket_policy(&format!("{{ Effect = \"Allow\", Principal = \"*\", Action = \"s3:PutObject\", Resource = \"{OBJECTS}\" }}")),
                "resource \"aws_s3_bucket_public_access_block\" \"b\" {\n bucket = aws_s3_bucket.b.id\n block_public_policy = false\n restrict_public_buckets = false\n}\n".into(),
            ],
            "anonymous",
            &[(PLAIN, "allowed"), (MULTIPART, "allowed")],
            &[],
        ),
    ]
}

fn key_rows() -> Vec<Row> {
    let admin = "{ Effect = \"Allow\", Principal = { AWS = \"arn:aws:iam::111122223333:role/admin\" }, Action = \"kms:*\", Resource = \"*\" }";
    let with = |actions: &str, resource: &str| user(&also(put(), allow(actions, resource)));
    let context = format!(
        "{{ Effect = \"Allow\", Principal = {{ AWS = \"${{aws_iam_user.u.arn}}\" }}, Action = [{BOTH}], Resource = \"*\", Condition = {{ StringLike = {{ \"kms:EncryptionContext:aws:s3:arn\" = \"{OBJECTS}\" }} }} }}, {admin}"
    );
    let for_partner = format!(
        "{ROOT}, {{ Effect = \"Allow\", Principal = {{ AWS = \"{PARTNER}\" }}, Action = [{BOTH}], Resource = \"*\" }}"
    );
    let from_endpoint = format!(
        "{ROOT}, {{ Effect = \"Deny\", Principal = \"*\", Action = \"kms:GenerateDataKey\", Resource = \"*\", Condition = {{ StringNotEquals = {{ \"aws:SourceVpce\" = \"vpce-0a1b2c3d\" }} }} }}"
    );
    vec![
        row(
            "51",
            &[user(&put()), key(ROOT, false)],
            "u",
            &[
                (PLAIN, "identity-policy-omits-generate-data-key"),
                (AES, "allowed"),
            ],
            &["identity-policy-omits-generate-data-key"],
        ),
        row(
            "52",
            &[with("\"kms:*\"", "*"), key(admin, false)],
            "u",
            &[(PLAIN, "key-policy-omits-caller")],
            &["key-policy-omits-caller"],
        ),
        row(
            "53",
            &[with(DATA_KEY, KEY), key(ROOT, false)],
            "u",
            &[
                (PLAIN, "allowed"),
                (MULTIPART, "identity-policy-omits-decrypt"),
            ],
            // No source shows a multipart upload, which alone is refused.
            &[],
        ),
        row(
            "54",
            &[with(DATA_KEY, KEY), key(ROOT, true)],
            "u",
            &[(PLAIN, "identity-policy-omits-decrypt")],
            &["identity-policy-omits-decrypt"],
        ),
        row(
            "55",
            &[user(&put()), key(&context, true)],
            "u",
            &[(PLAIN, "key-policy-allows-only-with-condition")],
            &["key-policy-allows-only-with-condition"],
        ),
        row(
            "55, without Bucket Key",
            &[user(&put()), key(&context, false)],
            "u",
            &[(PLAIN, "allowed")],
            &[],
        ),
        row(
            "56",
            &[
                with(BOTH, "arn:aws:kms:eu-west-1:111122223333:alias/k"),
                key(ROOT, false),
            ],
            "u",
            &[(PLAIN, "identity-policy-omits-generate-data-key")],
            &["identity-policy-omits-generate-data-key"],
        ),
        row(
            "57",
            &[
                partner(&put()),
                bucket_policy(&admit_partner()),
                encryption("aws:kms", "", ""),
            ],
            "x",
            &[
                (PLAIN, "managed-key-rejects-other-accounts"),
                (AES, "allowed"),
            ],
            &["managed-key-rejects-other-accounts"],
        ),
        row(
            "58",
            &[
                partner(&put()),
                bucket_policy(&admit_partner()),
                key(&for_partner, false),
            ],
            "x",
            &[(PLAIN, "identity-policy-omits-generate-data-key")],
            &["identity-policy-omits-generate-data-key"],
        ),
        row(
            "59",
            &[
                with(BOTH, KEY),
                key(&from_endpoint, false),
                endpoint(
                    "{ Effect = \"Allow\", Principal = \"*\", Action = \"*\", Resource = \"*\" }",
                ),
            ],
            "u",
            &[(PLAIN, "key-policy-denies-use")],
            &["key-policy-denies-use"],
        ),
        row(
            "75",
            &[
                user(&put()),
                bucket_policy(&deny(
                    "StringNotEquals = { \"s3:x-amz-server-side-encryption\" = \"aws:kms\" }",
                )),
            ],
            "u",
            &[
                (PLAIN, "bucket-policy-denies-missing-encryption-header"),
                (MULTIPART_KMS, "allowed"),
            ],
            &["bucket-policy-denies-missing-encryption-header"],
        ),
        row(
            "81",
            &[
                partner(&also(put(), allow(BOTH, KEY))),
                bucket_policy(&admit_partner()),
                key(&for_partner, false),
            ],
            "x",
            &[
                (PLAIN, "allowed"),
                (KMS, "managed-key-rejects-other-accounts"),
            ],
            &[],
        ),
        row(
            "71",
            &[
                user(&put()),
                encryption("AES256", "", "blocked_encryption_types = [\"SSE-C\"]"),
            ],
            "u",
            &[
                (PLAIN, "allowed"),
                (SSE_C, "bucket-blocks-customer-provided-keys"),
            ],
            &[],
        ),
    ]
}

/// Which key encrypts (5.1): the identity has no KMS permission, so that only uploads without the key pass.
fn choice_rows() -> Vec<Row> {
    let refused = "identity-policy-omits-generate-data-key";
    vec![
        row(
            "5.1, no default",
            &[user(&put())],
            "u",
            &[(PLAIN, "allowed")],
            &[],
        ),
        row(
            "5.1, SSE-S3",
            &[user(&put()), encryption("AES256", "", "")],
            "u",
            &[(PLAIN, "allowed"), (AES, "allowed"), (KMS, "allowed")],
            &[],
        ),
        row(
            "5.1, SSE-KMS without a key",
            &[user(&put()), encryption("aws:kms", "", "")],
            "u",
            &[(PLAIN, "allowed"), (AES, "allowed")],
            &[],
        ),
        row(
            "5.1, SSE-KMS with a key",
            &[user(&put()), key(ROOT, false)],
            "u",
            &[
                (PLAIN, "identity-policy-omits-generate-data-key"),
                (AES, "allowed"),
                (KMS, "allowed"),
                (SSE_C, "allowed"),
                (OTHER_KEY, "depends"),
            ],
            &["identity-policy-omits-generate-data-key"],
        ),
    ]
    .into_iter()
    .inspect(|r| assert!(r.found.iter().all(|f| *f == refused)))
    .collect()
}

fn service_rows() -> Vec<Row> {
    let delivery = format!(
        "{{ Effect = \"Allow\", Principal = {{ Service = \"logdelivery.elasticloadbalancing.amazonaws.com\" }}, Action = \"s3:PutObject\", Resource = \"{OBJECTS}\" }}"
    );
    let balancer = "resource \"aws_lb\" \"web\" {\n name = \"web\"\n load_balancer_type = \"application\"\n subnets = [\"subnet-0a1b2c3d\"]\n access_logs {\n  bucket = aws_s3_bucket.b.id\n  enabled = true\n }\n}\n";
    let copies = format!(
        "{}provider \"aws\" {{\n alias = \"far\"\n region = \"us-east-1\"\n allowed_account_ids = [\"111122223333\"]\n}}\nresource \"aws_s3_bucket\" \"far\" {{\n provider = aws.far\n bucket = \"example-far\"\n}}\nresource \"aws_subnet\" \"v\" {{\n vpc_id = aws_vpc.v.id\n}}\nresource \"aws_route_table_association\" \"v\" {{\n subnet_id = aws_subnet.v.id\n route_table_id = aws_route_table.v.id\n}}\nresource \"aws_codebuild_project\" \"p\" {{\n name = \"p\"\n service_role = aws_iam_role.r.arn\n vpc_config {{\n  subnets = [aws_subnet.v.id]\n  vpc_id = aws_vpc.v.id\n  security_group_ids = []\n }}\n source {{\n  type = \"NO_SOURCE\"\n  buildspec = \"aws s3 cp s3://example-far/k s3://example-b/k\"\n }}\n}}\n",
        endpoint("{ Effect = \"Allow\", Principal = \"*\", Action = \"*\", Resource = \"*\" }")
    );
    let copying = also(
        put(),
        allow("\"s3:GetObject\"", "${aws_s3_bucket.far.arn}/*"),
    );
    vec![
        row(
            "70",
            &[bucket_policy(&delivery), key(ROOT, false), balancer.into()],
            "",
            &[],
            &["service-rejects-kms-default"],
        ),
        row(
            "84",
            &[role("codebuild.amazonaws.com", "", &copying), copies],
            "",
            &[],
            &["endpoint-rejects-copies-from-other-regions"],
        ),
    ]
}

fn rows() -> Vec<Row> {
    [acl_rows(), key_rows(), choice_rows(), service_rows()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn rows_of_the_specification() {
    let rows = rows();
    let mut wrong = Vec::new();
    for row in &rows {
        let mut faults = Vec::new();
        for (headers, want) in &row.uploads {
            let got = play(&row.files, row.who, headers);
            if got != *want {
                faults.push(format!("{headers:?}: want {want}, got {got}"));
            }
        }
        let report = run(&row.files);
        if loud(&report) != row.found {
            let outcomes: Vec<&str> = report.decided.iter().map(|d| d.outcome.name()).collect();
            faults.push(format!(
                "run: want {:?}, got {:?}; decided {outcomes:?}",
                row.found,
                loud(&report)
            ));
        }
        if !faults.is_empty() {
            wrong.push(format!("{}:\n  {}", row.number, faults.join("\n  ")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

/// Row, outcome of its finding, headers of the upload that is refused and of the one that passes.
const SHOWN: &[(&str, &str, &str, &str)] = &[
    ("49", "always-denied", "", "none"),
    ("50", "always-denied", "", "none"),
    ("51", "default-denied", "", WITH_SSE_S3),
    ("52", "default-denied", "", WITH_SSE_S3),
    ("54", "default-denied", "", WITH_SSE_S3),
    ("55", "default-denied", "", WITH_SSE_S3),
    ("56", "default-denied", "", WITH_SSE_S3),
    ("57", "default-denied", "", WITH_SSE_S3),
    ("58", "default-denied", "", WITH_SSE_S3),
    ("59", "default-denied", "", WITH_SSE_S3),
    (
        "75",
        "default-denied",
        "",
        "x-amz-server-side-encryption: aws:kms",
    ),
    ("5.1, SSE-KMS with a key", "default-denied", "", WITH_SSE_S3),
    ("70", "service-delivery-denied", "", "none"),
    ("84", "default-denied", "", "none"),
];

const WITH_SSE_S3: &str = "x-amz-server-side-encryption: AES256";

#[test]
fn findings_show_the_least_upload() {
    let mut shown = Vec::new();
    for row in rows() {
        for finding in run(&row.files).findings {
            let Some(first) = finding.callers.first() else {
                continue;
            };
            let words = |request: &Option<iaclint::rule::ShownRequest>| match request {
                None => "none".to_string(),
                Some(r) => r
                    .parameters
                    .iter()
                    .map(|(n, v)| format!("{n}: {v}"))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            if finding.level > iaclint::rule::Level::Note {
                shown.push((
                    row.number,
                    finding.outcome.name(),
                    words(&first.refused),
                    words(&first.passes),
                ));
            }
        }
    }
    let got: Vec<(&str, &str, &str, &str)> = shown
        .iter()
        .map(|(a, b, c, d)| (*a, *b, c.as_str(), d.as_str()))
        .collect();
    assert_eq!(got, SHOWN, "{got:#?}");
}

/// Every row of the specification that `tests/decisions.rs` leaves out is here or on the list.
#[test]
fn no_row_is_forgotten() {
    let rows = rows();
    for number in [
        "48", "49", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59", "70", "71", "72",
        "75", "76", "78", "81", "84",
    ] {
        let played = rows
            .iter()
            .any(|r| r.number.split(',').next() == Some(number));
        let listed = DEVIATIONS.iter().find(|(n, _)| *n == number);
        assert!(played || listed.is_some(), "row {number}");
        assert!(
            listed.is_none_or(|(_, why)| !why.is_empty()),
            "row {number} has no reason"
        );
    }
}

/// An estate whose role uses its own key, with names that a copy of it has too.
const WITH_KEY: &str = r#"
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties: { }
  Store:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: example-store
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: { SSEAlgorithm: aws:kms, KMSMasterKeyID: !GetAtt Key.Arn }
  Writer:
    Type: AWS::IAM::Role
    Properties:
      RoleName: writer
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: { Effect: Allow, Action: sts:AssumeRole, Principal: { Service: ec2.amazonaws.com } }
      Policies:
        - PolicyName: write
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - { Effect: Allow, Action: s3:PutObject, Resource: !Sub "${Store.Arn}/*" }
              - { Effect: Allow, Action: [ACTIONS], Resource: !GetAtt Key.Arn }
"#;

#[test]
fn a_name_that_two_templates_declare_means_the_own_one() {
    let both = |actions: &str| {
        let mut files = MemoryFiles::new();
        for path in ["one/template.yaml", "two/template.yaml"] {
            files.insert(path, WITH_KEY.replace("ACTIONS", actions));
        }
        run(&files)
    };
    let above_note = |report: &Report| {
        report
            .findings
            .iter()
            .filter(|f| f.level > Level::Note)
            .map(|f| f.rule.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        above_note(&both("\"kms:GenerateDataKey\", \"kms:Decrypt\"")),
        Vec::<String>::new()
    );
    // Each copy is refused by itself, and only by itself.
    assert_eq!(above_note(&both("\"kms:Decrypt\"")).len(), 2);
}

#[test]
fn a_name_of_several_other_templates_is_said_and_not_judged() {
    let bucket = "resource \"aws_s3_bucket\" \"b\" {\n bucket = \"example-shared\"\n}\nresource \"aws_s3_bucket_policy\" \"b\" {\n bucket = aws_s3_bucket.b.id\n policy = jsonencode({ Version = \"2012-10-17\", Statement = [{ Effect = \"Deny\", Principal = \"*\", Action = \"s3:PutObject\", Resource = \"${aws_s3_bucket.b.arn}/*\" }] })\n}\n";
    let role = "resource \"aws_iam_user\" \"u\" {\n name = \"u\"\n}\nresource \"aws_iam_user_policy\" \"u\" {\n user = aws_iam_user.u.name\n policy = jsonencode({ Version = \"2012-10-17\", Statement = [{ Effect = \"Allow\", Action = \"s3:PutObject\", Resource = \"arn:aws:s3:::example-shared/*\" }] })\n}\n";
    let of = |buckets: &[&str]| {
        let mut files = MemoryFiles::new();
        files.insert("people/main.tf", role);
        for path in buckets {
            files.insert(path, bucket);
        }
        let report = run(&files);
        let said = report
            .not_understood
            .iter()
            .filter(|g| &*g.what == "example-shared")
            .count();
        (report.findings.len(), said)
    };
    assert_eq!(of(&["one/main.tf"]), (1, 0));
    assert_eq!(of(&["one/main.tf", "two/main.tf"]), (0, 1));
}
