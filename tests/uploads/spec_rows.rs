//! The rows of the specification's rules (8.1 to 8.6, services and validity included), each with an estate that
//! shows it and the rule that names it; a row that no rule names is here with its reason.

use super::estate::*;

/// How a row is shown.
pub enum Shown {
    /// A run over the base and these parts reports the rule.
    Run(&'static str, Vec<String>),
    /// An upload of `who` with these headers is refused by the rule.
    Played(
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
        Vec<String>,
    ),
    /// The case of `tests/cases` reports the rule.
    Case(&'static str, &'static str),
    /// The denied example of the rule's page is this row.
    Page(&'static str),
    /// No rule, and why.
    Without(&'static str),
}
use Shown::{Case, Page, Played, Run, Without};

fn deny(more: &str) -> String {
    format!(
        "{{ Sid = \"D\", Effect = \"Deny\", Principal = \"*\", Action = \"s3:PutObject\", Resource = \"{OBJECTS}\", {more} }}"
    )
}

fn deny_if(condition: &str) -> String {
    deny(&format!("Condition = {{ {condition} }}"))
}

/// A user that may upload, and a bucket policy.
fn against(statements: &str) -> Vec<String> {
    vec![user(&put()), bucket_policy(statements)]
}

fn only_if(condition: &str) -> Vec<String> {
    vec![user(&format!(
        "{{ Effect = \"Allow\", Action = \"s3:PutObject\", Resource = \"{OBJECTS}\", Condition = {{ {condition} }} }}"
    ))]
}

fn with_key(actions: &str, key_policy: &str, bucket_key: bool) -> Vec<String> {
    let own = match actions {
        "" => put(),
        actions => format!("{}, {}", put(), allow(actions, KEY)),
    };
    vec![user(&own), key(key_policy, bucket_key)]
}

/// A task role behind the endpoint.
fn behind(statements: &str) -> Vec<String> {
    vec![
        role("ecs-tasks.amazonaws.com", "", &put()),
        endpoint(statements),
    ]
}

fn to_all(actions: &str, resource: &str) -> String {
    format!(
        "{{ Sid = \"A\", Effect = \"Allow\", Principal = \"*\", Action = [{actions}], Resource = \"{resource}\" }}"
    )
}

/// A boundary around a function's role.
fn bounded(limit: &str, own: &str, more: &[String]) -> Vec<String> {
    let mut out = vec![
        format!(
            "resource \"aws_iam_policy\" \"limit\" {{\n name = \"limit\"\n policy = {}\n}}\n",
            policy(limit)
        ),
        role(
            "lambda.amazonaws.com",
            " permissions_boundary = aws_iam_policy.limit.arn",
            own,
        ),
    ];
    out.extend_from_slice(more);
    out
}

/// A function outside of every VPC.
fn function(statements: &str) -> Vec<String> {
    vec![
        role("lambda.amazonaws.com", "", &put()),
        "resource \"aws_lambda_function\" \"f\" {\n function_name = \"f\"\n role = aws_iam_role.r.arn\n runtime = \"python3.13\"\n handler = \"index.handler\"\n filename = \"f.zip\"\n}\n".into(),
        bucket_policy(statements),
    ]
}

const PUT: &str = "\"s3:PutObject\"";
const DATA_KEY: &str = "\"kms:GenerateDataKey\"";
const BOTH: &str = "\"kms:GenerateDataKey\", \"kms:Decrypt\"";
const SSE: &str = "\"s3:x-amz-server-side-encryption\"";

pub fn rows() -> Vec<(&'static str, Shown)> {
    let mut out = grants();
    out.extend(denies());
    out.extend(acls());
    out.extend(endpoints());
    out.extend(keys());
    out.extend(others());
    out
}

fn grants() -> Vec<(&'static str, Shown)> {
    let partner_alone = vec![partner(&put())];
    vec![
        ("UP101", Page("identity-policy-omits-put-object")),
        ("UP102", Page("identity-policy-names-bucket-not-objects")),
        ("UP103", Case("34-prefix-with-leading-slash", "identity-policy-names-other-objects")),
        ("UP104", Run("bucket-policy-omits-caller", partner_alone)),
        ("UP105", Run("identity-policy-allows-only-with-condition", only_if("StringEquals = { \"s3:x-amz-storage-class\" = \"STANDARD_IA\" }"))),
        (
            "UP106",
            Run(
                "identity-policy-allows-only-from-network",
                vec![
                    role(
                        "ecs-tasks.amazonaws.com",
                        "",
                        &format!("{{ Effect = \"Allow\", Action = \"s3:PutObject\", Resource = \"{OBJECTS}\", Condition = {{ IpAddress = {{ \"aws:SourceIp\" = \"203.0.113.0/24\" }} }} }}"),
                    ),
                    endpoint(&to_all("\"s3:*\"", "*")),
                ],
            ),
        ),
        ("UP107", Run("identity-policy-allows-only-with-condition", only_if("StringEquals = { \"s3:prefix\" = \"a/\" }"))),
        ("UP108", Without("whom of an account its root is to mean is not in the sources: callers without a grant of their own are not judged")),
        (
            "UP109",
            Run(
                "boundary-omits-put-object",
                bounded(
                    &allow("\"s3:GetObject\"", "*"),
                    &allow("\"s3:GetObject\"", OBJECTS),
                    &[bucket_policy(&format!("{{ Effect = \"Allow\", Principal = {{ AWS = aws_iam_role.r.arn }}, Action = \"s3:PutObject\", Resource = \"{OBJECTS}\" }}"))],
                ),
            ),
        ),
        ("UP110", Page("boundary-omits-put-object")),
        ("UP111", Page("identity-policy-omits-put-object-tagging")),
        (
            "UP112",
            Run(
                "identity-policy-names-other-objects",
                vec![role("lambda.amazonaws.com", "", &allow(PUT, "${aws_s3_bucket.b.arn}/$${aws:username}/*"))],
            ),
        ),
        (
            "UP113",
            Run(
                "identity-policy-names-other-objects",
                vec![user(&allow(PUT, "${aws_s3_bucket.b.arn}/$${aws:username}/*")).replace(" Version = \"2012-10-17\"\n", "")],
            ),
        ),
        ("UP114", Case("32-commercial-partition-in-govcloud", "identity-policy-names-other-objects")),
        (
            "UP115",
            Run(
                "identity-policy-names-other-objects",
                vec![user(&allow(PUT, "${aws_s3_bucket.b.arn}/$${aws:PrincipalTag/team}/*")).replace(" name = \"u\"\n}\nresource \"aws_iam_user_policy\"", " name = \"u\"\n tags = { other = \"x\" }\n}\nresource \"aws_iam_user_policy\"")],
            ),
        ),
        ("UP116", Run("bucket-policy-denies-missing-acl", against(&deny_if("StringNotEquals = { \"s3:x-amz-acl\" = \"bucket-owner-*\" }")))),
        ("UP117", Without("an id of a principal says nothing about who it was: the source that knows it is the account")),
        ("UP118", Without("uploads through access points are not among the uploads that are played")),
        (
            "UP119",
            Run("identity-policy-allows-only-with-condition", only_if("\"ForAnyValue:StringEquals\" = { \"s3:RequestObjectTagKeys\" = \"team\" }")),
        ),
        ("UP120", Without("uploads through access points are not among the uploads that are played")),
        ("UP121", Case("39-principal-arn-matched-as-session", "bucket-policy-denies-caller")),
        (
            "UP122",
            Run(
                "identity-policy-denies-upload",
                vec![user(&format!("{}, {{ Effect = \"Deny\", Action = \"s3:Put*\", NotResource = \"arn:aws:s3:::another/*\" }}", put()))],
            ),
        ),
    ]
}

fn denies() -> Vec<(&'static str, Shown)> {
    let no_vpce = "StringNotEquals = { \"aws:SourceVpce\" = \"vpce-0a1b2c3d\" }";
    vec![
        ("UP201", Page("bucket-policy-denies-missing-encryption-header")),
        ("UP202", Run("bucket-policy-denies-missing-encryption-header", against(&deny_if(&format!("Null = {{ {SSE} = \"true\" }}"))))),
        (
            "UP203",
            Run(
                "bucket-policy-denies-missing-encryption-header",
                against(&format!(
                    "{}, {}",
                    deny_if(&format!("StringNotEquals = {{ {SSE} = \"AES256\" }}")),
                    deny_if(&format!("StringNotEquals = {{ {SSE} = \"aws:kms\" }}"))
                )),
            ),
        ),
        (
            "UP204",
            Run(
                "bucket-policy-denies-missing-kms-key-id",
                against(&format!(
                    "{}, {}",
                    deny_if(&format!("StringNotEquals = {{ {SSE} = \"AES256\" }}")),
                    deny_if("Null = { \"s3:x-amz-server-side-encryption-aws-kms-key-id\" = \"true\" }")
                )),
            ),
        ),
        ("UP205", Page("bucket-policy-denies-missing-kms-key-id")),
        (
            "UP206",
            Run(
                "bucket-policy-denies-missing-customer-key",
                vec![
                    user(&put()),
                    bucket_policy(&deny_if("Null = { \"s3:x-amz-server-side-encryption-customer-algorithm\" = \"true\" }")),
                    encryption("AES256", "", "blocked_encryption_types = [\"SSE-C\"]"),
                ],
            ),
        ),
        ("UP207", Page("bucket-policy-denies-missing-acl")),
        ("UP208", Page("bucket-policy-denies-missing-grant-header")),
        ("UP209", Page("bucket-policy-denies-missing-storage-class")),
        ("UP210", Page("bucket-policy-denies-missing-tags")),
        ("UP211", Page("bucket-policy-denies-all-but-copies")),
        ("UP212", Run("bucket-policy-denies-upload", against(&deny_if("StringNotEquals = { \"s3:prefix\" = \"a/\" }")))),
        (
            "UP213",
            Run(
                "bucket-policy-denies-network",
                [
                    behind(&to_all("\"s3:*\"", "*")),
                    vec![bucket_policy(&deny_if("NotIpAddress = { \"aws:SourceIp\" = \"203.0.113.0/24\" }"))],
                ]
                .concat(),
            ),
        ),
        ("UP214", Run("bucket-policy-denies-network", function(&deny_if("NotIpAddress = { \"aws:SourceIp\" = \"10.0.0.0/8\" }")))),
        ("UP215", Run("bucket-policy-denies-network", function(&deny_if(no_vpce)))),
        (
            "UP216",
            Run(
                "bucket-policy-denies-network",
                against(&format!("{}, {}", deny_if(no_vpce), deny_if("NotIpAddress = { \"aws:SourceIp\" = \"203.0.113.0/24\" }"))),
            ),
        ),
        ("UP217", Run("bucket-policy-denies-network", trail(&deny(&format!("Condition = {{ {no_vpce} }}"))))),
        ("UP218", Page("bucket-policy-denies-callers-outside-organization")),
        ("UP219", Page("bucket-policy-denies-principals-it-does-not-list")),
        (
            "UP220",
            Run(
                "bucket-policy-denies-principals-it-does-not-list",
                bounded(
                    &allow("\"s3:*\"", "*"),
                    &put(),
                    &[bucket_policy(
                        &deny("").replace("Principal = \"*\"", "NotPrincipal = { AWS = [aws_iam_role.r.arn, \"arn:aws:iam::111122223333:root\"] }").replace(",  }", " }"),
                    )],
                ),
            ),
        ),
        ("UP221", Page("bucket-policy-denies-tls")),
        ("UP222", Without("a client of TLS 1.3 passes: transport is taken to be the newest, so the Deny is right for somebody only")),
        ("UP223", Without("which sessions carry `aws:MultiFactorAuthPresent` is not decided yet: the key is unknown for all")),
        ("UP224", Without("presigned uploads and forms are not among the uploads that are played")),
        ("UP225", Without("the age of a signature is no part of a source")),
        ("UP226", Without("which checksum a client sends is no part of a source")),
        ("UP227", Page("bucket-policy-denies-unconditional-writes")),
        ("UP228", Run("bucket-policy-denies-upload", against(&deny("").replace("Action = \"s3:PutObject\"", "NotAction = \"s3:GetObject\"").replace(",  }", " }")))),
        (
            "UP229",
            Played(
                "bucket-policy-denies-upload",
                "u",
                &[("x-amz-acl", "bucket-owner-full-control")],
                vec![
                    user(&allow("\"s3:PutObject\", \"s3:PutObjectAcl\"", OBJECTS)),
                    bucket_policy(&deny("").replace("s3:PutObject\"", "s3:PutObjectAcl\"").replace(",  }", " }")),
                ],
            ),
        ),
        ("UP230", Page("bucket-policy-denies-all-but-services")),
        ("UP231", Page("bucket-policy-denies-upload")),
        ("UP232", Run("identity-policy-denies-upload", vec![user(&format!("{}, {{ Effect = \"Deny\", Action = \"*\", Resource = \"*\", Condition = {{ StringNotEquals = {{ \"aws:RequestedRegion\" = \"us-east-1\" }} }} }}", put()))])),
        (
            "UP233",
            Run(
                "identity-policy-denies-upload",
                vec![
                    partner(&format!("{}, {{ Effect = \"Deny\", Action = \"s3:*\", Resource = \"*\", Condition = {{ StringNotEquals = {{ \"aws:ResourceAccount\" = \"444455556666\" }} }} }}", put())),
                    bucket_policy(&admit_partner()),
                ],
            ),
        ),
        ("UP234", Page("bucket-policy-denies-missing-lock-headers")),
        ("UP235", Without("a Deny that is weaker than it was meant refuses nothing")),
        ("UP236", Run("bucket-policy-denies-upload", against(&deny_if("StringNotLike = { \"aws:Referer\" = \"https://example.com/*\" }")))),
        ("UP237", Page("bucket-policy-denies-caller")),
        (
            "UP238",
            Run(
                "bucket-policy-denies-missing-encryption-header",
                against(&deny_if(&format!("\"ForAllValues:StringNotEquals\" = {{ {SSE} = \"AES256\" }}"))),
            ),
        ),
        (
            "UP239",
            Played(
                "bucket-policy-denies-missing-acl",
                "u",
                &[("x-amz-acl", "bucket-owner-full-control"), ("multipart", "")],
                vec![
                    user(&allow("\"s3:PutObject\", \"s3:PutObjectAcl\"", OBJECTS)),
                    bucket_policy(&deny_if("StringNotEquals = { \"s3:x-amz-acl\" = \"bucket-owner-full-control\" }")),
                ],
            ),
        ),
        ("UP240", Without("that the call which completes a multipart upload lacks the header is not played yet")),
        ("UP241", Run("identity-policy-allows-only-with-condition", only_if("StringEquals = { \"aws:ResourceTag/team\" = \"a\" }"))),
        (
            "UP242",
            Run(
                "bucket-policy-denies-upload",
                against(&deny("").replace("Principal = \"*\"", "Principal = { AWS = \"arn:aws:iam::111122223333:root\" }").replace(",  }", " }")),
            ),
        ),
    ]
}

/// A trail that writes to the bucket, which its policy admits.
fn trail(statements: &str) -> Vec<String> {
    vec![
        "resource \"aws_cloudtrail\" \"t\" {\n name = \"t\"\n s3_bucket_name = aws_s3_bucket.b.id\n}\n".into(),
        bucket_policy(&format!(
            "{{ Effect = \"Allow\", Principal = {{ Service = \"cloudtrail.amazonaws.com\" }}, Action = [\"s3:PutObject\", \"s3:GetBucketAcl\"], Resource = [aws_s3_bucket.b.arn, \"{OBJECTS}\"] }}, {statements}"
        )),
    ]
}

fn acls() -> Vec<(&'static str, Shown)> {
    vec![
        ("UP301", Page("identity-policy-omits-put-object-acl")),
        ("UP302", Page("bucket-owner-enforced-rejects-acl")),
        ("UP303", Page("block-public-acls-rejects-public-acl")),
        (
            "UP304",
            Run(
                "bucket-policy-denies-missing-acl",
                vec![
                    user(&allow("\"s3:PutObject\", \"s3:PutObjectAcl\"", OBJECTS)),
                    ownership("BucketOwnerEnforced"),
                    bucket_policy(&deny_if(
                        "StringNotEquals = { \"s3:x-amz-acl\" = \"public-read\" }",
                    )),
                ],
            ),
        ),
        ("UP305", Page("restrict-public-buckets-cuts-other-accounts")),
        ("UP306", Page("block-public-policy-rejects-policy")),
        ("UP307", Page("bucket-owner-enforced-rejects-bucket-acl")),
        (
            "UP308",
            Without("grants of bucket ACLs to outsiders are not among the grants that are played"),
        ),
        (
            "UP309",
            Without(
                "an e-mail address as a grantee is refused when the ACL is put, which is no upload; the provider says so itself",
            ),
        ),
    ]
}

fn endpoints() -> Vec<(&'static str, Shown)> {
    vec![
        ("UP401", Page("endpoint-policy-omits-bucket")),
        ("UP402", Page("endpoint-policy-names-bucket-not-objects")),
        ("UP403", Page("endpoint-policy-omits-put-object")),
        ("UP404", Page("endpoint-policy-omits-put-object-acl")),
        ("UP405", Page("endpoint-policy-omits-principal")),
        (
            "UP406",
            Run(
                "endpoint-policy-allows-only-with-condition",
                behind(
                    "{ Effect = \"Allow\", Principal = \"*\", Action = \"*\", Resource = \"*\", Condition = { StringEquals = { \"aws:ResourceAccount\" = \"777788889999\" } } }",
                ),
            ),
        ),
        (
            "UP407",
            Without("uploads through access points are not among the uploads that are played"),
        ),
        (
            "UP408",
            Run(
                "endpoint-policy-omits-bucket",
                vec![
                    role("ecs-tasks.amazonaws.com", "", &put()),
                    endpoint(&to_all(
                        "\"s3:*\"",
                        "arn:aws:s3:::$${aws:PrincipalTag/bucket}/*",
                    ))
                    .replace(" Version = \"2012-10-17\"\n", ""),
                ],
            ),
        ),
        (
            "UP409",
            Without("uploads to buckets that AWS owns are not among the uploads that are played"),
        ),
        (
            "UP410",
            Without("rules of endpoint policies about wildcards; not decided yet"),
        ),
        (
            "UP411",
            Without(
                "uploads through multi-Region access points are not among the uploads that are played",
            ),
        ),
        (
            "UP412",
            Run(
                "bucket-policy-denies-network",
                [
                    behind(&to_all("\"s3:*\"", "*")),
                    vec![bucket_policy(&deny_if(
                        "StringNotEquals = { \"aws:SourceVpce\" = \"vpce-0a1b2c3d\" }",
                    ))],
                ]
                .concat(),
            ),
        ),
        (
            "UP413",
            Without("copies are not among the uploads that are played"),
        ),
    ]
}

fn keys() -> Vec<(&'static str, Shown)> {
    let for_user = |actions: &str, condition: &str| {
        format!(
            "{{ Effect = \"Allow\", Principal = {{ AWS = aws_iam_user.u.arn }}, Action = [{actions}], Resource = \"*\"{condition} }}"
        )
    };
    let both_if = |condition: &str| for_user(BOTH, &format!(", Condition = {{ {condition} }}"));
    vec![
        ("UP501", Page("identity-policy-omits-generate-data-key")),
        ("UP502", Page("key-policy-omits-caller")),
        (
            "UP503",
            Case(
                "26-cross-account-key-read-only",
                "key-policy-omits-generate-data-key",
            ),
        ),
        ("UP504", Page("managed-key-rejects-other-accounts")),
        ("UP505", Page("identity-policy-omits-decrypt")),
        (
            "UP506",
            Page("identity-policy-allows-key-only-with-condition"),
        ),
        (
            "UP507",
            Run(
                "key-policy-allows-only-with-condition",
                with_key(
                    "",
                    &both_if(
                        "StringEquals = { \"kms:ViaService\" = \"s3.us-east-1.amazonaws.com\" }",
                    ),
                    false,
                ),
            ),
        ),
        (
            "UP508",
            Page("default-key-without-arn-rejects-other-accounts"),
        ),
        (
            "UP509",
            Run(
                "identity-policy-omits-generate-data-key",
                vec![
                    user(&format!(
                        "{}, {}",
                        put(),
                        allow(BOTH, "arn:aws:kms:eu-west-1:111122223333:alias/k")
                    )),
                    key(ROOT, false),
                ],
            ),
        ),
        ("UP510", Page("key-of-other-region-rejects-uploads")),
        ("UP511", Page("asymmetric-key-rejects-uploads")),
        ("UP512", Page("disabled-key-rejects-uploads")),
        (
            "UP513",
            Run(
                "key-policy-allows-only-with-condition",
                with_key(
                    "",
                    &both_if("StringEquals = { \"aws:SourceVpce\" = \"vpce-0a1b2c3d\" }"),
                    false,
                ),
            ),
        ),
        (
            "UP514",
            Run(
                "key-policy-allows-only-with-condition",
                with_key(
                    "",
                    &both_if("StringEquals = { \"kms:CallerAccount\" = \"777788889999\" }"),
                    false,
                ),
            ),
        ),
        (
            "UP515",
            Run(
                "key-policy-omits-generate-data-key",
                with_key("", &for_user("\"kms:Encrypt\"", ""), false),
            ),
        ),
        (
            "UP516",
            Without(
                "the upload passes, with another key than the default one; a refusal is that of UP504",
            ),
        ),
        (
            "UP517",
            Run(
                "key-policy-allows-only-with-condition",
                with_key(
                    "",
                    &both_if("StringEquals = { \"kms:RequestAlias\" = \"alias/k\" }"),
                    false,
                ),
            ),
        ),
        (
            "UP518",
            Without("copies are not among the uploads that are played"),
        ),
        ("UP519", Page("key-policy-omits-service")),
        (
            "UP520",
            Run(
                "key-policy-omits-generate-data-key",
                with_key(
                    DATA_KEY,
                    &ROOT.replace("\"kms:*\"", "[\"kms:Describe*\", \"kms:Put*\"]"),
                    false,
                ),
            ),
        ),
        (
            "UP521",
            Without(
                "the estate knows organization policies by their S3 side; a Deny of the KMS call by one is not told apart",
            ),
        ),
    ]
}

fn others() -> Vec<(&'static str, Shown)> {
    vec![
        ("UP601", Page("bucket-blocks-customer-provided-keys")),
        ("UP602", Without("which checksum a client sends is no part of a source")),
        ("UP603", Without("the header of a requester who pays is not among those that are played")),
        ("UP604", Without("directory buckets are passed over: their sessions are not decided")),
        ("UP605", Without("directory buckets are passed over: their sessions are not decided")),
        ("UP606", Without("uploads through access points are not among the uploads that are played")),
        ("UP607", Without("presigned uploads are not among the uploads that are played")),
        ("UP701", Page("organization-policy-denies-missing-encryption-header")),
        ("UP702", Without("what else is attached above an account is open, so that a list of allowed actions decides nothing for certain")),
        ("UP703", Without("which organization a caller belongs to is not in the sources; its network side is UP704")),
        ("UP704", Page("organization-policy-denies-network")),
        ("UP801", Page("bucket-policy-omits-service")),
        ("UP802", Page("bucket-policy-names-other-prefix")),
        ("UP803", Page("service-rejects-kms-default")),
        ("UP804", Page("service-rejects-target")),
        ("UP805", Page("service-rejects-object-lock")),
        ("UP806", Case("53-access-logs-blocked-by-sse-deny", "bucket-policy-denies-missing-encryption-header")),
        ("UP807", Page("service-rejects-target")),
        ("UP808", Page("bucket-policy-condition-excludes-service")),
        ("UP809", Case("48-alb-logs-wrong-principal", "bucket-policy-omits-service")),
        (
            "UP810",
            Run(
                "bucket-policy-condition-excludes-service",
                vec![
                    "resource \"aws_s3_bucket\" \"s\" {\n bucket = \"example-s\"\n}\nresource \"aws_s3_bucket_logging\" \"s\" {\n bucket = aws_s3_bucket.s.id\n target_bucket = aws_s3_bucket.b.id\n target_prefix = \"log/\"\n}\n".into(),
                    bucket_policy(&format!("{{ Effect = \"Allow\", Principal = {{ Service = \"logging.s3.amazonaws.com\" }}, Action = \"s3:PutObject\", Resource = \"{OBJECTS}\", Condition = {{ StringEquals = {{ \"s3:x-amz-acl\" = \"bucket-owner-full-control\" }} }} }}")),
                ],
            ),
        ),
        ("UP811", Without("uploads of viewers through CloudFront are in the hands of the table of writers")),
        (
            "UP901",
            Run(
                "policy-form-is-refused",
                vec!["resource \"aws_iam_user\" \"u\" {\n name = \"u\"\n}\nresource \"aws_iam_user_policy\" \"u\" {\n user = aws_iam_user.u.name\n policy = <<EOT\n{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:PutObject\", \"Resource\": \"*\", \"Condition\": {\"Bool\": {\"aws:SecureTransport\": \"true\"}, \"Bool\": {\"aws:ViaAWSService\": \"false\"}}}]}\nEOT\n}\n".into()],
            ),
        ),
        ("UP902", Page("policy-form-is-refused")),
        ("UP903", Page("bucket-policy-names-bucket-not-objects")),
        ("UP904", Run("bucket-policy-denies-upload", against(&deny_if("StringNotEquals = { \"s3:x-amz-server-side-encription\" = \"AES256\" }")))),
    ]
}
