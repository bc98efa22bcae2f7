//! Scripts and the uploads that they show.

use super::*;
use crate::value::{FileId, Span};

#[test]
fn reads_uploads_and_nothing_else() {
    let place = Place::at(Span::new(FileId(0), 0, 10));
    let cases: &[(&str, &[(&str, Option<&str>, &[(&str, &str)])])] = &[
        (
            "aws s3 cp a.zip s3://b/k.zip --acl public-read",
            &[("b", Some("k.zip"), &[("x-amz-acl", "public-read")])],
        ),
        ("- aws s3 cp a s3://b/d/ && echo done", &[("b", None, &[])]),
        (
            "aws s3 sync out s3://b --sse --delete",
            &[("b", None, &[("x-amz-server-side-encryption", "AES256")])],
        ),
        ("aws s3 cp s3://b/k .", &[]),
        ("aws s3 ls s3://b", &[]),
        ("aws s3 cp a s3://b/k --profile other", &[]),
        ("aws --profile other s3 cp a s3://b/k", &[]),
        ("aws --endpoint-url=http://store s3 cp a s3://b/k", &[]),
        ("laws s3 cp a s3://b/k", &[]),
        (
            "aws --region eu-west-1 --no-cli-pager s3 cp a s3://b/k --acl private",
            &[("b", Some("k"), &[("x-amz-acl", "private")])],
        ),
        (
            "aws --output=json s3api create-multipart-upload --bucket b --key k --if-none-match '*'",
            &[("b", Some("k"), &[("if-none-match", "*")])],
        ),
        (
            "aws s3 cp a s3://b/k --grants read=uri=http://acs.amazonaws.com/groups/global/AllUsers full=id=1a2b",
            &[(
                "b",
                Some("k"),
                &[
                    (
                        "x-amz-grant-read",
                        "uri=http://acs.amazonaws.com/groups/global/AllUsers",
                    ),
                    ("x-amz-grant-full-control", "id=1a2b"),
                ],
            )],
        ),
        (
            "aws sts assume-role --role-arn r; aws s3 cp a s3://b/k",
            &[],
        ),
        (
            "aws s3api put-object \\\n  --bucket b --key 'a b' --body f --tagging x=1",
            &[("b", Some("a b"), &[("x-amz-tagging", "x=1")])],
        ),
        (
            "BUCKET=b\naws s3 cp a s3://$BUCKET/k",
            &[("b", Some("k"), &[])],
        ),
        (
            "export A='x' BUCKET=b-${A}; aws s3 cp a \"s3://${BUCKET}/k-$A\"",
            &[("b-x", Some("k-x"), &[])],
        ),
        (
            "A=1\nA=2\naws s3 cp a s3://$GIVEN/$A",
            &[("g", Some("${?}"), &[])],
        ),
        (
            "A=$A-x\naws s3 cp a s3://b/$A",
            &[("b", Some("${?}-x"), &[])],
        ),
        ("aws s3 cp a s3://b/${A:-x}", &[("b", Some("${?}"), &[])]),
        ("aws s3 cp a 's3://b/$GIVEN'", &[("b", Some("$GIVEN"), &[])]),
        (
            "env:\n  variables:\n    B: \"b\"\nphases:\n  - aws s3 cp a s3://$B/k",
            &[("b", Some("k"), &[])],
        ),
        ("- 'aws s3 cp a s3://b/k'", &[("b", Some("k"), &[])]),
        (
            "- \"cd x && aws s3 cp \\\"a b\\\" s3://b/k --acl private\"",
            &[("b", Some("k"), &[("x-amz-acl", "private")])],
        ),
        (
            "- >-\n  aws s3 cp a\n  s3://b/k\n- x",
            &[("b", Some("k"), &[])],
        ),
        (
            "sh -c \"aws s3 cp a s3://b/k\" || true",
            &[("b", Some("k"), &[])],
        ),
        ("# aws s3 cp a s3://b/k\necho 'aws s3 cp a s3://b/k'", &[]),
        ("echo up && aws s3 cp a s3://b/k", &[("b", Some("k"), &[])]),
        ("# aws s3api get-object --bucket b --key k f", &[]),
        (
            "aws s3 cp a s3://b/k --sse aws:kms --sse-kms-key-id=K",
            &[(
                "b",
                Some("k"),
                &[
                    ("x-amz-server-side-encryption", "aws:kms"),
                    ("x-amz-server-side-encryption-aws-kms-key-id", "K"),
                ],
            )],
        ),
    ];
    for (script, expected) in cases {
        let given = [
            ("GIVEN".into(), Text::literal("g")),
            ("BUCKET".into(), Text::literal("g")),
        ];
        let found = commands(&Text::literal(*script), &given, &place);
        let found: Vec<(String, Option<String>, Vec<(String, String)>)> = found
            .iter()
            .map(|c| {
                let headers = c
                    .headers
                    .iter()
                    .map(|h| (h.name.to_string(), h.value.display()))
                    .collect();
                (
                    c.bucket.display(),
                    c.key.as_ref().map(Text::display),
                    headers,
                )
            })
            .collect();
        let expected: Vec<(String, Option<String>, Vec<(String, String)>)> = expected
            .iter()
            .map(|(b, k, h)| {
                let headers = h
                    .iter()
                    .map(|(n, v)| (n.to_string(), v.to_string()))
                    .collect();
                (b.to_string(), k.map(str::to_string), headers)
            })
            .collect();
        assert_eq!(found, expected, "{script}");
    }
}
