//! What the configuration says about an estate: stated uploads, the organization, paths, policies in files,
//! and levels.

use std::sync::Arc;

use iaclint::analysis::{self, Request};
use iaclint::facts::context::{AccountEntry, Context, PathEntry, PolicyEntry, UploadEntry};
use iaclint::policy::PolicyType;
use iaclint::report::{Report, place};
use iaclint::rule::{Level, Outcome};

use crate::estate::*;

const CONFIG: &str = "[[upload]]\ncaller = \"u\"\n";
const NEEDS_AES: &str = r#"{ Sid = "NeedAes", Effect = "Deny", Principal = "*", Action = "s3:PutObject", Resource = "${aws_s3_bucket.b.arn}/*", Condition = { StringNotEquals = { "s3:x-amz-server-side-encryption" = "AES256" } } }"#;
const OUTSIDE: &str = r#"{ Sid = "Outside", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "${aws_s3_bucket.b.arn}/*", Condition = { StringNotEquals = { "aws:PrincipalOrgID" = "o-ours" } } }"#;

fn upload(caller: &str, headers: &[(&str, &str)]) -> UploadEntry {
    UploadEntry {
        caller: caller.into(),
        bucket: "example-b".into(),
        key: None,
        headers: headers
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect(),
        multipart: false,
        at: 0..10,
    }
}

fn context() -> Context {
    Context {
        file: Some(("iaclint.toml".into(), CONFIG.into())),
        ..Context::default()
    }
}

fn stated(uploads: Vec<UploadEntry>) -> Request {
    request(Context {
        uploads,
        ..context()
    })
}

fn request(context: Context) -> Request {
    Request {
        context: Arc::new(context),
        ..Request::default()
    }
}

/// Rule, level, outcome and line of each finding.
fn found(report: &Report) -> Vec<(&str, Level, Outcome, String)> {
    let at = |f: &iaclint::rule::Finding| {
        place::position(report, f.primary.place.span).map_or("-".into(), |p| p.path)
    };
    let findings = report.findings.iter();
    findings
        .map(|f| (f.rule, f.level, f.outcome, at(f)))
        .collect()
}

const SSE: &str = "x-amz-server-side-encryption";
const MISSING: &str = "bucket-policy-denies-missing-encryption-header";

#[test]
fn a_stated_upload_is_judged_in_the_place_of_the_plain_one() {
    let files = estate(&[user(&put()), bucket_policy(NEEDS_AES)]);
    let plain = analysis::run(&files, &Request::default());
    assert_eq!(plain.findings[0].outcome, Outcome::DefaultDenied);
    let fix = &plain.findings[0].fix.as_ref().unwrap().text;
    assert!(fix.contains("[[upload]]"), "{fix}");
    for caller in [
        "aws_iam_user.u",
        "u",
        "arn:aws:iam::111122223333:user/u",
        "aws_iam_user.*",
        "*",
    ] {
        let report = analysis::run(&files, &stated(vec![upload(caller, &[(SSE, "AES256")])]));
        assert_eq!(found(&report), [], "{caller}");
        assert_eq!(report.decided[0].outcome, Outcome::Allowed);
        assert_eq!(report.read.files, 1);
    }
    // Another one is refused, at the statement; of two, the one that is refused counts.
    for uploads in [
        vec![upload("u", &[(SSE, "aws:kms")])],
        vec![
            upload("u", &[(SSE, "AES256")]),
            upload("u", &[(SSE, "aws:kms")]),
        ],
    ] {
        let report = analysis::run(&files, &stated(uploads));
        let [(_, level, outcome, path)] = &found(&report)[..] else {
            panic!("{:?}", found(&report));
        };
        assert_eq!(
            (*level, *outcome, &**path),
            (Level::Error, Outcome::DefaultDenied, "main.tf")
        );
        let finding = &report.findings[0];
        assert!(
            finding.message.contains("explicit deny"),
            "{}",
            finding.message
        );
        let command = &finding.callers[0].refused.as_ref().unwrap().command;
        assert!(command.contains("aws:kms"), "{command}");
        let step = finding.steps.last().unwrap();
        let at = place::position(&report, step.place.span).unwrap();
        assert_eq!((&*at.path, at.line), ("iaclint.toml", 1));
    }
}

#[test]
fn stated_uploads_need_a_grant_and_a_name_that_exists() {
    let files = estate(&[user(&allow("\"s3:GetObject\"", OBJECTS))]);
    assert_eq!(found(&analysis::run(&files, &Request::default())), []);
    let report = analysis::run(&files, &stated(vec![upload("u", &[])]));
    let rows = found(&report);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        (rows[0].1, rows[0].2),
        (Level::Error, Outcome::AlwaysDenied)
    );
    let report = analysis::run(&files, &stated(vec![upload("nobody", &[])]));
    assert_eq!(found(&report), []);
    assert!(report.not_understood.iter().any(|g| &*g.what == "nobody"));
    // With an ACL that the bucket does not take, where the plain upload passes.
    let files = estate(&[
        user(&allow("\"s3:PutObject\", \"s3:PutObjectAcl\"", OBJECTS)),
        ownership("BucketOwnerEnforced"),
    ]);
    let report = analysis::run(
        &files,
        &stated(vec![upload("u", &[("x-amz-acl", "public-read")])]),
    );
    let rows = found(&report);
    assert_eq!(
        (rows[0].0, rows[0].1, rows[0].2),
        (
            "bucket-owner-enforced-rejects-acl",
            Level::Error,
            Outcome::ShapeDenied
        )
    );
}

#[test]
fn the_organization_is_known_where_it_is_stated() {
    let files = estate(&[user(&put()), bucket_policy(OUTSIDE)]);
    let with = |organization: &str, accounts: &[&str]| {
        let accounts = accounts.iter().map(|id| AccountEntry {
            name: "x".into(),
            id: (*id).into(),
            paths: Vec::new(),
        });
        let report = analysis::run(
            &files,
            &request(Context {
                organization: Some(organization.into()),
                accounts: accounts.collect(),
                ..context()
            }),
        );
        let worst = report.findings.iter().map(|f| f.level).max();
        (worst, report.decided[0].outcome)
    };
    let unknown = analysis::run(&files, &Request::default());
    assert_eq!(unknown.decided[0].outcome, Outcome::Depends);
    assert_eq!(with("o-ours", &[]), (None, Outcome::Allowed));
    assert_eq!(
        with("o-theirs", &[]),
        (Some(Level::Error), Outcome::AlwaysDenied)
    );
    assert_eq!(with("o-ours", &["111122223333"]), (None, Outcome::Allowed));
    assert_eq!(with("o-theirs", &["444455556666"]).1, Outcome::Depends);
}

#[test]
fn paths_policies_and_accounts_of_the_configuration_take_part() {
    let files = estate(&[
        user(&put()),
        endpoint(&allow("\"s3:GetObject\"", "*").replace("Effect", "Principal = \"*\", Effect")),
    ]);
    assert_eq!(found(&analysis::run(&files, &Request::default())), []);
    let by = |endpoint: &str| {
        let paths = vec![PathEntry {
            caller: "u".into(),
            endpoint: endpoint.into(),
            at: 0..10,
        }];
        let report = analysis::run(&files, &request(Context { paths, ..context() }));
        report
            .findings
            .iter()
            .map(|f| (f.rule, f.level))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        by("aws_vpc_endpoint.e"),
        [("endpoint-policy-omits-put-object", Level::Error)]
    );
    assert_eq!(by("internet"), []);
    assert_eq!(by("vpce-0a1b2c"), []);

    let mut files = estate(&[user(&put())]);
    files.insert("policies/scp.json", r#"{"Version":"2012-10-17","Statement":[{"Sid":"No","Effect":"Deny","Action":"s3:PutObject","Resource":"*"}]}"#);
    let with = |policy_type, attached_to: &[&str]| {
        let policies = vec![PolicyEntry {
            policy_type,
            file: "policies/scp.json".into(),
            text: None,
            attached_to: attached_to.iter().map(|a| (*a).into()).collect(),
            at: 0..10,
        }];
        let accounts = vec![AccountEntry {
            name: "prod".into(),
            id: "111122223333".into(),
            paths: Vec::new(),
        }];
        let report = analysis::run(
            &files,
            &request(Context {
                policies,
                accounts,
                ..context()
            }),
        );
        found(&report)
            .into_iter()
            .map(|(r, l, _, p)| (r.to_string(), l, p))
            .collect::<Vec<_>>()
    };
    for attached in [&[][..], &["prod"], &["111122223333"]] {
        let rows = with(PolicyType::Scp, attached);
        assert_eq!(
            (rows[0].1, &*rows[0].2),
            (Level::Error, "policies/scp.json"),
            "{rows:?}"
        );
    }
    assert_eq!(with(PolicyType::Scp, &["444455556666"]), []);
    let rows = with(PolicyType::Boundary, &["aws_iam_user.*"]);
    assert!(
        !rows.is_empty() && rows.iter().all(|r| r.1 == Level::Error),
        "{rows:?}"
    );
}

#[test]
fn levels_of_the_configuration_hold() {
    let files = estate(&[user(&put()), bucket_policy(NEEDS_AES)]);
    let level = |level: Option<Level>| {
        let levels = [(MISSING.to_string(), level)].into();
        let report = analysis::run(
            &files,
            &Request {
                levels,
                ..Request::default()
            },
        );
        report.findings.iter().map(|f| f.level).collect::<Vec<_>>()
    };
    assert_eq!(level(Some(Level::Error)), [Level::Error]);
    assert_eq!(level(Some(Level::Note)), [Level::Note]);
    assert_eq!(level(None), []);
}
