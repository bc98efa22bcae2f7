//! Small Terraform estates in strings, and the ways to ask them: a whole run, or one upload by hand.

use iaclint::analysis::{self, Request};
use iaclint::decision::{AccountRelation, Principal, Reading};
use iaclint::files::MemoryFiles;
use iaclint::report::Report;
use iaclint::rule::{Level, name, request};
use iaclint::upload::attempt::Journey;
use iaclint::upload::calls::{Draft, Sent};
use iaclint::upload::decide::principal_of;
use iaclint::upload::pairs::pairs;
use iaclint::upload::{Route, Uploader};
use iaclint::value::Text;

/// Two accounts and the bucket `example-b` in the first of them.
const BASE: &str = r#"
provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["111122223333"]
}
provider "aws" {
  alias               = "partner"
  region              = "eu-west-1"
  allowed_account_ids = ["444455556666"]
}
resource "aws_s3_bucket" "b" {
  bucket = "example-b"
}
"#;

pub const OBJECTS: &str = "${aws_s3_bucket.b.arn}/*";
pub const PARTNER: &str = "arn:aws:iam::444455556666:role/x";
pub const KEY: &str = "${aws_kms_key.k.arn}";
pub const ROOT: &str = r#"{ Sid = "Root", Effect = "Allow", Principal = { AWS = "arn:aws:iam::111122223333:root" }, Action = "kms:*", Resource = "*" }"#;

/// The files of an estate: the base and the parts.
pub fn estate(parts: &[String]) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    files.insert("main.tf", format!("{BASE}{}", parts.concat()));
    files
}

/// A policy of these statements.
pub fn policy(statements: &str) -> String {
    format!("jsonencode({{\n Version = \"2012-10-17\"\n Statement = [{statements}]\n}})")
}

pub fn bucket_policy(statements: &str) -> String {
    format!(
        "resource \"aws_s3_bucket_policy\" \"b\" {{\n bucket = aws_s3_bucket.b.id\n policy = {}\n}}\n",
        policy(statements)
    )
}

/// An Allow of an identity policy.
pub fn allow(actions: &str, resource: &str) -> String {
    format!("{{ Effect = \"Allow\", Action = [{actions}], Resource = \"{resource}\" }}")
}

/// `s3:PutObject` on the objects of the bucket.
pub fn put() -> String {
    allow("\"s3:PutObject\"", OBJECTS)
}

/// The user `u` of the bucket's account.
pub fn user(statements: &str) -> String {
    format!(
        "resource \"aws_iam_user\" \"u\" {{\n name = \"u\"\n}}\nresource \"aws_iam_user_policy\" \"u\" {{\n user = aws_iam_user.u.name\n policy = {}\n}}\n",
        policy(statements)
    )
}

/// A role that a service assumes; `more` is the rest of its block.
pub fn role(service: &str, more: &str, statements: &str) -> String {
    let trust = policy(&format!(
        "{{ Effect = \"Allow\", Action = \"sts:AssumeRole\", Principal = {{ Service = \"{service}\" }} }}"
    ));
    format!(
        "resource \"aws_iam_role\" \"r\" {{\n name = \"r\"\n assume_role_policy = {trust}\n{more}\n}}\nresource \"aws_iam_role_policy\" \"r\" {{\n role = aws_iam_role.r.id\n policy = {}\n}}\n",
        policy(statements)
    )
}

/// The role `x` of the other account.
pub fn partner(statements: &str) -> String {
    let trust = policy(
        "{ Effect = \"Allow\", Action = \"sts:AssumeRole\", Principal = { Service = \"lambda.amazonaws.com\" } }",
    );
    format!(
        "resource \"aws_iam_role\" \"x\" {{\n provider = aws.partner\n name = \"x\"\n assume_role_policy = {trust}\n}}\nresource \"aws_iam_role_policy\" \"x\" {{\n provider = aws.partner\n role = aws_iam_role.x.id\n policy = {}\n}}\n",
        policy(statements)
    )
}

/// The bucket policy's Allow for the role of the other account.
pub fn admit_partner() -> String {
    format!(
        "{{ Sid = \"Partner\", Effect = \"Allow\", Principal = {{ AWS = \"{PARTNER}\" }}, Action = [\"s3:PutObject\", \"s3:PutObjectAcl\"], Resource = \"{OBJECTS}\" }}"
    )
}

pub fn ownership(value: &str) -> String {
    format!(
        "resource \"aws_s3_bucket_ownership_controls\" \"b\" {{\n bucket = aws_s3_bucket.b.id\n rule {{\n  object_ownership = \"{value}\"\n }}\n}}\n"
    )
}

/// Default encryption; `key` is the line that names one, `more` the rest of the rule.
pub fn encryption(algorithm: &str, key: &str, more: &str) -> String {
    format!(
        "resource \"aws_s3_bucket_server_side_encryption_configuration\" \"b\" {{\n bucket = aws_s3_bucket.b.id\n rule {{\n  apply_server_side_encryption_by_default {{\n   sse_algorithm = \"{algorithm}\"\n   {key}\n  }}\n  {more}\n }}\n}}\n"
    )
}

/// The key `k`, with which the bucket encrypts by default.
pub fn key(statements: &str, bucket_key: bool) -> String {
    format!(
        "resource \"aws_kms_key\" \"k\" {{\n description = \"k\"\n policy = {}\n}}\n{}",
        policy(statements),
        encryption(
            "aws:kms",
            "kms_master_key_id = aws_kms_key.k.arn",
            &format!("bucket_key_enabled = {bucket_key}")
        )
    )
}

/// A VPC with a gateway endpoint of this policy.
pub fn endpoint(statements: &str) -> String {
    format!(
        "resource \"aws_vpc\" \"v\" {{\n cidr_block = \"10.0.0.0/16\"\n}}\nresource \"aws_route_table\" \"v\" {{\n vpc_id = aws_vpc.v.id\n}}\nresource \"aws_vpc_endpoint\" \"e\" {{\n vpc_id = aws_vpc.v.id\n service_name = \"com.amazonaws.eu-west-1.s3\"\n route_table_ids = [aws_route_table.v.id]\n policy = {}\n}}\n",
        policy(statements)
    )
}

pub fn run(files: &MemoryFiles) -> Report {
    analysis::run(files, &Request::default())
}

/// Rules above a note, in order, each once.
pub fn loud(report: &Report) -> Vec<&'static str> {
    let mut rules: Vec<&str> = report
        .findings
        .iter()
        .filter(|f| f.level > Level::Note)
        .map(|f| f.rule)
        .collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// Headers of a request by hand; `multipart` is a word of its own.
pub fn draft(words: &[(&str, &str)]) -> Draft {
    let mut draft = Draft::plain(Some(Text::literal("k/1")));
    for (name, value) in words {
        match *name {
            "multipart" => draft.multipart = true,
            name => draft.set(name, Sent::Value(Text::literal(*value))),
        }
    }
    draft
}

/// What becomes of one upload: `allowed`, `depends`, or the rules that refuse it.
pub fn play(files: &MemoryFiles, who: &str, headers: &[(&str, &str)]) -> String {
    let (sources, estate) = analysis::load(files, &Request::default());
    let all = pairs(&estate, &sources.scopes, &mut Vec::new());
    let anonymous = who == "anonymous";
    let pair = all
        .iter()
        .find(|p| anonymous || request::who(&estate, &p.uploader) == who);
    let (uploader, principal, relation) = match pair {
        _ if anonymous => (
            Uploader::Deployer {
                account: Text::literal(""),
            },
            Principal::Anonymous,
            AccountRelation::Cross,
        ),
        Some(pair) => (
            pair.uploader.clone(),
            principal_of(&estate, &pair.uploader),
            pair.relation,
        ),
        None => return format!("no grant to {who}"),
    };
    let caller = match &uploader {
        Uploader::Declared(index) => estate.callers.get(*index),
        _ => None,
    };
    let route = if estate.endpoints.is_empty() {
        Route::Internet
    } else {
        Route::Endpoint(0)
    };
    let journey = Journey::new(
        &estate,
        uploader.clone(),
        principal,
        caller,
        &estate.buckets[0],
        route,
        relation,
    );
    let draft = draft(headers);
    let best = journey.play(&draft, Reading::Favourable);
    let mut rules: Vec<&str> = best
        .causes
        .iter()
        .map(|(cause, _)| name::name(cause, &uploader))
        .collect();
    rules.sort_unstable();
    rules.dedup();
    if !rules.is_empty() {
        rules.join(", ")
    } else if journey.play(&draft, Reading::Unfavourable).allowed {
        "allowed".into()
    } else {
        "depends".into()
    }
}
