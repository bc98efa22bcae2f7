//! The worked decisions of the specification (`tests/decisions/worked.json`), asked of `iaclint simulate`.
//!
//! Rows that hang on more than policies (ACLs and ownership, default encryption, Block Public Access,
//! presigned and anonymous multipart uploads) are played elsewhere: 48-50, 53-58, 70-72, 75, 76, 78, 81, 84;
//! of rows 51, 52 and 59 only the KMS call is here. Then what a whole run says of a search at its limits.

use std::io::Write;
use std::process::{Command, Stdio};

use iaclint::analysis::{self, Request};
use iaclint::files::MemoryFiles;
use iaclint::outcome::Outcome;
use iaclint::report::Report;
use iaclint::source::{Gap, GapKind};
use serde_json::{Value as Json, json};

#[test]
fn worked_decisions() {
    let text = std::fs::read_to_string("tests/decisions/worked.json").unwrap();
    let cases: Vec<Json> = serde_json::from_str(&text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_iaclint"))
        .arg("simulate")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers: Vec<Json> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(answers.len(), cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .zip(&answers)
        .filter(|(case, answer)| {
            ["decision", "blocked_by"]
                .iter()
                .any(|field| case["expect"][field] != answer[field])
        })
        .map(|(case, answer)| format!("{}: want {}, got {answer}", case["id"], case["expect"]))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

/// A role, its bucket, and the statements of the bucket's policy beside a grant of everything.
fn report(statements: &[Json]) -> Report {
    let grant =
        json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::acme-reports/*"});
    let trust = json!({
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"},
    });
    let document =
        |statements: Vec<Json>| json!({"Version": "2012-10-17", "Statement": statements});
    let resource = |kind: &str, properties: Json| json!({"Type": kind, "Properties": properties});
    let template = json!({"Resources": {
        "Bucket": resource("AWS::S3::Bucket", json!({
            "BucketName": "acme-reports",
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
        })),
        "Role": resource("AWS::IAM::Role", json!({
            "AssumeRolePolicyDocument": document(vec![trust]),
            "Policies": [{"PolicyName": "upload", "PolicyDocument": document(vec![grant])}],
        })),
        "Policy": resource("AWS::S3::BucketPolicy", json!({
            "Bucket": {"Ref": "Bucket"}, "PolicyDocument": document(statements.to_vec()),
        })),
    }});
    let mut files = MemoryFiles::new();
    files.insert("template.json", template.to_string());
    analysis::run(&files, &Request::default())
}

#[test]
fn a_search_that_meets_its_limits_is_not_understood() {
    // Only a key with each of these letters passes: more combinations of patterns than are kept.
    let deny = |letter: char| {
        json!({
            "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
            "NotResource": format!("arn:aws:s3:::acme-reports/*{letter}*"),
        })
    };
    for (letters, undecided) in [("ab", false), ("abcdefghijklm", true)] {
        let statements: Vec<Json> = letters.chars().map(deny).collect();
        let report = report(&statements);
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        let listed = |g: &Gap| g.kind == GapKind::Undecided;
        assert_eq!(
            report.not_understood.iter().any(listed),
            undecided,
            "{letters}"
        );
        let outcomes: Vec<Outcome> = report.decided.iter().map(|d| d.outcome).collect();
        let wanted = if undecided {
            Outcome::Depends
        } else {
            Outcome::Allowed
        };
        assert_eq!(outcomes, [wanted], "{letters}");
    }
}

#[test]
fn one_value_serves_every_condition_on_a_key() {
    let deny = |operator: &str, key: &str, value: &str| {
        json!({
            "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::acme-reports/*",
            "Condition": {operator: {key: value}},
        })
    };
    let (org, time) = ("aws:PrincipalOrgID", "aws:CurrentTime");
    for (statements, outcome) in [
        (
            vec![deny("StringNotEquals", org, "o-aaaaaaaaaa")],
            Outcome::Depends,
        ),
        (
            vec![
                deny("StringNotEquals", org, "o-aaaaaaaaaa"),
                deny("StringNotEquals", org, "o-bbbbbbbbbb"),
            ],
            Outcome::AlwaysDenied,
        ),
        (
            vec![
                deny("StringNotEquals", org, "o-aaaaaaaaaa"),
                deny("StringNotLike", org, "o-a*"),
            ],
            Outcome::Depends,
        ),
        (
            vec![
                deny("DateLessThan", time, "2027-01-01T00:00:00Z"),
                deny("DateGreaterThan", time, "2026-01-01T00:00:00Z"),
            ],
            Outcome::AlwaysDenied,
        ),
        (
            vec![
                deny("DateLessThan", time, "2026-01-01T00:00:00Z"),
                deny("DateGreaterThan", time, "2027-01-01T00:00:00Z"),
            ],
            Outcome::Depends,
        ),
    ] {
        let report = report(&statements);
        let outcomes: Vec<Outcome> = report.decided.iter().map(|d| d.outcome).collect();
        assert_eq!(outcomes, [outcome], "{statements:?}");
        assert_eq!(report.findings.is_empty(), outcome == Outcome::Depends);
    }
}

#[test]
fn what_takes_everything_leaves_a_way_through_that_can_be_sent() {
    for (operator, key, value, sent) in [
        ("StringNotLike", "s3:x-amz-acl", "*", "--acl "),
        ("Null", "s3:x-amz-acl", "true", "--acl "),
        ("Null", "s3:x-amz-grant-read", "true", "--grant-read "),
        ("StringNotLike", "s3:x-amz-grant-read", "*", "--grant-read "),
        (
            "Null",
            "s3:RequestObjectTag/team",
            "true",
            "--tagging team=",
        ),
        (
            "StringNotLike",
            "s3:RequestObjectTag/team",
            "?*",
            "--tagging team=",
        ),
        (
            "Null",
            "s3:x-amz-website-redirect-location",
            "true",
            "--website-redirect-location ",
        ),
    ] {
        let deny = json!({
            "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::acme-reports/*",
            "Condition": {operator: {key: value}},
        });
        let report = report(&[deny]);
        let ways: Vec<&str> = report
            .findings
            .iter()
            .flat_map(|f| &f.callers)
            .filter_map(|c| c.passes.as_ref().map(|p| p.command.as_str()))
            .collect();
        let shown = |way: &&str| {
            let (_, after) = way.split_once(sent)?;
            after.chars().next().filter(|c| !c.is_whitespace())
        };
        assert!(
            !ways.is_empty() && ways.iter().all(|w| shown(w).is_some()),
            "{operator} {key} {value}: {ways:?} {:?}",
            report.findings
        );
    }
}
