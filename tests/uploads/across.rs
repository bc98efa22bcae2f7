//! Facts of one repository joined in the check of another: what both trees in one run would say.

use std::sync::Arc;

use iaclint::analysis::{self, Request, floors};
use iaclint::facts::exchange::{FactsError, Joined};
use iaclint::files::{Files, MemoryFiles};
use iaclint::report::{Report, json, place};
use iaclint::rule::{Finding, registry};

/// The facts of a tree, as another repository reads them.
fn facts(files: &MemoryFiles, repository: &str) -> String {
    analysis::facts(files, &Request::default(), repository)
}

fn joined(contents: &[&str]) -> Arc<Joined> {
    let mut joined = Joined::default();
    for content in contents {
        joined.add(content.as_bytes()).unwrap();
    }
    Arc::new(joined)
}

fn check(files: &MemoryFiles, facts: &Arc<Joined>) -> Report {
    let request = Request {
        facts: facts.clone(),
        ..Request::default()
    };
    analysis::run(files, &request)
}

/// A finding without its places.
fn words(finding: &Finding) -> String {
    let callers: Vec<String> = finding
        .callers
        .iter()
        .map(|w| {
            let line = |r: &Option<iaclint::rule::ShownRequest>| {
                r.as_ref()
                    .map_or("-".into(), |r| format!("{} {:?}", r.command, r.notes))
            };
            format!(
                "{} {} {} {}",
                w.address,
                w.path,
                line(&w.refused),
                line(&w.passes)
            )
        })
        .collect();
    format!(
        "{} {} {} {} {} {callers:?}",
        finding.rule,
        finding.level.name(),
        finding.outcome.name(),
        finding.message,
        finding.fingerprint
    )
}

fn sorted(findings: impl Iterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = findings.collect();
    out.sort();
    out
}

/// An organization policy without targets: everything concerns who declares it.
const OBSERVER: &str = r#"
resource "aws_organizations_policy" "o" {
  name    = "o"
  type    = "SERVICE_CONTROL_POLICY"
  content = jsonencode({ Version = "2012-10-17", Statement = [] })
}
"#;

#[test]
fn the_facts_of_a_page_say_what_its_sources_say() {
    let mut compared = 0;
    // Comments are no facts.
    let pages = registry::all()
        .iter()
        .filter(|p| p.name != "unused-suppression");
    for page in pages {
        for title in ["Denied", "Allowed"] {
            for example in page.examples(title) {
                let mut files = MemoryFiles::new();
                files.insert(example.path, example.text);
                let at_home = analysis::run(&files, &Request::default());
                // What a string of a workload gives away is no part of facts.
                if example.text.contains("environment") || example.text.contains("Environment") {
                    continue;
                }
                let mut observer = MemoryFiles::new();
                observer.insert("observer.tf", OBSERVER);
                let request = Request {
                    facts: joined(&[&facts(&files, "acme/platform")]),
                    ..Request::default()
                };
                let (sources, estate) = analysis::load(&observer, &request);
                let mut gaps = Vec::new();
                let pairs = floors::pairs(&estate, &sources, &mut gaps);
                let all = |_: &[iaclint::value::ScopeId]| true;
                let (found, decided) = floors::findings(&estate, &sources, pairs, &all, &mut gaps);
                let decided: Vec<_> = decided.into_iter().map(|d| d.what).collect();
                assert_eq!(
                    sorted(found.iter().map(|f| words(&f.what))),
                    sorted(at_home.findings.iter().map(words)),
                    "{} {title} {}",
                    page.name,
                    example.path
                );
                let list =
                    |d: &[iaclint::report::DecidedUpload]| {
                        sorted(d.iter().map(|d| {
                            format!("{} {} {} {:?}", d.caller, d.bucket, d.path, d.outcome)
                        }))
                    };
                assert_eq!(
                    list(&decided),
                    list(&at_home.decided),
                    "{} {title}",
                    page.name
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 200, "{compared} examples were compared");
}

/// Top-level blocks of a Terraform file.
fn blocks(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for line in text.lines() {
        let starts = line.contains('{') && !line.starts_with([' ', '}', ']', ')']);
        match out.last_mut() {
            Some(last) if !starts => last.push_str(&format!("{line}\n")),
            _ => out.push(format!("{line}\n")),
        }
    }
    out
}

/// The page's example as two roots: the callers with their policies, and the rest. The callers name buckets by
/// data sources. `None` where the halves hold on to each other otherwise.
fn halves(text: &str) -> Option<(String, String)> {
    let (callers, rest): (Vec<String>, Vec<String>) = blocks(text)
        .into_iter()
        .partition(|b| b.starts_with("resource \"aws_iam_"));
    let (mut app, platform) = (callers.concat(), rest.concat());
    let mut data = String::new();
    for block in &rest {
        let Some(name) = block
            .strip_prefix("resource \"aws_s3_bucket\" \"")
            .and_then(|b| b.split('"').next())
        else {
            continue;
        };
        let literal = block.lines().find_map(|l| {
            let value = l
                .trim()
                .strip_prefix("bucket")?
                .trim()
                .strip_prefix("= \"")?;
            value.strip_suffix('"')
        });
        let reference = format!("aws_s3_bucket.{name}.");
        if app.contains(&reference) {
            app = app.replace(&reference, &format!("data.{reference}"));
            data.push_str(&format!(
                "data \"aws_s3_bucket\" \"{name}\" {{\n  bucket = \"{}\"\n}}\n",
                literal?
            ));
        }
    }
    let providers = rest.iter().filter(|b| b.starts_with("provider "));
    let provider: String = providers.cloned().collect();
    let own = app
        .replace("data.aws_s3_bucket.", "")
        .replace("aws_iam_", "");
    let apart = !["aws_", "var.", "local."].iter().any(|w| own.contains(w))
        && !platform.contains("aws_iam_")
        && platform.contains("aws_s3_bucket")
        && !app.is_empty();
    app.push_str(&data);
    apart.then(|| (format!("{provider}{app}"), platform))
}

#[test]
fn the_halves_of_a_page_meet_across_repositories() {
    let (mut split, mut refused) = (0, 0);
    for page in registry::all() {
        for title in ["Denied", "Allowed"] {
            for example in page.examples(title) {
                let Some((app, platform)) =
                    halves(example.text).filter(|_| example.language == "hcl")
                else {
                    continue;
                };
                let mut both = MemoryFiles::new();
                both.insert("app/main.tf", app.as_str());
                both.insert("platform/main.tf", platform.as_str());
                let together = analysis::run(&both, &Request::default());
                let touches = |f: &&Finding| {
                    std::iter::once(&f.primary).chain(&f.steps).any(|s| {
                        let at = place::position(&together, s.place.span);
                        at.is_some_and(|p| p.path.starts_with("app/"))
                    })
                };
                let (mut one, mut other) = (MemoryFiles::new(), MemoryFiles::new());
                one.insert("app/main.tf", app.as_str());
                other.insert("platform/main.tf", platform.as_str());
                let apart = check(&one, &joined(&[&facts(&other, "acme/platform")]));
                assert_eq!(
                    sorted(apart.findings.iter().map(words)),
                    sorted(together.findings.iter().filter(touches).map(words)),
                    "{} {title}:\n{app}\n--\n{platform}",
                    page.name
                );
                for finding in &apart.findings {
                    assert!(
                        !finding.primary.place.span.file.is_elsewhere(),
                        "{}",
                        page.name
                    );
                    refused += usize::from(finding.refusing().place.span.file.is_elsewhere());
                }
                // The other half is checked too, with the facts of this one.
                let turned = check(&other, &joined(&[&facts(&one, "acme/app")]));
                for finding in &turned.findings {
                    assert!(
                        !finding.primary.place.span.file.is_elsewhere(),
                        "{}",
                        page.name
                    );
                }
                split += 1;
            }
        }
    }
    assert!(
        split >= 20 && refused >= 8,
        "{split} split, {refused} refused elsewhere"
    );
}

const STACK: &str = r#"
Resources:
  Logs:
    Type: AWS::S3::Bucket
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Logs
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Sid: NeedHeader
            Effect: Deny
            Principal: "*"
            Action: s3:PutObject
            Resource: !Sub "${Logs.Arn}/*"
            Condition:
              StringNotEquals:
                s3:x-amz-server-side-encryption: aws:kms
Outputs:
  LogsArn:
    Value: !GetAtt Logs.Arn
    Export:
      Name: logs-arn
  Secret:
    Value: not-for-others
    Export:
      Name: other
"#;

const CALLER: &str = r#"
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Action: sts:AssumeRole
            Principal:
              Service: lambda.amazonaws.com
      Policies:
        - PolicyName: put
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: s3:PutObject
                Resource: !Sub
                  - "${Arn}/*"
                  - Arn: !ImportValue logs-arn
"#;

#[test]
fn stacks_meet_by_exports_and_generated_names_keep_their_identity() {
    let (mut platform, mut app) = (MemoryFiles::new(), MemoryFiles::new());
    platform.insert("stack.yaml", STACK);
    app.insert("caller.yaml", CALLER);
    let content = facts(&platform, "acme/platform");
    assert!(!content.contains("not-for-others"), "{content}");
    assert_eq!(content, facts(&platform, "acme/platform"));
    let joined = joined(&[&content]);
    let report = check(&app, &joined);
    let rules: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
    assert_eq!(rules, ["bucket-policy-denies-missing-encryption-header"]);
    let document: serde_json::Value = serde_json::from_str(&json::render(&report)).unwrap();
    let finding = &document["findings"][0];
    assert_eq!(finding["location"]["path"], "caller.yaml");
    assert_eq!(finding["location"]["repository"], serde_json::Value::Null);
    let refusing = &finding["steps"][0]["location"];
    assert_eq!(
        (
            &refusing["repository"],
            &refusing["path"],
            &refusing["line"]
        ),
        (&"acme/platform".into(), &"stack.yaml".into(), &12.into())
    );
    assert_eq!(document["joined"][0]["buckets"], 1);
    assert_eq!(document["read"]["buckets"], 0);
    // The same template twice: a bucket of this repository with the same logical ID is another one.
    let mut twin = MemoryFiles::new();
    twin.insert(
        "stack.yaml",
        STACK.replace("s3:PutObject", "s3:GetObject").as_str(),
    );
    twin.insert(
        "caller.yaml",
        CALLER
            .replace("!ImportValue logs-arn", "!ImportValue elsewhere")
            .as_str(),
    );
    let report = check(&twin, &joined);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[test]
fn a_root_that_is_read_here_is_not_joined_too() {
    let (mut roots, mut one) = (MemoryFiles::new(), MemoryFiles::new());
    let page = registry::find("bucket-policy-denies-missing-encryption-header").unwrap();
    for example in page
        .examples("Denied")
        .iter()
        .filter(|e| e.language == "hcl")
    {
        roots.insert(&format!("a/{}", example.path), example.text);
        one.insert(&format!("a/{}", example.path), example.text);
    }
    roots.insert(
        "b/main.tf",
        "resource \"aws_s3_bucket\" \"x\" {\n  bucket = \"x\"\n}\n",
    );
    let request = Request {
        facts: joined(&[&facts(&roots, "acme/infra")]),
        repository: Some("acme/infra".into()),
        ..Request::default()
    };
    let alone = analysis::run(&one, &Request::default());
    let report = analysis::run(&one, &request);
    assert_eq!(
        sorted(report.findings.iter().map(words)),
        sorted(alone.findings.iter().map(words))
    );
    assert_eq!(report.decided, alone.decided);
    assert_eq!(report.joined[0].read.buckets, 1);
}

#[test]
fn secrets_scripts_and_expressions_stay_at_home() {
    let mut files = MemoryFiles::new();
    files.insert("main.tf", r##"
variable "token" {
  sensitive = true
  default   = "hunter2-secret"
}
variable "mode" {}
resource "aws_s3_bucket" "b" {
  bucket = "example-b"
  tags   = { Token = var.token }
}
resource "aws_iam_role" "r" {
  name               = "r"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
}
resource "aws_iam_instance_profile" "r" {
  role = aws_iam_role.r.name
}
resource "aws_instance" "i" {
  iam_instance_profile = aws_iam_instance_profile.r.name
  user_data            = "#!/bin/sh\nexport PASSWORD=plain-secret\naws s3 cp /tmp/x s3://example-b/in/x --acl public-read\n"
}
resource "aws_iam_role_policy" "r" {
  role = aws_iam_role.r.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "s3:PutObject", Resource = "${aws_s3_bucket.b.arn}/*" },
    { Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::x/${var.token}/*" },
  ] })
}
resource "aws_s3_bucket_policy" "b" {
  count  = var.mode == "strict-mode" ? 1 : 0
  bucket = aws_s3_bucket.b.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [] })
}
"##);
    let content = facts(&files, "acme/app");
    for secret in ["hunter2", "plain-secret", "PASSWORD", "strict-mode"] {
        assert!(!content.contains(secret), "{secret} in {content}");
    }
    assert!(content.contains("a sensitive value is left out"));
    // The upload that the script shows is a fact.
    assert!(content.contains("public-read"), "{content}");
    let (_, estate) = analysis::load(
        &MemoryFiles::new(),
        &Request {
            facts: joined(&[&content]),
            ..Request::default()
        },
    );
    assert_eq!(estate.shown.len(), 1);
}

#[test]
fn damaged_and_hostile_facts_are_refused_or_made_harmless() {
    let mut platform = MemoryFiles::new();
    platform.insert("stack.yaml", STACK);
    let content = facts(&platform, "acme/platform");
    let add = |content: &str| Joined::default().add(content.as_bytes());
    assert_eq!(add(&content), Ok(()));
    assert!(matches!(add("nonsense"), Err(FactsError::NotFacts(_))));
    assert!(matches!(add("{}"), Err(FactsError::NotFacts(_))));
    let newer = content.replacen("\"version\": 1", "\"version\": 99", 1);
    let message = add(&newer).unwrap_err().to_string();
    assert!(
        message.contains("facts of version 99") && message.contains("reads 1"),
        "{message}"
    );
    for (from, to) in [
        ("\"acme/platform\"", "\"../../etc\""),
        ("\"acme/platform\"", "\"a\\u001b[31mb\""),
        ("[\"stack.yaml\",", "[\"/etc/passwd\","),
        ("\"scope\":0", "\"scope\":7"),
        ("\"at\":[0,", "\"at\":[9,"),
        ("\"at\":[0,", "\"at\":[-1,"),
        ("\"type\":\"bucket\"", "\"type\":\"unheard-of\""),
        ("\"format\":\"cloudformation\"", "\"format\":\"pulumi\""),
        ("\"declarations\": [", "\"declarations\": [[],"),
    ] {
        assert!(content.contains(from), "{from} in {content}");
        let result = add(&content.replacen(from, to, 1));
        assert!(
            matches!(result, Err(FactsError::Damaged(_))),
            "{to}: {result:?}"
        );
    }
    // One byte changed anywhere: an answer, whatever it is.
    let mut app = MemoryFiles::new();
    app.insert("caller.yaml", CALLER);
    for at in (0..content.len()).step_by(61) {
        for byte in [b'0', b'"', b'x', b'9'] {
            let mut bytes = content.clone().into_bytes();
            bytes[at] = byte;
            let mut joined = Joined::default();
            if joined.add(&bytes) == Ok(()) {
                check(&app, &Arc::new(joined));
            }
        }
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(matches!(add(&deep), Err(FactsError::NotFacts(_))));
    // A literal that spells a symbol of this repository is no symbol.
    let forged = content
        .replace("\"acme/platform\"", "\"evil\"")
        .replace("NeedHeader", "\\u001b]8;;http://x\\u0007\\u202eSid");
    let mut app = MemoryFiles::new();
    app.insert("caller.yaml", CALLER);
    let report = check(&app, &joined(&[&forged]));
    for text in [
        iaclint::report::text::render(&report, &Default::default()),
        iaclint::report::github::render(&report),
        iaclint::report::markdown::render(&report),
    ] {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text}");
    }
    let spelled = "\\u00010aBucket\\u0002Arn\\u0003";
    assert!(app.is_file("caller.yaml"));
    assert_eq!(add(&content.replace("NeedHeader", spelled)), Ok(()));
    let text = iaclint::value::Text::literal("\u{1}0aBucket\u{2}Arn\u{3}");
    assert_eq!(text.identity(), None);
}
